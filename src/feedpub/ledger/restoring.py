"""A ledger that is older than what feedpub has said since: how it is told from others, and what becomes of it.

Each ledger has an identity, and numbers its tries (`attempt`); no try is ever taken away. So of two copies of one
ledger the one with fewer tries is the older one. One that was put back is another ledger from then on.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.moving import locked, save
from feedpub.ledger.rows import PUT_BACK, delivery_of, next_seq
from feedpub.model import EPOCH, State, Target
from feedpub.notices.returning import returned

_IDENTITY, _PUT_BACK_AT = "identity", "put_back"
_TICK = timedelta(microseconds=1)

_TRIES = select(func.max(schema.attempt.c.pk))
_POLLED = select(func.max(schema.store.c.polled_at))


@dataclass(frozen=True, slots=True)
class Standing:
    """Which ledger it is, and how far it has come: its latest try (0: none), and when it last polled a store."""

    identity: int
    tries: int
    polled_at: datetime | None


@dataclass(frozen=True, slots=True)
class PutBack:
    """What became of what an older ledger owed: how many deliveries are held, and of how many nobody knows."""

    held: int
    doubtful: int


class History:
    """Which ledger this is, and whether it was put back."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def begin(self) -> None:
        """Give a ledger that has none its identity."""
        with self._database.read() as connection:
            there = _value(connection, _IDENTITY)
        if there is None:
            with self._database.write() as connection:
                be_another(connection)

    def standing(self) -> Standing:
        """Tell which it is, and how far it has come."""
        with self._database.read() as connection:
            return Standing(
                _value(connection, _IDENTITY) or 0,
                connection.execute(_TRIES).scalar() or 0,
                connection.execute(_POLLED).scalar(),
            )

    def put_back_at(self) -> datetime | None:
        """Until when things may have been said that it does not know of; None: it knows of all."""
        with self._database.read() as connection:
            value = _value(connection, _PUT_BACK_AT)
        return None if value is None else EPOCH + value * _TICK

    def put_back(self, targets: Mapping[str, Target], moment: datetime) -> PutBack:
        """Take note that it is an older copy, put back at that moment."""
        with self._database.write() as connection:
            return put_back(connection, targets, moment)


def be_another(connection: Connection) -> None:
    """Give a ledger a new identity: its history is not that of the one it was, or there is none yet."""
    _set(connection, _IDENTITY, secrets.randbits(62))


def put_back(connection: Connection, targets: Mapping[str, Target], moment: datetime) -> PutBack:
    """Have what a ledger owes wait for a person, and what its stores tell next be known already until that moment."""
    next_seq(connection)
    one, store = schema.delivery.c, schema.store.c
    be_another(connection)
    _set(connection, _PUT_BACK_AT, (moment - EPOCH) // _TICK)
    connection.execute(
        update(schema.store)
        .where(or_(store.phase == "live", store.phase == PUT_BACK))
        .values(phase=PUT_BACK, news_since=moment)
    )
    # What was withdrawn since is looked for at the next poll.
    connection.execute(update(schema.store).where(store.censused_at.is_not(None)).values(censused_at=EPOCH))
    tried = schema.attempt.c
    connection.execute(update(schema.attempt).where(tried.ended_at.is_(None)).values(ended_at=moment, outcome="lost"))
    unsettled = one.state.not_in((State.SENT, State.SKIPPED))
    for delivery in map(delivery_of, connection.execute(locked(select(schema.delivery).where(unsettled))).all()):
        save(connection, delivery, returned(delivery, targets.get(delivery.target), moment))
    return PutBack(_count(connection, State.HELD), _count(connection, State.DOUBTFUL))


def _count(connection: Connection, state: State) -> int:
    counted = select(func.count()).select_from(schema.delivery).where(schema.delivery.c.state == state)
    return connection.execute(counted).scalar_one()


def _value(connection: Connection, name: str) -> int | None:
    one = schema.counter.c
    return connection.execute(select(one.value).where(one.name == name)).scalar()


def _set(connection: Connection, name: str, value: int) -> None:
    connection.execute(delete(schema.counter).where(schema.counter.c.name == name))
    connection.execute(insert(schema.counter).values(name=name, value=value))
