"""What `feedpub check` finds, beyond the config: one line about each thing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """How a thing is. Only what is ILL makes `check` fail."""

    WELL = "ok"
    UNSEEN = "not seen"
    """It is not there yet, or cannot be seen from here."""
    CAUTION = "caution"
    """It works, and may not be as it was meant."""
    ILL = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is, in a sentence; where it is not well, the sentence says what to do."""

    about: str
    how: How
    told: str


def well(about: str, told: str) -> Finding:
    """Find nothing wrong."""
    return Finding(about, How.WELL, told)


def unseen(about: str, told: str) -> Finding:
    """Find that nothing can be said yet."""
    return Finding(about, How.UNSEEN, told)


def caution(about: str, told: str) -> Finding:
    """Find what may not be as it was meant."""
    return Finding(about, How.CAUTION, told)


def ill(about: str, told: str) -> Finding:
    """Find what has to be changed."""
    return Finding(about, How.ILL, told)
