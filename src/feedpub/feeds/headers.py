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
from feedpub.feeds.rules import path_shape, plain, rule_file
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
    base, prefix = plain(said.base_url), rf"^{path_shape(said.base_url)}(?:\.page/)?"
    links = [
        rf"""    "~{prefix}(?<feedpub_file>{shape})\z" '{_links(f"{base}$feedpub_file", hubs)}';"""
        for shape, hubs in _files(said.hubs)
    ]
    kept = [f'    "~{shape}\\z" "{value}";' for shape, value in _kept(said.fresh)]
    lines = [
        *("map $uri $feedpub_links {", *links, "}"),
        *("map $uri $feedpub_kept {", *kept, "}"),
        *("map $host $feedpub_policy {", f'    default "{POLICY}";', "}"),
    ]
    return rule_file("headers.nginx.conf", _TOLD, "nginx", lines)


def caddy_headers(said: Said) -> FeedFile:
    """The headers' values as placeholders: to be imported in Caddy's block that serves the files, below their path."""
    base = plain(said.base_url)
    links = [f"	`~^/({shape})\\z` `{_links(f'{base}${{1}}', hubs)}`" for shape, hubs in _files(said.hubs)]
    kept = [f"	`~{shape}\\z` `{value}`" for shape, value in _kept(said.fresh)]
    lines = [
        *("map {http.request.uri.path} {feedpub_links} {", *links, "}"),
        *("map {http.request.uri.path} {feedpub_kept} {", *kept, "}"),
        *("map {http.request.uri.path} {feedpub_policy} {", f"	default `{POLICY}`", "}"),
    ]
    return rule_file("headers.Caddyfile", _TOLD, "Caddy", lines)


def _files(told: Mapping[str, Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    """The shapes of feeds' files, each with its hubs; the first that fits counts.

    The last is of all feeds whose hubs are those of most: a feed that comes later needs no line of its own.
    """
    named = {address: tuple(hubs) for address, hubs in sorted(told.items()) if re.fullmatch(WORDS, address)}
    usual = Counter(named.values()).most_common(1)[0][0] if named else ()
    odd = ((address, hubs) for address, hubs in named.items() if hubs != usual)
    return [(rf"{shape}\.(?:{ENDING})", hubs) for shape, hubs in ((_PART, ()), *odd, (WORDS, usual))]


def _links(itself: str, hubs: Sequence[str]) -> str:
    """A Link field (RFC 8288) as feedpub's own server writes it."""
    links = [(itself, "self"), *((plain(hub), "hub") for hub in hubs)]
    return ", ".join(f'<{url}>; rel="{relation}"' for url, relation in links)


def _kept(fresh: timedelta) -> list[tuple[str, str]]:
    """How long files may be kept, by the shapes of their ends; what is served of a folder is its index.html."""
    pages = rf"(?:/|\.(?:{'|'.join(sorted(PAGES))}))"
    return [(rf"\.(?:{ENDING})", cache_control("rss", fresh)), (pages, cache_control("html", fresh)),
            ("", cache_control("css", fresh))]  # fmt: skip
