"""Two feedpubs on one PostgreSQL: one leads, the other stands by, delivers, and takes over."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from feedpub.app import App, now
from feedpub.commands.own_files import own_files
from feedpub.daemon import Daemon
from feedpub.daemon.leading import Lead
from feedpub.errors import LedgerTooNew, Superseded
from feedpub.model import State
from feedpub.notices.alerts import Known
from feedpub.settings import load
from tests.databases import PostgreSQL
from tests.edge.front_door import Launcher, Running, Site, measured, until, webhook
from tests.edge.polled import Wire, wire
from tests.edge.receiver import Receiver

SECONDS_TO_TAKE_OVER = 10
"""The promise; a test waits longer, as the machine may be busy."""


@dataclass
class Pair:
    """Two machines with the same config and a directory of feeds each, one database, one store, one target."""

    one: Site
    other: Site
    wire: Wire
    hook: Receiver
    url: str

    def configure(self, site: Site, **targets: object) -> None:
        site.configure(
            stores={"wire": self.wire.store("wire", poll="1s")},
            targets={"hook": webhook(self.hook)} | targets,
            database={"url": self.url},
        )

    def write(self, *ids: str) -> None:
        self.wire.items = [*ids, *self.wire.items]

    def heard(self) -> list[str]:
        return [seen.json["data"]["url"].rpartition("/")[2] for seen in self.hook.requests]


@pytest.fixture
def pair(tmp_path: Path, launcher: Launcher, postgres: PostgreSQL) -> Iterator[Pair]:
    with wire() as store, Receiver() as hook:
        one, other = (Site(tmp_path / name, launcher) for name in ("one", "other"))
        pair = Pair(one, other, store, hook, postgres.migrated())
        for site in (one, other):
            site.folder.mkdir()
            pair.configure(site)
        yield pair
        for site in (one, other):
            site.stop_all()


def both(pair: Pair) -> tuple[Running, Running]:
    """One that leads and has polled, and one that stands by."""
    leader = pair.one.start("run")
    leader.wait_for("leading")
    until(lambda: len(pair.wire.polls["wire"]) >= 2)
    follower = pair.other.start("run")
    follower.wait_for("standing_by")
    return leader, follower


def test_one_that_stands_by_is_well_and_takes_over_when_the_leader_is_killed(pair: Pair) -> None:
    leader, follower = both(pair)
    pair.write("first")
    until(lambda: pair.heard() == ["first"])
    follower.wait_for("listening")
    assert follower.ask("/health/ready", admin=True).status == 200
    assert leader.ask("/health/ready", admin=True).status == 200
    assert pair.other.feedpub("status", "--json").json["problems"] == []
    assert follower.events("leading") == []
    leader.signal(signal.SIGKILL)
    begun = time.monotonic()
    pair.write("second")
    follower.wait_for("leading")
    measured("from the leader's death to the next lead", time.monotonic() - begun)
    until(lambda: pair.heard() == ["first", "second"])
    assert b"https://wire.test/second" in follower.ask("/feeds/all.rss").body
    # The dead one comes back, and stands by.
    again = pair.one.start("run")
    again.wait_for("standing_by")
    follower.signal(signal.SIGTERM)
    assert follower.wait().code == 0
    again.wait_for("leading")
    pair.write("third")
    until(lambda: pair.heard() == ["first", "second", "third"])


def test_a_leader_that_is_stopped_leads_no_more_and_stands_by_when_it_goes_on(pair: Pair) -> None:
    leader, follower = both(pair)
    leader.signal(signal.SIGSTOP)
    begun = time.monotonic()
    follower.wait_for("leading")
    measured("from SIGSTOP to the next lead", time.monotonic() - begun)
    pair.write("meanwhile")
    until(lambda: pair.heard() == ["meanwhile"])
    leader.signal(signal.SIGCONT)
    leader.wait_for("standing_by")
    pair.write("afterwards")
    until(lambda: Counter(pair.heard()) == Counter(["meanwhile", "afterwards"]))
    assert len(leader.events("leading")) == len(follower.events("leading")) == 1
    assert follower.events("lead_lost") == follower.events("fault") == leader.events("fault") == []


def test_a_leader_whose_connections_are_cut_goes_on_or_the_other_does(pair: Pair, postgres: PostgreSQL) -> None:
    leader, follower = both(pair)
    postgres.cut_off(pair.url)
    pair.write("afterwards")
    until(lambda: pair.heard() == ["afterwards"])
    leads = [len(one.events("leading")) - len(one.events("lead_lost")) for one in (leader, follower)]
    assert sorted(leads) == [0, 1]
    for one in (leader, follower):
        assert one.code is None
        assert one.events("fault") == []


# ---------------------------------------------------------------- step by step, in one process


@dataclass
class House:
    """Apps on one database, each with a directory of feeds of its own."""

    folder: Path
    url: str
    hook: Receiver
    opened: list[App] = field(default_factory=list)

    def open(self) -> App:
        """Lead, or stand by."""
        name = str(len(self.opened))
        loaded = load(self.folder / "config", {"FEEDPUB_FEEDS__OUTPUT": str(self.folder / name)})
        app = App.open(loaded, lead=True, stand_by=True)
        self.opened.append(app)
        return app

    def is_led(self) -> bool:
        """Whether somebody holds the lead, as the server sees it."""
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        low = int.from_bytes(b"feedpu") & 0xFFFFFFFF
        (count,) = self.psql(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {low} AND {here}")
        return count > 0

    def locks(self) -> int:
        """How many locks that outlive transactions somebody holds on the database."""
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        (count,) = self.psql(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}")
        return count

    def psql(self, *statements: str) -> list[int]:
        """Run statements; gives the numbers that they answer with."""
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            answers = [connection.execute(text(statement)) for statement in statements]
            found = [int(one.scalar_one()) for one in answers if one.returns_rows]
        engine.dispose()
        return found


@pytest.fixture
def house(site: Site, postgres: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with Receiver() as hook:
        url = postgres.migrated()
        hub = {"kind": "websub", "hub_url": f"{hook.url}/hub", "allow_private": True, "feeds": ["all"]}
        site.configure(targets={"hook": webhook(hook), "hub": hub}, database={"url": url})
        monkeypatch.chdir(site.folder)
        house = House(site.folder, url, hook)
        yield house
        for app in house.opened:
            app.close()


def dies(app: App) -> None:
    """As far as others can see."""
    app.ledger.database.resign()


def states(app: App) -> dict[str, State]:
    return {one.delivery.target: one.delivery.state for one in app.ledger.deliveries.listed()}


def test_one_that_stands_by_says_what_the_leader_owes(site: Site, house: House) -> None:
    leader, other = house.open(), house.open()
    assert (leader.standing_by, other.standing_by) == (False, True)
    leader.once()
    site.publish("one")
    leader.publisher.publish("main")
    other.follow()
    claimed = other.publisher.claim(5)
    assert leader.publisher.claim(5) == ()
    for one in claimed:
        other.publisher.deliver(one)
    assert states(leader) == {"hook": State.SENT, "hub": State.SENT}
    assert Counter(seen.path for seen in house.hook.requests)["/hook"] == 1
    assert other.problems() == leader.problems() == ()


def test_what_one_that_lives_has_leased_is_nobody_elses(site: Site, house: House) -> None:
    leader, other = house.open(), house.open()
    leader.once()
    site.publish("one")
    leader.publisher.publish("main")
    (claimed, _) = other.publisher.claim(5)
    dies(leader)
    until(lambda: house.locks() == 1)
    third = house.open()
    assert not third.standing_by
    assert {*states(third).values()} == {State.CLAIMED}
    assert other.publisher.deliver(claimed) is not None
    for app in (other, third):
        dies(app)
    until(lambda: house.locks() == 0)
    house.open()
    assert State.CLAIMED not in states(third).values()


def test_a_leader_that_was_deposed_records_nothing_and_its_files_are_written_again(site: Site, house: House) -> None:
    leader, other = house.open(), house.open()
    leader.once()
    site.publish("one")
    assert not other.take_lead()
    leader.ledger.feeds.soil(["all"])
    (dirty,) = leader.ledger.feeds.dirty()
    dies(leader)
    until(other.take_lead)
    other.once()
    assert other.ledger.feeds.dirty() == ()
    seen = other.ledger.articles.store_state("main").cursor
    leader.ledger.feeds.published(dirty.address, dirty.seq, {}, leader.clock(), etag="older")
    assert [one.address for one in other.ledger.feeds.dirty()] == ["all"]
    site.publish("two")
    with pytest.raises(Superseded, match="another feedpub leads by now"):
        leader.publisher.publish("main")
    assert other.ledger.articles.store_state("main").cursor == seen
    assert other.publisher.publish("main").new == 1


@pytest.mark.parametrize("lost", [0, 1])
def test_one_that_takes_over_on_another_machine_trusts_what_it_saw_and_not_how_long_ago_a_poll_was(
    site: Site, house: House, lost: int
) -> None:
    leader, other = house.open(), house.open()
    leader.once()
    site.publish("one")
    leader.once()
    other.follow()
    own_files(other.settings).mark.unlink()  # it was the leader's alone
    house.psql("UPDATE store SET polled_at = polled_at - 3 * 86400000000::bigint")  # its poll is weekly, or it is down
    dies(leader)
    house.psql(f"DELETE FROM attempt WHERE {lost} = 1")  # somebody puts an older copy back
    until(other.take_lead)
    assert (other.ledger.history.put_back_at() is not None) is bool(lost)


def test_what_a_deposed_leader_told_of_problems_does_not_count(house: House) -> None:
    leader, other = house.open(), house.open()
    told = {"": Known(now(), now()), "store.store:main": Known(now(), now())}
    dies(leader)
    until(other.take_lead)
    other.ledger.alerts.keep("ops", told)
    with pytest.raises(Superseded):
        leader.ledger.alerts.keep("ops", {"": Known(now())})
    with pytest.raises(Superseded):
        leader.ledger.alerts.forget_all_but([])
    assert other.ledger.alerts.known("ops").keys() == told.keys()


def test_a_fault_on_the_way_to_the_lead_leaves_it_to_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, other = house.open(), house.open()
    third = house.open()
    lead = Lead(other, nullcontext(), threading.Event(), lambda _: None)
    dies(leader)
    until(lambda: not house.is_led())

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(other.publisher, "apply", fails)
    with pytest.raises(ZeroDivisionError):
        lead.look()
    assert other.standing_by
    until(third.take_lead)


def test_one_that_takes_over_writes_the_feeds_that_its_own_directory_lacks(site: Site, house: House) -> None:
    leader, other = house.open(), house.open()
    leader.once()
    site.publish("one")
    leader.once()
    assert not (site.folder / "1" / "all.rss").exists()
    dies(leader)
    until(other.take_lead)
    other.publisher.tidy()
    assert feed(site, "1") == feed(site, "0")
    site.publish("two")
    other.once()
    dies(other)
    assert feed(site, "1") != feed(site, "0"), "what it has is old"
    until(leader.take_lead)
    leader.publisher.tidy()
    assert feed(site, "1") == feed(site, "0")
    assert not leader.publisher.tidy().told
    dies(leader)
    until(leader.take_lead)
    assert leader.ledger.feeds.dirty() == (), "nobody else wrote meanwhile"


def feed(site: Site, output: str) -> bytes:
    return (site.folder / output / "all.rss").read_bytes()


def test_an_older_schema_is_left_to_its_leader_and_brought_up_to_date_by_who_leads_next(house: House) -> None:
    leader = house.open()
    house.psql(
        "ALTER TABLE store DROP COLUMN asked_at",
        "DROP TABLE alert",
        "UPDATE alembic_version SET version_num = '0004'",
    )
    newer = house.open()
    assert (newer.standing_by, newer.ready, newer.problems()) == (True, False, ())
    daemon = Daemon(newer, None, {})
    assert daemon._deliveries._round() > 1, "nothing is claimed"
    daemon._lead.look()
    assert (newer.standing_by, newer.ready) == (True, False)
    dies(leader)
    until(lambda: house.locks() == 1)
    daemon._lead.look()
    assert (newer.standing_by, newer.ready) == (False, True)
    assert newer.once().tried == ()


def test_one_that_stands_by_ends_when_a_later_feedpub_has_changed_the_schema(house: House) -> None:
    _, other = house.open(), house.open()
    daemon = Daemon(other, None, {})
    house.psql("UPDATE alembic_version SET version_num = '9999'")
    with capture_logs() as told:
        daemon._lead.look()
    assert (daemon._code, daemon._stopping.is_set()) == (1, True)
    assert told[-1]["why"].startswith("the database has schema '9999', which this feedpub does not know")
    with pytest.raises(LedgerTooNew):
        house.open()


def test_all_who_share_a_database_go_by_its_clock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = house.open()
    true = now
    monkeypatch.setattr("feedpub.app.now", lambda: true() + timedelta(hours=1))
    ahead = house.open()
    assert abs(ahead.clock() - leader.clock() + timedelta(hours=1)) < timedelta(minutes=1), "one is patched, too"
    assert abs(ahead.clock() - true()) < timedelta(minutes=1)
    looking = App.open(ahead.loaded, lead=False)
    house.opened.append(looking)
    assert abs(looking.clock() - true()) < timedelta(minutes=1), "a command, too"
    assert abs(ahead.clock.here(true()) - true() - timedelta(hours=1)) < timedelta(minutes=1)
    monkeypatch.undo()
    assert ahead.clock.follow(true()) >= timedelta(minutes=59)
    assert ahead.clock.follow(true()) == timedelta(0)
