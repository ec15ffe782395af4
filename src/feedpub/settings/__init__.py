"""config files + environment -> Settings, or every reason why not; the only reader of either."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from feedpub.errors import ConfigError
from feedpub.settings import environment, toml
from feedpub.settings.cautions import cautions
from feedpub.settings.files import Look, Unreadable, look
from feedpub.settings.options import (
    DEFAULT_STORES,
    AdminOptions,
    DatabaseOptions,
    Listening,
    LogOptions,
    Settings,
    WebOptions,
)
from feedpub.settings.problems import translate
from feedpub.settings.references import Resolver
from feedpub.settings.shape import Trail
from feedpub.settings.tables import Merged, Place, Problem, show

__all__ = [
    "AdminOptions",
    "DatabaseOptions",
    "Listening",
    "Loaded",
    "LogOptions",
    "Settings",
    "WebOptions",
    "digest",
    "load",
    "refuse_example",
]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Valid settings, what may surprise their admin, and the digest of exactly what they were read from.

    `places` tells where each key was set that somebody set, `references` which text came from where, such as
    `env DISCORD_WEBHOOK`.
    """

    settings: Settings
    warnings: tuple[str, ...]
    digest: str
    places: Mapping[Trail, Place]
    references: Mapping[Trail, str]


def load(directory: Path, environ: Mapping[str, str]) -> Loaded:
    """Read and validate a config directory whole.

    Raises ConfigError with every problem, one a line, each naming its file, line and key, and never a value.
    """
    seen = _look(directory, environ)
    merged = _merged(directory, seen)
    _overlay(merged, environ)
    _refuse_names(merged)
    refused = len(merged.problems)
    resolver = Resolver(merged, environ, seen.secrets)
    table = resolver.resolve(Settings, merged.table)
    settings = _validated(merged, table, [problem.trail for problem in merged.problems[refused:]])
    if settings is None or merged.problems:
        raise ConfigError(_listed(merged.problems))
    warnings = (*cautions(settings), *environment.strangers(environ))
    return Loaded(settings, warnings, seen.digest, merged.places, resolver.replaced)


def digest(directory: Path, environ: Mapping[str, str]) -> str:
    """Another text exactly when `directory/*.toml` or a file they name for a secret holds something else.

    Cheap, and never raises. A file may be seen half-written and still be valid: apply only what two looks in a
    row, some tenths of a second apart, give the same digest for (and `Loaded.digest` confirms).
    """
    return _look(directory, environ).digest


_ADDRESSES = (("site", "url"), ("feeds", "base_url"))


def refuse_example(settings: Settings, places: Mapping[Trail, Place] | None = None) -> None:
    """Refuse to speak for example.jp and its like (RFC 2606): raises ConfigError. Only `demo` may."""
    found = [
        f"{(places or {}).get(trail, 'the config')}: {show(trail)}: "
        "this is still the example's address; write your own site's, or try `feedpub demo`"
        for trail, url in zip(_ADDRESSES, (settings.site.url, settings.feeds.base_url), strict=True)
        if re.search(r"(^|\.)example(\.[a-z]{2,3}){0,2}$", urlsplit(url).hostname or "")
    ]
    if found:
        raise ConfigError("\n".join(found))


def _look(directory: Path, environ: Mapping[str, str]) -> Look:
    return look(directory, environment.files_named(environ))


def _merged(directory: Path, seen: Look) -> Merged:
    """All files as one table. Raises ConfigError if one cannot be read at all: the rest would only mislead."""
    if seen.is_file:
        raise ConfigError(f"{directory}: this is a file; name the folder that it lies in: --config {directory.parent}")
    if seen.missing:
        raise ConfigError(f"{directory}: there is no such directory, or it may not be read; --config names another")
    if not seen.files:
        example = directory / "feedpub.toml"
        raise ConfigError(f"{directory}: no *.toml file is here; write {example} with a [site] and a [feeds] table")
    merged, broken = Merged(Place(str(directory))), []
    for source, content in seen.files.items():
        if isinstance(content, Unreadable):
            broken.append(Problem(Place(source), (), content.why))
            continue
        try:
            merged.add(source, *toml.parse(content))
        except toml.Broken as error:
            broken.append(Problem(Place(source, error.line), (), str(error)))
    if broken:
        raise ConfigError(_listed(broken))
    return merged


def _overlay(merged: Merged, environ: Mapping[str, str]) -> None:
    """Lay the environment over the files; the default store is there unless somebody names another."""
    table, variables = environment.overrides(environ)
    named = table.get("stores", DEFAULT_STORES)
    if "stores" not in merged.table and isinstance(named, dict) and named.keys() <= DEFAULT_STORES.keys():
        merged.table["stores"] = {name: dict(store) for name, store in DEFAULT_STORES.items()}
    merged.override(table, variables)


def _refuse_names(merged: Merged) -> None:
    """A name stands in the head of its table; `name` inside is an option nobody has."""
    for section in ("stores", "targets", "alerts"):
        tables = merged.table.get(section)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if isinstance(table, dict) and "name" in table:
                del table["name"]
                merged.refuse(
                    (section, name, "name"), f"unknown option (the name stands in the head: [{section}.NAME])"
                )


def _validated(merged: Merged, table: object, unread: Iterable[Trail]) -> Settings | None:
    """Make settings of a table. Of one in which something could not be read, nothing is said as a whole."""
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        for trail, sentence in translate(error, Settings, table):
            if not any(one[: len(trail)] == trail for one in unread):
                merged.refuse(trail, sentence)
    return None


def _listed(problems: list[Problem]) -> str:
    in_order = sorted(problems, key=lambda problem: (problem.place.source, problem.place.line or 0))
    # A file's name may hold bytes that no terminal takes.
    return "\n".join(map(str, in_order)).encode("utf-8", "replace").decode()
