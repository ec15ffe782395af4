"""HTTP servers for tests: many requests at once, and nothing printed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from socketserver import TCPServer


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
