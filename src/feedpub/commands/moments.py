"""what people say of a moment -> that moment. Nothing is guessed: a day is named, or it is today."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.parser import ParserError, parse

from feedpub import clean
from feedpub.errors import FeedpubError
from feedpub.model import parse_duration

_LATE = timedelta(minutes=1)
"""Who says 18:30 at half past six means now."""

_DAYS = {"today": 0, "今日": 0, "本日": 0, "tomorrow": 1, "明日": 1}
_JAPANESE = re.compile(r"([0-9]{1,2}) ?時 ?(?:([0-9]{2}) ?分)?")
_CLOCK = re.compile(r"[0-9]{1,2}(?::[0-9]{2}){1,2}(?: ?[ap]m)?|[0-9]{1,2} ?[ap]m")


def moment(said: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Read `18:30`, `tomorrow 9:00`, `明日 9時30分` or an ISO 8601 date, meant in `zone` where none is said.

    Raises FeedpubError where it is no moment, or one that has passed.
    """
    when = _read(said, now, zone)
    if when is None:
        raise FeedpubError('this is no time: write "18:30", "tomorrow 9:00" or "2026-11-24T09:00"')
    if when < now - _LATE:
        shown = when.astimezone(zone)
        raise FeedpubError(f"{shown:%Y-%m-%d %H:%M} ({zone.key}) has passed: name a later time, or none for now")
    return max(when, now)


def since(said: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Read `2d` (so long ago) or a date, meant in `zone` where none is said. Raises FeedpubError."""
    try:
        return now - parse_duration(said)
    except ValueError:
        pass
    try:
        return clean.date(said, zone).astimezone(UTC)
    except ValueError:
        raise FeedpubError('write a length of time, such as "2d", or a date, such as 2026-11-23') from None


def _read(said: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    words = unicodedata.normalize("NFKC", said).strip().lower()
    clock = _JAPANESE.sub(lambda found: f"{found[1]}:{found[2] or '00'}", words)
    today = now.astimezone(zone).date()
    for name, days in _DAYS.items():
        if clock.startswith(name):
            return _at(clock.removeprefix(name).strip(), today + timedelta(days=days), zone)
        if clock.endswith(f" {name}"):
            return _at(clock.removesuffix(name).strip(), today + timedelta(days=days), zone)
    if _CLOCK.fullmatch(clock):
        return _at(clock, today, zone)
    try:
        return clean.date(words, zone)
    except ValueError:
        return None


def _at(clock: str, day: date, zone: ZoneInfo) -> datetime | None:
    if not _CLOCK.fullmatch(clock):
        return None
    try:
        local = parse(clock, default=datetime(day.year, day.month, day.day, tzinfo=zone))
    except (ParserError, OverflowError):
        return None
    return local.astimezone(UTC)
