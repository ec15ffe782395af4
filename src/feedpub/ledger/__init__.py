"""What we have seen, what we owe, what we have said."""

from __future__ import annotations

from feedpub.ledger.articles import Articles
from feedpub.ledger.database import Database
from feedpub.ledger.deliveries import Deliveries
from feedpub.ledger.feeds import Feeds


class Ledger:
    """Our own database, by its three subjects."""

    def __init__(self, database: Database) -> None:
        """Work on a database; connects, and migrates, at `open`."""
        self.database = database
        self.articles = Articles(self.database)
        self.feeds = Feeds(self.database)
        self.deliveries = Deliveries(self.database)

    def open(self, *, lead: bool) -> None:
        """Bring the schema up to date. `lead`: be the only one that polls, builds and delivers (LedgerBusy)."""
        if lead:
            self.database.lead()
        self.database.migrate()

    def close(self) -> None:
        """Let go of everything."""
        self.database.close()
