"""`feedpub check --targets`: whether a target would let us in, found out without posting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from feedpub.commands.trying import Tried, verify
from feedpub.feeds.catalog import FeedsOptions
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Context, Conversation, Remember, Request, Said
from feedpub.networks import Ping
from feedpub.networks.base import Network, ask
from feedpub.pipeline import Publisher, Setup
from tests.edge.front_door import CONSOLE, Site, free_port, mastodon, webhook
from tests.edge.receiver import Receiver
from tests.edge.test_publisher import SITE
from tests.world import Board

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


class Club(Board):
    """A network that lets in who has a ticket, and stamps it."""

    kind: Literal["club"] = "club"  # type: ignore[assignment]
    url: str
    allow_private: bool = True

    def verify(self, context: Context) -> Conversation:
        """Show the ticket."""
        ticket = context.memory.get("ticket", "new")
        reply = yield from ask(Request("GET", self.url, {"x-ticket": ticket}, says=False))
        if reply.status != 200:
            return self.read(reply, context, says=False)
        yield Remember("ticket", "stamped")
        return Said("@news\x1b[2J@club.test")


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    ledger = Ledger(Database(database_url))
    ledger.open(lead=True)
    yield ledger
    ledger.close()


def publisher(ledger: Ledger, *targets: Network) -> Publisher:
    setup = Setup(SITE, FeedsOptions(base_url="https://news.test/feeds/"), {}, {one.name: one for one in targets})
    return Publisher(ledger, Door(), setup, lambda: NOW)


def tried(ledger: Ledger, *targets: Network) -> dict[str, Tried]:
    return {one.name: one for one in verify(publisher(ledger, *targets))}


def test_each_target_is_told_in_the_order_of_the_config_with_who_we_are_there(ledger: Ledger) -> None:
    with Receiver() as server:
        server.script = [(200, {}), (401, {})]
        good = Club(name="zebra", url=server.url)
        assert list(tried(ledger, good, Board(name="ape")).values()) == [
            Tried("zebra", True, "signed in as @news[2J@club.test"),
            Tried("ape", None, "cannot be tried without posting"),
        ]
        (bad,) = tried(ledger, good).values()
        assert (bad.well, "401" in bad.told) == (False, True)
        assert [seen.method for seen in server.requests] == ["GET", "GET"]


def test_what_is_remembered_meanwhile_is_kept_for_a_target_that_feedpub_knows(ledger: Ledger) -> None:
    with Receiver() as server:
        club = Club(name="club", url=server.url)
        tried(ledger, club)
        assert ledger.targets.states() == (), "a target that is only tried is still new"
        ledger.targets.sync({"club": club})
        tried(ledger, club)
        tried(ledger, club)
        assert [seen.headers["x-ticket"] for seen in server.requests] == ["new", "new", "stamped"]


def test_targets_that_do_not_answer_are_tried_beside_one_another(ledger: Ledger) -> None:
    nobody: Any = [Club(name=f"club{number}", url=f"http://127.0.0.1:{free_port()}/") for number in range(3)]
    found = tried(ledger, *nobody, Ping(name="ping", url="http://ping.test/"))
    assert [one.well for one in found.values()] == [False, False, False, None]
    assert all("refuses connections" in found[name].told for name in ("club0", "club1", "club2"))


def test_a_target_that_refuses_us_is_told_and_the_command_fails(site: Site) -> None:
    with Receiver() as server:
        site.configure(targets={"good": mastodon(server), "bad": mastodon(server, timeout="1s")})
        server.default = (200, {"acct": "news"})
        told = site.feedpub("check", "--config-only", "--targets").out
        assert re.search(r"^good: signed in as @news@127\.0\.0\.1$", told, re.MULTILINE)
        server.default = (401, {"error": "The access token is invalid"})
        refused = site.feedpub("check", "--config-only", "--targets", code=1)
        assert re.findall("^problem: (good|bad): .*access token is invalid", refused.err, re.MULTILINE) == [
            "good",
            "bad",
        ]
        assert {seen.method for seen in server.requests} == {"GET"}, "nothing is posted"


def test_the_config_is_checked_and_its_targets_tried_before_feedpub_ever_ran(site: Site) -> None:
    with Receiver() as server:
        site.configure(targets={"hook": webhook(server), "terminal": CONSOLE})
        assert site.feedpub("check", "--config-only", "--targets").out == (
            "The config is valid: 1 store (main); 2 targets (hook, terminal).\n"
            "hook: cannot be tried without posting\n"
            "terminal: cannot be tried without posting\n"
        )
        assert server.requests == []
        daemon = site.start("run")
        daemon.wait_for("listening")
        assert "hook: cannot be tried" in site.feedpub("check", "--config-only", "--targets").out
        daemon.end()
