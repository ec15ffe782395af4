"""Authors: one for each store, who does in the store's own way what its contract tells of (test_store_contract.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.edge.authors import embedded, feed, markdown, query_postgres, query_sqlite, wordpress
from tests.edge.authors.author import Author


@dataclass(frozen=True, slots=True)
class Place:
    """Where an author writes: `opened` takes an empty folder, and where it is needed a new database on PostgreSQL."""

    author: type[Author]
    opened: Callable[..., AbstractContextManager[Author]]
    needs_postgres: bool = False


PLACES: Mapping[str, Place] = {
    "embedded": Place(embedded.EmbeddedAuthor, embedded.opened),
    "feed-rss": Place(feed.FeedAuthor, feed.opened_rss),
    "feed-atom": Place(feed.FeedAuthor, feed.opened_atom),
    "feed-json": Place(feed.FeedAuthor, feed.opened_json),
    "markdown": Place(markdown.MarkdownAuthor, markdown.opened),
    "query on SQLite": Place(query_sqlite.SQLiteAuthor, query_sqlite.opened),
    "query on PostgreSQL": Place(query_postgres.PostgresAuthor, query_postgres.opened, needs_postgres=True),
    "wordpress": Place(wordpress.WordPressAuthor, wordpress.opened),
}
