"""What we have seen: articles, categories, cursors, quarantine. One transaction per method; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, literal, select, update

from feedpub.changes import GONE, MISSED, PRESENT, Known
from feedpub.errors import Superseded
from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.deliveries import insert_owed, move_all
from feedpub.ledger.feeds import soil, soil_all
from feedpub.ledger.rows import AnyRow, article_body, article_of, next_seq
from feedpub.model import Article, Category, Quarantined, Target
from feedpub.notices.lifecycle import Edited, Event, Restored, Withdrawn
from feedpub.notices.plan import Owed

_CHUNK = 500
WAITING, LIVE, WITHDRAWN = "waiting", "live", "withdrawn"


@dataclass(frozen=True, slots=True)
class Written:
    """An article to be recorded, and the marks it is known by."""

    article: Article
    fingerprint: str
    headline: str
    revision: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An article kept out, and the row that was judged."""

    what: Quarantined
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Record:
    """All that one step of a poll changes, to be written in one transaction.

    `expected` is the cursor the batch was asked with: if it has moved since, nothing is written. `ripe`: those of
    `written` were waiting for their time, and it has come.
    `restored` are those of `written` that had been withdrawn; `gone` are levels of
    `changes.PRESENT/MISSED/GONE` by id.
    """

    store: str
    expected: str | None
    cursor: str | None
    live: bool
    written: tuple[Written, ...] = ()
    restored: frozenset[str] = frozenset()
    ripe: bool = False
    withdrawn: tuple[str, ...] = ()
    gone: Mapping[str, int] | None = None
    quarantined: tuple[Quarantine, ...] = ()
    categories: tuple[Category, ...] | None = None
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreState:
    """Where polling of one store stands."""

    name: str
    cursor: str | None
    baseline: bool
    polled_at: datetime | None
    failed_since: datetime | None
    error: str
    note: str
    rechecked_at: datetime | None
    censused_at: datetime | None


class Articles:
    """The articles' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    # ------------------------------------------------------------ looking

    def store_state(self, store: str) -> StoreState:
        """Tell where a store stands; one never polled is in its baseline."""
        with self._database.read() as connection:
            row = connection.execute(select(schema.store).where(schema.store.c.name == store)).first()
        if row is None:
            return StoreState(store, None, baseline=True, polled_at=None, failed_since=None, error="", note="",
                              rechecked_at=None, censused_at=None)  # fmt: skip
        return _store_state(row)

    def store_states(self) -> tuple[StoreState, ...]:
        """Every store ever polled."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.store).order_by(schema.store.c.name)).all()
        return tuple(_store_state(row) for row in rows)

    def known(self, store: str, ids: Iterable[str]) -> dict[str, Known]:
        """What we remember of these articles, quarantined ones included."""
        found: dict[str, Known] = {}
        with self._database.read() as connection:
            for some in _chunks(list(ids)):
                where = (schema.article.c.store == store) & schema.article.c.id.in_(some)
                for row in connection.execute(_known_columns().where(where)):
                    found[row.id] = _known(row)
                for row in connection.execute(
                    select(schema.quarantine).where(
                        (schema.quarantine.c.store == store) & schema.quarantine.c.id.in_(some)
                    )
                ):
                    found[row.id] = _with_quarantine(found.get(row.id), row)
        return found

    def known_live(self, store: str) -> Iterator[Known]:
        """Every article of a store that is not withdrawn, in bounded memory."""
        after = ""
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    _known_columns()
                    .where(
                        (schema.article.c.store == store)
                        & (schema.article.c.state != WITHDRAWN)
                        & (schema.article.c.id > after)
                    )
                    .order_by(schema.article.c.id)
                    .limit(_CHUNK)
                ).all()
            yield from map(_known, rows)
            if len(rows) < _CHUNK:
                return
            after = rows[-1].id

    def guid_owners(self, guids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Who has these guids: (store, id) by guid."""
        found: dict[str, tuple[str, str]] = {}
        with self._database.read() as connection:
            for some in _chunks(list(guids)):
                for row in connection.execute(
                    select(schema.article.c.guid, schema.article.c.store, schema.article.c.id).where(
                        schema.article.c.guid.in_(some)
                    )
                ):
                    found[row.guid] = (row.store, row.id)
        return found

    def categories(self) -> tuple[Category, ...]:
        """Every category of every store."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.category).order_by(schema.category.c.store, schema.category.c.key))
            return tuple(Category(**row._mapping) for row in rows)  # noqa: SLF001 - the documented way

    def live_count(self, store: str) -> int:
        """How many articles of a store are public."""
        with self._database.read() as connection:
            return _live_count(connection, store)

    def surely_gone(self, store: str) -> tuple[str, ...]:
        """Articles that the store has no more, but that are not withdrawn yet."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article.c.id).where(
                    (schema.article.c.store == store)
                    & (schema.article.c.gone == GONE)
                    & (schema.article.c.state != WITHDRAWN)
                )
            )
            return tuple(row.id for row in rows)

    def by_key(self, key: int) -> Written:
        """The article of a delivery, as it is now."""
        with self._database.read() as connection:
            row = connection.execute(select(schema.article).where(schema.article.c.pk == key)).one()
        return Written(article_of(row.body), row.fingerprint, row.headline, row.revision)

    def ripe(self, now: datetime, limit: int = _CHUNK) -> tuple[Written, ...]:
        """Articles dated in the future whose time has come."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article)
                .where((schema.article.c.state == WAITING) & (schema.article.c.published <= now))
                .order_by(schema.article.c.published)
                .limit(limit)
            )
            return tuple(Written(article_of(row.body), row.fingerprint, row.headline, row.revision) for row in rows)

    def next_ripe(self) -> datetime | None:
        """When the next future-dated article's time comes."""
        with self._database.read() as connection:
            return connection.execute(
                select(func.min(schema.article.c.published)).where(schema.article.c.state == WAITING)
            ).scalar()

    def since(self, moment: datetime) -> tuple[Article, ...]:
        """Public articles published since."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article.c.body).where(
                    (schema.article.c.state == LIVE) & (schema.article.c.published >= moment)
                )
            )
            return tuple(article_of(row.body) for row in rows)

    def find(self, name: str) -> tuple[Article, ...]:
        """Public articles by id or guid, whatever their store."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article.c.body).where(
                    (schema.article.c.state == LIVE) & ((schema.article.c.id == name) | (schema.article.c.guid == name))
                )
            )
            return tuple(article_of(row.body) for row in rows)

    def counts(self) -> dict[str, int]:
        """How many articles are in each state, and how many in quarantine."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.article.c.state, func.count()).group_by(schema.article.c.state))
            by_state: dict[str, int] = {row[0]: row[1] for row in rows}
            kept_out = connection.execute(select(func.count()).select_from(schema.quarantine)).scalar_one()
        return by_state | {"quarantined": kept_out}

    def quarantined(self) -> tuple[tuple[str, Quarantined], ...]:
        """What is kept out, by store, and why."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.quarantine).order_by(schema.quarantine.c.at.desc()).limit(1000))
            return tuple((row.store, Quarantined(row.id, row.reason)) for row in rows)

    # ------------------------------------------------------------ recording

    def record(self, record: Record, targets: Mapping[str, Target], now: datetime) -> None:
        """Write a step of a poll: articles, cursor, feeds to rebuild, deliveries owed and moved; or nothing.

        Raises Superseded if the cursor is not the expected one any more.
        """
        with self._database.write() as connection:
            seq = next_seq(connection)
            _move_cursor(connection, record, now)
            if record.categories is not None:
                _replace_categories(connection, record.store, record.categories)
                soil_all(connection, seq)
            keys = _write_articles(connection, record, seq, now)
            _move_edited(connection, record, keys, targets, now)
            _withdraw(connection, record, targets, seq, now)
            _mark_gone(connection, record)
            _replace_quarantine(connection, record, now)
            insert_owed(connection, record.owed, now)

    def note_poll(self, store: str, *, now: datetime, error: str = "") -> None:
        """Remember how the last poll ended: since when it fails, and why."""
        with self._database.write() as connection:
            _ensure_store(connection, store)
            failed_since = func.coalesce(schema.store.c.failed_since, literal(now, schema.Moment())) if error else None
            connection.execute(
                update(schema.store)
                .where(schema.store.c.name == store)
                .values(polled_at=now, error=error, failed_since=failed_since)
            )

    def note(self, store: str, note: str) -> None:
        """Remember something to be told of a store, such as a guard that holds; empty when it is over."""
        with self._database.write() as connection:
            connection.execute(update(schema.store).where(schema.store.c.name == store).values(note=note))

    def note_census(self, store: str, *, now: datetime, whole: bool) -> None:
        """Remember when we last looked what is there."""
        moments = {"rechecked_at": now} | ({"censused_at": now} if whole else {})
        with self._database.write() as connection:
            connection.execute(update(schema.store).where(schema.store.c.name == store).values(**moments))


# ---------------------------------------------------------------- the steps of `record`


def _ensure_store(connection: Connection, name: str) -> None:
    if connection.execute(select(schema.store.c.name).where(schema.store.c.name == name)).first() is None:
        connection.execute(insert(schema.store).values(name=name, cursor=None, phase="baseline", error="", note=""))


def _move_cursor(connection: Connection, record: Record, now: datetime) -> None:
    _ensure_store(connection, record.store)
    same = schema.store.c.cursor.is_(None) if record.expected is None else schema.store.c.cursor == record.expected
    moved = connection.execute(
        update(schema.store)
        .where((schema.store.c.name == record.store) & same)
        .values(cursor=record.cursor, phase="live" if record.live else "baseline", polled_at=now)
    )
    if moved.rowcount != 1:
        raise Superseded(f"stores.{record.store}: another poll was faster; nothing of this one was recorded")


def _replace_categories(connection: Connection, store: str, categories: Iterable[Category]) -> None:
    connection.execute(delete(schema.category).where(schema.category.c.store == store))
    rows = [
        {"store": store, "key": one.key, "name": one.name, "slug": one.slug, "parent": one.parent}
        for one in {one.key: one for one in categories}.values()
    ]
    if rows:
        connection.execute(insert(schema.category), rows)


def _write_articles(connection: Connection, record: Record, seq: int, now: datetime) -> dict[str, int]:
    """Insert or replace; returns the row key by article id."""
    before = _keys(connection, record.store, [one.article.id for one in record.written])
    asleep = _waiting(connection, list(before.values())) if not record.ripe else frozenset()
    soil(connection, list(before.values()), seq)
    fresh = [_article_fields(one, seq, now) for one in record.written if one.article.id not in before]
    keys = dict(before)
    if fresh:
        rows = connection.execute(insert(schema.article).returning(schema.article.c.pk, schema.article.c.id), fresh)
        keys |= {row.id: row.pk for row in rows}
    for one in record.written:
        if one.article.id in before:
            key = before[one.article.id]
            fields = _article_fields(one, seq, now)
            if key in asleep:
                # Only `ripen` wakes it: else an edit that comes as its time does would make old news of it.
                fields["state"] = WAITING
            connection.execute(update(schema.article).where(schema.article.c.pk == key).values(**fields))
            connection.execute(delete(schema.membership).where(schema.membership.c.article == key))
    awake = [one.article for one in record.written if keys[one.article.id] not in asleep]
    members = [row for one in awake for row in _membership(one, keys[one.id], now)]
    if members:
        connection.execute(insert(schema.membership), members)
    soil(connection, list(keys.values()), seq)
    return keys


def _article_fields(written: Written, seq: int, now: datetime) -> dict[str, Any]:
    article = written.article
    return {
        "store": article.store,
        "id": article.id,
        "guid": article.guid,
        "fingerprint": written.fingerprint,
        "headline": written.headline,
        "revision": written.revision,
        "seq": seq,
        "state": LIVE if article.published <= now else WAITING,
        "brief": article.brief,
        "gone": PRESENT,
        "published": article.published,
        "updated": article.updated,
        "withdrawn_at": None,
        "body": article_body(article),
    }


def _membership(article: Article, key: int, now: datetime) -> Iterator[dict[str, Any]]:
    if article.published > now:
        return
    for category in dict.fromkeys(article.categories):
        yield {
            "article": key,
            "category": category,
            "store": article.store,
            "published": article.published,
            "guid": article.guid,
        }


def _move_edited(
    connection: Connection, record: Record, keys: Mapping[str, int], targets: Mapping[str, Target], now: datetime
) -> None:
    events: dict[int, Event] = {}
    for one in record.written:
        kind = Restored if one.article.id in record.restored else Edited
        events[keys[one.article.id]] = kind(one.revision, one.article.announce)
    move_all(connection, events, targets, now)


def _withdraw(connection: Connection, record: Record, targets: Mapping[str, Target], seq: int, now: datetime) -> None:
    keys = list(_keys(connection, record.store, record.withdrawn).values())
    if not keys:
        return
    soil(connection, keys, seq)
    connection.execute(delete(schema.membership).where(schema.membership.c.article.in_(keys)))
    # What nobody has seen yet is forgotten: if it comes back, it is news.
    seen = exists().where(schema.delivery.c.article == schema.article.c.pk)
    unseen = (schema.article.c.state == WAITING) & ~seen
    connection.execute(delete(schema.article).where(schema.article.c.pk.in_(keys) & unseen))
    connection.execute(
        update(schema.article)
        .where(schema.article.c.pk.in_(keys))
        .values(state=WITHDRAWN, withdrawn_at=now, gone=GONE, seq=seq)
    )
    move_all(connection, dict.fromkeys(keys, Withdrawn()), targets, now)


def _mark_gone(connection: Connection, record: Record) -> None:
    for level in (PRESENT, MISSED, GONE):
        ids = [id_ for id_, given in (record.gone or {}).items() if given == level]
        for some in _chunks(ids):
            connection.execute(
                update(schema.article)
                .where((schema.article.c.store == record.store) & schema.article.c.id.in_(some))
                .values(gone=level)
            )


def _replace_quarantine(connection: Connection, record: Record, now: datetime) -> None:
    judged = [one.article.id for one in record.written] + [one.what.id for one in record.quarantined]
    for some in _chunks([*judged, *record.withdrawn]):
        connection.execute(
            delete(schema.quarantine).where(
                (schema.quarantine.c.store == record.store) & schema.quarantine.c.id.in_(some)
            )
        )
    rows = {
        one.what.id: {
            "store": record.store,
            "id": one.what.id,
            "fingerprint": one.fingerprint,
            "reason": one.what.reason,
            "at": now,
        }
        for one in record.quarantined
    }
    if rows:
        connection.execute(insert(schema.quarantine), list(rows.values()))


# ---------------------------------------------------------------- small things


def _keys(connection: Connection, store: str, ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _chunks(list(ids)):
        rows = connection.execute(
            select(schema.article.c.id, schema.article.c.pk).where(
                (schema.article.c.store == store) & schema.article.c.id.in_(some)
            )
        )
        found |= {row.id: row.pk for row in rows}
    return found


def _waiting(connection: Connection, keys: Sequence[int]) -> frozenset[int]:
    rows = connection.execute(
        select(schema.article.c.pk).where(schema.article.c.pk.in_(keys) & (schema.article.c.state == WAITING))
    )
    return frozenset(row.pk for row in rows)


def _live_count(connection: Connection, store: str) -> int:
    return connection.execute(
        select(func.count()).where((schema.article.c.store == store) & (schema.article.c.state != WITHDRAWN))
    ).scalar_one()


def _known_columns() -> Any:  # noqa: ANN401 - a Select of many columns has no short type
    one = schema.article.c
    return select(one.id, one.fingerprint, one.headline, one.revision, one.guid, one.state, one.gone)


def _known(row: AnyRow) -> Known:
    return Known(
        id=row.id,
        fingerprint=row.fingerprint,
        headline=row.headline,
        revision=row.revision,
        guid=row.guid,
        withdrawn=row.state == WITHDRAWN,
        gone=row.gone,
    )


def _with_quarantine(known: Known | None, row: AnyRow) -> Known:
    if known is None:
        return Known(id=row.id, fingerprint=row.fingerprint, headline="", revision=0)
    return Known(known.id, row.fingerprint, known.headline, known.revision, known.guid, known.withdrawn, known.gone)


def _store_state(row: AnyRow) -> StoreState:
    return StoreState(
        name=row.name,
        cursor=row.cursor,
        baseline=row.phase == "baseline",
        polled_at=row.polled_at,
        failed_since=row.failed_since,
        error=row.error,
        note=row.note,
        rechecked_at=row.rechecked_at,
        censused_at=row.censused_at,
    )


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
