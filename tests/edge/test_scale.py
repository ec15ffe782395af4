"""A site with a long past: what a round costs does not grow with it, and its archive holds nobody up."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from feedpub.ledger import recording, schema
from feedpub.model import Category, RawArticle, State
from feedpub.outputs.disk import DiskOutput
from feedpub.pipeline import Publisher
from tests.databases import migrated_sqlite
from tests.edge.front_door import until
from tests.edge.test_publisher import Desk
from tests.world import ListStore

SEA, NAVY = Category("blog", "1", "海", "sea"), Category("blog", "2", "海軍", "navy", parent="1")
PARTS = {"all": 7, "category/sea": 7, "category/navy": 7}
"""The parts of 28 articles, four in each."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """28 articles that were there before us; not one part of the archive is written yet but the two newest."""
    desk = Desk(migrated_sqlite(tmp_path), tmp_path, entries=3, archive=4, formats=("atom",), compress=())
    desk.store.categories = (SEA, NAVY)
    for number in range(1, 29):
        desk.now += timedelta(minutes=1)
        desk.article(str(number), categories=("2",))
    desk.publisher.poll("blog")
    desk.publisher.build()
    yield desk
    desk.ledger.close()


def parts(desk: Desk) -> dict[str, int]:
    """How many parts of each feed stand on the disk."""
    root = desk.folder / desk.output / "archive"
    found = {feed: sum(path.is_file() for path in (root / feed).glob("*.atom")) for feed in PARTS}
    return {feed: count for feed, count in found.items() if count}


def finish(desk: Desk) -> None:
    while desk.publisher.archive().parts:
        pass


# ---------------------------------------------------------------- what a round asks the database


def test_no_question_of_a_round_looks_through_what_grows_with_the_years(desk: Desk) -> None:
    """SQLite has no statistics: how it goes about a question with a few articles is how it does with millions."""
    plans: dict[str, list[str]] = {}

    @event.listens_for(desk.ledger.database.engine, "before_cursor_execute")
    def explain(connection: Any, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE", "INSERT"}:
            asked = connection.connection.dbapi_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", given[0] if many else given
            )
            plans[statement] = [row[3] for row in asked]

    finish(desk)
    third = desk.article("29", categories=("2",))
    desk.round(minutes=1)
    desk.store.put(replace(third, content="<p>訂正</p>"))
    for number in (2, 5):
        desk.store.remove(str(number))
    desk.round(minutes=1)
    desk.store.categories = (SEA, NAVY, Category("blog", "3", "空", "air"))
    for number in range(30, 34):
        desk.article(str(number), categories=("2",))
        desk.round(minutes=1)
    finish(desk)
    desk.publisher.tidy()
    assert parts(desk) == {feed: count + 1 for feed, count in PARTS.items()}
    desk.ledger.feeds.windows("blog", 3)
    assert len(list(desk.ledger.articles.known_live("blog"))) == 31
    desk.ledger.deliveries.recover(desk.publisher.setup.targets, desk.now, all_leases=False)
    desk.ledger.deliveries.next_due(desk.publisher.setup.targets, desk.now)

    assert len(plans) > 70
    assert {statement: plan for statement, plan in plans.items() if any(map(_grows(statement), plan))} == {}


def _grows(statement: str) -> Any:
    """Whether a step goes through all there is of what grows: whole tables, or all that is live, or of one store."""
    whole = r"SCAN (article|membership|delivery|attempt|comment|fragment|part)$|SCAN part USING (?!INDEX ix_part_dirty)"
    # The first so many of an index are another thing; and whoever is deleted here is one of few that still wait.
    # Of a category with another name all articles are others, and of a feed with other rules the whole archive.
    few = "LIMIT" in statement or statement.startswith(
        ("DELETE FROM article", "SELECT DISTINCT membership.article", "UPDATE part SET")
    )
    wide = (
        "" if few else r"|SEARCH (article|membership|part) (?!.*ix_article_unplaced).*\((state|store|term|feed)=\?\)$"
    )
    gone = r"|SEARCH article .*\(store=\? AND gone=\?\)$"  # all that were ever withdrawn
    return re.compile(whole + wide + gone).search


# ---------------------------------------------------------------- an archive that is read for the first time


@pytest.mark.parametrize("at_a_time", [4, 6, 100])
def test_an_archive_of_any_length_is_let_in_by_the_dates_of_its_articles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(recording, "CHUNK", at_a_time)
    store = ListStore()
    for number in (7, 2, 12, 5, 1, 9, 3, 11, 8, 4, 10, 6):
        url, title, published = f"https://news.test/{number}", f"記事{number}", f"2020-01-{number:02}"
        store.put(RawArticle(f"{number}", url=url, title=title, published=published))
    options: dict[str, Any] = {"entries": 3, "archive": 4, "formats": ("atom",), "compress": ()}
    desk = Desk(migrated_sqlite(tmp_path), tmp_path, store=store, **options)
    desk.publisher.archive()
    with desk.ledger.database.read() as connection:
        placed = select(schema.article.c.id, schema.article.c.entered).order_by(schema.article.c.entered)
        found = connection.execute(placed).all()
    desk.ledger.close()
    assert found == [(str(number), number) for number in range(1, 13)]
    told = [re.findall(r"記事(\d+)</title>", desk.feed(f"archive/all/{part}.atom")) for part in (1, 2, 3)]
    assert told == [["4", "3", "2", "1"], ["8", "7", "6", "5"], ["12", "11", "10", "9"]]


# ---------------------------------------------------------------- an archive that is written for the first time


def test_an_archive_gives_way_to_whoever_has_a_feed_to_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.article("news", categories=("2",))
    desk.publisher.poll("blog")
    builds = threading.Thread(target=desk.publisher.build)
    write = DiskOutput.write

    def met(output: DiskOutput, files: Any) -> int:
        files = tuple(files)
        if any("archive/" in file.path for file in files) and not builds.ident:
            builds.start()
            until(lambda: desk.publisher.builder._lock.wanted)
        return write(output, files)

    monkeypatch.setattr(DiskOutput, "write", met)
    before = parts(desk)
    written = desk.publisher.archive().parts
    builds.join(10)
    assert "記事news" in desk.feed("all.atom")
    assert 0 < written < sum(PARTS.values()) - sum(before.values())
    finish(desk)
    assert parts(desk) == PARTS


def test_a_builder_that_is_stopped_begins_nothing_more_and_the_next_one_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = DiskOutput.write

    def told_to_stop(output: DiskOutput, files: Any) -> int:
        desk.publisher.builder.stop()
        return write(output, files)

    before = parts(desk)
    with monkeypatch.context() as patched:
        patched.setattr(DiskOutput, "write", told_to_stop)
        written = desk.publisher.archive().parts
    desk.article("news", categories=("2",))
    desk.publisher.publish("blog")
    assert 0 < written < sum(PARTS.values()) - sum(before.values())
    assert "記事news" not in desk.feed("all.atom")
    assert desk.states()["news"] is State.HELD
    desk.publisher = Publisher(desk.ledger, desk.world, desk.setup(), lambda: desk.now)  # type: ignore[arg-type]
    desk.publisher.apply(desk.setup())
    desk.round(minutes=1)
    finish(desk)
    assert "記事news" in desk.feed("all.atom")
    assert parts(desk) == PARTS


def test_a_part_that_cannot_be_written_keeps_back_no_other(desk: Desk) -> None:
    spoiled = desk.folder / desk.output / "archive" / "all" / "3.atom"
    spoiled.mkdir()
    finish(desk)
    assert parts(desk) == PARTS | {"all": 6}
    assert "remove it" in desk.publisher.builder.error
    spoiled.rmdir()
    desk.publisher.tidy()
    assert parts(desk) == PARTS
    assert desk.publisher.builder.error == ""


def test_an_article_is_rendered_once_for_all_the_parts_that_carry_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = desk.publisher.builder
    rendered: list[int] = []
    render = builder._render

    def counted(refs: Any, **how: Any) -> Any:
        rendered.extend(ref.key for ref in refs)
        return render(refs, **how)

    monkeypatch.setattr(builder, "_render", counted)
    finish(desk)
    assert len(rendered) == len(set(rendered)) > 10


def test_a_tag_that_comes_with_a_scheduled_article_has_its_feed_when_that_is_due(desk: Desk) -> None:
    desk.feeds["tags"] = True
    desk.publisher.apply(desk.setup())
    desk.article("soon", tags=("F-35",), published=(desk.now + timedelta(hours=1)).isoformat())
    desk.round(minutes=1)
    assert not (desk.folder / desk.output / "tag" / "f-35.atom").exists()
    desk.round(hours=2)
    assert "記事soon" in desk.feed("tag/f-35.atom")
    assert "soon" in desk.said()
