"""Addresses as Hugo, Jekyll and Eleventy make them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub import clean
from feedpub.stores import MarkdownOptions
from feedpub.stores.markdown.permalinks import STYLES, Page, Undated, address, known, unknown, urlized

HUGO = Page(("posts", "air"), "bash-in-slow-motion", "2026-04-08T09:05:06+09:00", "Bash in: Slow Motion!")
JEKYLL = Page((), "2009-04-29-slap-chop", "2009-04-29", "Slap Chop", categories=("Food", "TV Shows"))
SITE = "https://example.com/blog/"


@pytest.mark.parametrize(
    ("pattern", "page", "path"),
    [
        ("/:sections/:slugorfilename/", HUGO, "posts/air/bash-in-slow-motion/"),
        ("/articles/:year/:month/:slug/", HUGO, "articles/2026/04/bash-in-slow-motion/"),
        ("/:section/:title", HUGO, "posts/bash-in-slow-motion"),
        ("/:year/:month/:day/:hour:minute:second/", HUGO, "2026/04/08/090506/"),
        ("/:short_year/:i_month/:i_day/:y_day/:yearday/", HUGO, "26/4/8/098/98/"),
        ("/:filename.html", HUGO, "bash-in-slow-motion.html"),
        ("date", JEKYLL, "food/tv shows/2009/04/29/slap-chop.html"),
        ("pretty", JEKYLL, "food/tv shows/2009/04/29/slap-chop/"),
        ("ordinal", JEKYLL, "food/tv shows/2009/119/slap-chop.html"),
        ("none", JEKYLL, "food/tv shows/slap-chop.html"),
        ("/:slugified_categories/:name/", JEKYLL, "food/tv-shows/2009-04-29-slap-chop/"),
        ("/:month-:day-:year/:title.html", JEKYLL, "04-29-2009/slap-chop.html"),
        ("/:fileslug/", JEKYLL, "slap-chop/"),
        ("/:sections/:fileslug/index.html", HUGO, "posts/air/bash-in-slow-motion/"),
        ("date", Page((), "a", "2026-04-28"), "2026/04/28/a.html"),
        ("/:title/", Page((), "a", "2026-04-28", slug="s"), "s/"),
        ("/:title/", Page((), "a", "2026-04-28", "100%? #1"), "100-1/"),
        ("/:filename/", Page((), "a?b#c%d", "2026-04-28"), "a%3Fb%23c%25d/"),
        ("/:filename/", Page((), "a:b", "2026-04-28"), "./a:b/"),
        ("/:filename/", Page((), "米国関連", "2026-04-28"), "米国関連/"),
    ],
)
def test_a_pattern_is_filled(pattern: str, page: Page, path: str) -> None:
    assert address("", pattern, page, "") == path
    assert clean.url(address("", pattern, page, ""), SITE) == clean.url(address("", pattern, page, SITE), "")
    assert clean.url(path, SITE).startswith(SITE)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("/about/", "about/"),
        ("about.html", "about.html"),
        ("/:year/x/:title.html", "2009/x/slap-chop.html"),
        ("/a/index.html", "a/"),
        ("/", "./"),
        ("pretty", "food/tv shows/2009/04/29/slap-chop/"),
        ("https://other.example/a", "https://other.example/a"),
    ],
)
def test_what_the_front_matter_says_comes_first(said: str, path: str) -> None:
    assert address(said, "/:filename/", JEKYLL, "") == path


def test_a_pattern_with_a_date_needs_one() -> None:
    with pytest.raises(Undated):
        address("", "/:year/:title/", Page((), "a", "Tue, 28 Apr 2026 09:05:06 +0900"), "")
    with pytest.raises(Undated):
        address("", "/:year/:title/", Page((), "a", "2026-02-30"), "")
    assert address("", "/:title/", Page((), "a", "2026-02-30"), "") == "a/"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Hello, World!", "hello-world"),
        ("Go 1.22 is here", "go-1.22-is-here"),
        ("F-35の最新状況（追記）", "f-35の最新状況追記"),
        ("  a -- b  ", "a-b"),
        ("C++ & C#", "c++-c"),
        ("！？", ""),
    ],
)
def test_a_title_becomes_a_piece_of_an_address(title: str, slug: str) -> None:
    assert urlized(title) == slug


def test_a_pattern_with_a_strange_word_is_refused() -> None:
    assert unknown("/:year/:nmae/:titel/") == ("nmae", "titel")
    assert not any(unknown(style) for style in STYLES)
    with pytest.raises(ValueError, match='":nmae" means nothing here; write one of date, pretty'):
        MarkdownOptions(path="content", permalink="/:nmae/")


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(known()))
def test_whatever_a_file_is_called_its_address_stays_below_the_site(stem: str, title: str, word: str) -> None:
    page = Page(("a",), stem.replace("/", "") or "x", "2026-04-28", title.replace("/", ""))
    made = clean.url(address("", f"/in/{word}/", page, ""), SITE)
    assert made.startswith("https://example.com/")
