"""A feed changes; a real hub is told, fetches it, and hands it to a subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from feedpub.http import Door
from feedpub.model import Action, Context, Outcome, Reply, Request, Said
from feedpub.networks import WebSub
from feedpub.notices.feeds import compose_feed
from tests.edge.hub import FileServer, Subscriber, hub, serving

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
SECRET = "合言葉-kanaria7f3b9c1d5e"
PATIENCE = timedelta(seconds=10)


@dataclass
class World:
    """A hub, a site with feed files, and a subscriber. `failed`: what the hub could not do."""

    hub: str
    site: str
    files: FileServer
    subscriber: Subscriber
    callback: str
    failed: list[Exception]

    def write(self, name: str, content: str) -> str:
        """Put a feed file in its place; gives its address."""
        (self.files.folder / name).write_text(content, encoding="utf-8")
        return f"{self.site}/{name}"

    def subscribe(self, topic: str) -> Reply:
        """Ask the hub for a topic, as a reader does."""
        form = {"hub.mode": "subscribe", "hub.topic": topic, "hub.callback": self.callback, "hub.secret": SECRET}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        request = Request("POST", self.hub, headers, urlencode(form).encode())
        return Door().fetch(request, timeout=PATIENCE, allow_private=True)

    def tell(self, *topics: str, action: Action = Action.ANNOUNCE) -> Outcome:
        """Tell the hub of a changed feed with these files, as feedpub does."""
        target = WebSub(name="hub", hub_url=self.hub, allow_private=True)
        notice = compose_feed(
            "all",
            target,
            title="航空ニュース",
            files=topics,
            link="https://news.test/",
            language="ja",
            action=action,
            revision=1,
            key="msg_1",
            now=NOW,
        )
        talk = target.announce if action is Action.ANNOUNCE else target.correct
        return Door().converse(
            talk(notice, Context(NOW)), lambda _key, _value: None, timeout=target.timeout, allow_private=True
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with hub(tmp_path) as (hub_url, failed):
        site, subscriber = FileServer(tmp_path, hub_url), Subscriber(SECRET.encode())
        with serving(site) as address, serving(subscriber) as callback:
            yield World(hub_url, address, site, subscriber, callback, failed)


def test_a_subscriber_gets_the_feed_signed_as_soon_as_feedpub_tells_the_hub(world: World) -> None:
    topic = world.write("all.rss", "<rss>海自の新型護衛艦</rss>")
    world.subscriber.wanted = {topic}
    assert world.subscribe(topic).status == 202
    assert world.subscriber.verified == [topic]

    assert world.tell(topic) == Said()
    world.write("all.rss", "<rss>海自の新型護衛艦「もがみ」</rss>")
    assert world.tell(topic, action=Action.CORRECT) == Said()

    assert [(body.decode(), signed) for body, signed in world.subscriber.received] == [
        ("<rss>海自の新型護衛艦</rss>", True),
        ("<rss>海自の新型護衛艦「もがみ」</rss>", True),
    ]
    assert world.failed == []


def test_each_file_of_a_feed_is_a_topic_of_its_own(world: World) -> None:
    rss, atom = (world.write(f"all.{ending}", f"<{ending}/>") for ending in ("rss", "atom"))
    world.subscriber.wanted = {atom}
    for topic in (rss, atom):
        world.subscribe(topic)
    assert world.subscriber.verified == [atom]

    assert world.tell(rss, atom) == Said()
    assert world.subscriber.received == [(b"<atom/>", True)]


def test_to_tell_the_hub_twice_is_harmless(world: World) -> None:
    topic = world.write("all.rss", "<rss/>")
    world.subscriber.wanted = {topic}
    world.subscribe(topic)

    assert [world.tell(topic) for _ in range(2)] == [Said()] * 2
    assert set(world.subscriber.received) == {(b"<rss/>", True)}


def test_without_links_in_the_headers_of_the_feed_the_hub_hands_out_nothing(world: World) -> None:
    """As docs/networks.md says: some hubs look nowhere else."""
    topic = world.write("all.rss", "<rss/>")
    world.subscriber.wanted = {topic}
    world.subscribe(topic)
    world.files.hub = ""

    assert world.tell(topic) == Said()
    assert world.subscriber.received == []
    assert ["Link header" in str(error) for error in world.failed] == [True]
