"""What validators ask of a feed file, checked without them: see w3c/ for the rules.

`complaints` is the bar: no error and no warning. `assert_feed` and its kin stand in tests of anything at all, where
an article may bring a warning along (`OF_ARTICLES`): they refuse errors, and every warning that we alone can cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from lxml import etree

from tests.golden.w3c import atom, json_feed, rss
from tests.golden.w3c.page import Complaint, Page

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
MEDIA = "{http://search.yahoo.com/mrss/}"

OF_ARTICLES: Final = {
    "BadCharacters": "U+FFFD stands for a character that was lost before us",
    "CharacterData": "a title may speak of <b>",
    "ContainsEmail": "an author may sign with an address",
    "ContainsHTML": "a title may speak of </b>",
    "ContainsUndeclaredHTML": "the same, in Atom",
    "DuplicateUpdated": "two articles may have one date",
    "ImplausibleDate": "a date is the article's, or of a feed that has none",
    "InvalidLanguage": "a language is the config's",
    "MissingDCLanguage": "the config may say no language",
    "MissingTextualContent": "an article may have no words",
    "NonCanonicalURI": "an id is the store's",
    "NotBlank": "RFC 4287 asks briefs too for a title: an empty one",
    "NotHtml": "tests write content that nobody cleaned",
    "NotSufficientlyUnique": "an id is the store's",
    "SchemeNotIANARegistered": "an id is the store's",
}
"""Warnings that an article's own words, dates or names bring about, and why they may be."""


def complaints(ending: str, content: bytes, *, location: str = "", now: datetime | None = None) -> list[Complaint]:
    """Everything that the strictest validator says of a feed file, fetched from `location` at `now`."""
    if ending == "json":
        return list(json_feed.complaints(content, location, now))
    try:
        root = _parsed(content)
    except etree.XMLSyntaxError as error:
        return [Complaint("SAXError", str(error))]
    # How an entity or a < was written shows only in the bytes.
    lines = content.split(b"\n") if ending == "rss" else []
    page = Page(root, content, rss=ending == "rss", location=location, now=now, lines=lines)
    return list(rss.complaints(page) if ending == "rss" else atom.complaints(page))


def assert_feed(ending: str, content: bytes, *, location: str = "", besides: Iterable[str] = OF_ARTICLES) -> Any:
    """Refuse a file with any fault but those named in `besides`; returns what was read from it."""
    wrong = [told for told in complaints(ending, content, location=location) if told.message not in besides]
    assert not wrong, f"{ending}: {wrong}"
    return json_feed.parsed(content) if ending == "json" else _parsed(content)


def assert_atom(content: bytes) -> etree._Element:
    """Atom: its grammar and every rule beyond. Returns the feed."""
    feed: etree._Element = assert_feed("atom", content)
    return feed


def assert_rss(content: bytes, *, location: str = "", besides: Iterable[str] = OF_ARTICLES) -> etree._Element:
    """RSS 2.0 as feedpub writes it: it names who made it, and its date if anything is in it. Returns the channel."""
    root: etree._Element = assert_feed("rss", content, location=location, besides=besides)
    channel = root[0]
    items = channel.findall("item")
    for once in ("title", "link", "description", "generator", *["lastBuildDate"][: len(items)]):
        assert channel.findtext(once), once
    for item in items:
        guid = item.find("guid")
        assert guid is not None
        assert guid.get("isPermaLink") == "false", "a guid outlives the address of its article"
    return channel


def assert_json(content: bytes) -> dict[str, Any]:
    """JSON Feed 1.1. Returns the feed."""
    feed: dict[str, Any] = assert_feed("json", content)
    return feed


def assert_site(files: Mapping[str, bytes], base_url: str) -> None:
    """Refuse a site if one of its feeds has a fault where it is fetched. `files`: by their paths below `base_url`."""
    feeds = {path: path.rpartition(".")[2] for path in files if path.endswith((".rss", ".atom", ".json"))}
    for path, ending in feeds.items():
        besides = {*OF_ARTICLES}
        if re.match("archive/.*/1[.]", path) and re.sub("/1[.]", "/2.", path) not in feeds:
            besides.add("ArchiveIncomplete")  # it has no neighbour yet; RFC 5005 §4 asks for none
        if ending == "rss":
            assert_rss(files[path], location=base_url + path, besides=besides)
        else:
            assert_feed(ending, files[path], location=base_url + path, besides=besides)


def _parsed(content: bytes) -> etree._Element:
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
