"""a JSON Feed 1.0 or 1.1 -> its entries (https://www.jsonfeed.org/version/1.1/), with what our own say besides. Pure.

What is not of the type that the specification names reads as if it were missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from feedpub.model import Image, Link, Quarantined, RawArticle
from feedpub.stores.feed.dates import date
from feedpub.stores.feed.header import Header
from feedpub.stores.feed.reading import Unreadable, refuse_crowd
from feedpub.stores.feed.words import as_html, distinct, is_picture
from feedpub.stores.taxonomy import CategoryTold, Named

_OURS: Final = "_feedpub"
_Object = Mapping[str, Any]


def read(said: str) -> tuple[Header, Iterator[Named | Quarantined]]:
    """Read a document; raises Unreadable where it is no JSON Feed."""
    try:
        feed = json.loads(said.lstrip("\ufeff"))
    except RecursionError:
        raise Unreadable("is nested too deeply to be a feed") from None
    except ValueError:
        raise Unreadable("is not valid JSON, or breaks off in the middle") from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise Unreadable("is JSON, but no JSON Feed: it has no list of items")
    if "jsonfeed.org/version/" not in _text(feed, "version"):
        raise Unreadable('is JSON, but no JSON Feed: its "version" names none of https://www.jsonfeed.org/')
    refuse_crowd(len(feed["items"]), max(map(_largest, feed["items"]), default=0))
    hubs = tuple(_text(hub, "url") for hub in _objects(feed, "hubs") if _text(hub, "type").lower() == "websub")
    header = Header(
        _text(feed, "title"), _text(feed, "home_page_url"), _text(feed, "language"), _text(feed, "feed_url"), hubs
    )
    return header, map(_entry, range(1, len(feed["items"]) + 1), feed["items"])


def _largest(item: object) -> int:
    """Count the longest list in an item, and in what is our own of it."""
    if not isinstance(item, dict):
        return 0
    return max(
        (len(one) for one in (*item.values(), *_object(item, _OURS).values()) if isinstance(one, list)), default=0
    )


def _entry(number: int, item: object) -> Named | Quarantined:
    if not isinstance(item, dict):
        return Quarantined(f"entry {number}", "it is no object { … }")
    ours = _object(item, _OURS)
    url, elsewhere = _text(item, "url"), _text(item, "external_url")
    article = RawArticle(
        id="",
        guid=_id(item),
        url=url or elsewhere,
        title=_text(item, "title"),
        summary=as_html(_text(item, "summary")),
        content=_content(item),
        published=date(_text(item, "date_published")),
        updated=date(_text(item, "date_modified")),
        authors=tuple(name for one in _authors(item) if (name := _text(one, "name"))),
        images=distinct(_images(item, ours)),
        links=tuple(_links(ours, elsewhere if url else "")),
        language=_text(item, "language"),
    )
    tags = (tag.strip() for tag in _list(item, "tags") if isinstance(tag, str))
    return Named(article, tuple(CategoryTold(tag) for tag in dict.fromkeys(tags) if tag))


def _id(item: _Object) -> str:
    """Read an id. A number is coerced to text, as the specification asks."""
    key = item.get("id")
    if isinstance(key, bool) or not isinstance(key, str | int | float):
        return ""
    return str(key).strip()


def _content(item: _Object) -> str:
    """Take HTML before text. Something must stand there: a text that only repeats what is told elsewhere is none."""
    plain = _text(item, "content_text")
    elsewhere = {_text(item, key) for key in ("title", "summary", "url")}
    return _text(item, "content_html") or ("" if plain in elsewhere else as_html(plain))


def _authors(item: _Object) -> list[_Object]:
    return _objects(item, "authors") or [_object(item, "author")]  # one in version 1.0


def _images(item: _Object, ours: _Object) -> Iterator[Image]:
    for one in _objects(ours, "images"):
        yield Image(_text(one, "url"), _text(one, "alt"), _text(one, "credit"), _text(one, "license"))
    yield Image(_text(item, "image"))
    if not _text(item, "image"):
        yield Image(_text(item, "banner_image"))
    for one in _objects(item, "attachments"):
        if is_picture(_text(one, "url"), _text(one, "mime_type")):
            yield Image(_text(one, "url"), alt=_text(one, "title"))


def _links(ours: _Object, elsewhere: str) -> Iterator[Link]:
    for one in _objects(ours, "links"):
        yield Link("via" if _text(one, "rel") == "via" else "related", _text(one, "url"), _text(one, "title"))
    if elsewhere:
        yield Link("related", elsewhere)


def _text(said: _Object, key: str) -> str:
    value = said.get(key)
    return value.strip() if isinstance(value, str) else ""


def _object(said: _Object, key: str) -> _Object:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _list(said: _Object, key: str) -> list[Any]:
    value = said.get(key)
    return value if isinstance(value, list) else []


def _objects(said: _Object, key: str) -> list[_Object]:
    return [one for one in _list(said, key) if isinstance(one, dict)]
