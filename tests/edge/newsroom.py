"""Desks over real databases, and their feeds as a reader follows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from feedpub.feeds.gate import parse_file
from feedpub.feeds.moves import ENDINGS
from feedpub.model import Category, RawArticle
from tests.edge.test_publisher import Desk
from tests.golden.rules import ATOM, assert_site

US, NAVY = Category("blog", "1", "米国関連", "us"), Category("blog", "2", "海軍", "navy", parent="1")
BASE = "https://news.test/feeds/"
HISTORY = "{http://purl.org/syndication/history/1.0}"
DELETED = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"
THREAD = "{http://purl.org/syndication/thread/1.0}"

Make = Callable[..., Desk]


@pytest.fixture
def make(database_url: str, tmp_path: Path) -> Iterator[Make]:
    """Desks whose every file is valid at the end, as the strictest validator sees it."""
    made: list[Desk] = []

    def desk(**feeds: Any) -> Desk:
        one = Desk(database_url, tmp_path, **{"targets": {}, **feeds})
        one.store.categories = (US, NAVY)
        one.publisher.apply(one.setup())
        made.append(one)
        return one

    yield desk
    for one in made:
        written = files(one)
        for path, content in written.items():
            if (ending := path.rpartition(".")[2]) in ENDINGS:
                parse_file(ending, content)
        assert_site(written, BASE)
        one.ledger.close()


def files(desk: Desk) -> dict[str, bytes]:
    root = desk.folder / desk.output
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    return {path: file.read_bytes() for path, file in found.items() if not path.endswith((".gz", ".br"))}


def write(desk: Desk, count: int, **fields: Any) -> None:
    """So many articles, one a minute, each published at once."""
    first = sum(isinstance(row, RawArticle) for row in desk.store.log) + 1
    for number in range(first, first + count):
        desk.now += timedelta(minutes=1)
        desk.article(str(number), content=f"<p>本文{number}</p>", **fields)
    settle(desk)


def settle(desk: Desk) -> None:
    desk.round(minutes=1)
    while desk.publisher.archive().parts:
        pass


def entries(content: bytes) -> list[str]:
    """The numbers of the articles in an Atom file."""
    found = etree.fromstring(content).findall(f"{ATOM}entry/{ATOM}id")
    return [re.split("[:/]", entry.text or "")[-1] for entry in found]


def link(content: bytes, rel: str) -> str | None:
    found = [one.get("href") for one in etree.fromstring(content).findall(f"{ATOM}link") if one.get("rel") == rel]
    assert len(found) <= 1
    return found[0].removeprefix(BASE) if found and found[0] else None


def chain(desk: Desk, path: str = "all.atom") -> dict[str, list[str]]:
    """Follow `prev-archive` as a reader does: what stands in each document."""
    made, found = files(desk), {}
    at: str | None = path
    while at:
        found[at] = entries(made[at])
        at = link(made[at], "prev-archive")
    return found
