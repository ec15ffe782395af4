"""Files into the embedded store: all or nothing, told by what is in them, and the same again changes nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.errors import ImportRefused, StoreError
from feedpub.model import Image, Link, RawArticle, RawComment
from feedpub.stores.embedded.writing import Written
from feedpub.stores.imports import ImportReport, import_files
from feedpub.stores.sql import SqlOptions, SqlStore

THEME_TEST = Path(__file__).parents[3] / "shared" / "data" / "wordpress-theme-unit-test.en.xml"
DOCS = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
Write = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlOptions(name="blog", path=str(tmp_path / "articles.db")).embedded()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def articles(store: SqlStore) -> dict[str, RawArticle]:
    return {article.id: article for article in store.changes(None).articles}


def parents(store: SqlStore) -> dict[str, str | None]:
    return {category.name: category.parent for category in store.changes(None).categories or ()}


def refused(store: SqlStore, path: Path) -> str:
    """What is said of a broken file; nothing of it may be written."""
    with pytest.raises(ImportRefused) as error:
        import_files([path], store)
    batch = store.changes(None)
    assert (batch.articles, batch.categories) == ((), ())
    return str(error.value).replace(f"{path.parent}/", "")


# ---------------------------------------------------------------- JSON Lines


def lines(*said: dict[str, Any]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in said)


FULL = {
    "id": "1",
    "guid": "https://example.com/?p=1",
    "url": "https://example.com/f35",
    "title": "F-35 & <試験>",
    "summary": "要約",
    "content": "<p>本文</p>",
    "published": "2026-04-28T09:00:00+09:00",
    "updated": "Tue, 28 Apr 2026 10:00:00 +0900",
    "categories": ["米国関連", {"name": "空軍", "slug": "air-force", "parent": "米国関連"}],
    "tags": ["F-35", "米空軍"],
    "authors": ["航空太郎"],
    "images": [{"url": "https://example.com/a.jpg", "alt": "飛行", "credit": "空自", "license": "CC BY 4.0"}],
    "links": [{"rel": "via", "url": "https://example.org/", "title": "出典"}],
    "language": "ja",
    "announce": False,
    "notice": "F-35について",
}


def test_every_key_of_a_line_arrives(store: SqlStore, write: Write) -> None:
    assert import_files([write(lines(FULL))], store) == ImportReport(new=1)
    assert articles(store)["1"] == RawArticle(
        id="1",
        guid="https://example.com/?p=1",
        url="https://example.com/f35",
        title="F-35 & <試験>",
        summary="要約",
        content="<p>本文</p>",
        published="2026-04-28T09:00:00+09:00",
        updated="Tue, 28 Apr 2026 10:00:00 +0900",
        categories=("米国関連", "air-force"),
        tags=("F-35", "米空軍"),
        authors=("航空太郎",),
        images=(Image("https://example.com/a.jpg", "飛行", "空自", "CC BY 4.0"),),
        links=(Link("via", "https://example.org/", "出典"),),
        language="ja",
        announce=False,
        notice="F-35について",
    )
    assert parents(store) == {"米国関連": None, "空軍": "米国関連"}


def test_importing_twice_changes_nothing(store: SqlStore, write: Write) -> None:
    path = write(lines(FULL, {"id": 2, "content": "短信"}))
    import_files([path], store)
    before = store.changes(None)
    assert import_files([path], store) == ImportReport(unchanged=2)
    after = store.changes(before.cursor)
    assert (after.articles, after.categories, after.cursor) == ((), None, before.cursor)


def test_only_what_differs_is_changed_and_nothing_is_deleted(store: SqlStore, write: Write) -> None:
    import_files([write(lines(FULL, {"id": "2", "title": "a"}, {"id": "3", "title": "b"}))], store)
    cursor = store.changes(None).cursor
    report = import_files([write(lines({"id": "2", "title": "a"}, {"id": "3", "title": "c"}))], store)
    assert report == ImportReport(changed=1, unchanged=1)
    assert [article.id for article in store.changes(cursor).articles] == ["3"]
    assert len(articles(store)) == 3


def test_a_byte_order_mark_crlf_and_blank_lines_do_no_harm(store: SqlStore, write: Write) -> None:
    path = write('\ufeff{"id": "1", "title": "一"}\r\n\r\n   \r\n{"id": "2", "title": "二"}')
    assert import_files([path], store) == ImportReport(new=2)


def test_the_documented_lines_can_be_imported_and_every_key_is_documented(store: SqlStore, write: Write) -> None:
    (sample,) = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)
    assert import_files([write(sample)], store) == ImportReport(new=2)
    assert parents(store) == {"米国関連": None, "国内": None, "空港": "国内"}
    assert [key for key in FULL if f"`{key}`" not in DOCS.partition("### JSON Lines")[2]] == []


def test_null_is_the_same_as_nothing_said(store: SqlStore, write: Write) -> None:
    path = write('{"id": "1", "title": "一", "summary": null, "tags": null, "announce": null, "categories": null}')
    assert import_files([path], store) == ImportReport(new=1)
    assert articles(store)["1"].announce is None


def test_an_article_without_a_date_is_published_when_it_is_imported(store: SqlStore, write: Write) -> None:
    path = write(lines({"id": "1", "title": "一"}))
    import_files([path], store)
    published = articles(store)["1"].published
    assert published.endswith("Z")
    import_files([path], store)
    assert articles(store)["1"].published == published


def test_a_category_written_by_hand_is_found_by_its_name(store: SqlStore, write: Write) -> None:
    import_files([write(lines({"id": "1", "title": "一", "categories": [{"name": "米国関連", "slug": "us"}]}))], store)
    import_files([write(lines({"id": "2", "title": "二", "categories": ["米国関連", "us"]}))], store)
    assert articles(store)["2"].categories == ("us",)


WRONG_LINES = {
    '{"title": "x"}': 'an article needs an "id", a text that stays the same when the article is edited',
    '{"id": " ", "title": "x"}': 'an article needs an "id", a text that stays the same when the article is edited',
    '{"id": true, "title": "x"}': 'an article needs an "id", a text that stays the same when the article is edited',
    '{"id": "9"}': 'an article needs a "title" or "content"',
    '{"id": "9", "title": " "}': 'an article needs a "title" or "content"',
    '{"id": "9", "titel": "x"}': '"titel" is not a key of an article (did you mean "title"?)',
    '{"id": "9", "title": "x", "zzz": 1}': '"zzz" is not a key of an article (known: id, guid,',
    '{"id": "9", "title": 7}': '"title" must be a text in quotation marks',
    '{"id": "9", "title": "x", "tags": "a"}': '"tags" must be a list [ … ]',
    '{"id": "9", "title": "x", "tags": [1]}': '"tags" must be a list of texts in quotation marks',
    '{"id": "9", "title": "x", "announce": "yes"}': '"announce" must be true or false, without quotation marks',
    '{"id": "9", "title": "x", "images": ["a"]}': '"images" must be a list of objects { … }',
    '{"id": "9", "title": "x", "images": [{"alt": "a"}]}': 'an image needs a "url"',
    '{"id": "9", "title": "x", "images": [{"url": "a", "licence": ""}]}': '(did you mean "license"?)',
    '{"id": "9", "title": "x", "links": [{"rel": "next", "url": "a"}]}': 'the "rel" of a link is "via" (a source) or',
    '{"id": "9", "title": "x", "links": [{"rel": "via"}]}': 'a link needs a "url"',
    '{"id": "9", "title": "x", "categories": [""]}': '"categories" lists names, or objects such as',
    '{"id": "9", "title": "x", "categories": [{"slug": "a"}]}': 'a category needs a "name"',
    '{"id": "9", "title": "x", "categories": [{"name": "a", "parant": "b"}]}': '(did you mean "parent"?)',
    '{"id": "9", "title": "x", "published": "昨日"}': '"published" cannot be read as a date',
    '{"id": "9", "title": "x", "updated": "1066-10-14"}': '"updated" lies outside the years',
    '{"id": "9", "id": "8", "title": "x"}': 'the key "id" stands there twice',
    '{"id": "9", "title": "x"': "not valid JSON (at character",
    '{"id": "9", "title": "x"} {}': "not valid JSON (at character",
    "[1]": "one object { … } is needed on each line",
    '{"id": "9", "title": "x", "tags": ' + "[" * 100_000 + "]" * 100_000 + "}": "nested too deeply",
}


@pytest.mark.parametrize(("line", "reason"), WRONG_LINES.items(), ids=range(len(WRONG_LINES)))
def test_a_wrong_line_refuses_the_file_with_line_and_reason(
    store: SqlStore, write: Write, line: str, reason: str
) -> None:
    said = refused(store, write(lines(FULL, {"id": "2", "title": "二"}) + f"\n{line}\n", "site.jsonl"))
    assert said.startswith("site.jsonl:4: ")
    assert reason in said


def test_bytes_that_are_not_utf_8_are_refused(store: SqlStore, write: Write) -> None:
    assert refused(store, write(b'{"id": "1", "title": "\xff"}', "a.jsonl")) == "a.jsonl:1: not UTF-8 text (at byte 23)"


def test_an_id_said_twice_is_refused_naming_both_lines(store: SqlStore, write: Write) -> None:
    twice = write(lines({"id": "1", "title": "a"}, {"id": "2", "title": "b"}, {"id": 1, "title": "c"}), "a.jsonl")
    assert refused(store, twice) == 'a.jsonl:3: the id "1" is that of another article, at a.jsonl:1'
    first, second = write(lines(FULL), "one"), write(lines(FULL), "two")
    with pytest.raises(ImportRefused, match=r'two:1: the id "1" is that of another article, at .*one:1$'):
        import_files([first, second], store)


def test_up_to_ten_mistakes_are_told_at_once_whatever_their_file(store: SqlStore, write: Write) -> None:
    good = '{"id": "1", "title": "一", "url": "https://e.jp/1"}\n'
    one = write(good + '{"id": "2", "titel": "x"}\n' + good + "{", "one.jsonl")
    two = write("{}\n" * 20, "two.jsonl")
    with pytest.raises(ImportRefused) as error:
        import_files([one, write("<rss", "cut.xml"), two], store)
    told = str(error.value).splitlines()
    assert [line.partition(": ")[0].rpartition("/")[2] for line in told[:4]] == [
        "one.jsonl:2",
        "one.jsonl:3",
        "one.jsonl:4",
        "cut.xml:1",
    ]
    assert told[1].endswith(f'the id "1" is that of another article, at {one}:1')
    assert len(told) == 11
    assert told[-1] == "these are the first 10; there may be more"
    assert not store.file._place.exists()


def test_categories_in_a_circle_are_refused(store: SqlStore, write: Write) -> None:
    circle = [{"name": "A", "parent": "B"}, {"name": "B", "parent": "A"}]
    path = write(lines(FULL, {"id": "2", "title": "x", "categories": circle}), "a.jsonl")
    assert refused(store, path) == 'a.jsonl:2: the category "A" stands below itself: correct its parent'


def test_progress_counts_up_to_all_articles(store: SqlStore, write: Write) -> None:
    told: list[tuple[int, int]] = []
    path = write(lines(*({"id": str(n), "title": "x"} for n in range(1200))))
    import_files([path], store, progress=lambda done, total: told.append((done, total)))
    assert told == [(500, 1200), (1000, 1200), (1200, 1200)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_survives_the_way_in_and_out(tmp_path_factory: pytest.TempPathFactory, contents: list[str]) -> None:
    folder = tmp_path_factory.mktemp("texts")
    path = folder / "a.jsonl"
    path.write_text(lines(*({"id": str(n), "title": "x", "content": said} for n, said in enumerate(contents))))
    store = SqlOptions(name="blog", path=str(folder / "articles.db")).embedded()
    import_files([path], store)
    assert [article.content for article in store.changes(None).articles] == contents
    assert import_files([path], store) == ImportReport(unchanged=len(contents))


# ---------------------------------------------------------------- files of other kinds


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "x: nothing in it"),
        (b"\xef\xbb\xbf \n", "x: nothing in it"),
        (b"\x1f\x8b\x08", "x: neither a WordPress export (XML), nor a feed, nor JSON Lines"),
        (b'[{"id": "1"}]', "x:1: one list of everything: JSON Lines is needed, an article a line, without [ and ]"),
        (b"<html><body/></html>", "x:1: not a WordPress export: its first element is not <rss>"),
        (b"<!-- -->", "x:1: not well-formed XML: no element is in it"),
        (
            b'<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel><item/></channel></rss>',
            "x:1: an RSS file, but not a WordPress export: no wp:wxr_version stands before its items",
        ),
        (
            '<rss xmlns:wp="http://wordpress.org/export/1.2/"/>'.encode("utf-16"),
            "x:1: a WordPress export is needed in UTF-8: convert it",
        ),
        (
            b'<!-- a -->\n<!DOCTYPE rss [<!ENTITY a "a">]><rss/>',
            "x:2: a document type (<!DOCTYPE …>): WordPress exports have none",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused(store: SqlStore, write: Write, content: bytes, reason: str) -> None:
    assert refused(store, write(content, "x")) == reason


def test_a_file_that_is_not_there_is_refused(store: SqlStore, tmp_path: Path) -> None:
    assert refused(store, tmp_path / "no.xml") == "no.xml: no such file"
    (tmp_path / "folder").mkdir()
    assert refused(store, tmp_path / "folder") == (
        "folder: a folder without a Markdown or HTML file; name the files in it"
    )


def test_a_store_that_cannot_be_written_is_told(write: Write, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        import_files([write(lines(FULL))], SqlOptions(path=str(tmp_path)).embedded())


# ---------------------------------------------------------------- WordPress exports


HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!-- generator="WordPress/6.8" -->
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:wp="http://wordpress.org/export/1.2/"><channel><title>航空ニュース</title><link>https://example.com</link>
<wp:wxr_version>1.2</wp:wxr_version>
<wp:author><wp:author_login>taro</wp:author_login>
  <wp:author_display_name><![CDATA[航空太郎]]></wp:author_display_name></wp:author>
<wp:category><wp:term_id>2</wp:term_id><wp:category_nicename>us</wp:category_nicename>
  <wp:category_parent>world</wp:category_parent><wp:cat_name><![CDATA[米国 &amp; 関連]]></wp:cat_name></wp:category>
<wp:category><wp:term_id>1</wp:term_id><wp:category_nicename>world</wp:category_nicename>
  <wp:category_parent></wp:category_parent><wp:cat_name><![CDATA[海外]]></wp:cat_name></wp:category>
"""
POST = {
    "title": "記事",
    "link": "https://example.com/1",
    "guid": "https://example.com/?p=1",
    "dc:creator": "taro",
    "content:encoded": "一\n\n二",
    "excerpt:encoded": "",
    "wp:post_id": "1",
    "wp:post_date": "2026-04-28 09:00:00",
    "wp:post_date_gmt": "2026-04-28 00:00:00",
    "wp:status": "publish",
    "wp:post_type": "post",
    "wp:post_password": "",
}


def item(more: str = "", **said: str) -> str:
    """One item of an export; `__` in a name stands for the colon."""
    values = POST | {name.replace("__", ":"): value for name, value in said.items()}
    inside = "".join(f"<{name}><![CDATA[{value}]]></{name}>\n" for name, value in values.items())
    return f"<item>{inside}{more}</item>\n"


def meta(key: str, value: str) -> str:
    return f"<wp:postmeta><wp:meta_key>{key}</wp:meta_key><wp:meta_value>{value}</wp:meta_value></wp:postmeta>"


def export(*items: str) -> str:
    return HEAD + "".join(items) + "</channel></rss>"


def only(store: SqlStore, path: Path) -> RawArticle:
    import_files([path], store)
    (article,) = store.changes(None).articles
    return article


def test_a_post_arrives_with_all_it_has(store: SqlStore, write: Write) -> None:
    terms = (
        '<category domain="category" nicename="us"><![CDATA[米国 &amp; 関連]]></category>'
        '<category domain="post_tag" nicename="f-35"><![CDATA[F-35 &amp; F-22]]></category>'
        '<category domain="post_format" nicename="post-format-image"><![CDATA[Image]]></category>'
    )
    picture = item(
        meta("_wp_attachment_image_alt", "飛行するF-35"),
        wp__post_id="7",
        wp__post_type="attachment",
        wp__status="inherit",
        wp__attachment_url="https://example.com/a.jpg",
        excerpt__encoded="撮影：<b>空自</b>",
    )
    post = item(
        terms + meta("_thumbnail_id", "7"), excerpt__encoded="要約", wp__post_modified_gmt="2026-04-29 01:02:03"
    )
    path = write(export(post, picture))
    assert import_files([path], store) == ImportReport(new=1, skipped={"attachment": 1})
    assert articles(store)["1"] == RawArticle(
        id="1",
        guid="https://example.com/?p=1",
        url="https://example.com/1",
        title="記事",
        summary="要約",
        content="<p>一</p>\n<p>二</p>",
        published="2026-04-28T00:00:00Z",
        updated="2026-04-29T01:02:03Z",
        categories=("us",),
        tags=("F-35 & F-22",),
        authors=("航空太郎",),
        images=(Image("https://example.com/a.jpg", alt="飛行するF-35", credit="撮影：空自"),),
    )
    assert parents(store) == {"米国 & 関連": "world", "海外": None}
    assert import_files([path], store) == ImportReport(unchanged=1, skipped={"attachment": 1})


def test_a_title_is_decoded_to_plain_text_exactly_once(store: SqlStore, write: Write) -> None:
    article = only(store, write(export(item(title="A &amp; B &amp;amp; <em>試験</em> &lt;C&gt;"))))
    assert article.title == "A & B &amp; 試験 <C>"
    assert not article.title_is_html


@pytest.mark.parametrize("kind", ["post-format-aside", "post-format-status"])
def test_an_aside_or_a_status_is_a_brief(store: SqlStore, write: Write, kind: str) -> None:
    more = f'<category domain="post_format" nicename="{kind}"><![CDATA[x]]></category>'
    assert only(store, write(export(item(more)))).title == ""


def test_a_post_without_a_title_is_a_brief(store: SqlStore, write: Write) -> None:
    assert only(store, write(export(item(title="")))).title == ""


def test_blocks_stay_as_they_are(store: SqlStore, write: Write) -> None:
    blocks = "<!-- wp:paragraph -->\n<p>一\n二</p>\n<!-- /wp:paragraph -->\n\n三"
    assert only(store, write(export(item(content__encoded=blocks)))).content == blocks


def test_a_scheduled_post_waits_in_the_future(store: SqlStore, write: Write) -> None:
    article = only(store, write(export(item(wp__status="future", wp__post_date_gmt="2096-01-01 00:00:00"))))
    assert article.published == article.updated == "2096-01-01T00:00:00Z"


def test_a_date_without_its_utc_is_meant_in_the_sites_zone(store: SqlStore, write: Write) -> None:
    article = only(store, write(export(item(wp__post_date_gmt="0000-00-00 00:00:00"))))
    assert article.published == "2026-04-28T09:00:00"


def test_an_author_nobody_describes_is_named_by_the_login(store: SqlStore, write: Write) -> None:
    assert only(store, write(export(item(dc__creator="hanako")))).authors == ("hanako",)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"wp__status": "draft"}, "draft"),
        ({"wp__status": "pending"}, "pending"),
        ({"wp__status": "private"}, "private"),
        ({"wp__status": "trash"}, "trash"),
        ({"wp__status": ""}, "without a status"),
        ({"wp__post_password": "秘密"}, "password-protected"),
        ({"wp__status": "future", "wp__post_password": "x"}, "password-protected"),
        ({"wp__post_type": "page"}, "page"),
        ({"wp__post_type": "nav_menu_item"}, "nav_menu_item"),
        ({"wp__post_type": ""}, "without a type"),
        ({"title": "", "content__encoded": " "}, "without title and content"),
    ],
)
def test_what_is_not_for_the_public_is_left_out_and_counted(
    store: SqlStore, write: Write, said: dict[str, str], reason: str
) -> None:
    assert import_files([write(export(item(**said)))], store) == ImportReport(skipped={reason: 1})
    assert articles(store) == {}


def test_control_characters_that_xml_forbids_do_no_harm(store: SqlStore, write: Write) -> None:
    assert only(store, write(export(item(title="制\x08御\x00文\x0b字")))).title == "制御文字"


def test_a_comment_inside_a_text_is_no_end_of_it(store: SqlStore, write: Write) -> None:
    said = export(item()).replace("<![CDATA[記事]]>", "記<!-- 注 -->事")
    assert only(store, write(said)).title == "記事"


def test_an_export_of_an_older_version_is_read(store: SqlStore, write: Write) -> None:
    old = export(item()).replace("export/1.2/", "export/1.0/")
    assert import_files([write(old)], store) == ImportReport(new=1)


COMMENT = {
    "wp:comment_id": "7",
    "wp:comment_author": "読者 &amp; 友",
    "wp:comment_author_email": "canary@example.com",
    "wp:comment_author_url": "https://canary.example/",
    "wp:comment_author_IP": "192.0.2.1",
    "wp:comment_date": "2026-04-29 09:00:00",
    "wp:comment_date_gmt": "2026-04-29 00:00:00",
    "wp:comment_content": "一\n\n[gallery] <em>二</em>\n三",
    "wp:comment_approved": "1",
    "wp:comment_type": "comment",
    "wp:comment_parent": "0",
}


def comment(**said: str) -> str:
    """One comment of an item; names without their `wp:comment_`."""
    values = COMMENT | {f"wp:comment_{name}": value for name, value in said.items()}
    inside = "".join(f"<{name}><![CDATA[{value}]]></{name}>\n" for name, value in values.items())
    return f"<wp:comment>{inside}</wp:comment>\n"


def test_a_comment_arrives_as_readers_saw_it_and_without_what_they_did_not(store: SqlStore, write: Write) -> None:
    report = import_files([write(export(item(comment() + comment(id="8", parent="7", type=""))))], store)
    assert report == ImportReport(new=1, comments=Written(new=2))
    first, answer = store.changes(None).comments
    assert first == RawComment(
        id="7",
        article="1",
        author="読者 & 友",
        content="<p>一</p>\n<p>[gallery] <em>二</em><br />\n三</p>",
        published="2026-04-29T00:00:00Z",
    )
    assert (answer.id, answer.parent) == ("8", "7")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"approved": "0"}, "comment not approved"),
        ({"approved": "spam"}, "comment not approved"),
        ({"approved": "trash"}, "comment not approved"),
        ({"type": "pingback"}, "pingback"),
        ({"type": "trackback"}, "trackback"),
        ({"type": "note", "approved": "0"}, "note"),
        ({"id": ""}, "comment without an id"),
        ({"date": "", "date_gmt": "0000-00-00 00:00:00"}, "comment without a date"),
        ({"date_gmt": "2026-13-01 00:00:00"}, "comment without a date"),
    ],
)
def test_what_is_no_comment_for_the_public_is_left_out_and_counted(
    store: SqlStore, write: Write, said: dict[str, str], reason: str
) -> None:
    report = import_files([write(export(item(comment(**said))))], store)
    assert report == ImportReport(new=1, skipped={reason: 1})
    assert store.changes(None).comments == ()


def test_comments_on_what_is_not_imported_are_left_out_and_counted(store: SqlStore, write: Write) -> None:
    about = (item(comment(), wp__post_type="page"), item(comment(id="8"), wp__status="draft"))
    assert import_files([write(export(*about))], store) == ImportReport(
        skipped={"page": 1, "draft": 1, "comment on what is left out": 2}
    )


def test_an_edited_comment_is_changed_and_no_other(store: SqlStore, write: Write) -> None:
    import_files([write(export(item(comment() + comment(id="8"))))], store)
    cursor = store.changes(None).cursor
    edited = write(export(item(comment() + comment(id="8", content="改"))))
    assert import_files([edited], store).comments == Written(changed=1, unchanged=1)
    batch = store.changes(cursor)
    assert (batch.articles, [one.content for one in batch.comments]) == ((), ["<p>改</p>"])


BOMB = "<!DOCTYPE rss [<!ENTITY a0 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)
)
FIRST = HEAD.count("\n") + 1
SECOND = FIRST + item().count("\n")
BROKEN = {
    "no id": (export(item(), item(wp__post_id="")), SECOND, "a post without wp:post_id"),
    "no date": (
        export(item(wp__post_date="", wp__post_date_gmt="0000-00-00 00:00:00")),
        FIRST,
        "post 1 has no date: neither wp:post_date_gmt nor wp:post_date is set",
    ),
    "a wrong date": (
        export(item(wp__post_date_gmt="2026-13-01 00:00:00")),
        FIRST,
        "wp:post_date_gmt cannot be read as",
    ),
    "the same id": (export(item(), item()), SECOND, f'the id "1" is that of another article, at export.xml:{FIRST}'),
    "the same comment": (
        export(item(comment()), item(comment(), wp__post_id="2")),
        FIRST + item(comment()).count("\n"),
        f'the id "7" is that of another comment, at export.xml:{FIRST}',
    ),
    "cut in a tag": (export(item())[:-30], SECOND - 2, "not well-formed XML: a tag that does not end"),
    "cut in a text": (
        export(item()).partition("一")[0],
        FIRST + 4,
        "not well-formed XML: a CDATA section that does not end",
    ),
    "cut between items": (HEAD + item(), SECOND, "not well-formed XML: the file ends in the middle"),
    "an entity": (
        export(item().replace("<![CDATA[記事]]>", "&nbsp;")),
        FIRST,
        "not well-formed XML: an entity such as",
    ),
    "an ampersand": (export(item().replace("<![CDATA[記事]]>", "A & B")), FIRST, "not well-formed XML: a < or & that"),
    "a category without a name": (
        export("<wp:category><wp:term_id>3</wp:term_id></wp:category>"),
        FIRST,
        "a category without wp:cat_name",
    ),
    "an entity bomb": (export(item()).replace("<rss ", f'{BOMB}]><rss x="&a11;" ', 1), 3, "not well-formed XML"),
    "a quieter bomb": (export(item()).replace("<rss ", f"{BOMB}]><rss ", 1), 5, "a document type (<!DOCTYPE …>)"),
}


@pytest.mark.parametrize(("content", "line", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_export_is_refused_with_line_and_reason(
    store: SqlStore, write: Write, content: str, line: int, reason: str
) -> None:
    assert refused(store, write(content, "export.xml")).startswith(f"export.xml:{line}: {reason}")


def test_a_line_far_down_is_named_rightly(store: SqlStore, write: Write) -> None:
    far = export("\n" * 100_000 + item(wp__post_id=""))
    assert refused(store, write(far, "export.xml")) == f"export.xml:{FIRST + 100_000}: a post without wp:post_id"


KILLED = """
import os, signal, sys
from pathlib import Path
from feedpub.stores.imports import import_files
from feedpub.stores.sql import SqlOptions
store = SqlOptions(name="blog", path=sys.argv[1]).embedded()
import_files([Path(sys.argv[2])], store, progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_an_import_killed_in_the_middle_leaves_nothing(store: SqlStore, write: Write, tmp_path: Path) -> None:
    import_files([write(lines(FULL))], store)
    before = store.changes(None)
    path = write(lines(*({"id": str(n), "title": "x", "categories": ["新"]} for n in range(1200))))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "articles.db"), str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert store.changes(None) == before
    assert import_files([path], store) == ImportReport(new=1199, changed=1)


def test_files_of_both_kinds_go_in_together_or_not_at_all(store: SqlStore, write: Write) -> None:
    first, second = write(export(item()), "export.xml"), write(lines({"id": "2", "title": "二"}), "more.jsonl")
    with pytest.raises(ImportRefused):
        import_files([first, second, write("{", "broken")], store)
    assert articles(store) == {}
    assert import_files([first, second], store) == ImportReport(new=2)


def test_a_copied_post_does_not_keep_the_guid_of_its_model(store: SqlStore, write: Write) -> None:
    copied = lines({"id": "1", "guid": "g", "title": "一"}, {"id": "2", "guid": "g", "title": "二"})
    assert import_files([write(copied)], store) == ImportReport(new=2, reguided=1)
    assert {key: article.guid for key, article in articles(store).items()} == {"1": "g", "2": ""}


# ---------------------------------------------------------------- WordPress's own theme test data


@pytest.mark.skipif(
    not THEME_TEST.exists(), reason="WordPress's theme test data is not beside the project (shared/data)"
)
class TestThemeTestData:
    def test_every_post_for_the_public_arrives_and_no_other(self, store: SqlStore) -> None:
        report = import_files([THEME_TEST], store)
        assert report == ImportReport(
            new=56,
            reguided=2,
            skipped={
                "page": 21,
                "attachment": 37,
                "nav_menu_item": 70,
                "draft": 1,
                "password-protected": 1,
                "pingback": 2,
                "trackback": 2,
                "comment not approved": 3,
                "comment on what is left out": 4,
            },
            comments=Written(new=22),
        )
        titles = {article.title for article in articles(store).values()}
        assert not [title for title in titles if "Password" in title or title == "Draft"]
        assert "Markup: Title With Markup" in titles
        assert "Markup: Title With Special Characters ~`!@#$%^&*()-_=+{}[]/\\;:'\"?,.>" in titles

    def test_the_same_again_changes_nothing(self, store: SqlStore) -> None:
        import_files([THEME_TEST], store)
        cursor = store.changes(None).cursor
        again = import_files([THEME_TEST], store)
        assert (again.unchanged, again.comments) == (56, Written(unchanged=22))
        assert store.changes(cursor).cursor == cursor

    def test_comments_keep_their_authors_their_dates_and_whom_they_answer(self, store: SqlStore) -> None:
        import_files([THEME_TEST], store)
        comments = {comment.id: comment for comment in store.changes(None).comments}
        assert comments["915"] == RawComment(
            id="915",
            article="1148",
            parent="914",
            author="themedemos",
            content="<p>Comment Depth 10</p>\n<p>Also an author comment.</p>",
            published="2013-03-14T15:14:47Z",
        )
        assert comments["881"].author == "John Γιάννης Doe Κάποιος"
        above = "915"
        depths = [above]
        while above := comments[above].parent:
            depths.append(above)
        assert depths == ["915", "914", "913", "912", "911", "910", "907", "906", "905", "904"]
        assert {comment.article for comment in comments.values()} <= articles(store).keys()

    def test_what_is_special_about_a_post_is_kept(self, store: SqlStore) -> None:
        import_files([THEME_TEST], store)
        posts = articles(store)
        assert [key for key, post in posts.items() if not post.title] == ["559", "579", "1169"]
        assert posts["1153"].published == "2030-01-01T19:00:18Z"
        assert posts["1011"].images[0].alt == "Horizontal Featured Image"
        assert posts["358"].authors == ("Theme Buster",)
        assert posts["358"].guid == "https://wpthemetestdata.wordpress.com/?p=358"
        assert posts["358"].content.startswith("<p>All children, except one, grow up.")
        assert len(posts["1152"].categories) > 50
        assert "[caption" not in "".join(post.content for post in posts.values())

    def test_nested_categories_keep_their_parents(self, store: SqlStore) -> None:
        import_files([THEME_TEST], store)
        tree = parents(store)
        assert tree["Grandchild Category"] == "child-category-03"
        assert tree["Child Category 03"] == "parent-category"
        assert tree["Parent Category"] is None


def test_an_export_carries_what_the_author_says_about_the_notice(store: SqlStore, write: Write) -> None:
    said = meta("feedpub_announce", "no") + meta("feedpub_notice", "三沢に到着")
    article = only(store, write(export(item(said))))
    assert (article.announce, article.notice) == (False, "三沢に到着")
