"""The program, read top to bottom: Publisher.publish() from store to feeds, Publisher.deliver() from ledger to network.

Deciding is apart from doing: every decision is a pure function, every effect one line here. What must be told
is logged, one line an event, with names and never an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import structlog

from feedpub.applying import not_replaced, take_over, welcome
from feedpub.building import PARTS_A_POLL, PARTS_A_ROUND
from feedpub.delivering import Deliverer
from feedpub.house import House, Published, Setup, Source, feeds_plan
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.model import Delivery
from feedpub.polling import Poller
from feedpub.withdrawing import Withdrawer

__all__ = ["Published", "Publisher", "Setup", "Source"]

log = structlog.get_logger("feedpub")


class Publisher(House):
    """Articles in; feeds and notices out. Safe to call from several threads; each store by one at a time."""

    def __init__(self, ledger: Ledger, door: Door, setup: Setup, now: Callable[[], datetime]) -> None:
        """Work for a setup, with all the rooms."""
        super().__init__(ledger, door, setup, now)
        self.poller = Poller(self)
        self.withdrawer = Withdrawer(self)
        self.deliverer = Deliverer(self)

    # ------------------------------------------------------------ a new config

    def apply(self, setup: Setup) -> None:
        """Take on a setup: its stores, its targets, its feeds. What is no longer there is told."""
        # First of all: who polls a store by its old name, or as it was, must not go on.
        before, self.setup = self.setup, replace(self.setup, sources=setup.sources)
        take_over(self)
        # Welcomed before they are written down: a crash in between welcomes them again, and owes nothing twice.
        known = {one.name for one in self.ledger.targets.states()}
        welcome(self, [target for name, target in setup.targets.items() if name not in known])
        for name, count in self.ledger.targets.sync(setup.targets).items():
            log.warning("queue_cancelled", target=name, deliveries=count, why="the target was removed from the config")
        self.setup = setup
        changed = [name for name, target in setup.targets.items() if before.targets.get(name) != target]
        self.ledger.deliveries.follow_config(setup.targets, changed, self.now())
        self.builder.apply(feeds_plan(setup))
        self.tell_unknown()

    def follow(self, setup: Setup) -> None:
        """Take on a setup beside a leader: what is to be written down of it, the leader writes down."""
        self.setup = setup
        self.builder.follow(feeds_plan(setup))

    def not_replaced(self) -> Iterator[tuple[str, str]]:
        """Each option that names a store which cannot be taken over, and why; none once it was."""
        return not_replaced(self)

    # ------------------------------------------------------------ publishing

    def publish(self, name: str) -> Published:
        """One round for one store: what changed, what is gone, what is ripe; then the feeds that this touches."""
        done = self.poll(name)
        if not done.error:
            self.withdrawer.look(name, done)
        self.poller.ripen(done)
        self.build(done)
        # Few: the next poll waits for this one. The rest is left to `tidy`.
        self.archive(done, PARTS_A_POLL)
        if done.told and not done.error:
            log.info("published", store=name, **done.told)
        return done

    def tidy(self) -> Published:
        """What time alone brings: articles ripen, and feeds that could not be written are tried again."""
        done = Published()
        self.poller.ripen(done)
        self.build(done)
        self.archive(done)
        return done

    def poll(self, name: str) -> Published:
        """Record everything that changed in a store since its cursor, batch by batch.

        If the rules of cleaning are others than those its articles were cleaned by, everything is read once more.
        Whatever is wrong with a store is told and noted; it is nobody else's trouble.
        """
        done = Published()
        if self.poller.poll(name, done):
            self.withdrawer.withdraw(name, done)
        return done

    def build(self, done: Published | None = None) -> Published:
        """Rebuild every feed that a change touched, and the pages; then what waited for them falls due."""
        return (done or Published()).wrote(self.builder.build(self.setup.targets))

    def archive(self, done: Published | None = None, limit: int = PARTS_A_ROUND) -> Published:
        """Write some parts of archives that are not as they should be: what can wait until feeds are out."""
        return (done or Published()).wrote(self.builder.archive(limit))

    def rebuild(self) -> Published:
        """Render every feed again, each file parsed whole; files whose bytes are the same are not touched."""
        return Published().wrote(self.builder.rebuild(self.setup.targets))

    # ------------------------------------------------------------ delivering

    def claim(self, limit: int) -> tuple[Delivery, ...]:
        """Lease what is due, for so many free workers."""
        return self.deliverer.claim(limit)

    def next_due(self) -> datetime | None:
        """When there may be something to claim."""
        return self.deliverer.next_due()

    def put_back(self, claimed: Delivery) -> None:
        """Give back what was claimed and not begun."""
        self.deliverer.put_back(claimed)

    def deliver(self, claimed: Delivery, heard: Callable[[], object] = lambda: None) -> Delivery | None:
        """Say (or correct, retract, look for) one claimed delivery. None if somebody else has it by now.

        `heard` is called when the other side has answered, or will not: all that is left is to write it down.
        """
        return self.deliverer.deliver(claimed, heard)
