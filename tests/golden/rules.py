"""What validators ask of a feed file, checked without them: Atom by RFC 4287's own grammar, RSS by its rules.

The rules of RSS are those of the RSS 2.0 specification, the RSS Advisory Board's profile, and the W3C's feed
validator (each sentence names what it would complain of).
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from importlib.resources import files

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
MEDIA = "{http://search.yahoo.com/mrss/}"

_GRAMMAR = etree.RelaxNG(etree.fromstring((files("feedpub.feeds") / "atom.rng").read_bytes()))
_ITEM = re.compile(
    r"[a-z]+|\{(http://purl\.org/|http://www\.w3\.org/2005/Atom|http://search\.yahoo\.com/mrss/).*", re.IGNORECASE
)


def assert_atom(content: bytes) -> etree._Element:
    """RFC 4287: its grammar, and the rules of §4.1.1 and §4.1.2 that a grammar cannot say."""
    feed = _parsed(content)
    assert _GRAMMAR.validate(feed), _GRAMMAR.error_log
    assert _links(feed, "self"), "§4.1.1: a feed should name itself"
    ids = [entry.findtext(f"{ATOM}id") for entry in feed.findall(f"{ATOM}entry")]
    assert len(ids) == len(set(ids)), "DuplicateEntries"
    for entry in feed.findall(f"{ATOM}entry"):
        assert feed.find(f"{ATOM}author") is not None or entry.find(f"{ATOM}author") is not None
        assert entry.find(f"{ATOM}content") is not None or _links(entry, "alternate"), "§4.1.2"
        assert len(_links(entry, "alternate")) <= 1, "DuplicateAtomLink"
        assert re.match(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z", entry.findtext(f"{ATOM}id") or ""), "InvalidFullLink"
    return feed


def assert_rss(content: bytes) -> etree._Element:
    """RSS 2.0."""
    root = _parsed(content)
    assert (root.tag, root.get("version"), len(root)) == ("rss", "2.0", 1)
    channel = root[0]
    for once in ("title", "link", "description", "lastBuildDate", "generator"):
        assert len(channel.findall(once)) == 1, once
        assert channel.findtext(once), once
    assert [link.get("rel") for link in channel.findall(f"{ATOM}link")] == ["self"], "MissingAtomSelfLink"
    _assert_date(channel.findtext("lastBuildDate"))
    items = channel.findall("item")
    assert list(channel)[len(channel) - len(items) :] == items, "MisplacedItem"
    guids = [item.findtext("guid") for item in items]
    assert len(guids) == len(set(guids)), "DuplicateEntries"
    for item in items:
        _assert_item(item)
    return channel


def _assert_item(item: etree._Element) -> None:
    tags = [str(child.tag) for child in item]
    for once in ("title", "link", "description", CONTENT, "guid", "enclosure", "pubDate", f"{ATOM}updated"):
        assert tags.count(once) <= 1, f"duplicate {once}"
    assert item.findtext("title") or item.findtext("description"), "ItemMustContainTitleOrDescription"
    if CONTENT in tags:
        assert "description" in tags[: tags.index(CONTENT)], "NeedDescriptionBeforeContent"
    assert "author" not in tags, "DuplicateItemSemantics"
    assert all(_ITEM.fullmatch(tag) for tag in tags), "UndefinedElement"
    guid = item.find("guid")
    assert guid is not None
    assert guid.text
    assert guid.get("isPermaLink") == "false", "InvalidPermalink"
    _assert_date(item.findtext("pubDate"))
    assert (item.findtext("link") or "").isascii(), "UriNotIri"
    for enclosure in item.findall("enclosure"):
        assert set(enclosure.keys()) == {"url", "length", "type"}
        assert (enclosure.get("length") or "").isdigit()
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", enclosure.get("type") or ""), "InvalidMIMEAttribute"


def _parsed(content: bytes) -> etree._Element:
    assert content.startswith(b"<?xml "), "nothing may stand before the declaration"
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))


def _links(parent: etree._Element, rel: str) -> list[etree._Element]:
    return [link for link in parent.findall(f"{ATOM}link") if link.get("rel", "alternate") == rel]


def _assert_date(text: str | None) -> None:
    """Exactly as RFC 2822 writes that moment in UTC: a wrong weekday or a localized name would differ."""
    assert text
    assert format_datetime(parsedate_to_datetime(text).astimezone(UTC)) == text
