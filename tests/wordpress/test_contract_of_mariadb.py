"""The contract of every store (tests/edge/test_store_contract.py), played by a query over tables in a real MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.edge import test_store_contract as contract
from tests.edge.test_store_contract import House
from tests.wordpress.site import MARKS
from tests.wordpress.tables_author import opened
from tests.wordpress.test_contract_of_real_site import CHAPTERS

pytestmark = MARKS

MORE: dict[str, Callable[[House], None]] = {
    "ten thousand": contract.test_ten_thousand_articles_come_in_bounded_batches_and_then_one_alone,
    "there twice": contract.test_an_article_that_is_there_twice_is_said_once,
    "committed late": contract.test_an_article_committed_after_later_ones_is_not_missed,
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """With an article that was there before feedpub."""
    with opened() as author:
        one = House(author, tmp_path)
        one.write("1")
        one.round()
        yield one
        one.close()


@pytest.mark.parametrize("chapter", [*CHAPTERS, *MORE])
def test_a_query_on_mariadb_keeps_the_contract(house: House, chapter: str) -> None:
    {**CHAPTERS, **MORE}[chapter](house)
    assert house.ledger.articles.store_state("blog").error == ""
