"""The mark: a small file beside the database that says which ledger was at work here, and how far it had come.

A database that lacks tries which the mark knows of was put back from a copy. The mark is raised before a try may open a
socket, and without waiting for the disk: what it says outlives our process, and after a power cut it may be behind by
what was said since the last `keep`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from feedpub.outputs.whole import told, whole

_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Marked:
    """What the mark says: the ledger at work, its latest try, and the ledgers that were at work before it."""

    identity: int
    tries: int
    former: frozenset[int] = frozenset()

    def is_ahead_of(self, identity: int, tries: int) -> bool:
        """Whether a ledger lacks what was said from here; of one that was never here, nothing is known."""
        return tries < self.tries if identity == self.identity else identity in self.former


class Mark:
    """The file. Safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Remember where; nothing is opened yet."""
        self._path = path
        self._lock = Lock()
        self._file = -1
        self._said: Marked | None = None
        self._kept = True

    def read(self) -> Marked | None:
        """What it says; None where there is none, or none that can be read."""
        with self._lock:  # a number that is being written must not be read half
            return self._read()

    def _read(self) -> Marked | None:
        try:
            tries, identity, *former = map(int, self._path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return None
        return Marked(identity, tries, frozenset(former))

    def take(self, identity: int, tries: int) -> None:
        """Say that this ledger is the one at work. Raises OutputError."""
        with self._lock, told(str(self._path)):
            before = self._read()
            same = before is not None and before.identity == identity
            former = set() if before is None else {*before.former, before.identity} - {identity}
            # Tries go on while it is looked how far they have come.
            said = Marked(identity, max(tries, before.tries if before is not None and same else 0), frozenset(former))
            if said != before:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                others = "".join(f"{one}\n" for one in sorted(former))
                with whole(self._path) as file:
                    file.write(f"{said.tries:0{_DIGITS}}\n{said.identity}\n{others}".encode("ascii"))
            kept = said != before or (self._said is not None and self._kept)
            self._close()
            self._said, self._kept = said, kept
            self._file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def rise(self, tries: int) -> None:
        """Say that the ledger at work has come so far. Raises OutputError."""
        with self._lock:
            if self._said is not None and tries > self._said.tries:
                self._said, self._kept = Marked(self._said.identity, tries, self._said.former), False
                with told(str(self._path)):
                    # So few bytes, always in one place: they are there, or those before them are.
                    os.pwrite(self._file, f"{tries:0{_DIGITS}}".encode("ascii"), 0)

    def keep(self) -> None:
        """Wait until the disk has it. Raises OutputError."""
        with self._lock:
            if not self._kept:
                with told(str(self._path)):
                    os.fsync(self._file)
                self._kept = True

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._said = -1, None
