"""The embedded store's tables, and the triggers that number every change. docs/schema.md describes them for people.

SQLite lets one writer in at a time and numbers are given inside its transaction, so a smaller number never
appears after a larger one: who has read up to a number has missed nothing below it.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    event,
    text,
)

VERSION = 2
"""Kept as the file's user_version; a file with a larger one is of a later feedpub."""

APPLICATION_ID = 0x66_65_65_64
"""Kept as the file's application_id ("feed"), so that another program's database is never mistaken for ours."""

tables = MetaData()


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _needed(name: str, *rules: CheckConstraint | ForeignKey) -> Column[str]:
    return Column(name, Text, *rules, nullable=False)


def _of_an_article() -> Column[str]:
    return _needed("article", ForeignKey("article.id"))


def _published() -> Column[str]:
    return Column("published", Text, nullable=False, server_default=text("(strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))"))


def _position() -> Column[int]:
    return Column("position", Integer, nullable=False, server_default="0")


article = Table(
    "article",
    tables,
    Column("id", Text, CheckConstraint("id <> ''"), primary_key=True, nullable=False),
    _words("guid"),
    _words("url"),
    _words("title"),
    _words("summary"),
    _words("content"),
    _published(),
    _words("updated"),
    _words("language"),
    Column("announce", Integer, CheckConstraint("announce IN (0, 1)")),
    _words("notice"),
    Column(
        "status", Text, CheckConstraint("status IN ('published', 'draft')"), nullable=False, server_default="published"
    ),
    sqlite_strict=True,
)

category = Table(
    "category",
    tables,
    Column("id", Text, CheckConstraint("id <> ''"), primary_key=True, nullable=False),
    _needed("name", CheckConstraint("name <> ''")),
    _needed("slug", CheckConstraint("slug <> ''")),
    Column("parent", Text, ForeignKey("category.id")),
    sqlite_strict=True,
)

article_category = Table(
    "article_category",
    tables,
    _of_an_article(),
    _needed("category", ForeignKey("category.id")),
    _position(),
    PrimaryKeyConstraint("article", "category"),
    sqlite_strict=True,
)
Index("article_category_by_category", article_category.c.category)

article_tag = Table(
    "article_tag",
    tables,
    _of_an_article(),
    _needed("tag"),
    _position(),
    PrimaryKeyConstraint("article", "tag"),
    sqlite_strict=True,
)

article_author = Table(
    "article_author",
    tables,
    _of_an_article(),
    _needed("name"),
    _position(),
    PrimaryKeyConstraint("article", "name"),
    sqlite_strict=True,
)

image = Table(
    "image",
    tables,
    _of_an_article(),
    _needed("url"),
    _words("alt"),
    _words("credit"),
    _words("license"),
    _position(),
    PrimaryKeyConstraint("article", "url"),
    sqlite_strict=True,
)

link = Table(
    "link",
    tables,
    _of_an_article(),
    _needed("rel", CheckConstraint("rel IN ('via', 'related')")),
    _needed("url"),
    _words("title"),
    _position(),
    PrimaryKeyConstraint("article", "rel", "url"),
    sqlite_strict=True,
)

# One row per article that ever was: its number moves up at each change, and stays when the article is deleted.
# AUTOINCREMENT never gives a number twice, whatever is deleted.
change = Table(
    "change",
    tables,
    Column("seq", Integer, primary_key=True),
    Column("article", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

# A parent may be held back or deleted while its answers stay: it is a name, and nothing that must be there.
comment = Table(
    "comment",
    tables,
    Column("id", Text, CheckConstraint("id <> ''"), primary_key=True, nullable=False),
    _of_an_article(),
    _words("parent"),
    _words("author"),
    _words("content"),
    _published(),
    _words("url"),
    Column(
        "status", Text, CheckConstraint("status IN ('approved', 'held')"), nullable=False, server_default="approved"
    ),
    sqlite_strict=True,
)
Index("comment_by_article", comment.c.article)

# As `change`, with numbers of its own: a comment has changed too when its article comes or goes.
comment_change = Table(
    "comment_change",
    tables,
    Column("seq", Integer, primary_key=True),
    Column("comment", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

# One row: who this file is (another file at the same path is another store), and how often its categories changed.
store = Table(
    "store",
    tables,
    Column("one", Integer, CheckConstraint("one = 1"), primary_key=True, server_default="1"),
    Column("identity", Text, nullable=False, server_default=text("(lower(hex(randomblob(16))))")),
    Column("taxonomy", Integer, nullable=False, server_default="0"),
    sqlite_strict=True,
)

BELONGINGS = (article_category, article_tag, article_author, image, link)
"""The tables of an article's parts."""

ADDED: dict[int, tuple[Table, ...]] = {2: (comment, comment_change)}
"""The tables that each later version added, with their triggers; nothing else was changed in any."""

# Triggers, not foreign keys, carry deletions: most programs that write SQLite leave foreign keys off.
# DELETE and INSERT instead of INSERT OR REPLACE: inside a trigger, the writer's own OR IGNORE would win over it.

_NUMBER_NEW = "DELETE FROM change WHERE article = NEW.%(key)s; INSERT INTO change (article) VALUES (NEW.%(key)s);"
_NUMBER_OLD = "DELETE FROM change WHERE article = OLD.%(key)s; INSERT INTO change (article) VALUES (OLD.%(key)s);"
_COUNT = "UPDATE store SET taxonomy = taxonomy + 1;"
_KEEP_ID = "SELECT RAISE(ABORT, 'an id is for life: delete the row and insert another') WHERE NEW.id IS NOT OLD.id;"
_DROP_BELONGINGS = (
    "DELETE FROM article_category WHERE article = OLD.id; DELETE FROM article_tag WHERE article = OLD.id;"
    "DELETE FROM article_author WHERE article = OLD.id; DELETE FROM image WHERE article = OLD.id;"
    "DELETE FROM link WHERE article = OLD.id;"
)
_LIFT_CHILDREN = (
    "DELETE FROM article_category WHERE category = OLD.id;"
    "UPDATE category SET parent = OLD.parent WHERE parent = OLD.id;"
)
_NUMBER_NEW_COMMENT = (
    "DELETE FROM comment_change WHERE comment = NEW.id; INSERT INTO comment_change (comment) VALUES (NEW.id);"
)
_NUMBER_OLD_COMMENT = (
    "DELETE FROM comment_change WHERE comment = OLD.id; INSERT INTO comment_change (comment) VALUES (OLD.id);"
)
_NUMBER_COMMENTS = (
    "DELETE FROM comment_change WHERE comment IN (SELECT id FROM comment WHERE article = NEW.id);"
    "INSERT INTO comment_change (comment) SELECT id FROM comment WHERE article = NEW.id ORDER BY rowid;"
)
_DROP_COMMENTS = "DELETE FROM comment WHERE article = OLD.id;"


def _trigger(table: Table, when: str, body: str, key: str = "id", *, made_with: Table | None = None) -> None:
    """Add a trigger on `table`, made together with it or with a table that came later."""
    prefix = f"{made_with.name}_of_{table.name}" if made_with is not None else table.name
    name = f"{prefix}_" + "_".join(when.lower().split())
    sql = f"CREATE TRIGGER {name} {when} ON {table.name} BEGIN {body} END"
    statement = DDL(sql, context={"key": key})  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped
    event.listen(table if made_with is None else made_with, "after_create", statement)


_trigger(article, "AFTER INSERT", _NUMBER_NEW)
_trigger(article, "AFTER UPDATE", _NUMBER_NEW)
_trigger(article, "AFTER DELETE", _DROP_BELONGINGS + _NUMBER_OLD)
_trigger(article, "BEFORE UPDATE OF id", _KEEP_ID)
for _belonging in BELONGINGS:
    _trigger(_belonging, "AFTER INSERT", _NUMBER_NEW, "article")
    _trigger(_belonging, "AFTER UPDATE", _NUMBER_OLD + _NUMBER_NEW, "article")
    _trigger(_belonging, "AFTER DELETE", _NUMBER_OLD, "article")
_trigger(category, "AFTER INSERT", _COUNT)
_trigger(category, "AFTER UPDATE", _COUNT)
_trigger(category, "AFTER DELETE", _LIFT_CHILDREN + _COUNT)
_trigger(category, "BEFORE UPDATE OF id", _KEEP_ID)
_trigger(comment, "AFTER INSERT", _NUMBER_NEW_COMMENT)
_trigger(comment, "AFTER UPDATE", _NUMBER_NEW_COMMENT)
_trigger(comment, "AFTER DELETE", _NUMBER_OLD_COMMENT)
_trigger(comment, "BEFORE UPDATE OF id", _KEEP_ID)
_trigger(article, "AFTER INSERT", _NUMBER_COMMENTS, made_with=comment)
_trigger(article, "AFTER UPDATE OF status", _NUMBER_COMMENTS, made_with=comment)
_trigger(article, "AFTER DELETE", _DROP_COMMENTS, made_with=comment)
