"""a loaded config -> every key in force: its value as TOML writes it, and where it was set. No secret is shown.

Hidden are the options that are secrets, whatever was read from a variable or a file (whoever put it there had a
reason), the user and the query of an address, and any secret that stands inside another value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from feedpub.cadence import Cadence
from feedpub.model import show_duration
from feedpub.settings import Loaded
from feedpub.settings.secret import secrets
from feedpub.settings.shape import Trail, attribute, options
from feedpub.settings.tables import show

SECRET = "(secret)"  # noqa: S105 - what is shown instead of one
NONE = "(none)"
"""What is shown for an option without a value: TOML has no word for it."""
DEFAULT = "default"
_FILE = "sqlite:///"
"""A database's address that begins so holds no password: it is a path."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One key in force: its dotted path, its value as TOML writes it, and where it was set (`default`: nowhere)."""

    key: str
    value: str
    place: str

    @property
    def table(self) -> str:
        """The table whose head it stands below: `site`, `targets.discord_news`."""
        parts = self.key.split(".")
        return ".".join(parts[: 2 if parts[0] in ("stores", "targets") else 1])

    @property
    def option(self) -> str:
        """The key below that head."""
        return self.key[len(self.table) + 1 :]


def in_force(loaded: Loaded) -> tuple[Shown, ...]:
    """Tell every key of the config, those too that nobody set, in the order of docs/configuration.md."""
    return tuple(_Walk(loaded, secrets(loaded.settings)).model((), loaded.settings))


def toml_text(value: object) -> str:
    """Write a value that an option may have as TOML does; `(none)` for none. Raises TypeError for any other."""
    if value is None:
        return NONE
    if isinstance(value, timedelta):
        value = show_duration(value)
    if isinstance(value, Cadence):
        value = str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_text, value))}]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{show((key,))} = {toml_text(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(f"no option is a {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through settings and names every leaf."""

    loaded: Loaded
    secrets: frozenset[str] = field(repr=False)

    def model(self, trail: Trail, model: BaseModel) -> Iterator[Shown]:
        for key in options(type(model)):
            yield from self.value((*trail, key), getattr(model, attribute(type(model), key)))

    def value(self, trail: Trail, value: object) -> Iterator[Shown]:
        if isinstance(value, BaseModel):
            yield from self.model(trail, value)
        elif isinstance(value, Mapping) and value:
            for key, inner in value.items():
                yield from self.value((*trail, key), inner)
        else:
            yield Shown(show(trail), self.text(trail, value), self.place(trail))

    def text(self, trail: Trail, value: object) -> str:
        if reference := self.loaded.references.get(trail):
            return f"(secret, from {reference})"
        if isinstance(value, SecretStr):
            said = value.get_secret_value()
            return toml_text(said) if not said or said.startswith(_FILE) else SECRET
        if isinstance(value, list | tuple):
            return f"[{', '.join(self.text((*trail, at), one) for at, one in enumerate(value))}]"
        return toml_text(self.bare(value) if isinstance(value, str) else value)

    def bare(self, text: str) -> str:
        """Take out what may be secret. The longest first: one secret may be a part of another."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, SECRET)
        return _public(text)

    def place(self, trail: Trail) -> str:
        """Where it was set; a key of a table that was set whole, elsewhere, has no place of its own."""
        place = self.loaded.places.get(trail)
        return str(place).removeprefix("environment ") if place else DEFAULT


def _public(text: str) -> str:
    """Hide what an address may hold of a secret: a user with a password, and a query."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text, re.IGNORECASE):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{SECRET}@{host}" if at and user else parts.netloc
    return parts._replace(netloc=netloc, query=SECRET if parts.query else "").geturl()
