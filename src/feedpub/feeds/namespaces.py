"""an article or a feed -> the elements that feedgen 1.0.0 cannot write, or writes wrongly.

Extensions as feedgen calls them: it asks each for its namespaces, and hands it the element to add to. One per
format, since one generator serves one format. What each works round is said where it does.

Feed paging and archiving (RFC 5005), threading (RFC 4685), tombstones (RFC 6721), slash (comment counts),
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
_HISTORY: Final = "http://purl.org/syndication/history/1.0"
_MEDIA: Final = "http://search.yahoo.com/mrss/"
_SLASH: Final = "http://purl.org/rss/1.0/modules/slash/"
_THREADING: Final = "http://purl.org/syndication/thread/1.0"
_TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
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
        return {"creativeCommons": _CREATIVE_COMMONS, "dc": _DC, "fh": _HISTORY, "media": _MEDIA, "slash": _SLASH}

    def extend_rss(self, rss: etree._Element) -> None:
        """Add to the channel."""
        channel = rss[0]
        _add(channel, "lastBuildDate", rss_date(self.updated))  # feedgen's own would flip the process's locale
        _add_feed_links(channel, f"{{{_ATOM}}}link", self.links)
        if self.archive:
            _add(channel, f"{{{_HISTORY}}}archive")
        if is_web_address(self.license):
            _add(channel, f"{{{_CREATIVE_COMMONS}}}license", self.license)
        elif self.license:
            _add(channel, "copyright", self.license)


@dataclass(frozen=True, slots=True)
class RssItem:
    """What an item says besides feedgen's."""

    article: Article
    language: str
    comments: int = 0

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
        if self.comments:
            _add(item, f"{{{_SLASH}}}comments", str(self.comments))
        _add_images(item, article.images)


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
        return {"fh": _HISTORY, "media": _MEDIA, "thr": _THREADING, **own}

    def extend_atom(self, feed: etree._Element) -> None:
        """Add to the feed."""
        _add_feed_links(feed, "link", self.links)
        if self.archive:
            _add(feed, f"{{{_HISTORY}}}archive")
        _add_license(feed, self.license)
        for ref, when in self.tombstones:
            _add(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=ref, when=atom_date(when))


@dataclass(frozen=True, slots=True)
class AtomEntry:
    """What an entry says besides feedgen's, which loses all of a link but its address."""

    article: Article
    language: str
    license: str
    comments: int = 0
    reply: Reply | None = None

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
        if self.comments and self.article.url:
            href = comments_url(self.article.url)
            replies = _add(entry, "link", rel="replies", type="text/html", href=href)
            replies.set(f"{{{_THREADING}}}count", str(self.comments))
            _add(entry, f"{{{_THREADING}}}total", str(self.comments))
        if self.reply is not None:
            _add(entry, f"{{{_THREADING}}}in-reply-to", ref=self.reply.ref, href=self.reply.href, type="text/html")
        _add_license(entry, self.license)  # RFC 4946 §2: a feed's licence is not its entries'
        _add_images(entry, self.article.images)


def comments_url(url: str) -> str:
    """Where the comments of an article stand on its page."""
    return f"{url.partition('#')[0]}#comments"


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


def _add_feed_links(parent: etree._Element, tag: str, links: Iterable[FeedLink]) -> None:
    for link in links:
        typed = {"type": link.type} if link.type else {}
        _add(parent, tag, rel=link.rel, href=link.href, **typed)


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
