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

from feedpub.feeds.moves import ENDING, WORDS
from feedpub.feeds.pages import POLICY
from feedpub.feeds.rules import path_shape, plain, rule_file
from feedpub.model import FeedFile

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
    prefix = rf"^{path_shape(said.base_url)}(?:\.page/)?"
    links = [
        rf"""    "~{prefix}(?<feedpub_file>{file})\z" '{_links(said.base_url, "$feedpub_file", hubs)}';"""
        for file, hubs in _files(said.hubs)
    ]
    lines = [
        *("map $uri $feedpub_links {", *links, "}"),
        f"map $host $feedpub_max_age {{ default {_seconds(said.fresh)}; }}",
        f'map $host $feedpub_policy {{ default "{POLICY}"; }}',
    ]
    return rule_file("headers.nginx.conf", "what its answers say", "nginx", lines)


def caddy_headers(said: Said) -> FeedFile:
    """The headers' values as placeholders: to be imported in Caddy's block that serves the files."""
    links = [
        rf"	`~^/({file})\z` `{_links(said.base_url, '${1}', hubs)}`"
        for file, hubs in _files(said.hubs)
    ]
    place = "map {http.request.uri.path} {feedpub_links} {"
    values = (
        "map {http.request.uri.path} {feedpub_max_age} {feedpub_policy} {",
        f"	default {_seconds(said.fresh)} `{POLICY}`",
        "}",
    )
    return rule_file("headers.Caddyfile", "what its answers say", "Caddy", [place, *links, "}", *values])


def _files(told: Mapping[str, Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    """The shapes of feeds' files, each with its hubs; the first that fits counts.

    The last is of all feeds whose hubs are those of most: a feed that comes later needs no line of its own.
    """
    named = {address: tuple(hubs) for address, hubs in sorted(told.items()) if re.fullmatch(WORDS, address)}
    usual = Counter(named.values()).most_common(1)[0][0] if named else ()
    odd = ((address, hubs) for address, hubs in named.items() if hubs != usual)
    return [(rf"{shape}\.(?:{ENDING})", hubs) for shape, hubs in ((_PART, ()), *odd, (WORDS, usual))]


def _links(base_url: str, file: str, hubs: Sequence[str]) -> str:
    """A Link field (RFC 8288) as feedpub's own server writes it."""
    links = [(f"{plain(base_url)}{file}", "self"), *((plain(hub), "hub") for hub in hubs)]
    return ", ".join(f'<{url}>; rel="{relation}"' for url, relation in links)


def _seconds(fresh: timedelta) -> int:
    return fresh // timedelta(seconds=1)
