"""Rows <-> nouns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields as fields_of
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, insert, select, update

from feedpub.ledger import schema
from feedpub.model import Article, Comment, Delivery, Notice, State

_articles = TypeAdapter(Article)
_comments = TypeAdapter(Comment)
_notices = TypeAdapter(Notice)

_DELIVERY = tuple(one.name for one in fields_of(Delivery) if one.name not in {"id", "frozen"})

_FILED = ',"categories":'
_list = json.JSONDecoder()

_Some = TypeVar("_Some")

Fields = dict[str, Any]
AnyRow = Row[*tuple[Any, ...]]

WAITING, LIVE, WITHDRAWN = "waiting", "live", "withdrawn"
"""The states of an article: dated in the future, public, public no more."""

PUT_BACK = "put back"
"""The phase of a store that is read for the first time since the ledger was put back: feedpub may know what comes."""

CLEAN, RENDER = "clean", "render"
"""Where an article was judged unfit: as a row of its store, or as an entry."""

CHUNK = 500
"""Rows asked for or written in one statement: SQLite takes only some thousand values."""


def article_body(article: Article) -> str:
    """Write an article for the `body` column."""
    return _articles.dump_json(article).decode()


def article_of(body: str) -> Article:
    """Read an article back."""
    return _articles.validate_json(body)


def refiled(body: str, renamed: Callable[[str], str]) -> str:
    """Have the article of a body name its categories otherwise.

    Only their list is read: all of an archive's bodies take far longer. No other key is called so, and within a text
    its quotes would be escaped.
    """
    begin = body.index(_FILED) + len(_FILED)
    names, end = _list.raw_decode(body, begin)
    after = list(dict.fromkeys(map(renamed, names)))
    return body if after == names else f"{body[:begin]}{json.dumps(after, ensure_ascii=False)}{body[end:]}"


def comment_body(comment: Comment) -> str:
    """Write a comment for the `body` column."""
    return _comments.dump_json(comment).decode()


def comment_of(body: str) -> Comment:
    """Read a comment back."""
    return _comments.validate_json(body)


def delivery_of(row: AnyRow) -> Delivery:
    """Read a delivery from a row of its table."""
    fields = {name: row._mapping[name] for name in schema.delivery.c.keys()}  # noqa: SLF001, SIM118 - SQLAlchemy's ways
    fields["state"] = State(fields["state"])
    fields["also"] = tuple(json.loads(fields["also"]))
    fields["frozen"] = None if fields["frozen"] is None else _notices.validate_json(fields["frozen"])
    return Delivery(**fields)


def delivery_fields(delivery: Delivery) -> Fields:
    """Write a delivery for its table, all but its id."""
    fields = {name: getattr(delivery, name) for name in _DELIVERY}
    frozen = None if delivery.frozen is None else _notices.dump_json(delivery.frozen).decode()
    return fields | {"state": str(delivery.state), "frozen": frozen, "also": json.dumps(delivery.also)}


def next_seq(connection: Connection) -> int:
    """Raise `seq` by one; the row lock makes recording transactions wait for one another."""
    return raise_counter(connection, "seq", 1)


def hold_seq(connection: Connection) -> None:
    """Make recording transactions wait until this one ends: whoever writes feeds and deliveries begins with it."""
    connection.execute(select(schema.counter.c.value).where(schema.counter.c.name == "seq").with_for_update())


def raise_counter(connection: Connection, name: str, by: int, *, make: bool = False) -> int:
    """Raise a counter and return what it is now; `make`: from nothing, if there is none of this name."""
    raised = (
        update(schema.counter)
        .where(schema.counter.c.name == name)
        .values(value=schema.counter.c.value + by)
        .returning(schema.counter.c.value)
    )
    value = connection.execute(raised).scalar()
    if value is None and make:
        connection.execute(insert(schema.counter).values(name=name, value=by))
        return by
    if value is None:
        raise LookupError(name)
    return int(value)


def chunks(values: Sequence[_Some]) -> Iterator[Sequence[_Some]]:
    """Cut a list into what one statement takes."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
