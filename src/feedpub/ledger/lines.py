"""The lines of an export: JSON objects, one a line, each an `is` that says what it tells of (docs/schema.md).

Frozen and strict: what is written is what is read, and a line that is not exactly as it should be is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from feedpub.model import Action, Article, Category, Comment, Notice, State

VERSION = 1
"""Of the format; raised when a feedpub of before could not read it."""

Name = tuple[str | int, ...]
"""What something is, and what it is known by."""

_STRICT = ConfigDict(extra="forbid", strict=True)
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Small = Annotated[int, Field(ge=0, lt=2**31)]
_Name = Annotated[str, Field(min_length=1)]


class Line(BaseModel):
    """What every line is like."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    def known_by(self) -> tuple[Name, ...]:
        """What it tells of, by names that no other line may tell of."""
        return ()

    def names(self) -> tuple[Name, ...]:
        """What it speaks of, that a line above must tell of."""
        return ()


class Header(Line):
    """The first: whose export it is, and how far its counters had come."""

    feedpub: Literal["export"] = "export"
    version: Literal[1] = 1
    site: str
    made_at: AwareDatetime
    changes: _Count
    places: _Count


class StoreLine(Line):
    """A store, and where its polling stands."""

    is_: Literal["store"] = Field(default="store", alias="is")
    name: _Name
    cursor: str | None
    kind: str | None
    phase: Literal["baseline", "adopting", "put back", "live"]
    news_since: AwareDatetime | None
    polled_at: AwareDatetime | None
    rechecked_at: AwareDatetime | None
    censused_at: AwareDatetime | None
    cleaner: str | None

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("store", self.name),)


@dataclass(frozen=True, slots=True)
class _Category(Category):
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


class CategoryLine(Line):
    """A category of a store."""

    is_: Literal["category"] = Field(default="category", alias="is")
    category: _Category

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("category", self.category.store, self.category.key),)

    def names(self) -> tuple[Name, ...]:
        """Tell."""
        return (("store", self.category.store),)


class TermLine(Line):
    """What people call a tag or an author."""

    is_: Literal["term"] = Field(default="term", alias="is")
    term: _Name
    name: str

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("term", self.term),)


@dataclass(frozen=True, slots=True)
class _Article(Article):
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


class Left(Line):
    """Since when an article is in no feed any more, and the terms it was found by: feeds tell so for a while."""

    at: AwareDatetime
    terms: tuple[_Name, ...]


class ArticleLine(Line):
    """An article as it was last cleaned, and the marks that it is known by."""

    is_: Literal["article"] = Field(default="article", alias="is")
    article: _Article
    fingerprint: str
    headline: str
    revision: _Small
    state: Literal["waiting", "live", "withdrawn"]
    gone: Literal[-1, 0, 1, 2, 3]
    place: _Count
    comments: _Small
    recount_at: AwareDatetime | None
    withdrawn_at: AwareDatetime | None
    left: Left | None

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        place: tuple[Name, ...] = (("place", self.place),) if self.place else ()
        return (("article", self.article.store, self.article.id), ("guid", self.article.guid), *place)

    def names(self) -> tuple[Name, ...]:
        """Tell."""
        return (("store", self.article.store),)


@dataclass(frozen=True, slots=True)
class _Comment(Comment):
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


class CommentLine(Line):
    """A reader's comment."""

    is_: Literal["comment"] = Field(default="comment", alias="is")
    comment: _Comment

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("comment", self.comment.store, self.comment.id),)

    def names(self) -> tuple[Name, ...]:
        """Tell."""
        return (("store", self.comment.store),)


class QuarantineLine(Line):
    """A row of a store that is kept out."""

    is_: Literal["quarantine"] = Field(default="quarantine", alias="is")
    store: _Name
    id: str
    fingerprint: str
    reason: str
    stage: Literal["clean", "render"]
    at: AwareDatetime

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("quarantine of", self.store, self.id),)

    def names(self) -> tuple[Name, ...]:
        """Tell."""
        return (("store", self.store),)


class FeedLine(Line):
    """A feed, and whom it stands for."""

    is_: Literal["feed"] = Field(default="feed", alias="is")
    address: _Name
    kind: _Name
    wish: str
    owner: tuple[str, ...]
    sources: tuple[_Name, ...]
    skips: tuple[_Name, ...]
    files: tuple[_Name, ...]
    version: _Count
    etag: str

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("feed", self.address),)


class PartLine(Line):
    """A sealed part of a feed's archive."""

    is_: Literal["part"] = Field(default="part", alias="is")
    feed: _Name
    number: Annotated[int, Field(ge=1, lt=2**31)]
    first: _Count
    last: _Count

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("part", self.feed, self.number),)

    def names(self) -> tuple[Name, ...]:
        """Tell."""
        return (("feed", self.feed),)


class FormerLine(Line):
    """An address that a feed once had."""

    is_: Literal["former"] = Field(default="former", alias="is")
    address: _Name
    wish: str
    owner: tuple[str, ...]
    etag: str

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("former address", self.address),)


class TargetLine(Line):
    """A target that feedpub has met. What it remembers is left out: it may hold tokens."""

    is_: Literal["target"] = Field(default="target", alias="is")
    name: _Name
    kind: _Name
    paused: str

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("target", self.name),)


class SpentLine(Line):
    """What a target spent in a month, in millionths."""

    is_: Literal["spent"] = Field(default="spent", alias="is")
    target: _Name
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    amount: Annotated[int, Field(ge=-(2**63), lt=2**63)]

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("month of", self.target, self.month),)


@dataclass(frozen=True, slots=True)
class _Notice(Notice):
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


class Try(Line):
    """One try of a delivery, as the journal has it."""

    fence: _Small
    action: Action
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    outcome: str
    detail: str


class DeliveryLine(Line):
    """The duty to keep a target true to an article, by its guid, or to a feed; with its latest tries."""

    is_: Literal["delivery"] = Field(default="delivery", alias="is")
    target: _Name
    article: str | None
    feed: str | None
    state: State
    wanted: _Small | None
    said: _Small | None
    due_at: AwareDatetime | None
    held_by: str
    reason: str
    attempts: _Small
    fence: _Small
    retractions: _Small
    lease_until: AwareDatetime | None
    frozen: _Notice | None
    doubt_since: AwareDatetime | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    said_at: AwareDatetime | None
    remote_id: str
    remote_url: str
    also: tuple[str, ...]
    words: str
    tries: tuple[Try, ...]

    def known_by(self) -> tuple[Name, ...]:
        """Tell."""
        return (("delivery of", self.target, self.article or self.feed or ""),)

    def names(self) -> tuple[Name, ...]:
        """Tell."""
        return () if self.article is None else (("guid", self.article),)


class EndLine(Line):
    """The last: how many lines there are with it, so that nobody takes a part for the whole."""

    is_: Literal["end"] = Field(default="end", alias="is")
    lines: _Count


AnyLine = Annotated[
    StoreLine
    | CategoryLine
    | TermLine
    | ArticleLine
    | CommentLine
    | QuarantineLine
    | FeedLine
    | PartLine
    | FormerLine
    | TargetLine
    | SpentLine
    | DeliveryLine
    | EndLine,
    Field(discriminator="is_"),
]
"""Every kind of line but the first, in the order in which they stand: what is named stands before what names it."""

KINDS: tuple[str, ...] = tuple(kind.model_fields["is_"].default for kind in get_args(get_args(AnyLine)[0]))
"""What their `is` says, in the same order."""

_lines: TypeAdapter[AnyLine] = TypeAdapter(AnyLine)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def written(line: Line) -> str:
    """Write a line, without its end."""
    return line.model_dump_json(by_alias=True)


def header_of(raw: bytes) -> Header:
    """Read the first line. Raises ValueError with what is wrong, in words."""
    version = _version(raw)
    if version > VERSION:
        raise ValueError(
            f"an export of version {version}, which this feedpub does not know (it reads {VERSION}): "
            "import it with the feedpub that wrote it, or a later one"
        )
    try:
        return Header.model_validate_json(raw)
    except ValidationError as error:
        raise ValueError(_wrong(error, "feedpub")) from None


def _version(raw: bytes) -> int:
    try:
        said = json.loads(raw).get("version")
    except (ValueError, AttributeError, RecursionError):
        return VERSION
    return said if isinstance(said, int) else VERSION


def line_of(raw: bytes) -> AnyLine:
    """Read any other line. Raises ValueError with what is wrong, in words."""
    try:
        line = _lines.validate_json(raw)
    except ValidationError as error:
        raise ValueError(_wrong(error)) from None
    if b"\\u0000" in raw and _NUL.search(raw):
        raise ValueError("it holds the character NUL (\\u0000), which no database can keep")
    return line


# ---------------------------------------------------------------- what is wrong with a line, in words

_GRAVE = ("json_invalid", "extra_forbidden", "unexpected_keyword_argument")


def _wrong(error: ValidationError, what: str = "") -> str:
    """Say the first thing that is wrong, without the value."""
    return _sentence(min(error.errors(include_input=False, include_url=False), key=_weight), what)


def _weight(detail: ErrorDetails) -> int:
    """A key that is not known is told before one that lacks: often it is that one, misspelt."""
    return _GRAVE.index(detail["type"]) if detail["type"] in _GRAVE else len(_GRAVE)


def _sentence(detail: ErrorDetails, what: str) -> str:
    trail = [*([what] if what else []), *map(str, detail["loc"])]
    key, of = ".".join(trail[1:]), f'a line of "{trail[0] if trail else ""}"'
    match detail["type"]:
        case "json_invalid":
            return "not valid JSON in UTF-8"
        case "union_tag_not_found" | "model_type" | "model_attributes_type" | "dict_type":
            return 'one object { … } is needed on each line, with the key "is"'
        case "union_tag_invalid":
            return f'its "is" is none of {", ".join(KINDS)}'
        case "missing":
            return f'{of} needs the key "{key}"'
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f'"{key}" is not a key of {of}'
    return f'"{key}" of {of}: {detail["msg"][:1].lower()}{detail["msg"][1:]}'
