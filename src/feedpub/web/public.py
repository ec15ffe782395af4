"""a subscriber's request -> a feed file, or where it went."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path, PurePosixPath
from typing import Final, Literal
from urllib.parse import quote, unquote_to_bytes

import structlog
from starlette.types import Receive, Scope, Send

from feedpub.errors import FeedpubError
from feedpub.feeds.freshness import cache_control, fresh_for
from feedpub.feeds.moves import ENDINGS, Gone, Signposts, where
from feedpub.web.addresses import wordpress
from feedpub.web.asking import Asked
from feedpub.web.conditional import Conditions, Validators, verdict
from feedpub.web.encodings import TOKENS, Coding, choose
from feedpub.web.files import FEEDS, KINDS, Output, Parts, Standing, member, path_of
from feedpub.web.replies import GUARDS, Reply, reply, told

log = structlog.get_logger("feedpub")

_LATER: Final = "This feed cannot be read just now; it will be back."
_STYLED: Final = frozenset({".rss", ".atom"})
"""What feed.css makes readable."""
_PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif"})
"""What has no compressed siblings: it is compressed already."""
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
_METHODS: Final = "GET, HEAD, OPTIONS"
_FOR_BROWSERS: Final = {  # readers that live in a page of their own
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Last-Modified",
}
_PREFLIGHT: Final = {
    "Allow": _METHODS,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, If-Modified-Since",
    "Access-Control-Max-Age": "86400",
}
_CONDITIONS: Final = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
_NOWHERE: Final = Signposts()
_READERS: Final = 4
"""Threads that wait for disks."""
_PLACES: Final = 4096
"""Targets whose meaning is kept at most."""
_LONGEST: Final = 300
"""Letters of a target whose meaning is kept: of whole lines of nonsense, many would fill the memory."""

_LIVE: Final = told(200, "ok")
_NOT_ALLOWED: Final = told(405, "Feeds can only be read.", {"Allow": _METHODS})
_NO_FEED: Final = told(404, "There is no such feed.")
_PREFLIGHTED: Final = reply(204, GUARDS | _PREFLIGHT)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a target means: a file below the output directory."""

    parts: Parts
    kind: str

    @property
    def path(self) -> str:
        return "/".join(self.parts)


class Public:
    """The output directory as subscribers see it, and /health/live."""

    largest_body: Final = 0
    """Feeds are asked for without one."""

    def __init__(
        self,
        root: Path,
        base_url: str,
        signposts: Callable[[], Signposts],
        *,
        fresh: timedelta,
        wordpress: bool,
        now: Callable[[], float],
    ) -> None:
        self._root, self._output, self._prefix = root, Output(root), path_of(base_url)
        self._base = _uri(f"{base_url.rstrip('/')}/")
        self._named = bool(base_url)
        self._ask_signposts, self._posts, self._asked_in_vain = signposts, _NOWHERE, False
        self._fresh, self._wordpress, self._now = fresh, wordpress, now
        self._places: dict[str, _Place | Reply] = {}
        self._glanced: dict[Parts, Standing] = {}
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="web")

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one request, as an ASGI application."""
        asked = Asked.of(scope)
        found = self.at_once(asked)
        if found is None:
            found = await asyncio.get_running_loop().run_in_executor(self._readers, self.answer, asked)
        await send({"type": "http.response.start", "status": found.status, "headers": found.headers})
        await send({"type": "http.response.body", "body": found.body})

    def at_once(self, asked: Asked) -> Reply | None:
        """Answer what needs no file to be opened; None: ask `answer`, in a thread that may wait."""
        place = self._meant(asked)
        if isinstance(place, Reply):
            return place
        standing = self._glanced.get(place.parts) or self._glance(place.parts)
        return None if standing is None else self._sent(asked, place, standing)

    def _glance(self, parts: Parts) -> Standing | None:
        """Look whether a file is still the same: once for all requests that had come when the loop took its turn."""
        standing = self._output.known(parts)
        if standing is not None:
            if not self._glanced:
                asyncio.get_running_loop().call_soon(self._glanced.clear)
            self._glanced[parts] = standing
        return standing

    def answer(self, asked: Asked) -> Reply:
        """Answer, and wait for the disk if need be."""
        place = self._meant(asked)
        if isinstance(place, Reply):
            return place
        try:
            standing = self._output.read(place.parts, self._now())
        except OSError as error:
            if error.errno in _ABSENT and self._root.is_dir():
                self._output.forget(place.parts)
                return self._elsewhere(place)
            # Not 404: a reader that is told so may drop the subscription.
            log.warning("feed_not_read", file=place.path, why=error.strerror)
            return self._later(place)
        return self._sent(asked, place, standing)

    # ------------------------------------------------------------ what is meant

    def _meant(self, asked: Asked) -> _Place | Reply:
        """What a request is about, or the answer where it is about no file."""
        if asked.method not in {"GET", "HEAD"}:
            return _PREFLIGHTED if asked.method == "OPTIONS" else _NOT_ALLOWED
        self._look_at_signposts()
        place = self._places.get(asked.target)
        if place is None:
            place = self._find(asked.path, asked.query)
            if len(asked.target) <= _LONGEST:
                if len(self._places) >= _PLACES:
                    self._places.clear()
                self._places[asked.target] = place
        return place

    def _look_at_signposts(self) -> None:
        """Have the newest; what was made by other ones is not used again."""
        try:
            posts, in_vain = self._ask_signposts(), False
        except FeedpubError:  # better the feed without its hubs than no feed
            posts, in_vain = _NOWHERE, True
        if posts is not self._posts:
            self._places = {}
        self._posts, self._asked_in_vain = posts, in_vain

    def _find(self, target: str, query: str) -> _Place | Reply:
        if target == "/health/live":
            return _LIVE
        try:
            path = unquote_to_bytes(target.encode("latin-1")).decode()
        except UnicodeDecodeError:
            return _NO_FEED
        if self._wordpress and (file := wordpress(path, query, self._posts.slugs)):
            parts = member(f"/{file}")
        elif self._prefix != "/" and path in {"/", self._prefix[:-1]}:
            return reply(307, GUARDS | {"Location": quote(self._prefix)})
        else:
            parts = member(path, self._prefix)
        return _NO_FEED if parts is None else _Place(parts, PurePosixPath(parts[-1]).suffix)

    # ------------------------------------------------------------ what is sent

    def _sent(self, asked: Asked, place: _Place, standing: Standing) -> Reply:
        """The answer to a GET or HEAD of a file that is there."""
        said = asked.headers
        # First which form of the file, then whether the reader has that form already (RFC 9110 §8.8.3.3).
        coding = choose(said.get("accept-encoding"), standing.codings)
        status: Literal[200, 304, 412] = 200
        if not _CONDITIONS.isdisjoint(said):
            validators = Validators(standing.forms[coding].etag, standing.modified)
            status = verdict(validators, _conditions(asked), self._now())
        document = place.kind in _STYLED and said.get("sec-fetch-dest") == "document"
        posts, made = standing.replies.get((coding, document, status), (None, None))
        if made is None or posts is not self._posts:
            made = self._made(place, standing, coding, status, document=document)
            standing.replies[coding, document, status] = self._posts, made
        return made

    def _made(self, place: _Place, standing: Standing, coding: Coding | None, status: int, *, document: bool) -> Reply:
        headers = self._common(place)
        if status == 412:
            return told(412, "The feed is no longer the one you asked for.", headers)
        form = standing.forms[coding]
        headers |= {"ETag": form.etag, "Cache-Control": cache_control(place.kind[1:], self._fresh)}
        if standing.modified is not None:
            headers["Last-Modified"] = formatdate(standing.modified, usegmt=True)
        if vary := _vary(place.kind):
            headers["Vary"] = vary
        if status == 304:
            return reply(304, headers)
        # A feed's own type for readers; for a page in a browser, which shows that as bare text or saves it, XML's.
        headers["Content-Type"] = "application/xml; charset=utf-8" if document else KINDS[place.kind]
        if coding is not None:
            headers["Content-Encoding"] = TOKENS[coding]
        if self._named and (links := self._links(place.path)):
            headers["Link"] = links
        return reply(200, headers, form.body)

    def _common(self, place: _Place) -> dict[str, str]:
        """What every answer about a file bears: a reader in a browser is to see a redirect or an end, too."""
        return GUARDS | (_FOR_BROWSERS if place.kind in FEEDS else {})

    def _elsewhere(self, place: _Place) -> Reply:
        """The answer where no file stands: where the feed went, if one stood here."""
        if self._asked_in_vain:
            return self._later(place)
        end = where(place.path, self._posts.moved)
        if end is None:
            return told(404, "There is no such feed.", self._common(place))
        if isinstance(end, Gone):
            return told(410, "This feed has ended, and will not come back.", self._common(place))
        # Asked again each time: a name may be taken back.
        return reply(301, self._common(place) | {"Location": self._base + end, "Cache-Control": "no-cache"})

    def _later(self, place: _Place) -> Reply:
        return told(503, _LATER, self._common(place) | {"Retry-After": "60"})

    def _links(self, path: str) -> str:
        """What a feed's file is, and which hubs announce it, as a Link field (RFC 8288); nothing for other files."""
        address, _, ending = path.rpartition(".")
        if ending not in ENDINGS:
            return ""
        links = [(self._base + quote(path), "self")]
        links += [(_uri(hub), "hub") for hub in self._posts.hubs.get(address, ())]
        return ", ".join(f'<{url}>; rel="{relation}"' for url, relation in links)


def public_app(
    root: Path,
    base_url: str = "",
    signposts: Callable[[], Signposts] = lambda: _NOWHERE,
    *,
    fresh: timedelta = fresh_for(()),  # noqa: B008 - a constant
    addresses: Literal["feedpub", "wordpress"] = "feedpub",
    now: Callable[[], float] = time.time,
) -> Public:
    """Serve the output directory `root` below the path of `base_url`, and /health/live.

    `signposts` is asked with every request; feeds may be kept `fresh` so long; `now` is in seconds since 1970.
    """
    return Public(root, base_url, signposts, fresh=fresh, wordpress=addresses == "wordpress", now=now)


def _vary(kind: str) -> str:
    """What else than its address decides how a file is sent, so that no cache gives one reader's answer to another."""
    return ", ".join(
        [*(["Accept-Encoding"] if kind not in _PICTURES else []), *(["Sec-Fetch-Dest"] if kind in _STYLED else [])]
    )


def _uri(url: str) -> str:
    """Write an address with no sign that could end it, or the header that it stands in."""
    return quote(url, safe="%/?#[]@:!$&'()*+,;=~", errors="replace")


def _conditions(asked: Asked) -> Conditions:
    said = asked.headers.get
    return Conditions(said("if-match"), said("if-none-match"), said("if-modified-since"), said("if-unmodified-since"))
