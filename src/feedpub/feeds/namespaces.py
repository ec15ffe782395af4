"""an article or a feed -> the elements that feedgen 1.0.0 cannot write, or writes wrongly.

Extensions as feedgen calls them: it asks each for its namespaces, and hands it the element to add to. One per
format, since one generator serves one format. What each works round is said where it does.

Media RSS 1.5.1 (without `media:license`, which feed validators do not know), Dublin Core 1.1, the Creative
Commons module of RSS, RFC 4287 §4.2.7 (links), RFC 4946 (licences).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
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
_MEDIA: Final = "http://search.yahoo.com/mrss/"
_XML: Final = "http://www.w3.org/XML/1998/namespace"

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
class RssFeed:
    """What a channel says besides feedgen's: its date, and the licence of all it carries."""

    updated: datetime
    license: str

    def extend_ns(self) -> Mapping[str, str]:
        """Name the namespaces of the whole file, so that no item declares its own."""
        return {"creativeCommons": _CREATIVE_COMMONS, "dc": _DC, "media": _MEDIA}

    def extend_rss(self, rss: etree._Element) -> None:
        """Add to the channel."""
        channel = rss[0]
        _add(channel, "lastBuildDate", rss_date(self.updated))  # feedgen's own would flip the process's locale
        if is_web_address(self.license):
            _add(channel, f"{{{_CREATIVE_COMMONS}}}license", self.license)
        elif self.license:
            _add(channel, "copyright", self.license)


@dataclass(frozen=True, slots=True)
class RssItem:
    """What an item says besides feedgen's."""

    article: Article
    language: str

    def extend_rss(self, item: etree._Element) -> None:
        """Add to the item."""
        article = self.article
        _add(item, "pubDate", rss_date(article.published))  # see lastBuildDate
        _add(item, f"{{{_ATOM}}}updated", atom_date(article.updated))
        for author in article.authors:
            _add(item, f"{{{_DC}}}creator", author)  # <author> would need an e-mail address
        if self.language:
            _add(item, f"{{{_DC}}}language", self.language)
        _add_references(item, f"{{{_ATOM}}}link", article)
        _add_images(item, article.images)


@dataclass(frozen=True, slots=True)
class AtomFeed:
    """What a feed says besides feedgen's: the licence of all it carries."""

    license: str

    def extend_ns(self) -> Mapping[str, str]:
        """Name the namespaces of the whole file, so that no entry declares its own."""
        return {"media": _MEDIA}

    def extend_atom(self, feed: etree._Element) -> None:
        """Add to the feed."""
        _add_license(feed, self.license)


@dataclass(frozen=True, slots=True)
class AtomEntry:
    """What an entry says besides feedgen's, which loses all of a link but its address."""

    article: Article
    language: str
    license: str

    def extend_atom(self, entry: etree._Element) -> None:
        """Mend and add to the entry. Names go without namespace: feedgen sets Atom's as a plain attribute."""
        if self.language:
            entry.set(f"{{{_XML}}}lang", self.language)
        if self.article.brief:
            _clear_title(entry)
        for alternate in entry.findall("link"):
            alternate.set("rel", "alternate")
            alternate.set("type", "text/html")
        _add_references(entry, "link", self.article)
        for image in self.article.images[:1]:  # one, as in RSS
            if kind := image_type(image):
                _add(entry, "link", rel="enclosure", type=kind, href=image.url)
        _add_license(entry, self.license)  # RFC 4946 §2: a feed's licence is not its entries'
        _add_images(entry, self.article.images)


def _clear_title(entry: etree._Element) -> None:
    """Leave the empty title that RFC 4287 §4.1.2 asks of a brief; feedgen takes none, and was given another."""
    for title in entry.findall("title"):
        title.text = None


def _add(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element


def _add_references(parent: etree._Element, tag: str, article: Article) -> None:
    for link in dict.fromkeys(article.links):
        titled = {"title": link.title} if link.title else {}
        _add(parent, tag, rel=link.rel, href=link.url, **titled)


def _add_license(parent: etree._Element, text: str) -> None:
    if is_web_address(text):
        _add(parent, "link", rel="license", href=text)
    elif text:
        _add(parent, "rights", text)


def _add_images(parent: etree._Element, images: Iterable[Image]) -> None:
    """Add every image with its words, side by side: a group would say that they are one image in many sizes."""
    for number, image in enumerate(dict.fromkeys(images)):
        typed = {"type": kind} if (kind := image_type(image)) else {}
        content = _add(parent, f"{{{_MEDIA}}}content", url=image.url, medium="image", **typed)
        if image.alt:
            _add(content, f"{{{_MEDIA}}}description", image.alt, type="plain")
        if image.credit:
            _add(content, f"{{{_MEDIA}}}credit", image.credit)
        if image.license:
            address = {"url": image.license} if is_web_address(image.license) else {}
            _add(content, f"{{{_MEDIA}}}copyright", image.license, **address)
        if number == 0:
            _add(parent, f"{{{_MEDIA}}}thumbnail", url=image.url)
