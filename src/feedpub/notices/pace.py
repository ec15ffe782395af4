"""what came of a conversation -> how its whole target goes on: whether it rests, pauses, or when it may next speak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from feedpub.cadence import next_slot
from feedpub.model import EPOCH, Action, Again, Doubt, Outcome, Refused, Said, Target
from feedpub.retry import target_rest

PATIENCE = 3
"""An item that failed so often alone is set aside: it does not make its target rest any more."""


@dataclass(frozen=True, slots=True)
class Rest:
    """How a target goes on. `failures` counts conversations in a row that should be tried again later."""

    failures: int
    rest_until: datetime
    slot_until: datetime
    paused: str = ""


def rest_after(outcome: Outcome, action: Action, attempts: int, before: Rest, target: Target, now: datetime) -> Rest:
    """Tell how a target goes on after an outcome. `attempts`: of this item, this one included."""
    if isinstance(outcome, Said):
        slot = _slot_after(target, now) if action is Action.ANNOUNCE else before.slot_until
        return Rest(0, EPOCH, slot)
    if isinstance(outcome, Refused) and outcome.scope == "target":
        return Rest(before.failures, EPOCH, before.slot_until, paused=outcome.why)
    alone = attempts > PATIENCE and before.failures == 0
    if isinstance(outcome, Again | Doubt) and not alone:
        # A target that leaves us in doubt is left in peace too: else its whole queue would become doubtful.
        failures = before.failures + 1
        rest = target_rest(failures, outcome.wait if isinstance(outcome, Again) else None, now, target.name)
        return Rest(failures, rest, before.slot_until)
    return Rest(0, EPOCH, before.slot_until)


def _slot_after(target: Target, now: datetime) -> datetime:
    # A moment that need not be waited for is not `now`: a clock set back would have to reach it again.
    return next_slot(now, target.every, now) if target.every else EPOCH
