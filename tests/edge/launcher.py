"""orders on standard input -> feedpub's commands, each in a process of its own, forked off one that has imported it.

Importing feedpub takes a second or two of a core, and the tests of the front door start it more than a hundred times.
A child differs from `python -m feedpub` in nothing else: its own folder, environment, arguments and streams.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from feedpub.cli import main


def serve(be: Callable[[], object] = main) -> None:
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
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
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


if __name__ == "__main__":
    serve()
