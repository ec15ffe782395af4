"""the bytes of one TOML file -> its table and the line of every key, or where it is broken and how to mend it.

`tomllib` reads the values but keeps no positions; a second look at the text, already known to be valid, finds them.
TOML 1.0.0, https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from dataclasses import dataclass, field

from feedpub.settings.shape import Trail

DEEPEST = 16
"""Deeper tables are refused: no option lies that deep, and every later walk may recurse."""


class Broken(Exception):  # noqa: N818 - the name says what happened to the file
    """The file cannot be read: at `line` (None: as a whole), for the reason in the message."""

    def __init__(self, line: int | None, why: str) -> None:
        """Keep the line beside the sentence."""
        super().__init__(why)
        self.line = line


def parse(content: bytes) -> tuple[dict[str, object], dict[Trail, int]]:
    """Read one file: its table, and the line (from 1) of each table, key and list item. Raises Broken."""
    text = _text(content)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, why = _mend(str(error), text)
    except RecursionError:
        line, why = None, "lists or tables are nested too deeply"
    except ValueError:
        line, why = None, "a number has too many digits"
    else:
        if _deeper_than(table, DEEPEST):
            raise Broken(None, "lists or tables are nested too deeply")
        return table, _Scan(text).lines()
    # Raised out here, so that the library's text, which may hold a part of the file, is no context of ours.
    raise Broken(line, why)


# ---------------------------------------------------------------- what is broken, in words


def _text(content: bytes) -> str:
    if not content:
        # An editor that truncates before it writes leaves this for a moment: it must not read as "no targets".
        raise Broken(None, "the file is empty; write a table such as [site] into it, or remove it")
    try:
        # Windows editors put a byte order mark in front, which TOML does not know.
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    else:
        if "\0" not in text:
            return text
        raise Broken(text.count("\n", 0, text.index("\0")) + 1, "a NUL byte stands here; is this a text file?")
    raise Broken(line, "this is not UTF-8 text; save the file in UTF-8")


_ALREADY = "this was already set above; keep one of the two"
_UNCLOSED = "a text begins here that does not end; is its closing quote missing?"
_MENDING = (
    ("Invalid statement", 'a line is a [table], or an option such as title = "…"'),
    ("Expected '=' after a key", 'an option needs "=" and a value after its key'),
    ("Expected newline or end of document", "something follows where the line should end; a text needs quotes"),
    ("Cannot ", _ALREADY),
    ("Duplicate inline table key", _ALREADY),
    ("Invalid value", 'a value is needed: "text" in quotes, a number, true, false, a [list] or a { table }'),
    ("Unterminated string", _UNCLOSED),
    ("Expected \"'", _UNCLOSED),
    ("Expected '\"", _UNCLOSED),
    ("Expected ']", 'a table is written [name]; its "]" is missing'),
    ("Unclosed array", 'a list is not closed; a comma or "]" is missing'),
    ("Unclosed inline table", 'a { table } is not closed on its line; a comma or "}" is missing'),
    ("Invalid initial character for a key", "a key is written with a-z, 0-9, _ and -; any other needs quotes"),
    ("Unescaped '\\'", "in a text in double quotes, write \\\\ for \\; or use single quotes"),
    ("Invalid hex value", "\\u needs four hexadecimal digits, \\U eight"),
    ("Escaped character", "this \\u escape is no character"),
    ("Invalid date", "this date or time does not exist"),
    ("Illegal character", "a text must end on its line; is its closing quote missing?"),
    ("Found invalid character", "a control character stands here; remove it"),
)
_FULL_WIDTH = frozenset("\u3000＝［］｛｝＂＇“”‘’「」＃，．、。")


def _mend(told: str, text: str) -> tuple[int, str]:
    """Where tomllib stopped, and our own sentence for it: its own may quote a part of the file."""
    at = re.search(r"\(at line (\d+), column (\d+)\)", told)
    lines = text.split("\n")
    line, column = (int(at[1]), int(at[2])) if at else (len(lines), 0)
    if 0 < column <= len(lines[line - 1]) and lines[line - 1][column - 1] in _FULL_WIDTH:
        return line, f"a full-width character stands at column {column}; outside quotes only half-width ones may"
    why = next((ours for theirs, ours in _MENDING if told.startswith(theirs)), "this is not valid TOML")
    return line, f"{why} (at column {column})" if column else f"{why} (at the end of the file)"


def _deeper_than(table: object, limit: int) -> bool:
    layer = [table]
    for _ in range(limit):
        layer = [
            inner
            for value in layer
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        ]
    return bool(layer)


# ---------------------------------------------------------------- where everything stands

_GAP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+""")
_SCALAR = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'"
    r"|[^,\]}#\n]+",
    re.DOTALL,
)


@dataclass(slots=True)
class _Scan:
    """One pass over a text that tomllib has accepted, noting the line of each key."""

    text: str
    at: int = 0
    found: dict[Trail, int] = field(default_factory=dict)
    rows: dict[Trail, int] = field(default_factory=dict)
    """The last index of each array of tables ([[…]])."""
    ends: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ends = [match.start() for match in re.finditer("\n", self.text)]

    def lines(self) -> dict[Trail, int]:
        table: Trail = ()
        while self._peek():
            if self._peek() == "[":
                table = self._header()
            else:
                self._option(table)
        return self.found

    def _peek(self) -> str:
        self._skip(_GAP)
        return self.text[self.at : self.at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        said = match[0] if match else ""
        self.at += len(said)
        return said

    def _note(self, trail: Trail, at: int) -> None:
        line = bisect_left(self.ends, at) + 1
        for length in range(1, len(trail) + 1):
            self.found.setdefault(trail[:length], line)

    def _keys(self) -> list[str]:
        """Pass a dotted key."""
        keys = []
        while True:
            self._peek()
            raw = self._skip(_KEY)
            keys.append(str(tomllib.loads(f"key = {raw}")["key"]) if raw[:1] in "\"'" else raw)
            if self._peek() != ".":
                return keys
            self.at += 1

    def _header(self) -> Trail:
        """Pass `[table]` or `[[row]]`; gives back the table that begins."""
        begin = self.at
        brackets = 2 if self.text.startswith("[[", begin) else 1
        self.at += brackets
        *outer, last = self._keys()
        self.at += brackets
        trail: Trail = ()
        for key in outer:
            trail = self._latest((*trail, key))
        trail = (*trail, last)
        if brackets == 2:
            self.rows[trail] = self.rows.get(trail, -1) + 1
        trail = self._latest(trail)
        self._note(trail, begin)
        return trail

    def _latest(self, trail: Trail) -> Trail:
        return (*trail, self.rows[trail]) if trail in self.rows else trail

    def _option(self, table: Trail) -> None:
        """Pass `key = value`."""
        begin = self.at
        trail = (*table, *self._keys())
        self._note(trail, begin)
        self.at += 1  # the "="
        self._value(trail)

    def _value(self, trail: Trail) -> None:
        opening = self._peek()
        if opening not in ("[", "{"):
            self._skip(_SCALAR)
            return
        self.at += 1
        index = 0
        while self._peek() not in ("]", "}"):
            if opening == "{":
                self._option(trail)
            else:
                self._note((*trail, index), self.at)
                self._value((*trail, index))
            index += 1
            if self._peek() == ",":
                self.at += 1
        self.at += 1
