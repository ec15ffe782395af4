"""One browser for all tests of a worker, and the pages it is shown: feedpub's own files from feedpub's own server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from feedpub.feeds.catalog import FeedsOptions, FeedSpec, OwnOptions, Taxonomy, catalog
from feedpub.feeds.entries import Entry, Look
from feedpub.feeds.pages import Headline, brief_page, index_page, stylesheet
from feedpub.feeds.rss_atom import Around
from feedpub.model import Article, Category, FeedFile, Site
from feedpub.terms import of_author, of_tag
from feedpub.web import Server, public_app
from tests.browser.chromium import Chromium
from tests.golden.samples import article, rendered

PART = "archive/category/us/1"
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


OPTIONS = FeedsOptions(
    base_url="https://example.com/feeds/",
    formats=("rss", "atom"),
    tags=True,
    authors=True,
    own={"air": OwnOptions(title="空の基地", tags=("F-35",))},
)
CATEGORIES = [
    Category("blog", "1", "米国関連", "us"),
    Category("blog", "2", "カナダ空軍", "rcaf", "1"),
    *(Category("blog", str(n), f"Category {n}", f"c{n}") for n in range(10, 24)),
]

TAGS = ((of_tag("F-35"), "F-35"), (of_tag("解説"), "解説"))
AUTHORS = ((of_author("山田 太郎"), "山田 太郎"),)


def _listing(site: Site, articles: Iterable[Article]) -> Iterable[FeedFile]:
    taxonomy = Taxonomy(tuple(CATEGORIES), TAGS, AUTHORS, comments=True)
    headlines = [Headline(one.title or one.summary, one.url, one.published - timedelta(days=1)) for one in articles]
    yield index_page([(spec, headlines) for spec in catalog(OPTIONS, site, taxonomy)], site, OPTIONS)


def _feeds(site: Site, articles: Sequence[Article]) -> Iterable[FeedFile]:
    """Two feeds, and a part of an archive."""
    look, entries = Look(site, OPTIONS), [Entry(one) for one in articles]
    whole, us = (FeedSpec(address, "category", site.title, label=site.title) for address in ("all", "category/us"))
    yield from rendered(entries, look, whole)
    yield from rendered(entries, look, us)
    yield from rendered(entries, look, us, Around(PART, current=us.address, next="archive/category/us/2", archive=True))
