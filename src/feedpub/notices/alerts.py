"""what is wrong + what somebody was told of it + now -> what to tell them, and what they know then.

Each ill is told once, again every day while it lasts, and when it is over, if it was told. Pure: time is an argument.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

AGAIN = timedelta(days=1)
"""What lasts is told again so often."""
APART = timedelta(minutes=5)
"""At most one message in this time: what comes together is told together."""
TEXT = "{{ notice }}"
"""The template of an alert, where its target does not say another."""
EVENT = """\
{
  "type": "feedpub.alert",
  "timestamp": {{ published | string | tojson }},
  "data": {
    "text": {{ notice | tojson }},
    "site": {{ site.url | tojson }},
    "language": {{ language | tojson }}
  }
}"""
"""The same, where a target posts JSON."""

ITSELF = ""
"""The key under which is kept since when somebody is told, and when they were told anything last."""


@dataclass(frozen=True, slots=True)
class Ill:
    """Something that is wrong, or (`count`) that went wrong so many times so far.

    `key` names it for as long as it lasts: what it is, a colon, and the store or target. It is told after it has lasted
    for `patience`: much mends itself.
    """

    key: str
    sentence: str
    since: datetime
    patience: timedelta = timedelta(0)
    count: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody knows of an ill: since when it is there, when they were told last, and (`count`) of how many."""

    since: datetime
    told_at: datetime | None = None
    count: int = 0


Memory = Mapping[str, Known]
"""What somebody knows, by the key of the ill."""


@dataclass(frozen=True, slots=True)
class Message:
    """What to tell now: what is wrong, and the keys of what is over. `key` stays the same until it was told."""

    ills: tuple[Ill, ...]
    over: tuple[str, ...]
    key: str


# ---------------------------------------------------------------- what to tell, and when


def look(memory: Memory, ills: Sequence[Ill], now: datetime) -> dict[str, Known]:
    """Tell what is to be kept after a look at `ills`, before anything is said.

    What went wrong before somebody was to be told is no news to them; what is wrong still, is.
    """
    met = ITSELF in memory
    kept = {ITSELF: memory.get(ITSELF, Known(now))}
    for ill in ills:
        have = memory.get(ill.key, Known(ill.since, count=0 if met else ill.count))
        # A clock that was set back must not make us wait until it is there again.
        kept[ill.key] = replace(have, since=min(have.since, ill.since, now), count=min(have.count, ill.count))
    over = {key: have for key, have in memory.items() if key not in kept and have.told_at is not None}
    return kept | {key: have for key, have in over.items() if not have.count}


def message(memory: Memory, ills: Sequence[Ill], name: str, now: datetime) -> Message | None:
    """Tell what to say now to who knows `memory`, as `look` gave it; None for nothing. `name`: who is told."""
    last = memory[ITSELF].told_at
    if last is not None and abs(now - last) < APART:
        return None
    due = tuple(ill for ill in ills if _is_due(ill, memory[ill.key], now))
    over = tuple(key for key in memory if key not in {ITSELF, *(ill.key for ill in ills)})
    if not due and not over:
        return None
    said = [name, str(last or memory[ITSELF].since), *([ill.key, ill.count] for ill in due), *over]
    return Message(due, over, f"msg_{sha256(json.dumps(said).encode()).hexdigest()[:32]}")


def told(memory: Memory, said: Message, now: datetime) -> dict[str, Known]:
    """Tell what is known once a message was said."""
    known = {key: have for key, have in memory.items() if key not in said.over}
    known |= {ill.key: replace(known[ill.key], told_at=now, count=ill.count) for ill in said.ills}
    return known | {ITSELF: replace(known[ITSELF], told_at=now)}


def _is_due(ill: Ill, known: Known, now: datetime) -> bool:
    if ill.count:
        return ill.count > known.count
    if known.told_at is not None:
        return abs(now - known.told_at) >= AGAIN
    return now - known.since >= ill.patience
