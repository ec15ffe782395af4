"""Authors: one for each store, who does in the store's own way what its contract tells of (test_store_contract.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.edge.authors.author import Author
from tests.edge.authors.embedded import EmbeddedAuthor
from tests.edge.authors.embedded import opened as opened_embedded
from tests.edge.authors.query_postgres import PostgresAuthor
from tests.edge.authors.query_postgres import opened as opened_postgres
from tests.edge.authors.query_sqlite import SQLiteAuthor
from tests.edge.authors.query_sqlite import opened as opened_sqlite


@dataclass(frozen=True, slots=True)
class Place:
    """Where an author writes: `opened` takes an empty folder, and where it is needed a new database on PostgreSQL."""

    author: type[Author]
    opened: Callable[..., AbstractContextManager[Author]]
    needs_postgres: bool = False


PLACES: Mapping[str, Place] = {
    "embedded": Place(EmbeddedAuthor, opened_embedded),
    "query on SQLite": Place(SQLiteAuthor, opened_sqlite),
    "query on PostgreSQL": Place(PostgresAuthor, opened_postgres, needs_postgres=True),
}
