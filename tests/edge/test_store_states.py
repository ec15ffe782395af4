"""What the database remembers of a store that fails, and how the next good poll ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from feedpub.ledger import Ledger
from feedpub.ledger.database import Database

NOW = datetime(2026, 4, 28, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_store_that_fails_tells_since_when_until_it_answers_again(database_url: str) -> None:
    ledger = Ledger(Database(database_url))
    ledger.open(lead=False)
    try:
        for minutes in range(3):
            ledger.articles.note_poll("blog", now=NOW + minutes * MINUTE, error="the site is down")
        failing = ledger.articles.store_state("blog")
        ledger.articles.note_poll("blog", now=NOW + 3 * MINUTE)
        well = ledger.articles.store_state("blog")
    finally:
        ledger.close()
    assert (failing.failed_since, failing.polled_at, failing.error) == (NOW, NOW + 2 * MINUTE, "the site is down")
    assert (well.failed_since, well.polled_at, well.error) == (None, NOW + 3 * MINUTE, "")
