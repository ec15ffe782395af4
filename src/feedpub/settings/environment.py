"""environment variables -> overrides of options: FEEDPUB_TARGETS__DISCORD_NEWS__TEMPLATE, read by pydantic-settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from feedpub.settings.options import Settings
from feedpub.settings.shape import Trail, beneath, keys

PREFIX = "FEEDPUB_"
DELIMITER = "__"


_LINK = re.compile(rf"{PREFIX}(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)")
"""What Kubernetes sets in every container of a namespace that has a service called feedpub."""


class _Overrides(Settings, BaseSettings):
    """Tells pydantic-settings which tables there are; never made."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=DELIMITER)


class _Source(EnvSettingsSource):
    """The environment as it was handed to us, not the process's; every value stays the text it is."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(_Overrides)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401, ARG002 - theirs
        return value  # "3m" is a cadence, not JSON; lists are read where the option's type is known


def overrides(environ: Mapping[str, str]) -> tuple[dict[str, object], dict[Trail, str]]:
    """The table that the environment says, and the variable that says each key of it."""
    variables = _variables(environ)
    table: dict[str, object] = _Source(environ)()
    for trail in variables:
        table.setdefault(str(trail[0]), {})  # an unknown table: to be refused like one in a file
    return table, variables


def files_named(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The files that FEEDPUB_…__FILE variables name for a secret."""
    return tuple(environ[name] for trail, name in _variables(environ).items() if trail[-1] == "file")


def strangers(environ: Mapping[str, str]) -> Iterator[str]:
    """Tell of each variable that looks like one of ours and says nothing to us, in a sentence."""
    ours = {*_variables(environ).values()}
    for name in sorted(environ):
        said = name.upper()
        if said.startswith(PREFIX) and said != f"{PREFIX}CONFIG" and name not in ours and not _LINK.fullmatch(said):
            yield f"environment {name}: this variable does nothing{_meant(said)}"


def _meant(name: str) -> str:
    options = [
        f"{PREFIX}{table}{DELIMITER}{option}".upper()
        for table in Settings.model_fields
        for option in keys(beneath(Settings, table))
    ]
    if close := get_close_matches(name, [f"{PREFIX}CONFIG", *options], n=1, cutoff=0.8):
        return f" (did you mean {close[0]}?)"
    table = next((table for table in Settings.model_fields if name.startswith(f"{PREFIX}{table}_".upper())), "")
    return (
        f"; write two underscores for a dot: {PREFIX}{table.upper()}{DELIMITER}NAME{DELIMITER}OPTION" if table else ""
    )


def _variables(environ: Mapping[str, str]) -> dict[Trail, str]:
    """Ours by its name: a table alone (FEEDPUB_SITE), or anything nested. FEEDPUB_CONFIG and the like are not."""
    found: dict[Trail, str] = {}
    for name in sorted(environ):
        trail = tuple(name[len(PREFIX) :].lower().split(DELIMITER))
        if name.upper().startswith(PREFIX) and (len(trail) > 1 or trail[0] in Settings.model_fields):
            found[trail] = name
    return found
