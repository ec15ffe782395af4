"""a path -> transactions on the embedded store's file, or a StoreError in one sentence.

WAL with synchronous=FULL: a committed article survives a power cut. Each transaction opens the file anew, so
that a file put in its place is seen; that takes a fraction of a millisecond. A file of an earlier schema is
brought up to date before it is read or written. Writers begin IMMEDIATE: a
transaction that read first and then asked to write would fail at once instead of waiting its turn.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from feedpub.errors import StoreError
from feedpub.stores.embedded import schema

PATIENCE = timedelta(seconds=30)
"""How long to wait for another program that is writing."""

_REASONS = {
    sqlite3.SQLITE_BUSY: "is locked by another program: let it finish, or stop it",
    sqlite3.SQLITE_LOCKED: "is locked by another program: let it finish, or stop it",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: give another path",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: give feedpub the right to read and write it and its folder",
    sqlite3.SQLITE_READONLY: "cannot be written: give feedpub the right to write it and its folder",
    sqlite3.SQLITE_PERM: "cannot be written: give feedpub the right to write it and its folder",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written: look at the disk",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: (
        "does not take this: an article names a category that is not there, or a comment an article"
    ),
    sqlite3.SQLITE_CONSTRAINT: "does not take this: an id is empty, or a value is none of those allowed",
}


class StoreFile:
    """The file, opened for one transaction at a time; made, with its schema, by `create`."""

    def __init__(self, path: str, patience: timedelta = PATIENCE) -> None:
        """Remember where; nothing is opened yet."""
        self.path = path
        self._place = Path(path).absolute()
        self._engine = _engine(self._place, patience)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the file; raises StoreError."""
        self._find(make=False)
        while True:
            with self._transaction(writes=False) as connection:
                if self._check_schema(connection) == schema.VERSION:
                    yield connection
                    return
            self.create()  # brings it up to date

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or nothing. Makes the file where it is missing; raises StoreError."""
        self._find(make=True)
        with self._transaction(writes=True) as connection:
            if _is_blank(connection):
                _make_schema(connection)
            if (version := self._check_schema(connection)) < schema.VERSION:
                self._upgrade(connection, version)
            yield connection

    def create(self) -> None:
        """Make the file where it is missing, or bring it up to date; raises StoreError."""
        with self.writing():
            pass

    def mark(self) -> str:
        """Another text as soon as somebody has written; "" where there is no file. Cheap: nothing is opened."""
        marks = []
        # What was written lately lies beside the file; an empty one there is only somebody who reads.
        for beside in (self._place, self._place.with_name(f"{self._place.name}-wal")):
            try:
                found = beside.stat()
            except OSError:
                continue
            if found.st_size or beside is self._place:
                marks.append((found.st_ino, found.st_mtime_ns, found.st_size))
        return str(marks) if self._place.exists() else ""

    def _check_schema(self, connection: Connection) -> int:
        """Refuse what this feedpub cannot use, and tell the schema's version."""
        if _is_blank(connection):
            raise StoreError(f'{self.path}: nothing is in it: put the store back, or fill it by "feedpub import"')
        if _pragma(connection, "application_id") != schema.APPLICATION_ID:
            raise StoreError(
                f"{self.path} is a database of another program: give another path, or read it by `url` and `query`"
            )
        version = _pragma(connection, "user_version")
        if version > schema.VERSION:
            raise StoreError(
                f"{self.path} was written by a later feedpub (schema {version}; this one knows {schema.VERSION}): "
                "install that feedpub"
            )
        return version

    def _upgrade(self, connection: Connection, version: int) -> None:
        """Add what came since `version`; the rows that are there stay as they are."""
        there = set(connection.execute(text("SELECT name FROM sqlite_schema")).scalars())
        for table in (one for later, added in schema.ADDED.items() if later > version for one in added):
            if table.name in there:
                raise StoreError(
                    f'{self.path} holds a "{table.name}" that feedpub did not make: rename it, feedpub needs the name'
                )
            table.create(connection)
        connection.execute(text(f"PRAGMA user_version = {schema.VERSION}"))

    def _find(self, *, make: bool) -> None:
        """Refuse a place where no store is, or none can be."""
        try:
            if make:
                self._place.parent.mkdir(parents=True, exist_ok=True)
            there, directory = self._place.exists(), self._place.is_dir()
        except (FileExistsError, NotADirectoryError) as error:
            raise StoreError(f"{self.path} has a file where its folder should be: give another path") from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be reached: give feedpub the right to use its folder") from error
        if directory:
            raise StoreError(f"{self.path} is a directory: name a file in it, such as {self.path}/articles.db")
        if not (there or make):
            raise StoreError(f'{self.path}: no such file: put the store back, or fill a new one by "feedpub import"')

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execution_options(feedpub_writes=writes)
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"{self.path} {_reason(error)}") from error


def _engine(place: Path, patience: timedelta) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(place)),
        poolclass=NullPool,
        connect_args={"timeout": patience.total_seconds()},
        hide_parameters=True,
    )
    event.listen(engine, "connect", partial(_prepare, patience=patience))
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry, patience: timedelta) -> None:
    connection.isolation_level = None  # we begin transactions ourselves: Python's own beginning is never IMMEDIATE
    # Bytes that are not UTF-8 must spoil their own row only; rows.py finds the escapes.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    _use_wal(connection, monotonic() + patience.total_seconds())
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch a new file to WAL. SQLite does not wait here of itself when another program opens it just then."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("feedpub_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f"PRAGMA {name}")).scalar_one())


def _is_blank(connection: Connection) -> bool:
    objects = select(func.count()).select_from(text("sqlite_schema"))
    return _pragma(connection, "application_id") == 0 and connection.execute(objects).scalar_one() == 0


def _make_schema(connection: Connection) -> None:
    schema.tables.create_all(connection)
    connection.execute(insert(schema.store).values(one=1))
    connection.execute(text(f"PRAGMA application_id = {schema.APPLICATION_ID}"))
    connection.execute(text(f"PRAGMA user_version = {schema.VERSION}"))


def _reason(error: SQLAlchemyError) -> str:
    original = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    general = code & 0xFF  # the other bits say details
    return _REASONS.get(code) or _REASONS.get(general) or "does not answer as a store: restore it from a backup"
