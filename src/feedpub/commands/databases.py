"""a config -> how its database is: whether it can be used, whose it is, and where its file lies. Nothing is changed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from feedpub.commands.findings import Finding, caution, ill, unseen, well
from feedpub.errors import LedgerError
from feedpub.ledger.looking import Condition, file_of, look
from feedpub.settings import Settings

OLDEST_SQLITE = (3, 37)
LOOKED_THROUGH = timedelta(seconds=4)
"""So long a database is looked through for damage, at most."""

_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|ceph|glusterfs|lustre|beegfs|ocfs2|gfs2|fuse\.(sshfs|glusterfs\w*|s3fs|rclone)"
)
"""File systems on which SQLite's locks do not hold."""
_SHARED = re.compile(r"9p|virtiofs|vboxsf|fuse\.(grpcfuse|osxfs|vmhgfs-fuse)|fakeowner")
"""File systems that a virtual machine shares with its host."""


def database(settings: Settings, now: Callable[[], datetime]) -> tuple[Finding, Condition | None]:
    """How the database is: whether it can be used, whose schema it has, whether it is whole."""
    about = "database"
    if too_old := outdated(sqlite3.sqlite_version_info):
        return ill(about, too_old), None
    url = settings.database.url.get_secret_value()
    try:
        found = look(url, now, within=LOOKED_THROUGH)
    except LedgerError as error:
        return ill(about, str(error)), None
    file = file_of(url)
    kind = _file_system(file.absolute()) if file else ""
    if _REMOTE.fullmatch(kind):
        told = f"{file} lies on a network file system ({kind}), where SQLite's locks do not hold: it would be damaged"
        return ill(about, f"{told}; move it to a disk of this machine, or use PostgreSQL"), found
    if found.sound is False:
        told = f"{file} is damaged: stop feedpub, and restore a backup"
        return ill(about, told), found
    return _as_it_is(file, kind, found), found


def outdated(version: tuple[int, ...]) -> str:
    """Say that SQLite is too old for what we make with it (the embedded store's tables are STRICT); "" if it is not."""
    if version >= OLDEST_SQLITE:
        return ""
    here, needed = (".".join(map(str, one)) for one in (version, OLDEST_SQLITE))
    return f"this Python's SQLite is {here}, and {needed} or later is needed: install a Python with a newer one"


def _as_it_is(file: Path | None, kind: str, found: Condition) -> Finding:
    about = "database"
    named = f"{found.program}, {file}" if file else found.program
    if not found.made:
        return unseen(about, f"{named}: not there yet; the first start makes it")
    if not found.current:
        aside = ", after it has copied the file aside" if file else ""
        return unseen(about, f"{named}: an earlier feedpub's; the next start upgrades it{aside}")
    if _SHARED.fullmatch(kind):
        told = f"it lies on a file system shared with another machine ({kind}): a volume of its own is safer and faster"
        return caution(about, f"{named}: {told}")
    if file and found.sound is None:
        return well(about, f"{named}: it can be used; it is too large to be looked through for damage here")
    return well(about, f"{named}: it can be used{', and nothing in it is damaged' if file else ''}")


def _file_system(path: Path) -> str:
    """Name the kind of file system that a path lies on; "" where the machine does not tell."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    return file_system_of(path, mounts)


def file_system_of(path: Path, mounts: Iterable[str]) -> str:
    """Find the mount that holds a path in lines of /proc/self/mountinfo; the last of those that fit best counts."""
    best, found = -1, ""
    for line in mounts:
        here, _, there = line.partition(" - ")
        fields = here.split()
        if len(fields) < 5 or not there:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        if path.is_relative_to(point) and len(point) >= best:
            best, found = len(point), there.split()[0]
    return found
