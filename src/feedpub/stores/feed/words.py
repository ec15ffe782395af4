"""what both kinds of feeds tell in one way -> fields of an article. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from posixpath import splitext
from urllib.parse import urljoin, urlsplit

from feedpub.model import Image

_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_PICTURES = frozenset(
    {".apng", ".avif", ".bmp", ".gif", ".heic", ".jfif", ".jpeg", ".jpg", ".jxl", ".png", ".svg", ".webp"}
)


def as_html(plain: str) -> str:
    """Write plain text as HTML: a blank line parts paragraphs, a line end breaks a line."""
    said = plain.replace("\r\n", "\n").replace("\r", "\n").strip()
    if "\n" not in said:
        return escape(said, quote=False)
    parts = (escape(part.strip(), quote=False).replace("\n", "<br>\n") for part in _BLANK_LINE.split(said))
    return "\n".join(f"<p>{part}</p>" for part in parts)


def joined(base: str, address: str) -> str:
    """Resolve an address; one that is none, such as `http://[`, stays as it is: whoever uses it refuses it."""
    try:
        return urljoin(base, address.strip())
    except ValueError:
        return address


def is_picture(address: str, media_type: str) -> bool:
    """Whether a file is an image: by its media type, or where that is not told, by its name."""
    if media_type:
        return media_type.strip().lower().startswith("image/")
    try:
        return splitext(urlsplit(address).path)[1].lower() in _PICTURES
    except ValueError:
        return False


def distinct(images: Iterable[Image]) -> tuple[Image, ...]:
    """Keep each address once, with all that is said of it anywhere."""
    kept: dict[str, Image] = {}
    for one in images:
        before = kept.get(one.url, one)
        kept[one.url] = Image(
            one.url, before.alt or one.alt, before.credit or one.credit, before.license or one.license
        )
    return tuple(one for one in kept.values() if one.url)
