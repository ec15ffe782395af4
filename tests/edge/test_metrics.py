"""Figures for Prometheus: counted by the rooms, looked up in the ledger, told in two forms, and listed in the guide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from sqlalchemy import event

from feedpub.app import App
from feedpub.commands.figures import OPEN, figures
from feedpub.commands.problems import About, Problem
from feedpub.daemon import Daemon
from feedpub.errors import LedgerError, StoreError
from feedpub.metrics import OUTCOMES, Figures, Metrics
from feedpub.model import Again, Doubt, Refused, Said, State
from feedpub.settings import load
from feedpub.web.admin import Access, guarded
from feedpub.web.admin.measured import measured
from feedpub.web.server import Server
from tests.edge.front_door import CONSOLE, STORE, Site
from tests.edge.test_access import Clock, Door
from tests.edge.test_publisher import Desk, desk
from tests.guides import SECRETS
from tests.world import Board, KeyedBoard

__all__ = ["desk"]

GUIDE = Path(__file__).parents[2] / "docs" / "operations.md"
Told = Mapping[str, float]
"""Each figure, with its labels as they are written."""


def told(metrics: Metrics) -> Told:
    """Read what is told, as Prometheus does."""
    content, _ = metrics.told()
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in read_text(content.decode())
        for sample in family.samples
    }


class Standing:
    """An app of which only the figures are known."""

    unapplied: object | None = None
    standing_by = False

    def __init__(self) -> None:
        self.trouble: LedgerError | None = None

    def figures(self) -> Figures:
        if self.trouble is not None:
            raise self.trouble
        return Figures({"store": 1}, {"board": {"due": 3}}, {"board": 12.5}, {"blog": 1_800_000_000.25})


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics()
    made.watch(Standing(), "1.2.3")
    made.config_applied(["blog"], ["board"])
    return made


# ---------------------------------------------------------------- what the rooms count


def test_a_poll_counts_what_it_found_and_what_came_of_it(desk: Desk) -> None:
    before = told(desk.publisher.metrics)
    desk.article("1")
    desk.article("2")
    desk.round(hours=1)
    desk.article("1", title="別の見出し")
    desk.round(hours=1)
    after = told(desk.publisher.metrics)

    def rise(figure: str) -> float:
        return after[figure] - before.get(figure, 0)

    assert rise("feedpub_polls_total outcome=ok store=blog") == 2
    assert rise("feedpub_poll_duration_seconds_count store=blog") == 2
    assert rise("feedpub_articles_total change=new store=blog") == 2
    assert rise("feedpub_articles_total change=edited store=blog") == 1
    assert rise("feedpub_deliveries_total outcome=said target=board") >= 2
    assert rise("feedpub_feeds_built_total") >= 2
    written = sum(len((desk.folder / "public" / f"all.{ending}").read_bytes()) for ending in ("rss", "atom"))
    assert rise("feedpub_feed_bytes_written_total") >= written
    desk.round(hours=1)
    idle = told(desk.publisher.metrics)
    for figure in ("feedpub_feeds_built_total", "feedpub_feed_bytes_written_total"):
        assert idle[figure] == after[figure]


def test_a_store_that_cannot_be_read_is_a_poll_that_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def changes(_: object) -> Any:
        raise StoreError("no answer")

    monkeypatch.setattr(desk.store, "changes", changes)
    desk.round(hours=1)
    assert told(desk.publisher.metrics)["feedpub_polls_total outcome=failed store=blog"] == 1


def test_a_database_that_fails_in_the_middle_is_a_poll_that_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def store_state(_: str) -> Any:
        raise LedgerError("the database does not answer")

    monkeypatch.setattr(desk.ledger.articles, "store_state", store_state)
    with pytest.raises(LedgerError):
        desk.publisher.publish("blog")
    assert told(desk.publisher.metrics)["feedpub_polls_total outcome=failed store=blog"] == 1


def test_outcomes_are_counted_by_the_names_in_the_guide() -> None:
    assert {one.__name__.lower() for one in (Said, Again, Refused, Doubt)} < set(OUTCOMES)


# ---------------------------------------------------------------- what the ledger says


@pytest.fixture
def busy(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Two targets, and three articles that were said on neither."""
    made = Desk(database_url, tmp_path, targets={"board": Board(name="board"), "other": KeyedBoard(name="other")})
    for id_ in ("1", "2", "3"):
        made.article(id_)
    made.passes(hours=1)
    made.publisher.publish("blog")
    yield made
    made.ledger.close()


def looked(desk: Desk, *problems: Problem) -> Figures:
    return figures(desk.ledger, {"blog": 1}, desk.targets, problems, desk.now)


def test_queues_are_told_by_target_and_state_with_the_age_of_the_oldest(busy: Desk) -> None:
    busy.passes(minutes=2)
    seen = looked(busy)
    assert seen.queues["board"] == {str(state): 3 if state is State.DUE else 0 for state in OPEN}
    assert seen.waiting["board"] == seen.waiting["other"] == pytest.approx(120, abs=1)
    busy.round()
    seen = looked(busy)
    assert seen.queues["board"]["due"] == seen.waiting["board"] == 0
    assert sum(seen.queues["other"].values()) == 0


def test_what_falls_due_only_later_does_not_wait_yet(busy: Desk) -> None:
    busy.now -= timedelta(hours=1)
    assert looked(busy).waiting == {"board": 0.0, "other": 0.0}


def test_a_target_that_left_the_config_is_told_no_longer(busy: Desk) -> None:
    del busy.targets["other"]
    assert set(looked(busy).queues) == {"board"}


def test_a_store_tells_when_it_was_last_read_well(busy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def changes(_: object) -> Any:
        raise StoreError("no answer")

    well = busy.now.timestamp()
    assert looked(busy).polled == {"blog": well}
    monkeypatch.setattr(busy.store, "changes", changes)
    busy.round(minutes=5)
    failing = looked(busy).polled["blog"]
    busy.round(hours=3)
    assert looked(busy).polled == {"blog": failing}


def test_problems_are_counted_by_what_they_are_about(busy: Desk) -> None:
    seen = looked(busy, Problem(About.PAUSED, "…", "board"), Problem(About.PAUSED, "…", "other")).problems
    assert seen == {about.value: 2 * (about is About.PAUSED) for about in About}


def test_a_look_reads_no_table_through(tmp_path: Path) -> None:
    """However many were sent, only what is open is counted, by an index."""
    desk = Desk(f"sqlite:///{tmp_path}/feedpub.db", tmp_path)
    seen: list[tuple[str, Any]] = []
    event.listen(desk.ledger.database.engine, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))
    looked(desk)
    asked = [(query, given) for query, given in seen if "FROM delivery" in query]
    assert asked
    with desk.ledger.database.engine.connect() as connection:
        for query, given in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", given).all()
            assert all("USING COVERING INDEX" in str(step) and "SEARCH" in str(step) for step in plan), plan
    desk.ledger.close()


# ---------------------------------------------------------------- what is told


def test_what_is_new_in_the_config_begins_at_nothing_and_what_left_it_is_gone(metrics: Metrics) -> None:
    seen = told(metrics)
    assert seen["feedpub_polls_total outcome=failed store=blog"] == 0
    assert {seen[f"feedpub_deliveries_total outcome={one} target=board"] for one in OUTCOMES} == {0}
    with metrics.cycle("blog") as cycle:
        cycle.well = True
    metrics.tried("board", "said")
    metrics.config_applied(["wire"], [])
    counted = [figure for figure in told(metrics) if re.match(r"feedpub_(polls|poll_|articles|deliveries)", figure)]
    assert any("store=wire" in figure for figure in counted)
    assert not any("store=blog" in figure or "target=" in figure for figure in counted)


def test_a_database_that_does_not_answer_leaves_the_rest_of_the_figures() -> None:
    metrics, app = Metrics(), Standing()
    metrics.watch(app, "1.2.3")
    assert told(metrics)["feedpub_database_up"] == 1
    app.trouble = LedgerError("gone")
    app.unapplied, app.standing_by = "mistake", True
    seen = told(metrics)
    assert (seen["feedpub_database_up"], seen["feedpub_config_valid"], seen["feedpub_leader"]) == (0, 0, 0)
    assert not any(name.startswith("feedpub_queue") for name in seen)
    assert seen["feedpub_build_info version=1.2.3"] == 1


def test_each_app_counts_for_itself(metrics: Metrics) -> None:
    metrics.clock_jumped()
    assert told(metrics)["feedpub_clock_jumps_total"] == 1
    assert told(Metrics())["feedpub_clock_jumps_total"] == 0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.start(guarded([], [], Access("")), "127.0.0.1:0")
    yield running
    running.stop()


def test_prometheus_is_answered_in_the_form_that_it_asks_for_and_needs_no_login(
    server: Server, metrics: Metrics
) -> None:
    class Measured:
        @property
        def metrics(self) -> Metrics:
            return metrics

    access = Access("a-token-that-nobody-guesses")
    server.show(guarded(measured(Measured()), [], access))
    door = Door(server, access, Clock(), {})
    plain = door.ask("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert plain.headers["cache-control"] == "no-store"
    names = {family.name for family in read_text(plain.body.decode())}
    modern = door.ask("/metrics", Accept="application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5,*/*;q=0.1")
    assert modern.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = read_openmetrics(modern.body.decode())  # type: ignore[no-untyped-call]  # it has no types
    assert {"feedpub_polls", "feedpub_queue"} <= names & {one.name for one in families}
    assert door.ask("/metrics", Host="evil.example").status == 421
    assert door.post("/metrics", {}).status == 401


# ---------------------------------------------------------------- an app


def test_an_app_tells_whether_its_config_holds_and_shows_no_secret(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    canary = "canary0secret0canary"
    hook = {"kind": "discord", "webhook_url": f"https://discord.test/api/webhooks/1/{canary}"}
    site.configure(targets={"news": hook, "screen": CONSOLE}, admin={"listen": "127.0.0.1:0", "token": canary})
    app = App.open(load(Path("config"), SECRETS), lead=True)
    try:
        daemon = Daemon(app, Path("config"), {})
        app.once()
        site.publish("秘密の記事", title="秘密の見出し")
        app.once()
        seen = told(app.metrics)
        assert (seen["feedpub_config_valid"], seen["feedpub_leader"]) == (1, 1)
        assert seen["feedpub_config_applied_total"] == 1
        assert seen["feedpub_articles_total change=new store=main"] == 1
        assert seen["feedpub_queue state=due target=news"] + seen["feedpub_queue state=held target=news"] <= 1
        site.save("[site")
        daemon._apply_config(None)
        seen = told(app.metrics)
        assert (seen["feedpub_config_valid"], seen["feedpub_config_refused_total"]) == (0, 1)
        assert seen["feedpub_problems about=config"] == 1
        site.configure(stores={"main": STORE | {"path": "other.db"}})
        daemon._apply_config(None)
        daemon._follow_clock(3600)
        seen = told(app.metrics)
        assert (seen["feedpub_config_valid"], seen["feedpub_config_applied_total"]) == (1, 2)
        assert seen["feedpub_clock_jumps_total"] == 1
        assert not any("target=news" in figure for figure in seen)
        content = app.metrics.told()[0].decode()
        assert canary not in content
        assert "秘密" not in content
    finally:
        app.close()


def test_the_guide_lists_every_figure_and_no_other(metrics: Metrics) -> None:
    part = GUIDE.read_text(encoding="utf-8").partition("\n## Metrics\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(feedpub_\w+)(?:\{([\w,]+)\})?` \| (\w+) \|", part, flags=re.MULTILINE)
    listed = {name: (set(labels.split(",")) - {""}, kind) for name, labels, kind in rows}
    metrics.tried("board", "said")
    with metrics.cycle("blog"):
        pass
    found: dict[str, tuple[set[str], str]] = {}
    for family in read_text(metrics.told()[0].decode()):
        if family.name.startswith("feedpub_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = {label for one in family.samples for label in one.labels} - {"le"}, family.type
    assert listed == found
    named = set(re.findall(r"feedpub_\w+", part))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= set(found)
