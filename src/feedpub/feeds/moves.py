"""which feeds moved, or ended -> what their old addresses answer: by our own web server, by nginx, by Caddy.

`moved` holds, by a feed's old address (without ending: `category/us`), the new one, or None where it ended for good;
never an address where a feed stands. It may hold chains (a category was renamed twice): readers are led to the end
of it at once. Of a chain that comes back to itself, or has an address that feedpub would not give, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from feedpub.model import FeedFile

Moved = Mapping[str, str | None]


class Gone(Enum):
    """A feed ended, and will not come back: HTTP's 410."""

    GONE = 410


@dataclass(frozen=True, slots=True)
class Signposts:
    """What the web server tells of feeds beside their files."""

    moved: Moved = field(default_factory=dict)
    hubs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By a feed's address (without ending), the WebSub hubs that announce it."""
    slugs: Mapping[str, str] = field(default_factory=dict)
    """By what WordPress's addresses call it (`category/米国関連`), a feed's address, where that is another."""


ENDINGS: Final = ("rss", "atom", "json")
"""Of the files that make a feed."""
_WORDS: Final = r"[a-z0-9_-]+(?:/[a-z0-9_-]+)*"
_ENDING: Final = "|".join(ENDINGS)
_FEED: Final = re.compile(rf"(?P<address>{_WORDS})\.(?P<ending>{_ENDING})")
_PART: Final = re.compile(rf"archive/(?P<address>{_WORDS})(?P<part>/[0-9]+)\.(?P<ending>{_ENDING})")


def where(path: str, moved: Moved) -> str | Gone | None:
    """Where the file of a feed, or of its archive, went that stood at `path`; None: no feed stood there."""
    if part := _PART.fullmatch(path):
        end = _end(part["address"], moved)
        return f"archive/{end}{part['part']}.{part['ending']}" if isinstance(end, str) else end
    if feed := _FEED.fullmatch(path):
        end = _end(feed["address"], moved)
        return f"{end}.{feed['ending']}" if isinstance(end, str) else end
    return None


def nginx_rules(moved: Moved, base_url: str) -> FeedFile:
    """The same answers for nginx: to be included in the location that serves the files, or in its server."""
    rules = [
        f'location ~ "{_shape(address, base_url, _byte)}" {{ return {_nginx_answer(end, base_url)}; }}'
        for address, end in _ends(moved).items()
    ]
    return _file("moved.nginx.conf", "nginx", rules)


def caddy_rules(moved: Moved, base_url: str) -> FeedFile:
    """The same answers for Caddy: to be imported in the block that serves the files."""
    rules = [
        f'\t"~{_shape(address, base_url, _rune)}" "{_caddy_answer(end, base_url)}"'
        for address, end in _ends(moved).items()
    ]
    frame = ["map {http.request.orig_uri.path} {feedpub_moved} {", *rules, "}", *_CADDY_ANSWERS] if rules else []
    return _file("moved.Caddyfile", "Caddy", frame)


# ---------------------------------------------------------------- where a chain ends


def _ends(moved: Moved) -> dict[str, str | Gone]:
    """Every old address that has an end, in order: the same for any order of `moved`."""
    ends = {address: _end(address, moved) for address in sorted(moved) if re.fullmatch(_WORDS, address)}
    return {address: end for address, end in ends.items() if end is not None}


def _end(address: str, moved: Moved) -> str | Gone | None:
    """Follow a chain; None: it does not begin here, or leads nowhere."""
    seen = {address}
    at = address
    while at in moved:
        to = moved[at]
        if to is None:
            return Gone.GONE
        if to in seen or not re.fullmatch(_WORDS, to):
            return None
        seen.add(to)
        at = to
    return at if at != address else None


# ---------------------------------------------------------------- rules for other servers

_CADDY_ANSWERS: Final = (
    "@feedpub_moved vars_regexp {feedpub_moved} ^https?:",
    "@feedpub_gone vars {feedpub_moved} gone",
    "redir @feedpub_moved {feedpub_moved} 301",
    "respond @feedpub_gone 410",
)


def _shape(address: str, base_url: str, escape: Callable[[str], str]) -> str:
    """The paths of a feed and of its archive's parts. Group 1 is `archive/`, 2 the part, 3 the ending."""
    prefix = _escaped(f"/{unquote(urlsplit(base_url).path).strip('/')}/".replace("//", "/"), escape)
    return rf"^{prefix}(?:{address}|(archive/){address}(/[0-9]+))\.({_ENDING})\z"


def _escaped(path: str, escape: Callable[[str], str]) -> str:
    """Write a decoded path as a regular expression, of plain letters alone: no server takes any for its own sign."""
    return re.sub(r"[^A-Za-z0-9/_-]", lambda odd: escape(odd[0]), path)


def _byte(odd: str) -> str:
    """As PCRE knows a character that it compares byte by byte."""
    return "".join(rf"\x{byte:02x}" for byte in odd.encode(errors="replace"))


def _rune(odd: str) -> str:
    """As Go knows a character."""
    return rf"\x{{{ord(odd):x}}}"


def _nginx_answer(end: str | Gone, base_url: str) -> str:
    return f'301 "{_plain(base_url)}$1{end}$2.$3"' if isinstance(end, str) else "410"


def _caddy_answer(end: str | Gone, base_url: str) -> str:
    return f"{_plain(base_url)}${{1}}{end}${{2}}.${{3}}" if isinstance(end, str) else "gone"


def _plain(base_url: str) -> str:
    """An address with no sign that a server would take for its own (`$` begins their variables)."""
    return quote(base_url, safe=":/%?#[]@!&()*+,=~")


def _file(path: str, server: str, rules: Sequence[str]) -> FeedFile:
    told = f"# Written by feedpub: where feeds went that stood elsewhere before. {server} reads it when it is reloaded."
    return FeedFile(path, "\n".join([told, *rules, ""]).encode())
