"""a conversation, or one request -> its outcome: the one guarded door to the network.

The only importer of requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from feedpub.model import Conversation, Outcome, Remembering, Reply, Request


@dataclass(frozen=True, slots=True)
class Door:
    """How we go out: who we say we are, and what one conversation may take."""

    user_agent: str = "feedpub"

    def converse(
        self, conversation: Conversation, remember: Remembering, *, timeout: timedelta, allow_private: bool
    ) -> Outcome:
        """Carry out a conversation to its outcome; never raises for what the other side does."""
        raise NotImplementedError

    def fetch(self, request: Request, *, timeout: timedelta, allow_private: bool) -> Reply:
        """Carry out one request for a store; raises UnreachableError."""
        raise NotImplementedError
