"""What files of rules for other web servers are made of: nothing in them can be taken for a sign of the server's.

Both nginx (PCRE) and Caddy (RE2) know the regular expressions that stand here, and `${name}` for a group of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote, unquote, urlsplit

from feedpub.model import FeedFile

Row = tuple[str, str]
"""A regular expression (empty: whatever is left) and what it stands for; the first row that fits counts."""


def path_shape(base_url: str) -> str:
    """The path that nginx is to serve the feeds below, as a regular expression."""
    return shape_for_nginx(f"/{unquote(urlsplit(base_url).path).strip('/')}/".replace("//", "/"))


def shape_for_nginx(text: str) -> str:
    """A text as PCRE compares it, byte by byte, written with plain letters alone."""
    return _shape(text, lambda odd: "".join(rf"\x{byte:02x}" for byte in odd.encode(errors="replace")))


def shape_for_caddy(text: str) -> str:
    """A text as RE2 compares it, letter by letter, written with plain letters alone."""
    return _shape(text.encode(errors="replace").decode(), lambda odd: rf"\x{{{ord(odd):x}}}")


def _shape(text: str, escape: Callable[[str], str]) -> str:
    return re.sub(r"[^A-Za-z0-9/_-]", lambda odd: escape(odd[0]), text)


def plain(url: str) -> str:
    """An address with no sign that a server would take for its own (`$` begins their variables)."""
    return quote(url, safe=":/%?#[]@!&()*+,=~", errors="replace")


def nginx_map(source: str, name: str, rows: Iterable[Row]) -> list[str]:
    """A variable of nginx that follows from another; empty where no row fits."""
    return [f'map "{source}" ${name} {{', *(f"    {_nginx_key(shape)} {_nginx(value)};" for shape, value in rows), "}"]


def caddy_map(source: str, name: str, rows: Iterable[Row]) -> list[str]:
    """A placeholder of Caddy that follows from another; empty where no row fits."""
    lines = [f"	{f'`~{shape}`' if shape else 'default'} `{value}`" for shape, value in rows]
    # Where there is no default, Caddy says "<nil>".
    return [
        f"map `{source}` {{{name}}} {{",
        *lines,
        *([] if lines and "	default" in lines[-1] else ["	default ``"]),
        "}",
    ]


def _nginx_key(shape: str) -> str:
    return f'"~{shape}"' if shape else "default"


def _nginx(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def rule_file(path: str, told: str, server: str, rules: Sequence[str]) -> FeedFile:
    """A file that says what it is for, and who reads it."""
    head = f"# Written by feedpub: {told}. {server} reads it when it is reloaded."
    return FeedFile(path, "\n".join([head, *rules, ""]).encode())
