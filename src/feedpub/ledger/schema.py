"""The tables of the ledger. Moments are whole microseconds since 1970 in UTC, so that both databases compare alike.

A change here needs a migration in migrations/versions (a test compares the two).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Write it."""
        return None if value is None else (value - _EPOCH) // _TICK

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """Read it."""
        return None if value is None else _EPOCH + value * _TICK


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite makes only INTEGER keys count up by themselves.
_Key = BigInteger().with_variant(Integer, "sqlite")

counter = Table(
    "counter",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`seq`: raised by one in every transaction that records changes. `identity` and `put_back`: see restoring.py."""

store = Table(
    "store",
    metadata,
    Column("name", String, primary_key=True),
    Column("cursor", Text),
    Column("phase", String, nullable=False),  # baseline | adopting (renaming.py) | put back (restoring.py) | live
    Column("polled_at", Moment),
    Column("failed_since", Moment),
    Column("error", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("rechecked_at", Moment),
    Column("censused_at", Moment),
    Column("cleaner", String),  # the rules its articles were cleaned by
    Column("kind", String),  # of the store which gave the cursor
    Column("news_since", Moment),  # adopting: the date of the newest article known before; put back: when that was
    Column("asked_at", Moment),  # somebody wants it polled now; empty once a poll that began since has ended
)

UNPLACED = "entered = 0 AND state = 'live'"
"""Which articles went live and have no place yet; written out, or no database would find its index for it."""

article = Table(
    "article",
    metadata,
    Column("pk", _Key, primary_key=True),
    Column("store", String, nullable=False),
    Column("id", String, nullable=False),
    Column("guid", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("headline", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column(
        "entered", BigInteger, nullable=False, server_default="0"
    ),  # its place among all that ever went live; 0: not yet
    Column("comments", Integer, nullable=False, server_default="0"),  # as feeds tell it; counted anew at recount_at
    Column("recount_at", Moment),
    Column("state", String, nullable=False),  # waiting (dated in the future) | live | withdrawn
    Column("gone", SmallInteger, nullable=False, default=0),
    Column("published", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    Column("body", Text, nullable=False),
    UniqueConstraint("store", "id"),
    UniqueConstraint("guid"),
    Index(None, "state", "published", "guid"),
    Index(None, "store", "gone", "state"),
    Index(
        "ix_article_unplaced",
        "store",
        "published",
        "guid",
        sqlite_where=text(UNPLACED),
        postgresql_where=text(UNPLACED),
    ),
    Index(
        "ix_article_recount_at",
        "recount_at",
        sqlite_where=text("recount_at IS NOT NULL"),
        postgresql_where=text("recount_at IS NOT NULL"),
    ),
)

category = Table(
    "category",
    metadata,
    Column("store", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("slug", String, nullable=False),
    Column("parent", String),
)

term = Table(
    "term",
    metadata,
    Column("term", String, primary_key=True),
    Column("name", String, nullable=False),
)
"""What people call the tags and authors ever seen (terms.py)."""

membership = Table(
    "membership",
    metadata,
    Column("article", ForeignKey("article.pk", ondelete="CASCADE"), primary_key=True),
    Column("term", String, primary_key=True),
    Column("published", Moment, nullable=False),
    Column("guid", String, nullable=False),
    Column("entered", BigInteger, nullable=False),
    Column("gone_at", Moment),  # withdrawn: kept while feeds tell so
    Index(None, "term", "published", "guid"),
    Index(None, "term", "entered"),
    Index(
        "ix_membership_gone_at",
        "gone_at",
        sqlite_where=text("gone_at IS NOT NULL"),
        postgresql_where=text("gone_at IS NOT NULL"),
    ),
    Index(
        "ix_membership_term_gone_at",
        "term",
        "gone_at",
        "guid",
        sqlite_where=text("gone_at IS NOT NULL"),
        postgresql_where=text("gone_at IS NOT NULL"),
    ),
)
"""The terms of each live article (terms.py); a feed merges those of its sources."""

feed = Table(
    "feed",
    metadata,
    Column("address", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("wish", String, nullable=False),  # the name it would have if it were alone
    Column("owner", Text, nullable=False),  # JSON: the terms it stands for, through renames
    Column("digest", String, nullable=False),
    Column("dirty_seq", BigInteger, nullable=False),
    Column("built_seq", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),  # the seq at which its bytes last changed
    Column("etag", String, nullable=False),  # a digest of its bytes
    Column("latest", Text, nullable=False),  # JSON: its newest headlines
    Column("paths", Text, nullable=False),
)

former = Table(
    "former",
    metadata,
    Column("address", String, primary_key=True),
    Column("wish", String, nullable=False),
    Column("owner", Text, nullable=False),
    Column("etag", String, nullable=False),  # of what stood there last
)
"""Addresses that feeds once had: they lead to whoever has the same owner now, or say that it is gone."""

feed_source = Table(
    "feed_source",
    metadata,
    Column("feed", ForeignKey("feed.address", ondelete="CASCADE"), primary_key=True),
    Column("term", String, primary_key=True),
    Column("skip", Boolean, nullable=False),  # True: what has the term is left out
    Index(None, "term"),
)

part = Table(
    "part",
    metadata,
    Column("feed", ForeignKey("feed.address", ondelete="CASCADE", onupdate="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("dirty_seq", BigInteger, nullable=False),
    Column("built_seq", BigInteger, nullable=False),
    Index(None, "feed", "last"),
    Index(
        "ix_part_dirty",
        "last",
        "feed",
        sqlite_where=text("built_seq < dirty_seq"),
        postgresql_where=text("built_seq < dirty_seq"),
    ),
)
"""The sealed parts of archives (RFC 5005): part `number` has the feed's articles with `entered` in first..last."""

leftover = Table(
    "leftover",
    metadata,
    Column("path", Text, primary_key=True),
)
"""Files that nobody writes any more, below the output directory: to be taken away."""

fragment = Table(
    "fragment",
    metadata,
    Column("pk", _Key, primary_key=True),
    Column("article", ForeignKey("article.pk", ondelete="CASCADE"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("look", String, nullable=False),
    Column("rss", LargeBinary, nullable=False),
    Column("atom", LargeBinary, nullable=False),
    Column("json", LargeBinary, nullable=False),
    UniqueConstraint("article"),
)
"""Entries as they stand in feeds, rendered once per version of the article (`seq`) and of the feeds' look."""

comment = Table(
    "comment",
    metadata,
    Column("pk", _Key, primary_key=True),
    Column("store", String, nullable=False),
    Column("id", String, nullable=False),
    Column("article", String, nullable=False),  # the store's id of it
    Column("published", Moment, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("store", "id"),
    Index(None, "published", "pk"),
    Index(None, "store", "article"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("store", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stage", String, nullable=False, server_default="clean"),  # clean | render: where it was judged unfit
    Column("at", Moment, nullable=False),
)

target = Table(
    "target",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("paused", Text, nullable=False),  # why, or empty
    Column("failures", Integer, nullable=False),
    Column("rest_until", Moment, nullable=False),
    Column("slot_until", Moment, nullable=False),
    Column("memory", Text, nullable=False),
)

spent = Table(
    "spent",
    metadata,
    Column("target", String, primary_key=True),
    Column("month", String, primary_key=True),  # of the site's zone, such as 2026-11
    Column("amount", BigInteger, nullable=False),  # millionths of the target's currency
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("target", String, nullable=False),
    Column("article", ForeignKey("article.pk")),  # its subject: an article,
    Column("feed", String),  # or a feed, by its address
    Column("state", String, nullable=False),
    Column("wanted", Integer),
    Column("said", Integer),
    Column("due_at", Moment),
    Column("held_by", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("retractions", Integer, nullable=False),
    Column("lease_until", Moment),
    Column("frozen", Text),
    Column("doubt_since", Moment),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("said_at", Moment),
    Column("remote_id", Text, nullable=False),
    Column("remote_url", Text, nullable=False),
    Column("also", Text, nullable=False, server_default="[]"),  # JSON: other posts of the same subject
    Column("words", Text, nullable=False, server_default=text("''")),  # what a person wants said here
    UniqueConstraint("target", "article"),
    UniqueConstraint("target", "feed"),
    Index(None, "target", "state", "due_at"),
    Index(None, "state", "due_at"),
    Index(None, "article"),
    Index(None, "target", "said_at"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("pk", _Key, primary_key=True),
    Column("delivery", ForeignKey("delivery.id"), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String, nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("delivery", "fence"),
)
"""The journal: every try that may have opened a socket, appended to, never rewritten once ended."""

alert = Table(
    "alert",
    metadata,
    Column("about", String, primary_key=True),  # which problem, such as paused:discord_news
    Column("since", Moment, nullable=False),
    Column("told_at", Moment),  # when it was last told; empty: not yet
)
"""The problems that admins are told of, while they last: each once, and again after a day."""
