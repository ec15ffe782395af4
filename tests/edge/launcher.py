"""orders on standard input -> feedpub's commands, each in a process of its own, forked off one that has imported it.

Importing feedpub takes a second or two of a core, and the tests of the front door start it some hundred times. A child
differs from `python -m feedpub` in nothing else: its own folder, environment, arguments and streams. What each would
load and compile anew at its first poll (modules, templates, statements) is there as well: feedpub has lived once before
the first child is forked off.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from sqlalchemy import Engine, create_engine

import feedpub.ledger.database
import feedpub.stores.embedded.file
from feedpub.cli import main


def serve(be: Callable[[], object]) -> None:
    """Carry out one order a line (JSON), answer each with a pid; write a child's exit code where the order says.

    A code is negative for the signal that ended the child. When no more orders can come, all children are ended.
    """
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, str] = {}
    orders = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(running)
        if 0 not in ready:
            continue
        read = os.read(0, 65536)
        if not read:
            break
        *lines, orders = (orders + read).split(b"\n")
        for line in lines:
            order = json.loads(line)
            running[pid := _fork(order, be)] = order["end"]
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _reap(running: dict[int, str]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        end = Path(running.pop(pid))
        whole = end.with_suffix(".whole")
        whole.write_text(str(os.waitstatus_to_exitcode(status)), encoding="ascii")
        whole.rename(end)


def _fork(order: dict[str, object], be: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        _live(order, be)
    return pid


def _live(order: dict[str, object], be: Callable[[], object]) -> NoReturn:
    """Be feedpub, from here to the end of the process."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(str(order["in"]), os.O_RDONLY | os.O_NOCTTY), 0)
        for stream, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(str(order[name]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        os.chdir(str(order["folder"]))
        os.environ.clear()
        os.environ.update(dict(order["environ"]))  # type: ignore[call-overload]
        sys.argv = ["feedpub", *list(order["args"])]  # type: ignore[call-overload]
        be()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        if code == 70 and (fault := sys.exception()):
            sys.excepthook(type(fault), fault, fault.__traceback__)
        sys.stdout.flush()
        os._exit(code)


# ---------------------------------------------------------------- what no child has to do again

_CONFIG = """
[site]
title = "航空"
url = "https://news.test/"
[log]
level = "error"
[feeds]
base_url = "https://news.test/feeds/"
output = "{folder}/public"
[database]
url = "sqlite:///{folder}/feedpub.db"
[stores.main]
kind = "sql"
path = "{folder}/articles.db"
[targets.terminal]
kind = "console"
"""


def warm_up() -> None:
    """Let feedpub live once: see above."""
    for module in (feedpub.ledger.database, feedpub.stores.embedded.file):
        vars(module)["create_engine"] = _Statements()
    with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        (Path(folder) / "feedpub.toml").write_text(_CONFIG.format(folder=folder), encoding="utf-8")
        for published in (False, True):
            if published:
                with closing(sqlite3.connect(f"{folder}/articles.db")) as connection, connection:
                    connection.execute("INSERT INTO article (id, title, content) VALUES ('1', '題', '<p>文</p>')")
            sys.argv = ["feedpub", "--config", folder, "once"]
            with suppress(SystemExit):
                main()
    create_engine("postgresql+psycopg://")
    if threading.active_count() > 1:
        raise RuntimeError("a child forked off now would lack a thread")
    gc.collect()
    gc.freeze()


class _Statements:
    """Makes engines that share one dialect, and so what was compiled for it: half of a short life is compiling."""

    def __init__(self) -> None:
        """Nothing is compiled yet."""
        self._first: Engine | None = None

    def __call__(self, url: Any, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if engine.dialect.name == "sqlite":
            self._first = self._first or engine
            engine.dialect, engine._compiled_cache = self._first.dialect, self._first._compiled_cache
        return engine
