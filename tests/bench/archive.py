"""What an archive costs: the same site with a thousand, ten thousand and a hundred thousand articles.

Each size is a process of its own, so that its peak of memory is its own: an embedded store is filled, feedpub polls it
for the first time, and then all of them live, in turn, through idle polls, new articles, corrections of articles deep
in the archive, withdrawals and a rebuild.
Run by `make bench`; `python -m tests.bench.archive --help` says more.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from feedpub.app import App
from feedpub.settings import load
from feedpub.stores.sql import SqlOptions
from tests.bench.feeds import bar
from tests.databases import postgresql

FIRST = datetime(2010, 1, 1, tzinfo=UTC)
TAGS = 500
"""As many as a site with a long past has."""
SAID_BY = "console"


# ---------------------------------------------------------------- the site


def categories() -> Iterator[tuple[str, str, str, str | None]]:
    """Thirty: three, three below each, two below each of those."""
    for one in range(1, 4):
        yield f"{one}", f"分野{one}", f"c{one}", None
        for two in range(1, 4):
            yield f"{one}{two}", f"分野{one}の{two}", f"c{one}-{two}", f"{one}"
            for three in range(1, 3):
                yield f"{one}{two}{three}", f"分野{one}の{two}の{three}", f"c{one}-{two}-{three}", f"{one}{two}"


LEAVES = [key for key, *_ in categories() if len(key) == 3]
_chance = random.Random(0)
VOCABULARY = [
    "".join(chr(_chance.randrange(0x4E00, 0x5E00)) for _ in range(_chance.randint(1, 4))) for _ in range(5000)
]
OFTEN = list(accumulate(1 / (rank + 5) for rank in range(len(VOCABULARY))))
"""How often each word is said: so that it packs about as well as people's words do."""
_article = "INSERT INTO article (id, url, title, content, published) VALUES (?, ?, ?, ?, ?)"


def content(number: int) -> str:
    """3 kB of HTML in signs as Japanese has (UTF-8), other words in each."""
    words = random.Random(number).choices(VOCABULARY, cum_weights=OFTEN, k=390)
    return "".join(f"<p>{''.join(words[at : at + 40])}。</p>" for at in range(0, len(words), 40))


def write(store: Path, numbers: Iterable[int]) -> None:
    """Publish articles, in one transaction."""
    with closing(sqlite3.connect(store)) as connection, connection:
        for number in numbers:
            id_, moment = f"{number}", FIRST + timedelta(hours=number)
            row = (id_, f"https://news.example.net/{id_}/", f"第{id_}号", content(number), moment.isoformat())
            connection.execute(_article, row)
            chance = random.Random(-number)
            connection.execute("INSERT INTO article_category VALUES (?, ?, 0)", (id_, chance.choice(LEAVES)))
            tags = chance.sample(range(TAGS), 5)
            connection.executemany("INSERT INTO article_tag VALUES (?, ?, 0)", [(id_, f"話題{one}") for one in tags])


def correct(store: Path, number: int) -> None:
    """Add a line to an article."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE article SET content = content || '<p>訂正</p>' WHERE id = ?", (f"{number}",))


def withdraw(store: Path, number: int) -> None:
    """Delete an article."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM article WHERE id = ?", (f"{number}",))


def site(folder: Path, size: int, database: str) -> Path:
    """Make a site with so many articles, which feedpub has never seen; returns its store."""
    store = folder / "articles.db"
    SqlOptions.model_validate({"path": str(store)}).embedded().file.create()
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany("INSERT INTO category VALUES (?, ?, ?, ?)", categories())
    write(store, range(size))
    (folder / "config").mkdir()
    (folder / "config" / "feedpub.toml").write_text(
        f"""
        [site]
        title = "航空ニュース"
        url = "https://news.example.net/"
        [log]
        level = "error"
        [database]
        url = "{database or f"sqlite:///{folder}/feedpub.db"}"
        [feeds]
        base_url = "https://news.example.net/feeds/"
        output = "{folder}/public"
        [stores.blog]
        kind = "sql"
        path = "{store}"
        [targets.{SAID_BY}]
        kind = "console"
        max_age = "9999d"
        """,
        encoding="utf-8",
    )
    return store


# ---------------------------------------------------------------- what is measured

LAPS = ("idle poll", "one new article", "a correction", "a withdrawal")


class Lives:
    """One site, from its first run on."""

    def __init__(self, size: int, folder: Path, database: str = "") -> None:
        """Make a site, and have it polled, built and archived for the first time; `first` tells how long that took."""
        self.size, self.folder = size, folder
        self.store = site(folder, size, database)
        self.told: list[str] = []
        begun = time.process_time()
        app = self._open()
        steps = {
            "first poll": timed(lambda: app.publisher.poll("blog")),
            "its feeds": timed(app.publisher.build),
            "its archive": timed(app.once),
        }
        self.first = {"first run": sum(steps.values()), **steps, "its processor": time.process_time() - begun}
        self.first["most memory, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _has_been_told_of_all(app)
        app.close()
        self.first["a start"] = timed(self._start)
        self.fresh, self.old = count(size), count(size // 2)

    def _open(self) -> App:
        return App.open(load(self.folder / "config", {}), lead=True, show=lambda said: self.told.append(str(said)))

    def _start(self) -> None:
        self.app = self._open()

    def lap(self, name: str) -> tuple[float, float]:
        """Let one thing happen; seconds until feedpub has answered it, by the clock and of the processor."""
        happens: Mapping[str, Callable[[], object]] = {
            "idle poll": lambda: None,
            "one new article": lambda: write(self.store, [next(self.fresh)]),
            "a correction": lambda: correct(self.store, next(self.old)),
            "a withdrawal": lambda: withdraw(self.store, next(self.old)),
        }
        happens[name]()
        said, busy = len(self.told), time.process_time()
        taken = timed(self._answer)
        assert len(self.told) - said == (name == "one new article"), "what is new is said, and nothing else"
        return taken, time.process_time() - busy

    def _answer(self) -> None:
        self.app.publisher.publish("blog")
        for one in self.app.publisher.claim(16):
            self.app.publisher.deliver(one)

    def rebuild(self) -> float:
        """Seconds that a rebuild takes, which finds nothing changed."""
        return timed(self.app.publisher.rebuild)


def _has_been_told_of_all(app: App) -> None:
    """As after years: everything was said once on the target."""
    with app.ledger.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO delivery (target, article, state, wanted, said, held_by, reason, attempts, fence,"
                " retractions, created_at, said_at, remote_id, remote_url) SELECT :target, pk, 'sent', 1, 1, '', '',"
                " 1, 1, 0, published, published, 'x', '' FROM article"
            ),
            {"target": SAID_BY},
        )
        connection.execute(
            text(
                "INSERT INTO attempt (delivery, fence, action, started_at, ended_at, outcome, detail)"
                " SELECT id, 1, 'announce', created_at, created_at, 'said', '' FROM delivery"
            )
        )


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ---------------------------------------------------------------- a process for each site


class Apart:
    """A site in a process of its own, which does what it is told to."""

    def __init__(self, size: int) -> None:
        """Let it live through its first run."""
        command = [sys.executable, "-m", "tests.bench.archive", *sys.argv[1:], "--one", str(size)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first: dict[str, float] = self._answer()

    def ask(self, what: str) -> Any:
        """Have it do one thing, and tell how long that took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """Let it go."""
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def live(size: int, folder: Path, database: str) -> None:
    """Do what standard input says, a word a line."""
    site = Lives(size, folder, database)
    print(json.dumps(site.first), flush=True)
    for line in sys.stdin:
        what = line.strip()
        print(json.dumps(site.rebuild() if what == "rebuild" else site.lap(what)), flush=True)


# ---------------------------------------------------------------- one run


def main() -> None:
    """Print a table of sizes, and how the largest compares with the smallest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000], help="articles")
    parser.add_argument("--rounds", type=int, default=15, help="how many of each small thing")
    parser.add_argument("--folder", type=Path, help="where to write (a disk like that of your output directory)")
    parser.add_argument("--postgresql", action="store_true", help="with a PostgreSQL for the ledger")
    parser.add_argument("--no-rebuild", action="store_true", help="leave the rebuild out")
    parser.add_argument("--one", type=int, default=0, help="be one site, and do what standard input says")
    given = parser.parse_args()
    if given.one:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(dir=given.folder)))
            live(given.one, folder, stack.enter_context(postgresql()).fresh() if given.postgresql else "")
        return
    sites = {size: Apart(size) for size in sorted(given.sizes)}
    found = {size: site.first for size, site in sites.items()}
    for name in LAPS:  # in turn, so that whatever else the machine does falls on all of them alike
        laps = [{size: site.ask(name) for size, site in sites.items()} for _ in range(given.rounds + 1)]
        for size in sites:
            taken, busy = (statistics.median(lap[size][one] for lap in laps[1:]) for one in (0, 1))
            found[size] |= {name: taken, f"{name}, processor": busy}
    for size, site in sites.items():
        found[size] |= {} if given.no_rebuild else {"rebuild": site.ask("rebuild")}
        site.end()
    _tell(found)


def _tell(found: Mapping[int, Mapping[str, float]]) -> None:
    sizes = sorted(found)
    small, large = found[sizes[0]], found[sizes[-1]]
    print(f"\n{'articles':28}" + "".join(f"{size:>12,}" for size in sizes))
    for name in small:
        print(f"{name.removesuffix(', MiB'):28}" + "".join(f"{_shown(name, found[size][name]):>12}" for size in sizes))
    for name in LAPS:
        bar(f"{name}: times as long with {sizes[-1]:,} as with {sizes[0]:,}", large[name] / small[name], most=1.5)


def _shown(name: str, value: float) -> str:
    if name.endswith("MiB"):
        return f"{value:.0f} MiB"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.1f} ms"


if __name__ == "__main__":
    main()
