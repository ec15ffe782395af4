"""A reader of a few lines that wants everything: it follows an archive backwards, as RFC 5005 §4.2 tells readers to.

It knows no feedpub: what it gets is what any such reader would get.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple
from urllib.request import urlopen

import feedparser


class Document(NamedTuple):
    """One document of a feed: where it was, the ids in it, and where it says that the older ones are."""

    address: str
    ids: list[str]
    before: str
    sealed: bool
    """It says of itself that it is a part of an archive, and so will not change with every new article."""


def follow(address: str) -> Iterator[Document]:
    """Read a feed, and then all that came before."""
    seen: set[str] = set()
    while address and address not in seen:
        seen.add(address)
        with urlopen(address, timeout=10) as answer:
            content: bytes = answer.read()
        document = _json(address, content) if address.endswith(".json") else _xml(address, content)
        yield document
        address = document.before


def _json(address: str, content: bytes) -> Document:
    feed = json.loads(content)
    return Document(address, [item["id"] for item in feed["items"]], feed.get("next_url", ""), sealed=False)


def _xml(address: str, content: bytes) -> Document:
    read = feedparser.parse(content)
    assert not read.bozo, read.bozo_exception
    before = [link.href for link in read.feed.links if link.rel == "prev-archive"]
    assert len(before) <= 1
    return Document(address, [entry.id for entry in read.entries], "".join(before), "fh_archive" in read.feed)
