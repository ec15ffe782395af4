"""a record of what a step of a poll changed -> the rows of the ledger, in one transaction. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, text, update

from feedpub.changes import GONE, MISSED, PRESENT, SKIPPED
from feedpub.errors import GuidTaken, Superseded
from feedpub.ledger import schema
from feedpub.ledger.comments import count_what_came_before, write_comments
from feedpub.ledger.feeds import soil, soil_all
from feedpub.ledger.leftovers import abandon_pages, keep_pages
from feedpub.ledger.moving import insert_owed, move_all
from feedpub.ledger.renaming import keep_up, take_over
from feedpub.ledger.rows import (
    CHUNK,
    CLEAN,
    LIVE,
    PUT_BACK,
    WAITING,
    WITHDRAWN,
    AnyRow,
    article_body,
    chunks,
    next_seq,
    raise_counter,
)
from feedpub.model import Article, Category, Comment, Quarantined, Target
from feedpub.notices.lifecycle import Edited, Event, Restored, Withdrawn
from feedpub.notices.plan import Owed
from feedpub.terms import of_category, terms


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

    `expected` is the cursor the batch was asked with: if it has moved since, nothing is written. `kind` is that of
    the store which gave the next one (empty: it stays); `cleaner` names the rules by which all is cleaned, from the
    beginning on (empty: it stays). `ripe`: those of `written` were waiting for their time, and it has come.
    `unsure`: the ledger was put back, and feedpub may have acted on all this before.
    `restored` are those of `written` that had been withdrawn; `recleaned` those that nobody edited: only our own
    cleaning is another, or another kind of store tells of them; `claimed` are the ids that such a one gives to
    articles, by those they had; `strangers` those of `written` to whom another article leaves its id; `gone` are
    levels of `changes.PRESENT/MISSED/GONE/SKIPPED` by id.
    """

    store: str
    expected: str | None
    cursor: str | None
    live: bool
    kind: str = ""
    cleaner: str = ""
    written: tuple[Written, ...] = ()
    restored: frozenset[str] = frozenset()
    recleaned: frozenset[str] = frozenset()
    claimed: Mapping[str, str] = field(default_factory=dict)
    strangers: frozenset[str] = frozenset()
    ripe: bool = False
    unsure: bool = False
    withdrawn: tuple[str, ...] = ()
    gone: Mapping[str, int] | None = None
    quarantined: tuple[Quarantine, ...] = ()
    categories: tuple[Category, ...] | None = None
    comments: tuple[Comment, ...] = ()
    comments_gone: tuple[str, ...] = ()
    owed: tuple[Owed, ...] = ()


def write(connection: Connection, record: Record, targets: Mapping[str, Target], now: datetime) -> bool:
    """Write all of a record in the transaction of `connection`.

    Tells whether other feeds may come of it: by a category, by a tag or an author never seen before, by comments.
    Raises Superseded if the cursor is not the expected one any more, or what was ripe is not, and GuidTaken.
    """
    seq = next_seq(connection)
    phase = _move_cursor(connection, record, now)
    if phase == PUT_BACK and record.live:
        soil_all(connection, seq)  # what the files say is of a later ledger than this one was until now
    others = record.categories is not None and _replace_categories(connection, record.store, record.categories, seq)
    if record.claimed or record.strangers:
        take_over(connection, record.store, record.claimed, record.strangers)
    keys, named = _write_articles(connection, record, seq, now)
    _move_edited(connection, record, keys, targets, now)
    _withdraw(connection, record, targets, seq, now)
    touched = set(keys.values())
    for some in _let_enter(connection, record.store) if record.live else ():
        soil(connection, some, seq)
        touched.difference_update(some)
    soil(connection, sorted(touched), seq)
    _mark_gone(connection, record)
    _replace_quarantine(connection, record, now)
    write_comments(
        connection, record.store, record.comments, record.comments_gone, seq, now, baseline=phase == "baseline"
    )
    insert_owed(connection, record.owed, now)
    return named or others or bool(record.comments)


def ensure_store(connection: Connection, name: str) -> None:
    """Make the row of a store that was never polled."""
    if connection.execute(select(schema.store.c.name).where(schema.store.c.name == name)).first() is None:
        connection.execute(insert(schema.store).values(name=name, cursor=None, phase="baseline", error="", note=""))


def _move_cursor(connection: Connection, record: Record, now: datetime) -> str:
    """Move it, and tell in which phase the store was until now."""
    ensure_store(connection, record.store)
    phase = connection.execute(select(schema.store.c.phase).where(schema.store.c.name == record.store)).scalar_one()
    same = schema.store.c.cursor.is_(None) if record.expected is None else schema.store.c.cursor == record.expected
    told = {"phase": "live" if record.live else "", "kind": record.kind, "cleaner": record.cleaner}
    facts = {name: said for name, said in told.items() if said}
    moved = connection.execute(
        update(schema.store)
        .where((schema.store.c.name == record.store) & same)
        .values(cursor=record.cursor, polled_at=now, **facts)
    )
    if moved.rowcount != 1:
        raise Superseded(f"stores.{record.store}: another poll was faster; nothing of this one was recorded")
    return str(phase)


def _replace_categories(connection: Connection, store: str, categories: Iterable[Category], seq: int) -> bool:
    """Take over a store's taxonomy, and tell whether it is another one.

    Entries name their categories: those of a renamed one are new versions.
    """
    of_store = schema.category.c.store == store
    there = {row.key: row for row in connection.execute(select(schema.category).where(of_store))}
    kept, moved = keep_up(connection, store, list({one.key: one for one in categories}.values()))
    before = {moved.get(row.key, row.key): row.name for row in there.values()}
    after = {one.key: one for one in kept}
    rows = [
        {"store": store, "key": one.key, "name": one.name, "slug": one.slug, "parent": one.parent}
        for one in after.values()
    ]
    if {key: dict(row._mapping) for key, row in there.items()} == {row["key"]: row for row in rows}:  # noqa: SLF001 - the documented way
        return False
    connection.execute(delete(schema.category).where(of_store))
    if rows:
        connection.execute(insert(schema.category), rows)
    names = {key: one.name for key, one in after.items()}
    renamed = [of_category((store, key)) for key in before.keys() | names.keys() if before.get(key) != names.get(key)]
    member = schema.membership.c
    for some in chunks(renamed):
        keys = connection.execute(select(member.article).where(member.term.in_(some)).distinct()).scalars().all()
        for few in chunks(keys):
            connection.execute(update(schema.article).where(schema.article.c.pk.in_(few)).values(seq=seq))
            soil(connection, few, seq)
    return True


def _write_articles(connection: Connection, record: Record, seq: int, now: datetime) -> tuple[dict[str, int], bool]:
    """Insert or replace; returns the row key by article id, and whether a tag or an author was never seen before."""
    before = _known(connection, record.store, [one.article.id for one in record.written])
    if record.ripe:
        _refuse_moved(record, before)
    asleep = {row.pk for row in before.values() if row.state == WAITING} if not record.ripe else set()
    soil(connection, [row.pk for row in before.values()], seq)
    fresh = [_article_fields(one, seq, now) for one in record.written if one.article.id not in before]
    keys = {id_: row.pk for id_, row in before.items()}
    if fresh:
        _refuse_taken(connection, [one["guid"] for one in fresh])
        rows = connection.execute(insert(schema.article).returning(schema.article.c.pk, schema.article.c.id), fresh)
        fresh_keys = {row.id: row.pk for row in rows}
        count_what_came_before(connection, list(fresh_keys.values()), now)
        keys |= fresh_keys
    for one in record.written:
        if one.article.id in before:
            key = keys[one.article.id]
            fields = _article_fields(one, seq, now)
            if key in asleep:
                # Only `ripen` wakes it: else an edit that comes as its time does would make old news of it.
                fields["state"] = WAITING
            connection.execute(update(schema.article).where(schema.article.c.pk == key).values(**fields))
    awake = [
        one.article for one in record.written if keys[one.article.id] not in asleep and one.article.published <= now
    ]
    _leave_feeds(connection, [row.pk for row in before.values()], now)
    entered = {id_: row.entered for id_, row in before.items()}
    named = _file(connection, [(one, keys[one.id], entered.get(one.id, 0)) for one in awake])
    keep_pages(connection, [keys[one.id] for one in awake])
    return keys, named


def _refuse_moved(record: Record, before: Mapping[str, AnyRow]) -> None:
    """Since they were found ripe, these may have been edited, withdrawn, or let out by somebody else."""
    asleep = {id_: row.fingerprint for id_, row in before.items() if row.state == WAITING}
    if asleep != {one.article.id: one.fingerprint for one in record.written}:
        raise Superseded(f"stores.{record.store}: what was ripe is not as it was; nothing of it was recorded")


def _refuse_taken(connection: Connection, guids: Sequence[str]) -> None:
    """Another store may have recorded one of these guids since they were looked at."""
    for some in chunks(guids):
        if connection.execute(select(schema.article.c.pk).where(schema.article.c.guid.in_(some)).limit(1)).first():
            raise GuidTaken("another store was faster with one of these guids; nothing of this batch was recorded")


def _file(connection: Connection, articles: Sequence[tuple[Article, int, int]]) -> bool:
    """Put live articles, each with its key and its place, under their terms, and under no others.

    Tells whether a tag or an author was never seen before.
    """
    for keys in chunks([key for _, key, _ in articles]):
        connection.execute(delete(schema.membership).where(schema.membership.c.article.in_(keys)))
    names: dict[str, str] = {}
    members: list[dict[str, Any]] = []
    for article, key, entered in articles:
        filed = terms(article)
        names |= {term: name for term, name in filed.items() if name}
        facts = {"article": key, "published": article.published, "guid": article.guid, "entered": entered}
        members += [{**facts, "term": term} for term in filed]
    if members:
        connection.execute(insert(schema.membership), members)
    fresh = False
    for some in chunks(list(names)):
        have = connection.execute(select(schema.term.c.term).where(schema.term.c.term.in_(some))).scalars().all()
        if new := set(some) - set(have):
            connection.execute(insert(schema.term), [{"term": one, "name": names[one]} for one in sorted(new)])
            fresh = True
    return fresh


def _leave_feeds(connection: Connection, keys: Sequence[int], now: datetime) -> None:
    """Take articles out of feeds. They stay under their terms, as gone: feeds tell so for a while."""
    member = schema.membership.c
    for some in chunks(keys):
        there = member.article.in_(some) & member.gone_at.is_(None)
        connection.execute(update(schema.membership).where(there).values(gone_at=now))
    abandon_pages(connection, keys)


def _let_enter(connection: Connection, store: str) -> Iterator[Sequence[int]]:
    """Give each article that went live the next place, in the order of their dates: what archives are cut by.

    Tells whom, some at a time: of a baseline that was cut short, some were written long before; its last step lets the
    whole archive in.
    """
    article = schema.article.c
    waiting = select(article.pk).where(text(schema.UNPLACED), article.store == store)
    some = waiting.order_by(article.published, article.guid).limit(CHUNK)
    while keys := connection.execute(some).scalars().all():
        first = raise_counter(connection, "entered", len(keys)) - len(keys) + 1
        places = [{"key": key, "place": place} for place, key in enumerate(keys, start=first)]
        for table, key in ((schema.article, article.pk), (schema.membership, schema.membership.c.article)):
            connection.execute(update(table).where(key == bindparam("key")).values(entered=bindparam("place")), places)
        yield keys
        if len(keys) < CHUNK:
            return


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
        "gone": PRESENT,
        "published": article.published,
        "updated": article.updated,
        "withdrawn_at": None,
        "body": article_body(article),
    }


def _move_edited(
    connection: Connection, record: Record, keys: Mapping[str, int], targets: Mapping[str, Target], now: datetime
) -> None:
    events: dict[int, Event] = {}
    for one in record.written:
        if one.article.id in record.recleaned:
            continue
        events[keys[one.article.id]] = _happened(one, record, now)
    move_all(connection, events, targets, now, heard=record.unsure)


def _happened(one: Written, record: Record, now: datetime) -> Event:
    """What a written article means for deliveries that exist: dated into the future, it is public no more for now."""
    if one.article.published > now:
        return Withdrawn()
    if record.ripe or one.article.id in record.restored:
        return Restored(one.revision, one.article.announce)
    return Edited(one.revision, one.article.announce)


def _withdraw(connection: Connection, record: Record, targets: Mapping[str, Target], seq: int, now: datetime) -> None:
    for some in chunks(list(_keys(connection, record.store, record.withdrawn).values())):
        _withdraw_some(connection, some, targets, seq, now)


def _withdraw_some(
    connection: Connection, keys: Sequence[int], targets: Mapping[str, Target], seq: int, now: datetime
) -> None:
    soil(connection, keys, seq)
    _leave_feeds(connection, keys, now)
    # What nobody has seen yet is forgotten: if it comes back, it is news.
    seen = exists().where(schema.delivery.c.article == schema.article.c.pk)
    unseen = (schema.article.c.state == WAITING) & (schema.article.c.entered == 0) & ~seen
    connection.execute(delete(schema.article).where(schema.article.c.pk.in_(keys) & unseen))
    connection.execute(
        update(schema.article)
        .where(schema.article.c.pk.in_(keys))
        .values(state=WITHDRAWN, withdrawn_at=now, gone=GONE, seq=seq)
    )
    move_all(connection, dict.fromkeys(keys, Withdrawn()), targets, now)


def _mark_gone(connection: Connection, record: Record) -> None:
    for level in (PRESENT, MISSED, GONE, SKIPPED):
        ids = [id_ for id_, given in (record.gone or {}).items() if given == level]
        for some in chunks(ids):
            connection.execute(
                update(schema.article)
                .where((schema.article.c.store == record.store) & schema.article.c.id.in_(some))
                .values(gone=level)
            )


def _replace_quarantine(connection: Connection, record: Record, now: datetime) -> None:
    judged = [one.article.id for one in record.written] + [one.what.id for one in record.quarantined]
    for some in chunks([*judged, *record.withdrawn, *record.claimed]):
        connection.execute(
            delete(schema.quarantine).where(
                (schema.quarantine.c.store == record.store) & schema.quarantine.c.id.in_(some)
            )
        )
    _forget_unseen(connection, record)
    rows = {
        one.what.id: {
            "store": record.store,
            "id": one.what.id,
            "fingerprint": one.fingerprint,
            "reason": one.what.reason,
            "stage": CLEAN,
            "at": now,
        }
        for one in record.quarantined
    }
    if rows:
        connection.execute(insert(schema.quarantine), list(rows.values()))


def _forget_unseen(connection: Connection, record: Record) -> None:
    """What is gone, and is no article or one that is withdrawn, needs no reason any more."""
    forget_reasons(connection, record.store, [id_ for id_, level in (record.gone or {}).items() if level >= GONE])


def forget_reasons(connection: Connection, store: str, ids: Sequence[str]) -> None:
    """Forget why these are kept out, but for those that still are articles: the way they were is still public."""
    kept_out, article = schema.quarantine.c, schema.article.c
    seen = exists().where(
        (article.store == kept_out.store) & (article.id == kept_out.id) & (article.state != WITHDRAWN)
    )
    for some in chunks(ids):
        connection.execute(delete(schema.quarantine).where((kept_out.store == store) & kept_out.id.in_(some) & ~seen))


def _keys(connection: Connection, store: str, ids: Sequence[str]) -> dict[str, int]:
    return {id_: row.pk for id_, row in _known(connection, store, ids).items()}


def _known(connection: Connection, store: str, ids: Sequence[str]) -> dict[str, AnyRow]:
    one = schema.article.c
    found: dict[str, AnyRow] = {}
    for some in chunks(list(ids)):
        rows = connection.execute(
            select(one.id, one.pk, one.state, one.entered, one.fingerprint).where(
                (one.store == store) & one.id.in_(some)
            )
        )
        found |= {row.id: row for row in rows}
    return found
