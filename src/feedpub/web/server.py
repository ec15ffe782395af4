"""an application + an address -> a server in a thread of this process (the only importer of uvicorn).

uvicorn keeps the connections and speaks HTTP. What it leaves open is bounded here: how long a client may take to say
what it wants and to take the answer, how long what it says may be, and how many may be there at a time.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from feedpub.errors import ConfigError, place
from feedpub.web.asking import Asked
from feedpub.web.replies import Reply

log = structlog.get_logger("feedpub")

_TURN: Final = 20e-6
"""Seconds after which a thread that computes lets others go on: a request waits for that several times."""
_NEXT_PORTS: Final = 20
_BACKLOG: Final = 1024
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: forget what was not taken yet."""
_NEVER: Final = float("inf")
_REFUSALS: Final = {
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    414: "The address is too long.",
    431: "The headers are too long.",
    503: "Too many are being answered just now.",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds, how much it may say, in bytes, and how many there may be."""

    asking: float = 10.0
    """To send a whole request, from its first byte on (from the beginning, for the first one)."""
    idle: float = 5.0
    """Between an answer and the next request."""
    taking: float = 60.0
    """To take what is sent, as often as it stops taking it."""
    leaving: float = 1.0
    """To hear why nothing more is read of it."""
    line: int = 8 * 1024
    head: int = 16 * 1024
    body: int = 256 * 1024
    """Of a form. An application that says `largest_body` has its own limit."""
    connections: int = 500


class Server:
    """One application answering at one address, in a thread of its own."""

    def __init__(self, app: ASGIApp, door: socket.socket, patience: Patience) -> None:
        self._app = app
        self.port: int = door.getsockname()[1]
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                http=partial(_Line, patience, lambda: self._app),  # type: ignore[arg-type]  # it makes a protocol, as a class does
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",  # every scanner's broken request would be a warning; our faults are told by us
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=patience.idle,  # type: ignore[arg-type]  # it takes fractions as well
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(target=self._uvicorn.run, args=([door],), name=f"web:{self.port}", daemon=True)

    @classmethod
    def start(
        cls,
        app: ASGIApp,
        listen: str,
        *,
        option: str = "web.listen",
        try_next: bool = False,
        patience: Patience = Patience(),
    ) -> Self:
        """Bind `listen` now and answer from then on; `try_next`: on the next free port if that one is taken.

        Raises ConfigError, naming `option`, if the address cannot be had.
        """
        server = cls(app, _bind(listen, option, _NEXT_PORTS if try_next else 0), patience)
        sys.setswitchinterval(_TURN)
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
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            log.error("fault", what="web", error=type(error).__name__, at=place(error))
            raise  # uvicorn answers 500


class _Line(HttpToolsProtocol):
    """One connection, whose patience ends."""

    def __init__(
        self,
        patience: Patience,
        app: Callable[[], ASGIApp],
        *args: Any,  # noqa: ANN401 - uvicorn's own
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **options)
        self.url = b""
        self._patience = patience
        self._app_now = app
        self.since = 0.0
        """Since when it is waited for."""
        self._leaving = self._answered = False
        self._asking = True
        """Whether it has some time left to say what it wants."""
        self._clock: asyncio.TimerHandle | None = None
        self._deadline = _NEVER
        self._in_head = True
        self._said = 0
        """Bytes that came since a request's head began; 0 between requests, and while a body comes."""
        self._fields = 0
        """Bytes of its headers, as far as they are read."""

    # ------------------------------------------------------------ what the loop tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request; where there are too many, the one that has been idle longest gives way."""
        super().connection_made(transport)
        # uvicorn writes an answer in two pieces; the second would wait until the first one's arrival was told.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self._patience.connections and not self._make_room():
            self._refuse(503)
            return
        self._within(self._patience.asking)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._at_rest()
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it says too much before it has said what it wants."""
        if self._leaving or self.transport.is_closing():
            return
        if self._in_head:
            self._said += len(data)
        super().data_received(data)
        if self._in_head and self._said:
            self._measure(self._said - len(self.url))
            if not self._asking:
                self._asking = True
                self._within(self._patience.asking)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Who has said all may still be answered."""
        if self.is_idle:
            return None
        self.cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """It does not take all at once."""
        super().pause_writing()
        self._within(self._patience.taking)

    def resume_writing(self) -> None:
        """It took all."""
        super().resume_writing()
        self._at_rest()

    # ------------------------------------------------------------ what the parser tells

    def on_message_begin(self) -> None:
        """A request begins."""
        self.url, self.headers, self._fields, self.expect_100_continue = b"", [], 0, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count what is said."""
        self._fields += len(name) + len(value) + len(": \r\n")
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Its head is whole; only now may an answer begin."""
        self._in_head, self._said, self._asking = False, 0, False
        self._at_rest()
        self._measure(self._fields)
        more = _says_more(self.headers)
        if not self._leaving and more > getattr(self._app_now(), "largest_body", self._patience.body):
            self._refuse(413)
        if self._leaving:
            return
        if more:
            self._within(self._patience.asking)
        elif self._answers_at_once():
            self._answered = True
            return
        self._ask()

    def _ask(self) -> None:
        """Have it answered as uvicorn does, who begins a request's scope with the request."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand it on, unless nobody waits for it."""
        if not self._leaving:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """What comes now is another request."""
        self._in_head = True
        if self._answered:
            self._answered = False
            return
        self._at_rest()
        if not self._leaving:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """It may ask for more."""
        self.since = self.loop.time()
        super().on_response_complete()

    # ------------------------------------------------------------ answers that are ready

    def _answers_at_once(self) -> bool:
        """Send what the application has ready (`at_once`), in one piece; false: it is asked as ASGI does.

        That way takes a task and a dozen objects for each answer, and twice the time.
        """
        at_once = getattr(self._app_now(), "at_once", None)
        busy = self.pipeline or not self.is_idle or self.flow.write_paused
        if at_once is None or busy or not self.url.startswith(b"/"):
            return False
        method = self.parser.get_method().decode("ascii")
        reply: Reply | None = at_once(Asked.by(method, self.url, self.headers))
        if reply is None:
            return False
        keep = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        dated = [b"%s: %s\r\n" % header for header in self.server_state.default_headers]
        body = b"" if method == "HEAD" else reply.body
        self.transport.write(b"".join((reply.head, *dated, b"\r\n" if keep else b"connection: close\r\n\r\n", body)))
        if keep:
            self._within(self._patience.idle)
        else:
            self.transport.close()
        return True

    # ------------------------------------------------------------ patience

    def _measure(self, head: int) -> None:
        """Refuse what is too long."""
        if self._leaving or self.transport.is_closing():
            return
        if len(self.url) > self._patience.line:
            self._refuse(414)
        elif head > self._patience.head:
            self._refuse(431)

    def _within(self, seconds: float) -> None:
        self.since = self.loop.time()
        self._deadline = self.since + seconds
        if self._clock is not None and self._clock.when() > self._deadline:
            self._clock.cancel()
            self._clock = None
        if self._clock is None:
            self._clock = self.loop.call_at(self._deadline, self._look)

    def _at_rest(self) -> None:
        # The clock is left alone: to set it anew for each of many requests takes longer than to look once in vain.
        self._deadline = _NEVER

    def _look(self) -> None:
        self._clock = None
        if self._deadline <= self.loop.time():
            self._late()
        elif self._deadline < _NEVER:
            self._clock = self.loop.call_at(self._deadline, self._look)

    def _late(self) -> None:
        """Who is in the middle of a request hears so, others are cut."""
        if self._said:
            self._refuse(408)
        else:
            self.cut()

    def _make_room(self) -> bool:
        waiting = [one for one in self.connections if one is not self and isinstance(one, _Line) and one.is_idle]
        for one in sorted(waiting, key=lambda one: one.since)[:1]:
            one.cut()
            self.connections.discard(one)
        return bool(waiting)

    def cut(self) -> None:
        """Hang up; what it did not take is not kept for it either."""
        with suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered on it."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, status: int) -> None:
        """Say why, and hear nothing more; what still comes is thrown away, so that the answer is not lost with it."""
        self._leaving = True
        text = f"{_REFUSALS[status]}\n".encode()
        head = f"HTTP/1.1 {status} \r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
        with suppress(OSError):
            self.transport.write(head.encode() + b"Connection: close\r\n\r\n" + text)
            self.transport.write_eof()
        self._said = 0
        self._within(self._patience.leaving)


def _says_more(headers: Sequence[tuple[bytes, bytes]]) -> float:
    """How many bytes follow the head; 1 for a body of unsaid length, which is measured as it is read."""
    said = dict(headers)
    if b"transfer-encoding" in said:
        return 1
    length = said.get(b"content-length", b"0")
    return int(length) if length.isdigit() else float("inf")


def parse_listen(text: str) -> tuple[str, int]:
    """Read `host:port` or `[IPv6]:port`; raises ValueError with the sentence to show."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:\[\]]+)):(\d{1,5})", text.strip())
    if found is None or int(found[3]) > 65535:
        raise ValueError('an address to listen on is written like "127.0.0.1:8080" or "[::]:8080"')
    return found[1] or found[2], int(found[3])


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
            return socket.create_server((host, wanted), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
        except (OSError, UnicodeError) as error:
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                raise ConfigError(f"{option}: cannot listen on {listen}: {_because(error)}") from error
    raise ConfigError(f"{option}: {listen} is taken by another program; choose another port or stop that program")


def _because(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "ports below 1024 need rights that feedpub does not have; choose a higher one"
    return "this machine has no such address"
