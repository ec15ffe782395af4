"""dates as feeds write them -> ISO 8601 or RFC 2822, as the cleaning reads them. Pure.

A date without a zone stays one: it is meant in the site's. feedparser would take it for UTC.
"""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from feedpub import clean

_UTC = ZoneInfo("UTC")
_NAMES = {
    0: "Z UTC GMT UT WET",
    1: "BST CET",
    2: "CEST EET",
    3: "EEST MSK",
    8: "HKT",
    9: "JST KST",
    -4: "EDT",  # those of America as RFC 2822 §4.3 has them
    -5: "EST CDT",
    -6: "CST MDT",
    -7: "MST PDT",
    -8: "PST",
}
_HOURS = {name: hours for hours, names in _NAMES.items() for name in names.split()}
"""Names of zones that feeds use. Any other could mean several: a date that bears it cannot be read."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_CLOCK = r"(?P<hour>\d{1,2})(?::|時)(?P<minute>\d{1,2})(?:(?::|分)(?:(?P<second>\d{1,2})(?:\.\d+)?秒?)?)?"
_ZONE = r"(?: ?(?P<zone>[A-Z]{1,4}|(?:GMT|UTC)?[+-]\d{2}:?\d{2}))?(?: ?\([^()]*\))?"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        *(
            rf"{day}(?: ?,? ?{_CLOCK}{_ZONE})?"
            for day in (
                r"(?:[^\W\d]+[.,]* ?)?(?P<day>\d{1,2})[ -](?P<month>[a-z]{3,9}\.?|\d+月)[ ,-]+(?P<year>\d{4}|\d{2})",
                r"(?:[a-z]+,? )?(?P<month>[a-z]{3,9}\.?) (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
                r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})T?",
                r"(?P<year>\d{4})年 ?(?P<month>\d{1,2})月 ?(?P<day>\d{1,2})日(?: ?[(（]\w[)）])?",
            )
        ),
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>\d{{1,2}}) {_CLOCK}{_ZONE} (?P<year>\d{{4}})",
    )
)
_LONGEST = 100


def date(said: str) -> str:
    """Write a date so that it can be read; what nobody can read comes back as it is, to be told of."""
    value = " ".join(said[:_LONGEST].split())
    if not value or moment(value):
        return value
    written = (_iso(found.groupdict()) for form in _FORMS if (found := form.fullmatch(value)))
    return next(filter(moment, written), value)


def moment(said: str, zone: ZoneInfo = _UTC) -> datetime | None:
    """Read a date as the cleaning does; None where it cannot be read. One without a zone is meant in `zone`."""
    try:
        return clean.date(said, zone)
    except ValueError:
        return None


def _iso(parts: dict[str, str | None]) -> str:
    """Write the parts of a date; "" where one of them is none."""
    month = (parts["month"] or "").rstrip("月.").lower()
    number = int(month) if month.isdecimal() else next((n for n, m in enumerate(_MONTHS, 1) if month.startswith(m)), 0)
    year = int(parts["year"] or 0)
    year += 0 if year > 99 else 2000 if year < 70 else 1900
    day = f"{year:04}-{number:02}-{int(parts['day'] or 0):02}"
    if parts["hour"] is None:
        return day
    zone = (parts["zone"] or "").upper()
    signed = zone.removeprefix("GMT").removeprefix("UTC")
    if zone and signed[:1] not in ("+", "-"):
        if zone not in _HOURS:
            return ""
        signed = f"{_HOURS[zone]:+03}00"
    return f"{day}T{':'.join(f'{int(parts[one] or 0):02}' for one in ('hour', 'minute', 'second'))}{signed}"
