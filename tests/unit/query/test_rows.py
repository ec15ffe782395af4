"""A query's rows, read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.errors import StoreError
from feedpub.model import Category, Image, Link, Quarantined
from feedpub.stores.query import filing
from feedpub.stores.query.filing import Filing
from feedpub.stores.query.rows import COLUMNS, NOBODY, Reading, check, read
from feedpub.stores.taxonomy import CategoryTold, Named

READING = Reading(ZoneInfo("Asia/Tokyo"))
ROW: dict[str, object] = {
    "id": 1,
    "title": "見出し",
    "published": "2026-04-28 12:00:00",
    "updated": "2026-04-28 13:00:00",
}


def told(**said: object) -> Named:
    found = read({**ROW, **said}, READING).told
    assert isinstance(found, Named)
    return found


def reason(**said: object) -> str:
    found = read({**ROW, **said}, READING).told
    assert isinstance(found, Quarantined)
    return f"{found.id}: {found.reason}"


@pytest.mark.parametrize("said", [{}, {"links": None}, {"links": " "}, {"links": []}, {"links": ","}, {"links": "[]"}])
def test_who_says_no_links_has_none(said: dict[str, object]) -> None:
    assert told(**said).article.links == ()


def test_every_column_arrives() -> None:
    article = told(
        content="<p>本文</p>", summary="要約", url="https://example.com/1", guid="urn:1", categories='["海外"]',
        tags="三沢,F-35", authors=["航空太郎"],
        image="https://example.com/a.jpg", image_alt="F-35", image_credit="空自", image_license="CC0",
        links=[{"rel": "related", "url": "https://example.org/", "title": "続き"}, "https://example.net/"],
        language="ja", announce="no", notice="短く",
    )  # fmt: skip
    raw = article.article
    assert (raw.id, raw.title, raw.content, raw.summary, raw.url) == (
        "1",
        "見出し",
        "<p>本文</p>",
        "要約",
        "https://example.com/1",
    )
    assert (raw.guid, raw.language, raw.announce, raw.notice) == ("urn:1", "ja", False, "短く")
    assert (raw.published, raw.updated) == ("2026-04-28T03:00:00+00:00", "2026-04-28T04:00:00+00:00")
    assert (raw.tags, raw.authors) == (("三沢", "F-35"), ("航空太郎",))
    assert raw.images == (Image("https://example.com/a.jpg", "F-35", "空自", "CC0"),)
    assert raw.links == (Link("related", "https://example.org/", "続き"), Link("via", "https://example.net/"))
    assert article.categories == (CategoryTold("海外"),)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        ("", ()),
        (" a , b,,a ", ("a", "b")),
        ('["a, b", "c"]', ("a, b", "c")),
        (["a", "b"], ("a", "b")),
        (("a",), ("a",)),
        ("[PR] a,b", ("[PR] a", "b")),
        ("[1, 2]", ("1", "2")),
        (b"a,b", ("a", "b")),
        ("[]", ()),
    ],
)
def test_a_list_is_read_in_whatever_form(value: object, names: tuple[str, ...]) -> None:
    assert told(tags=value).article.tags == names


def test_a_delimiter_of_the_admins_own_divides_lists() -> None:
    found = read({**ROW, "tags": "a, b|c"}, Reading(ZoneInfo("UTC"), delimiter="|")).told
    assert isinstance(found, Named)
    assert found.article.tags == ("a, b", "c")


def test_categories_may_be_objects() -> None:
    said = '[{"name": "海外", "slug": "world", "parent": ""}, {"slug": "us"}]'
    assert told(categories=said).categories == (CategoryTold("海外", "world", ""), CategoryTold("us", "us"))


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        (7, "7"),
        ("a-7", "a-7"),
        (Decimal(7), "7"),
        (b"x7", "x7"),
        (UUID("12345678-1234-5678-1234-567812345678"), "12345678-1234-5678-1234-567812345678"),
    ],
)
def test_an_id_may_be_of_any_kind(value: object, id_: str) -> None:
    assert told(id=value).article.id == id_


@pytest.mark.parametrize(
    ("value", "announce"),
    [
        (None, None),
        ("", None),
        (1, True),
        (0, False),
        (True, True),
        ("no", False),
        ("はい", True),
        ("maybe", None),
        (b"0", False),
    ],
)
def test_announce_is_read_in_many_words(value: object, announce: bool | None) -> None:
    assert told(announce=value).article.announce is announce


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"id": None}, f"{NOBODY}: the query gives a row without an id"),
        ({"id": "  "}, f"{NOBODY}: the query gives a row without an id"),
        ({"id": "7 "}, f"{NOBODY}: an id begins or ends with a blank: write TRIM(…) AS id"),
        ({"id": b"\xff\x00"}, f"{NOBODY}: its id is not text in UTF-8"),
        ({"published": "gestern"}, "1: its published cannot be read as a date: 'gestern'"),
        ({"updated": "infinity"}, "1: its updated cannot be read as a date: 'infinity'"),
        (
            {"updated": 1_777_345_200_000},
            "1: its updated is no number of seconds since 1970: divide milliseconds by 1000",
        ),
        ({"title": b"\xff"}, "1: its title is not text in UTF-8"),
        ({"title": "\udcff"}, "1: its title is not text in UTF-8"),
        ({"content": 1.5}, "1: its content is not text"),
        ({"tags": '["\\ud800"]'}, "1: its tags is not text in UTF-8"),
        ({"tags": [["a"]]}, "1: its tags is not text"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(said: dict[str, object], why: str) -> None:
    assert reason(**said).startswith(why)


@pytest.mark.parametrize("value", [None, "", " ", "0000-00-00 00:00:00"])
def test_a_date_that_says_nothing_is_none(value: object) -> None:
    found = read({**ROW, "updated": value}, READING)
    assert isinstance(found.told, Named)
    assert (found.told.article.updated, found.at) == ("", None)


def test_html_titles_have_html_names() -> None:
    reading = Reading(ZoneInfo("UTC"), title_is_html=True)
    found = read({**ROW, "title": "A &amp; B", "tags": "A &amp; B", "categories": "A &amp; B"}, reading).told
    assert isinstance(found, Named)
    assert (found.article.title, found.article.title_is_html) == ("A &amp; B", True)
    assert (found.article.tags, found.categories) == (("A & B",), (CategoryTold("A & B"),))


@given(
    st.sampled_from(COLUMNS),
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text() | st.lists(st.text()),
)
def test_whatever_a_column_holds_the_row_is_read_or_says_why(column: str, value: object) -> None:
    found = read({**ROW, column: value}, READING)
    assert isinstance(found.told, Named | Quarantined)
    assert found.id
    assert found == read({**ROW, column: value}, READING)


def test_a_row_that_says_something_else_has_another_digest() -> None:
    digests = {
        read({**ROW, **said}, READING).digest for said in ({}, {"title": "x"}, {"updated": "2026-04-28 13:00:01"})
    }
    assert len(digests) == 3
    broken = {read({**ROW, "id": None, "title": title}, READING).id for title in "ab"}
    assert len(broken) == 2


# ---------------------------------------------------------------- columns


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (["title", "published", "updated"], 'the query gives no column "id": write … AS id into it'),
        (["ID", "titel", "published", "updated"], 'a column "titel", which feedpub does not know: write AS title'),
        (
            ["id", "title", "publishd", "updated"],
            'a column "publishd", which feedpub does not know: write AS published',
        ),
        (["id", "title", "published", "updated", "zzz"], 'a column "zzz", which feedpub does not know: leave it out'),
        (["id", "title", "published"], 'the query gives no column "updated": write … AS updated into it'),
        (["id", "published", "updated", "url"], 'the query gives neither "title" nor "content"'),
        (["id", "title", "id", "published", "updated"], 'the query gives two columns "id": leave one out'),
    ],
)
def test_a_column_that_is_missing_or_misspelt_is_named(columns: list[str], sentence: str) -> None:
    with pytest.raises(StoreError) as raised:
        check(columns, asks=True)
    assert sentence in str(raised.value)


def test_columns_may_be_in_capitals_and_updated_is_needed_only_for_since() -> None:
    assert check(["ID", "TITLE", "PUBLISHED"], asks=False) == ("id", "title", "published")


# ---------------------------------------------------------------- categories


def listed() -> Filing:
    rows: list[dict[str, object]] = [
        {"id": 2, "name": "米国関連", "slug": "%E7%B1%B3%E5%9B%BD", "parent": 1},
        {"id": 1, "name": "海外 &amp; 国内", "slug": "world", "parent": 0},
        {"id": None, "name": "nobody"},
    ]
    return Filing.given("blog", rows, escaped=True)


def test_categories_are_given_with_their_parents() -> None:
    assert listed().all() == (
        Category("blog", "1", "海外 & 国内", "world"),
        Category("blog", "2", "米国関連", "米国", "1"),
    )


@pytest.mark.parametrize("called", ["2", "米国関連", "米国"])
def test_an_article_names_a_category_by_id_name_or_slug(called: str) -> None:
    assert listed().filed(told(categories=[called])).categories == ("2",)


def test_a_category_that_the_list_does_not_have_is_made() -> None:
    filed = listed()
    assert filed.filed(told(categories=["2", "新しい"])).categories == ("2", "新しい")
    assert filed.digest() != listed().digest()
    assert filed.keep() == ()


def test_categories_told_by_name_are_kept() -> None:
    first = Filing.kept("blog", ())
    assert first.filed(told(categories=["海外"])).categories == ("海外",)
    assert Filing.kept("blog", first.keep()).all() == first.all()


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [(["name"], 'no column "id"'), (["id"], 'no column "name"'), (["id", "name", "url"], 'a column "url"')],
)
def test_the_columns_of_the_list_are_checked(columns: list[str], sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence):
        filing.check(columns)


def test_a_date_of_the_drivers_own_is_read() -> None:
    said = told(published=datetime(2026, 4, 28, 12, 0), updated=datetime(2026, 4, 28, tzinfo=UTC))  # noqa: DTZ001
    assert said.article.published == "2026-04-28T03:00:00+00:00"
