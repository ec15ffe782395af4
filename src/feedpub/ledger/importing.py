"""an export -> the ledger, in one transaction, or one sentence for each mistake in it and nothing.

The file is read twice: once to find every mistake before anything is written, once to write.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, islice, zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, func, insert, or_, select, text, update

from feedpub.errors import ImportRefused
from feedpub.feeds.addresses import brief_path
from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.exporting import Progress, told
from feedpub.ledger.leftovers import abandon, keep
from feedpub.ledger.lines import (
    AnyLine,
    ArticleLine,
    CategoryLine,
    CommentLine,
    DeliveryLine,
    FeedLine,
    FormerLine,
    Header,
    PartLine,
    QuarantineLine,
    SpentLine,
    StoreLine,
    TargetLine,
    TermLine,
    line_of,
    written,
)
from feedpub.ledger.parts import files_follow
from feedpub.ledger.restoring import be_another
from feedpub.ledger.rows import (
    CHUNK,
    LIVE,
    Fields,
    article_body,
    chunks,
    comment_body,
    delivery_fields,
    hold_seq,
)
from feedpub.ledger.surveying import Survey, opened, survey
from feedpub.model import EPOCH, Delivery, State
from feedpub.notices.arriving import arrived
from feedpub.notices.lifecycle import MOVED
from feedpub.terms import BRIEF, terms

_CHANGED = "it changed while it was read: import it again"


@dataclass(frozen=True, slots=True)
class Moved:
    """What an import of an export did. `same`: nothing, as all of it was there already.

    `held`: deliveries that were owed and wait for a person now; `doubtful`: those that nobody can tell of.
    """

    articles: int = 0
    comments: int = 0
    deliveries: int = 0
    held: int = 0
    doubtful: int = 0
    stores: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    same: bool = False


def bring(database: Database, path: Path, progress: Progress | None = None) -> Moved:
    """Put an export into a ledger that has said nothing yet, in place of what it knows; all or nothing.

    What such a ledger knows, it has from its stores: they are asked again from where the export left off.
    `progress` is told how many lines of how many are written. Raises ImportRefused with file, line and reason, a
    mistake a line; LedgerBusy while a feedpub leads on this database.
    """
    found = survey(path)
    database.lead()
    try:
        with database.snapshot() as connection:
            if _own_notices(connection) and _is_there(connection, path, found.header):
                return Moved(same=True)
        with database.write() as connection:
            hold_seq(connection)
            if count := _own_notices(connection):
                raise ImportRefused(_spoken(path, count))
            here = connection.execute(select(schema.feed.c.address)).scalars().all()
            be_another(connection)
            with files_follow(connection, sorted({*here, *found.feeds})):
                _clear(connection)
                return _write(connection, path, found, progress)
    finally:
        database.resign()


# ---------------------------------------------------------------- what is there already


def _own_notices(connection: Connection) -> int:
    """How many notices of its own a ledger has: owed, said, or once tried."""
    one = schema.delivery.c
    tried = exists().where(schema.attempt.c.delivery == one.id)
    own = or_(one.state != State.SKIPPED, tried) & one.article.is_not(None)
    return int(connection.execute(select(func.count()).select_from(schema.delivery).where(own)).scalar_one())


def _spoken(path: Path, count: int) -> str:
    return (
        f"{path}: this database has {count:,} notices of its own, and two histories cannot be made one: give the "
        "import an empty database ([database] url, or move this one away)"
    )


def _is_there(connection: Connection, path: Path, header: Header) -> bool:
    """Whether the ledger knows just what the export tells."""
    with opened(path) as raws, closing(told(connection, site=header.site, made_at=header.made_at)) as ours:
        next(raws)
        next(ours)  # counters may have gone on
        return all(
            raw is not None and mine is not None and mine == _as_ours(raw) for raw, mine in zip_longest(raws, ours)
        )


def _as_ours(raw: bytes) -> str:
    line = line_of(raw)
    if isinstance(line, DeliveryLine):
        ours = _delivery(line, 0, None)
        line = line.model_copy(
            update={name: getattr(ours, name) for name in DeliveryLine.model_fields if name not in _OWN}
        )
    return written(line)


def _clear(connection: Connection) -> None:
    """Forget everything, but how far we have counted and which files are to be taken away."""
    member = schema.membership.c
    pages = connection.execute(select(member.guid).where(member.term == BRIEF, member.gone_at.is_(None))).scalars()
    abandon(connection, [brief_path(guid) for guid in pages])
    for table in reversed(schema.metadata.sorted_tables):
        if table not in {schema.counter, schema.leftover}:
            connection.execute(delete(table))


# ---------------------------------------------------------------- writing


def _write(connection: Connection, path: Path, found: Survey, progress: Progress | None) -> Moved:
    writing = _Writing(connection, _count_on(connection, found.header))
    with opened(path) as raws:
        digest = hashlib.blake2b(next(raws, b""))
        lines = _again(path, raws, digest.update)
        for kind, of_kind in groupby(lines, key=type):
            while some := list(islice(of_kind, CHUNK)):
                writing.write(kind, some)
                if progress is not None:
                    progress(writing.lines, found.lines)
    if digest.digest() != found.digest:
        raise ImportRefused(f"{path}: {_CHANGED}")
    writing.end()
    return writing.moved()


def _again(path: Path, raws: Iterator[bytes], note: Callable[[bytes], object]) -> Iterator[AnyLine]:
    for raw in raws:
        note(raw)
        try:
            yield line_of(raw)
        except ValueError:
            raise ImportRefused(f"{path}: {_CHANGED}") from None


def _count_on(connection: Connection, header: Header) -> int:
    """Let our counters go on from where the export's had come; returns how many changes there were."""
    one = schema.counter.c
    changes = max(connection.execute(select(one.value).where(one.name == "seq")).scalar_one(), header.changes)
    for name, value in (("seq", changes), ("entered", header.places)):
        connection.execute(update(schema.counter).where(one.name == name).values(value=value))
    return int(max(changes, 1))


_OWN = frozenset({"is_", "article", "tries"})
"""What a line of a delivery says otherwise than the ledger."""


@dataclass(slots=True)
class _Writing:
    """Writes lines, some of one kind at a time. Row keys are given here, in the order of the lines."""

    connection: Connection
    seq: int
    lines: int = 1
    articles: int = 0
    comments: int = 0
    deliveries: int = 0
    held: int = 0
    doubtful: int = 0
    stores: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def write(self, kind: type[AnyLine], some: Sequence[Any]) -> None:
        """Write lines of one kind."""
        how: dict[type[AnyLine], Callable[[Any], None]] = {
            StoreLine: self._stores,
            CategoryLine: self._categories,
            TermLine: self._terms,
            ArticleLine: self._articles,
            CommentLine: self._comments,
            QuarantineLine: self._quarantine,
            FeedLine: self._feeds,
            PartLine: self._parts,
            FormerLine: self._former,
            TargetLine: self._targets,
            SpentLine: self._spent,
            DeliveryLine: self._deliveries,
        }
        self.lines += len(some)
        if kind in how:
            how[kind](some)

    def moved(self) -> Moved:
        """Tell what was written."""
        return Moved(
            self.articles,
            self.comments,
            self.deliveries,
            self.held,
            self.doubtful,
            tuple(self.stores),
            tuple(self.targets),
        )

    def end(self) -> None:
        """Have PostgreSQL count on from the keys given here; SQLite does so by itself."""
        given = (
            ("article", "pk", self.articles),
            ("comment", "pk", self.comments),
            ("delivery", "id", self.deliveries),
        )
        for table, key, last in given if self.connection.dialect.name == "postgresql" else ():
            if last:
                query = text("SELECT setval(pg_get_serial_sequence(:table, :key), :last)")
                self.connection.execute(query, {"table": table, "key": key, "last": last})

    def _insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        for some in chunks(rows):
            self.connection.execute(insert(table), list(some))

    # ------------------------------------------------------------ by kind

    def _stores(self, some: Sequence[StoreLine]) -> None:
        self.stores += [line.name for line in some]
        self._insert(schema.store, [{**_facts(line), "error": "", "note": ""} for line in some])

    def _categories(self, some: Sequence[CategoryLine]) -> None:
        names = ("store", "key", "name", "slug", "parent")
        self._insert(schema.category, [{name: getattr(one.category, name) for name in names} for one in some])

    def _terms(self, some: Sequence[TermLine]) -> None:
        self._insert(schema.term, [_facts(line) for line in some])

    def _articles(self, some: Sequence[ArticleLine]) -> None:
        first = self.articles + 1
        self.articles += len(some)
        keyed = list(enumerate(some, first))
        self._insert(schema.article, [_article(line, key, self.seq) for key, line in keyed])
        self._insert(schema.membership, [member for key, line in keyed for member in _members(line, key)])
        briefs = [line.article.guid for line in some if line.article.brief and line.state == LIVE]
        keep(self.connection, [brief_path(guid) for guid in briefs])

    def _comments(self, some: Sequence[CommentLine]) -> None:
        first = self.comments + 1
        self.comments += len(some)
        rows = [
            {
                "pk": key,
                "store": one.store,
                "id": one.id,
                "article": one.article,
                "published": one.published,
                "body": comment_body(one),
            }
            for key, one in enumerate((line.comment for line in some), first)
        ]
        self._insert(schema.comment, rows)

    def _quarantine(self, some: Sequence[QuarantineLine]) -> None:
        self._insert(schema.quarantine, [_facts(line) for line in some])

    def _feeds(self, some: Sequence[FeedLine]) -> None:
        # Without a digest each is one that changed: at the next start it is made what the config asks, and built.
        of_now = {"digest": "", "dirty_seq": self.seq, "built_seq": 0, "latest": "[]"}
        rows = [
            {
                "address": line.address,
                "kind": line.kind,
                "wish": line.wish,
                "owner": _list(line.owner),
                "paths": _list(line.files),
                "version": line.version,
                "etag": line.etag,
                **of_now,
            }
            for line in some
        ]
        self._insert(schema.feed, rows)
        named = [(line, term, skip) for line in some for skip, of in _sides(line) for term in of]
        sources = [{"feed": line.address, "term": term, "skip": skip} for line, term, skip in named]
        self._insert(schema.feed_source, sources)

    def _parts(self, some: Sequence[PartLine]) -> None:
        self._insert(schema.part, [{**_facts(line), "dirty_seq": self.seq, "built_seq": 0} for line in some])

    def _former(self, some: Sequence[FormerLine]) -> None:
        self._insert(schema.former, [{**_facts(line), "owner": _list(line.owner)} for line in some])

    def _targets(self, some: Sequence[TargetLine]) -> None:
        self.targets += [line.name for line in some]
        fresh = {"failures": 0, "rest_until": EPOCH, "slot_until": EPOCH, "memory": "{}"}
        self._insert(schema.target, [{**_facts(line), **fresh} for line in some])

    def _spent(self, some: Sequence[SpentLine]) -> None:
        self._insert(schema.spent, [_facts(line) for line in some])

    def _deliveries(self, some: Sequence[DeliveryLine]) -> None:
        first = self.deliveries + 1
        self.deliveries += len(some)
        keys = self._keys([line.article for line in some if line.article is not None])
        ours = [_delivery(line, key, keys.get(line.article or "")) for key, line in enumerate(some, first)]
        self.held += sum(one.held_by == MOVED and one.state is State.HELD for one in ours)
        self.doubtful += sum(one.state is State.DOUBTFUL for one in ours)
        self._insert(schema.delivery, [{"id": one.id, **delivery_fields(one)} for one in ours])
        tries = [
            {"delivery": key, **dict(one), "action": str(one.action)}
            for key, line in enumerate(some, first)
            for one in line.tries
        ]
        self._insert(schema.attempt, tries)

    def _keys(self, guids: Sequence[str]) -> dict[str, int]:
        one = schema.article.c
        return {
            row.guid: row.pk
            for few in chunks(guids)
            for row in self.connection.execute(select(one.guid, one.pk).where(one.guid.in_(few)))
        }


def _facts(line: Any) -> Fields:  # noqa: ANN401 - any line whose keys are columns
    return {name: value for name, value in line if name != "is_"}


def _article(line: ArticleLine, key: int, seq: int) -> Fields:
    article = line.article
    return {
        "pk": key,
        "store": article.store,
        "id": article.id,
        "guid": article.guid,
        "fingerprint": line.fingerprint,
        "headline": line.headline,
        "revision": line.revision,
        "seq": seq,
        "entered": line.place,
        "comments": line.comments,
        "recount_at": line.recount_at,
        "state": line.state,
        "gone": line.gone,
        "published": article.published,
        "updated": article.updated,
        "withdrawn_at": line.withdrawn_at,
        "body": article_body(article),
    }


def _members(line: ArticleLine, key: int) -> Iterator[Fields]:
    """Write under which terms feeds find it: if it is live by what it says, else by what it said when it left them."""
    article = line.article
    found = tuple(terms(article)) if line.state == LIVE else line.left.terms if line.left is not None else ()
    facts = {"article": key, "published": article.published, "guid": article.guid, "entered": line.place}
    yield from ({**facts, "term": term, "gone_at": line.left.at if line.left is not None else None} for term in found)


def _list(texts: Sequence[str]) -> str:
    return json.dumps(texts)


def _sides(line: FeedLine) -> tuple[tuple[bool, tuple[str, ...]], ...]:
    return (False, line.sources), (True, line.skips)


def _delivery(line: DeliveryLine, key: int, article: int | None) -> Delivery:
    """Make it ours: how it stood there is not how it stands here."""
    facts = {name: value for name, value in line if name not in _OWN}
    return arrived(Delivery(id=key, article=article, **facts))
