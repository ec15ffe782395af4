"""a URL path -> the file of the output directory that it means, its bytes, and what identifies them.

The bytes and their ETag come from one opened file, so that a feed replaced in mid-answer is sent whole, old or new.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from feedpub.web.conditional import Validators

FEEDS = {
    ".rss": "application/rss+xml; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".json": "application/feed+json",
    ".opml": "text/x-opml; charset=utf-8",  # what readers ask for first when they import a list by its address
}
OTHERS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
}
KINDS = FEEDS | OTHERS
"""The kinds of file that feedpub writes, by suffix, with their content types; nothing else is served."""

_RESTED = 2.0
"""Seconds after which no later write can leave a file with the same times (file systems tick up to 2 s coarse)."""


def member(path: str, prefix: str = "/") -> tuple[str, ...] | None:
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
class _Known:
    """What is remembered of one file: its ETag, trusted while `signature` holds, and the latest date it ever bore."""

    signature: tuple[int, ...] | None
    etag: str
    newest: int
    dated: bool
    """No other content was seen with this one's date or a later one (two edits in one second, a clock set back)."""


class Output:
    """The files below one directory, each read at once from one opened file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[tuple[str, ...], _Known] = {}
        self._lock = threading.Lock()

    def read(self, parts: tuple[str, ...], now: float) -> tuple[bytes, Validators]:
        """One content of a file and what identifies it; raises OSError."""
        with os.fdopen(self._open(parts), "rb") as file:
            # Asked after reading, so that a write in between shows in the times.
            content, status = file.read(), os.fstat(file.fileno())
        return content, self._validators(parts, content, status, now)

    def forget(self, parts: tuple[str, ...]) -> None:
        """Let go of what was remembered of a file that is gone."""
        with self._lock:
            self._known.pop(parts, None)

    def _open(self, parts: tuple[str, ...]) -> int:
        """Open without following any link below the root, so that nothing outside it can be reached."""
        with ExitStack() as held:
            folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
            held.callback(os.close, folder)
            for name in parts[:-1]:
                folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                held.callback(os.close, folder)
            file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise FileNotFoundError(errno.ENOENT, "not a regular file")
        return file

    def _validators(self, parts: tuple[str, ...], content: bytes, status: os.stat_result, now: float) -> Validators:
        signature = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        modified = int(status.st_mtime)
        with self._lock:
            known = self._known.get(parts)
            if known is None or known.signature != signature:
                rested = max(status.st_mtime, status.st_ctime) + _RESTED < now
                known = _told_apart(known, _etag(content), modified, signature if rested else None)
                self._known[parts] = known
        # The running second may yet bring another content, and a date to come must not be sent (RFC 9110 §8.8.2.1).
        return Validators(known.etag, modified if known.dated and modified < int(now) else None)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _told_apart(before: _Known | None, etag: str, modified: int, signature: tuple[int, ...] | None) -> _Known:
    """What to remember of a content that follows another at the same path."""
    if before is None:
        return _Known(signature, etag, modified, dated=True)
    dated = modified > before.newest or (before.dated and before.etag == etag)
    return _Known(signature, etag, max(modified, before.newest), dated)
