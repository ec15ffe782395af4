"""several tables -> one, and where each key of it was set: a file and line, or an environment variable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from feedpub.settings.shape import Trail, at


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key was set: a file (or an environment variable) and, in a file, the line."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        """Write it as `config/feedpub.toml:12`."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change: where, which key (none: the file as a whole), and the sentence."""

    place: Place
    trail: Trail
    sentence: str

    def __str__(self) -> str:
        """Write it as `config/feedpub.toml:12: targets.main.tokn: unknown option (did you mean "token"?)`."""
        return ": ".join(part for part in (str(self.place), show(self.trail), self.sentence) if part)


@dataclass(slots=True)
class Merged:
    """One table made of several, and what did not go together."""

    home: Place
    """Where to look for what was set nowhere."""
    table: dict[str, object] = field(default_factory=dict)
    places: dict[Trail, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, trail: Trail) -> Place:
        """Where this key was set, or the table it is missing from."""
        lengths = range(len(trail), 0, -1)
        return next((self.places[trail[:n]] for n in lengths if trail[:n] in self.places), self.home)

    def refuse(self, trail: Trail, sentence: str) -> None:
        """Note a problem; the first one at a key is kept."""
        if all(problem.trail != trail for problem in self.problems):
            self.problems.append(Problem(self.place(trail), trail, sentence))

    def add(self, source: str, table: Mapping[str, object], lines: Mapping[Trail, int]) -> None:
        """Add a file's table; a key that another file has set is a problem."""
        theirs = {trail: Place(source, line) for trail, line in lines.items()}
        self._add(self.table, table, (), theirs)
        self.places = theirs | self.places

    def _add(
        self, into: dict[str, object], table: Mapping[str, object], above: Trail, theirs: Mapping[Trail, Place]
    ) -> None:
        for key, value in table.items():
            trail = (*above, key)
            present = into.get(key)
            if key not in into:
                into[key] = _copy(value)
            elif isinstance(present, dict) and isinstance(value, dict):
                self._add(present, value, trail, theirs)
            else:
                also = self.place(trail)
                self.problems.append(Problem(theirs[trail], trail, f"set in {also} too; keep one of the two"))

    def override(self, table: Mapping[str, object], variables: Mapping[Trail, str]) -> None:
        """Lay the environment over the files: it wins."""
        _lay(self.table, table)
        for trail, name in variables.items():
            told = trail[:-1] if is_reference(at(self.table, trail[:-1])) else trail
            self.places[told] = self.places[trail] = Place(f"environment {name}")
        for trail, name in variables.items():
            for length in range(1, len(trail)):  # a table of the environment's own has no other place
                self.places.setdefault(trail[:length], Place(f"environment {name}"))


def _lay(under: dict[str, object], over: Mapping[str, object]) -> None:
    for key, value in over.items():
        present = under.get(key)
        if (
            isinstance(present, dict)
            and isinstance(value, dict)
            and not (is_reference(present) and is_reference(value))
        ):
            _lay(present, value)
        else:
            under[key] = _copy(value)


def is_reference(value: object) -> bool:
    """Whether a table only says where a text is to be found: `{ env = … }` or `{ file = … }`."""
    return isinstance(value, Mapping) and bool(value) and value.keys() <= {"env", "file"}


def _copy(value: object) -> object:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


def show(trail: Trail) -> str:
    """Write a trail as TOML does: `feeds.categories."米国".name`."""
    shown = (f"[{key}]" if isinstance(key, int) else f".{_show_key(key)}" for key in trail)
    return "".join(shown).removeprefix(".")


def _show_key(key: str) -> str:
    if "://" in key or len(key) > 64:
        return '"…"'  # an address or an endless key is a value in the wrong place, perhaps a secret one
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
