"""Entries rendered once, kept for every feed that carries them: in memory, and in the database for the next start."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select

from feedpub.feeds.entries import Fragment
from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.rows import chunks
from feedpub.ledger.selecting import EntryRef

MEMORY = 24 * 1024 * 1024
"""Bytes of fragments held in memory: some two thousand of 3 kB articles."""
KEPT = 4000
"""Fragments held in the database, the newest rendered."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A fragment just rendered: of which version of which article, for which look of the feeds."""

    ref: EntryRef
    look: str
    fragment: Fragment


@dataclass(slots=True)
class Fragments:
    """The fragments' side of the ledger."""

    database: Database
    _held: OrderedDict[int, tuple[int, str, Fragment]] = field(default_factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def get(self, refs: Sequence[EntryRef], look: str) -> dict[int, Fragment]:
        """Those of these versions that are there, by the article's key."""
        found = self._remembered(refs, look)
        missing = [ref for ref in refs if ref.key not in found]
        if missing:
            stored = self._stored(missing, look)
            self.remember([Fresh(ref, look, stored[ref.key]) for ref in missing if ref.key in stored])
            found |= stored
        return found

    def remember(self, fresh: Sequence[Fresh]) -> None:
        """Hold these in memory; the longest unused make room."""
        with self._lock:
            for one in fresh:
                old = self._held.pop(one.ref.key, None)
                self._bytes += one.fragment.size - (old[2].size if old else 0)
                self._held[one.ref.key] = (one.ref.seq, one.look, one.fragment)
            while self._bytes > MEMORY and self._held:
                self._bytes -= self._held.popitem(last=False)[1][2].size

    def _remembered(self, refs: Sequence[EntryRef], look: str) -> dict[int, Fragment]:
        found = {}
        with self._lock:
            for ref in refs:
                held = self._held.get(ref.key)
                if held is not None and held[:2] == (ref.seq, look):
                    self._held.move_to_end(ref.key)
                    found[ref.key] = held[2]
        return found

    def _stored(self, refs: Sequence[EntryRef], look: str) -> dict[int, Fragment]:
        one = schema.fragment.c
        versions: Mapping[int, int] = {ref.key: ref.seq for ref in refs}
        with self.database.read() as connection:
            return {
                row.article: Fragment(row.rss, row.atom, row.json)
                for some in chunks(list(versions))
                for row in connection.execute(select(schema.fragment).where(one.article.in_(some), one.look == look))
                if row.seq == versions[row.article]
            }


def save(connection: Connection, fresh: Sequence[Fresh]) -> None:
    """Write fragments down, and let the oldest go."""
    if not fresh:
        return
    one = schema.fragment.c
    for some in chunks(fresh):
        connection.execute(delete(schema.fragment).where(one.article.in_([given.ref.key for given in some])))
        connection.execute(
            insert(schema.fragment),
            [
                {
                    "article": given.ref.key,
                    "seq": given.ref.seq,
                    "look": given.look,
                    "rss": given.fragment.rss,
                    "atom": given.fragment.atom,
                    "json": given.fragment.json,
                }
                for given in some
            ],
        )
    last = connection.execute(select(func.max(one.pk))).scalar() or 0
    connection.execute(delete(schema.fragment).where(one.pk <= last - KEPT))
