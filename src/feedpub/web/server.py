"""an application + an address -> a server in a thread of this process: connections, their limits, and nothing else.

A connection brings one request after the other; each is read whole, answered whole, and only then the next one is
looked at. Whoever is slow is cut: in telling what is wanted, in taking the answer, in asking for more.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Final, Protocol, Self, TypeGuard, TypeVar, cast

import structlog
from starlette.types import ASGIApp

from feedpub.errors import ConfigError, place
from feedpub.web.asgi import Address, converse
from feedpub.web.heads import Asked, Limits, Refused, read
from feedpub.web.replies import Reply, told

log = structlog.get_logger("feedpub")

_NEXT_PORTS: Final = 20
_BACKLOG: Final = 1024
_CHUNK: Final = 64 * 1024
_READERS: Final = 4
"""Threads that wait for disks."""
_FORMS: Final = 256 * 1024
"""The largest body that an application is given, in bytes."""
_NEVER: Final = float("inf")
_REFUSALS: Final = {
    status: told(status, text)
    for status, text in {
        400: "This is no request that can be understood.",
        408: "The request did not arrive in time.",
        411: "A body is sent with its length.",
        413: "The request is too large.",
        414: "The address is too long.",
        431: "The headers are too long.",
        503: "Too many are being answered just now.",
        505: "HTTP/1.1 is spoken here.",
    }.items()
}
_FAULT: Final = told(500, "This cannot be shown: see the log, and please report it.")


class Site(Protocol):
    """An application that answers requests without a body, most of them at once."""

    def at_once(self, asked: Asked) -> Reply | None:
        """Answer without waiting for anything, or None: ask `answer`."""
        ...

    def answer(self, asked: Asked) -> Reply:
        """Answer, in a thread that may wait."""
        ...


App = Site | ASGIApp
Some = TypeVar("Some")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds, and how many there may be."""

    head: float = 10.0
    """To send a whole request, from its first byte on (from the beginning, for the first one)."""
    idle: float = 5.0
    """Between an answer and the next request."""
    sending: float = 30.0
    """To take an answer, and a second more for every `rate` bytes of it."""
    rate: int = 4096
    leaving: float = 1.0
    """To hear why nothing more is read of it."""
    connections: int = 500


class Server:
    """One application answering at one address, in a thread of its own."""

    def __init__(self, app: App, door: socket.socket, patience: Patience) -> None:
        self._app = app
        self.port: int = door.getsockname()[1]
        self._hall = _Hall(lambda: self._app, patience)
        self._thread = threading.Thread(target=self._hall.run, args=(door,), name=f"web:{self.port}", daemon=True)

    @classmethod
    def start(
        cls,
        app: App,
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
        server._thread.start()
        return server

    def show(self, app: App) -> None:
        """Answer with another application from the next request on: a changed config keeps the address open."""
        self._app = app

    def stop(self, timeout: float = 4.0) -> None:
        """Take no more requests, end those under way, and return within `timeout` seconds."""
        self._hall.close(timeout / 2)
        self._thread.join(timeout)


class _Hall:
    """The connections of one server, all in one thread."""

    def __init__(self, app: Callable[[], App], patience: Patience) -> None:
        self.app = app
        self.patience = patience
        self.lines: set[_Line] = set()
        self.arrival = memoryview(bytearray(_CHUNK))
        """Where bytes arrive, for all: they are taken out before any others come."""
        self.readers = ThreadPoolExecutor(_READERS, thread_name_prefix="web")
        self._date = (0, b"")
        self._loop = asyncio.new_event_loop()
        self._closing, self._empty = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._grace = 0.0

    def run(self, door: socket.socket) -> None:
        """Answer until it is closed."""
        try:
            self._loop.run_until_complete(self._serve(door))
        finally:
            self._loop.close()
            self.readers.shutdown(wait=False, cancel_futures=True)

    def close(self, grace: float) -> None:
        """Take no more, from any thread; who is being answered has so many seconds."""
        self._grace = grace
        with suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._closing.set)

    async def _serve(self, door: socket.socket) -> None:
        server = await self._loop.create_server(lambda: _Line(self, self._loop), sock=door, backlog=_BACKLOG)
        self.begin(self._watch())
        await self._closing.wait()
        server.close()
        for _ in range(3):
            await asyncio.sleep(0)  # who was let in just now has a line by then
        for line in list(self.lines):
            line.end()
        if self.lines:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self._grace)
        rest = asyncio.all_tasks() - {asyncio.current_task()}  # the watch, what takes too long, and who just came
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for line in list(self.lines):
            line.cut()
        await asyncio.sleep(0)  # for the last ones to be told

    async def _watch(self) -> None:
        """Cut who is late."""
        limits = self.patience
        while True:
            await asyncio.sleep(min(1.0, limits.head / 4, limits.idle / 4, limits.sending / 4, limits.leaving / 4))
            now = self._loop.time()
            for line in [line for line in self.lines if line.deadline < now]:
                line.late()

    def admit(self, line: _Line) -> bool:
        """Take in a connection; where there are too many, the one that waited longest for nothing gives way."""
        if self._closing.is_set():
            return False
        if len(self.lines) >= self.patience.connections:
            waiting = [other for other in self.lines if other.deadline < _NEVER]
            if not waiting:
                return False
            min(waiting, key=lambda other: (other.sending, other.since)).cut()
        self.lines.add(line)
        return True

    def leave(self, line: _Line) -> None:
        """Forget a connection that ended."""
        self.lines.discard(line)
        if not self.lines and self._closing.is_set():
            self._empty.set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what takes a while."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def date(self) -> bytes:
        """The Date header, made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self._date[1]


@dataclass(eq=False, slots=True)
class _Line(asyncio.BufferedProtocol):
    """One connection."""

    hall: _Hall
    loop: asyncio.AbstractEventLoop
    deadline: float = _NEVER
    """When its patience ends; never while it is we who keep it waiting."""
    since: float = 0.0
    """Since when it is waited for."""
    sending: bool = False
    """It has not taken all of an answer yet."""
    _transport: asyncio.Transport = field(init=False)
    _arrived: bytes = b""
    _busy: bool = False
    _leaving: bool = False
    _asked: Asked | None = None
    """A request whose body is on its way."""

    # ------------------------------------------------------------ what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # to be told of all that a client has not taken
        if not self.hall.admit(self):
            self._transport.write(_REFUSALS[503].head + b"Connection: close\r\n\r\n" + _REFUSALS[503].body)
            self._transport.close()
            return
        self._wait(self.hall.patience.head)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget it."""
        self.hall.leave(self)
        self._leaving = True

    def get_buffer(self, _: int) -> memoryview:
        """Let it arrive where all does."""
        return self.hall.arrival

    def buffer_updated(self, size: int) -> None:
        """Take what arrived, unless nothing more is heard."""
        if self._leaving:
            return
        if not self._arrived and not self._busy and not self.sending:
            self._wait(self.hall.patience.head)
        self._arrived += self.hall.arrival[:size]
        self._go_on()
        if self._busy or self.sending:
            self._transport.pause_reading()  # who sends requests faster than they are answered waits

    def eof_received(self) -> bool:
        """Who has said all may still be answered."""
        if not (self._busy or self.sending):
            return False
        self._leaving = True
        return True

    def pause_writing(self) -> None:
        """It does not take all at once."""
        self.sending = True
        left, limits = self._transport.get_write_buffer_size(), self.hall.patience
        self._wait(limits.sending + left / limits.rate)

    def resume_writing(self) -> None:
        """It took all."""
        self.sending = False
        if self._leaving:
            self._transport.close()
            return
        self._wait(self.hall.patience.idle)
        self._transport.resume_reading()
        self._go_on()

    # ------------------------------------------------------------ one request after the other

    def _go_on(self) -> None:
        """Answer what has arrived whole, one by one."""
        while self._arrived and not (self._busy or self.sending or self._leaving):
            asked = self._asked or self._next()
            if asked is None:
                return
            if len(self._arrived) < asked.length:
                self._await_body(asked)
                return
            body, self._arrived, self._asked = self._arrived[: asked.length], self._arrived[asked.length :], None
            self._answer(asked, body)

    def _next(self) -> Asked | None:
        """Read the next request's head; one that cannot be is refused, and nothing more is read."""
        found = read(self._arrived, _SITE if _is_site(self.hall.app()) else _APPLICATION)
        if found is None:
            return None
        if isinstance(found, Refused):
            self._refuse(found.status)
            return None
        asked, length = found
        self._arrived = self._arrived[length:]
        return asked

    def _await_body(self, asked: Asked) -> None:
        if self._asked is None and asked.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._asked = asked

    def _answer(self, asked: Asked, body: bytes) -> None:
        """Answer at once where that can be; else hear nothing more until the answer is there."""
        app = self.hall.app()
        reply = _at_once(app, asked) if _is_site(app) else None
        if reply is not None:
            self._send(asked, reply)
            return
        self._busy, self.deadline = True, _NEVER
        self.hall.begin(self._later(app, asked, body))

    async def _later(self, app: App, asked: Asked, body: bytes) -> None:
        if _is_site(app):
            reply = await self.loop.run_in_executor(self.hall.readers, _in_time, app, asked)
        else:
            page = cast("ASGIApp", app)
            reply = await converse(page, asked, body, self._address("peername"), self._address("sockname"))
        self._busy = False
        self._send(asked, reply)
        if not (self._leaving or self.sending):
            self._transport.resume_reading()
            self._go_on()

    def _address(self, what: str) -> Address:
        said = self._transport.get_extra_info(what)
        return (said[0], said[1]) if said else None

    # ------------------------------------------------------------ answers, and the end

    def _send(self, asked: Asked, reply: Reply) -> None:
        """Send an answer; the connection goes on if both sides may."""
        if self._transport.is_closing():
            return
        keep = asked.keep and not self._leaving
        self._leaving = not keep
        self._wait(self.hall.patience.idle)
        end = b"\r\n" if keep and asked.version == "1.1" else _ENDS[keep]
        body = b"" if asked.method == "HEAD" else reply.body
        self._transport.write(b"".join((reply.head, self.hall.date(), end, body)))
        if not keep:
            self._transport.close()  # once all is sent

    def _refuse(self, status: int) -> None:
        """Say why, and hear nothing more; what still comes is thrown away, so that the answer is not lost with it."""
        self._leaving, self._arrived = True, b""
        reply = _REFUSALS[status]
        self._wait(self.hall.patience.leaving)
        self._transport.write(b"".join((reply.head, self.hall.date(), _ENDS[False], reply.body)))
        if not self.sending:
            self._transport.write_eof()

    def _wait(self, seconds: float) -> None:
        self.since = self.loop.time()
        self.deadline = self.since + seconds

    def late(self) -> None:
        """Its patience ended: who is in the middle of a request hears so, others are cut."""
        if (self._arrived or self._asked) and not (self._leaving or self.sending):
            self._refuse(408)
        else:
            self.cut()

    def end(self) -> None:
        """Finish what is being answered, and no more."""
        if not (self._busy or self.sending):
            self.cut()
        self._leaving = True

    def cut(self) -> None:
        """Hang up."""
        self.hall.leave(self)
        self._leaving = True
        self._transport.abort()


_SITE: Final = Limits()
_APPLICATION: Final = Limits(body=_FORMS)
_ENDS: Final = {True: b"Connection: keep-alive\r\n\r\n", False: b"Connection: close\r\n\r\n"}


def _is_site(app: App) -> TypeGuard[Site]:
    return hasattr(app, "at_once")


def _at_once(site: Site, asked: Asked) -> Reply | None:
    return _guarded(site.at_once, asked)


def _in_time(site: Site, asked: Asked) -> Reply:
    return _guarded(site.answer, asked)


def _guarded(ask: Callable[[Asked], Some], asked: Asked) -> Some | Reply:
    try:
        return ask(asked)
    except Exception as error:  # noqa: BLE001 - one request's fault must not end the others
        log.error("fault", what="web", error=type(error).__name__, at=place(error))
        return _FAULT


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
