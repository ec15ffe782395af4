from __future__ import annotations

import tomllib
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from feedpub.feeds.catalog import FeedsOptions, FeedSpec, Taxonomy, catalog
from feedpub.feeds.opml import opml
from feedpub.feeds.pages import index_page
from feedpub.model import Category, Site

SITE = Site(title="航空ニュース", url="https://example.com/", language="ja", license="https://example.com/license")
OPTIONS = FeedsOptions(base_url="https://example.com/feeds/")
SPECS = catalog(
    OPTIONS,
    SITE,
    Taxonomy(
        (
            Category("blog", "1", "米国関連", "us"),
            Category("blog", "2", "A & B <試験>", "ab"),
        )
    ),
)

VOID = {"meta", "link", "wbr", "br"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it should be, and ids are unique."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
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
        if "style" not in self.open and data.strip():
            self.said.append(data.strip())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [facts for name, facts in self.tags if name == tag and wanted.items() <= facts.items()]


def test_the_page_lists_every_feed_with_its_addresses() -> None:
    page = Page(index_page(SPECS, SITE, OPTIONS).content)
    said = "".join(page.said)
    for spec in SPECS:
        for ending in ("rss", "atom"):
            assert f"https://example.com/feeds/{spec.address}.{ending}" in said
            assert page.all("a", href=f"{spec.address}.{ending}")
    assert {"すべての記事", "短信", "米国関連", "A & B <試験>"} <= set(page.said)
    assert page.all("a", href="feeds.opml")
    assert page.all("a", rel="license", href="https://example.com/license")


def test_browsers_discover_every_feed_by_type_and_title() -> None:
    links = Page(index_page(SPECS, SITE, OPTIONS).content).all("link", rel="alternate")
    assert [link["href"] for link in links] == [f"{spec.address}.{end}" for spec in SPECS for end in ("rss", "atom")]
    assert {link["type"] for link in links} == {"application/rss+xml", "application/atom+xml"}
    assert all("航空ニュース" in link["title"] for link in links)


def test_the_page_asks_for_nothing_outside_itself() -> None:
    html = index_page(SPECS, SITE, OPTIONS).content.decode()
    page = Page(html.encode())
    assert not {"script", "img", "iframe", "object", "style-sheet"} & {tag for tag, _ in page.tags}
    assert all("src" not in facts for _, facts in page.tags)
    assert [link["href"].partition(":")[0] for link in page.all("link", rel="icon")] == ["data"]
    assert not page.all("link", rel="stylesheet")
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.parametrize(
    ("language", "lang", "words"), [("ja", "ja", "すべての記事"), ("ja-JP", "ja", "短信"), ("fr", "en", "Briefs")]
)
def test_the_page_speaks_the_sites_language_or_english(language: str, lang: str, words: str) -> None:
    site = SITE.model_copy(update={"language": language})
    page = Page(index_page(catalog(OPTIONS, site, Taxonomy(())), site, OPTIONS).content)
    assert page.all("html", lang=lang)
    assert words in page.said


def test_only_the_formats_that_there_are_stand_on_the_page() -> None:
    options = FeedsOptions(base_url="https://example.com/", formats=("atom",))
    page = Page(index_page(SPECS, SITE, options).content)
    assert "RSS" not in page.said
    assert page.all("a", href="all.atom")


def test_a_site_without_categories_has_no_empty_list_of_them() -> None:
    assert "カテゴリー別" not in Page(index_page(catalog(OPTIONS, SITE, Taxonomy(())), SITE, OPTIONS).content).said


def test_both_languages_have_the_same_words() -> None:
    spoken = [tomllib.loads((files("feedpub") / "locale" / f"{tag}.toml").read_text("utf-8")) for tag in ("en", "ja")]
    assert spoken[0]["feeds"].keys() == spoken[1]["feeds"].keys()


def test_opml_names_every_feed_once_with_its_title_and_address() -> None:
    root = etree.fromstring(opml(SPECS, SITE, OPTIONS).content)
    outlines = root.findall(".//outline[@type='rss']")
    assert root.get("version") == "2.0"
    assert [outline.get("xmlUrl") for outline in outlines] == [
        f"https://example.com/feeds/{spec.address}.rss" for spec in SPECS
    ]
    assert [outline.get("text") for outline in outlines] == [spec.title for spec in SPECS]
    assert root.find("./body/outline[@text='カテゴリー別']/outline[@title='米国関連 – 航空ニュース']") is not None
    assert {outline.get("htmlUrl") for outline in outlines} == {"https://example.com/"}


def test_opml_prefers_the_first_format() -> None:
    options = FeedsOptions(base_url="https://example.com/", formats=("atom", "rss"))
    first = etree.fromstring(opml(SPECS, SITE, options).content).find(".//outline")
    assert first is not None
    assert first.get("xmlUrl") == "https://example.com/all.atom"


@given(st.text(min_size=1), st.text(), st.text(), st.text())
def test_any_names_give_a_page_and_a_list_that_parse(title: str, description: str, license_: str, name: str) -> None:
    site = Site(title=title, url="https://example.com/", language="ja", description=description, license=license_)
    specs = (
        *catalog(OPTIONS, site, Taxonomy((Category("s", "1", name, name),))),
        FeedSpec("category/x", "category", name, label=name),
    )
    Page(index_page(specs, site, OPTIONS).content)
    assert len(etree.fromstring(opml(specs, site, OPTIONS).content).findall(".//outline[@type='rss']")) == len(specs)
