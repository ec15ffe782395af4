"""What every network shares: the options of a target, and the reading of an answer.

A network translates a notice into HTTP requests and an answer into an outcome; it never sends. Its methods
are conversations: generators that yield `Request` (or `Remember`, `Show`) and are sent the `Reply`.
A new network is one file here and one name in the union in `networks/__init__.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from feedpub.model import Context, Conversation, Duration, Measure, Notice


class Network(BaseModel):
    """A target: the rules every target has. A subclass adds its network's own options and its words.

    `name` is the table's name in the config (`[targets.NAME]`), put there by settings.py, never an option.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # What the network is: stated by each subclass, not by the admin.
    dedupe_for: ClassVar[timedelta] = timedelta(0)
    """How long the network drops a repeat of the same key."""
    can: ClassVar[frozenset[str]] = frozenset()
    """Which of `correct`, `retract` and `find` it can do besides `announce`."""
    writes_json: ClassVar[bool] = False
    """Whether `template` makes a JSON body instead of a text to be fitted."""
    docs: ClassVar[str] = ""
    """Where the network documents its contract."""

    name: str = ""
    kind: str
    template: str = Field(default="{{ headline }}\n{{ url }}", description="the notice, a Jinja2 template")
    categories: tuple[str, ...] = Field(default=(), description="only these: names or slugs, children included")
    delay: Duration = Field(default=timedelta(0), description="grace after an article is first seen")
    every: Duration = Field(default=timedelta(0), description="at most one notice in this time")
    max_age: Duration = Field(default=timedelta(days=2), description="an older article is no longer announced")
    flood_limit: int = Field(default=20, ge=1, description="more new articles than this in one poll are held")
    announce_backlog: bool = Field(default=False, description="announce what was known before this target was")
    on_doubt: Literal["stop", "resend"] = Field(default="stop", description="if nobody knows whether it was said")
    correct_by: Literal["edit", "ignore"] = Field(
        default="edit", alias="correct", description="what an edited headline or address does to the post"
    )
    correct_within: Duration = Field(default=timedelta(days=2), description="later edits leave the post as it is")
    retract_after: Duration = Field(default=timedelta(hours=1), description="when a withdrawn article's post goes")
    allow_private: bool = Field(default=False, description="allow private and loopback addresses")
    timeout: Duration = Field(default=timedelta(seconds=20), description="the time one conversation may take")

    def measure(self, text: str) -> Measure:
        """Count a text as this network counts."""
        raise NotImplementedError

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Say it. Ends in Said, Again, Refused or Doubt."""
        raise NotImplementedError

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit what stands at `notice.remote_id`; saying the same twice must be harmless."""
        raise NotImplementedError

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete what stands at `notice.remote_id`; already gone is Said."""
        raise NotImplementedError

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look whether it was said: Said(id, url) or Absent."""
        raise NotImplementedError
