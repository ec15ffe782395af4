"""What a ping is about, and what many of them come to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from xmlrpc.client import dumps, loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.web.admin.calm import PAUSE, Calm
from feedpub.web.admin.weblog import addresses, answer, meant

WORDPRESS = """<?xml version="1.0"?>
<methodCall>
<methodName>weblogUpdates.extendedPing</methodName>
<params>
<param><value><string>航空ニュース &amp; 友</string></value></param>
<param><value><string>https://blog.example/</string></value></param>
<param><value><string>https://blog.example/feed/</string></value></param>
</params></methodCall>""".encode()
STORES = {"blog": "https://blog.example/", "wire": "https://wire.example/feed.xml", "desk": ""}
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


# ---------------------------------------------------------------- one ping


def test_what_wordpress_sends_names_its_site_and_its_feed() -> None:
    assert addresses(WORDPRESS) == ("https://blog.example/", "https://blog.example/feed/")


def test_a_plain_ping_and_one_without_types_are_read() -> None:
    plain = dumps(("名前", "https://blog.example/"), "weblogUpdates.ping").encode()
    assert addresses(plain) == ("https://blog.example/",)
    bare = plain.replace(b"<string>", b"").replace(b"</string>", b"")
    assert addresses(bare) == ("https://blog.example/",)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no XML-RPC"),
        (b"<methodCall>", "no XML-RPC"),
        ("日本語".encode("cp932"), "no XML-RPC"),
        (b"<html/>", "only weblogUpdates"),
        (dumps(("a",), "pingback.ping").encode(), "only weblogUpdates"),
        (dumps(("a",), "system.multicall").encode(), "only weblogUpdates"),
        (BOMB + b"<methodCall><methodName>weblogUpdates.ping</methodName></methodCall>", "no DOCTYPE"),
        (
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><methodCall><methodName>weblogUpdates.ping</methodName></methodCall>',
            "no DOCTYPE",
        ),
    ],
)
def test_what_is_no_ping_is_refused_in_words(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        addresses(body)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda inner: WORDPRESS.replace(b"blog.example", inner)))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    found: tuple[str, ...] = ()
    with suppress(ValueError):
        found = addresses(body)
    assert all(one.startswith("http") for one in found)


@pytest.mark.parametrize(
    ("named", "stores"),
    [
        (["https://blog.example/", "https://blog.example/feed/"], ["blog"]),
        (["http://www.BLOG.example/2026/post"], ["blog"]),
        (["https://blog.example/", "https://wire.example/x"], ["blog", "wire"]),
        (["https://elsewhere.example/"], ["blog", "wire", "desk"]),
        (["https://"], ["blog", "wire", "desk"]),
        (["https://[::1"], ["blog", "wire", "desk"]),
        ([], ["blog", "wire", "desk"]),
    ],
)
def test_a_ping_is_about_the_stores_at_its_host_or_about_all(named: list[str], stores: list[str]) -> None:
    assert list(meant(named, STORES)) == stores


def test_an_address_in_japanese_and_the_same_in_ascii_are_one_host() -> None:
    assert list(meant(["https://xn--eckwd4c7c.example/"], {"blog": "https://ドメイン.example/", "b": ""})) == ["blog"]


def test_the_answer_is_what_blogs_expect() -> None:
    ((told,), _) = loads(answer("ありがとう").decode())
    assert told == {"flerror": False, "message": "ありがとう"}
    ((told,), _) = loads(answer("no", error=True).decode())
    assert told == {"flerror": True, "message": "no"}


# ---------------------------------------------------------------- many pings


class Time:
    """A steady clock, and what is to be done later."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, do))

    def go_on(self, until: float) -> None:
        """Let time pass."""
        while self.due and min(at for at, _ in self.due) <= until:
            at, do = self.due.pop(min(range(len(self.due)), key=lambda n: self.due[n][0]))
            self.now = at
            do()
        self.now = until


def calmed() -> tuple[Time, Calm, list[tuple[float, str]]]:
    time, asked = Time(), list[tuple[float, str]]()
    return time, Calm(lambda name: asked.append((time.now, name)), steady=lambda: time.now, later=time.later), asked


def test_a_ping_is_passed_on_at_once_and_those_soon_after_it_together() -> None:
    time, calm, asked = calmed()
    assert calm.ask(["blog"]) == ("blog",)
    for second in (1, 2, 3):
        time.go_on(second)
        assert calm.ask(["blog", "wire"][: second % 2 + 1]) == (("wire",) if second == 1 else ())
    time.go_on(100)
    assert asked == [(0, "blog"), (1, "wire"), (5, "blog"), (6, "wire")]


@given(st.lists(st.floats(0, 60), max_size=50))
def test_no_ping_is_lost_and_no_flood_polls_more_than_once_in_a_pause(moments: list[float]) -> None:
    time, calm, asked = calmed()
    for moment in sorted(moments):
        time.go_on(moment)
        calm.ask(["blog"])
    time.go_on(1000)
    polls = [at for at, _ in asked]
    assert all(later - sooner >= PAUSE * 0.999 for sooner, later in pairwise(polls))
    assert all(any(moment <= at <= moment + PAUSE for at in polls) for moment in moments)


def test_what_still_waits_at_the_end_is_asked_for_then_and_not_again() -> None:
    time, calm, asked = calmed()
    calm.ask(["blog"])
    calm.ask(["blog"])
    calm.flush()
    time.go_on(100)
    assert asked == [(0, "blog"), (0, "blog")]
