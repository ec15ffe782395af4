"""Somebody whose CMS keeps its articles in MariaDB: in the server that the real WordPress of these tests has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import NullPool, create_engine

from feedpub.stores.sql import SqlOptions
from tests.edge.authors.tables import CATEGORIES, TablesAuthor

DATABASE = "mysql://wp:wp@127.0.0.1:33061/wp"
TABLES = ("clock", "post", "term", "filed", "elsewhere")
QUERY = """
SELECT p.id, p.title, p.body AS content, p.published, GREATEST(p.updated, p.published) AS updated,
       IF(p.title <> '', CONCAT('https://news.test/', p.id, '/'), NULL) AS url,
       (SELECT GROUP_CONCAT(f.term) FROM filed f WHERE f.post = p.id) AS categories
FROM post p
WHERE p.status = 'public' AND p.published <= (SELECT now FROM clock) AND GREATEST(p.updated, p.published) >= :since
"""


class MariaDBAuthor(TablesAuthor):
    """Dates are what a clock in UTC shows; transactions are real ones."""

    make = (
        *(f"DROP TABLE IF EXISTS {table}" for table in TABLES),
        "CREATE TABLE clock (now DATETIME)",
        "CREATE TABLE post (id BIGINT, title TEXT, body TEXT, status TEXT, published DATETIME, updated DATETIME)",
        "CREATE INDEX post_id ON post (id)",
        "CREATE TABLE term (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), parent INT)",
        "CREATE TABLE filed (post BIGINT, term INT, KEY (post))",
    )

    def spoil(self) -> None:
        for id_ in ("777777", "NULL"):
            self._run(f"INSERT INTO post VALUES ({id_}, 'x', 'y', 'public', '1000-01-01', '9999-12-31')")

    def clear(self) -> None:
        """Leave the WordPress's database as it was."""
        for table in TABLES:
            self._run(f"DROP TABLE IF EXISTS {table}")

    def _close(self) -> None:
        self._run("RENAME TABLE post TO elsewhere")

    def _open(self) -> None:
        self._run("RENAME TABLE elsewhere TO post")

    def _date(self, moment: datetime) -> object:
        return moment.astimezone(UTC).replace(tzinfo=None)


@contextmanager
def opened() -> Iterator[MariaDBAuthor]:
    """Somebody with empty tables."""
    options = {
        "name": "blog",
        "url": DATABASE,
        "query": QUERY,
        "categories_query": CATEGORIES,
        "timezone": "UTC",
        "poll": timedelta(minutes=3),
    }
    engine = create_engine(DATABASE.replace("mysql:", "mysql+pymysql:"), poolclass=NullPool)
    author = MariaDBAuthor(engine, SqlOptions.model_validate(options))
    yield author
    author.clear()
