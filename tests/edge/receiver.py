"""A scriptable HTTP server on loopback: the other side of every delivery, with all its moods.

    with Receiver() as server:
        server.script = [(503, {}), (200, {"id": "1"}), Answer(200, mood=HANG)]

Each request takes the next answer of the script; afterwards `server.default` answers. `requests` holds everything that
came, `kept` what a real service would have kept: bodies answered with 2xx, a repeated idempotency key once.

What a conversation asks besides (a login, an upload, a list) can be answered apart: `server.routes["POST /login"]` is
the answer to each such request. These are in `aside` instead of `requests`, and take nothing from the script.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.edge.serving import LossyServer, Quiet


class Mood(Enum):
    """How an answer is given."""

    PLAIN = auto()
    HANG = auto()  # takes the request, keeps it (if the status is 2xx), calls `silence`, and says nothing
    DRIP_HEADERS = auto()  # one letter of a header after the other, for ever
    DRIP_BODY = auto()  # one byte after the other, for ever
    RESET = auto()  # takes the request, keeps it, and resets the connection
    CUT = auto()  # promises more of the body than it sends
    NOISE = auto()  # answers with something that is not HTTP


@dataclass(frozen=True)
class Answer:
    """One answer. A body that is no bytes or text goes out as JSON. `after` seconds pass first."""

    status: int = 200
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    mood: Mood = Mood.PLAIN
    after: float = 0.0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    @property
    def content_type(self) -> str:
        return "text/html" if isinstance(self.body, bytes | str) else "application/json"


LOGIN_PAGE = Answer(200, "<!DOCTYPE html><html><title>ログイン</title><form>…</form></html>")
FLOOD = Answer(200, b"x" * 10_000_000)


def gzip_bomb(megabytes: int = 10) -> Answer:
    """Some kilobytes that unpack to so many megabytes."""
    return Answer(200, gzip.compress(bytes(megabytes * 1_000_000)), {"content-encoding": "gzip"})


@dataclass(frozen=True)
class Seen:
    """A request as it came. Header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        """By what a repeat is known: the header of Mastodon, of Standard Webhooks or of LINE."""
        names = ("idempotency-key", "webhook-id", "x-line-retry-key")
        return next((self.headers[name] for name in names if name in self.headers), "")


class Receiver:
    """The server. `url` is its address without a path; `context` makes it speak TLS."""

    def __init__(self, *, context: ssl.SSLContext | None = None, drops_repeats: bool = True) -> None:
        self.script: list[Answer | tuple[Any, ...]] = []
        self.default: Answer | tuple[Any, ...] = Answer(200, {})
        self.requests: list[Seen] = []
        self.kept: list[Seen] = []
        self.routes: dict[str, Answer] = {}
        self.aside: list[Seen] = []
        self.key: Callable[[Seen], str] = lambda seen: seen.key
        self.silence: Callable[[], object] = lambda: None
        self.drops_repeats = drops_repeats
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._first: dict[str, Answer] = {}
        self._server = _Server(self, context)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def wait_for(self, count: int, *, within: float = 30.0) -> list[Seen]:
        """Wait until so many requests came; give back all that did."""
        end = time.monotonic() + within
        while len(self.requests) < count and time.monotonic() < end:
            time.sleep(0.005)
        return list(self.requests)

    def answer(self, seen: Seen) -> Answer:
        """Note a request and choose its answer, as one step: threads may knock at the same time."""
        with self._lock:
            route = self.routes.get(f"{seen.method} {seen.path}")
            if route is not None:
                self.aside.append(seen)
                return route
            self.requests.append(seen)
            chosen = self.script.pop(0) if self.script else self.default
            answer = chosen if isinstance(chosen, Answer) else Answer(*chosen)
            if not 200 <= answer.status < 300:
                return answer
            key = self.key(seen)
            if self.drops_repeats and key and key in self._first:
                first = self._first[key]
                return Answer(first.status, first.body, first.headers, answer.mood, answer.after)
            self._first[key] = answer
            self.kept.append(seen)
            return answer


class _Server(LossyServer):
    request_queue_size = 1024

    def __init__(self, receiver: Receiver, context: ssl.SSLContext | None) -> None:
        self.receiver = receiver
        self.context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the request's own thread: a bad client must not stop the others."""
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()


class _Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _take(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # whoever sent it is gone: no server takes half a request for a whole one
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.receiver.answer(Seen(self.command, self.path, headers, body, time.monotonic()))
        self.server.receiver.closing.wait(answer.after)
        _MOODS[answer.mood](self, answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _take  # noqa: N815 - named by the base class

    def plain(self, answer: Answer) -> None:
        self._head(answer, len(answer.content))
        if answer.status != 204:
            self.wfile.write(answer.content)

    def hang(self, answer: Answer) -> None:
        self.server.receiver.silence()
        self.server.receiver.closing.wait(60)
        self.close_connection = True

    def drip_headers(self, answer: Answer) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-long: ")
        while not self.server.receiver.closing.wait(0.05):
            self.wfile.write(b"a")
        self.close_connection = True

    def drip_body(self, answer: Answer) -> None:
        self._head(answer, 1_000_000)
        while not self.server.receiver.closing.wait(0.05):
            self.wfile.write(b" ")
        self.close_connection = True

    def reset(self, answer: Answer) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def cut(self, answer: Answer) -> None:
        self._head(answer, len(answer.content) + 100)
        self.wfile.write(answer.content)
        self.close_connection = True

    def noise(self, answer: Answer) -> None:
        self.wfile.write(b"\x00\x15\xff no HTTP here\r\n\r\n")
        self.close_connection = True

    def _head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        if answer.status != 204:
            headers = {"content-type": answer.content_type, "content-length": str(length)}
            for name, value in (headers | dict(answer.headers)).items():
                self.send_header(name, value)
        self.end_headers()


_MOODS = {
    Mood.PLAIN: _Handler.plain,
    Mood.HANG: _Handler.hang,
    Mood.DRIP_HEADERS: _Handler.drip_headers,
    Mood.DRIP_BODY: _Handler.drip_body,
    Mood.RESET: _Handler.reset,
    Mood.CUT: _Handler.cut,
    Mood.NOISE: _Handler.noise,
}
