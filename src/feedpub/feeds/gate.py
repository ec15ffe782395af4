"""The gate: may this entry, this file go out? Whatever rendering did, what readers cannot read stops here.

An entry is parsed once per version, when it is rendered; a file is spliced from entries that passed, so for it a
look at its head, its tail and its ids is enough. `parse_file` parses a whole file: for `rebuild` and for tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lxml import etree

from feedpub.errors import GateError
from feedpub.feeds.json_schema import JsonFeed

_ATOM: Final = "{http://www.w3.org/2005/Atom}"
_CONTENT: Final = "{http://purl.org/rss/1.0/modules/content/}encoded"
_DANGER: Final = (
    (re.compile(r"<\s*(script|iframe|object|embed|form|style|link|meta|base)\b", re.IGNORECASE), "a <{}> element"),
    (re.compile(r"<[^>]*\s(on[a-z]+)\s*=", re.IGNORECASE), "an {} handler"),
    (re.compile(r"""(?:href|src)\s*=\s*["']?\s*(javascript|data|vbscript):""", re.IGNORECASE), "a {}: address"),
)
_HEADS: Final = {
    "rss": re.compile(rb"<\?xml [^>]*\?>\n<\?xml-stylesheet [^>]*\?>\n<rss "),
    "atom": re.compile(rb"<\?xml [^>]*\?>\n<\?xml-stylesheet [^>]*\?>\n<feed "),
    "json": re.compile(rb'\{"version": "https://jsonfeed\.org/version/1\.1", '),
}
_TAILS: Final = {"rss": b"</channel>\n</rss>\n", "atom": b"</feed>\n", "json": b"\n]}\n"}
_ENDS: Final = {"rss": b"\n    </item>\n", "atom": b"\n  </entry>\n"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an entry must say in every format: its ids, its title, where it leads, its body."""

    guid: str
    id: str
    title: str
    url: str
    body: str


def danger(html: str) -> str:
    """Name what no reader should be given in a piece of HTML; empty if there is nothing."""
    for pattern, name in _DANGER:
        if found := pattern.search(html):
            return name.format(found[1].lower())
    return ""


def check_entries(facts: Sequence[Expected], rss: bytes, atom: bytes, objects: Sequence[bytes]) -> Mapping[int, str]:
    """Read entries back from what was rendered; returns what is wrong with which, by its place.

    Raises ValueError if a whole document cannot be read: then one of its entries spoils it.
    """
    items = _parsed(rss).findall("channel/item")
    entries = _parsed(atom).findall(f"{_ATOM}entry")
    if not len(items) == len(entries) == len(objects) == len(facts):
        raise ValueError("another number of entries came out than went in")
    judged = (_fault(*four) for four in zip(facts, items, entries, [json.loads(one) for one in objects], strict=True))
    return {number: fault for number, fault in enumerate(judged) if fault}


def check_file(ending: str, content: bytes, guids: Sequence[str]) -> None:
    """Make sure that a file has its head, its tail, and each of its entries once. Raises GateError."""
    if not _HEADS[ending].match(content) or not content.endswith(_TAILS[ending]):
        raise GateError(f"the {ending} file does not begin or end as it should: please report it")
    if len(set(guids)) != len(guids):
        raise GateError(f"the {ending} file would carry an entry twice: please report it")
    if ending in _ENDS and content.count(_ENDS[ending]) != len(guids):
        raise GateError(f"the {ending} file has another number of entries than it should: please report it")


def parse_file(ending: str, content: bytes) -> None:
    """Parse a whole file, Atom by the grammar of RFC 4287, JSON by the rules of JSON Feed 1.1. Raises GateError."""
    try:
        if ending == "json":
            JsonFeed.model_validate_json(content)
            return
        root = _parsed(content)
    except ValueError as error:
        raise GateError(f"the {ending} file cannot be read: {str(error).splitlines()[0]}") from None
    if ending == "atom" and not _grammar().validate(root):
        raise GateError(f"the atom file is not what RFC 4287 allows: {_grammar().error_log[0].message}")


def _fault(expected: Expected, item: etree._Element, entry: etree._Element, told: dict[str, Any]) -> str:
    """What is wrong with an entry; empty if nothing is."""
    if why := danger(expected.body):
        return f"its content would bring readers {why}"
    said = (
        ("guid", expected.guid, (item.findtext("guid"), told.get("id"))),
        ("id", expected.id, (entry.findtext(f"{_ATOM}id"),)),
        ("title", expected.title, (item.findtext("title", ""), entry.findtext(f"{_ATOM}title"), told.get("title", ""))),
        ("address", expected.url, (item.findtext("link"), told.get("url"), _alternate(entry))),
        (
            "content",
            expected.body,
            (_body(item, expected), entry.findtext(f"{_ATOM}content", ""), told.get("content_html", "")),
        ),
    )
    for name, wanted, found in said:
        if any((one or "") != wanted for one in found):
            return f"its {name} does not come out as it went in: please report it"
    if not expected.url.isascii() or not expected.url.startswith(("http://", "https://")):
        return "its address is not an absolute http or https address"
    return ""


def _body(item: etree._Element, expected: Expected) -> str:
    """The body of an item; where it has no summary, feedgen puts it into the description."""
    return item.findtext(_CONTENT) or (item.findtext("description") if expected.body else "") or ""


def _alternate(entry: etree._Element) -> str | None:
    return next((link.get("href") for link in entry.findall(f"{_ATOM}link") if link.get("rel") == "alternate"), None)


def _parsed(content: bytes) -> etree._Element:
    """Read XML without fetching or expanding anything. Raises ValueError."""
    try:
        return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from None


@cache
def _grammar() -> etree.RelaxNG:
    return etree.RelaxNG(etree.fromstring((files("feedpub.feeds") / "atom.rng").read_bytes()))
