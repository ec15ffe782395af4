"""What we owe and what we have said. One transaction per method.

It decides nothing: a row is read under its lock, `lifecycle.step` says how it then stands, and that is written.
Locks are always taken in the order target, delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
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
from feedpub.ledger.rows import WITHDRAWN, AnyRow, article_of, chunks, delivery_of
from feedpub.ledger.targets import rest_of
from feedpub.model import EPOCH, Action, Article, Delivery, Notice, Outcome, Said, State, Target
from feedpub.notices.lifecycle import (
    FLOOD,
    MOVED,
    PUT_BACK,
    Answered,
    Cancelled,
    Claimed,
    Edited,
    Lost,
    Released,
    Retried,
    Started,
    Wanted,
    cancel,
    heeds,
    step,
)
from feedpub.notices.pace import (
    BUDGET,
    Bill,
    Rest,
    Spoken,
    Window,
    affordable,
    refunded,
    slot_of,
    unaffordable,
    windows,
)
from feedpub.notices.plan import Owed

LEASE_MARGIN = timedelta(seconds=30)
"""A lease outlives its conversation's deadline by this."""

_OPEN = (State.CLAIMED, State.SENDING)
_WAITING = (State.DUE, State.DOUBTFUL)
_due = schema.delivery.alias("due")
_other = schema.delivery.alias("other")


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivery as people look at it: with its article (if it is about one), what was tried last, how many tries."""

    delivery: Delivery
    article: Article | None
    tried: Action | None = None
    tries: int = 0
    withdrawn: bool = False

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


@dataclass(frozen=True, slots=True)
class Try:
    """One entry of the journal: what was tried, and what came of it. `ended_at` is None while nobody knows."""

    delivery: int
    action: Action
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    """`said`, `again`, `refused`, `doubt`, `absent` or `lost`; empty while it goes on."""
    detail: str


class Deliveries:
    """The deliveries' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database
        self.tried: Callable[[int], object] = lambda _: None
        """Is told the number of each try, once it is written down and before it may open a socket."""

    # ------------------------------------------------------------ a delivery's way

    def claim(
        self, targets: Mapping[str, Target], now: datetime, limit: int, silent: Collection[str] = ()
    ) -> tuple[Delivery, ...]:
        """Lease up to `limit` deliveries that are due: at most one per target, and none of a target in conversation.

        Of the `silent` targets only what is withdrawn.
        """

        def write(connection: Connection) -> tuple[Delivery, ...]:
            claimed, oldest = list[Delivery](), _oldest(silent)
            for name in connection.execute(_free_targets(list(targets), now, silent).limit(limit)).scalars().all():
                lease = Claimed(now + targets[name].timeout + LEASE_MARGIN)
                taken = _claim_one(connection, targets[name], lease, now, oldest)
                claimed += [taken] if taken is not None else []
            return tuple(claimed)

        return self._database.write_together(write)

    def put_back(self, delivery: Delivery, target: Target, now: datetime) -> Delivery:
        """Give a claim back before anything was sent. Raises Superseded if it is lost."""
        with self._database.write() as connection:
            held = _own(connection, delivery)
            given = step(held, Lost(), target, now)
            save(connection, held, given)
            return given

    def start(
        self, delivery: Delivery, notice: Notice, target: Target, now: datetime, bill: Bill | None = None
    ) -> Delivery:
        """Freeze the words, pay the bill, and commit `sending`; only then may a socket open. Raises Superseded.

        What the month's budget does not cover is not started, and comes back in another state.
        """

        def write(connection: Connection) -> tuple[Delivery, int | None]:
            if bill is not None:
                _lock(connection, target.name)
            held = _own(connection, delivery)
            started = step(held, Started(notice, now + target.timeout + LEASE_MARGIN), target, now)
            if started == held:
                raise Superseded("the delivery changed while its notice was written")
            spent = 0 if bill is None else _spent(connection, target.name, bill.month)
            if bill is not None and not affordable(bill, spent):
                waits = unaffordable(held, notice, target, bill, spent, now)
                save(connection, held, waits)
                return waits, None
            started = replace(started, held_by="")
            save(connection, held, started)
            number = _journal_start(connection, started, notice.action, now)
            if bill is not None:
                _spend(connection, target.name, bill.month, bill.price)
            return started, number

        started, number = self._database.write_together(write)
        if number is not None:
            self.tried(number)
        return started

    def settle(
        self,
        delivery: Delivery,
        outcome: Outcome,
        rest: Callable[[Rest], Rest],
        target: Target,
        now: datetime,
        bill: Bill | None = None,
    ) -> tuple[Delivery, Rest]:
        """Write what came of it: for the delivery, its target, the journal. Raises Superseded if the lease is lost.

        `rest` says how the target goes on, by how it went on until now. `bill`: what was paid at its start; it is
        given back where nothing was said.
        """

        def write(connection: Connection) -> tuple[Delivery, Rest]:
            _lock(connection, delivery.target)
            after = rest(rest_of(connection, delivery.target))
            held = _own(connection, delivery)
            settled = step(held, Answered(outcome), target, now)
            save(connection, held, settled)
            if settled.state is State.HELD:  # to be announced anew: its feeds may have been out for long
                free_held(connection, {target.name: target}, now, only=settled.id)
            _journal_end(connection, held, outcome, now)
            if bill is not None and refunded(outcome):
                _spend(connection, delivery.target, bill.month, -bill.price)
            values = {"failures": after.failures, "paused": after.paused}
            moments = {"rest_until": after.rest_until, "slot_until": after.slot_until}
            connection.execute(_REST, {"key": delivery.target, **values, **moments})
            return settled, after

        return self._database.write_together(write)

    def recover(self, targets: Mapping[str, Target], now: datetime, *, all_leases: bool) -> int:
        """Take back leases that ran out (`all_leases`: every one, since nobody else can be at work)."""
        lost: ColumnElement[bool] = schema.delivery.c.state.in_(_OPEN)
        if not all_leases:
            lost &= schema.delivery.c.lease_until < now
        with self._database.write(leading=True) as connection:
            rows = connection.execute(locked(select(schema.delivery).where(lost))).all()
            for row in rows:
                delivery = delivery_of(row)
                target = targets.get(delivery.target)
                after = _orphaned(delivery) if target is None else step(delivery, Lost(), target, now)
                save(connection, delivery, after)
                _journal_end(connection, delivery, None, now)
        # What may have been said has had its turn. Locks are taken in one order, so this comes for itself.
        names = {row.target for row in rows} & targets.keys()
        self._repace([targets[name] for name in sorted(names)], now)
        return len(rows)

    # ------------------------------------------------------------ when, and for how much

    def spoken(self, target: str, windows: Sequence[Window], now: datetime, besides: int = 0) -> Spoken:
        """When a target made its latest announcements, for each window; `besides` is left out."""
        if not windows:
            return {}
        with self._database.read() as connection:
            return _spoken(connection, target, windows, now, besides)

    def spent(self, month: str) -> dict[str, int]:
        """What each target spent in a month, in millionths."""
        of = schema.spent.c
        with self._database.read() as connection:
            rows = connection.execute(select(of.target, of.amount).where(of.month == month))
            return {row.target: row.amount for row in rows}

    def follow_config(self, targets: Mapping[str, Target], changed: Collection[str], now: datetime) -> None:
        """The rules may be others now: every pace is told anew, and what waits for money is looked at again.

        The `changed` targets need no rest any more, and what failed there is tried at once; a pause stays.
        """
        one, of = schema.delivery.c, schema.target.c
        with self._database.write(leading=True) as connection:
            connection.execute(
                update(schema.target).where(of.name.in_(list(changed))).values(failures=0, rest_until=EPOCH)
            )
            again = or_(one.held_by == BUDGET, and_(one.target.in_(list(changed)), one.attempts > 0))
            waits = and_(one.target.in_(list(targets)), one.state.in_(_WAITING), one.due_at > now)
            connection.execute(update(schema.delivery).where(waits, again).values(due_at=now))
        self._repace([targets[name] for name in sorted(targets)], now)

    def _repace(self, targets: Sequence[Target], now: datetime) -> None:
        """Write down when each may announce something next."""
        of = schema.target.c
        with self._database.write() as connection:
            free = [target.name for target in targets if not windows(target)]
            connection.execute(
                update(schema.target).where(of.name.in_(free), of.slot_until != EPOCH).values(slot_until=EPOCH)
            )
            for target in targets:
                if pace := windows(target):
                    _lock(connection, target.name)
                    slot = slot_of(target, _spoken(connection, target.name, pace, now), now)
                    connection.execute(update(schema.target).where(of.name == target.name).values(slot_until=slot))

    def follow_clock(self, step: timedelta) -> None:
        """The clock was set by `step`: what is under way keeps its lease, and nothing waits longer than it did.

        Waits are not prolonged by a clock set ahead: a machine that slept looks the same, and they have passed.
        """
        one, of = schema.delivery.c, schema.target.c
        back = min(step, timedelta(0))
        with self._database.write(leading=True) as connection:
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

    def next_due(
        self, targets: Iterable[str], now: datetime, silent: Mapping[str, datetime] | None = None
    ) -> datetime | None:
        """When something may next be claimed, or a lease runs out: `now`, if that is past. Never later than true.

        `silent`: when each of the targets that are silent now may speak again; a silence to come is seen when it comes.
        """
        one, of = schema.delivery.c, schema.target.c
        ready = and_(one.state.in_(_WAITING), one.due_at.is_not(None))
        idle = ~exists().where(_busy(schema.target))
        gone = one.wanted.is_(None)
        with self._database.read() as connection:
            rows = connection.execute(
                select(
                    func.min(one.due_at).label("due"),
                    of.name,
                    of.rest_until,
                    of.slot_until,
                    one.state,
                    gone.label("gone"),
                )
                .join(schema.target, of.name == one.target)
                .where(ready, of.paused == "", of.name.in_(list(targets)), idle)
                .group_by(of.name, of.rest_until, of.slot_until, one.state, gone)
            ).all()
            lease = connection.execute(select(func.min(one.lease_until)).where(one.state.in_(_OPEN))).scalar()
        ends = silent or {}
        moments = [
            max(
                row.due,
                row.rest_until,
                EPOCH if row.gone or row.state == State.DOUBTFUL else row.slot_until,
                EPOCH if row.gone else ends.get(row.name, EPOCH),
            )
            for row in rows
        ]
        soonest = min([*moments, *([lease] if lease is not None else [])], default=None)
        return None if soonest is None else max(soonest, now)

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
        before: int = 0,
        limit: int = 100,
    ) -> tuple[Listed, ...]:
        """Deliveries with what they are about, newest first; `before`: those older than this one."""
        one, of = schema.delivery.c, schema.attempt.c
        tries = select(func.count()).where(of.delivery == one.id).scalar_subquery()
        tried = select(of.action).where(of.delivery == one.id).order_by(of.pk.desc()).limit(1).scalar_subquery()
        gone = (schema.article.c.state == WITHDRAWN).label("withdrawn")
        which = select(one.id)
        for given, where in (
            (states, one.state.in_(list(states))),
            (target, one.target == target),
            (ids, one.id.in_(list(ids))),
            (article, one.article.in_(_called(article))),
            (held_by, one.held_by == held_by),
            (since, one.created_at >= (since or EPOCH)),
            (before, one.id < before),
        ):
            if given:
                which = which.where(where)
        # Which ones is answered by indexes; all the rest is asked of these alone.
        query = (
            select(schema.delivery, schema.article.c.body, tries.label("tries"), tried.label("tried"), gone)
            .outerjoin(schema.article, schema.article.c.pk == one.article)
            .where(one.id.in_(which.order_by(one.id.desc()).limit(limit)))
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(one.id.desc())).all()
        return tuple(
            Listed(
                delivery_of(row),
                article_of(row.body) if row.body else None,
                Action(row.tried) if row.tried else None,
                row.tries,
                bool(row.withdrawn),
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
        return self._held_by(FLOOD, State.HELD)

    def brought(self) -> dict[str, int]:
        """How many deliveries of each target came with an import, and wait for a person."""
        return self._held_by(MOVED, State.HELD)

    def put_back_with(self) -> dict[str, int]:
        """How many deliveries of each target may have been said after the backup that was put back."""
        return self._held_by(PUT_BACK, State.HELD)

    def unpaid(self) -> dict[str, int]:
        """How many deliveries of each target wait for a month in which there is money again."""
        return self._held_by(BUDGET, *_WAITING)

    def doubtful(self) -> dict[str, int]:
        """How many deliveries of each target may have been said or not."""
        return self._count(schema.delivery.c.state == State.DOUBTFUL)

    def failed(self) -> dict[str, int]:
        """How many deliveries of each target were given up."""
        return self._count(schema.delivery.c.state == State.FAILED)

    def _held_by(self, what: str, *states: State) -> dict[str, int]:
        one = schema.delivery.c
        return self._count(one.state.in_(states) & (one.held_by == what))

    def _count(self, which: ColumnElement[bool]) -> dict[str, int]:
        """Count by target. The index by state finds them: those that are done are not looked at."""
        one = schema.delivery.c
        with self._database.read() as connection:
            rows = connection.execute(select(one.target, func.count()).where(which).group_by(one.target))
            return {row[0]: row[1] for row in rows}

    def attempts(self, delivery: int) -> tuple[Mapping[str, Any], ...]:
        """The journal of one delivery, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.attempt).where(schema.attempt.c.delivery == delivery).order_by(schema.attempt.c.pk)
            )
            return tuple(dict(row._mapping) for row in rows)  # noqa: SLF001 - the documented way to a row's mapping

    def journal(self, ids: Sequence[int]) -> dict[int, tuple[Try, ...]]:
        """The tries of these deliveries, oldest first."""
        of, found = schema.attempt.c, dict[int, tuple[Try, ...]]()
        with self._database.read() as connection:
            for some in chunks(ids):
                rows = connection.execute(select(schema.attempt).where(of.delivery.in_(some)).order_by(of.pk))
                for row in rows:
                    found[row.delivery] = (*found.get(row.delivery, ()), _try(row))
        return found

    def latest_tries(self, limit: int) -> tuple[tuple[str, Try], ...]:
        """The end of the journal, newest first, each with its target."""
        of, one = schema.attempt.c, schema.delivery.c
        latest = select(schema.attempt).order_by(of.pk.desc()).limit(limit).subquery()
        query = select(latest, one.target).join(schema.delivery, one.id == latest.c.delivery)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(latest.c.pk.desc()))
            return tuple((row.target, _try(row)) for row in rows)

    def tell(
        self,
        ids: Sequence[int],
        event: Released | Retried | Cancelled | Wanted | Edited,
        targets: Mapping[str, Target],
        now: datetime,
    ) -> int:
        """Let a person's word, or the author's, change these deliveries. Returns how many it changed."""
        changed = 0
        with self._database.write() as connection:
            rows = connection.execute(locked(select(schema.delivery).where(schema.delivery.c.id.in_(list(ids))))).all()
            found = [delivery_of(row) for row in rows]
            gone = _withdrawn(connection, found)
            for delivery in found:
                if delivery.target in targets and heeds(delivery, event, public=delivery.article not in gone):
                    after = step(delivery, event, targets[delivery.target], now)
                    changed += save(connection, delivery, after)
        return changed

    def owe(self, owed: Sequence[Owed], now: datetime) -> None:
        """Take on more deliveries, such as a new target's backlog; those that exist stay as they are."""
        with self._database.write() as connection:
            insert_owed(connection, owed, now)


# ---------------------------------------------------------------- statements that every delivery needs, built once

_key: BindParameter[Any] = bindparam("key")
_now: BindParameter[datetime] = bindparam("now", type_=schema.Moment)
_LOCK = select(schema.target.c.name).where(schema.target.c.name == _key).with_for_update()
_REST = update(schema.target).where(schema.target.c.name == _key)
_OWN = select(schema.delivery).where(schema.delivery.c.id == _key).with_for_update()
_IN_CONVERSATION = select(_other.c.id).where(_other.c.target == _key, _other.c.state.in_(_OPEN))
_TRY = insert(schema.attempt)
_TRIED = update(schema.attempt).where(
    schema.attempt.c.delivery == bindparam("of"), schema.attempt.c.fence == bindparam("with_fence")
)

# ---------------------------------------------------------------- small things


def _called(article: str) -> Select[int]:
    """The articles that an id or a guid means; each is found by its own index."""
    one = schema.article.c
    by_id = one.store.in_(select(schema.store.c.name)) & (one.id == article)
    return select(one.pk).where(or_(by_id, one.guid == article))


def _try(row: AnyRow) -> Try:
    return Try(row.delivery, Action(row.action), row.started_at, row.ended_at, row.outcome, row.detail)


def _withdrawn(connection: Connection, deliveries: Iterable[Delivery]) -> frozenset[int]:
    """Tell which articles of these deliveries are public no more."""
    one = schema.article.c
    keys = [each.article for each in deliveries if each.article is not None]
    query = select(one.pk).where(one.pk.in_(keys) & (one.state == WITHDRAWN))
    return frozenset(connection.execute(query).scalars())


def _moved(moment: Column[Any], step: timedelta) -> ColumnElement[int]:
    return type_coerce(moment, BigInteger) + step // timedelta(microseconds=1)


def _busy(target: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table or its alias
    return and_(_other.c.target == target.c.name, _other.c.state.in_(_OPEN))


def _may_speak(one: Any, slot_until: Any, name: Any, silent: Collection[str], now: Any) -> ColumnElement[bool]:  # noqa: ANN401 - tables or their aliases, and a parameter
    """Tell what a target's pace lets pass.

    What is withdrawn at any time; what may have been said, and so has had its turn, whenever it is not silent.
    """
    in_turn = or_(slot_until <= now, one.state == State.DOUBTFUL)
    return or_(one.wanted.is_(None), and_(in_turn, name.not_in(list(silent))) if silent else in_turn)


def _free_targets(names: Sequence[str], now: datetime, silent: Collection[str]) -> Select[str]:
    """Targets with something due, in the order of what waits longest; locked, so that two claims never meet."""
    of = schema.target.c
    ready = and_(
        _due.c.target == of.name,
        _due.c.state.in_(_WAITING),
        _due.c.due_at <= now,
        _may_speak(_due.c, of.slot_until, of.name, silent, now),
    )
    oldest = select(func.min(_due.c.due_at)).where(ready).correlate(schema.target).scalar_subquery()
    return (
        select(of.name)
        .where(of.name.in_(names), of.paused == "", of.rest_until <= now)
        .where(~exists().where(_busy(schema.target)), exists().where(ready))
        .order_by(oldest, of.name)
        .with_for_update(skip_locked=True)
    )


def _oldest(silent: Collection[str]) -> Select[Any]:
    """The delivery of the target `key` that has waited longest and may be said `now`."""
    one, of = schema.delivery.c, schema.target.c
    slot = select(of.slot_until).where(of.name == _key).scalar_subquery()
    return (
        select(schema.delivery)
        .where(one.target == _key, one.state.in_(_WAITING), one.due_at <= _now)
        .where(_may_speak(one, slot, one.target, silent, _now))
        .order_by(one.due_at, one.id)
        .limit(1)
        .with_for_update()
    )


def _claim_one(
    connection: Connection, target: Target, lease: Claimed, now: datetime, oldest: Select[Any]
) -> Delivery | None:
    """The target's `_oldest` due delivery, leased; those that are no longer wanted are put aside on the way."""
    # Asked again now that the target's row is locked: another claim may have been faster.
    if connection.execute(_IN_CONVERSATION, {"key": target.name}).first():
        return None
    while (row := connection.execute(oldest, {"key": target.name, "now": now}).first()) is not None:
        delivery = delivery_of(row)
        after = step(delivery, lease, target, now)
        save(connection, delivery, after)
        if after.state is State.CLAIMED:
            return after
    return None


def _lock(connection: Connection, target: str) -> None:
    """Have a target's row to oneself: before that of any delivery. With SQLite, whoever writes has all to itself."""
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK, {"key": target})


def _spoken(connection: Connection, target: str, windows: Iterable[Window], now: datetime, besides: int = 0) -> Spoken:
    one = schema.delivery.c
    doubtful = select(one.doubt_since).where(
        one.target == target, one.state == State.DOUBTFUL, one.said.is_(None), one.id != besides
    )
    maybe = [moment for moment in connection.execute(doubtful).scalars() if moment is not None]
    found = {}
    for window in windows:
        around = one.said_at.between(now - window.span, now + window.span)
        query = select(one.said_at).where(one.target == target, around, one.id != besides)
        said = connection.execute(query.order_by(one.said_at.desc()).limit(window.most)).scalars()
        near = [moment for moment in maybe if abs(now - moment) <= window.span]
        found[window] = tuple(sorted([*said, *near], reverse=True)[: window.most])
    return found


def _spent(connection: Connection, target: str, month: str) -> int:
    of = schema.spent.c
    return connection.execute(select(of.amount).where(of.target == target, of.month == month)).scalar() or 0


def _spend(connection: Connection, target: str, month: str, amount: int) -> None:
    """Add to what was spent; the target's row is locked."""
    of = schema.spent.c
    more = update(schema.spent).where(of.target == target, of.month == month).values(amount=of.amount + amount)
    if not connection.execute(more).rowcount:
        connection.execute(insert(schema.spent).values(target=target, month=month, amount=amount))


def _own(connection: Connection, delivery: Delivery) -> Delivery:
    """The row as it is now, if the lease is still ours."""
    row = connection.execute(_OWN, {"key": delivery.id}).first()
    held = None if row is None else delivery_of(row)
    if held is None or held.fence != delivery.fence or held.state not in _OPEN:
        raise Superseded("the delivery changed hands")
    return held


def _journal_start(connection: Connection, delivery: Delivery, action: Action, now: datetime) -> int:
    """Open the journal's entry of a try; returns its number."""
    values = {"delivery": delivery.id, "fence": delivery.fence, "action": str(action), "started_at": now}
    key = connection.execute(_TRY, {**values, "outcome": "", "detail": ""}).inserted_primary_key
    return int(key[0]) if key is not None else 0


def _journal_end(connection: Connection, delivery: Delivery, outcome: Outcome | None, now: datetime) -> None:
    """Close the try. One that opened no socket (a look, a notice that could not be written) has no entry."""
    kind = "lost" if outcome is None else type(outcome).__name__.lower()
    detail = "" if outcome is None or isinstance(outcome, Said) else outcome.why
    values = {"ended_at": now, "outcome": kind, "detail": detail}
    connection.execute(_TRIED, {"of": delivery.id, "with_fence": delivery.fence, **values})


def _orphaned(delivery: Delivery) -> Delivery:
    """What a target that is gone from the config was saying when feedpub was stopped."""
    doubtful = delivery.state is State.SENDING or delivery.doubt_since is not None
    idle = replace(delivery, state=State.DOUBTFUL if doubtful else State.DUE, lease_until=None)
    idle = replace(idle, doubt_since=idle.doubt_since or idle.created_at) if doubtful else idle
    return cancel(idle, f"the target {delivery.target} was removed from the config")
