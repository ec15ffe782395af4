"""A feedpub that runs: it polls, builds and delivers, follows its config, and stops when it is told to.

cadences.py   each store's polls; the only importer of apscheduler
saying.py     the delivery loop
looking.py    what people ask for meanwhile: briefs, polls
config.py     the directory of the config, watched; and the clock
leading.py    who leads, where several share a PostgreSQL
telling.py    what goes wrong in a thread
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from feedpub.app import App
from feedpub.commands.problems import Unapplied
from feedpub.daemon.cadences import Cadences
from feedpub.daemon.config import ClockWatch, Directory
from feedpub.daemon.leading import Lead
from feedpub.daemon.looking import LOOK_EVERY, Asks, Desk
from feedpub.daemon.saying import POOL, Deliveries
from feedpub.daemon.telling import told
from feedpub.errors import ConfigError, FeedpubError, LedgerError, LedgerGone
from feedpub.settings import Loaded, load

__all__ = ["POOL", "Daemon", "Front"]

log = structlog.get_logger("feedpub")

DRAIN_SECONDS = 8.0
"""How long conversations may still take when feedpub is told to stop."""


class Front(Protocol):
    """Whatever shows the app to the world (web.py), and follows its config."""

    def apply(self) -> None:
        """The app's settings changed."""
        ...

    def stop(self) -> None:
        """Take no more requests."""
        ...


class Daemon:
    """Polls each store at its cadence, delivers what falls due, follows the config, until it is told to stop."""

    def __init__(self, app: App, config: Path | None, environ: Mapping[str, str]) -> None:
        """Run an app; `config` is the directory to follow (None: the config stays as it is)."""
        self.app = app
        self._config = config
        self._environ = environ
        self._directory = Directory(config, environ, app.loaded.digest) if config is not None else None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._turn = threading.RLock()
        """Held by who changes what is in force: the config, or who leads."""
        self._code = 0
        self._cadences = Cadences(self._publish, self._tidy, self._alert)
        self._deliveries = Deliveries(app, self._wake, self._stopping)
        self._desk = Desk(app, self._wake, self._stopping)
        self._asks = Asks(app, self._cadences.poll_now, self._stopping)
        self._lead = Lead(app, self._turn, self._stopping, self._give_up)
        self._lead.changed = self._changed_hands

    # ------------------------------------------------------------ running

    def run(self, front: Front | None = None) -> int:
        """Run until SIGTERM or SIGINT (0), or until the database is lost for good (1); returns the exit code."""
        self._listen()
        self._cadences.start()
        self._changed_hands()
        self._deliveries.start()
        self._desk.start()
        self._asks.start()
        if not self.app.ledger.database.is_sqlite:
            self._lead.start()
        threading.Thread(target=self._follow, args=(front,), name="config", daemon=True).start()
        log.info("started", stores=len(self.app.settings.stores), targets=len(self.app.settings.targets))
        self._stopping.wait()
        self._stop(front)
        return self._code

    def _listen(self) -> None:
        def stop(_number: int, _frame: object) -> None:
            if self._stopping.is_set():
                os._exit(1)  # told twice: somebody is in a hurry
            self._end()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda *_: self._directory.forced.set() if self._directory else None)

    def _stop(self, front: Front | None) -> None:
        log.info("stopping")
        self._cadences.stop()
        self._deliveries.drain(DRAIN_SECONDS)
        self.app.door.close()
        self._deliveries.drain(1.0)
        if front is not None:
            front.stop()
        log.info("stopped", cut=self._deliveries.busy)

    def _give_up(self, why: str) -> None:
        """End: what is there is not ours to work on."""
        log.error("lead_lost", why=why)
        self._code = 1
        self._end()

    def _end(self) -> None:
        """Have all threads come to their end."""
        self._stopping.set()
        self.app.publisher.builder.stop()
        self._wake.set()

    # ------------------------------------------------------------ who leads

    def _changed_hands(self) -> None:
        """We lead from now on, or another does."""
        if self.app.standing_by:
            self._cadences.clear()
            log.info("standing_by", why="another feedpub leads on this database")
        else:
            self._sync_jobs()
            self._cadences.tidy_now()
            log.info("leading")
        self._wake.set()

    # ------------------------------------------------------------ what is done at its time

    def _sync_jobs(self, *, anew: bool = False) -> None:
        """Make the jobs those of the config; whoever stands by has none."""
        if not self.app.standing_by:
            stores = {name: source.poll for name, source in self.app.settings.stores.items()}
            self._cadences.follow(stores, self.app.settings.site.zone, self._last_poll, anew=anew)

    def _last_poll(self, name: str) -> datetime | None:
        """When a store was last polled, by our own clock: the jobs go by it."""
        polled = self.app.ledger.articles.store_state(name).polled_at
        return None if polled is None else self.app.clock.here(polled)

    def _publish(self, name: str) -> None:
        if name not in self.app.publisher.setup.sources or self.app.standing_by:
            return
        with told("publish", store=name):
            self.app.publisher.publish(name)
        self._wake.set()

    def _tidy(self) -> None:
        """What time alone brings: articles ripen, feeds that could not be written are tried again, leases run out."""
        try:
            if self.app.ledger.database.is_sqlite:
                self.app.ledger.database.beat()
        except LedgerGone as error:
            self._give_up(str(error))
            return
        if self.app.standing_by:
            return
        with told("tidy"):
            self.app.heed_mark()
            publisher = self.app.publisher
            publisher.tidy()
            self.app.ledger.deliveries.recover(publisher.setup.targets, publisher.now(), all_leases=False)
        self._wake.set()

    def _alert(self) -> None:
        """Tell whom the config names what is wrong; who stands by leaves it to the leader."""
        if not self.app.standing_by:
            with told("alert"):
                self.app.alerts.tell()

    # ------------------------------------------------------------ the config, live

    def _follow(self, front: Front | None) -> None:
        """Look at the config and at the clock, again and again."""
        clock = ClockWatch()
        while not self._stopping.wait(LOOK_EVERY):
            with told("follow_config"):
                if self._directory is not None and (seen := self._directory.changed()):
                    self._apply_config(front, seen)
            if stepped := clock.stepped():
                with told("follow_clock"):
                    self._follow_clock(stepped)

    def _follow_clock(self, seconds: float) -> None:
        log.warning("clock_stepped", seconds=round(seconds, 1))
        self.app.metrics.clock_jumped()
        if self.app.ledger.database.is_sqlite:  # a shared database has a clock of its own
            self.app.ledger.deliveries.follow_clock(timedelta(seconds=seconds))
        with self._turn:
            self._sync_jobs(anew=True)
        self._wake.set()

    def _apply_config(self, front: Front | None, seen: str = "") -> None:
        """Put the saved config in force; a bad one changes nothing, and is told until it is mended.

        `seen`: what had come to rest. If something else is read by now, it is left to come to rest.
        """
        if self._config is None or self._directory is None:
            return
        try:
            loaded = load(self._config, self._environ)
            if seen not in {"", loaded.digest}:
                self._directory.try_again()
                return
            with self._turn:
                self._put_in_force(loaded)
        except FeedpubError as error:
            self.app.unapplied = Unapplied(str(error))
            log.error("config_refused", why=str(error))
            if isinstance(error, LedgerError):  # nothing is wrong with it
                self._directory.try_again()
            else:
                self.app.metrics.config_refused()
            return
        try:
            if front is not None:
                front.apply()
        except ConfigError as error:
            self.app.unapplied = Unapplied(str(error), partly=True)
            log.error("config_refused", why=f"one change is not in force: {error}")
            self.app.metrics.config_refused()
            return
        log.info("config_applied", stores=len(loaded.settings.stores), targets=len(loaded.settings.targets))

    def _put_in_force(self, loaded: Loaded) -> None:
        self.app.apply(loaded)
        self._sync_jobs()
        if not self.app.standing_by:
            self._cadences.tidy_now()
        self._wake.set()
