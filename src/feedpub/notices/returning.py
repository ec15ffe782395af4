"""a delivery of a ledger that was put back -> how it stands, as much may have happened since that ledger was copied.

Whatever it had still to say may have been said: only a person can tell, so it is held. What is harmless twice goes on.
Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from feedpub.model import Action, Delivery, State, Target
from feedpub.notices.arriving import REPLY_UNSURE, arrived
from feedpub.notices.lifecycle import COALESCE, FEEDS, PUT_BACK, action_of

MAYBE_SAID = "it may have been said after the backup was made that was put back"
UNSURE_THEN = "when the backup was made that was put back, nobody knew whether it was said"
CORRECTION_UNSURE = "its correction may have been said after the backup was made that was put back"


def returned(delivery: Delivery, target: Target | None, now: datetime) -> Delivery:
    """Tell how it stands from now on. `target`: its rules, if the config still has it."""
    if delivery.state is State.FAILED and delivery.said is None:
        # A person may have had it said since; as it stood, its next edit would say it of itself.
        return replace(delivery, state=State.SKIPPED, reason=f"{delivery.reason}; {MAYBE_SAID}")
    if delivery.state in {State.SENT, State.FAILED, State.SKIPPED}:
        return delivery
    here = _waiting(arrived(delivery), delivery, target, now)
    if here.due_at is None:
        return here
    # Its article may read otherwise by now, or be back: the next poll tells that first.
    patience = target.retract_after if target is not None and here.wanted is None else COALESCE
    return replace(here, due_at=max(here.due_at, now + patience))


def _waiting(here: Delivery, delivery: Delivery, target: Target | None, now: datetime) -> Delivery:
    """Tell what it waits for: a person, or its turn."""
    if here.state is State.HELD and here.said is None:
        return replace(here, held_by=PUT_BACK, reason=MAYBE_SAID)
    if here.state is State.HELD and target is not None and action_of(delivery, target) is Action.CORRECT:
        return replace(here, state=State.DUE, due_at=now, held_by="", reason="")
    if here.state is State.HELD or here.reason == REPLY_UNSURE:
        return replace(here, state=State.SENT, wanted=here.said, held_by="", reason=CORRECTION_UNSURE)
    return _doubted(here, delivery, target, now) if here.state is State.DOUBTFUL else here


def heard_before(before: Delivery, after: Delivery, target: Target) -> Delivery:
    """Tell how it stands after an event that feedpub may have heard of, and acted on, after the backup was made."""
    waited = before.state is State.HELD and before.held_by == FEEDS
    if after.state is State.HELD and after.held_by == FEEDS and not waited:
        return replace(after, held_by=PUT_BACK, reason=MAYBE_SAID)
    corrects = after.state is State.DUE and after.said is not None and after.wanted is not None
    # To edit a post twice is harmless; a second reply, or the post said anew once more, is not.
    return before if corrects and action_of(after, target) is not Action.CORRECT else after


def _doubted(here: Delivery, delivery: Delivery, target: Target | None, now: datetime) -> Delivery:
    """Doubt stays doubt; where the network itself can tell, it is asked."""
    if here.due_at is not None:
        return here
    since = here.doubt_since or now
    asks = target is not None and ("find" in target.can or now - since < target.dedupe_for)
    told = replace(here, reason=delivery.reason or UNSURE_THEN)
    return replace(told, due_at=now) if asks else told
