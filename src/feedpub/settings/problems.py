"""what pydantic found wrong -> sentences an admin can act on, each at its key: never a value, never its own words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from feedpub.settings.options import FOUND
from feedpub.settings.shape import (
    Shape,
    Trail,
    at,
    beneath,
    choices,
    chosen,
    describe,
    follow,
    is_model,
    keys,
    kinds,
    step,
)

NUMBER = "write a whole number, such as 50, without quotes"
YES_NO = "write true or false, without quotes"
_LIST = 'write a list, such as ["a", "b"]'
_NUMBERS = "write a list of numbers, such as [200]"
_TABLE = "a table is needed here, not a single value"
_SENTENCES = {
    "bool_type": YES_NO,
    "bool_parsing": YES_NO,
    "int_type": NUMBER,
    "int_parsing": NUMBER,
    "int_parsing_size": "this number is too large",
    "int_from_float": NUMBER,
    "float_type": "write a number, such as 1.5, without quotes",
    "float_parsing": "write a number, such as 1.5, without quotes",
    "finite_number": "write a finite number",
    "decimal_type": "write a number, such as 1.5",
    "decimal_parsing": "write a number, such as 1.5",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "this is not written as it should be",
    "string_unicode": "this is not readable text; write it in UTF-8",
    "too_short": "at least {min_length} must be given",
    "too_long": "at most {max_length} may be given",
}
_NAME = "a name is written with a-z, 0-9 and _, and begins with a letter"
_USELESS = "this value is of no use here"


def translate(error: ValidationError, shape: Shape, table: object) -> Iterator[tuple[Trail, str]]:
    """Say each error as (trail, sentence). `table` is what was validated, `shape` its model."""
    told = [
        (trail, sentence)
        for detail in error.errors(include_url=False, include_input=False)
        for trail, sentence in _say(detail, shape, table, _trail(detail["loc"], shape, table))
    ]
    trails = {trail for trail, _ in told}
    for trail, sentence in told:
        # A union tells every choice's complaint; the one that lies deepest is about what was meant.
        if not any(other[: len(trail)] == trail and other != trail for other in trails):
            yield trail, sentence


def _trail(loc: Trail, shape: Shape, value: object) -> Trail:
    """Strip what pydantic adds to the way: the choice taken at each union, and the mark of a key."""
    trail: Trail = ()
    is_label = False
    for key in loc:
        if key == "[key]":
            break
        if len(choices(shape)) > 1 and not is_label:
            shape, is_label = chosen(shape, value), True
            continue
        trail = (*trail, key)
        shape, value, is_label = beneath(chosen(shape, value), key), step(value, key), False
    return trail


def _say(detail: ErrorDetails, shape: Shape, table: object, trail: Trail) -> Iterator[tuple[Trail, str]]:
    kind, context = detail["type"], detail.get("ctx", {})
    meant, value = follow(shape, table, trail), at(table, trail)
    if kind == FOUND:
        yield (*trail, *context["trail"]), context["sentence"]
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        known = tuple(kinds(meant))
        word = "unknown kind" if kind == "union_tag_invalid" else "is required"
        yield (*trail, "kind"), f"{word}{_nearest(step(value, 'kind'), known)}; it is one of {_either(known)}"
    elif kind == "extra_forbidden":
        outer = chosen(follow(shape, table, trail[:-1]), at(table, trail[:-1]))
        others = kinds(follow(shape, table, trail[:-1]))
        yield trail, _unknown(trail, value, keys(outer), [kind for kind in others if trail[-1] in keys(others[kind])])
    elif kind == "missing":
        outer = chosen(follow(shape, table, trail[:-1]), at(table, trail[:-1]))
        yield trail, _required(meant, describe(outer, trail[-1]))
    else:
        yield trail, _wrong(detail, meant, value)


def _wrong(detail: ErrorDetails, meant: Shape, value: object) -> str:
    """Say what to write instead of a value of the wrong kind."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "literal_error":
        words = tuple(
            str(word) for choice in choices(meant) if get_origin(choice) is Literal for word in get_args(choice)
        )
        return f"write one of {_either(words)}{_nearest(value, words)}"
    if kind == "string_type":
        return _no_text(value)
    if kind == "string_pattern_mismatch" and detail["loc"][-1] == "[key]":
        return _NAME
    if kind in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "must not be empty"
    if kind == "value_error":
        return _unquoted(str(context["error"]), value)
    numbers = kind == "tuple_type" and beneath(meant, 0) is int
    return _NUMBERS if numbers else _SENTENCES.get(kind, _USELESS).format_map(context)


def _no_text(value: object) -> str:
    if isinstance(value, Mapping):
        return 'write a text in quotes, or { env = "NAME" } or { file = "PATH" }'
    return "write a text, not a list" if isinstance(value, list) else "write a text: put it in quotes"


def _unquoted(sentence: str, value: object) -> str:
    """Withhold a sentence of our own rooms that repeats what was written: it may be a secret."""
    return _USELESS if any(len(text) >= 12 and text in sentence for text in _texts(value)) else sentence


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _unknown(trail: Trail, value: object, known: Iterable[str], elsewhere: Sequence[str]) -> str:
    """Say that a key means nothing here, and what may be meant. `elsewhere`: the other kinds that have such a key."""
    word = "table" if len(trail) == 1 and isinstance(value, Mapping) else "option"
    whose = f"; it belongs to kind = {_either(elsewhere)}" if elsewhere else "; docs/configuration.md lists all"
    return f"unknown {word}{_nearest(trail[-1], known) or whose}"


def _required(meant: Shape, description: str) -> str:
    word = "this table is required" if is_model(meant) else "is required"
    return f"{word}: {description}" if description else word


def _nearest(word: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(word).lower(), known, n=1) if isinstance(word, str) else []
    return f' (did you mean "{close[0]}"?)' if close else ""


def _either(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
