"""What a store is: two questions, "what changed since?" and, slowly, "which ids are there?".

A new store is one file here and one name in the union in `stores/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from feedpub.cadence import Cadence, parse_cadence
from feedpub.model import Batch, Census, Duration

if TYPE_CHECKING:
    from feedpub.http import Door

Poll = Annotated[Cadence, BeforeValidator(parse_cadence), PlainSerializer(str)]


@dataclass(frozen=True, slots=True)
class Home:
    """What a store may know of us: below which address our feeds stand, and in which zone naive dates are meant."""

    base_url: str
    zone: ZoneInfo


class Store(Protocol):
    """An opened store. Its methods block, and raise StoreError with one clear sentence."""

    def changes(self, cursor: str | None) -> Batch:
        """Everything that changed since `cursor` (None: from the beginning), oldest change first, bounded.

        At least once: a row may come again, never too seldom. Comments come with their articles or after them; one
        on an article that is not known is to be kept: it does not come again when the article does. The caller
        keeps `Batch.cursor` only together with the batch's articles, in one transaction.
        """
        ...

    def census(self, ids: Sequence[str] | None) -> Census:
        """Which of `ids` (None: of all) are public now."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class StoreOptions(BaseModel):
    """The options every store has. A subclass adds its own, and knows how to open.

    `name` is the table's name in the config (`[stores.NAME]`), put there by settings.py, never an option.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    had_readers: ClassVar[bool] = True
    """Whether what it holds at the first poll may be known to readers already, and so is no news."""

    name: str = ""
    kind: str
    poll: Poll = Field(default=Cadence(every=timedelta(minutes=3)), description='how often: "3m", or a cron line')
    withdraw_limit: int = Field(default=10, ge=0, description="more gone at once, and over 10 %, are held")
    recheck: Duration = Field(default=timedelta(minutes=2), description="how often articles in feeds are looked for")
    census: Duration = Field(default=timedelta(hours=6), description="how often all articles are looked for")
    skip_tags: tuple[str, ...] = Field(default=(), description="articles with one of these tags are not taken")
    replaces: str = Field(default="", description="the name it had before: it goes on as that store")

    @property
    def names_everything(self) -> bool:
        """True where `changes` itself reports every withdrawal, so that no census is needed."""
        return False

    @property
    def form(self) -> str:
        """What its ids, rows and cursors are made like: one of another form is read anew, and knows its articles."""
        return self.kind

    def open(self, door: Door, home: Home) -> Store:
        """Connect (lazily); raises StoreError."""
        raise NotImplementedError
