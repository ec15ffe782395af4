"""JSON Lines -> articles: one object a line, with the keys of docs/schema.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from feedpub import clean
from feedpub.model import Image, Link, RawArticle
from feedpub.stores.imports.told import ArticleTold, Broken
from feedpub.stores.taxonomy import CategoryTold

_TEXTS = ("guid", "url", "title", "summary", "content", "published", "updated", "language", "notice")
_LISTS = ("categories", "tags", "authors", "images", "links")
_KEYS = ("id", *_TEXTS, *_LISTS, "announce")
_IMAGE_KEYS = ("url", "alt", "credit", "license")
_LINK_KEYS = ("rel", "url", "title")
_CATEGORY_KEYS = ("name", "slug", "parent")

_Object = Mapping[str, Any]


class _Wrong(Exception):  # noqa: N818 - a reason, and it never leaves this file
    """What is wrong with a line, in words."""


def read(path: Path) -> Iterator[ArticleTold | Broken]:
    """Read a file line by line; one with a mistake is told as such, and the next is read.

    A byte order mark, CRLF and blank lines do no harm.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                yield _article(number, _parsed(text))
            except _Wrong as reason:
                yield Broken(number, str(reason))


def _parsed(line: bytes) -> _Object:
    try:
        said = json.loads(line.decode("utf-8"), object_pairs_hook=_without_repeats)
    except UnicodeDecodeError as error:
        raise _Wrong(f"not UTF-8 text (at byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise _Wrong(f"not valid JSON (at character {error.colno})") from error
    except RecursionError as error:
        raise _Wrong("nested too deeply") from error
    if not isinstance(said, dict):
        raise _Wrong("one object { … } is needed on each line, an article's keys and values")
    return said


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Wrong(f'the key "{next(key for key in keys if keys.count(key) > 1)}" stands there twice')
    return said


def _article(number: int, said: _Object) -> ArticleTold:
    _refuse_unknown(said, _KEYS, "an article")
    texts: dict[str, Any] = {key: _text(said, key) for key in _TEXTS}
    if not (texts["title"].strip() or texts["content"].strip()):
        raise _Wrong('an article needs a "title" or "content"')
    for key in ("published", "updated"):
        _refuse_unreadable_date(key, texts[key])
    raw = RawArticle(
        id=_id(said),
        **texts,
        tags=tuple(_names(said, "tags")),
        authors=tuple(_names(said, "authors")),
        images=tuple(_image(one) for one in _objects(said, "images", _IMAGE_KEYS)),
        links=tuple(_link(one) for one in _objects(said, "links", _LINK_KEYS)),
        announce=_yes_or_no(said, "announce"),
    )
    return ArticleTold(number, raw, tuple(_category(one) for one in _list(said, "categories")))


def _id(said: _Object) -> str:
    key = said.get("id")
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    if not isinstance(key, str) or not key.strip():
        raise _Wrong('an article needs an "id", a text that stays the same when the article is edited')
    return key


def _category(said: object) -> CategoryTold:
    if isinstance(said, str) and said.strip():
        return CategoryTold(said.strip())
    if not isinstance(said, dict):
        raise _Wrong('"categories" lists names, or objects such as {"name": "News", "slug": "news", "parent": "All"}')
    _refuse_unknown(said, _CATEGORY_KEYS, "a category")
    parent = _text(said, "parent") if "parent" in said else None
    return CategoryTold(_needed(said, "name", "a category"), _text(said, "slug").strip(), parent)


def _image(said: _Object) -> Image:
    url = _needed(said, "url", "an image")
    return Image(url, _text(said, "alt"), _text(said, "credit"), _text(said, "license"))


def _link(said: _Object) -> Link:
    return Link(_rel(said), _needed(said, "url", "a link"), _text(said, "title"))


def _rel(said: _Object) -> Literal["via", "related"]:
    rel = said.get("rel")
    if rel == "via" or rel == "related":  # noqa: PLR1714 - the type checker follows only this form
        return "via" if rel == "via" else "related"
    raise _Wrong('the "rel" of a link is "via" (a source) or "related"')


def _refuse_unknown(said: _Object, known: tuple[str, ...], what: str) -> None:
    for key in said:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f' (did you mean "{close[0]}"?)' if close else f" (known: {', '.join(known)})"
            raise _Wrong(f'"{key}" is not a key of {what}{hint}')


def _refuse_unreadable_date(key: str, value: str) -> None:
    try:
        if value:
            clean.date(value, _ANY_ZONE)
    except ValueError as error:
        raise _Wrong(f'"{key}" {error}') from error


def _text(said: _Object, key: str) -> str:
    value = said.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Wrong(f'"{key}" must be a text in quotation marks')
    return value


def _needed(said: _Object, key: str, what: str) -> str:
    value = _text(said, key).strip()
    if not value:
        raise _Wrong(f'{what} needs a "{key}"')
    return value


def _yes_or_no(said: _Object, key: str) -> bool | None:
    value = said.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _Wrong(f'"{key}" must be true or false, without quotation marks')


def _list(said: _Object, key: str) -> list[Any]:
    value = said.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _Wrong(f'"{key}" must be a list [ … ]')
    return value


def _names(said: _Object, key: str) -> Iterator[str]:
    for value in _list(said, key):
        if not isinstance(value, str):
            raise _Wrong(f'"{key}" must be a list of texts in quotation marks')
        if value.strip():
            yield value.strip()


def _objects(said: _Object, key: str, known: tuple[str, ...]) -> Iterator[_Object]:
    for value in _list(said, key):
        if not isinstance(value, dict):
            raise _Wrong(f'"{key}" must be a list of objects {{ … }}')
        _refuse_unknown(value, known, f'"{key}"')
        yield value


_ANY_ZONE = ZoneInfo("UTC")
