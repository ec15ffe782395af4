"""raw rows of a batch + what we remember of them -> what is new, edited, restored, or gone.

Judged by fingerprints of the RAW rows, so that a better way of cleaning never counts as an edit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace

from feedpub.categories import fold
from feedpub.model import Batch, Census, Image, Link, RawArticle

_TOLD = tuple(field.name for field in fields(RawArticle) if field.name != "updated")


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger remembers of one article of a store.

    `fingerprint` is of the whole raw row, `headline` of what notices are made of. `gone` is how sure we are
    that the store has it no more. `kept_out`: the row of this fingerprint is in quarantine. An article that was only
    ever quarantined has no `guid`.
    """

    id: str
    fingerprint: str
    headline: str
    revision: int
    guid: str = ""
    withdrawn: bool = False
    gone: int = 0
    kept_out: bool = False


UNCLAIMED, PRESENT, MISSED, GONE, SKIPPED = -1, 0, 1, 2, 3
"""`Known.gone`: left by another kind of store, and not met in this one; there; missing in one census; gone for sure
(the store said so, or two censuses agree); not wanted here (`skip_tags`), wherever else it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that says something we did not know, and the revision of its headline."""

    raw: RawArticle
    fingerprint: str
    headline: str
    revision: int
    guid: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What a batch changed. `back` are ids that a census had missed and that are there after all.

    `recleaned` are rows that say what they said, to be cleaned by better rules: nobody edited them. Nor did anybody
    edit those `adopted`: another kind of store says them in its own way.
    """

    new: tuple[Change, ...] = ()
    edited: tuple[Change, ...] = ()
    restored: tuple[Change, ...] = ()
    recleaned: tuple[Change, ...] = ()
    adopted: tuple[Change, ...] = ()
    gone: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


def fingerprint(raw: RawArticle) -> str:
    """Name what a row says. `updated` does not count: a mass re-stamp changes nothing a reader could see."""
    return _digest({name: getattr(raw, name) for name in _TOLD})


def headline(raw: RawArticle) -> str:
    """Name what a notice would say of a row: its words, its address; for a brief, its text."""
    words = raw.content if not raw.title.strip() and not raw.notice.strip() else ""
    return _digest([raw.title, raw.notice, raw.url, words])


def diff(known: Mapping[str, Known], batch: Batch, *, reread: bool = False) -> ChangeSet:
    """Tell the changes of a batch. A row given twice counts once, as it was given last.

    `reread`: the store is read again because the rules of cleaning changed. An unchanged row then keeps its revision,
    whatever it is cleaned to; one that the old rules kept out may go out now, as what it was meant to be.
    """
    latest = {raw.id: raw for raw in batch.articles}
    new: list[Change] = []
    edited: list[Change] = []
    restored: list[Change] = []
    recleaned: list[Change] = []
    adopted: list[Change] = []
    back: list[str] = []
    for raw in latest.values():
        before = known.get(raw.id)
        change = _change(raw, before)
        if before is None:
            new.append(change)
        elif before.withdrawn:
            restored.append(change)
        elif before.gone == UNCLAIMED and before.guid:
            adopted.append(replace(change, revision=before.revision))
        elif before.fingerprint == change.fingerprint and not (reread and before.kept_out):
            back += [raw.id] if before.gone else []
            recleaned += [replace(change, revision=before.revision)] if reread else []
        else:
            # One that was only ever quarantined has no guid: nobody has seen it yet.
            (edited if before.guid else new).append(change)
    # One that is withdrawn already may have been spoilt since: its reason is to go.
    there = {one for one in batch.gone if one in known and (known[one].kept_out or not known[one].withdrawn)}
    gone = (one for one in batch.gone if one in there and one not in latest)
    return ChangeSet(
        tuple(new),
        tuple(edited),
        tuple(restored),
        tuple(recleaned),
        tuple(adopted),
        tuple(dict.fromkeys(gone)),
        tuple(back),
    )


def claims(guids: Mapping[str, str], known: Mapping[str, Known], left: Mapping[str, Known]) -> dict[str, str]:
    """Tell which articles that another kind of store left are met under another id: the new one by the old one.

    `guids` are those of the rows, by id; `left` those articles, by guid. A row whose id is an article of this very
    store already is that one, whatever its guid.
    """
    claimed: dict[str, str] = {}
    for id_, guid in guids.items():
        own, one = known.get(id_), left.get(guid)
        free = own is None or not own.guid or own.gone == UNCLAIMED
        if one is not None and one.id != id_ and one.id not in claimed and free:
            claimed[one.id] = id_
    return claimed


def strangers(guids: Mapping[str, str], known: Mapping[str, Known], made: Callable[[str, str], bool]) -> frozenset[str]:
    """Tell which rows have nothing but the id of an article that another kind of store left.

    `guids` are those of the rows, by id. Where both kinds told a guid, those decide; `made` tells whether one was made
    of an id, because its store told none.
    """
    left = ((known[id_], guid) for id_, guid in guids.items() if id_ in known and known[id_].gone == UNCLAIMED)
    return frozenset(one.id for one, guid in left if one.guid not in ("", guid) and not made(one.guid, one.id))


def without(batch: Batch, tags: Iterable[str]) -> tuple[Batch, frozenset[str]]:
    """Leave out the articles that have one of these tags, however it is written; their ids are told."""
    unwanted = {fold(tag) for tag in tags} - {""}
    if not unwanted:
        return batch, frozenset()
    latest = {raw.id: raw for raw in batch.articles}
    skipped = frozenset(id_ for id_, raw in latest.items() if not unwanted.isdisjoint(map(fold, raw.tags)))
    return replace(batch, articles=tuple(raw for raw in batch.articles if raw.id not in skipped)), skipped


def compare(known: Iterable[Known], census: Census) -> dict[str, int]:
    """Tell how sure we now are, by id, of what a census speaks of: missed once, gone, or there after all.

    Only ids that the census covers are judged, and only what changes is told: `known` may be a whole archive, and
    nothing of it is kept but that. What this store never told of is not its to miss, and what is not wanted here is not
    brought back by being there.
    """
    covered = (one for one in known if census.covers is None or one.id in census.covers)
    levels = ((one, _level(one, census)) for one in covered if _judged(one))
    return {one.id: after for one, after in levels if after != one.gone}


def _judged(one: Known) -> bool:
    return not one.withdrawn and one.gone not in (UNCLAIMED, SKIPPED)


def _level(one: Known, census: Census) -> int:
    if one.id in census.present:
        return PRESENT
    return MISSED if one.gone == PRESENT else GONE


def too_many_gone(gone: int, live: int, limit: int) -> bool:
    """Whether so many are gone at once that a person should look first: over `limit` and over 10 %, or all."""
    return gone > max(limit, live // 10) or (gone == live and live > 1)


def _change(raw: RawArticle, before: Known | None) -> Change:
    words = headline(raw)
    if before is None:
        return Change(raw, fingerprint(raw), words, revision=1)
    moved = words != before.headline
    return Change(raw, fingerprint(raw), words, before.revision + moved, before.guid)


def _digest(value: object) -> str:
    # ensure_ascii keeps lone surrogates encodable, whatever a store sends.
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_plain).encode("ascii")).hexdigest()


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, Image | Link) else str(value)
