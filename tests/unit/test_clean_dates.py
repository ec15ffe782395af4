"""Dates come out aware, in UTC, within reason; what leaves something to guess is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.clean import date

LAW = settings(max_examples=50, deadline=None)  # a busy machine is no failure

TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")
NINE_IN_TOKYO = datetime(2024, 4, 28, tzinfo=UTC)

ZONES = st.sampled_from([TOKYO, NEW_YORK, ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")])
SECONDS = st.integers(86_400, int(datetime(2100, 12, 30, tzinfo=UTC).timestamp()))
MOMENTS = st.builds(datetime.fromtimestamp, SECONDS, ZONES)


@given(MOMENTS)
@LAW
def test_a_date_is_the_same_moment_in_both_forms(moment: datetime) -> None:
    assert date(moment.isoformat(), TOKYO) == moment
    assert date(format_datetime(moment), TOKYO) == moment


@given(SECONDS, ZONES)
@LAW
def test_a_date_without_an_offset_is_meant_in_the_given_zone(seconds: int, zone: ZoneInfo) -> None:
    local = datetime.fromtimestamp(seconds, zone)
    first = local.replace(fold=0)
    assert date(local.replace(tzinfo=None).isoformat(" "), zone) == first.astimezone(UTC)


ANYTHING = st.text(max_size=40) | st.text(alphabet="0123456789-+:TZ ., ", max_size=30) | MOMENTS.map(datetime.isoformat)


def read(value: str) -> datetime | str:
    """A date, or the reason why it is none."""
    try:
        return date(value, NEW_YORK)
    except ValueError as refused:
        return str(refused)


@given(ANYTHING)
@LAW
def test_anything_is_a_moment_within_the_years_or_refused_with_a_reason(value: str) -> None:
    said = read(value)
    if isinstance(said, str):
        assert said.startswith(("cannot be read as a date: ", "lies outside the years 1970 to 2100: "))
        assert len(said) < 130
    else:
        assert said.utcoffset() == timedelta(0)
        assert said.microsecond == 0
        assert 1970 <= said.year <= 2100


@pytest.mark.parametrize(
    "value",
    [
        "2024-04-28T09:00:00",
        "2024-04-28 09:00:00",
        "2024-04-28T09:00",
        "2024-04-28T09",
        "2024-04-28T09:00:00+09:00",
        "2024-04-28 09:00:00 +0900",
        "2024-04-28 09:00:00+09",
        "2024-04-28T00:00:00.999999Z",
        "2024-04-28t00:00:00z",
        "20240428T090000",
        " Sun, 28 Apr 2024 09:00:00 +0900\n",
        "28 Apr 2024 00:00 GMT",
        "Sun, 28 Apr 24 00:00:00 -0000",
        "Sat, 27 Apr 2024 20:00:00 EDT",
    ],
)
def test_many_ways_to_write_nine_o_clock_in_tokyo(value: str) -> None:
    assert date(value, TOKYO) == NINE_IN_TOKYO


def test_a_day_begins_at_midnight_of_the_site() -> None:
    assert date("2024-04-28", TOKYO) == datetime(2024, 4, 27, 15, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_its_first_and_a_skipped_one_is_counted_on() -> None:
    assert date("2024-11-03T01:30:00", NEW_YORK) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
    assert date("2024-03-10T02:30:00", NEW_YORK) == datetime(2024, 3, 10, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2024",
        "2024-04",
        "12",
        "1714521600",
        "tomorrow",
        "2024年4月28日",
        "日, 28 4月 2024 09:00:00 +0900",
        "Sun, 28 Apr 2024 09:00:00 JST",
        "２０２４-04-28",
        "2024-02-30",
        "0000-00-00 00:00:00",
        "2024-04-28T09:00:00+99:99",
        "Sun, 32 Apr 2024 09:00:00 GMT",
    ],
)
def test_what_leaves_something_to_guess_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be read as a date"):
        date(value, TOKYO)


@pytest.mark.parametrize(
    "value",
    ["0001-01-01", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2101-01-01T00:00:00Z", "9999-12-31T23:59:59-09:00"],
)
def test_years_outside_1970_to_2100_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="outside the years"):
        date(value, TOKYO)


def test_the_last_second_of_2100_is_still_a_date() -> None:
    assert date("2100-12-31T23:59:59Z", TOKYO).year == 2100
