"""Somebody whose CMS keeps its articles in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import NullPool, create_engine, make_url, text

from feedpub.stores.sql import SqlOptions
from tests.edge.authors.tables import CATEGORIES, TablesAuthor

QUERY = """
SELECT p.id, p.title, p.body AS content, p.published, greatest(p.updated, p.published) AS updated,
       CASE WHEN p.title <> '' THEN 'https://news.test/' || p.id || '/' END AS url,
       (SELECT json_agg(f.term) FROM filed f WHERE f.post = p.id) AS categories
FROM post p
WHERE p.status = 'public' AND p.published <= (SELECT now FROM clock) AND greatest(p.updated, p.published) >= :since
"""


class PostgresAuthor(TablesAuthor):
    """Dates have a zone; transactions are real ones."""

    make = (
        "CREATE TABLE clock (now TIMESTAMPTZ)",
        "CREATE TABLE post (id BIGINT, title TEXT, body TEXT, status TEXT, published TIMESTAMPTZ, updated TIMESTAMPTZ)",
        "CREATE INDEX post_id ON post (id)",
        "CREATE TABLE term (id SERIAL PRIMARY KEY, name TEXT, parent INTEGER)",
        "CREATE TABLE filed (post BIGINT, term INTEGER)",
        "CREATE INDEX filed_post ON filed (post)",
    )

    def __init__(self, url: str, options: SqlOptions) -> None:
        """Make the tables in an empty database."""
        self._name = make_url(url).database
        self._admin = create_engine(
            make_url(url).set(drivername="postgresql+psycopg", database="postgres"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
        super().__init__(engine, options)

    def spoil(self) -> None:
        self._run("INSERT INTO post VALUES (777777, 'x', 'y', 'public', '-infinity', 'infinity')")
        self._run("INSERT INTO post VALUES (NULL, 'x', 'y', 'public', now(), now())")

    def _close(self) -> None:
        self._rule("ALLOW_CONNECTIONS false")

    def _open(self) -> None:
        self._rule("ALLOW_CONNECTIONS true")

    def _rule(self, rule: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {self._name} WITH {rule}"))


@contextmanager
def opened(folder: Path, url: str) -> Iterator[PostgresAuthor]:
    """Somebody with empty tables in a new database."""
    options = {
        "name": "blog",
        "url": url,
        "query": QUERY,
        "categories_query": CATEGORIES,
        "poll": timedelta(minutes=3),
    }
    yield PostgresAuthor(url, SqlOptions.model_validate(options))
