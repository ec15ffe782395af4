"""what everything that goes out must have -> that, clean, or why it cannot go out."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from feedpub.clean.characters import text
from feedpub.clean.dates import date


class Unfit(Exception):  # noqa: N818 - not an error of the program: the reason of a quarantine
    """Why something cannot go out, in one sentence."""


def identity(raw: str, what: str) -> str:
    """Keep an id as it is, but for characters that no feed can carry. Raises Unfit where it names nothing."""
    clean = text(raw)
    if not clean.strip("\ufffd \t\n"):
        raise Unfit(f"id is missing: without one {what} cannot be told from others")
    return clean


def published(raw: str, zone: ZoneInfo) -> datetime:
    """Read when it came out. Raises Unfit where that is not said, or cannot be read."""
    if not raw.strip():
        raise Unfit("published is missing")
    try:
        return date(raw, zone)
    except ValueError as fault:
        raise Unfit(f"published {fault}") from None
