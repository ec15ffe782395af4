"""PURE: wrong guesses so far + now -> how long whoever made them has to wait.

Each address has guesses of its own, so that who guesses from elsewhere locks nobody out; and nobody waits long.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

FREE = 5
"""Wrong guesses in a row that cost no waiting."""
EVERY = 5.0
"""Seconds until one more is free again, and so the longest that anybody waits."""
MOST_KNOWN = 1000
"""Addresses remembered; the one that guessed longest ago is forgotten first."""


@dataclass(slots=True)
class Tries:
    """Who guessed wrong lately. Moments are in seconds of a steady clock."""

    _spent: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may guess again; 0.0: now."""
        return max(self._level(_whose(address), now) - (FREE - 1), 0.0) * EVERY

    def wrong(self, address: str, now: float) -> None:
        """Note a wrong guess."""
        whose = _whose(address)
        self._spent[whose] = self._level(whose, now) + 1, now
        self._spent.move_to_end(whose)
        if len(self._spent) > MOST_KNOWN:
            self._spent.popitem(last=False)

    def right(self, address: str) -> None:
        """Forget the wrong guesses of who guessed right."""
        self._spent.pop(_whose(address), None)

    def _level(self, whose: str, now: float) -> float:
        level, at = self._spent.get(whose, (0.0, now))
        return max(level - max(now - at, 0.0) / EVERY, 0.0)


def _whose(address: str) -> str:
    """Whoever has one address of IPv6 has the 2^64 beside it too."""
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return read.exploded[:19] if isinstance(read, IPv6Address) and read.ipv4_mapped is None else str(read)
