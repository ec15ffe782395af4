"""an application + an address -> a server in a thread of this process (the only importer of uvicorn)."""

from __future__ import annotations

import errno
import re
import socket
import threading
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from feedpub.errors import ConfigError

_NEXT_PORTS = 20


def parse_listen(text: str) -> tuple[str, int]:
    """Read `host:port` or `[IPv6]:port`; raises ValueError with the sentence to show."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:\[\]]+)):(\d{1,5})", text.strip())
    if found is None or int(found[3]) > 65535:
        raise ValueError('an address to listen on is written like "127.0.0.1:8080" or "[::]:8080"')
    return found[1] or found[2], int(found[3])


class Server:
    """One application answering at one address, in a thread of its own."""

    def __init__(self, app: ASGIApp, door: socket.socket) -> None:
        self._app = app
        self.port: int = door.getsockname()[1]
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",  # every scanner's broken request would be a warning
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=500,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=2,
                h11_max_incomplete_event_size=16 * 1024,
            )
        )
        self._thread = threading.Thread(target=self._uvicorn.run, args=([door],), name=f"web:{self.port}", daemon=True)

    @classmethod
    def start(cls, app: ASGIApp, listen: str, *, option: str = "web.listen", try_next: bool = False) -> Self:
        """Bind `listen` now and answer from then on; `try_next`: on the next free port if that one is taken.

        Raises ConfigError, naming `option`, if the address cannot be had.
        """
        server = cls(app, _bind(listen, option, _NEXT_PORTS if try_next else 0))
        server._thread.start()
        return server

    def show(self, app: ASGIApp) -> None:
        """Answer with another application from the next request on: a changed config keeps the address open."""
        self._app = app

    def stop(self, timeout: float = 4.0) -> None:
        """Take no more requests, end those under way, and return within `timeout` seconds."""
        self._uvicorn.should_exit = True
        self._thread.join(timeout)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _bind(listen: str, option: str, more: int) -> socket.socket:
    """Open the door at the wanted port, or at one of `more` ports after it if it is taken."""
    try:
        host, port = parse_listen(listen)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    for wanted in range(port, min(port + more, 65535) + 1):
        try:
            return socket.create_server((host, wanted), family=family, dualstack_ipv6=both)
        except (OSError, UnicodeError) as error:
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                raise ConfigError(f"{option}: cannot listen on {listen}: {_because(error)}") from error
    raise ConfigError(f"{option}: {listen} is taken by another program; choose another port or stop that program")


def _because(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "ports below 1024 need rights that feedpub does not have; choose a higher one"
    return "this machine has no such address"
