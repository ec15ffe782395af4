"""an address -> short, read-only sessions with one database, and its clock; each kind by its own means.

What is set, is set for one transaction alone where the database can do so (PostgreSQL): behind a pooler such as
PgBouncer another program is given the same connection next.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, func, select, text
from sqlalchemy.pool import ConnectionPoolEntry

from feedpub.errors import StoreError
from feedpub.stores.query.moments import SinceAs, in_words, wall

CONNECTING = timedelta(seconds=10)
"""How long a server may take to let us in."""


class Dialect(ABC):
    """One kind of database. Nothing is opened before the first session."""

    name: ClassVar[str] = "the database"
    mixes_types: ClassVar[bool] = False
    """Whether one column may hold numbers in one row and text in another."""

    def __init__(self, url: URL, timeout: timedelta, zone: ZoneInfo) -> None:
        """Remember where, how long a statement may take, and in which zone its naive dates are meant."""
        self.url = url
        self.timeout = timeout
        self.zone = zone
        self.engine = self._engine()

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """One transaction that reads. What goes wrong there is the library's own error (reasons.py)."""
        with self._connected() as connection, connection.begin():
            self._begin(connection)
            yield connection

    def _connected(self) -> Connection:
        try:
            return self.engine.connect()
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"the driver of {self.name} takes no such parameters as stand in `url`: correct what is behind the ?"
            ) from error

    def since(self, moment: datetime, since_as: SinceAs, west: int | None) -> object:
        """Write an instant as the query's `:since`."""
        if since_as == "unix":
            return int(moment.timestamp())
        if since_as == "text":
            return in_words(moment, self.zone, west)
        return self._timestamp(moment, west)

    def clock(self, connection: Connection) -> datetime:
        """What the database's clock says."""
        said = connection.execute(text(self._clock)).scalar_one()
        return datetime.fromtimestamp(float(said), UTC)

    _clock: ClassVar[str] = ""
    """A statement that asks for the seconds since 1970."""

    @abstractmethod
    def _engine(self) -> Engine: ...

    def _begin(self, connection: Connection) -> None:  # noqa: B027 - not every kind has the means
        """Make the transaction one that only reads, for no longer than it may."""

    def _timestamp(self, moment: datetime, west: int | None) -> object:  # noqa: ARG002 - a file's dates are text
        return wall(moment, self.zone)

    def _made(self, **arguments: Any) -> Engine:  # noqa: ANN401 - each driver's own
        return create_engine(self.url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)


class SQLite(Dialect):
    """A file of another program, which we could not write if we wanted to."""

    name = "the SQLite file of `url`"
    mixes_types = True
    _clock = "SELECT strftime('%s', 'now')"

    def _engine(self) -> Engine:
        engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "connect", _no_begin_of_its_own)
        return engine

    def _connect(self) -> sqlite3.Connection:
        path = Path(str(self.url.database)).absolute()
        try:
            is_there, is_folder = path.exists(), path.is_dir()
        except OSError as error:
            raise StoreError(f"{self.name} cannot be reached: let feedpub read its folder") from error
        if is_folder:
            raise StoreError(f"{self.name} is a folder: correct the path")
        if not is_there:
            raise StoreError(f"{self.name} is not there: correct the path, or put the file back")
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=self.timeout.total_seconds(), check_same_thread=False
        )
        # Bytes that are not UTF-8 must spoil their own row only; rows.py finds the escapes.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            raw.set_progress_handler(_Patience(self.timeout).is_over, 10_000)

    def _timestamp(self, moment: datetime, west: int | None) -> object:
        return in_words(moment, self.zone, west)


class _Patience:
    """What SQLite itself has worked, without the time that we took between its rows."""

    def __init__(self, most: timedelta) -> None:
        self._left = most.total_seconds()
        self._last = monotonic()

    def is_over(self) -> bool:
        """Asked every few thousand steps, which take a millisecond or so: where more has passed, it was not asked."""
        last, self._last = self._last, monotonic()
        self._left -= min(self._last - last, 0.1)
        return self._left < 0


class PostgreSQL(Dialect):
    """Dates without a zone are meant in the session's, which is ours."""

    name = "PostgreSQL"
    _clock = "SELECT extract(epoch FROM clock_timestamp())"

    def _engine(self) -> Engine:
        if self.url.get_driver_name() != "psycopg":
            return self._made()
        milliseconds = str(int(self.timeout.total_seconds() * 1000))
        engine = self._made(
            connect_timeout=int(CONNECTING.total_seconds()),
            keepalives_idle="10",
            keepalives_interval="5",
            keepalives_count="3",
            tcp_user_timeout=milliseconds,
            prepare_threshold=None,  # PgBouncer
            application_name="feedpub",
        )
        event.listen(engine, "connect", _dates_as_text)
        return engine

    def _begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(self.timeout.total_seconds() * 1000)}")
        connection.exec_driver_sql("SET LOCAL DateStyle = 'ISO'")
        connection.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": self.zone.key})

    def _timestamp(self, moment: datetime, west: int | None) -> object:  # noqa: ARG002 - it compares instants
        return moment


class MySQL(Dialect):
    """MySQL and MariaDB, which bound a statement's time each in its own way."""

    name = "the MySQL server"
    _clock = "SELECT UNIX_TIMESTAMP()"

    def _engine(self) -> Engine:
        seconds = max(1, int(self.timeout.total_seconds()))
        if self.url.get_driver_name() != "pymysql":
            engine = self._made()
        else:
            engine = self._made(
                connect_timeout=int(CONNECTING.total_seconds()), read_timeout=seconds + 5, write_timeout=seconds + 5
            )
        event.listen(engine, "connect", self._prepare)
        return engine

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """One transaction that reads."""
        try:
            with Dialect.session(self) as connection:
                yield connection
        except RuntimeError as error:
            if "cryptography" not in str(error):
                raise
            raise StoreError(
                f"{self.name} wants a login that needs the package cryptography: install it, or connect by TLS "
                "(?ssl_ca=… in `url`)"
            ) from error

    def _prepare(self, connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a driver's own
        with connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            seconds = self.timeout.total_seconds()
            if "mariadb" in str(cursor.fetchone()[0]).lower():
                cursor.execute(f"SET SESSION max_statement_time = {seconds:.3f}")
            else:
                cursor.execute(f"SET SESSION max_execution_time = {int(seconds * 1000)}")
            cursor.execute("SET SESSION group_concat_max_len = 1048576")  # MySQL's own 1024 cut lists short
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            self._set_zone(cursor)
        connection.rollback()

    def _set_zone(self, cursor: Any) -> None:  # noqa: ANN401 - a driver's own
        """Have columns of the type TIMESTAMP shown in our zone; many servers know no zone by its name."""
        try:
            cursor.execute("SET SESSION time_zone = %s", (self.zone.key,))
        except Exception:  # noqa: BLE001 - each driver has errors of its own
            cursor.execute("SELECT UTC_TIMESTAMP()")
            offset = self.zone.utcoffset(cursor.fetchone()[0]) or timedelta(0)
            minutes = int(offset.total_seconds() // 60)
            sign = "-" if minutes < 0 else "+"
            cursor.execute("SET SESSION time_zone = %s", (f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",))


class Other(Dialect):
    """Any database that SQLAlchemy speaks with: as well as it can without means of its own."""

    def _engine(self) -> Engine:
        return self._made()

    def clock(self, connection: Connection) -> datetime:
        """What its clock says, in a zone that we cannot know: taken for as late as it may be anywhere."""
        said = connection.execute(select(func.current_timestamp())).scalar_one()
        read = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
        return read if read.tzinfo else read.replace(tzinfo=UTC) + timedelta(hours=14)


def dialect(url: URL, timeout: timedelta, zone: ZoneInfo) -> Dialect:
    """Pick the kind that an address means."""
    kinds: dict[str, Callable[[URL, timedelta, ZoneInfo], Dialect]] = {
        "sqlite": SQLite,
        "postgresql": PostgreSQL,
        "mysql": MySQL,
        "mariadb": MySQL,
    }
    return kinds.get(url.get_backend_name(), Other)(url, timeout, zone)


def _no_begin_of_its_own(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _dates_as_text(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - psycopg is an extra
    """Take dates as PostgreSQL writes them: one that Python has not (infinity) must spoil its own row only."""
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - psycopg is an extra

    for name in ("date", "timestamp", "timestamptz"):
        connection.adapters.register_loader(name, TextLoader)
