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

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from feedpub.app import App
from feedpub.web.admin.access import Access, Doorstep, Guarded, Session
from feedpub.web.admin.health import health
from feedpub.web.admin.login import login, logout

__all__ = ["Access", "Session", "admin_app", "health"]


def admin_app(app: App, access: Access) -> ASGIApp:
    """Answer at the admin address. What stands in no list of open routes needs a session."""
    inner = Starlette(routes=[*logout(access)])
    opened = [*health(app), *login(lambda: app.settings.site, access)]
    return Doorstep(Starlette(routes=[*opened, Mount("/", Guarded(inner, access))]), access)
