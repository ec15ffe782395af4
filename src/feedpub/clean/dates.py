"""what stores write -> aware dates in UTC. Nothing is guessed, least of all from today's date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse

from feedpub.clean.characters import glimpse, text
from feedpub.model import EPOCH

_END = datetime(2101, 1, 1, tzinfo=UTC)

_ISO = re.compile(
    r"(?P<day>[0-9]{4}(-?)[0-9]{2}\2[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)?)"
    r"(?: ?(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_RFC_2822 = re.compile(
    r"(?:(?:MON|TUE|WED|THU|FRI|SAT|SUN), *)?[0-9]{1,2} "
    r"(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC) (?:[0-9]{2}|[0-9]{4}) "
    r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})? (?:[+-][0-9]{4}|GMT|UTC|UT|Z|[ECMP][SD]T)"
)


def date(value: str, zone: ZoneInfo) -> datetime:
    """Read an ISO 8601 or RFC 2822 date; whole seconds, in UTC.

    Without an offset it is meant in `zone`. A local time that a change of clocks makes happen twice is the
    first of the two; one that it skips is counted on from the time before (PEP 495, fold=0). A day without
    a time begins at midnight.
    Raises ValueError with the end of a sentence that begins with the field's name: for anything else,
    such as a localized date, and outside 1970-2100. The very first second of 1970 is refused too: it is
    what a clock that was never set says.
    """
    try:
        read = _read(text(value).strip().upper())
        local = read if read.tzinfo else read.replace(tzinfo=zone)
        when = local.astimezone(UTC).replace(microsecond=0)
    except OverflowError:  # so far outside that it has no place in UTC
        when = EPOCH
    except ValueError:
        raise ValueError(
            f"cannot be read as a date: {glimpse(value)}; write it like 2026-04-28T09:00:00+09:00"
        ) from None
    if not EPOCH < when < _END:
        raise ValueError(f"lies outside the years 1970 to 2100: {glimpse(value)}")
    return when


def _read(said: str) -> datetime:
    """Read the two forms that leave nothing to guess; naive where no offset is said."""
    if iso := _ISO.fullmatch(said):
        clock = f"T{iso['clock']}{iso['offset'] or ''}" if iso["clock"] else ""
        return isoparse(iso["day"] + clock)
    if _RFC_2822.fullmatch(said):
        # "-0000" means UTC, the local offset unknown (RFC 2822 §3.3); the library would call it naive.
        return parsedate_to_datetime(said.replace("-0000", "+0000"))
    raise ValueError("neither ISO 8601 nor RFC 2822")
