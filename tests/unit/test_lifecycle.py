"""The table of "Once", row by row, and laws that hold for any story. The whole of it at work: tests/edge/once.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.model import Absent, Action, Again, Delivery, Doubt, Notice, Outcome, Refused, Said, State
from feedpub.notices.lifecycle import (
    COALESCE,
    Answered,
    Cancelled,
    Claimed,
    Edited,
    Event,
    FeedsOut,
    Lost,
    Released,
    Restored,
    Retried,
    Started,
    Wanted,
    WayOut,
    Withdrawn,
    action_of,
    cancel,
    heeds,
    step,
    way_out,
)
from tests.world import Board, FindBoard, KeyedBoard, MuteBoard

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
BOARD = Board(name="board")
KEYED = KeyedBoard(name="keyed")
FINDABLE = FindBoard(name="findable")
MUTE = MuteBoard(name="mute")
RESENDING = Board(name="resending", on_doubt="resend")
LEASE = Claimed(NOW + timedelta(minutes=1))

HELD = Delivery(
    id=1, target="board", article=7, state=State.HELD, wanted=1, held_by="feeds", created_at=NOW,
    expires_at=NOW + timedelta(days=2),
)  # fmt: skip
DUE = replace(HELD, state=State.DUE, held_by="", due_at=NOW)
CLAIMED = step(DUE, LEASE, BOARD, NOW)
SENT = replace(DUE, state=State.SENT, said=1, due_at=None, said_at=NOW, remote_id="p1")


def notice(action: Action = Action.ANNOUNCE, revision: int = 1) -> Notice:
    return Notice("board", action, "7", "guid", revision, key="k", at=NOW, text="text")


def sending(action: Action = Action.ANNOUNCE, before: Delivery = CLAIMED) -> Delivery:
    return step(replace(before, state=State.CLAIMED), Started(notice(action, before.wanted or 0)), BOARD, NOW)


SENDING = sending()


def answered(outcome: Outcome, delivery: Delivery = SENDING, target: Board = BOARD, now: datetime = NOW) -> Delivery:
    return step(delivery, Answered(outcome), target, now)


# ---------------------------------------------------------------- before it is said


def test_a_delivery_waits_for_its_feeds_and_then_for_the_delay() -> None:
    patient = Board(name="board", delay="3m")
    assert step(HELD, FeedsOut(), BOARD, NOW).due_at == NOW
    assert step(HELD, FeedsOut(), patient, NOW).due_at == NOW + timedelta(minutes=3)


def test_what_the_flood_guard_holds_waits_for_a_person_and_then_for_its_feeds() -> None:
    held = replace(HELD, held_by="flood")
    assert step(held, FeedsOut(), BOARD, NOW) == held
    assert step(held, Released(), BOARD, NOW) == HELD


def test_an_edit_before_it_is_said_changes_only_what_is_wanted() -> None:
    for delivery in (HELD, DUE, CLAIMED, SENDING):
        assert step(delivery, Edited(2), BOARD, NOW) == replace(delivery, wanted=2)


def test_withdrawn_before_it_is_said_is_never_said() -> None:
    for delivery in (HELD, DUE, CLAIMED):
        skipped = step(delivery, Withdrawn(), BOARD, NOW)
        assert (skipped.state, skipped.wanted, skipped.reason) == (State.SKIPPED, None, "withdrawn before it was said")


def test_the_author_may_change_their_mind_before_it_is_said() -> None:
    silenced = step(DUE, Edited(1, announce=False), BOARD, NOW)
    assert silenced.state is State.SKIPPED
    assert step(silenced, Edited(2, announce=True), BOARD, NOW) == replace(HELD, wanted=2)


def test_what_was_skipped_for_another_reason_is_not_won_by_an_edit() -> None:
    cancelled = step(DUE, Cancelled("not this one"), BOARD, NOW)
    assert step(cancelled, Edited(2), BOARD, NOW) == replace(cancelled, wanted=2)


def test_age_is_checked_again_at_the_moment_of_saying() -> None:
    late = NOW + timedelta(days=3)
    assert step(DUE, Claimed(late), BOARD, late).state is State.SKIPPED


def test_a_claim_before_its_time_is_none() -> None:
    early = replace(DUE, due_at=NOW + timedelta(seconds=1))
    assert step(early, LEASE, BOARD, NOW) == early


def test_a_crash_between_claim_and_start_costs_nothing() -> None:
    lost = step(CLAIMED, Lost(), BOARD, NOW)
    assert (lost.state, lost.due_at, lost.doubt_since) == (State.DUE, NOW, None)


# ---------------------------------------------------------------- the answers


def test_said_is_sent_with_its_receipt() -> None:
    sent = answered(Said("p1", "https://board.test/p1"))
    assert (sent.state, sent.said, sent.remote_id, sent.remote_url) == (State.SENT, 1, "p1", "https://board.test/p1")
    assert sent.action is None


def test_edited_while_it_was_said_is_corrected_next() -> None:
    sent = answered(Said("p1"), replace(SENDING, wanted=2))
    assert (sent.state, sent.action, sent.due_at) == (State.DUE, Action.CORRECT, NOW + COALESCE)


def test_withdrawn_while_it_was_said_is_retracted_next() -> None:
    sent = answered(Said("p1"), replace(SENDING, wanted=None))
    assert (sent.state, sent.action) == (State.DUE, Action.RETRACT)
    assert sent.due_at == NOW + BOARD.retract_after


def test_surely_not_said_is_tried_again_and_composed_anew() -> None:
    later = answered(Again("HTTP 429", timedelta(seconds=90)))
    assert (later.state, later.due_at, later.frozen) == (State.DUE, NOW + timedelta(seconds=90), None)
    assert later.doubt_since is None


def test_no_try_is_made_beyond_max_age() -> None:
    tired = replace(SENDING, expires_at=NOW + timedelta(seconds=1))
    failed = answered(Again("HTTP 429", timedelta(hours=1)), tired)
    assert failed.state is State.FAILED
    assert "HTTP 429" in failed.reason


def test_refused_for_good_fails_this_item() -> None:
    failed = answered(Refused("HTTP 422"))
    assert (failed.state, failed.reason) == (State.FAILED, "HTTP 422")
    assert step(failed, Edited(2), BOARD, NOW) == replace(HELD, wanted=2, fence=1)


def test_a_target_that_refuses_keeps_its_queue() -> None:
    kept = answered(Refused("HTTP 401", "target"))
    assert (kept.state, kept.due_at, kept.reason) == (State.DUE, NOW, "HTTP 401")


# ---------------------------------------------------------------- doubt


def test_a_network_that_drops_repeats_gets_the_same_bytes_again() -> None:
    doubtful = answered(Doubt("no answer"), target=KEYED)
    assert (doubtful.state, doubtful.frozen, doubtful.doubt_since) == (State.DOUBTFUL, SENDING.frozen, NOW)
    assert way_out(doubtful, KEYED, NOW) is WayOut.RESEND


def test_after_its_memory_ends_a_repeat_would_be_a_double() -> None:
    doubtful = answered(Doubt("no answer"), target=KEYED)
    assert way_out(doubtful, KEYED, NOW + KEYED.dedupe_for) is WayOut.STOP


def test_the_memory_of_a_network_counts_from_when_the_words_were_frozen() -> None:
    """A crash is noticed late: the network may have had the notice for as long as feedpub was down."""
    down_until = NOW + timedelta(hours=5)
    doubtful = step(SENDING, Lost(), KEYED, down_until)
    assert doubtful.doubt_since == NOW
    assert (doubtful.state, doubtful.due_at) == (State.DOUBTFUL, None)


def test_where_one_can_look_one_looks() -> None:
    doubtful = answered(Doubt("no answer"), target=FINDABLE)
    assert way_out(doubtful, FINDABLE, NOW) is WayOut.FIND
    looking = step(replace(doubtful, due_at=NOW), LEASE, FINDABLE, NOW)
    assert answered(Said("p9"), looking, FINDABLE).remote_id == "p9"
    assert answered(Absent(), looking, FINDABLE).state is State.DUE


def test_where_nobody_can_tell_a_person_decides() -> None:
    doubtful = answered(Doubt("no answer"))
    assert (doubtful.state, doubtful.due_at, doubtful.reason) == (State.DOUBTFUL, None, "no answer")
    assert step(doubtful, Retried(), BOARD, NOW).state is State.DUE


def test_an_admin_may_prefer_twice_to_never() -> None:
    doubtful = answered(Doubt("no answer"), target=RESENDING)
    assert way_out(doubtful, RESENDING, NOW) is WayOut.RESEND
    assert doubtful.due_at is not None


def test_doubt_stays_doubt_across_tries() -> None:
    doubtful = answered(Doubt("no answer"), target=KEYED)
    again = step(replace(doubtful, due_at=NOW), LEASE, KEYED, NOW)
    resent = step(again, Started(notice()), KEYED, NOW)
    assert answered(Again("HTTP 429"), resent, KEYED).state is State.DOUBTFUL
    assert answered(Refused("HTTP 422"), resent, KEYED).state is State.DOUBTFUL
    assert answered(Said("p1"), resent, KEYED).doubt_since is None


def test_what_is_not_wanted_any_more_is_not_said_again_to_end_a_doubt() -> None:
    doubtful = answered(Doubt("no answer"), target=KEYED)
    withdrawn = step(doubtful, Withdrawn(), KEYED, NOW)
    assert (withdrawn.state, withdrawn.due_at) == (State.DOUBTFUL, None)


# ---------------------------------------------------------------- after it was said


def test_an_edited_headline_corrects_the_post_within_its_time() -> None:
    assert step(SENT, Edited(2), BOARD, NOW).action is Action.CORRECT
    late = NOW + BOARD.correct_within + timedelta(seconds=1)
    assert step(SENT, Edited(2), BOARD, late).state is State.SENT
    assert step(SENT, Edited(2), MUTE, NOW).state is State.SENT


def test_edits_close_together_become_one_correction() -> None:
    first = step(SENT, Edited(2), BOARD, NOW)
    soon = NOW + timedelta(seconds=30)
    assert step(first, Edited(3), BOARD, soon).due_at == soon + COALESCE


def test_edited_back_to_what_stands_there_needs_nothing() -> None:
    corrected = step(SENT, Edited(2), BOARD, NOW)
    assert step(corrected, Edited(1), BOARD, NOW) == SENT


def test_a_withdrawn_article_is_retracted_unless_it_returns_in_time() -> None:
    going = step(SENT, Withdrawn(), BOARD, NOW)
    assert (going.action, going.due_at) == (Action.RETRACT, NOW + BOARD.retract_after)
    assert step(going, Restored(1), BOARD, NOW) == SENT


def test_retracted_and_restored_is_announced_anew_under_another_key() -> None:
    going = replace(step(SENT, Withdrawn(), BOARD, NOW), due_at=NOW)
    gone = answered(Said("p1"), sending(Action.RETRACT, step(going, LEASE, BOARD, NOW)))
    assert (gone.state, gone.said, gone.retractions) == (State.SKIPPED, None, 1)
    assert step(gone, Restored(1), BOARD, NOW).state is State.HELD
    assert step(gone, Restored(1), BOARD, NOW + timedelta(days=9)).state is State.SKIPPED


def test_where_nothing_can_be_deleted_a_person_is_told() -> None:
    stands = step(SENT, Withdrawn(), MUTE, NOW)
    assert stands.state is State.SENT
    assert "by hand" in stands.reason


def retracting() -> Delivery:
    going = replace(step(SENT, Withdrawn(), BOARD, NOW), due_at=NOW)
    return sending(Action.RETRACT, step(going, LEASE, BOARD, NOW))


def test_to_delete_twice_is_harmless_so_a_doubtful_retraction_is_sent_again() -> None:
    doubtful = answered(Doubt("no answer"), retracting())
    assert (doubtful.state, way_out(doubtful, BOARD, NOW)) == (State.DOUBTFUL, WayOut.RESEND)
    assert doubtful.due_at is not None


def test_restored_while_its_retraction_is_in_doubt_it_is_deleted_for_certain_and_announced_anew() -> None:
    doubtful = step(answered(Doubt("no answer"), retracting()), Restored(1), BOARD, NOW)
    again = step(step(replace(doubtful, due_at=NOW), LEASE, BOARD, NOW), Started(notice(Action.RETRACT)), BOARD, NOW)
    gone = answered(Said(), again)
    assert (gone.state, gone.wanted, gone.said, gone.retractions) == (State.HELD, 1, None, 1)


def test_restored_before_its_retraction_was_refused_it_stands_as_it_is() -> None:
    """Nothing is left to do then: to go on would say it a second time."""
    restored = step(retracting(), Restored(1), BOARD, NOW)
    for scope in ("item", "target"):
        assert answered(Refused("HTTP 403", scope), restored).state is State.SENT


def test_a_held_flood_stays_held_through_being_withdrawn_and_restored() -> None:
    flood = replace(HELD, held_by="flood")
    assert step(step(flood, Withdrawn(), BOARD, NOW), Restored(1), BOARD, NOW) == flood


def test_a_clock_that_was_set_back_does_not_prolong_the_delay() -> None:
    early = NOW - timedelta(days=30)
    assert step(HELD, FeedsOut(), BOARD, early).due_at == early


# ---------------------------------------------------------------- people


@pytest.mark.parametrize("delivery", [HELD, DUE, CLAIMED])
def test_what_was_not_said_can_be_cancelled(delivery: Delivery) -> None:
    assert cancel(delivery, "no more").state is State.SKIPPED


def test_what_is_being_said_or_was_said_cannot_be_cancelled() -> None:
    assert cancel(SENDING, "no more") == SENDING
    assert cancel(SENT, "no more") == SENT


def test_cancelling_a_correction_lets_the_post_stand() -> None:
    cancelled = cancel(step(SENT, Edited(2), BOARD, NOW), "leave it")
    assert (cancelled.state, cancelled.wanted) == (State.SENT, 1)


def test_a_person_may_say_what_is_too_old() -> None:
    old = step(DUE, Claimed(NOW), BOARD, NOW + timedelta(days=9))
    assert step(step(old, Retried(), BOARD, NOW), LEASE, BOARD, NOW).state is State.CLAIMED


# ---------------------------------------------------------------- laws

outcomes = st.sampled_from(
    [Said("p"), Again("later"), Refused("no"), Refused("no", "target"), Doubt("who knows"), Absent()]
)
events: st.SearchStrategy[Event] = st.one_of(
    st.just(FeedsOut()),
    st.builds(Edited, st.integers(1, 4), announce=st.booleans()),
    st.just(Withdrawn()),
    st.builds(Restored, st.integers(1, 4), announce=st.booleans()),
    st.just(Claimed(NOW + timedelta(days=30))),
    st.builds(Started, st.builds(notice, st.sampled_from(Action), st.integers(1, 4))),
    st.builds(Answered, outcomes),
    st.just(Lost()),
    st.just(Cancelled("no more")),
    st.just(Released()),
    st.just(Retried()),
)


@given(
    st.lists(st.tuples(events, st.integers(0, 7200)), max_size=25),
    st.sampled_from([BOARD, KEYED, FINDABLE, MUTE, RESENDING]),
)
def test_any_story_leaves_a_delivery_that_makes_sense(story: list[tuple[Event, int]], target: Board) -> None:
    delivery, now = HELD, NOW
    for event, seconds in story:
        now += timedelta(seconds=seconds)
        delivery = step(delivery, event, target, now)
        leased = delivery.state in {State.CLAIMED, State.SENDING}
        assert (delivery.lease_until is not None) == leased
        assert delivery.due_at is not None or delivery.state is not State.DUE
        assert delivery.frozen is not None or delivery.state is not State.SENDING
        assert delivery.said is not None or delivery.state is not State.SENT
        assert delivery.reason or delivery.state not in {State.FAILED, State.SKIPPED, State.DOUBTFUL}
        assert delivery.action is not None or delivery.state not in {State.DUE, State.HELD}


happenings = st.sampled_from(
    ["edit", "silence", "withdraw", "restore", "out", "claim", "start", "lose", "cancel", "retry", "want", *range(6)]
)
ANSWERS: list[Outcome] = [
    Said("p"), Again("later"), Refused("no"), Refused("no", "target"), Doubt("who knows"), Absent(),
]  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(st.tuples(happenings, st.sampled_from([0, 5, 61, 4000])), max_size=30),
    st.sampled_from(["board", "keyed", "findable", "mute", "resending", "replying", "keyed replying", "reposting"]),
)
def test_whatever_happened_it_comes_to_rest_once_all_is_well(story: list[tuple[str | int, int]], kind: str) -> None:
    """An article's revisions only grow, and what is composed is its latest."""
    target, delivery, now, revision = KINDS[kind], HELD, NOW, 1

    def happen(what: str | int) -> Event:
        if isinstance(what, int):
            return Answered(ANSWERS[what])
        simple: dict[str, Event] = {
            "edit": Edited(revision), "silence": Edited(revision, announce=False), "withdraw": Withdrawn(),
            "restore": Restored(revision), "out": FeedsOut(), "claim": Claimed(now + timedelta(minutes=1)),
            "start": Started(notice(action_of(delivery, target) or Action.ANNOUNCE, revision)), "lose": Lost(),
            "cancel": Cancelled("no more"), "retry": Retried(), "want": Wanted(),
        }  # fmt: skip
        return simple[what]

    for what, seconds in story:
        now += timedelta(seconds=seconds)
        revision += what in ("edit", "silence")
        if what != "start" or delivery.doubt_since is None:  # what is doubtful is sent as it was
            delivery = step(delivery, happen(what), target, now)
    tries = 0
    while delivery.due_at is not None or delivery.state in {State.HELD, State.CLAIMED, State.SENDING}:
        now = max(now, delivery.due_at or now)
        finding = delivery.doubt_since is not None and way_out(delivery, target, now) is WayOut.FIND
        if delivery.state is State.CLAIMED and not finding:
            frozen = delivery.frozen if delivery.doubt_since is not None else None
            frozen = frozen or notice(action_of(delivery, target) or Action.ANNOUNCE, revision)
            delivery = step(delivery, Started(frozen), target, now)
        for event in (Answered(Said("p")), FeedsOut(), Claimed(now + timedelta(minutes=1))):
            before, delivery = delivery, step(delivery, event, target, now)
            if delivery != before:
                break
        tries += 1
        assert tries < 20, delivery


# ---------------------------------------------------------------- edits told otherwise, and what a person wants


class Thread(MuteBoard):
    """A board that takes replies, and remembers keys for an hour if it is told to."""

    can: ClassVar[frozenset[str]] = frozenset({"reply", "retract"})


class KeyedThread(Thread):
    dedupe_for: ClassVar[timedelta] = timedelta(hours=1)


REPLYING = Thread(name="board", correct="reply")
REPOSTING = Board(name="board", correct="repost")
EDITED = replace(SENT, wanted=2)
KINDS: dict[str, Board] = {
    "board": BOARD, "keyed": KEYED, "findable": FINDABLE, "mute": MUTE, "resending": RESENDING, "replying": REPLYING,
    "keyed replying": KeyedThread(name="board", correct="reply"), "reposting": REPOSTING,
}  # fmt: skip


def doing(action: Action, before: Delivery = EDITED) -> Delivery:
    ready = replace(before, state=State.CLAIMED, lease_until=NOW, due_at=NOW)
    return step(ready, Started(notice(action, before.wanted or 0)), BOARD, NOW)


def test_an_edit_is_told_in_the_way_the_admin_wants() -> None:
    assert action_of(EDITED, BOARD) is Action.CORRECT
    assert action_of(EDITED, REPLYING) is Action.REPLY
    assert action_of(EDITED, REPOSTING) is Action.RETRACT
    assert action_of(DUE, REPLYING) is Action.ANNOUNCE
    assert action_of(replace(SENT, wanted=None), REPLYING) is Action.RETRACT


def test_a_reply_stands_beside_the_post_and_is_taken_back_with_it() -> None:
    told = answered(Said("p2"), doing(Action.REPLY), REPLYING)
    assert (told.state, told.said, told.remote_id, told.also) == (State.SENT, 2, "p1", ("p2",))
    assert told.said_at == SENT.said_at
    withdrawn = step(told, Withdrawn(), REPLYING, NOW)
    assert action_of(withdrawn, REPLYING) is Action.RETRACT
    gone = answered(Said(), doing(Action.RETRACT, withdrawn), REPLYING)
    assert (gone.state, gone.remote_id, gone.also) == (State.SKIPPED, "", ())


def test_a_reply_in_doubt_is_sent_again_where_repeats_are_dropped_and_else_let_be() -> None:
    keyed = KeyedThread(name="board", correct="reply")
    doubtful = answered(Doubt("?"), doing(Action.REPLY), keyed)
    assert doubtful.state is State.DOUBTFUL
    assert way_out(doubtful, keyed, NOW) is WayOut.RESEND
    late = NOW + timedelta(hours=2)
    told = step(doubtful, replace(LEASE, lease_until=late), keyed, late)
    assert (told.state, told.said, told.doubt_since) == (State.SENT, 2, None)
    let_be = answered(Doubt("?"), doing(Action.REPLY), REPLYING)
    assert (let_be.state, let_be.said, let_be.remote_id) == (State.SENT, 2, "p1")
    assert "not known" in let_be.reason


def test_a_reply_in_doubt_about_what_was_withdrawn_is_followed_by_the_retraction() -> None:
    withdrawn = replace(doing(Action.REPLY), wanted=None)
    after = answered(Doubt("?"), withdrawn, REPLYING)
    assert (after.state, after.action) == (State.DUE, Action.RETRACT)


def test_a_repost_takes_the_old_post_back_and_says_the_new_one_however_old_it_is_by_then() -> None:
    old = replace(SENT, expires_at=NOW - timedelta(hours=1))
    due = step(old, Edited(2), REPOSTING, NOW)
    assert action_of(due, REPOSTING) is Action.RETRACT
    gone = answered(Said("p1"), doing(Action.RETRACT, due), REPOSTING)
    assert (gone.state, gone.held_by, gone.wanted, gone.said, gone.retractions) == (State.HELD, "feeds", 2, None, 1)


def test_what_a_person_wants_is_said_whatever_was_decided_before() -> None:
    flood = replace(HELD, held_by="flood", reason="too many")
    assert step(flood, Wanted("言葉"), BOARD, NOW) == replace(HELD, words="言葉", expires_at=None)
    for state in (State.SKIPPED, State.FAILED, State.DOUBTFUL):
        wanted = step(replace(DUE, state=state, reason="so"), Wanted(), BOARD, NOW)
        assert (wanted.state, wanted.due_at, wanted.expires_at) == (State.DUE, NOW, None)
    for state in (State.CLAIMED, State.SENDING):
        busy = replace(DUE, state=state)
        assert step(busy, Wanted("x"), BOARD, NOW) == busy
    gone = replace(DUE, state=State.SKIPPED, wanted=None)
    assert step(gone, Wanted(), BOARD, NOW) == gone


def test_what_is_newer_than_was_wanted_needs_no_correction() -> None:
    """As in a ledger that was written before edits of what is skipped were noted."""
    ahead = step(CLAIMED, Started(notice(revision=7)), BOARD, NOW)
    sent = step(ahead, Answered(Said("p1")), BOARD, NOW)
    assert (sent.state, sent.said, sent.wanted) == (State.SENT, 7, 7)


def test_what_was_said_is_said_once_more_and_both_are_taken_back() -> None:
    again = step(SENT, Wanted("もう一度"), BOARD, NOW)
    assert (again.action, again.also, again.words) == (Action.ANNOUNCE, ("p1",), "もう一度")
    assert again.retractions == SENT.retractions + 1
    twice = answered(Said("p2"), doing(Action.ANNOUNCE, again))
    assert (twice.remote_id, twice.also) == ("p2", ("p1",))
    refused = answered(Refused("no"), doing(Action.ANNOUNCE, again))
    for delivery in (twice, refused, again):
        assert step(delivery, Withdrawn(), BOARD, NOW).action is Action.RETRACT


def test_nobodys_word_says_what_is_withdrawn_and_all_else_is_heeded() -> None:
    gone = replace(SENT, wanted=None)
    for word in (Wanted(), Retried()):
        assert not heeds(SENT, word, public=False)
        assert heeds(SENT, word, public=True)
        assert heeds(gone, word, public=False)  # to take it back
    for event in (Cancelled("no more"), Released(), Withdrawn(), Edited(2)):
        assert heeds(SENT, event, public=False)
