"""A process on a PostgreSQL that several share -> whether it leads there, and what time the database has.

The lead is a lock that the server holds for a connection, and lets go when that ends. It ends by itself when nothing
was heard of its process for `SILENCE`: one that was stopped, or whose network was cut, leads no more.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from feedpub.ledger import schema

_LEADS = 0x666565647075  # "feedpu": held by whoever leads
_DELIVERS = _LEADS + 1
"""Held together by all that deliver."""

SILENCE = timedelta(seconds=6)
"""So long may a process that beats say nothing until the server ends its connection (PostgreSQL 14 and later)."""

_TRY_LEAD = text("SELECT pg_try_advisory_lock(:key)")
NOW = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now").columns(now=schema.Moment())


class Seat:
    """A connection of its own, and the locks it holds. Used by one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        """Take a seat. Raises SQLAlchemyError."""
        self._connection: Connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.detach()  # or the pool would keep it, with its locks
        self._beats = False
        self.leads = False

    def try_lead(self) -> bool:
        """Lead, unless another does."""
        if not self.leads:
            self.leads = bool(self._connection.execute(_TRY_LEAD, {"key": _LEADS}).scalar())
        return self.leads

    def alone(self) -> bool:
        """Whether nobody else delivers: then nobody is at work on what is leased. It stays so until `deliver`."""
        return bool(self._connection.execute(_TRY_LEAD, {"key": _DELIVERS}).scalar())

    def deliver(self, *, alone: bool) -> None:
        """Deliver from here on, together with others; `alone`: as this seat was found to be."""
        self._connection.execute(text("SELECT pg_advisory_lock_shared(:key)"), {"key": _DELIVERS})
        if alone:
            self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _DELIVERS})

    def beat(self) -> datetime:
        """Show that we live; tells what time the database has. Raises SQLAlchemyError: then all locks are lost."""
        if not self._beats:
            # An older server does not know the setting, and frees the lead when the connection ends.
            with suppress(ProgrammingError):
                self._connection.exec_driver_sql(f"SET idle_session_timeout = '{SILENCE.seconds}s'")
            self._beats = True
        moment: datetime = self._connection.execute(NOW).scalar_one()
        return moment

    def leave(self) -> None:
        """Let go of everything, from this very moment."""
        with suppress(SQLAlchemyError):
            self._connection.close()
