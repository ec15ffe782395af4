"""Files that nobody writes any more, remembered until they are taken away. It decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select

from feedpub.feeds.addresses import brief_path
from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.rows import chunks, hold_seq
from feedpub.terms import BRIEF


class Leftovers:
    """The files' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def paths(self) -> tuple[str, ...]:
        """What is to be taken away, below the output directory."""
        with self._database.read() as connection:
            return tuple(connection.execute(select(schema.leftover.c.path).order_by(schema.leftover.c.path)).scalars())

    def taken_away(self, paths: Sequence[str]) -> None:
        """These are there no more."""
        with self._database.write(leading=True) as connection:
            hold_seq(connection)
            keep(connection, paths)


# ---------------------------------------------------------------- inside other transactions


def abandon(connection: Connection, paths: Collection[str]) -> None:
    """Have these files taken away."""
    keep(connection, paths)
    for some in chunks(sorted(paths)):
        connection.execute(insert(schema.leftover), [{"path": path} for path in some])


def keep(connection: Connection, paths: Collection[str]) -> None:
    """Leave these files alone: somebody writes them (again)."""
    for some in chunks(sorted(paths)):
        connection.execute(delete(schema.leftover).where(schema.leftover.c.path.in_(some)))


def abandon_pages(connection: Connection, keys: Sequence[int]) -> None:
    """Have the pages taken away that briefs among these articles have."""
    member = schema.membership.c
    for some in chunks(keys):
        briefs = select(member.guid).where(member.article.in_(some), member.term == BRIEF)
        abandon(connection, [brief_path(guid) for guid in connection.execute(briefs).scalars()])


def keep_pages(connection: Connection, keys: Sequence[int]) -> None:
    """Leave the pages alone that briefs among these articles have."""
    member = schema.membership.c
    for some in chunks(keys):
        briefs = select(member.guid).where(member.article.in_(some), member.term == BRIEF)
        keep(connection, [brief_path(guid) for guid in connection.execute(briefs).scalars()])
