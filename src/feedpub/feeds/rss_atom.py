"""entries -> their RSS items and Atom entries; a feed -> what stands around them. The only importer of feedgen.

Entries are rendered many at a time into one document, which is then cut: the same bytes as one by one, and as in a
feed that feedgen writes whole, since every feed declares the same namespaces. What stands around them comes
from one generator per format: feedgen keeps one list of links for both, and would name the wrong file in one of them.
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
from lxml import etree

from feedpub.feeds.addresses import ascii_url, entry_id, feed_url
from feedpub.feeds.catalog import FeedSpec, site_title
from feedpub.feeds.entries import Entry, Look
from feedpub.feeds.namespaces import (
    NAMESPACES,
    AtomFeed,
    EntryExtras,
    FeedLink,
    RssFeed,
    comments_url,
)
from feedpub.feeds.texts import language_tag, line
from feedpub.model import Article

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


@dataclass(frozen=True, slots=True)
class Cut:
    """Entries in one format: the whole document, so that it can be looked through, and its entries."""

    document: bytes
    entries: list[bytes]


def xml_entries(entries: Sequence[Entry], look: Look, *, full: bool = True) -> dict[str, Cut]:
    """Render entries for those of RSS and Atom that are wanted."""
    made = [_entry(entry, look, full=full) for entry in entries]
    writers = {"rss": _rss_entries, "atom": _atom_entries}
    return {ending: write(made) for ending, write in writers.items() if ending in look.options.formats}


def rss_frame(spec: FeedSpec, look: Look, around: Around) -> tuple[bytes, bytes]:
    """What stands before and behind the items of a feed."""
    feed = _feed(spec, look, around, "rss")
    feed.description(line(look.site.description) or feed.title())
    feed._FeedGenerator__rss_lastBuildDate = None  # noqa: SLF001 - the only way to keep the clock out; RssFeed dates it
    if look.options.icon:  # the small one: RSS takes no picture wider than 144
        feed.image(look.options.icon, title=feed.title(), link=ascii_url(look.site.url))
    extras = partial(RssFeed, around.updated, look.license, _links(around, look, "rss"), around.archive)
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
    feed.register_extension("feedpub", partial(AtomFeed, look.license, links, around.archive, tombstones))
    return _frame(feed.atom_str(pretty=True), "atom")


# ---------------------------------------------------------------- entries


@dataclass(frozen=True, slots=True)
class _Made:
    """An entry as feedgen takes it, and what only one of the formats says."""

    feedgen: FeedEntry
    article: Article
    extras: EntryExtras
    id: str
    """Atom's."""
    description: str
    """RSS's, HTML."""
    summary: str
    """Atom's, plain text."""


def _entry(entry: Entry, look: Look, *, full: bool) -> _Made:
    """Say in one feedgen entry what both formats say of an article."""
    article, body = entry.article, look.body(entry, full=full)
    # RSS takes a description for HTML. Without one feedgen puts the body here, and validators want nothing else in
    # its place. An item needs a title or a description: what has no words at all says its address.
    description = escape(article.summary or ("" if article.title or body else look.url(article)), quote=False)
    summary = article.summary or ("" if body else article.title)
    item = FeedEntry()
    item.guid(article.guid, permalink=False)
    item.title(article.title or "-")  # feedgen takes no empty title
    item.link(href=look.url(article), rel="alternate")
    item.updated(second(article.updated))
    item.author([{"name": author} for author in article.authors])
    item.category([{"term": term} for term in look.terms(article)])
    item.summary(description or summary or None)
    if body:
        item.content(body, type="html")
    if entry.comments and article.url:
        item.comments(comments_url(article.url))
    extras = EntryExtras(article, look.other_language(article), look.license, entry.comments, entry.reply)
    return _Made(item, article, extras, entry_id(article.guid, look.site), description, summary)


def _rss_entries(made: Iterable[_Made]) -> Cut:
    root = etree.Element("rss", nsmap=NAMESPACES["rss"])
    channel = etree.SubElement(root, "channel")
    extras = []
    for one in made:
        item = one.feedgen.rss_entry()
        if one.article.brief:
            item.remove(item[0])  # the title comes first
        if one.description != one.summary:
            _say(item, "description", one.description if one.description or one.article.brief else None)
        channel.append(item)
        extras.append(one.extras.of_item())
    return _cut(root, "rss", extras)


def _atom_entries(made: Iterable[_Made]) -> Cut:
    root = etree.Element("feed", nsmap=NAMESPACES["atom"])
    extras = []
    for one in made:
        entry = one.feedgen.atom_entry()
        entry[0].text = one.id  # feedgen, given a guid, takes that for both
        if one.article.brief:
            entry[1].text = None  # RFC 4287 §4.1.2 asks for a title, and lets it be empty
        if one.extras.language:
            entry.set("{http://www.w3.org/XML/1998/namespace}lang", one.extras.language)
        for alternate in entry.iterchildren("link"):  # feedgen loses all of a link but its address
            alternate.set("rel", "alternate")
            alternate.set("type", "text/html")
        if one.description != one.summary:
            _say(entry, "summary", one.summary or None)
        root.append(entry)
        extras.append(one.extras.of_entry())
    return _cut(root, "atom", extras)


def _say(entry: etree._Element, tag: str, text: str | None) -> None:
    """Have an entry say this, where feedgen was given what the other format says; None: nothing."""
    for said in entry.findall(tag):
        if text is None:
            entry.remove(said)
        else:
            said.text = text


# ---------------------------------------------------------------- around them


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


def _cut(root: etree._Element, ending: str, extras: Sequence[str]) -> Cut:
    """Write a document, cut it into entries, and give each its extras.

    What authors wrote is escaped: no text can look like the tags that it is cut at.
    """
    document: bytes = etree.tostring(root, pretty_print=True, encoding="UTF-8")
    if ending == "rss":
        document = _TITLE.sub(_plain, document)
    close = _ENTRY_ENDS[ending]
    *pieces, tail = document.split(close)
    if not pieces:
        return Cut(document, [])
    at = pieces[0].index(_ENTRY_BEGINS[ending])
    head, pieces[0] = pieces[0][:at], pieces[0][at:]
    entries = [b"".join((piece, extra.encode(), close)) for piece, extra in zip(pieces, extras, strict=True)]
    return Cut(b"".join((head, *entries, tail)), entries)


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
