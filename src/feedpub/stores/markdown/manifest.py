"""what was read of a folder <-> the text that a cursor keeps; files that vanished + new ones -> which are the same.

For each file: the mark it had when it was read, the digest of what it said, and the id of its article. Pure.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any

from feedpub.stores.taxonomy import Kept

_SAID, _TOLD, _MISSING, _DOUBLE = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, as it was read last.

    `mark` is "" where it must be read again, whatever its mark is now. `said`: its id was given by its author.
    `told`: its article is public. `missing`: it was not there at the last look. `double`: its id is another file's.
    `edited` is when its text was seen to change (seconds since 1970; 0: never), `until` when it expires (0: never).
    """

    path: str
    mark: str
    digest: str
    id: str
    said: bool = False
    told: bool = False
    missing: bool = False
    double: bool = False
    edited: int = 0
    until: int = 0
    marks: tuple[str, ...] = ()

    def row(self) -> list[Any]:
        """Write it down; the inverse of `of`."""
        facts = self.said * _SAID | self.told * _TOLD | self.missing * _MISSING | self.double * _DOUBLE
        id_ = 0 if self.id == self.path else self.id
        return [self.path, self.mark, self.digest, id_, facts, self.edited, self.until, *self.marks]

    @classmethod
    def of(cls, row: list[Any]) -> Entry:
        """Read what `row` wrote."""
        path, mark, digest, id_, facts, edited, until, *marks = row
        said, told, missing, double = (bool(facts & flag) for flag in (_SAID, _TOLD, _MISSING, _DOUBLE))
        return cls(path, mark, digest, id_ or path, said, told, missing, double, edited, until, tuple(marks))


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of a folder.

    `form` names how files were read; in another form they say something else, so all are read again, and so they are
    if `again`. `graves` are the ids of articles that are gone, by the path they had, where it is not the id.
    """

    form: str = ""
    files: Mapping[str, Entry] = field(default_factory=dict)
    graves: Mapping[str, str] = field(default_factory=dict)
    categories: Kept = ()
    again: bool = False

    def __str__(self) -> str:
        said = {
            "form": self.form,
            "categories": self.categories,
            "graves": self.graves,
            "files": [one.row() for one in self.files.values()],
        }
        return json.dumps(said | ({"again": True} if self.again else {}), separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Read what `str` gave; nothing is known where it is none of ours."""
        try:
            said = json.loads(text)
            files = {row[0]: Entry.of(row) for row in said["files"]}
            kept = tuple((key, name, slug, parent) for key, name, slug, parent in said["categories"])
            return cls(said["form"], files, dict(said["graves"]), kept, again="again" in said)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def reread(self) -> Manifest:
        """Ask for everything to be told once more, under the ids that it has."""
        return replace(self, again=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A file under a name that is new: the digest of what it says, the id its author gave, the marks of its article."""

    digest: str
    said: str = ""
    marks: tuple[str, ...] = ()


def renamed(vanished: Iterable[Entry], found: Mapping[str, Found]) -> dict[str, Entry]:
    """Tell which new file is one that vanished, by path: by its author's id, by its bytes, by what they have in common.

    What several of either side have in common tells nothing, but for the same bytes: any of these is as good.
    """
    left = {entry.path: entry for entry in vanished}
    same: dict[str, Entry] = {}
    for number, alike in enumerate(_LIKENESSES):
        on_both_sides = _sorted_by(alike, left.values(), {path: found[path] for path in found if path not in same})
        for entries, paths in on_both_sides:
            if number != _BYTES and (len(entries), len(paths)) != (1, 1):
                continue
            for entry, path in zip(entries, paths, strict=False):
                if not (entry.said and found[path].said) or entry.id == found[path].said:
                    same[path] = left.pop(entry.path)
    return same


_Known = Callable[[Entry], str]
_New = Callable[[Found], str]


def _mark(number: int) -> tuple[_Known, _New]:
    return (lambda entry: _at(entry.marks, number)), (lambda found: _at(found.marks, number))


def _at(marks: Sequence[str], number: int) -> str:
    return marks[number] if number < len(marks) else ""


_LIKENESSES: tuple[tuple[_Known, _New], ...] = (
    ((lambda entry: entry.id if entry.said else ""), (lambda found: found.said)),
    ((lambda entry: entry.digest), (lambda found: found.digest)),
    *(_mark(number) for number in range(4)),
)
_BYTES = 1


def _sorted_by(
    alike: tuple[_Known, _New], left: Iterable[Entry], found: Mapping[str, Found]
) -> Iterator[tuple[list[Entry], list[str]]]:
    """Who is alike in one respect, of either side."""
    known, new = alike
    entries: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in left:
        entries[known(entry)].append(entry)
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for path, one in found.items():
        paths[new(one)].append(path)
    yield from ((entries[key], paths[key]) for key in sorted(entries.keys() & paths.keys()) if key)


def free(path: str, taken: Collection[str]) -> str:
    """Name the article of a new file: by its path, or, where a renamed one has that for its id, with a number."""
    tries = chain((path,), (f"{path}~{number}" for number in count(2)))
    return next(name for name in tries if name not in taken)
