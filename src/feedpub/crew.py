"""work -> a thread that does it: one that has just done something else, if any is idle.

To start a thread costs more than much of the work that ours do.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

LINGER = 1.0
"""Seconds that a thread waits for more to do."""

Work = Callable[[], object]


class Crew:
    """As many threads as there is work at once. The process may end while they are at it; work raises nothing."""

    def __init__(self, name: str) -> None:
        """Name them, for people who look at a process."""
        self._name = name
        self._lock = Lock()
        self._idle: list[SimpleQueue[Work]] = []

    def do(self, work: Work) -> None:
        """Have it done, from now on."""
        with self._lock:
            if self._idle:
                self._idle.pop().put(work)  # who was at work last: the others may go home
                return
        Thread(target=self._live, args=(work,), name=self._name, daemon=True).start()

    def _live(self, work: Work | None) -> None:
        given: SimpleQueue[Work] = SimpleQueue()
        while work is not None:
            work()
            work = None  # whatever it held on to is free while we wait
            with self._lock:
                self._idle.append(given)
            work = self._more(given)

    def _more(self, given: SimpleQueue[Work]) -> Work | None:
        try:
            return given.get(timeout=LINGER)
        except Empty:
            with self._lock:
                if given in self._idle:
                    self._idle.remove(given)
                    return None
        return given.get()  # it came at the last moment
