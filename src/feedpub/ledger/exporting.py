"""the ledger -> the lines of an export, one by one, as of one moment. It decides nothing.

Left out is what follows from the rest (memberships, fragments), what is only of this machine (when to try again,
files to be taken away), and what may be a secret: what targets remember.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, collate, func, select

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.lines import (
    ArticleLine,
    CategoryLine,
    CommentLine,
    DeliveryLine,
    EndLine,
    FeedLine,
    FormerLine,
    Header,
    Left,
    Line,
    PartLine,
    QuarantineLine,
    SpentLine,
    StoreLine,
    TargetLine,
    TermLine,
    Try,
    written,
)
from feedpub.ledger.rows import CHUNK, LIVE, AnyRow, article_of, comment_of, delivery_of
from feedpub.model import Action, Category

TRIES = 20
"""Tries told of a delivery, the latest: the journal of one about a feed grows with every change."""

Progress = Callable[[int, int], None]


def export(database: Database, *, site: str, made_at: datetime, progress: Progress | None = None) -> Iterator[str]:
    """Tell everything the ledger knows, a line at a time, in an order that is the same for the same ledger.

    `progress` is told how many rows of how many are told. Memory does not grow with the archive.
    """
    with database.snapshot() as connection:
        yield from told(connection, site=site, made_at=made_at, progress=progress)


def told(
    connection: Connection, *, site: str, made_at: datetime, progress: Progress | None = None
) -> Generator[str, None, None]:
    """Do so within a transaction that sees one moment."""
    of = _count(connection) if progress is not None else 0
    count = 1
    yield written(_header(connection, site, made_at))
    for section in _SECTIONS:
        for line in section(connection):
            count += 1
            yield written(line)
            if progress is not None and count % CHUNK == 0:
                progress(min(count, of), of)
    yield written(EndLine(lines=count + 1))


def _header(connection: Connection, site: str, made_at: datetime) -> Header:
    counter = schema.counter.c
    counters = {row.name: row.value for row in connection.execute(select(counter.name, counter.value))}
    return Header(site=site, made_at=made_at, changes=counters["seq"], places=counters["entered"])


def _count(connection: Connection) -> int:
    """How many lines there will be, about: of what there is much of."""
    much = (schema.article, schema.comment, schema.term, schema.part, schema.delivery)
    return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in much)


# ---------------------------------------------------------------- what there is little of


def _stores(connection: Connection) -> Iterator[Line]:
    one = schema.store.c
    names = ("name", "cursor", "kind", "phase", "news_since", "polled_at", "rechecked_at", "censused_at", "cleaner")
    for row in _rows(connection, select(*(one[name] for name in names)).order_by(_plain(connection, one.name))):
        yield StoreLine(**row._mapping)  # noqa: SLF001 - the documented way


def _categories(connection: Connection) -> Iterator[Line]:
    one = schema.category.c
    ordered = select(schema.category).order_by(_plain(connection, one.store), _plain(connection, one.key))
    for row in _rows(connection, ordered):
        told = Category(**row._mapping)  # noqa: SLF001 - the documented way
        yield _made(CategoryLine, category=told)


def _terms(connection: Connection) -> Iterator[Line]:
    for row in _rows(connection, select(schema.term).order_by(_plain(connection, schema.term.c.term))):
        yield TermLine(term=row.term, name=row.name)


def _quarantine(connection: Connection) -> Iterator[Line]:
    one = schema.quarantine.c
    ordered = select(schema.quarantine).order_by(_plain(connection, one.store), _plain(connection, one.id))
    for row in _rows(connection, ordered):
        yield QuarantineLine(**row._mapping)  # noqa: SLF001 - the documented way


def _feeds(connection: Connection) -> Iterator[Line]:
    one, source = schema.feed.c, schema.feed_source.c
    names = (one.address, one.kind, one.wish, one.owner, one.paths, one.version, one.etag)
    for rows in _pages(connection, select(*names).order_by(_plain(connection, one.address))):
        terms: dict[tuple[str, bool], list[str]] = {}
        for its in connection.execute(select(schema.feed_source).where(source.feed.in_([row.address for row in rows]))):
            terms.setdefault((its.feed, its.skip), []).append(its.term)
        for row in rows:
            yield FeedLine(
                address=row.address,
                kind=row.kind,
                wish=row.wish,
                owner=tuple(json.loads(row.owner)),
                sources=tuple(sorted(terms.get((row.address, False), ()))),
                skips=tuple(sorted(terms.get((row.address, True), ()))),
                files=tuple(json.loads(row.paths)),
                version=row.version,
                etag=row.etag,
            )


def _parts(connection: Connection) -> Iterator[Line]:
    one = schema.part.c
    ordered = select(one.feed, one.number, one.first, one.last).order_by(_plain(connection, one.feed), one.number)
    for row in _rows(connection, ordered):
        yield PartLine(**row._mapping)  # noqa: SLF001 - the documented way


def _former(connection: Connection) -> Iterator[Line]:
    one = schema.former.c
    for row in _rows(connection, select(schema.former).order_by(_plain(connection, one.address))):
        yield FormerLine(address=row.address, wish=row.wish, owner=tuple(json.loads(row.owner)), etag=row.etag)


def _targets(connection: Connection) -> Iterator[Line]:
    one = schema.target.c
    for row in _rows(connection, select(one.name, one.kind, one.paused).order_by(_plain(connection, one.name))):
        yield TargetLine(**row._mapping)  # noqa: SLF001 - the documented way


def _spent(connection: Connection) -> Iterator[Line]:
    one = schema.spent.c
    ordered = select(schema.spent).order_by(_plain(connection, one.target), _plain(connection, one.month))
    for row in _rows(connection, ordered):
        yield SpentLine(**row._mapping)  # noqa: SLF001 - the documented way


# ---------------------------------------------------------------- what there is much of


def _articles(connection: Connection) -> Iterator[Line]:
    one = schema.article.c
    names = ("pk", "store", "id", "guid", "body", "fingerprint", "headline", "revision", "state", "gone", "entered",
             "comments", "recount_at", "withdrawn_at")  # fmt: skip
    for rows in _pages(connection, select(*(one[name] for name in names)).order_by(one.pk)):
        left = _left(connection, [row.pk for row in rows if row.state != LIVE])
        for row in rows:
            yield _made(
                ArticleLine,
                # What it goes by may have changed since it was written.
                article=replace(article_of(row.body), store=row.store, id=row.id, guid=row.guid),
                fingerprint=row.fingerprint,
                headline=row.headline,
                revision=row.revision,
                state=row.state,
                gone=row.gone,
                place=row.entered,
                comments=row.comments,
                recount_at=row.recount_at,
                withdrawn_at=row.withdrawn_at,
                left=left.get(row.pk),
            )


def _left(connection: Connection, keys: Sequence[int]) -> dict[int, Left]:
    """What feeds still tell of those that have left them."""
    member = schema.membership.c
    query = select(member.article, member.term, member.gone_at).where(member.article.in_(keys))
    found: dict[int, list[AnyRow]] = {}
    for row in connection.execute(query) if keys else ():
        found.setdefault(row.article, []).append(row)
    return {key: Left(at=rows[0].gone_at, terms=tuple(sorted(row.term for row in rows))) for key, rows in found.items()}


def _comments(connection: Connection) -> Iterator[Line]:
    """In the order in which they came: of two that were said at one moment, feeds show the later comer first."""
    one = schema.comment.c
    for row in _rows(connection, select(one.store, one.id, one.article, one.body).order_by(one.pk)):
        said = replace(comment_of(row.body), store=row.store, id=row.id, article=row.article)
        yield _made(CommentLine, comment=said)


def _deliveries(connection: Connection) -> Iterator[Line]:
    guid = schema.article.c.guid.label("guid")
    query = select(schema.delivery, guid).outerjoin(schema.article, schema.article.c.pk == schema.delivery.c.article)
    for rows in _pages(connection, query.order_by(schema.delivery.c.id)):
        tries = _tries(connection, [row.id for row in rows])
        for row in rows:
            yield _delivery(row, tries.get(row.id, []))


def _delivery(row: AnyRow, tries: Sequence[Try]) -> Line:
    one = delivery_of(row)
    facts = {name: getattr(one, name) for name in DeliveryLine.model_fields if name not in {"is_", "article", "tries"}}
    return _made(DeliveryLine, article=row.guid, tries=tuple(tries), **facts)


def _tries(connection: Connection, deliveries: Sequence[int]) -> dict[int, list[Try]]:
    """The latest tries of each delivery, oldest first."""
    one = schema.attempt.c
    latest = func.row_number().over(partition_by=one.delivery, order_by=one.fence.desc()).label("latest")
    names = ("fence", "action", "started_at", "ended_at", "outcome", "detail")
    numbered = select(one.delivery, *(one[name] for name in names), latest).where(one.delivery.in_(deliveries))
    table = numbered.subquery()
    journal = table.c
    query = select(table).where(journal.latest <= TRIES).order_by(journal.delivery, journal.fence)
    found: dict[int, list[Try]] = {}
    for row in connection.execute(query):
        facts = {name: getattr(row, name) for name in names}
        found.setdefault(row.delivery, []).append(Try(**{**facts, "action": Action(row.action)}))
    return found


def _made(kind: type[Line], **facts: Any) -> Line:  # noqa: ANN401 - the facts of any line
    """Make a line of what the ledger holds: it was judged when it was recorded."""
    return kind.model_construct(**{"is_": kind.model_fields["is_"].default, **facts})


def _rows(connection: Connection, query: Select[Any]) -> Iterator[AnyRow]:
    """Stream the rows of a query; what is not read to its end is closed all the same."""
    with connection.execute(query) as result:
        yield from result


def _pages(connection: Connection, query: Select[Any]) -> Iterator[Sequence[AnyRow]]:
    """Do so some rows at a time."""
    with connection.execute(query) as result:
        yield from result.partitions(CHUNK)


def _plain(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """Order by a text's bytes: a PostgreSQL may sort as people of its country do, and each otherwise."""
    return column.expression if connection.dialect.name == "sqlite" else collate(column, "C")


_SECTIONS: tuple[Callable[[Connection], Iterator[Line]], ...] = (
    _stores,
    _categories,
    _terms,
    _articles,
    _comments,
    _quarantine,
    _feeds,
    _parts,
    _former,
    _targets,
    _spent,
    _deliveries,
)
