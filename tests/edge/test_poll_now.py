"""Polls that somebody asks for, and targets that somebody pauses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from feedpub.app import App
from feedpub.commands.deciding import BY_HAND, Decisions
from feedpub.errors import FeedpubError
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Action, Again, Refused, Said, State
from feedpub.notices.pace import rest_after
from feedpub.settings import load
from tests.edge.front_door import STORE, Site, until, webhook
from tests.edge.polled import wire
from tests.edge.receiver import Receiver
from tests.edge.test_publisher import Desk
from tests.world import KeyedBoard

MOMENT = datetime(2026, 4, 28, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@contextmanager
def ledger_at(url: str) -> Iterator[Ledger]:
    ledger = Ledger(Database(url))
    ledger.open(lead=True)
    try:
        yield ledger
    finally:
        ledger.close()


# ---------------------------------------------------------------- what the ledger keeps


def test_an_ask_is_kept_until_a_poll_that_knew_of_it_has_ended(database_url: str) -> None:
    with ledger_at(database_url) as ledger:
        articles = ledger.articles
        assert articles.asked() == {}
        articles.ask(["blog", "wire"], MOMENT)
        assert articles.asked() == {"blog": MOMENT, "wire": MOMENT}
        known = articles.store_state("blog").asked_at
        assert known == MOMENT
        articles.answer("blog", known)
        assert articles.asked() == {"wire": MOMENT}


@pytest.mark.parametrize("later", [SECOND, 0 * SECOND, -SECOND], ids=["later", "at once", "by a clock set back"])
def test_an_ask_during_a_poll_is_owed_another_one(database_url: str, later: timedelta) -> None:
    with ledger_at(database_url) as ledger:
        ledger.articles.ask(["blog"], MOMENT)
        begun_with = ledger.articles.asked()["blog"]
        for _ in range(3):
            ledger.articles.ask(["blog"], MOMENT + later)
        ledger.articles.answer("blog", begun_with)
        assert ledger.articles.asked()["blog"] > begun_with
        ledger.articles.answer("blog", ledger.articles.asked()["blog"])
        assert ledger.articles.asked() == {}


# ---------------------------------------------------------------- without a daemon


@pytest.fixture
def app(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """One that leads, in a site's folder."""
    site.configure(stores={"main": STORE, "other": STORE | {"path": "other.db"}})
    monkeypatch.chdir(site.folder)
    app = App.open(load(Path("config"), {}), lead=True)
    yield app
    app.close()


def test_whoever_asks_is_told_which_stores_will_be_polled(app: App) -> None:
    assert app.poll_now("other") == ("other",)
    assert app.poll_now() == ("main", "other")
    with pytest.raises(FeedpubError, match="there is no store mian: the config has main, other"):
        app.poll_now("mian")


def test_a_round_by_hand_answers_what_was_asked_while_nobody_led(app: App) -> None:
    app.poll_now()
    assert {*app.ledger.articles.asked()} == {"main", "other"}
    app.once()
    assert app.ledger.articles.asked() == {}


def test_a_store_that_cannot_be_read_was_asked_all_the_same(site: Site, app: App) -> None:
    app.once()
    site.store.write_text("this is no database")
    app.poll_now("main")
    assert app.publisher.publish("main").error
    assert app.ledger.articles.asked() == {}


def test_a_poll_that_is_cut_by_the_end_answers_nobody(site: Site, app: App) -> None:
    app.once()
    site.store.write_text("this is no database")
    app.poll_now("main")
    app.door.close()
    app.publisher.publish("main")
    assert {*app.ledger.articles.asked()} == {"main"}


# ---------------------------------------------------------------- the daemon


def test_a_running_daemon_polls_when_it_is_asked_and_once_more_if_it_was_asked_while_it_polled(site: Site) -> None:
    with wire() as blog:
        site.configure(stores={"blog": blog.store("blog", poll="1h")})
        daemon = site.start("run")
        polls = blog.polls["blog"]
        until(lambda: polls and asked(site) == {"blog": False})
        told = site.feedpub("poll", "blog").out
        assert told == "blog: polled within a second by the feedpub that runs; if none does, by the next one.\n"
        until(lambda: len(polls) == 2 and asked(site) == {"blog": False})
        blog.shut()
        site.feedpub("poll")
        until(lambda: len(polls) == 3)
        for _ in range(3):
            site.feedpub("poll")
        blog.open()
        until(lambda: asked(site) == {"blog": False})
        assert len(polls) == 4
        assert daemon.events("run_skipped") == []
        assert site.feedpub("poll", "block", code=1).err == "there is no store block: the config has blog\n"


def asked(site: Site) -> dict[str, bool]:
    """By store, whether a poll is owed that somebody asked for."""
    rows = site.sql("SELECT name, asked_at FROM store", file="feedpub.db")
    return {name: asked_at is not None for name, asked_at in rows}


# ---------------------------------------------------------------- a target that somebody pauses


def test_a_target_paused_by_hand_says_nothing_more_keeps_its_queue_and_is_told_as_a_problem(site: Site) -> None:
    with Receiver() as server:
        site.configure(targets={"hook": webhook(server)})
        site.feedpub("once")
        again = "; to let it speak again: feedpub resume hook\n"
        assert site.feedpub("pause", "hook").out == "hook is paused" + again
        assert site.feedpub("pause", "hook").out == "hook was paused already" + again
        site.publish("one")
        site.feedpub("once")
        assert server.requests == []
        assert [one["state"] for one in site.deliveries()] == ["due"]
        told = site.feedpub("status", "--json", code=1).json
        assert told["problems"] == ["targets.hook は手動で一時停止しています（再開は `feedpub resume hook`）"]
        assert site.feedpub("resume", "hook").out == "hook speaks again.\n"
        site.feedpub("once")
        assert [seen.json["data"]["id"] for seen in server.requests] == ["one"]
    assert site.feedpub("pause", "hok", code=1).err == "there is no target hok: the config has hook\n"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """One article is due on one target."""
    desk = Desk(database_url, tmp_path)
    desk.targets["board"] = KeyedBoard(name="board")
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.publisher.publish("blog")
    yield desk
    desk.ledger.close()


def test_what_was_claimed_for_a_target_is_given_back_when_it_is_paused(desk: Desk) -> None:
    (claimed,) = desk.publisher.claim(1)
    assert Decisions(desk.publisher).pause("board")
    assert desk.publisher.deliver(claimed) is None
    assert (desk.said(), desk.states()) == ([], {"1": State.DUE})
    assert Decisions(desk.publisher).resume("board")
    desk.round(minutes=1)
    assert desk.said() == ["1"]


@pytest.mark.parametrize("answer", [Said("p0"), Again("later"), Refused("no")])
def test_a_pause_outlives_what_is_being_said_when_it_comes(desk: Desk, answer: Said | Again | Refused) -> None:
    target = desk.targets["board"]
    (claimed,) = desk.publisher.claim(1)
    notice = desk.publisher.deliverer._compose(claimed, target)
    started = desk.ledger.deliveries.start(claimed, notice, target, desk.now)
    assert Decisions(desk.publisher).pause("board")
    rests = partial(rest_after, answer, Action.ANNOUNCE, started.attempts, target=target, now=desk.now)
    settled, rest = desk.ledger.deliveries.settle(started, answer, rests, target, desk.now)
    assert rest.paused == desk.rest("board").paused == BY_HAND
    assert settled.state is not State.SENDING
