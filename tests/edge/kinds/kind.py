"""One network, and how its server speaks: what the contract (test_contract.py) needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from feedpub.model import Doubt, Outcome, Said
from feedpub.networks.base import Network
from tests.edge.receiver import Answer

LINK = "https://example.org/2026/04/28/mogami?p=1&q=2"
TEXT = f"海自の新型護衛艦「もがみ」型8番艦が就役 @everyone\n{LINK}"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "kanaria7f3b9c1d5e"
SERVER = "https://server.test"
"""Stands for the server's own address in `said`."""
PATIENCE = timedelta(seconds=5)
NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
FEED = "https://example.org/feeds/all.rss"


@dataclass(frozen=True)
class Kind:
    """One network, and how its server speaks."""

    make: Callable[[str], Network]
    yes: Answer
    said: Said
    path: str
    refusals: Mapping[str, tuple[Answer, str]]
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
