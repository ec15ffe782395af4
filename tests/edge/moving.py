"""Moving house: desks whose database goes elsewhere, and what they have lived through before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from feedpub.ledger.database import Database
from feedpub.ledger.exporting import export
from feedpub.ledger.importing import Moved, bring
from feedpub.model import RawArticle, RawComment
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.newsroom import NAVY, US, settle
from tests.edge.test_publisher import START, Desk

Fresh = Callable[[str], str]
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@pytest.fixture
def fresh(postgres: PostgreSQL, tmp_path: Path) -> Fresh:
    """Databases with our tables and nothing in them, by their kind."""
    return lambda kind: migrated_sqlite(tmp_path) if kind == SQLITE else postgres.migrated()


def told(database: Database, made_at: datetime = START) -> list[str]:
    return list(export(database, site="https://news.test/", made_at=made_at))


def written_down(lines: list[str], folder: Path) -> Path:
    path = folder / "feedpub.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def brought(lines: list[str], url: str, folder: Path) -> Moved:
    with closing(Database(url)) as database:
        return bring(database, written_down(lines, folder))


def moved(desk: Desk, url: str, **changes: Any) -> Desk:
    """Move house: the new desk has the same store, targets and readers, and a database of its own."""
    brought(told(desk.ledger.database, desk.now), url, desk.folder)
    desk.ledger.close()
    house = desk.folder / "new house"
    given: dict[str, Any] = {"now": desk.now, "store": desk.store, "targets": desk.targets} | desk.feeds | changes
    new = Desk(url, house, **given)
    # From its first word on it speaks to the readers that were there before.
    new.world, new.publisher.door = desk.world, desk.world  # type: ignore[assignment]
    return new


def article(desk: Desk, id_: str) -> RawArticle:
    return [row for row in desk.store.log if isinstance(row, RawArticle) and row.id == id_][-1]


def guids(desk: Desk) -> dict[str, str]:
    return {id_: desk.ledger.articles.bodies("blog", [id_])[id_].guid for id_ in desk.states()}


def a_year(desk: Desk) -> None:
    """All that can become of articles, categories and comments, with archives of two articles a part."""
    desk.store.categories = (US, NAVY)
    for number in range(1, 16):
        desk.now += timedelta(minutes=1)
        tags, authors = ("F-35", f"三沢{number % 3}"), ("航空太郎",)
        desk.article(str(number), content=f"<p>本文{number}</p>", categories=("2",), tags=tags, authors=authors)
        if number % 5 == 0:
            desk.round(minutes=1)
    desk.article("b1", title="", content="<p>短信です</p>", categories=("1",), url="")
    desk.article("later", published=(desk.now + timedelta(days=30)).isoformat())
    for id_, parent in (("c1", ""), ("c2", "c1"), ("c3", "")):
        desk.store.put(RawComment(id_, "3", parent, "読者", f"<p>感想{id_}</p>", desk.now.isoformat()))
    desk.round(minutes=1)
    desk.store.put(replace(article(desk, "4"), title="訂正", updated=desk.now.isoformat()))
    desk.store.put(replace(article(desk, "5"), published=(desk.now + timedelta(days=9)).isoformat()))
    desk.store.remove("6")
    desk.store.remove("9")
    desk.round(minutes=30)
    desk.store.put(article(desk, "9"))
    desk.store.categories = (US, replace(NAVY, name="海上自衛隊", slug="jmsdf"))
    desk.article("broken", content="", title="", summary="")
    desk.round(hours=3)
    settle(desk)


def told_by(url: str) -> list[str]:
    with closing(Database(url)) as database:
        return told(database)
