"""the address of a database -> how it is, seen without changing anything: neither made nor migrated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from feedpub.ledger.database import Database, parse_url

_STEPS = 10_000
"""So many steps of SQLite's machine are done between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a database is.

    `made`: our tables are there; `current`: as this feedpub has them. `sound`: nothing in the file is damaged (None:
    PostgreSQL sees to that itself, or there was no time to look it through). `ahead`: how far our clock is ahead of
    that of PostgreSQL.
    """

    program: str
    made: bool = False
    current: bool = False
    sound: bool | None = None
    ahead: timedelta | None = None


def file_of(url: str) -> Path | None:
    """Tell which file a database is; None for PostgreSQL. Raises ConfigError for what is no address of one."""
    parsed = parse_url(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def look(url: str, now: Callable[[], datetime], *, within: timedelta) -> Condition:
    """Look at a database; a SQLite file is looked through for at most `within`.

    Raises LedgerError where it cannot be used, LedgerTooNew where a later feedpub has written it, ConfigError.
    """
    file = file_of(url)
    if file is None:
        return _postgresql(Database(url), now)
    program = f"SQLite {sqlite3.sqlite_version}"
    if not file.exists() or not file.stat().st_size:
        return Condition(program)
    database = Database(url)
    try:
        made, current = _schema(database)
        return Condition(program, made, current, _sound(file, within))
    finally:
        database.close()


def _postgresql(database: Database, now: Callable[[], datetime]) -> Condition:
    try:
        with database.read() as connection:
            version = str(connection.execute(text("SHOW server_version")).scalar_one())
            theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            ahead = now() - theirs
        made, current = _schema(database)
        return Condition(f"PostgreSQL {version.partition(' ')[0]}", made, current, ahead=ahead)
    finally:
        database.close()


def _schema(database: Database) -> tuple[bool, bool]:
    """Whether our tables are there, and whether as we have them."""
    current = database.up_to_date()
    with database.read() as connection:
        return bool(MigrationContext.configure(connection).get_current_heads()), current


def _sound(file: Path, within: timedelta) -> bool | None:
    """Have SQLite look its file through; None where that takes too long, or somebody keeps it locked."""
    end = monotonic() + within.total_seconds()
    address = f"{file.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=within.total_seconds())) as connection:
            connection.set_progress_handler(lambda: monotonic() > end, _STEPS)
            return [row[0] for row in connection.execute("PRAGMA quick_check(1)")] == ["ok"]
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError:
        return False
