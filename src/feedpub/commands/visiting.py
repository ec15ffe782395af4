"""the address of a site -> what is there: a WordPress that shows its posts, or a feed. Asks through the guarded door.

Everything a site says is taken for hostile: addresses go through clean.url and the door, every answer has a largest
size, redirects are followed at most five times, each judged by the door, and the whole visit has an end.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from http import HTTPStatus
from time import monotonic
from typing import Literal, NamedTuple
from urllib.parse import urljoin, urlsplit

from feedpub import clean
from feedpub.commands import places
from feedpub.commands.heads import Head, api_in, is_page
from feedpub.commands.heads import read as read_head
from feedpub.errors import FeedpubError, StoreError, UnreachableError
from feedpub.http import Door
from feedpub.model import Category, Reply, Request
from feedpub.stores.feed.parsing import ParsedFeed, parse
from feedpub.stores.taxonomy import Named, Taxonomy
from feedpub.stores.wordpress import answers, rows

WITHIN = timedelta(seconds=30)
"""For the whole visit."""
PATIENCE = timedelta(seconds=12)
"""For one answer: a page that hangs leaves time for the others."""
REDIRECTS = 5
READ_LIMIT = 16 << 20
"""Bytes of one answer."""
ENTRIES = 500
"""So many of a feed's entries are looked at."""
NO_API = "/wp-json/"
"""Why a WordPress cannot be read, where nothing answers."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A category, and how many articles are filed right there."""

    category: Category
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a site says of itself; its texts are its own, and nobody has judged them.

    `url` is its front page, `source` what the store reads, `feeds` all addresses under which the feed is known.
    `offset` is the clock's, in hours from UTC, as WordPress tells it. `categories`: the biggest first, of
    `category_count` in all. `barred` tells why the posts of a WordPress cannot be read by its REST API. `sample` is
    some of its text, to tell the language by where nothing names it.
    """

    kind: Literal["wordpress", "feed"]
    url: str
    source: str
    title: str = ""
    description: str = ""
    language: str = ""
    timezone: str = ""
    offset: float | None = None
    categories: tuple[Counted, ...] = ()
    category_count: int = 0
    barred: str = ""
    feeds: tuple[str, ...] = ()
    sample: str = ""


def visit(url: str, door: Door, *, allow_private: bool) -> Found:
    """Look at the site at `url`, which `address` gave. Raises FeedpubError where nothing is found that can be read."""
    return _Visit(door, urlsplit(url).hostname if allow_private else None).at(url)


class _Answer(NamedTuple):
    """What came, and from where redirects had led to; `lasting` is where those led that are meant for good."""

    url: str
    lasting: str
    reply: Reply

    @property
    def kind(self) -> str:
        return self.reply.headers.get("content-type", "")

    def feed(self) -> ParsedFeed | None:
        """Read it as a feed; None where it is none."""
        try:
            return None if is_page(self.reply.body) else parse(self.reply.body, url=self.url, content_type=self.kind)
        except StoreError:
            return None


class _Page(NamedTuple):
    """A page that was read."""

    answer: _Answer
    head: Head

    @property
    def url(self) -> str:
        return self.answer.url


class _Visit:
    """One visit, and the time that it may take. Of private hosts only the one that a person named is asked."""

    def __init__(self, door: Door, private_host: str | None) -> None:
        self._door = door
        self._private_host = private_host
        self._end = monotonic() + WITHIN.total_seconds()

    def at(self, url: str) -> Found:
        answer = self._get(url)
        if answer.reply.status != 200:
            raise FeedpubError(_refusal(answer.url, answer.reply.status))
        if feed := answer.feed():
            return _of_feed(feed, answer, None)
        page = _Page(answer, read_head(answer.reply.body, answer.url, answer.kind))
        found, barred = self._wordpress(page)
        return found or self._feed_of(page, barred)

    # ------------------------------------------------------------ WordPress

    def _wordpress(self, page: _Page) -> tuple[Found | None, str]:
        """Find the WordPress that wrote the page, or why it does not show its posts ("": there is none)."""
        said = api_in(page.answer.reply.headers.get("link", ""), page.url) or page.head.api
        barred = NO_API if said or page.head.wordpress else ""
        for number, root in enumerate(places.roots(page.url, said)):
            there, named = self._index(root), bool(said) and number == 0
            if isinstance(there, int):
                if barred == NO_API and (named or there in (401, 403)):
                    barred = f"HTTP {there}"
                if named and there in (401, 403):
                    break  # it is there, and barred: another door to it will be, too
            elif there is not None:
                return self._posts(page, *there)
        return None, barred

    def _index(self, root: str) -> tuple[str, Mapping[str, object]] | int | None:
        """Ask a REST API for what it is: its address and answer, the status of a refusal, or None."""
        asked = "name,description,url,home,gmt_offset,timezone_string,namespaces"
        try:
            here, _, reply = self._get(places.asking(root, {"_fields": asked}))
        except UnreachableError:
            return None
        if reply.status != 200:
            return reply.status
        said = _json(reply.body)
        if not isinstance(said, dict) or "wp/v2" not in (_list(said.get("namespaces"))):
            return None
        return here, said

    def _posts(self, page: _Page, index: str, said: Mapping[str, object]) -> tuple[Found | None, str]:
        front = places.front_of(index, _words(said, "home"))
        root = places.root_of(index)
        try:
            self._rows(front, root, "posts", {"per_page": "1", "_fields": "id"})
        except answers.BarredError as error:
            status = re.search(r"HTTP \d+", str(error))
            return None, status[0] if status else "rest_no_route"
        categories, count = self._categories(front, root)
        return Found(
            kind="wordpress",
            url=front,
            source=front,
            title=unescape(_words(said, "name")) or page.head.title,  # WordPress keeps both as HTML
            description=unescape(_words(said, "description")),
            language=page.head.language,
            timezone=_words(said, "timezone_string"),
            offset=_number(said.get("gmt_offset")),
            categories=categories,
            category_count=count,
        ), ""

    def _categories(self, front: str, root: str) -> tuple[tuple[Counted, ...], int]:
        """Read the biggest hundred, and how many there are; where they are not shown, there are none to tell of."""
        asked = {"orderby": "count", "order": "desc", "hide_empty": "true", "per_page": "100"}
        try:
            answer = self._rows(front, root, "categories", {**asked, "_fields": f"{rows.CATEGORY_FIELDS},count"})
        except StoreError:
            return (), 0
        terms = rows.categories(answer.rows, "")
        by_key = {term.key: Counted(term, _count(row)) for term, row in zip(terms, answer.rows, strict=True)}
        found = sorted(by_key.values(), key=lambda one: (-one.count, int(one.category.key)))
        return tuple(one for one in found if one.count), max(answer.total, len(found))

    def _rows(self, front: str, root: str, route: str, query: Mapping[str, str]) -> answers.Answer:
        try:
            answer = self._get(places.asking(f"{root}wp/v2/{route}", query))
        except UnreachableError as error:
            raise StoreError(f"{front} cannot be read: {error}") from error
        return answers.read(answer.reply, front, route)

    # ------------------------------------------------------------ feeds

    def _feed_of(self, page: _Page, barred: str) -> Found:
        for url in (*page.head.feeds, *places.feeds_of(page.url)):
            if found := self._feed_at(url, page):
                return replace(found, barred=barred)
        if barred:
            raise FeedpubError(
                f"{page.url} is a WordPress site that shows neither its REST API nor a feed: allow the REST API in the "
                "security plugin, or at the hosting company (Xserver: 「REST API アクセス制限」)"
            )
        raise FeedpubError(
            f"no feed was found at {page.url}: the page names none, and the usual places have none "
            f"({', '.join(places.PLACES)}); give the address of the feed itself"
        )

    def _feed_at(self, url: str, page: _Page) -> Found | None:
        try:
            answer = self._get(url)
        except UnreachableError:
            return None
        feed = answer.feed() if answer.reply.status == 200 else None
        return _of_feed(feed, answer, page) if feed else None

    # ------------------------------------------------------------ asking

    def _get(self, url: str) -> _Answer:
        """Fetch a page, and follow where it leads; raises UnreachableError."""
        here, lasting, for_good = url, url, True
        for _ in range(REDIRECTS + 1):
            reply = self._fetch(here)
            if not 300 <= reply.status < 400 or "location" not in reply.headers:
                return _Answer(here, lasting, reply)
            there = clean.url(reply.headers["location"], here).partition("#")[0]
            if not there:
                raise UnreachableError(f"{here} leads to an address that is none of the web's", sent=True)
            for_good = for_good and reply.status in (301, 308)
            here, lasting = there, there if for_good else lasting
        raise UnreachableError(f"{url} leads on more than {REDIRECTS} times: give the address where it ends", sent=True)

    def _fetch(self, url: str) -> Reply:
        left = timedelta(seconds=self._end - monotonic())
        if left <= timedelta(0):
            raise FeedpubError(f"{_host(url)} answers too slowly: after {WITHIN.seconds} s nothing was found")
        headers = {"Accept": "text/html, application/json, application/rss+xml, application/atom+xml, */*;q=0.5"}
        request = Request("GET", url, headers, says=False, read_limit=READ_LIMIT)
        private = self._private_host is not None and urlsplit(url).hostname == self._private_host
        try:
            return self._door.fetch(request, timeout=min(left, PATIENCE), allow_private=private)
        except UnreachableError as error:
            # The door speaks of the config, which is not there yet.
            meant = "give that address" if self._private_host else "say --allow-private"
            told = str(error).replace("set allow_private = true", meant)
            raise UnreachableError(told, sent=error.sent) from None


# ---------------------------------------------------------------- refusals


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the site"


def _refusal(url: str, status: int) -> str:
    if status in (429, 503):
        return f"{url} is busy or in maintenance (HTTP {status}): try again later"
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no page"
    advice = "give the address of the site's front page, or of its feed"
    if status in (401, 403):
        advice = "a login or a firewall stands before it; let feedpub through, or give the address of the site's feed"
    elif status >= 500:
        advice = "the site itself fails; look into its error log, and try again"
    return f"{url} answers with HTTP {status} ({phrase}): {advice}"


# ---------------------------------------------------------------- what was said


def _of_feed(feed: ParsedFeed, answer: _Answer, page: _Page | None) -> Found:
    """Tell of a feed, and of the page that named it, if one did."""
    head = page.head if page else Head()
    site = page.answer.lasting if page else clean.url(feed.link, answer.url) or urljoin(answer.url, "/")
    newest = feed.entries[:ENTRIES]
    categories = _told_in(newest)
    return Found(
        kind="feed",
        url=places.bare(site),
        source=answer.lasting,
        title=feed.title or head.title,
        description=head.description,
        language=head.language or feed.language,
        categories=categories,
        category_count=len(categories),
        feeds=tuple(filter(None, (answer.lasting, answer.url, feed.self_url))),
        sample=" ".join(f"{one.article.title} {(one.article.content or '')[:500]}" for one in newest[:20]),
    )


def _told_in(entries: Sequence[Named]) -> tuple[Counted, ...]:
    """Count the categories of entries, as the store will know them."""
    taxonomy = Taxonomy("")
    count = Counter(key for entry in entries for key in taxonomy.filed(entry).categories)
    return tuple(Counted(taxonomy.by_key[key], times) for key, times in count.most_common())


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _list(said: object) -> list[object]:
    return said if isinstance(said, list) else []


def _words(said: Mapping[str, object], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _number(said: object) -> float | None:
    """Read an offset: WordPress gives a number, or a text that is one."""
    try:
        number = float(said) if isinstance(said, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and -12 <= number <= 14 else None


def _count(row: answers.Row) -> int:
    said = row.get("count")
    return max(said, 0) if isinstance(said, int) else 0
