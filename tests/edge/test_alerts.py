"""Alerts through real parts: what a message says on loopback, and what becomes of it when things go wrong."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from feedpub.app import App, now
from feedpub.commands.alerting import Alerts, Seen
from feedpub.commands.problems import Unapplied, Watch
from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.alerts import Alerts as Known
from feedpub.ledger.database import Database
from feedpub.model import Batch
from feedpub.notices.alerts import Known as Memory
from feedpub.notices.lifecycle import Retried
from feedpub.settings import Settings, load
from tests.databases import migrated_sqlite
from tests.edge.front_door import ENGLISH, FEEDS, SITE, Site, Table, discord, until, webhook
from tests.edge.receiver import Answer, Mood, Receiver
from tests.edge.test_publisher import START, Desk
from tests.world import Crash, ListStore

OPS: Table = {"kind": "slack", "allow_private": True}


class Ailing(ListStore):
    """A store that can be down."""

    def changes(self, cursor: str | None) -> Batch:
        if self.down:
            raise StoreError("HTTP 500")
        return super().changes(cursor)


class Watched:
    """A desk whose troubles are told to a receiver on loopback, in virtual time."""

    def __init__(self, url: str, folder: Path, server: Receiver) -> None:
        self.desk, self.server = Desk(url, folder, store=Ailing()), server
        self.door = Door()
        self.config: Unapplied | None = None
        self.site: Table = SITE
        self.alerts = self.begin()
        self.configure(ops=OPS)

    def begin(self) -> Alerts:
        """Start, as after a crash: what was in memory is gone."""
        return Alerts(self.desk.ledger, self.door, lambda: self.settings, self.see, lambda: self.desk.now)

    def configure(self, **alerts: Table) -> None:
        self.server.default = (200, "ok")
        url = f"{self.server.url}/services/T/B/canary-token"
        tables = {name: {"webhook_url": url} | table for name, table in alerts.items()}
        self.settings = Settings.model_validate({"site": self.site, "feeds": FEEDS, "alerts": tables})

    def see(self) -> Seen:
        ledger, site = self.desk.ledger, self.settings.site
        watch = Watch(ledger, self.desk.targets, lambda _: True, site.zone, site.language)
        return Seen(watch.problems(config=self.config, untold=self.alerts.untold()), ledger.deliveries.failed())

    def passes(self, **wait: float) -> list[str]:
        """Some time passes, then it looks; gives back what was said."""
        before = len(self.server.requests)
        self.desk.passes(**wait)
        self.alerts.tell_now()
        return [seen.json["text"] for seen in self.server.requests[before:]]

    def pauses(self, why: str = "HTTP 401") -> None:
        """The board lets us in no more."""
        self.desk.article(f"a{len(self.desk.store.log)}")
        self.desk.world.behaviours = ["forbidden"]
        self.desk.round()
        assert self.desk.rest("board").paused


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with Receiver() as server:
        watched = Watched(migrated_sqlite(tmp_path), tmp_path, server)
        yield watched
        watched.desk.ledger.close()


def test_a_paused_target_is_told_once_a_day_later_again_and_when_it_is_over(watched: Watched) -> None:
    assert watched.passes(minutes=1) == []
    watched.pauses()
    (told,) = watched.passes(minutes=1)
    assert told.startswith("【航空ニュース】ご確認ください\n・targets.board は一時停止中です：")
    assert told.endswith("（直したら `feedpub resume board`）")
    assert watched.passes(hours=23) == []
    watched.alerts = watched.begin()
    (again,) = watched.passes(hours=1)
    assert "から続いています：targets.board は一時停止中です：" in again
    watched.desk.ledger.targets.resume("board")
    assert watched.passes(hours=1) == ["【航空ニュース】元に戻りました\n・解消：targets.board の一時停止は終わりました"]
    assert watched.passes(days=2) == []


def test_the_language_is_the_sites_and_changes_with_it(watched: Watched) -> None:
    watched.site = ENGLISH
    watched.configure(ops=OPS)
    watched.pauses()
    (told,) = watched.passes(minutes=1)
    assert told.startswith("[航空ニュース] something needs a look\n- targets.board is paused: ")


def test_a_store_is_told_after_an_hour_and_a_config_after_a_minute(watched: Watched) -> None:
    watched.desk.store.down = True
    watched.desk.round()
    watched.config = Unapplied("config/feedpub.toml:3: stores.blog.pol: unknown option")
    assert watched.passes(seconds=1) == []
    (config,) = watched.passes(minutes=1)
    assert "config/feedpub.toml:3: stores.blog.pol: unknown option" in config
    assert watched.passes(minutes=57) == []
    watched.config = None
    (both,) = watched.passes(minutes=3)
    head, store, over = both.splitlines()
    assert head == "【航空ニュース】ご確認ください"
    assert store.startswith("・stores.blog: ")
    assert over == "・解消：保存された設定が反映されました"


def test_what_is_given_up_is_counted_since_the_last_message(watched: Watched) -> None:
    desk = watched.desk
    desk.article("before")
    desk.world.behaviours = ["refused"]
    desk.round()
    assert desk.states()["before"].value == "failed"
    assert watched.passes(minutes=1) == []
    for name in ("b", "c"):
        desk.article(name)
        desk.world.behaviours = ["refused"]
        desk.round(minutes=10)
    (told,) = watched.passes(minutes=1)
    assert "・targets.board：2件の投稿をあきらめました。" in told
    assert watched.passes(days=3) == []
    failed = [one.delivery.id for one in desk.ledger.deliveries.listed() if one.delivery.state == "failed"]
    desk.ledger.deliveries.tell(failed, Retried(), desk.setup().targets, desk.now)
    assert watched.passes(days=3) == []


def test_a_guard_is_told_at_once(watched: Watched) -> None:
    for number in range(27):
        watched.desk.article(f"f{number}")
    watched.desk.round(minutes=1)
    (told,) = watched.passes(seconds=1)
    assert "・targets.board：一度に多くの新着があったため、9件の投稿を止めています。" in told


def test_a_crash_between_saying_and_noting_says_it_twice_by_the_same_key(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook: Table = {"kind": "webhook", "url": f"{watched.server.url}/hook", "allow_private": True}
    watched.settings = Settings.model_validate({"site": SITE, "feeds": FEEDS, "alerts": {"ops": hook}})
    watched.pauses()

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("feedpub.commands.alerting.told", crash)
        with pytest.raises(Crash):
            watched.alerts.tell_now()
    watched.alerts = watched.begin()
    watched.desk.passes(minutes=1)
    watched.alerts.tell_now()
    first, second = watched.server.requests
    assert first.key == second.key != ""
    assert first.json["type"] == second.json["type"] == "feedpub.alert"
    assert len(watched.server.kept) == 1
    watched.desk.passes(minutes=10)
    watched.alerts.tell_now()
    assert len(watched.server.requests) == 2


def test_whoever_cannot_be_told_is_tried_again_ever_more_seldom_and_is_no_alert_itself(watched: Watched) -> None:
    watched.pauses()
    watched.server.default = (503, "canary-token")
    with capture_logs() as log:
        for _ in range(180):
            watched.passes(minutes=1)
    assert 5 <= len(watched.server.requests) <= 10
    assert [event["event"] for event in log] == ["alert_not_told"] * len(watched.server.requests)
    assert "canary" not in str(log)
    (problem,) = [one for one in watched.see().problems if one.about == "alert"]
    assert problem.sentence.startswith("alerts.ops：通知を送れません：")
    watched.server.default = (404, "no")
    watched.configure(ops=OPS | {"timeout": "3s"})
    watched.server.default = (404, "no")
    watched.passes(minutes=1)
    assert "404" in watched.alerts.untold()["ops"]
    watched.server.default = (200, "ok")
    (told,) = watched.passes(minutes=40)
    assert "alerts.ops" not in told
    assert watched.alerts.untold() == {}


def test_who_leaves_us_in_doubt_is_told_three_times_at_most(watched: Watched) -> None:
    watched.pauses()
    watched.server.default = (500, "")
    for _ in range(600):
        watched.passes(minutes=1)
    assert len(watched.server.requests) == 3
    assert watched.alerts.untold() == {}


def test_each_alert_is_told_for_itself_and_a_new_one_hears_what_is_wrong_now(watched: Watched) -> None:
    watched.pauses()
    assert len(watched.passes(minutes=1)) == 1
    watched.configure(ops=OPS, more=OPS)
    assert len(watched.passes(minutes=1)) == 1
    assert watched.passes(minutes=10) == []
    watched.configure()
    watched.passes(minutes=1)
    assert Known(watched.desk.ledger.database).known("ops") == {}
    watched.configure(ops=OPS)
    assert len(watched.passes(minutes=1)) == 1


def test_each_hears_of_what_they_want_to_know_and_no_end_of_anything_else(watched: Watched) -> None:
    watched.configure(ops=OPS | {"about": ["paused"]}, other=OPS | {"about": ["store", "guard"]})
    watched.pauses()
    (told,) = watched.passes(minutes=1)
    assert "targets.board は一時停止中です" in told
    watched.configure(ops=OPS | {"about": ["failed"]}, other=OPS | {"about": ["store", "guard"]})
    assert watched.passes(minutes=10) == [], "it is paused still"
    watched.configure(ops=OPS)
    assert len(watched.passes(minutes=10)) == 1


def test_one_that_hangs_keeps_nobody_waiting(watched: Watched) -> None:
    with Receiver() as hanging:
        hanging.default = Answer(200, mood=Mood.HANG)
        slow = OPS | {"webhook_url": f"{hanging.url}/x"}
        watched.configure(slow=slow, ops=OPS)
        watched.pauses()
        watched.alerts.tell()
        hanging.wait_for(1)
        watched.server.wait_for(1)
        until(lambda: Known(watched.desk.ledger.database).known("ops").keys() > {""})
        watched.desk.passes(minutes=6)
        watched.alerts.tell()
        assert len(hanging.requests) == 1, "one conversation at a time"
        watched.door.close()
        until(lambda: not [one for one in threading.enumerate() if one.name == "alert" and one.is_alive()])
    assert watched.alerts.untold() == {}, "that we stop is no fault of theirs"


def test_no_secret_is_told_whatever_a_sentence_holds(watched: Watched) -> None:
    watched.config = Unapplied(f"feedpub.toml: {watched.server.url}/services/T/B/canary-token is no address")
    watched.passes(minutes=1)
    (told,) = watched.passes(minutes=1)
    assert "canary" not in told
    assert "feedpub.toml: [secret] is no address" in told


def test_what_is_known_is_each_ones_own_on_both_databases(database_url: str) -> None:
    database = Database(database_url)
    Ledger(database).open(lead=True)
    alerts, now = Known(database), START
    ops = {"": Memory(now), "paused:o_s": Memory(now, now), "died:hook": Memory(now, None, 17)}
    alerts.keep("o_s", ops)
    alerts.keep("ops", {"": Memory(now)})
    assert (alerts.known("o_s"), alerts.known("ops"), alerts.known("o")) == (ops, {"": Memory(now)}, {})
    alerts.keep("o_s", {"": Memory(now, now)})
    assert alerts.known("o_s") == {"": Memory(now, now)}
    alerts.forget_all_but(["o_s"])
    assert (alerts.known("ops"), len(alerts.known("o_s"))) == ({}, 1)
    database.close()


def test_the_feedpub_that_runs_tells_what_is_wrong_and_check_tries_who_is_told(site: Site) -> None:
    with Receiver() as network, Receiver() as ops:
        network.script = [(401, {})]
        told: Table = {"ops": discord(ops), "odd": {"kind": "console"}}
        ops.routes["GET /api/webhooks/1/token"] = Answer(200, {"name": "ops", "channel_id": "9"})
        site.configure(targets={"hook": webhook(network)}, alerts=told)
        site.feedpub("once")
        site.publish("one")
        site.feedpub("once", code=1)
        tried = site.feedpub("check", "--targets", code=1).out  # feeds cannot be seen from outside here
        daemon = site.start("run")
        (said,) = [seen.json["content"] for seen in ops.wait_for(1)]
        assert said.startswith("【航空ニュース】ご確認ください\n・targets.hook は一時停止中です：")
        assert daemon.wait_for("alert", times=2)["problems"] == 1
        daemon.signal(signal.SIGTERM)
        assert daemon.wait().code == 0
    assert "alerts.ops: signed in as ops (channel 9)" in tried
    assert "alerts.odd: cannot be tried without posting" in tried
    assert "── odd: announce ──\n【航空ニュース】" in daemon.out


def test_alerts_go_by_the_clock_that_all_share(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as ops:
        site.configure(alerts={"ops": discord(ops)})
        monkeypatch.chdir(site.folder)
        app = App.open(load(site.folder / "config", {}), lead=True)
        app.clock.ahead = timedelta(hours=2)
        app.alerts.tell_now()
        known = app.ledger.alerts.known("ops")[""]
        assert abs(known.since - now() - timedelta(hours=2)) < timedelta(minutes=1)
        app.close()
