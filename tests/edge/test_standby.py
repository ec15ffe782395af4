"""Two feedpubs on one PostgreSQL: one leads, the other stands by, delivers, and takes over."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
