"""PURE: an address of WordPress's feeds -> the file of ours that answers there (`[web] addresses = "wordpress"`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from feedpub.categories import fold
from feedpub.feeds.addresses import file_name

_ENDINGS: Final = {"rss2": "rss", "rss": "rss", "rdf": "rss", "feed": "rss", "atom": "atom"}
"""The formats that WordPress knows, and ours. Who asks for RDF is content with RSS 2.0: readers look inside."""
_FORMATS: Final = "rss2|rss|rdf|atom"
_PATH: Final = re.compile(
    r"/(?:(?:(?P<kind>category)/(?:[^/]+/)*|(?P<label>tag|author)/)(?P<slug>[^/]+)/|(?P<comments>comments)/)?"
    rf"feed(?:/(?P<format>{_FORMATS}))?/?"
)
_ASKED: Final = re.compile(rf"(?P<comments>comments-)?(?P<format>{_FORMATS}|feed)")
_OTHERS: Final = frozenset(
    {"cat", "category_name", "tag", "tag_id", "author", "author_name", "p", "page_id", "name", "s"}
    | {"m", "year", "monthnum", "day", "w", "attachment_id", "withcomments", "post_type"}
)
"""What makes `?feed=rss2` the feed of something else, by a number or a name that only WordPress knows."""


def wordpress(path: str, query: str, slugs: Mapping[str, str]) -> str | None:
    """The file (`category/us.rss`) that a decoded path and a query mean; None: they are no feed of WordPress's.

    Of a category's path the last part counts: slugs are unique. `slugs` leads from what WordPress calls a category or
    a tag (`category/米国関連`) to the address of its feed, where that is another.
    """
    if path in {"/", "/index.php"}:
        return _by_query(query)
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    ending = _ENDINGS[found["format"] or "feed"]
    kind = found["kind"] or found["label"]
    if kind is None:
        return f"{found['comments'] or 'all'}.{ending}"
    slug = fold(found["slug"])
    return f"{slugs.get(f'{kind}/{slug}') or f'{kind}/{file_name(slug)}'}.{ending}"


def _by_query(query: str) -> str | None:
    if "feed=" not in query:
        return None
    said = parse_qs(query, max_num_fields=50) if query.count("&") < 50 else {}
    asked = _ASKED.fullmatch(said.get("feed", [""])[-1])
    if asked is None or not _OTHERS.isdisjoint(said):
        return None
    return f"{'comments' if asked['comments'] else 'all'}.{_ENDINGS[asked['format']]}"
