"""WordPress's addresses of feeds -> rules by which nginx and Caddy answer there with feedpub's files.

They say what `web.addresses = "wordpress"` says of feedpub's own server (web/addresses.py), as far as regular
expressions can: they do not fold slugs that are written in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from feedpub.feeds.moves import WORDS
from feedpub.feeds.rules import Row, caddy_map, nginx_map, rule_file, shape_for_caddy, shape_for_nginx
from feedpub.model import FeedFile

_TOLD: Final = "which feeds are meant by WordPress's addresses"
_FEED: Final = r"feed(?:/(?:rss2|rss|rdf|atom))?/?\?"
_ROOT: Final = r"^/(?:index\.php)?\?"
_OTHERS: Final = (
    "cat|category_name|tag|tag_id|author|author_name|p|page_id|name|s|m|year|monthnum|day|w|attachment_id|withcomments"
    "|post_type"
)
"""What makes a query one for the feed of something else."""
_CALLED: Final[tuple[Row, ...]] = (
    (rf"^/{_FEED}", "all"),
    (rf"^/comments/{_FEED}", "comments"),
    (rf"^/category/(?:[^/]+/)*(?P<feedpub_slug>[^/]+)/{_FEED}", "category/${feedpub_slug}"),
    (rf"^/(?P<feedpub_kind>tag|author)/(?P<feedpub_slug>[^/]+)/{_FEED}", "${feedpub_kind}/${feedpub_slug}"),
    (rf"{_ROOT}(?:.*&)?(?:{_OTHERS})=", ""),
    (rf"{_ROOT}(?:.*&)?feed=(?:rss2|rss|rdf|atom|feed)(?:&.*)?\z", "all"),
    (rf"{_ROOT}(?:.*&)?feed=comments-(?:rss2|rss|rdf|atom|feed)(?:&.*)?\z", "comments"),
)
"""By path and query, what WordPress calls the feed."""
_ENDINGS: Final[tuple[Row, ...]] = (
    (r"/feed/atom/?\?", "atom"),
    (rf"{_ROOT}(?:.*&)?feed=(?:comments-)?atom(?:&.*)?\z", "atom"),
    ("", "rss"),
)


def nginx_wordpress(slugs: Mapping[str, str]) -> FeedFile:
    """The feed's address and ending as variables: to be included in nginx's block `http`, outside the server."""
    asked, called = "$uri?$args", "feedpub_wordpress_name"
    lines = [
        *nginx_map(asked, called, _CALLED),
        *nginx_map(f"${called}", "feedpub_wordpress_address", _addresses(slugs, shape_for_nginx)),
        *nginx_map(asked, "feedpub_wordpress_ending", _ENDINGS),
    ]
    return rule_file("wordpress.nginx.conf", _TOLD, "nginx", lines)


def caddy_wordpress(slugs: Mapping[str, str]) -> FeedFile:
    """The feed's address and ending as placeholders: to be imported in Caddy's block of the site."""
    asked, called = "{path}?{query}", "feedpub_wordpress_name"
    lines = [
        *caddy_map(asked, called, _CALLED),
        *caddy_map(f"{{{called}}}", "feedpub_wordpress_address", _addresses(slugs, shape_for_caddy)),
        *caddy_map(asked, "feedpub_wordpress_ending", _ENDINGS),
    ]
    return rule_file("wordpress.Caddyfile", _TOLD, "Caddy", lines)


def _addresses(slugs: Mapping[str, str], escape: Callable[[str], str]) -> list[Row]:
    """Whose address is another than WordPress's name for it; then all others, at once."""
    odd = [(rf"^{escape(name)}\z", to) for name, to in sorted(slugs.items()) if re.fullmatch(WORDS, to)]
    same = r"all|comments|(?:category|tag|author)/[a-z0-9][a-z0-9-]*"
    # The first row spares requests that are for no feed the others.
    return [(r"^\z", ""), *odd, (rf"^(?P<feedpub_name>{same})\z", "${feedpub_name}")]
