"""What the tests of webhooks share: a notice, and what a conversation sends for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from feedpub.model import Action, Context, Conversation, Image, Notice, Outcome, Reply, Request

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
CONTEXT = Context(NOW)
CANARY = "kanaria7f3b9c1d5e"
LINK = "https://example.org/2026/04/f35b?a=1&b=2"
IMAGE = Image("https://example.org/mogami.jpg", "護衛艦「もがみ」", "海上自衛隊", "CC BY 4.0")
NOTICE = Notice(
    "news", Action.ANNOUNCE, "1", "g", 1, "msg_1", NOW, f"海自の新型艦 @everyone\n{LINK}", LINK, "海自の新型艦"
)


def noticed(text: str, **changes: Any) -> Notice:
    return replace(NOTICE, text=text, **changes)


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def carried_out(conversation: Conversation, answer: Reply) -> tuple[Request, Outcome]:
    """Answer its only request."""
    request = next(conversation)
    assert isinstance(request, Request)
    try:
        conversation.send(answer)
    except StopIteration as end:
        return request, end.value
    raise AssertionError("one request should have been enough")


def sent(conversation: Conversation) -> Any:
    """What its only request says."""
    return json.loads(carried_out(conversation, reply(503))[0].body)
