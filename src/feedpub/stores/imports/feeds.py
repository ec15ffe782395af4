"""a feed in a file (RSS, RDF, Atom or JSON Feed) -> its entries, with their own ids and guids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from feedpub import clean
from feedpub.errors import StoreError
from feedpub.model import RawArticle
from feedpub.stores.feed.parsing import ParsedFeed, parse
from feedpub.stores.imports.told import ArticleTold, Broken, Skipped, refusal

_ANY_ZONE = ZoneInfo("UTC")
_XML = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*+"
    rb"<(?:[\w.-]+:)?(?:rss|feed|RDF)\b(?P<attributes>[^>]*)",
    re.IGNORECASE | re.DOTALL,
)
_EXPORT = b"wordpress.org/export/"
_JSON = re.compile(rb"""(?<!\\)"version"\s*:\s*"https?:(?://|\\/\\/)(?:www\.)?jsonfeed\.org""")


def is_feed(beginning: bytes) -> bool:
    """Tell a feed by its first bytes from a WordPress export, which is RSS too, and from JSON Lines."""
    narrow = beginning.replace(b"\0", b"")
    if xml := _XML.match(narrow):
        return _EXPORT not in xml["attributes"]
    return _JSON.search(narrow) is not None


def read(path: Path) -> Iterator[ArticleTold | Broken | Skipped]:
    """Read a feed; raises ImportRefused where it is none, or not a whole one."""
    try:
        feed = parse(path.read_bytes(), url="")
    except StoreError as error:
        why, _, line = str(error).removeprefix("the document ").partition(" (line ")
        raise refusal(path, int(line.rstrip(")") or 1), why) from error
    yield from (Skipped("entry without an id, an address, a title or a text") for _ in feed.broken)
    for entry in feed.entries:
        try:
            yield ArticleTold(1, _article(entry.article, feed), entry.categories)
        except ValueError as reason:
            yield Broken(1, f'the entry "{clean.line(entry.article.id)[:200]}": {reason}')


def _article(said: RawArticle, feed: ParsedFeed) -> RawArticle:
    """Complete an entry from what the feed says; raises ValueError where a date of it cannot be read."""
    published = said.published or said.updated
    for name, date in (("published", published), ("updated", said.updated)):
        try:
            if date:
                clean.date(date, _ANY_ZONE)
        except ValueError as fault:
            raise ValueError(f"{name} {fault}") from fault
    title = clean.plain_text(said.title) if said.title_is_html else said.title
    # A file does not know where it stood: a short address is meant below the feed's own.
    url = urljoin(feed.self_url or feed.link, said.url)
    return replace(said, url=url, title=title, title_is_html=False, published=published)
