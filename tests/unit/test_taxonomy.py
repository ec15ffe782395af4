"""Categories as files name them, fitted to those a store knows."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.errors import ImportRefused
from feedpub.model import Category, RawArticle
from feedpub.stores.taxonomy import CategoryTold, Named, Taxonomy, resolve, slug_of

US = Category("blog", "12", "米国関連", "us", parent=None)


def told(*categories: CategoryTold) -> dict[CategoryTold, str]:
    return {category: f"site.jsonl:{line}" for line, category in enumerate(categories, 1)}


def tree(taxonomy: Taxonomy) -> dict[str, str | None]:
    return {category.name: category.parent for category in taxonomy.by_key.values()}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("米国関連", "米国関連"),
        ("US News", "us-news"),
        ("  A / B & C  ", "a-b-c"),
        ("F-35", "f-35"),
        ("カ\u3099イド", "ガイド"),
        ("../etc", "etc"),
        ("100%", "100"),
        ("🛫", "🛫"),
    ],
)
def test_a_slug_is_made_from_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text(min_size=1).filter(str.strip))
def test_a_slug_is_never_empty_and_always_composed(name: str) -> None:
    slug = slug_of(name)
    assert slug
    assert unicodedata.is_normalized("NFC", slug)


@pytest.mark.parametrize("name", ["米国関連", " 米国関連　", "us", "US"])
def test_a_category_is_found_by_name_or_slug(name: str) -> None:
    asked = CategoryTold(name)
    assert resolve([US], told(asked), "blog").key(asked) == "12"


def test_a_category_that_is_not_there_is_made() -> None:
    asked = CategoryTold("防衛 情報")
    taxonomy = resolve([US], told(asked), "blog")
    assert taxonomy.by_key["防衛-情報"] == Category("blog", "防衛-情報", "防衛 情報", "防衛-情報")
    assert taxonomy.key(asked) == "防衛-情報"


def test_two_names_with_one_slug_stay_two_categories() -> None:
    first, second = CategoryTold("F 35"), CategoryTold("F/35")
    taxonomy = resolve([], told(first, second), "blog")
    assert (taxonomy.key(first), taxonomy.key(second)) == ("f-35", "f-35-2")


def test_two_categories_may_share_a_name_where_slugs_tell_them_apart() -> None:
    one, other = CategoryTold("ニュース", "news"), CategoryTold("ニュース", "news-us")
    taxonomy = resolve([], told(one, other), "blog")
    assert (taxonomy.key(one), taxonomy.key(other)) == ("news", "news-us")


def test_a_name_alone_means_the_category_told_with_a_slug_elsewhere() -> None:
    alone, full = CategoryTold("防衛"), CategoryTold("防衛", "defence")
    taxonomy = resolve([], told(alone, full), "blog")
    assert taxonomy.key(alone) == taxonomy.key(full) == "defence"


def test_a_percent_encoded_slug_is_read() -> None:
    asked = CategoryTold("米国", "%e7%b1%b3%e5%9b%bd")
    assert resolve([], told(asked), "blog").key(asked) == "米国"


def test_a_slug_that_is_known_gets_the_new_name() -> None:
    assert tree(resolve([US], told(CategoryTold("アメリカ", "us")), "blog")) == {"アメリカ": None}


def test_a_parent_is_found_by_slug_or_name_and_made_where_it_is_missing() -> None:
    by_name = CategoryTold("空軍", parent="米国関連")
    by_slug = CategoryTold("海軍", "navy", parent="us")
    new = CategoryTold("自衛隊", parent="日本関連")
    assert tree(resolve([US], told(by_name, by_slug, new), "blog")) == {
        "米国関連": None,
        "空軍": "12",
        "海軍": "12",
        "日本関連": None,
        "自衛隊": "日本関連",
    }


def test_a_parent_is_left_alone_where_none_is_told_and_taken_away_where_it_is_told_to_be_none() -> None:
    child = Category("blog", "navy", "海軍", "navy", parent="12")
    assert tree(resolve([US, child], told(CategoryTold("海軍")), "blog"))["海軍"] == "12"
    assert tree(resolve([US, child], told(CategoryTold("海軍", parent="")), "blog"))["海軍"] is None


def test_a_circle_is_refused_with_its_place() -> None:
    circle = told(CategoryTold("A", parent="B"), CategoryTold("B", parent="C"), CategoryTold("C", parent="A"))
    with pytest.raises(ImportRefused, match=r'^site\.jsonl:1: the category "A" stands below itself'):
        resolve([], circle, "blog")


def test_categories_may_change_places() -> None:
    child = Category("blog", "navy", "海軍", "navy", parent="12")
    swapped = told(CategoryTold("米国関連", "us", parent="navy"), CategoryTold("海軍", "navy", parent=""))
    assert tree(resolve([US, child], swapped, "blog")) == {"米国関連": "navy", "海軍": None}


NAMES = st.sampled_from(["A", "a", "B", "米国", "F 35", "F-35", "x/y"])
TOLD = st.builds(CategoryTold, NAMES, st.sampled_from(["", "a", "us", "f-35"]), st.none() | st.just("") | NAMES)


@settings(max_examples=150)
@given(st.lists(TOLD, max_size=6))
def test_telling_the_same_again_changes_nothing(categories: list[CategoryTold]) -> None:
    try:
        once = resolve([], told(*categories), "blog")
    except ImportRefused:
        return
    again = resolve(once.by_key.values(), told(*categories), "blog")
    assert again.by_key == once.by_key
    assert all(once.key(category) in once.by_key for category in categories)
    assert [again.key(category) for category in categories] == [once.key(category) for category in categories]


def test_articles_named_into_categories_get_their_keys_also_after_the_taxonomy_was_kept_and_taken_up() -> None:
    taxonomy = Taxonomy("blog")
    one = taxonomy.filed(Named(RawArticle("1"), (CategoryTold("米国関連"), CategoryTold("海軍", parent="米国関連"))))
    taken_up = Taxonomy.kept("blog", json.loads(json.dumps(taxonomy.keep())))
    two = taken_up.filed(Named(RawArticle("2"), (CategoryTold("海軍"), CategoryTold("海軍"), CategoryTold("空軍"))))
    assert (one.categories, two.categories) == (("米国関連", "海軍"), ("海軍", "空軍"))
    assert [(one.key, one.parent) for one in taken_up.by_key.values()] == [
        ("米国関連", None),
        ("海軍", "米国関連"),
        ("空軍", None),
    ]


def test_a_category_told_by_its_slug_is_found_by_its_name_afterwards() -> None:
    taxonomy = Taxonomy("blog")
    by_slug = taxonomy.filed(Named(RawArticle("1"), (CategoryTold("米国関連", "us"),)))
    by_name = taxonomy.filed(Named(RawArticle("2"), (CategoryTold("米国関連"),)))
    assert by_slug.categories == by_name.categories == ("us",)
