"""when a target may speak, and what it may spend: its rules + what it said and spent -> how it goes on.

Announcements and replies keep to the pace; corrections, which make nothing new, wait only for it to be their turn;
retractions wait for nothing but a rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from zoneinfo import ZoneInfo

from feedpub.cadence import parse_quiet, quiet_until
from feedpub.model import EPOCH, Absent, Action, Again, Delivery, Doubt, Notice, Outcome, Refused, Said, State, Target
from feedpub.notices.lifecycle import Cancelled, step
from feedpub.retry import target_rest

PATIENCE = 3
"""An item that failed so often alone is set aside: it does not make its target rest any more."""

DRIP = timedelta(minutes=1)
"""The least time between two announcements of a target that has quiet hours or a limit, but no `every` of its own.

What gathered while it was silent would else come out at once.
"""

BUDGET = "budget"
"""What a due delivery is held by that waits for a month in which there is money again."""


@dataclass(frozen=True, slots=True)
class Rest:
    """How a target goes on. `failures` counts conversations in a row that should be tried again later."""

    failures: int
    rest_until: datetime
    slot_until: datetime
    paused: str = ""


def rest_after(
    outcome: Outcome,
    action: Action,
    attempts: int,
    before: Rest,
    target: Target,
    now: datetime,
    spoken: Spoken | None = None,
) -> Rest:
    """Tell how a target goes on after an outcome. `attempts`: of this item, this one included.

    `spoken`: what else it announced lately.
    """
    slot = _slot_after(outcome, action, before, target, now, spoken or {})
    well = Rest(0, EPOCH, slot, before.paused)  # somebody may have paused it meanwhile
    if isinstance(outcome, Said):
        return well
    if isinstance(outcome, Refused) and outcome.scope == "target":
        return Rest(before.failures, EPOCH, slot, paused=outcome.why)
    alone = attempts > PATIENCE and before.failures == 0
    if isinstance(outcome, Again | Doubt) and not alone:
        # A target that leaves us in doubt is left in peace too: else its whole queue would become doubtful.
        failures = before.failures + 1
        rest = target_rest(failures, outcome.wait if isinstance(outcome, Again) else None, now, target.name)
        return Rest(failures, rest, slot, before.paused)
    return well


# ---------------------------------------------------------------- how often


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many announcements in any stretch of time so long."""

    most: int
    span: timedelta


Spoken = Mapping[Window, Sequence[datetime]]
"""For each window, when its latest announcements were made, newest first: no more of them than it allows."""


def windows(target: Target) -> tuple[Window, ...]:
    """Tell a target's pace: first how far apart, if at all, then `max_per_hour` and `max_per_day`."""
    limits = ((target.max_per_hour, timedelta(hours=1)), (target.max_per_day, timedelta(hours=24)))
    found = [Window(most, span) for most, span in limits if most is not None]
    apart = target.every or (DRIP if found or target.quiet else timedelta(0))
    return (*((Window(1, apart),) if apart else ()), *found)


def slot_of(target: Target, spoken: Spoken, now: datetime) -> datetime:
    """When a target may announce something next, after what it announced.

    A moment that need not be waited for is EPOCH, not `now`: a clock set back would have to reach it again. So nobody
    waits longer than a window's span, and an announcement more than that ahead is forgotten.
    """
    free = [EPOCH]
    for window in windows(target):
        latest = [min(one, now) for one in spoken.get(window, ()) if one <= now + window.span]
        if len(latest) >= window.most:
            free.append(latest[window.most - 1] + window.span)
    slot = max(free)
    return slot if slot > now else EPOCH


def _slot_after(
    outcome: Outcome, action: Action, before: Rest, target: Target, now: datetime, spoken: Spoken
) -> datetime:
    apart = windows(target)[:1]
    if action is Action.REPLY and isinstance(outcome, Said) and apart:
        return max(before.slot_until, now + apart[0].span)
    if action is not Action.ANNOUNCE:
        return before.slot_until
    if isinstance(outcome, Said | Doubt):  # what may have been said has had its turn
        return slot_of(target, {window: (now, *spoken.get(window, ())) for window in windows(target)}, now)
    return slot_of(target, spoken, now) if isinstance(outcome, Absent) else before.slot_until


# ---------------------------------------------------------------- when not


def silent(targets: Mapping[str, Target], now: datetime, zone: ZoneInfo) -> dict[str, datetime]:
    """Tell which targets have their quiet hours now, and when each may speak again."""
    ends = {text: quiet_until(parse_quiet(text), now, zone) for text in {one.quiet for one in targets.values()}}
    return {name: end for name, target in targets.items() if (end := ends[target.quiet]) is not None}


# ---------------------------------------------------------------- for how much

_MILLIONTHS = 1_000_000


@dataclass(frozen=True, slots=True)
class Bill:
    """What a notice costs in the month it is sent in (such as 2026-11, in the site's zone), and what may be spent then.

    In millionths of the target's currency. `next_month` is when there is money again. `afterwards` is what must be left
    for what follows: a post is not deleted to be said better where there is no money to say it.
    """

    month: str
    price: int
    allowance: int
    next_month: datetime
    afterwards: int = 0


def bill(target: Target, notice: Notice, now: datetime, zone: ZoneInfo, *, anew: bool = False) -> Bill | None:
    """Write the bill for a notice; None for a target that may spend as much as it costs.

    `anew`: what it takes back is then announced again.
    """
    allowance = target.allowance()
    if allowance is None:
        return None
    # Every post of an article is deleted, one by one.
    times = max(1, len(_posts(notice))) if notice.action is Action.RETRACT else 1
    price = millionths(times * target.price(notice.action, notice.text))
    most = -millionths(-allowance)  # rounded down
    afterwards = millionths(target.price(Action.ANNOUNCE, notice.text)) if anew else 0
    return Bill(month_of(now, zone), price, most, _next_month(now, zone), afterwards)


def affordable(bill: Bill, spent: int) -> bool:
    """Whether what was spent this month leaves enough."""
    costs = bill.price + bill.afterwards
    return costs == 0 or spent + costs <= bill.allowance


def refunded(outcome: Outcome) -> bool:
    """Whether it was surely not said, so that nobody charges for it; what may have been said counts as charged."""
    return isinstance(outcome, Again | Refused)


def in_one_step(notice: Notice) -> bool:
    """Whether it is all done or nothing; of several posts some may be deleted, and charged, when the next is not."""
    return notice.action is not Action.RETRACT or len(_posts(notice)) <= 1


def unaffordable(claimed: Delivery, notice: Notice, target: Target, bill: Bill, spent: int, now: datetime) -> Delivery:
    """Tell what becomes of a delivery that the month's budget does not cover, and that was therefore not started.

    What is withdrawn is deleted in the end, whatever the target's policy is for what costs too much. News is looked at
    again when it is too old, to say so.
    """
    costs = f"this month's budget of {money(bill.allowance)} does not cover it ({money(spent)} is spent, it costs"
    why = f"{costs} {money(bill.price + bill.afterwards)}): raise targets.{target.name}.budget"
    if target.beyond_allowance() == "skip" and claimed.wanted is not None:
        return step(claimed, Cancelled(why), target, now)
    at = bill.next_month
    if notice.action is Action.ANNOUNCE and claimed.expires_at is not None:
        at = min(at, claimed.expires_at + timedelta.resolution)
    state = State.DUE if claimed.doubt_since is None else State.DOUBTFUL
    # Nothing was tried: it counts as no attempt.
    attempts = max(claimed.attempts - 1, 0)
    waits = replace(claimed, state=state, due_at=at, lease_until=None, attempts=attempts)
    return replace(waits, held_by=BUDGET, reason=why)


def _posts(notice: Notice) -> list[str]:
    return [one for one in (notice.remote_id, *notice.also) if one]


def month_of(now: datetime, zone: ZoneInfo) -> str:
    """Name the calendar month that a moment lies in there."""
    return f"{now.astimezone(zone):%Y-%m}"


def millionths(amount: Decimal) -> int:
    """Count an amount in millionths; less than one of them costs one."""
    return int((amount * _MILLIONTHS).to_integral_value(ROUND_CEILING))


def money(of_millionths: int) -> str:
    """Write an amount with two decimals, or as many more as it has."""
    amount = Decimal(of_millionths) / _MILLIONTHS
    cents = amount.quantize(Decimal("0.01"))
    return str(cents) if cents == amount else f"{amount.normalize():f}"


def _next_month(now: datetime, zone: ZoneInfo) -> datetime:
    here = now.astimezone(zone)
    year, month = divmod(here.year * 12 + here.month, 12)
    return datetime(year, month + 1, 1, tzinfo=zone).astimezone(now.tzinfo)
