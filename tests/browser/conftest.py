"""One browser for all tests of a worker, and the pages it is shown: feedpub's own files from feedpub's own server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from feedpub.feeds.addresses import stylesheet_pi
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, Taxonomy, catalog
from feedpub.feeds.pages import Headline, brief_page, index_page, stylesheet
from feedpub.model import Article, Category, FeedFile, Site
from feedpub.web import Server, public_app
from tests.browser.chromium import Chromium
from tests.golden.samples import article, files

LONG = "とても長い見出し" * 12 + " https://example.com/" + "a-very-long-word" * 8
BODY = "<p>本文の<b>全体</b>です。</p>"


class Shown(NamedTuple):
    """Where a site's pages are served, and what they were made of."""

    url: str
    brief: str
    language: str


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="session", params=["ja", "en"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A site in each language, served as subscribers see it."""
    root: Path = tmp_path_factory.mktemp("public")
    site = Site(
        title="航空ニュース" if request.param == "ja" else "Aviation News",
        url="https://example.com/",
        language=request.param,
        timezone="Asia/Tokyo",
        description="航空と防衛の記事" if request.param == "ja" else "News of aviation and defence",
        license="https://example.com/license",
    )
    articles = (
        article(1, content=BODY, authors=("山田",), categories=("1",)),
        article(2, content=BODY, title=LONG),
        article(3, content=BODY, title="", summary="見出しのない短信です。"),
    )
    brief = replace(articles[2], content="<p>短信の<a href='https://example.com/x'>本文</a>です。</p>")
    page = brief_page(brief, site, OPTIONS)
    for file in (page, stylesheet(), *_listing(site, articles), *_feeds(site, articles)):
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(file.content)
    server = Server.start(public_app(root), "127.0.0.1:0")
    yield Shown(f"http://127.0.0.1:{server.port}/", page.path, site.language)
    server.stop()


OPTIONS = FeedsOptions(base_url="https://example.com/feeds/", formats=("rss", "atom"))
CATEGORIES = [
    Category("blog", "1", "米国関連", "us"),
    Category("blog", "2", "カナダ空軍", "rcaf", "1"),
    *(Category("blog", str(n), f"Category {n}", f"c{n}") for n in range(10, 24)),
]


def _listing(site: Site, articles: Iterable[Article]) -> Iterable[FeedFile]:
    headlines = [Headline(one.title or one.summary, one.url, one.published - timedelta(days=1)) for one in articles]
    yield index_page([(spec, headlines) for spec in catalog(OPTIONS, site, Taxonomy(tuple(CATEGORIES)))], site, OPTIONS)


def _feeds(site: Site, articles: tuple[Article, ...]) -> Iterable[FeedFile]:
    for address in ("all", "category/us"):
        spec = FeedSpec(address, "all", site.title, label=site.title)
        for ending, content in files(articles, spec=spec, site=site, options=OPTIONS).items():
            yield FeedFile(f"{address}.{ending}", _styled(content, address))


def _styled(content: bytes, address: str) -> bytes:
    """Name the stylesheet, unless the feed does already."""
    first, _, rest = content.partition(b"\n")
    return content if b"<?xml-stylesheet" in content else b"\n".join([first, stylesheet_pi(address), rest])
