"""What it takes to serve a feed of 80 KB: feedpub's own server beside nginx, on the same files, asked by wrk.

`feedpub run` is a process of its own, nginx another with one worker, once by the file that we ship for it and once with
no more than it needs to send compressed copies. They are asked in turn, each for some seconds, so that whatever else
the machine does falls on all alike; what counts is the ratio within a round. wrk has one processor, as each server has:
where wrk is the slower of the two, the servers' own time of the processor tells more. Then feedpub is asked while it
renders 1,000 feeds anew. Needs nginx and wrk (on Debian: apt-get install nginx-light wrk). Run by `make bench`;
`python -m tests.bench.serving --help` says more.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.feeds import bar
from tests.bench.sites import QUIET, define, new_site, write
from tests.edge.front_door import free_port, until
from tests.edge.plain import Plain, running, shipped
from tests.edge.serving import Answer

NEEDED = {"wrk": "wrk", "nginx": "nginx-light"}
"""What is run, and what to install for it, on Debian."""
ARTICLES, ENTRIES = 480, 17
"""So that the feed of all has 80 KB, and there are a thousand feeds: of categories, tags and authors."""
READERS = 16
"""Connections that ask at once, each as soon as it has its answer."""
FILE = "/feeds/all.rss"
OPTIONS = f"""{QUIET}
        [web]
        listen = "127.0.0.1:PORT"
        [admin]
        listen = "127.0.0.1:0"
"""
SPELLS = 3
"""How often each is asked while nothing else changes."""
BUILT_WITHIN = 300.0
SHIPPED, BARE = "nginx as shipped", "nginx, bare"
LEAST = """
location /feeds/ {{
    alias {root}/;
    types {{ application/rss+xml rss; }}
    gzip_static on;
    gzip_vary on;
}}
"""
_UNITS: Mapping[str, float] = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class Took(NamedTuple):
    """What wrk found."""

    rate: float
    """Answers a second."""
    late: float
    """Milliseconds that one in a hundred answers took, or more."""
    busy: float
    """Microseconds of the processor that the server needed for one."""


# ---------------------------------------------------------------- the two servers


@contextmanager
def feedpub(folder: Path) -> Iterator[Plain]:
    """Run feedpub as an admin does, with all its feeds built."""
    port = free_port()
    store = new_site(folder, OPTIONS.replace("PORT", f"{port}"), poll="1d")
    config = folder / "config" / "feedpub.toml"
    feeds = f"[feeds]\n        entries = {ENTRIES}\n        archive = 0\n        tags = true\n        authors = true"
    text = config.read_text("utf-8").replace("[feeds]", feeds)
    config.write_text(text.replace("news.example.net", "news.test"), encoding="utf-8")
    define(store)
    write(store, range(ARTICLES))
    _series(store)
    command = [sys.executable, "-m", "feedpub", "--config", str(folder / "config")]
    subprocess.run([*command, "once"], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([*command, "run"], stdout=subprocess.DEVNULL)
    server = Plain(folder / "public", port, process.pid)
    try:
        until(lambda: process.poll() is not None or _answers(server))
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def nginxes(folder: Path, root: Path) -> Iterator[Mapping[str, Plain]]:
    """Run nginx twice over the same files."""
    homes = folder / "shipped", folder / "bare"
    for home in homes:
        home.mkdir()
    with (
        shipped("nginx", homes[0], root) as as_shipped,
        running("nginx", homes[1], root, LEAST.format(root=root)) as bare,
    ):
        yield {SHIPPED: as_shipped, BARE: bare}


def _series(store: Path) -> None:
    """Give each article one tag more, which no other has."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany(
            "INSERT INTO article_tag VALUES (?, ?, 9)", [(f"{number}", f"連載{number}") for number in range(ARTICLES)]
        )


def _answers(server: Plain) -> bool:
    try:
        return server.ask(FILE).status == 200
    except OSError:
        return False


# ---------------------------------------------------------------- asking


def wrk(server: Plain, headers: Mapping[str, str], seconds: int, readers: int = READERS) -> Took:
    """Ask one server for the feed, over and over."""
    said = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{readers}", f"-d{seconds}s", "--latency", *said]
    busy = _busy(server.process)
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{FILE}"], check=True, capture_output=True, text=True
    ).stdout
    busy = _busy(server.process) - busy
    late = re.search(r"99% +([0-9.]+)(us|ms|s)\n", told)
    rate = re.search(r" ([0-9]+) requests in [^R]*Requests/sec: +([0-9.]+)", told)
    assert late, told
    assert rate, told
    assert "Non-2xx" not in told, told
    assert "Socket errors" not in told, told
    return Took(float(rate[2]), float(late[1]) * _UNITS[late[2]], busy / int(rate[1]) * 1e6)


def _busy(process: int) -> float:
    """Seconds of the processor that a process has had (proc(5): its own, and those of the system for it)."""
    spent = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def asked(server: Plain, encoding: str, *, again: bool) -> dict[str, str]:
    """The headers of a reader who takes an encoding, and has the feed already or not; the answer is looked at once."""
    headers = {"Accept-Encoding": encoding}
    first = server.ask(FILE, **headers)
    assert _is(first, 200, encoding), first.headers
    if again:
        headers["If-None-Match"] = first.headers["etag"]
        assert server.ask(FILE, **headers).status == 304
    return headers


def _is(answer: Answer, status: int, encoding: str) -> bool:
    return (answer.status, answer.headers.get("content-encoding", "identity")) == (status, encoding)


# ---------------------------------------------------------------- beside nginx

QUESTIONS = {
    f"{status} {encoding}": (encoding, status == "304")
    for status in ("200", "304")
    for encoding in ("identity", "gzip")
}


def beside(servers: Mapping[str, Plain], number: int, seconds: int) -> None:
    """Ask all in turn, in each round in another order; tell the medians, and those of the rounds' ratios."""
    rounds: dict[str, list[dict[str, Took]]] = {question: [] for question in QUESTIONS}
    for lap in range(number):
        for question, (encoding, again) in QUESTIONS.items():
            turns = random.Random(lap).sample(sorted(servers), len(servers))
            took = {name: wrk(servers[name], asked(servers[name], encoding, again=again), seconds) for name in turns}
            rounds[question].append(took)
    for question, laps in rounds.items():
        told = []
        for name in servers:
            rate, busy = (statistics.median(lap[name][part] for lap in laps) for part in (0, 2))
            told.append(f"{name} {rate:,.0f} a second, {busy:.0f} µs each")
        print(f"  {question:14}{'; '.join(told)}")
    for question, laps in rounds.items():
        same, least = (
            statistics.median(lap["feedpub"].rate / lap[other].rate for lap in laps) for other in (SHIPPED, BARE)
        )
        print(f"          {question}: requests a second, times those of nginx as shipped: {same:.2f}")
        bar(f"{question}: requests a second, times those of nginx with the least to do", least, least=0.4)


# ---------------------------------------------------------------- while it is at work


def at_work(server: Plain, folder: Path, number: int, seconds: int) -> None:
    """Ask feedpub while it does nothing else, and while it renders all feeds anew; tell how late answers are."""
    files = sorted(server.root.rglob("*.json"))
    print(f"\nthe same while {len(files):,} feeds are rendered, each in three formats ({number} rounds)")
    rounds = []
    for lap in range(number):
        headers = asked(server, "gzip", again=False)
        idle = _spells(server, headers, seconds)
        before = _inodes(files)
        _retitle(folder, lap)
        until(lambda: _inodes(files) - before, within=BUILT_WITHIN)  # noqa: B023 - called at once
        rounds.append((idle, _spells(server, headers, seconds)))
        assert _inodes(files) & before, "the feeds were all rendered before the last answer: render more of them"
        until(lambda: not _inodes(files) & before, within=BUILT_WITHIN)  # noqa: B023 - called at once
    for readers in (READERS, 1):
        quiet, loud = ([one[part][readers] for one in rounds] for part in (0, 1))
        ratio = statistics.median(b.late / a.late for a, b in zip(quiet, loud, strict=True))
        for what, laps in (("idle", quiet), ("at work", loud)):
            rate, late = (statistics.median(took[part] for took in laps) for part in (0, 1))
            print(f"  {what:8} {readers:2} readers {rate:7,.0f} a second; one in a hundred takes {late:.1f} ms or more")
        if readers == READERS:
            bar(f"p99 of {readers} readers while it is at work, times that of when it is idle", ratio, most=5)


def _spells(server: Plain, headers: Mapping[str, str], seconds: int) -> dict[int, Took]:
    """Let many readers ask, and one alone, in turn; the medians."""
    took: dict[int, list[Took]] = {READERS: [], 1: []}
    for _ in range(SPELLS):
        for readers, laps in took.items():
            laps.append(wrk(server, headers, seconds, readers))
    return {readers: Took(*map(statistics.median, zip(*laps, strict=True))) for readers, laps in took.items()}


def _inodes(files: Sequence[Path]) -> set[tuple[Path, int]]:
    return {(file, file.stat().st_ino) for file in files}


def _retitle(folder: Path, lap: int) -> None:
    """Give the site another title, as an admin would: every feed says it."""
    config = folder / "config" / "feedpub.toml"
    fresh = config.with_name("feedpub.new")
    fresh.write_text(re.sub('title = ".*"', f'title = "航空ニュース第{lap}版"', config.read_text("utf-8")), "utf-8")
    fresh.replace(config)


def main() -> None:
    """Print rates and ratios, and whether the bars are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="how many")
    parser.add_argument("--folder", type=Path, help="where to write (a disk like that of your output directory)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and shorter ones")
    given = parser.parse_args()
    rounds, seconds = (3, 1) if given.quick else (given.rounds, 2)
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    if missing := [package for program, package in NEEDED.items() if not shutil.which(program, path=path)]:
        sys.exit(
            f"To measure serving, install {' and '.join(missing)} (on Debian: apt-get install {' '.join(missing)})"
        )
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx may serve as another user
        with feedpub(folder) as ours, nginxes(folder, ours.root) as others:
            size = len((ours.root / "all.rss").read_bytes())
            print(f"\na feed of {size / 1000:.0f} KB, asked for by {READERS} readers at once ({rounds} rounds)")
            print("  answers a second, and the server's time of the processor for each")
            beside({"feedpub": ours, **others}, rounds, seconds)
            at_work(ours, folder, 1 if given.quick else 3, seconds)


if __name__ == "__main__":
    main()
