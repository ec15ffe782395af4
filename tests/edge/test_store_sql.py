"""The embedded store, on real files: what changed since, whoever changed it and however."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy import Table, event

from feedpub.errors import StoreError
from feedpub.model import Batch, Category, Image, Link, RawArticle, RawComment
from feedpub.stores import AnyStore
from feedpub.stores.embedded import schema
from feedpub.stores.embedded.file import StoreFile
from feedpub.stores.embedded.writing import Written
from feedpub.stores.sql import BATCH, SqlOptions, SqlStore
from tests.edge.reading import batches

WORLD = Category("blog", "world", "海外", "world")
US = Category("blog", "us", "米国関連", "us", parent="world")
JET = RawArticle(
    id="1",
    guid="https://example.com/?p=1",
    url="https://example.com/f35",
    title="F-35の最新状況",
    summary="要約",
    content="<p>本文</p>",
    published="2026-04-28T09:00:00+09:00",
    updated="2026-04-28T10:00:00+09:00",
    categories=("us", "world"),
    tags=("米空軍", "F-35"),
    authors=("航空太郎", "佐藤"),
    images=(
        Image("https://example.com/b.jpg", "飛行するF-35", "航空自衛隊", "CC BY 4.0"),
        Image("https://example.com/a.jpg"),
    ),
    links=(Link("via", "https://example.org/", "出典"), Link("related", "https://example.com/f22")),
    language="ja",
    announce=False,
    notice="F-35について",
)


def brief(key: str, title: str = "短信") -> RawArticle:
    return RawArticle(id=key, title=title, published="2026-04-28")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "articles.db"


@pytest.fixture
def store(path: Path) -> SqlStore:
    return SqlOptions(name="blog", path=str(path)).embedded()


def sql(path: Path, *statements: str) -> None:
    """Write as any other program would: with foreign keys off, as SQLite begins."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def ids(batch: Batch) -> list[str]:
    return [article.id for article in batch.articles]


# ---------------------------------------------------------------- what changed


def test_an_article_comes_back_as_it_was_put(store: SqlStore) -> None:
    store.put([JET], [US, WORLD])
    batch = store.changes(None)
    assert batch.articles == (JET,)
    assert batch.categories == (US, WORLD)
    assert (batch.gone, batch.garbage, batch.more) == ((), (), False)


def test_a_new_store_is_empty_and_made_with_its_folder(store: SqlStore, path: Path) -> None:
    batch = store.changes(None)
    assert (batch.articles, batch.categories, batch.more) == ((), (), False)
    assert path.exists()


def test_what_was_read_does_not_come_again(store: SqlStore) -> None:
    store.put([JET], [US, WORLD])
    first = store.changes(None)
    again = store.changes(first.cursor)
    assert (again.articles, again.gone, again.categories, again.cursor) == ((), (), None, first.cursor)


def test_two_edits_in_one_second_come_as_two_changes(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    cursor = store.changes(None).cursor
    for title in ("一", "二"):
        sql(path, f"UPDATE article SET title = '{title}'")
        batch = store.changes(cursor)
        assert [article.title for article in batch.articles] == [title]
        cursor = batch.cursor


def test_five_edits_between_two_polls_come_once(store: SqlStore, path: Path) -> None:
    store.put([brief("1"), brief("2")])
    cursor = store.changes(None).cursor
    sql(path, *[f"UPDATE article SET title = '{n}' WHERE id = '1'" for n in range(5)])
    batch = store.changes(cursor)
    assert [(article.id, article.title) for article in batch.articles] == [("1", "4")]


def test_an_old_article_imported_today_has_changed_today(store: SqlStore) -> None:
    store.put([brief("new")])
    cursor = store.changes(None).cursor
    store.put([RawArticle(id="old", title="2009年の記事", published="2009-05-15", updated="2009-05-15")])
    assert ids(store.changes(cursor)) == ["old"]


def test_a_deleted_article_is_gone_and_a_restored_one_is_back(store: SqlStore, path: Path) -> None:
    store.put([JET, brief("2")], [US, WORLD])
    cursor = store.changes(None).cursor
    sql(path, "DELETE FROM article WHERE id = '1'")
    deleted = store.changes(cursor)
    assert (ids(deleted), deleted.gone) == ([], ("1",))
    store.put([JET])
    assert store.changes(deleted.cursor).articles == (JET,)


def test_nothing_of_a_deleted_article_stays_behind(store: SqlStore, path: Path) -> None:
    store.put([JET], [US, WORLD])
    sql(path, "DELETE FROM article", "INSERT INTO article (id, title) VALUES ('1', '別の記事')")
    (article,) = store.changes(None).articles
    assert (article.title, article.tags, article.images, article.categories) == ("別の記事", (), (), ())


def test_a_draft_is_gone_until_it_is_published(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    cursor = store.changes(None).cursor
    sql(path, "UPDATE article SET status = 'draft'")
    withdrawn = store.changes(cursor)
    assert (ids(withdrawn), withdrawn.gone) == ([], ("1",))
    sql(path, "UPDATE article SET status = 'published'")
    assert ids(store.changes(withdrawn.cursor)) == ["1"]


CHILD_CHANGES = {
    "a tag added": "INSERT INTO article_tag (article, tag) VALUES ('1', '空自')",
    "a tag removed": "DELETE FROM article_tag WHERE article = '1' AND tag = 'F-35'",
    "an image's credit": "UPDATE image SET credit = '別' WHERE article = '1'",
    "a category": "DELETE FROM article_category WHERE article = '1' AND category = 'us'",
    "an author": "UPDATE article_author SET name = '花子' WHERE article = '1' AND position = 0",
    "a link": "INSERT INTO link (article, rel, url) VALUES ('1', 'via', 'https://example.net/')",
    "ignored and yet added": "INSERT OR IGNORE INTO article_tag (article, tag) VALUES ('1', '新'), ('1', 'F-35')",
}


@pytest.mark.parametrize("statement", CHILD_CHANGES.values(), ids=CHILD_CHANGES.keys())
def test_a_change_of_a_part_alone_is_a_change(store: SqlStore, path: Path, statement: str) -> None:
    store.put([JET, brief("2")], [US, WORLD])
    cursor = store.changes(None).cursor
    sql(path, statement)
    (changed,) = store.changes(cursor).articles
    assert changed.id == "1"
    assert changed != JET


def test_a_part_that_moves_changes_both_articles(store: SqlStore, path: Path) -> None:
    store.put([JET, brief("2"), brief("3")], [US, WORLD])
    cursor = store.changes(None).cursor
    sql(path, "UPDATE image SET article = '2' WHERE url = 'https://example.com/a.jpg'")
    assert sorted(ids(store.changes(cursor))) == ["1", "2"]


def test_replacing_an_article_by_sql_keeps_its_parts(store: SqlStore, path: Path) -> None:
    store.put([JET], [US, WORLD])
    cursor = store.changes(None).cursor
    sql(path, "PRAGMA foreign_keys = ON", "INSERT OR REPLACE INTO article (id, title) VALUES ('1', '新')")
    (article,) = store.changes(cursor).articles
    assert (article.title, article.tags) == ("新", JET.tags)


def test_an_id_is_for_life(store: SqlStore, path: Path) -> None:
    store.put([JET], [US, WORLD])
    for table in ("article", "category"):
        with pytest.raises(sqlite3.IntegrityError, match="an id is for life"):
            sql(path, f"UPDATE {table} SET id = 'other'")


def test_a_category_renamed_or_moved_comes_with_the_whole_taxonomy(store: SqlStore, path: Path) -> None:
    store.put([JET], [US, WORLD])
    cursor = store.changes(None).cursor
    sql(path, "UPDATE category SET name = 'アメリカ', parent = NULL WHERE id = 'us'")
    batch = store.changes(cursor)
    assert batch.articles == ()
    assert batch.categories == (replace(US, name="アメリカ", parent=None), WORLD)


def test_what_stands_below_a_deleted_category_moves_up(store: SqlStore, path: Path) -> None:
    states = Category("blog", "states", "州", "states", parent="us")
    store.put([JET], [US, WORLD, states])
    cursor = store.changes(None).cursor
    sql(path, "DELETE FROM category WHERE id = 'us'")
    batch = store.changes(cursor)
    assert batch.categories == (replace(states, parent="world"), WORLD)
    assert [article.categories for article in batch.articles] == [("world",)]


def test_parts_without_a_position_come_as_they_were_inserted(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    sql(path, "INSERT INTO image (article, url) VALUES ('1', 'z'), ('1', 'a'), ('1', 'm')")
    (article,) = store.changes(None).articles
    assert [image.url for image in article.images] == ["z", "a", "m"]


def test_1200_articles_come_in_bounded_batches_each_once(store: SqlStore) -> None:
    store.put(brief(str(n)) for n in range(1200))
    read = list(batches(store))
    assert [len(batch.articles) for batch in read] == [BATCH, BATCH, 200]
    assert [key for batch in read for key in ids(batch)] == [str(n) for n in range(1200)]


def test_what_changes_between_two_batches_comes_later_and_not_too_seldom(store: SqlStore) -> None:
    store.put(brief(str(n)) for n in range(700))
    first = store.changes(None)
    store.put([brief("3", "read already"), brief("600", "not read yet")])
    second = store.changes(first.cursor)
    assert ids(second)[-2:] == ["3", "600"]
    assert len(second.articles) == 201


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "retag", "draft", "delete", "poll"]), st.sampled_from("abcd"), st.integers(0, 9)
        ),
        max_size=25,
    )
)
def test_who_follows_the_changes_knows_what_the_store_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    path = tmp_path_factory.mktemp("story") / "articles.db"
    store = SqlOptions(name="blog", path=str(path)).embedded()
    known: dict[str, RawArticle] = {}
    cursor = store.changes(None).cursor
    for step, key, number in (*steps, ("poll", "a", 0)):
        match step:
            case "put":
                store.put([replace(brief(key, str(number)), tags=("t",) * (number % 2))])
            case "retag":
                sql(path, f"INSERT OR IGNORE INTO article_tag SELECT id, '{number}', 9 FROM article WHERE id = '{key}'")
            case "draft":
                status = "draft" if number % 2 else "published"
                sql(path, f"UPDATE article SET status = '{status}' WHERE id = '{key}'")
            case "delete":
                sql(path, f"DELETE FROM article WHERE id = '{key}'")
            case _:
                batch = store.changes(cursor)
                cursor = batch.cursor
                known |= {article.id: article for article in batch.articles}
                known = {held: article for held, article in known.items() if held not in batch.gone}
    assert known == {article.id: article for article in store.changes(None).articles}
    assert known.keys() == store.census(None).present


# ---------------------------------------------------------------- what readers say


SAID = RawComment(
    id="c1",
    article="1",
    parent="c0",
    author="読者 & 友",
    content="<p>同感です。</p>",
    published="2026-04-29T09:00:00+09:00",
    url="https://example.com/f35#c1",
)


def spoken(batch: Batch) -> tuple[list[str], tuple[str, ...]]:
    """The ids of the comments that are new or changed, and of those gone."""
    return [comment.id for comment in batch.comments], batch.comments_gone


def test_a_comment_comes_back_as_it_was_put_and_only_once(store: SqlStore) -> None:
    store.put([brief("1")], comments=[SAID])
    first = store.changes(None)
    assert first.comments == (SAID,)
    again = store.changes(first.cursor)
    assert (again.articles, *spoken(again), again.cursor) == ((), [], (), first.cursor)


def test_a_comment_alone_does_not_change_its_article(store: SqlStore) -> None:
    store.put([brief("1")])
    cursor = store.changes(None).cursor
    store.put([], comments=[SAID])
    batch = store.changes(cursor)
    assert (batch.articles, batch.comments) == ((), (SAID,))


COMMENT_CHANGES: dict[str, tuple[str, tuple[list[str], list[str]]]] = {
    "edited": ("UPDATE comment SET content = 'x' WHERE id = 'c1'", (["c1"], [])),
    "held back": ("UPDATE comment SET status = 'held' WHERE id = 'c1'", ([], ["c1"])),
    "approved": ("UPDATE comment SET status = 'approved' WHERE id = 'held'", (["held"], [])),
    "deleted": ("DELETE FROM comment WHERE id = 'c1'", ([], ["c1"])),
    "replaced": ("INSERT OR REPLACE INTO comment (id, article) VALUES ('c1', '1')", (["c1"], [])),
    "ignored and yet added": (
        "INSERT OR IGNORE INTO comment (id, article) VALUES ('c1', '1'), ('n', '1')",
        (["n"], []),
    ),
    "its article withdrawn": ("UPDATE article SET status = 'draft' WHERE id = '1'", ([], ["c1", "held"])),
    "its article published": ("UPDATE article SET status = 'published' WHERE id = '2'", (["c2"], [])),
    "its article edited": ("UPDATE article SET title = 'x' WHERE id = '1'", ([], [])),
    "its article deleted": ("DELETE FROM article WHERE id = '1'", ([], ["c1", "held"])),
    "moved to a draft": ("UPDATE comment SET article = '2' WHERE id = 'c1'", ([], ["c1"])),
}


@pytest.mark.parametrize(("statement", "told"), COMMENT_CHANGES.values(), ids=COMMENT_CHANGES.keys())
def test_a_comment_comes_or_goes_with_what_is_done_to_it(
    store: SqlStore, path: Path, statement: str, told: tuple[list[str], list[str]]
) -> None:
    comments = [replace(SAID, id="held"), SAID, replace(SAID, id="c2", article="2")]
    store.put([brief("1"), brief("2")], comments=comments)
    sql(
        path,
        "UPDATE article SET status = 'draft' WHERE id = '2'",
        "UPDATE comment SET status = 'held' WHERE id = 'held'",
    )
    cursor = store.changes(None).cursor
    sql(path, statement)
    present, gone = spoken(store.changes(cursor))
    assert (present, sorted(gone)) == told


def test_an_older_copy_put_back_is_noticed_by_its_comments_alone(store: SqlStore, path: Path) -> None:
    store.put([brief("1")], comments=[SAID])
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    store.put([], comments=[replace(SAID, id="lost")])
    cursor = store.changes(None).cursor
    copy.replace(path)
    store.put([], comments=[replace(SAID, id="after")])
    batch = store.changes(cursor)
    assert (ids(batch), spoken(batch)) == (["1"], (["c1", "after"], ()))


def test_a_number_of_a_deleted_comment_is_never_given_again(store: SqlStore, path: Path) -> None:
    store.put([brief("1")], comments=[SAID])
    cursor = store.changes(None).cursor
    for _round in range(3):
        sql(path, "DELETE FROM comment", "DELETE FROM comment_change")
        store.put([], comments=[SAID])
    seqs = "SELECT seq FROM comment_change"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(seqs).fetchall() == [(7,)]
    assert store.changes(cursor).comments == (SAID,)


def test_no_comment_comes_before_its_article_and_batches_stay_bounded(store: SqlStore) -> None:
    articles = [brief(str(n)) for n in range(BATCH + 1)]
    store.put(articles, comments=(replace(SAID, id=str(n), article=str(n % BATCH)) for n in range(BATCH + 100)))
    read = list(batches(store))
    assert [(len(batch.articles), len(batch.comments)) for batch in read] == [(BATCH, 0), (1, BATCH), (0, 100)]
    assert [key for batch in read for key in spoken(batch)[0]] == [str(n) for n in range(BATCH + 100)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "hold", "delete", "draft", "article", "no article", "poll"]),
            st.sampled_from("abc"),
            st.integers(0, 5),
        ),
        max_size=25,
    )
)
def test_who_follows_the_changes_knows_what_readers_say(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    path = tmp_path_factory.mktemp("story") / "articles.db"
    store = SqlOptions(name="blog", path=str(path)).embedded()
    store.put(brief(str(n)) for n in range(2))
    known: dict[str, RawComment] = {}
    cursor = store.changes(None).cursor
    for step, key, number in (*steps, ("poll", "a", 0)):
        about = str(number % 2)
        match step:
            case "put":
                sql(
                    path,
                    f"INSERT OR REPLACE INTO comment (id, article, author) VALUES ('{key}', '{about}', '{number}')",
                )
            case "hold":
                sql(path, f"UPDATE comment SET status = '{'held' if number % 3 else 'approved'}' WHERE id = '{key}'")
            case "delete":
                sql(path, f"DELETE FROM comment WHERE id = '{key}'")
            case "draft":
                status = "draft" if number > 2 else "published"
                sql(path, f"UPDATE article SET status = '{status}' WHERE id = '{about}'")
            case "article":
                store.put([brief(about, str(number))])
            case "no article":
                sql(path, f"DELETE FROM article WHERE id = '{about}'")
            case _:
                batch = store.changes(cursor)
                cursor = batch.cursor
                known |= {comment.id: comment for comment in batch.comments}
                known = {held: comment for held, comment in known.items() if held not in batch.comments_gone}
    afresh = store.changes(None)
    assert known == {comment.id: comment for comment in afresh.comments}
    assert {comment.article for comment in known.values()} <= set(ids(afresh))


def test_putting_the_same_comments_again_changes_nothing(store: SqlStore, path: Path) -> None:
    store.put([brief("1")], comments=[SAID, replace(SAID, id="c2", published="")])
    sql(path, "UPDATE comment SET status = 'held' WHERE id = 'c2'")
    cursor = store.changes(None).cursor
    with store.writing() as writing:
        again = writing.put_comments([replace(SAID, author="別名"), replace(SAID, id="c2", published="")])
    assert again == Written(changed=1, unchanged=1)
    assert spoken(store.changes(cursor)) == (["c1"], ())


def test_a_comment_on_an_article_that_is_not_there_is_refused_and_nothing_is_written(store: SqlStore) -> None:
    with pytest.raises(StoreError, match=r"or a comment an article$"):
        store.put([brief("1")], comments=[SAID, replace(SAID, id="c2", article="nowhere")])
    assert store.changes(None).articles == ()


def test_a_comment_that_other_programs_write_about_no_article_waits_for_it(store: SqlStore, path: Path) -> None:
    store.changes(None)
    sql(path, "INSERT INTO comment (id, article, content) VALUES ('c1', '1', 'x')")
    early = store.changes(None)
    assert spoken(early) == ([], ("c1",))
    store.put([brief("1")])
    assert spoken(store.changes(early.cursor)) == (["c1"], ())


def test_a_comment_that_is_no_text_is_repaired_and_stops_nothing(store: SqlStore, path: Path) -> None:
    store.put([brief("1")], comments=[replace(SAID, author="\ud83d")])
    sql(path, "INSERT INTO comment (id, article, content) VALUES (CAST(x'ff41' AS TEXT), '1', CAST(x'e697ff' AS TEXT))")
    batch = store.changes(None)
    assert [(one.id, one.author) for one in batch.comments] == [("c1", "\ufffd"), ("\ufffdA", "")]
    assert batch.garbage == ()
    assert spoken(store.changes(batch.cursor)) == ([], ())


# ---------------------------------------------------------------- a file of the version before


@pytest.fixture
def older(path: Path) -> str:
    """Put a file in place that schema 1 made, and give the cursor of who had read it."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "schema_1.sql").read_text(encoding="utf-8"))
    return '{"identity": "4055dd1294ac004b7cfb8c42ede248a1", "seq": 7, "article": "3", "taxonomy": 1}'


def schema_of(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    return {(kind, name, "".join((sql or "").split())) for kind, name, sql in made}


def test_a_file_of_the_version_before_becomes_what_a_new_one_is(store: SqlStore, path: Path, older: str) -> None:
    before = store.changes(older)
    assert (before.articles, before.gone, before.categories, before.more) == ((), (), None, False)
    new = path.with_name("new.db")
    StoreFile(str(new)).create()
    assert schema_of(path) == schema_of(new)
    store.put([brief("4")], comments=[replace(SAID, article="2")])
    after = store.changes(before.cursor)
    assert (ids(after), spoken(after)) == (["4"], (["c1"], ()))


def test_a_file_of_the_version_before_is_read_and_written_as_it_is_found(
    store: SqlStore, path: Path, older: str
) -> None:
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    assert store.census(None).present == {"1", "2"}
    copy.replace(path)
    store.put([], comments=[replace(SAID, article="1")])
    batch = store.changes(None)
    assert [(one.id, one.title, one.tags) for one in batch.articles] == [("1", "一", ("F-35",)), ("2", "二改", ())]
    assert (batch.gone, spoken(batch), older != batch.cursor) == (("3",), (["c1"], ()), True)


def test_a_table_of_the_admins_own_is_not_taken_for_ours(store: SqlStore, path: Path, older: str) -> None:
    sql(path, "CREATE TABLE comment (words)")
    with pytest.raises(StoreError, match='holds a "comment" that feedpub did not make: rename it'):
        store.changes(older)
    sql(path, "ALTER TABLE comment RENAME TO reader_comment")
    assert store.changes(older).articles == ()


# ---------------------------------------------------------------- putting


def test_putting_the_same_again_changes_nothing(store: SqlStore) -> None:
    assert store.put([JET, brief("2")], [US, WORLD]) == Written(new=2)
    cursor = store.changes(None).cursor
    assert store.put([JET, brief("2", "他")], [US, WORLD]) == Written(changed=1, unchanged=1)
    batch = store.changes(cursor)
    assert (ids(batch), batch.categories) == (["2"], None)


def test_an_article_without_a_date_is_published_now_and_stays_so(store: SqlStore) -> None:
    undated = RawArticle(id="1", title="無題")
    store.put([undated])
    (first,) = store.changes(None).articles
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.published)
    assert store.put([undated]) == Written(unchanged=1)
    store.put([replace(undated, title="改題")])
    assert store.changes(None).articles == (replace(first, title="改題"),)


def test_putting_leaves_a_draft_a_draft(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    sql(path, "UPDATE article SET status = 'draft'")
    store.put([brief("1", "改題")])
    assert store.changes(None).gone == ("1",)


def test_parts_listed_twice_are_kept_once(store: SqlStore) -> None:
    twice = replace(
        JET, tags=("a", "b", "a"), images=(*JET.images, Image(JET.images[0].url, "other")), links=JET.links * 2
    )
    store.put([twice], [US, WORLD])
    assert store.changes(None).articles == (replace(JET, tags=("a", "b")),)
    assert store.put([twice]) == Written(unchanged=1)


def test_a_lone_surrogate_is_repaired_since_no_database_can_hold_it(store: SqlStore) -> None:
    store.put([replace(brief("1"), title="\ud83d速報", tags=("\udfff",))])
    assert store.put([replace(brief("1"), title="\ud83d速報", tags=("\udfff",))]) == Written(unchanged=1)
    (article,) = store.changes(None).articles
    assert (article.title, article.tags) == ("\ufffd速報", ("\ufffd",))


def test_a_category_nobody_defined_is_refused_and_nothing_is_written(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="names a category that is not there"):
        store.put([brief("1"), replace(brief("2"), categories=("nowhere",))])
    assert store.changes(None).articles == ()


def test_a_transaction_that_fails_leaves_nothing(store: SqlStore) -> None:
    def failing() -> Iterator[RawArticle]:
        yield from (brief(str(n)) for n in range(600))
        raise KeyError

    with pytest.raises(KeyError):
        store.put(failing(), [US, WORLD])
    batch = store.changes(None)
    assert (batch.articles, batch.categories) == ((), ())


WRITER = """
import sys
from feedpub.model import RawArticle
from feedpub.stores.sql import SqlOptions
path, name = sys.argv[1:]
store = SqlOptions(name="blog", path=path).embedded()
for number in range(10):
    store.put([RawArticle(id=f"{name}-{number}", title="x", tags=("a", "b"))])
"""


def test_two_programs_write_at_once_and_a_reader_misses_nothing(store: SqlStore, path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("one", "two")]
    seen: set[str] = set()
    cursor = None
    while any(writer.poll() is None for writer in writers):
        batch = store.changes(cursor)
        cursor = batch.cursor
        seen |= set(ids(batch))
        time.sleep(0.05)
    seen |= {key for batch in batches(store, cursor) for key in ids(batch)}
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == {f"{name}-{number}" for name in ("one", "two") for number in range(10)}


# ---------------------------------------------------------------- garbage, and other files


def test_a_row_that_cannot_be_read_harms_no_other(store: SqlStore, path: Path) -> None:
    store.put([JET, brief("2"), brief("3")], [US, WORLD])
    sql(path, "UPDATE article SET title = CAST(x'e697ff' AS TEXT) WHERE id = '2'")
    sql(path, "PRAGMA ignore_check_constraints = ON", "UPDATE article SET announce = 7 WHERE id = '3'")
    sql(path, "INSERT INTO article (id, title) VALUES (CAST(x'ff41' AS TEXT), 'x')")
    batch = store.changes(None)
    assert ids(batch) == ["1"]
    assert {row.id: row.reason for row in batch.garbage} == {
        "2": "its title is not text in UTF-8",
        "3": 'its "announce" is neither 0, 1 nor NULL',
        "\ufffdA": "its id is not text in UTF-8",
    }
    assert store.changes(batch.cursor).garbage == ()


def test_a_garbage_row_that_is_mended_comes_as_an_article(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    sql(path, "UPDATE article SET title = CAST(x'ff' AS TEXT)")
    cursor = store.changes(None).cursor
    assert store.put([brief("1")]) == Written(changed=1)
    assert ids(store.changes(cursor)) == ["1"]


def test_the_schema_refuses_what_is_no_text(store: SqlStore, path: Path) -> None:
    store.put([JET], [US, WORLD])
    for statement in (
        "UPDATE article SET title = x'00'",
        "UPDATE link SET rel = 'next'",
        "UPDATE article SET announce = 2",
        "INSERT INTO article (id) VALUES ('')",
        "INSERT INTO article (id) VALUES (NULL)",
        "INSERT INTO article (id) VALUES ('1')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            sql(path, statement)
    assert store.changes(None).articles == (JET,)


def test_a_cursor_of_another_file_begins_from_the_beginning(store: SqlStore, tmp_path: Path) -> None:
    other = SqlOptions(name="blog", path=str(tmp_path / "other.db")).embedded()
    other.put([brief(str(n)) for n in range(9)])
    store.put([brief("1")])
    batch = store.changes(other.changes(None).cursor)
    assert ids(batch) == ["1"]
    assert batch.categories == ()


@pytest.mark.parametrize("cursor", ["", "7", "[]", '{"page": 3}', "not ours", '{"identity": "x"}'])
def test_a_cursor_that_is_not_ours_begins_from_the_beginning(store: SqlStore, cursor: str) -> None:
    store.put([brief("1")])
    assert ids(store.changes(cursor)) == ["1"]


def test_an_older_copy_put_back_is_noticed_even_when_it_was_written_since(store: SqlStore, path: Path) -> None:
    store.put([brief(str(n)) for n in range(3)])
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    store.put([brief("lost")])
    cursor = store.changes(None).cursor
    copy.replace(path)
    store.put([brief("after 1"), brief("after 2"), brief("after 3")])
    assert ids(store.changes(cursor)) == ["0", "1", "2", "after 1", "after 2", "after 3"]


def test_a_store_that_was_read_and_is_gone_is_told_and_not_made_anew(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    cursor = store.changes(None).cursor
    moved = path.rename(path.with_name("moved.db"))
    for _poll in range(3):
        with pytest.raises(StoreError, match="no such file"):
            store.changes(cursor)
        with pytest.raises(StoreError, match="no such file"):
            store.census(None)
    moved.rename(path)
    assert store.changes(cursor).articles == ()


def test_a_census_names_the_published(store: SqlStore, path: Path) -> None:
    store.put(brief(str(n)) for n in range(3))
    sql(path, "UPDATE article SET status = 'draft' WHERE id = '1'")
    assert store.census(None).present == {"0", "2"}
    assert store.census(None).covers is None
    some = store.census(["0", "1", "never"])
    assert some.present == {"0"}
    assert some.covers is not None
    assert some.covers == {"0", "1", "never"}
    many = [str(n) for n in range(1200)]
    assert store.census(many).present == {"0", "2"}


# ---------------------------------------------------------------- what goes wrong is said plainly


def refused(path: Path) -> str:
    with pytest.raises(StoreError) as error:
        SqlStore("blog", StoreFile(str(path), timedelta(seconds=0.2))).changes(None)
    return str(error.value).replace(str(path), "PATH")


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    assert refused(tmp_path) == "PATH is a directory: name a file in it, such as PATH/articles.db"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert refused(file / "articles.db") == "PATH has a file where its folder should be: give another path"


def test_a_folder_that_cannot_be_written_is_told() -> None:
    assert refused(Path("/proc/articles.db")) == (
        "PATH cannot be opened: give feedpub the right to read and write it and its folder"
    )


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("これはデータベースではありません。" * 100)
    assert refused(path) == "PATH is not an SQLite database: give another path"


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    sql(path, "CREATE TABLE article (id)", "PRAGMA user_version = 1")
    assert refused(path) == (
        "PATH is a database of another program: give another path, or read it by `url` and `query`"
    )


def test_a_later_schema_is_refused(store: SqlStore, path: Path) -> None:
    store.changes(None)
    sql(path, f"PRAGMA user_version = {schema.VERSION + 1}")
    assert refused(path) == ("PATH was written by a later feedpub (schema 3; this one knows 2): install that feedpub")


def test_a_lock_is_waited_for_and_then_told(store: SqlStore, path: Path) -> None:
    store.changes(None)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert refused(path) == "PATH is locked by another program: let it finish, or stop it"
        other.execute("COMMIT")
    assert store.changes(None).articles == ()


def test_reading_does_not_wait_for_a_writer(store: SqlStore, path: Path) -> None:
    store.put([brief("1")])
    cursor = store.changes(None).cursor
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE article SET title = 'not committed'")
        began = time.monotonic()
        assert store.changes(cursor).articles == ()
        assert time.monotonic() - began < 20


def test_an_emptied_file_is_told_by_who_has_read_it(store: SqlStore, path: Path) -> None:
    cursor = store.changes(None).cursor
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="nothing is in it"):
        store.changes(cursor)


# ---------------------------------------------------------------- options, durability, speed


def test_the_options_are_picked_by_kind() -> None:
    options = TypeAdapter[AnyStore](AnyStore).validate_python({"kind": "sql"})
    assert isinstance(options, SqlOptions)
    assert options.path == "data/articles.db"
    assert options.names_everything


def test_a_commit_survives_a_power_cut(store: SqlStore, path: Path) -> None:
    with store.writing() as writing:
        synchronous = writing.connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        journal = writing.connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    assert (synchronous, journal) == (2, "wal")


def test_ten_thousand_articles_are_written_and_read_quickly(store: SqlStore) -> None:
    began = time.process_time()
    store.put(
        replace(brief(str(n)), content="<p>本文</p>" * 100, tags=("a", "b"), authors=("c",)) for n in range(10_000)
    )
    count = sum(len(batch.articles) for batch in batches(store))
    assert count == 10_000
    assert time.process_time() - began < 6  # about 1.5 s


def test_an_idle_poll_scans_no_table(store: SqlStore, path: Path) -> None:
    store.put([JET], [US, WORLD])
    cursor = store.changes(None).cursor
    asked: list[tuple[str, tuple[object, ...]]] = []
    file = StoreFile(str(path))
    event.listen(file._engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    SqlStore("blog", file).changes(cursor)
    with closing(sqlite3.connect(path)) as connection:
        plans = [
            row[3]
            for statement, values in asked
            if statement.startswith("SELECT")
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert plans
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    assert scanned <= {"store", "sqlite_schema", "CONSTANT"}


# ---------------------------------------------------------------- docs/schema.md


DOCS = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")


def test_the_documented_statements_do_what_the_document_says(store: SqlStore, path: Path) -> None:
    store.changes(None)
    insert, short, edit, comment, withdraw = re.findall(r"```sql\n(.*?)```", DOCS, re.DOTALL)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(insert + short + edit + comment)
    us, world = store.changes(None).categories or ()
    assert us.parent == world.key
    told = {article.id: article for article in store.changes(None).articles}
    assert told["2026-04-28-f35"].tags == ("F-35", "米空軍")
    assert told["2026-04-28-f35"].images[0].credit == "航空自衛隊"
    assert told["brief-1"].title == ""
    assert [(one.id, one.parent, one.author) for one in store.changes(None).comments] == [
        ("c1", "", "読者"),
        ("c2", "c1", "航空太郎"),
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(withdraw)
    withdrawn = store.changes(None)
    assert (withdrawn.gone, withdrawn.comments_gone) == (("2026-04-28-f35",), ("c1", "c2"))


@pytest.mark.parametrize("table", schema.tables.sorted_tables, ids=lambda table: table.name)
def test_every_table_and_column_is_documented(table: Table) -> None:
    assert f"`{table.name}`" in DOCS
    assert [column.name for column in table.columns if f"`{column.name}`" not in DOCS] == []
