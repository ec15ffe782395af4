"""What we have seen: articles, categories, cursors, quarantine. One transaction per method; decides nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, case, func, literal, select, type_coerce, update

from feedpub.changes import GONE, UNCLAIMED, Known
from feedpub.ledger import schema
from feedpub.ledger.comments import recount
from feedpub.ledger.database import Database
from feedpub.ledger.feeds import expire_tombstones
from feedpub.ledger.recording import Record, Written, ensure_store, forget_reasons, write
from feedpub.ledger.renaming import begin_anew, rename
from feedpub.ledger.rows import CHUNK, LIVE, WAITING, WITHDRAWN, AnyRow, article_of, chunks, next_seq
from feedpub.model import Article, Category, Quarantined, Target


@dataclass(frozen=True, slots=True)
class StoreState:
    """Where polling of one store stands."""

    name: str
    cursor: str | None
    phase: str
    """`baseline`, `adopting` (renaming.py), `put back` (restoring.py) or `live`."""
    polled_at: datetime | None
    failed_since: datetime | None
    error: str
    note: str
    rechecked_at: datetime | None
    censused_at: datetime | None
    cleaner: str | None = None
    """The digest of the rules that its articles were cleaned by."""
    kind: str | None = None
    """What kind of store gave the cursor; None while there is none."""
    news_since: datetime | None = None
    """While it is `adopting`: when the newest article was published that its former kind told of.

    While it is `put back`: when that was.
    """
    asked_at: datetime | None = None
    """When somebody asked for a poll that is still owed."""

    @property
    def baseline(self) -> bool:
        """Whether its first poll is not over."""
        return self.phase == "baseline"

    @property
    def live(self) -> bool:
        """Whether it was read to its end since it began."""
        return self.phase == "live"


_SEQ = select(schema.counter.c.value).where(schema.counter.c.name == "seq")
_ASKED = select(schema.store.c.name, schema.store.c.asked_at).where(schema.store.c.asked_at.is_not(None))
KEPT = 16
"""Articles kept as they were last read: what many targets are told of at once."""


@dataclass(slots=True)
class _Read:
    """What was read since something was last recorded, at `seq`."""

    seq: int = -1
    written: dict[int, Written] = field(default_factory=dict)
    categories: tuple[Category, ...] | None = None


class Articles:
    """The articles' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database
        self._read = _Read()

    # ------------------------------------------------------------ looking

    def store_state(self, store: str) -> StoreState:
        """Tell where a store stands; one never polled is in its baseline."""
        with self._database.read() as connection:
            row = connection.execute(select(schema.store).where(schema.store.c.name == store)).first()
        if row is None:
            return StoreState(store, None, "baseline", polled_at=None, failed_since=None, error="", note="",
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
            for some in chunks(list(ids)):
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
                    .limit(CHUNK)
                ).all()
            yield from map(_known, rows)
            if len(rows) < CHUNK:
                return
            after = rows[-1].id

    def guid_owners(self, guids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Who has these guids: (store, id) by guid."""
        found: dict[str, tuple[str, str]] = {}
        with self._database.read() as connection:
            for some in chunks(list(guids)):
                for row in connection.execute(
                    select(schema.article.c.guid, schema.article.c.store, schema.article.c.id).where(
                        schema.article.c.guid.in_(some)
                    )
                ):
                    found[row.guid] = (row.store, row.id)
        return found

    def left(self, store: str, guids: Iterable[str]) -> dict[str, Known]:
        """Those of a store that another kind left and that were not met since, by guid."""
        one = schema.article.c
        with self._database.read() as connection:
            return {
                row.guid: _known(row)
                for some in chunks(list(guids))
                for row in connection.execute(
                    _known_columns().where(one.guid.in_(some), one.store == store, one.gone == UNCLAIMED)
                )
            }

    def count_left(self, store: str) -> int:
        """How many articles of a store another kind left that were not met since, and are not withdrawn."""
        one = schema.article.c
        left = select(func.count()).where((one.store == store) & (one.gone == UNCLAIMED) & (one.state != WITHDRAWN))
        with self._database.read() as connection:
            return connection.execute(left).scalar_one()

    def categories(self) -> tuple[Category, ...]:
        """Every category of every store."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.category).order_by(schema.category.c.store, schema.category.c.key))
            return tuple(Category(**row._mapping) for row in rows)  # noqa: SLF001 - the documented way

    def live_count(self, store: str, upto: int) -> int:
        """How many articles of a store are not withdrawn, counted no further than to `upto`."""
        live = (schema.article.c.store == store) & (schema.article.c.state != WITHDRAWN)
        counted = select(schema.article.c.store).where(live).limit(upto).subquery()
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(counted)).scalar_one()

    def surely_gone(self, store: str) -> tuple[str, ...]:
        """Articles that the store has no more, but that are not withdrawn yet."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article.c.id).where(
                    (schema.article.c.store == store)
                    & (schema.article.c.gone >= GONE)
                    # Not "any but withdrawn": an index would be read through all that ever were.
                    & schema.article.c.state.in_((WAITING, LIVE))
                )
            )
            return tuple(row.id for row in rows)

    def bodies(self, store: str, ids: Iterable[str]) -> dict[str, Article]:
        """These articles as they are now, of those that are known."""
        one = schema.article.c
        with self._database.read() as connection:
            return {
                row.id: article_of(row.body)
                for some in chunks(list(ids))
                for row in connection.execute(select(one.id, one.body).where((one.store == store) & one.id.in_(some)))
            }

    def by_key(self, key: int) -> Written:
        """The article of a delivery, as it is now."""
        with self._database.read() as connection:
            row = connection.execute(select(schema.article).where(schema.article.c.pk == key)).one()
        return Written(article_of(row.body), row.fingerprint, row.headline, row.revision)

    def subject(self, key: int) -> tuple[Written, tuple[Category, ...]]:
        """The article of a delivery, and every category, as they are now; read again only if anything was recorded."""
        with self._database.glance() as connection:
            seq = connection.execute(_SEQ).scalar_one()
        # Looked at first: what is recorded from here on is read now, and once more by whoever comes next.
        read = self._read
        if read.seq != seq or len(read.written) > KEPT:
            self._read = read = _Read(seq)
        if read.categories is None:
            read.categories = self.categories()
        if key not in read.written:
            read.written[key] = self.by_key(key)
        return read.written[key], read.categories

    def id_of(self, key: int) -> str:
        """The id of a delivery's article in its store, which never changes."""
        read = self._read.written.get(key)
        return (read or self.by_key(key)).article.id

    def ripe(self, now: datetime, stores: Iterable[str], limit: int = CHUNK) -> tuple[Written, ...]:
        """Articles of these stores, dated in the future, whose time has come."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article)
                .where((schema.article.c.state == WAITING) & (schema.article.c.published <= now))
                .where(schema.article.c.store.in_(list(stores)))
                .order_by(schema.article.c.published)
                .limit(limit)
            )
            return tuple(Written(article_of(row.body), row.fingerprint, row.headline, row.revision) for row in rows)

    def since(self, moment: datetime) -> tuple[Article, ...]:
        """Public articles published since."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(schema.article.c.body).where(
                    (schema.article.c.state == LIVE) & (schema.article.c.published >= moment)
                )
            )
            return tuple(article_of(row.body) for row in rows)

    def find(self, name: str, *, waiting: bool = False) -> tuple[Article, ...]:
        """Public articles by id or guid, whatever their store; `waiting`: those too that wait for their date."""
        states, one = (LIVE, WAITING) if waiting else (LIVE,), schema.article.c
        by_id = one.store.in_(select(schema.store.c.name)) & (one.id == name)
        # Their state is sorted out here: asked for it, SQLite would look through all that are live.
        query = select(one.body, one.state).where(by_id | (one.guid == name)).order_by(one.pk)
        with self._database.read() as connection:
            return tuple(article_of(row.body) for row in connection.execute(query) if row.state in states)

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

    def record(self, record: Record, targets: Mapping[str, Target], now: datetime) -> bool:
        """Write a step of a poll: articles, cursor, feeds to rebuild, deliveries owed and moved; or nothing.

        Tells whether other feeds may come of it: by a category, by a tag or an author never seen before, by comments.
        Raises Superseded if the cursor is not the expected one any more, and GuidTaken.
        """
        with self._database.write(leading=True) as connection:
            return write(connection, record, targets, now)

    def age(self, *, now: datetime, tombstones_before: datetime) -> int:
        """Let time do its work: comments are counted anew, old tombstones go. Returns how many articles changed."""
        article, member = schema.article.c, schema.membership.c
        with self._database.read() as connection:
            due = connection.execute(select(article.pk).where(article.recount_at <= now).limit(1)).first()
            old = connection.execute(select(member.article).where(member.gone_at <= tombstones_before).limit(1)).first()
        if due is None and old is None:
            return 0
        with self._database.write(leading=True) as connection:
            seq = next_seq(connection)
            return recount(connection, now, seq) + expire_tombstones(connection, tombstones_before, seq)

    def note_poll(self, store: str, *, now: datetime, error: str = "", cleaner: str = "") -> None:
        """Remember how the last poll ended: since when it fails, and why; by which rules all articles are clean."""
        with self._database.write(leading=True) as connection:
            ensure_store(connection, store)
            failed_since = func.coalesce(schema.store.c.failed_since, literal(now, schema.Moment())) if error else None
            connection.execute(
                update(schema.store)
                .where(schema.store.c.name == store)
                .values(
                    polled_at=now,
                    error=error,
                    failed_since=failed_since,
                    **({"cleaner": cleaner} if cleaner else {}),
                )
            )

    # ------------------------------------------------------------ polls that somebody asked for

    def ask(self, stores: Iterable[str], now: datetime) -> None:
        """Owe each of these stores a poll that begins after this moment, however many asked before."""
        one = schema.store.c
        # Every ask is later than the one before, whatever the clock says: a poll answers those that it knew of.
        later = type_coerce(one.asked_at, BigInteger) + 1
        moment = case((one.asked_at >= now, later), else_=literal(now, schema.Moment()))
        with self._database.write() as connection:
            for name in stores:
                ensure_store(connection, name)
                connection.execute(update(schema.store).where(one.name == name).values(asked_at=moment))

    def asked(self) -> dict[str, datetime]:
        """Which stores are owed a poll, and since when. It costs next to nothing."""
        with self._database.glance() as connection:
            return {row.name: row.asked_at for row in connection.execute(_ASKED)}

    def answer(self, store: str, asked_at: datetime) -> None:
        """A poll that began after `asked_at` has ended; whoever asked later is owed another one."""
        one = schema.store.c
        with self._database.write(leading=True) as connection:
            asked = (one.name == store) & (one.asked_at == asked_at)
            connection.execute(update(schema.store).where(asked).values(asked_at=None))

    # ------------------------------------------------------------ small marks

    def has_any(self, store: str) -> bool:
        """Whether there is any article of a store, withdrawn ones included."""
        one = schema.article.c
        with self._database.read() as connection:
            return connection.execute(select(one.pk).where(one.store == store).limit(1)).first() is not None

    def rename_store(self, before: str, after: str, *, anew: bool, now: datetime) -> None:
        """Have a store go on under another name, which has no article of its own; `anew`: as one of another kind."""
        with self._database.write(leading=True) as connection:
            seq = next_seq(connection)
            rename(connection, before, after)
            if anew:
                begin_anew(connection, after, seq, now)

    def begin_store_anew(self, store: str, *, now: datetime) -> None:
        """Have a store read from the beginning, as it is of another kind now; its articles stay."""
        with self._database.write(leading=True) as connection:
            begin_anew(connection, store, next_seq(connection), now)

    def note(self, store: str, note: str) -> None:
        """Remember something to be told of a store, such as a guard that holds; empty when it is over."""
        with self._database.write(leading=True) as connection:
            connection.execute(update(schema.store).where(schema.store.c.name == store).values(note=note))

    def forget_missing(self, store: str, present: Container[str]) -> None:
        """Forget why rows are kept out that are not there any more, and were never articles."""
        kept_out = schema.quarantine.c
        with self._database.read() as connection:
            ids = connection.execute(select(kept_out.id).where(kept_out.store == store)).scalars().all()
        if missing := [id_ for id_ in ids if id_ not in present]:
            with self._database.write(leading=True) as connection:
                forget_reasons(connection, store, missing)

    def note_census(self, store: str, *, now: datetime, whole: bool) -> None:
        """Remember when we last looked what is there."""
        moments = {"rechecked_at": now} | ({"censused_at": now} if whole else {})
        with self._database.write(leading=True) as connection:
            connection.execute(update(schema.store).where(schema.store.c.name == store).values(**moments))


# ---------------------------------------------------------------- small things


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
    known = known or Known(id=row.id, fingerprint="", headline="", revision=0)
    return replace(known, fingerprint=row.fingerprint, kept_out=True)


def _store_state(row: AnyRow) -> StoreState:
    return StoreState(
        name=row.name,
        cursor=row.cursor,
        phase=row.phase,
        polled_at=row.polled_at,
        failed_since=row.failed_since,
        error=row.error,
        note=row.note,
        rechecked_at=row.rechecked_at,
        censused_at=row.censused_at,
        cleaner=row.cleaner,
        kind=row.kind,
        news_since=row.news_since,
        asked_at=row.asked_at,
    )
