"""Which feeds exist, which must be rebuilt, and what they carry. One transaction per method; decides nothing."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, or_, select, true, update

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.moving import move_all
from feedpub.ledger.rows import LIVE, article_of, chunks, next_seq
from feedpub.model import Article, State, Target
from feedpub.notices.lifecycle import FEEDS, FeedsOut


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed as the ledger knows it.

    `sources`: the (store, category) pairs it carries; `digest`: all else that its bytes depend on; `paths`: its
    files, below the output directory.
    """

    address: str
    kind: str
    digest: str
    sources: frozenset[tuple[str, str]]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dirty:
    """A feed to be rebuilt, and the seq that the rebuilding answers for."""

    address: str
    seq: int


class Feeds:
    """The feeds' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def sync(self, feeds: Sequence[FeedRow]) -> tuple[str, ...]:
        """Make the feeds those given; new and changed ones become dirty. Returns the paths nobody writes any more."""
        with self._database.write() as connection:
            have = {row.address: row for row in connection.execute(select(schema.feed))}
            sources = _sources(connection)
            changed = [
                one
                for one in feeds
                if one.address not in have
                or have[one.address].digest != one.digest
                or sources.get(one.address, frozenset()) != one.sources
            ]
            removed = [address for address in have if address not in {one.address for one in feeds}]
            if not changed and not removed:
                return ()
            _replace(connection, changed, removed, have, next_seq(connection))
        kept = {path for one in feeds for path in one.paths}
        return tuple(path for row in have.values() for path in json.loads(row.paths) if path not in kept)

    def dirty(self) -> tuple[Dirty, ...]:
        """Feeds to be rebuilt."""
        one = schema.feed.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(one.address, one.dirty_seq).where(one.built_seq < one.dirty_seq).order_by(one.address)
            )
            return tuple(Dirty(row.address, row.dirty_seq) for row in rows)

    def entries(self, address: str, limit: int) -> tuple[Article, ...]:
        """The newest articles of a feed, newest first, ties by guid."""
        with self._database.read() as connection:
            keys = _newest(connection, address, limit)
            rows = connection.execute(
                select(schema.article.c.pk, schema.article.c.body).where(schema.article.c.pk.in_(keys))
            )
            bodies = {row.pk: row.body for row in rows}
        return tuple(article_of(bodies[key]) for key in keys)

    def windows(self, store: str, limit: int) -> frozenset[str]:
        """The ids of a store's articles that a reader can see in some feed now."""
        with self._database.read() as connection:
            addresses = connection.execute(select(schema.feed.c.address)).scalars().all()
            keys = {key for address in addresses for key in _newest(connection, address, limit)}
            of_store = (schema.article.c.store == store) & (schema.article.c.state == LIVE)
            return frozenset(
                row.id
                for some in chunks(sorted(keys))
                for row in connection.execute(
                    select(schema.article.c.id).where(of_store & schema.article.c.pk.in_(some))
                )
            )

    def soil(self, addresses: Iterable[str] | None = None) -> None:
        """Have these feeds (None: all) rebuilt, though nothing changed."""
        with self._database.write() as connection:
            where = true() if addresses is None else schema.feed.c.address.in_(list(addresses))
            connection.execute(update(schema.feed).where(where).values(dirty_seq=next_seq(connection)))

    def published(self, address: str, seq: int, targets: Mapping[str, Target], now: datetime) -> None:
        """The feed is out as of `seq`; what waited for it alone falls due."""
        with self._database.write() as connection:
            connection.execute(
                update(schema.feed)
                .where((schema.feed.c.address == address) & (schema.feed.c.built_seq < seq))
                .values(built_seq=seq)
            )
            free_held(connection, targets, now)

    def free(self, targets: Mapping[str, Target], now: datetime) -> None:
        """Let fall due whatever waits for feeds that are out."""
        with self._database.write() as connection:
            free_held(connection, targets, now)

    def paths(self) -> dict[str, tuple[str, ...]]:
        """The files of each feed, by address."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.feed.c.address, schema.feed.c.paths))
            return {row.address: tuple(json.loads(row.paths)) for row in rows}


# ---------------------------------------------------------------- inside other transactions


def soil(connection: Connection, keys: Sequence[int], seq: int) -> None:
    """Mark every feed that carries one of these articles."""
    if not keys:
        return
    article, feed = schema.article.c, schema.feed.c
    briefs = exists().where(article.pk.in_(keys) & article.brief)
    carried = exists().where(
        (schema.feed_source.c.feed == feed.address)
        & (schema.membership.c.store == schema.feed_source.c.store)
        & (schema.membership.c.category == schema.feed_source.c.category)
        & schema.membership.c.article.in_(keys)
    )
    touched = or_(feed.kind == "all", and_(feed.kind == "briefs", briefs), carried)
    connection.execute(update(schema.feed).where(touched).values(dirty_seq=seq))


def soil_all(connection: Connection, seq: int) -> None:
    """Mark every feed: a category's name stands in any of them."""
    connection.execute(update(schema.feed).values(dirty_seq=seq))


def free_held(connection: Connection, targets: Mapping[str, Target], now: datetime) -> None:
    """Move each delivery that waits for feeds, if all that carry its article are out, and it is well."""
    article, feed, delivery = schema.article.c, schema.feed.c, schema.delivery.c
    carried = (
        exists()
        .where(
            (schema.feed_source.c.feed == feed.address)
            & (schema.membership.c.store == schema.feed_source.c.store)
            & (schema.membership.c.category == schema.feed_source.c.category)
            & (schema.membership.c.article == article.pk)
        )
        .correlate(schema.feed, schema.article)  # of itself it would mean any article that the feed carries
    )
    behind = (
        exists()
        .where(
            (feed.built_seq < feed.dirty_seq)
            & (feed.built_seq < article.seq)
            & or_(feed.kind == "all", and_(feed.kind == "briefs", article.brief), carried)
        )
        .correlate(schema.article)
    )
    ill = (
        exists()
        .where((schema.quarantine.c.store == article.store) & (schema.quarantine.c.id == article.id))
        .correlate(schema.article)
    )
    waiting = (delivery.state == State.HELD) & (delivery.held_by == FEEDS) & (article.state == LIVE)
    rows = connection.execute(
        select(article.pk)
        .join(schema.delivery, delivery.article == article.pk)
        .where(waiting, ~behind, ~ill)
        .distinct()
    )
    move_all(connection, {row.pk: FeedsOut() for row in rows}, targets, now)


# ---------------------------------------------------------------- small things


def _sources(connection: Connection) -> dict[str, frozenset[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for row in connection.execute(select(schema.feed_source)):
        found.setdefault(row.feed, set()).add((row.store, row.category))
    return {address: frozenset(pairs) for address, pairs in found.items()}


def _replace(
    connection: Connection, changed: Sequence[FeedRow], removed: Sequence[str], have: Mapping[str, object], seq: int
) -> None:
    gone = [*removed, *(one.address for one in changed)]
    connection.execute(delete(schema.feed_source).where(schema.feed_source.c.feed.in_(gone)))
    connection.execute(delete(schema.feed).where(schema.feed.c.address.in_(removed)))
    for one in changed:
        fields = {"kind": one.kind, "digest": one.digest, "dirty_seq": seq, "paths": json.dumps(one.paths)}
        if one.address in have:
            connection.execute(update(schema.feed).where(schema.feed.c.address == one.address).values(**fields))
        else:
            connection.execute(insert(schema.feed).values(address=one.address, built_seq=0, **fields))
        rows = [{"feed": one.address, "store": store, "category": key} for store, key in sorted(one.sources)]
        if rows:
            connection.execute(insert(schema.feed_source), rows)


def _newest(connection: Connection, address: str, limit: int) -> list[int]:
    """The row keys of a feed's newest articles: for a category, the newest of each source, merged."""
    kind = connection.execute(select(schema.feed.c.kind).where(schema.feed.c.address == address)).scalar()
    article = schema.article.c
    if kind != "category":
        where: ColumnElement[bool] = article.state == LIVE
        if kind == "briefs":
            where &= article.brief.is_(True)
        ordered = select(article.pk).where(where).order_by(article.published.desc(), article.guid.desc())
        return list(connection.execute(ordered.limit(limit)).scalars())
    sources = connection.execute(
        select(schema.feed_source.c.store, schema.feed_source.c.category).where(schema.feed_source.c.feed == address)
    ).all()
    runs = [_newest_of(connection, row.store, row.category, limit) for row in sources]
    merged = heapq.merge(*runs, reverse=True)
    return list(dict.fromkeys(key for _, _, key in merged))[:limit]


def _newest_of(connection: Connection, store: str, category: str, limit: int) -> list[tuple[datetime, str, int]]:
    member = schema.membership.c
    rows = connection.execute(
        select(member.published, member.guid, member.article)
        .where((member.store == store) & (member.category == category))
        .order_by(member.published.desc(), member.guid.desc())
        .limit(limit)
    )
    return [(row.published, row.guid, row.article) for row in rows]
