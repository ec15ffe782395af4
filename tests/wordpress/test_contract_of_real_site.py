"""The contract of every store (tests/edge/test_store_contract.py), played on the real WordPress in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.edge import test_store_contract as contract
from tests.edge.test_store_contract import HOUR, House
from tests.wordpress.author import RealAuthor, put_aside
from tests.wordpress.site import MARKS

pytestmark = MARKS

CHAPTERS: dict[str, Callable[[House], None]] = {
    "what was there before is no news": contract.test_what_was_there_before_is_in_the_feed_and_is_no_news,
    "a new article": contract.test_a_new_article_is_in_the_feed_and_is_said_once,
    "an edit": contract.test_an_edit_is_in_the_feed_and_corrects_what_was_said,
    "two edits in one second": contract.test_two_edits_in_one_second_are_both_read,
    "a brief": contract.test_an_article_without_a_title_is_a_brief,
    "scheduled": contract.test_a_scheduled_article_goes_live_at_its_time,
    "an import": contract.test_an_import_of_old_articles_is_in_the_archive_and_is_no_news,
    "withdrawn": contract.test_a_withdrawn_article_leaves_the_feed_within_ten_minutes_and_is_retracted_in_time,
    "made private": contract.test_an_article_made_private_leaves_the_feed_and_comes_back_without_a_word,
    "restored": contract.test_a_restored_article_is_the_one_it_was,
    "a category renamed": contract.test_a_renamed_category_has_its_new_name_everywhere,
    "a category moved": contract.test_a_category_moved_below_another_is_part_of_it,
    "down": contract.test_a_store_that_is_down_is_told_in_one_line_and_nothing_is_lost,
    "rubbish": contract.test_rubbish_beside_an_article_keeps_nobody_back,
    "clock ahead": partial(contract.test_a_clock_that_is_an_hour_off_loses_nothing_and_says_nothing_twice, ahead=HOUR),
    "clock behind": partial(
        contract.test_a_clock_that_is_an_hour_off_loses_nothing_and_says_nothing_twice, ahead=-HOUR
    ),
    "touched": contract.test_touching_every_article_announces_nothing_and_writes_nothing,
    "a census that lies": partial(contract.test_a_census_that_lies_withdraws_nothing, how="cut off"),
}
"""Without those of what cannot happen in WordPress; ten thousand posts are read from the one on loopback."""


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tells the site's clock how far it is ahead."""
    with put_aside(tmp_path_factory.mktemp("clock")) as shift:
        yield shift


@pytest.fixture
def house(shift: Path, tmp_path: Path) -> Iterator[House]:
    """With an article that was there before feedpub."""
    author = RealAuthor(shift)
    one = House(author, tmp_path)
    one.write("1")
    one.round()
    yield one
    one.close()
    author.leave()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_real_site_keeps_the_contract(house: House, chapter: str) -> None:
    CHAPTERS[chapter](house)
    assert house.ledger.articles.store_state("blog").error == ""
