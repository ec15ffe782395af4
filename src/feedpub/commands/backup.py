"""feedpub's own files -> one archive: the database, the briefs, the embedded stores, each as of one moment.

A tar, so that anybody can look into it:

manifest.json    what is in it, of which site, made when and by which feedpub
feedpub.db       the database, a SQLite file whatever kind it was
briefs.db        what was written by `feedpub brief`
stores/NAME.db   each embedded store of the config
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt

from feedpub.commands.moving import written_to
from feedpub.commands.own_files import OwnFiles
from feedpub.errors import LedgerBusy, OutputError
from feedpub.ledger import Ledger
from feedpub.ledger.copying import copy_file, copy_out
from feedpub.outputs.whole import told

MANIFEST, LEDGER, BRIEFS = "manifest.json", "feedpub.db", "briefs.db"
_PIECE = 1 << 20


def store_member(name: str) -> str:
    """What a store's file is called in the archive."""
    return f"stores/{name}.db"


class Member(BaseModel):
    """A file in the archive."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: NonNegativeInt
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What is in the archive. `tries` and `identity`: how far which database had come (ledger/restoring.py)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    feedpub: Literal["backup"] = "backup"
    format: int = 1
    version: str
    db_schema: str
    site: str
    made_at: AwareDatetime
    identity: int
    tries: int
    files: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What was backed up: the names of the embedded stores, and how many bytes in all."""

    stores: tuple[str, ...]
    size: int


def back_up(
    to: Path | None, ledger: Ledger, own: OwnFiles, *, site: str, made_at: datetime, force: bool = False
) -> Made:
    """Write an archive to a file, or (None, or `-`) to standard output, while feedpub may be at work.

    `force`: over a file that is there. Raises OutputError, LedgerError; then there is no new file.
    """
    if to is not None and to.is_file() and not force:
        raise OutputError(f"{to} is there already: name another file, or say --force")
    with _workroom(own.beside("backup")) as room, told(str(room)):
        standing = ledger.history.standing()
        copies = _copies(ledger, own, room)
        manifest = Manifest(
            version=version("feedpub"),
            db_schema=ledger.database.revision(),
            site=site,
            made_at=made_at,
            identity=standing.identity,
            tries=standing.tries,
            files=tuple(_member(name, copy) for name, copy in copies.items()),
        )
        (room / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        with written_to(to) as out:
            _pack({MANIFEST: room / MANIFEST, **copies}, out, made_at)
    stores = tuple(name for name in own.stores if store_member(name) in copies)
    return Made(stores, sum(one.size for one in manifest.files))


def _copies(ledger: Ledger, own: OwnFiles, room: Path) -> dict[str, Path]:
    """Copy all files. The database first: what a store tells that it does not know of is read again."""
    copies = {LEDGER: room / "0.db"}
    if own.is_file:
        copy_file(own.ledger, copies[LEDGER])
    else:
        with ledger.database.snapshot() as connection:
            copy_out(connection, copies[LEDGER])
    others = {BRIEFS: own.briefs, **{store_member(name): path for name, path in own.stores.items()}}
    for number, (name, path) in enumerate(others.items(), start=1):
        if path.is_file():
            copies[name] = room / f"{number}.db"
            copy_file(path, copies[name])
    return copies


def _member(name: str, copy: Path) -> Member:
    with copy.open("rb") as file:
        return Member(name=name, size=copy.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _pack(files: Mapping[str, Path], out: IO[bytes], made_at: datetime) -> None:
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, path in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = path.stat().st_size, 0o600, int(made_at.timestamp())
            with path.open("rb") as file:
                archive.addfile(info, file)


@contextmanager
def _workroom(room: Path) -> Iterator[Path]:
    """A folder for copies on the way, beside the database: there is a disk that SQLite can write on.

    What a backup that was killed has left there is taken away.
    """
    with told(str(room)):
        room.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise LedgerBusy("another backup is being made just now: wait for its end") from None
    try:
        for left in room.iterdir():
            left.unlink()
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(lock)
