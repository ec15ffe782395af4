"""Readers' comments: the newest of the site, and how many each article has. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, func, insert, literal, select, update

from feedpub.ledger import schema
from feedpub.ledger.feeds import soil, soil_terms
from feedpub.ledger.rows import LIVE, chunks, comment_body
from feedpub.model import Comment
from feedpub.terms import COMMENT

RECOUNT_AFTER = timedelta(minutes=10)
"""Feeds tell an article's count of comments at most this late: no comment makes every feed anew."""


def write_comments(
    connection: Connection, store: str, comments: Sequence[Comment], gone: Sequence[str], seq: int, now: datetime
) -> None:
    """Write new and changed comments, take away those that are gone; the feed of comments is to be built."""
    if not comments and not gone:
        return
    one = schema.comment.c
    touched: set[str] = {comment.article for comment in comments}
    for some in chunks([*gone, *(comment.id for comment in comments)]):
        there = (one.store == store) & one.id.in_(some)
        touched |= set(connection.execute(select(one.article).where(there)).scalars())
        connection.execute(delete(schema.comment).where(there))
    latest = {comment.id: comment for comment in comments}
    if latest:
        connection.execute(
            insert(schema.comment),
            [
                {
                    "store": store,
                    "id": comment.id,
                    "article": comment.article,
                    "published": comment.published,
                    "body": comment_body(comment),
                }
                for comment in latest.values()
            ],
        )
    soil_terms(connection, [COMMENT], seq)
    article = schema.article.c
    # An article that came in this very transaction is in no feed yet: it can be counted at once.
    at = case((article.seq == seq, literal(now, schema.Moment())), else_=literal(now + RECOUNT_AFTER, schema.Moment()))
    for some in chunks(sorted(touched)):
        due = (article.store == store) & article.id.in_(some) & article.recount_at.is_(None)
        connection.execute(update(schema.article).where(due).values(recount_at=at))


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
