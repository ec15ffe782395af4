"""Authors: one for each store, who does in the store's own way what its contract tells of (test_store_contract.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.edge.authors.author import Author
from tests.edge.authors.embedded import EmbeddedAuthor
from tests.edge.authors.embedded import opened as opened_embedded
from tests.edge.authors.feed import FeedAuthor, opened_atom, opened_json, opened_rss


@dataclass(frozen=True, slots=True)
class Place:
    """Where an author writes: `opened` takes an empty folder, and where it is needed a new database on PostgreSQL."""

    author: type[Author]
    opened: Callable[..., AbstractContextManager[Author]]
    needs_postgres: bool = False


PLACES: Mapping[str, Place] = {
    "embedded": Place(EmbeddedAuthor, opened_embedded),
    "feed-rss": Place(FeedAuthor, opened_rss),
    "feed-atom": Place(FeedAuthor, opened_atom),
    "feed-json": Place(FeedAuthor, opened_json),
}
