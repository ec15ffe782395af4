"""the terms of a feed -> which articles it carries, by the indexes of `membership` alone.

What it costs depends on how much is asked for, never on how many articles there are. SQLite has no statistics to
know that nearly all of them are live: so each question is asked in a form that one index answers, and what that
index does not hold is sorted out here.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from feedpub.ledger import schema
from feedpub.ledger.rows import LIVE, chunks
from feedpub.terms import Term

Terms = tuple[Term, ...]
_other = schema.membership.alias("other")


@dataclass(frozen=True, slots=True)
class EntryRef:
    """An article in a feed: its row, and the version of it that is to be seen."""

    key: int
    seq: int
    guid: str
    published: datetime
    updated: datetime


def of_feed(connection: Connection, address: str) -> tuple[Terms, Terms]:
    """Give the terms a feed carries, and those it leaves out."""
    source = schema.feed_source.c
    rows = connection.execute(
        select(source.term, source.skip).where(source.feed == address).order_by(source.term)
    ).all()
    return tuple(row.term for row in rows if not row.skip), tuple(row.term for row in rows if row.skip)


def newest(connection: Connection, terms: Terms, skips: Terms, limit: int) -> list[EntryRef]:
    """Pick the newest articles, newest first, ties by guid: the newest of each term, merged."""
    member = schema.membership.c
    runs = [
        connection.execute(
            _members(term, skips).order_by(member.published.desc(), member.guid.desc()).limit(limit)
        ).all()
        for term in terms
    ]
    merged = heapq.merge(*runs, key=lambda row: (row.published, row.guid), reverse=True)
    return _refs(connection, list(dict.fromkeys(row.article for row in merged))[:limit])


def unsealed(connection: Connection, terms: Terms, skips: Terms, last: int) -> list[EntryRef]:
    """Pick those that entered after a place."""
    return _refs(connection, [key for key, _ in entered(connection, terms, skips, last + 1)])


def between(connection: Connection, terms: Terms, skips: Terms, first: int, last: int) -> list[EntryRef]:
    """Pick those that entered between two places, newest first."""
    member = schema.membership.c
    keys = {
        row.article
        for term in terms
        for row in connection.execute(_members(term, skips).where(member.entered >= first, member.entered <= last))
    }
    return sorted(_refs(connection, sorted(keys)), key=lambda one: (one.published, one.guid), reverse=True)


def entered(
    connection: Connection, terms: Terms, skips: Terms, first: int, limit: int | None = None
) -> list[tuple[int, int]]:
    """(row key, place) of those that entered at a place or later, in that order."""
    member = schema.membership.c
    found: dict[int, int] = {}
    for term in terms:
        query = _members(term, skips).where(member.entered >= max(first, 1)).order_by(member.entered)
        found |= {row.article: row.entered for row in connection.execute(query.limit(limit))}
    return sorted(found.items(), key=lambda item: item[1])[:limit]


def tombstones(connection: Connection, terms: Terms, skips: Terms, limit: int) -> list[tuple[str, datetime]]:
    """(guid, when) of those withdrawn of late, the newest first."""
    member = schema.membership.c
    found: dict[str, datetime] = {}
    for term in terms:
        query = select(member.guid, member.gone_at).where(member.gone_at.is_not(None), member.term == term)
        newest_first = _without(query, skips).order_by(member.gone_at.desc(), member.guid.desc()).limit(limit)
        found |= {row.guid: row.gone_at for row in connection.execute(newest_first)}
    return sorted(found.items(), key=lambda item: (item[1], item[0]), reverse=True)[:limit]


def _members(term: Term, skips: Terms) -> Any:  # noqa: ANN401 - a Select of many columns has no short type
    member = schema.membership.c
    query = select(member.article, member.published, member.guid, member.entered)
    return _without(query.where(member.term == term, member.gone_at.is_(None)), skips)


def _without(query: Any, skips: Terms) -> Any:  # noqa: ANN401 - as above
    if not skips:
        return query
    skipped: ColumnElement[bool] = exists().where(
        (_other.c.article == schema.membership.c.article) & _other.c.term.in_(skips)
    )
    return query.where(~skipped)


def _refs(connection: Connection, keys: Sequence[int]) -> list[EntryRef]:
    """Look up the versions of these articles, in the order given.

    Their state is asked for, not asked by: SQLite would rather look through all that are live than for these keys.
    """
    one = schema.article.c
    facts = select(one.pk, one.seq, one.guid, one.published, one.updated, one.state)
    found = {
        row.pk: EntryRef(row.pk, row.seq, row.guid, row.published, row.updated)
        for some in chunks(keys)
        for row in connection.execute(facts.where(one.pk.in_(some)))
        if row.state == LIVE
    }
    return [found[key] for key in keys if key in found]
