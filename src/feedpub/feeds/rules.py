"""What files of rules for other web servers have in common: nothing in them can be taken for a sign of the server's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

from feedpub.model import FeedFile


def path_shape(base_url: str) -> str:
    """The path that a server is to serve the feeds below, as a regular expression of PCRE: plain letters alone."""
    path = f"/{unquote(urlsplit(base_url).path).strip('/')}/".replace("//", "/")
    return re.sub(r"[^A-Za-z0-9/_-]", lambda odd: _bytes(odd[0]), path)


def _bytes(odd: str) -> str:
    """As PCRE knows a character that it compares byte by byte."""
    return "".join(rf"\x{byte:02x}" for byte in odd.encode(errors="replace"))


def plain(url: str) -> str:
    """An address with no sign that a server would take for its own (`$` begins their variables)."""
    return quote(url, safe=":/%?#[]@!&()*+,=~", errors="replace")


def rule_file(path: str, told: str, server: str, rules: Sequence[str]) -> FeedFile:
    """A file that says what it is for, and who reads it."""
    head = f"# Written by feedpub: {told}. {server} reads it when it is reloaded."
    return FeedFile(path, "\n".join([head, *rules, ""]).encode())
