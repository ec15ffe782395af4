"""What one database knows goes into another, of the other kind, and nobody outside can tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub.changes import GONE, MISSED, PRESENT, SKIPPED, UNCLAIMED
from feedpub.ledger import schema
from feedpub.ledger.exporting import TRIES, export
from feedpub.ledger.lines import (
    KINDS,
    ArticleLine,
    DeliveryLine,
    Header,
    Line,
    QuarantineLine,
    StoreLine,
    line_of,
    written,
)
from feedpub.ledger.renaming import ADOPTING
from feedpub.ledger.rows import CLEAN, LIVE, PUT_BACK, RENDER, WAITING, WITHDRAWN
from feedpub.model import Article, Category, Comment, Delivery, RawArticle, RawComment, State
from feedpub.networks import WebSub
from feedpub.networks.base import Network
from feedpub.notices.arriving import arrived
from feedpub.notices.lifecycle import MOVED, Released, Retried
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.moving import POSTGRESQL, SQLITE, Fresh, a_year, article, brought, fresh, guids, moved, told, told_by
from tests.edge.newsroom import NAVY, US, files, settle
from tests.edge.test_publisher import START, Desk
from tests.world import Behaviour, Board, Crash, FindBoard, KeyedBoard, RepostBoard, ThreadBoard

__all__ = ["fresh"]

WAYS = [(SQLITE, POSTGRESQL), (POSTGRESQL, SQLITE)]
both_ways = pytest.mark.parametrize("way", WAYS, ids=["to postgresql", "to sqlite"])


# ---------------------------------------------------------------- nobody outside can tell


@both_ways
def test_after_a_move_every_file_is_the_same_to_the_byte(way: tuple[str, str], fresh: Fresh, tmp_path: Path) -> None:
    options: dict[str, Any] = {"entries": 4, "archive": 2, "tags": True, "authors": True}
    desk = Desk(fresh(way[0]), tmp_path, **options)
    a_year(desk)
    before = files(desk)
    assert any(path.startswith("archive/category/jmsdf/") for path in before)
    assert b"deleted-entry" in before["all.atom"]
    assert b"c3" in before["comments.rss"]
    assert b"category/navy" in before["moved.nginx.conf"]

    new = moved(desk, fresh(way[1]))
    settle(new)
    after = files(new)
    new.ledger.close()

    assert after.keys() == before.keys()
    assert [path for path in before if after[path] != before[path]] == []


@both_ways
def test_both_houses_write_the_same_files_from_then_on(way: tuple[str, str], fresh: Fresh, tmp_path: Path) -> None:
    """As long as both are lived in: what is new, what is edited, what goes, and the archives it all goes into."""
    options: dict[str, Any] = {"entries": 4, "archive": 2, "tags": True}
    desk, url = Desk(fresh(way[0]), tmp_path / "old", **options), fresh(way[1])
    a_year(desk)
    brought(told(desk.ledger.database), url, tmp_path)
    new = Desk(url, tmp_path / "new", now=desk.now, store=deepcopy(desk.store), **options)
    for house in (desk, new):
        for number in range(20, 27):
            house.now += timedelta(minutes=1)
            house.article(str(number), categories=("2",), content="<p>新しい記事</p>")
        house.round(minutes=1)
        house.store.put(replace(article(house, "2"), title="古い記事の訂正"))
        house.store.remove("21")
        house.store.put(article(house, "6"))
        house.store.put(RawComment("c9", "22", "", "読者", "<p>新しい感想</p>", house.now.isoformat()))
        house.round(days=20)
        settle(house)
    ours, theirs = files(new), files(desk)
    for house in (desk, new):
        house.ledger.close()
    assert ours.keys() == theirs.keys()
    assert [path for path in ours if ours[path] != theirs[path]] == []


@both_ways
def test_after_a_move_nothing_is_said_again_and_no_guid_is_another(
    way: tuple[str, str], fresh: Fresh, tmp_path: Path
) -> None:
    desk = Desk(fresh(way[0]), tmp_path)
    a_year(desk)
    said, known = desk.said(), guids(desk)
    new = moved(desk, fresh(way[1]))
    for _ in range(3):
        new.round(hours=1)
    assert (new.said(), guids(new)) == (said, known)
    new.article("16")
    new.round(minutes=1)
    new.round(minutes=1)
    assert new.said() == [*said, "16"]
    new.ledger.close()


@both_ways
def test_what_was_said_before_a_move_is_corrected_and_deleted_after_it(
    way: tuple[str, str], fresh: Fresh, tmp_path: Path
) -> None:
    desk = Desk(fresh(way[0]), tmp_path)
    desk.article("1")
    desk.article("2")
    desk.round(minutes=1)
    new = moved(desk, fresh(way[1]))
    new.store.put(replace(article(new, "1"), title="訂正"))
    new.store.remove("2")
    new.round(minutes=1)
    new.round(hours=2)
    posts = {post.guid[-1]: post for post in new.world.posts}
    assert (posts["1"].text.splitlines()[0], posts["1"].standing) == ("訂正", True)
    assert not posts["2"].standing
    assert len(new.world.posts) == 2
    new.ledger.close()


def test_what_was_written_while_the_house_was_moved_is_announced_once(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path)
    desk.article("1")
    desk.round(minutes=1)
    desk.article("2")
    new = moved(desk, fresh(SQLITE))
    new.round(minutes=1)
    new.round(minutes=1)
    assert new.said() == ["1", "2"]
    new.ledger.close()


def test_what_a_target_was_not_told_of_is_not_made_up_for(fresh: Fresh, tmp_path: Path) -> None:
    """It was met without its backlog; that it wants one by now makes it no new one, here or there."""
    desk = Desk(fresh(SQLITE), tmp_path, targets={})
    desk.article("1")
    desk.round(minutes=1)
    for backlog in (False, True):
        desk.targets["board"] = Board(name="board", announce_backlog=backlog)
        desk.publisher.apply(desk.setup())
    desk.round(minutes=1)
    assert desk.said() == []
    new = moved(desk, fresh(SQLITE))
    new.round(minutes=1)
    assert new.said() == []
    new.ledger.close()


def test_hubs_are_not_told_of_feeds_that_only_moved_and_are_of_the_next_change(fresh: Fresh, tmp_path: Path) -> None:
    hub = WebSub(name="hub", hub_url="http://hub.test/")
    desk = Desk(fresh(SQLITE), tmp_path, targets={"hub": hub}, comments=False)
    desk.article("1")
    desk.round(minutes=1)
    desk.article("2")
    desk.round(minutes=1)
    desk.round(minutes=10)
    told_before = len(desk.world.told)
    assert told_before > 0
    new = moved(desk, fresh(POSTGRESQL))
    new.round(minutes=10)
    assert len(new.world.told) == told_before
    new.article("3")
    new.round(minutes=1)
    new.round(minutes=10)
    assert len(new.world.told) > told_before
    new.ledger.close()


# ---------------------------------------------------------------- what was owed, and what was in doubt


def test_what_was_owed_is_held_until_a_person_lets_it_go(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path, targets={"board": Board(name="board", every="1h")})
    desk.article("1")
    desk.article("2")
    desk.round(minutes=1)
    assert desk.said() == ["1"]
    new = moved(desk, fresh(SQLITE))
    for _ in range(3):
        new.round(hours=2)
    (held,) = [one.delivery for one in new.ledger.deliveries.listed(states=[State.HELD])]
    assert (held.held_by, new.said()) == (MOVED, ["1"])
    assert new.ledger.deliveries.brought() == {"board": 1}
    new.store.put(replace(article(new, "2"), title="訂正"))
    new.round(hours=2)
    assert new.said() == ["1"]
    new.ledger.deliveries.tell([held.id], Released(), new.targets, new.now)
    new.ledger.feeds.free(new.targets, new.now)
    new.round(hours=2)
    assert [post.text.splitlines()[0] for post in new.world.posts] == ["記事1", "訂正"]
    new.ledger.close()


def test_what_was_owed_and_is_withdrawn_after_the_move_is_not_said(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path)
    desk.article("1")
    desk.publisher.poll("blog")
    new = moved(desk, fresh(SQLITE))
    new.store.remove("1")
    new.round(hours=2)
    assert new.states() == {"1": State.SKIPPED}
    new.ledger.close()


@pytest.mark.parametrize("behaviour", ["crash before", "crash after", "lost after"])
def test_doubt_stays_doubt_and_is_a_persons_to_settle(fresh: Fresh, tmp_path: Path, behaviour: Behaviour) -> None:
    """Though the board would drop a repeat: nobody knows what the other feedpub does about it, and when."""
    desk = Desk(fresh(SQLITE), tmp_path, targets={"board": KeyedBoard(name="board")})
    desk.world.behaviours = [behaviour]
    desk.article("1")
    with suppress(Crash):
        desk.round(minutes=1)
    before = len(desk.world.posts)
    new = moved(desk, fresh(POSTGRESQL))
    for _ in range(3):
        new.round(hours=1)
    (one,) = [listed.delivery for listed in new.ledger.deliveries.listed()]
    assert (one.state, one.due_at, len(new.world.posts)) == (State.DOUBTFUL, None, before)
    assert one.frozen is not None
    new.ledger.deliveries.tell([one.id], Retried(), new.targets, new.now)
    new.round(minutes=1)
    assert new.states() == {"1": State.SENT}
    new.ledger.close()


def test_a_deletion_that_was_owed_goes_on(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path)
    desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.round(minutes=1)
    assert desk.states() == {"1": State.DUE}
    new = moved(desk, fresh(SQLITE))
    new.round(hours=2)
    assert [post.standing for post in new.world.posts] == [False]
    new.ledger.close()


# ---------------------------------------------------------------- the law of the round trip

BOARDS: Mapping[str, Callable[..., Network]] = {
    "board": Board,
    "keyed": KeyedBoard,
    "find": FindBoard,
    "repost": RepostBoard,
    "thread": ThreadBoard,
}
BEHAVIOURS: tuple[Behaviour, ...] = ("ok", "busy", "lost before", "lost after", "refused", "forbidden")


class Tale:
    """A desk, and the things that can happen there."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.count = desk, 0

    def play(self, deeds: list[tuple[str, int, Behaviour]]) -> None:
        """Let one thing after the other happen; what happened last is polled, and nothing of it is said yet."""
        for deed, which, behaviour in deeds:
            self.desk.world.behaviours = [behaviour]
            self.count += 1
            getattr(self, deed)(which)
        self.desk.publisher.poll("blog")

    def new(self, which: int, **fields: Any) -> None:
        given = {"tags": (f"t{which % 3}",), "categories": (str(which % 2 + 1),), "authors": ("記者",)} | fields
        self.desk.article(str(self.count), **given)

    def brief(self, which: int) -> None:
        self.new(which, title="", url="", content=f"<p>短信{which}</p>")

    def future(self, which: int) -> None:
        self.new(which, published=(self.desk.now + timedelta(hours=which)).isoformat())

    def quiet(self, which: int) -> None:
        self.new(which, announce=False)

    def edit(self, which: int) -> None:
        for one in self._known(which):
            self.desk.store.put(replace(one, title=f"題{self.count}", tags=(f"t{self.count % 3}",)))

    def postpone(self, which: int) -> None:
        for one in self._known(which):
            self.desk.store.put(replace(one, published=(self.desk.now + timedelta(hours=which)).isoformat()))

    def remove(self, which: int) -> None:
        for one in self._known(which):
            self.desk.store.remove(one.id)

    def back(self, which: int) -> None:
        for one in self._known(which):
            self.desk.store.put(one)

    def comment(self, which: int) -> None:
        for one in self._known(which):
            when = self.desk.now.isoformat()
            self.desk.store.put(RawComment(str(self.count), one.id, "", "読者", "<p>感想</p>", when))

    def rename(self, which: int) -> None:
        self.desk.store.categories = (US, replace(NAVY, name=f"海{which}", slug=f"sea{which}"))

    def wait(self, which: int) -> None:
        self.desk.round(minutes=which * 7)

    def poll(self, which: int) -> None:
        self.desk.now += timedelta(seconds=which)
        self.desk.publisher.poll("blog")

    def _known(self, which: int) -> list[RawArticle]:
        """One of the articles, if there is any."""
        known = [row for row in self.desk.store.log if isinstance(row, RawArticle)]
        return [known[which % len(known)]] if known else []


DEEDS = sorted(name for name in vars(Tale) if not name.startswith("_") and name != "play")


def as_it_arrives(line: str) -> str:
    """How a delivery of an export stands after an import; anything else is the same."""
    said = line_of(line.encode())
    if not isinstance(said, DeliveryLine):
        return line
    names = {one.name for one in fields(Delivery)} & DeliveryLine.model_fields.keys() - {"article"}
    facts = {name: getattr(said, name) for name in names}
    ours = arrived(Delivery(id=0, article=None if said.article is None else 1, **facts))
    return written(said.model_copy(update={name: getattr(ours, name) for name in names}))


DEED = st.tuples(
    st.sampled_from([*DEEDS, "new", "new", "wait", "wait"]), st.integers(0, 40), st.sampled_from(BEHAVIOURS)
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    story=st.lists(DEED, min_size=1, max_size=30),
    boards=st.lists(st.sampled_from(sorted(BOARDS)), min_size=1, max_size=3, unique=True),
)
def test_what_is_exported_imported_and_exported_again_is_the_same(
    postgres: PostgreSQL,
    tmp_path_factory: pytest.TempPathFactory,
    story: list[tuple[str, int, Behaviour]],
    boards: list[str],
) -> None:
    folder = tmp_path_factory.mktemp("story")
    targets = {name: BOARDS[name](name=name, flood_limit=5) for name in boards}
    desk = Desk(migrated_sqlite(folder), folder, targets=targets, tags=True, archive=2, entries=3)
    desk.store.categories = (US, NAVY)
    Tale(desk).play(story)
    first = told(desk.ledger.database)
    desk.ledger.close()

    there, here = postgres.migrated(), migrated_sqlite(folder)
    brought(first, there, folder)
    second = told_by(there)
    brought(second, here, folder)
    third = told_by(here)

    assert second == [first[0], *map(as_it_arrives, first[1:])]
    assert third == second


def test_two_exports_differ_only_in_when_they_were_made(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(POSTGRESQL), tmp_path)
    a_year(desk)
    first, second = told(desk.ledger.database), told(desk.ledger.database, desk.now)
    desk.ledger.close()
    assert first[1:] == second[1:]
    assert json.loads(first[0]) | {"made_at": ""} == json.loads(second[0]) | {"made_at": ""}
    assert json.loads(first[-1]) == {"is": "end", "lines": len(first)}


def test_an_export_is_of_one_moment_whatever_happens_meanwhile(database_url: str, tmp_path: Path) -> None:
    desk = Desk(database_url, tmp_path)
    for number in range(3):
        desk.article(str(number))
    desk.round(minutes=1)
    lines = export(desk.ledger.database, site="https://news.test/", made_at=START)
    begun = [next(lines)]
    for number in range(3):
        desk.store.remove(str(number))
    desk.article("new")
    desk.round(minutes=1)
    whole_story = [json.loads(line) for line in (*begun, *lines)]
    desk.ledger.close()
    articles = [line for line in whole_story if line.get("is") == "article"]
    assert [(line["article"]["id"], line["state"]) for line in articles] == [(id_, "live") for id_ in "012"]
    assert {line["state"] for line in whole_story if line.get("is") == "delivery"} == {"sent"}


# ---------------------------------------------------------------- what is told

LEFT_OUT = {
    "store.asked_at": "somebody wants a poll at this very moment",
    "store.failed_since": "of the machine that could not reach it",
    "store.error": "of the machine that could not reach it",
    "store.note": "worked out at every poll",
    "article.pk": "a row's own",
    "article.seq": "only of feeds that are built already",
    "article.store": "of the article",
    "article.id": "of the article",
    "article.guid": "of the article",
    "article.published": "of the article",
    "article.updated": "of the article",
    "article.body": "the article",
    "article.entered": "told as place",
    "feed.digest": "of a config",
    "feed.dirty_seq": "every feed is built at the next start",
    "feed.built_seq": "every feed is built at the next start",
    "feed.latest": "worked out at the next build",
    "feed.paths": "told as files",
    "part.dirty_seq": "every part is written at the next start",
    "part.built_seq": "every part is written at the next start",
    "comment.pk": "a row's own; its order is the lines'",
    "comment.store": "of the comment",
    "comment.id": "of the comment",
    "comment.article": "of the comment",
    "comment.published": "of the comment",
    "comment.body": "the comment",
    "target.failures": "of the machine that had trouble",
    "target.rest_until": "of the machine that had trouble",
    "target.slot_until": "worked out at the next start",
    "target.memory": "it may hold tokens",
    "delivery.id": "a row's own; its order is the lines'",
    "category.store": "of the category",
    "category.key": "of the category",
    "category.name": "of the category",
    "category.slug": "of the category",
    "category.parent": "of the category",
    "attempt.pk": "a row's own",
    "attempt.delivery": "told with its delivery",
}
TABLES_LEFT_OUT = {
    "alert": "what this machine's admin was told of; the other one's will be told anew",
    "counter": "told in the first line",
    "membership": "follows from the articles; what is gone is told as left",
    "feed_source": "told as sources and skips",
    "leftover": "files of this machine",
    "fragment": "rendered anew",
}


def test_every_column_of_the_database_is_told_or_left_out_for_a_reason(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path, archive=2, entries=2)
    a_year(desk)
    with desk.ledger.database.write() as connection:
        connection.execute(schema.spent.insert().values(target="board", month="2026-04", amount=15))
        connection.execute(schema.quarantine.insert().values(
            store="blog", id="bad", fingerprint="f", reason="壊れた", stage="clean", at=START
        ))  # fmt: skip
    lines = [json.loads(line) for line in told(desk.ledger.database)[1:-1]]
    desk.ledger.close()
    keys: dict[str, set[str]] = {}
    for line in lines:
        keys.setdefault(line["is"], set()).update(line)
    keys["attempt"] = {key for line in lines if line["is"] == "delivery" for one in line["tries"] for key in one}
    for name, table in schema.metadata.tables.items():
        if name not in TABLES_LEFT_OUT:
            untold = {f"{name}.{column.name}" for column in table.columns if column.name not in keys[name]}
            assert untold == {one for one in LEFT_OUT if one.startswith(f"{name}.")}, name
    told_of = next(line["article"] for line in lines if line["is"] == "article")
    assert told_of.keys() == {one.name for one in fields(Article)}


def test_no_secret_is_told(database_url: str, tmp_path: Path) -> None:
    desk = Desk(database_url, tmp_path)
    desk.ledger.targets.remember("board", "session", "s3cr3t-refresh-token")
    desk.article("1")
    desk.round(minutes=1)
    lines = told(desk.ledger.database)
    desk.ledger.close()
    assert "s3cr3t" not in "".join(lines)
    assert '{"is":"target","name":"board","kind":"board","paused":""}' in lines


def test_of_many_tries_the_latest_are_told(database_url: str, tmp_path: Path) -> None:
    desk = Desk(database_url, tmp_path)
    desk.world.behaviours = ["busy"] * (TRIES + 5)
    desk.article("1")
    for _ in range(TRIES + 6):
        desk.round(hours=11)
        desk.ledger.deliveries.tell([1], Retried(), desk.targets, desk.now)
    lines = told(desk.ledger.database)
    desk.ledger.close()
    (delivery,) = [json.loads(line) for line in lines if '"is":"delivery"' in line]
    assert len(delivery["tries"]) == TRIES
    assert [one["fence"] for one in delivery["tries"]] == list(
        range(delivery["fence"] - TRIES + 1, delivery["fence"] + 1)
    )


def test_the_guide_names_every_key_of_every_line() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    told_of = guide.partition("## Exports of feedpub")[2]
    rows = dict(re.findall(r"^\| (`\w+`|the first line) \| (.+) \|$", told_of, re.MULTILINE))
    kinds = {f"`{one.model_fields['is_'].default}`": one for one in Line.__subclasses__() if "is_" in one.model_fields}
    assert list(rows) == ["`is`", "the first line", *(f"`{kind}`" for kind in KINDS)]
    for kind, line in ({"the first line": Header} | kinds).items():
        within = {"`article`": Article, "`comment`": Comment, "`category`": Category}.get(kind)
        keys = set(line.model_fields) - {"is_"} | ({one.name for one in fields(within)} if within else set())
        assert keys - set(re.findall(r"`(\w+)`", rows[kind])) == set(), kind


def test_lines_know_every_word_that_the_database_has() -> None:
    said = {name: set(get_args(ArticleLine.model_fields[name].annotation)) for name in ("state", "gone")}
    assert said == {"state": {WAITING, LIVE, WITHDRAWN}, "gone": {UNCLAIMED, PRESENT, MISSED, GONE, SKIPPED}}
    assert set(get_args(StoreLine.model_fields["phase"].annotation)) == {"baseline", "live", ADOPTING, PUT_BACK}
    assert set(get_args(QuarantineLine.model_fields["stage"].annotation)) == {CLEAN, RENDER}
