"""feed files -> a directory: whole or not at all, and only those whose bytes differ.

A set of files (a feed in all its formats) is written and fsynced beside the old ones, then renamed over them, so
that a crash or a full disk leaves every file old or new, never torn, and formats do not part over a full disk.
Every path is walked from the root by directory descriptors, and no link is followed: nothing outside is touched.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from feedpub.errors import OutputError
from feedpub.model import FeedFile

_STAGED = ".feedpub-", ".tmp"
"""How names of ours begin and end while a file is written. Dot files are not served."""


@dataclass(slots=True)
class DiskOutput:
    """The output directory, made when first written to. One process writes to it (the leader)."""

    root: Path
    _swept: bool = field(default=False, init=False)

    def write(self, files: Iterable[FeedFile]) -> int:
        """Make the files of one set stand there; return how many had to be written.

        A file that has these bytes already is not touched: its modification time stays. Raises OutputError with
        one sentence; the old files then stand (all of them, unless the disk fails between two renames).
        """
        with _told(self.root), _Walk(self.root, make=True) as walk:
            self._sweep(walk)
            staged = [_Staged(walk.folder(file.path), _name(file.path), file.content) for file in files]
            changed = [one for one in staged if not one.stands()]
            try:
                for number, one in enumerate(changed):
                    one.stage(f"{_STAGED[0]}{number}{_STAGED[1]}")
                for one in changed:
                    one.publish()
            finally:
                for one in changed:
                    one.tidy()
            for folder in {one.folder for one in changed}:
                os.fsync(folder)
            return len(changed)

    def remove(self, paths: Iterable[str]) -> int:
        """Take files away; return how many there were. What is gone already is no error. Raises OutputError."""
        gone = 0
        with _told(self.root), _Walk(self.root) as walk:
            for path in paths:
                with suppress(FileNotFoundError):
                    os.unlink(_name(path), dir_fd=walk.folder(path))
                    os.fsync(walk.folder(path))
                    gone += 1
        return gone

    def missing(self, paths: Iterable[str]) -> list[str]:
        """Pick the paths where no file stands: what somebody deleted has to be built again. Raises OutputError."""
        with _told(self.root), _Walk(self.root) as walk:
            return [path for path in paths if not walk.stands(path)]

    def _sweep(self, walk: _Walk) -> None:
        """Clear what a crash left, once: no other process writes here."""
        if self._swept:
            return
        for _, _, names, folder in os.fwalk(".", dir_fd=walk.folder("any")):
            for name in names:
                if name.startswith(_STAGED[0]) and name.endswith(_STAGED[1]):
                    os.unlink(name, dir_fd=folder)
        self._swept = True


@dataclass(slots=True)
class _Staged:
    """One file on its way: the folder and name it goes to, and where it is written first."""

    folder: int
    name: str
    content: bytes
    aside: str = ""

    def stands(self) -> bool:
        """Whether the file has these bytes already."""
        try:
            with open(self.name, "rb", opener=self._unfollowed) as old:
                return os.fstat(old.fileno()).st_size == len(self.content) and old.read() == self.content
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link: a file will take its place
                return False
            raise

    def stage(self, aside: str) -> None:
        """Write it beside the old one, through to the disk."""
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=self.folder)
        self.aside = aside
        with open(aside, "xb", opener=self._unfollowed) as new:
            new.write(self.content)
            new.flush()
            os.fsync(new.fileno())

    def publish(self) -> None:
        """Let it take the old one's place."""
        os.rename(self.aside, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.aside = ""

    def tidy(self) -> None:
        """Take away what was not published."""
        if self.aside:
            with suppress(OSError):
                os.unlink(self.aside, dir_fd=self.folder)

    def _unfollowed(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=self.folder)


# ---------------------------------------------------------------- walking, without following


class _Walk(AbstractContextManager["_Walk"]):
    """The folders below the root, each opened once from the one above it, and all closed at the end."""

    def __init__(self, root: Path, *, make: bool = False) -> None:
        self._root = root
        self._make = make
        self._open: dict[tuple[str, ...], int] = {}

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def folder(self, path: str) -> int:
        """Open the folder that `path` is in; raises FileNotFoundError if it is not there, nor to be made."""
        steps = tuple(_steps(path)[:-1])
        for depth in range(len(steps) + 1):
            if steps[:depth] not in self._open:
                self._open[steps[:depth]] = self._step(steps[:depth])
        return self._open[steps]

    def stands(self, path: str) -> bool:
        """Whether there is a file, and no link, at `path`."""
        try:
            facts = os.stat(_name(path), dir_fd=self.folder(path), follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISREG(facts.st_mode)

    def _step(self, steps: tuple[str, ...]) -> int:
        if not steps:  # the root may be a link: that is the admin's own doing
            if self._make:
                self._root.mkdir(parents=True, exist_ok=True)
            return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        above, name = self._open[steps[:-1]], steps[-1]
        if self._make:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=above)
                os.fsync(above)
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)


def _name(path: str) -> str:
    return _steps(path)[-1]


def _steps(path: str) -> list[str]:
    """Split a path; refuse one that could lead out of the root, or to a file of ours in the making."""
    steps = path.split("/")
    if any(step in ("", ".", "..") or "\0" in step or step.startswith(_STAGED[0]) for step in steps):
        raise OutputError(f"{path!r} is no path below the output directory")
    return steps


# ---------------------------------------------------------------- what went wrong, and what to do


@contextmanager
def _told(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(_sentence(error, root)) from error


def _sentence(error: OSError, root: Path) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space is left for {root}: free some, or raise the quota; the old feed files stand"
        case errno.EROFS:
            return f"{root} is on a read-only file system: mount it writable, or set feeds.output to another directory"
        case errno.EACCES | errno.EPERM:
            return f"user {os.geteuid()} may not write to {root}: run `{_permit(root)}`"
        case errno.ELOOP | errno.ENOTDIR | errno.EEXIST | errno.EISDIR | errno.ENOTEMPTY:
            return (
                f"a link, file or folder below {root} stands where another kind belongs: remove it (none is followed)"
            )
        case errno.ENAMETOOLONG:
            return f"a feed's address is too long for the file system of {root}: give its category a short slug"
        case _:
            kind = errno.errorcode.get(error.errno or 0, "unknown error")
            return f"the disk below {root} failed ({kind}): check it; the old feed files stand"


def _permit(root: Path) -> str:
    made = "" if os.path.lexists(root) else f"mkdir -p {quote(str(root))} && "
    return f"{made}chown -R {os.geteuid()}:{os.getegid()} {quote(str(root))}"
