"""Whatever is done where articles are written, and whenever it is looked: in the end readers hold what is there.

Stories played at random on a query of an SQLite file and on a folder of Markdown files, with a reader who takes what
these stores tell as the ledger does. Time is virtual, the files are real, and batches are of two articles, so that much
happens in the middle of a pass.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection

from feedpub.changes import GONE, PRESENT, Change, Known, compare, diff
from feedpub.model import Batch, Category, RawArticle
from feedpub.stores.base import Store
from feedpub.stores.markdown import tour
from feedpub.stores.markdown.folder import Folder
from feedpub.stores.markdown.reading import PERMALINK, Rules
from feedpub.stores.markdown.store import MarkdownStore
from feedpub.stores.query import address, place
from feedpub.stores.query import store as query_store
from feedpub.stores.query.dialects import SQLite
from feedpub.stores.query.rows import Reading
from feedpub.stores.query.store import QueryStore, Question

START = datetime(2026, 4, 28, 9, 0, tzinfo=UTC)
OVERLAP, CENSUS = timedelta(minutes=10), timedelta(hours=6)
NAMES = ("米国", "日本", "海軍")
WHO = [f"u{number}" for number in range(5)]
ANCHOR = "u9"
"""Always there: a folder in which nothing is left is not believed."""
STAMPS = ("now", "same", "older")

Seen = tuple[str, str, tuple[str, ...]]
"""What readers see of an article: title, text, names of categories."""


# ---------------------------------------------------------------- who reads


@dataclass
class Reader:
    """What the ledger holds of a store: with the cursor, always."""

    cursor: str | None = None
    known: dict[str, Known] = field(default_factory=dict)
    held: dict[str, RawArticle] = field(default_factory=dict)
    kept_out: set[str] = field(default_factory=set)
    taxonomy: dict[str, Category] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    """The id under which each article was told first."""

    def take(self, batch: Batch) -> None:
        """Record a batch, and its cursor with it."""
        changes = diff(self.known, batch)
        for change in (*changes.new, *changes.edited, *changes.restored):
            self._write(change)
        for id_ in changes.back:
            self.known[id_] = replace(self.known[id_], gone=PRESENT)
        for one in batch.garbage:
            before = self.known.get(one.id, Known(one.id, "", "", 0))
            self.known[one.id] = replace(before, fingerprint="", kept_out=True)
            self.kept_out.add(one.id)
        for id_ in changes.gone:
            self.known[id_] = replace(self.known[id_], gone=GONE)
        self.kept_out -= {id_ for id_ in batch.gone if id_ not in self.held}
        if batch.categories is not None:
            self.taxonomy = {one.key: one for one in batch.categories}
        self.cursor = batch.cursor
        if not batch.more:
            self.withdraw()

    def count(self, store: Store, ids: list[str] | None) -> None:
        """Hold a census."""
        census = store.census(ids)
        for id_, level in compare((one for one in self.known.values() if one.guid), census).items():
            self.known[id_] = replace(self.known[id_], gone=level)
        if census.covers is None:
            self.kept_out &= self.held.keys() | census.present
        self.withdraw()

    def withdraw(self) -> None:
        for id_ in [id_ for id_ in self.held if self.known[id_].gone == GONE]:
            del self.held[id_]
            self.known[id_] = replace(self.known[id_], withdrawn=True)
            self.kept_out.discard(id_)

    def seen(self) -> dict[str, list[Seen]]:
        """What its own readers see, by who it is about."""
        found: dict[str, list[Seen]] = {}
        for raw in self.held.values():
            names = tuple(sorted(self.taxonomy[key].name for key in raw.categories))
            found.setdefault(who(raw), []).append((raw.title, raw.content, names))
        return found

    def _write(self, change: Change) -> None:
        raw = change.raw
        assert self.ids.setdefault(who(raw), raw.id) == raw.id
        self.held[raw.id] = raw
        self.known[raw.id] = Known(raw.id, change.fingerprint, change.headline, change.revision, "guid")
        self.kept_out.discard(raw.id)


def who(raw: RawArticle) -> str:
    return raw.title.partition(" ")[0]


# ---------------------------------------------------------------- where is written


@dataclass
class Piece:
    """An article where it is written. `stamp` is what it says of its last change."""

    title: str
    name: str
    stamp: datetime
    public: bool = True
    broken: bool = False


class Shelf(ABC):
    """A place where articles are written, and its clock. `remembered`: rows of a query that a cursor may hold."""

    remembered = 3

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START
        self.pieces: dict[str, Piece] = {}

    @abstractmethod
    def opened(self) -> Store: ...

    @abstractmethod
    def put(self, id_: str) -> None:
        """Have it there as its piece says."""

    @abstractmethod
    def drop(self, id_: str) -> None: ...

    def double(self, id_: str) -> None:
        """Have another one there under the same id."""
        raise NotImplementedError

    def alone(self, id_: str) -> None:
        """Take the other one away."""
        raise NotImplementedError

    def move(self, id_: str, name: str = "") -> None:  # noqa: B027 - not everything has a place
        """Put it elsewhere, under the name it has or another one."""

    def rename(self, before: str, after: str) -> None:
        """Give a category another name, with the stamps of its articles left alone."""
        for id_, piece in self.pieces.items():
            if piece.name == before:
                piece.name = after
                self.put(id_)

    def restamp(self) -> None:
        for id_, piece in self.pieces.items():
            piece.stamp = self.now
            self.put(id_)

    def truth(self) -> dict[str, list[Seen]]:
        return {id_: [(piece.title, self.text, (piece.name,))] for id_, piece in self.pieces.items() if piece.public}

    text = ""


class Clockwork(SQLite):
    """SQLite whose clock is the shelf's."""

    shelf: Shelf

    def clock(self, connection: Connection) -> datetime:
        assert not connection.closed
        return self.shelf.now


class Tables(Shelf):
    """Rows of one table. Categories are names, or (`listed`) rows of another."""

    text = "<p>本文</p>"
    listed = False
    where = "WHERE changed >= :since"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "cms.db"
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("CREATE TABLE post (id INTEGER, title, made, changed, filed)")
        self.db.execute("CREATE TABLE term (id INTEGER PRIMARY KEY, name)")
        self.db.executemany("INSERT INTO term (name) VALUES (?)", [(name,) for name in NAMES])

    def opened(self) -> Store:
        asked = f"""SELECT id, title, '{self.text}' AS content, made AS published, changed AS updated,
            {"filed" if self.listed else "(SELECT name FROM term WHERE term.id = filed)"} AS categories
            FROM post {self.where}"""
        listing = "SELECT id, name FROM term" if self.listed else ""
        zone = ZoneInfo("UTC")
        dialect = Clockwork(address.parse(f"sqlite:///{self.path}"), timedelta(minutes=1), zone)
        dialect.shelf = self
        return QueryStore("blog", Question(asked, listing, "text", OVERLAP, CENSUS, Reading(zone)), dialect)

    def put(self, id_: str) -> None:
        self.drop(id_)
        piece = self.pieces[id_]
        if piece.public:
            self._insert(id_, piece.title, "yesterday" if piece.broken else str(START.replace(tzinfo=None)))

    def _insert(self, id_: str, title: str, made: str) -> None:
        piece = self.pieces[id_]
        term = self._term(piece.name)
        changed = str(piece.stamp.replace(tzinfo=None))
        self.db.execute("INSERT INTO post VALUES (?, ?, ?, ?, ?)", (int(id_[1:]), title, made, changed, term))

    def _term(self, name: str) -> int:
        known = self.db.execute("SELECT id FROM term WHERE name = ?", (name,)).fetchone()
        return int(known[0] if known else self.db.execute("INSERT INTO term (name) VALUES (?)", (name,)).lastrowid or 0)

    def drop(self, id_: str) -> None:
        self.db.execute("DELETE FROM post WHERE id = ?", (int(id_[1:]),))

    def double(self, id_: str) -> None:
        self._insert(id_, f"{id_} 別", str(START.replace(tzinfo=None)))

    def alone(self, id_: str) -> None:
        self.put(id_)

    def rename(self, before: str, after: str) -> None:
        if not self.db.execute("SELECT 1 FROM term WHERE name = ?", (after,)).fetchone():
            self.db.execute("UPDATE term SET name = ? WHERE name = ?", (after, before))
            for piece in self.pieces.values():
                piece.name = after if piece.name == before else piece.name


class ListedTables(Tables):
    listed = True


class AllTables(Tables):
    """With a query that gives everything each time, to a reader who remembers every row."""

    where = ""
    remembered = place.REMEMBERED


class Files(Shelf):
    """Files in a folder. Those of even numbers say their id."""

    text = "<p>本文</p>\n"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "copies").mkdir()
        self.places: dict[str, Path] = {}
        self.moves = 0

    def opened(self) -> Store:
        rules = Rules(ZoneInfo("UTC"), PERMALINK)
        return MarkdownStore("blog", Folder(self.folder), rules, lambda: int(self.now.timestamp() * 10**9))

    def put(self, id_: str) -> None:
        self._write(self.places.setdefault(id_, self.folder / f"{id_}.md"), id_, id_)

    def _write(self, path: Path, id_: str, title: str) -> None:
        piece = self.pieces[id_]
        said = {
            "title": piece.title.replace(id_, title),
            "date": START.isoformat(),
            "lastmod": piece.stamp.isoformat(),
            "categories": [piece.name],
            "draft": not piece.public,
            **({"id": f"id {id_}"} if int(id_[1:]) % 2 == 0 else {}),
        }
        lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in said.items()]
        before = path.stat().st_ctime_ns if path.exists() else 0
        while True:
            path.write_text("\n".join(["---", *lines, *(["a: b: c"] if piece.broken else []), "---", "本文", ""]))
            os.utime(path, (piece.stamp.timestamp(), piece.stamp.timestamp()))
            if path.stat().st_ctime_ns != before:  # the kernel's clock ticks more slowly than this story is told
                return

    def drop(self, id_: str) -> None:
        self.places[id_].unlink()

    def double(self, id_: str) -> None:
        self._write(self.folder / "copies" / f"{id_}.md", id_, "別")

    def alone(self, id_: str) -> None:
        (self.folder / "copies" / f"{id_}.md").unlink()

    def move(self, id_: str, name: str = "") -> None:
        self.moves += 1
        there = self.folder / f"m{self.moves % 3}" / (f"{id_}-{self.moves}.md" if name else self.places[id_].name)
        there.parent.mkdir(exist_ok=True)
        self.places[id_] = self.places[id_].rename(there)


# ---------------------------------------------------------------- stories

ids = st.sampled_from(WHO)
stamps = st.sampled_from(STAMPS)


class Stories(RuleBasedStateMachine):
    """What happens, in any order."""

    kind: type[Shelf]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.shelf = self.kind(self.folder)
        self.store = self.shelf.opened()
        self.reader = Reader()
        self.saved: list[Reader] = []
        self.doubles: set[str] = set()
        self.edits = 0
        self.write(ANCHOR, "米国", "now")

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.store.close()
            shutil.rmtree(self.folder)

    # ---- who writes

    @rule(id_=ids, name=st.sampled_from(NAMES), stamp=stamps)
    def write(self, id_: str, name: str, stamp: str) -> None:
        """Write it, edit it, or show it again."""
        self.edits += 1
        before = self.shelf.pieces.get(id_)
        moment = self.shelf.now
        if before is not None and stamp != "now":
            moment = before.stamp - timedelta(days=stamp == "older")
        if id_ not in self.doubles:
            self._put(id_, Piece(f"{id_} {self.edits}", name, moment))

    @rule(id_=ids)
    def take_away(self, id_: str) -> None:
        if id_ in self.shelf.pieces and id_ not in self.doubles:
            self.shelf.drop(id_)
            del self.shelf.pieces[id_]

    @rule(id_=ids, public=st.booleans())
    def hide_or_show(self, id_: str, public: bool) -> None:
        self._change(id_, public=public)

    @rule(id_=ids, broken=st.booleans())
    def spoil_or_mend(self, id_: str, broken: bool) -> None:
        self._change(id_, broken=broken)

    @rule(id_=ids)
    def move(self, id_: str) -> None:
        if id_ in self.shelf.pieces:
            self.shelf.move(id_)

    @rule(id_=ids)
    def move_by_another_name(self, id_: str) -> None:
        """An edit and another name at once would be another article."""
        if id_ in self.shelf.pieces:
            self.poll()
            self.shelf.move(id_, "another")
            self.poll()

    @rule(before=st.sampled_from(NAMES), after=st.sampled_from((*NAMES, "空軍")))
    def rename(self, before: str, after: str) -> None:
        self.shelf.rename(before, after)

    @rule()
    def restamp(self) -> None:
        if not self.doubles:
            self.shelf.restamp()

    @rule(id_=st.sampled_from(WHO[::2]))
    def double(self, id_: str) -> None:
        piece = self.shelf.pieces.get(id_)
        if piece is not None and piece.public and id_ not in self.doubles:
            self.doubles.add(id_)
            self.shelf.double(id_)

    @precondition(lambda self: self.doubles)
    @rule()
    def alone(self) -> None:
        self.shelf.alone(self.doubles.pop())

    @rule(seconds=st.sampled_from((1, 60, 400, 2000, 20_000)))
    def time_passes(self, seconds: int) -> None:
        self.shelf.now += timedelta(seconds=seconds)

    def _change(self, id_: str, **said: bool) -> None:
        if id_ in self.shelf.pieces and id_ not in self.doubles:
            self._put(id_, replace(self.shelf.pieces[id_], **said))  # type: ignore[arg-type]

    def _put(self, id_: str, piece: Piece) -> None:
        self.shelf.pieces[id_] = piece
        self.shelf.put(id_)

    # ---- who reads

    @rule()
    def step(self) -> None:
        self._read()

    @rule()
    def poll(self) -> None:
        while self._read():
            pass

    def _read(self) -> bool:
        """Read one batch."""
        batch = self.store.changes(self.reader.cursor)
        self.reader.take(batch)
        return batch.more

    @rule(whole=st.booleans())
    def count(self, whole: bool) -> None:
        self.reader.count(self.store, None if whole else sorted(self.reader.held))

    @rule(lost=st.booleans())
    def crash(self, lost: bool) -> None:
        """Break off, `lost`: with a batch that was read and not recorded."""
        if lost:
            self.store.changes(self.reader.cursor)
        self.store.close()
        self.store = self.shelf.opened()

    @rule()
    def save(self) -> None:
        self.saved.append(deepcopy(self.reader))

    @precondition(lambda self: self.saved)
    @rule()
    def go_back(self) -> None:
        """Have an older copy of the ledger put back."""
        self.reader = self.saved.pop()
        self.crash(lost=False)

    # ---- how it ends

    def settle(self) -> None:
        while self.doubles:
            self.alone()
        for id_ in list(self.shelf.pieces):
            self._change(id_, broken=False)
        for _ in range(3):
            self.shelf.now += CENSUS + OVERLAP
            self.poll()
            self.count(whole=True)
        assert self.reader.seen() == self.shelf.truth()
        assert self.reader.kept_out == set()
        for seconds in (0, 60):
            self.shelf.now += timedelta(seconds=seconds)
            assert self.store.changes(self.reader.cursor) == Batch((), self.reader.cursor or "")


@contextmanager
def small_batches(remembered: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tour, "BATCH", 2)
        patch.setattr(query_store, "BATCH", 2)
        patch.setattr(place, "REMEMBERED", remembered)
        yield


@pytest.mark.parametrize("shelf", [Tables, ListedTables, AllTables, Files])
def test_in_the_end_readers_hold_what_is_there(shelf: type[Shelf]) -> None:
    class Told(Stories):
        kind = shelf

    with small_batches(shelf.remembered):
        run_state_machine_as_test(Told, settings=budget(30))


def budget(examples: int) -> settings:
    return settings(
        max_examples=examples * int(os.environ.get("STORIES", "1")),
        stateful_step_count=30,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
