"""a text of an entry, as feedparser tells it -> HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree
from lxml import html as lxml_html

from feedpub.clean.urls import srcset
from feedpub.stores.feed.words import as_html, joined

_TAG: Final = re.compile(r"</?(?:[a-z]{1,12}|h[1-6])(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ADDRESSES: Final = frozenset({"href", "src", "poster", "cite", "data-src"})


def of(said: Mapping[str, Any], url: str) -> str:
    """Write a text as HTML; addresses are resolved where a `xml:base` says against what. `url` is the feed's."""
    value, base = said.get("value", "").strip(), said.get("base", "")
    if said.get("type") == "text/plain":
        return as_html(value)
    return _absolute(value, base) if base and base != url and "<" in value else value


def has_tags(html: str) -> bool:
    """Whether there is any tag in it."""
    return _TAG.search(html) is not None


def _absolute(html: str, base: str) -> str:
    try:
        within = lxml_html.fragment_fromstring(html, create_parent="div")
    except (etree.LxmlError, ValueError):
        return html
    for element in within.iter(etree.Element):
        for name, value in element.attrib.items():
            if name in _ADDRESSES:
                element.set(name, joined(base, value))
            elif name in ("srcset", "data-srcset"):
                element.set(name, srcset(value, base))
    written = (etree.tostring(child, encoding="unicode", method="html") for child in within)
    return "".join((as_html(within.text or ""), *written))
