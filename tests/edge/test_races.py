"""Two at the same work, on both databases: whoever was overtaken writes nothing. In virtual time, told step by step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select, update

from feedpub.errors import Superseded
from feedpub.ledger import schema
from feedpub.ledger.articles import Articles
from feedpub.ledger.moving import locked
from feedpub.ledger.rows import next_seq
from feedpub.model import Action, Again, Batch, Delivery, Refused, Said, State
from feedpub.notices.pace import Rest
from feedpub.notices.plan import Owed
from tests.databases import PostgreSQL
from tests.edge.test_publisher import Desk
from tests.world import Behaviour, Board, Crash, KeyedBoard

AFTER_THE_LEASE = timedelta(minutes=2)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(database_url, tmp_path)
    desk.targets["board"] = KeyedBoard(name="board")
    desk.world.keyed = {"board": timedelta(hours=1)}
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.publisher.publish("blog")
    yield desk
    desk.ledger.close()


def taken_over(desk: Desk) -> Delivery:
    """The lease of whoever works on the one delivery ends, and another claims it."""
    desk.now = desk.world.now = desk.now + AFTER_THE_LEASE
    desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=False)
    desk.now = desk.world.now = desk.now + AFTER_THE_LEASE
    (claimed,) = desk.publisher.claim(1)
    return claimed


def begun(desk: Desk, claimed: Delivery) -> Delivery:
    """It is being said from now on; its answer is on the way."""
    target = desk.targets[claimed.target]
    notice = desk.publisher.deliverer._compose(claimed, target)
    return desk.ledger.deliveries.start(claimed, notice, target, desk.now)


def test_a_worker_that_was_overtaken_before_it_spoke_says_nothing(desk: Desk) -> None:
    (slow,) = desk.publisher.claim(1)
    quick = taken_over(desk)
    assert quick.fence == slow.fence + 1
    assert desk.publisher.deliver(slow) is None
    assert desk.said() == []
    desk.publisher.deliver(quick)
    assert (desk.said(), desk.states()) == (["1"], {"1": State.SENT})


@pytest.mark.parametrize("answer", [Said("other"), Again("later"), Refused("no"), Refused("no", "target")])
def test_an_answer_to_a_worker_that_was_overtaken_changes_nothing(desk: Desk, answer: Said | Again | Refused) -> None:
    deliveries, target = desk.ledger.deliveries, desk.targets["board"]
    (slow,) = desk.publisher.claim(1)
    slow = begun(desk, slow)
    quick = taken_over(desk)
    rest = Rest(1, desk.now, desk.now, paused="no")
    with pytest.raises(Superseded):
        deliveries.settle(slow, answer, lambda _before: rest, target, desk.now)
    assert not desk.rest("board").paused
    desk.publisher.deliver(quick)
    (one,) = deliveries.listed()
    assert (one.delivery.state, one.delivery.remote_id, desk.said()) == (State.SENT, "p0", ["1"])


@pytest.mark.parametrize("change", [Action.CORRECT, Action.RETRACT])
def test_what_becomes_of_an_article_while_it_is_being_said_is_heeded_next(desk: Desk, change: Action) -> None:
    (claimed,) = desk.publisher.claim(1)
    started = begun(desk, claimed)
    if change is Action.CORRECT:
        desk.article("1", title="訂正")
    else:
        desk.store.remove("1")
    desk.publisher.publish("blog")
    said, _ = desk.ledger.deliveries.settle(started, Said("p0"), lambda before: before, desk.targets["board"], desk.now)
    assert (said.state, said.action) == (State.DUE, change)


def test_claims_at_the_same_moment_never_meet_at_one_target(desk: Desk) -> None:
    for number in range(2, 10):
        desk.article(str(number))
    desk.publisher.publish("blog")
    together = Barrier(4)

    def claim(_: int) -> tuple[Delivery, ...]:
        together.wait()
        return desk.publisher.claim(3)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            claimed = [one for some in pool.map(claim, range(4)) for one in some]
            assert len(claimed) == 1
            desk.publisher.deliver(claimed[0])


def test_a_poll_that_another_overtook_records_nothing(desk: Desk) -> None:
    desk.article("2")
    changes = desk.store.changes

    def overtaken(cursor: str | None) -> Batch:
        """While this answer is on its way, an article is written, and another poll comes and goes."""
        batch = changes(cursor)
        desk.store.changes = changes  # type: ignore[method-assign]
        desk.article("3")
        desk.publisher.publish("blog")
        return batch

    desk.store.changes = overtaken  # type: ignore[method-assign]
    with pytest.raises(Superseded, match="another poll was faster"):
        desk.publisher.publish("blog")
    assert desk.ledger.articles.store_state("blog").cursor == "3"
    desk.round(minutes=1)
    assert sorted(desk.said()) == ["1", "2", "3"]


def test_what_another_process_recorded_is_what_is_said_and_what_did_not_change_is_not_read_again(desk: Desk) -> None:
    (one,) = desk.ledger.deliveries.listed()
    key, elsewhere = one.delivery.article or 0, Articles(desk.ledger.database)
    before, _ = elsewhere.subject(key)
    assert elsewhere.subject(key)[0] is before
    desk.article("1", title="訂正")
    desk.publisher.publish("blog")
    after, _ = elsewhere.subject(key)
    assert (before.article.title, after.article.title, after.revision) == ("記事1", "訂正", before.revision + 1)
    assert elsewhere.id_of(key) == Articles(desk.ledger.database).id_of(key) == "1"


def test_to_owe_what_is_owed_already_changes_nothing(desk: Desk) -> None:
    (before,) = desk.ledger.deliveries.listed()
    desk.ledger.deliveries.owe([Owed("board", before.about.guid, State.HELD, "feeds", "", None)], desk.now)
    assert desk.ledger.deliveries.listed() == (before,)


def test_what_a_removed_target_was_saying_when_feedpub_was_killed_is_told_as_a_doubt(desk: Desk) -> None:
    desk.world.behaviours = ["crash after"]
    (claimed,) = desk.publisher.claim(1)
    with pytest.raises(Crash):
        desk.publisher.deliver(claimed)
    desk.targets = {"other": Board(name="other")}
    desk.publisher.apply(desk.setup())
    desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=True)
    (one,) = desk.ledger.deliveries.listed()
    assert one.delivery.state is State.SKIPPED
    assert "whether it was said before is not known" in one.delivery.reason


# ---------------------------------------------------------------- one and the same, try after try


@pytest.mark.parametrize("trouble", ["busy", "lost before", "lost after"])
def test_every_try_of_one_announcement_has_the_same_key(desk: Desk, trouble: Behaviour) -> None:
    desk.world.behaviours = [trouble, trouble]
    for _ in range(4):
        desk.round(minutes=8)
    assert (len(desk.world.keys), len({*desk.world.keys}), desk.said()) == (3, 1, ["1"])


def test_in_doubt_the_same_words_go_again_and_an_edit_corrects_them_afterwards(desk: Desk) -> None:
    desk.world.behaviours = ["lost after"]
    desk.round()
    desk.article("1", title="訂正")
    desk.round(seconds=10)
    assert [post.text.splitlines()[0] for post in desk.world.posts] == ["記事1"]
    assert len({*desk.world.keys}) == 1
    desk.round(minutes=2)
    assert [post.text.splitlines()[0] for post in desk.world.posts] == ["訂正"]
    assert desk.states() == {"1": State.SENT}


def test_a_doubt_outlives_the_crash_of_whoever_was_about_to_settle_it(desk: Desk) -> None:
    desk.world.behaviours = ["lost after"]
    desk.round()
    desk.now = desk.world.now = desk.now + timedelta(seconds=10)
    assert len(desk.publisher.claim(1)) == 1
    desk.now = desk.world.now = desk.now + timedelta(hours=3)
    assert desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=True) == 1
    desk.round()
    assert (desk.said(), desk.states()) == (["1"], {"1": State.DOUBTFUL})


def test_a_feed_that_goes_out_while_a_poll_is_recorded_waits_for_it(postgres: PostgreSQL, tmp_path: Path) -> None:
    desk = Desk(postgres.migrated(), tmp_path)
    desk.article("1")
    desk.publisher.poll("blog")
    ((feed, seq),) = [(one.address, one.seq) for one in desk.ledger.feeds.dirty()]
    with ThreadPoolExecutor(1) as pool:
        with desk.ledger.database.write() as recording:
            next_seq(recording)
            recording.execute(locked(select(schema.delivery))).all()
            out = pool.submit(desk.ledger.feeds.published, feed, seq, desk.targets, desk.now, etag="x")
            while postgres.waiting() == 0:
                assert not out.done()
            recording.execute(update(schema.feed).values(dirty_seq=seq + 1))
        out.result()
    assert desk.states() == {"1": State.DUE}
    desk.ledger.close()
