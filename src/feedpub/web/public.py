"""a subscriber's request -> a feed file, or where it went."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from feedpub.errors import FeedpubError
from feedpub.feeds.moves import ENDINGS, Gone, Signposts, where
from feedpub.web.conditional import Conditions, Validators, verdict
from feedpub.web.files import FEEDS, KINDS, Output, member, path_of
from feedpub.web.replies import GUARDS, live, sentence

log = structlog.get_logger("feedpub")

_LATER = "This feed cannot be read just now; it will be back."
_STYLED = frozenset({".rss", ".atom"})
"""What feed.css makes readable."""
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})


def public_app(
    root: Path,
    base_url: str = "",
    signposts: Callable[[], Signposts] = Signposts,
    *,
    now: Callable[[], float] = time.time,
) -> Starlette:
    """Serve the output directory `root` below the path of `base_url`, and /health/live.

    `signposts` is asked with every request for a feed; `now` is in seconds since 1970.
    """
    output, prefix = Output(root), path_of(base_url)
    base = _uri(f"{base_url.rstrip('/')}/")

    def answer(request: Request) -> Response:
        path: str = request.scope["path"]
        if prefix != "/" and path in {"/", prefix[:-1]}:
            return Response(status_code=307, headers=GUARDS | {"Location": quote(prefix)})
        parts = member(path, prefix)
        if parts is None:
            return sentence(404, "There is no such feed.")
        try:
            content, validators = output.read(parts, now())
        except OSError as error:
            if error.errno in _ABSENT and root.is_dir():
                output.forget(parts)
                return _elsewhere("/".join(parts), base, signposts)
            # Not 404: a reader that is told so may drop the subscription.
            log.warning("feed_not_read", file="/".join(parts), why=error.strerror)
            return sentence(503, _LATER)
        reply = _file(request, parts[-1], content, validators, now())
        if reply.status_code == 200 and base_url and (links := _links("/".join(parts), base, signposts)):
            reply.headers["Link"] = links
        return reply

    return Starlette(routes=[Route("/health/live", live), Route("/{path:path}", answer)])


def _file(request: Request, name: str, content: bytes, validators: Validators, now: float) -> Response:
    """The answer to a GET or HEAD of a file that is there."""
    status = verdict(validators, _conditions(request), now)
    if status == 412:
        return sentence(412, "The feed is no longer the one you asked for.")
    kind = PurePosixPath(name).suffix
    headers = GUARDS | {"ETag": validators.etag, "Cache-Control": "no-cache"}
    if validators.modified is not None:
        headers["Last-Modified"] = formatdate(validators.modified, usegmt=True)
    if kind in FEEDS:
        headers["Access-Control-Allow-Origin"] = "*"  # readers that live in a browser
    if kind in _STYLED:
        headers["Vary"] = "Sec-Fetch-Dest"
    if status == 304:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers | {"Content-Type": _content_type(request, kind)})


def _content_type(request: Request, kind: str) -> str:
    """A feed's own type for readers; for a page in a browser, which shows that as bare text or saves it, XML's."""
    if kind in _STYLED and request.headers.get("sec-fetch-dest") == "document":
        return "application/xml; charset=utf-8"
    return KINDS[kind]


def _elsewhere(path: str, base: str, signposts: Callable[[], Signposts]) -> Response:
    """The answer where no file stands: where the feed went, if one stood here."""
    try:
        end = where(path, signposts().moved)
    except FeedpubError:
        return sentence(503, _LATER)
    if end is None:
        return sentence(404, "There is no such feed.")
    if isinstance(end, Gone):
        return sentence(410, "This feed has ended, and will not come back.")
    return Response(status_code=301, headers=GUARDS | {"Location": base + end, "Cache-Control": "no-cache"})


def _links(path: str, base: str, signposts: Callable[[], Signposts]) -> str:
    """What a feed's file is, and which hubs announce it, as a Link field (RFC 8288); nothing for other files."""
    address, _, ending = path.rpartition(".")
    if ending not in ENDINGS:
        return ""
    links = [(base + quote(path), "self")]
    with suppress(FeedpubError):  # readers poll as well: better the feed without its hubs than no feed
        links += [(_uri(hub), "hub") for hub in signposts().hubs.get(address, ())]
    return ", ".join(f'<{url}>; rel="{relation}"' for url, relation in links)


def _uri(url: str) -> str:
    """Write an address with no sign that could end it, or the header that it stands in."""
    return quote(url, safe="%/?#[]@:!$&'()*+,;=~", errors="replace")


def _conditions(request: Request) -> Conditions:
    def tags(name: str) -> str | None:
        return ", ".join(said) if (said := request.headers.getlist(name)) else None

    def date(name: str) -> str | None:
        return said[0] if len(said := request.headers.getlist(name)) == 1 else None

    return Conditions(tags("if-match"), tags("if-none-match"), date("if-modified-since"), date("if-unmodified-since"))
