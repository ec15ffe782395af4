"""rows in any order and any number -> rows by age, each id once, without holding them all in memory.

An answer is read to its end as fast as the database gives it, so that its tables are not held while we write our own.
What is new in it waits in a temporary SQLite database, which SQLite itself keeps in memory while it is small; its file,
if there is one, has no name and ends with us.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pydantic import TypeAdapter

from feedpub.errors import StoreError
from feedpub.model import Quarantined
from feedpub.stores.query.place import Row
from feedpub.stores.query.rows import TWICE, Read
from feedpub.stores.taxonomy import Named

MOST_PAGES = 4_000_000
"""Sixteen gigabytes of rows, compressed, are a mistake."""
_BETWEEN: Final = "+"
_BODY = TypeAdapter[Named | Quarantined](Named | Quarantined)


class Spool:
    """The rows of one answer. `seen`: digests of those that need not be told again."""

    def __init__(self, seen: Mapping[str, str]) -> None:
        """Begin empty."""
        self._seen = seen
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute(f"PRAGMA max_page_count = {MOST_PAGES}")
        self._db.execute("BEGIN")
        self._db.execute("CREATE TABLE row (id TEXT PRIMARY KEY, at INTEGER, digest TEXT, told BLOB)")

    def put(self, row: Read) -> None:
        """Take a row; raises StoreError where there is no room."""
        is_new = self._seen.get(row.id) != row.digest
        told = zlib.compress(_BODY.dump_json(row.told), 1) if is_new else None
        with _room():
            added = self._db.execute(
                "INSERT INTO row VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING", (row.id, row.at, row.digest, told)
            )
            if not added.rowcount:
                self._put_again(row)

    def _put_again(self, row: Read) -> None:
        """Have an id's several rows stand as one, whose digest is that of them all, in whatever order they came."""
        (known,) = self._db.execute("SELECT digest FROM row WHERE id = ?", (row.id,)).fetchone()
        digests = {*known.split(_BETWEEN), row.digest}
        self._db.execute("UPDATE row SET digest = ? WHERE id = ?", (_BETWEEN.join(sorted(digests)), row.id))

    def newest(self) -> Iterator[Row]:
        """Every row, the newest first, undated ones last; raises StoreError where there is no room to sort them."""
        with _room():
            found = self._db.execute("SELECT id, at, digest FROM row ORDER BY at DESC, id")
            for id_, at, digest in found:
                yield Row(id_, at, _one(digest))

    def news(self) -> Iterator[Named | Quarantined]:
        """What is to be told, the oldest first, undated ones before; raises StoreError as `newest` does."""
        order = "SELECT id FROM row WHERE told IS NOT NULL OR instr(digest, ?) ORDER BY at, id"
        with _room():
            for (id_,) in self._db.execute(order, (_BETWEEN,)):
                digest, told = self._db.execute("SELECT digest, told FROM row WHERE id = ?", (id_,)).fetchone()
                if _BETWEEN not in digest:
                    yield _BODY.validate_json(zlib.decompress(told))
                elif self._seen.get(id_) != _one(digest):
                    yield Quarantined(id_, TWICE)

    def close(self) -> None:
        """Forget everything."""
        self._db.close()


@contextmanager
def _room() -> Iterator[None]:
    """Say what to do where the temporary file cannot be made, or grow; raises StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            "the query's answer has no room in the folder for temporary files: let feedpub write there and make room, "
            "or name another folder by the environment variable TMPDIR"
        ) from error


def _one(digest: str) -> str:
    return hashlib.sha256(digest.encode()).hexdigest()[:16] if _BETWEEN in digest else digest
