"""Store `sql` with the guide's own query over the tables of a real WordPress, on MariaDB (`make test-wordpress`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from feedpub.clean import plain_text
from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Batch, Category, RawArticle
from feedpub.stores.base import Store
from feedpub.stores.query import address
from feedpub.stores.query.dialects import dialect
from feedpub.stores.sql import SqlOptions
from feedpub.stores.wordpress import WordPressOptions
from tests.edge.reading import batches
from tests.wordpress.site import MARKS, URL, php, post
from tests.world import HOME

pytestmark = MARKS

GUIDE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
DATABASE = "mysql://wp:wp@127.0.0.1:33061/wp"


def documented() -> dict[str, Any]:
    """The guide's example of a WordPress, pointed at the one of these tests."""
    blocks = re.findall(r"^```toml\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if "FROM wp_posts" in block]
    return {**tomllib.loads(block)["stores"]["blog"], "name": "blog", "url": DATABASE}


def opened(**said: object) -> Store:
    return SqlOptions.model_validate({**documented(), **said}).open(Door(), HOME)


class Reader:
    """Polls as the publisher does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cursor: str | None = None
        self.known: dict[str, RawArticle] = {}
        self.categories: dict[str, Category] = {}
        self.batches: list[Batch] = []

    def poll(self) -> list[str]:
        self.batches = []
        for batch in batches(self.store, self.cursor):
            self.cursor = batch.cursor
            self.batches.append(batch)
            if batch.categories is not None:
                self.categories = {one.key: one for one in batch.categories}
        read = {one.id: one for batch in self.batches for one in batch.articles}
        self.known |= read
        return sorted(read)


@pytest.fixture
def tables() -> Iterator[Reader]:
    """Somebody who has read the tables."""
    with closing(opened()) as store:
        reader = Reader(store)
        reader.poll()
        yield reader


@pytest.fixture(scope="module")
def rest() -> Reader:
    """Somebody who has read the same site by its REST API."""
    options = {"name": "blog", "url": URL, "allow_private": True}
    reader = Reader(WordPressOptions.model_validate(options).open(Door(), HOME))
    reader.poll()
    return reader


def letters(title: str) -> str:
    """A title without its punctuation, which WordPress makes beautiful on the way out."""
    return re.sub(r"\W", "", plain_text(title))


def test_the_tables_give_the_articles_that_the_rest_api_gives(tables: Reader, rest: Reader) -> None:
    assert tables.known.keys() == rest.known.keys()
    assert len(tables.known) > 50
    for id_, said in rest.known.items():
        read = tables.known[id_]
        assert read.guid == said.guid
        assert read.published == said.published.replace("Z", "+00:00")
        assert read.updated == max(said.updated, said.published).replace("Z", "+00:00")
        assert set(read.categories) == set(said.categories)
        assert sorted(read.tags) == sorted(said.tags)
        assert read.authors == said.authors
        assert [image.url for image in read.images] == [image.url for image in said.images]
        # Formats whose title no theme shows have one in the tables all the same.
        assert letters(read.title) == letters(said.title) or not said.title


def test_the_tables_give_the_taxonomy_that_the_rest_api_gives(tables: Reader, rest: Reader) -> None:
    assert tables.categories == rest.categories
    assert any(one.parent for one in tables.categories.values())


def test_a_poll_with_nothing_new_is_empty_and_moves_nothing(tables: Reader) -> None:
    before = tables.cursor
    assert (tables.poll(), tables.cursor, len(tables.batches)) == ([], before, 1)


def test_what_happens_to_a_post_is_seen(tables: Reader) -> None:
    number = post(post_title="'三沢 & <b>横田</b>'", post_category="array(1)")
    assert tables.poll() == [number]
    assert plain_text(tables.known[number].title) == "三沢 & 横田"
    php(f"wp_update_post(['ID' => {number}, 'post_title' => '追記']);")
    assert tables.poll() == [number]
    assert tables.known[number].title == "追記"
    assert tables.store.census([number, "999999"]).present == {number}
    php(f"wp_update_post(['ID' => {number}, 'post_password' => 'x']);")
    assert tables.poll() == []
    assert tables.store.census([number]).present == frozenset()
    php(f"wp_delete_post({number}, true);")
    assert tables.store.census(None).present == {id_ for id_ in tables.known if id_ != number}


def test_a_scheduled_post_that_goes_live_is_seen(tables: Reader) -> None:
    """WordPress leaves the date of its last edit as it is."""
    later = "gmdate('Y-m-d H:i:s', time() + 3600)"
    number = post(post_status="'future'", post_date_gmt=later, post_date=later)
    assert tables.poll() == []
    # Its hour has come: the clock cannot be moved, so the date is.
    php(
        f"global $wpdb; $wpdb->query('UPDATE wp_posts SET post_date_gmt = UTC_TIMESTAMP(), post_modified_gmt = "
        f'"2020-01-01 00:00:00", post_status = "publish" WHERE ID = {number}\');'
    )
    assert tables.poll() == [number]
    php(f"wp_delete_post({number}, true);")


def test_a_category_renamed_is_told_by_the_next_poll(tables: Reader) -> None:
    key = php("echo wp_insert_term('基地', 'category', ['slug' => '基地'])['term_id'];")
    assert tables.poll() == []
    assert (tables.categories[key].name, tables.categories[key].slug) == ("基地", "基地")
    php(f"wp_update_term({key}, 'category', ['name' => '基地 & 港']);")
    assert tables.poll() == []
    assert tables.categories[key].name == "基地 & 港"
    php(f"wp_delete_term({key}, 'category');")


# ---------------------------------------------------------------- MariaDB itself


SIMPLE = "SELECT 1 AS id, 'x' AS title, NOW() AS published, NOW() AS updated FROM wp_posts WHERE post_date >= :since"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"url": "mysql://wp:kanarienvogel@127.0.0.1:33061/wp"}, "refuses user or password"),
        ({"url": "mysql://wp:wp@127.0.0.1:1/wp"}, "cannot be reached"),
        ({"url": "mysql://wp:wp@127.0.0.1:33061/kanarienvogel"}, "refuses the query|no database"),
        ({"query": SIMPLE.replace("wp_posts", "wp_kanarien")}, r"no table .*\(wp_kanarien\)"),
        ({"query": SIMPLE.replace("'x'", "titel")}, r"no column .*\(titel\)"),
        ({"query": SIMPLE.replace("FROM", "FRMO")}, "does not understand"),
        ({"query": SIMPLE.replace("WHERE", "WHERE SLEEP(3) = 0 AND"), "timeout": "1s"}, "took too long"),
        ({"query": "WITH x AS (SELECT 1) DELETE FROM wp_posts"}, "does not understand|was asked to write"),
        ({"categories_query": "SELECT id, name FROM wp_nirgends"}, r"wp_nirgends.*`categories_query`"),
    ],
)
def test_what_goes_wrong_is_told_in_one_sentence(said: dict[str, str], sentence: str) -> None:
    with closing(opened(**said)) as store, pytest.raises(StoreError, match=sentence) as raised:
        store.changes(None)
    assert "kanarienvogel" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("since", ["post_modified_gmt >= :since", "1 = 1"])
def test_percent_signs_and_colons_mean_what_they_mean_in_sql(since: str) -> None:
    query = f"""SELECT ID AS id, DATE_FORMAT(post_date, '%H:%i') AS title, post_date_gmt AS published,
    post_modified_gmt AS updated FROM wp_posts WHERE post_type LIKE '%os%' AND post_status = 'publish'
    AND {since} # 5% of :all"""
    with closing(opened(query=query)) as store:
        articles = store.changes(None).articles
    assert len(articles) > 30
    assert all(re.fullmatch("[0-9]{2}:[0-9]{2}", article.title) for article in articles)


def test_a_session_can_write_nothing() -> None:
    options = SqlOptions.model_validate(documented())
    there = dialect(address.parse(DATABASE), options.timeout, HOME.zone)
    with pytest.raises(Exception, match="READ ONLY"), there.session() as connection:
        connection.exec_driver_sql("DELETE FROM wp_posts")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC", "Europe/Paris"])
def test_columns_with_and_without_a_zone_are_read_as_they_are_meant(zone: str) -> None:
    """TIMESTAMP is an instant, DATETIME what a clock on the wall showed."""
    database = pymysql.connect(host="127.0.0.1", port=33061, user="wp", password="wp", database="wp", autocommit=True)
    with closing(database), database.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE zoned (id INT, instant TIMESTAMP NULL, wall DATETIME)")
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute("INSERT INTO zoned VALUES (1, NOW(), '2026-01-15 12:00:00')")
        query = "SELECT id, 'x' AS title, wall AS published, instant AS updated FROM zoned WHERE instant >= :since"
        with closing(opened(query=query, categories_query="", timezone=zone)) as store:
            (article,) = store.changes(None).articles
        cursor.execute("SELECT DATE_FORMAT(instant, '%Y-%m-%dT%H:%i:%s+00:00') FROM zoned")
        told = cursor.fetchone()
        cursor.execute("DROP TABLE zoned")
    hour = {"Asia/Tokyo": 3, "UTC": 12, "Europe/Paris": 11}[zone]
    assert told is not None
    assert article.updated == told[0]
    assert article.published == f"2026-01-15T{hour:02}:00:00+00:00"
