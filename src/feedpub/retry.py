"""how often it failed + what the other side asked for + now -> when to try again. Chance is a hash."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
"""The waits after the first, second, … failed try (Standard Webhooks, retry schedule); the last one repeats."""

JITTER = 0.2
"""Waits are made up to so much shorter or longer, lest all that failed together come back together."""

LONGEST_ASKED = timedelta(hours=24)
"""Whoever asks for more than this gets this."""

LONGEST_REST = timedelta(minutes=30)
"""A target that keeps failing is tried at least so often (before jitter), unless it asks for more."""

_SHORTEST_ASKED = timedelta(seconds=1)


def next_try(
    *, attempts: int, asked: timedelta | None, now: datetime, seed: str, until: datetime | None
) -> datetime | None:
    """When to try again after `attempts` (one or more) failed tries; None if that would be after `until`.

    `asked` is what the other side asked for (Retry-After, RFC 9110 §10.2.3) and goes before the schedule.
    `seed` names the delivery: the same delivery and attempt always wait the same.
    """
    moment = now + (_granted(asked) or _scheduled(attempts, seed))
    return None if until is not None and moment > until else moment


def target_rest(failures: int, asked: timedelta | None, now: datetime, seed: str) -> datetime:
    """Until when a whole target is left in peace after `failures` (one or more) in a row.

    A target that always asks for one second rests by the schedule all the same. `seed` names the target.
    """
    return now + max(_scheduled(failures, seed, LONGEST_REST), _granted(asked) or timedelta(0))


def _granted(asked: timedelta | None) -> timedelta | None:
    if asked is None or asked <= timedelta(0):
        return None
    return min(max(asked, _SHORTEST_ASKED), LONGEST_ASKED)


def _scheduled(attempts: int, seed: str, most: timedelta = SCHEDULE[-1]) -> timedelta:
    step = SCHEDULE[min(max(attempts, 1), len(SCHEDULE)) - 1]
    return min(step, most) * _jitter(seed, attempts)


def _jitter(seed: str, attempts: int) -> float:
    """Draw a factor from the hash of delivery and attempt, evenly spread around 1."""
    drawn = int.from_bytes(sha256(f"{attempts}:{seed}".encode()).digest()[:8], "big") / 2**64
    return 1 + JITTER * (2 * drawn - 1)
