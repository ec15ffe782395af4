"""An export is imported whole or not at all: what is refused, and why; and the file itself."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from feedpub.errors import ImportRefused, LedgerBusy, OutputError
from feedpub.ledger.database import Database
from feedpub.ledger.importing import bring
from feedpub.model import Category, State
from feedpub.outputs.whole import whole
from tests.databases import migrated_sqlite
from tests.edge.moving import POSTGRESQL, SQLITE, Fresh, a_year, brought, fresh, guids, told, told_by, written_down
from tests.edge.newsroom import files, settle
from tests.edge.test_publisher import Desk

__all__ = ["fresh"]

# ---------------------------------------------------------------- where it goes


def test_a_house_that_has_polled_already_takes_over_the_old_ones_guids_and_places(fresh: Fresh, tmp_path: Path) -> None:
    """The store gives other guids by now, and what is new to it was new before; nothing of it is announced."""
    desk = Desk(fresh(SQLITE), tmp_path)
    for number in range(3):
        desk.article(str(number), guid=f"https://old.test/?p={number}")
    desk.round(minutes=1)
    lines = told(desk.ledger.database)
    known = guids(desk)
    assert desk.states() == dict.fromkeys("012", State.SENT)
    desk.ledger.close()

    url = fresh(POSTGRESQL)
    new = Desk(url, tmp_path / "new", now=desk.now, store=desk.store, targets=desk.targets)
    with new.ledger.database.write() as connection:
        connection.execute(text("UPDATE article SET guid = 'made:' || id, entered = 10 - entered"))
    assert new.ledger.articles.counts()["live"] == 3
    new.ledger.close()

    assert brought(lines, url, tmp_path).articles == 3
    new = Desk(url, tmp_path / "new", now=desk.now, store=desk.store, targets=desk.targets)
    new.round(hours=1)
    assert guids(new) == known
    assert (new.world.posts, new.states()) == ([], dict.fromkeys("012", State.SENT))
    new.ledger.close()


def test_the_same_again_changes_nothing(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path)
    a_year(desk)
    desk.article("owed")
    desk.publisher.poll("blog")
    lines = told(desk.ledger.database)
    desk.ledger.close()
    for url in (fresh(SQLITE), fresh(POSTGRESQL)):
        assert not brought(lines, url, tmp_path).same
        after = told_by(url)
        assert brought(lines, url, tmp_path).same
        assert told_by(url) == after


def test_two_histories_are_not_made_one(fresh: Fresh, tmp_path: Path) -> None:
    desk, other = Desk(fresh(SQLITE), tmp_path / "a"), Desk(fresh(POSTGRESQL), tmp_path / "b")
    for one in (desk, other):
        one.article("1")
        one.round(minutes=1)
    other.article("2")
    other.round(minutes=1)
    lines, before = told(desk.ledger.database), told(other.ledger.database)
    other.ledger.database.resign()
    with pytest.raises(ImportRefused, match=r"has 2 notices of its own.*give the import an empty database"):
        bring(other.ledger.database, written_down(lines, tmp_path))
    assert told(other.ledger.database) == before
    desk.ledger.close()
    other.ledger.close()


def test_nothing_is_imported_beneath_a_feedpub_that_runs(database_url: str, tmp_path: Path) -> None:
    desk = Desk(database_url, tmp_path)
    lines = told(desk.ledger.database)
    with pytest.raises(LedgerBusy, match="another feedpub already runs"):
        brought(lines, database_url, tmp_path)
    desk.ledger.close()
    assert brought(lines, database_url, tmp_path).stores == ("blog",)


def test_files_of_a_life_before_the_import_are_taken_away(fresh: Fresh, tmp_path: Path) -> None:
    desk = Desk(fresh(SQLITE), tmp_path / "a")
    desk.article("1")
    desk.round(minutes=1)
    lines = told(desk.ledger.database)
    desk.ledger.close()
    url = fresh(SQLITE)
    before = Desk(url, tmp_path / "b", targets={})
    before.store.categories = (Category("blog", "9", "昔", "long-ago"),)
    before.article("x", title="", url="", content="<p>短信</p>", categories=("9",))
    settle(before)
    stood = files(before).keys()
    before.ledger.close()
    brought(lines, url, tmp_path)
    new = Desk(url, tmp_path / "b", now=desk.now, store=desk.store)
    settle(new)
    now_there = files(new).keys()
    new.ledger.close()
    assert {path for path in stood if "long-ago" in path or path.startswith("briefs/")}
    assert not {path for path in now_there if "long-ago" in path or path.startswith("briefs/")}


# ---------------------------------------------------------------- broken files


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An export with a line of nearly every kind."""
    folder = tmp_path_factory.mktemp("sound")
    desk = Desk(migrated_sqlite(folder), folder, archive=2, entries=2)
    a_year(desk)
    lines = told(desk.ledger.database)
    desk.ledger.close()
    return lines


def line_with(lines: list[str], kind: str) -> int:
    return next(number for number, line in enumerate(lines) if line.startswith(f'{{"is":"{kind}"'))


def changed(lines: list[str], kind: str, **changes: Any) -> list[str]:
    at = line_with(lines, kind)
    said = json.loads(lines[at]) | changes
    return [*lines[:at], json.dumps(said, ensure_ascii=False), *lines[at + 1 :]]


def twice(lines: list[str], kind: str) -> list[str]:
    at = line_with(lines, kind)
    return [*lines[:at], lines[at], *lines[at:-1], f'{{"is":"end","lines":{len(lines) + 1}}}']


BROKEN: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a later version": (
        lambda lines: [lines[0].replace('"version":1', '"version":2'), *lines[1:]],
        "1: an export of version 2, which this feedpub does not know (it reads 1): import it with the feedpub that",
    ),
    "no header but its key": (
        lambda lines: ['{"feedpub":"export"}', *lines[1:]],
        '1: a line of "feedpub" needs the key "site"',
    ),
    "cut off": (
        lambda lines: lines[:-3],
        'the last line is none of "end": the file was cut off; export again',
    ),
    "cut off in a line": (lambda lines: [*lines[:9], lines[9][:50]], "10: not valid JSON in UTF-8"),
    "lines lost": (lambda lines: [*lines[:3], *lines[4:]], "lines were written, and here are"),
    "no object": (lambda lines: [lines[0], "[]", *lines[1:]], "2: one object { … } is needed on each line"),
    "a kind unknown": (
        lambda lines: [lines[0], '{"is":"starship"}', *lines[1:]],
        '2: its "is" is none of store, category',
    ),
    "a key unknown": (
        lambda lines: changed(lines, "article", colour="red"),
        '"colour" is not a key of a line of "article"',
    ),
    "a key that lacks": (
        lambda lines: [line.replace('"revision":1,', "", 1) if '"is":"article"' in line else line for line in lines],
        'a line of "article" needs the key "revision"',
    ),
    "a key within": (
        lambda lines: [line.replace('"guid":', '"gwid":', 1) if '"is":"article"' in line else line for line in lines],
        '"article.gwid" is not a key of a line of "article"',
    ),
    "a number for a text": (lambda lines: changed(lines, "target", paused=5), '"paused" of a line of "target": '),
    "a date without a zone": (
        lambda lines: changed(lines, "article", recount_at="2026-04-01T09:00:00"),
        '"recount_at" of a line of "article": input should have timezone info',
    ),
    "a state unknown": (lambda lines: changed(lines, "delivery", state="shouted"), '"state" of a line of "delivery"'),
    "a character no database keeps": (
        lambda lines: changed(lines, "term", name="a\0b"),
        "it holds the character NUL (\\u0000), which no database can keep",
    ),
    "out of order": (
        lambda lines: [lines[0], lines[line_with(lines, "article")], *lines[1:]],
        'a line of "store" cannot come after one of "article": keep the order of the export',
    ),
    "an article twice": (lambda lines: twice(lines, "article"), 'the article "blog" "1" is told at line'),
    "a guid twice": (lambda lines: twice(lines, "article"), 'the guid "tag:news.test,2026:1" is told at line'),
    "a delivery twice": (lambda lines: twice(lines, "delivery"), "the delivery of"),
    "a comment twice": (lambda lines: twice(lines, "comment"), 'the comment "blog" "c1" is told at line'),
    "a part twice": (lambda lines: twice(lines, "part"), 'the part "all" "1" is told at line'),
    "an article of no store": (
        lambda lines: [line for line in lines if '"is":"store"' not in line],
        'it is of the store "blog", which no line above tells of',
    ),
    "a delivery of no article": (
        lambda lines: changed(lines, "delivery", article="tag:nobody"),
        'it is of the guid "tag:nobody", which no line above tells of',
    ),
    "a delivery of nothing": (
        lambda lines: changed(lines, "delivery", article=None),
        'it is about an "article" or a "feed", one of the two',
    ),
    "words that were not frozen": (
        lambda lines: changed(lines, "delivery", state="sending"),
        'what is being said has been "frozen"',
    ),
    "a place beyond": (
        lambda lines: changed(lines, "article", place=99999),
        'its "place" is beyond the',
    ),
    "a feed ahead of its time": (lambda lines: changed(lines, "feed", version=99999), 'its "version" is beyond the'),
    "a part back to front": (lambda lines: changed(lines, "part", first=9, last=1), 'its "first" is beyond its "last"'),
    "live and gone": (
        lambda lines: changed(lines, "article", left={"at": "2026-04-01T00:00:00Z", "terms": ["every"]}),
        'what is live has not "left"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_of_a_broken_file_nothing_is_written_and_each_mistake_is_a_line(
    case: str, sound: list[str], tmp_path: Path
) -> None:
    break_it, sentence = BROKEN[case]
    url = migrated_sqlite(tmp_path)
    empty = told_by(url)
    with pytest.raises(ImportRefused) as refused:
        brought(break_it(sound), url, tmp_path)
    said = str(refused.value).replace(f"{tmp_path}/feedpub.jsonl:", "")
    assert sentence in said
    assert all(line[:1].isdigit() for line in said.splitlines()[:10])
    assert told_by(url) == empty


def test_of_very_many_mistakes_the_first_aretold_by(sound: list[str], tmp_path: Path) -> None:
    lines = [sound[0], *("{}" for _ in range(50)), *sound[1:]]
    with pytest.raises(ImportRefused) as refused:
        brought(lines, migrated_sqlite(tmp_path), tmp_path)
    told_of = str(refused.value).splitlines()
    assert [line.split(":")[1] for line in told_of[:10]] == [str(number) for number in range(2, 12)]
    assert told_of[10:] == ["these are the first 10; there may be more"]


def test_a_file_that_changes_while_it_is_read_is_refused_and_nothing_is_written(
    sound: list[str], database_url: str, tmp_path: Path
) -> None:
    path = written_down(sound, tmp_path)
    with closing(Database(database_url)) as database:
        before = told(database)

        def meddle(_done: int, _of: int) -> None:
            path.write_bytes(path.read_bytes().replace(b'"target":"board"', b'"target":"bored"'))

        with pytest.raises(ImportRefused, match="it changed while it was read"):
            bring(database, path, meddle)
        assert told(database) == before


# ---------------------------------------------------------------- the file


def test_an_export_is_written_whole_or_not_at_all_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), whole(path) as file:
        file.write(b"half" * (1 // 0))
    assert (path.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (b"old", ["out.jsonl"])
    with whole(path) as file:
        file.write(b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("folder", "is a directory: name a file in it"),
        ("nowhere/out", "there is no folder for"),
        ("/dev/full", "no space is left for /dev/full"),
    ],
)
def test_where_nothing_can_be_written_that_is_said(where: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=sentence), whole(tmp_path / where) as file:
        file.write(b"x" * 100_000)
