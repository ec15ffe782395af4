"""a pass over a store that keeps no log of its changes -> batches, one for each call.

Such a store is read from the beginning to the end of what may have changed, and only then is it known where the next
pass begins. Between two calls the pass stays open in memory. The cursor of its batches holds the old place, or the one
that the batch names, so that a pass broken off, by a crash or by another process, begins again: rows come once more,
none too seldom.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import count

from feedpub.model import Batch

Walk = Callable[[str], Generator[Batch]]
"""From a place ("": the beginning) to the batches of one pass. The last one has not `more`; its cursor is the place
where the next pass begins. The cursor of one before it is where to begin again if the pass ends there ("": where it
began)."""

_numbers = count(1)


class Passes:
    """The pass that is open, if one is. One thread at a time."""

    def __init__(self, walk: Walk) -> None:
        """Take the walk that reads one pass."""
        self._walk = walk
        self._open: Generator[Batch] | None = None
        self._at = ""

    def next(self, cursor: str | None) -> Batch:
        """Read the next batch: of the pass that gave this cursor, or of a new one."""
        place, at = _parsed(cursor)
        if self._open is None or at != self._at:
            self.close()
            self._open = self._walk(place)
        try:
            batch = next(self._open)
        except BaseException:
            self.close()
            raise
        if not batch.more:
            self.close()
            return replace(batch, cursor=beginning_at(batch.cursor))
        self._at = f"{next(_numbers)}"
        return replace(batch, cursor=json.dumps({"place": batch.cursor or place, "at": self._at}))

    def close(self) -> None:
        """Break the pass off; what it holds open is closed."""
        if self._open is not None:
            self._open.close()
        self._open, self._at = None, ""


def beginning_at(place: str) -> str:
    """The cursor of whoever begins a pass at a place."""
    return json.dumps({"place": place})


def _parsed(cursor: str | None) -> tuple[str, str]:
    """Read the place and the step of a cursor. None, or one that another kind of store wrote, is the beginning."""
    try:
        said = json.loads(cursor or "{}")
        place, at = said.get("place", ""), said.get("at", "")
    except (ValueError, AttributeError):
        return "", ""
    return (place, at) if isinstance(place, str) and isinstance(at, str) else ("", "")
