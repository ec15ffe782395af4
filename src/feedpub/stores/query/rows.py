"""a query's columns and rows -> articles whose categories are told by name, or why a row cannot be read. Pure."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from feedpub.errors import StoreError
from feedpub.model import Image, Link, Quarantined, RawArticle
from feedpub.stores import meta
from feedpub.stores.query.moments import moment
from feedpub.stores.taxonomy import CategoryTold, Named

COLUMNS = (
    "id", "title", "content", "summary", "url", "guid", "published", "updated", "categories", "tags", "authors",
    "image", "image_alt", "image_credit", "image_license", "links", "language", "announce", "notice",
)  # fmt: skip
"""What a query may call its columns."""
NOBODY = "(no id)"
"""Whom a reason is about when a row has no id."""
TWICE = "the query gives it in several rows that differ: give one row for each id, such as by GROUP BY"

_TEXTS = ("guid", "url", "title", "summary", "content", "language", "notice")
_SURROGATES = re.compile("[\ud800-\udfff]")
_NO_DATE = re.compile(r"\s*(0000-00-00.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are meant, as the options say it."""

    zone: ZoneInfo
    delimiter: str = ","
    title_is_html: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A row as it was read: what it tells, when it was updated (seconds since 1970), and its digest."""

    id: str
    at: int | None
    digest: str
    told: Named | Quarantined


class _Unreadable(Exception):  # noqa: N818 - a reason, and it never leaves this file
    """A value is not what its column promises."""


def check(columns: Sequence[str], *, asks: bool) -> tuple[str, ...]:
    """Take the names of a query's columns; raises StoreError with what to change in the query.

    `asks`: the query names `:since`, and so must say when its rows were updated.
    """
    names = tuple(str(one).lower() for one in columns)
    missing = {"id", "published", *(("updated",) if asks else ())} - set(names)
    if unknown := [one for one in names if one not in COLUMNS]:
        raise StoreError(_unknown(unknown[0], [one for one in COLUMNS if one not in names]))
    if missing:
        name = min(missing, key=COLUMNS.index)
        raise StoreError(f'the query gives no column "{name}": write … AS {name} into it')
    if not {"title", "content"} & set(names):
        raise StoreError('the query gives neither "title" nor "content": write … AS title into it')
    if twice := [one for one, count in Counter(names).items() if count > 1]:
        raise StoreError(f'the query gives two columns "{twice[0]}": leave one out')
    return names


def _unknown(name: str, free: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, free, n=1)
    shown = _SURROGATES.sub("\ufffd", name)[:50]
    instead = f"write AS {close[0]} (did you mean that?)" if close else "leave it out, or name it as one of feedpub's"
    return f'the query gives a column "{shown}", which feedpub does not know: {instead}'


def read(values: Mapping[str, object], reading: Reading) -> Read:
    """Read a row. One that cannot be read spoils no other."""
    id_, at = "", None
    try:
        id_ = _id(values["id"])
        updated = _date(values.get("updated"), "updated", reading.zone)
        at = int(datetime.fromisoformat(updated).timestamp()) if updated else None
        told: Named | Quarantined = _named(id_, updated, values, reading)
    except _Unreadable as reason:
        told = Quarantined(id_ or NOBODY, str(reason))
    # The values too: two rows that cannot be read for one reason are two rows.
    seen = told if isinstance(told, Named) else (told, list(values.values()))
    digest = hashlib.sha256(repr(seen).encode(errors="surrogatepass")).hexdigest()[:16]
    return Read(id_ or f"{NOBODY} {digest}", at, digest, told)


def _named(id_: str, updated: str, values: Mapping[str, object], reading: Reading) -> Named:
    texts: dict[str, Any] = {name: _text(values.get(name), name) for name in _TEXTS}
    article = RawArticle(
        id=id_,
        **texts,
        title_is_html=reading.title_is_html,
        published=_date(values.get("published"), "published", reading.zone),
        updated=updated,
        tags=_names(values.get("tags"), "tags", reading),
        authors=_names(values.get("authors"), "authors", reading),
        images=_images(values),
        links=_links(_parts(values.get("links"), "links", reading.delimiter)),
        announce=_announce(values.get("announce")),
    )
    parts = _parts(values.get("categories"), "categories", reading.delimiter)
    told = tuple(one for part in parts if (one := _category(part, reading)).name)
    return Named(article, told)


def _id(value: object) -> str:
    said = _text(value, "id")
    if not said.strip():
        raise _Unreadable("the query gives a row without an id: leave such rows out, or give each an id")
    if said != said.strip():  # the database would not find it again by what is left of it elsewhere
        raise _Unreadable("an id begins or ends with a blank: write TRIM(…) AS id")
    return said


def told_as(value: object) -> str:
    """Whom a row with this id is about, be it an article or why there is none."""
    try:
        return _id(value)
    except _Unreadable:
        return NOBODY


def _text(value: object, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            value = bytes(value).decode()
        except UnicodeDecodeError:
            raise _Unreadable(f"its {name} is not text in UTF-8") from None
    if isinstance(value, str):
        if _SURROGATES.search(value):
            raise _Unreadable(f"its {name} is not text in UTF-8")
        return value
    if isinstance(value, int | Decimal | UUID) and not isinstance(value, bool):
        return str(value)
    raise _Unreadable(f"its {name} is not text")


def _date(value: object, name: str, zone: ZoneInfo) -> str:
    """Write a date as articles do; "" where the row says none."""
    if isinstance(value, bytes):
        value = _text(value, name)
    if value is None or (isinstance(value, str) and _NO_DATE.fullmatch(value)):
        return ""
    try:
        return moment(value, zone).isoformat()
    except ValueError as reason:
        raise _Unreadable(f"its {name} {reason}") from None


def _parts(value: object, name: str, delimiter: str) -> tuple[object, ...]:
    """The parts of a list: JSON, an array of the database's, or text with a delimiter."""
    if isinstance(value, list | tuple):
        return tuple(value)
    said = _text(value, name).strip()
    if said.startswith("["):
        try:
            return tuple(json.loads(said))
        except ValueError:
            pass  # a name may begin with a bracket
    return tuple(said.split(delimiter))


def _names(value: object, name: str, reading: Reading) -> tuple[str, ...]:
    said = (_text(one, name).strip() for one in _parts(value, name, reading.delimiter))
    return tuple(dict.fromkeys(_plain(one, reading) for one in said if one))


def _plain(name: str, reading: Reading) -> str:
    return unescape(name) if reading.title_is_html else name


def _category(part: object, reading: Reading) -> CategoryTold:
    if not isinstance(part, Mapping):
        return CategoryTold(_plain(_text(part, "categories").strip(), reading))
    name, slug, parent = (_text(part.get(key), "categories").strip() for key in ("name", "slug", "parent"))
    return CategoryTold(_plain(name or slug, reading), slug, _plain(parent, reading) if "parent" in part else None)


def _images(values: Mapping[str, object]) -> tuple[Image, ...]:
    url, alt, credit, license_ = (
        _text(values.get(name), name).strip() for name in ("image", "image_alt", "image_credit", "image_license")
    )
    return (Image(url, alt, credit, license_),) if url else ()


def _links(parts: Sequence[object]) -> tuple[Link, ...]:
    """Read links; nothing between two delimiters is none, and nothing that somebody left out."""
    return tuple(link for part in parts if (link := _link(part)).url or link.title)


def _link(part: object) -> Link:
    if not isinstance(part, Mapping):
        return Link("via", _text(part, "links").strip())
    rel, url, title = (_text(part.get(key), "links").strip() for key in ("rel", "url", "title"))
    return Link("related" if rel == "related" else "via", url, title)


def _announce(value: object) -> bool | None:
    said = _text(value, "announce") if isinstance(value, bytes) else value
    return meta.announce({meta.ANNOUNCE: said})


def words(value: object) -> str:
    """What a value says as text, made fit to show; "" where it is none."""
    try:
        return _text(value, "")
    except _Unreadable:
        return _SURROGATES.sub("\ufffd", value) if isinstance(value, str) else ""
