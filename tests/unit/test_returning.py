"""How a delivery stands after an older ledger was put back: nothing that could be said twice goes on by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import Action, Article, Delivery, Site, State
from feedpub.notices.lifecycle import (
    AUTHOR,
    COALESCE,
    FEEDS,
    FLOOD,
    PUT_BACK,
    TOO_OLD,
    Claimed,
    Edited,
    Event,
    FeedsOut,
    Released,
    Restored,
    Withdrawn,
    action_of,
    step,
)
from feedpub.notices.plan import news_by_target, plan
from feedpub.notices.returning import CORRECTION_UNSURE, MAYBE_SAID, heard_before, returned
from tests.unit.test_arriving import DONE, LATER, NOW, deliveries, delivery, notice
from tests.world import Board, FindBoard, KeyedBoard, RepostBoard, ThreadBoard

EDITING = Board(name="board", retract_after="1h")
REPLYING = ThreadBoard(name="board", correct="reply")
REPOSTING = RepostBoard(name="board", correct="repost")
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")

boards = st.sampled_from([EDITING, REPLYING, REPOSTING, KeyedBoard(name="board"), FindBoard(name="board")])
events = st.sampled_from([Edited(9), Edited(9, announce=False), Withdrawn(), Restored(9), Restored(9, announce=False)])


@given(deliveries(), boards, st.sampled_from([NOW, LATER]))
def test_only_what_is_harmless_twice_goes_on_by_itself(one: Delivery, board: Board, now: datetime) -> None:
    here = returned(one, board, now)
    for event in (FeedsOut(), Claimed(LATER + timedelta(days=1))):
        here = step(here, event, board, LATER)
    harmless = here.feed is not None or here.wanted is None or action_of(here, board) is Action.CORRECT
    asks = here.doubt_since is not None and ("find" in board.can or board.dedupe_for)
    assert here.state is not State.CLAIMED or harmless or asks


@given(deliveries(), boards)
def test_to_be_put_back_twice_is_to_be_put_back_once(one: Delivery, board: Board) -> None:
    here = returned(one, board, NOW)
    assert returned(here, board, NOW) == here
    assert here.state not in {State.CLAIMED, State.SENDING}


@given(deliveries(), boards)
def test_what_was_done_stays_done(one: Delivery, board: Board) -> None:
    if one.state in DONE and not (one.state is State.FAILED and one.said is None):
        assert returned(one, board, NOW) == one


@pytest.mark.parametrize("held_by", [FEEDS, FLOOD])
def test_what_was_owed_is_held_whatever_it_waited_for_and_a_person_lets_it_go(held_by: str) -> None:
    here = returned(delivery(State.HELD, held_by=held_by), EDITING, NOW)
    assert (here.state, here.held_by, here.reason) == (State.HELD, PUT_BACK, MAYBE_SAID)
    freed = step(step(here, Released(), EDITING, NOW), FeedsOut(), EDITING, NOW)
    assert freed.state is State.DUE


def test_an_edit_that_was_not_told_yet_is_told_where_a_post_is_edited_and_nowhere_else() -> None:
    owed = delivery(State.DUE, wanted=2, said=1, said_at=NOW, due_at=NOW)
    edit = returned(owed, EDITING, NOW)
    assert (edit.state, edit.due_at, edit.wanted) == (State.DUE, NOW + COALESCE, 2)
    for board in (REPLYING, REPOSTING):
        left = returned(owed, board, NOW)
        assert (left.state, left.wanted, left.reason) == (State.SENT, 1, CORRECTION_UNSURE)


def test_what_is_to_be_deleted_waits_as_long_as_if_it_had_just_gone() -> None:
    here = returned(delivery(State.DUE, wanted=None, said=1, remote_id="1", due_at=NOW), EDITING, NOW)
    assert (here.state, here.due_at) == (State.DUE, NOW + timedelta(hours=1))


def test_what_failed_is_not_said_of_itself_by_its_next_edit() -> None:
    failed = delivery(State.FAILED, reason="too long")
    here = returned(failed, EDITING, NOW)
    assert (here.state, here.reason) == (State.SKIPPED, f"too long; {MAYBE_SAID}")
    assert step(here, Edited(2), EDITING, NOW).state is State.SKIPPED


def test_a_network_that_can_tell_is_asked_about_a_doubt_and_another_is_not() -> None:
    doubt = delivery(State.SENDING, frozen=notice(), lease_until=NOW)
    for board, asked in ((FindBoard(name="board"), True), (KeyedBoard(name="board"), True), (EDITING, False)):
        here = returned(doubt, board, NOW)
        assert (here.state, here.due_at is not None) == (State.DOUBTFUL, asked), board
    assert returned(doubt, KeyedBoard(name="board"), LATER).due_at is None


@given(deliveries(), boards, events)
def test_an_event_that_was_heard_before_has_nothing_announced(one: Delivery, board: Board, event: Event) -> None:
    before = returned(one, board, NOW)
    after = heard_before(before, step(before, event, board, NOW), board)
    after = step(step(after, FeedsOut(), board, LATER), Claimed(LATER), board, LATER + timedelta(days=1))
    asks = after.doubt_since is not None
    if before.state is State.HELD and before.held_by == FEEDS:
        raise AssertionError("nothing that was put back waits for its feeds alone")
    harmless = after.feed is not None or after.wanted is None or action_of(after, board) is Action.CORRECT
    assert after.state is not State.CLAIMED or harmless or asks, (before, after)


def test_an_author_who_now_wants_it_announced_may_have_wanted_so_before() -> None:
    before = delivery(State.SKIPPED, held_by=AUTHOR)
    after = heard_before(before, step(before, Edited(2), EDITING, NOW), EDITING)
    assert (after.state, after.held_by, after.wanted) == (State.HELD, PUT_BACK, 2)


def test_news_until_then_is_held_and_makes_no_flood_and_later_news_is_news() -> None:
    def article(number: int, hours: float) -> Article:
        published = NOW + timedelta(hours=hours)
        return Article("blog", str(number), str(number), f"https://news.test/{number}", "題", "", "",
                       published, published, language="ja")  # fmt: skip

    board = Board(name="board", flood_limit=2)
    told = [*(article(number, -number / 10) for number in range(5)), article(9, 1), article(8, -999)]
    owed = plan(told, [board], (), site=SITE, baseline=False, already={}, now=NOW, unsure_until=NOW)
    states = {one.guid: (one.state, one.held_by) for one in owed}
    assert states.pop("9") == (State.HELD, FEEDS)
    assert states.pop("8") == (State.SKIPPED, "")
    assert set(states.values()) == {(State.HELD, PUT_BACK)}
    assert {one.reason for one in owed if one.guid == "8"} == {TOO_OLD}
    assert news_by_target(owed) == {"board": 1}
