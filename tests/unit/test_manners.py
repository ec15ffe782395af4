"""When a site may be asked again."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.errors import StoreError
from feedpub.model import Reply
from feedpub.stores.manners import LONGEST_ASKED, LONGEST_REST, Manners, asked_wait

DATE = "Mon, 01 Jun 2026 12:00:00 GMT"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


def is_ready(manners: Manners) -> bool:
    try:
        manners.ready()
    except StoreError:
        return False
    return True


def test_a_site_that_asks_to_be_left_alone_is() -> None:
    clock = Clock()
    manners = Manners("https://example.jp/", clock)
    manners.ready()
    manners.failed(timedelta(minutes=5))
    clock.now += 61
    with pytest.raises(StoreError) as caught:
        manners.ready()
    assert str(caught.value) == (
        "https://example.jp/ asked to be left alone for 5 minutes; it is asked again in 4 minutes"
    )
    clock.now += 240
    manners.ready()


def test_a_site_that_fails_now_and_then_is_asked_as_often_as_ever() -> None:
    manners = Manners("a", Clock())
    for _ in range(5):
        manners.failed()
        manners.ready()
        manners.failed()
        manners.ready()
        manners.answered()


def asked_while_down(every: float, within: float) -> list[float]:
    """Say when a site that is down is asked, by polls that come so often."""
    clock = Clock()
    manners, start, asked = Manners("a", clock), clock.now, []
    for poll in range(int(within / every)):
        clock.now = start + poll * every + 0.01
        if is_ready(manners):
            asked.append(poll * every)
            clock.now += 0.5  # it takes a while to fail
            manners.failed()
    return asked


def test_a_site_that_is_down_is_asked_seldom_and_read_again_soon() -> None:
    asked = asked_while_down(every=180, within=6 * 3600)
    assert [at / 60 for at in asked[:6]] == [0, 3, 6, 15, 30, 45]
    assert {later - one for one, later in pairwise(asked[5:])} == {15 * 60}


def test_a_site_that_is_down_for_a_moment_is_not_left_alone_for_long() -> None:
    assert asked_while_down(every=2, within=70) == [0, 2, 4, 10, 22, 46]


def test_what_was_wrong_is_said_again_while_nobody_asks() -> None:
    clock = Clock()
    manners = Manners("a", clock)
    for _ in range(3):
        manners.failed(why="a refuses connections")
        clock.now += 30
    with pytest.raises(StoreError) as caught:
        manners.ready()
    assert str(caught.value) == ("a refuses connections; it failed 3 times in a row, and is asked again in 30 seconds")


def test_a_short_wait_asked_for_does_not_shorten_a_rest() -> None:
    clock = Clock()
    manners = Manners("a", clock)
    for _ in range(9):
        clock.now += 600
        manners.failed(timedelta(seconds=1))
    clock.now += LONGEST_REST.total_seconds() - 1
    with pytest.raises(StoreError, match=r"^a fails; it failed 9 times in a row, and is asked again in 1 second$"):
        manners.ready()


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 7 ", timedelta(seconds=7)),
        ("Mon, 01 Jun 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Mon, 01 Jun 2026 12:10:00 -0000", timedelta(minutes=10)),
        ("Mon, 01 Jun 2026 21:10:00 +0900", timedelta(minutes=10)),
        ("Mon, 01 Jun 2026 11:00:00 GMT", None),
        ("Mon, 01 Jun 2099 12:00:00 GMT", LONGEST_ASKED),
        ("1000000000", LONGEST_ASKED),
        ("9" * 5000, LONGEST_ASKED),
        ("3601", LONGEST_ASKED),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Mon, 99 Jun 2026 12:00:00 GMT", None),
        ("", None),
    ],
)
def test_a_wait_asked_for_is_read(said: str, wait: timedelta | None) -> None:
    for status in (429, 503):
        assert asked_wait(Reply(status, {"retry-after": said, "date": DATE})) == wait
    assert asked_wait(Reply(200, {"retry-after": said, "date": DATE})) is None


def test_a_date_means_nothing_from_a_site_whose_clock_is_unknown() -> None:
    for headers in ({}, {"date": "yesterday"}):
        reply = Reply(503, {"retry-after": "Mon, 01 Jun 2026 12:10:00 GMT", **headers})
        assert asked_wait(reply) is None


@given(st.text(), st.text())
def test_whatever_is_asked_for_is_no_more_than_an_hour(said: str, date: str) -> None:
    wait = asked_wait(Reply(429, {"retry-after": said, "date": date}))
    assert wait is None or timedelta(0) < wait <= LONGEST_ASKED
