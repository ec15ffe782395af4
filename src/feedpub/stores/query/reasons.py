"""an error of a database's driver -> one sentence that says what to change. Pure.

Of the driver's own words only those are shown that the admin wrote into the query.
"""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_UNREACHABLE = "cannot be reached: see that it runs, and that host and port of `url` are right"
_LOGIN = "refuses user or password: correct them in `url`"
_NO_DATABASE = "has no database of the name in `url`: correct it"
_RIGHTS = "refuses the query: grant its user SELECT on the tables it names"
_TABLE = "has no table of a name that the query uses{word}: correct the query"
_COLUMN = "has no column of a name that the query uses{word}: correct the query"
_SYNTAX = "does not understand the query{word}: try it in the database's own client first"
_SLOW = "took too long with the query: give the column that is compared with :since an index, or raise `timeout`"
_WRITES = "was asked to write: the query may only read"
_TYPES = "cannot compare what the query compares: see whether `since_as` fits the column that is compared with :since"
_LOCKED = "is locked by another program: let it finish"
_BROKE_OFF = "broke the connection off: it is asked again at the next poll"

_STATES = {
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _NO_DATABASE,
    "42501": _RIGHTS,
    "42P01": _TABLE,
    "42703": _COLUMN,
    "42601": _SYNTAX,
    "42883": _TYPES,
    "42804": _TYPES,
    "22P02": _TYPES,
    "22007": _TYPES,
    "57014": _SLOW,
    "0A000": "was asked for what a query that only reads cannot do: write a plain SELECT",
    "25006": _WRITES,
    "55P03": _LOCKED,
    "57P01": _BROKE_OFF,
    "57P03": _UNREACHABLE,
    "53300": "has no connection left: raise its max_connections, or let other programs hold fewer",
}
"""By the codes of the SQL standard and of PostgreSQL."""
_NUMBERS = {
    1044: _RIGHTS,
    1045: _LOGIN,
    1698: _LOGIN,
    1049: _NO_DATABASE,
    1142: _RIGHTS,
    1143: _RIGHTS,
    1370: _RIGHTS,
    1146: _TABLE,
    1054: _COLUMN,
    1064: _SYNTAX,
    1149: _SYNTAX,
    1792: _WRITES,
    1969: _SLOW,
    3024: _SLOW,
    1205: _LOCKED,
    1040: "has no connection left: raise its max_connections, or let other programs hold fewer",
    1130: "lets nobody in from this machine: allow it for the user of `url`",
    2002: _UNREACHABLE,
    2003: _UNREACHABLE,
    2005: _UNREACHABLE,
    2006: _BROKE_OFF,
    2013: _BROKE_OFF,
}
"""By the numbers of MySQL and MariaDB."""
_LEFT = "was left in the middle of a change: start the program that writes it, which brings it in order"
_CODES = {
    sqlite3.SQLITE_READONLY_ROLLBACK: _LEFT,
    sqlite3.SQLITE_READONLY_RECOVERY: _LEFT,
    sqlite3.SQLITE_READONLY_CANTINIT: _LEFT,
    sqlite3.SQLITE_READONLY_CANTLOCK: _LEFT,
    sqlite3.SQLITE_INTERRUPT: _SLOW,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _WRITES,
    sqlite3.SQLITE_NOTADB: "is no SQLite database: correct the path",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: let feedpub read it and its folder",
    sqlite3.SQLITE_PERM: "cannot be opened: let feedpub read it and its folder",
    sqlite3.SQLITE_IOERR: "cannot be read: look at the disk",
}
_SAID_BY_SQLITE = (
    (re.compile(r"no such table: (?P<word>\S+)"), _TABLE),
    (re.compile(r"no such column: (?P<word>\S+)"), _COLUMN),
    (re.compile(r'near "(?P<word>[^"]*)": syntax error|incomplete input|unrecognized token'), _SYNTAX),
)
_NAMED = re.compile(r"""(?:column|relation|table|Unknown column|Table) ["'`]?([\w.$]+)["'`]?|at or near "([^"]+)\"""")


def reason(error: SQLAlchemyError, query: str) -> str:
    """The end of a sentence that begins with the database's name."""
    original = error.orig if isinstance(error, DBAPIError) else None
    said = str(original)
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original, query)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    number = original.args[0] if original is not None and original.args else None
    sentence = _STATES.get(str(state)) or (_NUMBERS.get(number) if isinstance(number, int) else None)
    if sentence is None and state is None and isinstance(error, DBAPIError):
        sentence = _without_code(said, broke=error.connection_invalidated)
    return _shown(sentence or "refuses the query: try it in the database's own client first", said, query)


def _of_sqlite(error: sqlite3.Error, query: str) -> str:
    for pattern, sentence in _SAID_BY_SQLITE:
        if found := pattern.search(str(error)):
            return sentence.format(word=_own_word(found.groupdict().get("word"), query))
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return (_CODES.get(code) or _CODES.get(code & 0xFF, _SYNTAX)).format(word="")


def _without_code(said: str, *, broke: bool) -> str | None:
    """Where nobody could be asked, psycopg gives no code."""
    if "password" in said or "authentication" in said or "role" in said:
        return _LOGIN
    if re.search(r'database ".*" does not exist', said):
        return _NO_DATABASE
    if broke or "closed the connection" in said:
        return _BROKE_OFF
    return _UNREACHABLE if re.search(r"connect|resolve|host|timeout|refused", said, re.IGNORECASE) else None


def _shown(sentence: str, said: str, query: str) -> str:
    found = _NAMED.search(said)
    return sentence.format(word=_own_word((found[1] or found[2]) if found else None, query))


def _own_word(word: str | None, query: str) -> str:
    """A word that the admin wrote, to show; nothing that only the database says."""
    last = (word or "").rpartition(".")[2]
    return f" ({last})" if last and len(last) <= 60 and last in query else ""
