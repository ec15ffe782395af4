"""What is plainly one request is read; what is not is refused, however it is cut into pieces."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.web.heads import Asked, Limits, Refused, read

LIMITS = Limits(line=100, head=200, body=10)


def asked(request: bytes, limits: Limits = LIMITS) -> Asked:
    found = read(request, limits)
    assert isinstance(found, tuple)
    return found[0]


def test_a_request_is_read_with_its_headers_by_name() -> None:
    head = b'GET /a%20b.rss?x=1 HTTP/1.1\r\nHost: x\r\nIf-None-Match:\t"a" \r\nif-none-match: "b"\r\n\r\n'
    found = read(head + b"GET", LIMITS)
    assert isinstance(found, tuple)
    one, length = found
    assert length == len(head)
    assert (one.method, one.target, one.path, one.query) == ("GET", "/a%20b.rss?x=1", "/a%20b.rss", "x=1")
    assert one.headers == {"host": "x", "if-none-match": '"a", "b"'}
    assert (one.version, one.keep, one.length) == ("1.1", True, 0)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET http://host/path?q HTTP/1.1", "/path?q"),
        (b"GET HTTP://host:80 HTTP/1.1", "/"),
        (b"GET https://host?feed=rss2 HTTP/1.1", "/?feed=rss2"),
        (b"OPTIONS * HTTP/1.1", "*"),
        (b"GET //path HTTP/1.1", "//path"),
        (b"GET /\xe7\xb1\xb3 HTTP/1.1", "/ç±³"),
    ],
)
def test_a_target_is_read_in_each_of_its_forms(line: bytes, target: str) -> None:
    assert asked(line + b"\r\nHost: x\r\n\r\n").target == target


@pytest.mark.parametrize(
    ("line", "connection", "keep"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: Close\r\n", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_the_connection_goes_on_as_its_version_has_it(line: bytes, connection: bytes, *, keep: bool) -> None:
    assert asked(line + b"\r\nHost: x\r\n" + connection + b"\r\n").keep == keep


def test_two_dates_are_none() -> None:
    one = asked(b"GET / HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: a\r\nIf-Modified-Since: b\r\n\r\n")
    assert one.headers["if-modified-since"] == ""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
        (b"GET / http/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET path HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT host:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
        (b"GET /" + b"a" * 100, 414),
        (b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: " + b"x" * 200, 431),
        (b"GET / HTTP/1.1\r\nHost: " + b"x" * 200 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_not_plainly_one_request_is_refused(request_: bytes, status: int) -> None:
    assert read(request_, LIMITS) == Refused(status)


def test_a_body_within_the_limit_is_told_by_its_length() -> None:
    assert asked(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n").length == 10


@given(st.binary(max_size=300) | st.lists(st.sampled_from(
    [b"GET / HTTP/1.1", b"\r\n", b"\n", b"\r", b"Host: x", b"Content-Length: 3", b":", b" ", b"\x00", b"a"]
)).map(b"".join))  # fmt: skip
def test_whatever_arrives_is_waited_for_read_or_refused(arrived: bytes) -> None:
    found = read(arrived, LIMITS)
    if isinstance(found, tuple):
        assert arrived[: found[1]].endswith(b"\r\n\r\n")
        assert found[0].target.startswith("/") or found[0].target == "*"
    elif found is None:
        assert len(arrived) <= LIMITS.line + LIMITS.head + 4


@given(st.integers(0, 58))
def test_a_request_in_pieces_is_the_same_request(cut: int) -> None:
    whole = b"\r\nGET /all.rss HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"
    assert read(whole[:cut], LIMITS) is None
    assert isinstance(read(whole, LIMITS), tuple)


@pytest.mark.parametrize("odd", [b" " * 15_000 + b"\x00", b"\t" * 15_000 + b"\n", b"a:" * 7_000 + b"\r"])
def test_no_head_takes_long_to_refuse(odd: bytes) -> None:
    begun = time.process_time()
    assert read(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + odd + b"\r\n\r\n", Limits()) == Refused(400)
    assert time.process_time() - begun < 0.5
