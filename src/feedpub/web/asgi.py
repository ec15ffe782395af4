"""a request + an ASGI application -> its whole answer. Nothing is streamed: pages for admins are short."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import structlog
from starlette.types import ASGIApp, Message

from feedpub.errors import place
from feedpub.web.heads import Asked
from feedpub.web.replies import Reply, head, told

log = structlog.get_logger("feedpub")

Address = tuple[str, int] | None


async def converse(app: ASGIApp, asked: Asked, body: bytes, client: Address, server: Address) -> Reply:
    """Have an application answer; one that fails is told, and answers 500."""
    events = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(_scope(asked, client, server), receive, send)
        return _reply(sent)
    except Exception as error:  # noqa: BLE001 - one page's fault must not end the server
        log.error("fault", what="web", error=type(error).__name__, at=place(error))
        return told(500, "This cannot be shown: see the log, and please report it.")


def _scope(asked: Asked, client: Address, server: Address) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": asked.version,
        "method": asked.method,
        "scheme": "http",
        "path": unquote(asked.path),
        "raw_path": asked.path.encode("latin-1"),
        "query_string": asked.query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower(), value.strip(b" \t")) for name, value in asked.fields],
        "client": client,
        "server": server,
        "state": {},
    }


def _reply(sent: list[Message]) -> Reply:
    start = sent[0]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", ())]
    if start["status"] not in {204, 304} and not any(name.lower() == "content-length" for name, _ in headers):
        headers.append(("content-length", str(len(body))))
    return Reply(start["status"], head(start["status"], headers), body)
