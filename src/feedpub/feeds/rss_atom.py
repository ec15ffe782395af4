"""entries -> their RSS items and Atom entries; a feed -> what stands around them. The only importer of feedgen.

Entries are rendered many at a time in one feedgen document, which is then cut: the same bytes as one by one, and
as in a feed that feedgen writes whole, since every feed declares the same namespaces. One generator per format:
feedgen keeps one list of links for both, and would name the wrong file in one of them.
Nothing is said by the clock or the locale: a feed is as new as its articles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Final

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from feedpub.feeds.addresses import ascii_url, entry_id, feed_url
from feedpub.feeds.catalog import FeedSpec, site_title
from feedpub.feeds.entries import Entry, Look
from feedpub.feeds.namespaces import (
    AtomEntry,
    AtomFeed,
    FeedLink,
    RssFeed,
    RssItem,
    comments_url,
    image_type,
)
from feedpub.feeds.texts import language_tag, line

UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""What a feed of nothing is dated: never the clock, and no date that validators take for a slip."""
MEDIA_TYPES: Final = {"rss": "application/rss+xml", "atom": "application/atom+xml"}

_ENTRY_ENDS: Final = {"rss": b"    </item>\n", "atom": b"  </entry>\n"}
_ENTRY_BEGINS: Final = {"rss": b"    <item>\n", "atom": b"  <entry"}
_TITLE: Final = re.compile(rb"<title>[^<]*&[^<]*</title>")
_TAILS: Final = {"rss": b"  </channel>\n</rss>\n", "atom": b"</feed>\n"}


@dataclass(frozen=True, slots=True)
class Around:
    """What a document says besides its entries: how new it is, where it stands in an archive, what was withdrawn.

    `current`, `prev`, `next`: addresses of other documents of the same feed, without endings; `archive`: this one
    is a sealed part. `tombstones`: (guid, when).
    """

    address: str
    updated: datetime = UNDATED
    current: str = ""
    prev: str = ""
    next: str = ""
    archive: bool = False
    hubs: tuple[str, ...] = ()
    tombstones: tuple[tuple[str, datetime], ...] = ()


def rss_items(entries: Sequence[Entry], look: Look, *, full: bool = True) -> tuple[bytes, list[bytes]]:
    """Render entries for RSS: the whole document, so that it can be looked through, and its items."""
    feed = _empty(look, "rss")
    for entry in entries:
        _rss_item(feed, entry, look, full=full)
    return _cut(feed.rss_str(pretty=True), "rss")


def atom_entries(entries: Sequence[Entry], look: Look, *, full: bool = True) -> tuple[bytes, list[bytes]]:
    """Render entries for Atom: the whole document, so that it can be looked through, and its entries."""
    feed = _empty(look, "atom")
    for entry in entries:
        _atom_entry(feed, entry, look, full=full)
    return _cut(feed.atom_str(pretty=True), "atom")


def rss_frame(spec: FeedSpec, look: Look, around: Around) -> tuple[bytes, bytes]:
    """What stands before and behind the items of a feed."""
    feed = _feed(spec, look, around, "rss")
    feed.description(line(look.site.description) or feed.title())
    feed._FeedGenerator__rss_lastBuildDate = None  # noqa: SLF001 - the only way to keep the clock out; RssFeed dates it
    if look.options.icon:  # the small one: RSS takes no picture wider than 144
        feed.image(look.options.icon, title=feed.title(), link=ascii_url(look.site.url))
    extras = partial(RssFeed, around.updated, line(look.site.license), _links(around, look, "rss"), around.archive)
    feed.register_extension("feedpub", extras)
    return _frame(feed.rss_str(pretty=True), "rss")


def atom_frame(spec: FeedSpec, look: Look, around: Around) -> tuple[bytes, bytes]:
    """What stands before and behind the entries of a feed."""
    feed = _feed(spec, look, around, "atom")
    feed.subtitle(line(look.site.description) or None)
    feed.author({"name": site_title(look.site)})  # RFC 4287 §4.1.1: for entries without an author
    feed.updated(around.updated)
    feed.icon(look.options.icon or None)
    feed.logo(look.options.logo or None)
    tombstones = tuple((entry_id(guid, look.site), when) for guid, when in around.tombstones)
    links = _links(around, look, "atom")
    feed.register_extension("feedpub", partial(AtomFeed, line(look.site.license), links, around.archive, tombstones))
    return _frame(feed.atom_str(pretty=True), "atom")


# ---------------------------------------------------------------- entries


def _rss_item(feed: FeedGenerator, entry: Entry, look: Look, *, full: bool) -> None:
    article = entry.article
    item = _entry(feed, entry, look, full=full)
    item.guid(article.guid, permalink=False)
    if article.title:
        item.title(article.title)
    body = look.body(article, full=full)
    # As HTML, which RSS takes a description for. Without one feedgen puts the body here, and validators want
    # nothing else in its place. An item needs a title or a description: what has no words at all says its address.
    words = article.summary or ("" if article.title or body else look.url(article))
    item.summary(escape(words, quote=False) or None)
    for image in article.images[:1]:  # RSS takes one enclosure, and 0 for a length that nobody knows
        if kind := image_type(image):
            item.enclosure(image.url, 0, kind)
    if entry.comments and article.url:
        item.comments(comments_url(article.url))
    item.register_extension("feedpub", partial(RssItem, article, look.other_language(article), entry.comments))


def _atom_entry(feed: FeedGenerator, entry: Entry, look: Look, *, full: bool) -> None:
    article = entry.article
    item = _entry(feed, entry, look, full=full)
    item.id(entry_id(article.guid, look.site))
    item.title(article.title or "-")  # feedgen takes no empty title; AtomEntry clears this one
    item.updated(second(article.updated))
    item.published(second(article.published))
    item.author([{"name": author} for author in article.authors])
    item.summary(article.summary or ("" if look.body(article, full=full) else article.title) or None)
    extras = partial(
        AtomEntry, article, look.other_language(article), line(look.site.license), entry.comments, entry.reply
    )
    item.register_extension("feedpub", extras)


def _entry(feed: FeedGenerator, entry: Entry, look: Look, *, full: bool) -> FeedEntry:
    """Say what both formats say of an article."""
    article = entry.article
    item = feed.add_entry(order="append")
    item.category([{"term": term} for term in look.terms(article)])
    item.link(href=look.url(article), rel="alternate")
    if body := look.body(article, full=full):
        item.content(body, type="html")
    return item


# ---------------------------------------------------------------- around them


def _empty(look: Look, ending: str) -> FeedGenerator:
    """Make a feed whose head nobody will see: only what feedgen asks for, and the namespaces of every feed."""
    feed = FeedGenerator()
    feed.id("urn:x")
    feed.title("x")
    feed.link(href="urn:x", rel="alternate")
    feed.description("x")
    feed.updated(UNDATED)
    feed.language(language_tag(look.site.language) or None)
    feed._FeedGenerator__rss_lastBuildDate = None  # noqa: SLF001 - see rss_frame
    extras = partial(RssFeed, UNDATED, "") if ending == "rss" else partial(AtomFeed, "")
    feed.register_extension("feedpub", extras)
    return feed


def _feed(spec: FeedSpec, look: Look, around: Around, ending: str) -> FeedGenerator:
    """Say what both formats say of a feed, about the file of one of them."""
    here = feed_url(look.options.base_url, around.address, ending)
    feed = FeedGenerator()
    feed.id(feed_url(look.options.base_url, spec.address, ending) if not around.archive else here)
    feed.title(line(spec.title) or site_title(look.site))
    feed.link(href=here, rel="self", type=MEDIA_TYPES[ending])
    feed.link(href=ascii_url(look.site.url), rel="alternate", type="text/html")  # last: RSS takes the last
    feed.language(language_tag(look.site.language) or None)
    feed.generator("feedpub")
    return feed


def _links(around: Around, look: Look, ending: str) -> tuple[FeedLink, ...]:
    def to(rel: str, address: str) -> FeedLink:
        return FeedLink(rel, feed_url(look.options.base_url, address, ending), MEDIA_TYPES[ending])

    named = (("current", around.current), ("prev-archive", around.prev), ("next-archive", around.next))
    hubs = tuple(FeedLink("hub", hub) for hub in around.hubs)
    return hubs + tuple(to(rel, address) for rel, address in named if address)


def _cut(document: bytes, ending: str) -> tuple[bytes, list[bytes]]:
    """Cut a document into its entries. What an author wrote is escaped, so that no text can look like a tag."""
    if ending == "rss":
        document = _TITLE.sub(_plain, document)
    pieces = document.split(_ENTRY_ENDS[ending])[:-1]
    if pieces:
        pieces[0] = pieces[0][pieces[0].index(_ENTRY_BEGINS[ending]) :]
    return document, [piece + _ENTRY_ENDS[ending] for piece in pieces]


def _plain(title: re.Match[bytes]) -> bytes:
    """Write the signs of markup in a title as the RSS profile asks, so that none is taken for HTML."""
    return title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;")


def _frame(document: bytes, ending: str) -> tuple[bytes, bytes]:
    tail = _TAILS[ending]
    if ending == "rss":
        document = _TITLE.sub(_plain, document)
    if not document.endswith(tail):
        raise ValueError("feedgen ended a document in another way")
    return document[: -len(tail)], tail


def newest(moments: Iterable[datetime]) -> datetime:
    """How new a document is: as its newest entry, never as the clock."""
    return second(max(moments, default=UNDATED))


def second(moment: datetime) -> datetime:
    """Cut to whole seconds, in UTC: what every reader of RFC 3339 understands."""
    return moment.astimezone(UTC).replace(microsecond=0)
