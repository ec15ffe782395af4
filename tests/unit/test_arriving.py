"""How a delivery of another ledger stands in ours: nothing that could be said twice goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import EPOCH, Action, Delivery, Notice, State
from feedpub.notices.arriving import OWED_ELSEWHERE, REPLY_UNSURE, UNSURE_ELSEWHERE, arrived
from feedpub.notices.lifecycle import FEEDS, FLOOD, GUARDS, MOVED, Claimed, FeedsOut, Released, Withdrawn, step
from tests.world import Board

NOW = EPOCH + timedelta(days=20_000)
LATER = NOW + timedelta(days=365)
TARGET = Board(name="board")
DONE = (State.SENT, State.FAILED, State.SKIPPED)


def delivery(state: State, **facts: Any) -> Delivery:
    given: dict[str, Any] = {"wanted": 1, "created_at": NOW} | facts
    return Delivery(id=1, target="board", article=1, state=state, **given)


def notice(action: Action = Action.ANNOUNCE) -> Notice:
    return Notice("board", action, "1", "guid", 1, "key", NOW, "題")


moments = st.one_of(st.none(), st.integers(0, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds)))
revisions = st.one_of(st.none(), st.integers(1, 3))


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Any that there may be, and some that there may not."""
    state = draw(st.sampled_from(State))
    action = draw(st.sampled_from(Action))
    frozen = notice(action) if state is State.SENDING or draw(st.booleans()) else None
    one = delivery(state, wanted=draw(revisions), said=draw(revisions), due_at=draw(moments), frozen=frozen)
    one = replace(one, held_by=draw(st.sampled_from(["", FEEDS, *sorted(GUARDS)])), doubt_since=draw(moments))
    one = replace(one, attempts=draw(st.integers(0, 3)), lease_until=draw(moments))
    return one if draw(st.booleans()) else replace(one, article=None, feed="all")


@given(deliveries())
def test_to_arrive_twice_is_to_arrive_once(one: Delivery) -> None:
    assert arrived(arrived(one)) == arrived(one)


@given(deliveries())
def test_nobody_is_at_work_on_what_arrives(one: Delivery) -> None:
    here = arrived(one)
    assert here.state not in {State.CLAIMED, State.SENDING}
    assert here.lease_until is None


@given(deliveries(), st.sampled_from([NOW, LATER]))
def test_no_article_is_announced_corrected_or_answered_before_a_person_says_so(one: Delivery, now: datetime) -> None:
    here = arrived(one)
    for event in (FeedsOut(), Claimed(now + timedelta(minutes=1))):
        here = step(here, event, TARGET, now)
    assert here.state is not State.CLAIMED or here.feed is not None or here.wanted is None


@given(deliveries())
def test_what_was_done_stays_done(one: Delivery) -> None:
    here = arrived(one)
    assert (here.remote_id, here.also, here.words, here.fence) == (one.remote_id, one.also, one.words, one.fence)
    if one.state in DONE:
        assert here == replace(one, lease_until=None)


@pytest.mark.parametrize("state", [State.HELD, State.DUE, State.CLAIMED])
@pytest.mark.parametrize("said", [None, 1])
def test_what_was_owed_is_held_and_goes_on_when_it_is_let_go(state: State, said: int | None) -> None:
    here = arrived(delivery(state, wanted=2, said=said, due_at=NOW, attempts=2))
    assert (here.state, here.held_by, here.reason, here.attempts) == (State.HELD, MOVED, OWED_ELSEWHERE, 0)
    free = step(step(here, Released(), TARGET, NOW), FeedsOut(), TARGET, NOW)
    assert (free.state, free.due_at, free.reason) == (State.DUE, NOW, "")
    assert step(here, Withdrawn(), TARGET, NOW).state is (State.SKIPPED if said is None else State.DUE)


def test_a_flood_is_still_a_flood() -> None:
    flood = delivery(State.HELD, held_by=FLOOD, reason="so many")
    assert arrived(flood) == flood


def test_a_deletion_goes_on() -> None:
    here = arrived(delivery(State.CLAIMED, wanted=None, said=1, due_at=NOW))
    assert (here.state, here.due_at, here.action) == (State.DUE, NOW, Action.RETRACT)


def test_a_deletion_in_doubt_goes_on() -> None:
    here = arrived(delivery(State.SENDING, wanted=None, said=1, due_at=NOW, frozen=notice(Action.RETRACT)))
    assert (here.state, here.due_at, here.doubt_since) == (State.DOUBTFUL, NOW, NOW)


def test_an_announcement_that_was_being_made_is_in_doubt() -> None:
    here = arrived(delivery(State.SENDING, due_at=NOW, frozen=notice()))
    assert (here.state, here.due_at, here.doubt_since) == (State.DOUBTFUL, None, NOW)
    assert (here.reason, here.frozen) == (UNSURE_ELSEWHERE, notice())


def test_a_correction_that_was_being_made_is_owed_as_to_correct_twice_does_no_harm() -> None:
    here = arrived(delivery(State.SENDING, wanted=2, said=1, due_at=NOW, frozen=notice(Action.CORRECT)))
    assert (here.state, here.held_by, here.frozen) == (State.HELD, MOVED, None)


def test_a_reply_in_doubt_is_taken_for_said_as_everywhere() -> None:
    here = arrived(
        delivery(State.SENDING, wanted=2, said=1, due_at=NOW, frozen=replace(notice(Action.REPLY), revision=2))
    )
    assert (here.state, here.said, here.reason) == (State.SENT, 2, REPLY_UNSURE)


@pytest.mark.parametrize("state", [State.DUE, State.CLAIMED, State.SENDING])
def test_feeds_are_told_of_again_which_does_no_harm(state: State) -> None:
    here = arrived(replace(delivery(state, wanted=7, said=5, due_at=NOW, frozen=notice()), article=None, feed="all"))
    assert (here.state, here.due_at, here.wanted) == (State.DUE, NOW, 7)


@pytest.mark.parametrize(("said", "state"), [(1, State.SENT), (None, State.SKIPPED)])
def test_where_nothing_is_left_to_do_nothing_is_held(said: int | None, state: State) -> None:
    wanted = said
    assert arrived(delivery(State.DUE, wanted=wanted, said=said, due_at=NOW)).state is state
