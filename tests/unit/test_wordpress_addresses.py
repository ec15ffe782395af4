"""WordPress's addresses of feeds lead to the files of ours."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.feeds.addresses import file_name
from feedpub.feeds.catalog import FeedsOptions, Taxonomy, catalog, slugs
from feedpub.model import Category, Site
from feedpub.terms import of_author, of_tag
from feedpub.web.addresses import wordpress

SLUGS = {"category/米国関連": "category/us", "tag/air-force": "tag/air-force-0a1b2c3d"}


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/feed/", "all.rss"),
        ("/feed/rss2/", "all.rss"),
        ("/feed/rss/", "all.rss"),
        ("/feed/rdf/", "all.rss"),
        ("/feed/atom/", "all.atom"),
        ("/comments/feed/", "comments.rss"),
        ("/comments/feed/atom/", "comments.atom"),
        ("/category/us/feed/", "category/us.rss"),
        ("/category/US/feed/", "category/us.rss"),
        ("/category/japan/bases/feed/", "category/bases.rss"),
        ("/category/japan/bases/feed/atom/", "category/bases.atom"),
        ("/category/feed/feed/", "category/feed.rss"),
        ("/category/%e7%b1%b3%e5%9b%bd%e9%96%a2%e9%80%a3/feed/", "category/us.rss"),
        ("/category/%E7%B1%B3%E5%9B%BD%E9%96%A2%E9%80%A3/feed/atom/", "category/us.atom"),
        ("/category/us/%e7%b1%b3%e5%9b%bd/feed/", f"category/{file_name('米国')}.rss"),
        ("/tag/f-35/feed/", "tag/f-35.rss"),
        ("/tag/air-force/feed/", "tag/air-force-0a1b2c3d.rss"),
        ("/author/kamome/feed/", "author/kamome.rss"),
        ("/author/kamome/feed/rss2/", "author/kamome.rss"),
    ],
)
def test_each_of_wordpress_feeds_is_one_of_ours_with_and_without_its_last_slash(path: str, file: str) -> None:
    assert wordpress(unquote(path), "", SLUGS) == file
    assert wordpress(unquote(path).removesuffix("/"), "", SLUGS) == file
    assert wordpress(unquote(path), "utm_source=x", SLUGS) == file


@pytest.mark.parametrize(
    ("query", "file"),
    [
        ("feed=rss2", "all.rss"),
        ("feed=atom", "all.atom"),
        ("feed=feed", "all.rss"),
        ("feed=comments-rss2", "comments.rss"),
        ("feed=comments-atom", "comments.atom"),
        ("utm_source=x&feed=rss2", "all.rss"),
        ("feed=rss2&cat=3", None),
        ("feed=rss2&s=f-35", None),
        ("feed=rss2&p=17", None),
        ("feed=xml", None),
        ("feed=", None),
        ("feeds=rss2", None),
        ("", None),
        ("&" * 5000 + "feed=rss2", None),
    ],
)
def test_a_feed_asked_for_by_query_is_that_of_the_whole_site_or_none(query: str, file: str | None) -> None:
    assert wordpress("/", query, {}) == file
    assert wordpress("/index.php", query, {}) == file
    assert wordpress("/feeds/", query, {}) is None


@pytest.mark.parametrize(
    "path",
    ["/2026/06/slug/feed/", "/slug/feed/", "/search/f-35/feed/", "/feed/json/", "/feeds/", "/feed/x", "/category/feed/",
     "/tag/a/b/feed/", "/category//feed/", "//feed/", "/wp/feed/", "/feed//", "/FEED/", "/author/feed"],
)  # fmt: skip
def test_what_has_no_counterpart_is_left_alone(path: str) -> None:
    assert wordpress(path, "", {}) is None


@given(st.text(max_size=30).map(lambda slug: slug.replace("/", "")))
def test_no_slug_leads_out_of_its_folder(slug: str) -> None:
    for kind in ("category", "tag", "author"):
        file = wordpress(f"/{kind}/{slug}/feed/", "", {})
        assert file is None or (file.count("/") == 1 and file.isascii() and ".." not in file)


def test_the_catalog_tells_where_wordpress_would_look_for_a_feed_elsewhere() -> None:
    known = (
        Category("blog", "1", "米国関連", "%e7%b1%b3%e5%9b%bd%e9%96%a2%e9%80%a3"),
        Category("blog", "2", "基地", "%e5%9f%ba%e5%9c%b0", parent="1"),
        Category("blog", "3", "海軍", "navy"),
    )
    named = {"base_url": "https://example.com/feeds/", "categories": {"us": {"name": "米国関連"}}}
    options = FeedsOptions.model_validate({**named, "tags": True, "authors": True})
    taxonomy = Taxonomy(
        known,
        tags=((of_tag("Air Force"), "Air Force"), (of_tag("F-35"), "F-35"), (of_tag("戦闘機"), "戦闘機")),
        authors=((of_author("山田"), "山田"),),
    )
    specs = catalog(options, Site(title="航空ニュース", url="https://example.com/", language="ja"), taxonomy)
    assert slugs(specs, known) == {
        "category/米国関連": "category/us",
        "category/基地": f"category/{file_name('基地')}",
        "tag/air-force": f"tag/{file_name('air force')}",
        "tag/戦闘機": f"tag/{file_name('戦闘機')}",
        "author/山田": f"author/{file_name('山田')}",
    }
    assert slugs(specs, reversed(known)) == slugs(specs, known)
