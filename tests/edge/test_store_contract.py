"""What every store owes, each played by its author in its own way: from what is written to what readers get.

feedpub stands between: a real store read through a real door, a ledger in SQLite, feeds on disk; only the board that
notices go to is in memory, and time is virtual.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from feedpub.feeds.catalog import FeedsOptions
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Batch, Census, Site
from feedpub.pipeline import Published, Publisher, Setup, Source
from feedpub.stores.base import Store
from tests.databases import migrated_sqlite
from tests.edge.authors import PLACES
from tests.edge.authors.author import Author, Deed, Post
from tests.edge.reading import batches
from tests.world import HOME, Board, World

SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
POLL = timedelta(minutes=3)
HOUR = timedelta(hours=1)
MOST = 1000
"""More articles are in no batch."""


class House:
    """feedpub over the store of one author."""

    def __init__(self, author: Author, folder: Path) -> None:
        self.author, self.folder = author, folder
        self.now = author.now
        self.world = World(self.now)
        self.store: Store = author.options.open(Door(), HOME)
        self.board = Board(name="board")
        self.ledger = Ledger(Database(migrated_sqlite(folder)))
        self.ledger.open(lead=True)
        self.publisher = Publisher(self.ledger, self.world, self.setup(), lambda: self.now)  # type: ignore[arg-type]
        self.publisher.apply(self.setup())

    def setup(self) -> Setup:
        options = {"base_url": HOME.base_url, "output": str(self.folder / "public"), "formats": ["json"]}
        feeds = FeedsOptions.model_validate(options)
        return Setup(SITE, feeds, {"blog": Source(self.author.options, self.store)}, {"board": self.board})

    def through(self, store: Store) -> None:
        """Read through another store from now on."""
        self.store = store
        self.publisher.apply(self.setup())

    def passes(self, time: timedelta) -> None:
        self.author.now += time
        self.now += time
        self.world.now = self.now

    def poll(self) -> Published:
        """One round, whatever comes of it."""
        done = self.publisher.publish("blog")
        while claimed := self.publisher.claim(50):
            for one in claimed:
                self.publisher.deliver(one)
        return done

    def round(self, time: timedelta = POLL) -> Published:
        """Some time passes, and a round goes well."""
        self.passes(time)
        done = self.poll()
        assert done.error == ""
        return done

    def settle(self, time: timedelta = timedelta(minutes=15)) -> None:
        """So many polls that the slowest way of noticing has noticed; more seldom ones where it takes hours."""
        step = max(POLL, time / 6)
        for _ in range(time // step):
            self.round(step)

    def write(self, id_: str, **said: object) -> Post:
        """Publish now."""
        post = Post(id_, **{"published": self.author.now, "title": f"記事{id_}", **said})  # type: ignore[arg-type]
        self.author.write(post)
        return post

    def said(self) -> list[str]:
        """The first line of every notice that was ever posted, in their order."""
        return [post.text.partition("\n")[0] for post in self.world.posts]

    def standing(self) -> list[str]:
        return [post.text.partition("\n")[0] for post in self.world.posts if post.standing]

    def feed(self, name: str = "all") -> list[str]:
        """The titles in a feed, the newest first; of a brief, its text."""
        found = json.loads((self.folder / "public" / f"{name}.json").read_bytes())
        return [item.get("title") or item.get("content_text") or item["content_html"] for item in found["items"]]

    def category(self, name: str) -> list[str]:
        """What is in the feed of a category."""
        for path in sorted((self.folder / "public" / "category").rglob("*.json")):
            if name in json.loads(path.read_bytes())["title"]:
                return self.feed(str(path.relative_to(self.folder / "public").with_suffix("")))
        raise AssertionError(f"no feed of {name}")

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Every file that readers get, and when it was written."""
        found = (path for path in (self.folder / "public").rglob("*") if path.is_file())
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    def close(self) -> None:
        self.store.close()
        self.ledger.close()


EVERY = pytest.mark.parametrize("house", list(PLACES), indirect=True)


def those_who_can(*deeds: Deed) -> pytest.MarkDecorator:
    """Each store where these can happen."""
    names = [name for name, place in PLACES.items() if set(deeds) <= place.author.can]
    return pytest.mark.parametrize("house", names, indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """With an article that was there before feedpub."""
    place = PLACES[request.param]
    database = [request.getfixturevalue("postgres").fresh()] if place.needs_postgres else []
    with place.opened(tmp_path, *database) as author:
        one = House(author, tmp_path)
        one.write("1")
        one.round()
        yield one
        one.close()


def test_every_deed_happens_in_some_store() -> None:
    assert frozenset(get_args(Deed)) == frozenset().union(*(place.author.can for place in PLACES.values()))


# ---------------------------------------------------------------- written


@EVERY
def test_what_was_there_before_is_in_the_feed_and_is_no_news(house: House) -> None:
    house.settle()
    assert (house.feed(), house.said()) == (["記事1"], [])


@EVERY
def test_a_new_article_is_in_the_feed_and_is_said_once(house: House) -> None:
    house.passes(HOUR)
    house.write("2")
    house.settle()
    assert (house.feed(), house.said()) == (["記事2", "記事1"], ["記事2"])


@EVERY
def test_an_edit_is_in_the_feed_and_corrects_what_was_said(house: House) -> None:
    house.passes(HOUR)
    post = house.write("2")
    house.settle()
    house.author.write(replace(post, title="追記｜記事2", content="<p>直しました</p>"))
    house.settle()
    assert house.feed() == ["追記｜記事2", "記事1"]
    assert house.said() == house.standing() == ["追記｜記事2"]


@EVERY
def test_two_edits_in_one_second_are_both_read(house: House) -> None:
    house.passes(HOUR)
    post = house.write("2")
    house.round(timedelta(0))
    for title in ("記事二", "記事弐"):
        house.author.write(replace(post, title=title))
        house.round(timedelta(0))
    house.settle()
    assert house.feed() == ["記事弐", "記事1"]
    assert house.standing() == ["記事弐"]


@those_who_can("brief")
def test_an_article_without_a_title_is_a_brief(house: House) -> None:
    house.passes(HOUR)
    house.write("2", title="", content="<p>羽田が再開しました。</p>")
    house.settle()
    assert [text.startswith("羽田が再開しました。") for text in house.said()] == [True]
    assert len(house.feed("briefs")) == 1


@those_who_can("schedule")
def test_a_scheduled_article_goes_live_at_its_time(house: House) -> None:
    house.write("2", published=house.author.now + HOUR)
    house.settle(timedelta(minutes=45))
    assert (house.feed(), house.said()) == (["記事1"], [])
    house.settle(timedelta(minutes=30))
    assert (house.feed(), house.said()) == (["記事2", "記事1"], ["記事2"])


@EVERY
def test_an_import_of_old_articles_is_in_the_archive_and_is_no_news(house: House) -> None:
    old = house.author.now - timedelta(days=700)
    house.author.write(*(Post(str(id_), old + timedelta(hours=id_), f"記事{id_}") for id_ in range(100, 130)))
    house.settle()
    assert sorted(house.feed()) == sorted(["記事1", *(f"記事{id_}" for id_ in range(100, 130))])
    assert house.said() == []


# Atom is left out: one parser reads it and RSS, and takes its time.
@pytest.mark.parametrize("house", sorted(PLACES.keys() - {"feed-atom"}), indirect=True)
def test_ten_thousand_articles_come_in_bounded_batches_and_then_one_alone(house: House) -> None:
    first = house.author.now - timedelta(days=400)
    house.author.write(*(Post(str(id_), first + timedelta(minutes=id_), f"記事{id_}") for id_ in range(2, 10_001)))
    reader = Reader(house.author.options.open(Door(), HOME))
    assert len(reader.read()) == 10_000
    assert max(len(batch.articles) for batch in reader.batches) <= MOST
    house.passes(timedelta(days=4))
    reader.read()
    before = reader.cursor
    assert (reader.read(), reader.cursor) == ([], before)
    house.write("10001")
    assert "10001" in reader.read()
    assert sum(len(batch.articles) for batch in reader.batches) < 10
    reader.store.close()


# ---------------------------------------------------------------- taken back


@those_who_can("withdraw")
def test_a_withdrawn_article_leaves_the_feed_within_ten_minutes_and_is_retracted_in_time(house: House) -> None:
    house.passes(HOUR)
    house.write("2")
    house.settle()
    house.author.withdraw("2")
    house.settle(timedelta(minutes=9))
    assert house.feed() == ["記事1"]
    house.settle(2 * HOUR)
    assert (house.said(), house.standing()) == (["記事2"], [])


@those_who_can("hide")
def test_an_article_made_private_leaves_the_feed_and_comes_back_without_a_word(house: House) -> None:
    house.passes(HOUR)
    post = house.write("2")
    house.settle()
    house.author.hide("2")
    house.settle(timedelta(minutes=9))
    assert house.feed() == ["記事1"]
    house.author.write(post)
    house.settle()
    assert house.feed() == ["記事2", "記事1"]
    assert house.said() == house.standing() == ["記事2"]


@those_who_can("withdraw")
def test_a_restored_article_is_the_one_it_was(house: House) -> None:
    house.passes(HOUR)
    post = house.write("2")
    house.settle()
    house.author.withdraw("2")
    house.settle()
    house.author.write(post)
    house.settle()
    assert house.feed() == ["記事2", "記事1"]
    assert house.said() == house.standing() == ["記事2"]


# ---------------------------------------------------------------- categories


@those_who_can("rename")
def test_a_renamed_category_has_its_new_name_everywhere(house: House) -> None:
    house.author.rename("日本関連", "国内")
    house.settle()
    assert house.category("国内") == ["記事1"]
    assert house.said() == []


@those_who_can("move")
def test_a_category_moved_below_another_is_part_of_it(house: House) -> None:
    house.write("2", categories=("アジア",))
    house.settle()
    house.author.move("日本関連", "アジア")
    house.settle()
    assert sorted(house.category("アジア")) == ["記事1", "記事2"]
    assert house.said() == ["記事2"]


# ---------------------------------------------------------------- trouble


@EVERY
def test_a_store_that_is_down_is_told_in_one_line_and_nothing_is_lost(house: House) -> None:
    house.passes(HOUR)
    house.write("2")
    house.author.fall()
    for _ in range(2):
        house.passes(POLL)
        error = house.poll().error
        assert error
        assert "\n" not in error
        assert len(error) < 300
    assert house.feed() == ["記事1"]
    house.author.rise()
    house.settle()
    assert (house.feed(), house.said()) == (["記事2", "記事1"], ["記事2"])


@EVERY
def test_rubbish_beside_an_article_keeps_nobody_back(house: House) -> None:
    house.passes(HOUR)
    house.author.spoil()
    house.write("2")
    house.settle()
    assert (house.feed(), house.said()) == (["記事2", "記事1"], ["記事2"])


@those_who_can("double")
def test_an_article_that_is_there_twice_is_said_once(house: House) -> None:
    house.passes(HOUR)
    house.write("2")
    house.author.double("2")
    house.settle()
    assert (house.feed(), house.said()) == (["記事2", "記事1"], ["記事2"])


@EVERY
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_clock_that_is_an_hour_off_loses_nothing_and_says_nothing_twice(house: House, ahead: timedelta) -> None:
    house.passes(2 * HOUR)
    house.author.now += ahead
    house.write("2")
    house.settle(2 * HOUR)
    house.write("3")
    house.settle(2 * HOUR)
    assert house.feed() == ["記事3", "記事2", "記事1"]
    assert house.said() == ["記事2", "記事3"]


@those_who_can("late")
def test_an_article_committed_after_later_ones_is_not_missed(house: House) -> None:
    house.passes(HOUR)
    commit = house.author.write_late(Post("2", house.author.now, "記事2"))
    house.passes(POLL)
    house.write("3")
    house.round()
    commit()
    house.settle()
    assert house.feed() == ["記事3", "記事2", "記事1"]
    assert sorted(house.said()) == ["記事2", "記事3"]


@those_who_can("restamp")
def test_touching_every_article_announces_nothing_and_writes_nothing(house: House) -> None:
    for id_ in range(2, 40):
        house.write(str(id_))
    house.settle()
    before, said = house.files(), house.said()
    house.passes(HOUR)
    house.author.restamp()
    house.settle()
    assert (house.files(), house.said()) == (before, said)


@EVERY
@pytest.mark.parametrize("how", ["empty", "cut off", "cached"])
def test_a_census_that_lies_withdraws_nothing(house: House, how: str) -> None:
    """Where `changes` names what is gone, no census is asked for, and there is nothing to lie about."""
    first = house.author.now - timedelta(days=30)
    house.author.write(*(Post(str(id_), first + timedelta(hours=id_), f"記事{id_}") for id_ in range(2, 31)))
    house.settle()
    honest, liar = house.store, Liar(house.store, how)
    house.through(liar)
    house.settle(timedelta(minutes=30))
    house.write("31")
    house.settle(HOUR)
    house.passes(timedelta(hours=7))  # past a census of everything, and another
    house.settle(timedelta(minutes=30))
    assert len(house.feed()) == 31
    assert (house.said(), house.standing()) == (["記事31"], ["記事31"])
    house.through(honest)
    house.passes(timedelta(hours=7))
    house.settle()
    assert len(house.feed()) == 31
    assert (house.said(), house.standing()) == (["記事31"], ["記事31"])
    assert liar.asked == 0 if house.author.options.names_everything else liar.asked > 0


# ---------------------------------------------------------------- in between


@dataclass
class Reader:
    """Reads a store as the publisher does, and remembers what the last reading brought."""

    store: Store
    cursor: str | None = None
    batches: tuple[Batch, ...] = ()

    def read(self) -> list[str]:
        self.batches = tuple(batches(self.store, self.cursor))
        self.cursor = self.batches[-1].cursor
        return sorted({article.id for batch in self.batches for article in batch.articles})


class Liar:
    """A store whose censuses say less than there is: none, the first half, or what they said the first time."""

    def __init__(self, honest: Store, how: str) -> None:
        self.honest, self.how, self.asked = honest, how, 0
        self.kept: dict[tuple[str, ...] | None, Census] = {}

    def changes(self, cursor: str | None) -> Batch:
        return self.honest.changes(cursor)

    def census(self, ids: Sequence[str] | None) -> Census:
        self.asked += 1
        question = None if ids is None else tuple(ids)
        true = self.honest.census(ids)
        if self.how == "cached":
            return self.kept.setdefault(question, true)
        some = sorted(true.present)[: 0 if self.how == "empty" else len(true.present) // 2]
        return replace(true, present=frozenset(some))

    def close(self) -> None:
        self.honest.close()
