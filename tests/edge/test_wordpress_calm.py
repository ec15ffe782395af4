"""Store `wordpress` where little happens: how seldom it asks, and that it misses nothing by that. In virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Census
from feedpub.stores.manners import Manners
from tests.edge.authors.author import Post
from tests.edge.authors.wordpress import opened as opened_author
from tests.edge.test_store_contract import House
from tests.edge.test_store_wordpress import Reader, kinds, settled
from tests.edge.wordpress_on_loopback import NOON, Canned, Row, Site, http_date, on_loopback
from tests.world import HOME

POLL = timedelta(minutes=3)


@pytest.fixture
def site() -> Iterator[Site]:
    """With some posts, a category and a comment; nothing of it is of today."""
    with on_loopback(Site()) as site:
        for number in range(1, 31):
            old = NOON - timedelta(days=number)
            site.publish(number, date=old, modified=old)
        site.terms["categories"] = [{"id": 1, "name": "米国", "slug": "us", "parent": 0}]
        site.comment(5, 30)
        yield site


def hour(reader: Reader, every: timedelta = POLL) -> list[list[str]]:
    """What the polls of an hour ask, and that they find nothing."""
    asked = []
    for _ in range(timedelta(hours=1) // every):
        reader.site.passes(seconds=every.total_seconds())
        reader.site.asked.clear()
        assert reader.poll() == []
        asked.append(kinds(reader.site))
    return asked


# ---------------------------------------------------------------- how seldom


def test_a_poll_with_nothing_new_is_two_small_requests_and_writes_nothing(site: Site) -> None:
    reader = settled(site, stays=True)
    before = reader.cursor
    asked = hour(reader)
    assert reader.cursor == before
    assert {len(one) for one in asked} == {2}
    assert {one[0] for one in asked} == {"looked"}
    others = [one[1] for one in asked]
    assert others[1::3] == ["modified", "published", "ids"] * 2 + ["modified"]
    assert (others[0::3], others[2::3]) == (["categories"] * 7, ["comments"] * 6)  # each every nine minutes
    assert all("_fields=" in one and "per_page=" in one for one in site.asked)


def test_a_site_that_is_polled_seldom_is_asked_everything_each_time(site: Site) -> None:
    asked = hour(settled(site, stays=True), every=timedelta(minutes=20))
    assert [len(one) for one in asked] == [4, 4, 4]


def test_with_several_types_each_is_looked_at(site: Site) -> None:
    site.publish(40, date=NOON - timedelta(days=2), modified=NOON - timedelta(days=2), type="pages")
    reader = settled(site, stays=True, types=("posts", "pages"))
    asked = hour(reader)
    assert {len(one) for one in asked} == {3}
    paged = [one for one in asked if one[2] == "pages"]
    assert paged


def test_a_change_is_read_at_once_and_then_all_is_calm_again(site: Site) -> None:
    reader = settled(site, stays=True)
    hour(reader)
    site.edit(7, title="追記")
    assert reader.ids() == [7]
    site.passes(minutes=3)
    reader.poll()  # once more, when it has settled
    hour(reader)


def test_a_post_taken_away_while_it_was_fresh_leaves_no_unrest(site: Site) -> None:
    reader = settled(site, stays=True)
    site.publish(50)
    assert reader.ids() == [50]
    site.edit(50, status="trash")
    for _ in range(3):
        site.passes(minutes=3)
        reader.poll()
    assert {len(one) for one in hour(reader)} == {2}


# ---------------------------------------------------------------- and nothing is missed


def found_within(reader: Reader, number: int, most: timedelta) -> bool:
    for _ in range(most // POLL):
        reader.site.passes(seconds=POLL.total_seconds())
        if number in reader.ids():
            return True
    return False


@pytest.mark.parametrize("stays", [True, False])
def test_what_is_new_by_any_date_is_found_at_the_next_poll(site: Site, *, stays: bool) -> None:
    reader = settled(site, stays=stays)
    old = NOON - timedelta(days=900)
    site.publish(60, date=old, modified=old, status="future")
    hour(reader)
    site.publish(61)
    assert 61 in reader.ids()
    site.passes(hours=1)
    reader.poll()
    site.posts[60].status = "publish"
    site.posts[60].date = site.clock
    assert 60 in reader.ids()
    site.publish(62, date=old, modified=old)
    assert 62 in reader.ids()


def test_a_scheduled_post_that_takes_the_place_of_another_is_found_all_the_same(site: Site) -> None:
    """Neither the number of posts nor the last modified ones tell of it."""
    for number in range(100, 130):
        site.publish(number, date=NOON - timedelta(days=1), modified=NOON - timedelta(days=1))
    site.publish(60, date=NOON + timedelta(hours=1), modified=NOON - timedelta(days=9), status="future")
    reader = settled(site, stays=True)
    hour(reader)
    site.edit(30, status="trash", modified=site.posts[30].modified)
    site.edit(60, status="publish", modified=site.posts[60].modified)
    assert found_within(reader, 60, timedelta(minutes=30))


def test_old_posts_that_take_the_place_of_others_are_found_all_the_same(site: Site) -> None:
    reader = settled(site, stays=True)
    hour(reader)
    old = NOON - timedelta(days=3000)
    site.edit(30, status="trash", modified=old)
    site.publish(200, date=old, modified=old)
    assert found_within(reader, 200, timedelta(minutes=30))


def test_comments_and_categories_are_news_within_ten_minutes(site: Site) -> None:
    reader = settled(site, stays=True)
    hour(reader)
    site.comment(6, 29)
    site.terms["categories"][0]["name"] = "米国関連"
    comments: list[str] = []
    names: list[str] = []
    for _ in range(3):
        site.passes(minutes=3)
        assert reader.poll() == []
        comments += reader.comments
        names += [one.name for batch in reader.batches for one in batch.categories or ()]
    assert (comments, names) == (["6"], ["米国関連"])
    assert {len(one) for one in hour(reader)} == {2}


def test_comments_on_what_is_not_read_are_asked_about_but_once(site: Site) -> None:
    site.comment(9, 999)  # a page
    assert {len(one) for one in hour(settled(site, stays=True))} == {2}


def test_a_poll_that_fails_in_the_middle_is_done_again_whole(site: Site) -> None:
    reader = settled(site, stays=True)
    hour(reader)
    site.publish(70)
    site.canned = lambda route, query: Canned(500) if "include" in query else None
    with pytest.raises(StoreError, match="fails at its REST API"):
        reader.poll()
    site.canned = lambda _route, _query: None
    assert reader.ids() == [70]


def test_what_changes_while_it_is_read_is_read_by_the_next_poll(site: Site) -> None:
    reader = settled(site, stays=True)
    hour(reader)
    site.edit(7)
    looks = iter(range(100))
    site.meanwhile = lambda: site.edit(3, title="その間に") if next(looks) == 3 else None  # the walks have passed it
    assert reader.ids() == [7]
    site.meanwhile = lambda: None
    assert 3 in reader.ids()


def test_a_cursor_that_somebody_else_moved_is_walked_from(site: Site) -> None:
    reader, other = settled(site, stays=True), settled(site, stays=True)
    site.publish(80)
    assert other.ids() == [80]
    reader.poll()
    other.cursor = reader.cursor
    site.asked.clear()
    other.poll()
    assert "ids" in kinds(site)


# ---------------------------------------------------------------- what is taken away, all the way to the feed


def test_a_takedown_of_any_kind_leaves_the_feed_within_ten_minutes(tmp_path: Path) -> None:
    with opened_author(tmp_path) as author:
        site = author.site
        author.write(*(Post(str(number), NOON - timedelta(hours=number), f"記事{number}") for number in range(1, 41)))
        house = House(author, tmp_path)
        house.settle()
        kinds_of: list[dict[str, object]] = [{"status": "private"}, {"status": "draft"}, {"status": "trash"}]
        kinds_of += [{"password": "秘密"}, {"password": "秘密", "modified": site.posts[5].modified}]
        waits = []
        for number, said in enumerate(kinds_of, start=1):
            house.settle(timedelta(minutes=6))
            site.edit(number, **said)
            taken = house.now
            while f"記事{number}" in house.feed():
                house.round()
            waits.append(house.now - taken)
        house.close()
    # The last one moves no date: while all seems calm, every other poll asks for what is in feeds.
    assert max(waits[:4]) <= timedelta(minutes=6)
    assert waits[4] <= timedelta(minutes=9)


def test_an_hour_in_which_nothing_happens_costs_fifty_requests(tmp_path: Path) -> None:
    """Of twenty polls: two for what is new, and in every other one whether the articles in feeds are still there."""
    with opened_author(tmp_path) as author:
        author.write(*(Post(str(number), NOON - timedelta(days=number), f"記事{number}") for number in range(1, 91)))
        house = House(author, tmp_path)
        house.settle()
        author.site.asked.clear()
        for _ in range(20):
            house.round()
        house.close()
        assert len(author.site.asked) == 50
        assert max(len(one) for one in author.site.asked) < 500


# ---------------------------------------------------------------- types of posts


def test_only_the_types_that_are_named_are_read(site: Site) -> None:
    site.types.add("events")
    site.publish(40, type="pages")
    site.publish(41, type="events")
    assert 40 not in Reader(site).ids()
    reader = Reader(site, types=("posts", "pages", "events"))
    assert {40, 41} < set(reader.ids())
    assert set(Reader(site, types=("events",)).ids()) == {41}


def test_each_type_has_a_place_of_its_own(site: Site) -> None:
    site.publish(40, type="pages")
    reader = settled(site, types=("posts", "pages"))
    site.edit(40, title="改訂")
    assert reader.ids() == [40]
    site.passes(minutes=10)
    reader.poll()
    site.publish(42, type="pages")
    site.publish(43)
    assert reader.ids() == [42, 43]


def test_a_round_of_many_articles_of_one_type_comes_to_the_others_too(site: Site) -> None:
    for number in range(100, 170):
        site.publish(number)
    for number in range(300, 360):
        site.publish(number, type="pages")
    reader = Reader(site, types=("posts", "pages"))
    assert len(set(reader.ids())) == 30 + 70 + 60
    assert len(reader.batches) < 5
    for _ in range(2):  # all of them are fresh: read again, and all of them once
        assert len(set(reader.ids())) == 70 + 60
        assert len(reader.batches) < 7


def test_a_type_named_later_is_read_from_its_beginning(site: Site) -> None:
    old = NOON - timedelta(days=3)
    site.publish(40, type="pages", date=old, modified=old)
    reader = settled(site)
    reader.options = {"types": ("posts", "pages")}
    assert reader.ids() == [40]
    assert reader.ids() == []
    reader.options = {}
    assert reader.ids() == []


def test_a_page_without_an_excerpt_and_a_type_without_a_text_are_articles(site: Site) -> None:
    site.publish(40, type="pages", gone={"excerpt", "categories", "tags", "format"})
    site.publish(41, gone={"excerpt", "content", "title", "author"})
    reader = Reader(site, types=("posts", "pages"))
    said = {one.id: (one.title, one.summary, one.content) for one in reader.poll()}
    assert said["40"] == ("見出し", "", "<p>本文</p>")
    assert said["41"] == ("", "", "")


def test_a_census_knows_every_type(site: Site) -> None:
    site.publish(40, type="pages")
    site.publish(41, type="pages", status="private")
    store = Reader(site, stays=True, types=("posts", "pages")).store
    assert store is not None
    assert store.census(["1", "40", "41"]).present == {"1", "40"}
    assert len(store.census(None).present) == 31


def test_readers_speak_about_pages_where_pages_are_read(site: Site) -> None:
    site.publish(40, type="pages")
    site.comment(9, 40)
    reader = settled(site)
    assert reader.comments == []
    reader.options = {"types": ("posts", "pages")}
    reader.poll()
    assert reader.comments == ["9"]


def test_a_type_that_is_not_there_is_told(site: Site) -> None:
    with pytest.raises(StoreError, match=r"has no events in its REST API .*show_in_rest"):
        Reader(site, types=("posts", "events")).poll()


# ---------------------------------------------------------------- older ones


def test_a_site_before_5_7_is_walked_from_the_last_modified_on(site: Site) -> None:
    site.old = True
    for number in range(100, 400):
        site.publish(number, date=NOON - timedelta(days=9), modified=NOON - timedelta(days=9, seconds=number))
    reader = settled(site)
    assert reader.poll() == []
    assert not any("modified_after" in one and "per_page=1&" not in one for one in site.asked)
    site.edit(150, title="追記")
    assert reader.ids() == [150]
    assert len([one for one in site.asked if "orderby=modified" in one]) < 8
    site.passes(hours=1)
    for number in range(100, 240):
        site.edit(number)
    assert sorted(set(reader.ids())) == list(range(100, 240))
    site.passes(hours=1)
    reader.poll()
    assert reader.poll() == []


def test_a_still_older_site_tells_of_a_password_and_of_an_authors_word(site: Site) -> None:
    site.old = True
    site.publish(40, password="秘密")
    site.publish(41, more={"meta": {"feedpub_announce": "no"}})
    reader = settled(site)
    assert "40" not in {one.id for batch in reader.batches for one in batch.articles}
    site.edit(41, title="追記")
    assert [one.announce for one in reader.poll()] == [False]
    site.edit(41, password="秘密")
    reader.poll()
    assert "41" in reader.gone


def test_an_old_site_is_calm_too(site: Site) -> None:
    site.old = True
    assert {len(one) for one in hour(settled(site, stays=True))} == {2}


def test_a_date_in_the_future_hides_no_later_edit_on_an_old_site(site: Site) -> None:
    site.old = True
    site.edit(1, modified=NOON + timedelta(days=900))
    reader = settled(site)
    site.edit(2, title="追記")
    assert reader.ids() == [2]


def test_a_cursor_of_the_version_before_goes_on_where_it_was(site: Site) -> None:
    site.comment(6, 29)
    reader = settled(site)
    told = json.loads(reader.cursor or "")
    before: Row = {**told["types"]["posts"], "taxonomy": told["taxonomy"], "comments": told["comments"], "version": 1}
    reader.cursor = json.dumps(before)
    site.edit(3, title="追記")
    assert (reader.ids(), reader.comments) == ([3], [])
    assert [batch.categories for batch in reader.batches] == [None]
    assert json.loads(reader.cursor)["version"] == 2
    del before["comments"]
    reader.cursor = json.dumps(before)
    assert (reader.ids(), reader.comments) == ([3], ["5", "6"])


def test_a_cursor_of_the_version_before_goes_on_in_the_middle_of_a_pass(site: Site) -> None:
    for number in range(100, 300):
        site.publish(number)
    reader = Reader(site, stays=True)
    assert reader.store is not None
    told = json.loads(reader.store.changes(None).cursor)
    assert told["types"]["posts"]["walked"] != told["types"]["posts"]["top"]
    reader.cursor = json.dumps({**told["types"]["posts"], "taxonomy": "", "comments": {}, "version": 1})
    assert min(reader.ids()) > 100


# ---------------------------------------------------------------- manners


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_busy_site_is_left_alone_for_as_long_as_it_asks(site: Site) -> None:
    reader, clock = settled(site, stays=True), Clock()
    assert reader.store is not None
    reader.store.manners = Manners(site.url, clock)
    site.canned = lambda _route, _query: Canned(429, headers={"Retry-After": "600"})
    with pytest.raises(StoreError, match="is busy or in maintenance"):
        reader.poll()
    site.asked.clear()
    clock.now = 590
    said = r"asked to be left alone for 10 minutes; it is asked again in 10 seconds"
    with pytest.raises(StoreError, match=said):
        reader.poll()
    with pytest.raises(StoreError, match=said):
        reader.store.census(["1"])
    assert site.asked == []
    site.canned = lambda _route, _query: None
    clock.now = 601
    assert reader.poll() == []


def test_a_site_whose_comments_are_busy_is_left_alone_too_and_its_posts_are_read(site: Site) -> None:
    reader = Reader(site, stays=True)
    site.canned = lambda route, _: Canned(503, headers={"Retry-After": "600"}) if route == "comments" else None
    assert len(reader.poll()) == 30
    with pytest.raises(StoreError, match="asked to be left alone for 10 minutes"):
        reader.poll()


def test_a_site_that_is_down_is_asked_less_and_less(site: Site) -> None:
    reader, clock = settled(site, stays=True), Clock()
    assert reader.store is not None
    reader.store.manners = Manners(site.url, clock)
    site.canned = lambda _route, _query: Canned(500)
    asked = []
    for minute in range(0, 60, 3):
        clock.now = minute * 60.0
        site.asked.clear()
        with pytest.raises(StoreError, match="fails at its REST API"):
            reader.poll()
        asked += [minute] if site.asked else []
    assert asked == [0, 3, 6, 12, 24, 39, 54]


# ---------------------------------------------------------------- behind a cache, or a plugin that changes lists


class PageCache:
    """Something in front of a site that gives the same answer to the same question, whatever happens behind it."""

    def __init__(self, site: Site) -> None:
        self._kept: dict[tuple[str, str], Canned] = {}
        self._site = site
        site.canned = self

    def __call__(self, route: str, query: dict[str, str]) -> Canned | None:
        key = (route, urlencode(query))
        if key not in self._kept:
            answer = self._site.page(route, query)
            self._kept[key] = replace(answer, headers={**answer.headers, "Date": http_date(self._site.clock)})
        return self._kept[key]

    def expires(self, *routes: str, asking: str = "") -> None:
        """Forget the answers of these routes, or all; or those to questions that hold some words."""
        self._kept = {
            key: one
            for key, one in self._kept.items()
            if (routes and key[0] not in routes) or (asking and asking not in key[1])
        }


def test_a_post_that_a_cache_keeps_from_us_is_read_as_soon_as_it_lets_go(site: Site) -> None:
    reader = settled(site, stays=True)
    cache, other = PageCache(site), Reader(site)
    other.cursor = reader.cursor
    assert reader.poll() == other.poll() == []  # so that the cache knows all that a poll may ask
    site.publish(60)
    cache.expires(asking="per_page=20")  # the look at what was modified last, and nothing else yet
    site.passes(minutes=3)
    assert reader.poll() == []
    cache.expires()
    site.passes(minutes=3)
    assert reader.ids() == [60]


def test_a_clock_that_stands_still_gives_everything_its_turn(site: Site) -> None:
    reader = settled(site, stays=True)
    asked = []
    for _ in range(6):
        site.asked.clear()
        reader.poll()
        asked.append(kinds(site)[1])
    assert asked == ["categories", "modified", "comments", "categories", "published", "comments"]


def test_a_post_that_came_back_is_not_missed_by_an_answer_of_before(site: Site) -> None:
    reader = settled(site, stays=True)
    assert reader.store is not None
    cache = PageCache(site)
    site.edit(7, status="private")
    reader.poll()
    assert reader.store.census(["6", "7"]) == Census(frozenset({"6"}), frozenset({"6", "7"}))
    site.passes(minutes=3)
    site.edit(7, status="publish")
    cache.expires(asking="orderby")
    assert 7 in reader.ids()
    assert reader.store.census(["6", "7"]) == Census(frozenset({"6"}), frozenset({"6"}))
    cache.expires()
    site.passes(minutes=3)
    reader.poll()
    assert reader.store.census(["6", "7"]).present == {"6", "7"}


@pytest.mark.parametrize("count", [30, 250])
def test_posts_that_are_counted_and_not_shown_keep_no_other_from_being_read(site: Site, count: int) -> None:
    """As where a plugin takes what is for members out of the answers."""
    for number in range(31, count + 1):
        site.publish(number, date=NOON - timedelta(days=9), modified=NOON - timedelta(days=9))
    site.counted = {*range(5, count, 7), 99, 100, 101, 198, 199, 200, count}
    shown = set(range(1, count + 1)) - site.counted
    reader = Reader(site, stays=True)
    assert set(reader.ids()) == shown
    site.passes(minutes=10)
    reader.poll()
    assert {len(one) for one in hour(reader)} <= {2, 3}
    site.publish(count + 1)
    assert reader.ids() == [count + 1]


def test_a_census_of_posts_some_of_which_are_not_shown_tells_the_others(site: Site) -> None:
    store = Reader(site, stays=True).store
    assert store is not None
    site.counted = {3, 30}
    assert store.census(None).present == {str(number) for number in range(1, 31)} - {"3", "30"}


def test_a_list_in_an_order_of_its_own_is_read_where_it_is_whole(site: Site) -> None:
    site.shuffled = True
    reader = Reader(site, stays=True)
    assert sorted(reader.ids()) == list(range(1, 31))
    site.passes(minutes=10)
    reader.poll()
    site.publish(31)
    assert reader.ids() == [31]


def test_a_long_list_in_an_order_of_its_own_is_refused(site: Site) -> None:
    for number in range(100, 300):
        site.publish(number)
    site.shuffled = True
    with pytest.raises(StoreError, match="gives its posts in another order than asked for: a plugin"):
        Reader(site).poll()


# ---------------------------------------------------------------- another host, an older backup


def test_a_site_that_moves_to_another_host_says_nothing_again(tmp_path: Path) -> None:
    """Its posts keep their numbers. What is edited there leads there; the old host sends on whoever comes by a link."""
    with opened_author(tmp_path) as author, on_loopback(Site()) as there:
        author.write(*(Post(str(number), NOON - timedelta(hours=number), f"記事{number}") for number in range(1, 9)))
        house = House(author, tmp_path)
        house.settle()
        house.write("9")
        house.settle()
        assert house.said() == ["記事9"]
        there.posts, there.terms, there.clock = author.site.posts, author.site.terms, author.site.clock
        author.site = there
        author.options = author.options.model_copy(update={"url": there.url})
        house.through(author.options.open(Door(), HOME))
        house.settle(timedelta(hours=12))
        assert (house.said(), len(house.feed())) == (["記事9"], 9)
        house.write("10")
        there.edit(9, title="記事9 追記")
        house.settle()
        assert house.said() == ["記事9 追記", "記事10"]  # the first is what it was, corrected
        assert {"記事10", "記事9 追記"} <= set(house.feed())
        house.close()


def test_a_post_that_has_the_number_of_another_after_a_restored_backup_is_said(tmp_path: Path) -> None:
    with opened_author(tmp_path) as author:
        author.write(*(Post(str(number), NOON - timedelta(hours=number), f"記事{number}") for number in range(1, 9)))
        house = House(author, tmp_path)
        house.settle()
        house.write("9")
        house.settle()
        del author.site.posts[9]
        house.settle(timedelta(hours=3))
        assert (house.said(), house.standing()) == (["記事9"], [])
        house.write("9", title="別の記事")
        house.settle()
        assert house.said() == ["記事9", "別の記事"]
        assert house.feed()[0] == "別の記事"
        house.close()


# ---------------------------------------------------------------- any story at all

DEEDS = ("publish", "import", "edit", "edit twice", "hide", "show", "lock", "swap", "nothing")
STORY = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(1, 20), st.integers(0, 400)), max_size=14)


def do(site: Site, deed: str, number: int) -> None:
    """Do something to a post, or to a new one; each time it says something else."""
    new = max(site.posts) + 1
    words = f"{deed} {new} {site.clock}"
    post = site.posts[number]
    if deed == "publish":
        site.publish(new, title=words)
    elif deed == "import":
        site.publish(new, title=words, date=NOON - timedelta(days=500), modified=NOON - timedelta(days=500))
    elif deed == "edit":
        site.edit(number, title=words)
    elif deed == "edit twice":
        site.edit(number, title="一度目")
    elif deed == "swap":
        site.publish(new, title=words, modified=NOON - timedelta(days=9))
        site.edit(number, status="trash", modified=post.modified)
    elif deed != "nothing":
        site.edit(number, status={"hide": "private"}.get(deed, "publish"), password="秘密" if deed == "lock" else "")


@settings(max_examples=30, deadline=None)
@given(story=STORY, old=st.booleans(), two=st.booleans())
def test_whatever_happens_in_the_end_every_public_post_is_read_as_it_is(
    story: list[tuple[str, int, int]], *, old: bool, two: bool
) -> None:
    """Be it read by one process, or by two in turns."""
    with on_loopback(Site(old=old)) as site:
        for number in range(1, 21):
            site.publish(number, date=NOON - timedelta(days=number), modified=NOON - timedelta(days=number))
        readers, known = [Reader(site, stays=True) for _ in range(1 + two)], dict[str, str]()

        def poll(seconds: float) -> None:
            site.passes(seconds=seconds)
            readers.reverse()
            readers[0].cursor = readers[-1].cursor
            known.update((one.id, one.title) for one in readers[0].poll())

        poll(0)
        for deed, number, seconds in story:
            do(site, deed, number)
            if deed == "edit twice":
                poll(0)
                site.posts[number].title = f"二度目 {number}"  # in the same second, after it was read
            poll(seconds)
        for _ in range(12):
            poll(180)
        shown = {str(one.id): one.title for one in site.posts.values() if (one.status, one.password) == ("publish", "")}
        assert {number: known.get(number) for number in shown} == shown
