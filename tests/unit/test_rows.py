"""What is kept of an article, where other words than its own are written into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from feedpub.ledger.rows import article_body, article_of, refiled
from feedpub.model import Article, Image

WORDS = st.text(max_size=9) | st.sampled_from(
    ['","categories":["1"]', ',"categories":', '\\","categories":[', "]", "1"]
)
NAMES = st.lists(WORDS, max_size=4, unique=True).map(tuple)
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


@given(words=WORDS, names=NAMES, others=NAMES, keys=st.dictionaries(WORDS, WORDS, max_size=4))
def test_other_keys_for_categories_change_nothing_else_of_an_article(
    words: str, names: tuple[str, ...], others: tuple[str, ...], keys: dict[str, str]
) -> None:
    images = (Image(url="https://news.test/1.jpg", alt=words),)
    given = Article("blog", words, words, "", words, words, words, NOON, NOON, names, others, others, images)
    after = article_of(refiled(article_body(given), lambda key: keys.get(key, key)))
    assert after == replace(given, categories=tuple(dict.fromkeys(keys.get(name, name) for name in names)))


def test_an_article_in_none_of_the_categories_stays_to_the_letter() -> None:
    body = article_body(Article("blog", "1", "1", "", "題", "", "<p>本文</p>", NOON, NOON, ("米国", "a b")))
    assert refiled(body, lambda key: key) == body
