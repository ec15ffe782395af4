"""Terms instead of categories alone; archives, fragments, comments; deliveries about feeds."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from feedpub.ledger.rows import LIVE, article_of, chunks
from feedpub.terms import terms

revision = "0002"
down_revision = "0001"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table of feedpub 0.2."""
    _widen_articles()
    _replace_feeds()
    _fill_terms()
    _let_feeds_be_subjects()


def _widen_articles() -> None:
    op.add_column("article", sa.Column("entered", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("article", sa.Column("comments", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("article", sa.Column("recount_at", sa.BigInteger(), nullable=True))
    op.drop_index("ix_article_brief_state_published_guid", "article")
    op.drop_column("article", "brief")
    op.drop_index("ix_article_store_gone", "article")
    op.create_index("ix_article_store_gone_state", "article", ["store", "gone", "state"])
    _partial_index("article", "unplaced", ["store", "published", "guid"], "entered = 0 AND state = 'live'")
    _partial_index("article", "recount_at", ["recount_at"], "recount_at IS NOT NULL")
    op.add_column("quarantine", sa.Column("stage", sa.String(), nullable=False, server_default="clean"))
    op.add_column("store", sa.Column("cleaner", sa.String(), nullable=True))
    op.create_table(
        "comment",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_comment"),
        sa.UniqueConstraint("store", "id", name="uq_comment_store_id"),
    )
    op.create_index("ix_comment_published_pk", "comment", ["published", "pk"])
    op.create_index("ix_comment_store_article", "comment", ["store", "article"])


def _replace_feeds() -> None:
    """Feeds and memberships follow from articles and config: they are made anew, and every feed is built once."""
    op.create_table(
        "leftover", sa.Column("path", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("path", name="pk_leftover")
    )
    _leave_files()
    op.drop_table("feed_source")
    op.drop_table("feed")
    op.drop_table("membership")
    op.create_table(
        "term",
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("term", name="pk_term"),
    )
    op.create_table(
        "membership",
        sa.Column("article", _KEY, nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("guid", sa.String(), nullable=False),
        sa.Column("entered", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["article"], ["article.pk"], name="fk_membership_article", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article", "term", name="pk_membership"),
    )
    op.create_index("ix_membership_term_published_guid", "membership", ["term", "published", "guid"])
    op.create_index("ix_membership_term_entered", "membership", ["term", "entered"])
    _partial_index("membership", "gone_at", ["gone_at"], "gone_at IS NOT NULL")
    _partial_index("membership", "term_gone_at", ["term", "gone_at", "guid"], "gone_at IS NOT NULL")
    op.create_table(
        "feed",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("wish", sa.String(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("dirty_seq", sa.BigInteger(), nullable=False),
        sa.Column("built_seq", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("latest", sa.Text(), nullable=False),
        sa.Column("paths", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_feed"),
    )
    op.create_table(
        "former",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("wish", sa.String(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_former"),
    )
    op.create_table(
        "feed_source",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("skip", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feed.address"], name="fk_feed_source_feed", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed", "term", name="pk_feed_source"),
    )
    op.create_index("ix_feed_source_term", "feed_source", ["term"])
    op.create_table(
        "part",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("dirty_seq", sa.BigInteger(), nullable=False),
        sa.Column("built_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed"], ["feed.address"], name="fk_part_feed", ondelete="CASCADE", onupdate="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed", "number", name="pk_part"),
    )
    op.create_index("ix_part_feed_last", "part", ["feed", "last"])
    _partial_index("part", "dirty", ["last", "feed"], "built_seq < dirty_seq")
    op.create_table(
        "fragment",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("article", _KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("look", sa.String(), nullable=False),
        sa.Column("rss", sa.LargeBinary(), nullable=False),
        sa.Column("atom", sa.LargeBinary(), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["article"], ["article.pk"], name="fk_fragment_article", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pk", name="pk_fragment"),
        sa.UniqueConstraint("article", name="uq_fragment_article"),
    )
    op.execute("INSERT INTO counter (name, value) VALUES ('entered', 0)")


def _leave_files() -> None:
    """Have every file of a feed taken away; those that are written again are kept as soon as feeds are known."""
    connection = op.get_bind()
    paths = {path for row in connection.execute(sa.text("SELECT paths FROM feed")) for path in json.loads(row.paths)}
    if paths:
        leftover = sa.table("leftover", sa.column("path"))
        connection.execute(leftover.insert(), [{"path": path} for path in sorted(paths)])


def _fill_terms() -> None:
    """File every live article under its terms, in the order of their dates."""
    connection = op.get_bind()
    query = sa.text("SELECT pk FROM article WHERE state = :live ORDER BY published, guid")
    keys = [row.pk for row in connection.execute(query, {"live": LIVE})]
    membership = sa.table("membership", *map(sa.column, ("article", "term", "published", "guid", "entered")))
    names: dict[str, str] = {}
    entered = 0
    for some in chunks(keys):
        bodies = sa.text("SELECT pk, published, guid, body FROM article WHERE pk IN :keys")
        found = {
            row.pk: row for row in connection.execute(bodies.bindparams(sa.bindparam("keys", some, expanding=True)))
        }
        rows = []
        for entered, key in enumerate(some, start=entered + 1):  # noqa: B020 - counts on
            row = found[key]
            filed = terms(article_of(row.body))
            names |= {term: name for term, name in filed.items() if name}
            rows += [
                {"article": key, "term": term, "published": row.published, "guid": row.guid, "entered": entered}
                for term in filed
            ]
            connection.execute(
                sa.text("UPDATE article SET entered = :entered WHERE pk = :key"), {"entered": entered, "key": key}
            )
        connection.execute(membership.insert(), rows)
    connection.execute(sa.text("UPDATE counter SET value = :value WHERE name = 'entered'"), {"value": entered})
    if names:
        term = sa.table("term", sa.column("term"), sa.column("name"))
        connection.execute(term.insert(), [{"term": key, "name": name} for key, name in names.items()])


def _let_feeds_be_subjects() -> None:
    """A delivery is about an article or a feed. SQLite cannot relax a column, so its two tables are made anew."""
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("delivery", "article", existing_type=sa.BigInteger(), nullable=True)
        op.add_column("delivery", sa.Column("feed", sa.String(), nullable=True))
        op.create_unique_constraint("uq_delivery_target_feed", "delivery", ["target", "feed"])
        return
    connection = op.get_bind()
    tries = [dict(row) for row in connection.execute(sa.text("SELECT * FROM attempt ORDER BY pk")).mappings()]
    op.drop_table("attempt")  # first: it points at the other
    with op.batch_alter_table("delivery", recreate="always") as delivery:
        delivery.alter_column("article", existing_type=sa.Integer(), nullable=True)
        delivery.add_column(sa.Column("feed", sa.String(), nullable=True), insert_after="article")
        delivery.create_unique_constraint("uq_delivery_target_feed", ["target", "feed"])
    attempt = op.create_table(
        "attempt",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name="fk_attempt_delivery"),
        sa.PrimaryKeyConstraint("pk", name="pk_attempt"),
        sa.UniqueConstraint("delivery", "fence", name="uq_attempt_delivery_fence"),
    )
    if tries:
        connection.execute(attempt.insert(), tries)


def _partial_index(table: str, name: str, columns: list[str], where: str) -> None:
    there = sa.text(where)
    op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=there, postgresql_where=there)
