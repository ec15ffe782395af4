"""The sealed parts of archives (RFC 5005): ranges of places that keep their number for ever. It decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, delete, func, insert, select, update

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.leftovers import abandon, keep
from feedpub.ledger.rows import chunks, next_seq
from feedpub.ledger.selecting import EntryRef, between, entered, of_feed

AT_A_TIME = 20
"""Parts that are looked for at a time."""
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

    def seal(self, address: str, size: int) -> range:
        """Close every part of a feed that is full; returns their numbers.

        Where a part has grown out of all measure, the whole archive is cut anew.
        """
        with self._database.read() as connection:
            # The first two are closed together: validators want no archive of one part, which leads nowhere.
            least = 1 if end_of(connection, address)[0] else 2
            if len(_full(connection, address, size, least)) < least and not _overgrown(connection, address):
                return range(0)
        with self._database.write(leading=True) as connection:
            seq = next_seq(connection)
            if _overgrown(connection, address):
                with files_follow(connection, [address]):
                    drop_parts(connection, [address])
            before, _ = end_of(connection, address)
            # Only files that come: those of a long archive are not even listed.
            with files_follow(connection, [address], beyond=before):
                # The part before them learns where the archive goes on.
                here = (schema.part.c.feed == address) & (schema.part.c.number == before)
                connection.execute(update(schema.part).where(here).values(dirty_seq=seq))
                count = before
                while full := _full(connection, address, size, AT_A_TIME):
                    facts = {"feed": address, "dirty_seq": seq, "built_seq": 0}
                    rows = [
                        {**facts, "number": number, "first": first, "last": last}
                        for number, (first, last) in enumerate(full, start=count + 1)
                    ]
                    connection.execute(insert(schema.part), rows)
                    count += len(rows)
            return range(before + 1, count + 1)

    def soil(self, parts: Sequence[tuple[str, int]]) -> None:
        """Have these parts, by feed and number, written again, though nothing changed."""
        with self._database.write() as connection:
            soil_numbers(connection, parts)

    def dirty(self, limit: int) -> tuple[tuple[str, int], ...]:
        """(feed, number) of parts to be written, the newest first: those that share articles follow one another."""
        one = schema.part.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(one.feed, one.number)
                .where(one.built_seq < one.dirty_seq)
                .order_by(one.last.desc(), one.feed.desc())
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
            terms, skips = of_feed(connection, feed)
            entries = between(connection, terms, skips, row.first, row.last)
            return Part(feed, number, end_of(connection, feed)[0], row.dirty_seq, tuple(entries))

    def built(self, parts: Iterable[Part]) -> None:
        """These are written, as of the seq that they were read with; once more, if another took over meanwhile."""
        one = schema.part.c
        with self._database.write() as connection:
            if not self._database.leads_still(connection):
                soil_numbers(connection, [(part.feed, part.number) for part in parts])
                return
            for part in parts:
                here = (one.feed == part.feed) & (one.number == part.number) & (one.built_seq < part.seq)
                connection.execute(update(schema.part).where(here).values(built_seq=part.seq))

    def counts(self) -> dict[str, int]:
        """How many sealed parts the archive of each feed has, by address; they are numbered from 1 on."""
        one = schema.part.c
        with self._database.read() as connection:
            rows = connection.execute(select(one.feed, func.max(one.number)).group_by(one.feed))
            return {row[0]: row[1] for row in rows}


# ---------------------------------------------------------------- inside other transactions


def soil_numbers(connection: Connection, parts: Sequence[tuple[str, int]]) -> None:
    """Mark these parts, by feed and number."""
    one, seq = schema.part.c, next_seq(connection)
    for feed, number in parts:
        here = (one.feed == feed) & (one.number == number)
        connection.execute(update(schema.part).where(here).values(dirty_seq=seq))


def part_address(feed: str, number: int) -> str:
    """Name one part."""
    return f"archive/{feed}/{number}"


@contextmanager
def files_follow(connection: Connection, feeds: Sequence[str] | None = None, *, beyond: int = 0) -> Iterator[None]:
    """Whatever happens to these feeds (None: to any) inside: files that nobody writes afterwards are taken away.

    `beyond`: of their archives nothing happens to the parts up to this one.
    """
    before = _file_paths(connection, feeds, beyond)
    yield
    after = _file_paths(connection, feeds, beyond)
    abandon(connection, before - after)
    keep(connection, after - before)


def _file_paths(connection: Connection, feeds: Sequence[str] | None, beyond: int) -> frozenset[str]:
    """Every file of these feeds, and of their archives those of the parts after `beyond`."""
    one, part = schema.feed.c, schema.part.c
    feeds = connection.execute(select(one.address)).scalars().all() if feeds is None else feeds
    found: list[str] = []
    for some in chunks(feeds):
        own = connection.execute(select(one.address, one.paths).where(one.address.in_(some)))
        paths = {row.address: json.loads(row.paths) for row in own}
        sealed = connection.execute(select(part.feed, part.number).where(part.feed.in_(some), part.number > beyond))
        found += [path for of_feed in paths.values() for path in of_feed]
        found += [
            f"{part_address(row.feed, row.number)}.{path.rpartition('.')[2]}"
            for row in sealed
            for path in paths[row.feed]
        ]
    return frozenset(found)


def soil_parts(connection: Connection, keys: Sequence[int], seq: int) -> None:
    """Mark the parts that these articles are in: of each feed the first that ends at the article's place or later."""
    one, member, source = schema.part.c, schema.membership.c, schema.feed_source.c
    other = schema.part.alias("other").c
    ends = select(func.min(other.last)).where(other.feed == source.feed, other.last >= member.entered)
    holding = (
        select(one.feed, one.number)
        .join(schema.feed_source, source.feed == one.feed)
        .join(schema.membership, member.term == source.term)
        .where(member.article.in_(keys), member.entered > 0)
        .where(one.last == ends.correlate(schema.feed_source, schema.membership).scalar_subquery())
        .where(one.first <= member.entered)
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


def end_of(connection: Connection, feed: str) -> tuple[int, int]:
    """The newest sealed part's number and its last place; zeros if there is none."""
    one = schema.part.c
    row = connection.execute(
        select(one.number, one.last).where(one.feed == feed).order_by(one.number.desc()).limit(1)
    ).first()
    return (row.number, row.last) if row is not None else (0, 0)


def _full(connection: Connection, feed: str, size: int, most: int) -> list[tuple[int, int]]:
    """The first and the last place of each part that can be closed, at most so many."""
    terms, skips = of_feed(connection, feed)
    _, end = end_of(connection, feed)
    places = [place for _, place in entered(connection, terms, skips, end + 1, size * most)]
    return [(before + 1, last) for before, last in pairwise([end, *places[size - 1 :: size]])]
