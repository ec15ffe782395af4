"""Dates of databases, and `:since`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.stores.query.moments import in_words, moment, wall, west_of

TOKYO, NEW_YORK, UTC_ZONE = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York"), ZoneInfo("UTC")
NOON = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 4, 28, 12, 0),  # noqa: DTZ001 - as a database gives it
        datetime(2026, 4, 28, 3, 0, tzinfo=UTC),
        datetime(2026, 4, 28, 5, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2))),
        "2026-04-28 12:00:00",
        "2026-04-28T12:00",
        "2026-04-28 03:00:00+00",
        "2026-04-28T03:00:00.123Z",
        int(NOON.timestamp()),
        NOON.timestamp() + 0.9,
        Decimal(str(NOON.timestamp())),
        str(int(NOON.timestamp())),
    ],
)
def test_a_date_is_read_in_whatever_form(value: object) -> None:
    assert moment(value, TOKYO) == NOON


def test_a_day_begins_at_midnight_in_its_zone() -> None:
    assert moment(date(2026, 4, 28), TOKYO) == datetime(2026, 4, 27, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (1_777_345_200_000, "divide milliseconds by 1000"),
        ("1777345200000", "divide milliseconds by 1000"),
        ("infinity", "cannot be read as a date"),
        (float("nan"), "is no date"),
        (True, "is true or false"),
        (b"2026", "is no date"),
        ("9999-12-31 00:00:00", "outside the years"),
        (0, "outside the years"),
        (-(10**30), "divide milliseconds"),
    ],
)
def test_what_is_no_date_is_refused(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        moment(value, TOKYO)


@pytest.mark.parametrize(
    ("value", "offset"),
    [
        ("2026-04-28T12:00:00Z", 0),
        ("2026-04-28 12:00:00+09", 32_400),
        ("2026-04-28 12:00:00-03:30", -12_600),
        ("2026-04-28 12:00:00", None),
        ("2026-04-28", None),
        (NOON, None),
        (None, None),
    ],
)
def test_the_offset_that_a_text_says_is_known(value: object, offset: int | None) -> None:
    assert west_of(value) == offset


ZONES = st.sampled_from([TOKYO, NEW_YORK, UTC_ZONE, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Europe/Dublin")])
AUTUMN = [
    datetime(2025, 11, 2, 6, tzinfo=UTC),
    datetime(2025, 4, 5, 15, tzinfo=UTC),
    datetime(2025, 10, 26, 1, tzinfo=UTC),
]
"""When the clocks of New York, Lord Howe and Dublin are set back."""
NEAR = st.builds(
    lambda change, away: change + timedelta(seconds=away), st.sampled_from(AUTUMN), st.integers(-7200, 7200)
)
INSTANTS = NEAR | st.integers(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
LATER = st.timedeltas(timedelta(0), timedelta(hours=3)) | st.timedeltas(timedelta(0), timedelta(days=400))


@given(INSTANTS, LATER, ZONES)
@settings(max_examples=400)
def test_no_later_change_shows_an_earlier_wall_clock(since: datetime, later: timedelta, zone: ZoneInfo) -> None:
    """Not in the hour that is there twice in autumn either."""
    assert wall(since, zone) <= (since + later).astimezone(zone).replace(tzinfo=None)


@given(
    INSTANTS,
    st.timedeltas(timedelta(0), timedelta(days=400)),
    ZONES,
    st.sampled_from([0, 32_400, -18_000]),
    st.sampled_from(" T"),
)
def test_no_later_change_is_smaller_as_text(
    since: datetime, later: timedelta, zone: ZoneInfo, offset: int, between: str
) -> None:
    said = (since + later).astimezone(timezone(timedelta(seconds=offset))).isoformat(between)
    assert in_words(since, zone, offset) <= said
    assert in_words(since, zone, None) <= (since + later).astimezone(zone).strftime(f"%Y-%m-%d{between}%H:%M:%S")


def test_outside_of_autumn_the_wall_clock_is_the_wall_clock() -> None:
    assert wall(NOON, TOKYO) == datetime(2026, 4, 28, 12, 0)  # noqa: DTZ001
    assert wall(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), NEW_YORK) == datetime(2026, 11, 1, 1, 0)  # noqa: DTZ001
