"""What both formats share: links of Atom, the parts of a history (RFC 5005), threads, pictures, licences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from tests.golden.w3c import html, values
from tests.golden.w3c.html import names
from tests.golden.w3c.page import NAMESPACES, Check, Complaint, Element, Kind, Page, children, links, name

_RELATIONS: Final = names(
    "alternate current describedby edit edit-media enclosure first hub last license next next-archive payment "
    "prev-archive previous related replies search self service up via"
)
_HISTORY: Final = names("current first last next next-archive prev-archive previous")
_FEEDS: Final = frozenset({"application/atom+xml", "application/rss+xml", "application/rdf+xml"})
_LINK_ATTRIBUTES: Final = names("href rel type title hreflang length thr:count thr:updated thr:when")

# ---------------------------------------------------------------- checks of a text


def text(_page: Page, element: Element) -> Iterator[str]:
    """Any words, but not none."""
    if not (element.text or "").strip():
        yield "NotBlank"


def plain(page: Page, element: Element) -> Iterator[str]:
    """Words that are no HTML."""
    yield from text(page, element)
    yield from page.plain(element)


def undeclared(page: Page, element: Element) -> Iterator[str]:
    """Text said to be plain, or not said to be HTML."""
    if element.get("type", "plain") in {"plain", "text"}:
        yield from page.plain(element, message="ContainsUndeclaredHTML")
    elif element.get("type") == "html":
        yield from html.complaints(element.text or "")
    else:
        yield "InvalidMediaTextType"


def safe_html(_page: Page, element: Element) -> Iterable[str]:
    """HTML that does no harm in a reader."""
    return html.complaints(element.text or "")


def address(_page: Page, element: Element) -> Iterable[str]:
    """An absolute address."""
    return values.address(element.text or "")


def language(_page: Page, element: Element) -> Iterable[str]:
    """A language tag."""
    return values.language(element.text or "")


def atom_date(page: Page, element: Element) -> Iterable[str]:
    """RFC 3339."""
    return values.atom_date(element.text or "", page.now)


def rss_date(page: Page, element: Element) -> Iterable[str]:
    """RFC 2822."""
    return values.rss_date(element.text or "", page.now)


def count(_page: Page, element: Element) -> Iterable[str]:
    """Zero or more."""
    return values.count(element.text or "")


def attribute(key: str, check: Check, message: str = "MissingAttribute") -> Check:
    """An attribute that must be there; checked as if it were the element's text."""

    def checked(page: Page, element: Element) -> Iterator[str]:
        value = element.get(key)
        if value is None:
            yield message
        else:
            alone = etree.Element("alone")
            alone.text = value
            yield from check(page, alone)

    return checked


# ---------------------------------------------------------------- links of Atom


def link(page: Page, element: Element) -> Iterator[str]:
    """RFC 4287 §4.2.7, and the registered relations."""
    rel = element.get("rel", "alternate")
    href = element.get("href")
    if rel not in _RELATIONS and list(values.address(rel)):
        yield "UnregisteredAtomLinkRel"
    if href is None:
        yield "MissingHref"
    else:
        yield from values.address(href)
    for spoken in ("title", "rel", "type"):
        if element.get(spoken) == "":
            yield "AttrNotBlank"
    yield from page.plain(element, element.get("title", ""))
    yield from _typed(element, rel)
    yield from _threaded(page, element, rel)
    if rel in _HISTORY and name(str(_parent(element).tag)) in {"atom:entry", "item"}:
        yield "FeedHistoryRelInEntry"
    if (element.text or "").strip() or len(element):
        yield "AtomLinkNotEmpty"


def _typed(element: Element, rel: str) -> Iterator[str]:
    kind = element.get("type")
    if kind is not None:
        yield from values.mime_type(kind, "InvalidMIMEType")
        if rel == "self" and kind.split(";")[0] not in _FEEDS:
            yield "SelfNotAtom"
    if (tag := element.get("hreflang")) is not None:
        yield from values.language(tag)
    if (length := element.get("length")) is not None:
        yield from values.count(length)


def _threaded(page: Page, element: Element, rel: str) -> Iterator[str]:
    """RFC 4685 §4."""
    number = element.get(f"{{{NAMESPACES['thr']}}}count")
    moment = element.get(f"{{{NAMESPACES['thr']}}}updated")
    if (number is not None or moment is not None) and rel != "replies":
        yield "UnexpectedAttribute"
    if number is not None:
        yield from values.count(number)
    if moment is not None:
        yield from values.atom_date(moment, page.now)
    if element.get(f"{{{NAMESPACES['thr']}}}when") is not None:
        yield "NoThrWhen"


def _parent(element: Element) -> Element:
    parent = element.getparent()
    return element if parent is None else parent


LINK: Final = Kind(link, repeated="", attributes=_LINK_ATTRIBUTES, children={})


def in_reply_to(_page: Page, element: Element) -> Iterator[str]:
    """RFC 4685 §3: `ref` is the id of what is answered."""
    if element.get("ref") is None:
        yield "MissingAttribute"
    else:
        yield from values.identity(element.get("ref") or "")
    for key in ("href", "source"):
        if (value := element.get(key)) is not None:
            yield from values.address(value)
    if (kind := element.get("type")) is not None:
        yield from values.mime_type(kind, "InvalidMIMEType")


# ---------------------------------------------------------------- pictures


def _content(_page: Page, element: Element) -> Iterator[str]:
    if (url := element.get("url")) is not None:
        yield from values.address(url)
    elif not any(called == "media:player" for called, _ in children(element)):
        yield "MissingAttribute"
    if (kind := element.get("type")) is not None:
        yield from values.mime_type(kind)
    if element.get("medium", "image") not in {"image", "audio", "video", "document", "executable"}:
        yield "InvalidMediaMedium"
    for key in ("width", "height", "fileSize"):
        yield from _positive(element, key)


def _thumbnail(_page: Page, element: Element) -> Iterator[str]:
    yield from values.address(element.get("url") or "")
    for key in ("width", "height"):
        yield from _positive(element, key)


def _positive(element: Element, key: str) -> Iterator[str]:
    if (value := element.get(key)) is not None and not re.fullmatch("0*[1-9][0-9]*", value):
        yield "InvalidPositiveInteger"


def _copyright(_page: Page, element: Element) -> Iterator[str]:
    if (url := element.get("url")) is not None:
        yield from values.address(url)


def _credit(page: Page, element: Element) -> Iterator[str]:
    yield from text(page, element)
    role = element.get("role", "")
    if role != role.lower():
        yield "InvalidCreditRole"


_WORDS_OF_MEDIA: Final = {
    "media:title": Kind(undeclared, attributes=frozenset({"type"})),
    "media:description": Kind(undeclared, attributes=frozenset({"type"})),
    "media:credit": Kind(_credit, repeated="", attributes=frozenset({"role", "scheme"})),
    "media:copyright": Kind(_copyright, attributes=frozenset({"url"})),
    "media:keywords": Kind(repeated=""),
    "media:thumbnail": Kind(_thumbnail, repeated="", attributes=frozenset({"url", "width", "height", "time"})),
}
_CONTENT: Final = Kind(
    _content,
    repeated="",
    attributes=names("url fileSize type medium isDefault expression width height lang"),
    children=_WORDS_OF_MEDIA | {"dc:rights": Kind(plain)},  # media:license came after the validator
)


def _group(_page: Page, element: Element) -> Iterator[str]:
    if sum(called == "media:content" for called, _ in children(element)) < 2:
        yield "MediaGroupWithoutAlternatives"


_GROUP: Final = Kind(_group, repeated="", children=_WORDS_OF_MEDIA | {"media:content": _CONTENT})

# ---------------------------------------------------------------- what entries and feeds of both formats may say

DUBLIN_CORE: Final = {
    "dc:title": Kind(text),
    "dc:description": Kind(text),
    "dc:publisher": Kind(text, repeated=""),
    "dc:creator": Kind(text, repeated=""),
    "dc:contributor": Kind(text, repeated=""),
    "dc:subject": Kind(text, repeated=""),
    "dc:source": Kind(text),
    "dc:language": Kind(language),
    "dc:rights": Kind(plain),
    "dc:date": Kind(atom_date),
    "dcterms:modified": Kind(atom_date),
}
OF_ENTRIES: Final = (
    DUBLIN_CORE
    | _WORDS_OF_MEDIA
    | {
        "media:content": _CONTENT,
        "media:group": _GROUP,
        "creativeCommons:license": Kind(address, repeated=""),
        "slash:comments": Kind(count),
        "thr:total": Kind(count),
        "thr:in-reply-to": Kind(in_reply_to, repeated="", attributes=names("ref href source type")),
        "wfw:commentRss": Kind(address),
        "wfw:comment": Kind(address),
    }
)
OF_FEEDS: Final = (
    DUBLIN_CORE
    | _WORDS_OF_MEDIA
    | {
        "creativeCommons:license": Kind(address, repeated=""),
        "fh:archive": Kind(),
        "fh:complete": Kind(),
        "sy:updatePeriod": Kind(text),
        "sy:updateFrequency": Kind(count),
    }
)


# ---------------------------------------------------------------- rules of a whole feed


def of_the_file(page: Page) -> Iterator[Complaint]:
    """How the file begins, and the namespaces it declares."""
    if not re.match(rb"<\?xml version=['\"]1\.0['\"] encoding=['\"](?:utf|UTF)-8['\"]\?>", page.content):
        yield Complaint("NotUTF8" if page.content.startswith(b"<?xml ") else "WPBlankLine", "")
    if re.search(rb"^\s*<!DOCTYPE", page.content[:1000], re.MULTILINE):
        yield Complaint("InvalidDoctype", "")
    if len(page.content) > 5_000_000:
        yield Complaint("ValidatorLimit", "")
    declared = {item for element in page.root.iter() for item in element.nsmap.items()}
    customary = {namespace: prefix for prefix, namespace in NAMESPACES.items()}
    for prefix, namespace in sorted(declared, key=str):
        if namespace not in customary:
            yield Complaint("UnknownNamespace", str(namespace))
        elif prefix is not None and customary[namespace] != prefix:
            yield Complaint("NonstdPrefix", prefix)
        elif prefix == "atom" and not page.rss:
            yield Complaint("AvoidNamespacePrefix", prefix)
    # The validator knows no tombstones: it warns of the mere declaration, which should stand only where one is.
    if any(prefix == "at" for prefix, _ in declared) and not page.root.findall(f"{{{NAMESPACES['at']}}}deleted-entry"):
        yield Complaint("UnknownNamespace", NAMESPACES["at"])


def of_links(page: Page, feed: Element) -> Iterator[Complaint]:
    """A feed names itself, and no two alternates of one type."""
    selves = [element.get("href") for element in links(feed, "self")]
    if not selves:
        yield Complaint("MissingAtomSelfLink" if page.rss else "MissingSelf", "atom:link")
    elif page.location and page.location not in selves:
        yield Complaint("SelfDoesntMatchLocation", "atom:link")
    if any(not urlsplit(href or "").netloc for href in selves):
        yield Complaint("RelativeSelf", "atom:link")
    yield from of_alternates(feed)


def of_alternates(parent: Element) -> Iterator[Complaint]:
    """RFC 4287 §4.1.1, §4.1.2."""
    kinds = [(element.get("type", ""), element.get("hreflang", "")) for element in links(parent, "alternate")]
    if len(kinds) != len(set(kinds)):
        yield Complaint("DuplicateAtomLink", "atom:link")


def of_history(page: Page, feed: Element) -> Iterator[Complaint]:
    """RFC 5005: a complete feed is alone, a part of an archive leads to the living feed and to its neighbours."""
    marks = {called for called, _ in children(feed) if called.startswith("fh:")}
    selves = {page.location or "", *(element.get("href") for element in links(feed, "self"))}
    hrefs = {rel: {element.get("href") for element in links(feed, rel)} for rel in _HISTORY}
    if "fh:complete" in marks:
        if any(hrefs[rel] for rel in _HISTORY - {"current"}):
            yield Complaint("FeedRelInCompleteFeed", "fh:complete")
        if not hrefs["current"] <= selves:
            yield Complaint("CurrentNotSelfInCompleteFeed", "fh:complete")
    elif "fh:archive" in marks:
        if not hrefs["current"]:
            yield Complaint("MissingCurrentInArchive", "fh:archive")
        if not hrefs["prev-archive"] | hrefs["next-archive"]:
            yield Complaint("ArchiveIncomplete", "fh:archive")
    yield from _of_pages(hrefs, selves)


def _of_pages(hrefs: dict[str, set[str | None]], selves: set[str | None]) -> Iterator[Complaint]:
    for end, beyond in (("first", "previous"), ("last", "next")):
        if hrefs[end] & selves and hrefs[beyond]:
            yield Complaint("LinkPastEnd", "atom:link")
    for rel in sorted(_HISTORY):
        if len(hrefs[rel]) > 1:
            yield Complaint("DuplicateHistoryLink", "atom:link")
    if selves & (hrefs["prev-archive"] | hrefs["next-archive"]):
        yield Complaint("LinkToItself", "atom:link")
