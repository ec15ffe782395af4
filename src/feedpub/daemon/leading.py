"""Several feedpubs on one PostgreSQL -> one that leads, and others that take over when it is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import structlog

from feedpub.app import App
from feedpub.daemon.config import CLOCK_STEP, ClockWatch
from feedpub.daemon.telling import told
from feedpub.errors import LedgerError, LedgerTooNew

log = structlog.get_logger("feedpub")

BEAT_EVERY = 1.0
"""Seconds between two signs of life; with `seat.SILENCE`, a leader that is gone is followed within ten."""
LOOK_ROUND_EVERY = 5.0
"""Seconds until one that stands by looks again what the leader made of the database, or tries again to lead."""
LONG_AGO = float("-inf")


class Lead:
    """Shows the others that we live, takes the lead when it is free, and notices when it is lost."""

    def __init__(
        self, app: App, turn: AbstractContextManager[object], stopping: threading.Event, give_up: Callable[[str], None]
    ) -> None:
        """Watch for an app; `turn` is held while who leads changes, `give_up` ends the daemon."""
        self.changed: Callable[[], None] = lambda: None
        """Called when we lead from now on, or do no longer."""
        self._app = app
        self._turn = turn
        self._stopping = stopping
        self._give_up = give_up
        self._clock = ClockWatch()
        self._looks_at = self._rests_until = LONG_AGO
        self._silent = False
        self._thread = threading.Thread(target=self._loop, name="lead", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(BEAT_EVERY):
            with told("lead"):
                self.look()

    def look(self) -> None:
        """Give a sign of life, and see who leads."""
        try:
            theirs = self._app.ledger.database.beat()
        except LedgerError as error:
            self._lost(error)
            return
        self._silent = False
        # What our own clock was set by is undone here: the step that is left is the database's.
        step = self._app.clock.follow(theirs).total_seconds() + self._clock.stepped()
        if abs(step) > CLOCK_STEP and not self._app.standing_by:
            self._app.ledger.deliveries.follow_clock(timedelta(seconds=step))
        if self._app.standing_by and time.monotonic() > self._rests_until:
            self._stand_by()

    def _lost(self, error: LedgerError) -> None:
        """The database cannot be reached, or ended our connection: whoever reaches it first may lead."""
        if not self._app.standing_by:
            log.warning("lead_lost", why=str(error))
            self._app.lose_lead()
            with self._turn:
                self.changed()
        elif not self._silent:
            log.error("failed", what="lead", why=str(error))
        self._silent = True

    def _stand_by(self) -> None:
        """Take the lead if nobody has it; else see from time to time what the leader made of the database."""
        try:
            with self._turn:
                if self._app.take_lead():
                    self.changed()
                elif time.monotonic() > self._looks_at:
                    self._looks_at = time.monotonic() + LOOK_ROUND_EVERY
                    self._app.follow()
        except LedgerTooNew as error:
            self._give_up(str(error))
        except Exception:
            # Half a leader is none, a fault of ours included: it lets another try, and waits.
            self._app.lose_lead()
            self._app.ledger.database.resign()
            self._rests_until = time.monotonic() + LOOK_ROUND_EVERY
            raise
