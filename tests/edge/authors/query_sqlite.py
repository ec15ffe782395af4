"""Somebody whose CMS keeps its articles in an SQLite file, with dates as text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import NullPool, create_engine

from feedpub.stores.sql import SqlOptions
from tests.edge.authors.author import Post
from tests.edge.authors.tables import CATEGORIES, TablesAuthor

QUERY = """
SELECT p.id AS id, p.title AS title, p.body AS content, p.published AS published,
       max(p.updated, p.published) AS updated,
       CASE WHEN p.title = '' THEN NULL ELSE 'https://news.test/' || p.id || '/' END AS url,
       (SELECT group_concat(f.term) FROM filed f WHERE f.post = p.id) AS categories
FROM post p
WHERE p.status = 'public' AND p.published <= (SELECT now FROM clock) AND max(p.updated, p.published) >= :since
"""


class SQLiteAuthor(TablesAuthor):
    """Dates are text in UTC, as SQLite's own datetime() writes them."""

    make = (
        "CREATE TABLE clock (now TEXT)",
        "CREATE TABLE post (id INTEGER, title TEXT, body TEXT, status TEXT, published TEXT, updated TEXT)",
        "CREATE INDEX post_id ON post (id)",
        "CREATE TABLE term (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER)",
        "CREATE TABLE filed (post INTEGER, term INTEGER)",
        "CREATE INDEX filed_post ON filed (post)",
    )

    def __init__(self, path: Path, options: SqlOptions) -> None:
        """Begin a file."""
        self._path = path
        super().__init__(create_engine(f"sqlite:///{path}", poolclass=NullPool), options)

    def write_late(self, post: Post) -> Callable[[], None]:
        """One program writes at a time here: what is late is stamped first, and written when its turn has come."""
        row = self._row(post)

        def commit() -> None:
            self._run(
                "INSERT INTO post (id, title, body, status, published, updated) "
                "VALUES (:id, :title, :body, 'public', :published, :updated)",
                row,
            )

        return commit

    def spoil(self) -> None:
        with sqlite3.connect(self._path) as connection:
            rubbish = "INSERT INTO post VALUES (?, CAST(X'FF00FE' AS TEXT), X'00', 'public', '1 day ago', '9999')"
            connection.executemany(rubbish, [(777_777,), (None,)])
        connection.close()

    def _close(self) -> None:
        self._path.rename(self._path.with_name("elsewhere"))

    def _open(self) -> None:
        self._path.with_name("elsewhere").rename(self._path)

    def _date(self, moment: datetime) -> object:
        return f"{moment:%Y-%m-%d %H:%M:%S}"


@contextmanager
def opened(folder: Path) -> Iterator[SQLiteAuthor]:
    """Somebody with empty tables."""
    path = folder / "cms.db"
    options = {
        "name": "blog",
        "url": f"sqlite:///{path}",
        "query": QUERY,
        "categories_query": CATEGORIES,
        "timezone": "UTC",
        "poll": timedelta(minutes=3),
    }
    yield SQLiteAuthor(path, SqlOptions.model_validate(options))
