"""What answers have in common, at both addresses: their guards, a sentence as plain text, and the sign of life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from feedpub.feeds.pages import POLICY

GUARDS: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": POLICY}
_PLAIN: Final = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, ready to be sent but for what the connection adds: the date, and whether it goes on."""

    status: int
    head: bytes
    """The status line and the headers, each with its line end."""
    body: bytes = b""
    """Whatever was asked by HEAD, it is left out by who sends it."""


def reply(status: int, headers: Mapping[str, str], body: bytes = b"") -> Reply:
    """Make an answer; its length is told wherever there could be a body."""
    told = {} if status in _BODILESS else {"Content-Length": str(len(body))}
    return Reply(status, head(status, [*headers.items(), *told.items()]), body)


def head(status: int, headers: list[tuple[str, str]]) -> bytes:
    """Write a status line and headers; whoever names them sees to it that no value holds a line end."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers), ""]
    return "\r\n".join(lines).encode("latin-1")


def told(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Say one line."""
    return reply(status, GUARDS | _PLAIN | dict(headers or {}), f"{text}\n".encode())


def sentence(status: int, text: str) -> Response:
    """Say one line, as an ASGI application does."""
    return PlainTextResponse(text + "\n", status, headers=GUARDS | {"Cache-Control": "no-store"})


async def live(_: Request) -> Response:
    """Answer without a thread or a disk: it speaks for the server alone."""
    return sentence(200, "ok")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
