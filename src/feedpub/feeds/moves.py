"""which feeds moved, or ended -> what their old addresses answer: by our own web server, by nginx, by Caddy.

`moved` holds, by a feed's old address (without ending: `category/us`), the new one, or None where it ended for good;
never an address where a feed stands. It may hold chains (a category was renamed twice): readers are led to the end
of it at once. Of a chain that comes back to itself, or has an address that feedpub would not give, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from feedpub.feeds.rules import path_shape, plain, rule_file
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
ENDING: Final = "|".join(ENDINGS)
"""The same as a regular expression."""
WORDS: Final = r"[a-z0-9_-]+(?:/[a-z0-9_-]+)*"
"""What addresses of feeds look like."""
_FEED: Final = re.compile(rf"(?P<address>{WORDS})\.(?P<ending>{ENDING})")
_PART: Final = re.compile(rf"archive/(?P<address>{WORDS})(?P<part>/[0-9]+)\.(?P<ending>{ENDING})")


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
        f'location ~ "^{path_shape(base_url)}{_shape(address)}" {{ return {_nginx_answer(end, base_url)}; }}'
        for address, end in _ends(moved).items()
    ]
    return rule_file("moved.nginx.conf", _TOLD, "nginx", rules)


def caddy_rules(moved: Moved, base_url: str) -> FeedFile:
    """The same answers for Caddy: to be imported in the block that serves the files, below their path."""
    rules = [f'\t"~^/{_shape(address)}" "{_caddy_answer(end, base_url)}"' for address, end in _ends(moved).items()]
    frame = ["map {http.request.uri.path} {feedpub_moved} {", *rules, "}", *_CADDY_ANSWERS] if rules else []
    return rule_file("moved.Caddyfile", _TOLD, "Caddy", frame)


# ---------------------------------------------------------------- where a chain ends


def _ends(moved: Moved) -> dict[str, str | Gone]:
    """Every old address that has an end, in order: the same for any order of `moved`."""
    ends = {address: _end(address, moved) for address in sorted(moved) if re.fullmatch(WORDS, address)}
    return {address: end for address, end in ends.items() if end is not None}


def _end(address: str, moved: Moved) -> str | Gone | None:
    """Follow a chain; None: it does not begin here, or leads nowhere."""
    seen = {address}
    at = address
    while at in moved:
        to = moved[at]
        if to is None:
            return Gone.GONE
        if to in seen or not re.fullmatch(WORDS, to):
            return None
        seen.add(to)
        at = to
    return at if at != address else None


# ---------------------------------------------------------------- rules for other servers

_TOLD: Final = "where feeds went that stood elsewhere before"
_CADDY_ANSWERS: Final = (
    "@feedpub_moved vars_regexp {feedpub_moved} ^https?:",
    "@feedpub_gone vars {feedpub_moved} gone",
    "header @feedpub_moved Cache-Control no-cache",
    "redir @feedpub_moved {feedpub_moved} 301",
    "respond @feedpub_gone 410",
)


def _shape(address: str) -> str:
    """The files of a feed and of its archive's parts. Group 1 is `archive/`, 2 the part, 3 the ending."""
    return rf"(?:{address}|(archive/){address}(/[0-9]+))\.({ENDING})\z"


def _nginx_answer(end: str | Gone, base_url: str) -> str:
    return f'301 "{plain(base_url)}$1{end}$2.$3"' if isinstance(end, str) else "410"


def _caddy_answer(end: str | Gone, base_url: str) -> str:
    return f"{plain(base_url)}${{1}}{end}${{2}}.${{3}}" if isinstance(end, str) else "gone"
