"""what a file to import says, item by item: the words that every format's reader speaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from feedpub.errors import ImportRefused
from feedpub.model import Image, RawArticle, RawComment
from feedpub.stores.taxonomy import CategoryTold


@dataclass(frozen=True, slots=True)
class ArticleTold:
    """An article with what readers say about it, without the keys of its categories.

    `picture` is the id of a `Picture` of the same import.
    """

    line: int
    article: RawArticle
    categories: tuple[CategoryTold, ...] = ()
    picture: str = ""
    comments: tuple[RawComment, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that articles refer to by its id."""

    id: str
    image: Image


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not imported by rule, and why, in a word or two."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that cannot be imported, and why; those after it can be read all the same."""

    line: int
    reason: str


Item = ArticleTold | CategoryTold | Picture | Skipped | Broken


def refusal(path: Path, line: int, reason: str) -> ImportRefused:
    """Say which line of which file is broken, and how."""
    return ImportRefused(f"{path}:{line}: {reason}")
