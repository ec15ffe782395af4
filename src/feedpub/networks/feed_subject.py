"""What the networks share that are told of feeds instead of articles: hubs and ping services."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import ClassVar, Literal, NoReturn

from pydantic import Field, ValidationInfo, field_validator

from feedpub.model import Context, Conversation, Duration, Notice
from feedpub.networks.base import Network

FOREVER = timedelta(days=36_500)
"""Longer than anybody waits."""

_OF_ARTICLES = (
    "template",
    "prefix",
    "hashtags",
    "by_category",
    "link_params",
    "image",
    "categories",
    "tags",
    "skip_tags",
    "authors",
    "takes",
    "when",
    "quiet",
    "max_per_hour",
    "max_per_day",
    "max_age",
    "flood_limit",
    "announce_backlog",
    "on_doubt",
    "correct_by",
    "correct_within",
    "retract_after",
)
_ADDRESS = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


class FeedNetwork(Network):
    """A target that is told when a feed has changed: what it does then, it does with the feed as it finds it.

    To tell it twice is harmless, and no news of a feed is ever too old: nothing stays in doubt, no request `says`
    anything that could stand there twice, and every change is a correction of what was told before.
    """

    subject: ClassVar[Literal["article", "feed"]] = "feed"
    dedupe_for: ClassVar[timedelta] = FOREVER
    can: ClassVar[frozenset[str]] = frozenset({"correct"})
    lacks: ClassVar[frozenset[str]] = frozenset(_OF_ARTICLES)

    feeds: tuple[str, ...] = Field(default=(), description="only these, by address without ending, such as all")
    delay: Duration = Field(default=timedelta(0), description="grace after a feed has changed")
    max_age: Duration = Field(default=FOREVER, description="a change is told however long ago it was")
    correct_within: Duration = Field(default=FOREVER, description="a feed goes on changing")

    @field_validator(*_OF_ARTICLES, mode="before")
    @classmethod
    def _of_articles(cls, _value: object, info: ValidationInfo) -> NoReturn:
        """Refuse what a config says here: a default does not come by."""
        instead = (
            'write feeds = ["category/us"] instead' if info.field_name == "categories" else "leave this option out"
        )
        raise ValueError(f"{cls.label} is told of feeds, not of articles: {instead}")

    @field_validator("feeds")
    @classmethod
    def _addresses(cls, feeds: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_ADDRESS.fullmatch, feeds)):
            raise ValueError('write the addresses of feeds without their endings, such as "all" or "category/us"')
        return feeds

    def hears(self, feed: str) -> bool:
        """Whether it is told when the feed at this address changes: every one, unless `feeds` names some."""
        return not self.feeds or feed in self.feeds

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Tell it again: the feed has changed again."""
        return self.announce(notice, context)
