"""an admin's request -> health, metrics, pings and, after a login, pages; on an address of its own, never the public's.

keys.py      PURE: the token -> sessions, their forms, and the secret for pings
token.py     the token's file
tries.py     PURE: how long who guessed wrong has to wait
bodies.py    a request's body and form, within limits
access.py    who asks, and whether they may
login.py     the login
health.py    what is wrong, for monitoring
pages/       what admins see, and what they can do there
weblog.py    PURE: what a blog's ping is about, and the answer to it
ping.py      pings, each with its proof
calm.py      many pings -> few polls
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from feedpub.app import App
from feedpub.web.admin.access import Access, Doorstep, Guarded, Session
from feedpub.web.admin.calm import Calm
from feedpub.web.admin.health import health
from feedpub.web.admin.login import login, logout
from feedpub.web.admin.pages import pages
from feedpub.web.admin.ping import ping

__all__ = ["Access", "Calm", "Session", "admin_app", "guarded", "health"]


def admin_app(app: App, access: Access, calm: Calm | None = None) -> ASGIApp:
    """Answer at the admin address. `calm` passes pings on."""
    pings = ping(app, access, calm or Calm(app.poll_now))
    return guarded([*health(app), *pings, *login(lambda: app.settings.site, access)], pages(app), access)


def guarded(opened: Sequence[BaseRoute], behind: Sequence[BaseRoute], access: Access) -> ASGIApp:
    """Answer what stands among the open routes to anybody, and everything else only after a login."""
    inside = Guarded(Starlette(routes=[*behind, *logout(access)]), access)
    return Doorstep(Starlette(routes=[*opened, Mount("/", inside)]), access)
