"""orders -> feedpubs that die where they are told to: each a process of its own, forked here, killed by itself.

A nursery reads one order a line (JSON) on standard input, forks a child that is `feedpub` itself (its own `main`), and
tells its pid, then how it ended. Importing feedpub takes longer than most of these children live: it is done once.
The product has no hooks: functions are wrapped from outside, in the child alone. `POINTS` names the places.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import feedpub.app
import feedpub.cli
import feedpub.daemon
from feedpub.http import Door, _Line, _OnLine
from feedpub.ledger import articles as recording
from feedpub.ledger.articles import Articles
from feedpub.ledger.deliveries import Deliveries
from feedpub.ledger.feeds import Feeds
from feedpub.outputs import disk
from feedpub.stores.sql import SqlStore

Arm = Callable[["Reaper"], None]


@dataclass(frozen=True)
class Order:
    """Be `feedpub ARGS` in a folder, with a clock so many seconds ahead, and die at the n-th passing of a point."""

    folder: str
    args: tuple[str, ...]
    log: str
    point: str = ""
    nth: int = 1
    ahead: float = 0.0


@dataclass
class Reaper:
    """Counts the passings of one point."""

    left: int
    inside: bool = False

    def passing(self) -> None:
        """Die, if this is the one."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


# ---------------------------------------------------------------- where one can die


def before(owner: Any, name: str) -> Arm:
    """As a function is called."""

    def wrap(reaper: Reaper, original: Callable[..., Any], *args: Any, **named: Any) -> Any:
        reaper.passing()
        return original(*args, **named)

    return partial(_wrap, owner, name, wrap)


def after(owner: Any, name: str) -> Arm:
    """As a function returns."""

    def wrap(reaper: Reaper, original: Callable[..., Any], *args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        reaper.passing()
        return result

    return partial(_wrap, owner, name, wrap)


def at_commit(owner: Any, name: str) -> Arm:
    """As the transaction of a method of the ledger is about to be committed: all is written, nothing is durable."""

    def method(reaper: Reaper, original: Callable[..., Any], *args: Any, **named: Any) -> Any:
        reaper.inside = True
        try:
            return original(*args, **named)
        finally:
            reaper.inside = False

    def commit(reaper: Reaper, original: Callable[..., Any], *args: Any) -> Any:
        if reaper.inside:
            reaper.passing()
        return original(*args)

    def arm(reaper: Reaper) -> None:
        from sqlalchemy.engine.default import DefaultDialect  # noqa: PLC0415 - only here is its inside of interest

        _wrap(owner, name, method, reaper)
        _wrap(DefaultDialect, "do_commit", commit, reaper)

    return arm


def _sync(*, folder: bool, done: bool) -> Arm:
    """As a feed file, or the folder it stands in, is about to be made durable; or `done`, has been."""

    def wrap(reaper: Reaper, original: Callable[..., Any], descriptor: int) -> None:
        concerned = stat.S_ISDIR(os.fstat(descriptor).st_mode) == folder
        if concerned and not done:
            reaper.passing()
        original(descriptor)
        if concerned and done:
            reaper.passing()

    return partial(_wrap, disk.os, "fsync", wrap)


def _half(reaper: Reaper, original: Callable[..., Any], staged: Any, aside: str) -> None:
    if reaper.left == 1:
        original(replace(staged, content=staged.content[: len(staged.content) // 2]), aside)
    reaper.passing()
    original(staged, aside)


def _wrap(owner: Any, name: str, wrapper: Callable[..., Any], reaper: Reaper) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        return wrapper(reaper, original, *args, **named)

    setattr(owner, name, wrapped)


POINTS: dict[str, Arm] = {
    "before the store is asked": before(SqlStore, "changes"),
    "the store has answered": after(SqlStore, "changes"),
    "in the recording transaction": before(recording, "insert_owed"),
    "before the recording commits": at_commit(Articles, "record"),
    "the recording is committed": after(Articles, "record"),
    "a feed file is half written": partial(_wrap, disk._Staged, "stage", _half),
    "a feed file is written": _sync(folder=False, done=False),
    "a feed file is synced": _sync(folder=False, done=True),
    "before a feed file is renamed": before(disk.os, "rename"),
    "a feed file is renamed": after(disk.os, "rename"),
    "before the folder is synced": _sync(folder=True, done=False),
    "the folder is synced": _sync(folder=True, done=True),
    "before a feed's being out commits": at_commit(Feeds, "published"),
    "a feed's being out is committed": after(Feeds, "published"),
    "before the claim commits": at_commit(Deliveries, "claim"),
    "the claim is committed": after(Deliveries, "claim"),
    "before the start commits": at_commit(Deliveries, "start"),
    "the start is committed": after(Deliveries, "start"),
    "the connection is open": after(_Line, "opened"),
    "half of the request is sent": after(_OnLine, "send"),  # odd passings: the head, without its body
    "the request is sent": after(_OnLine, "send"),  # even ones
    "the answer is here": after(Door, "converse"),
    "before the answer commits": at_commit(Deliveries, "settle"),
    "the answer is committed": after(Deliveries, "settle"),
    "before the recovery commits": at_commit(Deliveries, "recover"),
    "the recovery is committed": after(Deliveries, "recover"),
}


# ---------------------------------------------------------------- the nursery


def main() -> None:
    """Raise one child for every order, until there are no more."""
    for line in sys.stdin:
        order = Order(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            _live(order)
        _tell(pid)
        _, ended = os.waitpid(pid, 0)
        _tell(os.waitstatus_to_exitcode(ended))


def _live(order: Order) -> None:
    """Be feedpub, from here to the end of the process."""
    code = 70
    try:
        os.chdir(order.folder)
        log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _set_clock(timedelta(seconds=order.ahead))
        if order.point:
            POINTS[order.point](Reaper(order.nth))
        sys.argv = ["feedpub", *order.args]
        feedpub.cli.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _set_clock(ahead: timedelta) -> None:
    true = feedpub.app.now

    def now() -> datetime:
        return true() + ahead

    feedpub.app.now = feedpub.daemon.now = now


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


# ---------------------------------------------------------------- and from outside


class Nursery:
    """The nursery as tests see it: `run` a feedpub to its end, or `start` one and `end` it."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.edge.mortal"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Send it home."""
        if self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()

    def run(self, order: Order) -> int:
        """Let one live to its end; returns its exit code, negative for the signal that killed it."""
        self.start(order)
        return self.end()

    def start(self, order: Order) -> int:
        """Let one begin to live; returns its pid. Then `end` it before the next."""
        stdin, _ = self._pipes()
        stdin.write(json.dumps(asdict(order)) + "\n")
        stdin.flush()
        return self._read()

    def end(self) -> int:
        """Wait for the one that lives; returns its exit code, negative for the signal that killed it."""
        return self._read()

    def _read(self) -> int:
        _, stdout = self._pipes()
        return int(stdout.readline())

    def _pipes(self) -> tuple[Any, Any]:
        assert self._process.stdin
        assert self._process.stdout
        return self._process.stdin, self._process.stdout


if __name__ == "__main__":
    main()
