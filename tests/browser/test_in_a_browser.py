"""index.html, a brief's page and feeds themselves, as a real Chromium shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import MARKS, Chromium, Page
from tests.browser.conftest import BODY, LONG, PART, Shown

pytestmark = MARKS

MEASURES = Path(__file__).with_name("measures.js").read_text(encoding="utf-8")
FEEDS = ("all.rss", "all.atom", "category/us.rss", "category/us.atom")
PARTS = (f"{PART}.rss", f"{PART}.atom")


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    with browser.page() as page:
        yield page


def show(page: Page, url: str) -> Page:
    """Open a page, with everything in it unfolded."""
    page.open(url)
    page.value(MEASURES)
    page.value("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    return page


def everything(shown: Shown) -> list[str]:
    return [shown.url, shown.url + shown.brief, *(shown.url + feed for feed in FEEDS + PARTS)]


def test_a_copy_button_puts_the_address_into_the_clipboard_and_says_so(page: Page, shown: Shown) -> None:
    page.allow(shown.url, ["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.open(shown.url)
    page.click(".card button")
    page.until("document.querySelector('#told').textContent !== ''")
    assert page.value("navigator.clipboard.readText()") == "https://example.com/feeds/all.rss"
    assert "RSS" in page.value("document.querySelector('[role=status]').textContent")


def test_the_keyboard_reaches_the_copy_button_and_shows_where_it_is(page: Page, shown: Shown) -> None:
    page.allow(shown.url, ["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.open(shown.url)
    page.value("document.querySelector('.card .address').focus()")
    page.press("Tab", 9)
    assert page.value("document.activeElement.localName") == "button"
    assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press(" ", 32)
    page.until("document.querySelector('#told').textContent !== ''")
    assert page.value("navigator.clipboard.readText()") == "https://example.com/feeds/all.rss"


def test_where_the_clipboard_is_refused_the_address_is_copied_the_old_way(page: Page, shown: Shown) -> None:
    page.allow(shown.url, ["clipboardReadWrite"])
    page.open(shown.url)
    page.value("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'))")
    page.click(".card button")
    page.until("document.querySelector('#told').textContent !== ''")
    assert page.value("navigator.clipboard.readText()") == "https://example.com/feeds/all.rss"
    assert page.value("document.activeElement.localName") == "button"


def test_where_nothing_may_copy_the_address_is_left_selected_and_the_page_says_what_to_do(
    page: Page, shown: Shown
) -> None:
    page.open(shown.url)
    page.value("delete Navigator.prototype.clipboard; document.execCommand = () => false")
    page.click(".card button")
    page.until("document.querySelector('#told').textContent.includes('Ctrl+C')")
    assert page.value("getSelection().toString()") == "https://example.com/feeds/all.rss"


def test_without_scripts_all_is_there_but_the_buttons(page: Page, shown: Shown) -> None:
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    show(page, shown.url)
    assert page.value("document.querySelectorAll('button').length") == 0
    assert page.value("document.querySelector('.filter').checkVisibility()") is False
    assert page.value("[...document.querySelectorAll('input.address')].every((field) => field.checkVisibility())")
    page.value("document.querySelector('.address').select()")
    assert page.value("getSelection().toString()") == "https://example.com/feeds/all.rss"


def test_a_filter_leaves_the_categories_that_are_meant_and_those_around_them(page: Page, shown: Shown) -> None:
    page.open(shown.url)
    page.click(".filter input")
    page.type("かなだ")
    visible = "[...document.querySelectorAll('section:has(.filter) .feed h3')].filter((name) => name.checkVisibility())"
    assert page.value(f"{visible}.map((name) => name.textContent)") == ["米国関連", "カナダ空軍"]
    found = page.value("document.querySelector('.filter output').textContent")
    assert all(number in found for number in ("1", "16"))
    page.value("document.querySelector('.filter input').value = ''")
    page.type("zzz")
    assert page.value(f"{visible}.length") == 0


def test_the_contents_lead_to_every_list_of_feeds(page: Page, shown: Shown) -> None:
    page.open(shown.url)
    leads = page.value("[...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href'))")
    assert leads == ["#whole", "#by_category", "#by_own", "#by_tag", "#by_author", "#at-once"]
    counts = page.value("[...document.querySelectorAll('nav .count')].map((count) => Number(count.textContent))")
    listed = [f"document.querySelectorAll('section:has({lead}) .feed').length" for lead in leads[1:-1]]
    assert counts == [page.value(one) for one in listed] == [16, 1, 2, 1]
    page.click("nav a[href='#by_tag']")
    page.until("Math.abs(document.querySelector('#by_tag').getBoundingClientRect().top) < innerHeight")
    names = page.value("[...document.querySelectorAll('.card h3')].map((name) => name.textContent)")
    assert names[2] == ("コメント" if shown.language == "ja" else "Comments")


def test_no_other_script_runs(page: Page, shown: Shown) -> None:
    page.open(shown.url)
    page.value("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.value("window.ran") is None
    page.browser.wait(lambda: any("Content Security Policy" in complaint for complaint in page.complaints))


def test_nothing_is_asked_of_anybody_else_and_nothing_goes_wrong(page: Page, shown: Shown) -> None:
    for url in everything(shown):
        show(page, url)
    assert {url for url in page.requests if not url.startswith((shown.url, "data:"))} == set()
    assert [text for text in page.complaints if "404" not in text] == []  # what browsers ask for unasked: favicon.ico
    assert shown.url + "feed.css" in page.requests


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_stands_out_from_what_is_behind_it(browser: Chromium, shown: Shown, dark: bool) -> None:
    with browser.page(dark=dark) as page:
        for url in everything(shown):
            assert show(page, url).value("measures.faint()") == []
            painted = page.value("getComputedStyle(document.body ?? document.documentElement).backgroundColor")
            assert painted == ("rgb(22, 20, 18)" if dark else "rgb(250, 248, 245)")


@pytest.mark.parametrize("phone", [False, True], ids=["narrow window", "phone"])
def test_nothing_scrolls_sideways(browser: Chromium, shown: Shown, phone: bool) -> None:
    with browser.page(width=320, height=640, phone=phone) as page:
        for url in everything(shown):
            assert show(page, url).value("measures.sideways()") == 0


def test_a_phone_that_shrinks_a_feed_shows_it_large_enough_to_read(browser: Chromium, shown: Shown) -> None:
    with browser.page(width=360, height=640, phone=True) as page:
        for feed in FEEDS:
            page.open(shown.url + feed)
            size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
            assert 14 <= page.value(f"{size} * 360 / innerWidth") <= 18


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_an_archive_says_which_feed_to_subscribe_to(page: Page, shown: Shown, part: str) -> None:
    show(page, shown.url + part)
    advice = page.value("measures.generated()")
    assert f'"https://example.com/feeds/category/us.{part.rpartition(".")[2]}"' in advice
    assert any(("過去の記事" if shown.language == "ja" else "older articles") in words for words in advice)
    assert not any("購読するには" in words or "To subscribe" in words for words in advice)
    assert LONG in page.value("measures.said()")


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_opened_in_a_browser_is_a_page_to_read(page: Page, shown: Shown, feed: str) -> None:
    show(page, shown.url + feed)
    said = page.value("measures.said()")
    assert {"第1号の記事", LONG, "要約です。", "見出しのない短信です。", "山田"} <= set(said)
    assert not [text for text in said if BODY in text or "?p=" in text or text == "feedpub"]
    advice = " ".join(page.value("measures.generated()"))
    assert ("購読するには" if shown.language == "ja" else "To subscribe") in advice


def test_the_language_of_a_feed_is_that_of_the_advice_or_both_are_given(page: Page, shown: Shown) -> None:
    page.open(shown.url + "all.rss")
    advice = "getComputedStyle(document.querySelector('channel'), '::after').content"
    for tag, said, unsaid in (("ja", "購読", "subscribe"), ("en-GB", "subscribe", "購読"), ("fr", "subscribe", "購読")):
        page.value(
            f"document.documentElement.setAttributeNS('http://www.w3.org/XML/1998/namespace', 'xml:lang', '{tag}')"
        )
        assert said in page.value(advice)
        assert unsaid not in page.value(advice)
    page.value("document.documentElement.removeAttributeNS('http://www.w3.org/XML/1998/namespace', 'lang')")
    assert all(words in page.value(advice) for words in ("購読", "subscribe"))
