"""a file's text -> its front matter and its body, whichever way the front matter is written. Pure.

Hugo writes YAML between ---, TOML between +++, or a JSON object; Jekyll YAML; Eleventy YAML, or what stands behind the
first ---. Values stay the text that the author wrote, whatever YAML would make of it: a title of 1.10 is no number, and
a date keeps the zone it has, or has not.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import yaml

# Builds nothing but text, lists and tables, whatever tags stand there. The fast one needs libyaml.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

LONGEST = 64 * 1024
"""Characters of front matter."""
_DEEPEST = 20

_OPENING = re.compile(r"(---|\+\+\+)[ \t]*(\w*)[ \t]*(?:\n|\Z)")
_CLOSING = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE),
}
_OBJECT = re.compile(r"\{\s*[\"}]")
_TOML_LINE = re.compile(r"at line (\d+)")

Value = str | list["Value"] | dict[str, "Value"]
"""What stands behind a key: text, a list, or a table."""


class Fault(Exception):  # noqa: N818 - what is wrong with a file, not with the program
    """What is wrong with a file, and in which line of it."""

    def __init__(self, line: int, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text, divided. `begun`: it has front matter, be it empty. Keys are in lower case."""

    body: str
    facts: Mapping[str, Value] = field(default_factory=dict)
    begun: bool = False


def divide(text: str) -> Document:
    """Divide a text whose lines end as on Unix; raises Fault."""
    if opening := _OPENING.match(text):
        return _between(text, opening[1], opening[2].lower(), opening.end())
    if _OBJECT.match(text):
        facts, end = _json(text, 1)
        return Document(text[end:], _lower(facts), begun=True)
    return Document(text)


def _between(text: str, fence: str, language: str, start: int) -> Document:
    closing = _CLOSING[fence].search(text, start)
    if closing is None:
        raise Fault(1, f"its front matter begins with {fence} and does not end: put {fence} on a line below it")
    inside = text[start : closing.start()]
    if len(inside) > LONGEST:
        raise Fault(1, f"its front matter is longer than {LONGEST:,} characters: shorten it")
    read = _LANGUAGES.get(language or fence)
    if read is None:
        raise Fault(1, f"front matter in {language} cannot be read: write it in YAML, TOML or JSON")
    return Document(text[closing.end() + 1 :], _lower(read(inside)), begun=True)


def _lower(facts: Mapping[str, Value]) -> dict[str, Value]:
    return {key.lower(): value for key, value in facts.items()}


# ---------------------------------------------------------------- the three ways


def _yaml(text: str) -> dict[str, Value]:
    try:
        _refuse_tangles(text)
        said = yaml.load(text, Loader=_LOADER)  # noqa: S506 - see there
    except yaml.YAMLError as error:
        reason = 'its front matter is not valid YAML: put quotation marks around values with ": " or " #" in them'
        raise Fault(_line(text, error) + 2, reason) from error
    return _table(said or {})


def _line(text: str, error: yaml.YAMLError) -> int:
    """The line of a mistake, counted from 0; a sign that may not stand there at all is told by its place."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return error.problem_mark.line
    place = getattr(error, "position", 0)
    return text[: place if isinstance(place, int) else 0].count("\n")


def _refuse_tangles(text: str) -> None:
    """An alias repeats what it names, again and again: a few lines could say a billion words."""
    deep = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise Fault(_place(event), f"its front matter has an alias (*{event.anchor}): write it out")
        deep += isinstance(event, yaml.CollectionStartEvent)
        deep -= isinstance(event, yaml.CollectionEndEvent)
        if deep > _DEEPEST:
            raise Fault(_place(event), "its front matter is nested too deeply")


def _place(event: yaml.Event) -> int:
    return event.start_mark.line + 2 if event.start_mark is not None else 2


def _toml(text: str) -> dict[str, Value]:
    try:
        return _table(tomllib.loads(text))
    except ValueError as error:  # tomllib's own, or a number with too many digits
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n")
        raise Fault(line + 1, "its front matter is not valid TOML: put quotation marks around text") from error
    except RecursionError as error:
        raise Fault(1, "its front matter is nested too deeply") from error


def _json(text: str, first: int) -> tuple[dict[str, Value], int]:
    """Read the object that a text begins with, and tell where it ends. `first` is the number of its first line."""
    try:
        said, end = json.JSONDecoder().raw_decode(text[:LONGEST])
        return _table(said), end
    except ValueError as error:  # json's own, or a number with too many digits
        raise Fault(getattr(error, "lineno", 1) + first - 1, "its front matter is not valid JSON") from error
    except RecursionError as error:
        raise Fault(first, "its front matter is nested too deeply") from error


def _json_between(text: str) -> dict[str, Value]:
    object_ = text.lstrip()
    return _json(object_, 2 + text[: len(text) - len(object_)].count("\n"))[0] if object_ else {}


_LANGUAGES: Mapping[str, Callable[[str], dict[str, Value]]] = {
    **dict.fromkeys(("---", "yaml", "yml"), _yaml),
    **dict.fromkeys(("+++", "toml"), _toml),
    "json": _json_between,
}


# ---------------------------------------------------------------- values as text


def _table(said: object) -> dict[str, Value]:
    if not isinstance(said, dict):
        raise Fault(2, "its front matter is not a list of keys and values, such as title: …")
    return {str(key): _plain(value) for key, value in said.items()}


def _plain(value: object, deep: int = 0) -> Value:
    if deep > _DEEPEST:
        raise Fault(1, "its front matter is nested too deeply")
    if isinstance(value, dict):
        return {str(key): _plain(one, deep + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, deep + 1) for one in value]
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
