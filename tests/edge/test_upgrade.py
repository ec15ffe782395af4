"""A database of feedpub 0.1, opened by this one: nothing is lost, nothing is said again, feeds stay where they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from feedpub.feeds.gate import parse_file
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Category, RawArticle, State
from feedpub.networks.base import Network
from feedpub.pipeline import Setup, Source
from tests.edge.newsroom import BASE, entries, files
from tests.edge.test_publisher import Desk
from tests.golden.rules import assert_feed
from tests.world import Board, FindBoard, KeyedBoard, ListOptions, ListStore

ROWS = Path(__file__).parent / "ledger_1.sql"
STOPPED = datetime(2026, 4, 1, 11, 33, tzinfo=UTC)
"""When that feedpub was killed."""
CATEGORIES = (
    Category("blog", "1", "米国関連", "us"),
    Category("blog", "2", "海軍", "%E6%B5%B7%E8%BB%8D", parent="1"),
    Category("blog", "3", "F-35", "F-35"),
    Category("blog", "4", "戦闘機F-35", "f-35"),
)
ADDRESSES = {"all", "briefs", "category/us", "category/c-e3b0236d", "category/f-35", "category/f-35-0cdd3ba6"}
LIVE = {"old", "1", "2", "3", "7", "8", "9", "10", "11", "15", "17", "18"}


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """A database as feedpub 0.1 left it: articles and deliveries in every state, one of them being said."""
    with _connected(empty_database_url) as connection:
        command.upgrade(_migrations(connection), "0001")
        connection.execute(text("DELETE FROM counter"))
        for row in ROWS.read_text(encoding="utf-8").splitlines()[1:]:
            connection.execution_options(no_parameters=True).exec_driver_sql(row)
        if connection.dialect.name == "postgresql":
            for table, key in (("article", "pk"), ("delivery", "id"), ("attempt", "pk")):
                counted = f"pg_get_serial_sequence('{table}', '{key}'), (SELECT max({key}) FROM {table})"
                connection.execute(text(f"SELECT setval({counted})"))
    return empty_database_url


def _migrations(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "feedpub:ledger/migrations")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


class Successor(Desk):
    """Reads on from what it takes for the embedded store: there was no other kind."""

    kind = "sql"

    def setup(self) -> Setup:
        return replace(super().setup(), sources={"blog": Source(ListOptions(name="blog", kind=self.kind), self.store)})


def upgraded(url: str, folder: Path, store: ListStore | None = None) -> Desk:
    """Its successor, a quarter of an hour later, at the same work; the store holds what it held."""
    targets: dict[str, Network] = {
        "board": Board(name="board"),
        "findable": FindBoard(name="findable", categories=("米国関連",)),
        "keyed": KeyedBoard(name="keyed", flood_limit=1),
    }
    store = store or ListStore(log=["read already"] * 19, categories=CATEGORIES)
    desk = Successor(url, folder, store=store, targets=targets, now=STOPPED + timedelta(minutes=15))
    desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=True)
    return desk


def told(connection: Connection, table: str, order: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()]


def test_an_upgrade_loses_no_article_no_delivery_and_no_try(old_url: str) -> None:
    tables = {
        "article": "pk",
        "delivery": "id",
        "attempt": "pk",
        "target": "name",
        "category": "key",
        "quarantine": "id",
    }
    with _connected(old_url) as connection:
        before = {table: told(connection, table, order) for table, order in tables.items()}
    ledger = Ledger(Database(old_url))
    ledger.open(lead=True)
    ledger.close()
    with _connected(old_url) as connection:
        after = {table: told(connection, table, order) for table, order in tables.items()}
    for table, rows in before.items():
        kept = [name for name in rows[0] if name != "brief"]
        assert [[row[name] for name in kept] for row in after[table]] == [[row[name] for name in kept] for row in rows]
    if old_url.startswith("sqlite"):
        with _connected(f"{old_url}.before-0001") as connection:
            assert told(connection, "delivery", "id") == before["delivery"]


def test_an_upgrade_from_just_before_the_stores_loses_nothing_either(old_url: str) -> None:
    """What 0003 had beyond 0.1: other posts of a subject, a person's words, what was spent."""
    tables = {
        "article": "pk",
        "membership": "article, term",
        "delivery": "id",
        "attempt": "pk",
        "spent": "target",
        "feed": "address",
        "feed_source": "feed, term",
        "part": "feed",
        "former": "address",
        "store": "name",
    }
    with _connected(old_url) as connection:
        command.upgrade(_migrations(connection), "0003")
        connection.execute(
            text("UPDATE delivery SET also = '[\"p1\", \"p2\"]', words = '人の言葉' WHERE said IS NOT NULL")
        )
        connection.execute(text("INSERT INTO spent (target, month, amount) VALUES ('board', '2026-04', 125000)"))
        connection.execute(text("UPDATE article SET gone = 1 WHERE id = '3'"))
        before = {table: told(connection, table, order) for table, order in tables.items()}
    ledger = Ledger(Database(old_url))
    ledger.open(lead=True)
    ledger.close()
    with _connected(old_url) as connection:
        after = {table: told(connection, table, order) for table, order in tables.items()}
    assert [row.pop("kind") for row in after["store"]] == ["sql"]
    assert [(row.pop("news_since"), row.pop("asked_at")) for row in after["store"]] == [(None, None)]
    assert after == before


def test_another_kind_of_store_that_comes_with_the_upgrade_is_noticed(
    old_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is for other kinds that people upgrade; none can go on where the embedded store stopped."""
    monkeypatch.setattr(Successor, "kind", "other")
    store = ListStore(categories=CATEGORIES)
    for number in (1, 3, 7, 9):
        published = (STOPPED - timedelta(days=1)).isoformat()
        store.put(RawArticle(id=str(number), url=f"https://news.test/{number}", title="別", published=published))
    desk = upgraded(old_url, tmp_path, store)
    for _ in range(4):
        desk.round(minutes=20)
    assert set(entries(files(desk)["all.atom"])) == LIVE
    assert desk.feed("all.atom").count("別") >= 4
    assert {one.guid.rpartition(":")[2] for one in desk.world.posts} == {"7", "15", "17", "18"}
    desk.ledger.close()


def test_after_an_upgrade_only_what_was_owed_is_said(old_url: str, tmp_path: Path) -> None:
    desk = upgraded(old_url, tmp_path)
    for _ in range(4):
        desk.round(minutes=20)
    said = sorted((post.target, post.guid.rpartition(":")[2]) for post in desk.world.posts)
    assert said == [
        *(("board", one) for one in ("17", "18")),
        *(("findable", one) for one in ("17", "18", "7")),
        *(("keyed", one) for one in ("15", "17", "18")),
    ]
    states = {(one.delivery.target, one.about.id): one.delivery.state for one in desk.ledger.deliveries.listed()}
    assert states["board", "15"] is State.DOUBTFUL
    assert states["keyed", "10"] is State.HELD
    desk.round(days=3)
    assert {one.guid.rpartition(":")[2] for one in desk.world.posts} == {"7", "15", "17", "18", "6"}
    desk.ledger.close()


def test_after_an_upgrade_every_feed_stands_where_it_stood_with_all_that_is_public(
    old_url: str, tmp_path: Path
) -> None:
    desk = upgraded(old_url, tmp_path)
    desk.round(minutes=1)
    made = files(desk)
    assert set(desk.ledger.feeds.paths()) == ADDRESSES
    assert set(entries(made["all.atom"])) == LIVE
    assert set(entries(made["category/us.atom"])) == {"old", "1", "7", "17", "18"}
    assert entries(made["category/f-35-0cdd3ba6.atom"]) == ["3"]
    assert entries(made["briefs.atom"]) == ["2"]
    for path, content in made.items():
        if (ending := path.rpartition(".")[2]) in {"rss", "atom", "json"}:
            parse_file(ending, content)
            assert_feed(ending, content, location=BASE + path)
    desk.ledger.close()
