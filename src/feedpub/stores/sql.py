"""[stores.NAME] kind = "sql": the embedded store, a cursor -> what changed since, from its change log.

With a `query`, the same kind reads the tables of others (stores/query).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from sqlalchemy import Connection, LargeBinary, Table, Text, cast, literal, select

from feedpub.model import Batch, Category, Census, RawArticle, RawComment
from feedpub.stores.base import Home, Store
from feedpub.stores.embedded import rows, schema
from feedpub.stores.embedded.file import StoreFile
from feedpub.stores.embedded.writing import Writing, Written
from feedpub.stores.query.options import QueryOptions

if TYPE_CHECKING:
    from feedpub.http import Door

BATCH = 500
"""Articles in one answer of `changes`, and comments, at most."""

_Number = tuple[int, str]
"""A number of a change log, and the id that it stands for."""


class SqlOptions(QueryOptions):
    """The embedded store: one SQLite file, with the schema of docs/schema.md, made on first use. Or a query."""

    kind: Literal["sql"] = "sql"
    path: str = Field(default="data/articles.db", min_length=1, description="the SQLite file; made if it is missing")

    @property
    def names_everything(self) -> bool:
        """The embedded store's change log knows of every withdrawal; a query is asked by censuses."""
        return not self.is_query

    @property
    def form(self) -> str:
        """Ids and cursors of a query are its own."""
        return "sql query" if self.is_query else "sql"

    def open(self, door: Door, home: Home) -> Store:  # noqa: ARG002 - a database is reached without the door
        """Nothing is opened before the first question."""
        return self.asking(home) if self.is_query else self.embedded()

    def embedded(self) -> SqlStore:
        """The store as those see it who write into it."""
        return SqlStore(self.name, StoreFile(self.path))


@dataclass(frozen=True, slots=True)
class SqlStore:
    """The embedded store, opened for each question anew; threads may share it."""

    name: str
    file: StoreFile

    def changes(self, cursor: str | None) -> Batch:
        """What changed since `cursor`, at most `BATCH` articles and as many comments; raises StoreError.

        Each article has one number in the change log, raised at every change: what changed five times comes
        once, and a deleted one comes as gone. Comments have a log of their own, read when all articles are told:
        a comment never comes before its article. A cursor of another file, or of a later state of this one, begins
        again from the beginning; what is known already is then seen to be so by its fingerprint.
        """
        if cursor is None:
            self.file.create()
        with self.file.reading() as connection:
            here = connection.execute(select(schema.store)).one()
            since = _since(connection, cursor, here.identity)
            articles = _later(connection, schema.change, since.seq)
            comments = () if len(articles) > BATCH else _later(connection, schema.comment_change, since.comment_seq)
            upto = since.at(articles[:BATCH], comments[:BATCH], here.taxonomy)
            batch = _batch(connection, articles[:BATCH], comments[:BATCH])
            taxonomy = rows.read_categories(connection, self.name) if since.taxonomy != here.taxonomy else None
            more = max(len(articles), len(comments)) > BATCH
            return replace(batch, cursor=str(upto), more=more, categories=taxonomy)

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

    def put(
        self,
        articles: Iterable[RawArticle],
        categories: Iterable[Category] = (),
        comments: Iterable[RawComment] = (),
    ) -> Written:
        """Make categories, articles and comments be as said, in one transaction; raises StoreError.

        What is told of is the articles.
        """
        with self.writing() as writing:
            writing.define(categories)
            written = writing.put(articles)
            writing.put_comments(comments)
            return written

    def close(self) -> None:
        """Nothing stays open between questions."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far a reader has come: in which file, to which numbers, of which article and comment, with which taxonomy."""

    identity: str
    seq: int = 0
    article: str = ""
    taxonomy: int = -1
    comment_seq: int = 0
    comment: str = ""

    def at(self, articles: Sequence[_Number], comments: Sequence[_Number], taxonomy: int) -> _Cursor:
        """The place after what was read."""
        seq, article = articles[-1] if articles else (self.seq, self.article)
        comment_seq, comment = comments[-1] if comments else (self.comment_seq, self.comment)
        return _Cursor(self.identity, seq, article, taxonomy, comment_seq, comment)

    def __str__(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=True)


def _since(connection: Connection, cursor: str | None, identity: str) -> _Cursor:
    """The place to go on from; the beginning, where the cursor does not belong to the file as it is now.

    A number never falls. If the article or comment read last has a smaller one than it had, or none, this file
    is an older copy put back: its later numbers mean other changes than those the reader has seen.
    """
    beginning = _Cursor(identity)
    try:
        known = _Cursor(**json.loads(cursor or "{}"))
    except (ValueError, TypeError):
        return beginning
    if known.identity != identity:
        return beginning
    articles = _number_of(connection, schema.change, known.article) >= known.seq
    comments = _number_of(connection, schema.comment_change, known.comment) >= known.comment_seq
    return known if articles and comments else beginning


def _number_of(connection: Connection, log: Table, key: str) -> int:
    _, its = log.columns
    # As bytes: an id that is not UTF-8 was read all the same, and cannot be sent back as text.
    same = its == cast(literal(key.encode("utf-8", "surrogateescape"), LargeBinary), Text)
    return connection.execute(select(log.c.seq).where(same)).scalar_one_or_none() or 0


def _later(connection: Connection, log: Table, seq: int) -> Sequence[_Number]:
    later = select(log).where(log.c.seq > seq).order_by(log.c.seq)
    return [(row[0], row[1]) for row in connection.execute(later.limit(BATCH + 1))]


def _batch(connection: Connection, articles: Sequence[_Number], comments: Sequence[_Number]) -> Batch:
    """Read what stands behind the numbers; the rest of the batch is the caller's."""
    changed = select(schema.change.c.article).where(schema.change.c.seq.in_([seq for seq, _ in articles]))
    found = rows.read(connection, changed) if articles else rows.NONE
    there = (found.articles.keys() | found.garbage.keys()) - found.drafts
    log = schema.comment_change
    said = select(log.c.comment).where(log.c.seq.in_([seq for seq, _ in comments]))
    public = rows.read_comments(connection, said) if comments else {}
    ids = [key for _, key in articles]
    return Batch(
        articles=tuple(found.articles[key] for key in ids if key in there and key in found.articles),
        garbage=tuple(found.garbage[key] for key in ids if key in there and key in found.garbage),
        gone=tuple(rows.shown(key) for key in ids if key not in there),
        comments=tuple(public[key] for _, key in comments if key in public),
        comments_gone=tuple(rows.shown(key) for _, key in comments if key not in public),
        cursor="",
    )
