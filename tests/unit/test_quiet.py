"""Laws of quiet hours: what admins write, and when the silence ends, in every zone and through DST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.cadence import Quiet, parse_quiet, quiet_until
from tests.world import Board

TOKYO, PARIS, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")
ZONES = st.sampled_from([TOKYO, PARIS, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is the next argument
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
]
"""When clocks change in Paris, and in New York."""
NEAR_CHANGES = st.builds(
    lambda change, apart: change + apart,
    st.sampled_from(CHANGES),
    st.timedeltas(timedelta(hours=-30), timedelta(hours=30)),
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def written(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def hours(draw: st.DrawFn) -> str:
    """Quiet hours that leave at least three hours to speak in: no change of the clocks takes them all."""
    start, length = draw(st.integers(0, 1439)), draw(st.integers(1, 1260))
    return f"{written(start)}-{written((start + length) % 1440)}"


def reading(text: str) -> Quiet | str:
    """The quiet hours, or the sentence of their refusal."""
    try:
        return parse_quiet(text)
    except ValueError as refusal:
        return str(refusal)


def at(wall: str, zone: ZoneInfo, fold: int = 0) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def holds(quiet: Quiet, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks there show a quiet minute, told in the plainest way."""
    here = moment.astimezone(zone)
    minute = here.hour * 60 + here.minute
    return any(start <= minute < end if start < end else minute >= start or minute < end for start, end in quiet.spans)


# ---------------------------------------------------------------- what admins write


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", ()),
        ("23:00-06:00", ((1380, 360),)),
        ("12:00-13:00", ((720, 780),)),
        ("9:30 - 10:05", ((570, 605),)),
        ("22:00-24:00", ((1320, 0),)),
        (" 23:00-06:00, 12:00-13:00 ", ((1380, 360), (720, 780))),
    ],
)
def test_quiet_hours_are_spans_of_the_day(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    assert parse_quiet(text) == Quiet(spans)


@pytest.mark.parametrize(
    "text",
    ["23-6", "23:00", "23:00-06:00-07:00", "24:00-06:00", "23:60-06:00", "23:00-06:75", "23:00-25:00", "11pm-6am", ",",
     "23:00-06:00,", "٢٣:00-06:00"],
)  # fmt: skip
def test_what_is_written_otherwise_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match='written like "23:00-06:00", several with commas'):
        parse_quiet(text)


@pytest.mark.parametrize("text", ["06:00-06:00", "00:00-24:00"])
def test_quiet_hours_that_end_as_they_begin_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="end at another time than they begin"):
        parse_quiet(text)


def test_quiet_hours_must_leave_some_of_the_day() -> None:
    with pytest.raises(ValueError, match="leave some time of the day"):
        parse_quiet("00:00-12:00, 11:00-24:00")
    assert parse_quiet("00:00-12:00, 12:01-24:00").spans


@given(st.text())
def test_any_text_is_either_read_or_refused_with_a_sentence(text: str) -> None:
    read = reading(text)
    assert len(read) > 20 if isinstance(read, str) else read.spans or not text.strip()


def test_a_target_keeps_its_quiet_hours_as_they_are_written_and_refuses_bad_ones() -> None:
    assert Board(name="board", quiet="23:00 - 6:00").quiet == "23:00 - 6:00"
    with pytest.raises(ValueError, match="quiet hours are written like"):
        Board(name="board", quiet="at night")


# ---------------------------------------------------------------- when the silence ends


@given(hours(), MOMENTS | NEAR_CHANGES, ZONES)
def test_a_silence_is_over_when_it_says_so_and_never_longer_than_a_day(
    text: str, now: datetime, zone: ZoneInfo
) -> None:
    quiet = parse_quiet(text)
    end = quiet_until(quiet, now, zone)
    if holds(quiet, now, zone):
        assert end is not None
    if end is not None:
        assert now < end <= now + DAY
        assert end.tzinfo is UTC
        assert quiet_until(quiet, end, zone) is None
        assert not holds(quiet, end, zone)


@given(hours(), NEAR_CHANGES, ZONES, st.lists(st.timedeltas(timedelta(0), DAY), max_size=20))
def test_nothing_between_now_and_the_end_is_free_to_speak(
    text: str, now: datetime, zone: ZoneInfo, later: list[timedelta]
) -> None:
    quiet = parse_quiet(text)
    end = quiet_until(quiet, now, zone)
    for moment in (now + one for one in later):
        if end is not None and moment < end:
            assert quiet_until(quiet, moment, zone) == end


@given(hours(), MOMENTS)
def test_where_clocks_never_change_it_is_what_the_clock_shows(text: str, now: datetime) -> None:
    quiet = parse_quiet(text)
    assert (quiet_until(quiet, now, TOKYO) is not None) is holds(quiet, now, TOKYO)


@given(MOMENTS, ZONES)
def test_without_quiet_hours_there_is_no_silence(now: datetime, zone: ZoneInfo) -> None:
    assert quiet_until(parse_quiet(""), now, zone) is None


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-04-27T22:59:59", None),
        ("2026-04-27T23:00", "2026-04-28T06:00"),
        ("2026-04-28T00:30", "2026-04-28T06:00"),
        ("2026-04-28T05:59:59", "2026-04-28T06:00"),
        ("2026-04-28T06:00", None),
    ],
)
@pytest.mark.parametrize("zone", [TOKYO, PARIS, NEW_YORK])
def test_case_30_quiet_hours_are_those_of_the_site_wherever_the_host_is(
    now: str, end: str | None, zone: ZoneInfo
) -> None:
    for host in (UTC_ZONE, TOKYO, NEW_YORK):
        found = quiet_until(parse_quiet("23:00-06:00"), at(now, zone).astimezone(host), zone)
        assert found == (at(end, zone) if end else None)


@pytest.mark.parametrize(
    ("text", "now", "end", "lasts"),
    [
        # The night clocks go forward is an hour shorter, the night they go back an hour longer.
        ("23:00-06:00", at("2026-03-28T23:00", PARIS), at("2026-03-29T06:00", PARIS), 6),
        ("23:00-06:00", at("2026-10-24T23:00", PARIS), at("2026-10-25T06:00", PARIS), 8),
        # 02:30 never comes: the silence ends, or begins, with the change.
        ("23:00-02:30", at("2026-03-28T23:00", PARIS), at("2026-03-29T03:00", PARIS), 3),
        ("02:30-06:00", at("2026-03-29T03:00", PARIS), at("2026-03-29T06:00", PARIS), 3),
        # 02:30 comes twice: from the first that begins, until the last that ends.
        ("23:00-02:30", at("2026-10-24T23:00", PARIS), at("2026-10-25T02:30", PARIS, fold=1), 4.5),
        ("02:30-06:00", at("2026-10-25T02:30", PARIS), at("2026-10-25T06:00", PARIS), 4.5),
        # Spans that meet are one silence.
        ("22:00-00:00, 00:00-05:00", at("2026-04-27T22:00", TOKYO), at("2026-04-28T05:00", TOKYO), 7),
    ],
)
def test_a_silence_is_measured_in_what_clocks_show(text: str, now: datetime, end: datetime, lasts: float) -> None:
    zone = TOKYO if end == at("2026-04-28T05:00", TOKYO) else PARIS
    quiet = parse_quiet(text)
    assert quiet_until(quiet, now, zone) == end
    assert quiet_until(quiet, now - timedelta(seconds=1), zone) is None
    assert end - now == lasts * HOUR


def test_a_day_that_skips_all_there_was_to_speak_in_is_silent() -> None:
    quiet = parse_quiet("03:00-02:00")
    assert quiet_until(quiet, at("2026-03-28T03:00", PARIS), PARIS) == at("2026-03-30T02:00", PARIS)
