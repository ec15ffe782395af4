"""Serving: public_app (feed files and /health/live), admin_app (/health/ready), and Server, which runs either."""

from feedpub.web.admin import admin_app
from feedpub.web.fronts import Fronts
from feedpub.web.public import public_app
from feedpub.web.server import Server, parse_listen

__all__ = ["Fronts", "Server", "admin_app", "parse_listen", "public_app"]
