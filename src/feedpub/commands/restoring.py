"""an archive (commands/backup.py) -> feedpub's own files as they were, whole or not at all.

All is made ready beside the files that it is to replace. Then it is decided, by one file that says what is to go where;
whoever opens feedpub next carries out what a restore that was killed has left to do. What was there is kept aside.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from feedpub.commands.backup import BRIEFS, LEDGER, MANIFEST, Manifest, Member, store_member
from feedpub.commands.own_files import OwnFiles, own_files
from feedpub.errors import ImportRefused, LedgerBusy, LedgerTooNew, OutputError
from feedpub.ledger import Ledger
from feedpub.ledger.copying import BEGINNING, check_file, copy_file, copy_in, copy_out, is_ledger, make_single
from feedpub.ledger.database import Database
from feedpub.ledger.restoring import PutBack
from feedpub.outputs.whole import told, whole
from feedpub.settings import Settings

_PIECE = 1 << 20
_BESIDE = ("-wal", "-shm", "")
"""What a SQLite file consists of; itself last, so that it is never there without its parts."""


class _Move(BaseModel):
    model_config = ConfigDict(frozen=True)

    ready: Path
    place: Path
    aside: Path


class _Plan(BaseModel):
    """What was decided: a file whose rows go into the database (empty: none do), and files that go to their places."""

    model_config = ConfigDict(frozen=True)

    rows: Path | None
    moves: tuple[_Move, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: files by what they are, and where what was there is kept.

    `strangers`: stores in the archive that the config does not have; `left`: embedded stores that are not in it.
    """

    made_at: datetime | None
    put_back: PutBack
    kept: Mapping[str, Path | None]
    strangers: tuple[str, ...]
    left: tuple[str, ...]


def restore(file: Path | None, settings: Settings, now: datetime, *, keep_stores: bool = False) -> Restored:
    """Put back an archive, or (None, or `-`) one from standard input; `keep_stores`: only the database of it.

    Raises ImportRefused, LedgerBusy while a feedpub leads, LedgerTooNew, OutputError; then nothing has changed.
    """
    own = own_files(settings)
    finish(settings)
    with closing(_database(settings)) as database, _Work(own, keep_stores=keep_stores) as work:
        _have_to_ourselves(database)
        manifest = work.unpack(file)
        _refuse_foreign(file, manifest, settings.site.url)
        # The later one: what was published until then is held, and a machine that is behind would hold too little.
        put_back = work.make_ready(settings, max(now, database.clock() or now))
        kept = work.kept(database)
        work.decide()
        _carry_out(own, database)
    packed = {member.name for member in manifest.files} if manifest is not None else {LEDGER}
    known = {store_member(name) for name in own.stores} | {LEDGER, BRIEFS}
    left = tuple(name for name in own.stores if keep_stores or store_member(name) not in packed)
    return Restored(
        manifest.made_at if manifest is not None else None, put_back, kept, tuple(sorted(packed - known)), left
    )


def finish(settings: Settings) -> None:
    """Carry out what a restore that was killed had decided. Raises LedgerBusy while one is at it."""
    own = own_files(settings)
    if own.beside("restore").exists():
        with closing(_database(settings)) as database:
            _have_to_ourselves(database)
            _carry_out(own, database)


def _database(settings: Settings) -> Database:
    return Database(settings.database.url.get_secret_value())


def _have_to_ourselves(database: Database) -> None:
    """Keep everybody else out until the end."""
    database.lead()
    if not database.alone():
        raise LedgerBusy("another feedpub delivers from this PostgreSQL database: stop all of them first")


# ---------------------------------------------------------------- making ready


@dataclass(slots=True)
class _Work:
    """What is being made ready; taken away again unless it comes to be decided."""

    own: OwnFiles
    keep_stores: bool
    ready: dict[str, Path] = field(default_factory=dict)
    asides: dict[str, Path] = field(default_factory=dict)
    copied: Path | None = None
    """What is in a server's database now, to be kept aside."""
    decided: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind that nobody asked for."""
        if not self.decided:
            for path in (*self.ready.values(), self.own.beside("kept")):
                _remove(path)

    def place(self, name: str) -> Path | None:
        """Where a file of the archive goes; None for one that does not."""
        if name == LEDGER:
            return self.own.ledger
        places = {} if self.keep_stores else {store_member(store): path for store, path in self.own.stores.items()}
        return places.get(name) if name != BRIEFS or self.keep_stores else self.own.briefs

    def unpack(self, file: Path | None) -> Manifest | None:
        """Have every file lie beside its place. A SQLite file alone is taken for the database; it has no manifest."""
        if file is not None and file != Path("-") and _is_sqlite(file):
            copy_file(file, self._make(LEDGER, self.own.ledger))
            if not is_ledger(self.ready[LEDGER]):
                raise ImportRefused(f"{file} is no database of feedpub: name a backup, or a copy of the database")
            return None
        with _archive(file) as archive:
            members = iter(archive)
            manifest = _manifest(file, archive, next(members, None))
            missing = {member.name: member for member in manifest.files}
            for info in members:
                member, content = missing.pop(info.name, None), archive.extractfile(info)
                if member is not None and content is not None:
                    self._take(file, member, content)
        if missing:
            raise ImportRefused(f"{_called(file)}: {', '.join(sorted(missing))} is missing in it: it was cut short")
        return manifest

    def _take(self, file: Path | None, member: Member, content: IO[bytes]) -> None:
        place, digest = self.place(member.name), hashlib.sha256()
        ready = Path(os.devnull) if place is None else self._make(member.name, place)
        with told(str(place)), ready.open("wb") as out:
            while piece := content.read(_PIECE):
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != member.sha256:
            raise ImportRefused(f"{_called(file)}: {member.name} in it is damaged: take another backup")

    def _make(self, name: str, place: Path) -> Path:
        """Where something is made ready; what a restore that was killed has left there goes."""
        with told(str(place)):
            place.parent.mkdir(parents=True, exist_ok=True)
            ready = self.ready[name] = place.with_name(f".{place.name}.restoring")
            _remove(ready)
            ready.touch(0o600)
            if place.exists():  # authors' programs may write into a store as other users
                ready.chmod(stat.S_IMODE(place.stat().st_mode))
        return ready

    def make_ready(self, settings: Settings, now: datetime) -> PutBack:
        """Have the database be of this feedpub's schema and know that it was put back; all files single and durable."""
        if LEDGER not in self.ready:
            raise ImportRefused("there is no database in this backup: take another one")
        for ready in self.ready.values():
            check_file(ready)
        with closing(Ledger(Database(f"sqlite:///{self.ready[LEDGER]}", make=False))) as ledger:
            ledger.database.migrate()
            put_back = ledger.history.put_back(settings.targets, now)
        for before_upgrade in self.own.ledger.parent.glob(f"{self.ready[LEDGER].name}.before-*"):
            _remove(before_upgrade)
        for name, ready in self.ready.items():
            make_single(ready)
            with told(str(ready)):
                _sync(ready)
                _sync(ready.parent)
            self.asides[name] = _free(self.place(name) or ready)
        return put_back

    def kept(self, database: Database) -> dict[str, Path | None]:
        """Where what is there now is kept, or will be. From a server it is copied first."""
        kept = {name: self.asides[name] if (self.place(name) or ready).exists() else None
                for name, ready in self.ready.items()}  # fmt: skip
        if not self.own.is_file:
            self.copied = self.own.beside("kept")
            _remove(self.copied)
            database.migrate()
            with database.snapshot() as connection:
                copy_out(connection, self.copied)
            kept[LEDGER] = self.asides[LEDGER]
        return kept

    def decide(self) -> None:
        """From here on it will be done, whoever does it."""
        files = {name: ready for name, ready in self.ready.items() if name != LEDGER or self.own.is_file}
        moves = tuple(
            _Move(ready=ready.absolute(), place=place.absolute(), aside=self.asides[name].absolute())
            for name, ready in files.items()
            if (place := self.place(name)) is not None
        )
        if self.copied is not None:
            aside = self.asides[LEDGER].absolute()
            moves = (_Move(ready=self.copied.absolute(), place=aside, aside=aside), *moves)
        rows = None if self.own.is_file else self.ready[LEDGER].absolute()
        with whole(self.own.beside("restore")) as file:
            file.write(_Plan(rows=rows, moves=moves).model_dump_json().encode())
        self.decided = True


# ---------------------------------------------------------------- carrying out


def _carry_out(own: OwnFiles, database: Database) -> None:
    """Do all that was decided and is not done yet."""
    decided = own.beside("restore")
    with told(str(decided)):
        plan = _plan(decided)
    if plan.rows is not None and plan.rows.exists():
        database.migrate()
        with database.write() as connection:
            copy_in(plan.rows, connection)
        _remove(plan.rows)
    for move in plan.moves:
        with told(str(move.place)):
            _swap(move)
    with told(str(decided)):
        decided.unlink()
        _sync(decided.parent)


def _plan(decided: Path) -> _Plan:
    try:
        return _Plan.model_validate_json(decided.read_bytes())
    except ValidationError:
        raise OutputError(f"{decided} cannot be read: remove it, and restore once more") from None


def _swap(move: _Move) -> None:
    if not move.ready.exists():
        return  # it was done
    for part in _BESIDE:
        if (there := _with(move.place, part)).exists():
            there.rename(_with(move.aside, part))
    move.ready.rename(move.place)
    _sync(move.place.parent)


# ---------------------------------------------------------------- small things


def _refuse_foreign(file: Path | None, manifest: Manifest | None, site: str) -> None:
    if manifest is not None and manifest.site != site:
        raise ImportRefused(
            f"{_called(file)} is a backup of {manifest.site}, and the config is of {site}: "
            "use the config of that site, or write its address into site.url for the restore"
        )


def _manifest(file: Path | None, archive: tarfile.TarFile, info: tarfile.TarInfo | None) -> Manifest:
    content = archive.extractfile(info) if info is not None and info.name == MANIFEST else None
    if content is None:
        raise ImportRefused(f"{_called(file)} is no backup of feedpub: name a file that `feedpub backup` wrote")
    said = content.read(_PIECE)
    try:
        manifest = Manifest.model_validate_json(said)
    except ValidationError:
        raise ImportRefused(f"{_called(file)}: its manifest cannot be read: take another backup") from None
    if manifest.format > 1:
        raise LedgerTooNew(
            f"{_called(file)} was made by feedpub {manifest.version}, and this is {version('feedpub')}: "
            "restore it by that one, or a later one"
        )
    return manifest


@contextmanager
def _archive(file: Path | None) -> Iterator[tarfile.TarFile]:
    """Read an archive from its beginning to its end, packed or not."""
    try:
        with _opened(file) as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
            yield archive
    except (tarfile.TarError, EOFError) as error:
        raise ImportRefused(f"{_called(file)} is no backup of feedpub, or was cut short: take another one") from error


@contextmanager
def _opened(file: Path | None) -> Iterator[IO[bytes]]:
    if file is None or file == Path("-"):
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ImportRefused(f"{file}: cannot be read; look at its name, and at the right to read it") from error
    with stream:
        yield stream


def _called(file: Path | None) -> str:
    return "standard input" if file is None or file == Path("-") else str(file)


def _is_sqlite(file: Path) -> bool:
    with suppress(OSError), file.open("rb") as stream:
        return stream.read(len(BEGINNING)) == BEGINNING
    return False


def _free(place: Path) -> Path:
    """A name beside, that nothing has, for what is there now."""
    names: Callable[[int], Path] = lambda n: _with(place, f".before-restore{f'-{n}' if n > 1 else ''}")  # noqa: E731
    number = 1
    while names(number).exists():
        number += 1
    return names(number)


def _with(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove(path: Path) -> None:
    """Take a file away that was made ready, with what SQLite and a migration put beside it."""
    for beside in (path, *path.parent.glob(f"{path.name}[-.]*")):
        with suppress(OSError):
            beside.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
