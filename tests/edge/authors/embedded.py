"""Somebody who writes into the embedded store with SQL, as docs/schema.md shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from feedpub.stores.embedded.file import StoreFile
from feedpub.stores.sql import SqlOptions
from tests.edge.authors.author import Deed, Post

_WRITE = """INSERT INTO article (id, url, title, content, published, updated) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET title = excluded.title, content = excluded.content, published = excluded.published,
updated = excluded.updated, status = 'published'"""


@dataclass
class EmbeddedAuthor:
    """Writes rows, and leaves the change log to its triggers."""

    can: ClassVar[frozenset[Deed]] = frozenset({"withdraw", "hide", "schedule", "rename", "move", "brief", "restamp"})

    path: Path
    options: SqlOptions
    now: datetime = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)

    def write(self, *posts: Post) -> None:
        names = {name for post in posts for name in post.categories}
        self._run(
            "INSERT OR IGNORE INTO category (id, name, slug) VALUES (?, ?, ?)", [(one, one, one) for one in names]
        )
        self._run(_WRITE, [self._row(post) for post in posts])
        self._run("DELETE FROM article_category WHERE article = ?", [(post.id,) for post in posts])
        filed = [(post.id, name) for post in posts for name in post.categories]
        self._run("INSERT INTO article_category (article, category) VALUES (?, ?)", filed)

    def withdraw(self, id_: str) -> None:
        self._run("DELETE FROM article WHERE id = ?", [(id_,)])

    def hide(self, id_: str) -> None:
        self._run("UPDATE article SET status = 'draft' WHERE id = ?", [(id_,)])

    def rename(self, before: str, after: str) -> None:
        self._run("UPDATE category SET name = ? WHERE name = ?", [(after, before)])

    def move(self, category: str, below: str) -> None:
        self._run(
            "UPDATE category SET parent = (SELECT id FROM category WHERE name = ?) WHERE name = ?", [(below, category)]
        )

    def restamp(self) -> None:
        self._run("UPDATE article SET updated = ?", [(self.now.isoformat(),)])

    def double(self, id_: str) -> None:
        raise NotImplementedError

    def write_late(self, post: Post) -> Callable[[], None]:
        raise NotImplementedError

    def spoil(self) -> None:
        self._run("INSERT INTO article (id, title) VALUES ('rubbish', CAST(X'FF00FE' AS TEXT))", [()])

    def fall(self) -> None:
        self.path.rename(self.path.with_name("elsewhere"))
        self.path.write_bytes(b"no database at all" * 100)

    def rise(self) -> None:
        self.path.with_name("elsewhere").rename(self.path)

    def _row(self, post: Post) -> tuple[str, ...]:
        url = f"https://news.test/{post.id}/" if post.title else ""
        return (post.id, url, post.title, post.content, post.published.isoformat(), self.now.isoformat())

    def _run(self, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(statement, rows)


@contextmanager
def opened(folder: Path) -> Iterator[EmbeddedAuthor]:
    """Somebody with an empty store."""
    path = folder / "articles.db"
    StoreFile(str(path)).create()
    yield EmbeddedAuthor(path, SqlOptions(name="blog", path=str(path), poll=timedelta(minutes=3)))
