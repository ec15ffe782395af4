"""Atom (RFC 4287) with its companions: histories (RFC 5005), threads (RFC 4685), tombstones (RFC 6721)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lxml import etree

from tests.golden.w3c import html, values
from tests.golden.w3c.extensions import (
    LINK,
    OF_ENTRIES,
    OF_FEEDS,
    address,
    atom_date,
    of_alternates,
    of_history,
    of_links,
    of_the_file,
)
from tests.golden.w3c.page import NAMESPACES, Complaint, Element, Kind, Page, children, every, links, within

ROOT: Final = Path(__file__).parents[3]
GRAMMAR: Final = next(file for room in ("src", "tests") for file in (ROOT / room).rglob("atom.rng"))
"""RFC 4287's own grammar (its appendix B), wherever it lies."""

_GRAMMAR = etree.RelaxNG(etree.parse(str(GRAMMAR)))
_LANG = f"{{{NAMESPACES['xml']}}}lang"


def complaints(page: Page) -> Iterator[Complaint]:
    """Everything that is wrong with an Atom file; `RelaxNG`: the grammar of the RFC itself refuses it."""
    yield from of_the_file(page)
    feed = page.root
    if feed.tag != f"{{{NAMESPACES['atom']}}}feed":
        yield Complaint("InvalidNamespace", "feed")
        return
    if not _GRAMMAR.validate(feed):
        yield Complaint("RelaxNG", str(_GRAMMAR.error_log))
    yield from _of_feed(feed)
    yield from of_links(page, feed)
    yield from of_history(page, feed)
    yield from within(page, feed, _FEED)
    for entry in every(feed, "atom:entry"):
        yield from _of_entry(feed, entry)


def _of_feed(feed: Element) -> Iterator[Complaint]:
    names = [called for called, _ in children(feed)]
    yield from _missing(names, "feed", "atom:id", "atom:title", "atom:updated")
    if "atom:entry" in names:
        behind = set(names[names.index("atom:entry") :]) - {"atom:entry", "at:deleted-entry"}
        if behind:
            yield Complaint("MisplacedMetadata", min(behind))
    if not feed.get(_LANG):
        yield Complaint("MissingDCLanguage", "feed")
    else:
        yield from (Complaint(message, "feed/xml:lang") for message in values.language(feed.get(_LANG) or ""))
    ids = [_id(entry) for entry in every(feed, "atom:entry")]
    if len(ids) != len(set(ids)):
        yield Complaint("DuplicateEntries", "entry/atom:id")
    moments = Counter(entry.findtext(f"{{{NAMESPACES['atom']}}}updated") for entry in every(feed, "atom:entry"))
    if any(number > 1 for number in moments.values()):
        yield Complaint("DuplicateUpdated", "entry/atom:updated")
    graves = [grave.get("ref") for grave in every(feed, "at:deleted-entry")]
    if len(graves) != len(set(graves)) or set(graves) & set(ids):
        yield Complaint("LivingDeletedEntry", "at:deleted-entry")


def _of_entry(feed: Element, entry: Element) -> Iterator[Complaint]:
    names = [called for called, _ in children(entry)]
    yield from _missing(names, "entry", "atom:id", "atom:title", "atom:updated")
    if "atom:author" not in names and not every(feed, "atom:author"):
        yield Complaint("MissingElement", "entry/atom:author")
    if "atom:content" not in names:
        if "atom:summary" not in names:
            yield Complaint("MissingTextualContent", "entry")
        if not links(entry, "alternate"):
            yield Complaint("MissingContentOrAlternate", "entry")
    if entry.get(_LANG) is not None:
        yield from (Complaint(message, "entry/xml:lang") for message in values.language(entry.get(_LANG) or ""))
    yield from of_alternates(entry)


def _missing(names: list[str], parent: str, *needed: str) -> Iterator[Complaint]:
    for called in needed:
        if called not in names:
            yield Complaint("MissingElement", f"{parent}/{called}")


def _id(entry: Element) -> str:
    return entry.findtext(f"{{{NAMESPACES['atom']}}}id") or ""


# ---------------------------------------------------------------- single elements


def _identity(_page: Page, element: Element) -> Iterator[str]:
    value = element.text or ""
    if value != value.strip():
        yield "UnexpectedWhitespace"
    yield from values.identity(value)


def _words(page: Page, element: Element) -> Iterator[str]:
    """A text construct: plain or HTML, and said which."""
    value, kind = element.text or "", element.get("type", "text")
    if not value.strip():
        yield "NotBlank"
    elif kind == "html":
        yield from html.complaints(value)
    elif kind == "text":
        yield from page.plain(element, message="ContainsUndeclaredHTML")
    else:
        yield "InvalidTextType"


def _content(page: Page, element: Element) -> Iterator[str]:
    if element.get("type", "text") not in {"text", "html"}:
        yield "InvalidMIMEType"
    else:
        yield from _words(page, element)


def _person(_page: Page, element: Element) -> Iterator[str]:
    if not every(element, "atom:name"):
        yield "MissingElement"


def _name(page: Page, element: Element) -> Iterator[str]:
    value = element.text or ""
    if not value.strip():
        yield "NotBlank"
    if "@" in value and "<" in value:
        yield "ContainsEmail"
    yield from page.plain(element)


def _category(page: Page, element: Element) -> Iterator[str]:
    if not element.get("term", "").strip():
        yield "MissingAttribute" if element.get("term") is None else "NotBlank"
    if (scheme := element.get("scheme")) is not None:
        yield from values.address(scheme)
    yield from page.plain(element, element.get("label", ""))


def _generator(page: Page, element: Element) -> Iterator[str]:
    if not (element.text or "").strip():
        yield "NotBlank"
    if (uri := element.get("uri")) is not None and list(values.address(uri)):
        yield "InvalidURIAttribute"
    yield from page.plain(element)


def _grave(page: Page, element: Element) -> Iterator[str]:
    """RFC 6721 §3."""
    if element.get("ref") is None or element.get("when") is None:
        yield "MissingAttribute"
        return
    yield from values.identity(element.get("ref") or "")
    yield from values.atom_date(element.get("when") or "", page.now)


_TYPED: Final = frozenset({"type"})
_PERSON: Final = Kind(
    _person,
    repeated="",
    children={"atom:name": Kind(_name), "atom:uri": Kind(address), "atom:email": Kind()},
)
_COMMON: Final = {
    "atom:id": Kind(_identity),
    "atom:title": Kind(_words, attributes=_TYPED),
    "atom:updated": Kind(atom_date),
    "atom:rights": Kind(_words, attributes=_TYPED),
    "atom:link": LINK,
    "atom:author": _PERSON,
    "atom:contributor": _PERSON,
    "atom:category": Kind(_category, repeated="", attributes=frozenset({"term", "scheme", "label"}), children={}),
}
_ENTRY: Final = (
    OF_ENTRIES
    | _COMMON
    | {
        "atom:content": Kind(_content, attributes=_TYPED),
        "atom:summary": Kind(_words, attributes=_TYPED),
        "atom:published": Kind(atom_date),
        "atom:source": Kind(children=_COMMON),
    }
)
_FEED: Final = (
    OF_FEEDS
    | _COMMON
    | {
        "atom:subtitle": Kind(_words, attributes=_TYPED),
        "atom:generator": Kind(_generator, attributes=frozenset({"uri", "version"})),
        "atom:icon": Kind(address),
        "atom:logo": Kind(address),
        "atom:entry": Kind(repeated="", children=_ENTRY),
        "at:deleted-entry": Kind(
            _grave,
            repeated="",
            attributes=frozenset({"ref", "when"}),
            children={"at:by": _PERSON, "at:comment": Kind(_words, attributes=_TYPED), "atom:link": LINK},
        ),
    }
)
