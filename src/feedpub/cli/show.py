"""What is shown on a terminal: sentences, tables, JSON. No control character passes: it might act."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime, tzinfo

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Take out of a text what a terminal would obey instead of showing it."""
    return _ACTING.sub("", text)


def say(text: str, style: str | None = None) -> None:
    """Show a sentence."""
    out.print(escape(plain(text)), style=style)


def complain(text: str, style: str = "red") -> None:
    """Show a sentence where errors belong."""
    err.print(escape(plain(text)), style=style)


def show(text: str) -> None:
    """Show a text as it is, at once: what a target prints."""
    sys.stdout.write(plain(text) + "\n")
    sys.stdout.flush()


def say_json(value: object) -> None:
    """Show a value as JSON."""

    def written(one: object) -> object:
        return one.isoformat() if isinstance(one, datetime) else str(one)

    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=written) + "\n")


def listing(what: str, names: Sequence[str]) -> str:
    """Count and name things."""
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'} ({', '.join(names) or 'none'})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, names: int = 1, lines: bool = False) -> None:
    """Show rows on a terminal of any width: nothing is cut, and the first columns, the `names` of rows, not folded."""
    shown_as = Table(box=None, pad_edge=False, leading=int(lines))
    shown = [number for number in range(len(columns)) if not rows or any(row[number] for row in rows)]
    for number in shown:
        longest = max((cell_len(row[number]) for row in rows), default=0)
        shown_as.add_column(columns[number], overflow="fold", min_width=longest if number < names else None)
    for row in rows:
        shown_as.add_row(*(escape(plain(row[number])) for number in shown))
    out.print(shown_as, soft_wrap=False)


def entries(columns: Sequence[str], rows: Sequence[Sequence[str]], *, names: int, below: int) -> None:
    """Show rows as a table; where the terminal is too narrow, the last columns (`below`) stand in lines below each."""
    widest = [max(map(cell_len, (name, *(row[n] for row in rows)))) for n, name in enumerate(columns)]
    shown = [n for n in range(len(columns)) if any(row[n] for row in rows)]
    if sum(widest[n] + 2 for n in shown) - 2 <= out.width:
        table(columns, rows, names=names)
        return
    beside = [n for n in shown if n < len(columns) - below]
    out.print("  ".join(_filled(columns[n], widest[n]) for n in beside).rstrip(), soft_wrap=False, no_wrap=True)
    for row in rows:
        head = "  ".join(_filled(plain(row[n]), widest[n]) for n in beside).rstrip()
        out.print(escape(head), soft_wrap=False)
        for told in filter(None, row[-below:]):
            out.print(Padding(escape(plain(told)), (0, 0, 0, 4)), soft_wrap=False)


def _filled(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def moment(moment: datetime | None, zone: tzinfo) -> str:
    """Write a moment in the time of the site; empty for none."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
