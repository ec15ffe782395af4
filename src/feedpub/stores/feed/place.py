"""the opaque cursor <-> what was seen of a feed. Pure.

A feed says only how it is now. What of it is news is told by a digest of each entry. An entry that has left the
document is forgotten here: should it come back, the ledger knows it by its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from feedpub.model import RawArticle
from feedpub.stores.taxonomy import Kept, Named

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Place:
    """The document last read: where it stood, by what its sender tells it from others (RFC 9110 §8.8), its entries.

    `seen` is a digest of each entry, by a digest of its id. `dates` are those that we gave to entries without one, by
    the same: the day an article came out must not move. `categories` are all that were ever told.
    """

    url: str = ""
    etag: str = ""
    modified: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    categories: Kept = ()
    version: Literal[1] = 1

    @classmethod
    def parse(cls, cursor: str) -> Place:
        """Read a cursor. One of another kind or version begins anew: every entry comes again."""
        try:
            return _CURSOR.validate_json(cursor or "{}")
        except ValidationError:
            return cls()

    def __str__(self) -> str:
        """Write the cursor."""
        return _CURSOR.dump_json(self).decode()


_CURSOR = TypeAdapter(Place)


def key(article: RawArticle) -> str:
    """Name an entry, however long its id is."""
    return _digest(article.id)


def digest(entry: Named) -> str:
    """Tell one state of an entry from another."""
    return _digest(repr(entry))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
