"""the ledger + the names of the config -> how things stand, in figures for monitoring. Each look is by an index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from feedpub.commands.problems import About, Problem
from feedpub.ledger import Ledger
from feedpub.ledger.articles import StoreState
from feedpub.metrics import Figures
from feedpub.model import State

OPEN = (State.HELD, State.DUE, State.CLAIMED, State.SENDING, State.DOUBTFUL, State.FAILED)
"""What is not done with: what was sent or skipped is counted by no look, as it only ever grows."""


def figures(
    ledger: Ledger, stores: Collection[str], targets: Collection[str], problems: Sequence[Problem], now: datetime
) -> Figures:
    """Look at the ledger. Raises LedgerError."""
    queues = {target: dict.fromkeys(map(str, OPEN), 0) for target in targets}
    waiting = dict.fromkeys(targets, 0.0)
    for target, state, count, first in ledger.deliveries.queues(targets, OPEN):
        queues[target][state] = count
        if state is State.DUE and first is not None:
            waiting[target] = max((now - first).total_seconds(), 0.0)
    found = {about.value: sum(one.about is about for one in problems) for about in About}
    polled = {one.name: read.timestamp() for one in ledger.articles.store_states() if (read := _read_well(one))}
    return Figures(found, queues, waiting, {name: moment for name, moment in polled.items() if name in stores})


def _read_well(store: StoreState) -> datetime | None:
    """When a store was last read well; of one that fails only that is known: not since."""
    return store.failed_since or store.polled_at
