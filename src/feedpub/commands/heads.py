"""the bytes of a web page -> what its head says of the site: language, title, feeds. Pure; whatever the bytes are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from feedpub import clean
from feedpub.model import language_tag

READ = 1 << 20
"""Bytes of a page that are looked at: a head that is longer names no feed either."""
MOST_FEEDS = 8
"""A page that names more feeds than these means none of the others."""
API = "https://api.w.org/"
"""The relation by which WordPress names its REST API, in a header and in the page."""

_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_ENCODINGS = re.compile(r"utf-8|shift_jis|cp932|euc_jp|iso2022_jp|iso8859-\d+|cp125\d|gbk|gb2312|gb18030|big5|euc_kr")
"""What pages are written in, by Python's names. Its other codecs do other things than read text."""
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_:-]{1,40})""", re.IGNORECASE)
_COMMENTS = re.compile("comments?|コメント", re.IGNORECASE)
_OF_COMMENTS = re.compile("/comments/|[?&]feed=comments-")


@dataclass(frozen=True, slots=True)
class Head:
    """What a page says. Texts are one line each, addresses absolute; "" for what it does not say.

    `feeds` are in the page's order, without WordPress's of comments. `api` is where WordPress says its REST API is;
    `wordpress` tells that the page looks as WordPress writes pages, whether or not there is an API.
    """

    language: str = ""
    title: str = ""
    description: str = ""
    feeds: tuple[str, ...] = ()
    api: str = ""
    wordpress: bool = False


def is_page(body: bytes) -> bool:
    """Whether it begins as a web page does, and so is no feed."""
    begun = re.sub(rb"\A(?:\s|<\?xml.{0,200}?\?>|<!--.{0,2000}?-->)*", b"", body[:4096], flags=re.DOTALL)
    return re.match(rb"<(?:!doctype\s+html|html)[\s>]", begun, re.IGNORECASE) is not None


def read(body: bytes, url: str, content_type: str = "") -> Head:
    """Read the head of the page that stands at `url`. Never raises: what is no page says nothing."""
    page = _parsed(_text(body[:READ], content_type))
    if page is None:
        return Head()
    base = clean.url(_first(page, "//base/@href"), url) or url
    links = tuple(_links(page, base))
    named = {_said(one, "name") or _said(one, "property"): _said(one, "content") for one in _elements(page, "//meta")}
    return Head(
        language=language_tag(_first(page, "/html/@lang") or _first(page, "/html/@*[local-name()='xml:lang']")),
        title=clean.line(named.get("og:site_name") or _first(page, "//head/title/text()")),
        description=clean.line(named.get("description", "")),
        feeds=_feeds(links),
        api=next((href for rel, _, _, href in links if API in rel), ""),
        wordpress="wordpress" in named.get("generator", "").lower() or b"/wp-content/" in body[:READ],
    )


# ---------------------------------------------------------------- its characters and elements


def _text(body: bytes, content_type: str) -> str:
    said = _CHARSET.search(content_type.encode(errors="replace")) or _CHARSET.search(body[:4096])
    return body.decode(_encoding(said[1].decode()) if said else "utf-8", "replace").replace("\0", "")


def _encoding(label: str) -> str:
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return "utf-8"
    wide = {"shift_jis": "cp932"}.get(name, name)  # pages say the one and mean the other
    return wide if _ENCODINGS.fullmatch(wide) else "utf-8"


def _parsed(text: str) -> HtmlElement | None:
    """Build the page's tree; None where libxml2 finds no element in it."""
    try:
        # Bytes, as a text may not name an encoding, which XHTML does.
        parser = HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
        return document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        return None


def _elements(page: HtmlElement, path: str) -> list[HtmlElement]:
    return cast("list[HtmlElement]", page.xpath(path))


def _first(page: HtmlElement, path: str) -> str:
    return next((str(one) for one in page.xpath(path)), "")


def _said(element: HtmlElement, attribute: str) -> str:
    return str(element.get(attribute) or "").strip()


# ---------------------------------------------------------------- its links

_Link = tuple[Mapping[str, None], str, str, str]
"""The relations, the type, the title, and the absolute address."""


def _links(page: HtmlElement, base: str) -> Iterator[_Link]:
    for one in _elements(page, "//link[@rel][@href]"):
        if href := clean.url(_said(one, "href"), base):
            kind = _said(one, "type").partition(";")[0].strip().lower()
            yield dict.fromkeys(_said(one, "rel").lower().split()), kind, _said(one, "title"), href


def _feeds(links: tuple[_Link, ...]) -> tuple[str, ...]:
    """Name the feeds of articles; those whose title speaks of comments come last, as a site may be called so."""
    said = [
        (_COMMENTS.search(title) is not None, href)
        for rel, kind, title, href in links
        if "alternate" in rel and kind in _FEED_TYPES and not _OF_COMMENTS.search(href)
    ]
    said.sort(key=lambda one: one[0])
    return tuple(dict.fromkeys(href for _, href in said))[:MOST_FEEDS]


def api_in(header: str, url: str) -> str:
    """Find where a Link header (RFC 8288) of the page at `url` says that WordPress's REST API is; "" for nowhere."""
    said = re.search(rf"""<([^<>]{{1,2000}})>\s*;\s*rel\s*=\s*["']?{re.escape(API)}""", header)
    return clean.url(said[1], url) if said else ""
