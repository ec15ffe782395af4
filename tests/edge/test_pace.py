"""When a target speaks: quiet hours, limits and the drip after them, told on both databases in virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub.model import EPOCH, State
from feedpub.networks.base import Network
from feedpub.pipeline import Setup
from tests.databases import migrated_sqlite
from tests.edge.test_publisher import Desk
from tests.world import Board, Crash, FindBoard, KeyedBoard

TOKYO, PARIS, NEW_YORK = "Asia/Tokyo", "Europe/Paris", "America/New_York"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NIGHT = "23:00-06:00"


class Newsdesk(Desk):
    """A desk of a site somewhere, whose hours pass from one thing that is due to the next."""

    def __init__(self, url: str, folder: Path, zone: str = TOKYO, **options: Any) -> None:
        self.zone = ZoneInfo(zone)
        super().__init__(url, folder, now=self.at("2026-04-27T21:00"), **options)

    def setup(self) -> Setup:
        found = super().setup()
        return replace(found, site=found.site.model_copy(update={"timezone": self.zone.key}))

    def at(self, wall: str, fold: int = 0) -> datetime:
        return datetime.fromisoformat(wall).replace(tzinfo=self.zone, fold=fold).astimezone(UTC)

    def board(self, network: type[Board] = Board, **options: Any) -> None:
        """Save other options for the one target."""
        self.targets = {"board": network(name="board", **options)}
        self.publisher.apply(self.setup())

    def until(self, moment: datetime) -> None:
        """Wake for everything that is due until then, as the daemon does; it never wakes in vain for ever."""
        for _ in range(500):
            while claimed := self.publisher.claim(5):
                for one in claimed:
                    self.publisher.deliver(one)
            due = self.publisher.next_due()
            assert due is None or due > self.now, "it would wake again and again"
            if due is None or due > moment:
                self.now = self.world.now = moment
                return
            self.now = self.world.now = due
        raise AssertionError("it never comes to rest")

    def to(self, wall: str) -> None:
        self.until(self.at(wall))

    def skip(self, wall: str) -> None:
        """Time passes, and nobody is awake."""
        self.now = self.world.now = self.at(wall)

    def write(self, *ids: str, **fields: Any) -> None:
        for one in ids:
            self.article(one, **fields)
        self.publisher.publish("blog")

    def withdraw(self, one: str) -> None:
        self.store.remove(one)
        self.publisher.publish("blog")

    def told(self) -> list[str]:
        """What was said when, in the site's time, with the day only where it is another than the first."""
        return [f"{post.guid[-1]} {post.made_at.astimezone(self.zone):%d %H:%M}" for post in self.world.posts]

    def one(self, article: str) -> Any:
        (found,) = self.ledger.deliveries.listed(article=article)
        return found.delivery


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Newsdesk]]:
    """Opens desks of sites anywhere."""
    desks: list[Newsdesk] = []

    def open_one(zone: str) -> Newsdesk:
        desks.append(Newsdesk(migrated_sqlite(tmp_path), tmp_path, zone))
        return desks[-1]

    yield open_one
    for desk in desks:
        desk.ledger.close()


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Newsdesk]:
    desk = Newsdesk(database_url, tmp_path)
    yield desk
    desk.ledger.close()


# ---------------------------------------------------------------- quiet hours


@pytest.mark.parametrize("host", ["UTC", "America/New_York"])
@pytest.mark.parametrize("zone", [TOKYO, PARIS, NEW_YORK])
def test_case_30_nothing_is_said_in_quiet_hours_and_afterwards_notices_drip(
    zone: str, host: str, opened: Callable[[str], Newsdesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", host)
    time.tzset()
    desk = opened(zone)
    desk.board(quiet=NIGHT, every="10m", max_age="5h")
    desk.to("2026-04-27T22:55")
    desk.write("1", "2")
    desk.to("2026-04-28T00:30")
    desk.write("3")
    desk.to("2026-04-28T02:00")
    desk.write("4", "5")
    desk.to("2026-04-28T09:00")
    assert desk.told() == ["1 27 22:55", "4 28 06:00", "5 28 06:10"]
    assert {one: desk.one(one).reason for one in "23"} == dict.fromkeys("23", "too old to be news (max_age)")
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("evening", "morning"), [("2026-03-28T23:30", "2026-03-29T06:00"), ("2026-10-24T23:30", "2026-10-25T06:00")]
)
def test_a_night_in_which_clocks_change_ends_as_the_clock_says(
    evening: str, morning: str, opened: Callable[[str], Newsdesk]
) -> None:
    desk = opened(PARIS)
    desk.board(quiet=NIGHT)
    desk.skip(evening)
    desk.write("1")
    assert desk.publisher.next_due() == desk.at(morning)
    desk.until(desk.at(morning) + HOUR)
    assert [post.made_at for post in desk.world.posts] == [desk.at(morning)]


def test_what_gathered_overnight_drips_without_an_every_too(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT)
    desk.skip("2026-04-28T01:00")
    desk.write("1", "2", "3")
    desk.to("2026-04-28T09:00")
    assert desk.told() == ["1 28 06:00", "2 28 06:01", "3 28 06:02"]


def test_case_15_what_is_withdrawn_while_it_waits_for_the_morning_is_never_sent(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT)
    desk.skip("2026-04-27T23:30")
    desk.write("1", "2")
    desk.withdraw("1")
    desk.to("2026-04-28T12:00")
    assert desk.told() == ["2 28 06:00"]
    assert (desk.one("1").state, desk.one("1").reason) == (State.SKIPPED, "withdrawn before it was said")


def test_a_retraction_goes_at_once_whatever_the_hour_and_the_pace(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT, every="8h", max_per_day=1, retract_after="1h")
    desk.write("1")
    desk.to("2026-04-28T01:00")
    desk.write("2")
    desk.withdraw("1")
    desk.to("2026-04-28T02:00")
    assert [(post.guid[-1], post.standing) for post in desk.world.posts] == [("1", False)]


def test_a_correction_waits_for_the_morning(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT)
    desk.write("1")
    desk.to("2026-04-28T00:00")
    desk.write("1", title="訂正", published="2026-04-27T12:00:00Z")
    desk.to("2026-04-28T05:59")
    assert desk.world.posts[0].text.startswith("記事1")
    desk.to("2026-04-28T06:00")
    assert desk.world.posts[0].text.startswith("訂正")


def test_a_doubt_that_is_settled_by_saying_it_again_waits_for_the_morning(desk: Newsdesk) -> None:
    desk.board(FindBoard, quiet=NIGHT)
    desk.skip("2026-04-27T22:59:58")
    desk.world.behaviours = ["lost before"]
    desk.write("1")
    desk.to("2026-04-28T06:00")
    desk.to("2026-04-28T06:30")
    assert desk.told() == ["1 28 06:00"]


def test_what_was_claimed_before_the_silence_and_is_ready_in_it_waits(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT)
    desk.skip("2026-04-27T22:59:59")
    desk.write("1")
    (claimed,) = desk.publisher.claim(1)
    desk.skip("2026-04-27T23:00")
    given_back = desk.publisher.deliver(claimed)
    assert given_back is not None
    assert given_back.state is State.DUE
    desk.to("2026-04-28T06:30")
    assert desk.told() == ["1 28 06:00"]


def test_the_wake_after_a_rest_that_ends_in_quiet_hours_is_in_the_morning(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT)
    desk.skip("2026-04-27T22:59:40")
    desk.world.behaviours = ["busy"]
    desk.write("1")
    desk.to("2026-04-27T23:00:10")
    assert desk.publisher.next_due() == desk.at("2026-04-28T06:00")
    desk.to("2026-04-28T07:00")
    assert desk.told() == ["1 28 06:00"]


def test_quiet_hours_that_are_taken_away_end_at_once(desk: Newsdesk) -> None:
    desk.board(quiet=NIGHT)
    desk.skip("2026-04-28T01:00")
    desk.write("1")
    desk.to("2026-04-28T01:10")
    assert desk.told() == []
    desk.board()
    desk.to("2026-04-28T01:11")
    assert desk.told() == ["1 28 01:10"]


def test_a_silent_target_keeps_no_other_waiting(desk: Newsdesk) -> None:
    desk.targets = {"night": Board(name="night", quiet=NIGHT), "always": Board(name="always")}
    desk.publisher.apply(desk.setup())
    desk.skip("2026-04-28T01:00")
    desk.write("1")
    desk.to("2026-04-28T01:01")
    assert [post.target for post in desk.world.posts] == ["always"]
    desk.to("2026-04-28T06:00")
    assert [post.target for post in desk.world.posts] == ["always", "night"]


# ---------------------------------------------------------------- limits


def test_an_hour_holds_no_more_than_it_may_wherever_it_begins(desk: Newsdesk) -> None:
    desk.board(max_per_hour=2, every="5m")
    desk.write("1", "2", "3", "4", "5")
    desk.to("2026-04-28T09:00")
    assert desk.told() == ["1 27 21:00", "2 27 21:05", "3 27 22:00", "4 27 22:05", "5 27 23:00"]


def test_a_day_holds_no_more_than_it_may_and_what_is_too_old_by_then_is_not_said(desk: Newsdesk) -> None:
    desk.board(max_per_day=2, max_age="1d", every="1h")
    desk.write("1", "2", "3")
    desk.to("2026-04-27T23:00")
    desk.write("4")
    desk.to("2026-04-29T09:00")
    assert desk.told() == ["1 27 21:00", "2 27 22:00", "3 28 21:00", "4 28 22:00"]


def test_a_limit_that_is_loosened_counts_from_the_moment_it_is_saved(desk: Newsdesk) -> None:
    desk.board(max_per_day=1)
    desk.write("1", "2", "3")
    desk.to("2026-04-27T21:30")
    assert desk.publisher.next_due() == desk.at("2026-04-28T21:00")
    desk.board(max_per_day=2)
    assert desk.publisher.next_due() == desk.now
    desk.to("2026-04-27T22:00")
    desk.board()
    desk.to("2026-04-27T22:30")
    assert desk.told() == ["1 27 21:00", "2 27 21:30", "3 27 22:00"]


def test_a_limit_that_is_tightened_counts_what_was_said_before(desk: Newsdesk) -> None:
    desk.write("1", "2", "3", "4")
    desk.to("2026-04-27T21:01")
    assert len(desk.told()) == 4
    desk.write("5")
    desk.board(max_per_hour=3)
    desk.to("2026-04-27T23:00")
    assert desk.told()[4:] == ["5 27 22:00"]


def test_a_limit_that_was_changed_while_feedpub_was_stopped_counts_at_the_start(desk: Newsdesk) -> None:
    desk.board(every="1d")
    desk.write("1", "2")
    desk.to("2026-04-27T22:00")
    desk.targets = {"board": Board(name="board")}
    desk.publisher.setup = desk.setup()  # as after a start: nothing is known of the options before
    desk.publisher.apply(desk.setup())
    desk.to("2026-04-27T22:01")
    assert desk.told() == ["1 27 21:00", "2 27 22:00"]


def test_an_answer_that_comes_after_the_limit_was_changed_is_judged_by_the_new_one(desk: Newsdesk) -> None:
    desk.board(every="1d")
    desk.write("1", "2")
    (claimed,) = desk.publisher.claim(1)
    converse = desk.world.converse

    def meanwhile(*args: Any, **options: Any) -> Any:
        desk.board()
        return converse(*args, **options)

    desk.world.converse = meanwhile  # type: ignore[method-assign]
    desk.publisher.deliver(claimed)
    desk.world.converse = converse  # type: ignore[method-assign]
    desk.to("2026-04-27T21:01")
    assert len(desk.told()) == 2


def test_what_nobody_knows_of_counts_as_said(desk: Newsdesk) -> None:
    """The process dies after the post was made; the next one must not say another in the same hour."""
    desk.board(KeyedBoard, max_per_hour=1)
    desk.world.keyed = {"board": 12 * HOUR}
    desk.world.behaviours = ["crash after"]
    desk.write("1", "2")
    with pytest.raises(Crash):
        desk.until(desk.now)
    desk.skip("2026-04-27T21:20")
    desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=True)
    desk.to("2026-04-28T00:00")
    first, second = desk.told()
    assert (first, second >= "2 27 22:20") == ("1 27 21:00", True)


def test_a_doubt_that_proves_unfounded_gives_its_turn_back(desk: Newsdesk) -> None:
    desk.board(FindBoard, every="1h")
    desk.world.behaviours = ["lost before"]
    desk.write("1")
    desk.to("2026-04-27T21:30")
    assert desk.told() == ["1 27 21:00"]


RULES = st.fixed_dictionaries(
    {},
    optional={
        "quiet": st.sampled_from([NIGHT, "12:00-13:00", "22:00-23:00, 00:00-05:00"]),
        "every": st.sampled_from(["1m", "20m", "3h"]),
        "max_per_hour": st.integers(1, 4),
        "max_per_day": st.integers(1, 6),
    },
)
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 6),
        st.none() | RULES,
        st.lists(st.sampled_from(["ok", "busy", "lost after", "lost before", "refused"]), max_size=3),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=RULES, events=EVENTS, zone=st.sampled_from([TOKYO, PARIS, NEW_YORK]))
def test_whatever_happens_no_window_is_overfull_and_no_quiet_hour_is_broken(
    opened: Callable[[str], Newsdesk], rules: dict[str, Any], events: list[Any], zone: str
) -> None:
    desk = opened(zone)
    desk.skip("2026-10-24T20:00")
    desk.board(FindBoard, **rules)
    number, since = 0, desk.now
    for minutes, articles, changed, trouble in events:
        if changed is not None:
            rules, since = changed, desk.now
            desk.board(FindBoard, **rules)
        desk.world.behaviours = list(trouble)
        desk.write(*(f"{number + one}" for one in range(articles)))
        number += articles
        desk.until(desk.now + minutes * MINUTE)
        made = [post.made_at for post in desk.world.posts if post.made_at >= since]
        for most, span in ((rules.get("max_per_hour"), HOUR), (rules.get("max_per_day"), DAY)):
            if most:
                assert all(last - first >= span for first, last in zip(made, made[most:], strict=False)), (made, most)
        for one in made:
            here = f"{one.astimezone(desk.zone):%H:%M}"
            for start, _, end in (span.strip().partition("-") for span in rules.get("quiet", "").split(",") if span):
                assert not (start <= here < end if start < end else here >= start or here < end), (here, rules)
    desk.board(FindBoard)
    desk.world.behaviours = []
    desk.until(desk.now + 2 * DAY)
    assert {one.state for one in (found.delivery for found in desk.ledger.deliveries.listed(limit=1000))} <= {
        State.SENT, State.FAILED, State.SKIPPED,
    }  # fmt: skip


# ---------------------------------------------------------------- rests, and other options


def test_whoever_mends_a_target_need_not_wait_out_its_rest(desk: Newsdesk) -> None:
    desk.world.behaviours = ["lost before"] * 3
    desk.board(FindBoard)
    desk.write("1")
    desk.to("2026-04-27T21:10")
    desk.write("2")
    assert desk.told() == []
    rest = desk.rest("board")
    assert rest.rest_until > desk.now
    desk.board(FindBoard, timeout="10s")
    assert desk.rest("board").rest_until == EPOCH
    desk.to("2026-04-27T21:10:01")
    assert sorted(desk.told()) == ["1 27 21:10", "2 27 21:10"]


def test_a_config_that_leaves_a_target_as_it_is_leaves_it_its_rest(desk: Newsdesk) -> None:
    desk.world.behaviours = ["busy"]
    desk.write("1")
    desk.to("2026-04-27T21:00:01")
    resting, due = desk.rest("board"), desk.one("1").due_at
    desk.targets["other"] = Board(name="other")
    desk.publisher.apply(desk.setup())
    assert (desk.rest("board"), desk.one("1").due_at) == (resting, due)
    assert resting.rest_until > desk.now


def test_a_pause_outlives_other_options(desk: Newsdesk) -> None:
    desk.world.behaviours = ["forbidden"]
    desk.write("1")
    desk.to("2026-04-27T21:00:01")
    desk.board(timeout="10s")
    assert desk.rest("board").paused
    desk.to("2026-04-27T22:00")
    assert desk.told() == []


def test_other_options_do_not_hurry_what_waits_for_its_delay(desk: Newsdesk) -> None:
    desk.board(delay="30m")
    desk.write("1")
    desk.board(delay="30m", timeout="10s")
    desk.to("2026-04-27T23:00")
    assert desk.told() == ["1 27 21:30"]


# ---------------------------------------------------------------- the clock


def test_case_31_a_clock_set_back_neither_stalls_nor_hurries_the_pace(desk: Newsdesk) -> None:
    desk.board(every="1h", max_per_day=3)
    desk.write("1", "2", "3", "4")
    desk.to("2026-04-27T21:30")
    desk.skip("2026-04-27T18:30")
    desk.ledger.deliveries.follow_clock(-3 * HOUR)
    desk.to("2026-04-27T20:31")
    assert desk.told()[1:] == ["2 27 19:00", "3 27 20:00"]
    desk.to("2026-04-28T22:00")
    assert len(desk.told()) == 4


def test_case_31_a_day_that_was_slept_through_is_no_reason_for_a_burst(desk: Newsdesk) -> None:
    desk.board(every="1h", max_per_hour=1)
    desk.write("1", "2", "3", "4")
    desk.to("2026-04-27T21:30")
    desk.skip("2026-04-28T21:30")
    desk.ledger.deliveries.follow_clock(DAY)
    desk.to("2026-04-28T23:31")
    assert desk.told() == ["1 27 21:00", "2 28 21:30", "3 28 22:30", "4 28 23:30"]


def test_a_clock_that_was_far_ahead_and_is_right_again_stalls_nobody(desk: Newsdesk) -> None:
    desk.board(every="10m")
    desk.skip("2027-04-27T21:00")
    desk.write("1")
    desk.to("2027-04-27T21:01")
    desk.skip("2026-04-27T21:00")
    desk.publisher.apply(desk.setup())  # feedpub was stopped meanwhile: nobody told it of the step
    desk.write("2")
    desk.to("2026-04-27T21:05")
    assert desk.told() == ["1 27 21:00", "2 27 21:00"]


def test_types_of_targets_that_are_gone_are_not_asked_for_their_pace(desk: Newsdesk) -> None:
    targets: dict[str, Network] = {"other": Board(name="other", every="1h")}
    desk.targets = targets
    desk.publisher.apply(desk.setup())
    desk.write("1")
    desk.to("2026-04-27T22:00")
    assert desk.told() == ["1 27 21:00"]
