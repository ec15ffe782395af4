"""A directory that people edit -> the config in force, the clock that was set -> cadences that begin anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from feedpub.settings import digest

CLOCK_STEP = 5.0
"""Seconds that the wall clock may part from the steady one between two looks before cadences are anchored anew."""


class Directory:
    """Tells when the files of a config have changed, and come to rest."""

    def __init__(self, folder: Path, environ: Mapping[str, str], in_force: str) -> None:
        """Begin with the digest of what is in force."""
        self.forced = threading.Event()
        """Set by whoever wants the config read again, whatever changed."""
        self._folder = folder
        self._environ = environ
        self._known = self._seen = in_force

    def changed(self) -> str:
        """Look for a config to be put in force, by its digest; a change counts when two looks in a row see the same."""
        seen = digest(self._folder, self._environ)
        settled, self._seen = seen == self._seen, seen
        if not self.forced.is_set() and not (settled and seen != self._known):
            return ""
        self.forced.clear()
        self._known = seen
        return seen

    def try_again(self) -> None:
        """It was not put in force, through no fault of its own: let what is there count as changed."""
        self._known = ""


class ClockWatch:
    """Notices when the wall clock was set: it then parts from the steady one."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def stepped(self) -> float:
        """Seconds that the wall clock jumped since the last look; 0.0 for none worth telling."""
        wall, steady = time.time(), time.monotonic()
        step = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        return step if abs(step) > CLOCK_STEP else 0.0
