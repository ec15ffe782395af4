"""The launcher whose children die where they are told to: each is `feedpub` itself, and kills itself at a named point.

The product has no hooks for this: functions are wrapped from outside, in the child alone. A child's environment may say
at which of `POINTS` (MORTAL_POINT) and at which passing of it (MORTAL_NTH) it dies, and how many seconds its clock is
ahead (MORTAL_AHEAD).
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

import feedpub.app
import feedpub.daemon.cadences
from feedpub.cli import main
from feedpub.http import Door, _Line, _OnLine
from feedpub.ledger import importing, recording
from feedpub.ledger.articles import Articles
from feedpub.ledger.deliveries import Deliveries
from feedpub.ledger.feeds import Feeds
from feedpub.outputs import disk
from feedpub.stores.sql import SqlStore
from tests.edge.launcher import serve, warm_up

Arm = Callable[["Reaper"], None]


@dataclass
class Reaper:
    """Counts the passings of one point."""

    left: int
    inside: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)  # files are written several at a time

    def passing(self) -> None:
        """Die, if this is the one."""
        with self.lock:
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
        _wrap(owner, name, method, reaper)
        _wrap(DefaultDialect, "do_commit", commit, reaper)

    return arm


def at_sync(*, folder: bool, done: bool) -> Arm:
    """As a feed file, or the folder it stands in, is about to be made durable; or `done`, has been."""

    def wrap(reaper: Reaper, original: Callable[..., Any], descriptor: int) -> None:
        concerned = stat.S_ISDIR(os.fstat(descriptor).st_mode) == folder
        if concerned and not done:
            reaper.passing()
        original(descriptor)
        if concerned and done:
            reaper.passing()

    return partial(_wrap, os, "fsync", wrap)


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
    "a feed file is written": at_sync(folder=False, done=False),
    "a feed file is synced": at_sync(folder=False, done=True),
    "before a feed file is renamed": before(os, "rename"),
    "a feed file is renamed": after(os, "rename"),
    "before the folder is synced": at_sync(folder=True, done=False),
    "the folder is synced": at_sync(folder=True, done=True),
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

IMPORTING: dict[str, Arm] = {
    "in the importing transaction": before(importing._Writing, "_deliveries"),
    "before the import commits": after(importing, "_write"),
    "the import is committed": after(feedpub.app, "bring"),
}
"""Where one dies who is about to move house."""


# ---------------------------------------------------------------- a child's life


def live() -> None:
    """Be feedpub, as the environment says."""
    if "MORTAL_POINT" in os.environ:
        (POINTS | IMPORTING)[os.environ.pop("MORTAL_POINT")](Reaper(int(os.environ.pop("MORTAL_NTH"))))
    if "MORTAL_AHEAD" in os.environ:
        _set_clock(timedelta(seconds=float(os.environ.pop("MORTAL_AHEAD"))))
    main()


def _set_clock(ahead: timedelta) -> None:
    true = feedpub.app.now

    def now() -> datetime:
        return true() + ahead

    for module in (feedpub.app, feedpub.daemon.cadences):
        vars(module)["now"] = now


if __name__ == "__main__":
    warm_up()
    serve(live)
