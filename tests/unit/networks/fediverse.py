"""Conversations carried out by hand: what they ask for, and what they remember meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from feedpub.model import (
    Action,
    Context,
    Conversation,
    FetchImage,
    Image,
    Notice,
    Outcome,
    Picture,
    Remember,
    Reply,
    Request,
)

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
LINK = "https://example.org/2026/04/f35b?a=1&b=2"
IMAGE = Image("https://example.org/mogami.jpg", "岸壁の護衛艦「もがみ」", "海上自衛隊", "CC BY 4.0")
PHOTO = Picture(b"\xff\xd8\xff" + bytes(range(256)), "image/jpeg", 800, 600)
NOTICE = Notice(
    "news", Action.ANNOUNCE, "1", "g", 1, "msg_1", NOW, f"海自の新型艦「もがみ」\n{LINK}", LINK, language="ja"
)


@dataclass
class Talk:
    """One conversation: everything it asked for, and the memory it left behind."""

    memory: dict[str, str] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    wanted: list[FetchImage] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def paths(self) -> list[str]:
        return [f"{one.method} /{one.url.split('/', 3)[3]}" for one in self.asked]

    def body(self, number: int = -1) -> Any:
        return json.loads(self.asked[number].body)


def talk(conversation: Conversation | None, *answers: Reply | Picture | None, memory: Mapping[str, str] = {}) -> Talk:
    """Answer each request and each wish for a picture with the next answer, until the end or until none is left."""
    assert conversation is not None
    said, waiting = Talk(dict(memory)), list(answers)
    answer: Reply | Picture | None = None
    while True:
        try:
            step = conversation.send(answer)
        except StopIteration as end:
            assert not waiting
            said.outcome = end.value
            return said
        answer = None
        if isinstance(step, Remember):
            said.memory[step.key] = step.value
            said.noted.append(step.key)
            said.memory = {key: value for key, value in said.memory.items() if value}
            continue
        assert isinstance(step, Request | FetchImage)
        (said.asked if isinstance(step, Request) else said.wanted).append(step)  # type: ignore[arg-type]  # each to its own
        if not waiting:
            return said  # the process ends here
        answer = waiting.pop(0)


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def context(memory: Mapping[str, str] = {}, *, now: datetime = NOW, doubted: bool = False) -> Context:
    return Context(now, dict(memory), doubted)


def noticed(text: str = NOTICE.text, **changes: Any) -> Notice:
    return replace(NOTICE, text=text, **changes)
