"""What it takes to tell a thousand webhooks of one article, beside a bare thread pool of requests doing the same posts.

All post to one server on loopback that answers after 50 ms; then a tenth of the targets never answer. Each side of each
round is a process of its own, in turn, so that its peak of memory is its own, and whatever else the machine does falls
on all of them alike. Run by `make bench`; `python -m tests.bench.fanout --help` says more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from sqlalchemy import Connection, event

from feedpub.app import App, now
from feedpub.daemon import POOL, Daemon
from feedpub.model import State
from feedpub.settings import load
from tests.bench.feeds import bar
from tests.bench.sites import new_site

TARGETS = 1000
HANGING = 100
ANSWERS_AFTER = 0.05
HANG = "hang"

# ---------------------------------------------------------------- the other side


class Heard:
    """What the server heard in one lap."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.posts: dict[str, int] = {}
        self.answered: dict[str, float] = {}
        self.now = self.most = 0
        self.awaited: dict[Wire, int] = {}

    def told(self) -> dict[str, float]:
        """Say how many were answered, when the last of them was, and how many were at it at once."""
        return {
            "answered": len(self.answered),
            "last": max(self.answered.values(), default=0.0),
            "most at once": self.most,
            "repeats": sum(self.posts.values()) - len(self.posts),
        }


class Wire(asyncio.Protocol):
    """One connection: `POST /LAP/NUMBER` is answered after a while, `POST /LAP/hang/NUMBER` never.

    `GET /LAP/COUNT` is answered when so many of the lap's posts were.
    """

    laps: dict[str, Heard]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        """Read until a request is whole."""
        self._read += data
        head, gap, body = self._read.partition(b"\r\n\r\n")
        if not gap:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        if len(body) < int(headers.get("content-length", 0)):
            return
        self._read = b""
        method, path, _ = lines[0].split(" ")
        _, lap, *rest = path.split("/")
        heard = self.laps.setdefault(lap, Heard())
        if method == "GET":
            heard.awaited[self] = int(rest[0])
            self._tell(heard)
            return
        heard.posts[path] = heard.posts.get(path, 0) + 1
        heard.now += 1
        heard.most = max(heard.most, heard.now)
        if rest[0] != HANG:
            asyncio.get_running_loop().call_later(
                ANSWERS_AFTER, self._answer, heard, path, headers.get("connection") == "close"
            )

    def _answer(self, heard: Heard, path: str, last: bool) -> None:
        heard.answered[path] = time.monotonic()
        heard.now -= 1
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        if last:
            self._transport.close()
        self._tell(heard)

    def _tell(self, heard: Heard) -> None:
        for asker in [one for one, count in heard.awaited.items() if len(heard.answered) >= count]:
            del heard.awaited[asker]
            body = json.dumps(heard.told()).encode()
            asker._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            asker._transport.close()


def serve() -> None:
    """Be the other side, until standard input ends; the first line of output is where."""

    async def forever() -> None:
        Wire.laps = {}
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        await asyncio.get_running_loop().create_server(Wire, sock=listening)
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(forever())


@contextmanager
def other_side() -> Iterator[str]:
    """Have the server run in a process of its own; gives its address."""
    command = [sys.executable, "-m", "tests.bench.fanout", "--be", "server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


def heard(lap: str, count: int) -> dict[str, float]:
    """Wait until so many posts of a lap were answered; what the server heard."""
    with urllib.request.urlopen(f"{lap}/{count}", timeout=120) as answer:
        told: dict[str, float] = json.load(answer)
        return told


# ---------------------------------------------------------------- a bare thread pool


def bare(lap: str) -> dict[str, float]:
    """Post to every target by `requests.post`, so many at a time as feedpub has conversations."""
    moment = now().isoformat()
    data: dict[str, object] = {"id": "2", "guid": "https://news.example.net/?p=2", "title": "第2号", "url": "https://news.example.net/2/",
            "summary": "", "text": "第2号", "language": "ja", "categories": [], "tags": [], "authors": [],
            "image": None, "published": moment, "updated": moment}  # fmt: skip
    body = json.dumps({"type": "article.published", "timestamp": moment, "data": data}, ensure_ascii=False).encode()

    def post(number: int) -> None:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "webhook-id": f"msg_{number:032}",
            "webhook-timestamp": str(int(time.time())),
        }
        requests.post(f"{lap}/{number}", data=body, headers=headers, timeout=20).raise_for_status()

    begun, busy = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(POOL) as pool:
        list(pool.map(post, range(TARGETS)))
    busy = time.process_time() - busy
    told = heard(lap, TARGETS)
    return told | {"seconds": told["last"] - begun, "processor": busy}


# ---------------------------------------------------------------- feedpub


def site(folder: Path, lap: str, hanging: int) -> Path:
    """Make a site whose articles go to so many webhooks, some of which hang; returns its store."""
    targets = "".join(target(number, lap, hangs=hangs(number, hanging)) for number in range(TARGETS))
    store = new_site(folder, targets, poll="1h")
    write(store, 1)
    return store


def target(number: int, lap: str, *, hangs: bool) -> str:
    """Write the config of one target."""
    url = f"{lap}/{HANG}/{number}" if hangs else f"{lap}/{number}"
    return f'\n[targets.t{number}]\nkind = "webhook"\nurl = "{url}"\nallow_private = true\n'


def hangs(number: int, hanging: int) -> bool:
    """Spread those that hang evenly over all."""
    return number * hanging // TARGETS != (number + 1) * hanging // TARGETS


def write(store: Path, number: int) -> None:
    """Publish an article."""
    row = (
        f"{number}",
        f"https://news.example.net/{number}/",
        f"第{number}号",
        "<p>本文</p>",
        now().isoformat(),
    )
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("INSERT INTO article (id, url, title, content, published) VALUES (?, ?, ?, ?, ?)", row)


class Counted:
    """A feedpub whose commits are counted, and that notes when deliveries fell due."""

    def __init__(self, app: App) -> None:
        """Look over the shoulder of its ledger."""
        self.commits, self.due = 0, 0.0
        event.listen(app.ledger.database.engine, "commit", self._commit)
        for name in ("published", "free"):
            setattr(app.ledger.feeds, name, self._noted(getattr(app.ledger.feeds, name)))

    def _commit(self, connection: Connection) -> None:
        self.commits += not connection.get_execution_options().get("looks")

    def _noted(self, work: Callable[..., object]) -> Callable[..., object]:
        def noted(*given: object, **named: object) -> object:
            done = work(*given, **named)
            self.due = time.monotonic()
            return done

        return noted


def feedpub(lap: str, folder: Path, hanging: int) -> None:
    """Let the daemon tell every target of one new article; print what it took, and be gone without a farewell."""
    store = site(folder, lap, hanging)
    app = App.open(load(folder / "config", {}), lead=True)
    app.once()
    counted, daemon, healthy = Counted(app), Daemon(app, None, {}), TARGETS - hanging
    before = memory()

    def control() -> None:
        write(store, 2)
        daemon._publish("blog")  # as its cadence does, but at a moment that we know
        due, commits, busy = counted.due, counted.commits, time.process_time()
        told = heard(lap, healthy)
        busy = time.process_time() - busy
        while sum(states.get(State.SENT, 0) for states in app.ledger.deliveries.counts().values()) < healthy:
            time.sleep(0.05)
        told |= {"seconds": told["last"] - due, "commits": (counted.commits - commits) / healthy}
        print(json.dumps(told | {"processor": busy, "MiB": memory(), "MiB before": before}), flush=True)
        os._exit(0)  # it would wait for those that hang

    threading.Thread(target=control, daemon=True).start()
    daemon.run()


def memory() -> float:
    """MiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------- rounds

SIDES: Mapping[str, int] = {"bare": 0, "feedpub": 0, "feedpub, some hang": HANGING}


def run(side: str, lap: str, folder: Path | None) -> dict[str, float]:
    """Have one side do it once, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.fanout", "--be", side, "--lap", lap]
    command += ["--folder", str(folder)] if folder else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert told["repeats"] == 0, "each target hears of it once"
    return told


def main() -> None:
    """Print medians and ratios, and whether the bars are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="how many")
    parser.add_argument("--folder", type=Path, help="where to write (a disk like that of your database)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--be", choices=["server", *SIDES], help="be one side of one round")
    parser.add_argument("--lap", default="", help="where that side posts to")
    given = parser.parse_args()
    given.rounds = 1 if given.quick else given.rounds
    if given.be == "server":
        serve()
    elif given.be == "bare":
        print(json.dumps(bare(given.lap)))
    elif given.be:
        with TemporaryDirectory(dir=given.folder) as folder:
            feedpub(given.lap, Path(folder), SIDES[given.be])
    else:
        found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        with other_side() as url:
            for number in range(given.rounds):
                for place, side in enumerate([*SIDES][number % 3 :] + [*SIDES][: number % 3]):
                    found[side].append(run(side, f"{url}/lap-{number}-{place}", given.folder))
        _tell({side: _medians(laps) for side, laps in found.items()}, given.rounds)


def _medians(laps: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(lap[name] for lap in laps) for name in laps[0]}


def _tell(found: Mapping[str, Mapping[str, float]], rounds: int) -> None:
    print(f"\none article to {TARGETS:,} webhooks that answer after {ANSWERS_AFTER * 1000:.0f} ms ({rounds} rounds)")
    for side, took in found.items():
        name = side.replace("some", f"{HANGING}")
        line = f"  {name:20}{took['seconds']:7.2f} s until all healthy have it, {_rate(took):5.0f} a second,"
        line += f" {took['processor'] / took['answered'] * 1000:.2f} ms of the processor each,"
        line += f" {took['most at once']:.0f} at once"
        if side != "bare":
            line += f"; {took['commits']:.2f} commits each; {took['MiB']:.0f} MiB at the peak"
            line += f" ({took['MiB before']:.0f} before)"
        print(line)
    plain, hang = found["feedpub"], found["feedpub, some hang"]
    bar("deliveries a second: times those of a bare thread pool", _rate(plain) / _rate(found["bare"]), least=0.7)
    bar(f"{HANGING} hang: times as long until all healthy have it", hang["seconds"] / plain["seconds"], most=1.1)


def _rate(took: Mapping[str, float]) -> float:
    return took["answered"] / took["seconds"]


if __name__ == "__main__":
    main()
