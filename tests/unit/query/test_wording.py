"""What can be told of a query by reading it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from feedpub.stores.query.wording import begins, is_limited, names_since, statement, statements


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM t LIMIT 5",
        "select id from t order by x desc limit 50 offset 10",
        "SELECT TOP 5 id FROM t",
        "SELECT DISTINCT TOP (5) id FROM t",
        "SELECT id FROM t FETCH FIRST 5 ROWS ONLY",
        "SELECT id FROM t OFFSET 5 ROWS",
        "SELECT id FROM t WHERE ROWNUM < 10",
        "SELECT id FROM t TABLESAMPLE SYSTEM (10)",
        "SELECT id FROM (SELECT id FROM t LIMIT 5) AS x",
        "SELECT x.id FROM t JOIN (SELECT id FROM u LIMIT 5) x ON x.id = t.id",
        "WITH newest AS (SELECT id FROM t LIMIT 5) SELECT id FROM newest",
        "WITH newest AS MATERIALIZED (SELECT id FROM t LIMIT 5) SELECT id FROM newest",
        "SELECT id FROM t WHERE id IN (SELECT id FROM u LIMIT 5)",
        "(SELECT id FROM t) UNION (SELECT id FROM u LIMIT 1)",
        "SELECT id FROM t -- the newest\nLIMIT 5",
        "SELECT 'it''s' AS title FROM t LIMIT 5",
        "SELECT id FROM t LIMIT :n",
    ],
)
def test_what_leaves_rows_out_by_their_number_is_seen(query: str) -> None:
    assert is_limited(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM t WHERE changed >= :since",
        "SELECT id, (SELECT url FROM image i WHERE i.t = t.id ORDER BY n LIMIT 1) AS image FROM t",
        "SELECT id, COALESCE((SELECT url FROM image LIMIT 1), '') AS image FROM t",
        "SELECT t.id FROM t LEFT JOIN LATERAL (SELECT url FROM image LIMIT 1) i ON true",
        "SELECT id FROM t WHERE n = (SELECT max(n) FROM u LIMIT 1)",
        "SELECT 'LIMIT 5' AS title FROM t",
        "SELECT id FROM t -- LIMIT 5",
        "SELECT id FROM t # LIMIT 5",
        "SELECT id /* LIMIT 5 */ FROM t",
        'SELECT "limit" AS id, `top`, [limit 5] FROM t',
        "SELECT t.limit AS id, t.offset FROM t",
        "SELECT $$ LIMIT 5 $$ AS title FROM t",
        "SELECT $x$ it's LIMIT 5 $x$ AS title FROM t",
        "SELECT id FROM t LIMIT ALL",
        "SELECT top AS id, unlimited FROM t",
    ],
)
def test_what_only_looks_like_a_limit_is_none(query: str) -> None:
    assert not is_limited(query)


@pytest.mark.parametrize(
    ("query", "asks"),
    [
        ("SELECT id FROM t WHERE changed >= :since", True),
        ("SELECT id FROM t WHERE changed >= CAST(:since AS timestamptz)", True),
        ("SELECT id FROM t WHERE changed >= :since::timestamptz", False),
        ("SELECT id FROM t", False),
        ("SELECT ':since' AS title FROM t", False),
        ("SELECT id FROM t -- :since", False),
        ("SELECT id FROM t WHERE changed >= :sinces", False),
    ],
)
def test_it_is_known_whether_a_query_asks_for_what_changed(query: str, *, asks: bool) -> None:
    assert names_since(query) is asks


@pytest.mark.parametrize(
    "query",
    [
        "SELECT DATE_FORMAT(made, '%H:%i:%s') AS title, made::text, 'http://x:80/' || id FROM t WHERE a[1:2] = :since",
        "SELECT ':since' FROM t /* :since */ WHERE changed >= :since",
        'SELECT "a:b" FROM t WHERE changed > :since OR other > :since',
    ],
)
def test_of_all_colons_only_since_is_a_parameter(query: str) -> None:
    made = text(statement(query + " ; "))
    assert set(made._bindparams) == {"since"}
    compiled = str(made.compile())
    assert compiled.strip() == query


def test_a_comment_at_the_end_comments_nothing_out() -> None:
    assert statement("SELECT 1 -- one").endswith("\n")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("SELECT 1", 1),
        ("SELECT 1;", 1),
        ("SELECT 1; -- x\n", 1),
        ("SELECT ';'", 1),
        ("SELECT 1; DROP TABLE t", 2),
        ("", 0),
    ],
)
def test_statements_are_counted(query: str, count: int) -> None:
    assert statements(query) == count


@pytest.mark.parametrize(
    ("query", "word"),
    [("select 1", "SELECT"), ("-- a\n/* b */ (WITH x", "WITH"), ("DELETE FROM t", "DELETE"), ("", "")],
)
def test_the_first_word_is_known(query: str, word: str) -> None:
    assert begins(query) == word
