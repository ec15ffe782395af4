"""An old database that is put back, by hand and without a word: nothing is said twice, nothing that comes is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from structlog.testing import capture_logs

from feedpub.commands.marking import Marking
from feedpub.commands.problems import About, Watch
from feedpub.ledger.copying import copy_in
from feedpub.ledger.restoring import PutBack
from feedpub.model import State
from feedpub.notices.lifecycle import Released
from feedpub.outputs.mark import Mark, Marked
from tests.databases import migrated_sqlite
from tests.edge.moving import article
from tests.edge.newsroom import entries, files
from tests.edge.putting_back import MarkedDesk, boards
from tests.world import Board

EVERYWHERE = tuple(boards())


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[MarkedDesk]:
    desk = MarkedDesk(database_url, tmp_path, targets=boards(), formats=("atom",))
    desk.start()
    yield desk
    desk.ledger.close()


def everywhere(*ids: str) -> set[tuple[str, str]]:
    return {(target, id_) for target in EVERYWHERE for id_ in ids}


def release(desk: MarkedDesk) -> None:
    ids = [one.delivery.id for one in desk.ledger.deliveries.listed(held_by="restore")]
    desk.ledger.deliveries.tell(ids, Released(), desk.targets, desk.now)
    desk.ledger.feeds.free(desk.targets, desk.now)


def a_day_after(desk: MarkedDesk) -> None:
    """What happens between the copy and the moment at which it is put back: all of it is said, or done."""
    desk.article("after")
    desk.round(minutes=1)
    desk.store.put(replace(article(desk, "said"), title="訂正"))
    desk.store.put(replace(article(desk, "owed"), title="改題"))
    desk.store.remove("gone")
    desk.round(minutes=1)
    desk.round(hours=2)


def test_nothing_is_said_twice_and_what_comes_after_is_said_once(desk: MarkedDesk) -> None:
    desk.article("said")
    desk.article("gone")
    desk.article("later", published=(desk.now + timedelta(hours=1)).isoformat())
    desk.round(minutes=1)
    desk.article("owed")
    desk.passes(minutes=1)
    desk.publisher.publish("blog")
    copy = desk.copied()
    a_day_after(desk)
    before, texts = list(desk.world.posts), {post.id: post.text for post in desk.world.posts if post.standing}
    assert {post.guid.rpartition(":")[2] for post in before} == {"said", "gone", "owed", "after", "later"}

    desk.passes(minutes=5)
    with capture_logs() as events:
        found = desk.put_back(copy)
    assert found is not None
    assert [one["event"] for one in events if one["log_level"] == "warning"] == ["database_put_back"]
    for _ in range(4):
        desk.round(minutes=20)
    assert desk.world.posts == before
    assert {post.id: post.text for post in desk.world.posts if post.standing} == texts
    assert desk.held() == everywhere("owed", "after", "later")
    assert set(entries(files(desk)["all.atom"])) == {"said", "owed", "after", "later"}

    desk.article("new")
    desk.round(minutes=1)
    assert set(desk.posts()[len(before) :]) == everywhere("new")
    assert len(desk.posts()) == len(before) + len(EVERYWHERE)


def test_it_is_told_with_the_command_that_lets_go_and_what_is_let_go_is_said(desk: MarkedDesk) -> None:
    copy = desk.copied()
    desk.article("1")
    desk.passes(minutes=1)
    desk.publisher.publish("blog")
    (first,) = desk.publisher.claim(1)
    desk.publisher.deliver(first)  # one of five: then the disk broke
    desk.passes(minutes=1)
    desk.put_back(copy)
    desk.round(minutes=1)
    assert desk.posts() == [(first.target, "1")]
    watch = Watch(desk.ledger, desk.targets, lambda _: True, desk.setup().site.zone, "en")
    guards = {one.name: one.sentence for one in watch.problems() if one.about is About.GUARD}
    assert set(guards) == {*EVERYWHERE}
    assert "`feedpub deliveries release --target keyed`" in guards["keyed"]
    release(desk)
    desk.round(minutes=1)
    assert sorted(desk.posts()[1:]) == sorted(everywhere("1"))


def test_an_edit_that_comes_after_is_told_as_always(desk: MarkedDesk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    copy = desk.copied()
    desk.article("2")
    desk.round(minutes=1)
    desk.put_back(copy)
    desk.round(minutes=1)
    desk.store.put(replace(article(desk, "1"), title="訂正"))
    desk.round(minutes=1)
    desk.round(minutes=2)
    told = {post.target for post in desk.world.posts if "訂正" in post.text and post.standing}
    assert told == {*EVERYWHERE}


def test_what_was_written_and_never_polled_is_held_and_not_lost(desk: MarkedDesk) -> None:
    """Nobody can know that it was not said: the newer database is gone."""
    copy = desk.copied()
    desk.article("1")
    desk.round(minutes=1)
    desk.article("2")
    desk.passes(minutes=1)
    desk.put_back(copy)
    desk.round(minutes=1)
    assert desk.held() == everywhere("1", "2")


def test_a_store_that_is_down_at_first_tells_of_old_things_later(desk: MarkedDesk) -> None:
    copy = desk.copied()
    desk.article("1")
    desk.round(minutes=1)
    changes = desk.store.log
    desk.store.log = []
    desk.put_back(copy)
    desk.store.log = changes
    desk.article("2", published=(desk.now + timedelta(minutes=1)).isoformat())
    before = desk.posts()
    desk.round(hours=1)
    assert desk.held() == everywhere("1")
    assert set(desk.posts()[len(before) :]) == everywhere("2")


def test_the_same_copy_put_back_once_more_is_known_again_and_so_is_the_one_kept_aside(desk: MarkedDesk) -> None:
    copy = desk.copied()
    desk.article("1")
    desk.round(minutes=1)
    aside = desk.copied("aside.db")
    assert desk.put_back(copy) is not None
    desk.round(minutes=1)
    desk.article("2")
    desk.round(minutes=1)
    for older in (copy, aside):
        assert desk.put_back(older) is not None
        desk.round(minutes=1)
    assert set(desk.posts()) == everywhere("1", "2")
    assert len(desk.posts()) == 2 * len(EVERYWHERE)
    assert desk.start() is None


def test_a_backlog_is_not_said_again_to_a_target_that_the_copy_does_not_know(desk: MarkedDesk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    copy = desk.copied()
    desk.targets["late"] = Board(name="late", announce_backlog=True)
    desk.publisher.apply(desk.setup())
    desk.round(minutes=1)
    desk.put_back(copy)
    desk.round(minutes=1)
    assert [target for target, _ in desk.posts()].count("late") == 1
    assert desk.held() == {("late", "1")}


def test_a_database_that_knows_of_every_try_is_the_one_that_was_there(desk: MarkedDesk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    copy = desk.copied()
    assert desk.start() is None
    desk.article("2")
    desk.passes(minutes=1)
    desk.publisher.publish("blog")  # recorded, and nothing tried
    assert desk.put_back(copy) is None
    desk.round(minutes=1)
    assert set(desk.posts()) == everywhere("1", "2")


def test_a_database_put_back_under_a_feedpub_that_runs_is_seen_at_its_next_look(desk: MarkedDesk) -> None:
    copy = desk.copied()
    desk.article("1")
    desk.round(minutes=1)
    with desk.ledger.database.write() as connection:
        copy_in(copy, connection)
    assert desk.marking is not None
    assert desk.marking.heed(desk.targets, desk.now) is not None
    desk.round(minutes=1)
    assert len(desk.posts()) == len(EVERYWHERE)


def test_two_who_look_at_a_time_put_it_back_once(desk: MarkedDesk) -> None:
    desk.article("1")
    copy = desk.copied()
    desk.round(minutes=1)
    with desk.ledger.database.write() as connection:
        copy_in(copy, connection)
    marking, all_there = desk.marking, Barrier(4)
    assert marking is not None

    def heed(_: int) -> PutBack | None:
        all_there.wait(10)
        return marking.heed(desk.targets, desk.now)

    with ThreadPoolExecutor(4) as crew:
        found = list(crew.map(heed, range(4)))
    assert sum(one is not None for one in found) == 1


def test_a_backup_older_than_max_age_announces_nothing_even_without_a_mark(desk: MarkedDesk) -> None:
    desk.article("1")
    desk.passes(minutes=1)
    desk.publisher.publish("blog")
    copy = desk.copied()
    desk.round(days=2)
    desk.article("2")
    desk.round(hours=1)
    before = desk.posts()
    (desk.folder / "mark").unlink()
    desk.put_back(copy)
    for _ in range(3):
        desk.round(minutes=30)
    assert desk.posts() == before
    assert desk.held() == everywhere("1", "2")
    release(desk)
    desk.round(minutes=1)
    assert {id_ for _, id_ in desk.posts()[len(before) :]} == {"2"}


def test_a_new_disk_says_nothing_against_a_database_that_was_just_at_work(desk: MarkedDesk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    (desk.folder / "mark").unlink()
    desk.passes(hours=3)
    assert desk.start() is None


def test_another_database_is_not_guessed_about_and_the_one_before_is_remembered(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "mark")
    mark.take(7, 5)
    mark.rise(9)
    assert mark.read() == Marked(7, 9)
    for tries, behind in ((8, True), (9, False), (10, False)):
        assert Marked(7, 9).is_ahead_of(7, tries) is behind
    assert not Marked(7, 9).is_ahead_of(8, 0)
    mark.take(8, 0)
    assert mark.read() == Marked(8, 0, frozenset({7}))
    assert Marked(8, 0, frozenset({7})).is_ahead_of(7, 99)
    mark.take(8, 0)
    mark.rise(3)
    mark.take(8, 2)  # it was looked at before the third try
    assert mark.read() == Marked(8, 3, frozenset({7}))
    mark.close()


@pytest.mark.parametrize("torn", [b"", b"\0\0\0\0", "印".encode(), b"12"])
def test_a_mark_that_cannot_be_read_is_none_and_is_written_anew(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "mark"
    path.write_bytes(torn)
    mark = Mark(path)
    assert mark.read() is None
    mark.take(7, 1)
    assert mark.read() == Marked(7, 1)
    mark.close()


def test_where_no_mark_can_be_written_that_is_told_once_and_nothing_else_is_amiss(tmp_path: Path) -> None:
    desk = MarkedDesk(migrated_sqlite(tmp_path), tmp_path)
    (tmp_path / "file").touch()
    marking = Marking(desk.ledger, tmp_path / "file" / "mark")
    with capture_logs() as events:
        assert marking.heed(desk.targets, desk.now) is None
        desk.article("1")
        desk.round(minutes=1)
        marking.heed(desk.targets, desk.now)
        marking.close()
    assert desk.states() == {"1": State.SENT}
    assert [one["event"] for one in events].count("mark_not_written") == 1
    desk.ledger.close()
