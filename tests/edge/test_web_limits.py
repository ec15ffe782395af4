"""Who is slow, too large, or too many: through real sockets, with limits of milliseconds."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from feedpub.web import Server, public_app
from feedpub.web.server import Patience
from tests.edge.front_door import until
from tests.edge.test_web import ask, write

SOON = Patience(asking=0.2, idle=0.2, taking=0.2, leaving=0.1, connections=8)
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public")
    write(folder / "all.rss", b"feed")
    write(folder / "large.rss", b"x" * 30_000_000)
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    """One whose patience is short."""
    running = Server.start(public_app(root), "127.0.0.1:0", patience=SOON)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def calm(root: Path) -> Iterator[Server]:
    """One as it is run."""
    running = Server.start(public_app(root), "127.0.0.1:0")
    yield running
    running.stop()


@contextmanager
def line(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        yield connection


def heard(connection: socket.socket) -> bytes:
    """Everything until the server hangs up."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def said(server: Server, request: bytes) -> bytes:
    with line(server) as connection:
        connection.sendall(request)
        return heard(connection)


# ---------------------------------------------------------------- too large


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 17_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 413),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", 413),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    ],
)
def test_what_is_too_large_or_no_request_is_told_so_and_nothing_more_is_read(
    calm: Server, request_: bytes, status: int
) -> None:
    answer = said(calm, request_ + b"GET /all.rss HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"connection: close" in answer.lower()
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_is_refused_while_it_is_sent_does_not_drown_the_answer(calm: Server) -> None:
    with line(calm) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000)
        assert heard(connection).startswith(b"HTTP/1.1 413 ")


# ---------------------------------------------------------------- too slow


def test_a_request_that_drips_is_cut(server: Server) -> None:
    with line(server) as connection:
        connection.sendall(b"GET /all.rss HTTP/1.1\r\nHost: x\r\nX: ")
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 5 and not _readable(connection):
                connection.sendall(b"x")
        except ConnectionError:
            pass
        assert heard(connection).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begun < 4


def _readable(connection: socket.socket) -> bool:
    connection.settimeout(0.02)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK)) or True
    except TimeoutError:
        return False
    finally:
        connection.settimeout(5)


def test_who_says_nothing_is_cut(server: Server) -> None:
    with line(server) as connection:
        assert heard(connection) == b""


def test_who_asks_for_nothing_more_is_cut(server: Server) -> None:
    answer = said(server, LIVE)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" not in answer


def test_who_does_not_take_the_answer_is_cut(server: Server) -> None:
    with line(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /large.rss HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET)
    assert ask(server, "/health/live").status == 200


def test_who_takes_a_large_answer_gets_all_of_it(calm: Server) -> None:
    assert len(ask(calm, "/large.rss").body) == 30_000_000


# ---------------------------------------------------------------- too many


def test_however_many_hold_the_line_others_are_answered(root: Path) -> None:
    few = Patience(connections=8)
    server = Server.start(public_app(root), "127.0.0.1:0", patience=few)
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(30)]
    try:
        for connection in held[10:]:
            with suppress(ConnectionError):  # it had to give way already
                connection.sendall(b"GET /all.rss HTTP/1.1\r\nHo")
        for _ in range(10):
            assert ask(server, "/health/live").status == 200
            assert ask(server, "/all.rss").body == b"feed"
        assert heard(held[0]) == b""
    finally:
        for connection in held:
            connection.close()
        server.stop()


# ---------------------------------------------------------------- one after the other


def test_requests_sent_at_once_are_answered_in_their_order(calm: Server) -> None:
    paths = ["/all.rss", "/none.rss", "/health/live", "/large.rss", "/all.rss", "/none.rss"]
    requests = [f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths]
    requests[-1] = requests[-1].replace("Host", "Connection: close\r\nHost")
    answer = said(calm, "".join(requests).encode())
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200", b"200", b"200", b"404"]


def test_http_1_0_is_answered_once(calm: Server) -> None:
    answer = said(calm, b"GET /all.rss HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nfeed")


def test_who_has_said_all_is_still_answered(calm: Server) -> None:
    with line(calm) as connection:
        connection.sendall(b"GET /large.rss HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert len(heard(connection)) > 30_000_000


@pytest.mark.parametrize("target", ["http://elsewhere.test/all.rss", "/all.rss", "/%61ll.rss"])
def test_a_target_means_the_same_in_each_form(calm: Server, target: str) -> None:
    answer = said(calm, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("target", ["//all.rss", "/./all.rss", "/x/../all.rss", "http://h//etc/passwd", "/%2e/all.rss"])
def test_no_target_goes_round_about(calm: Server, target: str) -> None:
    answer = said(calm, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")


# ---------------------------------------------------------------- applications, which take forms


async def _echo(request: Request) -> Response:
    return PlainTextResponse(f"{request.method} {request.url.query} {(await request.body()).decode()}")


def _breaks(_: Request) -> Response:
    raise RuntimeError("a secret")


@pytest.fixture(scope="module")
def application() -> Iterator[Server]:
    app = Starlette(routes=[Route("/echo", _echo, methods=["GET", "POST"]), Route("/breaks", _breaks)])
    running = Server.start(app, "127.0.0.1:0")
    yield running
    running.stop()


def test_an_application_gets_the_body_even_if_it_comes_in_pieces(application: Server) -> None:
    with line(application) as connection:
        connection.sendall(b"POST /echo?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        connection.sendall(b"defGET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = heard(connection)
    assert b"POST a=1 abcdef" in answer
    assert answer.endswith(b"GET  ")


def test_a_form_that_is_too_large_is_refused_unread(application: Server) -> None:
    answer = said(application, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_application_that_fails_answers_500_and_goes_on(application: Server) -> None:
    failed = ask(application, "/breaks")
    assert failed.status == 500
    assert b"secret" not in failed.body
    assert ask(application, "/echo").status == 200
    assert ask(application, "/echo", "DELETE").status == 405
