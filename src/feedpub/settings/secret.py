"""settings -> every secret that they hold, in each form in which it could slip into a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

SHORTEST = 6
"""Letters of what may be a secret; a shorter one would blacken half of every line."""


def secrets(value: object) -> frozenset[str]:
    """Every secret of the settings that is long enough to be one."""
    if isinstance(value, SecretStr):
        return frozenset(one for one in _parts(value.get_secret_value()) if len(one) >= SHORTEST)
    if isinstance(value, BaseModel):
        return secrets([getattr(value, name) for name in type(value).model_fields])
    if isinstance(value, Mapping):
        return secrets(list(value.values()))
    if isinstance(value, (list, tuple)):
        return frozenset(secret for one in value for secret in secrets(one))
    return frozenset()


def _parts(secret: str) -> Iterator[str]:
    """Tell a secret, and the password in it where it is an address: a library may say that one alone."""
    yield secret
    try:
        password = urlsplit(secret).password or ""
    except ValueError:
        return
    yield from (password, unquote(password))
