"""What several threads write at one moment -> one transaction.

SQLite has one writer at a time, and each commit waits for the disk. So whoever finds another at it waits, and the next
to write takes along all that have come meanwhile. Nobody returns before what he wrote is committed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from feedpub.errors import Superseded

_Some = TypeVar("_Some")
Write = Callable[[Connection], _Some]


@dataclass(slots=True, eq=False)
class _Part(Generic[_Some]):
    """What one thread wants written, and how it went: `tried`, and if it is `written`, to what effect.

    Its thread waits at `gate` until it was tried, or is to write for all that wait.
    """

    write: Write[_Some]
    gate: Lock = field(default_factory=Lock)
    tried: bool = False
    written: bool = False
    answer: Any = None
    refusal: Superseded | None = None

    def take_part(self, connection: Connection) -> None:
        """Write in a transaction with others; whoever is superseded has written nothing yet."""
        try:
            self.answer = self.write(connection)
        except Superseded as error:
            self.refusal = error

    def result(self) -> _Some:
        """Give the thread what it would have got alone."""
        if self.refusal is not None:
            raise self.refusal
        answer: _Some = self.answer
        return answer


class Together:
    """Carries out writes, those of other threads along with one's own."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        """Write in transactions such as this makes."""
        self._transaction = transaction
        self._lock = Lock()
        self._waiting: list[_Part[Any]] = []
        self._writing = False

    def write(self, write: Write[_Some]) -> _Some:
        """Write, and return what `write` does; what it raises, it raises here.

        Superseded it raises before it has written anything. It is called again, alone, where others' writes failed.
        """
        part = _Part(write)
        if parts := self._turn_of(part):
            try:
                if len(parts) == 1:
                    return self._alone(write)
                self._all(parts)
            finally:
                self._done(parts)
        return part.result() if part.written else self._alone(write)

    def _turn_of(self, part: _Part[Any]) -> list[_Part[Any]]:
        """Wait until a part was tried by another thread (then: nothing), or all that wait are ours to write."""
        with self._lock:
            self._waiting.append(part)
            self._writing, waits = True, self._writing
            part.gate.acquire()
        if waits:
            part.gate.acquire()
        if part.tried:
            return []
        with self._lock:
            parts, self._waiting = self._waiting, []
            return parts

    def _alone(self, write: Write[_Some]) -> _Some:
        with self._transaction() as connection:
            return write(connection)

    def _all(self, parts: list[_Part[Any]]) -> None:
        # Whatever failed, nothing is written; whose fault it was, each finds out alone.
        with suppress(Exception):
            with self._transaction() as connection:
                for part in parts:
                    part.take_part(connection)
            for part in parts:
                part.written = True

    def _done(self, parts: list[_Part[Any]]) -> None:
        """Let their threads go on, and the first of those that have come meanwhile write for them all."""
        for part in parts:
            part.tried = True
            part.gate.release()
        with self._lock:
            self._writing = bool(self._waiting)
            if self._waiting:
                self._waiting[0].gate.release()
