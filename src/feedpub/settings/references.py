"""{ env = "NAME" } and { file = "/run/secrets/name" } -> the text that is meant, wherever a text may stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from feedpub.settings.files import Unreadable
from feedpub.settings.problems import NUMBER, YES_NO
from feedpub.settings.shape import Shape, Trail, beneath, choices, chosen, takes_text
from feedpub.settings.tables import Merged, is_reference


@dataclass(frozen=True, slots=True)
class Resolver:
    """Replaces references in a merged table; what cannot be found becomes a problem and an empty text.

    `replaced` tells of each where its text came from, such as `env DISCORD_WEBHOOK`.
    """

    merged: Merged
    environ: Mapping[str, str]
    secrets: Mapping[str, bytes | Unreadable]
    replaced: dict[Trail, str] = field(default_factory=dict)

    def resolve(self, shape: Shape, value: object, trail: Trail = ()) -> object:
        """Give back `value` with every reference in it replaced; lists that the environment wrote become lists."""
        if takes_text(shape) and isinstance(value, Mapping) and is_reference(value):
            return self._text(value, trail)
        meant = chosen(shape, value)
        if isinstance(value, Mapping):
            return {key: self.resolve(beneath(meant, key), inner, (*trail, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(beneath(meant, at), inner, (*trail, at)) for at, inner in enumerate(value)]
        if isinstance(value, str) and self._from_environment(trail) and not takes_text(shape) and _is_list(shape):
            return [part.strip() for part in value.split(",") if part.strip()]
        if not self._from_environment(trail) and (why := _quoted(shape, value) or _as_shells_do(shape, value)):
            self.merged.refuse(trail, why)
        return value

    def _from_environment(self, trail: Trail) -> bool:
        return self.merged.place(trail).source.startswith("environment ")

    def _text(self, reference: Mapping[str, object], trail: Trail) -> str:
        names = list(reference.items())
        if len(names) != 1 or not isinstance(names[0][1], str):
            self.merged.refuse(trail, 'write { env = "NAME" } or { file = "PATH" }, one of the two')
            return ""
        where, name = str(names[0][0]), str(names[0][1])
        text, why = self._variable(name) if where == "env" else self._file(name)
        if why:
            self.merged.refuse(trail, why)
        self.replaced[trail] = f"{where} {name}"
        return text

    def _variable(self, name: str) -> tuple[str, str]:
        # A secret pasted in the name's place must not be told: only what looks like a name is.
        shown = f"environment variable {name}" if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) else "the variable named here"
        if name not in self.environ:
            return "", f"{shown} is not set"
        return self.environ[name], "" if self.environ[name] else f"{shown} is empty"

    def _file(self, name: str) -> tuple[str, str]:
        shown = (
            f"the file {name}" if "/" in name and "://" not in name and name.isprintable() else "the file named here"
        )
        content = self.secrets.get(name, Unreadable("it cannot be read"))
        if isinstance(content, Unreadable):
            return "", f"{shown} is of no use: {content.why}"
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return "", f"{shown} is not UTF-8 text"
        text = text.removesuffix("\n").removesuffix("\r")
        if "\0" in text:
            return "", f"{shown} holds a NUL byte; it should hold one line of text"
        return text, "" if text else f"{shown} is empty"


def _quoted(shape: Shape, value: object) -> str:
    """What to write where a number, or true or false, is needed and something was written that only looks like it."""
    if choices(shape) == (bool,):
        return "" if isinstance(value, bool) else YES_NO
    if choices(shape) == (int,):
        return "" if type(value) is int else NUMBER
    return ""


def _as_shells_do(shape: Shape, value: object) -> str:
    """What to write instead of a secret's variable in the spelling of shells, which nobody expands here."""
    is_variable = isinstance(value, str) and re.fullmatch(r"\$\w+|\$\{\w+\}|%\w+%", value)
    return 'a variable is named as { env = "NAME" }' if is_variable and SecretStr in choices(shape) else ""


def _is_list(shape: Shape) -> bool:
    return any(beneath(choice, 0) is not None for choice in choices(shape))
