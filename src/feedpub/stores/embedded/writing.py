"""raw articles and comments + what the store holds -> the rows that differ, within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, Table, bindparam, delete, func, insert, update

from feedpub.model import Category, RawArticle, RawComment
from feedpub.stores.embedded import rows
from feedpub.stores.embedded.schema import BELONGINGS, article, category, comment

AT_ONCE = 500
"""Rows compared and written together: SQLite takes only some thousand values in one statement."""

_Told = TypeVar("_Told", RawArticle, RawComment)


@dataclass(frozen=True, slots=True)
class Written:
    """How many articles or comments were not there before, were there but different, or were there just the same."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Written) -> Written:
        """Both together."""
        return Written(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)


@dataclass(frozen=True, slots=True)
class Writing:
    """One transaction on the embedded store: all that is put is kept, or nothing.

    What is there already and the same is not touched, so that its number does not move.
    """

    connection: Connection
    store: str

    def categories(self) -> tuple[Category, ...]:
        """The taxonomy as this transaction sees it."""
        return rows.read_categories(self.connection, self.store)

    def define(self, categories: Iterable[Category]) -> None:
        """Make categories be as said, by key; others stay."""
        told = {known.key: replace(known, store=self.store) for known in categories}
        there = {known.key: known for known in self.categories()}
        # A parent may come after its child: first all of them, then who stands below whom.
        missing = [replace(known, parent=None) for key, known in told.items() if key not in there]
        there |= {known.key: known for known in missing}
        self._run(insert(category), [_category_values(known) for known in missing])
        moved = [known for key, known in told.items() if known != there[key]]
        self._run(
            update(category).where(category.c.id == bindparam("key")),
            [{"key": known.key, **_category_values(known)} for known in moved],
        )

    def put(self, articles: Iterable[RawArticle]) -> Written:
        """Make articles be as said, by id; others stay, and a draft stays a draft.

        Without `published` an article keeps its date, or is published now. Categories named must be there.
        """
        left = iter(articles)
        written = Written()
        while batch := {raw.id: raw for raw in map(rows.storable, islice(left, AT_ONCE))}:
            written += self._put(batch)
        return written

    def put_comments(self, comments: Iterable[RawComment]) -> Written:
        """Make comments be as said, by id; others stay, and one that is held back stays so.

        Without `published` a comment keeps its date, or is published now. Their articles must be there.
        """
        left = iter(comments)
        written = Written()
        while batch := {raw.id: raw for raw in map(rows.storable_comment, islice(left, AT_ONCE))}:
            there = rows.read_comments(self.connection, tuple(batch), public=False)
            new = [raw for key, raw in batch.items() if key not in there]
            changed = [raw for key, raw in batch.items() if _differs(raw, there.get(key))]
            self._run(_INSERT_COMMENT, [_keyed(rows.comment_values(raw)) for raw in new])
            self._run(_UPDATE_COMMENT, [_keyed(rows.comment_values(raw)) for raw in changed])
            written += Written(len(new), len(changed), len(batch) - len(new) - len(changed))
        return written

    def _put(self, batch: dict[str, RawArticle]) -> Written:
        there = rows.read(self.connection, tuple(batch))
        new = [raw for key, raw in batch.items() if key not in there.articles and key not in there.garbage]
        changed = [raw for key, raw in batch.items() if key in there.garbage or _differs(raw, there.articles.get(key))]
        self._run(_INSERT, [_keyed(rows.article_values(raw)) for raw in new])
        self._run(_UPDATE, [_keyed(rows.article_values(raw)) for raw in changed])
        for table in BELONGINGS:
            self._run(delete(table).where(table.c.article == bindparam("key")), [{"key": raw.id} for raw in changed])
        parts = [rows.belonging_values(raw) for raw in (*new, *changed)]
        for table in BELONGINGS:
            self._run(insert(table), [row for part in parts for row in part[table.name]])
        return Written(len(new), len(changed), len(batch) - len(new) - len(changed))

    def _run(self, statement: Executable, values: Sequence[rows.Values]) -> None:
        if values:
            self.connection.execute(statement, values)


def _published_or(otherwise: ColumnElement[str]) -> ColumnElement[str]:
    return func.coalesce(func.nullif(bindparam("told"), ""), otherwise)


def _inserting(table: Table) -> Executable:
    now = func.strftime("%Y-%m-%dT%H:%M:%SZ", "now")
    return insert(table).values(id=bindparam("key"), published=_published_or(now))


def _updating(table: Table) -> Executable:
    return update(table).where(table.c.id == bindparam("key")).values(published=_published_or(table.c.published))


_INSERT, _UPDATE = _inserting(article), _updating(article)
_INSERT_COMMENT, _UPDATE_COMMENT = _inserting(comment), _updating(comment)


def _keyed(values: rows.Values) -> rows.Values:
    return {"key": values.pop("id"), "told": values.pop("published"), **values}


def _category_values(known: Category) -> rows.Values:
    return {"id": known.key, "name": known.name, "slug": known.slug, "parent": known.parent}


def _differs(told: _Told, there: _Told | None) -> bool:
    return there is not None and replace(told, published=told.published or there.published) != there
