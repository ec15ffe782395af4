"""What people see of a target's pace and its budget, and what the database is asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, insert, update

from feedpub import app as root
from feedpub.app import App, Pace, Round
from feedpub.cli.looking import _print_status
from feedpub.ledger import schema
from feedpub.model import EPOCH, State
from feedpub.pipeline import Setup
from feedpub.settings import load
from tests.databases import migrated_sqlite
from tests.edge.test_budget import Shop
from tests.edge.test_pace import NIGHT
from tests.paid import PaidBoard, ThriftyBoard

TOKYO = ZoneInfo("Asia/Tokyo")
CONFIG = """
[site]
title = "航空ニュース"
url = "https://news.test/"
timezone = "Asia/Tokyo"
[feeds]
base_url = "https://news.test/feeds/"
"""


class Desk:
    """An app whose clock stands still, with one target that charges."""

    def __init__(self, app: App) -> None:
        self.app = app

    def aim(self, **options: Any) -> None:
        target = PaidBoard.model_validate({"kind": "board", "name": "x", "budget": "20.00"} | options)
        settings = self.app.settings.model_copy(update={"targets": {"x": target}})
        self.app.settings = settings
        self.app.publisher.apply(Setup(settings.site, settings.feeds, {}, {"x": target}))

    def stands(self, **values: Any) -> Pace:
        with self.app.ledger.database.write() as connection:
            connection.execute(
                update(schema.target).values({"rest_until": EPOCH, "slot_until": EPOCH, "paused": ""} | values)
            )
        return self.app.status().paces["x"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(root, "now", lambda: at("2026-04-27T21:00"))
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/feedpub.toml").write_text(CONFIG, encoding="utf-8")
    desk = Desk(App.open(load(Path("config"), {}), lead=True))
    yield desk
    desk.app.close()


def at(wall: str) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=TOKYO)


# ---------------------------------------------------------------- what people see


def test_status_tells_whether_a_target_may_speak_the_weightiest_reason_first(desk: Desk) -> None:
    desk.aim()
    waits = {"slot_until": at("2026-04-28T07:10")}
    assert desk.stands().words == "well"
    assert desk.stands(**waits).words == "next at 2026-04-28 07:10"
    desk.aim(quiet="20:00-23:30")
    quiet = desk.stands(**waits)
    assert (quiet.words, quiet.quiet_until) == ("quiet until 23:30", at("2026-04-27T23:30"))
    waits["rest_until"] = at("2026-04-27T21:05")
    assert desk.stands(**waits).words == "rests until 21:05"
    assert desk.stands(**waits, paused="HTTP 401").words == "paused: HTTP 401"


def test_status_tells_what_was_spent_this_month_of_the_sites(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.aim()
    with desk.app.ledger.database.write() as connection:
        for month, amount in (("2026-03", 7_000_000), ("2026-04", 19_950_000)):
            connection.execute(insert(schema.spent).values(target="x", month=month, amount=amount))
    found = desk.stands()
    assert (found.spent, found.budget) == ("19.95", "20.00")
    _print_status(desk.app.status(), desk.app.settings.site.zone)
    assert "19.95 of 20.00" in capsys.readouterr().out


def test_what_waits_for_money_is_a_problem_that_says_what_to_do(tmp_path: Path, desk: Desk) -> None:
    shop = Shop(migrated_sqlite(tmp_path), tmp_path, "0.20")
    shop.write("1", "2", "3")
    shop.to("2026-04-27T21:05")
    desk.aim()
    desk.app.ledger.deliveries = shop.ledger.deliveries
    (problem,) = desk.app.problems()
    assert str(problem) == (
        "targets.x: 2 notices wait for next month, as this month's budget does not cover more: raise targets.x.budget, "
        "or `feedpub deliveries cancel --target x --held-by budget`"
    )
    shop.ledger.close()


def test_a_round_counts_as_said_only_what_was(tmp_path: Path) -> None:
    shop = Shop(migrated_sqlite(tmp_path), tmp_path, "0.20", ThriftyBoard)
    shop.write("1", "2")
    settled = [shop.publisher.deliver(one) for _ in range(2) for one in shop.publisher.claim(1)]
    done = Round({}, tuple(one for one in settled if one is not None))
    assert [one.state for one in done.tried] == [State.SENT, State.SKIPPED]
    assert (done.said, done.unsaid) == (done.tried[:1], ())
    shop.ledger.close()


# ---------------------------------------------------------------- what the database is asked


def test_a_targets_pace_is_known_without_looking_through_all_that_was_ever_said(tmp_path: Path) -> None:
    shop = Shop(migrated_sqlite(tmp_path), tmp_path, "0.40")
    plans: dict[str, list[str]] = {}

    @event.listens_for(shop.ledger.database.engine, "before_cursor_execute")
    def explain(connection: Any, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE"}:
            asked = connection.connection.dbapi_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", given[0] if many else given
            )
            plans[statement] = [row[3] for row in asked]

    shop.save("0.40", quiet=NIGHT, every="1m", max_per_hour=5, max_per_day=9)
    shop.write("1", "2", "3")
    shop.to("2026-04-28T09:00")
    shop.save("0.41", quiet=NIGHT, every="1m", max_per_hour=5, max_per_day=8)
    shop.to("2026-04-28T10:00")
    assert shop.ledger.deliveries.unpaid() == {"x": 1}
    shop.ledger.close()

    latest = [plan for statement, plan in plans.items() if "ORDER BY delivery.said_at DESC" in statement]
    assert latest
    assert all("said_at" in step for plan in latest for step in plan)
    whole = re.compile(r"SCAN (delivery|attempt)\b")
    assert {statement: plan for statement, plan in plans.items() if any(map(whole.search, plan))} == {}
