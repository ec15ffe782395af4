"""Laws of trying again: bounded, patient, and the same every time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from feedpub.retry import JITTER, LONGEST_ASKED, LONGEST_REST, SCHEDULE, next_try, target_rest

NOW = datetime(2026, 4, 28, 9, tzinfo=UTC)
SECOND, NOTHING = timedelta(seconds=1), timedelta(0)
ATTEMPTS = st.integers(1, 1000)
ASKED = st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=3650))
GIVEN = st.timedeltas(timedelta(microseconds=1), timedelta(days=3650))


def wait(attempts: int, asked: timedelta | None = None, seed: str = "7") -> timedelta:
    moment = next_try(attempts=attempts, asked=asked, now=NOW, seed=seed, until=None)
    assert moment is not None
    return moment - NOW


@given(ATTEMPTS, st.text())
def test_a_wait_is_the_schedule_give_or_take_a_fifth(attempts: int, seed: str) -> None:
    step = SCHEDULE[min(attempts, len(SCHEDULE)) - 1]
    assert step * (1 - JITTER) <= wait(attempts, seed=seed) <= step * (1 + JITTER)


@given(ATTEMPTS, st.text())
def test_waits_grow_up_to_jitter(attempts: int, seed: str) -> None:
    assert wait(attempts, seed=seed) * (1 - JITTER) <= wait(attempts + 1, seed=seed) * (1 + JITTER)


def test_the_waits_are_those_of_the_manual() -> None:
    rounded = [round(wait(n).total_seconds() / step.total_seconds()) for n, step in enumerate(SCHEDULE, start=1)]
    assert rounded == [1] * len(SCHEDULE)
    assert [step.total_seconds() for step in SCHEDULE] == [5, 300, 1800, 7200, 18000, 36000]


@given(ATTEMPTS, ASKED, st.text())
def test_the_same_delivery_and_attempt_always_wait_the_same(attempts: int, asked: timedelta | None, seed: str) -> None:
    assert wait(attempts, asked, seed) == wait(attempts, asked, seed)


def test_deliveries_that_failed_together_do_not_come_back_together() -> None:
    waits = {wait(2, seed=str(delivery)) for delivery in range(100)}
    assert len(waits) == 100
    spread = [moment / SCHEDULE[1] for moment in waits]
    assert min(spread) < 0.85
    assert max(spread) > 1.15


@given(ATTEMPTS, GIVEN)
def test_whoever_asks_for_a_wait_gets_it_within_a_day(attempts: int, asked: timedelta) -> None:
    assert wait(attempts, asked) == min(max(asked, SECOND), LONGEST_ASKED)


@given(ATTEMPTS, st.timedeltas(timedelta(days=-3650), NOTHING))
def test_a_wait_already_over_counts_as_none(attempts: int, asked: timedelta) -> None:
    assert wait(attempts, asked) == wait(attempts)


@given(ATTEMPTS, ASKED, st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_nobody_tries_beyond_the_end(attempts: int, asked: timedelta | None, left: timedelta) -> None:
    moment = next_try(attempts=attempts, asked=asked, now=NOW, seed="7", until=NOW + left)
    assert (moment is None) == (wait(attempts, asked) > left)


@given(ATTEMPTS, ASKED, st.text())
def test_a_target_rests_by_the_schedule_but_not_long(failures: int, asked: timedelta | None, seed: str) -> None:
    rest = target_rest(failures, asked, NOW, seed) - NOW
    asked_for = min(asked or NOTHING, LONGEST_ASKED)
    assert rest >= max(asked_for, SCHEDULE[0] * (1 - JITTER))
    assert rest <= max(asked_for, LONGEST_REST * (1 + JITTER))


def test_a_target_that_always_asks_for_a_second_is_not_hammered() -> None:
    assert target_rest(1, SECOND, NOW, "discord_news") < NOW + 10 * SECOND
    assert target_rest(3, SECOND, NOW, "discord_news") > NOW + 20 * 60 * SECOND
