"""What a file says of its article, in the words of Hugo, Jekyll and Eleventy."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import Image, RawArticle
from feedpub.stores.markdown.facts import dated, moment
from feedpub.stores.markdown.front_matter import Fault
from feedpub.stores.markdown.reading import Reading, Rules, read
from feedpub.stores.taxonomy import CategoryTold

RULES = Rules(ZoneInfo("Asia/Tokyo"), "/:sections/:slugorfilename/")

HUGO = """+++
title = "F-35の最新状況"
date = 2026-04-28T09:00:00+09:00
lastmod = 2026-04-29T10:00:00+09:00
draft = false
weight = 3
slug = "f35"
tags = ["米空軍", "F-35"]
categories = ["米国関連"]
summary = "要約"
[cover]
image = "f35.jpg"
alt = "飛行するF-35"
caption = "航空自衛隊"
[params]
announce = false
notice = "F-35について"
+++
本文です。
"""
JEKYLL = """---
layout: post
title: "F-35の最新状況"
date: 2026-04-28 09:00:00 +0900
last_modified_at: 2026-04-29 10:00:00 +0900
tags: 米空軍 F-35
category: 米国関連
excerpt: 要約
image:
  path: f35.jpg
  alt: 飛行するF-35
  credit: 航空自衛隊
slug: f35
announce: no
notice: F-35について
---
本文です。
"""
ELEVENTY = """---json
{"layout": "post.njk", "title": "F-35の最新状況", "date": "2026-04-28T09:00:00+09:00",
 "updated": "2026-04-29T10:00:00+09:00", "tags": ["米空軍", "F-35"], "categories": "米国関連", "slug": "f35",
 "description": "要約", "image": "f35.jpg", "image_alt": "飛行するF-35", "image_credit": "航空自衛隊",
 "announce": "いいえ", "notice": "F-35について"}
---
本文です。
"""


def told(text: str, path: str = "posts/a.md") -> RawArticle:
    reading = read(path, text.encode(), RULES)
    assert reading.named is not None
    return reading.named.article


def said(front: str, path: str = "posts/a.md") -> Reading:
    return read(path, f"---\ndate: 2026-04-28\n{front}\n---\n本文\n".encode(), RULES)


def article(front: str, path: str = "posts/a.md") -> RawArticle:
    reading = said(front, path)
    assert reading.named is not None
    return reading.named.article


@pytest.mark.parametrize(
    ("path", "text"), [("posts/f35.md", HUGO), ("posts/2026-04-28-f35.md", JEKYLL), ("posts/f35.md", ELEVENTY)]
)
def test_the_same_article_by_three_generators(path: str, text: str) -> None:
    reading = read(path, text.encode(), RULES)
    assert reading.named is not None
    assert reading.named.categories == (CategoryTold("米国関連"),)
    assert reading.named.article == RawArticle(
        id="",
        url="posts/f35/",
        title="F-35の最新状況",
        summary="要約",
        content="<p>本文です。</p>\n",
        published="2026-04-28T09:00:00+09:00",
        updated="2026-04-29T10:00:00+09:00",
        tags=("米空軍", "F-35"),
        images=(Image("/f35.jpg", "飛行するF-35", "航空自衛隊"),),
        announce=False,
        notice="F-35について",
    )


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2026-04-28", "2026-04-28"),
        ("2026-4-8", "2026-04-08"),
        ("2026/04/28", "2026-04-28"),
        ("2026-04-28 9:05", "2026-04-28T09:05:00"),
        ("2026-04-28T09:05:06.789Z", "2026-04-28T09:05:06Z"),
        ("2026-04-28 09:05:06 +0900", "2026-04-28T09:05:06+09:00"),
        ("2026-04-28 09:05:06 -3", "2026-04-28T09:05:06-03:00"),
        ("2026-04-28t09:05:06+09:00", "2026-04-28T09:05:06+09:00"),
        ("Tue, 28 Apr 2026 09:05:06 +0900", "Tue, 28 Apr 2026 09:05:06 +0900"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_a_date_is_read_however_it_is_written(written: str, date: str) -> None:
    assert moment(written) == date


@pytest.mark.parametrize(
    ("stem", "date", "rest"),
    [
        ("2026-04-28-f35", "2026-04-28", "f35"),
        ("2026-4-8_f35", "2026-04-08", "f35"),
        ("2026-04-28", "2026-04-28", "2026-04-28"),
        ("f35", "", "f35"),
        ("2026-04-281", "", "2026-04-281"),
    ],
)
def test_a_name_may_begin_with_a_date(stem: str, date: str, rest: str) -> None:
    assert dated(stem) == (date, rest)


def test_publish_date_is_when_it_comes_out() -> None:
    assert article("publishDate: 2026-05-01T00:00:00Z").published == "2026-05-01T00:00:00Z"


def test_the_date_in_the_name_will_do() -> None:
    assert told("---\ntitle: a\n---\nb", "_posts/2026-04-28-a.md").published == "2026-04-28"
    assert told("短信です。", "2026-04-28-runway.md").title == ""


def test_published_may_be_a_date() -> None:
    assert told("---\npublished: 2026-05-01\n---\nb").published == "2026-05-01"


@pytest.mark.parametrize(
    ("front", "tags"),
    [
        ("tags: [a b, c]", ("a b", "c")),
        ("tags: a b", ("a", "b")),
        ("tags: a b, c", ("a b", "c")),
        ("tags: 米空軍、F-35", ("米空軍", "F-35")),
        ("tag: a b", ("a b",)),
        ("tags:\n  - a\n  - a\n  - ''", ("a",)),
        ("tags: ~", ()),
        ("taxonomies:\n  tags: [a]", ("a",)),
    ],
)
def test_tags_in_a_list_or_in_a_text(front: str, tags: tuple[str, ...]) -> None:
    assert article(front).tags == tags


@pytest.mark.parametrize(
    ("front", "categories"),
    [
        ("categories: [米国関連, 日本関連]", [CategoryTold("米国関連"), CategoryTold("日本関連")]),
        ("categories: us japan", [CategoryTold("us"), CategoryTold("japan")]),
        ("category: United States", [CategoryTold("United States")]),
        ("categories: [[国内, 空港]]", [CategoryTold("国内"), CategoryTold("空港", parent="国内")]),
        ("categories:\n- {name: 空港, slug: airports, parent: 国内}", [CategoryTold("空港", "airports", "国内")]),
        ("taxonomies:\n  categories: [a]", [CategoryTold("a")]),
        ("categories: null", []),
    ],
)
def test_categories_by_name(front: str, categories: list[CategoryTold]) -> None:
    reading = said(front)
    assert reading.named is not None
    assert list(reading.named.categories) == categories


def test_folders_above_posts_are_categories() -> None:
    reading = said("title: a", "us/air/_posts/2026-04-28-a.md")
    assert reading.named is not None
    assert [one.name for one in reading.named.categories] == ["us", "air"]


@pytest.mark.parametrize(
    ("front", "authors"),
    [
        ("author: 航空太郎", ("航空太郎",)),
        ("authors: [a, b]", ("a", "b")),
        ("author: {name: A B, email: a@example.com}", ("A B",)),
        ("authors:\n- name: A\n- name: B", ("A", "B")),
        ("author: A B, C D", ("A B, C D",)),
    ],
)
def test_authors_by_name(front: str, authors: tuple[str, ...]) -> None:
    assert article(front).authors == authors


@pytest.mark.parametrize(
    ("front", "images"),
    [
        ("image: /a.jpg", (Image("/a.jpg"),)),
        ("images: [a.jpg, https://example.org/b.jpg]", (Image("/a.jpg"), Image("https://example.org/b.jpg"))),
        ("featured_image: a.jpg\nfeatured_image_credit: 空自", (Image("/a.jpg", credit="空自"),)),
        ("header:\n  teaser: a.jpg\n  caption: 空自", (Image("/a.jpg", credit="空自"),)),
        ("cover: {image: a.jpg, alt: 機, license: CC0}", (Image("/a.jpg", "機", license="CC0"),)),
        ("image: a.jpg\nthumbnail: a.jpg", (Image("/a.jpg"),)),
        ("image:\n- ''", ()),
    ],
)
def test_images_with_what_is_said_of_them(front: str, images: tuple[Image, ...]) -> None:
    assert article(front).images == images


def test_an_image_lies_beside_an_article_that_has_a_folder() -> None:
    assert article("image: a.jpg", "posts/f35/index.md").images == (Image("a.jpg"),)


@pytest.mark.parametrize(
    ("front", "hidden"),
    [
        ("draft: true", "draft"),
        ("published: false", "draft"),
        ("status: draft", "draft"),
        ("private: yes", "private"),
        ("status: private", "private"),
        ("password: geheim", "private"),
        ("permalink: false", "without a page of its own"),
        ("headless: true", "without a page of its own"),
        ("eleventyExcludeFromCollections: true", "without a page of its own"),
        ("draft: false\npublished: true", ""),
    ],
)
def test_what_nobody_is_to_read(front: str, hidden: str) -> None:
    assert said(front).hidden == hidden
    assert (said(front).named is None) == bool(hidden)


@pytest.mark.parametrize(("word", "meant"), [("no", False), ("いいえ", False), ("yes", True), ("", None), ("x", None)])
def test_an_author_says_whether_to_announce(word: str, meant: bool | None) -> None:
    assert article(f"announce: {word}").announce is meant
    assert article(f"feedpub_announce: {word}").announce is meant


def test_an_id_of_the_author_is_kept_apart_and_a_guid_serves_as_one() -> None:
    assert (said("title: a").said, said("id: 5").said, said("guid: tag:a").said) == ("", "5", "tag:a")
    assert article("guid: tag:a").guid == "tag:a"


def test_what_stands_before_the_mark_is_the_summary() -> None:
    assert told("---\ndate: 2026-04-28\n---\n*始め*\n\n<!--more-->\n\n続き").summary == "<p><em>始め</em></p>\n"
    assert told("---\ndate: 2026-04-28\nsummary: 要約\n---\n始め<!-- excerpt -->続き").summary == "要約"
    custom = told("---\ndate: 2026-04-28\nexcerpt_separator: '=====8<'\n---\n始め\n\n=====8<\n\n続き")
    assert (custom.summary, custom.content) == ("<p>始め</p>\n", "<p>始め</p>\n<p>続き</p>\n")


def test_html_stays_as_it_is() -> None:
    text = "---\ndate: 2026-04-28\ntitle: a\n---\n<p>*本文*</p>\n"
    assert told(text, "a.html").content == "<p>*本文*</p>\n"


@pytest.mark.parametrize("path", ["a.md", "a.html", "2026-04-28-a.html"])
def test_a_page_without_front_matter_is_no_article(path: str) -> None:
    assert read(path, b"# a\n", RULES) == Reading(hidden="without front matter")


@pytest.mark.parametrize(
    ("front", "reason"),
    [
        ("date: tomorrow", "its date is neither|its date"),
        ("lastmod: Last Modified", "its lastmod"),
        ("date: 2026-02-30", "its date"),
        ("expiryDate: never", "its expiryDate"),
        ("date: ''", "it has no date"),
    ],
)
def test_a_date_that_cannot_be_read_is_told(front: str, reason: str) -> None:
    with pytest.raises(Fault, match=reason):
        read("a.md", f"---\n{front}\n{'' if 'date:' in front[:5] else 'date: 2026-04-28'}\n---\n".encode(), RULES)


def test_an_expiry_is_meant_in_the_sites_zone() -> None:
    assert said("expiryDate: 2026-05-01").until == 1_777_561_200


def test_an_article_is_known_again_by_what_a_rename_leaves() -> None:
    one = said("title: 題\nslug: s")
    assert set(one.marks) & set(said("title: 題", "other.md").marks) - {""}
    assert set(one.marks) & set(said("title: 別\nslug: s", "other.md").marks) - {""}
    assert set(one.marks) & set(said("title: 別", "sub/a.md").marks) - {""}
    assert not set(one.marks) & set(said("title: 別", "other.md").marks) - {""}


def test_briefs_of_one_day_are_not_taken_for_each_other() -> None:
    assert not set(said("", "a.md").marks) & set(said("", "b.md").marks) - {""}


PIECES = [
    *("---\n", "+++\n", "{", "}", "title: ", "date: 2026-04-28\n", "url: http://[\n", "permalink: /:year/:nmae/\n"),
    *(
        "image: http://[x\n",
        "categories: [[a, [b]], {name: c}]\n",
        "tags:\n- {}\n",
        "id: 9\n",
        "draft: [1]\n",
        "x" * 99,
    ),
    *("expiryDate: 9999-12-31\n", "lastmod: 2026-04-28 25:61\n", "9" * 5000, "a = 1\n", '"a": 1,', "\r\n"),
    *("<!--more-->", "{{< figure src=http://[ >}}", "> " * 300, "[^1]: a\n", "[^1]", ": a\n", "|-|\n", "é"),
    *("\x1b", "\u2028", "\ufeff"),
]
NAMES = ["a.md", "a.html", "x/index.md", "2026-04-28-a.md", "2026-02-30.md"]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(NAMES))
def test_any_file_is_read_or_told(pieces: list[str], path: str) -> None:
    for front in ("", "---\ndate: 2026-04-28\n"):
        assert reads(path, (front + "".join(pieces)).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    assert reads("a.md", data)
    assert reads("a.md", b"---\ndate: 2026-04-28\n---\n" + data)


def reads(path: str, data: bytes) -> bool:
    try:
        return isinstance(read(path, data, RULES), Reading)
    except Fault as fault:
        return fault.line > 0 and "\n" not in fault.reason


def test_rules_are_told_apart() -> None:
    assert (
        read("a.md", HUGO.encode(), replace(RULES, permalink="none")).named != read("a.md", HUGO.encode(), RULES).named
    )
