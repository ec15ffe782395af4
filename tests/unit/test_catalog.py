from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.feeds.catalog import FeedsOptions, FeedSpec, Named, Taxonomy, catalog, digest, moved, unmatched
from feedpub.feeds.entries import Look
from feedpub.model import Category, Site
from feedpub.terms import BRIEF, EVERY, of_category

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
    return {spec.address: spec for spec in catalog(options, SITE, Taxonomy(tuple(known)))}


def options_with(**categories_: dict[str, str]) -> FeedsOptions:
    return FeedsOptions.model_validate({"base_url": "https://example.com/feeds/", "categories": categories_})


def test_there_is_always_a_feed_of_all_and_one_of_briefs() -> None:
    whole, briefs = catalog(OPTIONS, SITE, Taxonomy())
    assert (whole.address, whole.kind, whole.title) == ("all", "all", "航空ニュース")
    assert (briefs.address, briefs.kind, briefs.title) == ("briefs", "briefs", "短信 – 航空ニュース")


def test_a_site_in_another_language_is_spoken_to_in_english() -> None:
    assert catalog(OPTIONS, SITE.model_copy(update={"language": "fr"}), Taxonomy())[1].title == "Briefs – 航空ニュース"


def test_a_category_has_its_slug_for_address_and_carries_its_children() -> None:
    parent = Category("blog", "1", "米国関連", "us")
    known = addresses(parent, NAVY)
    assert known["category/us"].sources == {"category:blog:1", "category:blog:2"}
    assert known["category/navy"].sources == {"category:blog:2"}
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
    assert known["category/c-46f764f2"].sources == {"category:blog:1", "category:archive:77"}


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
    assert known["category/us"].sources == {"category:blog:1", "category:blog:2"}
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
    with pytest.raises(ValidationError, match="becomes a file name"):
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
    specs = catalog(OPTIONS, SITE, Taxonomy(tuple(known)))
    assert catalog(OPTIONS, SITE, Taxonomy(tuple(shuffled))) == specs
    names = [spec.address for spec in specs]
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(names)
    assert all(re.fullmatch(r"all|briefs|category/[a-z0-9][a-z0-9-]{0,63}", name) for name in names)
    carried = {source for spec in specs for source in spec.sources}
    assert carried == {EVERY, BRIEF} | {of_category((category.store, category.key)) for category in known}
    assert all(spec.title.strip() for spec in specs)


def test_the_digest_moves_with_what_the_bytes_depend_on_and_with_nothing_else() -> None:
    (spec, *_) = catalog(OPTIONS, SITE, Taxonomy((US,)))

    def digested(site: Site = SITE, options: FeedsOptions = OPTIONS, spec: FeedSpec = spec, hub: str = "") -> str:
        return digest(spec, Look(site, options).digest, site, options, [hub] if hub else [])

    now = digested()
    assert now == digested()
    assert re.fullmatch("[0-9a-f]{64}", now)
    elsewhere = FeedsOptions(base_url="https://example.com/feeds/", output="elsewhere")
    assert now == digested(SITE.model_copy(update={"timezone": "Asia/Tokyo"}), elsewhere)
    others = [
        digested(SITE.model_copy(update={"title": "別"})),
        digested(SITE.model_copy(update={"license": "https://example.com/l"})),
        digested(SITE.model_copy(update={"authority": "example.net"})),
        digested(options=OPTIONS.model_copy(update={"content": "summary"})),
        digested(options=OPTIONS.model_copy(update={"entries": 7})),
        digested(options=OPTIONS.model_copy(update={"archive": 7})),
        digested(options=OPTIONS.model_copy(update={"footer": "<p>終</p>"})),
        digested(options=OPTIONS.model_copy(update={"formats": ("atom",)})),
        digested(spec=FeedSpec("all", "all", "別の題")),
        digested(hub="https://hub.example/"),
    ]
    assert len({now, *others}) == len(others) + 1


# ---------------------------------------------------------------- addresses that last


def named(specs: Sequence[FeedSpec], *, live: bool = True) -> tuple[Named, ...]:
    return tuple(Named(spec.address, spec.wish, spec.owner, live) for spec in specs if spec.owner)


def address_of(key: str, specs: Iterable[FeedSpec]) -> str:
    return next(spec.address for spec in specs if f"category:s:{key}" in spec.owner)


def test_an_address_once_given_stays_whoever_comes_or_goes() -> None:
    first, second = Category("s", "2", "甲", "F-35"), Category("s", "1", "乙", "f-35")
    before = catalog(OPTIONS, SITE, Taxonomy((first,)))
    assert address_of("2", before) == "category/f-35"
    both = catalog(OPTIONS, SITE, Taxonomy((first, second), named=named(before)))
    assert address_of("2", both) == "category/f-35"
    assert address_of("1", both) != "category/f-35"
    alone = catalog(OPTIONS, SITE, Taxonomy((second,), named=named(both)))
    assert address_of("1", alone) == address_of("1", both)


def test_a_renamed_category_moves_and_its_old_address_leads_there() -> None:
    before = catalog(OPTIONS, SITE, Taxonomy((Category("s", "1", "米国", "us"),)))
    after = catalog(OPTIONS, SITE, Taxonomy((Category("s", "1", "米国", "usa"),), named=named(before)))
    assert moved(OPTIONS, after, named(before, live=False)) == {"category/us": "category/usa"}
    newcomer = Category("s", "2", "合衆国", "us")
    both = catalog(OPTIONS, SITE, Taxonomy((Category("s", "1", "米国", "usa"), newcomer), named=named(before)))
    assert address_of("2", both) not in {"category/us", "category/usa"}
    back = catalog(OPTIONS, SITE, Taxonomy((Category("s", "1", "米国", "us"),), named=named(before) + named(after)))
    assert address_of("1", back) == "category/us"


def test_a_deleted_category_is_gone_for_good_unless_one_comes_in_its_place() -> None:
    before = named(catalog(OPTIONS, SITE, Taxonomy((Category("s", "1", "米国", "us"),))), live=False)
    assert moved(OPTIONS, catalog(OPTIONS, SITE, Taxonomy(named=before)), before) == {"category/us": None}
    again = catalog(OPTIONS, SITE, Taxonomy((Category("s", "9", "米国", "us"),), named=before))
    assert address_of("9", again) == "category/us"
    assert moved(OPTIONS, again, before) == {}


def test_categories_that_the_config_merges_lead_to_the_one_feed() -> None:
    known = (Category("s", "1", "米国", "us"), Category("t", "1", "米国", "usa"))
    before = named(catalog(OPTIONS, SITE, Taxonomy(known)), live=False)
    options = options_with(america={"name": "米国"})
    after = catalog(options, SITE, Taxonomy(known, named=before))
    assert moved(options, after, before) == {"category/us": "category/america", "category/usa": "category/america"}


def test_the_config_can_say_where_an_address_leads() -> None:
    options = FeedsOptions.model_validate(
        {"base_url": "https://example.com/", "categories": {"us": {"name": "米国関連", "formerly": ["beikoku"]}}}
    )
    assert moved(options, catalog(options, SITE, Taxonomy((US,))), ()) == {"category/beikoku": "category/us"}


# ---------------------------------------------------------------- tags, authors, rules, comments


def test_tags_authors_and_comments_have_feeds_where_they_are_wanted() -> None:
    taxonomy = Taxonomy(tags=(("tag:f-35", "F-35"),), authors=(("author:山田", "山田"),), comments=True)
    wanted = OPTIONS.model_copy(update={"tags": True, "authors": True})
    assert {spec.address for spec in catalog(OPTIONS, SITE, taxonomy)} == {"all", "briefs", "comments"}
    found = {spec.kind: spec for spec in catalog(wanted, SITE, taxonomy)}
    assert found["tag"].address == "tag/f-35"
    assert found["tag"].sources == {"tag:f-35"}
    assert re.fullmatch("author/c-[0-9a-f]{8}", found["author"].address)
    off = OPTIONS.model_copy(update={"comments": False})
    assert "comments" not in {spec.address for spec in catalog(off, SITE, taxonomy)}


def test_feeds_of_tags_that_are_switched_off_are_not_gone_for_good() -> None:
    wanted = OPTIONS.model_copy(update={"tags": True})
    taxonomy = Taxonomy(tags=(("tag:f-35", "F-35"),))
    before = named(catalog(wanted, SITE, taxonomy), live=False)
    assert moved(OPTIONS, catalog(OPTIONS, SITE, taxonomy), before) == {}


def test_a_feed_by_rule_carries_what_any_of_its_names_means_and_leaves_out_the_rest() -> None:
    rule = {"title": "戦闘機", "categories": ["米国関連"], "tags": ["Ｆ-35"], "skip_authors": ["編集部"]}
    options = FeedsOptions.model_validate(
        {"base_url": "https://example.com/", "own": {"fighters": rule, "x": {"title": "x"}}}
    )
    found = addresses(US, NAVY, options=options)
    assert found["own/fighters"].sources == {"category:blog:1", "category:blog:2", "tag:f-35"}
    assert found["own/fighters"].skips == {"author:編集部"}
    assert found["own/x"].sources == {EVERY}
