"""A store read as the publisher reads it: batch by batch, each with the cursor of the one before."""

from __future__ import annotations

from collections.abc import Iterator

from feedpub.model import Batch
from feedpub.stores.base import Store


def batches(store: Store, cursor: str | None = None) -> Iterator[Batch]:
    """Everything that changed since a cursor."""
    more = True
    while more:
        batch = store.changes(cursor)
        cursor, more = batch.cursor, batch.more
        yield batch
