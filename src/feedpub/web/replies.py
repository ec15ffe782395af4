"""What every answer has in common, at both addresses: its guards, a sentence as plain text, and the sign of life."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from feedpub.feeds.pages import POLICY

GUARDS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": POLICY}


def sentence(status: int, text: str) -> Response:
    """Say one line."""
    return PlainTextResponse(text + "\n", status, headers=GUARDS | {"Cache-Control": "no-store"})


async def live(_: Request) -> Response:
    """Answer without a thread or a disk: it speaks for the server alone."""
    return sentence(200, "ok")
