"""a folder -> the files in it that may be articles, each with a mark that changes whenever the file does.

Only names and marks are read; a file is opened by `content` alone. Links are followed where they lead to a place
inside the folder, and nothing is walked twice.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

from feedpub.errors import StoreError
from feedpub.stores.markdown.front_matter import Fault
from feedpub.stores.markdown.reading import ENDINGS, digest

LARGEST = 5_000_000
"""Bytes of one file."""

FRESH = 2_000_000_000
"""Nanoseconds for which a file that was just written may change again without its mark doing so: the coarsest clock
of a file system counts two seconds."""

_LEFT_OUT = frozenset({"node_modules", "_drafts", "_includes", "_layouts", "_site", "_data", "_sass"})
_README = re.compile(r"readme(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sight:
    """One file as it lies there. `fresh`: it was written so lately that its mark may not tell the next change."""

    mark: str
    time: int
    size: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of files. `include` and `exclude` are patterns of paths in it, in which `*` stands for anything."""

    path: Path
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def look(self, now: int) -> dict[str, Sight]:
        """Every file that may be an article, by its path here; raises StoreError. `now` is in nanoseconds."""
        walk = _Walk(self.root(), now)
        try:
            walk.through("")
        except OSError as error:
            raise self._failed(error) from error
        wanted, unwanted = _any_of(self.include), _any_of(self.exclude)
        return {
            path: walk.files[path]
            for path in sorted(walk.files)
            if (not self.include or wanted.match(path)) and not unwanted.match(path)
        }

    def root(self) -> str:
        """Where the folder really lies; raises StoreError."""
        try:
            root = self.path.resolve(strict=True)
        except FileNotFoundError as error:
            raise StoreError(f"{self.path}: no such folder; correct path, or mount the disk it is on") from error
        except (OSError, RuntimeError) as error:
            raise self._failed(error) from error
        if not root.is_dir():
            raise StoreError(f"{self.path}: a file, not a folder; give path the folder that it is in")
        return str(root)

    def content(self, path: str) -> bytes | None:
        """Read a file whole; None where it is not there any more. Raises Fault where it can never be read as it is."""
        try:
            return _read(self.path / path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise Fault(1, "it may not be read: give feedpub's user the right to") from error
        except OSError as error:
            raise StoreError(f"{self.path / path}: cannot be read; look at the disk") from error

    def _failed(self, error: Exception) -> StoreError:
        if isinstance(error, PermissionError):
            where = error.filename or self.path
            return StoreError(f"{where}: may not be read; give feedpub's user the right to read and enter it")
        return StoreError(f"{self.path}: cannot be read; look at the disk, and at links that lead in circles")


def _read(path: Path) -> bytes:
    # Not to wait for what somebody may write into a pipe.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise Fault(1, "it is no file, but a pipe, a socket or a device")
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Fault(1, f"it is larger than {LARGEST:,} bytes")
    return data


@dataclass(slots=True)
class _Walk:
    """One walk, and what it has met."""

    root: str
    now: int
    files: dict[str, Sight] = field(default_factory=dict)
    met: set[tuple[int, int]] = field(default_factory=set)

    def through(self, start: str) -> None:
        """Walk what lies below `start`; then links, so that a file is known by its own name."""
        links = list(self._real(start))
        for below in links:
            self._link(below)

    def _real(self, start: str) -> Iterator[str]:
        """See the files below `start`, and yield the links that stand among them."""
        waiting = [start]
        while waiting:
            here = waiting.pop()
            for entry in self._entries(here):
                path = f"{here}/{entry.name}" if here else entry.name
                if entry.is_symlink():
                    yield path
                elif entry.is_dir(follow_symlinks=False):
                    waiting += [path] if _walked(entry.name) else []
                elif _wanted(entry.name):
                    self._see(path, entry)

    def _entries(self, here: str) -> Sequence[os.DirEntry[str]]:
        try:
            if not self._meet(Path(self.root, here).stat()):
                return ()
            with os.scandir(f"{self.root}/{here}") as entries:
                return list(entries)
        except FileNotFoundError:
            if not here:
                raise
            return ()  # taken away while we walked

    def _meet(self, about: os.stat_result) -> bool:
        """Whether it is met for the first time."""
        before = len(self.met)
        self.met.add((about.st_dev, about.st_ino))
        return len(self.met) > before

    def _see(self, path: str, entry: os.DirEntry[str]) -> None:
        with suppress(FileNotFoundError):
            about = entry.stat(follow_symlinks=False)
            self._meet(about)
            self.files[path] = _sight(about, self.now)

    def _link(self, path: str) -> None:
        """Follow a link, if it leads to a place in the folder where we have not been."""
        try:
            target = Path(self.root, path).resolve(strict=True)
            about = target.stat()
        except (OSError, RuntimeError):
            return
        if not target.is_relative_to(self.root):
            return
        name = path.rpartition("/")[2]
        if stat.S_ISDIR(about.st_mode):
            if _walked(name):
                self.through(path)
        elif _wanted(name) and self._meet(about):
            self.files[path] = _sight(about, self.now)


def _walked(name: str) -> bool:
    return not name.startswith(".") and name not in _LEFT_OUT


def _wanted(name: str) -> bool:
    stem, dot, ending = name.rpartition(".")
    return dot + ending.lower() in ENDINGS and not stem.startswith(("_", ".")) and not _README.fullmatch(name)


def _sight(about: os.stat_result, now: int) -> Sight:
    # The second of the two is out of reach of whoever sets dates: it tells an edit from one that was dated back.
    times = (about.st_mtime_ns, about.st_ctime_ns)
    fresh = any(abs(now - time) <= FRESH for time in times)
    return Sight(digest(f"{times} {about.st_size}".encode(), 8), about.st_mtime_ns, about.st_size, fresh)


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
