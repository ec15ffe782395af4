"""What stores that keep no log of their changes cost: a folder of Markdown files, and a query of somebody's tables.

The sites of a kind live in this process, and are asked in turn. Most rows of a large table are put there after its
first poll, with dates long past: so they are no news to feedpub, and in the way of the query all the same.
Run by `make bench`; `python -m tests.bench.stores --help` says more.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from feedpub.app import App, now
from feedpub.settings import load
from tests.bench.archive import timed
from tests.bench.feeds import bar
from tests.bench.sites import QUIET, categories, configure, content, moment

LEAVES = [name for key, name, *_ in categories() if len(key) == 3]
HOUR = timedelta(hours=1)
READ = 1000
"""Rows of a table that are there at its first poll."""


class Site(ABC):
    """A site of so many articles, polled for the first time."""

    kind: str
    options: str

    def __init__(self, folder: Path, size: int) -> None:
        """Make it; `first` is how long its first poll took, `read` of how many articles."""
        self.folder, self.size, self.next = folder, size, size
        self.read = self.make()
        configure(folder, QUIET, store=self.options.format(folder=folder))
        self.app = App.open(load(folder / "config", {}), lead=True, show=lambda _: None)
        self.first = timed(lambda: self.app.publisher.poll("blog"))
        self.app.once()
        self.grow()

    @abstractmethod
    def make(self) -> int:
        """Make what is polled first; tells how many articles that is."""

    def grow(self) -> None:  # noqa: B027 - most are whole at once
        """Have the rest."""

    @abstractmethod
    def write(self, number: int) -> None:
        """Publish one more article."""

    def idle(self) -> float:
        """Seconds of a poll that finds nothing."""
        return timed(lambda: self.app.publisher.publish("blog"))

    def new(self) -> float:
        """Seconds from a new article to its feeds."""
        self.write(self.next)
        self.next += 1
        return timed(lambda: self.app.publisher.publish("blog"))

    def recheck(self) -> float:
        """Seconds that it takes to ask for what stands in feeds."""
        ids = sorted(self.app.ledger.feeds.windows("blog", 50))
        assert ids
        return timed(lambda: self.app.publisher.setup.sources["blog"].store.census(ids))


class Markdown(Site):
    """A folder of files."""

    kind = "Markdown files"
    options = 'kind = "markdown"\npath = "{folder}/content"'

    def make(self) -> int:
        """Write them all."""
        for number in range(self.size):
            self.write(number)
        return self.size

    def write(self, number: int) -> None:
        """Write a file, as of an hour ago: one that was just written is read once more."""
        here = self.folder / "content" / f"{number % 100}"
        here.mkdir(parents=True, exist_ok=True)
        file = here / f"{number}.md"
        text = content(number).replace("<p>", "").replace("</p>", "\n\n")
        head = (
            f"title: 第{number}号\ndate: {moment(number).isoformat()}\ncategories: [{LEAVES[number % len(LEAVES)]}]\n"
        )
        file.write_text(f"---\n{head}---\n{text}", encoding="utf-8")
        written = file.stat().st_mtime - HOUR.total_seconds()
        os.utime(file, (written, written))


class Query(Site):
    """A table of another program, in SQLite, with an index on the date that the query asks by."""

    kind = "rows of a table"
    options = (
        'kind = "sql"\nurl = "sqlite:///{folder}/theirs.db"\nquery = "SELECT id, title, body AS content,'
        " 'https://news.example.net/' || id AS url, published, updated, category AS categories FROM post"
        ' WHERE updated >= :since"'
    )

    def make(self) -> int:
        """Have the table, and its newest rows."""
        self.store = self.folder / "theirs.db"
        with closing(sqlite3.connect(self.store)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE post (id INTEGER PRIMARY KEY, title, body, published, updated, category)")
            connection.execute("CREATE INDEX post_updated ON post (updated)")
        for number in range(self.size - READ, self.size):
            self.write(number)
        return READ

    def grow(self) -> None:
        """Have the older rows, as they would have been."""
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute("PRAGMA cache_size = -300000")
            for at in range(0, self.size - READ, READ):
                older = "SELECT id - :less, title, body, :then, :then, category FROM post WHERE id >= :first"
                given = {"less": self.size - READ - at, "first": self.size - READ, "then": f"{moment(at):%F %T}"}
                connection.execute(f"INSERT INTO post {older}", given)

    def write(self, number: int) -> None:
        """Write a row, as of now; one of the first is an hour younger than the one before."""
        said = f"{now() - HOUR * max(0, self.size - number):%F %T}"
        row = (number, f"第{number}号", content(number), said, said, LEAVES[number % len(LEAVES)])
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute("INSERT INTO post VALUES (?, ?, ?, ?, ?, ?)", row)


LAPS: dict[str, Callable[[Site], float]] = {
    "idle poll": Site.idle,
    "one new article": Site.new,
    "a look at what stands in feeds": Site.recheck,
}


def live(kind: type[Site], sizes: Sequence[int], rounds: int, folder: Path) -> dict[str, list[float]]:
    """Let the sites of a kind live in turn; prints medians, and returns them."""
    with ExitStack() as stack:
        sites = []
        for size in sizes:
            (folder / f"{size}").mkdir()
            sites.append(kind(folder / f"{size}", size))
            stack.callback(sites[-1].app.close)
        took = {name: [[lap(site) for site in sites] for _ in range(rounds)] for name, lap in LAPS.items()}
    print(f"\n{kind.kind:31}" + "".join(f"{size:>12,}" for size in sizes))
    print(f"{'first poll, articles a second':31}" + "".join(f"{site.read / site.first:12,.0f}" for site in sites))
    medians = {name: [statistics.median(one) for one in zip(*laps, strict=True)] for name, laps in took.items()}
    for name, found in medians.items():
        print(f"{name:31}" + "".join(f"{median * 1000:>9.1f} ms" for median in found))
    return medians


def main() -> None:
    """Print medians, and how the large ones compare with the small ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="how many of each")
    parser.add_argument("--folder", type=Path, help="where to write, 4 GB")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a tenth of the rows")
    given = parser.parse_args()
    given.rounds = 5 if given.quick else given.rounds
    with TemporaryDirectory(dir=given.folder) as folder:
        for name in ("files", "rows"):
            (Path(folder) / name).mkdir()
        found = live(Markdown, (1000, 10_000), given.rounds, Path(folder) / "files")
        bar("idle poll of 10,000 files: seconds", found["idle poll"][-1], most=1)
        sizes = (READ, 100_000 if given.quick else 1_000_000)
        found = live(Query, sizes, given.rounds, Path(folder) / "rows")
        for name in ("idle poll", "one new article"):
            small, large = found[name]
            bar(f"{name}: times as long with {sizes[-1]:,} rows as with {sizes[0]:,}", large / small, most=1.5)


if __name__ == "__main__":
    main()
