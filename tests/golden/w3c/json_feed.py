"""JSON Feed 1.1, every rule of its specification. It has no validator of its own: the names are ours.

Stricter than the specification where a feed on the public web should be: addresses are absolute and ASCII, nothing is
null, `home_page_url` and `feed_url` are there, version 1's `author` is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tests.golden.w3c import html, values
from tests.golden.w3c.page import Complaint

VERSION: Final = "https://jsonfeed.org/version/1.1"

Check = Callable[[Any, datetime | None], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Member:
    """What is asked of one member of an object."""

    check: Check
    needed: bool = False


def complaints(content: bytes, location: str = "", now: datetime | None = None) -> Iterator[Complaint]:
    """Everything that is wrong with a file of JSON Feed 1.1."""
    try:
        feed = parsed(content)
    except ValueError as error:
        yield Complaint("InvalidJson", str(error))
        return
    if not isinstance(feed, dict):
        yield Complaint("WrongType", "feed")
        return
    yield from _object(feed, "feed", _FEED, now)
    if next(iter(feed), "") != "version":
        yield Complaint("VersionNotFirst", "version")
    if location and feed.get("feed_url") != location:
        yield Complaint("SelfDoesntMatchLocation", "feed_url")
    if "next_url" in feed and feed["next_url"] == feed.get("feed_url"):
        yield Complaint("LinkToItself", "next_url")
    ids = [item.get("id") for item in _objects(feed.get("items"))]
    if len(ids) != len(set(map(str, ids))):
        yield Complaint("DuplicateEntries", "item/id")
    for item in _objects(feed.get("items")):
        if "content_html" not in item and "content_text" not in item:
            yield Complaint("MissingContent", "item")


def parsed(content: bytes) -> Any:
    """Read UTF-8 JSON; raises ValueError for what Python would let through: a BOM, NaN, a member said twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member stands there twice")
        return dict(pairs)

    def number(text: str) -> float:
        raise ValueError(f"{text} is no JSON")

    return json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=number)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(value: Any, about: str, members: Mapping[str, Member], now: datetime | None) -> Iterator[Complaint]:
    if not isinstance(value, dict):
        yield Complaint("WrongType", about)
        return
    for key, member in members.items():
        if member.needed and key not in value:
            yield Complaint("MissingMember", f"{about}/{key}")
    for key, inside in value.items():
        where = f"{about}/{key}"
        if key.startswith("_"):
            yield from _extension(key, inside, where)
        elif key not in members:
            yield Complaint("UnknownMember", where)
        elif (nested := _NESTED.get(key)) is not None:
            yield from _array(inside, where, nested, now)
        else:
            yield from (Complaint(message, where) for message in members[key].check(inside, now))


def _array(value: Any, about: str, members: Mapping[str, Member], now: datetime | None) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield Complaint("WrongType", about)
        return
    for one in value:
        yield from _object(one, about.rpartition("/")[2].removesuffix("s"), members, now)
        if members is _AUTHOR and isinstance(one, dict) and not one.keys() & _AUTHOR.keys():
            yield Complaint("EmptyAuthor", about)


def _extension(key: str, value: Any, about: str) -> Iterator[Complaint]:
    if not re.match("_[A-Za-z]", key) or "." in key:
        yield Complaint("InvalidExtensionName", about)
    if not isinstance(value, dict):
        yield Complaint("WrongType", about)
    elif any("." in member or member.startswith("_") for member in value):
        yield Complaint("InvalidExtensionName", about)


# ---------------------------------------------------------------- single members


def _text(value: Any, _now: datetime | None) -> Iterator[str]:
    if not isinstance(value, str):
        yield "WrongType"
    elif not value.strip():
        yield "NotBlank"
    else:
        yield from values.characters(value)


def _plain(value: Any, now: datetime | None) -> Iterator[str]:
    yield from _text(value, now)
    if isinstance(value, str):
        yield from values.plain(value)


def _markup(value: Any, now: datetime | None) -> Iterator[str]:
    yield from _text(value, now)
    if isinstance(value, str):
        yield from html.complaints(value)


def _version(value: Any, _now: datetime | None) -> Iterator[str]:
    if value != VERSION:
        yield "InvalidVersion"


def _url(value: Any, now: datetime | None) -> Iterator[str]:
    yield from _text(value, now)
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        yield "NotAbsolute"
    elif isinstance(value, str):
        yield from values.address(value)


def _date(value: Any, now: datetime | None) -> Iterator[str]:
    if not isinstance(value, str):
        yield "WrongType"
    else:
        yield from values.atom_date(value, now)


def _language(value: Any, _now: datetime | None) -> Iterator[str]:
    if not isinstance(value, str):
        yield "WrongType"
    else:
        yield from values.language(value)


def _mime_type(value: Any, _now: datetime | None) -> Iterator[str]:
    if not isinstance(value, str):
        yield "WrongType"
    else:
        yield from values.mime_type(value)


def _number(value: Any, _now: datetime | None) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield "WrongType"
    elif value < 0:
        yield "InvalidNonNegativeInteger"


def _yes_or_no(value: Any, _now: datetime | None) -> Iterator[str]:
    if not isinstance(value, bool):
        yield "WrongType"


def _texts(value: Any, now: datetime | None) -> Iterator[str]:
    if not isinstance(value, list):
        yield "WrongType"
    else:
        for one in value:
            yield from _plain(one, now)


def _nested(_value: Any, _now: datetime | None) -> Iterable[str]:
    """Checked as an array of objects, by the tables below."""
    return ()


_AUTHOR: Final = {"name": Member(_plain), "url": Member(_url), "avatar": Member(_url)}
_HUB: Final = {"type": Member(_text, needed=True), "url": Member(_url, needed=True)}
_ATTACHMENT: Final = {
    "url": Member(_url, needed=True),
    "mime_type": Member(_mime_type, needed=True),
    "title": Member(_plain),
    "size_in_bytes": Member(_number),
    "duration_in_seconds": Member(_number),
}
_ITEM: Final = {
    "id": Member(_text, needed=True),
    "url": Member(_url),
    "external_url": Member(_url),
    "title": Member(_plain),
    "content_html": Member(_markup),
    "content_text": Member(_text),
    "summary": Member(_plain),
    "image": Member(_url),
    "banner_image": Member(_url),
    "date_published": Member(_date),
    "date_modified": Member(_date),
    "authors": Member(_nested),
    "tags": Member(_texts),
    "language": Member(_language),
    "attachments": Member(_nested),
}
_FEED: Final = {
    "version": Member(_version, needed=True),
    "title": Member(_plain, needed=True),
    "home_page_url": Member(_url, needed=True),
    "feed_url": Member(_url, needed=True),
    "description": Member(_plain),
    "user_comment": Member(_text),
    "next_url": Member(_url),
    "icon": Member(_url),
    "favicon": Member(_url),
    "authors": Member(_nested),
    "language": Member(_language),
    "expired": Member(_yes_or_no),
    "hubs": Member(_nested),
    "items": Member(_nested, needed=True),
}
_NESTED: Final[Mapping[str, Mapping[str, Member]]] = {
    "authors": _AUTHOR,
    "hubs": _HUB,
    "attachments": _ATTACHMENT,
    "items": _ITEM,
}
