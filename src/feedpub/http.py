"""a conversation, or one request -> its outcome: the one guarded door to the network.

The only importer of requests. Each request has a connection of its own: a kept one may have been closed by the other
side meanwhile, and would leave a doubt where there is none. It is made by an adapter without a session, so there are no
redirects, no proxies or passwords from the environment, no cookies; requests-hardened refuses private addresses and
connects to the very address it judged.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from threading import Event, Lock
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssl_match_hostname import CertificateError

from feedpub.crew import Crew
from feedpub.errors import UnreachableError
from feedpub.model import (
    Again,
    Conversation,
    Doubt,
    FetchImage,
    Outcome,
    Picture,
    Refused,
    Remember,
    Remembering,
    Reply,
    Request,
    Show,
)

_CHUNK = 16_384
_STOPPING = "feedpub is stopping"


class MisdirectedError(UnreachableError):
    """The address is at fault, or whoever sits there is not who it should be: waiting mends nothing."""


class PrivateAddressError(MisdirectedError):
    """The address is none of the public ones, and only those were allowed."""


@dataclass(slots=True, eq=False)
class Door:
    """How we go out. One door serves all threads.

    `show` takes the texts meant for this process's own terminal, `picture` fetches the pictures that conversations hand
    on (images.py), in the time given. `trust` is a PEM file of certificate authorities to
    believe instead of the public ones.
    """

    user_agent: str = "feedpub"
    show: Callable[[str], object] = print
    picture: Callable[[FetchImage, timedelta], Picture | None] = lambda _image, _within: None
    trust: str = ""
    _contexts: dict[bool, ssl.SSLContext] = field(default_factory=dict, init=False, repr=False)
    _crew: Crew = field(default_factory=lambda: Crew("exchange"), init=False, repr=False)
    _lines: set[_Line] = field(default_factory=set, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        """Silence the libraries beneath, warnings too: their logs hold whole addresses, and ours are secrets."""
        for name, logger in list(logging.root.manager.loggerDict.items()):
            beneath = name.partition(".")[0] in {"urllib3", "requests", "requests_hardened"}
            if beneath and isinstance(logger, logging.Logger):
                logger.disabled = True
                logger.propagate = False

    def converse(
        self, conversation: Conversation, remember: Remembering, *, timeout: timedelta, allow_private: bool
    ) -> Outcome:
        """Carry out a conversation to its outcome; never raises for what the other side does.

        `timeout` bounds the whole of it. What fails before anything was sent is Again (or Refused for the target, where
        the address or its certificate is at fault); what fails later is Doubt if the request makes the notice appear.
        """
        deadline = monotonic() + timeout.total_seconds()
        reply: Reply | Picture | None = None
        while True:
            try:
                step = conversation.send(reply)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
            reply = None
            try:
                if isinstance(step, Remember):
                    remember(step.key, step.value)
                elif isinstance(step, Show):
                    self._show(step.text)
                elif isinstance(step, FetchImage):
                    reply = self.picture(step, timedelta(seconds=max(deadline - monotonic(), 0)))
                else:
                    answer = self._exchange(step, deadline, allow_private=allow_private)
                    reply = replace(answer, body=answer.body[: step.read_limit])
            except UnreachableError as error:
                conversation.close()
                return _outcome(error, says=isinstance(step, Request) and step.says)

    def fetch(self, request: Request, *, timeout: timedelta, allow_private: bool) -> Reply:
        """Carry out one request for a store, whatever the status of its answer.

        Raises UnreachableError without an answer in `timeout`, and for one larger than `read_limit`.
        """
        deadline = monotonic() + timeout.total_seconds()
        reply = self._exchange(request, deadline, allow_private=allow_private)
        if len(reply.body) > request.read_limit:
            raise UnreachableError(f"the answer is larger than {request.read_limit} bytes", sent=True)
        return reply

    @property
    def closed(self) -> bool:
        """Whether we go out no more, so that no failure says anything of the other side."""
        with self._lock:
            return self._closed

    def close(self) -> None:
        """Cut every conversation that is going on and begin no more: they end at once, as Again or Doubt."""
        with self._lock:
            self._closed = True
            lines = tuple(self._lines)
        for line in lines:
            line.cut(_STOPPING)

    def _show(self, text: str) -> None:
        try:
            self.show(text)
        except (OSError, ValueError):
            raise UnreachableError("nothing can be shown: the terminal is closed") from None

    def _exchange(self, request: Request, deadline: float, *, allow_private: bool) -> Reply:
        """Answer one request; the body may be one byte longer than its limit, as the sign that there was more.

        The work is done beside us, as a name lookup cannot be interrupted: at the deadline we cut the line and leave;
        what is left there ends by itself and can send no more.
        """
        line = _Line()
        with self._lock:
            if self._closed:
                raise UnreachableError(_STOPPING)
            self._lines.add(line)
        try:
            work = partial(self._work, line, request, deadline, allow_private=allow_private)
            self._crew.do(work)
            return line.reply(within=deadline - monotonic(), host=_host(request))
        finally:
            line.cut(_STOPPING)
            with self._lock:
                self._lines.discard(line)

    def _work(self, line: _Line, request: Request, deadline: float, *, allow_private: bool) -> None:
        try:
            line.end(self._send(line, request, max(deadline - monotonic(), 0.001), allow_private=allow_private))
        except Exception as error:  # noqa: BLE001 - whatever a library says may hold the address: none of it leaves
            line.end(_reason(error, _host(request), sent=line.sent))

    def _send(self, line: _Line, request: Request, seconds: float, *, allow_private: bool) -> Reply:
        headers = {"user-agent": self.user_agent, "accept-encoding": "identity", "connection": "close"}
        prepared = requests.Request(
            request.method, request.url, headers | dict(request.headers), data=request.body or None
        ).prepare()
        tls = request.url.lower().startswith("https:")
        context = self._context(open_=allow_private) if tls else None
        adapter = _Open(line, context) if allow_private else _Guarded(line, context, is_https_proto=tls)
        response = adapter.send(prepared, stream=True, timeout=seconds)
        try:
            body = _read(response, request.read_limit + 1)
        finally:
            response.close()
            adapter.close()
        return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)

    def _context(self, *, open_: bool) -> ssl.SSLContext:
        """Read the authorities once, not for every connection. Guarded ones need a context that is theirs alone.

        There, the name in the certificate is compared by urllib3, as the address is no name; it says so to the context.
        """
        if open_ not in self._contexts:
            context = create_urllib3_context()
            context.load_verify_locations(self.trust or DEFAULT_CA_BUNDLE_PATH)
            self._contexts[open_] = context
        return self._contexts[open_]


# ---------------------------------------------------------------- one connection, and its end


class _Line:
    """One connection: whether anything went over it, how it ended, and the means to cut it from another thread."""

    def __init__(self) -> None:
        self.sent = False
        self._lock = Lock()
        self._over = Event()
        self._handle: socket.socket | None = None
        self._end: Reply | UnreachableError = UnreachableError(_STOPPING)

    def opened(self, connection: socket.socket) -> None:
        """Keep a handle of our own on a connection: TLS takes the first one away while it shakes hands."""
        with self._lock:
            if self._over.is_set():
                connection.close()
                raise ConnectionAbortedError
            self._handle = connection.dup()

    def sending(self) -> None:
        """Note that from here on the other side may know. Nothing is sent once the line is cut."""
        with self._lock:
            if self._over.is_set():
                raise ConnectionAbortedError
            self.sent = True

    def end(self, end: Reply | UnreachableError) -> None:
        """Put down how it ended, unless somebody left already."""
        with self._lock:
            if not self._over.is_set():
                self._end = end
                self._over.set()
            if self._handle:
                self._handle.close()
                self._handle = None

    def cut(self, why: str) -> None:
        """End it now, whatever it is doing: blocked reads and writes return at once. Nothing, if it ended already."""
        with self._lock:
            if self._over.is_set():
                return
            self._end = UnreachableError(why, sent=self.sent)
            self._over.set()
            if self._handle:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # the other side was faster

    def reply(self, *, within: float, host: str) -> Reply:
        """Wait for the end, at most `within` seconds."""
        if not self._over.wait(max(within, 0)):
            self.cut(f"{host} did not answer in time")
        if isinstance(self._end, Reply):
            return self._end
        raise self._end


class _OnLine(HTTPConnection):
    """A connection that tells its line what it does."""

    def __init__(self, *args: Any, line: _Line, **options: Any) -> None:  # noqa: ANN401 - urllib3's own
        super().__init__(*args, **options)
        self._line = line

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        self._line.opened(connection)
        return connection

    def send(self, data: Any) -> None:  # noqa: ANN401 - whatever http.client sends
        if self.sock is None:
            self.connect()
        self._line.sending()
        super().send(data)


class _OnLineTls(_OnLine, HTTPSConnection):
    """The same, over TLS."""


class _Open(HTTPAdapter):
    """Goes anywhere, private addresses included. Over TLS, to whom the authorities of `context` vouch for."""

    def __init__(self, line: _Line, context: ssl.SSLContext | None, **options: bool) -> None:
        self._line = line
        self._context = context
        super().__init__(**options)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001 - requests' own
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> ConnectionPool:
        pool = cast("HTTPConnectionPool", super().get_connection_with_tls_context(request, verify, proxies, cert))
        kind = _OnLineTls if pool.scheme == "https" else _OnLine
        pool.ConnectionCls = partial(kind, line=self._line)  # type: ignore[assignment]  # it makes one all the same
        if self._context is not None:
            pool.conn_kw["ssl_context"] = self._context
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401 - requests' own
        """Demand a certificate; whom to believe, the context knows already."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]  # requests' own
        conn.ca_certs = conn.ca_cert_dir = None


class _Guarded(_Open, IPFilterAdapter):  # type: ignore[misc]  # requests-hardened is not typed
    """Goes to public addresses only."""


def _read(response: requests.Response, most: int) -> bytes:
    """Read so many bytes of the body, unpacked ones where it is packed; of a refusal whatever comes is enough."""
    body = bytearray()
    try:
        for chunk in response.raw.stream(min(_CHUNK, most), decode_content=True):
            body += chunk
            if len(body) >= most:
                break
    except (HTTPError, OSError, ValueError):
        if response.status_code < 400:
            raise
    return bytes(body[:most])


# ---------------------------------------------------------------- what went wrong, in our own words


def _outcome(error: UnreachableError, *, says: bool) -> Outcome:
    if isinstance(error, MisdirectedError):
        return Refused(str(error), "target")
    if error.sent and says:
        return Doubt(f"{error}; nobody knows whether it was posted")
    return Again(str(error))


def _host(request: Request) -> str:
    """Name the host and nothing else of an address: user, path and query may be secrets."""
    try:
        return urlsplit(request.url).hostname or "the other side"
    except ValueError:
        return "the other side"


_TROUBLES: dict[type[BaseException], str] = {
    socket.gaierror: "has no address: the name cannot be resolved",
    ConnectionRefusedError: "refuses connections",
    TimeoutError: "did not answer in time",
}


def _reason(error: Exception, host: str, *, sent: bool) -> UnreachableError:
    causes = tuple(_causes(error))

    def met(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if sent:
        # The socket's own patience ends when ours does, and may be the faster one.
        late = met(TimeoutError)
        broken = f"the connection to {host} broke before its answer was whole"
        return UnreachableError(f"{host} {_TROUBLES[TimeoutError]}" if late else broken, sent=True)
    if met(InvalidIPAddress):
        return PrivateAddressError(f"{host} has a private address; set allow_private = true if that is meant")
    if met(requests.exceptions.SSLError):
        return _distrust(causes, host)
    for kind, what in _TROUBLES.items():
        if met(kind):
            return UnreachableError(f"{host} {what}")
    if isinstance(error, ValueError):
        return MisdirectedError("the address or a header cannot be used: check how it is written in the config")
    return UnreachableError(f"{host} cannot be reached")


_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "is self-signed",
    62: "is made for another host",
    64: "is made for another host",
}


def _distrust(causes: tuple[BaseException, ...], host: str) -> UnreachableError:
    """Tell why TLS failed; only a connection lost in the middle of it is worth another try."""
    for cause in causes:
        if isinstance(cause, CertificateError):
            return MisdirectedError(f"the certificate of {host} {_FAULTS[62]}")
        if isinstance(cause, ssl.SSLCertVerificationError):
            fault = _FAULTS.get(cause.verify_code, "comes from no authority we know")
            return MisdirectedError(f"the certificate of {host} {fault}")
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return UnreachableError(f"{host} hung up before the connection was secure")
    return MisdirectedError(f"no secure connection to {host} can be made: does it speak https at this port?")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go down to what the libraries wrapped, in each of the ways they do."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
