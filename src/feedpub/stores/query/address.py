"""the `url` of a query store -> an address that SQLAlchemy can open here, or what to write instead."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""What is meant where no driver is named: those that feedpub's own extras bring."""
_PACKAGES = {
    "psycopg": 'feedpub\'s extra "postgres"',
    "pymysql": 'feedpub\'s extra "mysql"',
    "mysqldb": 'the package mysqlclient (or write mysql+pymysql:// and install feedpub\'s extra "mysql")',
    "psycopg2": 'the package psycopg2 (or write postgresql:// and install feedpub\'s extra "postgres")',
    "oracledb": "the package oracledb",
    "pyodbc": "the package pyodbc",
    "pymssql": "the package pymssql",
    "mariadbconnector": "the package mariadb",
    "mysqlconnector": "the package mysql-connector-python",
}


def parse(said: str) -> URL:
    """Read an address; raises ValueError with the sentence to show, which repeats nothing of it but the scheme."""
    try:
        url = make_url(said.strip())
    except (ArgumentError, ValueError):
        raise ValueError(
            "this is no database address: write it like postgresql://user:password@host/database, "
            "mysql://user:password@host/database or sqlite:///folder/file.db (special characters of a password as %XX)"
        ) from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    _check_driver(url)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("name the file: sqlite:///folder/file.db, or sqlite:////folder/file.db from the root")
    return url


def _check_driver(url: URL) -> None:
    try:
        dialect = url.get_dialect()
    except NoSuchModuleError:
        raise ValueError(
            f'SQLAlchemy knows no database "{url.drivername}": begin the address with postgresql://, mysql://, '
            "mariadb:// or sqlite://, or install the package that adds it"
        ) from None
    except ImportError:
        raise ValueError(f"the driver of {url.drivername} is not installed") from None
    if dialect.is_async:
        raise ValueError(f"feedpub reads without asyncio: write {url.get_backend_name()}:// without {dialect.driver}")
    try:
        dialect.import_dbapi()
    except ImportError:
        package = _PACKAGES.get(dialect.driver, f"the package {dialect.driver}")
        raise ValueError(f"the driver {dialect.driver} is not installed here: install {package}") from None
    try:
        dialect().create_connect_args(url)
    except (ValueError, TypeError, ArgumentError):
        raise ValueError("its driver takes no such parameters: correct what stands behind the ?") from None
