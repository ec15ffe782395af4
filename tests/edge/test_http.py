"""The guarded door against real sockets: every way another side can fail, and none of our secrets in what we say."""

from __future__ import annotations

import datetime as dt
import io
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import trustme

from feedpub.errors import UnreachableError
from feedpub.http import Door, _Guarded, _Line
from feedpub.model import Again, Conversation, Doubt, Outcome, Refused, Remember, Reply, Request, Said, Show
from feedpub.networks.base import ask
from tests.edge.receiver import FLOOD, Answer, Mood, Receiver, gzip_bomb

SECOND = timedelta(seconds=1)
SOON = 20.0
"""Seconds: far less than the other side would have, and enough for a busy machine."""
CANARY = "kanaria-7f3b9c1d5e"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def post(url: str, *, says: bool = True, body: bytes = b"{}") -> Conversation:
    reply = yield from ask(Request("POST", url, {"content-type": "application/json"}, body, says=says))
    return Said(str(reply.status))


def forget(key: str, value: str) -> None:
    """Remember nothing."""


def say(url: str, *, says: bool = True, timeout: timedelta = 30 * SECOND, door: Door | None = None) -> Outcome:
    return (door or Door()).converse(post(url, says=says), forget, timeout=timeout, allow_private=True)


# ---------------------------------------------------------------- the way there and back


def test_a_request_arrives_as_it_was_asked_for_and_its_answer_comes_back(server: Receiver) -> None:
    server.script = [Answer(201, {"答え": "はい"}, {"X-Answer": "yes"})]

    request = Request("PUT", server.url + "/a?b=c", {"X-Question": "?"}, "質問".encode())
    reply = Door("feedpub-test").fetch(request, timeout=30 * SECOND, allow_private=True)

    seen = server.requests[0]
    assert (seen.method, seen.target, seen.body) == ("PUT", "/a?b=c", "質問".encode())
    assert seen.headers["x-question"] == "?"
    assert seen.headers["user-agent"] == "feedpub-test"
    assert "cookie" not in seen.headers
    assert (reply.status, reply.headers["x-answer"]) == (201, "yes")
    assert '"\\u7b54' in reply.body.decode()


def test_a_conversation_goes_step_by_step_and_what_must_be_durable_is_so_before_the_next_request(
    server: Receiver,
) -> None:
    log: list[str] = []

    def talk() -> Conversation:
        yield Show("見せる")
        first = yield from ask(Request("POST", server.url + "/token"))
        yield Remember("token", str(first.status))
        second = yield from ask(Request("POST", server.url + "/post"))
        return Said(str(second.status))

    def remember(key: str, value: str) -> None:
        log.append(f"{key}={value} after {len(server.requests)}")

    server.script = [(201, {}), (202, {})]
    outcome = Door(show=log.append).converse(talk(), remember, timeout=30 * SECOND, allow_private=True)

    assert outcome == Said("202")
    assert log == ["見せる", "token=201 after 1"]


def test_the_environment_has_no_say(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")

    assert say(server.url) == Said("200")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(server: Receiver, status: int) -> None:
    server.script = [Answer(status, b"", {"location": server.url + "/elsewhere"})]

    assert say(server.url) == Said(str(status))
    assert len(server.requests) == 1


def test_a_terminal_that_is_gone_stops_nobody_else() -> None:
    def broken(_text: str) -> None:
        raise BrokenPipeError

    def talk() -> Conversation:
        yield Show("見せる")
        return Said()

    outcome = Door(show=broken).converse(talk(), forget, timeout=30 * SECOND, allow_private=False)
    assert outcome == Again("nothing can be shown: the terminal is closed")


# ---------------------------------------------------------------- before anything was sent


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_refused_connection_is_surely_not_said() -> None:
    assert say(f"http://127.0.0.1:{closed_port()}/{CANARY}") == Again("127.0.0.1 refuses connections")


def test_a_name_that_does_not_resolve_is_surely_not_said() -> None:
    outcome = say(f"http://nobody.invalid/{CANARY}")
    assert outcome == Again("nobody.invalid has no address: the name cannot be resolved")


PRIVATE = (
    "127.0.0.1 localhost 2130706433 0x7f.1 [::1] [::ffff:127.0.0.1] 0.0.0.0 10.0.0.1 192.168.1.1 169.254.169.254 "
    "100.64.0.1 192.0.0.1 224.0.0.1 [::] [fd00::1] [fe80::1] [64:ff9b::7f00:1] [2002:7f00:1::]"
)


@pytest.mark.parametrize("host", PRIVATE.split())
def test_a_private_address_pauses_the_target_before_a_socket_opens(host: str) -> None:
    outcome = Door().converse(post(f"http://{host}:1/{CANARY}"), forget, timeout=30 * SECOND, allow_private=False)

    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert "allow_private" in outcome.why


@pytest.mark.parametrize("url", ["ftp://example.org/", "no address", "http://", "http://[::1/", "http://a..b/"])
def test_an_address_that_is_none_pauses_the_target(url: str) -> None:
    outcome = say(url)
    assert isinstance(outcome, Refused | Again)
    assert "requests" not in outcome.why


def test_a_header_that_cannot_be_sent_pauses_the_target_without_being_shown(server: Receiver) -> None:
    def talk() -> Conversation:
        yield Request("POST", server.url, {"authorization": f"{CANARY}\r\nx: y"})
        return Said()

    outcome = Door().converse(talk(), forget, timeout=30 * SECOND, allow_private=True)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert CANARY not in outcome.why
    assert server.requests == []


# ---------------------------------------------------------------- TLS


@contextmanager
def secure(hosts: tuple[str, ...], *, expires: dt.datetime | None = None) -> Iterator[tuple[Receiver, trustme.CA]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts, not_after=expires).configure_cert(context)
    with Receiver(context=context) as receiver:
        yield receiver, authority


def test_a_certificate_of_a_trusted_authority_is_believed() -> None:
    with secure(("127.0.0.1",)) as (server, authority), authority.cert_pem.tempfile() as trust:
        assert say(server.url, door=Door(trust=trust)) == Said("200")


def test_a_self_signed_certificate_pauses_the_target() -> None:
    with secure(("127.0.0.1",)) as (server, _):
        outcome = say(server.url + f"/{CANARY}")
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"
        assert "certificate of 127.0.0.1" in outcome.why
        assert server.requests == []


def test_an_expired_certificate_pauses_the_target() -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with secure(("127.0.0.1",), expires=past) as (server, authority), authority.cert_pem.tempfile() as trust:
        outcome = say(server.url, door=Door(trust=trust))
        assert outcome == Refused("the certificate of 127.0.0.1 has expired", "target")


def test_a_certificate_for_another_host_pauses_the_target() -> None:
    with secure(("example.org",)) as (server, authority), authority.cert_pem.tempfile() as trust:
        outcome = say(server.url, door=Door(trust=trust))
        assert outcome == Refused("the certificate of 127.0.0.1 is made for another host", "target")


def test_https_to_a_server_that_speaks_none_pauses_the_target(server: Receiver) -> None:
    outcome = say(server.url.replace("http:", "https:"))
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"


def guarded(server: Receiver, door: Door) -> _Line:
    """Post there, guarded. No public address can be had in a test, so the guard is told that loopback is one."""
    line = _Line()
    adapter = _Guarded(line, door._context(open_=False), is_https_proto=True, allow_loopback=True)
    address = server.url.replace("127.0.0.1", "localhost") + "/a"
    try:
        response = adapter.send(requests.Request("POST", address, data=b"x").prepare(), timeout=5)
        response.close()
        assert response.status_code == 200
    finally:
        adapter.close()
        line.end(UnreachableError("over"))
    return line


def test_the_guarded_way_shakes_hands_in_the_name_of_the_host_it_was_given() -> None:
    with secure(("localhost",)) as (server, authority), authority.cert_pem.tempfile() as trust:
        assert guarded(server, Door(trust=trust)).sent
        assert server.requests[0].headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "example.org"])
def test_the_guarded_way_believes_no_certificate_for_another_host(host: str) -> None:
    with secure((host,)) as (server, authority), authority.cert_pem.tempfile() as trust:
        with pytest.raises(requests.exceptions.SSLError, match="doesn't match"):
            guarded(server, Door(trust=trust))
        assert server.requests == []


def test_the_authorities_are_read_once_and_whom_they_do_not_know_is_never_believed(tmp_path: Path) -> None:
    with secure(("127.0.0.1", "localhost")) as (server, authority), secure(("127.0.0.1", "localhost")) as (other, _):
        trust = tmp_path / "trust.pem"
        authority.cert_pem.write_to_path(str(trust))
        door = Door(trust=str(trust))
        assert say(server.url, door=door) == Said("200")
        assert guarded(server, door).sent
        trust.unlink()
        assert say(server.url, door=door) == Said("200")
        assert guarded(server, door).sent
        assert isinstance(say(other.url, door=door), Refused)
        with pytest.raises(requests.exceptions.SSLError):
            guarded(other, door)
        assert other.requests == []
        assert {one.cert_store_stats()["x509_ca"] for one in door._contexts.values()} == {1}


# ---------------------------------------------------------------- after it was sent


@pytest.mark.parametrize("mood", [Mood.RESET, Mood.CUT, Mood.NOISE])
def test_a_broken_answer_leaves_a_doubt_only_where_something_was_to_be_said(server: Receiver, mood: Mood) -> None:
    server.script = [Answer(200, {}, mood=mood), Answer(200, {}, mood=mood)]

    assert isinstance(say(server.url), Doubt)
    assert isinstance(say(server.url, says=False), Again)


@pytest.mark.parametrize("mood", [Mood.HANG, Mood.DRIP_HEADERS, Mood.DRIP_BODY])
def test_the_deadline_is_of_the_whole_conversation_however_slowly_the_other_side_drips(
    server: Receiver, mood: Mood
) -> None:
    server.script = [Answer(200, {}, mood=mood)]

    start = time.monotonic()
    outcome = say(server.url, timeout=0.3 * SECOND)

    assert time.monotonic() - start < SOON
    assert isinstance(outcome, Doubt)
    assert "did not answer in time" in outcome.why


class Hasty(Door):
    """A door whose sockets give up before it does, as any may at the very deadline."""

    def _send(self, line: _Line, request: Request, seconds: float, *, allow_private: bool) -> Reply:
        return super()._send(line, request, seconds / 20, allow_private=allow_private)


def test_a_socket_that_gives_up_first_is_no_broken_connection(server: Receiver) -> None:
    server.script = [Answer(200, {}, mood=Mood.HANG)]
    outcome = say(server.url, timeout=2 * SECOND, door=Hasty())
    assert outcome == Doubt("127.0.0.1 did not answer in time; nobody knows whether it was posted")


def test_two_slow_answers_share_one_deadline(server: Receiver) -> None:
    def talk() -> Conversation:
        for _ in range(10):
            yield Request("GET", server.url, says=False)
        return Said()

    server.default = Answer(200, {}, after=0.2)
    outcome = Door().converse(talk(), forget, timeout=0.5 * SECOND, allow_private=True)

    assert isinstance(outcome, Again)
    assert len(server.requests) <= 3


def test_a_server_that_takes_no_connection_is_left_in_time() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        start = time.monotonic()
        outcome = say(f"http://127.0.0.1:{address[1]}/", timeout=0.3 * SECOND)
        for filler in fillers:
            filler.close()

    assert isinstance(outcome, Again)
    assert time.monotonic() - start < SOON


def test_a_tls_handshake_that_never_ends_is_left_in_time() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        start = time.monotonic()
        outcome = say(f"https://127.0.0.1:{mute.getsockname()[1]}/", timeout=0.3 * SECOND)

    assert isinstance(outcome, Again)
    assert time.monotonic() - start < SOON


def test_nothing_is_left_behind_by_conversations_that_were_cut(server: Receiver) -> None:
    before = threading.active_count()
    server.default = Answer(200, {}, mood=Mood.DRIP_BODY)
    for _ in range(3):
        say(server.url, timeout=0.1 * SECOND)
    server.closing.set()
    end = time.monotonic() + SOON
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)

    assert threading.active_count() <= before


# ---------------------------------------------------------------- too much


def test_of_a_flood_only_the_first_bytes_are_read(server: Receiver) -> None:
    seen: list[Reply] = []

    def talk() -> Conversation:
        seen.append((yield from ask(Request("POST", server.url, read_limit=1000))))
        return Said()

    server.script = [FLOOD]
    assert Door().converse(talk(), forget, timeout=30 * SECOND, allow_private=True) == Said()
    assert seen[0].body == b"x" * 1000


def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit(server: Receiver) -> None:
    server.script = [gzip_bomb(100)]
    with pytest.raises(UnreachableError, match="larger than 65536 bytes"):
        fetch_measured(server)


def fetch_measured(server: Receiver) -> None:
    tracemalloc.start()
    try:
        Door().fetch(Request("GET", server.url), timeout=30 * SECOND, allow_private=True)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3_000_000


def test_a_store_hears_of_an_answer_that_is_too_large(server: Receiver) -> None:
    server.script = [Answer(200, b"12345"), Answer(200, b"123456")]
    door, request = Door(), Request("GET", server.url, read_limit=5)

    assert door.fetch(request, timeout=30 * SECOND, allow_private=True).body == b"12345"
    with pytest.raises(UnreachableError, match="larger") as caught:
        door.fetch(request, timeout=30 * SECOND, allow_private=True)
    assert caught.value.sent


# ---------------------------------------------------------------- being stopped


def test_closing_the_door_ends_every_conversation_at_once(server: Receiver) -> None:
    server.default = Answer(200, {}, mood=Mood.HANG)
    door = Door()
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(
            target=lambda says=says: outcomes.append(say(server.url, says=says, timeout=90 * SECOND, door=door))
        )
        for says in (True, False)
    ]
    for thread in threads:
        thread.start()
    server.wait_for(2)
    start = time.monotonic()
    door.close()
    for thread in threads:
        thread.join(SOON)

    assert time.monotonic() - start < SOON
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Again", "Doubt"]
    assert say(server.url, door=door) == Again("feedpub is stopping")


# ---------------------------------------------------------------- secrets


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All loggers at DEBUG, into one stream."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    names = [None, *(name for name in logging.root.manager.loggerDict if not name.startswith("feedpub"))]
    before = {name: logging.getLogger(name).level for name in names}
    logging.root.addHandler(handler)
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield stream
    finally:
        logging.root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


MISHAPS: dict[str, Callable[[Receiver], str]] = {
    "refused": lambda _: f"http://127.0.0.1:{closed_port()}",
    "unresolved": lambda _: "http://nobody.invalid",
    "tls": lambda server: server.url.replace("http:", "https:"),
    "timeout": lambda server: mood(server, Answer(200, {}, mood=Mood.HANG)),
    "reset": lambda server: mood(server, Answer(200, {}, mood=Mood.RESET)),
    "cut": lambda server: mood(server, Answer(200, {}, mood=Mood.CUT)),
    "noise": lambda server: mood(server, Answer(200, {}, mood=Mood.NOISE)),
    "bad headers": lambda server: mood(server, Answer(200, {}, {"x y\x01": "z\r\n :broken"})),
    "500": lambda server: mood(server, Answer(500, CANARY)),
    "404": lambda server: mood(server, Answer(404, CANARY)),
}


def mood(server: Receiver, answer: Answer) -> str:
    server.script = [answer]
    return server.url


@pytest.mark.parametrize("mishap", MISHAPS)
def test_no_secret_is_in_a_log_an_outcome_or_a_traceback(server: Receiver, mishap: str) -> None:
    url = f"{MISHAPS[mishap](server)}/hooks/{CANARY}?token={CANARY}"
    request = Request("POST", url, {"authorization": f"Bearer {CANARY}"}, CANARY.encode())
    with everything_logged() as logged:
        door = Door()
        outcome = say(url, door=door, timeout=0.4 * SECOND)
        told = ""
        try:
            door.fetch(request, timeout=0.4 * SECOND, allow_private=True)
        except UnreachableError as error:
            told = f"{error!r} {error.__cause__!r} {error.__context__!r}"

    for text in (logged.getvalue(), repr(outcome), told, repr(door), repr(request)):
        assert CANARY not in text
