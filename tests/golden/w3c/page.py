"""The frame of the checks of XML: a file, its elements, and tables of what may stand where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from lxml import etree

from tests.golden.w3c import values

NAMESPACES: Final = {
    "atom": "http://www.w3.org/2005/Atom",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "fh": "http://purl.org/syndication/history/1.0",
    "media": "http://search.yahoo.com/mrss/",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "xhtml": "http://www.w3.org/1999/xhtml",
    "xml": "http://www.w3.org/XML/1998/namespace",
}
_PREFIXES = {address: prefix for prefix, address in NAMESPACES.items()}
_EVERYWHERE = frozenset({"xml:lang", "xml:base", "xml:id", "xml:space"})


class Complaint(NamedTuple):
    """One message of the validator, and the element it is about, with its prefix: `item/media:content`."""

    message: str
    about: str


Element = etree._Element
Check = Callable[["Page", Element], Iterable[str]]


def unchecked(_page: Page, _element: Element) -> Iterable[str]:
    """Say nothing of what stands in it."""
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked of one element: its content, how often it may stand there, its attributes, its children."""

    check: Check = unchecked
    repeated: str = "DuplicateElement"
    """The message if it stands there twice; empty: it may."""
    attributes: frozenset[str] = frozenset()
    children: Mapping[str, Kind] | None = None
    """None: it holds text alone."""


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed file. `location`: where it was fetched; `now`: when; either may be unknown."""

    root: Element
    content: bytes
    rss: bool
    location: str = ""
    now: datetime | None = None
    lines: list[bytes] = field(default_factory=list)

    def plain(self, element: Element, value: str | None = None, message: str = "ContainsHTML") -> Iterator[str]:
        """Check text that no reader should take for HTML; the element's own, if no other is given."""
        number: Any = element.sourceline
        line = self.lines[number - 1] if number and self.lines else b""
        text = (element.text or "") if value is None else value
        return values.plain(text, message=message, rss=self.rss, hexadecimal=b"&#x" in line)


def name(tag: str) -> str:
    """`{http://www.w3.org/2005/Atom}link` -> `atom:link`; a namespace that nobody knows stays as it is."""
    found = re.fullmatch(r"\{(.*)\}(.*)", tag)
    if found is None:
        return tag
    prefix = _PREFIXES.get(found[1])
    return f"{prefix}:{found[2]}" if prefix else tag


def children(parent: Element) -> list[tuple[str, Element]]:
    """The elements in an element, by name; comments and instructions are nothing to a reader."""
    return [(name(child.tag), child) for child in parent if isinstance(child.tag, str)]


def within(page: Page, parent: Element, kinds: Mapping[str, Kind]) -> Iterator[Complaint]:
    """Check everything in an element by the table of what may stand there."""
    seen: Counter[str] = Counter()
    for called, child in children(parent):
        about = f"{name(str(parent.tag)).removeprefix('atom:')}/{called}"
        seen[called] += 1
        kind = kinds.get(called)
        if kind is None:
            yield Complaint("UndefinedElement", about)
            continue
        if seen[called] > 1 and kind.repeated:
            yield Complaint(kind.repeated, about)
        yield from (Complaint(message, about) for message in _element(page, child, kind))
        if kind.children is not None:
            yield from within(page, child, kind.children)


def _element(page: Page, element: Element, kind: Kind) -> Iterator[str]:
    if any(name(str(key)) not in kind.attributes | _EVERYWHERE for key in element.attrib):
        yield "UnexpectedAttribute"
    texts = [element.text or "", *(child.tail or "" for child in element)]
    if kind.children is None and len(element):
        yield "UndefinedElement"
    if kind.children is not None and any(text.strip() for text in texts):
        yield "UnexpectedText"
    for value in (*texts, *(str(attribute) for attribute in element.attrib.values())):
        yield from values.characters(value)
    yield from kind.check(page, element)


def links(parent: Element, rel: str) -> list[Element]:
    """The links of Atom with this relation; one that says none is an alternate."""
    return [link for called, link in children(parent) if called == "atom:link" and link.get("rel", "alternate") == rel]


def every(parent: Element, called: str) -> list[Element]:
    """The children of this name."""
    return [child for named, child in children(parent) if named == called]
