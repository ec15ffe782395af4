"""What the golden tests are about: a site, its categories, and articles, plain and arbitrary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from feedpub.categories import ref
from feedpub.feeds.catalog import FeedsOptions, FeedSpec
from feedpub.feeds.entries import Entry, Fragment, Look
from feedpub.feeds.render import document, render_entries
from feedpub.feeds.rss_atom import Around, newest
from feedpub.model import Article, Category, FeedFile, Image, Link, Site

SITE = Site(title="航空ニュース", url="https://example.com/", language="ja", description="航空と防衛の記事")
OPTIONS = FeedsOptions(base_url="https://example.com/feeds/")
WHOLE = FeedSpec("all", "all", "航空ニュース", label="すべての記事")
CATEGORIES = (Category("blog", "1", "米国関連", "%e7%b1%b3"), Category("blog", "2", "R&D <試験>", "rd", parent="1"))
NAMES = {ref(category): category for category in CATEGORIES}


def article(number: int = 1, **facts: Any) -> Article:
    """An article as clean.py would leave it; `facts` replace what the test is about."""
    plain: dict[str, Any] = {
        "store": "blog",
        "id": str(number),
        "guid": f"https://example.com/?p={number}",
        "url": f"https://example.com/articles/{number}/",
        "title": f"第{number}号の記事",
        "summary": "要約です。",
        "content": "<p>本文です。</p>",
        "published": datetime(2026, 4, 28, 0, 30, tzinfo=UTC),
        "updated": datetime(2026, 4, 29, 1, 2, 3, tzinfo=UTC),
    }
    return Article(**{**plain, **facts})


def files(
    articles: Sequence[Article],
    *,
    spec: FeedSpec = WHOLE,
    site: Site = SITE,
    options: FeedsOptions = OPTIONS,
) -> dict[str, bytes]:
    """The files of a feed by their endings."""
    made = rendered([Entry(one) for one in articles], Look(site, options, NAMES), spec)
    return {file.path.removeprefix(f"{spec.address}."): file.content for file in made}


def rendered(
    entries: Sequence[Entry], look: Look, spec: FeedSpec = WHOLE, around: Around | None = None
) -> tuple[FeedFile, ...]:
    """A feed of entries, all of which must be fit to go out; or, with what stands around it, a part of its archive."""
    fragments = render_entries(entries, look)
    fit = [one for one in fragments if isinstance(one, Fragment)]
    assert fragments == fit
    dated = replace(around or Around(spec.address), updated=newest(entry.article.updated for entry in entries))
    return document(spec, look, dated, fit, [entry.article.guid for entry in entries])


# ---------------------------------------------------------------- any clean article

_characters = st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\ufffe", "\uffff"])
_pieces = st.sampled_from(["\n", "\t", "]]>", "<![CDATA[", "&amp;", "<b>", "\U0001f469\u200d\U0001f680", "か\u3099"])
text = st.lists(_characters | _pieces, max_size=8).map("".join)  # what XML can hold; CR is LF by then
urls = st.from_regex(r"https://[a-z]{1,8}\.example/([a-z0-9.]|%E3%81%82|[?&=]){0,12}", fullmatch=True)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds it
images = st.builds(Image, urls, text, text, text | urls)
links = st.builds(Link, st.sampled_from(["via", "related"]), urls, text)
articles = st.builds(
    Article,
    store=st.just("blog"),
    id=text,
    guid=text.filter(str.strip),
    url=urls | st.just(""),
    title=text,
    summary=text,
    content=text,
    published=moments,
    updated=moments,
    categories=st.lists(st.sampled_from(["1", "2", "gone"]), max_size=3).map(tuple),
    tags=st.lists(text, max_size=2).map(tuple),
    authors=st.lists(text.filter(str.strip), max_size=2).map(tuple),
    images=st.lists(images, max_size=2).map(tuple),
    links=st.lists(links, max_size=2).map(tuple),
    language=st.sampled_from(["", "ja", "en", "日本語"]),
)
