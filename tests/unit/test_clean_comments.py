"""A reader's comment becomes one that can go out, or says why it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub.clean import comment, html, text, url
from feedpub.model import Comment, Quarantined, RawComment, Site

SITE = Site(title="航空ニュース", url="https://example.jp/", language="ja", timezone="Asia/Tokyo")
PAGE = "https://example.jp/f35"
RAW = RawComment(
    id="7", article="123", parent="6", author="読者", content="<p>同感です。</p>", published="2026-04-28T09:00:00"
)


def cleaned(raw: RawComment, page: str = PAGE) -> Comment:
    result = comment(raw, store="blog", site=SITE, article_url=page)
    assert isinstance(result, Comment), result
    return result


# ---------------------------------------------------------------- laws

ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
ADDRESS = st.sampled_from(["https://example.jp/a#comment-1", "/記事", "#c", "javascript:x", "//[", ""]) | ANYTHING
MARKUP = st.sampled_from(["<p>本文</p>", "<img src=a.png>", "<script>x</script>", "<b", "&#1;", "]]>"]) | ANYTHING
ROWS = st.builds(
    RawComment,
    id=st.integers().map(str) | ANYTHING,
    article=st.integers().map(str) | ANYTHING,
    parent=ANYTHING,
    author=MARKUP,
    content=MARKUP,
    published=st.sampled_from(["2026-04-28", "Tue, 28 Apr 2026 10:00:00 +0900", "2999-01-01", ""]) | ANYTHING,
    url=ADDRESS,
)


@given(ROWS, st.sampled_from([PAGE, f"{PAGE}#top", ""]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_is_cleaned_or_quarantined_in_legal_text(raw: RawComment, page: str) -> None:
    result = comment(raw, store="blog", site=SITE, article_url=page)
    if isinstance(result, Quarantined):
        assert result.reason == text(result.reason) != ""
        assert len(result.reason) < 200
        return
    assert result.id
    assert result.article
    assert result.parent != result.id
    assert result.published.utcoffset() == timedelta(0)
    assert result.content == html(result.content, page or SITE.url) != ""
    assert result.url == url(result.url) != ""
    assert result.author == text(result.author).strip()
    assert "\n" not in result.author
    assert text(result.id + result.article + result.parent) == result.id + result.article + result.parent


# ---------------------------------------------------------------- what goes out


def test_a_comment_keeps_its_place_and_leads_to_its_article() -> None:
    assert cleaned(RAW) == Comment(
        store="blog",
        id="7",
        article="123",
        parent="6",
        author="読者",
        content="<p>同感です。</p>",
        published=datetime(2026, 4, 28, tzinfo=UTC),
        url="https://example.jp/f35#comment-7",
        summary="同感です。",
    )


@pytest.mark.parametrize(
    ("key", "said", "page", "leads_to"),
    [
        ("7", "https://example.jp/f35?page=2#c7", PAGE, "https://example.jp/f35?page=2#c7"),
        ("7", "#読者7", PAGE, "https://example.jp/f35#%E8%AA%AD%E8%80%857"),
        ("7", "javascript:alert(1)", PAGE, "https://example.jp/f35#comment-7"),
        ("7", "", f"{PAGE}#more", "https://example.jp/f35#comment-7"),
        ("7", "", "", "https://example.jp/#comment-7"),
        ('"七#7', "", PAGE, "https://example.jp/f35#comment-%22%E4%B8%83%237"),
    ],
)
def test_a_comment_always_leads_somewhere(key: str, said: str, page: str, leads_to: str) -> None:
    assert cleaned(replace(RAW, id=key, url=said), page).url == leads_to


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("", ""),
        (" \x00\n", ""),
        ("鈴木\r\n一郎\x08", "鈴木 一郎"),
        ("Tom & Jerry <3", "Tom & Jerry <3"),
        ('<script>alert(1)</script><b onclick="x">太郎</b>', "太郎"),
        ("]]><author>", "]]>"),
        ("\ud83d", "\ufffd"),
    ],
)
def test_an_author_is_a_line_of_plain_text(said: str, name: str) -> None:
    assert cleaned(replace(RAW, author=said)).author == name


def test_what_strangers_write_is_made_safe() -> None:
    hostile = (
        '見て<a href="javascript:x">これ</a><img src=/a.png onerror=x><iframe src="//evil.example/"></iframe>]]>\x0b'
    )
    assert cleaned(replace(RAW, content=hostile)).content == (
        '見て<a>これ</a><img src="https://example.jp/a.png">'
        '<a href="https://evil.example/">https://evil.example/</a>]]&gt;'
    )


def test_thirty_levels_of_answers_stay_flat() -> None:
    thread = [replace(RAW, id=str(n), parent=str(n - 1) if n else "") for n in range(30)]
    assert [cleaned(raw).parent for raw in thread] == ["", *map(str, range(29))]
    assert {cleaned(raw).content for raw in thread} == {"<p>同感です。</p>"}


def test_an_answer_to_itself_answers_nobody() -> None:
    assert cleaned(replace(RAW, parent="7")).parent == ""


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (replace(RAW, id="\ud800 "), "id is missing: without one a comment cannot be told from others"),
        (replace(RAW, article=" "), "article is missing: a comment must say which one it is about"),
        (replace(RAW, content="<p> <script>x</script></p>"), "it has no text and no image"),
        (replace(RAW, published=""), "published is missing"),
        (replace(RAW, published="0000-00-00"), "published cannot be read as a date: '0000-00-00'; write it like"),
    ],
)
def test_what_cannot_go_out_says_why(raw: RawComment, why: str) -> None:
    result = comment(raw, store="blog", site=SITE, article_url=PAGE)
    assert isinstance(result, Quarantined)
    assert result.reason.startswith(why)
