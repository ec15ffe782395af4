from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.feeds.catalog import FeedsOptions, FeedSpec, catalog, digest, unmatched
from feedpub.model import Category, Site

SITE = Site(title="航空ニュース", url="https://example.com/", language="ja")
OPTIONS = FeedsOptions(base_url="https://example.com/feeds/")
US = Category("blog", "1", "米国関連", "%e7%b1%b3%e5%9b%bd%e9%96%a2%e9%80%a3")
NAVY = Category("blog", "2", "海軍", "navy", parent="1")

slugs = st.one_of(
    st.sampled_from(["f-35", "F-35", "f35", "con", "..", "/etc/passwd", "", "が", "か\u3099", "%e3%81%8c", "a" * 255]),
    st.text(max_size=12),
)
categories = st.lists(
    st.builds(Category, st.sampled_from(["s", "t"]), st.text(max_size=3), st.text(max_size=6), slugs),
    unique_by=lambda c: (c.store, c.key),
    max_size=10,
)


def addresses(*known: Category, options: FeedsOptions = OPTIONS) -> dict[str, FeedSpec]:
    return {spec.address: spec for spec in catalog(options, SITE, known)}


def options_with(**categories_: dict[str, str]) -> FeedsOptions:
    return FeedsOptions.model_validate({"base_url": "https://example.com/feeds/", "categories": categories_})


def test_there_is_always_a_feed_of_all_and_one_of_briefs() -> None:
    whole, briefs = catalog(OPTIONS, SITE, [])
    assert (whole.address, whole.kind, whole.title) == ("all", "all", "航空ニュース")
    assert (briefs.address, briefs.kind, briefs.title) == ("briefs", "briefs", "短信 – 航空ニュース")


def test_a_site_in_another_language_is_spoken_to_in_english() -> None:
    assert catalog(OPTIONS, SITE.model_copy(update={"language": "fr"}), [])[1].title == "Briefs – 航空ニュース"


def test_a_category_has_its_slug_for_address_and_carries_its_children() -> None:
    parent = Category("blog", "1", "米国関連", "us")
    known = addresses(parent, NAVY)
    assert known["category/us"].sources == {("blog", "1"), ("blog", "2")}
    assert known["category/navy"].sources == {("blog", "2")}
    assert known["category/us"].title == "米国関連 – 航空ニュース"


def test_namesakes_are_told_apart_by_their_parents() -> None:
    aside = Category("blog", "3", "海軍", "navy-aside")
    known = addresses(Category("blog", "1", "米国関連", "us"), NAVY, aside)
    assert known["category/navy"].label == "米国関連 › 海軍"
    assert known["category/navy"].title == "米国関連 › 海軍 – 航空ニュース"
    assert known["category/navy-aside"].label == "海軍"


def test_a_japanese_slug_gets_the_same_safe_address_however_it_is_encoded() -> None:
    raw = Category("blog", "1", "米国関連", "米国関連")
    assert set(addresses(US)) == set(addresses(raw)) == {"all", "briefs", "category/c-46f764f2"}


def test_a_mixed_slug_keeps_its_ascii_words() -> None:
    assert any(
        re.fullmatch(r"category/f-35-[0-9a-f]{8}", name) for name in addresses(Category("s", "1", "x", "F-35戦闘機"))
    )


@pytest.mark.parametrize(
    "slug", ["con", "LPT1", "..", "../../etc/passwd", ".hidden", "a/b", "a" * 65, "字" * 85, "a\0b", " "]
)
def test_no_slug_becomes_an_unsafe_file_name(slug: str) -> None:
    (name,) = set(addresses(Category("s", "1", "名", slug))) - {"all", "briefs"}
    assert re.fullmatch(r"category/[a-z0-9][a-z0-9-]{0,63}", name)
    assert name.removeprefix("category/") not in {"con", "lpt1"}


def test_one_category_in_two_stores_is_one_feed() -> None:
    known = addresses(US, Category("archive", "77", "米国関連", "米国関連"))
    assert known["category/c-46f764f2"].sources == {("blog", "1"), ("archive", "77")}


def test_two_names_for_one_slug_are_two_feeds_and_the_first_store_keeps_the_address() -> None:
    known = addresses(Category("b", "1", "米国", "us"), Category("a", "1", "United States", "us"))
    assert known["category/us"].label == "United States"
    assert len(known) == 4


def test_the_slug_that_is_the_address_letter_for_letter_comes_first() -> None:
    known = addresses(Category("a", "1", "大文字", "F-35"), Category("b", "1", "小文字", "f-35"))
    assert known["category/f-35"].label == "小文字"


def test_a_configured_category_stands_at_its_key() -> None:
    options = options_with(us={"name": "米国関連", "title": "アメリカ"})
    known = addresses(US, NAVY, options=options)
    assert known["category/us"].title == "アメリカ"
    assert known["category/us"].sources == {("blog", "1"), ("blog", "2")}
    assert set(known) == {"all", "briefs", "category/us", "category/navy"}


def test_a_configured_key_is_not_given_to_another_category() -> None:
    options = options_with(navy={"name": "米国関連"})
    known = addresses(US, NAVY, options=options)
    assert known["category/navy"].label == "米国関連"
    assert sum(name.startswith("category/navy-") for name in known) == 1


def test_a_configured_category_that_no_store_has_is_told_and_has_no_feed() -> None:
    options = options_with(us={"name": "米国関連"}, uk={"name": "英国関連"})
    assert unmatched(options, [US]) == ("uk",)
    assert "category/uk" not in addresses(US, options=options)


@pytest.mark.parametrize("key", ["US", "a b", "../x", "", "米国", "con", "a" * 65])
def test_a_key_that_is_no_file_name_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="the key becomes a file name"):
        options_with(**{key: {"name": "米国関連"}})


@pytest.mark.parametrize("wrong", [{"base_url": "example.com"}, {"formats": []}, {"entries": 0}, {"enrties": 5}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeedsOptions.model_validate({"base_url": "https://example.com/", **wrong})


def test_the_public_address_ends_with_a_slash_and_is_ascii() -> None:
    assert FeedsOptions(base_url="https://例え.jp/フィード").base_url == (
        "https://xn--r8jz45g.jp/%E3%83%95%E3%82%A3%E3%83%BC%E3%83%89/"
    )


@given(categories, st.randoms(use_true_random=False))
def test_addresses_are_safe_distinct_and_the_same_in_any_order(known: list[Category], chance: Any) -> None:
    shuffled = known.copy()
    chance.shuffle(shuffled)
    specs = catalog(OPTIONS, SITE, known)
    assert catalog(OPTIONS, SITE, shuffled) == specs
    names = [spec.address for spec in specs]
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(names)
    assert all(re.fullmatch(r"all|briefs|category/[a-z0-9][a-z0-9-]{0,63}", name) for name in names)
    carried = {source for spec in specs for source in spec.sources}
    assert carried == {(category.store, category.key) for category in known}
    assert all(spec.title.strip() for spec in specs)


def test_the_digest_moves_with_what_the_bytes_depend_on_and_with_nothing_else() -> None:
    (spec, *_) = catalog(OPTIONS, SITE, [US])
    now = digest(spec, SITE, OPTIONS)
    assert now == digest(spec, SITE, OPTIONS)
    assert re.fullmatch("[0-9a-f]{64}", now)
    elsewhere = FeedsOptions(base_url="https://example.com/feeds/", output="elsewhere")
    assert now == digest(spec, SITE.model_copy(update={"timezone": "Asia/Tokyo"}), elsewhere)
    others = [
        digest(spec, SITE.model_copy(update={"title": "別"}), OPTIONS),
        digest(spec, SITE.model_copy(update={"license": "https://example.com/l"}), OPTIONS),
        digest(spec, SITE.model_copy(update={"authority": "example.net"}), OPTIONS),
        digest(spec, SITE, OPTIONS.model_copy(update={"content": "summary"})),
        digest(spec, SITE, OPTIONS.model_copy(update={"entries": 7})),
        digest(spec, SITE, OPTIONS.model_copy(update={"formats": ("atom",)})),
        digest(FeedSpec("all", "all", "別の題"), SITE, OPTIONS),
    ]
    assert len({now, *others}) == len(others) + 1
