"""the ledger + its mark -> whether an older copy was put back; if so, what it owes is held, and that is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

import structlog

from feedpub.errors import OutputError
from feedpub.ledger import Ledger
from feedpub.ledger.restoring import PutBack, Standing
from feedpub.model import Target
from feedpub.outputs.mark import Mark, Marked

log = structlog.get_logger("feedpub")

STALE = timedelta(days=1)
"""Where there is no mark, a ledger that was at work before, but not for so long, is taken for an old copy."""


class Marking:
    """Keeps the mark of a ledger on this machine, and heeds it. Only who leads writes it."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        """Have every try from now on marked."""
        self._ledger, self._mark = ledger, Mark(path)
        self._turn = Lock()
        self._told = False
        self._met: Marked | None = None
        """How far the ledger had come when another was last seen to lead: it may be far ahead of our own mark."""
        ledger.deliveries.tried = self._tried

    def meet(self) -> None:
        """Look how far whoever leads has come; as long as they do, the mark is theirs to write."""
        standing = self._ledger.history.standing()
        self._met = Marked(standing.identity, standing.tries)

    def heed(self, targets: Mapping[str, Target], now: datetime) -> PutBack | None:
        """Look whether this ledger is an older copy; then have it know so, and tell. The mark follows."""
        with self._turn:  # it is tidied up now and then, and whenever something changed
            return self._heed(targets, now)

    def _heed(self, targets: Mapping[str, Target], now: datetime) -> PutBack | None:
        # In this order: a try is written down before it is marked.
        known, put_back = tuple(filter(None, (self._mark.read(), self._met))), None
        standing = self._ledger.history.standing()
        if why := _behind(standing, known, targets, now):
            put_back = self._ledger.history.put_back(targets, now)
            standing = self._ledger.history.standing()
            log.warning("database_put_back", why=why, held=put_back.held, doubtful=put_back.doubtful)
        self._follow(standing)
        self._met = None
        return put_back

    def close(self) -> None:
        """Let go of the mark; what it says is durable."""
        try:
            self._mark.keep()
        except OutputError as error:
            self._tell(error)
        self._mark.close()

    def _follow(self, standing: Standing) -> None:
        try:
            self._mark.take(standing.identity, standing.tries)
            self._mark.keep()
        except OutputError as error:
            self._tell(error)

    def _tried(self, number: int) -> None:
        """No try may fail for want of a mark: it is committed, and would be in doubt."""
        try:
            self._mark.rise(number)
        except OutputError as error:
            self._tell(error)

    def _tell(self, error: OutputError) -> None:
        if not self._told:
            log.warning("mark_not_written", why=str(error))
        self._told = True


def _behind(standing: Standing, known: Collection[Marked], targets: Mapping[str, Target], now: datetime) -> str:
    """Tell why a ledger is an older copy; empty if nothing says so."""
    if known:
        ahead = any(one.is_ahead_of(standing.identity, standing.tries) for one in known)
        return "the database is an older copy of the one that was at work here" if ahead else ""
    patience = min([STALE, *(one.max_age for one in targets.values())])
    idle = now - standing.polled_at if standing.polled_at is not None else timedelta(0)
    return "the database was at work elsewhere, or long ago" if idle > patience else ""
