"""A feed changes; a real hub is told, fetches it, and hands it to a subscriber."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from feedpub.feeds.catalog import FeedsOptions
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Action, Context, Outcome, RawArticle, Reply, Request, Said, Site
from feedpub.networks import WebSub
from feedpub.notices.feeds import compose_feed
from feedpub.pipeline import Publisher, Setup, Source
from feedpub.web import Server, public_app
from tests.edge.hub import FileServer, Subscriber, hub
from tests.edge.serving import serving
from tests.world import ListOptions, ListStore

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


def test_a_new_article_reaches_the_subscriber_signed_through_publisher_hub_and_our_own_server(
    world: World, tmp_path: Path
) -> None:
    public, port = tmp_path / "public", free_port()
    base = f"http://127.0.0.1:{port}/feeds/"
    store, now = ListStore(), NOW
    setup = Setup(
        Site(title="航空ニュース", url="https://news.test/"),
        FeedsOptions(base_url=base, output=str(public)),
        {"blog": Source(ListOptions(name="blog"), store)},
        {"hub": WebSub(name="hub", hub_url=world.hub, allow_private=True)},
    )
    ledger = Ledger(Database(f"sqlite:///{tmp_path}/feedpub.db"))
    ledger.open(lead=True)
    publisher = Publisher(ledger, Door(), setup, lambda: now)
    publisher.apply(setup)
    publisher.publish("blog")
    server = Server.start(public_app(public, base, lambda: publisher.builder.signposts), f"127.0.0.1:{port}")
    try:
        topic = f"{base}all.atom"
        world.subscriber.wanted = {topic}
        assert world.subscribe(topic).status == 202
        store.put(RawArticle("1", url="https://news.test/1", title="海自の新型護衛艦", published=NOW.isoformat()))
        publisher.publish("blog")
        for claimed in publisher.claim(9):
            publisher.deliver(claimed)
    finally:
        server.stop()
        ledger.close()
    ((body, signed),) = world.subscriber.received
    assert signed
    assert body == (public / "all.atom").read_bytes()
    assert "海自の新型護衛艦" in body.decode()
    assert world.failed == []


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
