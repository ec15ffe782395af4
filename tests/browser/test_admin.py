"""The admin's pages, as a real Chromium shows them, and what an admin does there with mouse and keyboard."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import MARKS, Chromium, Page
from tests.browser.test_in_a_browser import show
from tests.edge.admin_site import TOKEN, Room, busy_room
from tests.edge.front_door import until
from tests.edge.receiver import Answer, Receiver

pytestmark = MARKS

PAGES = (
    "/",
    "/deliveries",
    "/deliveries?state=doubtful&state=failed&target=doubtful",
    "/targets/discord_news",
    "/feeds",
    "/config?all=yes",
    "/write",
    "/announce?article=long",
    "/nothing",
)


@pytest.fixture(scope="module", params=["ja", "en"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One for those who only look."""
    with Receiver() as server, busy_room(tmp_path_factory.mktemp("busy") / "a", server, request.param) as one:
        yield one


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, server: Receiver) -> Iterator[Room]:
    """One for those who press buttons."""
    with busy_room(tmp_path_factory.mktemp("used") / "a", server, "en") as one:
        yield one


def enter(page: Page, room: Room, path: str = "/") -> Page:
    """Log in as people do, and go on to a page."""
    page.open(f"{room.url}{path}")
    page.click("[name=token]")
    page.type(TOKEN)
    press(page, "form button")
    return page


def press(page: Page, selector: str) -> None:
    """Press a button, and wait for the page that it leads to."""
    page.value("window.before = true")
    page.click(selector)
    page.until("window.before === undefined && document.readyState === 'complete'")


def told(page: Page) -> str:
    text: str = page.value("document.querySelector('#told').innerText")
    return text


def states(room: Room, target: str) -> dict[str, int]:
    return dict(room.app.status().deliveries.get(target, {}))


# ---------------------------------------------------------------- how they look


@pytest.mark.parametrize(
    ("width", "phone", "dark"),
    [(1280, False, False), (360, True, False), (1280, False, True), (320, True, True)],
    ids=["desktop", "phone", "dark desktop", "dark small phone"],
)
def test_every_page_fits_is_readable_and_asks_nobody(
    browser: Chromium, busy: Room, width: int, phone: bool, dark: bool
) -> None:
    with browser.page(width=width, height=740, phone=phone, dark=dark) as page:
        enter(page, busy)
        for path in PAGES:
            show(page, busy.url + path)
            assert page.value("measures.sideways()") == 0, path
            assert page.value("measures.faint()") == [], path
            assert page.value("window.ran") is None
        assert [one for one in page.requests if not one.startswith((f"{busy.url}/", "data:"))] == []
        assert [one for one in page.complaints if "404" not in one] == []  # of the page that is not there


def test_what_can_be_pressed_is_large_enough_for_a_thumb_and_has_a_name(browser: Chromium, busy: Room) -> None:
    with browser.page(width=360, height=740, phone=True) as page:
        page.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        enter(page, busy)
        for path in PAGES[:-1]:
            show(page, busy.url + path)
            small = page.value(
                "[...document.querySelectorAll('button, .button, nav a')].filter((one) => one.checkVisibility() &&"
                " one.getBoundingClientRect().height < 24).map((one) => one.outerHTML)"
            )
            assert small == []
            nameless = page.value(
                "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((field) =>"
                " !(field.labels.length && field.labels[0].textContent.trim()) && !field.ariaLabel)"
                ".map((one) => one.outerHTML)"
            )
            assert nameless == []
            levels = page.value(
                "[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.checkVisibility())"
                ".map((one) => Number(one.localName[1]))"
            )
            assert levels[0] == 1
            assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_keyboard_goes_first_to_the_content_and_shows_where_it_is(browser: Chromium, busy: Room) -> None:
    with browser.page() as page:
        enter(page, busy)
        page.press("Tab", 9)
        assert page.value("document.activeElement.className") == "skip"
        assert page.value("document.activeElement.getBoundingClientRect().left >= 0")
        page.press("Tab", 9)
        assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_return_key_in_a_list_decides_nothing(browser: Chromium, used: Room) -> None:
    with browser.page() as page:
        enter(page, used, "/deliveries?target=paid")
        before = states(used, "paid")
        page.value("document.querySelector('.deliveries [type=checkbox]').focus()")
        page.press("Enter", 13)
        page.value("new Promise((done) => setTimeout(done, 100))")
        assert states(used, "paid") == before


# ---------------------------------------------------------------- what is done there


def test_an_admin_mends_what_is_wrong_from_the_overview(browser: Chromium, used: Room, server: Receiver) -> None:
    with browser.page(width=360, height=740, phone=True) as page:
        enter(page, used)
        server.routes["POST /api/webhooks/1/token"] = Answer(200, {"id": "1"})
        press(page, ".problems form[action='/targets/discord_news'] button")
        assert told(page) == "discord_news speaks again."
        assert page.value("document.querySelector('#told').getAttribute('aria-live')") == "polite"
        used.once()
        assert states(used, "discord_news")["sent"] >= 3
        press(page, ".problems form:has([value=mastodon]) button")
        assert "25 of mastodon" in page.value("document.querySelector('main').innerText")
        press(page, "button[name=sure]")
        assert told(page) == "25 released."
        assert "held" not in states(used, "mastodon")


def test_an_admin_decides_about_deliveries_in_the_list(browser: Chromium, used: Room) -> None:
    with browser.page() as page:
        enter(page, used, "/deliveries?target=terminal&state=held")
        before = states(used, "terminal")
        for number in (1, 2):
            page.click(f".deliveries > li:nth-child({number}) [type=checkbox]")
        press(page, ".bulk button[value=cancel]")
        assert told(page) == "2 cancelled."
        press(page, ".deliveries > li:nth-child(1) button[value^='release:']")
        press(page, "button[name=sure]")
        assert told(page) == "1 released."
        assert states(used, "terminal") == before | {"held": 22, "skipped": 2, "due": 1}
        page.open(f"{used.url}/deliveries?state=skipped&target=terminal")
        press(page, ".deliveries > li:nth-child(1) button[value^='retry:']")
        assert told(page) == "1 will be said."
        assert states(used, "terminal") == before | {"held": 22, "skipped": 1, "due": 2}


def test_an_admin_pauses_a_target_and_lets_it_speak_again(browser: Chromium, used: Room) -> None:
    with browser.page() as page:
        enter(page, used, "/targets/terminal")
        press(page, "button[value=pause]")
        assert told(page) == "terminal is paused."
        press(page, "button[value=resume]")
        assert told(page) == "terminal speaks again."


def test_an_admin_asks_for_a_poll(browser: Chromium, used: Room) -> None:
    with browser.page() as page:
        enter(page, used)
        press(page, "form[action='/poll'] button")
        assert told(page).startswith("Asked for: main.")
        until(lambda: "main" in used.app.ledger.articles.asked())


def test_an_admin_writes_a_brief_on_a_phone(browser: Chromium, used: Room, tmp_path: Path) -> None:
    with browser.page(width=360, height=740, phone=True) as page:
        enter(page, used, "/write")
        page.click("textarea[name=text]")
        page.type("速報です。<b>太字ではない</b>")
        page.click("[name=category][value=us]")
        press(page, "form[action='/brief'] button.main")
        assert "is queued for" in told(page)
        assert "category/us" in told(page)
        page.picture(tmp_path / "told.png")
        used.once()
        assert used.app.ledger.feeds.entries("briefs", 1)[0].summary == "速報です。<b>太字ではない</b>"


def test_an_admin_announces_an_article_once_more(browser: Chromium, used: Room) -> None:
    with browser.page() as page:
        enter(page, used, "/announce?article=news")
        page.click("[name=target][value=mastodon]")
        page.click("textarea[name=text]")
        page.type("もう一度")
        press(page, "button.main")
        assert page.value("document.querySelector('h1').textContent") == "Say it once more?"
        press(page, "button[name=sure]")
        assert "mastodon: it will be said as soon as its turn comes." in told(page)
        page.open(f"{used.url}/deliveries?article=news&target=mastodon")
        assert "In other words: もう一度" in page.value("document.querySelector('.deliveries').innerText")


def test_who_logs_out_is_out(browser: Chromium, used: Room) -> None:
    with browser.page() as page:
        enter(page, used)
        press(page, ".leave button")
        page.open(f"{used.url}/deliveries")
        assert page.value("location.pathname") == "/login"
