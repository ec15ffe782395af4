"""one document -> the feed in it: what it says of itself, and its entries as raw articles. Pure.

RSS 0.9 to 2.0, RDF, Atom 0.3 and 1.0 are read by feedparser, JSON Feed 1.0 and 1.1 by ourselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from feedpub import clean
from feedpub.errors import StoreError
from feedpub.model import Quarantined, RawArticle
from feedpub.stores.feed import dates, json_feed, xml
from feedpub.stores.feed.header import Header
from feedpub.stores.feed.reading import Unreadable, is_page, root, text
from feedpub.stores.feed.words import joined
from feedpub.stores.taxonomy import Named

Format = Literal["rss", "atom", "json"]

_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"})


class NoFeedError(StoreError):
    """The document is no feed. `feeds` are the addresses of feeds that it links to, if it is a web page."""

    def __init__(self, message: str, feeds: tuple[str, ...] = ()) -> None:
        """Keep what the page links to."""
        super().__init__(message)
        self.feeds = feeds


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed, as it says itself. `self_url` is where it says that it stands, `hubs` who tells of its changes.

    `entries` come in the document's order, each id once; `broken` are those that cannot even be read. `published` is
    empty where an entry does not say it.
    """

    title: str
    link: str
    language: str
    self_url: str
    hubs: tuple[str, ...]
    entries: tuple[Named, ...]
    broken: tuple[Quarantined, ...]
    format: Format


def parse(body: bytes, *, url: str, content_type: str = "") -> ParsedFeed:
    """Read a document that was fetched from `url` ("" for a file), with the header `Content-Type`.

    Of several entries with one id the newest counts; where they bear one date, the first.
    Raises StoreError, with one sentence that begins with the address, for what is no feed, or no whole one.
    """
    try:
        return _read(body, url, content_type)
    except Unreadable as why:
        raise StoreError(f"{shown(url) or 'the document'} {why}") from why


def shown(url: str) -> str:
    """Write an address so that everybody may see it: without user, password and query, which may be secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="…" if parts.query else "", fragment="").geturl()


def _read(body: bytes, url: str, content_type: str) -> ParsedFeed:
    said = text(body, content_type)
    beginning = said.lstrip()[:1]
    if not beginning:
        raise Unreadable("is empty")
    if beginning in "{[":
        header, entries = json_feed.read(said)
        return _parsed("json", header, entries)
    if is_page(said):
        raise _page(said, url)
    if beginning != "<" and "<rss" not in said and "<feed" not in said:
        raise Unreadable("is neither XML nor JSON: is `url` the address of a feed?")
    tree = root(said, url)
    kind = xml.kind(tree)
    header = xml.header(tree, kind)
    return _parsed(kind, header, xml.entries(tree, kind, url))


def _parsed(kind: Format, header: Header, entries: Iterable[Named | Quarantined]) -> ParsedFeed:
    kept: dict[str, Named] = {}
    broken: list[Quarantined] = []
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, Quarantined):
            broken.append(entry)
            continue
        one = _identified(entry)
        if one is None:
            broken.append(Quarantined(f"entry {number}", "it has neither an id nor an address, a title or a text"))
        elif one.article.id not in kept or _moment(one) > _moment(kept[one.article.id]):
            kept[one.article.id] = _in(header.language, one)
    title, link, language, self_url, hubs = header
    return ParsedFeed(title, link, language, self_url, hubs, tuple(kept.values()), tuple(broken), kind)


def _identified(entry: Named) -> Named | None:
    """Give an entry its id: its own, else its address, which is its guid for readers too, else a digest."""
    one = entry.article
    if one.guid:
        return replace(entry, article=replace(one, id=one.guid))
    if one.url:
        return replace(entry, article=replace(one, id=one.url, guid=one.url))
    facts = [one.title, "" if one.title else one.content or one.summary, one.published]
    if not any(facts[:2]):
        return None
    digest = hashlib.sha256(repr(facts).encode("ascii", "backslashreplace")).hexdigest()[:32]
    return replace(entry, article=replace(one, id=digest))


def _in(language: str, entry: Named) -> Named:
    one = entry.article
    return entry if one.language or not language else replace(entry, article=replace(one, language=language))


def _moment(entry: Named) -> datetime:
    """When an entry last changed, to tell the newest of several."""
    one: RawArticle = entry.article
    return dates.moment(one.updated) or dates.moment(one.published) or datetime.min.replace(tzinfo=UTC)


# ---------------------------------------------------------------- a page instead


def _page(said: str, url: str) -> NoFeedError:
    feeds = tuple(dict.fromkeys(filter(None, (clean.url(one, url) for one in _linked(said, url)))))
    where = shown(url) or "the document"
    if not feeds:
        return NoFeedError(f"{where} is a web page, not a feed (a login, or a notice?): check `url`")
    named = ", ".join(map(shown, feeds[:5]))
    return NoFeedError(f"{where} is a web page, not a feed; it names as its feeds: {named}", feeds)


def _linked(said: str, url: str) -> list[str]:
    parser = lxml_html.HTMLParser(encoding="utf-8")
    try:
        page = lxml_html.document_fromstring(said.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        return []
    base = next((joined(url, one.get("href", "")) for one in page.iter("base")), url)
    links = (one for one in page.iter("link") if "alternate" in one.get("rel", "").lower().split())
    return [joined(base, one.get("href", "")) for one in links if one.get("type", "").strip().lower() in _TYPES]
