"""What every network shares: the options of a target, and the reading of an answer.

A network translates a notice into HTTP requests and an answer into an outcome; it never sends. Its methods
are conversations: generators that yield `Request` (or `Remember`, `Show`) and are sent the `Reply`.
A new network is one file here and one name in the union in `networks/__init__.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import takewhile
from typing import ClassVar, Literal, Self

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from feedpub.cadence import parse_quiet
from feedpub.model import (
    Action,
    Context,
    Conversation,
    Duration,
    FetchImage,
    Measure,
    Notice,
    Outcome,
    Picture,
    Reply,
    Request,
    Step,
    Wording,
)
from feedpub.networks.answers import is_page, is_yes, page_instead, quotable, usual

LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[A-Za-z0-9\-_~/#@$&*+=%]", re.ASCII)
"""An address inside a text, as every network sees it: ours are ASCII, and closing punctuation is not part of them."""

WORD_JOINER = "\u2060"
"""Invisible, and no space: what stands behind it is not read together with what stands before."""

Asked = Generator[Step, Reply | Picture | None, Reply]
"""One step of a conversation: a request, and its reply."""
Seen = Generator[Step, Reply | Picture | None, Picture | None]
"""One step of a conversation: a picture asked for, and had or not."""


_GRAPHEME = regex.compile(r"\X")
_WAYS = {"edit": "correct", "reply": "reply", "repost": "retract"}
"""What a network must be able to do for each value of `correct`."""


def ask(request: Request) -> Asked:
    """Take one step of a conversation: yield the request, give back what was sent in reply."""
    reply = yield request
    if not isinstance(reply, Reply):
        raise TypeError("whoever carries out a conversation answers each request with its reply")
    return reply


def bearer(token: SecretStr) -> dict[str, str]:
    """Write the header that shows an access token (RFC 6750 §2.1)."""
    return {"authorization": f"Bearer {token.get_secret_value()}"}


def look(image: FetchImage) -> Seen:
    """Take one step of a conversation: ask for a picture; None where it cannot be had, for whatever reason."""
    picture = yield image
    return picture if isinstance(picture, Picture) else None


def outside_links(text: str, change: Callable[[str], str]) -> str:
    """Change a text everywhere but in its addresses."""
    out, end = [], 0
    for link in LINK.finditer(text):
        out += [change(text[end : link.start()]), link[0]]
        end = link.end()
    return "".join([*out, change(text[end:])])


def shortened(text: str, most: int) -> str:
    """Cut a text to at most so many code points, between what readers see as letters; a cut ends in "…"."""
    if len(text) <= most:
        return text
    ends = takewhile(lambda end: end < most, (letter.end() for letter in _GRAPHEME.finditer(text)))
    return text[: max(ends, default=0)] + "…" if most > 0 else ""


def json_request(
    method: str, url: str, payload: object, *, headers: Mapping[str, str] | None = None, says: bool = True
) -> Request:
    """Build a request with a JSON body: the same payload, the same bytes."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Request(method, url, {"content-type": "application/json; charset=utf-8", **(headers or {})}, body, says)


def _either(words: Iterable[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


def check_address(address: str) -> str:
    """Refuse what is no absolute http(s) address; the sentence does not repeat it, as it may be a secret."""
    if not re.fullmatch(r"https?://[^/?#\s@\\]+([/?#]\S*)?", address):
        raise ValueError("an absolute address is needed, such as https://host/path, without a user or password in it")
    return address


def bare_server(example: str) -> AfterValidator:
    """Make an option take nothing but a server's own address, and keep it without the slash at its end."""

    def judge(address: str) -> str:
        if not re.fullmatch(r"https?://[^/?#]+/?", check_address(address)):
            raise ValueError(f"the server's bare address is needed, such as {example}")
        return address.rstrip("/")

    return AfterValidator(judge)


def address_to_go_on(example: str) -> AfterValidator:
    """Make an option take only an address that a path can be put behind, and keep it without the slash at its end."""

    def judge(address: str) -> str:
        if re.search(r"[?#]", check_address(address)):
            raise ValueError(f"an address without ? and # is needed, such as {example}")
        return address.rstrip("/")

    return AfterValidator(judge)


class Network(BaseModel):
    """A target: the rules every target has. A subclass adds its network's own options and its words.

    `name` is the table's name in the config (`[targets.NAME]`), put there by settings.py, never an option.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # What the network is: stated by each subclass, not by the admin.
    subject: ClassVar[Literal["article", "feed"]] = "article"
    """What its notices are about, and so what is owed to it: each new article, or each change of a feed."""
    dedupe_for: ClassVar[timedelta] = timedelta(0)
    """How long the network drops a repeat of the same key."""
    can: ClassVar[frozenset[str]] = frozenset()
    """Which of `correct`, `reply`, `retract` and `find` it can do besides `announce`."""
    images: ClassVar[frozenset[str]] = frozenset({"none"})
    """Which values of `image` it knows."""
    writes_json: ClassVar[bool] = False
    """Whether `template` makes a JSON body instead of a text to be fitted."""
    docs: ClassVar[str] = ""
    """Where the network documents its contract."""
    label: ClassVar[str] = ""
    """What people call the network."""
    mend: ClassVar[str] = "webhook_url"
    """Which options hold its address and credentials: what to look at when it lets us in no more."""
    lacks: ClassVar[frozenset[str]] = frozenset()
    """Which of the fields below are no options of this network: fixed, and refused in a config."""

    name: str = ""
    kind: str
    template: str = Field(
        default="{{ headline }}\n{{ url }}\n{{ hashtags }}", description="the notice, a Jinja2 template"
    )
    prefix: str = Field(default="", description="stands before the headline")
    hashtags: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="by category, children included: the hashtags of its articles"
    )
    by_category: dict[str, Wording] = Field(
        default_factory=dict, description="by category, children included: other words; the first that fits counts"
    )
    link_params: dict[str, str] = Field(default_factory=dict, description="added to the link's query")
    image: Literal["card", "attach", "none"] = Field(
        default="card", description="the article's picture: on the link's card, attached, or not at all"
    )
    categories: tuple[str, ...] = Field(default=(), description="only these: names or slugs, children included")
    tags: tuple[str, ...] = Field(default=(), description="only articles with one of these tags")
    skip_tags: tuple[str, ...] = Field(default=(), description="no article with one of these tags")
    authors: tuple[str, ...] = Field(default=(), description="only articles by one of these")
    takes: tuple[Literal["article", "brief"], ...] = Field(
        default=("article", "brief"), min_length=1, description="articles, briefs or both"
    )
    when: str = Field(default="", description="a Jinja2 expression that an article must meet")
    quiet: str = Field(default="", description="when nothing new is said, in the site's time zone")
    max_per_hour: int | None = Field(
        default=None, ge=1, description="at most so many announcements in an hour", examples=[4]
    )
    max_per_day: int | None = Field(
        default=None, ge=1, description="at most so many announcements in 24 hours", examples=[20]
    )
    delay: Duration = Field(default=timedelta(0), description="grace after an article is first seen")
    every: Duration = Field(default=timedelta(0), description="at most one notice in this time")
    max_age: Duration = Field(default=timedelta(days=2), description="an older article is no longer announced")
    flood_limit: int = Field(default=20, ge=1, description="more new articles than this in one poll are held")
    announce_backlog: bool = Field(default=False, description="announce what was known before this target was")
    on_doubt: Literal["stop", "resend"] = Field(default="stop", description="if nobody knows whether it was said")
    correct_by: Literal["edit", "reply", "repost", "ignore"] = Field(
        default="edit", alias="correct", description="what an edited headline or address does to the post"
    )
    correct_within: Duration = Field(default=timedelta(days=2), description="later edits leave the post as it is")
    retract_after: Duration = Field(default=timedelta(hours=1), description="when a withdrawn article's post goes")
    allow_private: bool = Field(default=False, description="allow private and loopback addresses")
    timeout: Duration = Field(default=timedelta(seconds=20), description="the time one conversation may take")

    @field_validator("correct_by")
    @classmethod
    def _way_it_can(cls, way: str) -> str:
        able = [one for one, needed in _WAYS.items() if needed in cls.can]
        if way in _WAYS and way not in able:
            raise ValueError(f"{cls.label} cannot do that: write {_either([*able, 'ignore'])}")
        return way

    @field_validator("quiet")
    @classmethod
    def _hours(cls, quiet: str) -> str:
        parse_quiet(quiet)
        return quiet

    @field_validator("image")
    @classmethod
    def _image_it_can(cls, image: str) -> str:
        if image not in cls.images:
            raise ValueError(f"{cls.label} cannot do that: write {_either(sorted(cls.images))}")
        return image

    def word(self, text: str) -> str:
        """Write a plain text so that the network shows it as plain text: no mention fires, no markup acts.

        Applied when the request is built and when a text is measured, never to the frozen notice itself.
        """
        return text

    def measure(self, text: str) -> Measure:
        """Count a text as this network counts it, in the words that are sent."""
        raise NotImplementedError

    def cautions(self, text: str) -> tuple[str, ...]:  # noqa: ARG002 - for those networks that surprise
        """Tell, one sentence each, what the network would make of a text that its author may not have meant."""
        return ()

    def hears(self, feed: str) -> bool:  # noqa: ARG002 - for those networks whose subject is a feed
        """Whether it is told when the feed at this address (`all`, `category/us`) changes."""
        return False

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Say it. Ends in Said, Again, Refused or Doubt."""
        raise NotImplementedError

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit what stands at `notice.remote_id`; saying the same twice must be harmless."""
        raise NotImplementedError

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete what stands at `notice.remote_id`; already gone is Said."""
        raise NotImplementedError

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Say it below what stands at `notice.remote_id`; ends as an announcement does."""
        raise NotImplementedError

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look whether it was said: Said(id, url) or Absent."""
        raise NotImplementedError

    def learn(self, context: Context) -> Conversation | None:  # noqa: ARG002 - for those networks that ask their server
        """Ask the server for what it allows, and Remember it; None where there is nothing to ask, or not yet again.

        Carried out before a notice is composed; whatever comes of it, the notice is said.
        """
        return None

    def knowing(self, memory: Mapping[str, str]) -> Self:  # noqa: ARG002 - for those networks that learn
        """Give this target as it measures by what it learned."""
        return self

    def verify(self, context: Context) -> Conversation | None:  # noqa: ARG002 - for those networks that can
        """Try the credentials without posting anything; None where that cannot be done.

        Ends in Said, with who we are there as its id, or in Refused or Again.
        """
        return None

    def price(self, action: Action, text: str) -> Decimal:  # noqa: ARG002 - for those networks that charge
        """Tell what it costs to do this with this text, in the currency of `allowance`."""
        return Decimal(0)

    def allowance(self) -> Decimal | None:
        """Tell what may be spent in a calendar month; None: as much as it costs."""
        return None

    def beyond_allowance(self) -> Literal["wait", "skip"]:
        """Tell what becomes of what the allowance does not cover: it waits for another month, or is never said."""
        return "wait"

    def read(self, reply: Reply, context: Context, *, says: bool = True) -> Outcome:
        """Judge an answer: by the network's own words first, else as HTTP means it."""
        if 200 <= reply.status < 300:
            return page_instead(self.label, self.mend) if is_page(reply) else self.said(reply)
        return self.dialect(reply) or usual(
            reply,
            context.now,
            who=self.label,
            mend=self.mend,
            says=says,
            quote=quotable(reply, self.secrets()) if 400 <= reply.status < 500 else "",
            subject=self.subject,
        )

    def unread(self, reply: Reply, context: Context, odd: Outcome) -> Outcome:
        """Judge an answer that lacks what was asked for: `odd`, if it is a success all the same."""
        return odd if is_yes(reply) else self.read(reply, context, says=False)

    def said(self, reply: Reply) -> Outcome:
        """Read a success: where does it stand now?"""
        raise NotImplementedError

    def dialect(self, reply: Reply) -> Outcome | None:  # noqa: ARG002 - for those networks whose codes say more
        """Judge a refusal by the network's own error codes; None where the status says enough."""
        return None

    def secrets(self) -> Iterator[str]:
        """Every secret among the options: what no text that we show may hold."""
        for value in self.__dict__.values():
            many = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
            yield from (one.get_secret_value() for one in many if isinstance(one, SecretStr))
