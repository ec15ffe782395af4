"""RSS 2.0, its best-practices profile, and its modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.golden.w3c import values
from tests.golden.w3c.extensions import (
    LINK,
    OF_ENTRIES,
    OF_FEEDS,
    address,
    atom_date,
    language,
    of_history,
    of_links,
    of_the_file,
    plain,
    rss_date,
    safe_html,
    text,
)
from tests.golden.w3c.page import Complaint, Element, Kind, Page, children, every, within

_PICTURES: Final = frozenset({"jpg", "jpeg", "gif", "png"})


def complaints(page: Page) -> Iterator[Complaint]:
    """Everything that is wrong with an RSS file."""
    yield from of_the_file(page)
    channels = every(page.root, "channel")
    if page.root.tag != "rss" or page.root.get("version") != "2.0" or len(channels) != 1 or len(page.root) != 1:
        yield Complaint("InvalidRSSVersion", "rss")
        return
    channel = channels[0]
    yield from _of_channel(channel)
    yield from of_links(page, channel)
    yield from of_history(page, channel)
    yield from within(page, channel, _CHANNEL)
    for item in every(channel, "item"):
        yield from _of_item(channel, item)


def _of_channel(channel: Element) -> Iterator[Complaint]:
    names = [called for called, _ in children(channel)]
    for called, message in (("title", "MissingTitle"), ("link", "MissingLink"), ("description", "MissingDescription")):
        if called not in names:
            yield Complaint(message, "channel")
    if "language" not in names and "dc:language" not in names:
        yield Complaint("MissingDCLanguage", "channel")
    if "item" in names and any(called != "item" for called in names[names.index("item") :]):
        yield Complaint("MisplacedItem", "channel/item")
    for core, extension in _SAME_IN_CHANNEL:
        if core in names and extension in names:
            yield Complaint("DuplicateSemantics", f"channel/{extension}")
    guids = [item.findtext("guid") for item in every(channel, "item")]
    if len(guids) != len(set(guids)):
        yield Complaint("DuplicateValue", "item/guid")


_SAME_IN_CHANNEL: Final = (
    ("language", "dc:language"),
    ("copyright", "dc:rights"),
    ("pubDate", "dc:date"),
    ("lastBuildDate", "dcterms:modified"),
    ("managingEditor", "dc:creator"),
    ("webMaster", "dc:publisher"),
    ("category", "dc:subject"),
)
_SAME_IN_ITEM: Final = (
    ("guid", "atom:id"),
    ("pubDate", "dc:date"),
    ("pubDate", "atom:published"),
    ("author", "dc:creator"),
    ("category", "dc:subject"),
    ("source", "dc:source"),
)


def _of_item(channel: Element, item: Element) -> Iterator[Complaint]:
    names = [called for called, _ in children(item)]
    if "title" not in names and "description" not in names:
        yield Complaint("ItemMustContainTitleOrDescription", "item")
    if "guid" not in names:
        yield Complaint("MissingGuid", "item")
    if "content:encoded" in names and "description" not in names[: names.index("content:encoded")]:
        yield Complaint("NeedDescriptionBeforeContent", "item/content:encoded")
    if "slash:comments" in names and not every(channel, "lastBuildDate"):
        yield Complaint("SlashDate", "item/slash:comments")
    for core, extension in _SAME_IN_ITEM:
        if core in names and extension in names:
            yield Complaint("DuplicateItemSemantics", f"item/{extension}")
    for called in ("atom:content", "atom:title", "xhtml:body"):
        if called in names:
            yield Complaint("DuplicateDescriptionSemantics", f"item/{called}")


# ---------------------------------------------------------------- single elements


def _guid(_page: Page, element: Element) -> Iterator[str]:
    value = element.text or ""
    said = element.get("isPermaLink", "true")
    if said not in {"true", "false"}:
        yield "InvalidBooleanAttribute"
    elif said == "true":
        if list(values.address(value)):
            yield "InvalidHttpGUID"
        elif not value.lower().startswith(("http:", "https:")):
            yield "InvalidPermalink"
    elif not value.strip():
        yield "NotBlank"
    elif len(value) < 9 and value.isdigit():
        yield "NotSufficientlyUnique"


def _enclosure(_page: Page, element: Element) -> Iterator[str]:
    if not {"url", "length", "type"} <= set(element.keys()):
        yield "MissingAttribute"
        return
    yield from values.web_address(element.get("url") or "")
    length = element.get("length") or ""
    yield from values.count(length, "UseZeroForUnknown" if length == "-1" else "InvalidIntegerAttribute")
    yield from values.mime_type(element.get("type") or "")


def _ttl(_page: Page, element: Element) -> Iterator[str]:
    if not (element.text or "").isdigit() or not int(element.text or "0"):
        yield "InvalidPositiveInteger"


def _mailbox(_page: Page, element: Element) -> Iterator[str]:
    value = element.text or ""
    if "@" not in value:
        yield "InvalidContact"
    elif not value.endswith(")"):
        yield "EmailFormat" if " " in value else "MissingRealName"


def _source(_page: Page, element: Element) -> Iterator[str]:
    if element.get("url") is None:
        yield "MissingAttribute"
    else:
        yield from values.address(element.get("url") or "")


def _image(_page: Page, element: Element) -> Iterator[str]:
    """The channel's picture repeats its title and link."""
    channel = element.getparent()
    for called, missing, differs in (
        ("title", "MissingTitle", "ImageTitleDoesntMatch"),
        ("link", "MissingLink", "ImageLinkDoesntMatch"),
        ("url", "MissingElement", ""),
    ):
        value = element.findtext(called)
        if value is None:
            yield missing
        elif differs and channel is not None and value != channel.findtext(called):
            yield differs
    ending = (element.findtext("url") or "").rpartition(".")[2].lower()
    if ending.isalnum() and ending not in _PICTURES:
        yield "ImageUrlFormat"
    for called, limit in (("width", 144), ("height", 400)):
        value = element.findtext(called)
        if value is not None and not (value.isdigit() and 0 < int(value) <= limit):
            yield f"Invalid{called.capitalize()}"


_CATEGORY: Final = Kind(plain, repeated="", attributes=frozenset({"domain"}))
_ITEM: Final = OF_ENTRIES | {
    "title": Kind(plain),
    "link": Kind(address),
    "description": Kind(safe_html),
    "content:encoded": Kind(safe_html),
    "author": Kind(_mailbox),
    "category": _CATEGORY,
    "comments": Kind(address),
    "enclosure": Kind(
        _enclosure, repeated="DuplicateEnclosure", attributes=frozenset({"url", "length", "type"}), children={}
    ),
    "guid": Kind(_guid, attributes=frozenset({"isPermaLink"})),
    "pubDate": Kind(rss_date),
    "source": Kind(_source, attributes=frozenset({"url"})),
    "atom:link": LINK,
    "atom:updated": Kind(atom_date),
    "atom:published": Kind(atom_date),
    "atom:id": Kind(address),
    "atom:summary": Kind(text, attributes=frozenset({"type"})),
}
_CHANNEL: Final = OF_FEEDS | {
    "title": Kind(plain),
    "link": Kind(address),
    "description": Kind(plain),
    "language": Kind(language),
    "copyright": Kind(plain),
    "managingEditor": Kind(_mailbox),
    "webMaster": Kind(_mailbox),
    "pubDate": Kind(rss_date),
    "lastBuildDate": Kind(rss_date),
    "category": _CATEGORY,
    "generator": Kind(text),
    "docs": Kind(address),
    "ttl": Kind(_ttl),
    "image": Kind(
        _image,
        children={
            "url": Kind(address),
            "title": Kind(plain),
            "link": Kind(address),
            "width": Kind(),
            "height": Kind(),
            "description": Kind(plain),
        },
    ),
    "atom:link": LINK,
    "atom:updated": Kind(atom_date),
    "atom:icon": Kind(address),
    "atom:logo": Kind(address),
    "atom:id": Kind(address),
    "item": Kind(repeated="", children=_ITEM),
}
