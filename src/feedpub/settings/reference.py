"""the models of Settings -> config/examples/reference.toml: every option, its default, and one remark.

A line that begins with one `#` is an option at its default, out of force; one that begins with two is a sentence. So
the file is a valid config as it stands, and still one when every option is put in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Literal, get_args, get_origin
from unicodedata import east_asian_width

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from feedpub.networks.base import Network
from feedpub.settings.options import Settings
from feedpub.settings.schema import plain
from feedpub.settings.sections import SHARED, models
from feedpub.settings.shape import beneath, choices, options
from feedpub.settings.shown import toml_text
from feedpub.stores.query.options import QueryOptions

_HEAD = """\
## Every option of feedpub, with its default and one remark; `feedpub schema --reference` writes this file.
## A line that begins with one "#" is an option at its default: take the "#" away to change it. What stands there
## without one is required. Copy the tables that you need into a file in config/; this folder is not read.
## More about each of them: docs/configuration.md
"""
_FIRST = {"stores": ("wordpress", "what every store has"), "targets": ("mastodon", "what every target has")}
"""By section, the kind in whose table the options are shown that all kinds share."""
_ALERT = "discord"
"""The kind that an alert is shown with."""
_INNER = {"categories": "us", "own": "fighters", "by_category": '"米国関連"'}
"""The keys of tables inside tables, as examples."""
_COLUMN = 44
"""The column that remarks begin at."""
_LONG = 100
"""A text that is longer is written line by line."""


def written() -> str:
    """Write the file."""
    parts = [_HEAD]
    for key, option in Settings.model_fields.items():
        if key in _FIRST:
            parts += ["\n".join(table) + "\n" for table in _tables(key)]
        elif key in SHARED:
            parts.append("\n".join(_alert()) + "\n")
        elif isinstance(option.annotation, type) and issubclass(option.annotation, BaseModel):
            parts.append("\n".join(_table(key, options(option.annotation))) + "\n")
    return "\n".join(parts)


# ---------------------------------------------------------------- tables


def _alert() -> Iterator[str]:
    """Write one table for all kinds: what is their own stands with the targets."""
    yield f"## Who is told when something is wrong: any kind of target but {', '.join(sorted(_no_alerts()))}, with the"
    yield "## options that are its own."
    yield from _table("alerts.ops", options(models("alerts")[_ALERT]), kind=_ALERT)


def _no_alerts() -> set[str]:
    return set(models("targets")) - set(models("alerts"))


def _tables(section: str) -> Iterator[list[str]]:
    """Write one table for each kind. What all share is written once, with the kind that can all of it."""
    first, what = _FIRST[section]
    base, found = SHARED[section], models(section)
    for kind in sorted(found, key=lambda kind: (kind != first, kind)):
        model, head = found[kind], f"{section}.{kind}"
        own = {key: option for key, option in options(model).items() if not _is_shared(key, option, options(base))}
        if issubclass(model, QueryOptions):
            asked = [key for key in QueryOptions.model_fields if key in own and key != "kind"]
            yield list(_table(head, {key: option for key, option in own.items() if key not in asked}))
            query = {key: option for key, option in own.items() if key in ("kind", *asked)}
            yield [
                "## The same kind, for the tables of others.",
                *_table(f"{head}_query", query, needed=("url", "query")),
            ]
            continue
        lines = [*_about(model, base), *_table(head, own)]
        if kind == first:
            shared = {key: option for key, option in options(model).items() if key not in own}
            lines += ["", f"## And {what}, whatever its kind, unless it says otherwise below:"]
            lines += [*_lines(shared, kind), *_inner(head, shared)]
        yield lines


def _is_shared(key: str, option: FieldInfo, shared: Mapping[str, FieldInfo]) -> bool:
    same = shared.get(key)
    said = (option.annotation, option.default, option.description)
    return same is not None and (same.annotation, same.default, same.description) == said


def _about(model: type[BaseModel], base: type[BaseModel]) -> Iterator[str]:
    if issubclass(model, Network) and model.docs:
        yield f"## {model.docs}"
    if lacked := [key for key in options(base) if key not in options(model)]:
        yield from (f"## {line}" for line in wrap(f"No options of this kind: {', '.join(lacked)}", _LONG))


def _table(head: str, shown: Mapping[str, FieldInfo], needed: Sequence[str] = (), kind: str = "") -> Iterator[str]:
    """Write a table, and those inside it."""
    yield f"[{head}]"
    yield from _lines(shown, kind or head.rpartition(".")[2], needed)
    yield from _inner(head, shown)


def _inner(head: str, shown: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Write an example of each table of tables, out of force."""
    for key, option in shown.items():
        if model := _table_inside(option):
            yield from ("", f"## {option.description}", f"#[{head}.{key}.{_INNER[key]}]")
            for line in _lines(options(model), key):
                yield line if line.startswith("#") else f"#{line}"


def _table_inside(option: FieldInfo) -> type[BaseModel] | None:
    """The model of the tables below an option, if it is a table of tables."""
    inner = beneath(choices(option.annotation)[0], "KEY")
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


# ---------------------------------------------------------------- options


def _lines(shown: Mapping[str, FieldInfo], table: str, needed: Sequence[str] = ()) -> Iterator[str]:
    """Write the options of a table: what is required comes first, and is in force."""
    required = {key for key, option in shown.items() if option.is_required() or key in needed}
    for key in sorted(shown, key=lambda key: (key != "kind", key not in required)):
        option = shown[key]
        if key == "kind":
            yield f"kind = {toml_text(_words(option)[0])}"
        elif key in required:
            yield _beside(f"{key} = {_example(table, key, option)}", f"required: {_remark(option)}")
        elif _table_inside(option) is None:
            yield from (f"#{line}" if line[:2] != "##" else line for line in _by_default(table, key, option))


def _by_default(table: str, key: str, option: FieldInfo) -> Iterator[str]:
    value = option.get_default(call_default_factory=True)
    if value is None:
        yield _beside(f"{key} = {_example(table, key, option)}", f"{_remark(option)}; not set by default")
    elif isinstance(value, str) and len(value) > _LONG:
        yield f"## {key}: {_remark(option)}"
        yield from f"{key} = {_by_lines(value)}".split("\n")
    else:
        yield _beside(f"{key} = {toml_text(plain(value))}", _remark(option))


def _beside(line: str, remark: str) -> str:
    """Put a remark behind an option; wide letters take two columns."""
    width = sum(2 if east_asian_width(letter) in "FW" else 1 for letter in line)
    return f"{line}{' ' * max(_COLUMN - width, 2)}# {remark}"


def _words(option: FieldInfo) -> tuple[str, ...]:
    """The words that it may be, if they are fixed."""
    found = [get_args(one) for one in choices(option.annotation) if get_origin(one) is Literal]
    return tuple(map(str, found[0])) if found else ()


def _remark(option: FieldInfo) -> str:
    said, words = option.description or "", _words(option)
    either = ", ".join(f'"{word}"' for word in words)
    return said if all(word in said for word in words) else f"{said} ({either})"


def _example(table: str, key: str, option: FieldInfo) -> str:
    """What to write where there is no default; a secret stands elsewhere."""
    if option.examples:
        return toml_text(option.examples[0])
    if SecretStr in choices(option.annotation):
        return toml_text({"env": f"{table}_{key}".upper().replace("_WEBHOOK_URL", "_WEBHOOK")})
    raise LookupError(f"{table}.{key} needs an example: Field(…, examples=[…])")


def _by_lines(text: str) -> str:
    inside = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{inside}"""'
