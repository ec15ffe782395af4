from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from feedpub.feeds.addresses import brief_address, brief_name, stylesheet_pi
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, Taxonomy, catalog
from feedpub.feeds.opml import opml
from feedpub.feeds.pages import FILTERED, SCRIPT_SOURCE, Headline, brief_page, index_page, stylesheet
from feedpub.model import Article, Category, FeedFile, Image, Link, Site
from tests.golden.samples import article, articles

SITE = Site(
    title="航空ニュース",
    url="https://example.com/",
    language="ja",
    timezone="Asia/Tokyo",
    license="https://example.com/license",
)
OPTIONS = FeedsOptions(base_url="https://example.com/feeds/", formats=("rss", "atom"))
SPECS = catalog(
    OPTIONS,
    SITE,
    Taxonomy((Category("blog", "1", "米国関連", "us"), Category("blog", "2", "A & B <試験>", "ab"))),
)
OWN = FeedSpec("own/jets", "own", "戦闘機 – 航空ニュース", label="戦闘機")
TAG = FeedSpec("tag/f-35", "tag", "F-35 – 航空ニュース", label="F-35")
AUTHOR = FeedSpec("author/yamada", "author", "山田 – 航空ニュース", label="山田")
COMMENTS = FeedSpec("comments", "comments", "コメント – 航空ニュース", label="コメント")
EVENING = datetime(2026, 4, 27, 15, 30, tzinfo=UTC)
HEADLINES = [
    Headline(f"第{n}号の記事", f"https://example.com/articles/{n}/", EVENING - timedelta(days=n)) for n in range(5)
]
HOSTILE = "</title></textarea></template><script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ site }} & <!--"

VOID = {"meta", "link", "br", "input", "img"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it should be, and ids are unique."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.scripts: list[str] = []
        self.feed(html.decode())
        self.close()
        assert self.open == []
        ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(ids) == len(set(ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open and data.strip():
            self.said.append(data.strip())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [facts for name, facts in self.tags if name == tag and wanted.items() <= facts.items()]


def index(*specs: FeedSpec, site: Site = SITE, options: FeedsOptions = OPTIONS, news: int = 0) -> FeedFile:
    return index_page([(spec, HEADLINES[:news]) for spec in specs], site, options)


def read(*specs: FeedSpec, site: Site = SITE, options: FeedsOptions = OPTIONS, news: int = 0) -> Page:
    return Page(index(*specs, site=site, options=options, news=news).content)


def tree(file: FeedFile) -> etree._Element:
    """What browsers make of a page that has no fault at all."""
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("lxml"), strict=True, namespaceHTMLElements=False)
    root: etree._Element = parser.parse(file.content.decode()).getroot()
    return root


def words(part: etree._Element) -> str:
    return "".join(map(str, part.itertext()))


# ---------------------------------------------------------------- index.html


def test_the_page_lists_every_feed_with_its_addresses() -> None:
    page = read(*SPECS)
    addresses = [field["value"] for field in page.all("input", readonly="")]
    assert addresses == [f"https://example.com/feeds/{spec.address}.{end}" for spec in SPECS for end in ("rss", "atom")]
    assert all(page.all("a", href=f"{spec.address}.{end}") for spec in SPECS for end in ("rss", "atom"))
    assert {"すべての記事", "短信", "米国関連", "A & B <試験>"} <= set(page.said)
    assert page.all("a", href="feeds.opml")
    assert page.all("a", rel="license", href="https://example.com/license")


def test_every_address_and_every_link_to_a_feed_has_a_name_of_its_own() -> None:
    page = read(*SPECS, OWN, TAG)
    for named in (page.all("input"), page.all("a", **{"class": "format"})):
        assert len({facts["aria-label"] for facts in named}) == len(named)


def test_a_feed_shows_its_three_newest_articles_dated_where_the_site_is_at_home() -> None:
    page = read(SPECS[0], news=5)
    links = [link["href"] for link in page.all("a") if "/articles/" in link["href"]]
    assert links == [
        "https://example.com/articles/0/",
        "https://example.com/articles/1/",
        "https://example.com/articles/2/",
    ]
    assert page.all("time")[0]["datetime"] == "2026-04-28T00:30:00+09:00"
    assert {"第0号の記事", "2026年4月28日"} <= set(page.said)
    assert "28 April 2026" in read(SPECS[0], site=SITE.model_copy(update={"language": "en"}), news=1).said


def test_a_headline_that_is_read_nowhere_is_no_link() -> None:
    headlines = [Headline("題", "javascript:alert(1)", EVENING), Headline("文", "", EVENING)]
    page = Page(index_page([(SPECS[0], headlines)], SITE, OPTIONS).content)
    assert page.said.count("題") == 1
    assert not [link for link in page.all("a") if link["href"].startswith("javascript") or not link["href"]]


def test_browsers_discover_the_whole_site_in_every_format_and_categories_once() -> None:
    links = read(*SPECS, OWN, TAG, AUTHOR).all("link", rel="alternate")
    whole = [f"{spec.address}.{end}" for spec in SPECS[:2] for end in ("rss", "atom")]
    assert [link["href"] for link in links] == [*whole, *(f"{spec.address}.rss" for spec in (*SPECS[2:], OWN))]
    assert {link["type"] for link in links} == {"application/rss+xml", "application/atom+xml"}
    assert all("航空ニュース" in link["title"] for link in links)


def test_the_page_asks_for_nothing_outside_itself() -> None:
    html = index(*SPECS, OWN, TAG, AUTHOR, COMMENTS, news=3).content.decode()
    page = Page(html.encode())
    assert not {"img", "iframe", "object", "form", "base"} & {tag for tag, _ in page.tags}
    assert all("src" not in facts for _, facts in page.tags)
    assert [link["href"].partition(":")[0] for link in page.all("link", rel="icon")] == ["data"]
    assert not page.all("link", rel="stylesheet")
    assert not re.search(r"@import|url\(|fetch\(|import\(|XMLHttpRequest", html)


def test_the_policy_allows_the_script_of_the_page_and_it_is_the_only_one() -> None:
    page = read(*SPECS)
    assert len(page.scripts) == 1
    assert f"'sha256-{b64encode(sha256(page.scripts[0].encode()).digest()).decode()}'" == SCRIPT_SOURCE
    assert not [facts for _, facts in page.tags if any(name.startswith("on") for name in facts)]


@pytest.mark.parametrize(
    ("language", "lang", "said"), [("ja", "ja", "すべての記事"), ("ja-JP", "ja", "短信"), ("fr", "en", "Briefs")]
)
def test_the_page_speaks_the_sites_language_or_english(language: str, lang: str, said: str) -> None:
    site = SITE.model_copy(update={"language": language})
    page = read(*catalog(OPTIONS, site, Taxonomy()), site=site)
    assert page.all("html", lang=lang)
    assert said in page.said


def test_where_the_page_cannot_speak_the_sites_language_its_headlines_still_do() -> None:
    page = read(*SPECS, site=SITE.model_copy(update={"language": "fr"}), news=1)
    assert {facts.get("lang") for facts in page.all("h3")} == {"fr"}
    assert {facts.get("lang") for facts in page.all("time")} == {"en"}
    assert "lang" not in read(*SPECS, news=1).all("h3")[0]


def test_only_the_formats_that_there_are_stand_on_the_page() -> None:
    page = read(*SPECS, options=FeedsOptions(base_url="https://example.com/", formats=("json", "atom")))
    assert "RSS" not in page.said
    assert page.all("a", href="all.json", type="application/feed+json")
    assert page.all("a", href="all.atom")


def test_each_kind_of_feed_has_its_list_and_none_is_empty() -> None:
    headings = ["カテゴリー別", "テーマ別", "タグ別", "著者別"]
    said = read(*SPECS, OWN, TAG, AUTHOR, COMMENTS).said
    assert [heading for heading in said if heading in headings] == [*headings, *headings]  # in the contents, and above
    assert not set(headings) & set(read(*SPECS[:2]).said)


def test_categories_stand_inside_their_parents_under_their_own_names() -> None:
    children = [Category("blog", "3", "空軍", "usaf", "1"), Category("blog", "4", "空軍", "jasdf", "2")]
    parents = [Category("blog", "1", "米国", "us"), Category("blog", "2", "日本", "jp")]
    page = tree(index(*catalog(OPTIONS, SITE, Taxonomy((*parents, *children)))))
    names = [heading.text for heading in page.findall(".//section[@aria-labelledby='by_category']//h3")]
    assert names == ["日本", "空軍", "米国", "空軍"]
    inner = page.findall(".//li[@class='feed']/ul/li[@class='feed']/details//input")
    assert [field.get("value") for field in inner if field.get("value", "").endswith("rss")] == [
        "https://example.com/feeds/category/jasdf.rss",
        "https://example.com/feeds/category/usaf.rss",
    ]


def test_a_long_list_can_be_narrowed_and_a_short_one_needs_no_filter() -> None:
    tags = [FeedSpec(f"tag/{n}", "tag", f"{n}", label=f"{n}") for n in range(FILTERED + 1)]
    assert [facts["id"] for facts in read(*SPECS, *tags).all("input", type="search")] == ["by_tag-filter"]
    assert not read(*SPECS, *tags[1:]).all("input", type="search")


def test_the_lines_to_paste_into_the_site_name_the_top_feeds() -> None:
    snippet = tree(index(*SPECS, OWN, TAG)).findtext(".//textarea")
    assert snippet is not None
    links = Page(f"<head>{snippet}</head>".encode()).all("link", rel="alternate")
    top = ["all.rss", "all.atom", "briefs.rss", "category/ab.rss", "category/us.rss", "own/jets.rss"]
    assert [link["href"] for link in links] == [f"https://example.com/feeds/{path}" for path in top]
    assert links[3]["title"] == "A & B <試験> – 航空ニュース（RSS）"


def test_headings_are_in_order_and_every_part_of_the_page_is_named() -> None:
    page = read(*SPECS, OWN, TAG, news=3)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = {facts["id"] for _, facts in page.tags if "id" in facts}
    assert {facts["aria-labelledby"] for facts in page.all("section")} <= ids
    assert all(facts["href"][1:] in ids for facts in page.all("a") if facts["href"].startswith("#"))
    assert page.all("p", role="status")


@pytest.mark.parametrize("language", ["ja", "en", "fr"])
def test_pages_are_valid_html(language: str) -> None:
    site = SITE.model_copy(update={"language": language, "description": "説明 & <b>"})
    tags = [FeedSpec(f"tag/{n}", "tag", f"{n}", label=f"{n}") for n in range(FILTERED + 1)]
    assert tree(index(*SPECS, OWN, AUTHOR, COMMENTS, *tags, site=site, news=3)).tag == "html"
    assert (
        tree(brief_page(article(title="", images=(Image("https://example.com/a.jpg"),)), site, OPTIONS)).tag == "html"
    )


def test_hostile_words_stay_words() -> None:
    site = SITE.model_copy(update={"title": HOSTILE, "description": HOSTILE, "license": HOSTILE})
    spec = FeedSpec("category/x", "category", HOSTILE, label=HOSTILE)
    headline = Headline(HOSTILE, "https://example.com/?a=1&b=<2>", EVENING)
    hostile = article(title=HOSTILE, summary=HOSTILE, content="", language=HOSTILE, links=(Link("via", HOSTILE),))
    made = [index_page([(SPECS[0], [headline]), (spec, [headline])], site, OPTIONS), brief_page(hostile, site, OPTIONS)]
    for file, scripts in zip(made, (1, 0), strict=True):
        page = tree(file)
        assert len(page.findall(".//script")) == scripts
        assert page.find(".//img") is None
        assert HOSTILE in words(page)


def test_both_languages_have_the_same_words() -> None:
    spoken = [tomllib.loads((files("feedpub") / "locale" / f"{tag}.toml").read_text("utf-8")) for tag in ("en", "ja")]
    assert spoken[0].keys() == spoken[1].keys() >= {"feeds", "init", "login", "preview"}
    for room in spoken[0]:
        places = [{key: set(re.findall(r"\{\w*\}", text)) for key, text in one[room].items()} for one in spoken]
        assert places[0] == places[1]


# ---------------------------------------------------------------- briefs


BRIEF = article(
    title="",
    summary="横田基地で友好祭。",
    content="<p>横田基地で<b>友好祭</b>。</p>",
    url="https://example.org/news?a=1&b=2",
    published=EVENING,
)


def test_a_brief_has_a_page_at_the_same_address_for_ever() -> None:
    assert brief_name("https://example.com/?p=1") == "de33d4a336f08349"
    assert brief_page(BRIEF, SITE, OPTIONS).path == "briefs/de33d4a336f08349.html"
    assert brief_address(BRIEF.guid, OPTIONS.base_url) == "https://example.com/feeds/briefs/de33d4a336f08349.html"


def test_a_brief_can_be_read_followed_and_subscribed_to() -> None:
    page = tree(brief_page(BRIEF, SITE, OPTIONS))
    assert [words(text) for text in page.findall(".//div[@class='text']/p")] == ["横田基地で友好祭。"]
    assert [(time.get("datetime"), time.text) for time in page.iter("time")] == [
        ("2026-04-28T00:30:00+09:00", "2026年4月28日")
    ]
    addresses = {link.get("href") for link in page.iter("a", "link")}
    assert {BRIEF.url, "../index.html", "../briefs.rss", SITE.url} <= addresses


def test_a_brief_tells_others_what_it_is() -> None:
    page = tree(brief_page(BRIEF, SITE, OPTIONS))
    told = {meta.get("property") or meta.get("name"): meta.get("content") for meta in page.iter("meta")}
    assert told["og:title"] == told["description"] == told["og:description"] == "横田基地で友好祭。"
    assert told["og:url"] == brief_address(BRIEF.guid, OPTIONS.base_url)
    assert page.get("lang") == "ja"
    assert page.findtext(".//title") == "横田基地で友好祭。 – 航空ニュース"


def test_a_long_brief_is_told_in_short_without_cutting_a_character() -> None:
    page = tree(brief_page(article(title="", summary="か\u3099" * 500), SITE, OPTIONS))
    assert page.findtext(".//title") == "か\u3099" * 59 + "… – 航空ニュース"


def test_a_brief_speaks_its_own_language() -> None:
    page = tree(brief_page(article(title="", language="fr"), SITE, OPTIONS))
    assert page.get("lang") == "fr"
    assert {time.get("lang") for time in page.iter("time")} == {"ja"}


def test_a_brief_shows_the_pictures_that_its_text_does_not_with_their_credit_and_licence() -> None:
    shown, other = (
        Image("https://example.com/a.jpg?x=1&y=2"),
        Image("https://example.com/b.jpg", "代替", "撮影者", "CC0"),
    )
    content = '<p>文<img src="https://example.com/a.jpg?x=1&amp;y=2" alt=""></p>'
    page = tree(brief_page(article(title="", content=content, images=(shown, other)), SITE, OPTIONS))
    assert [image.get("src") for image in page.iter("img")] == [shown.url, other.url]
    assert [" ".join(words(caption).split()) for caption in page.iter("figcaption")] == ["画像：撮影者 CC0"]


def test_a_brief_without_a_link_leads_only_to_the_site_and_its_feeds() -> None:
    page = tree(brief_page(article(title="", url=""), SITE, OPTIONS))
    assert [link.get("href") for link in page.iter("a")] == [SITE.url, "../index.html", SITE.url, SITE.license]


# ---------------------------------------------------------------- a feed in a browser


@pytest.mark.parametrize(
    ("address", "href"),
    [("all", "feed.css"), ("category/us", "../feed.css"), ("archive/category/us/3", "../../../feed.css")],
)
def test_a_feed_names_its_stylesheet_from_where_it_lies(address: str, href: str) -> None:
    root = etree.fromstring(b"<?xml version='1.0'?>\n" + stylesheet_pi(address) + b"\n<rss/>")
    pi = root.getprevious()
    assert isinstance(pi, etree._ProcessingInstruction)
    assert (pi.target, pi.text) == ("xml-stylesheet", f'type="text/css" href="{href}"')


def test_the_stylesheet_speaks_both_languages_and_asks_for_nothing() -> None:
    css = stylesheet().content.decode()
    assert stylesheet().path == "feed.css"
    assert "購読するには" in css
    assert "To subscribe" in css
    assert not re.search(r"@import|url\(", css)


# ---------------------------------------------------------------- feeds.opml


def test_opml_names_every_feed_once_with_its_title_and_address() -> None:
    specs = (*SPECS, COMMENTS, OWN, TAG, AUTHOR)
    root = etree.fromstring(opml(specs, SITE, OPTIONS).content)
    outlines = root.findall(".//outline[@type='rss']")
    assert root.get("version") == "2.0"
    assert sorted(outline.get("xmlUrl", "") for outline in outlines) == sorted(
        f"https://example.com/feeds/{spec.address}.rss" for spec in specs
    )
    assert {outline.get("text") for outline in outlines} == {spec.title for spec in specs}
    for folder, title in (("カテゴリー別", SPECS[2].title), ("テーマ別", OWN.title), ("著者別", AUTHOR.title)):
        found = root.findall(f"./body/outline[@text='{folder}']/outline")
        assert title in [outline.get("title") for outline in found]
    assert {outline.get("htmlUrl") for outline in outlines} == {"https://example.com/"}


def test_in_opml_a_category_with_children_is_a_folder_that_it_is_in_itself() -> None:
    categories = [Category("blog", "1", "米国", "us"), Category("blog", "2", "空軍", "usaf", "1")]
    root = etree.fromstring(opml(catalog(OPTIONS, SITE, Taxonomy(tuple(categories))), SITE, OPTIONS).content)
    inside = root.findall("./body/outline[@text='カテゴリー別']/outline[@text='米国']/outline")
    assert [outline.get("title") for outline in inside] == ["米国 – 航空ニュース", "空軍 – 航空ニュース"]
    assert all(len(outline) == 0 for outline in root.iter("outline") if outline.get("xmlUrl"))


@pytest.mark.parametrize(
    ("formats", "ending"), [(("atom", "rss"), "atom"), (("json", "rss"), "rss"), (("json",), "json")]
)
def test_opml_prefers_the_first_format_that_readers_know(formats: tuple[str, ...], ending: str) -> None:
    options = FeedsOptions.model_validate({"base_url": "https://example.com/", "formats": formats})
    first = etree.fromstring(opml(SPECS, SITE, options).content).find(".//outline")
    assert first is not None
    assert first.get("xmlUrl") == f"https://example.com/all.{ending}"


# ---------------------------------------------------------------- any words


@given(st.text(min_size=1), st.text(), st.text(), st.text())
def test_any_names_give_a_page_and_a_list_that_parse(title: str, description: str, license_: str, name: str) -> None:
    site = Site(title=title, url="https://example.com/", language="ja", description=description, license=license_)
    specs = (
        *catalog(OPTIONS, site, Taxonomy((Category("s", "1", name, name),))),
        FeedSpec("category/x", "category", name, label=name),
    )
    headlines = [Headline(name, "https://example.com/", EVENING)]
    Page(index_page([(spec, headlines) for spec in specs], site, OPTIONS).content)
    assert len(etree.fromstring(opml(specs, site, OPTIONS).content).findall(".//outline[@type='rss']")) == len(specs)


@given(articles)
def test_any_brief_gives_a_page_that_parses(any_article: Article) -> None:
    safe = replace(any_article, content="")  # what clean.py makes safe
    assert Page(brief_page(safe, SITE, OPTIONS).content).all("link", rel="canonical")
