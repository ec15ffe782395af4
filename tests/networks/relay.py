"""A relay that hands every request on and may lose the answer: a network that breaks at the worst moment."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class Relay(ThreadingHTTPServer):
    """Hands on to `to`. By method, `losses` tells how many of the next answers are lost after the server gave them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, to: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.to = to
        self.losses: Counter[str] = Counter()
        self.given: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked has left, or was left."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Keep the tests' output to the tests."""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        answer = requests.request(self.command, self.server.to + self.path, data=body, headers=kept, timeout=30)
        self.server.given.append(answer.status_code)
        if self.server.losses[self.command] > 0:
            self.server.losses[self.command] -= 1
            # A reset, not a proper end: what a killed process or a broken line leaves.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers.get("content-type", "application/json"))
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = _hand_on  # noqa: N815 - named by the base class


@contextmanager
def relayed(to: str) -> Iterator[Relay]:
    """Stand between us and a server."""
    relay = Relay(to)
    thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield relay
    relay.shutdown()
    relay.server_close()
    thread.join(5)
