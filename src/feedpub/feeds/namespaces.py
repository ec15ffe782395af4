"""an article or a feed -> the elements that feedgen 1.0.0 cannot write, or writes wrongly.

Extensions as feedgen calls them: it asks each for its namespaces, and hands it the element to add to. One per
format, since one generator serves one format. What each works round is said where it does.

Feed paging and archiving (RFC 5005), threading (RFC 4685), tombstones (RFC 6721), slash (comment counts),
Media RSS 1.5.1 (without `media:license`, which feed validators do not know), Dublin Core 1.1, the Creative
Commons module of RSS, RFC 4287 §4.2.7 (links), RFC 4946 (licences).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from posixpath import splitext
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from feedpub.feeds.addresses import is_web_address
from feedpub.model import Article, Image

# The prefixes are the customary ones: some readers look for them by name.
_ATOM: Final = "http://www.w3.org/2005/Atom"
_CREATIVE_COMMONS: Final = "http://backend.userland.com/creativeCommonsRssModule"
_DC: Final = "http://purl.org/dc/elements/1.1/"
_HISTORY: Final = "http://purl.org/syndication/history/1.0"
_MEDIA: Final = "http://search.yahoo.com/mrss/"
_SLASH: Final = "http://purl.org/rss/1.0/modules/slash/"
_THREADING: Final = "http://purl.org/syndication/thread/1.0"
_TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
_XML: Final = "http://www.w3.org/XML/1998/namespace"

NAMESPACES: Final = {
    "rss": {
        "creativeCommons": _CREATIVE_COMMONS,
        "dc": _DC,
        "fh": _HISTORY,
        "media": _MEDIA,
        "slash": _SLASH,
        "atom": _ATOM,
        "content": "http://purl.org/rss/1.0/modules/content/",
    },
    "atom": {"fh": _HISTORY, "media": _MEDIA, "thr": _THREADING},
}
"""What every file of a format declares; feedgen itself adds two to RSS, and sets Atom's own as a plain attribute."""

_SIGNS: Final = re.compile("[&<>\"']")

# Not the mimetypes module: that one reads the machine's own tables, so two machines would write two feeds.
_IMAGE_TYPES: Final = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".ico": "image/vnd.microsoft.icon",
    ".jfif": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".jxl": "image/jxl",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}


@lru_cache(maxsize=4096)
def image_type(image: Image) -> str:
    """Tell the media type from the address's ending; empty where it does not say."""
    try:
        return _IMAGE_TYPES.get(splitext(urlsplit(image.url).path)[1].lower(), "")
    except ValueError:
        return ""


def rss_date(moment: datetime) -> str:
    """Write a date as RSS asks (RFC 2822 §3.3), in UTC: English names in every locale, and no locale is touched."""
    return format_datetime(moment.astimezone(UTC))


def atom_date(moment: datetime) -> str:
    """Write a date as Atom asks (RFC 3339), in UTC and whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A link of a feed that feedgen does not know: `hub`, `current`, `prev-archive`, `next-archive`."""

    rel: str
    href: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a comment answers: the id of an article or of another comment, and where it stands (RFC 4685 §3)."""

    ref: str
    href: str


@dataclass(frozen=True, slots=True)
class RssFeed:
    """What a channel says besides feedgen's: its date, its licence, its hubs, its place in an archive."""

    updated: datetime
    license: str
    links: tuple[FeedLink, ...] = ()
    archive: bool = False

    def extend_ns(self) -> Mapping[str, str]:
        """Name the namespaces of the whole file, so that no item declares its own: the same in every feed."""
        return {prefix: NAMESPACES["rss"][prefix] for prefix in NAMESPACES["rss"] if prefix not in {"atom", "content"}}

    def extend_rss(self, rss: etree._Element) -> None:
        """Add to the channel."""
        channel = rss[0]
        _add(channel, "lastBuildDate", rss_date(self.updated))  # see pubDate
        _add_feed_links(channel, f"{{{_ATOM}}}link", self.links)
        if self.archive:
            _add(channel, f"{{{_HISTORY}}}archive")
        if is_web_address(self.license):
            _add(channel, f"{{{_CREATIVE_COMMONS}}}license", self.license)
        elif self.license:
            _add(channel, "copyright", self.license)


@dataclass(frozen=True, slots=True)
class AtomFeed:
    """What a feed says besides feedgen's: its licence, its hubs, its place in an archive, what was withdrawn."""

    license: str
    links: tuple[FeedLink, ...] = ()
    archive: bool = False
    tombstones: tuple[tuple[str, datetime], ...] = ()
    """(entry id, when) of what readers should forget (RFC 6721)."""

    def extend_ns(self) -> Mapping[str, str]:
        """Name the namespaces of the whole file, so that no entry declares its own: the same in every feed.

        But for that of tombstones, which no entry needs, and which validators do not know.
        """
        own = {"at": _TOMBSTONES} if self.tombstones else {}
        return {**NAMESPACES["atom"], **own}

    def extend_atom(self, feed: etree._Element) -> None:
        """Add to the feed."""
        _add_feed_links(feed, "link", self.links)
        if self.archive:
            _add(feed, f"{{{_HISTORY}}}archive")
        _add_license(feed, self.license)
        for ref, when in self.tombstones:
            _add(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=ref, when=atom_date(when))


@dataclass(frozen=True, slots=True)
class EntryExtras:
    """What an entry says besides feedgen's, in both formats, as lines to stand before its closing tag.

    Written as text, at a third of what elements cost: the gate parses every entry before anybody sees it.
    """

    article: Article
    language: str
    license: str
    comments: int = 0
    reply: Reply | None = None

    def of_item(self) -> str:
        """Write what a RSS item says."""
        article = self.article
        lines = [_line("pubDate", rss_date(article.published))]  # feedgen's own would flip the process's locale
        if article.images and (kind := image_type(article.images[0])):
            # RSS takes one enclosure, and 0 for a length that nobody knows.
            lines.append(_line("enclosure", url=article.images[0].url, length="0", type=kind))
        lines.append(_line("atom:updated", atom_date(article.updated)))
        lines += [_line("dc:creator", author) for author in article.authors]  # <author> would need an e-mail address
        if self.language:
            lines.append(_line("dc:language", self.language))
        lines += _references("atom:link", article)
        if self.comments:
            lines.append(_line("slash:comments", str(self.comments)))
        lines += _images(article.images)
        return "".join(f"      {line}\n" for line in lines)

    def of_entry(self) -> str:
        """Write what an Atom entry says."""
        article = self.article
        lines = [_line("published", atom_date(article.published))]  # feedgen would tell RSS too, in its own way
        lines += _references("link", article)
        if article.images and (kind := image_type(article.images[0])):  # one, as in RSS
            lines.append(_line("link", rel="enclosure", type=kind, href=article.images[0].url))
        if self.comments and article.url:
            there = {"rel": "replies", "type": "text/html", "href": comments_url(article.url)}
            lines.append(_line("link", "", **there, **{"thr:count": str(self.comments)}))
            lines.append(_line("thr:total", str(self.comments)))
        if self.reply is not None:
            lines.append(_line("thr:in-reply-to", ref=self.reply.ref, href=self.reply.href, type="text/html"))
        if self.license:  # RFC 4946 §2: a feed's licence is not its entries'
            by_address = is_web_address(self.license)
            lines.append(
                _line("link", rel="license", href=self.license) if by_address else _line("rights", self.license)
            )
        lines += _images(article.images)
        return "".join(f"    {line}\n" for line in lines)


def _line(tag: str, text: str = "", **attributes: str) -> str:
    """Write one element; its prefix is declared by every file (NAMESPACES)."""
    said = "".join([f' {name}="{_escaped(value)}"' for name, value in attributes.items()])
    return f"<{tag}{said}>{_escaped(text)}</{tag}>" if text else f"<{tag}{said}/>"


def _escaped(text: str) -> str:
    return escape(text) if _SIGNS.search(text) else text


def _references(tag: str, article: Article) -> Iterator[str]:
    for link in dict.fromkeys(article.links):
        titled = {"title": link.title} if link.title else {}
        yield _line(tag, rel=link.rel, href=link.url, **titled)


def _images(images: Iterable[Image]) -> Iterator[str]:
    """Tell every image with its words, side by side: a group would say that they are one image in many sizes."""
    for number, image in enumerate(dict.fromkeys(images)):
        typed = {"type": kind} if (kind := image_type(image)) else {}
        words = []
        if image.alt:
            words.append(_line("media:description", image.alt, type="plain"))
        if image.credit:
            words.append(_line("media:credit", image.credit))
        if image.license:
            address = {"url": image.license} if is_web_address(image.license) else {}
            words.append(_line("media:copyright", image.license, **address))
        content = _line("media:content", url=image.url, medium="image", **typed)
        if words:
            yield f"{content[:-2]}>"
            yield from (f"  {one}" for one in words)
        yield "</media:content>" if words else content
        if number == 0:
            yield _line("media:thumbnail", url=image.url)


def comments_url(url: str) -> str:
    """Where the comments of an article stand on its page."""
    return f"{url.partition('#')[0]}#comments"


def _add(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element


def _add_feed_links(parent: etree._Element, tag: str, links: Iterable[FeedLink]) -> None:
    for link in links:
        typed = {"type": link.type} if link.type else {}
        _add(parent, tag, rel=link.rel, href=link.href, **typed)


def _add_license(parent: etree._Element, text: str) -> None:
    if is_web_address(text):
        _add(parent, "link", rel="license", href=text)
    elif text:
        _add(parent, "rights", text)
