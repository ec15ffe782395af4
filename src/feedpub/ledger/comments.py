"""Readers' comments: the newest of the site, and how many each article has. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, exists, func, insert, literal, select, update

from feedpub.ledger import schema
from feedpub.ledger.feeds import soil, soil_terms
from feedpub.ledger.rows import LIVE, AnyRow, chunks, comment_body
from feedpub.model import Comment
from feedpub.terms import COMMENT

RECOUNT_AFTER = timedelta(minutes=10)
"""Feeds tell an article's count of comments at most this late: no comment makes every feed anew."""


def write_comments(
    connection: Connection,
    store: str,
    comments: Sequence[Comment],
    gone: Sequence[str],
    seq: int,
    now: datetime,
    *,
    baseline: bool,
) -> None:
    """Write new and changed comments, take away those that are gone; the feed of comments is to be built.

    `baseline`: the store's first poll is not over, so that none of its articles is in a feed yet.
    """
    if not comments and not gone:
        return
    one = schema.comment.c
    latest = {comment.id: comment for comment in comments}
    before: dict[str, AnyRow] = {}
    for some in chunks([*gone, *latest]):
        rows = connection.execute(select(one.id, one.article, one.body).where((one.store == store) & one.id.in_(some)))
        before |= {row.id: row for row in rows}
    changed = {id_: comment_body(told) for id_, told in latest.items()}
    # They come at least once: what says what it said is no change.
    changed = {id_: body for id_, body in changed.items() if id_ not in before or before[id_].body != body}
    away = [id_ for id_ in before if id_ in changed or id_ not in latest]
    if not changed and not away:
        return
    for some in chunks(away):
        connection.execute(delete(schema.comment).where((one.store == store) & one.id.in_(some)))
    if changed:
        rows_ = [
            {
                "store": store,
                "id": id_,
                "article": latest[id_].article,
                "published": latest[id_].published,
                "body": body,
            }
            for id_, body in changed.items()
        ]
        connection.execute(insert(schema.comment), rows_)
    touched = {latest[id_].article for id_ in changed} | {before[id_].article for id_ in away}
    soil_terms(connection, [COMMENT], seq)
    article = schema.article.c
    # An article that is in no feed yet, as it came in this very transaction, can be counted at once.
    later = now if baseline else now + RECOUNT_AFTER
    at = case((article.seq == seq, literal(now, schema.Moment())), else_=literal(later, schema.Moment()))
    for some in chunks(sorted(touched)):
        due = (article.store == store) & article.id.in_(some) & article.recount_at.is_(None)
        connection.execute(update(schema.article).where(due).values(recount_at=at))


def count_what_came_before(connection: Connection, keys: Sequence[int], now: datetime) -> None:
    """Have new articles counted at once that readers spoke of before we knew them: a store tells in any order."""
    article, one = schema.article.c, schema.comment.c
    said = exists().where((one.store == article.store) & (one.article == article.id))
    for some in chunks(keys):
        connection.execute(update(schema.article).where(article.pk.in_(some), said).values(recount_at=now))


def recount(connection: Connection, now: datetime, seq: int) -> int:
    """Count anew where it is time to; returns how many articles have another count now."""
    article, one = schema.article.c, schema.comment.c
    counted = (
        select(func.count())
        .where((one.store == article.store) & (one.article == article.id))
        .correlate(schema.article)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(article.pk, article.comments, article.state, counted.label("counted")).where(article.recount_at <= now)
    ).all()
    for some in chunks([row.pk for row in rows]):
        connection.execute(update(schema.article).where(article.pk.in_(some)).values(recount_at=None))
    changed = [row for row in rows if row.counted != row.comments]
    for row in changed:
        connection.execute(update(schema.article).where(article.pk == row.pk).values(comments=row.counted, seq=seq))
    for few in chunks([row.pk for row in changed if row.state == LIVE]):
        soil(connection, few, seq)
    return len(changed)
