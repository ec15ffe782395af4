"""a config + this machine -> how its disk, its permissions, its database and its ports are. Nothing is changed."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from shlex import quote

from feedpub.commands.findings import Finding, caution, ill, unseen, well
from feedpub.errors import LedgerError
from feedpub.ledger.looking import Condition, file_of, look
from feedpub.settings import Listening, Loaded, Settings
from feedpub.settings.shown import SECRET, in_force
from feedpub.stores.sql import SqlOptions

LEAST_BYTES = 200 << 20
LEAST_FILES = 10_000
LOOKED_THROUGH = timedelta(seconds=4)
"""So long a database is looked through for damage, at most."""
MOST_FOLDERS = 2_000
"""So many folders of the output are looked at."""

_DEFAULT = Path("data/feedpub.db")
"""Beside it lies what we keep of our own, where the database is none."""
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|ceph|glusterfs|lustre|beegfs|ocfs2|gfs2|fuse\.(sshfs|glusterfs\w*|s3fs|rclone)"
)
"""File systems on which SQLite's locks do not hold."""
_SHARED = re.compile(r"9p|virtiofs|vboxsf|fuse\.(grpcfuse|osxfs|vmhgfs-fuse)|fakeowner")
"""File systems that a virtual machine shares with its host."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that we write to, and the option that names it."""

    option: str
    folder: Path

    @property
    def nearest(self) -> Path:
        """The folder, or what is there already of the way to it."""
        whole = self.folder.absolute()
        # Not Path.exists, which raises where a folder on the way may not be entered.
        return next(path for path in (whole, *whole.parents) if os.path.exists(path))  # noqa: PTH110


def places(settings: Settings) -> tuple[Place, ...]:
    """Every folder that feedpub writes to. Raises ConfigError."""
    file = file_of(settings.database.url.get_secret_value())
    stores = [
        Place(f"stores.{name}.path", Path(one.path).parent)
        for name, one in settings.stores.items()
        if isinstance(one, SqlOptions) and not one.is_query
    ]
    return (
        Place("feeds.output", Path(settings.feeds.output)),
        Place("database.url", file.parent) if file else Place("the folder of briefs", _DEFAULT.parent),
        *stores,
        Place("TMPDIR", Path(tempfile.gettempdir())),
    )


# ---------------------------------------------------------------- disk


def disk(folders: Iterable[Place]) -> Iterator[Finding]:
    """Whether there is room, on each disk that is written to."""
    disks: dict[int, list[Place]] = {}
    for place in folders:
        disks.setdefault(place.nearest.stat().st_dev, []).append(place)
    for there in disks.values():
        named = ", ".join(dict.fromkeys(str(place.folder) for place in there))
        found = os.statvfs(there[0].nearest)
        free, files = found.f_bavail * found.f_frsize, found.f_favail
        if free < LEAST_BYTES:
            yield ill("disk", f"only {_size(free)} are free for {named}: make room, {_size(LEAST_BYTES)} or more")
        elif found.f_files and files < LEAST_FILES:
            told = f"only {files:,} more files fit on the disk of {named}, as its inodes are used up"
            yield ill("disk", f"{told}: delete some")
        else:
            yield well("disk", f"{_size(free)} are free for {named}")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


# ---------------------------------------------------------------- permissions


def permissions(folders: Iterable[Place], loaded: Loaded) -> Iterator[Finding]:
    """Whether this very user may write where it has to, and whether others may read what they should not."""
    about = "permissions"
    faults = dict.fromkeys(fault for place in folders for fault in _unwritable(place, loaded.settings))
    yield from (ill(about, fault) for fault in faults)
    if not faults:
        yield well(about, f"this user ({_who()}) may write where feedpub does")
    for path in _exposed(loaded):
        told = f"{path} holds a secret, and every user of this machine may read it: chmod o-r {quote(str(path))}"
        yield caution(about, told)


def _who() -> str:
    return f"{os.geteuid()}:{os.getegid()}"


def _unwritable(place: Place, settings: Settings) -> Iterator[str]:
    """Why feedpub could not write there, as this user; nothing where it can."""
    folder = place.nearest
    named = f"{place.option}: {place.folder}"
    whole = quote(str(place.folder.absolute()))
    make = "" if folder == place.folder.absolute() else f"mkdir -p {whole} && "
    mend = f"{make}chown -R {_who()} {whole}"
    if not folder.is_dir():
        yield f"{named}: {folder} is a file, and a folder is needed: move it away, or change {place.option}"
        return
    try:
        # It has no name while it is there, so that nobody meets it.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno == errno.EROFS:
            yield f"{named} lies on a read-only file system: mount it writable, or change {place.option}"
        elif error.errno not in (errno.ENOSPC, errno.EDQUOT):  # that is for `disk` to tell
            yield f"{named} cannot be written by this user ({_who()}): {mend}"
        return
    if folder == place.folder.absolute() and not all(map(_may_write, _within(place, settings))):
        yield f"{named} holds what another user has written, and this one ({_who()}) cannot change: {mend}"


def _within(place: Place, settings: Settings) -> Iterator[Path]:
    """What lies in a folder already and has to be writable: folders of feeds, and the files of databases."""
    if place.option == "feeds.output":
        folders = (Path(there) / name for there, names, _ in os.walk(place.folder) for name in names)
        yield from islice(folders, MOST_FOLDERS)
        return
    file = file_of(settings.database.url.get_secret_value())
    stores = [Path(one.path) for one in settings.stores.values() if isinstance(one, SqlOptions) and not one.is_query]
    for path in filter(None, (file, *stores)):
        if path.parent == place.folder:
            yield from (one for suffix in ("", "-wal", "-shm", ".lock") if (one := Path(f"{path}{suffix}")).exists())


def _may_write(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _exposed(loaded: Loaded) -> Iterator[Path]:
    """Files with secrets that strangers may read, though this user could read them all the same without that."""
    named = [Path(said.partition(" ")[2]) for said in loaded.references.values() if said.startswith("file ")]
    written = [
        Path(one.place.rpartition(":")[0]) for one in in_force(loaded) if SECRET in one.value and ":" in one.place
    ]
    for path in dict.fromkeys([*named, *written]):
        try:
            found = path.stat()
        except OSError:
            continue
        is_ours = os.geteuid() in (0, found.st_uid)
        is_our_groups = found.st_gid in (os.getegid(), *os.getgroups()) and bool(found.st_mode & stat.S_IRGRP)
        if found.st_mode & stat.S_IROTH and (is_ours or is_our_groups):
            yield path


# ---------------------------------------------------------------- the database


def database(settings: Settings, now: Callable[[], datetime]) -> tuple[Finding, Condition | None]:
    """How the database is: whether it can be used, whose schema it has, whether it is whole."""
    about = "database"
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


# ---------------------------------------------------------------- ports


def listening(settings: Settings, ask: Callable[[str], bool]) -> Iterator[Finding]:
    """Whether both addresses can be had; `ask` tells whether a feedpub answers at http://HOST:PORT."""
    free, ours = [], []
    for option, address in (("web.listen", settings.web), ("admin.listen", settings.admin)):
        code = _bind(address)
        if code is None:
            free.append(address.listen)
        elif code == errno.EADDRINUSE and ask(_asked_at(address)):
            ours.append(address.listen)
        else:
            yield ill("ports", f"{option}: {_because(code, address.listen)}")
    if free:
        yield well("ports", f"{' and '.join(free)} can be listened at")
    if ours:
        yield well("ports", f"feedpub runs, and answers at {' and '.join(ours)}")


def _bind(address: Listening) -> int | None:
    """Try to have an address, without taking connections; tells the error's number, if there is one."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with closing(socket.socket(family)) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address.host == "::" and socket.has_dualstack_ipv6():
                door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            door.bind((address.host, address.port))
    except (OSError, UnicodeError) as error:
        return getattr(error, "errno", None) or errno.EADDRNOTAVAIL
    return None


def _asked_at(address: Listening) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - asked of ourselves
    return f"http://[{host}]:{address.port}" if ":" in host else f"http://{host}:{address.port}"


_BECAUSE: Mapping[int, str] = {
    errno.EADDRINUSE: "{listen} is taken by another program: choose another port, or stop that program",
    errno.EACCES: "ports below 1024, as in {listen}, need rights that feedpub does not have: choose a higher one",
}


def _because(code: int, listen: str) -> str:
    return _BECAUSE.get(
        code, "this machine has no address {listen}: write 127.0.0.1, or 0.0.0.0 for all it has"
    ).format(listen=listen)
