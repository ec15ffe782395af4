"""What we have seen, what we owe, what we have said."""

from __future__ import annotations

from feedpub.ledger.articles import Articles
from feedpub.ledger.database import Database
from feedpub.ledger.deliveries import Deliveries
from feedpub.ledger.feeds import Feeds
from feedpub.ledger.fragments import Fragments
from feedpub.ledger.leftovers import Leftovers
from feedpub.ledger.parts import Parts
from feedpub.ledger.restoring import History
from feedpub.ledger.targets import Targets


class Ledger:
    """Our own database, by its subjects."""

    def __init__(self, database: Database) -> None:
        """Work on a database; connects, and migrates, at `open`."""
        self.database = database
        self.articles = Articles(self.database)
        self.feeds = Feeds(self.database)
        self.parts = Parts(self.database)
        self.fragments = Fragments(self.database)
        self.leftovers = Leftovers(self.database)
        self.targets = Targets(self.database)
        self.deliveries = Deliveries(self.database)
        self.history = History(self.database)

    def open(self, *, lead: bool) -> None:
        """Connect. `lead`: be the only one that polls, builds, delivers and migrates (LedgerBusy).

        Whoever does not lead leaves the schema alone, unless it is not up to date and nobody else leads.
        """
        if lead or not self.database.up_to_date():
            self.database.lead()
            self.database.migrate()
            self.history.begin()
        if not lead:
            self.database.resign()

    def close(self) -> None:
        """Let go of everything."""
        self.database.close()
