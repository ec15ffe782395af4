"""a URL path -> the file of the output directory that it means, its bytes in every coding, and what identifies them.

The bytes and their ETag come from one opened file, so that a feed replaced in mid-answer is sent whole, old or new. A
compressed sibling counts only if it bears its file's date to the nanosecond, as outputs/disk.py writes it: an old
sibling never goes out for a new file.

What was read is kept while the file is the same by device, inode, size and both its times, so that most answers cost
one look at the file. That look may go by the whole path: what it finds is only compared, never read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from feedpub.web.encodings import CODINGS, Coding
from feedpub.web.replies import Reply

FEEDS: Final = {
    ".rss": "application/rss+xml; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".json": "application/feed+json",
    ".opml": "text/x-opml; charset=utf-8",  # what readers ask for first when they import a list by its address
}
OTHERS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
}
KINDS: Final = FEEDS | OTHERS
"""The kinds of file that feedpub writes, by suffix, with their content types; nothing else is served."""

_RESTED: Final = 2.0
"""Seconds after which no later write can leave a file with the same times (file systems tick up to 2 s coarse)."""
KEPT: Final = 32 * 1024 * 1024
"""Bytes of files that are kept at most."""
_REMEMBERED: Final = 16_384
"""Files whose dates are remembered at most."""

Parts = tuple[str, ...]
_Signature = tuple[int, ...]


def member(path: str, prefix: str = "/") -> Parts | None:
    """The parts of the file below the output directory that a decoded URL path means; None: there is no such file.

    Hidden names (half-written files among them), `..`, and kinds of file that feedpub does not write are never meant.
    """
    if not path.startswith(prefix):
        return None
    parts = tuple((path.removeprefix(prefix) + ("index.html" if path.endswith("/") else "")).split("/"))
    if any(not part or part.startswith(".") or re.search(r"[\x00\\]", part) for part in parts):
        return None
    return parts if PurePosixPath(parts[-1]).suffix in KINDS else None


def path_of(base_url: str) -> str:
    """The path below which the feeds of `base_url` are served, decoded; it begins and ends with one slash."""
    inner = unquote(urlsplit(base_url).path).strip("/")
    return f"/{inner}/" if inner else "/"


@dataclass(frozen=True, slots=True)
class Form:
    """One content of a file in one coding: the bytes that are sent, and their strong ETag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One content of a file, in all that it stands in (None: as it is), and its date where the date can tell."""

    forms: Mapping[Coding | None, Form]
    modified: int | None
    """In seconds since 1970. None where another content may bear the same date, or a later one."""
    replies: dict[tuple[Coding | None, bool, int], tuple[object, Reply]] = field(default_factory=dict)
    """Answers made of it, each with what else it was made of: room for whoever makes them."""

    @property
    def codings(self) -> Collection[Coding]:
        """The compressed forms that there are."""
        return [coding for coding in self.forms if coding is not None]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(len(form.body) for form in self.forms.values())


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read of a file, true while the file at `path` has this signature."""

    path: str
    signature: _Signature
    standing: Standing
    lacking: tuple[str, ...]
    """Paths where siblings were not, or not of this file: they may come while the file stays."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of a path: the content last seen there, and the latest date that any there ever bore."""

    etag: str
    newest: int
    dated: bool
    """No other content was seen with this one's date or a later one (two edits in one second, a clock set back)."""


class Output:
    """The files below one directory, each read at once from one opened file."""

    def __init__(self, root: Path, kept: int = KEPT) -> None:
        """Keep at most so many bytes of what was read."""
        self._root = root
        self._most = kept
        self._kept: OrderedDict[Parts, _Kept] = OrderedDict()
        self._size = 0
        self._seen: OrderedDict[Parts, _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, parts: Parts) -> Standing | None:
        """What is kept of a file that is still the same; None: it has to be read."""
        kept = self._kept.get(parts)
        if kept is None or _signature_at(kept.path) != kept.signature:
            return None
        if any(_date_at(path) == kept.signature[_DATE] for path in kept.lacking):
            return None
        with self._lock, suppress(KeyError):
            self._kept.move_to_end(parts)
        return kept.standing

    def read(self, parts: Parts, now: float) -> Standing:
        """Read one content of a file, and what identifies it; raises OSError."""
        with ExitStack() as held:
            folder = self._folder(parts, held)
            content, status = _regular(folder, parts[-1])
            forms: dict[Coding | None, Form] = {None: _form(content)}
            for coding in CODINGS:
                with suppress(OSError):
                    packed, its = _regular(folder, f"{parts[-1]}.{coding}")
                    if its.st_mtime_ns == status.st_mtime_ns:
                        forms[coding] = _form(packed)
        with self._lock:
            seen = self._see(parts, forms[None].etag, int(status.st_mtime))
            # The running second may yet bring another content, and a date to come must not be sent (RFC 9110 §8.8.2.1).
            dated = seen.dated and int(status.st_mtime) < int(now)
            standing = Standing(forms, int(status.st_mtime) if dated else None)
            self._drop(parts)
            if max(status.st_mtime, status.st_ctime) + _RESTED < now:
                self._keep(parts, _signature(status), standing)
        return standing

    def forget(self, parts: Parts) -> None:
        """Let go of what was remembered of a file that is gone."""
        with self._lock:
            self._drop(parts)
            self._seen.pop(parts, None)

    def _folder(self, parts: Parts, held: ExitStack) -> int:
        """Open the folder of a file without following any link below the root: nothing outside it can be reached."""
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        held.callback(os.close, folder)
        for name in parts[:-1]:
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            held.callback(os.close, folder)
        return folder

    def _see(self, parts: Parts, etag: str, modified: int) -> _Seen:
        """Remember a content that follows another at the same path. Only with the lock."""
        before = self._seen.pop(parts, None)
        if before is None:
            seen = _Seen(etag, modified, dated=True)
        else:
            dated = modified > before.newest or (before.dated and before.etag == etag)
            seen = _Seen(etag, max(modified, before.newest), dated)
        self._seen[parts] = seen
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return seen

    def _keep(self, parts: Parts, signature: _Signature, standing: Standing) -> None:
        """Keep what was read, in the place of what was asked for longest ago. Only with the lock."""
        path = str(self._root.joinpath(*parts))
        lacking = tuple(f"{path}.{coding}" for coding in CODINGS if coding not in standing.forms)
        self._kept[parts] = _Kept(path, signature, standing, lacking)
        self._size += standing.size
        while self._size > self._most:
            self._size -= self._kept.popitem(last=False)[1].standing.size

    def _drop(self, parts: Parts) -> None:
        if (kept := self._kept.pop(parts, None)) is not None:
            self._size -= kept.standing.size


def _regular(folder: int, name: str) -> tuple[bytes, os.stat_result]:
    """Read a file that is no link, no pipe and no folder; raises OSError."""
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file")
        # Asked after reading, so that a write in between shows in the times.
        return file.read(), os.fstat(file.fileno())


_DATE: Final = 3
"""Where the modification time stands in a signature."""


def _signature(status: os.stat_result) -> _Signature:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _signature_at(path: str) -> _Signature | None:
    try:
        return _signature(os.lstat(path))
    except OSError:
        return None


def _date_at(path: str) -> int | None:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return None


def _form(content: bytes) -> Form:
    return Form(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
