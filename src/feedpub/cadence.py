"""when things may happen, as admins write it: how often, and when not. Time is an argument.

a cadence (a duration or a cron line) + the last run -> the next run; quiet hours + now -> when they end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from zoneinfo import ZoneInfo

from feedpub.model import parse_duration, show_duration

_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=366)
_HOURS = 24
_LONGEST_OVERLAP = timedelta(hours=24)
_HOW = 'a cadence is a duration such as "3m", or a cron line such as "*/5 6-23 * * *"'


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

    def meets(self, day: date) -> bool:
        """Whether the line runs on this local day at all."""
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_date or by_weekday) if self.either_day else (by_date and by_weekday)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often: `every` so long, or by a `cron` line. Exactly one is set."""

    every: timedelta | None = None
    cron: Cron | None = None
    written: str = field(default="", compare=False)
    """The admin's own words for `every`: "90s" and "1m30s" are the same cadence."""

    def __post_init__(self) -> None:
        if (self.every is None) == (self.cron is None):
            raise ValueError(_HOW)

    def __str__(self) -> str:
        """Give back what the admin wrote, so that `parse_cadence` reads the same again."""
        return self.cron.line if self.cron else self.written or show_duration(self.every or timedelta(0))


# ---------------------------------------------------------------- reading what admins write


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field of a cron line may say. `names` stand for `low`, `low` + 1, and so on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def refusal(self) -> ValueError:
        """One sentence for everything that can be wrong here; the value is not shown."""
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return ValueError(
            f"the {self.name} of a cron line is *, a number {self.low}-{self.high}{names}, "
            f"a range with the smaller first, a step from 1 to {self.high} such as */2, or a list of these with commas"
        )


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)
_ITEM = re.compile(r"(?:(?P<all>\*)|(?P<first>[0-9]+|[a-z]+)(?:-(?P<last>[0-9]+|[a-z]+))?)(?:/(?P<step>[0-9]{1,2}))?")
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_DAYS_AT_MOST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_cadence(text: object) -> Cadence:
    """Read "3m" or "*/5 6-23 * * *"; raises ValueError with the sentence to show."""
    if isinstance(text, Cadence):
        return text
    said = text.strip() if isinstance(text, str) else text
    if isinstance(said, str) and (said.startswith("@") or len(said.split()) > 1):
        return Cadence(cron=_parse_cron(said))
    try:
        every = parse_duration(said)
    except (ValueError, OverflowError):
        raise ValueError(_HOW) from None
    if not _SHORTEST <= every <= _LONGEST:
        raise ValueError("a cadence lies between 1s and 366d")
    return Cadence(every=every, written=said if isinstance(said, str) else "")


def _parse_cron(line: str) -> Cron:
    parts = _NICKNAMES.get(line.lower(), line).lower().split()
    if parts[0].startswith("@"):
        raise ValueError(f"the nicknames of cron lines are {', '.join(_NICKNAMES)}")
    if len(parts) < len(_FIELDS) and "*" not in line:
        raise ValueError(_HOW)  # "3 minutes" is no cron line that lacks something
    if len(parts) != len(_FIELDS):
        raise ValueError(
            "a cron line has five fields (minute, hour, day of month, month, weekday); "
            'seconds are written as a duration, such as "30s"'
        )
    minutes, hours, days, months, weekdays = map(_expand, parts, _FIELDS)
    # cron(5) counts a field that begins with * as unrestricted, "*/2" too.
    either_day = not parts[2].startswith("*") and not parts[4].startswith("*")
    if not either_day and all(min(days) > _DAYS_AT_MOST[month - 1] for month in months):
        raise ValueError("this cron line names a day that its months never have")
    return Cron(line, minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either_day)


def _expand(text: str, spec: _Field) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _expand_item(item, spec))


def _expand_item(item: str, spec: _Field) -> range:
    said = _ITEM.fullmatch(item)
    if not said:
        raise spec.refusal()
    step = int(said["step"] or 1)
    if said["all"]:
        # Sunday has two numbers, but a week has seven days.
        first, last = spec.low, 6 if spec.names is _WEEKDAYS else spec.high
    else:
        first = _number(said["first"], spec)
        last = _number(said["last"], spec) if said["last"] else spec.high if said["step"] else first
        if spec.names is _WEEKDAYS and last == 0 < first:
            last = 7  # sat-sun
    if not (first <= last and 1 <= step <= spec.high):
        raise spec.refusal()
    return range(first, last + 1, step)


def _number(text: str, spec: _Field) -> int:
    if text in spec.names:
        return spec.low + spec.names.index(text)
    if not text.isdigit() or len(text) > 2 or not spec.low <= int(text) <= spec.high:
        raise spec.refusal()
    return int(text)


# ---------------------------------------------------------------- when next


def next_run(cadence: Cadence, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
    """When to run next, in UTC: never in the past, anchored to the last run, once per local time through DST.

    `last` is when the last run began (None: never). Runs that were missed become one, now. A cron line speaks
    of local time in `zone`: a time that DST skips runs once right after the gap, one that comes twice runs at its
    first pass only, unless the line means every hour. A clock set back stalls nothing: a `last` too far ahead is
    forgotten.
    """
    if cadence.cron is None:
        return next_slot(last, cadence.every or _SHORTEST, now)
    due = _first_after(cadence.cron, _anchor(cadence.cron, last, now, zone), zone)
    return max(due, now).astimezone(UTC)


def next_slot(last: datetime | None, every: timedelta, now: datetime) -> datetime:
    """When something that may happen once in `every` may happen next, in UTC: `last` + `every`, or now.

    A clock that was set back makes nobody wait longer than `every`; a `last` more than that ahead is forgotten.
    """
    passed = now - last if last else every
    if passed >= every or passed < -every:
        return now.astimezone(UTC)
    return (now + every - max(passed, timedelta(0))).astimezone(UTC)


def _anchor(cron: Cron, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
    """After which moment to look for the next run."""
    if last is None:
        return now - timedelta.resolution  # a run due at this very moment counts
    if last <= now:
        return last
    # One period ahead is a clock set back by a little just after a run, which must not come again.
    in_two_periods = _first_after(cron, _first_after(cron, now, zone), zone)
    return now if last >= in_two_periods else last


def _first_after(cron: Cron, moment: datetime, zone: ZoneInfo) -> datetime:
    # Walls rise, and so do their instants; hence the first wall that lies later is the answer.
    here = moment.astimezone(zone).replace(tzinfo=None)
    first = next(instant for wall in _walls(cron, here) if (instant := _instant(wall, zone)) > moment)
    if len(cron.hours) < _HOURS:
        return first
    # What runs every hour runs in the hour that comes twice, too: else polls would pause once a year.
    again = (_second_pass(wall, zone) for wall in _walls(cron, here - _LONGEST_OVERLAP))
    return min(first, next(instant for instant in again if instant > moment))


def _walls(cron: Cron, start: datetime) -> Iterator[datetime]:
    """Every local time the line names, from the minute of `start` on, without end."""
    start = start.replace(second=0, microsecond=0)
    day = start.date()
    while True:
        if cron.meets(day):
            for hour, minute in product(sorted(cron.hours), sorted(cron.minutes)):
                if (wall := datetime.combine(day, time(hour, minute))) >= start:
                    yield wall
        day += timedelta(days=1)


def _second_pass(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks in `zone` last show `wall`: another instant than the first only where they were set back."""
    again = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return again if again.astimezone(zone).replace(tzinfo=None) == wall else _instant(wall, zone)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks in `zone` first show `wall`; the end of the gap, if they never do."""
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == wall:
        return after
    # PEP 495: in a gap, fold 0 reads the wall by the old offset, fold 1 by the new; the change lies between.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SHORTEST:
        middle = before + timedelta(seconds=(after - before) // _SHORTEST // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


# ---------------------------------------------------------------- when not

_MINUTES = 24 * 60
_HOURS_LIKE = 'quiet hours are written like "23:00-06:00", several with commas: "23:00-06:00, 12:00-13:00"'
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quiet:
    """When there is silence: spans of local time, in minutes of the day. One that ends before it begins spans midnight.

    The first minute belongs to it, the last does not.
    """

    spans: tuple[tuple[int, int], ...]


@lru_cache(maxsize=1024)
def parse_quiet(text: str) -> Quiet:
    """Read "23:00-06:00" or "23:00-06:00, 12:00-13:00" ("" is never); raises ValueError with the sentence to show."""
    spans = tuple(_parse_span(part.strip()) for part in text.split(",")) if text.strip() else ()
    covered = {minute % _MINUTES for start, end in spans for minute in range(start, end + _MINUTES * (end <= start))}
    if len(covered) == _MINUTES:
        raise ValueError("quiet hours must leave some time of the day to speak in")
    return Quiet(spans)


def _parse_span(text: str) -> tuple[int, int]:
    said = _SPAN.fullmatch(text)
    start, end = (_minute(said[1], said[2]), _minute(said[3], said[4])) if said else (-1, -1)
    if not 0 <= start < _MINUTES or not 0 <= end <= _MINUTES:
        raise ValueError(_HOURS_LIKE)
    if start == end % _MINUTES:
        raise ValueError("quiet hours end at another time than they begin")
    return start, end % _MINUTES


def _minute(hour: str, minute: str) -> int:
    return int(hour) * 60 + int(minute) if int(minute) < 60 else -1


def quiet_until(quiet: Quiet, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the silence that there is now ends, in UTC; None if there is none.

    It begins when clocks in `zone` first show its first minute, and ends when they last show its last: where DST skips
    one of these, at the change. Spans that meet are one silence.
    """
    end = now
    while later := [until for start, until in _silences(quiet, end, zone) if start <= end < until]:
        end = max(later)
    return None if end == now else end.astimezone(UTC)


def _silences(quiet: Quiet, moment: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Every silence that could hold a moment: those of its own local day and of the two around it."""
    today = moment.astimezone(zone).date()
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        midnight = datetime.combine(day, time())
        for start, end in quiet.spans:
            last = midnight + timedelta(minutes=end, days=end <= start)
            yield _instant(midnight + timedelta(minutes=start), zone), _second_pass(last, zone)
