"""What those who are told of problems know already, written by who leads. One transaction per method; decides nothing.

A row's name is who knows, a slash, and what: `ops/paused:discord_news`; behind a # stands of how many, where it counts.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, func, insert, select

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.rows import AnyRow
from feedpub.notices.alerts import Known, Memory


class Alerts:
    """The alerts' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def known(self, name: str) -> dict[str, Known]:
        """What somebody knows; nothing, before they were first looked at."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.alert).where(_of(name))).all()
        return dict(map(_read, rows))

    def keep(self, name: str, memory: Memory) -> None:
        """Make this all that somebody knows."""
        rows = [
            {"about": _written(name, key, known), "since": known.since, "told_at": known.told_at}
            for key, known in memory.items()
        ]
        with self._database.write(leading=True) as connection:
            connection.execute(delete(schema.alert).where(_of(name)))
            if rows:
                connection.execute(insert(schema.alert), rows)

    def forget_all_but(self, names: Collection[str]) -> None:
        """Forget what those knew who are told no more."""
        with self._database.read() as connection:
            have = {about.partition("/")[0] for about in connection.execute(select(schema.alert.c.about)).scalars()}
        for name in have - set(names):
            self.keep(name, {})


def _of(name: str) -> ColumnElement[bool]:
    beginning = f"{name}/"
    return func.substr(schema.alert.c.about, 1, len(beginning)) == beginning


def _written(name: str, key: str, known: Known) -> str:
    return f"{name}/{key}#{known.count}" if known.count else f"{name}/{key}"


def _read(row: AnyRow) -> tuple[str, Known]:
    key, _, count = row.about.partition("/")[2].partition("#")
    return key, Known(row.since, row.told_at, int(count or 0))
