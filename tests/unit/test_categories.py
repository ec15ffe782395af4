from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from feedpub.categories import fold, matching, names, readable_slug, ref, unknown, with_descendants
from feedpub.model import EPOCH, Article, Category

US = Category("blog", "1", "米国関連", "%e7%b1%b3%e5%9b%bd")
NAVY = Category("blog", "2", "海軍", "navy", parent="1")
CARRIERS = Category("blog", "3", "空母", "carriers", parent="2")
JAPAN = Category("blog", "4", "日本関連", "japan")
OTHER_US = Category("archive", "1", "米国関連", "us")
ALL = (CARRIERS, US, JAPAN, NAVY, OTHER_US)

keys = st.sampled_from("abcdef")
trees = st.lists(
    st.builds(Category, st.sampled_from(["s", "t"]), keys, st.text(max_size=5), st.text(max_size=5), st.none() | keys),
    max_size=12,
)


def test_a_name_means_the_category_in_every_store_with_its_children_to_any_depth() -> None:
    assert matching(["米国関連"], ALL) == {ref(c) for c in (US, NAVY, CARRIERS, OTHER_US)}


def test_an_articles_categories_have_names_if_its_store_still_has_them() -> None:
    article = Article("blog", "1", "g", "", "", "", "", EPOCH, EPOCH, categories=("4", "9", "1"))
    assert names(article, {ref(one): one.name for one in ALL}) == ("日本関連", "米国関連")
    assert names(article, {ref(OTHER_US): "米国関連"}) == ()


def test_a_slug_does_as_well_as_a_name() -> None:
    assert matching(["japan"], ALL) == {ref(JAPAN)}


def test_a_wordpress_slug_is_found_encoded_and_as_people_write_it() -> None:
    assert ref(US) in matching(["米国"], ALL)
    assert ref(US) in matching(["%E7%B1%B3%E5%9B%BD"], ALL)


def test_case_and_width_do_not_matter() -> None:
    assert matching(["  CARRIERS "], ALL) == {ref(CARRIERS)}
    assert matching(["japan"], [JAPAN]) == {ref(JAPAN)}


def test_nothing_is_meant_by_no_names_and_by_empty_ones() -> None:
    unnamed = Category("blog", "9", "", "")
    assert matching([], ALL) == frozenset()
    assert matching(["", "  "], [*ALL, unnamed]) == frozenset()


def test_an_unknown_name_is_told_as_it_was_written() -> None:
    assert unknown(["米国関連", "Ukraine ", "NAVY"], ALL) == ("Ukraine ",)


def test_a_slug_that_only_looks_encoded_stays_as_it_is() -> None:
    assert readable_slug("100%ff") == "100%ff"


@given(st.text())
def test_composed_and_decomposed_names_are_one(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(trees, keys)
def test_a_family_is_closed_even_over_loops_and_orphans(tree: list[Category], root: str) -> None:
    family = with_descendants([("s", root)], tree)
    assert ("s", root) in family
    for category in tree:
        if category.parent is not None and (category.store, category.parent) in family:
            assert ref(category) in family
    assert {store for store, _ in family} == {"s"}
