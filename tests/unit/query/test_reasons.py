"""What a driver says, said so that an admin knows what to change."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from feedpub.stores.query.reasons import reason

QUERY = "SELECT id FROM news WHERE titel = 1"


class Numbered(Exception):  # noqa: N818 - as drivers have them
    """An error of MySQL's."""


class Stated(Exception):  # noqa: N818
    """An error of PostgreSQL's."""

    def __init__(self, state: str | None, said: str = "") -> None:
        super().__init__(said)
        self.sqlstate = state


def told(original: BaseException, *, broke: bool = False) -> str:
    return reason(OperationalError("SELECT 'geheim'", {}, original, connection_invalidated=broke), QUERY)


def of_sqlite(code: int, said: str = "geheim") -> sqlite3.Error:
    error = sqlite3.OperationalError(said)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("original", "sentence"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), "is locked by another program"),
        (of_sqlite(sqlite3.SQLITE_READONLY_ROLLBACK), "was left in the middle of a change"),
        (of_sqlite(sqlite3.SQLITE_READONLY), "was asked to write"),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN), "let feedpub read it and its folder"),
        (of_sqlite(sqlite3.SQLITE_IOERR_READ), "look at the disk"),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), "restore it from a backup"),
        (of_sqlite(sqlite3.SQLITE_ERROR, "no such column: n.titel"), "uses (titel): correct the query"),
        (
            of_sqlite(sqlite3.SQLITE_ERROR, "no such table: geheim"),
            "has no table of a name that the query uses: correct",
        ),
        (Numbered(1045, "Access denied for user 'geheim'@'geheim'"), "refuses user or password"),
        (Numbered(1146, "Table 'geheim.news' doesn't exist"), "has no table of a name that the query uses (news)"),
        (Numbered(1054, "Unknown column 'titel' in 'SELECT'"), "has no column of a name that the query uses (titel)"),
        (Numbered(2013, "Lost connection"), "broke the connection off"),
        (Numbered(3024, "maximum statement execution time exceeded"), "took too long"),
        (Numbered(9999, "geheim"), "refuses the query: try it in the database's own client first"),
        (Stated("42703", 'column "titel" does not exist'), "has no column of a name that the query uses (titel)"),
        (Stated("42601", 'syntax error at or near "FROM"'), "does not understand the query (FROM)"),
        (Stated("57P01", "terminating connection"), "broke the connection off"),
        (Stated(None, "connection failed: geheim: Connection refused"), "cannot be reached: see that it runs"),
        (Stated(None, 'FATAL:  password authentication failed for user "geheim"'), "refuses user or password"),
        (Stated(None, 'FATAL:  database "geheim" does not exist'), "has no database of the name in `url`"),
        (Stated(None, "server closed the connection unexpectedly"), "broke the connection off"),
        (Stated("XX000", "geheim"), "refuses the query"),
    ],
)
def test_an_error_is_one_sentence_that_repeats_only_the_admins_own_words(original: Exception, sentence: str) -> None:
    said = told(original)
    assert sentence in said
    assert "geheim" not in said
    assert "{" not in said


def test_a_connection_that_was_lost_is_asked_again() -> None:
    assert told(Stated(None, "geheim"), broke=True).startswith("broke the connection off")
