"""Conversations with real servers, carried out as feedpub does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feedpub.http import Door
from feedpub.model import Action, Context, Conversation, FetchImage, Notice, Outcome, Picture, Span

ASKED = os.environ.get("FEEDPUB_TEST_NETWORKS")
MARKS = [
    pytest.mark.networks,
    pytest.mark.skipif(not ASKED, reason="needs servers of other makes: run `make test-networks`"),
]
NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
LINK = "https://example.jp/2026/04/mogami?p=1&q=2"
HEADLINE = "海自の<b>新型</b>護衛艦「もがみ」 @room @everyone /start & #就役"
JPEG = Picture(bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9"), "image/jpeg", 1, 1)


def notice(key: str, headline: str = HEADLINE, action: Action = Action.ANNOUNCE, **more: Any) -> Notice:
    """A notice as it is frozen: a headline, and below it the link."""
    text = f"{headline}\n{LINK}"
    spans = (Span(len(headline) + 1, len(text), "link", LINK),)
    return Notice("news", action, "1", "g", 1, key, NOW, text, LINK, headline, spans=spans, **more)


@dataclass
class Talker:
    """Carries out conversations, and keeps what is to be remembered."""

    memory: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """What a conversation may know now."""
        return Context(NOW, dict(self.memory))

    def carry_out(self, conversation: Conversation) -> Outcome:
        """Talk to the end."""
        door = Door(picture=_picture)
        return door.converse(conversation, self.memory.__setitem__, timeout=timedelta(seconds=30), allow_private=True)


def _picture(_image: FetchImage, _within: timedelta) -> Picture | None:
    return JPEG
