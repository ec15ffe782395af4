"""the models of Settings + a table of the config -> what may stand at each key of it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from feedpub.networks.base import Network
from feedpub.stores.base import StoreOptions

Trail = tuple[str | int, ...]
"""The way to one value: `("targets", "main", "token")`."""

Shape = object
"""A type as an annotation says it; None where nothing is known."""


def choices(shape: Shape) -> tuple[Shape, ...]:
    """The types that a value may have here, without None; more than one for a union."""
    if get_origin(shape) is Annotated:
        return choices(get_args(shape)[0])
    if get_origin(shape) in (Union, types.UnionType):
        return tuple(choice for choice in get_args(shape) if choice is not types.NoneType)
    return (shape,)


def is_model(shape: Shape) -> bool:
    """Whether a table with options of its own stands here."""
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def options(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Every option of a table, by the key an admin writes."""
    none = {"name"} if issubclass(model, (Network, StoreOptions)) else set()  # the table is named in its head
    none |= model.lacks if issubclass(model, Network) else set()
    return {field.alias or name: field for name, field in model.model_fields.items() if name not in none}


def attribute(model: type[BaseModel], key: str) -> str:
    """Tell under which name a model keeps the option that an admin writes as `key`."""
    return next((name for name, field in model.model_fields.items() if field.alias == key), key)


def kinds(shape: Shape) -> dict[str, type[BaseModel]]:
    """The models of a union that `kind` tells apart, by their kind."""
    return {
        str(kind): choice
        for choice in choices(shape)
        if isinstance(choice, type) and issubclass(choice, BaseModel) and "kind" in choice.model_fields
        for kind in get_args(choice.model_fields["kind"].annotation)
    }


def chosen(shape: Shape, value: object) -> Shape:
    """The one type of a union that this value means; None if it means none of them."""
    possible = choices(shape)
    if len(possible) == 1:
        return possible[0]
    if isinstance(value, Mapping):
        kind = value.get("kind")
        return kinds(shape).get(kind) if isinstance(kind, str) else None
    is_list = isinstance(value, list)
    return next((choice for choice in possible if (get_origin(choice) in (tuple, list)) == is_list), None)


def beneath(shape: Shape, key: str | int) -> Shape:
    """What may stand under `key` of a table, or at that index of a list; None if unknown. `shape` is no union."""
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        option = options(shape).get(str(key))
        return option.annotation if option else None
    arguments = get_args(shape)
    if get_origin(shape) is dict:
        return arguments[1]
    return arguments[0] if get_origin(shape) in (tuple, list) else None


def takes_text(shape: Shape) -> bool:
    """Whether a text may stand here: neither a table, nor a list, nor a number, nor true or false."""
    return any(
        choice is not None
        and not is_model(choice)
        and choice not in (bool, int, float)
        and (get_origin(choice) is None or get_origin(choice) is Literal)
        for choice in choices(shape)
    )


def keys(shape: Shape) -> tuple[str, ...]:
    """The keys that a table here may have, where they are fixed. `shape` is no union."""
    return tuple(options(shape)) if isinstance(shape, type) and issubclass(shape, BaseModel) else ()


def describe(shape: Shape, key: str | int) -> str:
    """What the option `key` of a table means, as its description says. `shape` is no union."""
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return ""
    option = options(shape).get(str(key))
    return (option.description or "") if option else ""


def follow(shape: Shape, value: object, trail: Trail) -> Shape:
    """What may stand at the end of `trail` below `value`; None if unknown."""
    for key in trail:
        shape = beneath(chosen(shape, value), key)
        value = step(value, key)
    return shape


def step(value: object, key: str | int) -> object:
    """What stands under `key`; None if nothing does."""
    if isinstance(value, Mapping):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def at(value: object, trail: Trail) -> object:
    """What stands at the end of `trail`; None if nothing does."""
    for key in trail:
        value = step(value, key)
    return value
