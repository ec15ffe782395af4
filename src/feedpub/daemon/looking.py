"""What people ask for while the daemon runs: a brief is published, a store is polled. To look costs next to nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from feedpub.app import App
from feedpub.categories import DESK
from feedpub.daemon.telling import told
from feedpub.errors import LedgerError

LOOK_EVERY = 0.3
"""Seconds between two looks."""
ASK_PATIENCE = 5.0
"""Seconds until a poll that somebody asked for is begun once more, if nothing came of it."""
DESK_PATIENCE = 15.0
"""Seconds until a desk that could not be read is tried again."""
LONG_AGO = float("-inf")


class Desk:
    """Looks whether somebody has written a brief, and publishes it at once."""

    def __init__(self, app: App, wake: threading.Event, stopping: threading.Event) -> None:
        self._app = app
        self._wake = wake
        self._stopping = stopping
        self._thread = threading.Thread(target=self._loop, name="desk", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _loop(self) -> None:
        published, pause = "", 0.0
        while not self._stopping.wait(pause):
            pause = LOOK_EVERY
            mark = self._app.desk.file.mark()
            if self._app.standing_by:
                published = ""  # whoever leads may have another desk
            elif mark and mark != published:
                well = False
                with told("publish", store=DESK):
                    well = not self._app.publisher.publish(DESK).error
                self._wake.set()
                published, pause = (mark, LOOK_EVERY) if well else (published, DESK_PATIENCE)


class Asks:
    """Looks whether somebody asked for a poll, and has it begin."""

    def __init__(self, app: App, poll: Callable[[str], bool], stopping: threading.Event) -> None:
        self._app = app
        self._poll = poll
        self._stopping = stopping
        self._begun: dict[str, tuple[datetime, float]] = {}
        self._thread = threading.Thread(target=self._loop, name="asks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            if self._app.standing_by:
                continue
            with suppress(LedgerError):  # whoever cannot go on without the database tells it
                self._look()

    def _look(self) -> None:
        for name, asked in self._app.ledger.articles.asked().items():
            before, when = self._begun.get(name, (None, LONG_AGO))
            # The same ask again is one whose poll could not be written down.
            if (asked != before or time.monotonic() - when > ASK_PATIENCE) and self._poll(name):
                self._begun[name] = asked, time.monotonic()
