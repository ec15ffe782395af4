"""One network, and how its server speaks: what the contract (test_contract.py) needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from feedpub.model import Doubt, Outcome, Said
from feedpub.networks.base import Network
from tests.edge.receiver import LOGIN_PAGE, Answer, Seen

LINK = "https://example.org/2026/04/28/mogami?p=1&q=2"
TEXT = f"海自の新型護衛艦「もがみ」型8番艦が就役 @everyone\n{LINK}"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "kanaria7f3b9c1d5e"
SERVER = "https://server.test"
"""Stands for the server's own address in `said`."""
PATIENCE = timedelta(seconds=30)
NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
FEED = "https://example.org/feeds/all.rss"


@dataclass(frozen=True)
class Kind:
    """One network, and how its server speaks.

    Of all that a conversation asks, the contract looks at the request that says, edits, deletes or lists. What is asked
    besides (a login, an upload, the server's limits) stands in `routes`, as "METHOD /path", with its usual answer.
    What a network says it `can` do, it is held to; the fields for it must then be given.
    """

    make: Callable[[str], Network]
    """The target, for a server at this address."""
    yes: Answer
    """The answer to a notice that is taken, and what it comes to."""
    said: Said
    path: str
    refusals: Mapping[str, tuple[Answer, str]]
    """By what it is: an answer to a notice, and whether it is final for the "item" or for the "target"."""
    slow_down: Answer
    wait: timedelta
    text: str = TEXT
    sends: str = "application/json; charset=utf-8"
    says: str = "海自の新型護衛艦"
    flood_is_yes: bool = False
    unread: type[Outcome] = Doubt
    unsure: type[Outcome] = Doubt
    edited: Answer = field(default_factory=Answer)
    deleted: Answer = field(default_factory=Answer)
    gone: tuple[Answer, ...] = ()
    """The answers to a deletion of what is gone already: each is a success."""

    method: str = "POST"
    """Of the request that says it."""
    routes: Mapping[str, Answer] = field(default_factory=dict)
    memory: Mapping[str, str] = field(default_factory=dict)
    """What the target remembers from before."""
    notice: Mapping[str, Any] = field(default_factory=dict)
    """What else its notices hold, by the fields of Notice: spans, an image."""
    key: Callable[[Seen], str] = lambda seen: seen.key
    """By what its server knows a repeat."""
    yes_too: tuple[Answer, ...] = ()
    """Other answers to a notice that mean it stands there (Said, with whatever id)."""
    events: bool = False
    """An edit or a retraction is one more event, and no change of what stands there."""
    edits: str = ""
    """The "METHOD /path" of an edit, of a deletion, of a reply; "" if not worth a look."""
    deletes: str = ""
    replies: str = ""
    named: str = ""
    """What of the post's id stands in the request for an edit, a deletion or a reply; "" for the whole id."""
    edited_as: Said | None = None
    """What an edit comes to, if not `said`."""
    missing: tuple[Answer, ...] | None = None
    """The answers to an edit of what is gone; None: those in `gone`."""
    lost: tuple[Answer, ...] = (Answer(404, LOGIN_PAGE.body),)
    """The answers to a deletion where not the post but the whole account or webhook is gone: no success."""
    found: tuple[Answer, ...] = ()
    """The answers to a search that finds the notice (as `said`); those that `routes` give are left out."""
    absent: tuple[Answer, ...] = ()
    """The answers to one that does not."""
    looks: str = ""
    """Which of `routes` a search is about: there its answer is not the usual one."""
    found_as: Said | None = None
    """What a search that finds it comes to, if not `said`."""
    verified: tuple[Answer, ...] = ()
    """The answers to a check of the credentials, where the network has one."""
    who: str = ""
    """Who we are there, by those."""

    def names(self, seen: Seen) -> bool:
        """Whether a request tells which post it is about."""
        return (self.named or self.said.id) in unquote(f"{seen.target} {seen.body.decode('utf-8', 'replace')}")
