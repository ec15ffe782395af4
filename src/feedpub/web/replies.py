"""PURE: what is answered at the public address -> a whole answer, with its guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from feedpub.feeds.pages import POLICY

GUARDS: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": POLICY}
_PLAIN: Final = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_BODILESS: Final = frozenset({204, 304})


Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, as ASGI has it, and ready to be sent."""

    status: int
    headers: Headers
    body: bytes
    """Whatever was asked by HEAD, it is left out by who sends it."""
    head: bytes
    """The status line and the headers, each with its line end."""


def reply(status: int, headers: Mapping[str, str], body: bytes = b"") -> Reply:
    """Make an answer; its length is told wherever there could be a body.

    Whoever names the headers sees to it that no value holds a line end.
    """
    length = {} if status in _BODILESS else {"Content-Length": str(len(body))}
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in {**headers, **length}.items()]
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return Reply(status, fields, body, b"".join((line, *(b"%s: %s\r\n" % field for field in fields))))


def told(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Say one line."""
    return reply(status, GUARDS | _PLAIN | dict(headers or {}), f"{text}\n".encode())
