"""Laws of the pace: how often a target speaks, what it may spend, and how it goes on after an outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import EPOCH, Absent, Action, Again, Delivery, Doubt, Notice, Outcome, Refused, Said, State
from feedpub.networks.base import Network
from feedpub.notices.pace import (
    BUDGET,
    DRIP,
    Bill,
    Rest,
    Spoken,
    Window,
    affordable,
    bill,
    millionths,
    money,
    month_of,
    rest_after,
    silent,
    slot_of,
    unaffordable,
    windows,
)
from tests.paid import PaidBoard, ThriftyBoard
from tests.world import Board

NOW = datetime(2026, 4, 28, tzinfo=UTC)
TOKYO, PARIS, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALM = Rest(0, EPOCH, EPOCH)


def board(**options: Any) -> Board:
    return Board(name="board", **options)


def lately(target: Network, said: list[datetime], now: datetime) -> Spoken:
    """What the ledger answers."""
    return {
        window: tuple(sorted((one for one in said if abs(now - one) <= window.span), reverse=True)[: window.most])
        for window in windows(target)
    }


# ---------------------------------------------------------------- the windows


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ()),
        ({"every": "10m"}, (Window(1, 10 * MINUTE),)),
        ({"quiet": "23:00-06:00"}, (Window(1, DRIP),)),
        ({"quiet": "23:00-06:00", "every": "10m"}, (Window(1, 10 * MINUTE),)),
        ({"max_per_hour": 4}, (Window(1, DRIP), Window(4, HOUR))),
        ({"max_per_day": 9, "every": "5s"}, (Window(1, timedelta(seconds=5)), Window(9, DAY))),
        ({"max_per_hour": 4, "max_per_day": 9}, (Window(1, DRIP), Window(4, HOUR), Window(9, DAY))),
    ],
)
def test_what_a_target_says_at_most(options: dict[str, Any], expected: tuple[Window, ...]) -> None:
    assert windows(board(**options)) == expected


RULES = st.fixed_dictionaries(
    {},
    optional={
        "every": st.sampled_from(["5s", "10m", "2h"]),
        "max_per_hour": st.integers(1, 5),
        "max_per_day": st.integers(1, 9),
        "quiet": st.just("23:00-06:00"),
    },
)


@given(RULES, st.lists(st.timedeltas(timedelta(0), 6 * HOUR), max_size=60))
def test_no_stretch_of_time_ever_holds_more_than_its_window_allows(
    rules: dict[str, Any], waits: list[timedelta]
) -> None:
    target, now = board(**rules), NOW
    said: list[datetime] = []
    for wait in waits:
        now = max(now + wait, slot_of(target, lately(target, said, now), now))
        said.append(now)
    for window in windows(target):
        for first, past in zip(said, said[window.most :], strict=False):
            assert past - first >= window.span


@given(RULES, st.lists(st.timedeltas(-3 * DAY, 3 * DAY), max_size=30))
def test_whatever_the_clock_did_nobody_waits_longer_than_the_longest_window(
    rules: dict[str, Any], said: list[timedelta]
) -> None:
    target = board(**rules)
    slot = slot_of(target, lately(target, [NOW + one for one in said], NOW), NOW)
    assert slot == EPOCH or NOW < slot <= NOW + max(window.span for window in windows(target))


@given(RULES, st.lists(st.timedeltas(-3 * DAY, timedelta(0)), max_size=30))
def test_a_slot_is_no_later_than_it_must_be(rules: dict[str, Any], said: list[timedelta]) -> None:
    target, moments = board(**rules), [NOW + one for one in said]
    slot = slot_of(target, lately(target, moments, NOW), NOW)
    if slot != EPOCH:
        just_before = slot - timedelta.resolution
        full = [sum(just_before - one < window.span for one in moments) >= window.most for window in windows(target)]
        assert any(full)


def test_a_target_that_says_nothing_for_long_may_speak_at_once() -> None:
    target = board(every="10m", max_per_hour=2)
    assert slot_of(target, lately(target, [NOW - 2 * HOUR], NOW), NOW) == EPOCH


# ---------------------------------------------------------------- what an outcome takes


def after(
    outcome: Outcome, target: Network, *said: datetime, action: Action = Action.ANNOUNCE, before: Rest = CALM
) -> datetime:
    return rest_after(outcome, action, 1, before, target, NOW, lately(target, [*said], NOW)).slot_until


def test_the_last_announcement_that_an_hour_allows_closes_it() -> None:
    target = board(max_per_hour=3, every="1m")
    assert after(Said(), target, NOW - 10 * MINUTE) == NOW + MINUTE
    assert after(Said(), target, NOW - 10 * MINUTE, NOW - 50 * MINUTE) == NOW + 10 * MINUTE


def test_what_may_have_been_said_has_had_its_turn() -> None:
    assert after(Doubt("no answer"), board(every="10m")) == NOW + 10 * MINUTE


def test_what_turns_out_not_to_be_there_gives_its_turn_back() -> None:
    target, before = board(every="10m"), Rest(0, EPOCH, NOW + 9 * MINUTE)
    assert after(Absent(), target, before=before) == EPOCH
    assert after(Absent(), target, NOW - 4 * MINUTE, before=before) == NOW + 6 * MINUTE


@pytest.mark.parametrize("outcome", [Again("later"), Refused("no"), Refused("no", "target")])
def test_what_was_not_said_takes_no_turn(outcome: Outcome) -> None:
    assert after(outcome, board(every="10m")) == EPOCH


@pytest.mark.parametrize(("action", "taken"), [(Action.REPLY, True), (Action.CORRECT, False), (Action.RETRACT, False)])
def test_of_what_else_is_said_only_a_reply_is_something_new(action: Action, taken: bool) -> None:
    assert after(Said(), board(every="10m"), action=action) == (NOW + 10 * MINUTE if taken else EPOCH)


def test_a_reply_does_not_shorten_a_longer_wait() -> None:
    before = Rest(0, EPOCH, NOW + HOUR)
    assert after(Said(), board(every="10m"), action=Action.REPLY, before=before) == NOW + HOUR


# ---------------------------------------------------------------- who is silent


def test_each_target_is_silent_by_its_own_hours() -> None:
    targets = {
        "night": board(quiet="23:00-06:00"), "noon": board(quiet="12:00-13:00"), "always": board(),
    }  # fmt: skip
    one_at_night = datetime(2026, 4, 28, 1, tzinfo=TOKYO)
    assert silent(targets, one_at_night, TOKYO) == {"night": datetime(2026, 4, 28, 6, tzinfo=TOKYO)}
    assert silent(targets, one_at_night + 11 * HOUR, TOKYO) == {"noon": datetime(2026, 4, 28, 13, tzinfo=TOKYO)}
    assert silent(targets, one_at_night + 9 * HOUR, TOKYO) == {}


# ---------------------------------------------------------------- what it costs


def notice(action: Action = Action.ANNOUNCE, **fields: Any) -> Notice:
    given: dict[str, Any] = {"text": "記事\nhttps://news.test/1", "remote_id": ""} | fields
    return Notice("x", action, "1", "g1", 1, "key", NOW, **given)


def test_a_target_without_an_allowance_has_no_bills() -> None:
    assert bill(board(), notice(), NOW, TOKYO) is None


def test_a_bill_is_written_in_millionths_for_the_sites_month() -> None:
    target = PaidBoard(name="x", budget="20.00")
    at = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)
    assert bill(target, notice(), at, TOKYO) == Bill(
        "2026-12", 200_000, 20_000_000, datetime(2026, 12, 31, 15, tzinfo=UTC)
    )
    assert bill(target, notice(), at, PARIS) == Bill(
        "2026-11", 200_000, 20_000_000, datetime(2026, 11, 30, 23, tzinfo=UTC)
    )


def test_every_post_that_is_deleted_costs() -> None:
    target = PaidBoard(name="x", budget="20.00")
    one = bill(target, notice(Action.RETRACT, remote_id="p0"), NOW, TOKYO)
    three = bill(target, notice(Action.RETRACT, remote_id="p0", also=("p1", "p2")), NOW, TOKYO)
    assert one is not None
    assert three is not None
    assert (one.price, three.price) == (10_000, 30_000)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given
    st.sampled_from([TOKYO, PARIS, NEW_YORK]),
)
def test_the_next_month_begins_where_this_one_ends(now: datetime, zone: ZoneInfo) -> None:
    written = bill(PaidBoard(name="x", budget="1"), notice(), now, zone)
    assert written is not None
    assert now < written.next_month <= now + timedelta(days=31, hours=1)
    assert month_of(written.next_month, zone) != month_of(written.next_month - timedelta(seconds=1), zone)
    assert month_of(written.next_month - timedelta(seconds=1), zone) == written.month


@given(st.lists(st.integers(0, 300_000)), st.integers(0, 1_000_000))
def test_what_is_affordable_never_overspends(prices: list[int], allowance: int) -> None:
    spent = 0
    for price in prices:
        if affordable(Bill("2026-11", price, allowance, NOW), spent):
            spent += price
    assert spent <= allowance


def test_what_costs_nothing_is_always_affordable() -> None:
    assert affordable(Bill("2026-11", 0, 100, NOW), 900)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("20", "20.00"),
        ("0.015", "0.015"),
        ("0.20", "0.20"),
        ("1234.5", "1234.50"),
        ("0", "0.00"),
        ("0.000001", "0.000001"),
    ],
)
def test_money_is_written_as_people_write_it(amount: str, written: str) -> None:
    assert money(millionths(Decimal(amount))) == written


def test_less_than_a_millionth_is_not_spent_unseen() -> None:
    assert millionths(Decimal("0.0000001")) == 1


def claimed(**fields: Any) -> Delivery:
    given: dict[str, Any] = {"attempts": 1, "lease_until": NOW + MINUTE, "expires_at": NOW + 2 * DAY} | fields
    return Delivery(1, "x", 1, State.CLAIMED, **({"wanted": 1} | given))


NEXT_MONTH = datetime(2026, 4, 30, 15, tzinfo=UTC)
BILL = Bill("2026-04", 200_000, 20_000_000, NEXT_MONTH)


def test_what_cannot_be_paid_waits_for_next_month_and_says_why() -> None:
    target = PaidBoard(name="x", budget="20.00")
    waits = unaffordable(claimed(expires_at=None), notice(), target, BILL, 19_950_000, NOW)
    assert (waits.state, waits.due_at, waits.held_by) == (State.DUE, NEXT_MONTH, BUDGET)
    assert (waits.attempts, waits.lease_until) == (0, None)
    assert waits.reason == (
        "this month's budget of 20.00 does not cover it (19.95 is spent, it costs 0.20): raise targets.x.budget"
    )


def test_news_that_cannot_be_paid_is_looked_at_when_it_is_too_old() -> None:
    target = PaidBoard(name="x", budget="20.00")
    waits = unaffordable(claimed(expires_at=NOW + DAY), notice(), target, BILL, 0, NOW)
    assert waits.due_at == NOW + DAY + timedelta.resolution


def test_what_is_in_doubt_and_cannot_be_paid_stays_in_doubt() -> None:
    target = PaidBoard(name="x", budget="20.00")
    waits = unaffordable(claimed(doubt_since=NOW - HOUR), notice(), target, BILL, 0, NOW)
    assert waits.state is State.DOUBTFUL


def test_case_29_a_target_may_skip_what_it_cannot_pay_but_not_what_must_go() -> None:
    target = ThriftyBoard(name="x", budget="20.00")
    skipped = unaffordable(claimed(), notice(), target, BILL, 19_950_000, NOW)
    assert skipped.state is State.SKIPPED
    assert "raise targets.x.budget" in skipped.reason
    stands = unaffordable(claimed(said=2, remote_id="p0"), notice(Action.CORRECT), target, BILL, 19_950_000, NOW)
    assert (stands.state, stands.wanted) == (State.SENT, 2)
    goes = unaffordable(claimed(wanted=None, said=1), notice(Action.RETRACT), target, BILL, 19_950_000, NOW)
    assert (goes.state, goes.due_at) == (State.DUE, NEXT_MONTH)
