"""What `status` tells of rows that are kept out, until they are mended or gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from feedpub.model import Batch, Census, Quarantined
from tests.edge.authors import PLACES
from tests.edge.test_publisher import Desk
from tests.edge.test_store_contract import House
from tests.world import ListStore


@dataclass
class Rubbish(ListStore):
    """A list among whose rows are some that cannot be read."""

    spoilt: list[str] = field(default_factory=list)

    def changes(self, cursor: str | None) -> Batch:
        batch = ListStore.changes(self, cursor)
        told, self.spoilt = self.spoilt, []
        garbage = tuple(Quarantined(one, "it is rubbish") for one in told)
        return Batch(batch.articles, batch.cursor, batch.more, batch.gone, batch.categories, garbage)


def kept_out(desk: Desk | House) -> list[str]:
    return sorted(one.id for _, one in desk.ledger.articles.quarantined())


@pytest.fixture
def store() -> Rubbish:
    return Rubbish()


def test_a_row_that_was_never_an_article_is_forgotten_when_it_is_gone(
    database_url: str, tmp_path: Path, store: Rubbish
) -> None:
    desk = Desk(database_url, tmp_path, store=store)
    store.spoilt = ["1", "2"]
    desk.round(minutes=1)
    assert kept_out(desk) == ["1", "2"]
    store.remove("1")
    desk.round(minutes=1)
    assert kept_out(desk) == ["2"]
    desk.article("2")
    desk.round(minutes=1)
    assert (kept_out(desk), desk.said()) == ([], ["2"])
    desk.ledger.close()


def test_a_withdrawn_article_that_was_spoilt_is_forgotten_when_it_is_gone(
    database_url: str, tmp_path: Path, store: Rubbish
) -> None:
    desk = Desk(database_url, tmp_path, store=store)
    for id_ in ("1", "2"):
        desk.article(id_)
    desk.round(minutes=1)
    store.remove("1")
    desk.round(minutes=1)
    store.spoilt = ["1"]
    desk.round(minutes=1)
    assert kept_out(desk) == ["1"]
    store.remove("1")
    desk.round(minutes=1)
    assert kept_out(desk) == []
    assert desk.ledger.articles.counts() == {"live": 1, "withdrawn": 1, "quarantined": 0}
    desk.ledger.close()


def test_a_spoilt_article_keeps_its_reason_until_it_is_mended(
    database_url: str, tmp_path: Path, store: Rubbish
) -> None:
    desk = Desk(database_url, tmp_path, store=store)
    raw = desk.article("1")
    desk.round(minutes=1)
    store.spoilt = ["1"]
    desk.round(minutes=1)
    assert kept_out(desk) == ["1"]
    assert "記事1" in desk.feed()
    store.put(raw)
    desk.round(minutes=1)
    assert kept_out(desk) == []
    desk.ledger.close()


def test_rows_of_a_query_that_are_deleted_are_forgotten_at_the_next_census(tmp_path: Path) -> None:
    with PLACES["query on SQLite"].opened(tmp_path) as author:
        house = House(author, tmp_path)
        house.write("1")
        author.spoil()
        house.round()
        assert kept_out(house) == ["(no id)", "777777"]
        house.settle(timedelta(hours=15))
        assert kept_out(house) == ["(no id)", "777777"]
        for where, left in (("id IS NULL", ["777777"]), ("id = 777777", [])):
            with closing(sqlite3.connect(tmp_path / "cms.db")) as connection, connection:
                connection.execute(f"DELETE FROM post WHERE {where}")
            house.settle(timedelta(hours=15))
            assert kept_out(house) == left
        assert house.feed() == ["記事1"]
        house.close()


def test_a_census_that_lies_makes_nothing_forgotten(tmp_path: Path) -> None:
    with PLACES["query on SQLite"].opened(tmp_path) as author:
        house = House(author, tmp_path)
        for id_ in ("1", "2"):
            house.write(id_)
        author.spoil()
        house.round()
        store = house.store

        class Liar:
            changes, close = store.changes, store.close

            def census(self, ids: Sequence[str] | None) -> Census:
                return Census(frozenset(), None if ids is None else frozenset(ids))

        house.through(Liar())
        house.settle(timedelta(hours=30))
        assert kept_out(house) == ["(no id)", "777777"]
        house.close()
