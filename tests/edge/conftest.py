"""What tests through the front door can ask for."""

from __future__ import annotations

from tests.edge.front_door import launcher, site
from tests.edge.newsroom import make

__all__ = ["launcher", "make", "site"]
