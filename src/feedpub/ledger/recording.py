"""a record of what a step of a poll changed -> the rows of the ledger, in one transaction. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update

from feedpub.changes import GONE, MISSED, PRESENT
from feedpub.errors import Superseded
from feedpub.ledger import schema
from feedpub.ledger.feeds import soil, soil_all
from feedpub.ledger.moving import insert_owed, move_all
from feedpub.ledger.rows import LIVE, WAITING, WITHDRAWN, article_body, chunks, next_seq
from feedpub.model import Article, Category, Quarantined, Target
from feedpub.notices.lifecycle import Edited, Event, Restored, Withdrawn
from feedpub.notices.plan import Owed


@dataclass(frozen=True, slots=True)
class Written:
    """An article to be recorded, and the marks it is known by."""

    article: Article
    fingerprint: str
    headline: str
    revision: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An article kept out, and the row that was judged."""

    what: Quarantined
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Record:
    """All that one step of a poll changes, to be written in one transaction.

    `expected` is the cursor the batch was asked with: if it has moved since, nothing is written. `ripe`: those of
    `written` were waiting for their time, and it has come.
    `restored` are those of `written` that had been withdrawn; `gone` are levels of
    `changes.PRESENT/MISSED/GONE` by id.
    """

    store: str
    expected: str | None
    cursor: str | None
    live: bool
    written: tuple[Written, ...] = ()
    restored: frozenset[str] = frozenset()
    ripe: bool = False
    withdrawn: tuple[str, ...] = ()
    gone: Mapping[str, int] | None = None
    quarantined: tuple[Quarantine, ...] = ()
    categories: tuple[Category, ...] | None = None
    owed: tuple[Owed, ...] = ()


def write(connection: Connection, record: Record, targets: Mapping[str, Target], now: datetime) -> None:
    """Write all of a record in the transaction of `connection`.

    Raises Superseded if the cursor is not the expected one any more.
    """
    seq = next_seq(connection)
    _move_cursor(connection, record, now)
    if record.categories is not None:
        _replace_categories(connection, record.store, record.categories)
        soil_all(connection, seq)
    keys = _write_articles(connection, record, seq, now)
    _move_edited(connection, record, keys, targets, now)
    _withdraw(connection, record, targets, seq, now)
    _mark_gone(connection, record)
    _replace_quarantine(connection, record, now)
    insert_owed(connection, record.owed, now)


def ensure_store(connection: Connection, name: str) -> None:
    """Make the row of a store that was never polled."""
    if connection.execute(select(schema.store.c.name).where(schema.store.c.name == name)).first() is None:
        connection.execute(insert(schema.store).values(name=name, cursor=None, phase="baseline", error="", note=""))


def _move_cursor(connection: Connection, record: Record, now: datetime) -> None:
    ensure_store(connection, record.store)
    same = schema.store.c.cursor.is_(None) if record.expected is None else schema.store.c.cursor == record.expected
    moved = connection.execute(
        update(schema.store)
        .where((schema.store.c.name == record.store) & same)
        .values(cursor=record.cursor, phase="live" if record.live else "baseline", polled_at=now)
    )
    if moved.rowcount != 1:
        raise Superseded(f"stores.{record.store}: another poll was faster; nothing of this one was recorded")


def _replace_categories(connection: Connection, store: str, categories: Iterable[Category]) -> None:
    connection.execute(delete(schema.category).where(schema.category.c.store == store))
    rows = [
        {"store": store, "key": one.key, "name": one.name, "slug": one.slug, "parent": one.parent}
        for one in {one.key: one for one in categories}.values()
    ]
    if rows:
        connection.execute(insert(schema.category), rows)


def _write_articles(connection: Connection, record: Record, seq: int, now: datetime) -> dict[str, int]:
    """Insert or replace; returns the row key by article id."""
    before = _keys(connection, record.store, [one.article.id for one in record.written])
    asleep = _waiting(connection, list(before.values())) if not record.ripe else frozenset()
    soil(connection, list(before.values()), seq)
    fresh = [_article_fields(one, seq, now) for one in record.written if one.article.id not in before]
    keys = dict(before)
    if fresh:
        rows = connection.execute(insert(schema.article).returning(schema.article.c.pk, schema.article.c.id), fresh)
        keys |= {row.id: row.pk for row in rows}
    for one in record.written:
        if one.article.id in before:
            key = before[one.article.id]
            fields = _article_fields(one, seq, now)
            if key in asleep:
                # Only `ripen` wakes it: else an edit that comes as its time does would make old news of it.
                fields["state"] = WAITING
            connection.execute(update(schema.article).where(schema.article.c.pk == key).values(**fields))
            connection.execute(delete(schema.membership).where(schema.membership.c.article == key))
    awake = [one.article for one in record.written if keys[one.article.id] not in asleep]
    members = [row for one in awake for row in _membership(one, keys[one.id], now)]
    if members:
        connection.execute(insert(schema.membership), members)
    soil(connection, list(keys.values()), seq)
    return keys


def _article_fields(written: Written, seq: int, now: datetime) -> dict[str, Any]:
    article = written.article
    return {
        "store": article.store,
        "id": article.id,
        "guid": article.guid,
        "fingerprint": written.fingerprint,
        "headline": written.headline,
        "revision": written.revision,
        "seq": seq,
        "state": LIVE if article.published <= now else WAITING,
        "brief": article.brief,
        "gone": PRESENT,
        "published": article.published,
        "updated": article.updated,
        "withdrawn_at": None,
        "body": article_body(article),
    }


def _membership(article: Article, key: int, now: datetime) -> Iterator[dict[str, Any]]:
    if article.published > now:
        return
    for category in dict.fromkeys(article.categories):
        yield {
            "article": key,
            "category": category,
            "store": article.store,
            "published": article.published,
            "guid": article.guid,
        }


def _move_edited(
    connection: Connection, record: Record, keys: Mapping[str, int], targets: Mapping[str, Target], now: datetime
) -> None:
    events: dict[int, Event] = {}
    for one in record.written:
        events[keys[one.article.id]] = _happened(one, record, now)
    move_all(connection, events, targets, now)


def _happened(one: Written, record: Record, now: datetime) -> Event:
    """What a written article means for deliveries that exist: dated into the future, it is public no more for now."""
    if one.article.published > now:
        return Withdrawn()
    if record.ripe or one.article.id in record.restored:
        return Restored(one.revision, one.article.announce)
    return Edited(one.revision, one.article.announce)


def _withdraw(connection: Connection, record: Record, targets: Mapping[str, Target], seq: int, now: datetime) -> None:
    for some in chunks(list(_keys(connection, record.store, record.withdrawn).values())):
        _withdraw_some(connection, some, targets, seq, now)


def _withdraw_some(
    connection: Connection, keys: Sequence[int], targets: Mapping[str, Target], seq: int, now: datetime
) -> None:
    soil(connection, keys, seq)
    connection.execute(delete(schema.membership).where(schema.membership.c.article.in_(keys)))
    # What nobody has seen yet is forgotten: if it comes back, it is news.
    seen = exists().where(schema.delivery.c.article == schema.article.c.pk)
    unseen = (schema.article.c.state == WAITING) & ~seen
    connection.execute(delete(schema.article).where(schema.article.c.pk.in_(keys) & unseen))
    connection.execute(
        update(schema.article)
        .where(schema.article.c.pk.in_(keys))
        .values(state=WITHDRAWN, withdrawn_at=now, gone=GONE, seq=seq)
    )
    move_all(connection, dict.fromkeys(keys, Withdrawn()), targets, now)


def _mark_gone(connection: Connection, record: Record) -> None:
    for level in (PRESENT, MISSED, GONE):
        ids = [id_ for id_, given in (record.gone or {}).items() if given == level]
        for some in chunks(ids):
            connection.execute(
                update(schema.article)
                .where((schema.article.c.store == record.store) & schema.article.c.id.in_(some))
                .values(gone=level)
            )


def _replace_quarantine(connection: Connection, record: Record, now: datetime) -> None:
    judged = [one.article.id for one in record.written] + [one.what.id for one in record.quarantined]
    for some in chunks([*judged, *record.withdrawn]):
        connection.execute(
            delete(schema.quarantine).where(
                (schema.quarantine.c.store == record.store) & schema.quarantine.c.id.in_(some)
            )
        )
    rows = {
        one.what.id: {
            "store": record.store,
            "id": one.what.id,
            "fingerprint": one.fingerprint,
            "reason": one.what.reason,
            "at": now,
        }
        for one in record.quarantined
    }
    if rows:
        connection.execute(insert(schema.quarantine), list(rows.values()))


def _keys(connection: Connection, store: str, ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in chunks(list(ids)):
        rows = connection.execute(
            select(schema.article.c.id, schema.article.c.pk).where(
                (schema.article.c.store == store) & schema.article.c.id.in_(some)
            )
        )
        found |= {row.id: row.pk for row in rows}
    return found


def _waiting(connection: Connection, keys: Sequence[int]) -> frozenset[int]:
    rows = connection.execute(
        select(schema.article.c.pk).where(schema.article.c.pk.in_(keys) & (schema.article.c.state == WAITING))
    )
    return frozenset(row.pk for row in rows)
