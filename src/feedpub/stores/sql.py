"""[stores.NAME] kind = "sql": the embedded store. A cursor -> what changed since, from its change log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from sqlalchemy import Connection, LargeBinary, Row, Text, cast, literal, select

from feedpub.model import Batch, Category, Census, RawArticle
from feedpub.stores.base import StoreOptions
from feedpub.stores.embedded import rows, schema
from feedpub.stores.embedded.file import StoreFile
from feedpub.stores.embedded.writing import Writing, Written

if TYPE_CHECKING:
    from feedpub.http import Door

BATCH = 500
"""Articles in one answer of `changes`, at most."""


class SqlOptions(StoreOptions):
    """The embedded store: one SQLite file, with the schema of docs/schema.md, made on first use."""

    names_everything: ClassVar[bool] = True

    kind: Literal["sql"] = "sql"
    path: str = Field(default="data/articles.db", min_length=1, description="the SQLite file; made if it is missing")

    def open(self, door: Door | None = None) -> SqlStore:  # noqa: ARG002 - this store needs no network
        """Nothing is opened before the first question."""
        return SqlStore(self.name, StoreFile(self.path))


@dataclass(frozen=True, slots=True)
class SqlStore:
    """The embedded store, opened for each question anew; threads may share it."""

    name: str
    file: StoreFile

    def changes(self, cursor: str | None) -> Batch:
        """What changed since `cursor`, at most `BATCH` articles; raises StoreError.

        Each article has one number in the change log, raised at every change: what changed five times comes
        once, and a deleted one comes as gone. A cursor of another file, or of a later state of this one, begins
        again from the beginning; what is known already is then seen to be so by its fingerprint.
        """
        if cursor is None:
            self.file.create()
        with self.file.reading() as connection:
            here = connection.execute(select(schema.store)).one()
            since = _since(connection, cursor, here.identity)
            numbers = _numbers(connection, since.seq)
            more, numbers = len(numbers) > BATCH, numbers[:BATCH]
            taxonomy = rows.read_categories(connection, self.name) if since.taxonomy != here.taxonomy else None
            last = numbers[-1] if numbers else since
            upto = _Cursor(here.identity, last.seq, last.article, here.taxonomy)
            return _batch(connection, numbers, upto, more=more, categories=taxonomy)

    def census(self, ids: Sequence[str] | None) -> Census:
        """Which of `ids` (None: of all) are published; raises StoreError."""
        published = select(schema.article.c.id).where(schema.article.c.status == "published")
        with self.file.reading() as connection:
            if ids is None:
                return Census(frozenset(map(rows.shown, connection.execute(published).scalars())))
            found: set[str] = set()
            left = iter(ids)
            while asked := tuple(map(rows.shown, islice(left, BATCH))):
                found.update(connection.execute(published.where(schema.article.c.id.in_(asked))).scalars())
            return Census(frozenset(found), covers=frozenset(ids))

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction to put articles in: all is kept, or nothing; raises StoreError."""
        with self.file.writing() as connection:
            yield Writing(connection, self.name)

    def put(self, articles: Iterable[RawArticle], categories: Iterable[Category] = ()) -> Written:
        """Make categories and articles be as said, in one transaction; raises StoreError."""
        with self.writing() as writing:
            writing.define(categories)
            return writing.put(articles)

    def close(self) -> None:
        """Nothing stays open between questions."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far a reader has come: in which file, to which number, of which article, with which taxonomy."""

    identity: str
    seq: int = 0
    article: str = ""
    taxonomy: int = -1


def _since(connection: Connection, cursor: str | None, identity: str) -> _Cursor:
    """The place to go on from; the beginning, where the cursor does not belong to the file as it is now.

    An article's number never falls. If the one read last has a smaller number than it had, or none, this file
    is an older copy put back: its later numbers mean other changes than those the reader has seen.
    """
    beginning = _Cursor(identity)
    try:
        known = _Cursor(**json.loads(cursor or "{}"))
    except (ValueError, TypeError):
        return beginning
    if known.identity != identity:
        return beginning
    # As bytes: an id that is not UTF-8 was read all the same, and cannot be sent back as text.
    key = cast(literal(known.article.encode("utf-8", "surrogateescape"), LargeBinary), Text)
    number = select(schema.change.c.seq).where(schema.change.c.article == key)
    there = connection.execute(number).scalar_one_or_none() or 0
    return known if there >= known.seq else beginning


def _numbers(connection: Connection, seq: int) -> Sequence[Row[int, str]]:
    later = select(schema.change).where(schema.change.c.seq > seq).order_by(schema.change.c.seq)
    return connection.execute(later.limit(BATCH + 1)).all()


def _batch(
    connection: Connection,
    numbers: Sequence[Row[int, str]],
    upto: _Cursor,
    *,
    more: bool,
    categories: tuple[Category, ...] | None,
) -> Batch:
    changed = select(schema.change.c.article).where(schema.change.c.seq.in_([number.seq for number in numbers]))
    found = rows.read(connection, changed) if numbers else rows.NONE
    there = (found.articles.keys() | found.garbage.keys()) - found.drafts
    ids = [number.article for number in numbers]
    return Batch(
        articles=tuple(found.articles[key] for key in ids if key in there and key in found.articles),
        garbage=tuple(found.garbage[key] for key in ids if key in there and key in found.garbage),
        gone=tuple(rows.shown(key) for key in ids if key not in there),
        categories=categories,
        cursor=json.dumps(asdict(upto), ensure_ascii=True),
        more=more,
    )
