"""feed files -> a directory: whole or not at all, and only those whose bytes differ.

A set of files (a feed in all its formats) is written and fsynced beside the old ones, then renamed over them, so
that a crash or a full disk leaves every file old or new, never torn, and formats do not part over a full disk.
Every path is walked from the root by directory descriptors, and no link is followed: nothing outside is touched.

Beside a file may stand compressed siblings, `all.rss.gz` and `all.rss.br`, for web servers that send such as they
are. They are members of the set, and renamed before their file, so that a file that has its new bytes has its new
siblings too, whatever died when. A sibling is right if it bears its file's modification time, to the nanosecond:
nothing else is asked, so nothing is compressed twice; what a crash or a person left amiss is mended by the next write.

A file that changes bears a later second than whatever stood there before: web servers tell contents apart by whole
seconds, and would otherwise answer "not modified" to who has the content of a moment ago.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Final, Literal

import brotli

from feedpub.errors import OutputError
from feedpub.model import FeedFile

Compression = Literal["gz", "br"]

_STAGED = ".feedpub-", ".tmp"
"""How names of ours begin and end while a file is written. Dot files are not served."""
_COMPRESS: Final[Mapping[Compression, Callable[[bytes], bytes]]] = {
    # As gzip would, but with neither name nor date: the same bytes give the same sibling.
    "gz": lambda content: zlib.compress(content, 6, wbits=31),
    # A higher quality takes ten times as long, and more, for a few per cent.
    "br": lambda content: brotli.compress(content, mode=brotli.MODE_TEXT, quality=5),
}
_COMPRESSED: Final = frozenset({".rss", ".atom", ".json", ".html", ".opml", ".css"})
_WORTH: Final = 200
"""Bytes below which a file has no siblings: it fits one packet anyway."""
_PIECE: Final = 1 << 18
_HANDS: Final = 8
"""Members of a set that are compressed and synced at a time: neither keeps Python from going on."""
_SECOND: Final = 10**9


@dataclass(slots=True)
class DiskOutput:
    """The output directory, made when first written to. One process writes to it (the leader)."""

    root: Path
    compress: tuple[Compression, ...] = ()
    now: Callable[[], float] = time.time
    """In seconds since 1970."""
    wrote: Callable[[int], object] = lambda _: None
    """Is told how many bytes took their places, siblings not counted."""
    _swept: bool = field(default=False, init=False)

    def write(self, files: Iterable[FeedFile]) -> int:
        """Make the files of one set stand there, siblings included; return how many had to be written or mended.

        A file that has these bytes already is not touched: its modification time stays. Raises OutputError with
        one sentence; the old files then stand (all of them, unless the disk fails between two renames).
        """
        with _told(self.root), _Walk(self.root, make=True) as walk:
            self._sweep(walk)
            turns = [self._turn(walk.folder(file.path), file) for file in files]
            turns = [turn for turn in turns if turn.fresh or turn.stale]
            staged = list(chain.from_iterable(turn.fresh for turn in turns))
            try:
                _stage(staged)
                for turn in turns:
                    turn.publish()
            finally:
                for one in staged:
                    one.tidy()
            for folder in {turn.folder for turn in turns}:
                os.fsync(folder)
            self.wrote(sum(len(one.content) for one in staged if one.ending is None))
            return len(turns)

    def remove(self, paths: Iterable[str]) -> int:
        """Take files away, and their siblings; return how many there were. What is gone already is no error.

        Raises OutputError.
        """
        gone, touched = 0, set()
        with _told(self.root), _Walk(self.root) as walk:
            for path in paths:
                with suppress(FileNotFoundError):
                    folder = walk.folder(path)
                    touched.add(folder)
                    for name in _siblings(_name(path)).values():
                        _unlink(folder, name)
                    os.unlink(_name(path), dir_fd=folder)
                    gone += 1
            for folder in touched:
                os.fsync(folder)
        return gone

    def missing(self, paths: Iterable[str]) -> list[str]:
        """Pick the paths where a file, or a sibling of it, is not as it should be: they have to be built again.

        Somebody deleted it, or `compress` was another. Raises OutputError.
        """
        with _told(self.root), _Walk(self.root) as walk:
            return [path for path in paths if not self._stands(walk, path)]

    def has(self, file: FeedFile) -> bool:
        """Whether a file stands there with these bytes. Raises OutputError."""
        with _told(self.root), _Walk(self.root) as walk, suppress(FileNotFoundError):
            _, same = _compare(walk.folder(file.path), _name(file.path), file.content)
            return same
        return False

    def _stands(self, walk: _Walk, path: str) -> bool:
        try:
            folder = walk.folder(path)
        except FileNotFoundError:
            return False
        main = _facts(folder, _name(path))
        if main is None or not stat.S_ISREG(main.st_mode):
            return False
        wanted = self._wanted(path, main.st_size)
        beside = _beside(folder, _name(path))
        return all(
            _is_of(there, main.st_mtime_ns) if ending in wanted else there is None for ending, there in beside.items()
        )

    def _turn(self, folder: int, file: FeedFile) -> _Turn:
        """Find out what has to be done for a file to stand as it should."""
        name, wanted = _name(file.path), self._wanted(file.path, len(file.content))
        date, same = _compare(folder, name, file.content)
        beside = _beside(folder, name)
        stale = [f"{name}.{ending}" for ending, there in beside.items() if there is not None and ending not in wanted]
        dates = [there.st_mtime_ns for there in beside.values() if there is not None and stat.S_ISREG(there.st_mode)]
        # A sibling that is as new as its file, and not of it, was sent with another content: that date is used up.
        if same and date is not None and not any(one != date and one // _SECOND >= date // _SECOND for one in dates):
            fresh = [ending for ending in wanted if not _is_of(beside[ending], date)]
            return _Turn(folder, stale, [_Staged(folder, name, file.content, date, ending) for ending in fresh])
        used = max((one // _SECOND for one in (*dates, date) if one is not None), default=0)
        date = max(int(self.now()), used + 1) * _SECOND
        return _Turn(folder, stale, [_Staged(folder, name, file.content, date, ending) for ending in (*wanted, None)])

    def _wanted(self, path: str, size: int) -> tuple[Compression, ...]:
        """Which siblings a file should have."""
        return self.compress if size >= _WORTH and PurePosixPath(path).suffix in _COMPRESSED else ()

    def _sweep(self, walk: _Walk) -> None:
        """Clear what a crash left, once: no other process writes here."""
        if self._swept:
            return
        for _, _, names, folder in os.fwalk(".", dir_fd=walk.folder("any")):
            for name in names:
                if name.startswith(_STAGED[0]) and name.endswith(_STAGED[1]):
                    os.unlink(name, dir_fd=folder)
        self._swept = True


# ---------------------------------------------------------------- one file and its siblings


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one file of a set needs: siblings to be taken away, and what is to be written, the file itself last."""

    folder: int
    stale: list[str]
    fresh: list[_Staged]

    def publish(self) -> None:
        """Let the new take the old ones' places."""
        for name in self.stale:
            _unlink(self.folder, name)
        for one in self.fresh:
            one.publish()


@dataclass(slots=True)
class _Staged:
    """A file, or a compressed sibling of it, on its way: where it goes to, and where it is written first."""

    folder: int
    file: str
    content: bytes
    date: int
    """Its modification time to be, in nanoseconds since 1970."""
    ending: Compression | None = None
    """The sibling's; None for the file itself."""
    aside: str = ""

    def stage(self, aside: str) -> None:
        """Write it beside the old one, through to the disk."""
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=self.folder)
        content = self.content if self.ending is None else _COMPRESS[self.ending](self.content)
        self.aside = aside
        with open(aside, "xb", opener=self._unfollowed) as new:
            new.write(content)
            new.flush()
            os.utime(new.fileno(), ns=(self.date, self.date))
            os.fsync(new.fileno())

    def publish(self) -> None:
        """Let it take the old one's place."""
        name = self.file if self.ending is None else f"{self.file}.{self.ending}"
        os.rename(self.aside, name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.aside = ""

    def tidy(self) -> None:
        """Take away what was not published."""
        if self.aside:
            with suppress(OSError):
                os.unlink(self.aside, dir_fd=self.folder)

    def _unfollowed(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o666, dir_fd=self.folder)


def _stage(members: list[_Staged]) -> None:
    """Stage all, several at a time where there is something to compress; raises OSError if one could not be."""
    if all(one.ending is None for one in members):
        for number, one in enumerate(members):
            one.stage(f"{_STAGED[0]}{number}{_STAGED[1]}")
        return
    with ThreadPoolExecutor(_HANDS) as hands:
        staging = [_begin(hands, one, f"{_STAGED[0]}{number}{_STAGED[1]}") for number, one in enumerate(members)]
        for finish in staging:
            finish()


def _begin(hands: ThreadPoolExecutor, one: _Staged, aside: str) -> Callable[[], None]:
    """Have a member staged; what is returned waits for it."""
    try:
        return hands.submit(one.stage, aside).result
    except RuntimeError:  # Python is ending, and starts no more threads
        return partial(one.stage, aside)


def _compare(folder: int, name: str, content: bytes) -> tuple[int | None, bool]:
    """When a file was modified, in nanoseconds (None: there is no file), and whether it has these bytes."""
    try:
        old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP}:  # a link: a file will take its place
            return None, False
        raise
    try:
        facts = os.fstat(old)
        if stat.S_ISDIR(facts.st_mode):
            raise _folder()
        if not stat.S_ISREG(facts.st_mode):
            return None, False
        return facts.st_mtime_ns, facts.st_size == len(content) and _reads(old, content)
    finally:
        os.close(old)


def _reads(file: int, content: bytes) -> bool:
    """Whether a file of this length has these bytes; read up to the first piece that differs."""
    return all(os.read(file, _PIECE) == content[start : start + _PIECE] for start in range(0, len(content), _PIECE))


def _siblings(name: str) -> dict[Compression, str]:
    return {ending: f"{name}.{ending}" for ending in _COMPRESS}


def _facts(folder: int, name: str) -> os.stat_result | None:
    """Look at a name, not at what it may link to; None: nothing is there."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _beside(folder: int, name: str) -> dict[Compression, os.stat_result | None]:
    """What stands where siblings of a file would; raises OSError where a folder does."""
    found = {ending: _facts(folder, sibling) for ending, sibling in _siblings(name).items()}
    if any(there is not None and stat.S_ISDIR(there.st_mode) for there in found.values()):
        raise _folder()
    return found


def _is_of(sibling: os.stat_result | None, date: int) -> bool:
    """Whether a sibling is that of the file with this modification time."""
    return sibling is not None and stat.S_ISREG(sibling.st_mode) and sibling.st_mtime_ns == date


def _folder() -> OSError:
    return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


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
