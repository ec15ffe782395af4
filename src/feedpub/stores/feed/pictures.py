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

_LEAST: Final = 100
"""Pixels: what says that it is narrower is a sign, such as the author's face, and no picture of what is told."""
_MEDIA: Final = ("http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss")


def images(entry: Element) -> tuple[Image, ...]:
    """Read the images of an item or entry. A small copy counts only where there is no other."""
    found = [*_contents(entry), *_enclosed(entry)]
    return distinct(found or _thumbnails(entry))


def described(entry: Element) -> str:
    """Read what is said of the one thing that an entry shows, such as a film: of its group, or right in it."""
    groups = [child for child in entry if _is(child, "group")]
    holders = [*groups, entry] if len(groups) < 2 else [entry]
    said = (_text(child) for holder in holders for child in holder if _is(child, "description"))
    return next(filter(None, said), "")


def enclosed(entry: Element) -> str:
    """Find the address of the file that comes with an entry, such as the sound of a podcast; "" where none does."""
    found = (child.get("url", "").strip() for child in entry if _local(child) == "enclosure")
    return next(filter(None, found), "")


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
    small = [one for holder in holders for one in holder if _is(one, "thumbnail") and not 0 < _pixels(one) < _LEAST]
    found = ((one, (one.get("url") or one.text or "").strip()) for one in small)  # note.com writes it as text
    return [Image(url, alt=_words(one.getparent(), "description", "title")) for one, url in found if url][:1]


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
    said = (_text(child) for name in names for child in holder if _is(child, name))
    return next(filter(None, said), "")


def _width(content: Element) -> tuple[bool, int]:
    return content.get("isDefault") == "true", _pixels(content)


def _pixels(content: Element) -> int:
    """Tell how wide it says that it is; 0 where it does not."""
    width = content.get("width", "")
    return int(width) if width.isascii() and width.isdecimal() and len(width) < 9 else 0


_TAGS: Final = {
    name: frozenset(f"{{{space}}}{name}" for space in _MEDIA)
    for name in ("content", "group", "thumbnail", "description", "title", "credit", "copyright", "license")
}


def _text(element: Element) -> str:
    return "".join(element.itertext()).strip()


def _is(element: Element, name: str) -> bool:
    return element.tag in _TAGS[name]


def _local(element: Element) -> str:
    return "" if element.tag in _TAGS["content"] else etree.QName(element).localname
