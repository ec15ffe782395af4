"""everything the ledger knows -> a file, and from a file into another ledger: what moving house asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from feedpub.errors import FeedpubError
from feedpub.ledger import Ledger
from feedpub.ledger.exporting import export
from feedpub.ledger.surveying import is_export
from feedpub.outputs.whole import told, whole

Progress = Callable[[int, int], None]


def export_to(path: Path | None, ledger: Ledger, site: str, made_at: datetime, progress: Progress) -> int:
    """Write an export to a file, or to standard output; returns how many lines. Raises LedgerError, OutputError."""
    count = 0
    with written_to(path) as file:
        for line in export(ledger.database, site=site, made_at=made_at, progress=progress):
            file.write(line.encode() + b"\n")
            count += 1
    return count


@contextmanager
def written_to(path: Path | None) -> Iterator[BinaryIO]:
    """A file, written whole or not at all; standard output for none, and for `-`. Raises OutputError."""
    if path is None or path == Path("-"):
        with told("standard output"):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
    else:
        with whole(path) as file:
            yield file


def the_export(paths: Sequence[Path], store: str) -> Path | None:
    """Pick the export among files to be imported, if they are one. Raises FeedpubError if it is not alone."""
    found = next((path for path in paths if is_export(path)), None)
    if found is None:
        return None
    if len(paths) > 1:
        raise FeedpubError(f"{found} is an export of feedpub: import it by itself, without other files")
    if store:
        raise FeedpubError(f"{found} is an export of feedpub and names its stores itself: leave out --store")
    return found
