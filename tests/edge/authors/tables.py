"""Somebody who writes into tables of their own, as a small CMS does; what both databases have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import Engine, text

from feedpub.stores.sql import SqlOptions
from tests.edge.authors.author import Deed, Post

Values = Mapping[str, object]

CATEGORIES = "SELECT id, name, parent FROM term"


class TablesAuthor(ABC):
    """Writes posts, terms and which post is filed where. An id may be there twice: nothing forbids it."""

    can: ClassVar[frozenset[Deed]] = frozenset(
        {"withdraw", "hide", "schedule", "rename", "move", "brief", "restamp", "double", "late"}
    )
    make: ClassVar[Sequence[str]] = ()
    """The statements that make the tables."""

    def __init__(self, engine: Engine, options: SqlOptions) -> None:
        """Make the tables."""
        self._engine = engine
        self.options = options
        for statement in self.make:
            self._run(statement)
        self._is_down = False
        self._run("INSERT INTO clock (now) VALUES (:now)", {"now": self._date(datetime(2026, 4, 1, 9, 0, tzinfo=UTC))})
        self._now = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)

    @property
    def now(self) -> datetime:
        """The clock, which the tables know too: the CMS shows what is scheduled by it."""
        return self._now

    @now.setter
    def now(self, now: datetime) -> None:
        self._now = now
        if not self._is_down:
            self._run("UPDATE clock SET now = :now", {"now": self._date(now)})

    def write(self, *posts: Post) -> None:
        ids = [{"id": int(post.id)} for post in posts]
        self._run("DELETE FROM filed WHERE post = :id", *ids)
        self._run("DELETE FROM post WHERE id = :id", *ids)
        self._insert(*posts)

    def withdraw(self, id_: str) -> None:
        self._run("DELETE FROM post WHERE id = :id", {"id": int(id_)})

    def hide(self, id_: str) -> None:
        self._run(
            "UPDATE post SET status = 'draft', updated = :now WHERE id = :id", {"id": int(id_), "now": self._at()}
        )

    def rename(self, before: str, after: str) -> None:
        self._run("UPDATE term SET name = :after WHERE name = :before", {"before": before, "after": after})

    def move(self, category: str, below: str) -> None:
        parent = "UPDATE term SET parent = (SELECT id FROM term WHERE name = :below) WHERE name = :name"
        self._run(parent, {"name": category, "below": below})

    def restamp(self) -> None:
        self._run("UPDATE post SET updated = :now", {"now": self._at()})

    def double(self, id_: str) -> None:
        columns = "id, title, body, status, published, updated"
        self._run(f"INSERT INTO post ({columns}) SELECT {columns} FROM post WHERE id = :id", {"id": int(id_)})

    def write_late(self, post: Post) -> Callable[[], None]:
        connection = self._engine.connect()
        transaction = connection.begin()
        connection.execute(text(INSERT), self._row(post))

        def commit() -> None:
            transaction.commit()
            connection.close()

        return commit

    @abstractmethod
    def spoil(self) -> None: ...

    def fall(self) -> None:
        self._close()
        self._is_down = True

    def rise(self) -> None:
        self._open()
        self._is_down = False
        self.now = self._now

    @abstractmethod
    def _close(self) -> None:
        """Let nobody read."""

    @abstractmethod
    def _open(self) -> None:
        """Let everybody read again."""

    def _insert(self, *posts: Post) -> None:
        names = dict.fromkeys(name for post in posts for name in post.categories)
        self._run(
            "INSERT INTO term (name) SELECT :name FROM (SELECT 1) AS one "
            "WHERE NOT EXISTS (SELECT 1 FROM term WHERE name = :name)",
            *({"name": name} for name in names),
        )
        self._run(INSERT, *(self._row(post) for post in posts))
        filed = [{"post": int(post.id), "name": name} for post in posts for name in post.categories]
        self._run("INSERT INTO filed (post, term) SELECT :post, id FROM term WHERE name = :name", *filed)

    def _row(self, post: Post) -> dict[str, object]:
        said = {"id": int(post.id), "title": post.title, "body": post.content}
        return {**said, "published": self._date(post.published), "updated": self._at()}

    def _at(self) -> object:
        return self._date(self._now)

    def _date(self, moment: datetime) -> object:
        """Write a date as the tables have it."""
        return moment

    def _run(self, statement: str, *rows: Values) -> None:
        with self._engine.begin() as connection:
            if rows or ":" not in statement:
                connection.execute(text(statement), [dict(row) for row in rows] or None)


INSERT = """INSERT INTO post (id, title, body, status, published, updated)
VALUES (:id, :title, :body, 'public', :published, :updated)"""
