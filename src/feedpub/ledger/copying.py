"""a ledger of either kind -> a SQLite file that holds all of it; and from such a file into a ledger of either kind.

The file is a ledger as any other: made by SQLite itself from a file, row by row from PostgreSQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, delete, func, insert, select, text

from feedpub.errors import LedgerError, OutputError
from feedpub.ledger import schema
from feedpub.ledger.database import BUSY_SECONDS, Database
from feedpub.ledger.rows import CHUNK

BEGINNING = b"SQLite format 3\0"
"""How every SQLite file begins."""


def copy_file(place: Path, to: Path) -> None:
    """Copy a SQLite file as of one moment, whoever writes into it. Raises OutputError, LedgerError."""
    with _told(place, to), closing(_opened(place)) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))


def check_file(place: Path) -> None:
    """Have SQLite look through a file. Raises LedgerError if it is damaged."""
    with _told(place, place), closing(_opened(place)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise LedgerError(f"{place} is damaged: take another backup")


def make_single(place: Path) -> None:
    """Have all of a SQLite file in the one file, with nothing beside it. Raises LedgerError."""
    with _told(place, place), closing(_opened(place)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def copy_out(source: Connection, to: Path) -> None:
    """Write all that a ledger holds, as seen by `source`, into a new SQLite file."""
    with closing(Database(f"sqlite:///{to}")) as copy:
        copy.migrate()
        with copy.write() as connection:
            _replace(source, connection)
    make_single(to)


def copy_in(place: Path, target: Connection) -> None:
    """Have a ledger hold what a SQLite file of the same schema holds, and nothing else."""
    with closing(Database(f"sqlite:///{place}", make=False)) as copy, copy.snapshot() as source:
        _replace(source, target)
    if target.dialect.name == "postgresql":
        _count_on(target)


def _replace(source: Connection, target: Connection) -> None:
    tables = schema.metadata.sorted_tables
    for table in reversed(tables):
        target.execute(delete(table))
    for table in tables:
        with source.execute(select(table).execution_options(yield_per=CHUNK)) as rows:
            for some in rows.mappings().partitions(CHUNK):
                target.execute(insert(table), [dict(row) for row in some])


def _count_on(target: Connection) -> None:
    """PostgreSQL does not count on from keys that are given to it."""
    for table in schema.metadata.sorted_tables:
        key = table.autoincrement_column
        if key is not None:
            last = target.execute(select(func.max(key))).scalar()
            given = {"table": table.name, "key": key.name, "last": last or 1, "any": last is not None}
            target.execute(text("SELECT setval(pg_get_serial_sequence(:table, :key), :last, :any)"), given)


# ---------------------------------------------------------------- files


def _opened(place: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(place))}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


@contextmanager
def _told(place: Path, to: Path) -> Iterator[None]:
    """Say in one sentence why it cannot be done."""
    try:
        yield
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_FULL:
                raise OutputError(f"no space is left for {to}: free some, or write it elsewhere") from error
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                raise LedgerError(f"{place} is damaged, or no SQLite database: take another backup") from error
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise LedgerError(f"{place} stayed locked for {BUSY_SECONDS} s: is another program writing?") from error
            case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
                raise LedgerError(f"{place} cannot be opened: give feedpub the right to read and write it") from error
            case _:
                raise LedgerError(f"{place} cannot be copied: look at the disk") from error
