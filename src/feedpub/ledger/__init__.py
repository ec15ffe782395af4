"""What we have seen, what we owe, what we have said."""

from __future__ import annotations

from feedpub.ledger.alerts import Alerts
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
        self.alerts = Alerts(self.database)

    def open(self, *, lead: bool, stand_by: bool = False) -> bool:
        """Connect; tells whether we lead now. `lead`: be the only one that polls, builds and migrates (LedgerBusy).

        Whoever does not lead leaves the schema alone, unless it is not up to date and nobody else leads. `stand_by`:
        where another leads on a shared database, wait behind it.
        """
        if lead and stand_by and not self.database.try_lead():
            self.database.up_to_date()
            return False
        if lead or not self.database.up_to_date():
            self.database.lead()
            self.take_lead()
        if not lead:
            self.database.resign()
        return lead

    def take_lead(self) -> None:
        """Now that the lead is ours: bring the schema up to date, and void what a leader before us still writes."""
        self.database.migrate()
        self.database.begin_term()
        self.history.begin()

    def close(self) -> None:
        """Let go of everything."""
        self.database.close()
