"""an admin's own query -> batches of what changed since the last pass, and which ids there are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Executable, TextClause, bindparam, column, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from feedpub.errors import StoreError
from feedpub.model import Batch, Census, Quarantined
from feedpub.stores.passes import Passes
from feedpub.stores.query import filing, rows, wording
from feedpub.stores.query.dialects import Dialect
from feedpub.stores.query.filing import Filing
from feedpub.stores.query.moments import BEGINNING, SinceAs, west_of
from feedpub.stores.query.place import Place
from feedpub.stores.query.reasons import reason
from feedpub.stores.query.rows import Reading
from feedpub.stores.query.spool import Spool
from feedpub.stores.taxonomy import Named

BATCH = 500
"""Articles in one answer of `changes`, at most; ids in one question; rows from the database at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how the answer is meant: the options of a query store, apart from where it is asked."""

    query: str
    categories_query: str
    since_as: SinceAs
    overlap: timedelta
    census: timedelta
    reading: Reading

    @property
    def asks(self) -> bool:
        """Whether it asks for what changed since, or gives everything each time."""
        return wording.names_since(self.query)


class QueryStore:
    """A query over somebody else's tables. One thread at a time; a connection is open only while rows are read."""

    def __init__(self, name: str, question: Question, dialect: Dialect) -> None:
        """Take the store's name in the config, what to ask, and whom."""
        self._name = name
        self._question = question
        self._dialect = dialect
        self._passes = Passes(self._walk)
        self._limited = wording.is_limited(question.query)
        self._form = _form(question, dialect)
        self._like: type | None = None

    def changes(self, cursor: str | None) -> Batch:
        """What changed since `cursor`, at most `BATCH` articles; raises StoreError."""
        return self._passes.next(cursor)

    def census(self, ids: Sequence[str] | None) -> Census:
        """Which of `ids` (None: of all) the query gives; raises StoreError.

        A query with a LIMIT speaks only of those it gives.
        """
        covers: frozenset[str] | None = None
        with self._asking(self._question.query) as connection:
            if ids is None:
                found = self._every(connection)
            else:
                forms = self._forms(connection, ids)
                covers, found = frozenset(forms), self._some(connection, chain.from_iterable(forms.values()))
            present = frozenset(map(rows.told_as, found))
        return Census(present, covers=present if self._limited else covers)

    def close(self) -> None:
        """Let go of the pass that is open, if one is."""
        self._passes.close()

    # ------------------------------------------------------------ a pass

    def _walk(self, at: str) -> Generator[Batch]:
        """Read the whole answer, then tell it."""
        place = Place.parse(at, self._form)
        with closing(Spool(place.seen)) as spool:
            with self._asking(self._question.query) as connection:
                now = self._dialect.clock(connection)
                whole = place.whole(now, self._question.census)
                place = replace(place, west=self._fill(spool, connection, place, whole=whole))
            filed = self._filing(place)
            place = place.after(spool.newest(), now, self._question.overlap, whole=whole, asks=self._question.asks)
            yield from _batches(spool.news(), filed, place)

    def _fill(self, spool: Spool, connection: Connection, place: Place, *, whole: bool) -> int | None:
        """Read the answer into the spool; tell the most western offset that its dates say."""
        since = self._dialect.since(place.begins(whole=whole), self._question.since_as, place.west)
        answer = _streamed(connection, self._statement(since))
        names = rows.check(tuple(answer.keys()), asks=self._question.asks)
        west = place.west
        for row in _readable(answer):
            values = dict(zip(names, row, strict=True))
            self._like = self._like or _kind(values["id"])
            offset = west_of(values.get("updated"))
            west = offset if west is None else west if offset is None else min(west, offset)
            spool.put(rows.read(values, self._question.reading))
        return west

    def _filing(self, place: Place) -> Filing:
        """The taxonomy to file in. Asked for after the articles, so that none is in a category unheard of."""
        asked = self._question.categories_query
        if not asked:
            return Filing.kept(self._name, place.categories)
        with self._asking(asked, option="categories_query") as connection:
            answer = _streamed(connection, text(wording.statement(asked)))
            names = filing.check(tuple(answer.keys()))
            told = (dict(zip(names, row, strict=True)) for row in _readable(answer))
            return Filing.given(self._name, told, escaped=self._question.reading.title_is_html)

    # ------------------------------------------------------------ ids

    def _every(self, connection: Connection) -> Iterator[object]:
        given = self._given()
        return (row[0] for row in _readable(_streamed(connection, select(given.c.id))))

    def _some(self, connection: Connection, left: Iterator[object]) -> Iterator[object]:
        given = self._given()
        while asked := tuple(islice(left, BATCH)):
            of_these = given.c.id.in_(bindparam("ids", asked, expanding=True, type_=NullType()))
            yield from (row[0] for row in _readable(_streamed(connection, select(given.c.id).where(of_these))))

    def _forms(self, connection: Connection, ids: Sequence[str]) -> dict[str, tuple[object, ...]]:
        """The values that may stand there for each id. An id that none can stand for is not asked about."""
        kinds = (int, str) if self._dialect.mixes_types else (self._kind_of_ids(connection),)
        found = {id_: tuple(form for kind in kinds for form in _as(kind, id_)) for id_ in ids}
        return {id_: forms for id_, forms in found.items() if forms}

    def _given(self) -> Any:  # noqa: ANN401 - the columns of a subquery are known by name alone
        """The query as a table to ask, from the beginning of time."""
        since = self._dialect.since(BEGINNING, self._question.since_as, None)
        return self._statement(since).columns(column("id", NullType())).subquery("feedpub")

    def _kind_of_ids(self, connection: Connection) -> type:
        """What ids are there: compared with anything else, many a database takes no index, or refuses."""
        if self._like is None:
            first = connection.execute(select(self._given().c.id).limit(1)).scalar_one_or_none()
            self._like = _kind(first)
        return self._like or str

    # ------------------------------------------------------------ asking

    def _statement(self, since: object) -> TextClause:
        statement = text(wording.statement(self._question.query))
        if not self._question.asks:
            return statement
        return statement.bindparams(bindparam("since", since, type_=NullType()))

    @contextmanager
    def _asking(self, query: str, option: str = "") -> Iterator[Connection]:
        """One session, whose troubles are StoreErrors."""
        try:
            with self._dialect.session() as connection:
                yield connection
        except SQLAlchemyError as error:
            about = f" (`{option}`)" if option else ""
            raise StoreError(f"{self._dialect.name} {reason(error, query)}{about}") from error


def _batches(news: Iterator[Named | Quarantined], filed: Filing, place: Place) -> Iterator[Batch]:
    """Tell the news; the taxonomy comes with the first articles of a category that was not told yet."""
    told = place.taxonomy
    more = True
    while more:
        some = tuple(islice(news, BATCH))
        ahead = tuple(islice(news, 1))
        news, more = chain(ahead, news), bool(ahead)
        articles = tuple(filed.filed(one) for one in some if isinstance(one, Named))
        taxonomy = filed.digest()
        yield Batch(
            articles=articles,
            garbage=tuple(one for one in some if isinstance(one, Quarantined)),
            categories=None if taxonomy == told else filed.all(),
            cursor="" if more else str(replace(place, categories=filed.keep(), taxonomy=taxonomy)),
            more=more,
        )
        told = taxonomy


def _streamed(connection: Connection, statement: Executable) -> CursorResult[Any]:
    return connection.execute(statement, execution_options={"stream_results": True, "yield_per": BATCH})


def _readable(answer: Iterable[Any]) -> Iterator[Sequence[object]]:
    """The rows of an answer; raises StoreError where the driver cannot make sense of one."""
    try:
        yield from answer
    except (ValueError, ArithmeticError) as error:
        raise StoreError(
            "a row holds something that the database's driver cannot read: leave such rows out of the query"
        ) from error


def _form(question: Question, dialect: Dialect) -> str:
    """A digest of all that a place holds for: with another query, everything is read again."""
    said = [
        str(dialect.url.set(password=None)),
        dialect.zone.key,
        question.query,
        question.categories_query,
        question.since_as,
        question.overlap.total_seconds(),
        question.reading.delimiter,
        question.reading.title_is_html,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _kind(value: object) -> type | None:
    kinds = (int, UUID, Decimal, bytes, str)
    return next((one for one in kinds if isinstance(value, one)), None)


def _as(kind: type, id_: str) -> tuple[object, ...]:
    """An id as the database has it; none where it cannot be of this kind."""
    made: Mapping[type, Any] = {int: int, UUID: UUID, Decimal: Decimal, bytes: str.encode, str: str}
    try:
        return (made[kind](id_),)
    except (ValueError, ArithmeticError):
        return ()
