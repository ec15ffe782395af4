"""PURE: the bytes a connection brought -> what is asked, or with which status it is refused (RFC 9112 §2–6).

Strict, as a proxy in front may read another request out of anything odd: what is not plainly one request is refused,
and the connection ends with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([!-~\x80-\xff]++) HTTP/([0-9])\.([0-9])")
# Possessive throughout: no head, however made, takes longer than its length.
_FIELDS: Final = re.compile(rb"(?:" + _TOKEN + rb":[^\r\n\x00]*+\r\n)*+")
_FIELD: Final = re.compile(rb"([^:\r]++):([^\r]*+)\r\n")
_ABSOLUTE: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_DATES: Final = frozenset({"if-modified-since", "if-unmodified-since"})
"""They are no lists: two of them are none (RFC 9110 §5.3)."""
_LONE: Final = frozenset({"host", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is read, in bytes."""

    line: int = 8 * 1024
    head: int = 16 * 1024
    body: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, but for its body."""

    method: str
    target: str
    """As it was sent: percent-encoded, with its query; beginning with a slash (or `*`)."""
    headers: Mapping[str, str]
    """By name in small letters; what came several times is one list."""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    """The headers one by one, as they were sent."""
    version: str = "1.1"
    keep: bool = True
    """Whether the connection may bring another request."""
    length: int = 0
    """Of the body that follows, in bytes."""

    @property
    def path(self) -> str:
        """The target without its query, percent-encoded still."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Refused:
    """What is no request for us: the status to tell."""

    status: int


def read(arrived: bytes, limits: Limits) -> tuple[Asked, int] | Refused | None:
    """Read the first request of what arrived, and how many bytes its head took; None: it is not whole yet."""
    start = 2 if arrived.startswith(b"\r\n") else 0  # some clients end a request twice (RFC 9112 §2.2)
    line_end, end = arrived.find(b"\r\n", start), arrived.find(b"\r\n\r\n", start)
    if (line_end if line_end >= 0 else len(arrived)) - start > limits.line:
        return Refused(414)
    if (end if end >= 0 else len(arrived) - 3) - start > limits.head:
        return Refused(431)
    if end < 0:
        return None
    line = _LINE.fullmatch(arrived, start, line_end)
    if line is None or _FIELDS.fullmatch(arrived, line_end + 2, end + 2) is None:
        return Refused(400)
    asked = _asked(line, _FIELD.findall(arrived, line_end + 2, end + 2), limits.body)
    return asked if isinstance(asked, Refused) else (asked, end + 4)


def _asked(line: re.Match[bytes], fields: Sequence[tuple[bytes, bytes]], body: int) -> Asked | Refused:
    """What is asked, if the head holds together."""
    headers = _joined(fields)
    old = line[4] == b"0"
    target = _origin_form(line[2].decode("latin-1"), line[1])
    if line[3] != b"1":
        return Refused(505)
    if headers is None or target is None or not (old or "host" in headers):
        return Refused(400)
    if "content-length" not in headers and "transfer-encoding" not in headers:
        length: int | Refused = 0
    else:
        length = _length(headers, body)
    if isinstance(length, Refused):
        return length
    wishes = headers.get("connection", "").lower()
    keep = "keep-alive" in wishes if old else "close" not in wishes
    return Asked(line[1].decode(), target, headers, tuple(fields), "1.0" if old else "1.1", keep, length)


def _joined(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """Headers by name; None where one that says where the request ends, or whom it is for, comes twice."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode().lower(), raw_value.decode("latin-1").strip(" \t")
        if name not in headers:
            headers[name] = value
        elif name in _LONE:
            return None
        else:
            headers[name] = "" if name in _DATES else f"{headers[name]}, {value}"
    return headers


def _origin_form(target: str, method: bytes) -> str | None:
    """A target as it is sent to a server, whichever form it was sent in (RFC 9112 §3.2)."""
    if target[0] == "/":
        return target
    if found := _ABSOLUTE.match(target):
        rest = target[found.end() :]
        return rest if rest.startswith("/") else f"/{rest}"
    return target if target == "*" and method == b"OPTIONS" else None


def _length(headers: Mapping[str, str], most: int) -> int | Refused:
    """How many bytes follow. A body of unsaid length is refused: nobody has to guess where the next request begins."""
    if "transfer-encoding" in headers:
        return Refused(400 if "content-length" in headers else 411)
    said = headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,18}", said):
        return Refused(400)
    return int(said) if int(said) <= most else Refused(413)
