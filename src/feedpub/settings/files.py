"""a config directory -> one look at it: the bytes of its *.toml files and of every file they name for a secret.

All that is read from disk is read here, at once, so that what is validated is what the digest speaks of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from feedpub.settings import toml

LARGEST = 1 << 20
"""More bytes than this are neither a config file nor a secret."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file could not be read, as the end of a sentence."""

    why: str


@dataclass(frozen=True)
class Look:
    """What one look at a config directory saw, by path as it was told to us."""

    files: Mapping[str, bytes | Unreadable]
    secrets: Mapping[str, bytes | Unreadable]
    missing: bool = False
    """The directory itself is not there, or may not be listed."""
    is_file: bool = False
    """It is no directory at all."""

    @cached_property
    def digest(self) -> str:
        """Another one exactly when another content was seen."""
        seen = hashlib.sha256(b"missing" if self.missing else b"")
        for part in (self.files, self.secrets):
            seen.update(b"%d" % len(part))
            for path, content in sorted(part.items()):
                state = b"unreadable" if isinstance(content, Unreadable) else hashlib.sha256(content).digest()
                seen.update(hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest() + state)
        return seen.hexdigest()


def look(directory: Path, named: Iterable[str]) -> Look:
    """Read `directory/*.toml`, the files they name as `{ file = … }`, and those `named` elsewhere. Never raises."""
    try:
        # Hidden ones are editors' locks and half-written copies.
        found = sorted(path for path in directory.iterdir() if path.suffix == ".toml" and path.name[0] != ".")
    except OSError as error:
        return Look({}, {}, missing=True, is_file=isinstance(error, NotADirectoryError))
    files = {str(path): _read(path) for path in found}
    names = {*named, *(name for content in files.values() if isinstance(content, bytes) for name in _names(content))}
    return Look(files, {name: _read(Path(name)) for name in sorted(names)})


def _read(path: Path) -> bytes | Unreadable:
    try:
        if not path.exists():
            return Unreadable("there is no such file")
        if not path.is_file():  # a pipe would keep us waiting, a device would never end
            return Unreadable("it is not a regular file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except PermissionError:
        return Unreadable("this user may not read it")
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return Unreadable("it cannot be read")
    return content if len(content) <= LARGEST else Unreadable("it is larger than 1 MiB")


@lru_cache(maxsize=64)
def _names(content: bytes) -> tuple[str, ...]:
    """Which files a config file names for its texts; none while it is broken."""
    try:
        table, _ = toml.parse(content)
    except toml.Broken:
        return ()
    return tuple(_named(table))


def _named(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        name = value.get("file")
        if isinstance(name, str):
            yield name
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _named(inner)
