"""Hard cases that belong to no single network: what becomes of notices when the world is not as it should be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from feedpub.model import RawArticle, State
from feedpub.networks.base import Network
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.test_publisher import START, Desk
from tests.world import Board, ListStore, RepostBoard, ThreadBoard


def boards(*names: str) -> dict[str, Network]:
    return {name: Board(name=name) for name in names}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return migrated_sqlite(tmp_path)


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(url, tmp_path, targets=boards("news", "other"))
    yield desk
    desk.ledger.close()


def told(desk: Desk, target: str = "news") -> list[str]:
    return [post.guid.rpartition(":")[2] for post in desk.world.posts if post.target == target]


def restarted(desk: Desk, url: str, folder: Path) -> Desk:
    """The same world and store, another process."""
    desk.ledger.close()
    later = Desk(url, folder, now=desk.now, store=desk.store, targets=desk.targets)
    later.world.posts = desk.world.posts
    return later


def test_a_wait_of_an_hour_is_waited_out_across_a_restart_while_others_go_on(
    desk: Desk, url: str, tmp_path: Path
) -> None:
    desk.article("1")
    desk.world.behaviours = ["busy"]  # the boards ask for 30 s
    desk.round(seconds=1)
    assert (told(desk), told(desk, "other")) == ([], ["1"])
    state = desk.ledger.targets.rest("news")
    assert state.rest_until > desk.now
    later = restarted(desk, url, tmp_path)
    later.round(seconds=1)
    assert told(later) == []
    later.round(minutes=1)
    assert told(later) == ["1"]
    later.ledger.close()


def test_a_first_run_over_a_large_archive_announces_nothing(url: str, tmp_path: Path) -> None:
    dates = (START - timedelta(hours=number) for number in range(100))
    rows = [RawArticle(id=f"{at:%m%d%H}", title="題", published=at.isoformat()) for at in dates]
    desk = Desk(url, tmp_path, store=ListStore([*rows]), targets=boards("news"))
    desk.round(minutes=1)
    assert desk.world.posts == []
    assert desk.states() == {}
    desk.ledger.close()


def test_a_backlog_that_is_asked_for_is_told_as_far_as_max_age_goes(tmp_path: Path) -> None:
    store = ListStore()
    asking = {"news": Board(name="news", announce_backlog=True, max_age=timedelta(hours=3))}
    desk = Desk("sqlite:///" + str(tmp_path / "first.db"), tmp_path, store=ListStore(), targets={})
    desk.store = store
    for number in range(6):
        desk.article(f"{number}", published=(desk.now - timedelta(hours=number)).isoformat())
    desk.ledger.close()
    later = Desk("sqlite:///" + str(tmp_path / "second.db"), tmp_path, store=store, targets=dict(asking))
    later.round(seconds=1)
    assert told(later) == ["2", "1", "0"]
    later.ledger.close()


def test_a_ledger_that_was_lost_begins_with_a_baseline(desk: Desk, tmp_path: Path) -> None:
    desk.article("1")
    desk.round(minutes=1)
    lost = restarted(desk, "sqlite:///" + str(tmp_path / "empty.db"), tmp_path)
    lost.round(minutes=1)
    assert told(lost) == ["1"]
    lost.article("2")
    lost.round(minutes=1)
    assert told(lost) == ["1", "2"]
    lost.ledger.close()


def test_a_ledger_from_an_old_backup_floods_nobody(tmp_path: Path) -> None:
    file = tmp_path / "feedpub.db"
    desk = Desk(f"sqlite:///{file}", tmp_path, targets=boards("news"))
    desk.ledger.close()
    shutil.copy(file, tmp_path / "backup.db")
    desk = Desk(f"sqlite:///{file}", tmp_path, targets=desk.targets, store=desk.store)
    for day in range(10):
        desk.article(f"{day}")
        desk.round(hours=12)
    assert len(told(desk)) == 10
    desk.ledger.close()
    for path in tmp_path.glob("feedpub.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", file)
    restored = restarted(desk, f"sqlite:///{file}", tmp_path)
    restored.round(minutes=1)
    # What is older than max_age is no news, and what is left of the flood is held for a person.
    assert len(told(restored)) - 10 <= 4
    assert set(restored.states().values()) <= {State.SKIPPED, State.HELD, State.SENT}
    restored.ledger.close()


def test_a_retraction_before_it_was_said_says_nothing_at_all(desk: Desk) -> None:
    desk.targets["news"] = Board(name="news", delay=timedelta(hours=1))
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.round(hours=2)
    assert told(desk) == []


def test_two_topics_of_the_same_words_and_no_link_are_two(desk: Desk) -> None:
    for id_ in ("1", "2"):
        desk.article(id_, title="", url="", content="<p>速報：三沢に到着</p>")
    desk.round(minutes=1)
    assert told(desk) == ["1", "2"]
    assert len({post.text for post in desk.world.posts}) == 1
    assert len({post.key for post in desk.world.posts if post.target == "news"}) == 2


def test_a_token_that_was_revoked_pauses_its_own_target_and_resuming_says_the_queue_once(desk: Desk) -> None:
    desk.article("1")
    desk.world.behaviours = ["forbidden"]
    desk.round(minutes=1)
    desk.article("2")
    desk.round(minutes=1)
    assert desk.ledger.targets.rest("news").paused
    assert (told(desk), told(desk, "other")) == ([], ["1", "2"])
    desk.ledger.targets.resume("news")
    desk.round(minutes=1)
    desk.round(hours=1)
    assert told(desk) == ["1", "2"]


def test_what_a_network_refuses_blocks_nothing_behind_it(desk: Desk) -> None:
    desk.article("1")
    desk.article("2")
    desk.world.behaviours = ["refused"]
    desk.round(minutes=1)
    assert told(desk) == ["2"]
    poisoned = [one.delivery for one in desk.ledger.deliveries.listed(states=[State.FAILED])]
    assert [one.reason for one in poisoned] == ["not wanted here"]


def test_what_fails_three_times_alone_is_set_aside_and_the_next_one_goes(desk: Desk) -> None:
    desk.targets = boards("news")
    desk.publisher.apply(desk.setup())
    desk.article("1")
    for _ in range(4):
        desk.world.behaviours = ["busy"]
        desk.round(hours=4)
    desk.world.behaviours = ["busy"]
    desk.round(hours=11)
    desk.article("2")
    desk.round(hours=1)
    assert "2" in told(desk)


def test_a_template_changed_while_notices_wait_counts_for_all_that_were_not_begun(desk: Desk) -> None:
    patient = {"name": "news", "delay": timedelta(hours=1)}
    desk.targets = {"news": Board.model_validate(patient)}
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.round(minutes=1)
    desk.targets = {"news": Board.model_validate(patient | {"template": "新しい {{ title }}"})}
    desk.publisher.apply(desk.setup())
    desk.round(hours=2)
    assert [post.text for post in desk.world.posts] == ["新しい 記事1"]


def test_words_that_may_have_been_said_stay_as_they_were_whatever_becomes_of_the_template(desk: Desk) -> None:
    desk.targets = {"news": Board(name="news", on_doubt="resend")}
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.world.behaviours = ["lost before"]
    desk.round(seconds=1)
    desk.targets = {"news": Board(name="news", on_doubt="resend", template="新しい {{ title }}")}
    desk.publisher.apply(desk.setup())
    desk.round(hours=1)
    assert [post.text for post in desk.world.posts] == ["記事1\nhttps://news.test/1"]


def test_an_edited_headline_is_told_by_a_reply_where_the_target_says_so_and_never_as_news(desk: Desk) -> None:
    desk.targets = {"news": ThreadBoard(name="news", correct="reply")}
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    desk.store.put(replace(raw, title="記事1 訂正版"))
    desk.round(minutes=1)
    desk.round(minutes=5)
    first, second = desk.world.posts
    assert (second.above, second.text) == (first.id, "【訂正】記事1 訂正版\nhttps://news.test/1")
    desk.store.remove("1")
    desk.round(minutes=1)
    desk.round(hours=2)
    assert [post.standing for post in desk.world.posts] == [False, False]


def test_an_edited_headline_is_deleted_and_said_anew_where_the_target_says_so(desk: Desk) -> None:
    desk.targets = {"news": RepostBoard(name="news", correct="repost")}
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    desk.store.put(replace(raw, title="記事1 訂正版"))
    for _ in range(3):
        desk.round(minutes=5)
    assert [(post.standing, post.text) for post in desk.world.posts] == [
        (False, "記事1\nhttps://news.test/1"),
        (True, "記事1 訂正版\nhttps://news.test/1"),
    ]


def test_two_feedpubs_that_share_a_database_say_it_once(postgres: PostgreSQL, tmp_path: Path) -> None:
    desk = Desk(postgres.migrated(), tmp_path, targets=boards("news"))
    desk.article("1")
    desk.now = desk.world.now = desk.now + timedelta(minutes=1)
    desk.publisher.publish("blog")
    first, second = desk.publisher.claim(5), desk.publisher.claim(5)
    assert (len(first), len(second)) == (1, 0)
    for claimed in (first[0], first[0]):
        desk.publisher.deliver(claimed)
    assert told(desk) == ["1"]
    desk.ledger.close()
