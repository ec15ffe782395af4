"""Asks for polls, however many -> a poll at once, and one more at the end of a pause for all that came in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from feedpub.errors import FeedpubError

log = structlog.get_logger("feedpub")

PAUSE = 5.0
"""Seconds between two polls of one store that pings bring about."""

Later = Callable[[float, Callable[[], None]], object]


def later(seconds: float, do: Callable[[], None]) -> None:
    """Do something after a while, in a thread that keeps nobody from ending."""
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()


class Calm:
    """Lets every ask through, but not each by itself: whatever comes in a store's pause is one ask at its end."""

    def __init__(
        self,
        ask: Callable[[str], object],
        *,
        steady: Callable[[], float] = time.monotonic,
        later: Later = later,
    ) -> None:
        """Pass asks on to `ask`, by the name of a store."""
        self._ask, self._steady, self._later = ask, steady, later
        self._lock = threading.Lock()
        self._rests: dict[str, float] = {}
        self._waiting: set[str] = set()

    def ask(self, names: Iterable[str]) -> tuple[str, ...]:
        """Have stores polled; returns those asked for at once. Raises what `ask` raises."""
        names = tuple(names)
        at_once = tuple(name for name in names if self._may(name))
        for name in at_once:
            self._ask(name)
        return at_once

    def flush(self) -> None:
        """Ask now for all that waits: we are about to end."""
        with self._lock:
            waiting, self._waiting = self._waiting, set()
        for name in sorted(waiting):
            self._ask_alone(name)

    def _may(self, name: str) -> bool:
        with self._lock:
            left = self._rests.get(name, 0.0) - self._steady()
            if left <= 0:
                self._rests[name] = self._steady() + PAUSE
                return True
            if name not in self._waiting:
                self._waiting.add(name)
                self._later(left, lambda: self._end(name))
            return False

    def _end(self, name: str) -> None:
        with self._lock:
            if name not in self._waiting:
                return
            self._waiting.discard(name)
            self._rests[name] = self._steady() + PAUSE
        self._ask_alone(name)

    def _ask_alone(self, name: str) -> None:
        """Ask where nobody waits for an answer any more."""
        try:
            self._ask(name)
        except FeedpubError as error:
            log.error("failed", what="ping", store=name, why=str(error))
