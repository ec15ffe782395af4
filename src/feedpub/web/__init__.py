"""Serving: public_app (feed files and /health/live), admin_app (what admins see), and Server, which runs either."""

from feedpub.web.admin import Access, admin_app, health
from feedpub.web.fronts import Fronts
from feedpub.web.public import public_app
from feedpub.web.server import Server, parse_listen

__all__ = ["Access", "Fronts", "Server", "admin_app", "health", "parse_listen", "public_app"]
