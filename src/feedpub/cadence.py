"""a cadence as admins write it (a duration or a cron line) + the last run -> the next run. Time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Cron:
    """A five-field cron line, each field expanded: minutes, hours, days of month, months, weekdays (0 = Sunday)."""

    line: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both day fields are restricted: a day that meets either counts (POSIX crontab)."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often: `every` so long, or by a `cron` line. Exactly one is set."""

    every: timedelta | None = None
    cron: Cron | None = None


def parse_cadence(text: object) -> Cadence:
    """Read "3m" or "*/5 6-23 * * *"; raises ValueError with the sentence to show."""
    raise NotImplementedError


def next_run(cadence: Cadence, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
    """When to run next: never in the past, anchored to the last run, once per local time through DST."""
    raise NotImplementedError
