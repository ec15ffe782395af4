"""PURE: an ASGI scope -> what a subscriber asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Self

_DATES: Final = frozenset({"if-modified-since", "if-unmodified-since"})
"""They are no lists: two of them are none (RFC 9110 §5.3)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, but for its body."""

    method: str
    target: str
    """As it was sent: percent-encoded, with its query; beginning with a slash."""
    headers: Mapping[str, str]
    """By name in small letters; what came several times is one list."""

    @classmethod
    def of(cls, scope: MutableMapping[str, Any]) -> Self:
        """Read what a server says of a request."""
        path, query = scope["raw_path"] or b"/", scope["query_string"]  # of `http://host` the path is empty
        return cls.by(scope["method"], path + b"?" + query if query else path, scope["headers"])

    @classmethod
    def by(cls, method: str, target: bytes, fields: Iterable[tuple[bytes, bytes]]) -> Self:
        """Read a request's parts; names of headers are in small letters."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in fields:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            if name not in headers:
                headers[name] = value
            else:
                headers[name] = "" if name in _DATES else f"{headers[name]}, {value}"
        return cls(method, target.decode("latin-1"), headers)

    @property
    def path(self) -> str:
        """The target without its query, percent-encoded still."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]
