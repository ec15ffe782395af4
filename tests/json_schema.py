"""A JSON Schema (draft-07) as validators read it: just the words that ours uses; of any other it refuses to judge."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any

Schema = Mapping[str, Any]

_SAYS_NOTHING = {"$schema", "title", "description", "default", "examples", "definitions"}
_PARTS = {"$ref", "items", "allOf", "if", "then", "properties", "patternProperties", "additionalProperties"}
_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def faults(schema: Schema, value: object) -> list[str]:
    """What is wrong with a value, each as its path and the word that it does not meet."""
    return list(_faults(schema, value, "", schema))


def _faults(schema: Schema, value: object, path: str, root: Schema) -> Iterator[str]:
    for one, part, where in _parts(schema, value, path, root):
        yield from _faults(one, part, where, root)
    for word, said in schema.items():
        if word not in _SAYS_NOTHING | _PARTS and not _meets(word, said, value, root):
            yield f"{path or '.'} {word}"
    if isinstance(value, dict):
        yield from _below(schema, value, path, root)


def _parts(schema: Schema, value: object, path: str, root: Schema) -> Iterator[tuple[Schema, object, str]]:
    """Tell of each schema that holds, too: of what, and where that stands."""
    if "$ref" in schema:
        yield root["definitions"][schema["$ref"].removeprefix("#/definitions/")], value, path
    if "items" in schema and isinstance(value, list):
        yield from ((schema["items"], one, f"{path}[{at}]") for at, one in enumerate(value))
    yield from ((one, value, path) for one in schema.get("allOf", ()))
    if "if" in schema and not list(_faults(schema["if"], value, path, root)):
        yield schema["then"], value, path


def _below(schema: Schema, value: Mapping[str, object], path: str, root: Schema) -> Iterator[str]:
    others = schema.get("additionalProperties", {})
    for key, one in value.items():
        fitting = [below for pattern, below in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        fitting += [schema["properties"][key]] if key in schema.get("properties", {}) else []
        for below in fitting or [others]:
            if below is False:
                yield f"{path}.{key} additionalProperties"
            else:
                yield from _faults(below, one, f"{path}.{key}", root)


def _meets(word: str, said: Any, value: object, root: Schema) -> bool:
    if word == "anyOf":
        return any(not list(_faults(one, value, "", root)) for one in said)
    return _WORDS[word](said, value)


def _sized(kind: type[Sized], holds: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    return lambda said, value: not isinstance(value, kind) or holds(len(value), said)


def _counted(holds: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    return lambda said, value: not _TYPES["number"](value) or holds(value, said)


_WORDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": lambda said, value: _TYPES[said](value),
    "const": lambda said, value: type(value) is type(said) and value == said,
    "enum": lambda said, value: value in said,
    "required": lambda said, value: not isinstance(value, dict) or set(said) <= value.keys(),
    "pattern": lambda said, value: not isinstance(value, str) or re.search(said, value) is not None,
    "minLength": _sized(str, lambda length, least: length >= least),
    "minItems": _sized(list, lambda length, least: length >= least),
    "minProperties": _sized(dict, lambda length, least: length >= least),
    "maxProperties": _sized(dict, lambda length, most: length <= most),
    "minimum": _counted(lambda value, least: value >= least),
    "maximum": _counted(lambda value, most: value <= most),
    "exclusiveMinimum": _counted(lambda value, least: value > least),
}
