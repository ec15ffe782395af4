"""the address of a feed -> its document, if it is another one than before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from feedpub import clean
from feedpub.errors import StoreError, UnreachableError
from feedpub.model import Reply, Request
from feedpub.stores.feed.answers import FOR_GOOD, FOR_NOW, moved, onward, refuse, validators
from feedpub.stores.feed.parsing import ParsedFeed, parse, shown
from feedpub.stores.feed.place import Place
from feedpub.stores.feed.reading import Unreadable
from feedpub.stores.manners import Manners, answered_at, asked_wait, unreachable

if TYPE_CHECKING:
    from feedpub.http import Door

READ_LIMIT: Final = 16 * 2**20
"""Bytes of one document."""
MOST_HOPS: Final = 5
WHOLE_AFTER: Final = timedelta(hours=24)
"""For so long an answer "not modified" is believed: some servers give it for ever."""

_ACCEPT: Final = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/json;q=0.8, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as it is now, from where it came, by what to know it again, and when it was given out, if that is said."""

    feed: ParsedFeed
    url: str
    etag: str
    modified: str
    date: datetime | None


class Asking:
    """Asks for one document, as seldom as its site wants. One thread at a time."""

    def __init__(
        self,
        door: Door,
        url: str,
        base_url: str,
        *,
        timeout: timedelta,
        allow_private: bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Remember whom to ask, and below which address our own feeds stand; nothing is sent yet.

        `clock` tells seconds, and never goes back.
        """
        self._door = door
        self._url = url
        self._ours = clean.url(base_url)
        self._timeout = timeout
        self._private_host = urlsplit(url).hostname if allow_private else None
        self._manners = Manners(shown(url), clock)
        self._clock = clock
        self._whole_at = clock()

    def ask(self, place: Place) -> Document | None:
        """Read the document; None where it is the one that was read at `place`. Raises StoreError."""
        self._manners.ready()
        wait: timedelta | None = None
        try:
            reply, url = self._follow(place)
            wait = asked_wait(reply)
            document = self._document(reply, url, place)
        except Unreadable as why:
            error = StoreError(f"{shown(self._url)} {why}")
            self._manners.failed(wait, str(error))
            raise error from why
        self._manners.answered()
        return document

    def _follow(self, place: Place) -> tuple[Reply, str]:
        """Go where we are sent for now; each step is judged by the door anew. Raises Unreadable."""
        url = self._url
        for hop in range(MOST_HOPS + 1):
            self._refuse_ours(url)
            reply = self._fetch(url, self._conditions(url, place))
            if reply.status not in FOR_NOW + FOR_GOOD:
                return reply, url
            there = onward(reply, url)
            if reply.status in FOR_GOOD and hop == 0:
                raise moved(there, url)
            url = there
        raise Unreadable(f"sends us on more than {MOST_HOPS} times: correct `url`")

    def _conditions(self, url: str, place: Place) -> dict[str, str]:
        if url != place.url or self._clock() - self._whole_at >= WHOLE_AFTER.total_seconds():
            return {}
        told = {"If-None-Match": place.etag, "If-Modified-Since": place.modified}
        return {name: value for name, value in told.items() if value}

    def _fetch(self, url: str, conditions: dict[str, str]) -> Reply:
        request = Request("GET", url, {"Accept": _ACCEPT, **conditions}, says=False, read_limit=READ_LIMIT)
        private = self._private_host is not None and urlsplit(url).hostname == self._private_host
        try:
            return self._door.fetch(request, timeout=self._timeout, allow_private=private)
        except UnreachableError as error:
            raise Unreadable(unreachable(error)) from error

    def _document(self, reply: Reply, url: str, place: Place) -> Document | None:
        if reply.status == 304 and self._conditions(url, place):
            return None
        refuse(reply)
        try:
            feed = parse(reply.body, url=url, content_type=reply.headers.get("content-type", ""))
        except StoreError as error:
            elsewhere = f"sends us on, and {error}"
            raise Unreadable(str(error).removeprefix(f"{shown(url)} ") if url == self._url else elsewhere) from error
        self._refuse_ours(feed.self_url)
        self._whole_at = self._clock()
        return Document(feed, url, *validators(reply), answered_at(reply))

    def _refuse_ours(self, url: str) -> None:
        if url and self._ours and _bare(clean.url(url)).startswith(_bare(self._ours)):
            raise Unreadable("is one of our own feeds, below feeds.base_url: a store must be read from elsewhere")


def _bare(address: str) -> str:
    """Write an address without its scheme: whoever answers by http answers by https."""
    return address.partition("://")[2]
