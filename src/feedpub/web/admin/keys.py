"""PURE: the admin's token -> what it proves: a login, its forms, and the secret in the address for pings.

Nothing is kept anywhere: a session is signed with a key made of the token, so it outlives a restart and ends with the
token. What is made of the token tells nothing of it, and each thing made of it is good for one purpose alone.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

SESSION_SECONDS = 14 * 86400
"""How long a login lasts."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login. `csrf` stands in each of its forms, and in nobody else's."""

    id: str
    until: int
    """In seconds since 1970."""
    csrf: str


class Keys:
    """What the token in force opens and signs."""

    def __init__(self, token: str) -> None:
        """Make the keys of a token."""
        self._token = token
        self.cookie = f"feedpub-{self._made('cookie', '')[:8]}"
        """The name of the session's cookie: browsers tell hosts apart, but not ports, and each feedpub has its own."""
        self.ping = self._made("ping", "")[:32]
        """The secret of the address for pings; whoever has it can have stores polled, and nothing else."""

    def __repr__(self) -> str:
        return "Keys()"

    def opens(self, said: str) -> bool:
        """Whether this is the token; takes as long for any wrong one."""
        return _same(said, self._token)

    def is_ping(self, said: str) -> bool:
        """Whether this is the secret for pings."""
        return _same(said, self.ping)

    def pings(self, said: str) -> bool:
        """Whether this may ask for a poll: the secret for pings, or the token itself."""
        return self.is_ping(said) | self.opens(said)

    def begin(self, id_: str, now: float) -> tuple[Session, str]:
        """Begin a session; returns what its cookie holds, too. `id_` is made by chance."""
        until = int(now) + SESSION_SECONDS
        told = f"{until}.{id_}"
        return self._session(id_, until), f"{told}.{self._made('session', told)}"

    def session(self, cookie: str, now: float) -> Session | None:
        """Read a cookie; None if it is not ours, or its time is over."""
        found = re.fullmatch(r"(([0-9]{1,12})\.([\w-]{16,64}))\.([\w-]{43})", cookie, re.ASCII)
        if found is None or not _same(found[4], self._made("session", found[1])) or int(found[2]) <= now:
            return None
        return self._session(found[3], int(found[2]))

    def _session(self, id_: str, until: int) -> Session:
        return Session(id_, until, self._made("form", id_))

    def _made(self, purpose: str, of: str) -> str:
        made = hmac.digest(self._token.encode(), f"feedpub {purpose} {of}".encode(), sha256)
        return urlsafe_b64encode(made).decode().rstrip("=")


def _same(said: str, meant: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), meant.encode())
