"""The nasty cases that have broken feeds elsewhere, each from the row of a store to what a reader of the feed sees.

Every format is held to the bar: no error and no warning of the strictest validator, save those a case names. The
numbers are those of the list the cases come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub import clean
from feedpub.feeds.catalog import FeedsOptions, FeedSpec
from feedpub.model import Article, Category, Image, Quarantined, RawArticle, Site
from feedpub.web import Server, public_app
from tests.databases import migrated_sqlite
from tests.edge.test_publisher import Desk
from tests.golden.reading import Read, read
from tests.golden.rules import assert_feed, complaints
from tests.golden.samples import OPTIONS, SITE, WHOLE, files
from tests.unit.test_clean import ROWS
from tests.unit.test_clean_markup import MARKUP

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TOKYO = SITE.model_copy(update={"timezone": "Asia/Tokyo"})
RAW = RawArticle(
    id="12",
    url="https://example.com/articles/12/",
    title="F-35Bの配備",
    summary="要約です。",
    content="<p>本文です。</p>",
    published="2026-04-28T09:30:00+09:00",
    updated="2026-04-29T10:02:03+09:00",
    authors=("山田",),
)
OTHER = replace(RAW, id="13", url="https://example.com/articles/13/", title="別の記事", updated="2026-04-30T00:00:00Z")


def cleaned(raw: RawArticle, site: Site = TOKYO, guid: str = "") -> Article:
    """The article of a row that can go out."""
    result = clean.article(raw, store="blog", site=site, guid=guid)
    assert isinstance(result, clean.Cleaned), result
    return result.article


def warnings(raw: RawArticle) -> tuple[str, ...]:
    """What was mended in a row."""
    result = clean.article(raw, store="blog", site=TOKYO)
    assert isinstance(result, clean.Cleaned), result
    return result.warnings


def made(
    *rows: RawArticle,
    besides: tuple[str, ...] = (),
    site: Site = TOKYO,
    spec: FeedSpec = WHOLE,
    options: FeedsOptions = OPTIONS,
) -> dict[str, bytes]:
    """The files of a feed of these rows; every checker finds nothing in them but what `besides` names."""
    written = files([cleaned(row, site) for row in rows], site=site, spec=spec, options=options)
    for ending, content in written.items():
        location = f"{options.base_url}{spec.address}.{ending}"
        told = complaints(ending, content, location=location, now=NOW)
        assert [one for one in told if one.message not in besides] == [], ending
    return written


def entries(*rows: RawArticle, **how: Any) -> list[list[Read]]:
    """What readers see of these rows in each format."""
    return [read(ending, content) for ending, content in made(*rows, **how).items()]


def entry(row: RawArticle, **how: Any) -> list[Read]:
    """What readers see of this row, once for each format."""
    return [only for (only,) in entries(row, **how)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A publisher with a store, a database and an output folder."""
    desk = Desk(migrated_sqlite(tmp_path), tmp_path)
    yield desk
    desk.ledger.close()


# ---------------------------------------------------------------- characters

CONTROLS = "".join(map(chr, [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20)]))


# 1
def test_control_characters_vanish_are_told_and_lose_nothing_else() -> None:
    row = replace(
        RAW,
        url=f"https://example.com/{CONTROLS}articles/12/",
        title=f"F-35B{CONTROLS}の配備",
        content=f"<p>本文{CONTROLS}です。</p>",
        authors=(f"山{CONTROLS}田",),
        tags=(f"戦闘{CONTROLS}機",),
        images=(Image("https://example.com/a.jpg", alt=f"写{CONTROLS}真", credit=f"防衛{CONTROLS}省"),),
    )
    for one in entry(row):
        assert (one.title, one.html, one.authors) == ("F-35Bの配備", "<p>本文です。</p>", ("山田",))
        assert (one.tags, one.link) == (("戦闘機",), "https://example.com/articles/12/")
    assert warnings(row) == ("characters that no feed can carry were taken out of url, title, content",)
    filed = clean.category(Category("blog", "1", f"米{CONTROLS}国", f"u{CONTROLS}s"))
    assert (filed.name, filed.slug) == ("米国", "us")


# 1
def test_quotation_marks_of_another_encoding_are_what_their_author_meant() -> None:
    row = replace(RAW, title="\x93F-35B\x94の\x81配備", content="<p>本文\x85です\x80。&#147;</p>")
    for one in entry(row):
        assert (one.title, one.html) == ("“F-35B”の配備", "<p>本文\nです€。“</p>")
    assert warnings(row) == ("characters that no feed can carry were taken out of title, content",)


# 2
@pytest.mark.parametrize("no_character", ["\ufffe", "\uffff", "\ufdd0", "\U0001ffff"])
def test_what_is_no_character_is_shown_as_lost(no_character: str) -> None:
    row = replace(RAW, title=f"題{no_character}名", content=f"<p>本{no_character}文</p>")
    for one in entry(row, besides=("BadCharacters",)):
        assert (one.title, one.html) == ("題\ufffd名", "<p>本\ufffd文</p>")


# 3
@pytest.mark.parametrize("lone", [chr(0xD83D), chr(0xDE80), chr(0xDE80) + chr(0xD83D)])
def test_a_lone_surrogate_is_shown_as_lost_alike_in_every_format(lone: str) -> None:
    row = replace(RAW, title=f"ロケット{lone}", content=f"<p>発射{lone}</p>", authors=(f"山田{lone}",))
    lost = "\ufffd" * len(lone)
    for one in entry(row, besides=("BadCharacters",)):
        assert (one.title, one.html) == (f"ロケット{lost}", f"<p>発射{lost}</p>")
        assert one.authors == (f"山田{lost}",)


# 4
@pytest.mark.parametrize(
    "kept", ["\U0001f680", "\U0001f469\u200d\U0001f680", "\u2764\ufe0f", "か\u3099", "ｶﾞ", "\U00020bb7野家", "e\u0301"]
)
def test_emoji_joiners_and_combining_signs_are_the_same_bytes(kept: str) -> None:
    row = replace(RAW, title=kept, content=f"<p>{kept}</p>")
    for ending, content in made(row).items():
        assert kept.encode() in content, ending
    assert {(one.title, one.html) for one in entry(row)} == {(kept, f"<p>{kept}</p>")}


# 5
@pytest.mark.parametrize("marks", ["]]>", "<![CDATA[x]]>", "a]]]]><![CDATA[>b"])
def test_the_marks_of_cdata_survive_in_body_excerpt_and_title(marks: str) -> None:
    row = replace(RAW, title=f"題 {marks}", summary=f"要約 {marks}", content=f"<p>本文 {marks}</p>")
    article = cleaned(row)
    assert article.title == f"題 {marks}"
    assert clean.plain_text(article.content) == f"本文 {marks}"
    assert article.summary == f"要約 {marks}"
    for ending, content in made(row).items():
        (one,) = read(ending, content)
        assert clean.plain_text(one.html) == f"本文 {marks}"
        assert clean.plain_text(one.summary) == f"要約 {marks}" if ending == "rss" else one.summary == f"要約 {marks}"
        assert one.title == f"題 {marks}"


# 6
def test_signs_in_a_title_are_escaped_once() -> None:
    row = replace(RAW, title="A & B <試験>")
    assert [one.title for one in entry(row)] == ["A & B <試験>"] * len(made(row))
    written = made(row)
    assert re.search(rb"<title>A &(?:amp|#x26|#38); B &(?:lt|#x3C|#60);", written["rss"])


# 7
def test_a_title_that_the_store_says_is_html_is_decoded_once_to_plain_text() -> None:
    row = replace(RAW, title="<b>F-35B</b>の&#8220;配備&#8221; &amp; 訓練&hellip;", title_is_html=True)
    assert {one.title for one in entry(row)} == {"F-35Bの“配備” & 訓練…"}


# 8
@pytest.mark.parametrize("title", ["", " ", "\n\t", "\u3000", "\u200b"])
def test_without_a_title_the_feed_is_not_lost(title: str) -> None:
    row = replace(RAW, title=title)
    for one, other in entries(row, OTHER, besides=("NotBlank",)):
        assert (one.id, one.html) == ("tag:example.com,2026:12", "<p>本文です。</p>")
        assert other.title == "別の記事"


# 9
def test_line_ends_are_the_same_however_the_store_writes_them() -> None:
    lines = [replace(RAW, content=f"<pre>一{end}二</pre>", summary=f"一{end}二") for end in ("\r\n", "\r", "\n")]
    assert made(lines[0]) == made(lines[1]) == made(lines[2])
    assert {one.html for one in entry(lines[0])} == {"<pre>一\n二</pre>"}


# 10
def test_html_that_is_no_xml_goes_out_as_escaped_html() -> None:
    row = replace(RAW, content="<p>一&nbsp;二<br>三<p>四<img src=a.png>")
    for ending, content in made(row).items():
        assert b"xhtml" not in content
        (one,) = read(ending, content)
        assert clean.plain_text(one.html) == "一 二 三 四"
        assert one.html.count("<br>") == 1


# ---------------------------------------------------------------- addresses and markup


# 11
def test_every_relative_address_is_absolute_in_the_feed() -> None:
    row = replace(
        RAW,
        content="<p><img src='a.png' srcset='b.png 1x, /c.png 2x'><a href='#note'>注</a><a href='?page=2'>次</a>"
        "<a href='//cdn.example.net/x'>網</a><a href='../7/'>前</a></p><video src='v.mp4' poster='p.jpg'></video>",
    )
    here = "https://example.com/articles/12/"
    for one in entry(row):
        assert set(re.findall(r'(?:src|href|poster)="([^"]*)"', one.html)) >= {
            f"{here}a.png", f"{here}#note", f"{here}?page=2", "https://cdn.example.net/x",
            "https://example.com/articles/7/", f"{here}v.mp4", f"{here}p.jpg",
        }  # fmt: skip
        assert f'srcset="{here}b.png 1x, https://example.com/c.png 2x"' in one.html


# 12
def test_what_is_dangerous_is_dropped_and_what_was_embedded_is_a_link() -> None:
    row = replace(
        RAW,
        content="<p onclick='x()' style='color:red'>本文</p><script>x()</script><style>p{}</style>"
        "<a href='javascript:x()'>押す</a><a href='data:text/html,x'>開く</a><form action='/s'><input name=q></form>"
        "<iframe src='https://video.example.net/7' title='動画'></iframe><object data='x.swf'></object>"
        "<svg onload='x()'><script>x()</script></svg><img src='data:image/gif;base64,R0lGOD' onerror='x()'>",
    )
    for one in entry(row):
        assert not re.search(r"x\(\)|javascript|data:|style|<form|<iframe|<svg|<object|on[a-z]+=", one.html)
        assert '<a href="https://video.example.net/7">動画</a>' in one.html
        assert "押す" in one.html


# 13
@pytest.mark.parametrize(
    "lazy",
    [
        (
            '<img src="data:image/gif;base64,R0lGOD" data-src="/a.jpg" data-srcset="/a.jpg 1x, /b.jpg 2x">'
            '<noscript><img src="/a.jpg" alt="機体"></noscript>'
        ),
        (
            '<noscript><img src="/a.jpg" alt="機体"></noscript>'
            '<img class="lazyload" src="data:image/svg+xml,%3Csvg%3E" data-src="/a.jpg" data-sizes="auto" alt="機体">'
        ),
        '<img src="/assets/lazy_placeholder.gif" data-lazy-src="/a.jpg" alt="機体">',
        '<img class="lazy" src="/a-32x24.jpg" data-original="/a.jpg" alt="機体">',
        '<img src="/1x1.trans.gif"><noscript><img src="/a.jpg" alt="機体"></noscript>',
        '<picture><source data-srcset="/a.webp" type="image/webp"><img data-src="/a.jpg" alt="機体"></picture>',
        '<img src="/a.jpg" alt="機体" data-src="/larger.jpg">',
    ],
)
def test_a_picture_that_was_to_be_loaded_later_is_there_at_once_and_once(lazy: str) -> None:
    row = replace(RAW, content=f"<figure>{lazy}<figcaption>写真</figcaption></figure>")
    for one in entry(row):
        assert one.html.count("<img ") == 1
        assert 'src="https://example.com/a.jpg"' in one.html
        assert 'alt="機体"' in one.html
        assert not re.search("data:|data-|noscript", one.html)


# 13
def test_a_frame_that_was_to_be_loaded_later_is_a_link_and_a_pixel_that_counts_readers_is_gone() -> None:
    row = replace(
        RAW,
        content='<p>本文</p><iframe src="about:blank" data-src="https://video.example.net/7" title="動画"></iframe>'
        '<video poster="data:image/gif;base64,R0lGOD" data-poster="/p.jpg" data-src="/v.mp4"></video>'
        '<noscript><img height="1" width="1" src="https://count.example.net/tr?id=1"></noscript>',
    )
    for one in entry(row):
        assert '<a href="https://video.example.net/7">動画</a>' in one.html
        assert 'poster="https://example.com/p.jpg"' in one.html
        assert 'src="https://example.com/v.mp4"' in one.html
        assert "count.example.net" not in one.html


# 14
def test_entities_are_text_and_nothing_expands_them() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ははは"><!ENTITY b "&a;&a;&a;">]><p>&b;&b; &amp;b; <b>本文</b></p>'
    row = replace(RAW, content=bomb, summary="&b;", title="&b;", title_is_html=True)
    for ending, content in made(row).items():
        assert b"<!DOCTYPE" not in content
        assert b"<!ENTITY" not in content
        (one,) = read(ending, content)
        assert "ははは" not in one.html
        assert "<b>本文</b>" in one.html


# 15
@pytest.mark.parametrize(
    ("url", "carried"),
    [
        ("https://example.com/記事/飛行 機", "https://example.com/%E8%A8%98%E4%BA%8B/%E9%A3%9B%E8%A1%8C%20%E6%A9%9F"),
        ("https://example.com/%E8%A8%98/[1]?q=あ", "https://example.com/%E8%A8%98/%5B1%5D?q=%E3%81%82"),
        ("https://例え.jp/a", "https://xn--r8jz45g.jp/a"),
        ("https://example.com/100%", "https://example.com/100%25"),
    ],
)
def test_an_address_with_japanese_signs_or_spaces_is_encoded_once(url: str, carried: str) -> None:
    assert {one.link for one in entry(replace(RAW, url=url))} == {carried}


# 16
def test_an_ampersand_in_the_address_of_a_picture_is_escaped_once() -> None:
    row = replace(RAW, images=(Image("https://example.com/a.jpg?w=1&h=2"),))
    for ending, content in made(row).items():
        (one,) = read(ending, content)
        assert [url for url, _ in one.enclosures] == ["https://example.com/a.jpg?w=1&h=2"]
    assert made(row)["rss"].count(b"w=1&amp;h=2") == made(row)["rss"].count(b"w=1")


# ---------------------------------------------------------------- ids


# 17
@pytest.mark.parametrize("slug", ["飛行機-の-話", "記事/1 番", "か\u3099", "a#b?c=d&e"])
def test_an_id_made_from_a_japanese_slug_is_a_valid_tag(slug: str) -> None:
    # Ids that Unicode could write in another way stay as their store writes them.
    besides = ("NonCanonicalURI",) if slug == "か\u3099" else ()
    ids = {one.id for one in entry(replace(RAW, id=slug), besides=besides)}
    assert len(ids) == 1
    assert all(re.fullmatch(r"tag:example\.com,2026:[!-~]+", id_) for id_ in ids)


# 18
@pytest.mark.parametrize("guid", ["記事 12", "12345678-90ab", "post-12", "a&b<c"])
def test_a_guid_that_is_no_address_is_no_permalink(guid: str) -> None:
    written = made(replace(RAW, guid=guid))
    assert b'isPermaLink="false"' in written["rss"]
    assert read("rss", written["rss"])[0].id == guid
    assert read("atom", written["atom"])[0].id.startswith("tag:example.com,2026:guid:")


# 19
def test_an_id_outlives_slug_title_domain_and_scheme() -> None:
    site = TOKYO.model_copy(update={"authority": "example.com"})
    moved = site.model_copy(update={"url": "http://news.example.net/"})
    renamed = replace(RAW, url="http://news.example.net/別の場所/", title="新しい題", content="<p>改稿</p>")
    before = entry(RAW, site=site)
    after = entry(renamed, site=moved)
    assert [one.id for one in before] == [one.id for one in after]
    assert [one.link for one in before] != [one.link for one in after]
    # What the store calls it may change too: the ledger remembers what was said first.
    first = cleaned(replace(RAW, guid="http://example.com/?p=12"))
    again = cleaned(replace(RAW, guid="https://example.com/?p=12"), guid=first.guid)
    assert again.guid == first.guid


# 20
def test_of_two_articles_with_one_id_the_newcomer_is_held_back_and_both_are_named(desk: Desk) -> None:
    desk.article("1", guid="https://news.test/?p=1")
    desk.round(minutes=1)
    desk.article("2", guid="https://news.test/?p=1", title="同じ名の記事")
    desk.article("3")
    desk.round(minutes=1)
    titles = [one.title for one in read("rss", desk.feed().encode())]
    assert sorted(titles) == ["記事1", "記事3"]
    ((store, kept_out),) = desk.ledger.articles.quarantined()
    assert (store, kept_out.id) == ("blog", "2")
    assert "1" in kept_out.reason


# ---------------------------------------------------------------- dates


# 21
def test_an_edit_moves_the_update_and_never_the_publication() -> None:
    edited = replace(RAW, title="F-35Bの配備(訂正)", updated="2026-05-01T00:00:00Z")
    for before, after in zip(entry(RAW), entry(edited), strict=True):
        assert before.published == after.published == datetime(2026, 4, 28, 0, 30, tzinfo=UTC)
        assert after.updated == datetime(2026, 5, 1, tzinfo=UTC)
        assert before.id == after.id


# 22
def test_what_did_not_change_is_the_same_bytes() -> None:
    assert made(RAW, OTHER) == made(replace(RAW), replace(OTHER))


# 23
def test_an_edit_elsewhere_leaves_a_feed_alone(desk: Desk) -> None:
    desk.article("1", categories=("1",))
    desk.article("2")
    desk.round(minutes=1)
    public = desk.folder / desk.output
    kept = [public / f"category/japan.{ending}" for ending in ("rss", "atom")]
    before = [(file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) for file in kept]
    whole = desk.feed()
    desk.article("2", title="別の題", updated=desk.now.isoformat())
    desk.round(minutes=1)
    assert desk.feed() != whole
    assert [(file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) for file in kept] == before


# 24, 25: tests/edge/test_web.py, conditions and clocks


# 26
def test_a_date_without_a_zone_is_meant_in_the_sites() -> None:
    naive = replace(RAW, published="2026-04-28T09:30:00", updated="2026-04-29 10:02:03")
    assert made(naive) == made(RAW)


# 27
@pytest.mark.parametrize(
    "published", ["0001-01-01", "9999-12-31", "1970-01-01T00:00:00Z", "昨日", "Mon, 01 Jan 1 00:00:00 GMT"]
)
def test_a_date_that_cannot_be_meant_is_refused_with_a_reason(published: str) -> None:
    result = clean.article(replace(RAW, published=published), store="blog", site=TOKYO)
    assert isinstance(result, Quarantined)
    assert result.reason.startswith("published ")


# 28: test_feeds.py, the same bytes in every process; tests/readers, a process that truly is Japanese


# 29
def test_an_article_of_the_future_is_neither_in_the_feed_nor_in_its_date(desk: Desk) -> None:
    desk.article("1")
    desk.round(minutes=1)
    before = desk.feed()
    desk.article("2", published=(desk.now + timedelta(hours=2)).isoformat())
    desk.round(minutes=1)
    assert desk.feed() == before
    desk.round(hours=2)
    assert {one.title for one in read("rss", desk.feed().encode())} == {"記事1", "記事2"}


# 30
def test_articles_of_one_date_stand_in_one_order_and_none_is_lost(desk: Desk) -> None:
    published = desk.now.isoformat()
    for id_ in ("5", "2", "9"):
        desk.article(id_, published=published)
    desk.round(minutes=1)
    first = [one.title for one in read("rss", desk.feed().encode())]
    assert sorted(first) == ["記事2", "記事5", "記事9"]
    desk.article("5", published=published, content="<p>改稿</p>")
    desk.round(minutes=1)
    assert [one.title for one in read("rss", desk.feed().encode())] == first
    assert_feed("rss", desk.feed().encode())


# 31, 32, 34, 37, 42: tests/edge/test_archives.py; 43: there, and test_splicing.py


# 33
def test_a_feed_of_nothing_is_valid_and_never_changes() -> None:
    for ending, content in made().items():
        assert read(ending, content) == []
    assert made() == made()


# 35: tests/unit/test_catalog.py, no slug becomes an unsafe file name; tests/edge/test_disk.py, no path leads out


# 36
def test_an_article_in_five_categories_has_one_id() -> None:
    row = replace(RAW, categories=tuple("12345"))
    feeds = [FeedSpec(f"category/{key}", "category", f"区分{key}") for key in row.categories]
    assert {one.id for spec in feeds for one in entry(row, spec=spec)} == {"tag:example.com,2026:12"}


# 38: tests/edge/test_disk.py, a crash or a full disk in mid-write

# ---------------------------------------------------------------- pictures


# 39
def test_a_picture_of_unknown_size_says_zero() -> None:
    written = made(replace(RAW, images=(Image("https://example.com/a.jpg"),)))
    assert b'<enclosure url="https://example.com/a.jpg" length="0" type="image/jpeg"/>' in written["rss"]
    assert b'length=""' not in written["atom"]


# 40
def test_of_several_pictures_one_is_enclosed_and_none_is_lost() -> None:
    row = replace(RAW, images=tuple(Image(f"https://example.com/{name}.jpg") for name in "abc"))
    for ending, content in made(row).items():
        assert all(f"https://example.com/{name}.jpg".encode() in content for name in "abc"), ending
        if ending != "json":
            (one,) = read(ending, content)
            assert [url for url, _ in one.enclosures] == ["https://example.com/a.jpg"]


# 41
def test_the_credit_of_a_picture_is_in_every_format_and_no_licence_is_invented() -> None:
    credited = replace(RAW, images=(Image("https://example.com/a.jpg", alt="機体", credit="防衛省提供"),))
    for ending, content in made(credited).items():
        assert "防衛省提供" in content.decode(), ending
        assert "機体" in content.decode(), ending
        assert not re.search("licen[cs]e[\"':> ]|copyright", content.decode()), ending
    licensed = replace(RAW, images=(Image("https://example.com/a.jpg", license="https://example.com/by"),))
    for ending, content in made(licensed).items():
        assert "https://example.com/by" in content.decode(), ending


# ---------------------------------------------------------------- serving


# 44
def test_who_asks_for_a_delta_gets_the_whole_feed(tmp_path: Path) -> None:
    (tmp_path / "all.rss").write_bytes(made(RAW)["rss"])
    server = Server.start(public_app(tmp_path), "127.0.0.1:0")
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("GET", "/all.rss", headers={"A-IM": "feed, gzip", "If-None-Match": '"of yesterday"'})
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, made(RAW)["rss"])
        assert reply.getheader("IM") is None
    finally:
        connection.close()
        server.stop()


# 45: and their types in tests/edge/test_web.py
def test_nothing_stands_before_the_first_sign_of_a_feed() -> None:
    for ending, content in made(RAW).items():
        assert content[:5] == b"<?xml" if ending != "json" else content[:1] == b"{"


# ---------------------------------------------------------------- the law behind the cases


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, MARKUP, st.sampled_from(["full", "summary"]))
def test_any_row_at_all_is_held_back_or_gives_valid_feeds(row: RawArticle, content: str, shown: str) -> None:
    options = OPTIONS.model_copy(update={"content": shown})
    result = clean.article(replace(row, id=row.id or "1", content=content), store="blog", site=TOKYO)
    for_readers = [result.article] if isinstance(result, clean.Cleaned) else []
    for ending, written in files([*for_readers, cleaned(OTHER)], options=options).items():
        assert_feed(ending, written)
        assert len(read(ending, written)) == len(for_readers) + 1
