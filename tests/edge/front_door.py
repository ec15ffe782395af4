"""feedpub as its users meet it: a folder with a config, the command in processes of its own, its files and answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

import brotli
import feedparser
import pytest

from tests.edge.receiver import Answer as Scripted
from tests.edge.receiver import Receiver
from tests.edge.serving import Answer, answer
from tests.toml_text import inline

ROOT = Path(__file__).parents[2]
Table = dict[str, object]

SITE: Table = {"title": "航空ニュース", "url": "https://news.test/", "language": "ja", "timezone": "Asia/Tokyo"}
ENGLISH: Table = SITE | {"language": "en"}
"""For tests that read what feedpub says to people."""
FEEDS: Table = {"base_url": "https://news.test/feeds/", "output": "public", "entries": 1000}
STORE: Table = {"kind": "sql", "path": "articles.db", "poll": "1s"}
CONSOLE: Table = {"kind": "console"}
PATIENCE = 30.0
"""Seconds for what should take one or two: the machine may be busy."""
UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": lambda packed: zlib.decompress(packed, wbits=31),
    "br": brotli.decompress,
}
"""What the compressed siblings of a file hold, by their endings; a torn one raises."""


def until(holds: Callable[[], object], *, within: float = PATIENCE) -> float:
    """Wait until something holds; tells after how many seconds it did."""
    begun, pause = time.monotonic(), 0.002
    while not holds():
        assert time.monotonic() < begun + within, "it did not come to pass in time"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.03)
    return time.monotonic() - begun


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def measured(what: str, seconds: float) -> None:
    """Tell a figure; `pytest -rP` shows it."""
    sys.stdout.write(f"{seconds:.2f} s {what}\n")


def ago(**length: float) -> str:
    """Write a moment before now as stores do; negative lengths lie ahead."""
    return (datetime.now(UTC) - timedelta(**length)).isoformat()  # noqa: TID251 - articles are dated by a real clock


# ---------------------------------------------------------------- the command


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Running:
    """A feedpub at work, by its pid."""

    pid: int
    folder: Path

    @property
    def code(self) -> int | None:
        end = self.folder / "end"
        return int(end.read_text(encoding="ascii")) if end.exists() else None

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text(encoding="utf-8")

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it told of one kind so far. A line may be half-written just now."""
        lines = self.err.split("\n")[:-1]
        told = [json.loads(line) for line in lines if line.startswith("{") and f'"{name}"' in line]
        return [event for event in told if event["event"] == name]

    def wait_for(self, event: str, *, times: int = 1, within: float = PATIENCE) -> dict[str, Any]:
        """Wait until it has told this so many times; the latest is given back."""
        until(lambda: self.code is not None or len(self.events(event)) >= times, within=within)
        assert len(self.events(event)) >= times, f"it ended without {event}: {self.err}"
        return self.events(event)[-1]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, *, within: float = 2 * PATIENCE) -> Ended:
        until(lambda: self.code is not None, within=within)
        assert self.code is not None
        return Ended(self.code, self.out, self.err)

    def end(self) -> Ended:
        """Have it stop now, in whatever state it is."""
        if self.code is None:
            self.signal(signal.SIGKILL)
        return self.wait()

    def ask(self, path: str, *, admin: bool = False, method: str = "GET", headers: Mapping[str, str] = {}) -> Answer:
        """Ask its public address, or the admin's."""
        address: str = self.wait_for("listening")["admin" if admin else "web"]
        return answer(address, method, path, headers=headers)


class Launcher:
    """Starts feedpub a hundred times for the price of one import (launcher.py)."""

    def __init__(self, folder: Path) -> None:
        """Begin; `folder` takes what the commands print."""
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.edge.mortal"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it; whatever it still has running is ended."""
        self._process.communicate(timeout=PATIENCE)

    def start(self, *args: str, folder: Path, environ: Mapping[str, str], keyboard: str = os.devnull) -> Running:
        """Start `feedpub ARGS` in a folder."""
        self._count += 1
        streams = self._folder / str(self._count)
        streams.mkdir()
        order = {
            "args": args,
            "folder": str(folder),
            "environ": dict(environ),
            "in": keyboard,
            **{name: str(streams / name) for name in ("out", "err", "end")},
        }
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(order).encode() + b"\n")
        stdin.flush()
        running = Running(int(stdout.readline()), streams)
        until((streams / "err").exists)
        return running


# ---------------------------------------------------------------- a site


@dataclass
class Site:
    """One folder: config/, articles.db, feedpub.db and public/. The store is written as docs/schema.md says."""

    folder: Path
    launcher: Launcher
    environ: dict[str, str] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list)

    # ------------------------------------------------------------ its config

    def configure(self, **tables: Table) -> None:
        """Write the config: what is not given is small and sensible."""
        given: dict[str, Table] = {
            "site": SITE,
            "feeds": FEEDS,
            "stores": {"main": STORE},
            "database": {"url": "sqlite:///feedpub.db"},
            "web": {"listen": "127.0.0.1:0"},
            "admin": {"listen": "127.0.0.1:0"},
        }
        self.save(written(given | tables))

    def save(self, text: str) -> None:
        """Save the config as editors do: whole, under another name first."""
        file = self.folder / "config" / "feedpub.toml"
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_name(".feedpub.toml.swp")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)

    # ------------------------------------------------------------ its articles

    @property
    def store(self) -> Path:
        return self.folder / "articles.db"

    def sql(self, statement: str, *values: object, file: str = "articles.db") -> list[tuple[Any, ...]]:
        """Write into a database, or read it, as any program could; each call is one transaction."""
        with closing(sqlite3.connect(self.folder / file, timeout=30)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def publish(self, *ids: str, categories: Sequence[str] = (), **columns: object) -> None:
        """Write articles, published now unless `columns` say otherwise."""
        rows = [
            {
                "id": one,
                "url": f"https://news.test/{one}",
                "title": f"見出し {one}",
                "content": f"<p>本文 {one}</p>",
                "published": ago(),
            }
            | columns
            for one in ids
        ]
        with closing(sqlite3.connect(self.store, timeout=30)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" for _ in row)
                connection.execute(f"INSERT INTO article ({names}) VALUES ({marks})", tuple(row.values()))
                for category in categories:
                    connection.execute("INSERT INTO article_category VALUES (?, ?, 0)", (row["id"], category))

    # ------------------------------------------------------------ the command

    def start(self, *args: str, keyboard: str = os.devnull) -> Running:
        """Start `feedpub ARGS`, which reads from `keyboard`; `stop_all` ends what still runs."""
        running = self.launcher.start(*args, folder=self.folder, environ=self._environ, keyboard=keyboard)
        self.started.append(running)
        return running

    def feedpub(self, *args: str, code: int = 0) -> Ended:
        """Run `feedpub ARGS` to its end."""
        ended = self.start(*args).wait()
        assert ended.code == code, f"feedpub {' '.join(args)}: {ended.code}\n{ended.out}\n{ended.err}"
        return ended

    def deliveries(self, *args: str) -> list[dict[str, Any]]:
        """List deliveries, as scripts do."""
        listed: list[dict[str, Any]] = self.feedpub("deliveries", "list", "--limit", "1000", "--json", *args).json
        return listed

    def stop_all(self) -> None:
        for running in self.started:
            running.end()

    @property
    def _environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        return kept | {"COLUMNS": "300"} | self.environ

    # ------------------------------------------------------------ its feeds

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Every file of feeds and pages, with its date and bytes; no hidden ones, nor compressed siblings."""
        root = self.folder / "public"
        shown = (path for path in root.rglob("*") if path.is_file() and path.name[0] != ".")
        found = (path for path in shown if path.suffix[1:] not in UNPACK)
        return {str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}

    def parted(self) -> list[str]:
        """Files that lack a sibling, or have one of other bytes or another date. Fails if a sibling is torn."""
        found = []
        for name, (date, content) in self.files().items():
            path = self.folder / "public" / name
            worth = len(content) >= 200 and path.suffix in {".rss", ".atom", ".json", ".html", ".opml", ".css"}
            for ending, unpack in UNPACK.items() if worth else ():
                beside = path.with_name(f"{path.name}.{ending}")
                if not beside.exists() or unpack(beside.read_bytes()) != content or beside.stat().st_mtime_ns != date:
                    found.append(name)
        return found

    def feed(self, address: str) -> Any:
        """Read a feed as a stranger would."""
        read = feedparser.parse((self.folder / "public" / address).read_bytes())
        assert not read.bozo, (address, read.bozo_exception)
        return read


def written(tables: Mapping[str, object]) -> str:
    """Write a config; each table of `stores`, `targets` and `alerts` has its own head."""
    return "".join(_table(name, table) for name, table in _heads(tables))


def _heads(tables: Mapping[str, object]) -> Iterator[tuple[str, Table]]:
    for name, table in tables.items():
        assert isinstance(table, dict)
        if name in {"stores", "targets", "alerts"}:
            yield from ((f"{name}.{inner}", below) for inner, below in table.items())
        else:
            yield name, table


def _table(name: str, table: Table) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {inline(value)}\n" for key, value in table.items()) + "\n"


# ---------------------------------------------------------------- the other side of every network


def webhook(server: Receiver, **options: object) -> Table:
    """Be a target whose receiver takes any JSON."""
    return {"kind": "webhook", "url": f"{server.url}/hook", "allow_private": True} | options


def discord(server: Receiver, **options: object) -> Table:
    """Be a target that answers with a message, as Discord does when asked to wait."""
    server.default = (200, {"id": "1234567890"})
    return {"kind": "discord", "webhook_url": f"{server.url}/api/webhooks/1/token", "allow_private": True} | options


def slack(server: Receiver, **options: object) -> Table:
    """Be a target that answers `ok`."""
    server.default = (200, "ok")
    return {"kind": "slack", "webhook_url": f"{server.url}/services/T/B/X", "allow_private": True} | options


def mastodon(server: Receiver, **options: object) -> Table:
    """Be a target that answers with a status."""
    status = {"id": "77", "url": "https://social.test/@news/77", "content": "", "created_at": ago()}
    server.default = (200, status)
    told = {"version": "4.3.2", "source_url": "https://github.com/mastodon/mastodon", "configuration": {}}
    server.routes["GET /api/v2/instance"] = Scripted(200, told)
    return {"kind": "mastodon", "server": server.url, "token": "token", "allow_private": True} | options


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """One for the session: it has imported feedpub."""
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        yield launcher


@pytest.fixture
def site(tmp_path: Path, launcher: Launcher) -> Iterator[Site]:
    """A folder of its own, without a config yet; whatever runs in it is ended afterwards."""
    site = Site(tmp_path / "site", launcher)
    site.folder.mkdir()
    yield site
    site.stop_all()
