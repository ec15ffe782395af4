"""A publisher over several stores at once, in virtual time: what the tests of several stores stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Batch, Category, Census, RawArticle
from feedpub.pipeline import Publisher, Setup, Source
from tests.edge.test_publisher import START, Desk
from tests.world import Board, ListOptions, ListStore, World

CATEGORIES = (Category("blog", "1", "米国関連", "us"), Category("blog", "2", "海軍", "navy", parent="1"))
POLL = {"minutes": 3}


class Shelf(ListStore):
    """A list whose census tells what is there by now."""

    def census(self, ids: Sequence[str] | None) -> Census:
        latest = {row if isinstance(row, str) else row.id: row for row in self.log}
        present = frozenset(id_ for id_, row in latest.items() if isinstance(row, RawArticle))
        return Census(present, None if ids is None else frozenset(ids))


class ShelfOptions(ListOptions):
    """A store that has to be asked what is gone."""

    @property
    def names_everything(self) -> bool:
        return False


class BrokenOffError(BaseException):
    """The process is gone."""


class Fragile(Shelf):
    """A shelf at which the process dies, after so many answers."""

    left = -1

    def changes(self, cursor: str | None) -> Batch:
        if self.left == 0:
            raise BrokenOffError
        self.left -= 1
        return super().changes(cursor)


class Newsstand(Desk):
    """A desk over the stores that are in `sources` now; `apply` saves a change of them."""

    def __init__(self, url: str, folder: Path, **sources: Source) -> None:
        self.url, self.sources = url, sources
        self.now, self.folder, self.output, self.feeds = START, folder, "public", {}
        self.world, self.store = World(START), ListStore()
        self.targets = {"board": Board(name="board")}
        self.start()
        self.poll()

    def start(self) -> None:
        """Begin, or begin again after an end that nobody saw coming."""
        self.ledger = Ledger(Database(self.url))
        self.ledger.open(lead=True)
        door: Any = self.world
        self.publisher = Publisher(self.ledger, door, self.setup(), lambda: self.now)
        self.publisher.apply(self.setup())

    def setup(self) -> Setup:
        return replace(super().setup(), sources=self.sources)

    def apply(self, **sources: Source) -> None:
        """Put a config with these stores in force."""
        self.sources = sources
        self.publisher.apply(self.setup())

    def poll(self) -> dict[str, str]:
        """Ask every store; gives their errors."""
        done = {name: self.publisher.publish(name) for name in self.sources}
        while self.publisher.archive().parts:
            pass
        return {name: one.error for name, one in done.items() if one.error}

    def round(self, **wait: float) -> None:
        self.passes(**(wait or POLL))
        assert self.poll() == {}
        while claimed := self.publisher.claim(5):
            for one in claimed:
                self.publisher.deliver(one)

    def files(self) -> dict[str, bytes]:
        """All that readers get."""
        root = self.folder / self.output
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def texts(self) -> list[str]:
        """The headline of every notice that stands."""
        return [post.text.partition("\n")[0] for post in self.world.posts if post.standing]


def shelf(name: str, store: ListStore | None = None, **options: object) -> Source:
    """Be a store in the config, of the kind `list` unless `kind` says otherwise."""
    return Source(ShelfOptions.model_validate({"name": name, **options}), store or Shelf())


def article(id_: str, published: datetime = START, **fields: Any) -> RawArticle:
    """Say an article as a store does."""
    given = {"url": f"https://news.test/{id_}", "title": f"記事{id_}", "published": published.isoformat()} | fields
    return RawArticle(id=id_, **given)
