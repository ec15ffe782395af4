"""Between two steps of a delivery, on both databases: what may have changed since it was claimed is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from feedpub.commands.deciding import Decisions, Which, advice
from feedpub.model import Action, Delivery, State
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import FEEDS, Cancelled, Retried, Wanted
from feedpub.notices.plan import Owed
from tests.edge.test_publisher import Desk
from tests.paid import PaidBoard, ThriftyBoard
from tests.world import Behaviour, Board, KeyedBoard, MuteBoard, RepostBoard, ThreadBoard

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(database_url, tmp_path)
    yield desk
    desk.ledger.close()


def save(desk: Desk, board: Network) -> None:
    desk.targets = {"board": board}
    desk.publisher.apply(desk.setup())


def claimed(desk: Desk) -> Delivery:
    (found,) = desk.publisher.claim(5)
    return found


def later(desk: Desk, wait: timedelta) -> None:
    desk.now = desk.world.now = desk.now + wait


def one(desk: Desk) -> Delivery:
    (found,) = desk.ledger.deliveries.listed()
    return found.delivery


def test_who_waited_long_for_a_worker_has_a_whole_lease_for_the_conversation(desk: Desk) -> None:
    desk.article("1")
    desk.publisher.publish("blog")
    waiting, board = claimed(desk), desk.targets["board"]
    later(desk, timedelta(seconds=45))  # for a worker, and for what the server allows
    notice = desk.publisher.deliverer._compose(waiting, board)
    desk.ledger.deliveries.start(waiting, notice, board, desk.now)
    later(desk, board.timeout)
    assert desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=False) == 0
    assert one(desk).state is State.SENDING


def test_a_repeat_that_the_network_would_drop_no_more_is_not_sent_however_late_the_worker(desk: Desk) -> None:
    save(desk, KeyedBoard(name="board"))
    desk.world.keyed = {"board": KeyedBoard.dedupe_for}
    desk.article("1")
    desk.world.behaviours = ["lost after"]
    desk.round(seconds=1)
    later(desk, KeyedBoard.dedupe_for - timedelta(seconds=2))
    again = claimed(desk)
    assert again.state is State.CLAIMED
    later(desk, timedelta(seconds=10))
    desk.publisher.deliver(again)
    assert desk.said() == ["1"]
    desk.round(seconds=1)
    assert (desk.said(), one(desk).state, one(desk).due_at) == (["1"], State.DOUBTFUL, None)


def test_what_is_given_back_counts_as_no_try(desk: Desk) -> None:
    desk.article("1")
    desk.publisher.publish("blog")
    for _ in range(5):
        desk.publisher.put_back(claimed(desk))
    assert (one(desk).state, one(desk).attempts) == (State.DUE, 0)


def test_whoever_is_stopping_begins_nothing_and_blames_nobody(desk: Desk) -> None:
    desk.article("1")
    desk.publisher.publish("blog")
    waiting = claimed(desk)
    desk.world.closed = True
    desk.publisher.deliver(waiting)
    assert (one(desk).state, one(desk).attempts) == (State.DUE, 0)
    assert desk.ledger.deliveries.attempts(one(desk).id) == ()
    assert desk.rest("board").failures == 0
    desk.world.closed = False
    desk.round(seconds=1)
    assert desk.said() == ["1"]


# ---------------------------------------------------------------- other options meanwhile


def edited(desk: Desk) -> None:
    """An article that was said has another headline, of which nobody was told yet."""
    desk.article("1")
    desk.round(seconds=1)
    desk.article("1", title="訂正")
    desk.publisher.publish("blog")
    assert one(desk).state is State.DUE


@pytest.mark.parametrize("board", [Board(name="board", correct="ignore"), MuteBoard(name="board")])
def test_a_correction_that_the_config_no_longer_asks_for_is_not_made(desk: Desk, board: Network) -> None:
    edited(desk)
    save(desk, board)
    desk.round(minutes=5)
    assert [post.text for post in desk.world.posts] == ["記事1\nhttps://news.test/1"]
    assert one(desk).state is State.SENT
    assert one(desk).wanted == one(desk).said


def test_what_cannot_be_deleted_any_more_is_left_with_a_word_of_why(desk: Desk) -> None:
    desk.article("1")
    desk.round(seconds=1)
    desk.store.remove("1")
    desk.publisher.publish("blog")
    save(desk, MuteBoard(name="board"))
    desk.round(hours=2)
    assert one(desk).state is State.SENT
    assert "delete it by hand" in one(desk).reason
    assert desk.world.posts[0].standing


def test_a_target_of_another_kind_remembers_nothing_of_the_one_before(desk: Desk) -> None:
    desk.ledger.targets.remember("board", "token", "old")
    save(desk, Other(name="board", kind="other"))
    assert desk.ledger.targets.memory("board") == {}


class Other(Board):
    """Another network under the same name."""

    kind: str = "other"  # type: ignore[assignment]


# ---------------------------------------------------------------- said anew


class PaidRepost(PaidBoard):
    """Charges, and cannot edit."""

    can = RepostBoard.can


class ThriftyRepost(ThriftyBoard):
    """Charges, cannot edit, and would rather skip."""

    can = RepostBoard.can


@pytest.mark.parametrize("network", [PaidRepost, ThriftyRepost])
def test_nothing_is_deleted_to_be_said_better_where_there_is_no_money_to_say_it(
    desk: Desk, network: type[PaidBoard]
) -> None:
    save(desk, network(name="board", correct="repost", budget=Decimal("0.30")))
    edited(desk)
    desk.round(minutes=5)
    assert [(post.text, post.standing) for post in desk.world.posts] == [("記事1\nhttps://news.test/1", True)]
    assert "this month's budget of 0.30 does not cover it" in one(desk).reason
    assert desk.ledger.deliveries.spent("2026-04") == {"board": 200_000}


def test_nothing_is_deleted_to_be_said_better_where_it_cannot_be_said(desk: Desk) -> None:
    save(
        desk,
        RepostBoard(name="board", correct="repost", template="{% if '訂' in title %}{{ 1 / 0 }}{% endif %}{{ url }}"),
    )
    edited(desk)
    desk.round(minutes=5)
    assert [post.standing for post in desk.world.posts] == [True]
    assert (one(desk).state, one(desk).reason.partition(":")[0]) == (State.FAILED, "the template fails")


def test_what_there_is_money_for_is_deleted_and_said_better(desk: Desk) -> None:
    save(desk, PaidRepost(name="board", correct="repost", budget=Decimal("0.41")))
    edited(desk)
    for _ in range(3):
        desk.round(minutes=5)
    assert [(post.text[:2], post.standing) for post in desk.world.posts] == [("記事", False), ("訂正", True)]
    assert (one(desk).state, one(desk).action) == (State.SENT, None)
    assert desk.ledger.deliveries.spent("2026-04") == {"board": 410_000}


def test_what_is_withdrawn_once_its_old_post_is_gone_is_not_said_anew(desk: Desk) -> None:
    save(desk, RepostBoard(name="board", correct="repost", every=timedelta(minutes=30)))
    edited(desk)
    later(desk, timedelta(minutes=40))
    desk.publisher.deliver(claimed(desk))
    assert not desk.world.posts[0].standing
    assert one(desk).action is Action.ANNOUNCE
    desk.store.remove("1")
    for _ in range(4):
        desk.round(hours=1)
    assert len(desk.world.posts) == 1
    assert one(desk).state is State.SKIPPED


# ---------------------------------------------------------------- which words stand there


def test_what_was_edited_while_it_was_decided_against_is_said_once_when_a_person_wants_it(desk: Desk) -> None:
    save(desk, ThreadBoard(name="board", correct="reply"))
    desk.article("1", announce=False)
    desk.round(seconds=1)
    desk.article("1", announce=False, title="訂正")
    desk.round(seconds=1)
    assert one(desk).state is State.SKIPPED
    desk.ledger.deliveries.tell([one(desk).id], Wanted(), desk.targets, desk.now)
    for _ in range(5):
        desk.round(minutes=2)
    assert [post.text for post in desk.world.posts] == ["訂正\nhttps://news.test/1"]
    assert len(desk.ledger.deliveries.attempts(one(desk).id)) == 1
    assert (one(desk).state, one(desk).wanted) == (State.SENT, one(desk).said)


# ---------------------------------------------------------------- what is withdrawn is said nowhere


@pytest.mark.parametrize(
    ("behaviour", "stays"),
    [("ok", State.SENT), ("refused", State.FAILED), ("lost before", State.SKIPPED)],
)
def test_nobodys_word_says_an_article_that_is_withdrawn(desk: Desk, behaviour: Behaviour, stays: State) -> None:
    save(desk, MuteBoard(name="board"))
    desk.world.behaviours = [behaviour]
    desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.round(minutes=1)
    identity, posts = one(desk).id, len(desk.world.posts)
    if stays is State.SKIPPED:
        desk.ledger.deliveries.tell([identity], Cancelled("looked"), desk.targets, desk.now)
    before = one(desk)
    assert before.state is stays
    for word in (Wanted(), Retried(), Wanted("もう一度")):
        assert desk.ledger.deliveries.tell([identity], word, desk.targets, desk.now) == 0
        desk.round(hours=1)
    assert (one(desk), len(desk.world.posts)) == (before, posts)


def test_who_retries_what_is_withdrawn_is_told_so(desk: Desk) -> None:
    desk.world.behaviours = ["refused"]
    desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.round(minutes=1)
    decisions = Decisions(desk.publisher)
    (listed,) = decisions.listed(Which())
    assert advice(listed) == ""
    decided = decisions.retry([listed.delivery.id])
    assert decided.changed == 0
    assert decided.others == (f"delivery {listed.delivery.id} is left as it is: its article is withdrawn",)


def test_what_was_withdrawn_while_somebody_asked_for_it_is_owed_to_nobody(desk: Desk) -> None:
    desk.article("1", announce=False)
    desk.round(minutes=1)
    (listed,) = desk.ledger.deliveries.listed()
    desk.store.remove("1")
    desk.round(minutes=1)
    save(desk, Board(name="late"))
    desk.ledger.deliveries.owe([Owed("late", listed.about.guid, State.HELD, FEEDS, "", None, "")], desk.now)
    desk.round(hours=1)
    assert desk.world.posts == []
    assert [each.delivery.target for each in desk.ledger.deliveries.listed()] == ["board"]


def test_a_retraction_that_was_refused_may_be_tried_again(desk: Desk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.world.behaviours = ["refused"]
    for _ in range(3):
        desk.round(hours=1)
    assert (one(desk).state, one(desk).action) == (State.FAILED, Action.RETRACT)
    assert desk.ledger.deliveries.tell([one(desk).id], Retried(), desk.targets, desk.now) == 1
    desk.round(minutes=1)
    assert not desk.world.posts[0].standing
