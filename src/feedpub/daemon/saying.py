"""The delivery loop: what is due -> a conversation each, as many at a time as may be."""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial

from feedpub.app import App
from feedpub.crew import Crew
from feedpub.daemon.telling import told
from feedpub.model import Delivery

POOL = 16
"""Conversations at a time; those older than `PATIENCE` do not count, so that hanging targets starve nobody."""
PATIENCE = 0.1
"""Seconds: so few that a tenth of all targets may hang, and the others hardly notice (`make bench`)."""
AHEAD = 2 * POOL
"""Deliveries claimed at most before there is a worker for them: one claim for many, and no worker waits for it."""
CAP = 256
"""Conversations at a time, hanging ones included."""
SHORTEST_SLEEP = 0.05
LONGEST_SLEEP = 5.0
"""Seconds after which the delivery loop looks again by itself: other processes cannot wake it."""
LONG_AGO = float("-inf")


class Deliveries:
    """Claims what is due for workers that are free or soon will be; each says it in a thread, one after the other."""

    def __init__(self, app: App, wake: threading.Event, stopping: threading.Event) -> None:
        self._app = app
        self._wake = wake
        self._stopping = stopping
        self._lock = threading.Lock()
        self._claimed: deque[Delivery] = deque()
        self._at_work: dict[tuple[int, int], float] = {}
        self._idle = threading.Condition(self._lock)
        self._crew = Crew("say")
        self._pause = SHORTEST_SLEEP
        self._thread = threading.Thread(target=self._loop, name="deliveries", daemon=True)

    @property
    def busy(self) -> int:
        """How many conversations are going on."""
        with self._lock:
            return len(self._at_work)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def drain(self, seconds: float) -> None:
        """Wait for the conversations under way, and until what was not begun is given back; at most so long."""
        end = time.monotonic() + seconds
        with self._idle:
            self._idle.wait_for(lambda: not self._at_work, timeout=seconds)
        if self._thread.is_alive():
            self._thread.join(max(end - time.monotonic(), 0))

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            sleep = LONGEST_SLEEP
            with told("deliver"):
                sleep = self._round()
            self._wake.wait(sleep)
        with told("stop"):
            self._give_back()

    def _round(self) -> float:
        """Claim for every worker that is free or soon will be; returns seconds until there may be more to do."""
        if not self._app.ready:
            return LONGEST_SLEEP
        wanted = self._wanted()
        claimed = self._app.publisher.claim(wanted) if wanted else ()
        with self._lock:
            self._claimed += claimed
        self._begin()
        if self._claimed or len(claimed) == wanted:
            return PATIENCE / 2
        due = self._app.publisher.next_due()
        left = LONGEST_SLEEP if due is None else (due - self._app.publisher.now()).total_seconds()
        in_vain = not claimed and left <= 0
        # What is due and cannot be claimed, as another process has it, is asked for ever more seldom.
        self._pause = min(self._pause * 2, LONGEST_SLEEP) if in_vain else SHORTEST_SLEEP
        return min(max(left, self._pause), LONGEST_SLEEP)

    def _wanted(self) -> int:
        """For how many there is a worker, or will be within `PATIENCE`; none while those claimed are enough."""
        with self._lock:
            begun, claimed = len(self._at_work), len(self._claimed)
            free = self._free()
        return max(min(free + AHEAD, CAP - begun) - claimed, 0) if claimed <= free + AHEAD // 2 else 0

    def _free(self) -> int:
        """How many more may begin. Only with the lock."""
        young = sum(time.monotonic() - begun < PATIENCE for begun in self._at_work.values())
        return 0 if self._stopping.is_set() else min(POOL - young, CAP - len(self._at_work))

    def _begin(self) -> None:
        while (claimed := self._next()) is not None:
            self._crew.do(partial(self._work, claimed))

    def _next(self) -> Delivery | None:
        """Take what was claimed first, if it may begin now."""
        with self._lock:
            if not self._claimed or self._free() <= 0:
                return None
            claimed = self._claimed.popleft()
            self._at_work[claimed.id, claimed.fence] = time.monotonic()
            return claimed

    def _work(self, claimed: Delivery | None) -> None:
        while claimed is not None:
            self._deliver(claimed)
            claimed = self._next()
            self._call_for_more()

    def _deliver(self, claimed: Delivery) -> None:
        try:
            with told("deliver", target=claimed.target):
                self._app.publisher.deliver(claimed, lambda: self._heard(claimed))
        finally:
            with self._idle:
                del self._at_work[claimed.id, claimed.fence]
                self._idle.notify_all()

    def _heard(self, said: Delivery) -> None:
        """Let the next one begin while what came of this one is written down."""
        with self._lock:
            self._at_work[said.id, said.fence] = LONG_AGO
        self._begin()
        self._call_for_more()

    def _call_for_more(self) -> None:
        if len(self._claimed) <= AHEAD // 2:
            self._wake.set()

    def _give_back(self) -> None:
        """Let whoever comes after us say at once what we claimed and did not begin."""
        with self._lock:
            left = tuple(self._claimed)
            self._claimed.clear()
        for claimed in left:
            self._app.publisher.put_back(claimed)
