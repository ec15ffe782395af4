"""A feed file in any format -> its entries as a stranger reads them: feedparser for XML, json for JSON Feed."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import feedparser

from tests.golden.w3c import json_feed


class Read(NamedTuple):
    """One entry. `html`: what there is to read, the full text before the summary."""

    id: str
    title: str
    link: str
    html: str
    summary: str
    published: datetime
    updated: datetime
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    enclosures: tuple[tuple[str, str], ...]
    """Addresses and types of what comes with it; of JSON Feed also its picture."""


def read(ending: str, content: bytes) -> list[Read]:
    """Read a file as it comes; feedparser must find nothing odd in it."""
    return _json(content) if ending == "json" else _xml(content)


def _xml(content: bytes) -> list[Read]:
    found = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False)
    assert found.bozo is False, found.get("bozo_exception")
    return [_entry(entry) for entry in found.entries]


def _entry(entry: Any) -> Read:
    return Read(
        id=entry.id,
        title=entry.get("title", ""),
        link=entry.get("link", ""),
        html=entry.content[0].value if "content" in entry else entry.get("summary", ""),
        summary=entry.get("summary", ""),
        published=datetime.fromtimestamp(timegm(entry.published_parsed), UTC),
        updated=datetime.fromtimestamp(timegm(entry.updated_parsed), UTC),
        authors=tuple(author["name"] for author in entry.get("authors", ()) if author),
        tags=tuple(tag.term for tag in entry.get("tags", ())),
        enclosures=tuple((link.href, link.type) for link in entry.get("links", ()) if link.rel == "enclosure"),
    )


def _json(content: bytes) -> list[Read]:
    return [
        Read(
            id=item["id"],
            title=item.get("title", ""),
            link=item.get("url", ""),
            html=item.get("content_html") or item.get("content_text", ""),
            summary=item.get("summary", ""),
            published=datetime.fromisoformat(item["date_published"]).astimezone(UTC),
            updated=datetime.fromisoformat(item["date_modified"]).astimezone(UTC),
            authors=tuple(author["name"] for author in item.get("authors", ())),
            tags=tuple(item.get("tags", ())),
            enclosures=tuple(_enclosures(item)),
        )
        for item in json_feed.parsed(content)["items"]
    ]


def _enclosures(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    attached = [(one["url"], one["mime_type"]) for one in item.get("attachments", ())]
    yield from attached
    if (picture := item.get("image")) and picture not in dict(attached):
        yield picture, ""
