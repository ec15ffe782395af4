"""a config + this machine -> whether there is room where feedpub writes, and whether it may. Nothing is changed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shlex import quote

from feedpub.commands.findings import Finding, caution, ill, well
from feedpub.commands.own_files import own_files
from feedpub.settings import Loaded, Settings
from feedpub.settings.shown import SECRET, in_force

LEAST_BYTES = 200 << 20
LEAST_FILES = 10_000
MOST_FOLDERS = 2_000
"""So many folders of the output are looked at."""


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
    own = own_files(settings)
    return (
        Place("feeds.output", Path(settings.feeds.output)),
        Place("database.url" if own.is_file else "the folder of briefs", own.ledger.parent),
        *(Place(f"stores.{name}.path", path.parent) for name, path in own.stores.items()),
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
        yield well(about, f"this user ({_who()}) may write where it has to")
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
    own = own_files(settings)
    for path in (own.ledger, own.briefs, own.mark, *own.stores.values()):
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
