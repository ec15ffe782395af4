"""what a server told of itself -> a note among what its target remembers, and when to ask again.

A server is asked once a day, and an hour after it could not be understood; meanwhile what it told before holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from feedpub.model import Remember

Facts = Mapping[str, object]
"""What a server told, by names of our own."""

_NOTE = "server"
_FRESH = timedelta(days=1)
_PATIENCE = timedelta(hours=1)


def known(memory: Mapping[str, str], server: str) -> Facts:
    """Give what this server told; nothing where the target was moved to another one since."""
    return {name: value for name, value in _note(memory, server).items() if name not in {"of", "asked", "answered"}}


def is_due(memory: Mapping[str, str], server: str, now: datetime) -> bool:
    """Whether it is time to ask."""
    note = _note(memory, server)
    try:
        asked = datetime.fromisoformat(str(note.get("asked")))
    except ValueError:
        return True
    # However far off: a clock that was set back must not keep us from asking for so long.
    since = abs(now - (asked if asked.tzinfo else asked.replace(tzinfo=UTC)))
    return since >= (_FRESH if note.get("answered") is True else _PATIENCE)


def asking(memory: Mapping[str, str], server: str, now: datetime) -> Remember:
    """Note that we ask, before we do: whatever comes of it, the next hour's notices do not ask too."""
    return _written(server, now, known(memory, server), answered=False)


def told(server: str, now: datetime, facts: Facts) -> Remember:
    """Note what was told."""
    return _written(server, now, facts, answered=True)


def outdated() -> Remember:
    """Forget what was told, as the server acts otherwise: it is asked anew before the next notice."""
    return Remember(_NOTE, "")


def number(facts: Facts, name: str, default: int, *, least: int = 1) -> int:
    """Read one number of what was told; the default where it is none, or none that can be meant."""
    value = facts.get(name)
    sane = isinstance(value, int) and not isinstance(value, bool) and least <= value <= 10**9
    return value if sane and isinstance(value, int) else default


def _note(memory: Mapping[str, str], server: str) -> dict[str, object]:
    try:
        note = json.loads(memory.get(_NOTE, ""))
    except (ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) and note.get("of") == server else {}


def _written(server: str, now: datetime, facts: Facts, *, answered: bool) -> Remember:
    note = {"of": server, "asked": now.isoformat(), "answered": answered, **facts}
    return Remember(_NOTE, json.dumps(note, ensure_ascii=False, separators=(",", ":")))
