"""what happened to articles + their deliveries -> the deliveries as `lifecycle.step` says they stand.

Inside the transactions of others: a row is read under its lock, stepped, and written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from feedpub.ledger import schema
from feedpub.ledger.rows import WITHDRAWN, AnyRow, Fields, chunks, delivery_fields, delivery_of
from feedpub.model import Delivery, State, Target
from feedpub.notices.feeds import plan_feeds
from feedpub.notices.lifecycle import FEEDS, Edited, Event, FeedsOut, step
from feedpub.notices.plan import Owed
from feedpub.notices.returning import heard_before

_SAVE = update(schema.delivery).where(schema.delivery.c.id == bindparam("key"))


def move_all(
    connection: Connection,
    events: Mapping[int, Event],
    targets: Mapping[str, Target],
    now: datetime,
    *,
    heard: bool = False,
) -> None:
    """Step every delivery of these articles (by row key) through what happened to them.

    `heard`: before this ledger was put back, feedpub may have heard of it already.
    """
    keys = list(events)
    for some in chunks(keys):
        rows = connection.execute(locked(select(schema.delivery).where(schema.delivery.c.article.in_(some)))).all()
        for delivery in map(delivery_of, rows):
            if delivery.target in targets and delivery.article is not None:
                target = targets[delivery.target]
                after = step(delivery, events[delivery.article], target, now)
                save(connection, delivery, heard_before(delivery, after, target) if heard else after)


def tell_of_feed(connection: Connection, feed: str, version: int, targets: Mapping[str, Target], now: datetime) -> None:
    """Owe the new version of a feed to every target that hears of it; it is out already."""
    one, news = schema.delivery.c, plan_feeds({feed: version}, targets.values())
    told_before = select(schema.delivery).where(one.target.in_([owed.target for owed in news]), one.feed == feed)
    there = {row.target: delivery_of(row) for row in connection.execute(locked(told_before)).all()} if news else {}
    for owed in news:
        fresh = Delivery(0, owed.target, None, State.HELD, version, held_by=FEEDS, created_at=now, feed=feed)
        before, target = there.get(owed.target), targets[owed.target]
        told = fresh if before is None else step(before, Edited(version), target, now)
        after = step(told, FeedsOut(), target, now)
        if before is None:
            connection.execute(insert(schema.delivery), [delivery_fields(after)])
        else:
            save(connection, before, after)


def insert_owed(connection: Connection, owed: Sequence[Owed], now: datetime) -> None:
    """Add the deliveries planned; one that exists already stays as it is, and what is withdrawn is owed to nobody."""
    guids = list(dict.fromkeys(one.guid for one in owed))
    for some in chunks(guids):
        one = schema.article.c
        query = select(one.guid, one.pk, one.revision).where(one.guid.in_(some) & (one.state != WITHDRAWN))
        articles = {row.guid: row for row in connection.execute(query)}
        keys = [row.pk for row in articles.values()]
        there = select(schema.delivery.c.target, schema.delivery.c.article).where(schema.delivery.c.article.in_(keys))
        have = {(row.target, row.article) for row in connection.execute(there)}
        fresh = [
            _new_delivery(one, articles[one.guid], now)
            for one in owed
            if one.guid in articles and (one.target, articles[one.guid].pk) not in have
        ]
        if fresh:
            connection.execute(insert(schema.delivery), fresh)


def _new_delivery(owed: Owed, article: AnyRow, now: datetime) -> Fields:
    delivery = Delivery(
        id=0,
        target=owed.target,
        article=article.pk,
        state=owed.state,
        wanted=article.revision,
        held_by=owed.held_by,
        reason=owed.reason,
        created_at=now,
        expires_at=owed.expires_at,
        words=owed.words,
    )
    return delivery_fields(delivery)


def save(connection: Connection, before: Delivery, after: Delivery) -> bool:
    """Write how a delivery stands now, if that is not how it stood before; tells whether it was written."""
    if before == after:
        return False
    connection.execute(_SAVE, {"key": after.id, **delivery_fields(after)})
    return True


def locked(query: Select[Any]) -> Select[Any]:
    """Have the deliveries of a query to oneself, in an order in which two never wait for each other."""
    return query.order_by(schema.delivery.c.id).with_for_update(of=schema.delivery)
