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
from typing import Final

from lxml import etree

from feedpub.errors import GateError
from feedpub.feeds.json_schema import JsonFeed

_ATOM: Final = "{http://www.w3.org/2005/Atom}"
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, collect_ids=False)
_CONTENT: Final = "{http://purl.org/rss/1.0/modules/content/}encoded"
_DANGERS: Final = (
    (re.compile(r"<\s*(script|iframe|object|embed|form|style|link|meta|base)\b", re.IGNORECASE), "a <{}> element"),
    (re.compile(r"<[^>]*\s(on[a-z]+)\s*=", re.IGNORECASE), "an {} handler"),
    (re.compile(r"""=\s*["']?\s*(javascript|data|vbscript):""", re.IGNORECASE), "a {}: address"),
)
_HEADS: Final = {
    "rss": re.compile(rb"<\?xml [^>]*\?>\n<\?xml-stylesheet [^>]*\?>\n<rss "),
    "atom": re.compile(rb"<\?xml [^>]*\?>\n<\?xml-stylesheet [^>]*\?>\n<feed "),
    "json": re.compile(rb'\{"version": "https://jsonfeed\.org/version/1\.1", '),
}
_TAILS: Final = {"rss": b"</channel>\n</rss>\n", "atom": b"</feed>\n", "json": b"\n]}\n"}


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
    for pattern, name in _DANGERS:
        if found := pattern.search(html):
            return name.format(found[1].lower())
    return ""


def check_entries(
    expected: Sequence[Expected], xml: Mapping[str, bytes], objects: Sequence[bytes]
) -> Mapping[int, str]:
    """Read entries back from what was rendered; returns what is wrong with which, by its place.

    `xml`: whole documents, by `rss` and `atom` (whose own names are without namespace here); `objects`: one of JSON
    each, if there are any. Raises ValueError if a document cannot be read: then one of its entries spoils it.
    """
    faults: dict[int, str] = {}
    for number, one in enumerate(expected):
        if why := _unseen(one):
            faults[number] = why
    said: list[tuple[str, list[_Said]]] = []
    if "rss" in xml:
        said.append(("guid", list(map(_from_rss, _parsed(xml["rss"]).findall("channel/item"), expected))))
    if "atom" in xml:
        said.append(("id", list(map(_from_atom, _parsed(xml["atom"]).findall("entry")))))
    if objects:
        said.append(("guid", [_from_json(json.loads(one)) for one in objects]))
    for id_, read in said:
        if len(read) != len(expected):
            raise ValueError("another number of entries came out than went in")
        for number, (one, found) in enumerate(zip(expected, read, strict=True)):
            wanted = (getattr(one, id_), one.title, one.url, one.body)
            if found != wanted:
                faults.setdefault(number, _difference(wanted, found))
    return faults


def check_file(ending: str, content: bytes, guids: Sequence[str]) -> None:
    """Make sure that a file has its head, its tail, and each of its entries once. Raises GateError."""
    if not _HEADS[ending].match(content) or not content.endswith(_TAILS[ending]):
        raise GateError(f"the {ending} file does not begin or end as it should: please report it")
    if len(set(guids)) != len(guids):
        raise GateError(f"the {ending} file would carry an entry twice: please report it")


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


_Said = tuple[str, str, str, str]
"""An entry as it is read back: its id, its title, where it leads, its body."""


def _unseen(expected: Expected) -> str:
    """What no format would show to be wrong."""
    if why := danger(expected.body):
        return f"its content would bring readers {why}"
    if not expected.url.isascii() or not expected.url.startswith(("http://", "https://")):
        return "its address is not an absolute http or https address"
    return ""


def _difference(wanted: _Said, said: _Said) -> str:
    names = ("id", "title", "address", "content")
    wrong = [name for name, one, other in zip(names, wanted, said, strict=True) if one != other]
    return f"its {' and '.join(wrong)} does not come out as it went in: please report it"


def _from_rss(item: etree._Element, expected: Expected) -> _Said:
    found = {
        child.tag: child.text or "" for child in item.iterchildren("guid", "title", "link", "description", _CONTENT)
    }
    # Where there is no summary, feedgen puts the body into the description.
    body = found.get(_CONTENT) or (found.get("description", "") if expected.body else "")
    return found.get("guid", ""), found.get("title", ""), found.get("link", ""), body


def _from_atom(entry: etree._Element) -> _Said:
    found = {child.tag: child.text or "" for child in entry.iterchildren("id", "title", "content")}
    links = (child for child in entry.iterchildren("link") if child.get("rel") == "alternate")
    url = next((link.get("href") or "" for link in links), "")
    return found.get("id", ""), found.get("title", ""), url, found.get("content", "")


def _from_json(told: dict[str, str]) -> _Said:
    return told.get("id", ""), told.get("title", ""), told.get("url", ""), told.get("content_html", "")


def _parsed(content: bytes) -> etree._Element:
    """Read XML without fetching or expanding anything. Raises ValueError."""
    try:
        return etree.fromstring(content, _PARSER)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from None


@cache
def _grammar() -> etree.RelaxNG:
    return etree.RelaxNG(etree.fromstring((files("feedpub.feeds") / "atom.rng").read_bytes()))
