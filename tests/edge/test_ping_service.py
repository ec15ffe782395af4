"""A feed changes; a real XML-RPC server hears of it, with the extended ping or the plain one, or in no time at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest

from feedpub.http import Door
from feedpub.model import Action, Again, Context, Outcome, Refused, Said
from feedpub.networks import Ping
from feedpub.notices.feeds import compose_feed
from tests.edge.receiver import Answer, Mood, Receiver
from tests.edge.serving import Quiet, serving

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
SITE = ("米国関連 – 航空ニュース <F-35> & 𠮷野家", "https://news.test/")
FEED = "https://news.test/feeds/all.rss"


class _Silent(Quiet, SimpleXMLRPCRequestHandler):
    rpc_paths = ("/xmlrpc",)


@contextmanager
def service(**methods: Any) -> Iterator[str]:
    """A ping service with these methods of `weblogUpdates`; gives its address."""
    server = SimpleXMLRPCServer(("127.0.0.1", 0), _Silent, logRequests=False)
    for name, method in methods.items():
        server.register_function(method, f"weblogUpdates.{name}")
    with serving(server) as url:
        yield f"{url}/xmlrpc"


def ping(url: str, **options: timedelta) -> Outcome:
    """Tell the service of a changed feed, as feedpub does."""
    target = Ping(name="ranking", url=url, allow_private=True, **options)
    notice = compose_feed(
        "all",
        target,
        title=SITE[0],
        files=(FEED, "https://news.test/feeds/all.atom"),
        link=SITE[1],
        language="ja",
        action=Action.ANNOUNCE,
        revision=1,
        key="msg_1",
        now=NOW,
    )
    return Door().converse(
        target.announce(notice, Context(NOW)), lambda _key, _value: None, timeout=target.timeout, allow_private=True
    )


def thanks(heard: list[tuple[str, ...]]) -> Callable[..., object]:
    def method(*said: str) -> object:
        heard.append(said)
        return {"flerror": False, "message": "Thanks for the ping."}

    return method


def test_an_extended_ping_arrives_with_its_japanese_name_and_its_feed() -> None:
    extended: list[tuple[str, ...]] = []
    plain: list[tuple[str, ...]] = []
    with service(extendedPing=thanks(extended), ping=thanks(plain)) as url:
        assert ping(url) == Said()
    assert extended == [(*SITE, SITE[1], FEED)]
    assert plain == []


def test_a_service_that_knows_only_the_plain_ping_gets_that() -> None:
    heard: list[tuple[str, ...]] = []
    with service(ping=thanks(heard)) as url:
        assert ping(url) == Said()
    assert heard == [SITE]


def test_a_service_without_any_ping_is_told_in_its_own_words() -> None:
    with service() as url:
        outcome = ping(url)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "item"
    assert 'method "weblogUpdates.ping" is not supported' in outcome.why


def test_a_service_that_wants_peace_gets_half_an_hour() -> None:
    with service(extendedPing=lambda *_: {"flerror": True, "message": "送信間隔が短すぎます"}) as url:
        outcome = ping(url)
    assert outcome == Again(
        "the ping service has had too many pings of this site (送信間隔が短すぎます)", timedelta(minutes=30)
    )


@pytest.mark.parametrize("mood", [Mood.HANG, Mood.DRIP_BODY])
def test_a_service_that_hangs_costs_no_more_than_the_timeout(mood: Mood) -> None:
    with Receiver() as dead:
        dead.script = [Answer(mood=mood)]
        start = time.monotonic()
        outcome = ping(dead.url, timeout=timedelta(seconds=0.3))
        assert time.monotonic() - start < 20
    assert isinstance(outcome, Again)


def test_both_pings_share_one_timeout() -> None:
    fault = "<methodResponse><fault><value><string>?</string></value></fault></methodResponse>"
    with Receiver() as slow:
        slow.script = [Answer(200, fault, after=1.2), Answer(200, fault, after=1.2)]
        outcome = ping(slow.url, timeout=timedelta(seconds=2.2))
        assert len(slow.requests) == 2
    assert outcome == Again("127.0.0.1 did not answer in time")
