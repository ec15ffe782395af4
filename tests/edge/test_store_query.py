"""The store of an admin's own query, on real SQLite files and a real PostgreSQL."""

from __future__ import annotations

import re
import resource
import sqlite3
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Batch, Quarantined, RawArticle
from feedpub.stores.base import Store
from feedpub.stores.query import address, place, spool
from feedpub.stores.query.dialects import Other, dialect
from feedpub.stores.query.rows import Read, Reading
from feedpub.stores.query.store import BATCH, QueryStore, Question
from feedpub.stores.sql import SqlOptions
from tests.databases import PostgreSQL
from tests.edge.reading import batches
from tests.world import HOME

GUIDE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
QUERY = """SELECT id, title, body AS content, made AS published, changed AS updated, filed AS categories
FROM post WHERE changed >= :since"""
TABLE = "CREATE TABLE post (id, title, body, made, changed, filed)"


class Reader:
    """Polls as the publisher does, and remembers what the last poll brought."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cursor: str | None = None
        self.batches: list[Batch] = []

    def poll(self) -> list[str]:
        """The ids of what changed, in the order in which it is told."""
        self.batches = []
        for batch in batches(self.store, self.cursor):
            self.cursor = batch.cursor
            self.batches.append(batch)
        return [article.id for article in self.articles]

    @property
    def articles(self) -> list[RawArticle]:
        return [article for batch in self.batches for article in batch.articles]

    @property
    def garbage(self) -> dict[str, str]:
        return {one.id: one.reason for batch in self.batches for one in batch.garbage}


def reader(url: str, query: str = QUERY, **said: object) -> Reader:
    options = SqlOptions.model_validate({"name": "blog", "url": url, "query": query, "timezone": "UTC", **said})
    return Reader(options.open(Door(), HOME))


class File:
    """An SQLite file of another program."""

    def __init__(self, path: Path, table: str = TABLE) -> None:
        self.path, self.url = path, f"sqlite:///{path}"
        self.run(table)

    def run(self, statement: str, *rows: Sequence[object]) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            if rows:
                connection.executemany(statement, rows)
            else:
                connection.execute(statement)

    def write(self, *rows: Sequence[object]) -> None:
        self.run("INSERT INTO post VALUES (?, ?, ?, ?, ?, ?)", *rows)


def row(id_: object, changed: object = "2026-04-28 12:00:00", title: object = "見出し") -> tuple[object, ...]:
    return (id_, title, "<p>本文</p>", "2026-04-28 12:00:00", changed, "海外,国内")


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "cms.db")


# ---------------------------------------------------------------- a pass


def test_rows_come_oldest_first_and_only_once(file: File) -> None:
    file.write(row(1, "2026-04-28 12:00:00"), row(2, "2026-04-27 12:00:00"), row(3, "2026-04-28 11:00:00"))
    one = reader(file.url)
    assert one.poll() == ["2", "3", "1"]
    before = one.cursor
    assert (one.poll(), one.cursor) == ([], before)


def test_categories_told_by_name_come_with_their_articles_and_then_no_more(file: File) -> None:
    file.write(row(1))
    one = reader(file.url)
    one.poll()
    (batch,) = one.batches
    assert batch.articles[0].categories == ("海外", "国内")
    assert [category.name for category in batch.categories or ()] == ["海外", "国内"]
    file.write(row(2, "2026-04-28 12:05:00"))
    one.poll()
    assert one.batches[0].categories is None


def test_1200_rows_come_in_bounded_batches_and_the_database_is_let_go_before_they_are_told(file: File) -> None:
    file.write(*(row(id_) for id_ in range(1200)))
    one = reader(file.url)
    first = one.store.changes(None)
    assert (len(first.articles), first.more) == (BATCH, True)
    # With a reader in the middle of its rows, this would have to wait.
    file.write(row(5000, "2026-04-28 12:01:00"))
    told = [first, second := one.store.changes(first.cursor), third := one.store.changes(second.cursor)]
    assert (len(told[1].articles), len(third.articles), third.more) == (BATCH, 200, False)
    one.cursor = third.cursor
    assert "5000" in one.poll()


def test_a_pass_broken_off_begins_again(file: File) -> None:
    file.write(*(row(id_) for id_ in range(1200)))
    cursor = reader(file.url).store.changes(None).cursor
    again = reader(file.url)
    again.cursor = cursor
    assert len(again.poll()) == 1200


def test_an_edit_in_the_same_second_is_a_change(file: File) -> None:
    file.write(row(1), row(2))
    one = reader(file.url)
    one.poll()
    for title in ("追記", "追記二"):
        file.run("UPDATE post SET title = ? WHERE id = 1", (title,))
        assert one.poll() == ["1"]


def test_what_came_in_with_an_old_date_is_found_at_the_next_census(file: File) -> None:
    file.write(row(1))
    one = reader(file.url)
    one.poll()
    file.write(row(2, "2020-01-01 00:00:00"))
    assert one.poll() == []
    assert one.cursor is not None
    long_ago = re.sub(r'(whole_at\\": ?)([0-9]+)', lambda found: f"{found[1]}{int(found[2]) - 7 * 3600}", one.cursor)
    assert long_ago != one.cursor
    one.cursor = long_ago
    assert "2" in one.poll()


def test_a_query_that_is_changed_is_read_anew(file: File) -> None:
    file.write(row(1), row(2, "2020-01-01 00:00:00"))
    before = reader(file.url, QUERY + " AND id <> 2")
    assert before.poll() == ["1"]
    after = reader(file.url)
    after.cursor = before.cursor
    assert after.poll() == ["2", "1"]


def test_a_query_without_since_gives_everything_and_tells_only_what_is_new(file: File) -> None:
    file.write(row(1), row(2, None), row(3, "2020-01-01 00:00:00"))
    one = reader(file.url, QUERY.partition(" WHERE")[0])
    assert one.poll() == ["2", "3", "1"]
    before = one.cursor
    assert (one.poll(), one.cursor) == ([], before)
    file.run("UPDATE post SET title = 'neu' WHERE id = 3")
    assert one.poll() == ["3"]


def test_a_mass_restamp_is_read_once_and_the_next_article_alone(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "REMEMBERED", 10)
    file.write(*(row(id_) for id_ in range(50)))
    one = reader(file.url)
    assert len(one.poll()) == 50
    file.run("UPDATE post SET changed = '2026-04-29 12:00:00'")
    assert len(one.poll()) == 50
    before = one.cursor
    assert (one.poll(), one.cursor) == ([], before)
    file.write(row(99, "2026-04-29 12:30:00"))
    assert one.poll() == ["99"]


@pytest.mark.parametrize(
    ("since_as", "dates"),
    [("unix", (1_777_377_600, 1_777_377_660)), ("text", ("2026-04-28T12:00:00Z", "2026-04-28T21:01:00+09:00"))],
)
def test_dates_may_be_numbers_or_texts_with_a_zone(file: File, since_as: str, dates: tuple[object, object]) -> None:
    file.write(row(1, dates[0]))
    one = reader(file.url, since_as=since_as, timezone="Asia/Tokyo")
    one.poll()
    assert one.articles[0].updated == "2026-04-28T12:00:00+00:00"
    file.write(row(2, dates[1]))
    assert one.poll() == ["2"]
    assert one.articles[0].updated == "2026-04-28T12:01:00+00:00"


def test_the_hour_that_is_there_twice_in_autumn_loses_nothing(file: File) -> None:
    """Between 01:00 and 02:00 on 1 November 2026 New York's clocks show each time twice."""
    file.write(row(1, "2025-11-02 01:58:00"))
    one = reader(file.url, timezone="America/New_York")
    one.poll()
    file.write(row(2, "2025-11-02 01:05:00"))
    assert one.poll() == ["2"]


# ---------------------------------------------------------------- rubbish


def test_rubbish_keeps_nobody_back_and_is_told_once(file: File) -> None:
    file.write(row(1), row(2, title=b"\xff\xfe"), row(None), row(4, "9999"), row(5))
    file.run("INSERT INTO post VALUES (6, CAST(X'FF00FE' AS TEXT), '', '2026-04-28', '2026-04-28 12:00:00', '')")
    one = reader(file.url)
    assert sorted(one.poll()) == ["1", "5"]
    assert one.garbage.keys() == {"2", "4", "6", "(no id)"}
    assert one.garbage["6"] == "its title is not text in UTF-8"
    before = one.cursor
    assert (one.poll(), one.garbage, one.cursor) == ([], {}, before)
    file.run("UPDATE post SET title = 'geheilt' WHERE id = 6")
    assert one.poll() == ["6"]


def test_an_id_in_several_rows_that_agree_is_one_article(file: File) -> None:
    file.write(row(1), row(1), row(2))
    one = reader(file.url)
    assert one.poll() == ["1", "2"]
    assert one.poll() == []


def test_an_id_in_several_rows_that_differ_is_kept_out_and_told_once(file: File) -> None:
    file.write(row(1), row(1, title="andere"), row(1, title="dritte"), row(2))
    one = reader(file.url)
    assert one.poll() == ["2"]
    assert "one row for each id" in one.garbage["1"]
    before = one.cursor
    assert (one.poll(), one.garbage, one.cursor) == ([], {}, before)
    file.run("DELETE FROM post WHERE title IN ('andere', 'dritte')")
    assert one.poll() == ["1"]


# ---------------------------------------------------------------- ids


def test_a_census_names_what_the_query_gives(file: File) -> None:
    file.write(*(row(id_, "1970-01-01 00:00:00") for id_ in range(1200)))
    one = reader(file.url, QUERY + " AND title = '見出し' ORDER BY id;  -- all")
    every = one.store.census(None)
    assert len(every.present) == 1200
    assert every.covers is None
    file.run("UPDATE post SET title = '' WHERE id = 7")
    some = one.store.census([*map(str, range(600)), "9999", "kein"])
    assert some.present == {str(id_) for id_ in range(600)} - {"7"}
    assert some.covers is not None
    assert len(some.covers) == 602
    assert one.store.census(["nobody"]).present == frozenset()


def test_ids_of_several_types_are_all_found_again(file: File) -> None:
    file.write(row(1), row("2"), row("c"))
    one = reader(file.url)
    assert sorted(one.poll()) == ["1", "2", "c"]
    assert one.store.census(["1", "2", "c", "e"]).present == {"1", "2", "c"}


@pytest.mark.parametrize("ids", [["1"], None])
def test_a_query_with_a_limit_speaks_only_of_what_it_gives(file: File, ids: list[str] | None) -> None:
    file.write(row(1), row(2, "2026-04-28 13:00:00"))
    census = reader(file.url, QUERY + " ORDER BY changed DESC LIMIT 1").store.census(ids)
    assert census.present == (frozenset() if ids else {"2"})
    assert census.covers == census.present


# ---------------------------------------------------------------- trouble, on SQLite


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (QUERY.replace("SELECT id,", "SELECT"), 'the query gives no column "id": write … AS id into it'),
        (
            QUERY.replace("title", "titel"),
            r"the SQLite file of `url` has no column of a name that the query uses \(titel\)",
        ),
        (
            QUERY.replace("post", "posts"),
            r"the SQLite file of `url` has no table of a name that the query uses \(posts\)",
        ),
        (QUERY.replace("FROM", "FRMO"), "the SQLite file of `url` does not understand the query"),
        (QUERY.replace("AS content", "AS contents"), 'a column "contents", which .* write AS content'),
        ("WITH x AS (SELECT 1) DELETE FROM post RETURNING 1 AS id, 2 AS title, 3 AS published", "was asked to write"),
    ],
)
def test_a_query_that_is_wrong_is_told_in_one_sentence(file: File, query: str, sentence: str) -> None:
    file.write(row(1))
    with pytest.raises(StoreError, match=sentence) as raised:
        reader(file.url, query).poll()
    assert "\n" not in str(raised.value)
    assert reader(file.url).poll() == ["1"]


def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the SQLite file of `url` is not there: correct the path"):
        reader(f"sqlite:///{tmp_path / 'none.db'}").poll()
    with pytest.raises(StoreError, match="is a folder"):
        reader(f"sqlite:///{tmp_path}").poll()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="the SQLite file of `url` is no SQLite database: correct the path"):
        reader(f"sqlite:///{tmp_path / 'x.db'}").poll()


def test_a_query_that_takes_too_long_is_ended(file: File) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT max(i) AS id, 1 AS title, 1 AS published FROM n"
    )
    with pytest.raises(StoreError, match="took too long with the query"):
        reader(file.url, endless, timeout="1s").poll()


def test_an_answer_that_has_no_room_is_told(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write(*(row(id_) for id_ in range(2000)))
    monkeypatch.setattr(spool, "MOST_PAGES", 10)
    with pytest.raises(StoreError, match="no room in the folder for temporary files"):
        reader(file.url).poll()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow by a byte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("rows", [spool.Spool.newest, spool.Spool.news])
def test_a_disk_without_room_to_sort_is_told_too(rows: Callable[[spool.Spool], Iterator[object]]) -> None:
    with closing(spool.Spool({})) as one:
        for number in range(3000):
            one.put(Read(f"{number:05}" * 400, None, str(number), Quarantined("x", "y")))
        with full_disk(), pytest.raises(StoreError, match="let feedpub write there and make room"):
            list(rows(one))


def test_another_database_is_read_without_means_of_its_own(file: File) -> None:
    file.write(row(1), row(2))
    question = Question(QUERY, "", "text", timedelta(minutes=10), timedelta(hours=6), Reading(ZoneInfo("UTC")))
    one = Reader(QueryStore("blog", question, Other(make_url(file.url), timedelta(minutes=1), ZoneInfo("UTC"))))
    assert one.poll() == ["1", "2"]
    before = one.cursor
    assert (one.poll(), one.cursor) == ([], before)
    file.run("UPDATE post SET title = 'neu' WHERE id = 2")
    assert one.poll() == ["2"]
    assert one.store.census(["1", "3"]).present == {"1"}


# ---------------------------------------------------------------- read-only


@contextmanager
def session(url: str) -> Iterator[Connection]:
    with dialect(address.parse(url), SqlOptions(name="blog").timeout, HOME.zone).session() as connection:
        yield connection


def test_an_sqlite_session_can_write_nothing(file: File) -> None:
    for statement in ("DELETE FROM post", "PRAGMA query_only = OFF", "CREATE TABLE x (y)"):
        with session(file.url) as connection:
            if "PRAGMA" in statement:
                connection.exec_driver_sql(statement)
                statement = "DELETE FROM post"  # noqa: PLW2901 - once more, by a file that is opened to be read
            with pytest.raises(SQLAlchemyError, match="readonly"):
                connection.exec_driver_sql(statement)


@pytest.fixture
def database(postgres: PostgreSQL) -> str:
    url = postgres.fresh()
    run(url, "CREATE TABLE post (id BIGINT, title TEXT, body TEXT, made TIMESTAMPTZ, changed TIMESTAMPTZ, filed JSONB)")
    return url


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_postgresql_session_can_write_nothing_and_leaves_nothing_behind(database: str) -> None:
    with session(database) as connection, pytest.raises(SQLAlchemyError, match="read-only transaction"):
        connection.exec_driver_sql("CREATE TABLE x (y INT)")
    there = dialect(address.parse(database), SqlOptions(name="blog").timeout, HOME.zone)
    with there.engine.connect() as connection:
        there._begin(connection)
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "2min"
        assert connection.exec_driver_sql("SHOW TimeZone").scalar() == "Asia/Tokyo"
        # Outside of the transaction, all is as it was: a pooler may hand the connection on.
        connection.commit()
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"


def test_rows_that_python_has_no_dates_for_spoil_only_themselves(database: str) -> None:
    run(
        database,
        "INSERT INTO post VALUES (1, 'x', '', now(), now(), '[\"海外\"]'), (2, 'x', '', 'infinity', now(), NULL)",
        "INSERT INTO post VALUES (3, 'x', '', now(), 'infinity', NULL), (4, 'x', '', '4000-01-01 BC', now(), NULL)",
    )
    one = reader(database)
    assert one.poll() == ["1"]
    assert one.articles[0].categories == ("海外",)
    assert one.garbage.keys() == {"2", "3", "4"}


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("INT", ["7", "8"]),
        ("BIGINT", ["7", "5000000000"]),
        ("NUMERIC", ["7", "8"]),
        ("TEXT", ["7", "a-8"]),
        ("UUID", ["12345678-1234-5678-1234-567812345678", "12345678-1234-5678-1234-567812345679"]),
    ],
)
def test_ids_of_any_kind_are_found_again(postgres: PostgreSQL, kind: str, ids: list[str]) -> None:
    url = postgres.fresh()
    rows = ", ".join(f"('{id_}', now())" for id_ in ids)
    run(url, f"CREATE TABLE post (id {kind} PRIMARY KEY, changed TIMESTAMP)", f"INSERT INTO post VALUES {rows}")
    query = "SELECT id, 'x' AS title, changed AS published, changed AS updated FROM post WHERE changed >= :since"
    asked = [ids[0], "99", "no-such-id"]
    census = reader(url, query).store.census(asked)
    assert census.present == {ids[0]}
    # What cannot be an id there is not spoken of: it may have been one before the query was another.
    never = {"no-such-id"} if kind != "TEXT" else set()
    assert set(census.covers or ()) == set(asked) - never - ({"99"} if kind == "UUID" else set())
    known = reader(url, query)
    assert sorted(known.poll()) == sorted(ids)
    assert known.store.census(asked).present == {ids[0]}
    assert known.store.census(None).present == set(ids)


@pytest.mark.parametrize("since", ["changed >= :since", "true"])
def test_percent_signs_and_colons_mean_what_they_mean_in_sql(database: str, since: str) -> None:
    run(
        database, "INSERT INTO post VALUES (1, '100% :since', '', now(), now(), NULL), (2, 'x', '', now(), now(), NULL)"
    )
    query = f"""SELECT id::text AS id, title, made AS published, changed AS updated FROM post
    WHERE title LIKE '%0\\%%' AND title LIKE '% :since' AND to_char(made, 'HH24:MI') <> '' AND {since} -- 5% of :all"""
    one = reader(database, query)
    assert one.poll() == ["1"]
    assert one.store.census(["1", "2"]).present == {"1"}


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ"])
def test_postgresql_compares_instants_whatever_the_column_has(postgres: PostgreSQL, kind: str) -> None:
    url = postgres.fresh()
    run(
        url,
        f"CREATE TABLE post (id INT, changed {kind})",
        "SET TimeZone = 'Asia/Tokyo'; INSERT INTO post VALUES (1, now())",
    )
    query = "SELECT id, 'x' AS title, changed AS published, changed AS updated FROM post WHERE changed >= :since"
    one = reader(url, query, timezone="Asia/Tokyo", overlap="1m")
    assert one.poll() == ["1"]
    run(url, "SET TimeZone = 'Asia/Tokyo'; INSERT INTO post VALUES (2, now()), (3, now() - interval '2 minutes')")
    assert one.poll() == ["2"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"query": QUERY.replace("title", "titel")}, r"no column of a name that the query uses \(titel\)"),
        ({"query": QUERY.replace("post", "posts")}, r"no table of a name that the query uses \(posts\)"),
        ({"query": QUERY.replace("FROM", "FRMO")}, "does not understand the query"),
        ({"query": QUERY.replace("changed >=", "id >=")}, "see whether `since_as` fits"),
        ({"query": QUERY + " AND pg_sleep(5) IS NOT NULL", "timeout": "1s"}, "took too long"),
        (
            {"query": "WITH x AS (DELETE FROM post RETURNING id) SELECT id, '' AS title, '' AS published FROM x"},
            "a plain SELECT",
        ),
        ({"categories_query": "SELECT id, name FROM nirgends"}, r"\(nirgends\).*`categories_query`"),
    ],
)
def test_postgresqls_troubles_are_told_in_one_sentence(database: str, said: dict[str, str], sentence: str) -> None:
    run(database, "INSERT INTO post VALUES (1, 'x', '', now(), now(), NULL)")
    with pytest.raises(StoreError, match=sentence) as raised:
        reader(database, **said).poll()
    assert str(raised.value).startswith("PostgreSQL ")
    assert "\n" not in str(raised.value)


def test_a_password_and_a_host_are_told_to_nobody() -> None:
    one = reader("postgresql://kanarienvogel:kanarienvogel@127.0.0.1:1/kanarienvogel")
    with pytest.raises(StoreError, match="cannot be reached: see that it runs") as raised:
        one.poll()
    assert "kanarienvogel" not in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)


def test_a_user_without_rights_and_one_who_is_not_known_are_told_apart(postgres: PostgreSQL, database: str) -> None:
    postgres.psql("CREATE ROLE leser LOGIN")
    try:
        asked = reader(re.sub("//[^@/]*@", "//leser@", database))
        with pytest.raises(StoreError, match="grant its user SELECT"):
            asked.poll()
        run(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO leser")
        assert asked.poll() == []
        run(database, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM leser")
    finally:
        postgres.psql("DROP ROLE leser")
    with pytest.raises(StoreError, match="refuses user or password"):
        asked.poll()


# ---------------------------------------------------------------- the guide's examples


def example(words: str) -> dict[str, Any]:
    blocks = re.findall(r"^```toml\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if words in block]
    (said,) = tomllib.loads(block)["stores"].values()
    return {"name": "blog", **said}


def test_the_guides_table_of_ones_own_is_read(tmp_path: Path) -> None:
    columns = "number INTEGER PRIMARY KEY, headline, text, written, changed, section, keywords, visible"
    own = File(tmp_path / "news.db", f"CREATE TABLE news ({columns})")
    at = "2026-04-28 12:00:00"
    insert = "INSERT INTO news VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    own.run(insert, (7, "見出し", "<p>本文</p>", at, at, "海外", "三沢,F-35", 1), (8, "下書き", "", at, at, "", "", 0))
    store = SqlOptions.model_validate({**example("FROM news"), "url": own.url}).open(Door(), HOME)
    (article,) = store.changes(None).articles
    assert (article.id, article.title, article.url) == ("7", "見出し", "https://example.com/news/7")
    assert (article.published, article.tags) == ("2026-04-28T03:00:00+00:00", ("三沢", "F-35"))


def test_the_guides_cms_is_read(postgres: PostgreSQL) -> None:
    url = postgres.fresh()
    run(
        url,
        "CREATE TABLE auth_user (id INT, first_name TEXT, last_name TEXT)",
        "CREATE TABLE blog_post (id INT, title TEXT, body TEXT, excerpt TEXT, slug TEXT, status TEXT, author_id INT, "
        "published_at TIMESTAMPTZ, updated_at TIMESTAMPTZ)",
        "CREATE TABLE blog_category (id INT, name TEXT, slug TEXT, parent_id INT)",
        "CREATE TABLE blog_post_categories (post_id INT, category_id INT)",
        "CREATE TABLE blog_tag (id INT, name TEXT)",
        "CREATE TABLE blog_post_tags (post_id INT, tag_id INT)",
        "INSERT INTO auth_user VALUES (1, '太郎', '航空')",
        "INSERT INTO blog_post VALUES (1, '見出し', '<p>本文</p>', '要約', 'f35', 'published', 1, now(), now()), "
        "(2, '下書き', '', '', 'x', 'draft', 1, now(), now())",
        "INSERT INTO blog_category VALUES (1, '海外', 'world', NULL), (2, '米国関連', 'us', 1)",
        "INSERT INTO blog_post_categories VALUES (1, 2)",
        "INSERT INTO blog_tag VALUES (1, '三沢, 青森'), (2, 'F-35')",
        "INSERT INTO blog_post_tags VALUES (1, 1), (1, 2)",
    )
    one = Reader(SqlOptions.model_validate({**example("FROM blog_post"), "url": url}).open(Door(), HOME))
    assert one.poll() == ["1"]
    (article,) = one.articles
    assert (article.categories, article.tags, article.authors) == (("2",), ("F-35", "三沢, 青森"), ("太郎 航空",))
    assert article.url == "https://example.com/f35/"
    assert [(c.key, c.parent) for c in one.batches[0].categories or ()] == [("1", None), ("2", "1")]
    run(url, "UPDATE blog_category SET name = '米国' WHERE id = 2")
    assert one.poll() == []
    assert [category.name for category in one.batches[0].categories or ()] == ["海外", "米国"]
    assert one.store.census(["1", "2"]).present == {"1"}
