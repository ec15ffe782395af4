"""What an archive costs: the same site with a thousand, a hundred thousand and a million articles.

Each size is a process of its own, so that its peak of memory is its own: an embedded store is filled, feedpub polls it
for the first time, and then all of them live, in turn, through idle polls, new articles, corrections of articles deep
in the archive, withdrawals and a rebuild. To be polled for the first time would take the largest too long: its files
are those of the one before it after its first run, as if that were so many times as old (sites.multiply). Its archive
is cut, but only those parts are written that something touches. Run by `make bench`; `--quick` is a tenth of it, and
`python -m tests.bench.archive --help` says more.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from feedpub.app import App
from feedpub.ledger import schema
from feedpub.settings import load
from tests.bench.feeds import bar
from tests.bench.sites import QUIET, configure, correct, define, multiply, new_site, store_of, withdraw, write
from tests.databases import postgresql

SAID_BY = "console"
CONFIG = f"""{QUIET}
        [targets.{SAID_BY}]
        kind = "console"
        max_age = "9999d"
"""
MOST = 100_000
"""Articles of the largest site that is polled for the first time, and whose archive is written."""
RATES = ("articles a second", "without its archive")

# ---------------------------------------------------------------- what is measured

LAPS = ("idle poll", "one new article", "a correction", "a withdrawal")


class Lives:
    """A site in this process."""

    def __init__(self, size: int, folder: Path, *, archived: bool) -> None:
        """Take up a site; `archived`: its archive is to be written."""
        self.size, self.folder, self.archived = size, folder / str(size), archived
        self.store = store_of(self.folder)
        self.told: list[str] = []
        self.fresh, self.old = count(size), count(size // 2)

    def first(self) -> dict[str, float]:
        """Have all polled, built and archived for the first time; what that took."""
        begun = time.process_time()
        app = self._open()
        steps = {
            "first poll": timed(lambda: app.publisher.poll("blog")),
            "its feeds": timed(app.publisher.build),
            "its archive": timed(lambda: self._archive(app)),
        }
        whole = sum(steps.values())
        took = {
            "first run": whole,
            **steps,
            "its processor": time.process_time() - begun,
            "articles a second": self.size / whole,
            "without its archive": self.size / (steps["first poll"] + steps["its feeds"]),
            "most memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        _has_been_told_of_all(app)
        app.close()
        return took

    def start(self) -> float:
        """Begin; seconds until there is nothing left to build."""
        begun = time.perf_counter()
        self.app = self._open()
        taken = time.perf_counter() - begun
        self.app.publisher.build()
        self._archive(self.app)
        return taken

    def _archive(self, app: App) -> None:
        if self.archived:
            app.once()
            return
        with app.ledger.database.write() as connection:
            connection.execute(schema.part.update().values(built_seq=schema.part.c.dirty_seq))

    def _open(self) -> App:
        return App.open(load(self.folder / "config", {}), lead=True, show=lambda said: self.told.append(str(said)))

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

    def __init__(self, size: int, folder: Path, *, archived: bool) -> None:
        """Begin, and do nothing yet."""
        self.archived = archived
        command = [sys.executable, "-m", "tests.bench.archive", "--be", str(size), "--folder", str(folder)]
        command += [] if archived else ["--bare"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str) -> Any:
        """Have it do one thing, and tell how long that took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """Let it go."""
        self._process.communicate()


def live(site: Lives) -> None:
    """Do what standard input says, some words a line."""
    does: Mapping[str, Callable[[], object]] = {
        "first": site.first,
        "start": site.start,
        "rebuild": site.rebuild,
        **{name: partial(site.lap, name) for name in LAPS},
    }
    for line in sys.stdin:
        print(json.dumps(does[line.strip()]()), flush=True)


def make(size: int, folder: Path, model: int, database: str = "") -> None:
    """Make a site, in a process that ends with it: article by article, or (`model`) out of one that was polled."""
    here = folder / str(size)
    here.mkdir()
    if model:
        configure(here, CONFIG)
        multiply(folder / str(model), here, model, size // model)
    else:
        store = new_site(here, CONFIG, database=database)
        define(store)
        write(store, range(size))


# ---------------------------------------------------------------- one run


def main() -> None:
    """Print a table of sizes, and how the largest compares with the smallest."""
    given = _arguments()
    if given.be:
        return live(Lives(given.be, given.folder, archived=not given.bare))
    if given.make:
        return make(given.make, given.folder, given.model, given.database)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir=given.folder)))
        fresh = stack.enter_context(postgresql()).fresh if given.postgresql else str
        sites, took = {}, {}
        for before, size in pairwise([0, *sorted(given.sizes)]):
            whole = size <= given.polled
            made = ["--make", str(size), "--folder", str(folder), "--database", fresh()]
            making = timed(partial(_run, [*made, "--model", str(0 if whole else before)]))
            sites[size] = Apart(size, folder, archived=size <= min(given.polled, MOST))
            took[size] = {"its making": making, **(sites[size].ask("first") if whole else {})}
            start = sites[size].ask("start")
            took[size] |= {"a start": start} if whole else {}
        for name in LAPS:  # in turn, so that whatever else the machine does falls on all of them alike
            laps = [{size: site.ask(name) for size, site in sites.items()} for _ in range(given.rounds + 1)]
            for size in sites:
                taken, busy = (statistics.median(lap[size][one] for lap in laps[1:]) for one in (0, 1))
                took[size] |= {name: taken, f"{name}, processor": busy}
        for size, site in sites.items():
            took[size] |= {"rebuild": site.ask("rebuild")} if site.archived and not given.no_rebuild else {}
            site.end()
    return _tell(took)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, MOST, 10 * MOST], help="articles")
    parser.add_argument("--polled", type=int, default=MOST, help="a larger one is the one before it, multiplied")
    parser.add_argument("--rounds", type=int, default=15, help="how many of each small thing")
    parser.add_argument("--folder", type=Path, help="where to write, 10 GB (a disk like that of your output directory)")
    parser.add_argument("--postgresql", action="store_true", help="with a PostgreSQL for the ledger: polls all")
    parser.add_argument("--no-rebuild", action="store_true", help="leave the rebuild out")
    parser.add_argument("--quick", action="store_true", help="a tenth of the articles, and fewer rounds")
    for name in ("--be", "--make", "--model"):
        parser.add_argument(name, type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.sizes, given.polled, given.rounds = [1000, MOST // 10, MOST], MOST // 10, 5
    if given.postgresql:
        given.polled = max(given.sizes)
    return given


def _run(given: Sequence[str]) -> None:
    subprocess.run([sys.executable, "-m", "tests.bench.archive", *given], check=True)


def _tell(took: Mapping[int, Mapping[str, float]]) -> None:
    sizes = sorted(took)
    small, large = took[sizes[0]], took[sizes[-1]]
    polled = max(size for size in sizes if "first run" in took[size])
    names = dict.fromkeys(name for size in sizes for name in took[size])
    print(f"\n{'articles':28}" + "".join(f"{size:>12,}" for size in sizes))
    for name in names:
        print(f"{name.removesuffix(', MiB'):28}" + "".join(f"{_shown(name, took[size]):>12}" for size in sizes))
    for name in LAPS:
        long, busy = (large[one] / small[one] for one in (name, f"{name}, processor"))
        what = f"{name}: times as long with {sizes[-1]:,} as with {sizes[0]:,} (of the processor {busy:.2f})"
        bar(what, long, most=1.5)
    memory = took[polled]["most memory, MiB"] * 1.048576
    bar(f"a first run over {polled:,} articles in 50 categories: MB of memory", memory, most=300)


def _shown(name: str, took: Mapping[str, float]) -> str:
    value = took.get(name)
    if value is None:
        return "-"
    if name.endswith("MiB"):
        return f"{value:.0f} MiB"
    if name in RATES:
        return f"{value:,.0f}"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.1f} ms"


if __name__ == "__main__":
    main()
