"""rows of WordPress's REST API -> raw articles, categories, images. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import unquote

from feedpub.model import Category, Image, Quarantined, RawArticle
from feedpub.stores import meta
from feedpub.stores.wordpress.answers import Row, row_id

STAMP_FIELDS = "id,date_gmt,modified_gmt,content.protected"
_FIELDS = "id,date_gmt,modified_gmt,guid,link,title,content,excerpt,format,status,author,featured_media,categories,tags"
POST_FIELDS = f"{_FIELDS},meta.{meta.ANNOUNCE},meta.{meta.NOTICE}"
OLD_POST_FIELDS = f"{_FIELDS},meta"
"""WordPress before 5.3 knows no fields within fields: `content.protected` of a stamp is not there either, then."""
CATEGORY_FIELDS = "id,name,slug,parent"
_LINK = re.compile(r"""<a\s[^>]*?\bhref=(["'])(.*?)\1""", re.IGNORECASE | re.DOTALL)
_CREATIVE_COMMONS = re.compile(r"https?://creativecommons\.org/(?:licenses|publicdomain)/")
_LICENSE = re.compile(r"\bCC(?:0|[ -]BY(?:-(?:SA|NC|ND))*)\b(?: \d\.\d\b)?(?: [A-Z]{2}\b)?")
MEDIA_FIELDS = "id,source_url,alt_text,caption,description"
NAME_FIELDS = "id,name"

_DIGITS = 16

BRIEF_FORMATS = ("aside", "status")
"""Post formats whose title no theme shows (wordpress.org, "Post Formats")."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the numbers in a post's row stand for."""

    tags: Mapping[int, str] = field(default_factory=dict)
    authors: Mapping[int, str] = field(default_factory=dict)
    images: Mapping[int, Image] = field(default_factory=dict)


def stamp(row: Row) -> str:
    """Tell one state of a post from another: its two dates, in UTC. Being scheduled and going live changes neither."""
    return f"{row.get('date_gmt') or ''} {row.get('modified_gmt') or ''}"


def latest(said: str) -> str:
    """The later date of a stamp."""
    return max(said.split(" "))


def is_public(row: Row) -> bool:
    """Whether everybody may read the post, without a password."""
    content = row.get("content")
    protected = content.get("protected") if isinstance(content, dict) else False
    return not protected and row.get("status", "publish") == "publish"


def article(row: Row, named: Named) -> RawArticle | Quarantined:
    """Read a public post of any type; what WordPress cannot have written is quarantined.

    A type may have no title, text or excerpt: its rows have none either.
    """
    key = str(row_id(row))
    try:
        return _article(key, row, named)
    except (KeyError, TypeError) as error:
        reason = f"its row in the REST API has no usable {error.args[0]!r}; a plugin may have changed it"
        return Quarantined(key, reason)


def _article(key: str, row: Row, named: Named) -> RawArticle:
    author, image = numbers(row, "author"), numbers(row, "featured_media")
    said = row.get("meta")  # a list where no field is registered
    fields = said if isinstance(said, dict) else {}
    return RawArticle(
        id=key,
        guid=unescape(rendered(row, "guid")),
        url=words(row, "link"),
        title="" if row.get("format") in BRIEF_FORMATS else _told(row, "title"),
        title_is_html=True,
        summary=_told(row, "excerpt"),
        content=_told(row, "content"),
        published=moment(row, "date_gmt"),
        updated=moment(row, "modified_gmt"),
        categories=tuple(str(number) for number in numbers(row, "categories")),
        tags=tuple(named.tags[number] for number in numbers(row, "tags") if number in named.tags),
        authors=tuple(named.authors[number] for number in author if number in named.authors),
        images=tuple(named.images[number] for number in image if number in named.images),
        announce=meta.announce(fields),
        notice=meta.notice(fields),
    )


def digest(said: object) -> str:
    """Tell one state of many things from another."""
    return hashlib.sha256(repr(said).encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def numbers(row: Row, name: str) -> tuple[int, ...]:
    """The ids that a row gives under `name`: none, one, or a list of them."""
    value = row.get(name) or ()
    return tuple(one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int))


def categories(rows: Iterable[Row], store: str) -> tuple[Category, ...]:
    """Read the taxonomy. WordPress escapes names as HTML and slugs as URLs."""
    return tuple(
        Category(
            store=store,
            key=str(row_id(row)),
            name=unescape(str(row.get("name", ""))),
            slug=unquote(str(row.get("slug", ""))),
            parent=str(row["parent"]) if row.get("parent") else None,
        )
        for row in rows
    )


def names(rows: Iterable[Row]) -> dict[int, str]:
    """Read tags or authors."""
    return {row_id(row): unescape(str(row.get("name", ""))) for row in rows}


def images(rows: Iterable[Row]) -> dict[int, Image]:
    """Read media: the alternative text is plain, the caption is HTML."""
    return {
        row_id(row): Image(str(row["source_url"]), str(row.get("alt_text") or ""), _credit(row), _license(row))
        for row in rows
        if row.get("source_url")
    }


def _license(row: Row) -> str:
    """The licence that a caption links to, or else names: Creative Commons, as no other has a name of its own."""
    if not _credit(row):
        return ""
    links = (unescape(link[2]) for link in _LINK.finditer(_told(row, "caption")))
    words = _LICENSE.search(_plain(row, "caption"))
    return next((link for link in links if _CREATIVE_COMMONS.match(link)), words[0] if words else "")


def _credit(row: Row) -> str:
    """The caption. WordPress gives the beginning of the description where there is none: that is no credit."""
    caption, description = (_plain(row, name) for name in ("caption", "description"))
    return "" if re.sub(r"\s*(\[…\]|…)$", "", caption) in description else caption


def _plain(row: Row, name: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", _told(row, name))).strip()


def _told(row: Row, name: str) -> str:
    return rendered(row, name) if name in row else ""


def rendered(row: Row, name: str) -> str:
    """HTML as WordPress shows it; raises KeyError or TypeError where it is not there."""
    part = row[name]
    text = part.get("rendered") if isinstance(part, dict) else None
    if not isinstance(text, str):
        raise TypeError(name)
    return text


def words(row: Row, name: str) -> str:
    """A text of a row; raises KeyError or TypeError where it is not there."""
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def moment(row: Row, name: str) -> str:
    """A date in UTC; raises KeyError or TypeError where it is not there."""
    value = words(row, name)
    return value + "Z" if value and not value.endswith("Z") else value
