"""how to open a store -> a store that is opened when it is first asked, and closed when nobody asks it any more.

One that cannot be opened now fails as one that does not answer: it is tried again at the next question, and the other
stores never hear of it. A config that changes need not wait for a question that hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from feedpub.errors import StoreError
from feedpub.model import Batch, Census
from feedpub.stores.base import Store


class Opened:
    """A store as the config names it."""

    def __init__(self, open_it: Callable[[], Store]) -> None:
        """Take how to open it; it may raise StoreError."""
        self._open = open_it
        self._store: Store | None = None
        self._lock = threading.Lock()
        self._asking = 0
        self._over = False

    def changes(self, cursor: str | None) -> Batch:
        """Ask what changed since."""
        with self._asked() as store:
            return store.changes(cursor)

    def census(self, ids: Sequence[str] | None) -> Census:
        """Ask which are public now."""
        with self._asked() as store:
            return store.census(ids)

    def close(self) -> None:
        """Close it now, or as soon as it has answered who is asking."""
        with self._lock:
            self._over = True
            store = self._let_go()
        if store is not None:
            store.close()

    @contextmanager
    def _asked(self) -> Iterator[Store]:
        with self._lock:
            if self._over:
                raise StoreError("the config changed while this store was read: the next poll goes on")
            self._asking += 1
        try:
            if self._store is None:
                self._store = self._open()
            yield self._store
        finally:
            with self._lock:
                self._asking -= 1
                store = self._let_go()
            if store is not None:
                store.close()

    def _let_go(self) -> Store | None:
        """Give up the store, if it is over with it and nobody asks. Only with the lock."""
        if not self._over or self._asking:
            return None
        store, self._store = self._store, None
        return store
