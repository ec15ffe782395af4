"""an app -> the pages that its admins see after a login, and what they can do there. All works without scripts.

showing.py     PURE: moments, lengths, states -> how people of the site read them
forms.py       PURE: what a browser sent -> values
answers.py     a view -> a page; what came of an action is told on the page it was begun on
overview.py    is all well? problems, stores, targets, the last deliveries
deliveries.py  the list with its filters; retry, cancel, release
targets.py     one target; pause, resume
feeds.py       what each feed carries, and its files
config.py      the config in force, without secrets
write.py       a brief, an article announced, a poll asked for
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from feedpub.app import App
from feedpub.feeds.templates import PAGES
from feedpub.web.admin.pages.answers import Answers, Page
from feedpub.web.admin.pages.config import config
from feedpub.web.admin.pages.deliveries import decide as decide_deliveries
from feedpub.web.admin.pages.deliveries import deliveries
from feedpub.web.admin.pages.feeds import feeds
from feedpub.web.admin.pages.overview import overview
from feedpub.web.admin.pages.targets import decide as decide_target
from feedpub.web.admin.pages.targets import target
from feedpub.web.admin.pages.write import announce, announcing, brief, poll, write

__all__ = ["STYLE", "pages", "style"]

_STYLE = (files("feedpub") / "templates" / "admin" / "admin.css").read_bytes()
STYLE = f"/admin.css?{hashlib.sha256(_STYLE).hexdigest()[:12]}"
"""Where the style sheet of all admin pages is: another address for another one, so that browsers may keep it."""
PAGES.globals["style"] = STYLE


def pages(app: App) -> Sequence[BaseRoute]:
    """Every page and every action. A handler finds `request.state.session`, and `request.state.form` with a POST."""
    answers = Answers(app)

    def route(path: str, page: Page, method: str = "GET") -> BaseRoute:
        return Route(path, answers.whole(page), methods=[method])

    return [
        route("/", overview),
        route("/deliveries", deliveries),
        route("/deliveries", decide_deliveries, "POST"),
        route("/targets/{name}", target),
        route("/targets/{name}", decide_target, "POST"),
        route("/feeds", feeds),
        route("/config", config),
        route("/write", write),
        route("/brief", brief, "POST"),
        route("/announce", announcing),
        route("/announce", announce, "POST"),
        route("/poll", poll, "POST"),
        Route("/admin.css", style),
        route("/{path:path}", _missing),
    ]


async def style(_: Request) -> Response:
    """The style sheet. It tells nothing: it may stand before the login too."""
    return Response(_STYLE, headers={"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=31536000"})


def _missing(request: Request, answers: Answers) -> Response:
    return answers.missing(request)
