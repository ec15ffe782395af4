"""The nouns of feedpub, frozen. Every room speaks in these; none of them touches the world."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Long before anything happened here."""

# ---------------------------------------------------------------- a length of time, as admins write it

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = 100 * 365 * 86400


def parse_duration(text: object) -> timedelta:
    """Read `90s`, `3m`, `1h30m`, `2d`, `1w` (or `0`).

    Raises ValueError with the sentence to show.
    """
    if isinstance(text, timedelta):
        return text
    said = str(text).strip().lower()
    if said == "0":
        return timedelta(0)
    if not re.fullmatch(r"(\d{1,9}[smhdw])+", said):
        raise ValueError('a duration is written like "90s", "3m", "1h30m" or "2d"')
    seconds = sum(int(n) * _UNITS[u] for n, u in re.findall(r"(\d+)([smhdw])", said))
    if seconds > _LONGEST:  # so that no date that it is added to leaves the calendar
        raise ValueError("a duration is at most a hundred years")
    return timedelta(seconds=seconds)


def show_duration(length: timedelta) -> str:
    """Write a duration as admins do: the inverse of `parse_duration` for whole seconds."""
    left = int(length.total_seconds())
    out = ""
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _UNITS[unit])
        out += f"{count}{unit}" if count else ""
    return out or "0"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(show_duration)]

# ---------------------------------------------------------------- a language, as tags name it

_LANGUAGE_TAG = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.IGNORECASE | re.ASCII,
)


def language_tag(said: str) -> str:
    """Read a well-formed tag of BCP 47 (RFC 5646 §2.1), also from a locale such as ja_JP.UTF-8; "" where it is none."""
    tag = re.split("[.@]", said.strip())[0].replace("_", "-")
    return tag if _LANGUAGE_TAG.fullmatch(tag) else ""


# ---------------------------------------------------------------- whom feeds and notices speak for


class Site(BaseModel):
    """[site] of the config. `url` ends with `/`; naive dates of its stores are meant in `timezone`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: str = Field(min_length=1, description="the site's name, as subscribers read it", examples=["航空ニュース"])
    url: str = Field(description="the site's address, absolute, http or https", examples=["https://example.jp/"])
    language: str = Field(default="en", description="BCP 47, such as ja")
    timezone: str = Field(default="UTC", description="IANA name, such as Asia/Tokyo; meant by dates without a zone")
    description: str = Field(default="", description="one sentence about the site")
    license: str = Field(default="", description="address of the licence of all content, if there is one")
    authority: str = Field(default="", description="host that made-up guids begin with; set it when the domain moves")

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if not re.match(r"https?://[^/?#\s]+", url):
            raise ValueError("an absolute address is needed, such as https://example.com/")
        return url if url.endswith("/") else url + "/"

    @field_validator("language")
    @classmethod
    def _tag(cls, language: str) -> str:
        meant = language_tag(language)
        if meant != language or not meant:
            wanted = f'write "{meant}"' if meant else 'write one such as "ja" or "en-GB"'
            raise ValueError(f"this is no BCP 47 language tag; {wanted}")
        return language

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError('not a known time zone; write an IANA name such as "Asia/Tokyo"') from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The zone of `timezone`."""
        return ZoneInfo(self.timezone)


# ---------------------------------------------------------------- what a store says


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an article. `license` is the address of the licence, or its words."""

    url: str
    alt: str = ""
    credit: str = ""
    license: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A reference of an article: its source (`via`, 参考/出典) or a related article."""

    rel: Literal["via", "related"]
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """One category of one store. `key` is the store's own id of it, stable through renames."""

    store: str
    key: str
    name: str
    slug: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class RawArticle:
    """An article as its store's row says it: nothing decided, nothing cleaned, strings may hold anything.

    `published` and `updated` are ISO 8601 (or RFC 2822) text, naive ones meant in the site's zone.
    `categories` are keys of the store's categories. `announce` is None where the author said nothing.
    """

    id: str
    guid: str = ""
    url: str = ""
    title: str = ""
    title_is_html: bool = False
    summary: str = ""
    content: str = ""
    published: str = ""
    updated: str = ""
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    links: tuple[Link, ...] = ()
    language: str = ""
    announce: bool | None = None
    notice: str = ""


@dataclass(frozen=True, slots=True)
class RawComment:
    """A reader's comment as its store's row says it: nothing cleaned. `article` and `parent` are ids of the store."""

    id: str
    article: str
    parent: str = ""
    author: str = ""
    content: str = ""
    published: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """One bounded answer to "what changed since this cursor?".

    `gone`: ids that the store says are public no more. `comments`: those that are new or changed, approved ones
    only; `comments_gone`: ids of those that are public no more. `categories`: the store's whole taxonomy, or None
    where it did not change or was not asked. `garbage`: rows that cannot even be read, with the reason.
    `cursor` is the store's own and opaque; `more` asks to be called again at once.
    """

    articles: tuple[RawArticle, ...]
    cursor: str
    more: bool = False
    gone: tuple[str, ...] = ()
    categories: tuple[Category, ...] | None = None
    garbage: tuple[Quarantined, ...] = ()
    comments: tuple[RawComment, ...] = ()
    comments_gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Census:
    """Which ids are public now. Only ids in `covers` are spoken of; None = all of the store."""

    present: frozenset[str]
    covers: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An article that cannot go out, and why, in one sentence."""

    id: str
    reason: str


# ---------------------------------------------------------------- what feedpub publishes


@dataclass(frozen=True, slots=True)
class Article:
    """A clean article: legal Unicode, safe HTML, absolute ASCII URLs, aware dates in UTC.

    `title` and `summary` are plain text, `content` is safe HTML. Without a title it is a brief (短信).
    `url` may be empty for a brief.
    """

    store: str
    id: str
    guid: str
    url: str
    title: str
    summary: str
    content: str
    published: datetime
    updated: datetime
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    links: tuple[Link, ...] = ()
    language: str = ""
    announce: bool = True
    notice: str = ""

    @property
    def brief(self) -> bool:
        """A short topic without a headline of its own."""
        return not self.title


@dataclass(frozen=True, slots=True)
class Comment:
    """A clean comment of a reader: plain text author and summary, safe HTML content; flat, its place told by `parent`.

    `article` and `parent` are ids of its store; a `url` is always there (the article's, if it has none of its own).
    """

    store: str
    id: str
    article: str
    parent: str
    author: str
    content: str
    published: datetime
    url: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One file below the output directory: a relative path with `/`, and its bytes."""

    path: str
    content: bytes


# ---------------------------------------------------------------- the duty to keep a target true


class State(StrEnum):
    """Where a delivery stands (docs/design.md, "Once")."""

    HELD = "held"
    DUE = "due"
    CLAIMED = "claimed"
    SENDING = "sending"
    DOUBTFUL = "doubtful"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


class Action(StrEnum):
    """What a delivery asks a network to do; derived from `wanted` and `said`."""

    ANNOUNCE = "announce"
    CORRECT = "correct"
    REPLY = "reply"
    """Correct by a reply below what stands there."""
    RETRACT = "retract"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a notice's text that means something: `text[start:end]`, counted in code points.

    `value` is the address of a link, or a hashtag without its sign.
    """

    start: int
    end: int
    kind: Literal["link", "tag"]
    value: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What one article says on one target, frozen before the first socket opens.

    `key` stays the same across retries, so that a network can drop a repeat. `at` is when it was frozen.
    `remote_id` names what stands there already (for a correction, a reply or a retraction), `also` what stands there
    besides: replies, and what was said before by hand.
    `spans` tell where in the text its links and hashtags stand, in order and apart.
    Where the subject is a feed, `article` is empty, `guid` the feed's address, `title` its title, `link` the site's
    address, and `text` the addresses of its files, one a line, the preferred format first.
    """

    target: str
    action: Action
    article: str
    guid: str
    revision: int
    key: str
    at: datetime
    text: str
    link: str = ""
    title: str = ""
    summary: str = ""
    image: Image | None = None
    language: str = ""
    remote_id: str = ""
    also: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """The duty to keep one target true to one subject: its state and its history's sum.

    The subject is an article, by its row's key, or (`feed`) a feed, by its address.
    `wanted` is the revision that should stand there (None: nothing should), `said` the one that does.
    `attempts` counts the tries of the present action; `fence` all leases ever: whoever answers with an older
    one has lost it. After `retractions`, what is said anew is no repeat. `held_by` names what
    a held one waits for (`feeds`, `flood`), or what a skipped one could still be won by (`author`).
    `expires_at` is the article's end of `max_age`; `doubt_since` when we first could not tell.
    `remote_id` names the post that stands for it, `also` others of the same subject: replies, and what was said before
    a person wanted it said once more. `words` is what a person wants said here instead of the article's own.
    """

    id: int
    target: str
    article: int | None
    state: State
    wanted: int | None
    said: int | None = None
    due_at: datetime | None = None
    held_by: str = ""
    reason: str = ""
    attempts: int = 0
    fence: int = 0
    retractions: int = 0
    lease_until: datetime | None = None
    frozen: Notice | None = None
    doubt_since: datetime | None = None
    created_at: datetime = EPOCH
    expires_at: datetime | None = None
    said_at: datetime | None = None
    remote_id: str = ""
    remote_url: str = ""
    feed: str | None = None
    also: tuple[str, ...] = ()
    words: str = ""

    @property
    def action(self) -> Action | None:
        """What would make the target true; None when it is."""
        if self.wanted is None:
            return Action.RETRACT if self.standing else None
        if self.wanted == self.said:
            return None
        return Action.ANNOUNCE if self.said is None else Action.CORRECT

    @property
    def standing(self) -> bool:
        """Whether anything of it is known to stand there."""
        return self.said is not None or bool(self.also)


# ---------------------------------------------------------------- talking with a network


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request a conversation asks for. Address, headers and body may be secrets: they are never shown.

    `says` is True for the request that makes the notice appear: only its failure leaves a doubt.
    `read_limit` bytes of the answer are read, no more.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    says: bool = True
    read_limit: int = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Header names are lower-case. An answer may repeat our secrets: it is never shown whole."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class FetchImage:
    """A picture a conversation asks for, to hand it on: a JPEG or PNG within these bounds, or None if it cannot be had.

    `max_side` bounds width and height, in pixels.
    """

    url: str
    max_bytes: int
    max_side: int = 2000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it can be handed on: re-encoded, without metadata."""

    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Remember:
    """Something to be durable before the conversation goes on, such as a rotated token; an empty value forgets it."""

    key: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Show:
    """A text for this process's own terminal (network `console`)."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """It stands there."""

    id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Surely not said; try later. `wait` is what the other side asked for, if it did."""

    why: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good: this item only, or everything on this target until an admin mends it."""

    why: str
    scope: Literal["item", "target"] = "item"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Nobody knows whether it was said."""

    why: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Only from `find`: we looked, and it is not there."""

    why: str = "not found there"


Outcome = Said | Again | Refused | Doubt | Absent
Step = Request | FetchImage | Remember | Show
"""What a conversation asks for; it is sent a Reply for a Request, a Picture or None for a FetchImage, else None."""
Conversation = Generator[Step, Reply | Picture | None, Outcome]


@dataclass(frozen=True, slots=True)
class Context:
    """What a conversation may know besides its notice.

    `memory` is what this target remembered. `doubted`: an earlier try of this very notice may have been said.
    """

    now: datetime
    memory: Mapping[str, str] = field(default_factory=dict, repr=False)
    doubted: bool = False


# ---------------------------------------------------------------- a target, as the notices' rooms see it


@dataclass(frozen=True, slots=True)
class Measure:
    """How long a text is for a network: `used` of `limit` `unit`s."""

    used: int
    limit: int
    unit: str

    @property
    def fits(self) -> bool:
        """Whether the network will take it."""
        return self.used <= self.limit


class Wording(BaseModel):
    """Other words for articles of one category; what is left out stays as the target says."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    template: str | None = Field(
        default=None,
        description="the notice, instead of the target's template",
        examples=["【米国】{{ title }} {{ url }}"],
    )
    prefix: str | None = Field(default=None, description="what stands before the headline", examples=["【米国】"])
    hashtags: tuple[str, ...] | None = Field(
        default=None, description="these hashtags, and none by the target's map", examples=[["米国", "空軍"]]
    )


class Target(Protocol):
    """One configured destination: the rules that hold on every network, and what this one can do.

    The options are described where the admin sets them (networks/base.py).
    """

    @property
    def name(self) -> str:
        """Its table's name in the config."""
        ...

    @property
    def kind(self) -> str:
        """Its network."""
        ...

    @property
    def subject(self) -> Literal["article", "feed"]:
        """What its notices are about."""
        ...

    @property
    def template(self) -> str:
        """The Jinja2 template of its notices."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """The names or slugs it takes; empty = everything."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Of the tagged articles, only those with one of these; empty = everything."""
        ...

    @property
    def skip_tags(self) -> tuple[str, ...]:
        """Articles with one of these tags are left out."""
        ...

    @property
    def authors(self) -> tuple[str, ...]:
        """Only articles by these; empty = everybody's."""
        ...

    @property
    def takes(self) -> tuple[Literal["article", "brief"], ...]:
        """Which kinds of articles."""
        ...

    @property
    def when(self) -> str:
        """A Jinja2 expression that an article must meet; empty = no condition."""
        ...

    @property
    def prefix(self) -> str:
        """What stands before the headline."""
        ...

    @property
    def hashtags(self) -> Mapping[str, tuple[str, ...]]:
        """By category (name or slug, children included): the hashtags its articles get."""
        ...

    @property
    def by_category(self) -> Mapping[str, Wording]:
        """By category (name or slug, children included): other words; the first that fits an article counts."""
        ...

    @property
    def link_params(self) -> Mapping[str, str]:
        """What is added to the link's query."""
        ...

    @property
    def quiet(self) -> str:
        """When it is silent, such as 23:00-06:00 of the site's time; empty = never."""
        ...

    @property
    def max_per_hour(self) -> int | None:
        """At most so many announcements in an hour."""
        ...

    @property
    def max_per_day(self) -> int | None:
        """At most so many announcements in 24 hours."""
        ...

    @property
    def delay(self) -> timedelta:
        """Grace after an article is first seen."""
        ...

    @property
    def every(self) -> timedelta:
        """At most one notice in this time."""
        ...

    @property
    def max_age(self) -> timedelta:
        """An older article is not announced."""
        ...

    @property
    def flood_limit(self) -> int:
        """More new articles than this in one poll are held."""
        ...

    @property
    def announce_backlog(self) -> bool:
        """Whether it speaks of what was known before."""
        ...

    @property
    def on_doubt(self) -> Literal["stop", "resend"]:
        """What to do if nobody knows whether it was said."""
        ...

    @property
    def correct_by(self) -> Literal["edit", "reply", "repost", "ignore"]:
        """What an edit does to what was said."""
        ...

    @property
    def correct_within(self) -> timedelta:
        """How long after it was said."""
        ...

    @property
    def retract_after(self) -> timedelta:
        """When a withdrawn article's post goes."""
        ...

    @property
    def timeout(self) -> timedelta:
        """What one conversation may take."""
        ...

    @property
    def dedupe_for(self) -> timedelta:
        """How long the network drops a repeat of the same key."""
        ...

    @property
    def can(self) -> frozenset[str]:
        """Which of `correct`, `reply`, `retract`, `find` the network can do."""
        ...

    @property
    def writes_json(self) -> bool:
        """Whether the template makes a JSON body."""
        ...

    def measure(self, text: str) -> Measure:
        """Count a text as the network counts."""
        ...

    def hears(self, feed: str) -> bool:
        """Whether it is told when the feed at this address changes."""
        ...

    def price(self, action: Action, text: str) -> Decimal:
        """What it costs to do this with this text, in the currency of `allowance`."""
        ...

    def allowance(self) -> Decimal | None:
        """What may be spent in a calendar month; None: as much as it costs."""
        ...

    def beyond_allowance(self) -> Literal["wait", "skip"]:
        """What becomes of what the allowance does not cover."""
        ...


Remembering = Callable[[str, str], None]
"""Makes a key and its value durable for one target before it returns."""
