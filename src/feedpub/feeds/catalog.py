"""site + [feeds] options + the stores' categories -> which feeds exist, and at which addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from feedpub.model import Category, Site

RENDERER = 1
"""Raised when the same articles would give other bytes; every feed is then rebuilt once."""


class CategoryOptions(BaseModel):
    """[feeds.categories.KEY]: the key is the feed's address; matched by name or slug."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    title: str = ""


class FeedsOptions(BaseModel):
    """[feeds]: where feed files go and what they carry."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str
    output: str = "data/public"
    formats: tuple[Literal["rss", "atom"], ...] = ("rss", "atom")
    entries: int = Field(default=50, ge=1, le=1000)
    content: Literal["full", "summary"] = "full"
    categories: dict[str, CategoryOptions] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One feed: its address (`all`, `briefs`, `category/us`) and all that its bytes depend on besides articles."""

    address: str
    kind: Literal["all", "briefs", "category"]
    title: str
    sources: frozenset[tuple[str, str]]
    """(store, category key) whose articles it carries: the category and all its descendants."""


def catalog(options: FeedsOptions, site: Site, categories: Iterable[Category]) -> tuple[FeedSpec, ...]:
    """Which feeds there are."""
    raise NotImplementedError
