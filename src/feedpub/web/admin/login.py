"""the admin's token, typed into a page -> a session; and its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.resources import files
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from feedpub.feeds.templates import PAGES
from feedpub.feeds.texts import language_tag, line, words
from feedpub.model import Site
from feedpub.web.admin.access import CLOSED, Access, is_https, local, refuse_foreign, told
from feedpub.web.admin.bodies import Refusal, first, form
from feedpub.web.admin.keys import SESSION_SECONDS

log = structlog.get_logger("feedpub")

_STYLE: Final = "\n".join(
    (files("feedpub") / "templates" / name).read_text("utf-8") for name in ("page.css", "login.css")
)


def login(site: Callable[[], Site], access: Access) -> list[BaseRoute]:
    """Show the page that asks for the token, and its style; take what is typed into it."""

    def page(then: str, status: int = 200, wrong: str = "", **facts: object) -> Response:
        own, lang = words(site().language, "login"), words(site().language)["lang"]
        shown = PAGES.get_template("login.html").render(
            t=own,
            lang=lang,
            site_lang=language_tag(site().language),
            site=line(site().title),
            wrong=wrong and own[wrong].format(**facts),
            then=then,
        )
        return HTMLResponse(shown, status)

    async def answer(request: Request) -> Response:
        if access.keys is None:
            return told(503, CLOSED)
        if request.method == "POST":
            return await enter(request)
        then = local(request.query_params.get("then", "/"))
        if access.session(request) is not None:
            return RedirectResponse(then, 303)
        return page(then)

    async def enter(request: Request) -> Response:
        try:
            refuse_foreign(request)
            said = await form(request)
        except Refusal as refusal:
            return told(refusal.status, refusal.sentence)
        then, whence = local(first(said, "then")), request.client.host if request.client else ""
        if wait := access.logins.wait(whence, access.steady()):
            seconds = math.ceil(wait)
            late = page(then, 429, "later", seconds=seconds)
            late.headers["Retry-After"] = str(seconds)
            return late
        if access.keys is None or not access.keys.opens(first(said, "token").strip()):
            access.logins.wrong(whence, access.steady())
            log.warning("login_refused", address=whence)
            return page(then, 403, "wrong")
        access.logins.right(whence)
        log.info("login", address=whence)
        return _let_in(request, access, then)

    return [Route("/login", answer, methods=["GET", "POST"]), Route("/login.css", _style)]


def _let_in(request: Request, access: Access, then: str) -> Response:
    _, cookie = access.begin()
    answer = RedirectResponse(then, 303)
    answer.set_cookie(
        access.cookie(request),
        cookie,
        max_age=SESSION_SECONDS,
        path="/",
        secure=is_https(request),
        httponly=True,
        samesite="strict",
    )
    return answer


async def _style(_: Request) -> Response:
    return Response(_STYLE, media_type="text/css")


def logout(access: Access) -> list[BaseRoute]:
    """End the session: behind the guard, as any form."""

    async def leave(request: Request) -> Response:
        access.end(request.state.session)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(
            access.cookie(request), path="/", secure=is_https(request), httponly=True, samesite="strict"
        )
        return answer

    return [Route("/logout", leave, methods=["POST"])]
