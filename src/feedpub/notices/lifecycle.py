"""a delivery + what happened + its target's rules -> the delivery as it then stands: the table of "Once".

Pure: time is an argument, chance is a hash (retry.py). Everything that moves a delivery goes through `step`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from feedpub.model import (
    Absent,
    Action,
    Again,
    Delivery,
    Doubt,
    Notice,
    Outcome,
    Refused,
    Said,
    State,
    Target,
)
from feedpub.retry import next_try

COALESCE = timedelta(minutes=1)
"""Edits within this time become one correction."""

FEEDS, FLOOD, AUTHOR, MOVED, PUT_BACK = "feeds", "flood", "author", "import", "restore"

GUARDS = frozenset({FLOOD, MOVED, PUT_BACK})
"""What only a person lets go: too many at once, what another feedpub owed before it was imported, and what may have
been said after the backup that was put back."""

TOO_OLD = "too old to be news (max_age)"
WITHDRAWN_UNSAID = "withdrawn before it was said"
NOT_ANNOUNCED = "the author does not want it announced"

# ---------------------------------------------------------------- what can happen


@dataclass(frozen=True, slots=True)
class FeedsOut:
    """Every feed that carries the article is out."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The article changed; `revision` is of its headline. `announce` is the author's word."""

    revision: int
    announce: bool = True


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The article is public no more."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A withdrawn article is public again."""

    revision: int
    announce: bool = True


@dataclass(frozen=True, slots=True)
class Claimed:
    """A worker takes it until `lease_until`."""

    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Started:
    """The words are frozen; from now on a socket may open. The lease runs anew: the wait for a worker is over."""

    frozen: Notice
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The conversation (or the looking, or the composing) came to an outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker's lease ran out."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Decided against, for the reason given."""

    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """A person let go what a guard held."""


@dataclass(frozen=True, slots=True)
class Retried:
    """A person wants it said, whatever happened before."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person wants the article announced, whatever was decided before; what stands there already, once more.

    `words` are to be said instead of the article's own, unless they are empty.
    """

    words: str = ""


Event = (
    FeedsOut
    | Edited
    | Withdrawn
    | Restored
    | Claimed
    | Started
    | Answered
    | Lost
    | Cancelled
    | Released
    | Retried
    | Wanted
)

PENDING = frozenset({State.HELD, State.DUE, State.CLAIMED})
"""Nothing of the present action has been sent."""


def step(delivery: Delivery, event: Event, target: Target, now: datetime) -> Delivery:
    """Tell how a delivery stands after an event. An event that does not concern it leaves it as it is."""
    return _RULES[type(event)](delivery, event, target, now)


def heeds(delivery: Delivery, event: Event, *, public: bool) -> bool:
    """Whether the event may move a delivery of an article that is `public` now, or not.

    Nobody's word says an article that is withdrawn; what takes it back may be tried again.
    """
    return public or delivery.wanted is None or not isinstance(event, Retried | Wanted)


def cancel(delivery: Delivery, reason: str) -> Delivery:
    """Decide against what is still to be said; needs no target, for it may be gone from the config."""
    if delivery.state in {State.SENDING, State.SENT}:
        return delivery
    if delivery.said is not None:
        retracting = delivery.frozen is not None and delivery.frozen.action is Action.RETRACT
        unknown = "; whether it still stands there is not known" if retracting else ""
        return replace(_stands(delivery), reason=reason + unknown, doubt_since=None)
    if delivery.doubt_since is not None:
        unknown = f"{reason}; whether it was said before is not known"
        # As it may stand there, it counts as wanted: an article that comes back must not be announced anew.
        wanted = delivery.wanted if delivery.frozen is None else delivery.frozen.revision
        return replace(_skipped(delivery, unknown), doubt_since=None, wanted=wanted)
    return _skipped(delivery, reason) if delivery.state in PENDING else delivery


# ---------------------------------------------------------------- what to do


def action_of(delivery: Delivery, target: Target) -> Action | None:
    """Tell what would make the target true, in the way the admin wants edits told; None when it is true."""
    action = delivery.action
    if action is not Action.CORRECT:
        return action
    return {"reply": Action.REPLY, "repost": Action.RETRACT}.get(target.correct_by, Action.CORRECT)


_NEEDED = {"edit": "correct", "reply": "reply", "repost": "retract"}
"""What a network must be able to do for each way of telling an edit."""


def _may_correct(target: Target) -> bool:
    return _NEEDED.get(target.correct_by) in target.can


# ---------------------------------------------------------------- doubt


class WayOut(Enum):
    """How a doubtful announcement can be settled."""

    RESEND = "send the same again"
    FIND = "look for it"
    STOP = "wait for a person"


def way_out(delivery: Delivery, target: Target, now: datetime) -> WayOut:
    """Choose: the network drops a repeat; else it can be looked for; else the target's `on_doubt`.

    To delete twice is harmless, so a doubtful retraction is always sent again, until it is certain.
    """
    doing = delivery.frozen.action if delivery.frozen is not None else Action.ANNOUNCE
    if doing is not Action.ANNOUNCE and doing not in target.can:
        return WayOut.STOP  # the target is of another kind by now
    if doing is Action.RETRACT:
        return WayOut.RESEND
    unwanted = delivery.wanted is None or (doing is Action.ANNOUNCE and _expired(delivery, now))
    since = delivery.doubt_since or now
    if not unwanted and now - since < target.dedupe_for:
        return WayOut.RESEND
    if "find" in target.can:
        return WayOut.FIND
    if not unwanted and target.on_doubt == "resend":
        return WayOut.RESEND
    return WayOut.STOP


# ---------------------------------------------------------------- the rules, one per event


def _feeds_out(delivery: Delivery, _: FeedsOut, target: Target, now: datetime) -> Delivery:
    if delivery.state is not State.HELD or delivery.held_by != FEEDS:
        return delivery
    # A clock that was set back must not prolong the delay.
    return _due(delivery, max(now, min(delivery.created_at, now) + target.delay))


def _edited(delivery: Delivery, event: Edited, target: Target, now: datetime) -> Delivery:
    if delivery.state is State.SKIPPED:
        # What was decided against one change of a feed says nothing of the next.
        won = delivery.feed is not None or (delivery.held_by == AUTHOR and event.announce)
        if won:
            return _owed(delivery, event.revision, now)
        # A person may still want it said, as it then is.
        return delivery if delivery.wanted is None else replace(delivery, wanted=event.revision)
    if delivery.wanted is None:
        return delivery
    delivery = replace(delivery, wanted=event.revision)
    if not event.announce and _unsaid(delivery):
        return _skipped(delivery, NOT_ANNOUNCED, held_by=AUTHOR)
    if delivery.state is State.FAILED and delivery.said is None:
        return _owed(delivery, event.revision, now)
    correctable = delivery.said is not None and delivery.state in {State.SENT, State.FAILED, State.DUE}
    return _correct(delivery, target, now) if correctable else delivery


def _withdrawn(delivery: Delivery, _: Withdrawn, target: Target, now: datetime) -> Delivery:
    decided = not delivery.standing and delivery.state in {State.SKIPPED, State.FAILED}
    if delivery.wanted is None or decided:
        return delivery
    delivery = replace(delivery, wanted=None)
    if delivery.state is State.SENDING:
        return delivery
    if delivery.doubt_since is not None:
        return _doubtful(delivery, delivery.reason, target, now)
    if not delivery.standing:
        return _skipped(delivery, WITHDRAWN_UNSAID, held_by=delivery.held_by if delivery.held_by in GUARDS else "")
    return _retract(delivery, target, now)


def _restored(delivery: Delivery, event: Restored, target: Target, now: datetime) -> Delivery:
    if delivery.wanted is not None:
        return _edited(delivery, Edited(event.revision, event.announce), target, now)
    if delivery.state is State.SENDING:
        return replace(delivery, wanted=event.revision)
    if delivery.doubt_since is not None:
        return _doubtful(replace(delivery, wanted=event.revision), delivery.reason, target, now)
    if delivery.said is None and not event.announce:
        return _skipped(replace(delivery, wanted=event.revision), NOT_ANNOUNCED, held_by=AUTHOR)
    if delivery.said is None:
        return _owed(delivery, event.revision, now)
    return _correct(replace(delivery, wanted=event.revision), target, now)


def _claimed(delivery: Delivery, event: Claimed, target: Target, now: datetime) -> Delivery:
    ready = delivery.state in {State.DUE, State.DOUBTFUL} and delivery.due_at is not None and delivery.due_at <= now
    if not ready:
        return delivery
    if delivery.state is State.DOUBTFUL and way_out(delivery, target, now) is WayOut.STOP:
        return _doubtful(delivery, delivery.reason, target, now)
    if delivery.state is State.DUE and delivery.action is None:
        return _settle_unsent(delivery)
    if delivery.state is State.DUE and not _possible(delivery, target):  # the config has changed meanwhile
        return _retract(delivery, target, now) if delivery.wanted is None else _stands(delivery)
    if delivery.state is State.DUE and delivery.action is Action.ANNOUNCE and _expired(delivery, now):
        return _skipped(delivery, TOO_OLD)
    return replace(
        delivery,
        state=State.CLAIMED,
        lease_until=event.lease_until,
        fence=delivery.fence + 1,
        attempts=delivery.attempts + 1,
    )


def _started(delivery: Delivery, event: Started, _target: Target, _now: datetime) -> Delivery:
    if delivery.state is not State.CLAIMED:
        return delivery
    lease_until = event.lease_until or delivery.lease_until
    return replace(delivery, state=State.SENDING, frozen=event.frozen, lease_until=lease_until)


def _answered(delivery: Delivery, event: Answered, target: Target, now: datetime) -> Delivery:
    wordless = isinstance(event.outcome, Said) and delivery.frozen is None  # nothing was sent that could be said
    if delivery.state not in {State.CLAIMED, State.SENDING} or wordless:
        return delivery
    delivery = replace(delivery, lease_until=None)
    match event.outcome:
        case Said():
            return _said(delivery, event.outcome, target, now)
        case Absent():
            return _absent(delivery, target, now)
        case Again(why, wait):
            return _again(delivery, why, wait, target, now)
        case Doubt(why):
            return _unsure(delivery, why, target, now)
        case Refused(why, scope):
            return _refused(delivery, why, scope == "target", target, now)


def _lost(delivery: Delivery, _: Lost, target: Target, now: datetime) -> Delivery:
    if delivery.state is State.SENDING:
        return _unsure(replace(delivery, lease_until=None), "feedpub was stopped while it was being said", target, now)
    if delivery.state is not State.CLAIMED:
        return delivery
    # Nothing was tried: it counts as no attempt.
    attempts = max(delivery.attempts - 1, 0)
    given = replace(delivery, state=_waiting_state(delivery), lease_until=None, due_at=now, attempts=attempts)
    stops = given.state is State.DOUBTFUL and way_out(given, target, now) is WayOut.STOP
    return _parked(given, given.reason, target, now) if stops else given


def _cancelled(delivery: Delivery, event: Cancelled, _target: Target, _now: datetime) -> Delivery:
    return cancel(delivery, event.reason)


def _released(delivery: Delivery, _: Released, _target: Target, _now: datetime) -> Delivery:
    if delivery.state is not State.HELD or delivery.held_by not in GUARDS:
        return delivery
    return replace(delivery, held_by=FEEDS, reason="")


def _retried(delivery: Delivery, _: Retried, _target: Target, now: datetime) -> Delivery:
    if delivery.state not in {State.FAILED, State.SKIPPED, State.DOUBTFUL, State.DUE} or delivery.action is None:
        return delivery
    # A person has looked: neither age nor doubt holds it back any more.
    return _due(replace(delivery, expires_at=None, doubt_since=None, frozen=None, attempts=0), now)


def _wanted(delivery: Delivery, event: Wanted, target: Target, now: datetime) -> Delivery:
    if delivery.wanted is None or delivery.state in {State.CLAIMED, State.SENDING}:
        return delivery
    worded = replace(delivery, words=event.words)
    if delivery.state is State.HELD:
        return replace(worded, held_by=FEEDS, reason="", expires_at=None)
    if delivery.said is None:
        return _retried(worded, Retried(), target, now)
    # What stood there stays, and is taken back with the rest; what is said now is no repeat of it.
    stood = (delivery.remote_id,) if delivery.remote_id else ()
    anew = replace(worded, said=None, remote_id="", remote_url="", also=(*delivery.also, *stood))
    anew = replace(anew, expires_at=None, doubt_since=None, attempts=0, retractions=delivery.retractions + 1)
    return _due(anew, now)


# ---------------------------------------------------------------- what an answer means


def _said(delivery: Delivery, said: Said, target: Target, now: datetime) -> Delivery:
    frozen = delivery.frozen
    if frozen is None:
        return delivery
    delivery = replace(delivery, frozen=None, doubt_since=None, attempts=0, reason="")
    if frozen.action is Action.RETRACT:
        gone = replace(delivery, said=None, remote_id="", remote_url="", also=(), retractions=delivery.retractions + 1)
        return _skipped(gone, "retracted") if gone.wanted is None else _owed(gone, gone.wanted, now)
    # What was composed is what the article said then: nothing older can be wanted.
    wanted = delivery.wanted if delivery.wanted is None else max(delivery.wanted, frozen.revision)
    delivery = replace(delivery, said=frozen.revision, wanted=wanted)
    if frozen.action is Action.REPLY:
        delivery = replace(delivery, also=(*delivery.also, *((said.id,) if said.id else ())))
    else:
        delivery = replace(
            delivery,
            said_at=now if frozen.action is Action.ANNOUNCE else delivery.said_at,
            remote_id=said.id or delivery.remote_id,
            remote_url=said.url or delivery.remote_url,
        )
    return _retract(delivery, target, now) if delivery.wanted is None else _correct(delivery, target, now)


def _absent(delivery: Delivery, target: Target, now: datetime) -> Delivery:
    certain = replace(delivery, doubt_since=None, frozen=None)
    if certain.wanted is not None:
        return _due(certain, now)
    return _retract(certain, target, now) if certain.standing else _skipped(certain, WITHDRAWN_UNSAID)


def _again(delivery: Delivery, why: str, wait: timedelta | None, target: Target, now: datetime) -> Delivery:
    if delivery.doubt_since is not None:
        return _doubtful(delivery, why, target, now, wait)
    if delivery.action is None:
        return _settle_unsent(delivery)
    until = delivery.expires_at if delivery.action is Action.ANNOUNCE else None
    at = next_try(attempts=delivery.attempts, asked=wait, now=now, seed=_seed(delivery), until=until)
    if at is None:
        return replace(_final(delivery, State.FAILED), reason=f"given up, too old by the next try; last: {why}")
    return replace(_due(delivery, at), reason=why)


def _unsure(delivery: Delivery, why: str, target: Target, now: datetime) -> Delivery:
    """Say that nobody knows. To correct twice is harmless, or to tell twice of a feed: that is simply tried again."""
    if delivery.frozen is None or delivery.frozen.action is Action.CORRECT or delivery.feed is not None:
        return _again(delivery, why, None, target, now)
    # It may have happened as soon as it was frozen: the network's memory of the key counts from there.
    since = delivery.doubt_since or min(delivery.frozen.at, now)
    return _doubtful(replace(delivery, doubt_since=since), why, target, now)


def _refused(delivery: Delivery, why: str, whole_target: bool, target: Target, now: datetime) -> Delivery:  # noqa: FBT001 - a private helper
    if delivery.doubt_since is not None:
        # The first try may have been said: a refusal of the second does not tell.
        return _doubtful(delivery, why, target, now) if whole_target else _parked(delivery, why, target, now)
    if delivery.action is None:
        return _settle_unsent(delivery)
    if whole_target:
        return replace(_due(delivery, now), reason=why)
    return replace(_final(delivery, State.FAILED), reason=why)


# ---------------------------------------------------------------- how a delivery comes to stand


def _due(delivery: Delivery, at: datetime) -> Delivery:
    return replace(delivery, state=State.DUE, due_at=at, held_by="", reason="", lease_until=None, frozen=None)


def _owed(delivery: Delivery, revision: int, now: datetime) -> Delivery:
    """To be announced (again), once its feeds are out, unless it is too old. A guard's stays held for a person."""
    held_by = delivery.held_by if delivery.held_by in GUARDS else FEEDS
    delivery = replace(delivery, wanted=revision, attempts=0)
    if _expired(delivery, now):
        return _skipped(delivery, TOO_OLD)
    return replace(delivery, state=State.HELD, held_by=held_by, due_at=None, lease_until=None, reason="")


def _correct(delivery: Delivery, target: Target, now: datetime) -> Delivery:
    """What stands there differs from what should: correct it if the target may, else let it stand."""
    in_time = delivery.said_at is not None and now - delivery.said_at <= target.correct_within
    if delivery.wanted == delivery.said or not (in_time and _may_correct(target)):
        return _stands(delivery)
    if target.correct_by == "repost" and delivery.expires_at is not None:
        # What was deleted to be said better must be said, however old it is by then.
        delivery = replace(delivery, expires_at=max(delivery.expires_at, now + target.correct_within))
    # A feed's readers wait for seconds, and only the admin knows how many changes may become one.
    patience = COALESCE if target.subject == "article" else target.delay
    return replace(_due(delivery, now + patience), attempts=0)


def _retract(delivery: Delivery, target: Target, now: datetime) -> Delivery:
    if "retract" not in target.can:
        why = f"the article was withdrawn, but a {target.kind} post cannot be deleted from here: delete it by hand"
        left = _stands(delivery) if delivery.said is not None else _skipped(delivery, why)
        return replace(left, reason=why)
    return replace(_due(delivery, now + target.retract_after), attempts=0)


def _stands(delivery: Delivery) -> Delivery:
    return replace(_final(delivery, State.SENT), wanted=delivery.said, reason="")


def _skipped(delivery: Delivery, why: str, held_by: str = "") -> Delivery:
    return replace(_final(delivery, State.SKIPPED), reason=why, held_by=held_by)


def _settle_unsent(delivery: Delivery) -> Delivery:
    return _stands(delivery) if delivery.said is not None else _skipped(delivery, WITHDRAWN_UNSAID)


def _final(delivery: Delivery, state: State) -> Delivery:
    return replace(delivery, state=state, due_at=None, lease_until=None, held_by="", frozen=None)


def _doubtful(delivery: Delivery, why: str, target: Target, now: datetime, wait: timedelta | None = None) -> Delivery:
    if way_out(delivery, target, now) is WayOut.STOP:
        return _parked(delivery, why, target, now)
    at = next_try(attempts=delivery.attempts, asked=wait, now=now, seed=_seed(delivery), until=None)
    return replace(delivery, state=State.DOUBTFUL, due_at=at, lease_until=None, held_by="", reason=why)


def _parked(delivery: Delivery, why: str, target: Target, now: datetime) -> Delivery:
    if delivery.frozen is not None and delivery.frozen.action is Action.REPLY:
        # The article's post stands; for a reply that may be missing nobody need be called.
        told = replace(delivery, said=delivery.frozen.revision, doubt_since=None)
        if delivery.wanted is None:
            return _retract(told, target, now)
        return replace(_correct(told, target, now), reason=f"whether its correction was said is not known: {why}")
    return replace(delivery, state=State.DOUBTFUL, due_at=None, lease_until=None, held_by="", reason=why)


def _possible(delivery: Delivery, target: Target) -> bool:
    """Whether the target can do, and the admin still wants, what is to be done."""
    if delivery.action is Action.RETRACT:
        return Action.RETRACT in target.can
    return delivery.action is not Action.CORRECT or _may_correct(target)


def _unsaid(delivery: Delivery) -> bool:
    """Surely nothing of it was ever sent."""
    return delivery.said is None and delivery.doubt_since is None and delivery.state in {*PENDING, State.FAILED}


def _waiting_state(delivery: Delivery) -> State:
    return State.DUE if delivery.doubt_since is None else State.DOUBTFUL


def _expired(delivery: Delivery, now: datetime) -> bool:
    return delivery.expires_at is not None and now > delivery.expires_at


def _seed(delivery: Delivery) -> str:
    return f"{delivery.id}:{delivery.fence}"


_RULES: dict[type, Callable[..., Delivery]] = {
    FeedsOut: _feeds_out,
    Edited: _edited,
    Withdrawn: _withdrawn,
    Restored: _restored,
    Claimed: _claimed,
    Started: _started,
    Answered: _answered,
    Lost: _lost,
    Cancelled: _cancelled,
    Released: _released,
    Retried: _retried,
    Wanted: _wanted,
}
