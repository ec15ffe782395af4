"""The page of `feedpub preview`, as a real Chromium shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import MARKS, Chromium
from tests.browser.test_in_a_browser import show
from tests.previews import page as preview_page

pytestmark = MARKS


@pytest.fixture(scope="module", params=["ja", "en"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("preview") / "preview.html"
    path.write_text(preview_page(request.param), encoding="utf-8")
    return path.as_uri()


def test_nothing_is_asked_of_anybody_and_nothing_goes_wrong(browser: Chromium, url: str) -> None:
    with browser.page() as page:
        show(page, url)
        assert {one for one in page.requests if one != url and not one.startswith("data:")} == set()
        assert page.complaints == []
        assert page.value("document.querySelectorAll('.post').length") == 15


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_stands_out_from_what_is_behind_it(browser: Chromium, url: str, dark: bool) -> None:
    with browser.page(dark=dark) as page:
        assert show(page, url).value("measures.faint()") == []


@pytest.mark.parametrize("phone", [False, True], ids=["narrow window", "phone"])
def test_nothing_scrolls_sideways(browser: Chromium, url: str, phone: bool) -> None:
    with browser.page(width=320, height=640, phone=phone) as page:
        assert show(page, url).value("measures.sideways()") == 0


def test_no_script_runs_on_it(browser: Chromium, url: str) -> None:
    with browser.page() as page:
        page.open(url)
        page.value(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
        )
        assert page.value("window.ran") is None
