"""The sealed parts of archives (RFC 5005): ranges of places that keep their number for ever. It decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.leftovers import abandon, keep
from feedpub.ledger.rows import chunks, next_seq
from feedpub.ledger.selecting import EntryRef, between, entered, of_feed

OVERGROWN = 2000
"""Articles in one part after which an archive is cut anew: a category with a long past was moved into it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part to be written, the seq that the writing answers for, and how many parts the archive has."""

    feed: str
    number: int
    of: int
    seq: int
    entries: tuple[EntryRef, ...]


class Parts:
    """The archives' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def seal(self, address: str, size: int) -> int:
        """Close every part of a feed that is full; returns how many were.

        Where a part has grown out of all measure, the whole archive is cut anew.
        """
        with self._database.read() as connection:
            if not (_full(connection, address, size) or _overgrown(connection, address)):
                return 0
        with self._database.write() as connection:
            seq = next_seq(connection)
            with files_follow(connection, address):
                if _overgrown(connection, address):
                    drop_parts(connection, [address])
                sealed = 0
                while members := _full(connection, address, size):
                    _close_part(connection, address, members[-1][1], seq)
                    sealed += 1
            return sealed

    def soil(self, parts: Sequence[tuple[str, int]]) -> None:
        """Have these parts, by feed and number, written again, though nothing changed."""
        one = schema.part.c
        with self._database.write() as connection:
            seq = next_seq(connection)
            for feed, number in parts:
                here = (one.feed == feed) & (one.number == number)
                connection.execute(update(schema.part).where(here).values(dirty_seq=seq))

    def dirty(self, limit: int) -> tuple[tuple[str, int], ...]:
        """(feed, number) of parts to be written, the newest first."""
        one = schema.part.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(one.feed, one.number)
                .where(one.built_seq < one.dirty_seq)
                .order_by(one.number.desc(), one.feed)
                .limit(limit)
            )
            return tuple((row.feed, row.number) for row in rows)

    def part(self, feed: str, number: int) -> Part | None:
        """What one part carries; None if it is there no more."""
        one = schema.part.c
        with self._database.read() as connection:
            row = connection.execute(select(schema.part).where((one.feed == feed) & (one.number == number))).first()
            if row is None:
                return None
            count, _ = end_of(connection, feed)
            terms, skips = of_feed(connection, feed)
            entries = between(connection, terms, skips, row.first, row.last)
            return Part(feed, number, count, row.dirty_seq, tuple(entries))

    def built(self, feed: str, number: int, seq: int) -> None:
        """The part is written as of `seq`."""
        one = schema.part.c
        with self._database.write() as connection:
            here = (one.feed == feed) & (one.number == number) & (one.built_seq < seq)
            connection.execute(update(schema.part).where(here).values(built_seq=seq))

    def counts(self) -> dict[str, int]:
        """How many sealed parts the archive of each feed has, by address; they are numbered from 1 on."""
        one = schema.part.c
        with self._database.read() as connection:
            rows = connection.execute(select(one.feed, func.max(one.number)).group_by(one.feed))
            return {row[0]: row[1] for row in rows}


# ---------------------------------------------------------------- inside other transactions


def part_address(feed: str, number: int) -> str:
    """Name one part."""
    return f"archive/{feed}/{number}"


@contextmanager
def files_follow(connection: Connection, feed: str | None = None) -> Iterator[None]:
    """Whatever happens to a feed (None: to any) inside: files that nobody writes afterwards are taken away."""
    before = _file_paths(connection, feed)
    yield
    after = _file_paths(connection, feed)
    abandon(connection, before - after)
    keep(connection, after - before)


def _file_paths(connection: Connection, feed: str | None) -> frozenset[str]:
    """Every file of this feed (None: of all), and of its archive."""
    one, part = schema.feed.c, schema.part.c
    feeds, parts = select(one.address, one.paths), select(part.feed, part.number)
    if feed is not None:
        feeds, parts = feeds.where(one.address == feed), parts.where(part.feed == feed)
    own = {row.address: json.loads(row.paths) for row in connection.execute(feeds)}
    endings = {address: [path.rpartition(".")[2] for path in paths] for address, paths in own.items()}
    sealed = (
        f"{part_address(row.feed, row.number)}.{ending}"
        for row in connection.execute(parts)
        for ending in endings[row.feed]
    )
    return frozenset([*(path for paths in own.values() for path in paths), *sealed])


def soil_parts(connection: Connection, keys: Sequence[int], seq: int) -> None:
    """Mark the parts that these articles are in."""
    one, member, source = schema.part.c, schema.membership.c, schema.feed_source.c
    later = schema.part.alias("later")
    # Parts leave no gap: an article is in the first that ends at its place or later.
    ends = select(func.min(later.c.last)).where(later.c.feed == source.feed, later.c.last >= member.entered)
    holding = (
        select(one.feed, one.number)
        .join(schema.feed_source, source.feed == one.feed)
        .join(schema.membership, member.term == source.term)
        .where(member.article.in_(keys), member.entered > 0)
        .where(one.last == ends.correlate(schema.feed_source, schema.membership).scalar_subquery())
        .distinct()
    )
    for row in connection.execute(holding).all():
        here = (one.feed == row.feed) & (one.number == row.number)
        connection.execute(update(schema.part).where(here).values(dirty_seq=seq))


def soil_parts_of(connection: Connection, feeds: Sequence[str], seq: int) -> None:
    """Mark every part of these feeds."""
    for some in chunks(feeds):
        connection.execute(update(schema.part).where(schema.part.c.feed.in_(some)).values(dirty_seq=seq))


def drop_parts(connection: Connection, feeds: Sequence[str]) -> None:
    """Give up the archives of these feeds."""
    for some in chunks(feeds):
        connection.execute(delete(schema.part).where(schema.part.c.feed.in_(some)))


def _overgrown(connection: Connection, feed: str) -> bool:
    """Whether a part has grown out of all measure since it was last written."""
    one, member, source = schema.part.c, schema.membership.c, schema.feed_source.c
    grown = (
        select(one.number)
        .join(schema.feed_source, source.feed == one.feed)
        .join(schema.membership, (member.term == source.term) & member.entered.between(one.first, one.last))
        .where(one.feed == feed, one.built_seq < one.dirty_seq)
        .group_by(one.number)
        .having(func.count(member.article.distinct()) > OVERGROWN)
    )
    return connection.execute(grown.limit(1)).first() is not None


def _close_part(connection: Connection, feed: str, last: int, seq: int) -> None:
    """Seal what entered up to a place; the part before it learns where the archive goes on."""
    number, end = end_of(connection, feed)
    connection.execute(
        insert(schema.part).values(feed=feed, number=number + 1, first=end + 1, last=last, dirty_seq=seq, built_seq=0)
    )
    before = (schema.part.c.feed == feed) & (schema.part.c.number == number)
    connection.execute(update(schema.part).where(before).values(dirty_seq=seq))


def end_of(connection: Connection, feed: str) -> tuple[int, int]:
    """The newest sealed part's number and its last place; zeros if there is none."""
    one = schema.part.c
    row = connection.execute(
        select(one.number, one.last).where(one.feed == feed).order_by(one.number.desc()).limit(1)
    ).first()
    return (row.number, row.last) if row is not None else (0, 0)


def _full(connection: Connection, feed: str, size: int) -> list[tuple[int, int]]:
    """The members of the next part, if there are enough for it; else none."""
    terms, skips = of_feed(connection, feed)
    members = entered(connection, terms, skips, end_of(connection, feed)[1] + 1, size)
    return members if len(members) == size else []
