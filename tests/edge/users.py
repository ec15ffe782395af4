"""Being somebody who may do little, where tests run as root, who may do all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user who may do little, if this one may do all."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(ours)


@contextmanager
def let_in(folder: Path) -> Iterator[None]:
    """Let everybody come to a folder that was made for this user alone."""
    shut = {path: path.stat() for path in (folder, *folder.parents)}
    ours = {path: found.st_mode for path, found in shut.items() if found.st_uid == os.geteuid()}
    for path, mode in ours.items():
        path.chmod(mode | 0o011)
    try:
        yield
    finally:
        for path, mode in ours.items():
            path.chmod(mode)
