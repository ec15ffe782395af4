"""settings -> the files that are feedpub's own: the database, the briefs, the mark, the embedded stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from feedpub.settings import DatabaseOptions, Settings
from feedpub.stores.sql import SqlOptions


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Where they lie. Those that are feedpub's alone lie beside the database; where that is no file, where it would."""

    ledger: Path
    is_file: bool
    """Whether the database is a file."""
    stores: Mapping[str, Path]

    @property
    def briefs(self) -> Path:
        """The desk."""
        return self.ledger.with_name(f"{self.ledger.stem}-briefs.db")

    @property
    def mark(self) -> Path:
        """Not called like the database: who puts that away takes what is called so along."""
        return self.ledger.with_name(f".{self.ledger.stem}-mark")

    def beside(self, name: str) -> Path:
        """A hidden file or folder there, for what is being done with them."""
        return self.ledger.with_name(f".{self.ledger.stem}-{name}")


def own_files(settings: Settings) -> OwnFiles:
    """Find them."""
    url = make_url(settings.database.url.get_secret_value())
    is_file = url.get_backend_name() == "sqlite"
    if not is_file:
        url = make_url(DatabaseOptions().url.get_secret_value())
    stores = {name: one for name, one in settings.stores.items() if isinstance(one, SqlOptions) and not one.is_query}
    return OwnFiles(Path(str(url.database)), is_file, {name: Path(one.path) for name, one in stores.items()})
