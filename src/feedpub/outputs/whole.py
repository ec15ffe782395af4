"""One file for its owner alone, written whole or not at all.

It is written under another name beside the old one, fsynced, and renamed over it. What is no plain file (a pipe,
/dev/stdout) has no beside: it is written as it is.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from feedpub.errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file; if the writing fails, what stood there stands. Raises OutputError."""
    with told(str(path)):
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("wb") as file:
                yield file
            return
        # Where a link leads is where it is written: the link stays one.
        real = Path(os.path.realpath(path))
        if real.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a directory")
        yield from _beside(real)


def _beside(path: Path) -> Iterator[BinaryIO]:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def told(where: str) -> Iterator[None]:
    """Say in one sentence why it cannot be written. A reader who has gone needs no sentence."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(_sentence(error, where)) from error


def _sentence(error: OSError, where: str) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space is left for {where}: free some, or write it elsewhere"
        case errno.EISDIR:
            return f"{where} is a directory: name a file in it"
        case errno.ENOENT | errno.ENOTDIR:
            return f"there is no folder for {where}: make it first"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"user {os.geteuid()} may not write {where}: give the right to, or write it elsewhere"
        case _:
            kind = errno.errorcode.get(error.errno or 0, "unknown error")
            return f"{where} cannot be written ({kind}): look at the disk"
