"""the embedded store's rows -> raw articles, or why one cannot be read, and raw comments; and back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Integer, Row, Select, Table, literal_column, select

from feedpub.model import Category, Image, Link, Quarantined, RawArticle, RawComment
from feedpub.stores.embedded.schema import BELONGINGS, article, category, comment

Values = dict[str, Any]
_Parts = Mapping[str, Mapping[str, Sequence[Row[Any]]]]
_Part = TypeVar("_Part", Image, Link)
_TEXTS = ("guid", "url", "title", "summary", "content", "published", "updated", "language", "notice")
_COMMENT_TEXTS = ("id", "article", "parent", "author", "content", "published", "url")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the store holds of some articles, by id."""

    articles: Mapping[str, RawArticle]
    drafts: frozenset[str]
    garbage: Mapping[str, Quarantined]


NONE = Rows({}, frozenset(), {})


class _Unreadable(Exception):  # noqa: N818 - a reason, and it never leaves this file
    """A value is not what its column promises."""


def read(connection: Connection, ids: Select[tuple[str]] | Sequence[str]) -> Rows:
    """Read articles by their ids; one that cannot be read spoils no other."""
    parts = {table.name: _by_article(connection, table, ids) for table in BELONGINGS}
    articles: dict[str, RawArticle] = {}
    drafts: set[str] = set()
    garbage: dict[str, Quarantined] = {}
    for row in connection.execute(select(article).where(article.c.id.in_(ids))):
        if row.status != "published":
            drafts.add(row.id)
        try:
            articles[row.id] = _article(row, parts)
        except _Unreadable as reason:
            garbage[row.id] = Quarantined(shown(row.id), str(reason))
    return Rows(articles, frozenset(drafts), garbage)


def read_comments(
    connection: Connection, ids: Select[tuple[str]] | Sequence[str], *, public: bool = True
) -> dict[str, RawComment]:
    """Read comments by their ids, those that everybody may read or all of them. What is no text is repaired.

    A comment is public when it is approved and its article is.
    """
    asked = select(comment).where(comment.c.id.in_(ids))
    if public:
        asked = asked.join(article).where(comment.c.status == "approved", article.c.status == "published")
    return {
        row.id: RawComment(*(shown(getattr(row, name)) for name in _COMMENT_TEXTS)) for row in connection.execute(asked)
    }


def read_categories(connection: Connection, store: str) -> tuple[Category, ...]:
    """Read the whole taxonomy, in the order of its ids."""
    rows = connection.execute(select(category).order_by(category.c.id))
    return tuple(Category(store, shown(r.id), shown(r.name), shown(r.slug), r.parent and shown(r.parent)) for r in rows)


def shown(words: str) -> str:
    """Text that may hold bytes which are not UTF-8, made fit to show."""
    return _SURROGATES.sub("\ufffd", words)


def storable(raw: RawArticle) -> RawArticle:
    """The article as the store can give it back: UTF-8 has no lone surrogates, and parts are listed once."""
    texts: Values = {name: shown(getattr(raw, name)) for name in ("id", *_TEXTS)}
    return replace(
        raw,
        **texts,
        categories=tuple(dict.fromkeys(raw.categories)),
        tags=tuple(dict.fromkeys(map(shown, raw.tags))),
        authors=tuple(dict.fromkeys(map(shown, raw.authors))),
        images=_once(map(_image, raw.images), lambda image: image.url),
        links=_once(map(_link, raw.links), lambda link: (link.rel, link.url)),
    )


def storable_comment(raw: RawComment) -> RawComment:
    """The comment as the store can give it back."""
    return RawComment(*(shown(getattr(raw, name)) for name in _COMMENT_TEXTS))


def comment_values(raw: RawComment) -> Values:
    """The comment's row."""
    return {name: getattr(raw, name) for name in _COMMENT_TEXTS}


def article_values(raw: RawArticle) -> Values:
    """The article's own row."""
    announce = None if raw.announce is None else int(raw.announce)
    return {"id": raw.id, "announce": announce, **{name: getattr(raw, name) for name in _TEXTS}}


def belonging_values(raw: RawArticle) -> dict[str, list[Values]]:
    """The rows of the article's parts, by table."""
    parts: dict[str, list[Values]] = {
        "article_category": [{"category": key} for key in raw.categories],
        "article_tag": [{"tag": tag} for tag in raw.tags],
        "article_author": [{"name": name} for name in raw.authors],
        "image": [{"url": i.url, "alt": i.alt, "credit": i.credit, "license": i.license} for i in raw.images],
        "link": [{"rel": k.rel, "url": k.url, "title": k.title} for k in raw.links],
    }
    return {
        table: [{"article": raw.id, "position": at, **values} for at, values in enumerate(rows)]
        for table, rows in parts.items()
    }


def _by_article(
    connection: Connection, table: Table, ids: Select[tuple[str]] | Sequence[str]
) -> Mapping[str, Sequence[Row[Any]]]:
    found = defaultdict(list)
    as_inserted = literal_column("rowid", Integer)
    parts = select(table).where(table.c.article.in_(ids)).order_by(table.c.article, table.c.position, as_inserted)
    for row in connection.execute(parts):
        found[row.article].append(row)
    return found


def _article(row: Row[Any], parts: _Parts) -> RawArticle:
    mine = {table: rows.get(row.id, ()) for table, rows in parts.items()}
    texts: Values = {name: _legible(getattr(row, name), name) for name in ("id", *_TEXTS)}
    return RawArticle(
        **texts,
        categories=tuple(_legible(r.category, "category") for r in mine["article_category"]),
        tags=tuple(_legible(r.tag, "tag") for r in mine["article_tag"]),
        authors=tuple(_legible(r.name, "author") for r in mine["article_author"]),
        images=tuple(_read_image(r) for r in mine["image"]),
        links=tuple(Link(r.rel, _legible(r.url, "link"), _legible(r.title, "link")) for r in mine["link"]),
        announce=_yes_or_no(row.announce),
    )


def _read_image(row: Row[Any]) -> Image:
    return Image(*(_legible(words, "image") for words in (row.url, row.alt, row.credit, row.license)))


def _legible(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise _Unreadable(f"its {what} is not text")
    if _SURROGATES.search(value):
        raise _Unreadable(f"its {what} is not text in UTF-8")
    return value


def _yes_or_no(value: object) -> bool | None:
    if value is None or value in (0, 1):
        return None if value is None else bool(value)
    raise _Unreadable('its "announce" is neither 0, 1 nor NULL')


def _once(parts: Iterable[_Part], key: Callable[[_Part], object]) -> tuple[_Part, ...]:
    first: dict[object, _Part] = {}
    for part in parts:
        first.setdefault(key(part), part)
    return tuple(first.values())


def _image(raw: Image) -> Image:
    return Image(shown(raw.url), shown(raw.alt), shown(raw.credit), shown(raw.license))


def _link(raw: Link) -> Link:
    return Link(raw.rel, shown(raw.url), shown(raw.title))
