"""What we owe and what we have said. One transaction per method.

It decides nothing: a row is read under its lock, `lifecycle.step` says how it then stands, and that is written.
Locks are always taken in the order target, delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from feedpub.errors import Superseded
from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.feeds import free_held
from feedpub.ledger.moving import insert_owed, locked, save
from feedpub.ledger.rows import article_of, delivery_of
from feedpub.model import EPOCH, Action, Article, Delivery, Notice, Outcome, Said, State, Target
from feedpub.notices.lifecycle import (
    FLOOD,
    Answered,
    Cancelled,
    Claimed,
    Lost,
    Released,
    Retried,
    Started,
    Wanted,
    cancel,
    step,
)
from feedpub.notices.pace import Rest
from feedpub.notices.plan import Owed

LEASE_MARGIN = timedelta(seconds=30)
"""A lease outlives its conversation's deadline by this."""

_OPEN = (State.CLAIMED, State.SENDING)
_due = schema.delivery.alias("due")
_other = schema.delivery.alias("other")


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivery as people look at it: with its article (if it is about one), what was tried last, how many tries."""

    delivery: Delivery
    article: Article | None
    tried: Action | None = None
    tries: int = 0

    @property
    def action(self) -> Action:
        """What is to be done; where all is done, what was."""
        return self.delivery.action or self.tried or Action.ANNOUNCE

    @property
    def subject(self) -> str:
        """What it is about: the article's id in its store, or the feed's address."""
        return self.article.id if self.article is not None else self.delivery.feed or ""

    @property
    def about(self) -> Article:
        """The article. Raises TypeError if it is about a feed."""
        if self.article is None:
            raise TypeError("a delivery about a feed has no article")
        return self.article

    @property
    def title(self) -> str:
        """What people call its subject."""
        return (self.article.title or self.article.summary) if self.article is not None else ""

    @property
    def attempts(self) -> int:
        """Every try there was; the delivery itself counts only those of its present action."""
        return max(self.delivery.attempts, self.tries)


class Deliveries:
    """The deliveries' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    # ------------------------------------------------------------ a delivery's way

    def claim(self, targets: Mapping[str, Target], now: datetime, limit: int) -> tuple[Delivery, ...]:
        """Lease up to `limit` deliveries that are due: at most one per target, and none of a target in conversation."""
        claimed: list[Delivery] = []
        with self._database.write() as connection:
            for name in connection.execute(_free_targets(list(targets), now).limit(limit)).scalars().all():
                lease = Claimed(now + targets[name].timeout + LEASE_MARGIN)
                taken = _claim_one(connection, targets[name], lease, now)
                claimed += [taken] if taken is not None else []
        return tuple(claimed)

    def start(self, delivery: Delivery, notice: Notice, target: Target, now: datetime) -> Delivery:
        """Freeze the words and commit `sending`; only then may a socket open. Raises Superseded."""
        with self._database.write() as connection:
            held = _own(connection, delivery)
            started = step(held, Started(notice), target, now)
            if started == held:
                raise Superseded("the delivery changed while its notice was written")
            save(connection, held, started)
            _journal_start(connection, started, notice.action, now)
            return started

    def settle(self, delivery: Delivery, outcome: Outcome, rest: Rest, target: Target, now: datetime) -> Delivery:
        """Write what came of it: for the delivery, its target, the journal. Raises Superseded if the lease is lost."""
        with self._database.write() as connection:
            connection.execute(
                select(schema.target.c.name).where(schema.target.c.name == delivery.target).with_for_update()
            )
            held = _own(connection, delivery)
            settled = step(held, Answered(outcome), target, now)
            save(connection, held, settled)
            if settled.state is State.HELD:  # to be announced anew: its feeds may have been out for long
                free_held(connection, {target.name: target}, now, only=settled.id)
            _journal_end(connection, held, outcome, now)
            connection.execute(
                update(schema.target)
                .where(schema.target.c.name == delivery.target)
                .values(
                    failures=rest.failures, rest_until=rest.rest_until, slot_until=rest.slot_until, paused=rest.paused
                )
            )
            return settled

    def recover(self, targets: Mapping[str, Target], now: datetime, *, all_leases: bool) -> int:
        """Take back leases that ran out (`all_leases`: every one, since nobody else can be at work)."""
        lost: ColumnElement[bool] = schema.delivery.c.state.in_(_OPEN)
        if not all_leases:
            lost &= schema.delivery.c.lease_until < now
        with self._database.write() as connection:
            rows = connection.execute(locked(select(schema.delivery).where(lost))).all()
            for row in rows:
                delivery = delivery_of(row)
                target = targets.get(delivery.target)
                after = _orphaned(delivery) if target is None else step(delivery, Lost(), target, now)
                save(connection, delivery, after)
                _journal_end(connection, delivery, None, now)
            return len(rows)

    def follow_clock(self, step: timedelta) -> None:
        """The clock was set by `step`: what is under way keeps its lease, and nothing waits longer than it did.

        Waits are not prolonged by a clock set ahead: a machine that slept looks the same, and they have passed.
        """
        one, of = schema.delivery.c, schema.target.c
        back = min(step, timedelta(0))
        with self._database.write() as connection:
            connection.execute(
                update(schema.target).values(
                    rest_until=_moved(of.rest_until, back), slot_until=_moved(of.slot_until, back)
                )
            )
            connection.execute(
                update(schema.delivery)
                .where(one.state.in_((State.DUE, State.DOUBTFUL, *_OPEN)))
                .values(
                    due_at=_moved(one.due_at, back),
                    doubt_since=_moved(one.doubt_since, back),
                    lease_until=_moved(one.lease_until, step),
                )
            )

    def next_due(self, targets: Iterable[str], now: datetime) -> datetime | None:
        """When something may next be claimed, or a lease runs out. Never sooner than true, at most `now` late."""
        one, of = schema.delivery.c, schema.target.c
        ready = and_(one.state.in_((State.DUE, State.DOUBTFUL)), one.due_at.is_not(None))
        idle = ~exists().where(_busy(schema.target))
        with self._database.read() as connection:
            rows = connection.execute(
                select(func.min(one.due_at).label("due"), of.rest_until, of.slot_until)
                .join(schema.target, of.name == one.target)
                .where(ready, of.paused == "", of.name.in_(list(targets)), idle)
                .group_by(of.name, of.rest_until, of.slot_until)
            ).all()
            retraction = connection.execute(
                select(func.min(one.due_at))
                .join(schema.target, of.name == one.target)
                .where(
                    ready, one.wanted.is_(None), of.paused == "", of.rest_until <= now, of.name.in_(list(targets)), idle
                )
            ).scalar()
            lease = connection.execute(select(func.min(one.lease_until)).where(one.state.in_(_OPEN))).scalar()
        moments = [max(row.due, row.rest_until, row.slot_until) for row in rows]
        return min([*moments, *(one for one in (retraction, lease) if one is not None)], default=None)

    # ------------------------------------------------------------ people

    def listed(
        self,
        *,
        states: Sequence[State] = (),
        target: str = "",
        ids: Sequence[int] = (),
        article: str = "",
        held_by: str = "",
        since: datetime | None = None,
        limit: int = 100,
    ) -> tuple[Listed, ...]:
        """Deliveries with what they are about, newest first."""
        one, of = schema.delivery.c, schema.attempt.c
        tries = select(func.count()).where(of.delivery == one.id).scalar_subquery()
        tried = select(of.action).where(of.delivery == one.id).order_by(of.pk.desc()).limit(1).scalar_subquery()
        query = select(schema.delivery, schema.article.c.body, tries.label("tries"), tried.label("tried")).outerjoin(
            schema.article, schema.article.c.pk == one.article
        )
        for given, where in (
            (states, one.state.in_(list(states))),
            (target, one.target == target),
            (ids, one.id.in_(list(ids))),
            (article, or_(schema.article.c.id == article, schema.article.c.guid == article)),
            (held_by, one.held_by == held_by),
            (since, one.created_at >= (since or EPOCH)),
        ):
            if given:
                query = query.where(where)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(one.id.desc()).limit(limit)).all()
        return tuple(
            Listed(
                delivery_of(row),
                article_of(row.body) if row.body else None,
                Action(row.tried) if row.tried else None,
                row.tries,
            )
            for row in rows
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """How many deliveries each target has in each state."""
        one = schema.delivery.c
        with self._database.read() as connection:
            rows = connection.execute(select(one.target, one.state, func.count()).group_by(one.target, one.state))
            found: dict[str, dict[str, int]] = {}
            for row in rows:
                found.setdefault(row[0], {})[row[1]] = row[2]
        return found

    def flooded(self) -> dict[str, int]:
        """How many deliveries of each target the flood guard holds."""
        one = schema.delivery.c
        held = (one.state == State.HELD) & (one.held_by == FLOOD)
        with self._database.read() as connection:
            rows = connection.execute(select(one.target, func.count()).where(held).group_by(one.target))
            return {row[0]: row[1] for row in rows}

    def attempts(self, delivery: int) -> tuple[Mapping[str, Any], ...]:
        """The journal of one delivery, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.attempt).where(schema.attempt.c.delivery == delivery).order_by(schema.attempt.c.pk)
            )
            return tuple(dict(row._mapping) for row in rows)  # noqa: SLF001 - the documented way to a row's mapping

    def tell(
        self,
        ids: Sequence[int],
        event: Released | Retried | Cancelled | Wanted,
        targets: Mapping[str, Target],
        now: datetime,
    ) -> int:
        """Let a person's word change these deliveries. Returns how many it changed."""
        changed = 0
        with self._database.write() as connection:
            rows = connection.execute(locked(select(schema.delivery).where(schema.delivery.c.id.in_(list(ids))))).all()
            for delivery in map(delivery_of, rows):
                if delivery.target in targets:
                    after = step(delivery, event, targets[delivery.target], now)
                    changed += save(connection, delivery, after)
        return changed

    def owe(self, owed: Sequence[Owed], now: datetime) -> None:
        """Take on more deliveries, such as a new target's backlog; those that exist stay as they are."""
        with self._database.write() as connection:
            insert_owed(connection, owed, now)


# ---------------------------------------------------------------- small things


def _moved(moment: Column[Any], step: timedelta) -> ColumnElement[int]:
    return type_coerce(moment, BigInteger) + step // timedelta(microseconds=1)


def _busy(target: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table or its alias
    return and_(_other.c.target == target.c.name, _other.c.state.in_(_OPEN))


def _free_targets(names: Sequence[str], now: datetime) -> Select[str]:
    """Targets with something due, in the order of what waits longest; locked, so that two claims never meet."""
    of = schema.target.c
    ready = and_(
        _due.c.target == of.name,
        _due.c.state.in_((State.DUE, State.DOUBTFUL)),
        _due.c.due_at <= now,
        or_(of.slot_until <= now, _due.c.wanted.is_(None)),
    )
    oldest = select(func.min(_due.c.due_at)).where(ready).correlate(schema.target).scalar_subquery()
    return (
        select(of.name)
        .where(of.name.in_(names), of.paused == "", of.rest_until <= now)
        .where(~exists().where(_busy(schema.target)), exists().where(ready))
        .order_by(oldest, of.name)
        .with_for_update(skip_locked=True)
    )


def _claim_one(connection: Connection, target: Target, lease: Claimed, now: datetime) -> Delivery | None:
    """The target's oldest due delivery, leased; those that are no longer wanted are put aside on the way."""
    one, of = schema.delivery.c, schema.target.c
    # Asked again now that the target's row is locked: another claim may have been faster.
    if connection.execute(select(_other.c.id).where(_other.c.target == target.name, _other.c.state.in_(_OPEN))).first():
        return None
    slot = select(of.slot_until).where(of.name == target.name).scalar_subquery()
    query = (
        select(schema.delivery)
        .where(one.target == target.name, one.state.in_((State.DUE, State.DOUBTFUL)), one.due_at <= now)
        .where(or_(slot <= now, one.wanted.is_(None)))
        .order_by(one.due_at, one.id)
        .limit(1)
        .with_for_update()
    )
    while (row := connection.execute(query).first()) is not None:
        delivery = delivery_of(row)
        after = step(delivery, lease, target, now)
        save(connection, delivery, after)
        if after.state is State.CLAIMED:
            return after
    return None


def _own(connection: Connection, delivery: Delivery) -> Delivery:
    """The row as it is now, if the lease is still ours."""
    row = connection.execute(
        select(schema.delivery).where(schema.delivery.c.id == delivery.id).with_for_update()
    ).first()
    held = None if row is None else delivery_of(row)
    if held is None or held.fence != delivery.fence or held.state not in _OPEN:
        raise Superseded("the delivery changed hands")
    return held


def _journal_start(connection: Connection, delivery: Delivery, action: Action, now: datetime) -> None:
    connection.execute(
        insert(schema.attempt).values(
            delivery=delivery.id, fence=delivery.fence, action=str(action), started_at=now, outcome="", detail=""
        )
    )


def _journal_end(connection: Connection, delivery: Delivery, outcome: Outcome | None, now: datetime) -> None:
    """Close the try. One that opened no socket (a look, a notice that could not be written) has no entry."""
    kind = "lost" if outcome is None else type(outcome).__name__.lower()
    detail = "" if outcome is None or isinstance(outcome, Said) else outcome.why
    connection.execute(
        update(schema.attempt)
        .where((schema.attempt.c.delivery == delivery.id) & (schema.attempt.c.fence == delivery.fence))
        .values(ended_at=now, outcome=kind, detail=detail)
    )


def _orphaned(delivery: Delivery) -> Delivery:
    """What a target that is gone from the config was saying when feedpub was stopped."""
    doubtful = delivery.state is State.SENDING or delivery.doubt_since is not None
    idle = replace(delivery, state=State.DOUBTFUL if doubtful else State.DUE, lease_until=None)
    idle = replace(idle, doubt_since=idle.doubt_since or idle.created_at) if doubtful else idle
    return cancel(idle, f"the target {delivery.target} was removed from the config")
