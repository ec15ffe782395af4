"""A database address -> transactions on SQLite or PostgreSQL, the schema up to date, and who leads.

SQLite: WAL, synchronous=FULL (a lost last commit would be a second notice), BEGIN IMMEDIATE for every write
(a deferred transaction that turns into a writer fails at once, whatever the busy timeout), 30 s of patience.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import IO, Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, make_url, select, true
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from feedpub.errors import (
    ConfigError,
    LedgerBusy,
    LedgerError,
    LedgerGone,
    LedgerMissing,
    LedgerTooNew,
    OutputError,
    Superseded,
)
from feedpub.ledger import schema
from feedpub.ledger.rows import CHUNK, raise_counter
from feedpub.ledger.seat import NOW, Seat
from feedpub.ledger.together import Together

_Some = TypeVar("_Some")

BUSY_SECONDS = 30
CUT_OFF = 8
"""Seconds after which a PostgreSQL that does not answer any more is given up, as its network must be cut."""


class Database:
    """Transactions on one database. Cheap to make; connects at first use."""

    def __init__(self, url: str, *, make: bool = True) -> None:
        """Take a SQLAlchemy address: `sqlite:///data/feedpub.db` or `postgresql://…`.

        `make`: where there is none yet, make it; else that is a LedgerError.
        """
        self._url = parse_url(url)
        self._make = make
        if self.is_sqlite and not make and not Path(str(self._url.database)).exists():
            raise LedgerMissing(
                f"there is no database yet: {Path(str(self._url.database)).absolute()} is missing; go to the folder "
                "that feedpub runs in, or start it here first: feedpub once"
            )
        self.engine: Engine = _sqlite(str(self._url.database)) if self.is_sqlite else _postgresql(self._url)
        self._lock: IO[str] | None = None
        self._seat: Seat | None = None
        self._term: int | None = None
        self._opened: tuple[int, int] | None = None
        self._together = Together(self.write)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of our own."""
        return bool(self._url.get_backend_name() == "sqlite")

    @contextmanager
    def write(self, *, leading: bool = False) -> Iterator[Connection]:
        """One transaction that writes: whole or not at all. Raises LedgerError.

        `leading`: what only a leader may write. Raises Superseded if we led until another took over.
        """
        with self._translated(), self.engine.begin() as connection:
            if leading and not self.leads_still(connection):
                raise Superseded("another feedpub leads by now: it does what is left of this")
            yield connection

    def leads_still(self, connection: Connection) -> bool:
        """Whether nobody has taken over the lead that we had; nobody does before this transaction ends."""
        # Who never led writes for itself: a command, or a test.
        return self._term is None or connection.execute(_TERM).scalar() == self._term

    def write_together(self, write: Callable[[Connection], _Some]) -> _Some:
        """One transaction that writes, shared with other threads that come with one at this moment.

        `write` must raise Superseded before it has written anything, and may be called a second time where the others'
        part failed. PostgreSQL has many writers, and commits together by itself.
        """
        if self.is_sqlite:
            return self._together.write(write)
        with self.write() as connection:
            return write(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look."""
        with (
            self._translated(),
            self.engine.connect().execution_options(looks=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One consistent look of many statements, at rows that are streamed: all is as of one moment."""
        # SQLite's every look is one; PostgreSQL's usual one is anew with each statement.
        steady = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with (
            self._translated(),
            self.engine.connect().execution_options(looks=True, yield_per=CHUNK, **steady) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """One statement's look: consistent by itself, and cheaper."""
        with self._translated(), self.engine.connect().execution_options(outside=True) as connection:
            yield connection

    # ------------------------------------------------------------ the schema

    def up_to_date(self) -> bool:
        """Whether the schema is this feedpub's. Raises LedgerTooNew for one of a later feedpub."""
        with self.read() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
            tables = frozenset(inspect(connection).get_table_names())
        scripts = ScriptDirectory.from_config(_alembic())
        known = {one.revision for one in scripts.walk_revisions()}
        if _of_another(tables, heads, known, shared=not self.is_sqlite):
            raise LedgerError(f"{self._named} belongs to another program: give feedpub one of its own ([database] url)")
        if not known.issuperset(heads):
            raise LedgerTooNew(
                f"the database has schema {heads[0]!r}, which this feedpub does not know: "
                "run the feedpub that wrote it, or a later one"
            )
        if not heads and not self._make:
            raise LedgerMissing(f"{self._named} is empty: start feedpub first, for example by `feedpub once`")
        return heads == (scripts.get_current_head(),)

    def revision(self) -> str:
        """Name the schema that it has."""
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""

    def migrate(self) -> None:
        """Bring the schema up to date; an older SQLite file is copied aside first. Only for who leads."""
        if not self.up_to_date():
            self._upgrade()
        self._opened = self._file()

    def _upgrade(self) -> None:
        with self.read() as connection:
            have = MigrationContext.configure(connection).get_current_revision()
        if self.is_sqlite and have is not None:
            self._copy_aside(have)
        config = _alembic()
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _copy_aside(self, revision: str) -> None:
        aside = f"{self._url.database}.before-{revision}"
        Path(aside).unlink(missing_ok=True)
        with self._translated(), self.engine.connect() as connection:
            outside = connection.execution_options(outside=True)
            outside.exec_driver_sql("VACUUM INTO ?", (aside,))

    # ------------------------------------------------------------ who leads

    @property
    def leads(self) -> bool:
        """Whether we are the one that polls, builds and migrates, as far as we know."""
        return self._lock is not None or (self._seat is not None and self._seat.leads)

    def lead(self) -> None:
        """Become the one that polls, builds and migrates, until `resign`. Raises LedgerBusy if another does."""
        if not self.try_lead():
            raise LedgerBusy(
                "another feedpub already runs on this PostgreSQL database: stop it first, or give this one "
                "a database of its own ([database] url)"
            )

    def try_lead(self) -> bool:
        """Lead, unless another feedpub does on this PostgreSQL. One that leads on a SQLite file is LedgerBusy."""
        if self.is_sqlite:
            self._lock = self._lock or self._lock_file()
            return True
        with self._translated():
            self._seat = self._seat or Seat(self.engine)
            return self._seat.try_lead()

    def begin_term(self) -> None:
        """Now that we lead: whatever somebody who led before us has still to write is void."""
        if not self.is_sqlite:
            with self.write() as connection:
                self._term = raise_counter(connection, _LEADER, 1, make=True)

    def alone(self) -> bool:
        """Whether no other process delivers, so that what is leased is left over. Delivers from here on."""
        if self._seat is None:
            return True
        with self._translated():
            return self._seat.alone()

    def deliver(self, *, alone: bool) -> None:
        """Deliver from here on, together with others; `alone`: as we were found to be."""
        if self._seat is not None:
            with self._translated():
                self._seat.deliver(alone=alone)

    def beat(self) -> datetime | None:
        """Show the others that we live; tells what time a shared database has. To be called every second or two.

        Raises LedgerError where the connection was lost, and with it the lead; the next one finds another. Raises
        LedgerGone if the SQLite file is another one than we opened: then whoever calls must stop.
        """
        if self.is_sqlite:
            if self._file() != self._opened:
                raise LedgerGone(
                    f"{self._url.database} was moved, deleted or replaced while feedpub ran: put it back, "
                    "or start feedpub again with what is there"
                )
            return None
        try:
            with self._translated():
                if self._seat is None:
                    self._seat = Seat(self.engine)
                    self._seat.deliver(alone=False)
                return self._seat.beat()
        except LedgerError:
            self._leave_seat()
            raise

    def clock(self) -> datetime | None:
        """What time a shared database has; None for a file of our own."""
        if self.is_sqlite:
            return None
        with self.glance() as connection:
            moment: datetime = connection.execute(NOW).scalar_one()
            return moment

    def resign(self) -> None:
        """Let another lead, from this very moment."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        self._leave_seat()

    def _leave_seat(self) -> None:
        if self._seat is not None:
            self._seat.leave()
            self._seat = None

    def _file(self) -> tuple[int, int] | None:
        """Which file lies at our address now; None for none, and for PostgreSQL."""
        try:
            found = Path(str(self._url.database)).stat() if self.is_sqlite else None
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found else None

    def _lock_file(self) -> IO[str]:
        path = Path(f"{self._url.database}.lock")
        lock = _open_private(path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise LedgerBusy(
                f"another feedpub already runs on {self._url.database}: stop it first, or give this one "
                "a database of its own ([database] url)"
            ) from None
        return lock

    def close(self) -> None:
        """Let go of the lead and of all connections."""
        self.resign()
        self.engine.dispose()

    # ------------------------------------------------------------ in words

    @property
    def _named(self) -> str:
        """What to call it; the address of a PostgreSQL is a secret."""
        return f"the database {self._url.database}" if self.is_sqlite else "this PostgreSQL database"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Tell in words what the database said. Its own text stays in `__cause__`: it may hold the address."""
        try:
            yield
        except DBAPIError as error:
            raise LedgerError(_sentence(str(error.orig), str(self._url.database) if self.is_sqlite else "")) from error
        except SQLAlchemyError as error:
            raise LedgerError(f"{self._named} cannot be used ({type(error).__name__}): please report it") from error


def _of_another(tables: frozenset[str], heads: tuple[str, ...], known: set[str], *, shared: bool) -> bool:
    """Whether somebody else made these tables. Beside strangers' we make ours only where it is usual (`shared`)."""
    ours = frozenset(schema.metadata.tables)
    if not heads:
        return bool(tables & ours if shared else tables)
    return not known.issuperset(heads) and not {"article", "delivery"} <= tables


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", "feedpub:ledger/migrations")
    return config


def parse_url(url: str) -> Any:  # noqa: ANN401 - SQLAlchemy's URL; its own annotations change between releases
    """Read the address of a database. Raises ConfigError, without the address: it may hold a password."""
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise ConfigError('database.url: only "sqlite:///…" and "postgresql://…" can be used')
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigError('database.url: write "sqlite:///data/feedpub.db" or "postgresql://…"') from None
    return parsed


def _sqlite(path: str) -> Engine:
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise OutputError(
            f"cannot make the folder {folder} for the database: make it, or change database.url"
        ) from None
    # To open a file is to read its schema: those who deliver at one moment find it open.
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=32, max_overflow=300, pool_use_lifo=True)

    @event.listens_for(engine, "connect")
    def prepare(dbapi: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection has no type of its own
        dbapi.isolation_level = None  # we say BEGIN ourselves
        tables = {name for (name,) in dbapi.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for pragma in (
            # Once switched, a file stays so: another program's is only looked at.
            "journal_mode=WAL" if not tables or "alembic_version" in tables else "journal_mode",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("outside"):  # VACUUM cannot be part of a transaction, one SELECT need not
            connection.exec_driver_sql("BEGIN" if options.get("looks") else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: Any) -> Engine:  # noqa: ANN401 - see parse_url
    try:
        return create_engine(
            url,
            pool_size=4,
            max_overflow=60,
            pool_pre_ping=True,
            connect_args={k: v for k, v in _PATIENCE.items() if k not in url.query},
        )
    except ModuleNotFoundError:
        raise ConfigError(
            "database.url: PostgreSQL needs the package psycopg: install feedpub with its extra `postgres`"
        ) from None


_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": CUT_OFF // 2,
    "keepalives_interval": 1,
    "keepalives_count": CUT_OFF // 2,
    "tcp_user_timeout": CUT_OFF * 1000,
}
"""How long to wait for a server that says nothing, in libpq's words; what `url` says goes before."""


def _open_private(path: Path) -> IO[str]:
    try:
        return path.open("a", encoding="ascii")
    except OSError:
        who, folder = f"{os.geteuid()}:{os.getegid()}", quote(str(path.parent))
        raise LedgerError(f"cannot write {path}: give its folder to feedpub's user: chown -R {who} {folder}") from None


_LEADER = "leader"
"""The counter of how often the lead was taken."""
_CUT = func.set_config("idle_in_transaction_session_timeout", "10s", true())
# Who takes the lead waits until whoever wrote in the former one is done, or was cut off.
_TERM = select(schema.counter.c.value, _CUT).where(schema.counter.c.name == _LEADER).with_for_update(read=True)

_SENTENCES = {
    "unable to open database file": "the database {file} cannot be opened: see that its folder exists and is writable",
    "readonly database": "the database {file} is read-only: make it and its folder writable for feedpub's user",
    "database is locked": f"the database {{file}} stayed locked for {BUSY_SECONDS} s: is another program writing?",
    "file is not a database": "the database {file} is not a SQLite database: move it away, or change database.url",
    "disk is full": "the disk is full, and with it the database {file}: nothing can be recorded until there is space",
    "disk I/O error": "the database {file} cannot be read or written: look at the disk",
    "malformed": "the database {file} is damaged: restore a backup",
    "password authentication failed": "PostgreSQL refused the user or password of database.url",
    "does not exist": "PostgreSQL does not know the database or table: check database.url",
    "onnection": "the database cannot be reached: check that it runs and that database.url is right",
}


def _sentence(said: str, file: str) -> str:
    """Say it in our words; `file` is "" for PostgreSQL, whose address is a secret."""
    ours = next(
        (ours for theirs, ours in _SENTENCES.items() if theirs in said), "the database {file} refused a statement"
    )
    return ours.format(file=file).replace("  ", " ")
