"""dates as databases give them -> instants; an instant -> `:since` as a query wants it. Pure.

A date without a zone is meant in the store's `timezone`.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from feedpub import clean

SinceAs = Literal["timestamp", "unix", "text"]
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""Before anything that was ever written on the web, and a date that every database knows."""

_MILLISECONDS = 100_000_000_000
"""Seconds would be a date in the year 5138."""
_OFFSET = re.compile(
    r"[0-9:]\s?(?:(?P<zulu>Z)|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?)$", re.IGNORECASE
)
_FALLING_BACK = timedelta(hours=3)
"""No change of clocks repeats more than this."""
_QUARTER = timedelta(minutes=15)


def moment(value: object, zone: ZoneInfo) -> datetime:
    """Read a date, in UTC. Raises ValueError with the end of a sentence that begins with the column's name."""
    if isinstance(value, bool):
        raise ValueError("is true or false, and no date")  # noqa: TRY004 - one error for all that a row may hold
    if isinstance(value, datetime):
        return clean.date(value.isoformat(), zone)
    if isinstance(value, date):
        return clean.date(value.isoformat(), zone)
    if isinstance(value, (int, float, Decimal)):
        return _unix(value, zone)
    if isinstance(value, str):
        said = value.strip()
        return _unix(int(said), zone) if re.fullmatch(r"[0-9]{9,13}", said) else clean.date(said, zone)
    raise ValueError("is no date")


def _unix(value: float | Decimal, zone: ZoneInfo) -> datetime:
    if not math.isfinite(value):
        raise ValueError("is no date")
    if abs(float(value)) >= _MILLISECONDS:
        raise ValueError("is no number of seconds since 1970: divide milliseconds by 1000")
    return clean.date((BEGINNING.replace(year=1970) + timedelta(seconds=math.floor(value))).isoformat(), zone)


def west_of(value: object) -> int | None:
    """The offset that a date of text says itself, in seconds; None where it says none."""
    found = _OFFSET.search(value.strip()) if isinstance(value, str) else None
    if found is None or len(str(value).strip()) <= len("2026-04-28"):
        return None
    if found["zulu"]:
        return 0
    size = int(found["hours"]) * 3600 + int(found["minutes"] or 0) * 60
    return -size if found["sign"] == "-" else size


def in_words(since: datetime, zone: ZoneInfo, west: int | None) -> str:
    """Write an instant so that as text no later date is smaller, whatever its zone and its summer time.

    `west`: the most western offset that dates have been seen to say themselves.
    """
    walls = [wall(since, zone)]
    if west is not None:
        walls.append(since.astimezone(timezone(timedelta(seconds=west))).replace(tzinfo=None))
    # A blank, as it is smaller than the T that others write there.
    return min(walls).isoformat(" ", timespec="seconds")


def wall(since: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows, or will show once more when it is set back soon after."""
    quarters = int(_FALLING_BACK / _QUARTER)
    first = datetime.fromtimestamp(since.timestamp() // _QUARTER.total_seconds() * _QUARTER.total_seconds(), UTC)
    later = (first + count * _QUARTER for count in range(1, quarters + 1))
    return min(one.astimezone(zone).replace(tzinfo=None) for one in (since, *later))
