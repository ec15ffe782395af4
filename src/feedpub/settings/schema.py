"""the models of Settings -> a JSON Schema of what the config files may say, for editors.

JSON Schema draft-07 (http://json-schema.org/draft-07/schema): the one that editors of TOML read. A config may be spread
over several files, so no table is required of any one of them; what a table needs, it needs where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from feedpub.cadence import Cadence
from feedpub.model import show_duration
from feedpub.settings.options import Settings
from feedpub.settings.sections import SHARED, models
from feedpub.settings.shape import Shape, beneath, choices, is_model, options

Schema = dict[str, Any]

NAME = "^[a-z][a-z0-9_]*$"
DURATION = "^(0|([0-9]{1,9}[smhdwSMHDW])+)$"
CADENCE = r"^(([0-9]{1,9}[smhdwSMHDW])+|@[a-zA-Z]+|\S+(\s+\S+){4})$"

_REFERENCE: Schema = {
    "description": "where the text is to be found: an environment variable, or a file",
    "type": "object",
    "properties": {"env": {"type": "string", "minLength": 1}, "file": {"type": "string", "minLength": 1}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def schema() -> Schema:
    """Describe a file of the config."""
    definitions = {"reference": _REFERENCE}
    for section, base in SHARED.items():
        shared = options(base).items()
        definitions |= {f"{section}.{key}": _option(option) for key, option in shared if key != "kind"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "feedpub's configuration",
        "type": "object",
        "properties": {key: _section(key, option.annotation) for key, option in Settings.model_fields.items()},
        "additionalProperties": False,
        "definitions": definitions,
    }


def written() -> str:
    """Write it as a file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


# ---------------------------------------------------------------- tables


def _section(key: str, shape: Shape) -> Schema:
    if key not in SHARED:
        return _model(shape, f"[{key}]")
    return {"type": "object", "patternProperties": {NAME: _kinds(key)}, "additionalProperties": False}


def _kinds(section: str) -> Schema:
    """Describe tables that `kind` tells apart, so that an editor names the very option that is wrong.

    (Of a `oneOf` it could only say that none fits.) What all kinds know stands in front, for completion.
    """
    shared = {key: _option(option) for key, option in options(SHARED[section]).items()}
    tables = {kind: options(model) for kind, model in models(section).items()}
    known: Schema = {key: {"$ref": f"#/definitions/{section}.{key}"} for key in shared}
    for own in dict.fromkeys(key for table in tables.values() for key in table if key not in shared):
        known[own] = {"description": f"of kind {', '.join(kind for kind, table in tables.items() if own in table)}"}
    return {
        "type": "object",
        "properties": known | {"kind": {"description": "what it is", "enum": list(tables)}},
        "required": ["kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": _table(table, f'[{section}.NAME] kind = "{kind}"', section, shared),
            }
            for kind, table in tables.items()
        ],
    }


def _model(shape: Shape, title: str = "") -> Schema:
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        raise TypeError(f"{title or shape} is no table")
    return _table(options(shape), title)


def _table(table: Mapping[str, FieldInfo], title: str, section: str = "", shared: Schema | None = None) -> Schema:
    """Describe a table by its options; those that all kinds of its `section` share are described elsewhere."""
    properties: Schema = {}
    for key, option in table.items():
        said = _option(option)
        is_shared = shared is not None and shared.get(key) == said
        properties[key] = {"$ref": f"#/definitions/{section}.{key}"} if is_shared else said
    required = [key for key, option in table.items() if option.is_required()]
    return {
        **({"title": title} if title else {}),
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


# ---------------------------------------------------------------- options


def _option(option: FieldInfo) -> Schema:
    """Describe one option: what it means, what it may be, what it is where nobody sets it."""
    said: Schema = {"description": option.description} if option.description else {}
    said |= _value(option.annotation, option)
    if not option.is_required() and (default := plain(option.get_default(call_default_factory=True))) is not None:
        said["default"] = default
    if option.examples:
        said["examples"] = list(option.examples)
    return said


def _value(shape: Shape, option: FieldInfo | None = None) -> Schema:
    """Describe what may stand in one place. Wherever a text may, so may a reference to one."""
    forms = [form for choice in choices(shape) for form in _forms(choice, option)]
    texts = any(form.get("type") == "string" for form in forms)
    forms = [*forms, {"$ref": "#/definitions/reference"}] if texts else forms
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _forms(choice: Shape, option: FieldInfo | None) -> Iterator[Schema]:
    if is_model(choice):
        yield _model(choice)
    elif get_origin(choice) is dict:
        yield {"type": "object", "additionalProperties": _value(beneath(choice, ""))}
    elif get_origin(choice) is tuple:
        least = {"minItems": found} if option and (found := _said(option, "min_length")) else {}
        yield {"type": "array", "items": _value(beneath(choice, 0)), **least}
    elif get_origin(choice) is Literal:
        words = list(get_args(choice))
        yield {"const": words[0]} if len(words) == 1 else {"type": "string", "enum": words}
    else:
        yield {**_single(choice), **_bounds(option)}
        if choice is timedelta:
            yield {"const": 0}
        elif option is not None and _said(option, "coerce_numbers_to_str"):
            yield {"type": "integer"}


_SINGLE: Mapping[object, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Decimal: {"type": "number"},
    timedelta: {"type": "string", "pattern": DURATION},
    Cadence: {"type": "string", "pattern": CADENCE},
    str: {"type": "string"},
    SecretStr: {"type": "string"},
}


def _single(choice: Shape) -> Schema:
    if choice not in _SINGLE:
        raise TypeError(f"no schema is known for {choice}")
    return _SINGLE[choice]


def _bounds(option: FieldInfo | None) -> Schema:
    """What the option's numbers and lengths must keep to."""
    if option is None:
        return {}
    found = {word: _said(option, ours) for ours, word in _BOUNDS.items()} | {"minLength": _said(option, "min_length")}
    return {word: plain(value) for word, value in found.items() if value is not None}


def _said(option: FieldInfo, word: str) -> object:
    return next((value for one in option.metadata if (value := getattr(one, word, None)) is not None), None)


def plain(value: object) -> object:
    """Write a default as JSON does; None for what has no value there."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    write = next((write for kind, write in _WRITTEN.items() if isinstance(value, kind)), None)
    return write(value) if write else None


_WRITTEN: Mapping[type, Callable[[Any], object]] = {
    SecretStr: SecretStr.get_secret_value,
    timedelta: show_duration,
    Cadence: str,
    Decimal: float,
    bool: bool,
    int: int,
    str: str,
}
