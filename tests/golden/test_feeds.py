"""Feed files read back as a stranger would: by feedparser, by lxml, and by the rules of their standards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from feedpub.feeds.addresses import entry_id
from feedpub.feeds.catalog import FeedSpec
from feedpub.model import Article, Image, Link
from tests.golden.rules import ATOM, CONTENT, CREATOR, MEDIA, assert_atom, assert_rss
from tests.golden.samples import OPTIONS, SITE, article, articles, files

BOTH = pytest.mark.parametrize("ending", ["rss", "atom"])
SUMMARIES = OPTIONS.model_copy(update={"content": "summary"})


def read(content: bytes) -> Any:
    """Read with feedparser, which must find nothing odd."""
    found = feedparser.parse(content)
    assert found.bozo is False, found.get("bozo_exception")
    return found


def one_item(only: Article, **how: Any) -> tuple[etree._Element, etree._Element]:
    """The one article's item and entry."""
    made = files([only], **how)
    item = assert_rss(made["rss"]).find("item")
    entry = assert_atom(made["atom"]).find(f"{ATOM}entry")
    assert item is not None
    assert entry is not None
    return item, entry


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b"<id>https://example.com/?p=1</id>", b""),
        (b'<content type="html">', b'<content type="CDATA">'),
        (b"2026-04-29T01:02:03+00:00", b"Wed, 29 Apr 2026"),
        (b'rel="alternate" type="text/html"/>\n    <summary>', b'rel="self"/><link/>\n    <summary>'),
        (b"<title>", b"<heading>x</heading><title>"),
    ],
)
def test_the_grammar_refuses_what_the_rfc_refuses(right: bytes, wrong: bytes) -> None:
    atom = files([article()])["atom"]
    assert right in atom
    assert_atom(atom)
    with pytest.raises(AssertionError):
        assert_atom(atom.replace(right, wrong))


# ---------------------------------------------------------------- what every reader needs


@BOTH
def test_a_stranger_reads_every_article_in_the_order_given(ending: str) -> None:
    found = read(files([article(3), article(1), article(2)])[ending])
    assert [entry.title for entry in found.entries] == ["第3号の記事", "第1号の記事", "第2号の記事"]
    assert [entry.id for entry in found.entries] == [f"https://example.com/?p={n}" for n in (3, 1, 2)]
    assert [entry.link for entry in found.entries] == [f"https://example.com/articles/{n}/" for n in (3, 1, 2)]
    assert found.version == {"rss": "rss20", "atom": "atom10"}[ending]


@BOTH
def test_the_feed_says_what_it_is_and_where(ending: str) -> None:
    feed = read(files([article()])[ending]).feed
    assert (feed.title, feed.link, feed.language) == ("航空ニュース", "https://example.com/", "ja")
    assert feed.subtitle == "航空と防衛の記事"
    assert [link.href for link in feed.links if link.rel == "self"] == [f"https://example.com/feeds/all.{ending}"]


@BOTH
def test_published_and_updated_are_two_dates(ending: str) -> None:
    (entry,) = read(files([article()])[ending]).entries
    assert entry.published_parsed[:6] == (2026, 4, 28, 0, 30, 0)
    assert entry.updated_parsed[:6] == (2026, 4, 29, 1, 2, 3)


@BOTH
def test_the_feed_is_as_new_as_its_newest_article_and_an_empty_one_has_no_date_of_its_own(ending: str) -> None:
    newer = article(2, updated=datetime(2026, 5, 1, tzinfo=UTC))
    assert read(files([article(), newer])[ending]).feed.updated_parsed[:3] == (2026, 5, 1)
    assert read(files([])[ending]).feed.updated_parsed[:6] == (2000, 1, 1, 0, 0, 0)


@BOTH
def test_every_date_in_a_file_comes_from_its_articles(ending: str) -> None:
    content = files([article(1), article(2)])[ending].decode()
    assert set(re.findall(r"20\d\d-\d\d-\d\dT[0-9:]+|\d\d \w{3} 20\d\d [0-9:]+", content)) <= {
        "2026-04-28T00:30:00",
        "2026-04-29T01:02:03",
        "28 Apr 2026 00:30:00",
        "29 Apr 2026 01:02:03",
    }


def test_dates_of_other_zones_and_fractions_are_written_in_utc_and_whole_seconds() -> None:
    tokyo = datetime.fromisoformat("2026-04-28T09:30:00.123456+09:00")
    item, entry = one_item(article(published=tokyo, updated=tokyo))
    assert item.findtext("pubDate") == "Tue, 28 Apr 2026 00:30:00 +0000"
    assert entry.findtext(f"{ATOM}updated") == "2026-04-28T00:30:00+00:00"


def test_equal_dates_keep_their_order_and_lose_nothing() -> None:
    made = files([article(n) for n in (5, 2, 9)])
    for ending in ("rss", "atom"):
        assert [entry.id[-1] for entry in read(made[ending]).entries] == ["5", "2", "9"]


def test_an_article_has_the_same_id_in_every_feed_and_format() -> None:
    in_all = files([article()])
    in_category = files([article()], spec=FeedSpec("category/us", "category", "米国関連 – 航空ニュース"))
    ids = {read(made[ending]).entries[0].id for made in (in_all, in_category) for ending in ("rss", "atom")}
    assert ids == {"https://example.com/?p=1"}


def test_a_guid_that_is_no_address_is_kept_in_rss_and_becomes_a_tag_in_atom() -> None:
    item, entry = one_item(article(guid="記事 12"))
    assert item.findtext("guid") == "記事 12"
    assert entry.findtext(f"{ATOM}id") == "tag:example.com,2026:guid:%E8%A8%98%E4%BA%8B%2012"


# ---------------------------------------------------------------- texts


NASTY = [
    "A & B <試験>",
    "]]>",
    "<![CDATA[x]]>",
    "&amp;lt;",
    "\U0001f469\u200d\U0001f680 \u2764\ufe0f か\u3099 \U00020bb7",
    "a\u2028b",
    "'\"{}%s",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_titles_and_summaries_come_back_as_they_were(nasty: str) -> None:
    item, entry = one_item(article(title=nasty, summary=nasty))
    assert item.findtext("title") == nasty
    assert etree.fromstring(f"<p>{item.findtext('description')}</p>").text == nasty  # HTML in RSS, plain in Atom
    assert entry.findtext(f"{ATOM}title") == nasty
    assert entry.findtext(f"{ATOM}summary") == nasty


@pytest.mark.parametrize("nasty", [*NASTY, "<p>a&nbsp;b<br>c</p>", "<pre>\n  x\n</pre>", "<p>x</p>" * 5000])
def test_content_comes_back_byte_for_byte(nasty: str) -> None:
    item, entry = one_item(article(content=nasty))
    assert item.findtext(CONTENT) == nasty
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert content.text == nasty
    assert content.get("type") == "html"


@BOTH
def test_a_title_with_signs_reads_right_in_a_real_parser(ending: str) -> None:
    (entry,) = read(files([article(title="A & B <試験>")])[ending]).entries
    assert entry.title == "A & B <試験>"


@BOTH
def test_full_text_and_summary_are_told_apart(ending: str) -> None:
    (entry,) = read(files([article()])[ending]).entries
    assert entry.content[0].value == "<p>本文です。</p>"
    assert entry.content[0].type == "text/html"
    assert entry.summary == "要約です。"


@BOTH
def test_a_feed_of_summaries_holds_no_full_text(ending: str) -> None:
    (entry,) = read(files([article()], options=SUMMARIES)[ending]).entries
    assert entry.summary == "要約です。"
    assert "content" not in entry


@BOTH
def test_without_a_summary_the_full_text_is_still_there(ending: str) -> None:
    (entry,) = read(files([article(summary="")])[ending]).entries
    assert (entry.content[0].value if "content" in entry else entry.summary) == "<p>本文です。</p>"


@pytest.mark.parametrize("options", [OPTIONS, SUMMARIES])
def test_a_brief_has_no_title_and_all_of_its_text(options: Any) -> None:
    item, entry = one_item(article(title="", summary="", url="", content="<p>短信です。</p>"), options=options)
    assert item.find("title") is None
    assert re.fullmatch(r"https://example.com/feeds/briefs/[0-9a-f]{16}.html", item.findtext("link") or "")
    assert item.findtext("description") == "<p>短信です。</p>"
    title = entry.find(f"{ATOM}title")
    assert title is not None
    assert not title.text
    assert entry.findtext(f"{ATOM}content") == "<p>短信です。</p>"
    assert [link.get("href") for link in entry.findall(f"{ATOM}link")] == [item.findtext("link")]


@pytest.mark.parametrize("url", ["", "https://example.com/1"])
def test_an_article_without_any_words_does_not_lose_the_feed(url: str) -> None:
    made = files([article(title="", summary="", content="", url=url), article(2)])
    assert len(read(made["rss"]).entries) == len(read(made["atom"]).entries) == 2


# ---------------------------------------------------------------- who, what about, where from


def test_categories_are_readable_and_tags_follow() -> None:
    item, entry = one_item(article(categories=("2", "1", "gone"), tags=("F-35", "米国関連", "")))
    assert [category.text for category in item.findall("category")] == ["R&D <試験>", "米国関連", "F-35"]
    assert [category.get("term") for category in entry.findall(f"{ATOM}category")] == ["R&D <試験>", "米国関連", "F-35"]


def test_authors_are_named_without_an_e_mail_address() -> None:
    item, entry = one_item(article(authors=("山田 太郎", "J. Smith")))
    assert [creator.text for creator in item.findall(CREATOR)] == ["山田 太郎", "J. Smith"]
    assert [name.text for name in entry.findall(f"{ATOM}author/{ATOM}name")] == ["山田 太郎", "J. Smith"]


def test_the_site_stands_for_articles_without_an_author() -> None:
    feed = assert_atom(files([article()])["atom"])
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "航空ニュース"
    assert feed.find(f"{ATOM}entry/{ATOM}author") is None


def test_sources_and_related_articles_are_links_in_both_formats() -> None:
    links = (Link("via", "https://example.net/s?a=1&b=2", "出典"), Link("related", "https://example.com/2", ""))
    item, entry = one_item(article(links=links))
    for parent in (item, entry):
        found = {link.get("rel"): (link.get("href"), link.get("title")) for link in parent.findall(f"{ATOM}link")}
        assert found["via"] == ("https://example.net/s?a=1&b=2", "出典")
        assert found["related"] == ("https://example.com/2", None)


def test_only_a_language_other_than_the_sites_is_said_of_an_article() -> None:
    item, entry = one_item(article(language="en"))
    assert item.findtext("{http://purl.org/dc/elements/1.1/}language") == "en"
    assert entry.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    item, entry = one_item(article(language="ja"))
    assert item.find("{http://purl.org/dc/elements/1.1/}language") is None
    assert not entry.attrib


# ---------------------------------------------------------------- images and licences


EYE_CATCH = Image(
    "https://example.com/a.JPG?w=1&h=2", "離陸する機体", "U.S. Navy", "https://creativecommons.org/licenses/by/4.0/"
)
SECOND = Image("https://example.com/b.webp", "", "", "")


def test_an_image_keeps_its_alt_credit_and_licence_in_both_formats() -> None:
    for parent in one_item(article(images=(EYE_CATCH,))):
        content = parent.find(f"{MEDIA}content")
        assert content is not None
        assert dict(content.items()) == {"url": EYE_CATCH.url, "medium": "image", "type": "image/jpeg"}
        assert content.findtext(f"{MEDIA}description") == "離陸する機体"
        assert content.findtext(f"{MEDIA}credit") == "U.S. Navy"
        assert [copyright_.get("url") for copyright_ in content.findall(f"{MEDIA}copyright")] == [EYE_CATCH.license]
        assert [thumbnail.get("url") for thumbnail in parent.findall(f"{MEDIA}thumbnail")] == [EYE_CATCH.url]


def test_nothing_is_invented_for_an_image_without_words() -> None:
    for parent in one_item(article(images=(SECOND,))):
        content = parent.find(f"{MEDIA}content")
        assert content is not None
        assert len(content) == 0


def test_a_licence_in_words_has_no_address() -> None:
    item, _ = one_item(article(images=(Image("https://example.com/a.png", license="社内限り"),)))
    copyright_ = item.find(f"{MEDIA}content/{MEDIA}copyright")
    assert copyright_ is not None
    assert (copyright_.text, dict(copyright_.items())) == ("社内限り", {})


def test_of_many_images_one_is_enclosed_and_all_are_described() -> None:
    item, entry = one_item(article(images=(EYE_CATCH, SECOND)))
    assert [dict(enclosure.items()) for enclosure in item.findall("enclosure")] == [
        {"url": EYE_CATCH.url, "length": "0", "type": "image/jpeg"}
    ]
    assert [link.get("href") for link in entry.findall(f"{ATOM}link[@rel='enclosure']")] == [EYE_CATCH.url]
    for parent in (item, entry):
        assert [content.get("url") for content in parent.findall(f"{MEDIA}content")] == [EYE_CATCH.url, SECOND.url]
        assert parent.find(f"{MEDIA}group") is None


@BOTH
def test_a_real_parser_finds_image_and_credit(ending: str) -> None:
    (entry,) = read(files([article(images=(EYE_CATCH,))])[ending]).entries
    assert entry.media_content[0]["url"] == EYE_CATCH.url
    assert entry.media_thumbnail[0]["url"] == EYE_CATCH.url
    assert entry.media_credit[0]["content"] == "U.S. Navy"
    assert [link.type for link in entry.links if link.rel == "enclosure"] == ["image/jpeg"]


def test_an_image_of_unknown_type_is_described_but_not_enclosed() -> None:
    item, entry = one_item(article(images=(Image("https://example.com/image/12345"),)))
    assert item.find("enclosure") is None
    assert entry.find(f"{ATOM}link[@rel='enclosure']") is None
    assert item.find(f"{MEDIA}content[@medium='image']") is not None


def test_the_sites_licence_is_said_by_address_of_feed_and_entries() -> None:
    site = SITE.model_copy(update={"license": "https://creativecommons.org/licenses/by-sa/4.0/"})
    made = files([article()], site=site)
    channel = assert_rss(made["rss"])
    assert channel.findtext("{http://backend.userland.com/creativeCommonsRssModule}license") == site.license
    feed = assert_atom(made["atom"])
    said = [link.get("href") for link in feed.iter(f"{ATOM}link") if link.get("rel") == "license"]
    assert said == [site.license] * 2
    for ending in ("rss", "atom"):
        assert read(made[ending]).entries


def test_the_sites_licence_is_said_in_words() -> None:
    made = files([article()], site=SITE.model_copy(update={"license": "無断転載を禁じます"}))
    assert assert_rss(made["rss"]).findtext("copyright") == "無断転載を禁じます"
    assert assert_atom(made["atom"]).findtext(f"{ATOM}rights") == "無断転載を禁じます"


# ---------------------------------------------------------------- same input, same bytes


def test_the_same_articles_give_the_same_bytes_in_every_process_zone_locale_and_hash_seed() -> None:
    def build(**environment: str) -> Any:
        root = Path(__file__).parents[2]
        run = subprocess.run(
            [sys.executable, "-m", "tests.golden.build"],
            cwd=root,
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
            timeout=30,
        )
        return json.loads(run.stdout)

    tokyo = build(TZ="Asia/Tokyo", LC_ALL="ja_JP.UTF-8", LANG="ja_JP.UTF-8", PYTHONHASHSEED="1")
    newfoundland = build(TZ="America/St_Johns", LC_ALL="C.UTF-8", PYTHONHASHSEED="2")
    assert tokyo["files"] == newfoundland["files"]
    assert len(tokyo["files"]) == 4 * 4 + 4
    assert tokyo["locale kept"]
    assert newfoundland["locale kept"]


def test_the_locale_of_the_process_is_not_touched_even_for_a_moment() -> None:
    called: list[str] = []
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        files([article()])
    finally:
        sys.setprofile(None)
    assert "rss_str" in called
    assert not {"setlocale", "formatRFC2822"} & set(called)


def test_only_what_is_in_a_feed_moves_its_bytes() -> None:
    before = files([article(1), article(2)])
    assert files([article(1), article(2)]) == before
    assert files([article(1), article(2, notice="別の告知", announce=False)]) == before
    later = article(2).updated + timedelta(seconds=1)
    changed = files([article(1), article(2, updated=later)])
    assert all(changed[ending] != before[ending] for ending in before)


# ---------------------------------------------------------------- laws


@settings(max_examples=80, deadline=None)
@given(
    st.lists(articles, max_size=4, unique_by=lambda one: one.guid),
    st.sampled_from([OPTIONS, SUMMARIES]),
    st.sampled_from(["", "https://example.com/l", "無断転載禁止"]),
    st.sampled_from(["ja", "x-klingon", "日本語", "en_US"]),
)
def test_any_clean_articles_give_valid_feeds_with_all_of_them(
    some: list[Article], options: Any, license_: str, language: str
) -> None:
    site = SITE.model_copy(update={"license": license_, "language": language})
    made = files(some, site=site, options=options)
    assert [item.findtext("guid") for item in assert_rss(made["rss"]).findall("item")] == [one.guid for one in some]
    entries = assert_atom(made["atom"]).findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [entry_id(one.guid, site) for one in some]
    assert [entry.findtext(f"{ATOM}title") or "" for entry in entries] == [one.title for one in some]


@settings(max_examples=60)
@given(st.text(min_size=1), st.text(), st.text())
def test_no_title_of_site_or_category_can_break_a_feed(title: str, description: str, name: str) -> None:
    site = SITE.model_copy(update={"title": title, "description": description, "license": name})
    made = files([article()], site=site, spec=FeedSpec("category/x", "category", name or title))
    assert_rss(made["rss"])
    assert_atom(made["atom"])
