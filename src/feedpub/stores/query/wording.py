"""an admin's query, as text -> what can be told of it without a database. Pure.

What stands in quotes and in comments is no SQL: a colon there is no parameter, and a LIMIT there limits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

_TOKENS = re.compile(
    r"""
    (?P<aside> --[^\n]* | (?<!\S)\#[^\n]* | /\*.*?\*/ )
  | (?P<quoted> \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$ | '(?:[^'\\]|''|\\.)*' | "(?:[^"]|"")*" | `[^`]*`
              | \[[A-Za-z_][^\]\n]*\] )
  | (?P<parameter> (?<!:):[A-Za-z_]\w*(?!:) )
  | (?P<word> [A-Za-z_]\w* | [0-9]+ )
  | (?P<sign> [^\s\w] )
    """,
    re.VERBOSE | re.DOTALL,
)
SINCE = ":since"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def names_since(query: str) -> bool:
    """Whether the query asks for what changed since."""
    return any(one.kind == "parameter" and one.text == SINCE for one in _tokens(query))


def misspelt_since(query: str) -> str:
    """The first parameter that means `:since`, if it is written otherwise; of none, ""."""
    named = (one.text for one in _tokens(query) if one.kind == "parameter" and one.text != SINCE)
    return next((one for one in named if get_close_matches(one.lower(), [SINCE], cutoff=0.8)), "")


def statement(query: str) -> str:
    """Write the query as SQLAlchemy's `text` takes it: `:since` is its one parameter, other colons are themselves.

    Without the semicolon at its end, so that it can stand in brackets.
    """
    tokens = tuple(_tokens(query))
    kept = {one.start for one in tokens if one.kind == "parameter" and one.text == SINCE}
    ends = {one.start for one in tokens if one.kind == "sign" and one.text == ";"}
    signs = (rf"\{sign}" if sign == ":" and at not in kept else sign for at, sign in enumerate(query) if at not in ends)
    return f"{''.join(signs).rstrip()}\n"  # after a comment at the end, what is put behind it would be one too


def statements(query: str) -> int:
    """How many statements there are."""
    signs = ("x" if one.text != ";" else ";" for one in _tokens(query) if one.kind != "aside")
    return sum(bool(piece) for piece in "".join(signs).split(";"))


def begins(query: str) -> str:
    """The first word, in capitals."""
    return next((one.text.upper() for one in _tokens(query) if one.kind in ("word", "quoted")), "")


def is_limited(query: str) -> bool:
    """Whether the query leaves rows out by their number: then what it does not name may be there all the same.

    A LIMIT in a scalar subquery (the first image of an article) limits that alone.
    """
    levels = [_Level()]
    for one in _tokens(query):
        if one.kind == "aside":
            continue
        here = levels[-1]
        word = one.text.upper() if one.kind in ("word", "sign", "parameter") else ""
        if here.counts and here.limits(word):
            return True
        if word == "(":
            levels.append(_Level(counts=here.counts and here.feeds_rows()))
        elif word == ")":
            levels = levels[:-1] or [_Level()]
        levels[-1].past(word if word != "(" else "")
    return False


_CLAUSES = frozenset(
    {"SELECT", "FROM", "WHERE", "ON", "HAVING", "GROUP", "ORDER", "WITH", "UNION", "INTERSECT", "EXCEPT"}
)


@dataclass(slots=True)
class _Level:
    """What is read between two brackets; `counts`: its rows are (some of) the answer's."""

    counts: bool = True
    clause: str = ""
    last: str = ""
    before: str = ""

    def past(self, word: str) -> None:
        if self.last == ".":
            word = ""  # a column's name, whatever it is called
        self.before, self.last = self.last, word
        if word in _CLAUSES:
            self.clause = word
        elif word == "JOIN":
            self.clause = "FROM"

    def feeds_rows(self) -> bool:
        """Whether a bracket that opens now holds rows that this answer is made of."""
        if self.last in ("IN", "ANY", "ALL", "SOME"):
            return True
        if self.clause == "FROM":
            return self.last in ("FROM", "JOIN", ",", "ONLY", "")
        return self.clause in ("", "UNION", "INTERSECT", "EXCEPT") or (
            self.clause == "WITH" and self.last in ("AS", "MATERIALIZED")
        )

    def limits(self, word: str) -> bool:
        if self.last in ("LIMIT", "OFFSET"):
            return word not in ("ALL", "NULL") and (self.last == "LIMIT" or word[:1].isdigit())
        by_first = self.last == "FETCH" and word in ("FIRST", "NEXT")
        by_top = self.last == "TOP" and self.before in ("SELECT", "DISTINCT") and re.match(r"[(:0-9]", word)
        return by_first or bool(by_top) or word in ("ROWNUM", "TABLESAMPLE")


def _tokens(query: str) -> Iterator[_Token]:
    for found in _TOKENS.finditer(query):
        yield _Token(found.lastgroup if found.lastgroup != "tag" else "quoted", found[0], found.start())  # type: ignore[arg-type]
