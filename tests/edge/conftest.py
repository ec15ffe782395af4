"""What tests through the front door can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.front_door import Launcher, Site
from tests.edge.newsroom import make

__all__ = ["make"]


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """One for the session: it has imported feedpub."""
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        yield launcher


@pytest.fixture
def site(tmp_path: Path, launcher: Launcher) -> Iterator[Site]:
    """A folder of its own, without a config yet; whatever runs in it is ended afterwards."""
    site = Site(tmp_path / "site", launcher)
    site.folder.mkdir()
    yield site
    site.stop_all()
