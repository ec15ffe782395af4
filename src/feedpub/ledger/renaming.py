"""A store by another name, of another kind, or with other keys for its categories: its rows in the ledger follow.

Inside the transactions of others. It decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, exists, func, select, update

from feedpub.categories import DESK, fold
from feedpub.changes import UNCLAIMED
from feedpub.ledger import schema
from feedpub.ledger.feeds import soil_terms
from feedpub.ledger.rows import CHUNK, CLEAN, WAITING, article_body, article_of, chunks, refiled
from feedpub.model import Category
from feedpub.terms import COMMENT, Term, of_category

ADOPTING = "adopting"
"""The phase of a store that reads for the first time what another kind of store has told of before."""

_OF_STORES = (schema.article, schema.category, schema.comment, schema.quarantine)
"""The tables whose rows belong to a store, by its name."""


def rename(connection: Connection, before: str, after: str) -> None:
    """Have a store go on under another name: everywhere at once, with its cursor. Nothing changed for readers.

    What the new name stands for so far goes: it has no article of its own.
    """
    for table in _OF_STORES:
        connection.execute(delete(table).where(table.c.store == after))
    connection.execute(delete(schema.store).where(schema.store.c.name == after))
    connection.execute(delete(schema.feed_source).where(_begins(schema.feed_source.c.term, of_category((after, "")))))
    connection.execute(update(schema.store).where(schema.store.c.name == before).values(name=after))
    for table in (schema.article, schema.comment):
        _rename_in_bodies(connection, table, before, after)
    for table in _OF_STORES:
        connection.execute(update(table).where(table.c.store == before).values(store=after))
    was, now = of_category((before, "")), of_category((after, ""))
    for term in (schema.membership.c.term, schema.feed_source.c.term):
        renamed = now + func.substr(term, len(was) + 1)
        connection.execute(update(term.table).where(_begins(term, was)).values(term=renamed))
    _rename_owners(connection, lambda term: now + term.removeprefix(was) if term.startswith(was) else term)
    # Briefs name the categories of other stores (categories.from_desk).
    here, there = f"{before}/", f"{after}/"
    _refile(connection, DESK, lambda key: there + key.removeprefix(here) if key.startswith(here) else key)


def begin_anew(connection: Connection, store: str, seq: int, now: datetime) -> None:
    """Forget how far a store was read, as it is of another kind now, and what only its old kind can tell.

    Its articles stay, and wait to be met again under whatever id they have there. It has no kind until
    a cursor of the new one is noted, so that it begins once: what is news is judged by what the former kind told of.
    """
    article, comment, kept_out = schema.article.c, schema.comment.c, schema.quarantine.c
    first = connection.execute(select(schema.store.c.phase).where(schema.store.c.name == store)).scalar() == "baseline"
    newest = select(func.max(article.published)).where(article.store == store, article.state != WAITING)
    connection.execute(
        update(schema.store)
        .where(schema.store.c.name == store)
        .values(
            cursor=None, kind=None, phase="baseline" if first else ADOPTING, news_since=newest.scalar_subquery(),
            cleaner=None, note="", rechecked_at=None, censused_at=None,
        )
    )  # fmt: skip
    connection.execute(update(schema.article).where(article.store == store).values(gone=UNCLAIMED))
    connection.execute(delete(schema.quarantine).where((kept_out.store == store) & (kept_out.stage == CLEAN)))
    said = exists().where((comment.store == article.store) & (comment.article == article.id))
    connection.execute(update(schema.article).where((article.store == store) & said).values(recount_at=now))
    connection.execute(delete(schema.comment).where(comment.store == store))
    soil_terms(connection, [COMMENT], seq)


def take_over(connection: Connection, store: str, claimed: Mapping[str, str], strangers: Collection[str] = ()) -> None:
    """Give articles that another kind of store left the ids they have now, by their old ones.

    One that stands in the way, of these or of `strangers`, and is not met yet goes by its guid until it is.
    """
    article, moves = schema.article.c, dict(claimed)
    for some in chunks(sorted({*claimed.values(), *strangers})):
        rows = connection.execute(
            select(article.id, article.guid).where((article.store == store) & article.id.in_(some))
        )
        moves |= {row.id: f"left:{row.guid}" for row in rows if row.id not in claimed}
    # By way of names that nobody has: two may have each other's.
    between = {old: f"moving:{number}" for number, old in enumerate(moves)}
    _rename_articles(connection, store, between)
    _rename_articles(connection, store, {between[old]: new for old, new in moves.items()})
    evicted = [new for old, new in moves.items() if old not in claimed]
    for some in chunks(evicted):
        rows = connection.execute(
            select(article.pk, article.id, article.body).where((article.store == store) & article.id.in_(some))
        )
        _write_bodies(connection, {row.pk: article_body(replace(article_of(row.body), id=row.id)) for row in rows})


def keep_up(
    connection: Connection, store: str, told: Sequence[Category]
) -> tuple[tuple[Category, ...], Mapping[str, str]]:
    """Fit the taxonomy that another kind of store left to the one that is told now.

    Gives what is to be kept, and the new key of each category that has another one. A category of the same name goes
    on as that: its articles, its feed and its address follow. One that is told no more stays as long as an article is
    in it that nobody has told of either.
    """
    of_store = schema.category.c.store == store
    before = [Category(**row._mapping) for row in connection.execute(select(schema.category).where(of_store))]  # noqa: SLF001 - the documented way
    there = {one.key for one in told}
    vanished = [one for one in before if one.key not in there]
    if not vanished or not _any_left(connection, store):
        return tuple(told), {}
    had = {one.key for one in before}
    heirs: dict[str, list[str]] = {}
    for one in told:
        if one.key not in had:
            heirs.setdefault(fold(one.name), []).append(one.key)
    moved = {one.key: heirs[fold(one.name)][0] for one in vanished if len(heirs.get(fold(one.name), ())) == 1}
    _rename_categories(connection, store, moved)
    kept = _with_articles_left(connection, store, [one for one in vanished if one.key not in moved])
    return (*told, *(replace(one, parent=moved.get(one.parent or "", one.parent)) for one in kept)), moved


# ---------------------------------------------------------------- small things


def _begins(term: Any, with_: str) -> Any:  # noqa: ANN401 - SQLAlchemy's expressions have no short types
    """Not LIKE: it takes the _ of a store's name for any letter, and SQLite's does not tell cases apart."""
    return func.substr(term, 1, len(with_)) == with_


def _rename_in_bodies(connection: Connection, table: Table, before: str, after: str) -> None:
    """The store's name is the first thing in a body (rows.py); names have no letter that JSON would write otherwise."""
    was, now, body = f'{{"store":"{before}",', f'{{"store":"{after}",', table.c.body
    renamed = now + func.substr(body, len(was) + 1)
    connection.execute(update(table).where((table.c.store == before) & _begins(body, was)).values(body=renamed))


def _rename_owners(connection: Connection, renamed: Callable[[Term], Term]) -> None:
    for table in (schema.feed, schema.former):
        for row in connection.execute(select(table.c.address, table.c.owner)).all():
            owner = sorted({renamed(term) for term in json.loads(row.owner)})
            if (said := json.dumps(owner)) != row.owner:
                connection.execute(update(table).where(table.c.address == row.address).values(owner=said))


def _refile(connection: Connection, store: str, renamed: Callable[[str], str]) -> None:
    """Have the articles of a store name their categories otherwise."""
    after, article = 0, schema.article.c
    while True:
        query = select(article.pk, article.body).where(article.store == store, article.pk > after)
        rows = connection.execute(query.order_by(article.pk).limit(CHUNK)).all()
        bodies = {row.pk: refiled(row.body, renamed) for row in rows}
        _write_bodies(connection, {row.pk: bodies[row.pk] for row in rows if bodies[row.pk] != row.body})
        if len(rows) < CHUNK:
            return
        after = rows[-1].pk


def _write_bodies(connection: Connection, bodies: Mapping[int, str]) -> None:
    if bodies:
        save = update(schema.article).where(schema.article.c.pk == bindparam("key")).values(body=bindparam("said"))
        connection.execute(save, [{"key": key, "said": said} for key, said in bodies.items()])


def _rename_articles(connection: Connection, store: str, ids: Mapping[str, str]) -> None:
    if ids:
        article = schema.article.c
        rename = update(schema.article).where(article.store == store, article.id == bindparam("old"))
        connection.execute(rename.values(id=bindparam("new")), [{"old": old, "new": new} for old, new in ids.items()])


def _any_left(connection: Connection, store: str) -> bool:
    left = select(schema.article.c.pk).where(schema.article.c.store == store, schema.article.c.gone == UNCLAIMED)
    return connection.execute(left.limit(1)).first() is not None


def _with_articles_left(connection: Connection, store: str, categories: Sequence[Category]) -> list[Category]:
    article, member = schema.article.c, schema.membership.c
    left = select(article.pk).join(schema.membership, member.article == article.pk).where(article.gone == UNCLAIMED)
    return [
        one
        for one in categories
        if connection.execute(left.where(member.term == of_category((store, one.key))).limit(1)).first() is not None
    ]


def _rename_categories(connection: Connection, store: str, keys: Mapping[str, str]) -> None:
    """Have categories of a store go by other keys, which nothing is filed under yet."""
    if not keys:
        return
    terms = {of_category((store, old)): of_category((store, new)) for old, new in keys.items()}
    for term in (schema.membership.c.term, schema.feed_source.c.term):
        rename = update(term.table).where(term == bindparam("old")).values(term=bindparam("new"))
        connection.execute(rename, [{"old": old, "new": new} for old, new in terms.items()])
    _rename_owners(connection, lambda term: terms.get(term, term))
    _refile(connection, store, lambda key: keys.get(key, key))
    briefs = {f"{store}/{old}": f"{store}/{new}" for old, new in keys.items()}
    _refile(connection, DESK, lambda key: briefs.get(key, key))
