"""A small site on loopback, in every format, and what its readers should see of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from feedpub import clean
from feedpub.feeds.catalog import FeedSpec
from feedpub.model import Article, Image, Link, RawArticle
from feedpub.web import Server, public_app
from tests.golden.samples import OPTIONS, SITE, WHOLE, files

ASKED = bool(os.environ.get("FEEDPUB_TEST_READERS"))
NODE = os.environ.get("FEEDPUB_READERS_NODE", "")
"""The folder in which npm has installed the readers that are written for Node."""

MARKS = [
    pytest.mark.readers,
    pytest.mark.skipif(not ASKED, reason="needs real readers: run `make test-readers`"),
]
LIVING = tuple(files([]))
"""The formats that feedpub writes."""
XML = [ending for ending in LIVING if ending != "json"]
US = FeedSpec("category/us", "category", "米国関連 – 航空ニュース")

ROWS = (
    RawArticle(
        id="1",
        guid="https://example.com/?p=1",
        url="https://example.com/記事/飛行 機/?a=1&b=2",
        title="A & B <試験> ]]> 「F-35B」の配備",
        summary="要約 & <要点> ]]>",
        content="<p>本文 &amp; <b>太字</b> ]]> &lt;試験&gt;</p><pre>一\n二</pre>",
        published="2026-04-28T00:30:00Z",
        updated="2026-04-29T01:02:03Z",
        categories=("1", "2"),
        tags=("戦闘機",),
        authors=("山田 太郎",),
        images=(Image("https://example.com/a.jpg", "離陸する機体", "防衛省", "https://example.com/licence"),),
        links=(Link("via", "https://example.net/s?a=1&b=2", "出典"),),
    ),
    RawArticle(
        id="2",
        url="https://example.com/2/",
        title="\U0001f680 \U0001f469\u200d\U0001f680 か\u3099 \U00020bb7野家 \u2764\ufe0f",
        content="<p>絵文字 \U0001f680</p>",
        published="2026-04-27T00:30:00Z",
        categories=("2",),
        images=(Image("https://example.com/b.webp"), Image("https://example.com/c.png", credit="U.S. Navy")),
    ),
    RawArticle(
        id="3",
        guid="https://example.com/?p=3",
        url="https://example.com/3/",
        title="R&#38;D &amp; 100% の話",
        title_is_html=True,
        content="<p>" + "長い本文です。" * 2000 + "</p>",
        published="2026-04-26T00:30:00Z",
        categories=("1",),
        language="en",
    ),
    RawArticle(
        id="4",
        url="https://example.com/4/",
        content="<p>短信です。</p>",
        published="2026-04-25T00:30:00Z",
        categories=("1",),
    ),
    RawArticle(id="5", content="<p>行き先のない短信です。</p>", published="2026-04-24T00:30:00Z"),
)


class Seen(NamedTuple):
    """One entry as a reader shows it; `at` is when it was published, or updated: readers choose."""

    id: str
    title: str
    link: str
    at: datetime


def articles(rows: Iterable[RawArticle] = ROWS) -> list[Article]:
    """The articles of the rows, as feedpub cleans them."""
    results = [clean.article(row, store="blog", site=SITE) for row in rows]
    assert all(isinstance(result, clean.Cleaned) for result in results), results
    return [result.article for result in results if isinstance(result, clean.Cleaned)]


class Place:
    """The site: `publish` writes its feeds, `address` is where one of them is fetched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "public"
        self._server = Server.start(public_app(self._folder, "http://127.0.0.1/feeds/"), "127.0.0.1:0")
        self.base = f"http://127.0.0.1:{self._server.port}/feeds/"

    def close(self) -> None:
        """Serve no more."""
        self._server.stop()

    def publish(self, shown: Sequence[Article], spec: FeedSpec = WHOLE) -> None:
        """Write the feed in every format."""
        for ending, content in files(
            shown, spec=spec, options=OPTIONS.model_copy(update={"base_url": self.base})
        ).items():
            file = self._folder / f"{spec.address}.{ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_name("fresh").write_bytes(content)
            file.with_name("fresh").replace(file)

    def file(self, ending: str) -> Path:
        """The file of the feed of everything."""
        return self._folder / f"all.{ending}"

    def address(self, ending: str, spec: FeedSpec = WHOLE) -> str:
        """Where a feed is fetched."""
        return f"{self.base}{spec.address}.{ending}"


def run(*command: str | Path, given: bytes = b"", **environment: str) -> bytes:
    """Run a reader to its end, and give back what it printed; it has no home but the one in `environment`."""
    program = shutil.which(str(command[0]))
    assert program, f"{command[0]} is not installed: run `make test-readers`"
    done = subprocess.run(
        [program, *command[1:]],
        input=given,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "dumb", **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, (done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout


def assert_seen(seen: Sequence[Seen], expected: Sequence[Article]) -> None:
    """Every article once, by its id, with its title, link and date; what to call a brief is left to the reader."""
    assert sorted(one.id for one in seen) == sorted(one.guid for one in expected)
    meant = {one.guid: one for one in expected}
    for one in seen:
        article = meant[one.id]
        assert not article.title or one.title == article.title
        assert not article.url or one.link == article.url
        assert one.at in {article.published, article.updated}
