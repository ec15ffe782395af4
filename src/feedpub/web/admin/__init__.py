"""an admin's request -> health, metrics, pings and, after a login, pages; on an address of its own, never the public's.

keys.py      PURE: the token -> sessions, their forms, and the secret for pings
token.py     the token's file
tries.py     PURE: how long who guessed wrong has to wait
bodies.py    a request's body and form, within limits
access.py    who asks, and whether they may
login.py     the login
health.py    what is wrong, for monitoring
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from feedpub.app import App
from feedpub.web.admin.access import Access, Doorstep, Guarded, Session
from feedpub.web.admin.health import health
from feedpub.web.admin.login import login, logout

__all__ = ["Access", "Session", "admin_app", "guarded", "health"]


def admin_app(app: App, access: Access) -> ASGIApp:
    """Answer at the admin address."""
    return guarded([*health(app), *login(lambda: app.settings.site, access)], [], access)


def guarded(opened: Sequence[BaseRoute], pages: Sequence[BaseRoute], access: Access) -> ASGIApp:
    """Answer what stands among the open routes to anybody, and everything else only after a login."""
    inside = Guarded(Starlette(routes=[*pages, *logout(access)]), access)
    return Doorstep(Starlette(routes=[*opened, Mount("/", inside)]), access)
