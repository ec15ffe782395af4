"""Which template, prefix and hashtags count for an article on a target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import EPOCH, Article, Category, Wording
from feedpub.notices.wording import Words, hashtag, wording
from tests.world import Board

WORLD = Category("blog", "1", "国際", "world")
AMERICA = Category("blog", "2", "米国関連", "us", parent="1")
NAVY = Category("blog", "3", "米海軍", "us-navy", parent="2")
JAPAN = Category("blog", "4", "日本関連", "japan")
ELSEWHERE = Category("other", "2", "料理", "food")
ALL = (NAVY, WORLD, JAPAN, AMERICA, ELSEWHERE)
ARTICLE = Article("blog", "7", "g7", "https://news.test/7", "見出し", "", "", EPOCH, EPOCH)


def words(*keys: str, **options: object) -> Words:
    board = Board.model_validate({"name": "board", "template": "{{ headline }}", **options})
    return wording(board, replace(ARTICLE, categories=keys), ALL)


def test_without_other_words_the_targets_own_count() -> None:
    assert words("2", prefix="【軍事】") == Words("{{ headline }}", "【軍事】", ())


def test_the_words_of_a_category_count_for_its_children() -> None:
    by_category = {"米国関連": {"template": "{{ title }}", "prefix": "【米】", "hashtags": ["米軍"]}}
    for key in ("2", "3"):
        assert words(key, by_category=by_category) == Words("{{ title }}", "【米】", ("米軍",))
    assert words("1", by_category=by_category) == words("1")
    assert words("4", by_category=by_category) == words("4")


def test_what_a_category_leaves_out_stays_as_the_target_says() -> None:
    own = {"prefix": "【軍事】", "hashtags": {"world": ["国際"]}}
    assert words("2", by_category={"us": {"template": "{{ title }}"}}, **own) == Words(
        "{{ title }}", "【軍事】", ("国際",)
    )
    assert words("2", by_category={"us": {"prefix": ""}}, **own).prefix == ""
    assert words("2", by_category={"us": {"hashtags": []}}, **own).hashtags == ()


def test_of_several_categories_the_first_in_the_config_counts() -> None:
    japan, america = {"japan": {"prefix": "【日】"}}, {"us": {"prefix": "【米】"}}
    assert words("4", "2", by_category=america | japan).prefix == "【米】"
    assert words("4", "2", by_category=japan | america).prefix == "【日】"


def test_a_category_of_another_store_does_not_count() -> None:
    assert words("2", by_category={"food": {"prefix": "【料理】"}}).prefix == ""


def test_the_hashtags_of_all_categories_are_joined_in_the_order_of_the_config_none_twice() -> None:
    tags = {"us-navy": ["米海軍", "NATO"], "日本関連": ["自衛隊"], "world": ["nato", "国際 情勢"], "food": ["料理"]}
    assert words("4", "3", hashtags=tags).hashtags == ("米海軍", "NATO", "自衛隊", "国際情勢")
    assert words("4", hashtags=tags).hashtags == ("自衛隊",)
    assert words(hashtags=tags).hashtags == ()


def test_a_wording_of_the_model_says_nothing_by_itself() -> None:
    assert Wording() == Wording(template=None, prefix=None, hashtags=None)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("米軍", "米軍"),
        ("#米軍", "米軍"),
        ("＃米軍", "米軍"),
        ("F-35 戦闘機", "F35戦闘機"),
        ("Ｆ－３５", "F35"),
        ("ﾀﾞﾒｰｼﾞ", "ダメージ"),
        ("ドナルド・トランプ", "ドナルドトランプ"),
        ("佐々木_1", "佐々木_1"),
        ("サーバー", "サーバー"),
        ("葛\U000e0100飾", "葛\U000e0100飾"),
        ("か\u3099き", "がき"),
        ("हिन्दी", "हिन्दी"),
        ("❤️愛", "愛"),
        ("1️⃣番", "1番"),
        ("2026", ""),
        ("・・・", ""),
        ("", ""),
    ],
)
def test_a_hashtag_holds_nothing_that_would_end_it(text: str, tag: str) -> None:
    assert hashtag(text) == tag


@given(st.text())
def test_a_hashtag_is_one_word_and_stays_what_it_is(text: str) -> None:
    tag = hashtag(text)
    assert hashtag(tag) == tag
    assert not any(one.isspace() or one in "#＃.,-・" for one in tag)
