"""a delivery of another ledger -> how it stands in ours: what it did is history, what it had still to do is in doubt.

The feedpub that it comes from may be at work to this hour. So what was owed there is not said here of itself: it is
held for a person, who knows whether the other is stopped. Pure, and the same again changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from feedpub.model import Action, Delivery, State
from feedpub.notices.lifecycle import GUARDS, MOVED

OWED_ELSEWHERE = "it was not said yet where it was imported from; that feedpub may say it still"
UNSURE_ELSEWHERE = "where it was imported from, nobody knew whether it was said"
REPLY_UNSURE = "where it was imported from, nobody knew whether its correction was said"


def arrived(delivery: Delivery) -> Delivery:
    """Tell how it stands here. What goes on by itself is harmless twice: to delete, and to tell of a feed."""
    idle = replace(delivery, lease_until=None)
    if delivery.state in {State.SENT, State.FAILED, State.SKIPPED}:
        return idle
    if delivery.feed is not None:
        return _due(idle)
    if (doubted := _doubted(idle)) is not None:
        return doubted
    if delivery.action is None:
        return _settled(idle)
    return _due(idle) if delivery.wanted is None else _held(idle)


def _doubted(delivery: Delivery) -> Delivery | None:
    """Whether it was said nobody knows: neither do we. None where that is no question, or makes no difference."""
    frozen = delivery.frozen
    said_maybe = delivery.state is State.SENDING and frozen is not None and frozen.action is not Action.CORRECT
    if delivery.doubt_since is None and not said_maybe:
        return None
    if frozen is not None and frozen.action is Action.REPLY:
        # As everywhere: the article's post stands; for a reply that may be missing nobody need be called.
        told = replace(delivery, said=frozen.revision, doubt_since=None)
        return _due(told) if told.wanted is None else replace(_settled(told), reason=REPLY_UNSURE)
    since = delivery.doubt_since or (frozen.at if frozen is not None else delivery.created_at)
    doubtful = replace(delivery, state=State.DOUBTFUL, doubt_since=since, held_by="")
    if frozen is not None and frozen.action is Action.RETRACT and delivery.wanted is None:
        return replace(doubtful, due_at=delivery.due_at or delivery.created_at)
    return replace(doubtful, due_at=None, reason=delivery.reason or UNSURE_ELSEWHERE)


def _held(delivery: Delivery) -> Delivery:
    if delivery.state is State.HELD and delivery.held_by in GUARDS:
        return delivery
    held = replace(delivery, state=State.HELD, held_by=MOVED, reason=OWED_ELSEWHERE)
    return replace(held, due_at=None, frozen=None, attempts=0)


def _due(delivery: Delivery) -> Delivery:
    at = delivery.due_at or delivery.created_at
    return replace(delivery, state=State.DUE, due_at=at, frozen=None, held_by="")


def _settled(delivery: Delivery) -> Delivery:
    """There is nothing left to do: what stands there is what should."""
    state = State.SENT if delivery.said is not None else State.SKIPPED
    settled = replace(delivery, state=state, wanted=delivery.said if state is State.SENT else delivery.wanted)
    return replace(settled, due_at=None, frozen=None, held_by="")
