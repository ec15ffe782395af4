"""a table -> TOML text, in one of the ways an admin may write it, and the line of every key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from hypothesis import strategies as st

Trail = tuple[str | int, ...]

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
values = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=12,
)


def inline(value: object) -> str:
    """Write a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key(name)} = {inline(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """Write a key in quotes, as any key may be."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def written(table: Mapping[str, object], style: Callable[[], str]) -> tuple[str, dict[Trail, int]]:
    """Write a table; `style` picks `header`, `dotted` or `inline` for each table in it. Also the line of each key."""
    lines: list[str] = []
    found: dict[Trail, int] = {}
    _write(table, (), (), lines, found, style)
    return "\n".join(lines) + "\n", found


def _write(
    table: Mapping[str, object],
    head: tuple[str, ...],
    within: tuple[str, ...],
    lines: list[str],
    found: dict[Trail, int],
    style: Callable[[], str],
) -> None:
    """`head` is the table of the last [header], `within` the dotted keys below it."""
    later: list[tuple[str, Mapping[str, object]]] = []
    for name, value in table.items():
        how = style() if isinstance(value, Mapping) else "inline"
        if how == "header" and isinstance(value, Mapping) and not within:
            later.append((name, value))
        elif how == "dotted" and isinstance(value, Mapping) and value:
            _write(value, head, (*within, name), lines, found, lambda: "inline")
        else:
            dotted = ".".join(key(part) for part in (*within, name))
            lines += ["  # a comment = [", f"{dotted} = {inline(value)}  # = ]"]
            _note((*head, *within, name), value, len(lines), found)
    for name, value in later:
        path = (*head, name)
        lines += ["", f"[ {'.'.join(key(part) for part in path)} ]"]
        _note(path, None, len(lines), found)
        _write(value, path, (), lines, found, style)


def _note(trail: Trail, value: object, line: int, found: dict[Trail, int]) -> None:
    for length in range(1, len(trail) + 1):
        found.setdefault(trail[:length], line)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _note((*trail, name), inner, line, found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _note((*trail, index), inner, line, found)
