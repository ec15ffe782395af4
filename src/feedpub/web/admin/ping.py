"""a ping, with a proof -> stores polled now.

A blog sends XML-RPC to an address that holds a secret (`feedpub ping-url`): it can send no other proof. A script sends
the token, or that secret, as `Authorization: Bearer` or as the field `token` of a form.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from feedpub.errors import FeedpubError
from feedpub.settings import Settings
from feedpub.web.admin import weblog
from feedpub.web.admin.access import CLOSED, Access, told
from feedpub.web.admin.bodies import Refusal, body, fields, first
from feedpub.web.admin.calm import Calm

log = structlog.get_logger("feedpub")

_MOST_BYTES = 64 * 1024
_WRONG = "This is not the proof that is asked for: `feedpub ping-url` tells the address for pings, with its secret."


class Polled(Protocol):
    """What pings have polled: an App."""

    settings: Settings

    def poll_now(self, store: str = "") -> tuple[str, ...]:
        """Have a store polled, or all."""
        ...


def ping(app: Polled, access: Access, calm: Calm) -> list[BaseRoute]:
    """Take pings: of blogs at an address with the secret in it, of anybody who proves to know it or the token."""

    async def take(request: Request) -> Response:
        if request.method != "POST":
            return told(405, "Pings are sent here by POST; to look at this address does nothing.")
        sent = b""
        try:
            sent = await body(request, _MOST_BYTES)
            is_xml = _is_xml(request, sent)
            said = {} if is_xml else fields(sent)
            _prove(request, access, first(said, "token"))
        except Refusal as refusal:
            refused = _refused(refusal, xml=_is_xml(request, sent))
            if refusal.status == 429:
                refused.headers["Retry-After"] = str(
                    math.ceil(access.knocks.wait(_whence(request), access.steady())) or 1
                )
            return refused
        return await (_by_xml(request, sent) if is_xml else _by_form(request, said))

    async def _by_xml(request: Request, sent: bytes) -> Response:
        try:
            names = weblog.meant(weblog.addresses(sent), _addresses(app))
            await run_in_threadpool(_ask, request, calm, names)
        except (ValueError, FeedpubError) as error:
            return _xml(str(error), error=True)
        return _xml(f"Thank you; to be polled: {', '.join(names)}.")

    async def _by_form(request: Request, said: Mapping[str, Iterable[str]]) -> Response:
        stores, urls = tuple(said.get("store", ())), tuple(said.get("url", ()))
        known = _addresses(app)
        if unknown := [one for one in stores if one not in known]:
            return told(404, f"There is no store {unknown[0]!a}; the config has {', '.join(sorted(known))}.")
        names = stores or weblog.meant(urls, known)
        try:
            await run_in_threadpool(_ask, request, calm, names)
        except FeedpubError as error:
            return told(503, str(error))
        return told(202, f"To be polled: {', '.join(names)}.")

    # Looking, and whatever was copied along with the secret, too: the login of the pages would be told of it.
    return [Route(path, take, methods=["GET", "POST"]) for path in ("/ping", "/ping/{secret:path}")]


def _ask(request: Request, calm: Calm, names: Iterable[str]) -> None:
    if asked := calm.ask(names):
        log.info("pinged", stores=list(asked), address=_whence(request))


def _prove(request: Request, access: Access, field: str) -> None:
    """Raise Refusal unless the request holds what proves that it may ask."""
    if access.keys is None:
        raise Refusal(503, CLOSED)
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    in_path = request.path_params.get("secret", "").rstrip("/")
    said = bearer.strip() if scheme.lower() == "bearer" else field
    # The secret of an address is made by us, and beyond guessing: a blog that has an old one keeps nobody else waiting.
    if in_path and access.keys.is_ping(in_path):
        return
    if said:
        if access.knocks.wait(_whence(request), access.steady()):
            raise Refusal(429, "There were too many wrong proofs; try again in a few seconds.")
        if access.keys.pings(said):
            access.knocks.right(_whence(request))
            return
        access.knocks.wrong(_whence(request), access.steady())
    raise Refusal(403, _WRONG)


def _addresses(app: Polled) -> dict[str, str]:
    """Every store, and where it lies; empty for one that is no place on the web."""
    found = {name: getattr(options, "url", "") for name, options in app.settings.stores.items()}
    return {name: url if isinstance(url, str) else "" for name, url in found.items()}


def _whence(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_xml(request: Request, sent: bytes) -> bool:
    return "xml" in request.headers.get("content-type", "").lower() or sent.lstrip()[:1] == b"<"


def _refused(refusal: Refusal, *, xml: bool) -> Response:
    return _xml(refusal.sentence, error=True) if xml else told(refusal.status, refusal.sentence)


def _xml(message: str, *, error: bool = False) -> Response:
    """Answer as XML-RPC does: with 200, whatever came of it."""
    return Response(weblog.answer(message, error=error), media_type="text/xml; charset=utf-8")
