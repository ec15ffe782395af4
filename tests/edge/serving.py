"""HTTP for tests: servers that take many requests at once and print nothing, and one request to any server."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What a server answered. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(
    address: str, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request to `host:port`, on a connection of its own."""
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        reply = connection.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def named(headers: Mapping[str, str]) -> dict[str, str]:
    """Write headers that were given as keywords: _ stands for -."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def serving(server: TCPServer) -> Iterator[str]:
    """Let a server answer; gives its address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class LossyServer(ThreadingHTTPServer):
    """One whose clients leave in the middle, or are left: it waits for none of them, and says nothing."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: that is what it is for."""


class Quiet:
    """A request handler that logs nothing; stands before the one that answers."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Keep the tests' output to the tests."""
