"""A conversation carried out by hand: the next answer for each request, and all that was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from feedpub.model import (
    Action,
    Context,
    Conversation,
    FetchImage,
    Notice,
    Outcome,
    Picture,
    Remember,
    Reply,
    Request,
    Span,
)

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
CANARY = "kanaria7f3b9c1d5e"
LINK = "https://example.jp/2026/04/mogami?a=1&b=2"
PICTURE = Picture(b"\xff\xd8 a picture \xff\xd9", "image/jpeg", 640, 480)


def notice(headline: str = "海自の新型護衛艦", *, tags: tuple[str, ...] = (), link: str = LINK, **more: Any) -> Notice:
    """A notice as it is composed: a headline, its link, its hashtags, and where those stand."""
    text, spans = headline, list[Span]()
    for kind, shown, value in [("link", link, link)] * bool(link) + [("tag", f"#{tag}", tag) for tag in tags]:
        text += "\n"
        spans.append(Span(len(text), len(text) + len(shown), kind, value))  # type: ignore[arg-type]  # one of the two
        text += shown
    fields: dict[str, Any] = {"action": Action.ANNOUNCE, "key": "msg_1", "spans": tuple(spans)}
    return Notice(target="news", article="1", guid="g", revision=1, at=NOW, text=text, link=link, **(fields | more))


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    """An answer; a body that is no bytes goes out as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


@dataclass
class Talk:
    """What was asked for, in order, and how it ended."""

    outcome: Outcome
    asked: list[Request] = field(default_factory=list)
    images: list[FetchImage] = field(default_factory=list)
    remembered: dict[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> Any:
        """What the last request says."""
        return json.loads(self.asked[-1].body)


def talk(conversation: Conversation, *answers: Reply, picture: Picture | None = PICTURE) -> Talk:
    """Carry it out; every answer must be asked for."""
    told, waiting = Talk(Reply(0)), list(answers)  # type: ignore[arg-type]  # until it ended
    given: Reply | Picture | None = None
    while True:
        try:
            step = conversation.send(given)
        except StopIteration as end:
            assert not waiting, "it ended before all was asked"
            told.outcome = end.value
            return told
        given = None
        if isinstance(step, Request):
            told.asked.append(step)
            given = waiting.pop(0)
        elif isinstance(step, FetchImage):
            told.images.append(step)
            given = picture
        else:
            assert isinstance(step, Remember)
            told.remembered[step.key] = step.value


def context(memory: Mapping[str, str] | None = None, now: datetime = NOW) -> Context:
    """What a conversation may know."""
    return Context(now, dict(memory or {}))


def carried_out(conversation: Conversation, *answers: Reply) -> tuple[list[Request], dict[str, str], Outcome]:
    """Carry out one that asks for no picture: what was asked, what is remembered, and how it ended."""
    told = talk(conversation, *answers)
    assert not told.images
    return told.asked, told.remembered, told.outcome
