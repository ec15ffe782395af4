"""what feedpub says in headers of its feeds -> the same for nginx and for Caddy, as files that their config includes.

What is the same on every site stands in config/examples/nginx.conf and Caddyfile; here is what the config tells. No
address of a feed or of a hub can end the line that it stands in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from feedpub.feeds.freshness import PAGES, cache_control
from feedpub.feeds.moves import ENDING, WORDS
from feedpub.feeds.pages import POLICY
from feedpub.feeds.rules import Row, caddy_map, nginx_map, path_shape, plain, rule_file
from feedpub.model import FeedFile

_TOLD: Final = "what its own server says in headers"
_PART: Final = rf"archive/{WORDS}/[0-9]+"


@dataclass(frozen=True, slots=True)
class Said:
    """What answers about feeds say beside their bytes."""

    base_url: str
    hubs: Mapping[str, Sequence[str]]
    """By the address of every feed (without ending), the WebSub hubs that announce it, if any."""
    fresh: timedelta
    """How long a feed may be kept before it is asked for again."""


def nginx_headers(said: Said) -> FeedFile:
    """The headers' values as variables: to be included in nginx's block `http`, outside the server."""
    folder = rf"{path_shape(said.base_url)}(?:\.page/)?"
    lines = [
        *nginx_map("$uri", "feedpub_links", _links(said, folder)),
        *nginx_map("$uri", "feedpub_kept", _kept(said.fresh)),
        *nginx_map("$host", "feedpub_policy", [("", POLICY)]),
    ]
    return rule_file("headers.nginx.conf", _TOLD, "nginx", lines)


def caddy_headers(said: Said) -> FeedFile:
    """The headers' values as placeholders: to be imported in Caddy's block that serves the files, below their path."""
    lines = [
        *caddy_map("{path}", "feedpub_links", _links(said, "/")),
        *caddy_map("{path}", "feedpub_kept", _kept(said.fresh)),
        *caddy_map("{host}", "feedpub_policy", [("", POLICY)]),
    ]
    return rule_file("headers.Caddyfile", _TOLD, "Caddy", lines)


def _links(said: Said, folder: str) -> list[Row]:
    """The field Link (RFC 8288) of each feed's file, as feedpub's own server writes it.

    The last row is of all feeds whose hubs are those of most: a feed that comes later needs no row of its own.
    """
    told = {address: tuple(hubs) for address, hubs in sorted(said.hubs.items()) if re.fullmatch(WORDS, address)}
    usual = Counter(told.values()).most_common(1)[0][0] if told else ()
    odd = ((address, hubs) for address, hubs in told.items() if hubs != usual)
    return [
        (rf"^{folder}(?P<feedpub_file>{shape}\.(?:{ENDING}))\z", _link(said.base_url, hubs))
        for shape, hubs in ((_PART, ()), *odd, (WORDS, usual))
    ]


def _link(base_url: str, hubs: Sequence[str]) -> str:
    links = [(f"{plain(base_url)}${{feedpub_file}}", "self"), *((plain(hub), "hub") for hub in hubs)]
    return ", ".join(f'<{url}>; rel="{relation}"' for url, relation in links)


def _kept(fresh: timedelta) -> list[Row]:
    """How long each kind of file may be kept; what is served of a folder is its index.html."""
    pages = rf"(?:/|\.(?:{'|'.join(sorted(PAGES))}))\z"
    return [
        (rf"\.(?:{ENDING})\z", cache_control("rss", fresh)),
        (pages, cache_control("html", fresh)),
        ("", cache_control("css", fresh)),
    ]
