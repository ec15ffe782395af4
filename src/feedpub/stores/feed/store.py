"""a feed on the web -> raw articles: those entries that are new or say something else than before."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from feedpub.model import EPOCH, Batch, Census, Duration, RawArticle
from feedpub.stores.base import Home, StoreOptions
from feedpub.stores.feed.asking import Asking
from feedpub.stores.feed.dates import moment
from feedpub.stores.feed.place import Place, digest, faces, key, recognized
from feedpub.stores.passes import Passes
from feedpub.stores.taxonomy import CategoryTold, Named, Taxonomy

if TYPE_CHECKING:
    from feedpub.http import Door

BATCH = 500
"""Articles in one answer of `changes`."""
MOST_CATEGORIES = 2_000
"""Of more categories than these, ever told by one feed, the further ones are tags: nobody files by so many."""

LONGEST_CATEGORY = 300
"""Characters. What is longer is no name, and would be kept for ever."""


class FeedOptions(StoreOptions):
    """[stores.NAME] with `kind = "feed"`."""

    kind: Literal["feed"] = "feed"
    url: str = Field(
        description="the address of the feed: RSS, Atom or JSON Feed", examples=["https://wire.example/feed/"]
    )
    categories: tuple[str, ...] = Field(default=(), description="categories that every entry is filed under, by name")
    timeout: Duration = Field(default=timedelta(seconds=30), description="the time one request may take")
    allow_private: bool = Field(default=False, description="allow private and loopback addresses")

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an absolute address is needed, such as https://example.com/feed/")
        if "@" in parts.netloc:
            raise ValueError("write no password into the address: only a feed that anybody may read can be a store")
        return parts._replace(fragment="").geturl()

    @field_validator("categories")
    @classmethod
    def _named(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(str.strip, names)):
            raise ValueError("a category needs a name")
        return names

    @property
    def names_everything(self) -> bool:
        """Whatever leaves a feed is old, not withdrawn: there is nothing to ask a census for."""
        return True

    def open(self, door: Door, home: Home) -> FeedStore:
        """Make ready to ask; nothing is sent before the first question."""
        asking = Asking(door, self.url, home.base_url, timeout=self.timeout, allow_private=self.allow_private)
        return FeedStore(self.name, asking, self.categories, home.zone)


class FeedStore:
    """An opened feed."""

    def __init__(self, name: str, asking: Asking, categories: Iterable[str], zone: ZoneInfo) -> None:
        """Take the store's name in the config, and what every entry is filed under."""
        self._name = name
        self._asking = asking
        self._categories = tuple(CategoryTold(one) for one in categories)
        self._zone = zone
        self._passes = Passes(self._walk)
        self._last = Place()

    def changes(self, cursor: str | None) -> Batch:
        """Read the document, unless it is the one seen; then those of its entries that are not known as they are."""
        return self._passes.next(cursor)

    def census(self, ids: Sequence[str] | None) -> Census:  # noqa: ARG002 - whatever is asked for
        """Speak of no article: what a feed shows no more may be public all the same."""
        return Census(frozenset(), covers=frozenset())

    def close(self) -> None:
        """Forget the document that was being read."""
        self._passes.close()

    def _walk(self, cursor: str) -> Generator[Batch]:
        # Asked to begin anew, we do not forget what the document alone does not tell: categories of articles that have
        # left it, first dates and first ids.
        before = Place.parse(cursor) if cursor else replace(self._last, url="", etag="", modified="", seen={})
        document = self._asking.ask(before)
        if document is None:
            self._last = before
            yield Batch((), cursor)
            return
        ours, names = recognized(document.feed.entries, before)
        dates = _first_dates(ours, document.date, before, self._zone)
        entries = [self._told(entry, dates) for entry in ours]
        seen = {key(one.article): digest(one) for one in entries}
        fresh = [one for one in entries if before.seen.get(key(one.article)) != seen[key(one.article)]]
        taxonomy = Taxonomy.kept(self._name, before.categories)
        articles = [_filed(taxonomy, one) for one in self._oldest_first(fresh)]
        self._last = Place(
            document.url,
            document.etag,
            document.modified,
            seen=seen,
            dates=dates,
            faces=faces(document.feed.entries, ours),
            names=names,
            categories=taxonomy.keep(),
        )
        told = Batch((), str(self._last), garbage=document.feed.broken)
        if not cursor or self._last.categories != before.categories:
            told = replace(told, categories=tuple(taxonomy.by_key.values()))
        yield from _in_batches(articles, told)

    def _told(self, entry: Named, dates: Mapping[str, str]) -> Named:
        """Complete an entry by the date that we gave it, and what it is filed under besides."""
        article = entry.article
        dated = replace(article, published=dates.get(key(article), article.published))
        named = (one for one in entry.categories if len(one.name) + len(one.slug) <= LONGEST_CATEGORY)
        return Named(dated, (*named, *self._categories))

    def _oldest_first(self, entries: Sequence[Named]) -> list[Named]:
        ordered = list(reversed(entries))  # a feed begins with the newest: of one date, the last came first
        ordered.sort(key=lambda one: _moment(one.article.published, self._zone))
        return ordered


def _first_dates(entries: Sequence[Named], now: datetime | None, before: Place, zone: ZoneInfo) -> dict[str, str]:
    """Date each entry by the earliest that it ever said: many sites stamp all anew whenever they write their feed.

    Those that say nothing of when they came out are dated by their first edit that we saw, or when we saw them: a
    second apart, in the document's order.
    """
    dates = {}
    for number, entry in enumerate(entries):
        one = entry.article
        seen = (now - timedelta(seconds=number)).isoformat() if now else ""
        first = before.dates.get(key(one), "")
        moved = EPOCH < _moment(one.published, zone) < _moment(first, zone)
        sure = _moment(first, zone) > EPOCH and not moved
        dates[key(one)] = first if sure else one.published or one.updated or seen
    return dates


def _moment(said: str, zone: ZoneInfo) -> datetime:
    return moment(said, zone) or EPOCH


def _filed(taxonomy: Taxonomy, entry: Named) -> RawArticle:
    """File an entry; when there are too many categories already, new ones are tags."""
    if len(taxonomy.by_key) < MOST_CATEGORIES:
        return taxonomy.filed(entry)
    known = tuple(one for one in entry.categories if taxonomy.key(one) is not None)
    tags = tuple(one.name for one in entry.categories if one not in known)
    return taxonomy.filed(Named(replace(entry.article, tags=tags), known))


def _in_batches(articles: Sequence[RawArticle], told: Batch) -> Iterator[Batch]:
    """Divide what is told; the taxonomy comes with the first articles, so that none is in a category unheard of."""
    for start in range(0, max(len(articles), 1), BATCH):
        end = start + BATCH
        more = end < len(articles)
        yield replace(told, articles=tuple(articles[start:end]), more=more, cursor="" if more else told.cursor)
        told = replace(told, categories=None, garbage=())
