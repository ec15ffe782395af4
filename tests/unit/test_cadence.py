"""Laws of the cadence: what admins write, and when it comes round."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from feedpub.cadence import Cadence, Cron, next_run, next_slot, parse_cadence
from feedpub.stores.base import StoreOptions

TOKYO, PARIS, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
LORD_HOWE, APIA, UTC_ZONE = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia"), ZoneInfo("UTC")
ZONES = st.sampled_from([TOKYO, PARIS, NEW_YORK, LORD_HOWE, APIA, UTC_ZONE])
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is the next argument
EVERY = st.timedeltas(SECOND, timedelta(days=366))


def cron_of(cadence: Cadence) -> Cron:
    assert cadence.cron is not None
    return cadence.cron


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    """One field of a cron line, in any of its forms."""
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, max(1, high - low)))
    forms = [
        "*",
        f"*/{step}",
        f"{first}",
        f"{first}-{last}",
        f"{first}-{last}/{step}",
        f"{first}/{step}",
        f"{last},{first}",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def lines(draw: st.DrawFn) -> str:
    parts = [draw(fields(*span)) for span in ((0, 59), (0, 23), (1, 28), (1, 12), (0, 7))]
    return " ".join(parts)


def runs(line: str, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The runs of a daemon that is always on time."""
    cadence, last = parse_cadence(line), start
    while True:
        last = next_run(cadence, last, last, zone)
        yield last


def local(wall: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=zone).astimezone(UTC)


def reading(text: object) -> Cadence | str:
    """The cadence, or the sentence of its refusal."""
    try:
        return parse_cadence(text)
    except ValueError as refusal:
        return str(refusal)


# ---------------------------------------------------------------- what admins write


@given(st.integers(1, 366 * 86400))
def test_a_duration_reads_back_as_it_was_written(seconds: int) -> None:
    cadence = parse_cadence(f"{seconds}s")
    assert cadence.every == timedelta(seconds=seconds)
    assert str(cadence) == f"{seconds}s"


@given(lines())
def test_a_cron_line_reads_back_as_it_was_written(line: str) -> None:
    cadence = parse_cadence(f" {line}\n")
    assert str(cadence) == line
    assert parse_cadence(str(cadence)) == cadence


@given(st.text())
def test_any_text_is_either_read_or_refused_with_a_sentence(text: str) -> None:
    read = reading(text)
    assert len(read) > 20 if isinstance(read, str) else parse_cadence(str(read)) == read


def test_a_cadence_is_a_duration_or_a_cron_line_never_both_or_neither() -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        Cadence()


def test_two_spellings_of_a_duration_are_the_same_cadence() -> None:
    assert parse_cadence("90s") == parse_cadence("1m30s")
    assert str(Cadence(every=timedelta(minutes=3))) == "3m"


def test_a_store_reads_and_shows_its_cadence() -> None:
    options = StoreOptions.model_validate({"kind": "sql", "poll": "*/5 6-23 * * mon-fri"})
    assert cron_of(options.poll).weekdays == {1, 2, 3, 4, 5}
    assert options.model_dump()["poll"] == "*/5 6-23 * * mon-fri"


@pytest.mark.parametrize(
    ("line", "field", "values"),
    [
        ("*/20 * * * *", "minutes", {0, 20, 40}),
        ("5/20 * * * *", "minutes", {5, 25, 45}),
        ("0 6-10/2,23 * * *", "hours", {6, 8, 10, 23}),
        ("0 9 * JAN,mar-May *", "months", {1, 3, 4, 5}),
        ("0 9 * * 0", "weekdays", {0}),
        ("0 9 * * 7", "weekdays", {0}),
        ("0 9 * * 5-7", "weekdays", {5, 6, 0}),
        ("0 9 * * sat-sun", "weekdays", {6, 0}),
        ("0 9 * * */3", "weekdays", {0, 3, 6}),
        ("@Hourly", "minutes", {0}),
        ("@weekly", "weekdays", {0}),
    ],
)
def test_a_field_means_what_crontab_says(line: str, field: str, values: set[int]) -> None:
    assert getattr(cron_of(parse_cadence(line)), field) == values


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 0 9 * * *", "five fields"),
        ("* * * *", "five fields"),
        ("0 9 30 2 *", "a day that its months never have"),
        ("0 9 31 4,6,9,11 */2", "a day that its months never have"),
        ("60 * * * *", "the minute of a cron line"),
        ("*/90 * * * *", "the minute of a cron line"),
        ("*/0 * * * *", "the minute of a cron line"),
        ("0 17-9 * * *", "the hour of a cron line"),
        ("0 9 0 * *", "the day of month of a cron line"),
        ("0 9 * janvier *", "the month of a cron line"),
        ("0 9 * * fri-mon", "the weekday of a cron line"),
        ("0 9 * * 8", "the weekday of a cron line"),
        ("0 9 , * *", "the day of month of a cron line"),
        ("@reboot", "nicknames"),
        ("0", "between 1s and 366d"),
        ("0s", "between 1s and 366d"),
        ("2000d", "between 1s and 366d"),
        ("9" * 40 + "w", "a duration such as"),
        ("soon", "a duration such as"),
        ("3 minutes", "a duration such as"),
        ("1h 30m", "a duration such as"),
        ("", "a duration such as"),
        (None, "a duration such as"),
        (3, "a duration such as"),
    ],
)
def test_what_cannot_come_round_is_refused_with_a_sentence(text: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_cadence(text)


def test_a_refusal_never_shows_the_value() -> None:
    with pytest.raises(ValueError, match="weekday") as refusal:
        parse_cadence("* * * * canary")
    assert "canary" not in str(refusal.value)


# ---------------------------------------------------------------- durations


@given(EVERY, st.none() | MOMENTS, MOMENTS, ZONES)
def test_a_duration_is_anchored_to_the_last_run(
    every: timedelta, last: datetime | None, now: datetime, zone: ZoneInfo
) -> None:
    due = next_run(Cadence(every=every), last, now, zone)
    assert due.tzinfo is UTC
    assert now <= due <= now + every
    if last is None or last <= now:
        assert due == max(now, now if last is None else last + every)


@given(EVERY, MOMENTS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=800)))
def test_a_duration_comes_no_earlier_if_asked_later(
    every: timedelta, last: datetime, now: datetime, later: timedelta
) -> None:
    assert next_slot(last, every, now) <= next_slot(last, every, now + later)


def test_a_clock_set_back_stalls_no_duration() -> None:
    now = datetime(2026, 4, 28, 9, tzinfo=UTC)
    assert next_slot(now + timedelta(days=365), HOUR, now) == now
    assert next_slot(now + HOUR / 2, HOUR, now) == now + HOUR


def test_without_an_interval_the_next_slot_is_now() -> None:
    now = datetime(2026, 4, 28, 9, tzinfo=UTC)
    assert next_slot(now, timedelta(0), now) == now
    assert next_slot(now - 3 * MINUTE, 10 * MINUTE, now) == now + 7 * MINUTE


# ---------------------------------------------------------------- cron lines


@given(lines(), st.none() | MOMENTS, MOMENTS, ZONES)
def test_a_run_is_now_or_a_local_time_the_line_names(
    line: str, last: datetime | None, now: datetime, zone: ZoneInfo
) -> None:
    cadence = parse_cadence(line)
    due = next_run(cadence, last, now, zone)
    assert due.tzinfo is UTC
    assert due >= now
    wall, cron = due.astimezone(zone), cron_of(cadence)
    after_a_gap = wall.utcoffset() != (due - SECOND).astimezone(zone).utcoffset()
    if due > now and not after_a_gap:
        assert wall.minute in cron.minutes
        assert wall.hour in cron.hours
        assert cron.meets(wall.date())
        assert wall.second == wall.microsecond == 0
        assert wall.fold == 0 or len(cron.hours) == 24


@given(lines(), MOMENTS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=800)), ZONES)
def test_a_run_comes_no_earlier_if_asked_later(
    line: str, last: datetime, now: datetime, later: timedelta, zone: ZoneInfo
) -> None:
    cadence = parse_cadence(line)
    assert next_run(cadence, last, now, zone) <= next_run(cadence, last, now + later, zone)


@given(lines(), MOMENTS)
def test_in_utc_apscheduler_agrees(line: str, now: datetime) -> None:
    cron = cron_of(parse_cadence(line))
    assume(not cron.either_day)  # apscheduler knows no "either"
    monday_first = {(day - 1) % 7 for day in cron.weekdays}

    def listed(values: frozenset[int] | set[int]) -> str:
        return ",".join(map(str, sorted(values)))

    oracle = CronTrigger(
        minute=listed(cron.minutes),
        hour=listed(cron.hours),
        day=listed(cron.days),
        month=listed(cron.months),
        day_of_week=listed(monday_first),
        timezone=UTC,
    )
    assert next_run(Cadence(cron=cron), None, now, UTC_ZONE) == oracle.get_next_fire_time(None, now)


@settings(max_examples=60)
@given(lines(), st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5), timezones=st.just(UTC)), ZONES)  # noqa: DTZ001 - the zone is the next argument
def test_no_local_minute_runs_twice_unless_every_hour_is_meant(line: str, start: datetime, zone: ZoneInfo) -> None:
    assume(len(cron_of(parse_cadence(line)).hours) < 24)
    chain = list(islice(runs(line, start, zone), 100))
    assert all(earlier < later for earlier, later in pairwise(chain))
    minutes = [run.astimezone(zone).strftime("%F %R") for run in chain]
    assert len(set(minutes)) == len(minutes)


@pytest.mark.parametrize("zone", [PARIS, NEW_YORK, LORD_HOWE, TOKYO])
@pytest.mark.parametrize("time", ["0 0", "30 1", "15 2", "30 2", "0 3", "59 23"])
def test_a_daily_line_runs_once_on_every_local_day_of_the_year(zone: ZoneInfo, time: str) -> None:
    chain = list(islice(runs(f"{time} * * *", local("2026-01-01 00:00", zone) - SECOND, zone), 365))
    days = [run.astimezone(zone).date() for run in chain]
    assert days == [datetime(2026, 1, 1, tzinfo=UTC).date() + n * DAY for n in range(365)]


def test_a_time_that_dst_skips_runs_right_after_the_gap() -> None:
    before = local("2026-03-28 12:00", PARIS)
    due = next_run(parse_cadence("30 2 * * *"), before, before, PARIS)
    assert due == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert next_run(parse_cadence("*/5 * * * *"), due, due, PARIS) == due + 5 * MINUTE


def test_a_day_that_a_zone_skips_runs_right_after_the_gap() -> None:
    before = local("2011-12-29 12:00", APIA)
    first, second = islice(runs("0 9 * * *", before, APIA), 2)
    assert first == local("2011-12-31 00:00", APIA)
    assert second == local("2011-12-31 09:00", APIA)


def test_a_time_that_comes_twice_runs_at_its_first_pass() -> None:
    before = local("2026-10-24 12:00", PARIS)
    first, second = islice(runs("30 2 * * *", before, PARIS), 2)
    assert first == local("2026-10-25 02:30", PARIS)
    assert second == local("2026-10-26 02:30", PARIS)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (PARIS, "2026-03-28"),
        (PARIS, "2026-10-24"),
        (NEW_YORK, "2026-03-07"),
        (NEW_YORK, "2026-10-31"),
        (LORD_HOWE, "2026-04-04"),
        (LORD_HOWE, "2026-10-03"),
    ],
)
def test_what_runs_every_hour_goes_on_through_the_hour_that_comes_twice(zone: ZoneInfo, day: str) -> None:
    chain = list(islice(runs("*/30 * * * *", local(f"{day} 00:00", zone), zone), 3 * 48))
    assert {later - earlier for earlier, later in pairwise(chain)} == {30 * MINUTE}


def test_missed_runs_become_one() -> None:
    cadence, monday = parse_cadence("0 9 * * *"), local("2026-04-27 09:00", TOKYO)
    now = monday + 3 * DAY + HOUR
    assert next_run(cadence, monday, now, TOKYO) == now
    assert next_run(cadence, now, now, TOKYO) == monday + 4 * DAY


def test_a_first_run_waits_for_its_time_and_takes_the_present_minute() -> None:
    cadence, nine = parse_cadence("0 9 * * *"), local("2026-04-27 09:00", TOKYO)
    assert next_run(cadence, None, nine - HOUR, TOKYO) == nine
    assert next_run(cadence, None, nine, TOKYO) == nine
    assert next_run(cadence, None, nine + SECOND, TOKYO) == nine + DAY


def test_zero_and_seven_are_sunday() -> None:
    monday = local("2026-04-27 12:00", TOKYO)
    sunday = local("2026-05-03 09:00", TOKYO)
    assert {next_run(parse_cadence(f"0 9 * * {day}"), monday, monday, TOKYO) for day in ("0", "7", "sun")} == {sunday}


def test_two_restricted_day_fields_mean_either() -> None:
    days = [run.day for run in islice(runs("0 9 13 * fri", local("2026-11-01 00:00", TOKYO), TOKYO), 6)]
    assert days == [6, 13, 20, 27, 4, 11]
    both = [run.date().isoformat() for run in islice(runs("0 9 13 * */5", local("2026-11-01 00:00", TOKYO), TOKYO), 2)]
    assert both == ["2026-11-13", "2026-12-13"]  # a Friday and a Sunday


def test_a_leap_day_is_waited_for() -> None:
    start = datetime(2096, 3, 1, tzinfo=UTC)
    assert next(runs("0 9 29 2 *", start, UTC_ZONE)) == datetime(2104, 2, 29, 9, tzinfo=UTC)
    assert next(runs("0 9 29 2 */7", start, UTC_ZONE)) == datetime(2128, 2, 29, 9, tzinfo=UTC)


def test_a_clock_set_back_a_little_after_a_run_does_not_repeat_it() -> None:
    cadence, nine = parse_cadence("0 * * * *"), local("2026-04-27 09:00", TOKYO)
    assert next_run(cadence, nine + SECOND / 500, nine - SECOND, TOKYO) == nine + HOUR


def test_a_clock_set_back_a_lot_does_not_stall() -> None:
    cadence, nine = parse_cadence("*/5 * * * *"), local("2026-04-27 09:00", TOKYO)
    assert next_run(cadence, nine + DAY, nine, TOKYO) == nine + 5 * MINUTE
