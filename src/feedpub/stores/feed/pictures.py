"""an entry's elements -> its images, with what is said of each: Media RSS 1.5.1, enclosures. Pure.

feedparser would tell the words of a picture as those of the article, and not which credit is whose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from feedpub.model import Image
from feedpub.stores.feed.reading import Element
from feedpub.stores.feed.words import distinct, is_picture

_MEDIA: Final = ("http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss")


def images(entry: Element) -> tuple[Image, ...]:
    """Read the images of an item or entry. A small copy counts only where there is no other."""
    found = [*_contents(entry), *_enclosed(entry)]
    return distinct(found or _thumbnails(entry))


def _contents(entry: Element) -> Iterator[Image]:
    """Read `media:content`. Those of one group are one picture in many sizes: the largest counts."""
    for child in entry:
        if _is(child, "content") and _shows(child):
            yield _image(child)
        if _is(child, "group"):
            sizes = [one for one in child if _is(one, "content") and _shows(one)]
            if sizes:
                yield _image(max(sizes, key=_width), child)


def _enclosed(entry: Element) -> Iterator[Image]:
    for child in entry:
        name = _local(child)
        address = child.get("url" if name == "enclosure" else "href", "")
        enclosed = name == "enclosure" or (name == "link" and child.get("rel") == "enclosure")
        if enclosed and is_picture(address, child.get("type", "")):
            yield Image(address.strip())


def _thumbnails(entry: Element) -> list[Image]:
    holders = [entry, *(child for child in entry if _is(child, "group") or _is(child, "content"))]
    small = (one for holder in holders for one in holder if _is(one, "thumbnail") and one.get("url"))
    return [Image(one.get("url", "").strip(), alt=_words(one.getparent(), "description", "title")) for one in small][:1]


def _shows(content: Element) -> bool:
    medium = content.get("medium", "").lower()
    return medium == "image" or (not medium and is_picture(content.get("url", ""), content.get("type", "")))


def _image(content: Element, group: Element | None = None) -> Image:
    """Read a picture; what it does not say itself, its group says."""
    said = [one for one in (content, group) if one is not None]

    def words(*names: str) -> str:
        return next(filter(None, (_words(one, *names) for one in said)), "")

    return Image(
        content.get("url", "").strip(),
        alt=words("description", "title"),
        credit=words("credit"),
        license=next(filter(None, map(_license, said)), ""),
    )


def _license(holder: Element) -> str:
    for name, attribute in (("license", "href"), ("copyright", "url")):
        for child in holder:
            if _is(child, name):
                return str(child.get(attribute) or "".join(child.itertext())).strip()
    return ""


def _words(holder: Element, *names: str) -> str:
    """Read the first of these elements that says anything."""
    if holder.tag not in _TAGS["content"] | _TAGS["group"]:
        return ""
    said = ("".join(child.itertext()).strip() for name in names for child in holder if _is(child, name))
    return next(filter(None, said), "")


def _width(content: Element) -> tuple[bool, int]:
    width = content.get("width", "")
    return content.get("isDefault") == "true", int(width) if width.isascii() and width.isdecimal() and len(
        width
    ) < 9 else 0


_TAGS: Final = {
    name: frozenset(f"{{{space}}}{name}" for space in _MEDIA)
    for name in ("content", "group", "thumbnail", "description", "title", "credit", "copyright", "license")
}


def _is(element: Element, name: str) -> bool:
    return element.tag in _TAGS[name]


def _local(element: Element) -> str:
    return "" if element.tag in _TAGS["content"] else etree.QName(element).localname
