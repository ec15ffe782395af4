"""The publisher on both databases, in virtual time: stories that once went wrong, and the trouble around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from feedpub.feeds.catalog import FeedsOptions
from feedpub.house import extra
from feedpub.ledger import Ledger, articles, rows
from feedpub.ledger.database import Database
from feedpub.model import Category, RawArticle, Site, State, Wording
from feedpub.networks import WebSub
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import Retried
from feedpub.notices.pace import Rest
from feedpub.pipeline import Publisher, Setup, Source
from tests.world import Board, ListOptions, ListStore, World

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")


class Desk:
    """A publisher over a list in memory, a small world and a real database."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        now: datetime = START,
        store: ListStore | None = None,
        targets: dict[str, Network] | None = None,
        **feeds: Any,
    ) -> None:
        self.now, self.folder, self.output, self.feeds = now, folder, "public", feeds
        self.world = World(now)
        self.store = store or ListStore(categories=(Category("blog", "1", "日本関連", "japan"),))
        self.targets: dict[str, Network] = {"board": Board(name="board")} if targets is None else targets
        self.ledger = Ledger(Database(url))
        self.ledger.open(lead=True)
        self.publisher = Publisher(self.ledger, self.world, self.setup(), lambda: self.now)  # type: ignore[arg-type]
        self.publisher.apply(self.setup())
        self.publisher.publish("blog")

    def setup(self) -> Setup:
        options = {"base_url": "https://news.test/feeds/", "output": str(self.folder / self.output)}
        feeds = FeedsOptions.model_validate(options | self.feeds)
        return Setup(SITE, feeds, {"blog": Source(ListOptions(name="blog"), self.store)}, self.targets)

    def article(self, id_: str, **fields: Any) -> RawArticle:
        given = {"url": f"https://news.test/{id_}", "title": f"記事{id_}", "published": self.now.isoformat()} | fields
        raw = RawArticle(id=id_, **given)
        self.store.put(raw)
        return raw

    def passes(self, **wait: float) -> None:
        self.now = self.world.now = self.now + timedelta(**wait)

    def round(self, **wait: float) -> None:
        """Some time passes, and everything that is due is done."""
        self.passes(**wait)
        self.publisher.publish("blog")
        while claimed := self.publisher.claim(5):
            for one in claimed:
                self.publisher.deliver(one)

    def said(self) -> list[str]:
        return [post.guid.rpartition(":")[2] for post in self.world.posts]

    def states(self) -> dict[str, State]:
        return {one.about.id: one.delivery.state for one in self.ledger.deliveries.listed()}

    def rest(self, target: str) -> Rest:
        return next(one.rest for one in self.ledger.targets.states() if one.name == target)

    def feed(self, name: str = "all.rss") -> str:
        return (self.folder / self.output / name).read_text(encoding="utf-8")


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(database_url, tmp_path)
    yield desk
    desk.ledger.close()


def test_the_backlog_of_a_target_added_live_is_said_though_no_feed_changes(desk: Desk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    desk.targets["late"] = Board(name="late", announce_backlog=True)
    desk.publisher.apply(desk.setup())
    desk.round(minutes=1)
    assert [(post.target, post.guid[-1]) for post in desk.world.posts] == [("board", "1"), ("late", "1")]


def test_a_target_added_live_is_silent_about_what_was_before_it(desk: Desk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    desk.targets["late"] = Board(name="late")
    desk.publisher.apply(desk.setup())
    desk.round(minutes=1)
    assert [post.target for post in desk.world.posts] == ["board"]


def test_an_old_article_that_is_saved_again_or_filed_elsewhere_announces_nothing(desk: Desk) -> None:
    """Not on the target that it was told to, nor on one whose rules it meets only now."""
    desk.targets["japan"] = Board(name="japan", categories=("日本関連",), tags=("三沢",))
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    assert [post.target for post in desk.world.posts] == ["board"]
    for change in ({"updated": "2026-04-01T10:00:00Z"}, {"categories": ("1",)}, {"tags": ("三沢",)}):
        raw = replace(raw, **change)
        desk.store.put(raw)
        desk.round(days=1)
    assert [(post.target, post.text) for post in desk.world.posts] == [("board", "記事1\nhttps://news.test/1")]


def test_the_same_article_in_three_categories_of_a_target_is_said_once(desk: Desk) -> None:
    desk.store.categories = tuple(Category("blog", key, f"分類{key}", f"c{key}") for key in "123")
    desk.targets["board"] = Board(name="board", categories=("分類1", "c2", "分類3"))
    desk.publisher.apply(desk.setup())
    desk.article("1", categories=("1", "2", "3"))
    for _ in range(3):
        desk.round(minutes=1)
    assert desk.said() == ["1"]


def test_what_rules_keep_out_owes_nothing_when_it_is_new_and_when_it_ripens(desk: Desk) -> None:
    desk.targets["board"] = Board(name="board", when="'速報' in title and '日本関連' in categories")
    desk.publisher.apply(desk.setup())
    later = (desk.now + timedelta(minutes=30)).isoformat()
    desk.article("1", title="速報", categories=("1",))
    desk.article("2", title="速報")
    desk.article("3", title="速報", categories=("1",), published=later)
    desk.article("4", categories=("1",), published=later)
    desk.round(minutes=1)
    assert desk.states() == {"1": State.SENT}
    desk.round(hours=1)
    assert desk.states() == {"1": State.SENT, "3": State.SENT}


def test_an_article_that_a_condition_fails_on_is_not_lost(desk: Desk) -> None:
    desk.targets["board"] = Board(name="board", when="image.url")
    desk.publisher.apply(desk.setup())
    desk.article("1")
    with capture_logs() as told:
        desk.round(minutes=1)
    (listed,) = desk.ledger.deliveries.listed()
    assert (listed.delivery.state, listed.delivery.held_by) == (State.SKIPPED, "when")
    assert "targets.board.when: the condition speaks of a part that is not there" in listed.delivery.reason
    assert [one["target"] for one in told if one["event"] == "condition_failed"] == ["board"]
    desk.ledger.deliveries.tell([listed.delivery.id], Retried(), desk.targets, desk.now)
    desk.round(minutes=1)
    assert desk.said() == ["1"]


def test_a_category_that_no_store_has_is_told_wherever_a_target_names_it(desk: Desk) -> None:
    tags, words = {"日本": ("自衛隊",), "japan": ()}, {"日本関連": Wording(), "米国": Wording()}
    desk.targets["board"] = Board(name="board", categories=("米国関連",), hashtags=tags, by_category=words)
    desk.publisher.apply(desk.setup())
    assert list(desk.publisher.unknown_categories()) == [
        ("targets.board.categories", "米国関連"),
        ("targets.board.hashtags", "日本"),
        ("targets.board.by_category", "米国"),
    ]


def test_a_feed_that_there_is_none_of_is_told_and_not_one_that_comes_with_its_category(
    database_url: str, tmp_path: Path
) -> None:
    hub = WebSub(name="hub", hub_url="https://hub.test/", feeds=("category/japan", "category/us"))
    with capture_logs() as told:
        desk = Desk(database_url, tmp_path, targets={"hub": hub})
        desk.ledger.close()
    assert [one["feed"] for one in told if one["event"] == "unknown_feed"] == ["category/us"]


def test_an_article_dated_into_the_future_before_it_was_said_waits_for_that_date(desk: Desk) -> None:
    desk.targets["board"] = Board(name="board", delay="10m")
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    later = desk.now + timedelta(hours=3)
    desk.store.put(replace(raw, published=later.isoformat()))
    desk.round(minutes=20)
    assert desk.said() == []
    assert "記事1" not in desk.feed()
    desk.round(hours=4)
    desk.round(minutes=20)
    assert desk.said() == ["1"]
    assert "記事1" in desk.feed()


class Ripening:
    """An article whose time comes; between the two looks of `ripen`, something else happens."""

    def __init__(self, desk: Desk, meanwhile: Callable[[], object]) -> None:
        self.desk, self.meanwhile, self.ripe = desk, meanwhile, desk.ledger.articles.ripe
        self.raw = desk.article("1", published=(START + timedelta(minutes=5)).isoformat())
        desk.round(minutes=1)
        desk.now += timedelta(minutes=10)
        desk.ledger.articles.ripe = self  # type: ignore[method-assign,assignment]

    def __call__(self, *asked: Any) -> Any:
        found, self.desk.ledger.articles.ripe = self.ripe(*asked), self.ripe  # type: ignore[method-assign]
        self.meanwhile()
        return found


def test_an_edit_recorded_while_an_article_ripens_is_not_written_over(desk: Desk) -> None:
    def edit() -> None:
        desk.store.put(replace(ripening.raw, title="訂正"))
        desk.publisher.poll("blog")

    ripening = Ripening(desk, edit)
    desk.publisher.tidy()  # and the rest of the round is done
    desk.round(minutes=1)
    assert "訂正" in desk.feed()
    assert [post.text.splitlines()[0] for post in desk.world.posts] == ["訂正"]


def test_an_article_withdrawn_while_it_ripens_is_not_said(desk: Desk) -> None:
    def withdraw() -> None:
        state = desk.ledger.articles.store_state("blog")
        desk.ledger.articles.record(extra(state, withdrawn=("1",)), desk.targets, desk.now)

    Ripening(desk, withdraw)
    desk.publisher.tidy()
    desk.round(minutes=1)
    assert desk.said() == []
    assert "記事1" not in desk.feed()


def test_an_article_that_two_threads_find_ripe_is_news_once(desk: Desk) -> None:
    done = []
    Ripening(desk, lambda: done.append(desk.publisher.tidy()))
    done.append(desk.publisher.tidy())
    assert [(one.new, one.owed) for one in done] == [(1, 1), (0, 0)]
    desk.round(minutes=1)
    assert desk.said() == ["1"]


def test_an_id_that_no_database_can_hold_harms_nobody_else(desk: Desk) -> None:
    for odd in ("a\x00b", "a\ud83db"):
        desk.article(odd)
    desk.article("2")
    desk.store.remove("c\x00d")
    desk.round(minutes=1)
    desk.round(minutes=1)
    assert desk.said() == ["2"]
    assert len(desk.ledger.articles.quarantined()) == 2
    assert "give it another id" in desk.ledger.articles.quarantined()[0][1].reason


def test_what_a_network_calls_a_post_is_cleaned_before_it_is_kept(desk: Desk) -> None:
    desk.world.prefix = "\x00p"
    desk.article("1")
    desk.round(minutes=1)
    assert desk.states() == {"1": State.SENT}


def test_an_output_directory_that_was_used_before_holds_what_is_true_now(desk: Desk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    for output in ("elsewhere", "public"):
        desk.output = output
        desk.publisher.apply(desk.setup())
        desk.article(output)
        desk.round(minutes=1)
    assert "記事elsewhere" in desk.feed()
    assert "記事public" in desk.feed()


def test_pages_that_could_not_be_written_are_told_and_tried_again(desk: Desk) -> None:
    public = desk.folder / "public"
    (public / "index.html").unlink()
    (public / "index.html").mkdir()
    desk.publisher.apply(desk.setup())
    desk.round(minutes=1)
    assert "remove it" in desk.publisher.builder.error
    (public / "index.html").rmdir()
    desk.round(minutes=1)
    assert (desk.publisher.builder.error, (public / "index.html").is_file()) == ("", True)


def test_more_articles_than_one_statement_takes_are_withdrawn_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (rows, articles):
        monkeypatch.setattr(room, "CHUNK", 20)
    for number in range(50):
        desk.article(str(number))
    desk.article("stays")
    options = desk.publisher.setup.sources["blog"].options.model_copy(update={"withdraw_limit": 200})
    sources = {"blog": Source(options, desk.store)}
    desk.publisher.apply(replace(desk.setup(), sources=sources))
    desk.publisher.publish("blog")
    for number in range(50):
        desk.store.remove(str(number))
    desk.publisher.publish("blog")
    assert desk.ledger.articles.counts() == {"live": 1, "withdrawn": 50, "quarantined": 0}
