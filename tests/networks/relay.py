"""A relay that hands every request on and may lose the answer: a network that breaks at the worst moment."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import requests

from tests.edge.serving import LossyServer, Quiet, serving


class Relay(LossyServer):
    """Hands on to `to`. By method, `losses` tells how many of the next answers are lost after the server gave them."""

    def __init__(self, to: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.to = to
        self.losses: Counter[str] = Counter()
        self.given: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

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
    with serving(relay):
        yield relay
