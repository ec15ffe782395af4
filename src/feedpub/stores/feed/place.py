"""the opaque cursor <-> what was seen of a feed. Pure.

A feed says only how it is now. What of it is news is told by a digest of each entry. An entry that has left the
document is forgotten here: should it come back, the ledger knows it by its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from feedpub.model import RawArticle
from feedpub.stores.taxonomy import Kept, Named

_DIGITS = 16
_LONGEST = 500
"""Characters of an id that is remembered whole."""
_FACES = 1_000
"""So many entries of a document are known by more than their ids: no site shows more of what may be news."""


@dataclass(frozen=True, slots=True)
class Place:
    """The document last read: where it stood, by what its sender tells it from others (RFC 9110 §8.8), its entries.

    `seen` is a digest of each entry, by a digest of its id. `dates` are when they came out, by the same: that must not
    move. `faces` are their ids, by what they are known by where a feed gives them others; `names` are the ids that
    such entries had first, by a digest of the new one. `categories` are all that were ever told.
    """

    url: str = ""
    etag: str = ""
    modified: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    faces: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
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


def recognized(entries: Sequence[Named], before: Place) -> tuple[list[Named], dict[str, str]]:
    """Give an entry that a feed has under another id now the one it had first; and tell which those are.

    A site that changes its address or its software gives every entry a new id, and none of them is news. What has the
    same title at the same path and came out at the same time as one whose id is there no more is that one.
    """
    there = {one.article.id for one in entries}
    told: list[Named] = []
    names: dict[str, str] = {}
    for one in entries:
        own = key(one.article)
        first = before.names.get(own) or ("" if own in before.seen else before.faces.get(_face(one), ""))
        if first and first not in there:
            there.add(first)
            names[own] = first
            told.append(replace(one, article=replace(one.article, id=first, guid=one.article.guid and first)))
        else:
            told.append(one)
    return told, names


def faces(entries: Iterable[Named], told: Iterable[Named]) -> dict[str, str]:
    """Remember what entries are known by besides their ids, as they are `told`; not those of which two are alike."""
    found: dict[str, str] = {}
    for one, ours in islice(zip(entries, told, strict=True), _FACES):
        face = _face(one)
        found[face] = "" if face in found or len(ours.article.id) > _LONGEST else ours.article.id
    return {face: id_ for face, id_ in found.items() if id_}


def _face(entry: Named) -> str:
    one = entry.article
    try:
        parts = urlsplit(one.url)
    except ValueError:
        parts = urlsplit("")
    text = "" if one.title and one.published else one.content or one.summary
    return _digest(repr((parts.netloc, parts.path, one.title, one.published, text)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
