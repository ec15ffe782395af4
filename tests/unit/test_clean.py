"""A store's row becomes an article that can go out, or says why it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub.clean import Cleaned, article, category, digest, html, text, url
from feedpub.clean.characters import shortened
from feedpub.model import Article, Category, Image, Link, Quarantined, RawArticle, Site

LAW = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no failure

SITE = Site(title="航空ニュース", url="https://example.jp/", language="ja", timezone="Asia/Tokyo")

RAW = RawArticle(
    id="123",
    url="/記事/123",
    title="米国 &amp; 日本",
    title_is_html=True,
    content="<p>F-35Bの配備が始まった。</p>",
    published="2024-04-28T09:00:00",
    updated="2024-04-29T09:00:00",
)


def cleaned(raw: RawArticle, site: Site = SITE, guid: str = "") -> Article:
    result = article(raw, store="blog", site=site, guid=guid)
    assert isinstance(result, Cleaned), result
    return result.article


def warnings(raw: RawArticle) -> tuple[str, ...]:
    result = article(raw, store="blog", site=SITE)
    assert isinstance(result, Cleaned), result
    return result.warnings


def reason(raw: RawArticle, site: Site = SITE) -> str:
    result = article(raw, store="blog", site=site)
    assert isinstance(result, Quarantined), result
    return result.reason


# ---------------------------------------------------------------- laws

ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
ADDRESS = st.sampled_from(["https://example.jp/a", "/記事", "#追記", "javascript:x", ""]) | ANYTHING
WHEN = st.sampled_from(["2024-04-28", "2024-04-27 09:00", "2099-01-01T00:00Z", "2999-01-01", ""]) | ANYTHING
USUAL = st.just("2024-04-28") | st.just("2099-01-01T00:00Z") | WHEN
MARKUP = st.sampled_from(["<p>本文</p>", "<img src=a.png>", "<script>x</script>", "&#1;", ""]) | ANYTHING
ROWS = st.builds(
    RawArticle,
    id=st.integers().map(str) | ANYTHING,
    guid=ANYTHING,
    url=ADDRESS,
    title=ANYTHING,
    title_is_html=st.booleans(),
    summary=MARKUP,
    content=MARKUP,
    published=USUAL,
    updated=WHEN,
    categories=st.lists(ANYTHING, max_size=2).map(tuple),
    tags=st.lists(ANYTHING, max_size=2).map(tuple),
    authors=st.lists(ANYTHING, max_size=2).map(tuple),
    images=st.lists(st.builds(Image, url=ADDRESS, alt=ANYTHING, credit=ANYTHING, license=ADDRESS), max_size=2).map(
        tuple
    ),
    links=st.lists(st.builds(Link, rel=st.just("via"), url=ADDRESS, title=ANYTHING), max_size=2).map(tuple),
    language=ANYTHING,
    announce=st.sampled_from([None, True, False]),
    notice=ANYTHING,
)


@given(ROWS)
@LAW
def test_any_row_is_cleaned_or_quarantined_and_says_so_in_legal_text(raw: RawArticle) -> None:
    result = article(raw, store="blog", site=SITE)
    if isinstance(result, Quarantined):
        assert result.reason
        assert text(result.reason) == result.reason
        assert len(result.reason) < 200
    else:
        assert_clean(result.article)
        assert all(text(warning) == warning for warning in result.warnings)


def assert_clean(clean: Article) -> None:
    assert clean.published.utcoffset() == clean.updated.utcoffset() == timedelta(0)
    assert clean.updated >= clean.published
    assert clean.guid
    assert clean.id
    assert clean.url == url(clean.url)
    assert clean.url or clean.brief
    assert clean.content == html(clean.content, SITE.url)
    lines = (clean.title, clean.summary, clean.guid, *clean.categories, *clean.tags, *clean.authors)
    assert all("\n" not in line and line == line.strip() and line == text(line) for line in lines)
    assert all(image.url == url(image.url) != "" for image in clean.images)
    assert all(link.url == url(link.url) != "" for link in clean.links)


@given(ROWS, st.text(max_size=9), ADDRESS)
@LAW
def test_an_article_without_a_guid_of_its_own_keeps_one_through_every_edit(
    raw: RawArticle, title: str, to: str
) -> None:
    before = article(replace(raw, guid=""), store="blog", site=SITE)
    after = article(replace(raw, guid="", title=title, url=to), store="renamed", site=SITE)
    if isinstance(before, Cleaned) and isinstance(after, Cleaned):
        assert before.article.guid == after.article.guid


# ---------------------------------------------------------------- what goes out


def test_an_article_is_plain_in_its_title_and_safe_in_its_content() -> None:
    assert cleaned(RAW) == Article(
        store="blog",
        id="123",
        guid="tag:example.jp,2026:123",
        url="https://example.jp/%E8%A8%98%E4%BA%8B/123",
        title="米国 & 日本",
        summary="F-35Bの配備が始まった。",
        content="<p>F-35Bの配備が始まった。</p>",
        published=datetime(2024, 4, 28, tzinfo=UTC),
        updated=datetime(2024, 4, 29, tzinfo=UTC),
        language="ja",
    )
    assert warnings(RAW) == ()


@pytest.mark.parametrize(
    ("title", "is_html", "said"),
    [
        ("A & B <試験>", False, "A & B <試験>"),
        ("A &amp; B", False, "A &amp; B"),
        ("<b>A</b> &amp;amp; B &#8230;", True, "A &amp; B …"),
        ("4/28更新　｜\r\n 追記", False, "4/28更新　｜ 追記"),
    ],
)
def test_a_title_is_decoded_once_if_it_is_html(title: str, is_html: bool, said: str) -> None:
    assert cleaned(replace(RAW, title=title, title_is_html=is_html)).title == said


def test_a_brief_is_its_own_text_and_may_lead_nowhere() -> None:
    words = "短い話題。" * 100
    brief = cleaned(replace(RAW, title="", url="", summary="抜粋", content=f"<p>{words}</p>"))
    assert brief.brief
    assert (brief.url, brief.summary) == ("", words)


def test_a_summary_is_the_authors_or_the_beginning_of_the_content() -> None:
    assert cleaned(replace(RAW, summary="<p>抜粋 &amp; 続き</p>")).summary == "抜粋 & 続き"
    assert cleaned(replace(RAW, content=f"<p>{'あ' * 300}</p>")).summary == "あ" * 199 + "…"


def test_relative_addresses_in_the_content_start_at_the_article() -> None:
    assert cleaned(replace(RAW, content="<a href='#x'>注</a>")).content == f'<a href="{cleaned(RAW).url}#x">注</a>'


def test_lists_lose_empties_and_repeats_but_not_their_order() -> None:
    clean = cleaned(
        replace(RAW, categories=("2", " 1", "2", ""), tags=("\x00", "F-35", "日本"), authors=("山田 ", "山田"))
    )
    assert (clean.categories, clean.tags, clean.authors) == (("2", "1"), ("F-35", "日本"), ("山田",))


def test_pictures_and_links_keep_their_words_and_lose_bad_addresses() -> None:
    raw = replace(
        RAW,
        images=(
            Image("/写真.jpg", "図\n1", "写真：\x01防衛省", "https://例え.jp/by"),
            Image("data:x"),
            Image("b.png", license="CC BY"),
        ),
        links=(Link("via", "javascript:x", "出典"), Link("related", "https://example.com", "参考")),
    )
    assert cleaned(raw).images == (
        Image("https://example.jp/%E5%86%99%E7%9C%9F.jpg", "図 1", "写真：防衛省", "https://xn--r8jz45g.jp/by"),
        Image("https://example.jp/%E8%A8%98%E4%BA%8B/b.png", license="CC BY"),
    )
    assert cleaned(raw).links == (Link("related", "https://example.com/", "参考"),)
    assert warnings(raw) == (
        "1 of its images left out: not http or https addresses",
        "1 of its links left out: not http or https addresses",
    )


def test_an_author_who_says_nothing_about_announcing_wants_it() -> None:
    said = [cleaned(replace(RAW, announce=announce)).announce for announce in (None, True, False)]
    assert said == [True, True, False]


def test_the_authors_own_notice_stays_as_typed() -> None:
    assert cleaned(replace(RAW, notice=" 速報：A & B <試験>\r\n続く\x00 ")).notice == "速報：A & B <試験>\n続く"


@pytest.mark.parametrize(
    ("said", "language"),
    [("", "ja"), ("en", "en"), ("ja_JP", "ja-JP"), ("zh-Hant-TW", "zh-Hant-TW"), ("日本語", "ja"), ("japanese", "ja")],
)
def test_a_language_has_the_shape_of_a_tag_or_is_the_sites(said: str, language: str) -> None:
    assert cleaned(replace(RAW, language=said)).language == language


# ---------------------------------------------------------------- what feeds leave out


def test_what_feeds_leave_out_is_in_neither_content_nor_summary() -> None:
    shares = "<div class='sharedaddy'>共有：<a href='/t'>T</a></div>"
    raw = replace(RAW, content=f"<p>本文</p>{shares}続き", summary=f"抜粋{shares}")
    result = article(raw, store="blog", site=SITE, drop=(".sharedaddy",))
    assert isinstance(result, Cleaned)
    assert (result.article.content, result.article.summary) == ("<p>本文</p>続き", "抜粋")
    assert result.warnings == ()
    assert article(replace(RAW, title="", content=shares), store="b", site=SITE, drop=("div",)) == Quarantined(
        "123", "it has no title, no text and no image"
    )


@given(ROWS, st.lists(st.sampled_from(["p", "img", ".x", "[src]", "*"]), max_size=2).map(tuple))
@LAW
def test_any_row_is_cleaned_or_quarantined_whatever_feeds_leave_out(raw: RawArticle, drop: tuple[str, ...]) -> None:
    result = article(raw, store="blog", site=SITE, drop=drop)
    if isinstance(result, Cleaned):
        assert_clean(result.article)


def test_the_rules_have_another_digest_exactly_when_they_could_make_another_article() -> None:
    drops = [(), (".a",), (".b",), (".a", ".b")]
    sites = [SITE, *(SITE.model_copy(update=one) for one in ({"language": "en"}, {"timezone": "UTC"}, {"url": "x"}))]
    assert len({digest(site, drop) for site in sites for drop in drops}) == len(sites) * len(drops)
    assert digest(SITE.model_copy(update={"title": "別", "description": "x"}), (".a",)) == digest(SITE, [".a"])


# ---------------------------------------------------------------- what is too much of it


@given(st.text(alphabet="aか゛👩‍🇯🇵\u0301 ", max_size=40), st.integers(2, 30))
def test_a_text_is_shortened_between_graphemes(words: str, most: int) -> None:
    short = shortened(words, most)
    assert len(short) <= most or short == words
    if short != words:
        kept = short.removesuffix("…")
        ends = {grapheme.end() for grapheme in regex.finditer(r"\X", words)}
        longest = max((end for end in ends if end < most), default=most - 1)
        assert kept == words[:longest].rstrip()


def test_an_endless_title_is_cut_and_told() -> None:
    long = replace(RAW, title="👩‍✈️" * 251)
    assert cleaned(long).title == "👩‍✈️" * 249 + "…"
    assert warnings(long) == ("title is longer than 1,000 characters: it is cut",)
    exact = replace(RAW, title="あ" * 1000)
    assert (cleaned(exact).title, warnings(exact)) == (exact.title, ())


def test_an_endless_summary_is_cut_and_told_but_a_brief_keeps_its_text_as_its_content() -> None:
    long = replace(RAW, summary="あ" * 2001)
    assert cleaned(long).summary == "あ" * 1999 + "…"
    assert warnings(long) == ("summary is longer than 2,000 characters: it is cut",)
    brief = replace(RAW, title="", content="あ" * 2001)
    assert (len(cleaned(brief).summary), len(cleaned(brief).content), warnings(brief)) == (2000, 2001, ())
    assert warnings(replace(long, title="", content="")) == warnings(long)


def test_an_enormous_content_is_left_out_and_the_rest_goes_out() -> None:
    enormous = replace(RAW, content="<p class='share'>x</p><p>始まり</p>" + "<b>あ</b>" * 650_000)
    result = article(enormous, store="blog", site=SITE, drop=(".share",))
    assert isinstance(result, Cleaned)
    assert (result.article.content, result.article.url) == ("", cleaned(RAW).url)
    assert result.article.summary.startswith("始まり ああ")
    assert len(result.article.summary) == 200
    assert result.warnings == ("content is longer than 5,000,000 characters: it is left out",)
    assert cleaned(replace(enormous, summary="抜粋")).summary == "抜粋"
    why = "it has no title, and content is longer than 5,000,000 characters"
    assert reason(replace(enormous, title="")) == why


@pytest.mark.parametrize("what", ["categories", "tags", "authors"])
def test_of_endless_lists_the_first_hundred_are_kept(what: str) -> None:
    names = tuple(f"名{number}" for number in range(101))
    raw = replace(RAW, **{what: (*names, names[0])})  # type: ignore[arg-type]
    assert getattr(cleaned(raw), what) == names[:100]
    assert warnings(raw) == (f"only the first 100 of its 101 {what} are kept",)
    assert warnings(replace(RAW, **{what: names[:100]})) == ()  # type: ignore[arg-type]


# ---------------------------------------------------------------- guids


def test_a_remembered_guid_wins_over_what_the_store_says_now() -> None:
    assert (
        cleaned(replace(RAW, guid="https://example.jp/?p=1"), guid="http://example.jp/?p=1").guid
        == "http://example.jp/?p=1"
    )


def test_a_stores_own_guid_is_kept() -> None:
    assert cleaned(replace(RAW, guid=" http://example.jp/?p=123\x00\n")).guid == "http://example.jp/?p=123"


def test_a_made_up_guid_outlives_the_domain_and_is_a_valid_tag() -> None:
    moved = SITE.model_copy(update={"url": "https://新しい.example/", "authority": "Example.JP"})
    assert cleaned(replace(RAW, id="記事/1 a"), moved).guid == "tag:example.jp,2026:%E8%A8%98%E4%BA%8B%2F1%20a"
    idn = SITE.model_copy(update={"url": "https://例え.jp:8080/"})
    assert cleaned(RAW, idn).guid == "tag:xn--r8jz45g.jp,2026:123"


def test_a_site_without_a_name_cannot_make_guids() -> None:
    nameless = SITE.model_copy(update={"url": "http://[::1]/"})
    assert reason(RAW, nameless) == "guid is missing and cannot be made: set site.authority to the site's host name"
    assert cleaned(replace(RAW, guid="g"), nameless).guid == "g"


# ---------------------------------------------------------------- dates


def test_an_update_is_never_before_the_publication() -> None:
    scheduled = cleaned(replace(RAW, updated="2024-04-01T00:00:00"))
    assert scheduled.updated == scheduled.published


def test_an_unreadable_update_is_told_and_is_the_publication() -> None:
    raw = replace(RAW, updated="昨日")
    assert cleaned(raw).updated == cleaned(raw).published
    assert [told for told in warnings(raw) if told.startswith("updated cannot be read as a date: '昨日'")]


def test_an_article_never_updated_is_as_new_as_its_publication() -> None:
    raw = replace(RAW, updated="")
    assert cleaned(raw).updated == cleaned(raw).published
    assert warnings(raw) == ()


def test_the_future_stays_in_the_future() -> None:
    assert cleaned(replace(RAW, published="2099-01-01T00:00:00Z")).published.year == 2099


# ---------------------------------------------------------------- quarantine


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (replace(RAW, id=""), "id is missing"),
        (replace(RAW, id="\x00\ud800 "), "id is missing"),
        (replace(RAW, url=""), "url is missing"),
        (replace(RAW, url="javascript:x"), "url is not an http or https address"),
        (replace(RAW, published=" "), "published is missing"),
        (replace(RAW, published="4月28日"), "published cannot be read as a date: '4月28日'"),
        (replace(RAW, published="0001-01-01"), "published lies outside the years 1970 to 2100"),
        (replace(RAW, title=" ", content="<p><br>&nbsp;</p>"), "it has no title, no text and no image"),
        (replace(RAW, title="", content="<script>x</script>", images=(Image("data:x"),)), "it has no title"),
    ],
)
def test_what_cannot_go_out_says_why(raw: RawArticle, why: str) -> None:
    assert reason(raw).startswith(why)


def test_a_reason_shows_neither_a_long_value_nor_a_password() -> None:
    assert len(reason(replace(RAW, published="長" * 1_000_000))) < 140
    assert "hunter2" not in reason(replace(RAW, url="https://editor:hunter2@example.jp:99999/"))


@pytest.mark.parametrize(
    "raw",
    [
        replace(RAW, title="", url="", content="<img src=a.png>"),
        replace(RAW, title="", url="", content="", images=(Image("a.png"),)),
        replace(RAW, title="", url="", content="", summary="要約だけ"),
        replace(RAW, content=""),
    ],
)
def test_a_title_a_text_or_an_image_is_enough(raw: RawArticle) -> None:
    assert cleaned(raw).id == "123"


# ---------------------------------------------------------------- warnings


def test_what_was_mended_is_told() -> None:
    raw = replace(RAW, title="米\x00国", content="<p>\ufffe</p>", language="日本語")
    assert warnings(raw) == (
        "characters that no feed can carry were taken out of title, content",
        "language is not a BCP 47 tag: the site's is used",
    )


def test_a_brief_with_a_bad_address_goes_out_without_a_link() -> None:
    raw = replace(RAW, title="", url="mailto:a@example.jp")
    assert cleaned(raw).url == ""
    assert warnings(raw) == ("url is not an http or https address: the brief has no link",)


# ---------------------------------------------------------------- categories


def test_a_category_is_cleaned_as_articles_name_it() -> None:
    raw = Category("blog", key=" 1\x00", name="米国\n関連", slug="us ", parent=" ")
    assert category(raw) == Category("blog", key="1", name="米国 関連", slug="us", parent=None)
    assert cleaned(replace(RAW, categories=(" 1\x00",))).categories == (category(raw).key,)
    assert category(Category("blog", key="1", name="\x00", slug="us", parent="2")).name == "us"
