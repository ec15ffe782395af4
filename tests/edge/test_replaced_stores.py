"""A store with another name, of another kind, or taken out of the config: readers and networks notice nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from feedpub.changes import UNCLAIMED
from feedpub.model import Category, RawArticle, RawComment, State
from feedpub.pipeline import Source
from tests.databases import migrated_sqlite
from tests.edge.moving import brought, told
from tests.edge.newsstand import CATEGORIES, BrokenOffError, Fragile, Newsstand, Shelf, article, shelf
from tests.edge.test_publisher import START
from tests.world import Board

GUIDS = {number: f"https://news.test/?p={number}" for number in range(1, 9)}


def blog(**options: object) -> Source:
    """A store of four articles, one of them a brief, and a comment."""
    store = Shelf(categories=CATEGORIES)
    for number in (1, 2, 3):
        published = START - timedelta(days=4 - number)
        store.put(
            article(str(number), published, guid=GUIDS[number], categories=(str(number % 2 + 1),), tags=("F-35",))
        )
    store.put(article("4", START - timedelta(hours=1), title="", content="<p>短信</p>", categories=("1",)))
    store.put(RawComment("c1", "3", author="読者", content="<p>同感</p>", published=START.isoformat()))
    return shelf("blog", store, **options)


@pytest.fixture
def stand(database_url: str, tmp_path: Path) -> Iterator[Newsstand]:
    """With a blog that was polled, and one more article, which was announced."""
    stand = Newsstand(database_url, tmp_path, blog=blog())
    stand.sources["blog"].store.put(article("5", stand.now, guid=GUIDS[5], categories=("2",)))  # type: ignore[attr-defined]
    stand.round()
    stand.round(minutes=12)  # the comment counts
    assert stand.texts() == ["記事5"]
    yield stand
    stand.ledger.close()


def heir(stand: Newsstand, **options: object) -> tuple[Source, Shelf]:
    """The blog under the name `news`."""
    store = stand.sources["blog"].store
    assert isinstance(store, Shelf)
    store.categories = tuple(replace(one, store="news") for one in store.categories)
    return shelf("news", store, replaces="blog", **options), store


# ---------------------------------------------------------------- another name


def test_a_store_with_another_name_goes_on_and_no_reader_notices(stand: Newsstand) -> None:
    stand.sources["blog"].store.put(article("late", stand.now + timedelta(hours=3)))  # type: ignore[attr-defined]
    stand.sources["blog"].store.put(article("bad", url="mailto:x@news.test"))  # type: ignore[attr-defined]
    stand.round()
    before, guids = stand.files(), stand.ledger.articles.known("blog", "12345")
    news, store = heir(stand)
    with capture_logs() as seen:
        stand.apply(news=news)
    stand.round()
    assert stand.files() == before
    assert [one["event"] for one in seen] == ["store_replaced"]
    assert stand.texts() == ["記事5"]
    assert stand.ledger.articles.known("news", "12345") == guids
    assert [state.name for state in stand.ledger.articles.store_states()] == ["news"]
    assert [(name, one.id) for name, one in stand.ledger.articles.quarantined()] == [("news", "bad")]
    assert {one.store for one in stand.ledger.articles.categories()} == {"news"}
    store.put(article("5", stand.now, title="訂正", guid=GUIDS[5], categories=("2",)))
    store.remove("1")
    stand.round()
    stand.round(minutes=12)
    assert stand.texts() == ["訂正"]
    assert stand.ledger.articles.known("news", "1")["1"].withdrawn
    stand.round(hours=4)
    assert stand.texts() == ["訂正", "記事late"]
    stand.round(minutes=12)
    assert "同感" in stand.feed("comments.rss")


def test_the_rows_are_not_read_again_under_another_name(stand: Newsstand) -> None:
    news, _ = heir(stand)
    cursor = stand.ledger.articles.store_state("blog").cursor
    stand.apply(news=news)
    assert stand.ledger.articles.store_state("news").cursor == cursor
    assert stand.publisher.publish("news").baseline == 0


def test_its_feeds_are_renamed_with_it(stand: Newsstand) -> None:
    """Those by which they are found, and the addresses they had: those still lead here."""
    store = stand.sources["blog"].store
    assert isinstance(store, Shelf)
    store.categories = (replace(CATEGORIES[0], slug="america"), CATEGORIES[1])
    stand.round()
    moved = {"category/us": "category/america"}
    assert stand.publisher.builder.signposts.moved == moved
    news, store = heir(stand)
    stand.apply(news=news)
    stand.round()
    assert stand.publisher.builder.signposts.moved == moved
    store.put(article("6", stand.now, categories=("1",)))
    stand.round()
    assert "記事6" in stand.feed("category/america.rss")


def test_what_is_owed_is_said_after_the_store_has_another_name(stand: Newsstand) -> None:
    stand.targets["board"] = Board(name="board", delay="1h")
    stand.publisher.apply(stand.setup())
    stand.sources["blog"].store.put(article("6", stand.now))  # type: ignore[attr-defined]
    stand.round()
    news, _ = heir(stand)
    stand.apply(news=news)
    stand.round(hours=2)
    assert stand.texts() == ["記事5", "記事6"]


def test_the_option_does_no_harm_once_it_is_done(stand: Newsstand) -> None:
    news, _ = heir(stand)
    stand.apply(news=news)
    stand.round()
    before = stand.files()
    with capture_logs() as seen:
        for _ in range(3):
            stand.apply(news=news)
            stand.round()
    assert seen == []
    assert stand.files() == before
    assert list(stand.publisher.not_replaced()) == []


def test_a_name_that_nobody_had_is_told_until_the_store_is_known(stand: Newsstand) -> None:
    other = shelf("other", replaces="blgo")
    why = "feedpub never polled a store blgo: write the name that it had, or leave this out"
    with capture_logs() as seen:
        stand.apply(blog=stand.sources["blog"], other=other)
        assert list(stand.publisher.not_replaced()) == [("stores.other.replaces", why)]
        stand.round()
        stand.apply(blog=stand.sources["blog"], other=other)
    assert [one.get("what") for one in seen] == [f"stores.other.replaces: {why}"]


def test_a_store_that_has_articles_of_its_own_takes_nothing_over(stand: Newsstand) -> None:
    other = Shelf()
    other.put(article("own", stand.now))
    stand.apply(blog=stand.sources["blog"], other=shelf("other", other))
    stand.round()
    before = stand.files()
    with capture_logs() as seen:
        stand.apply(other=shelf("other", other, replaces="blog"))
    assert "stores.blog stays apart" in seen[0]["what"]
    stand.round()
    assert stand.files() == before


def test_a_store_that_only_clashed_with_the_one_it_replaces_takes_it_over_after_all(stand: Newsstand) -> None:
    """Somebody gave it another name first, and read about `replaces` then."""
    news, store = heir(stand)
    stand.apply(news=shelf("news", store))
    stand.round()
    reasons = {one.id: one.reason for _, one in stand.ledger.articles.quarantined()}
    assert set(reasons) == set("12345")
    assert f"its guid {GUIDS[5]} belongs to article 5 of stores.blog" in reasons["5"]
    stand.apply(news=news)
    stand.round()
    assert stand.ledger.articles.quarantined() == ()
    assert stand.ledger.articles.known("news", "5")["5"].guid == GUIDS[5]


# ---------------------------------------------------------------- another kind


def other_kind(*numbers: int, newest: int = 0) -> Shelf:
    """The same site as another kind tells it: other ids, other words, categories by their names."""
    store = Shelf(categories=(Category("news", "kaigun", "海軍", "kaigun"), Category("news", "usa", "米国関連", "us")))
    for number in numbers:
        published = START - timedelta(days=4 - number) if number < 4 else START
        said = {
            "guid": GUIDS[number],
            "content": "<p>別の書き方</p>",
            "categories": ("kaigun" if number % 2 else "usa",),
        }
        store.put(
            article(f"post-{number}", published, title=f"記事{number}", url=f"https://news.test/{number}", **said)
        )
    return store


def test_a_store_of_another_kind_takes_its_articles_over_without_a_word(stand: Newsstand) -> None:
    store = other_kind(1, 2, 3, 5)
    before = stand.ledger.articles.known("blog", "1235")
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    stand.round()
    after = stand.ledger.articles.known("news", [f"post-{number}" for number in (1, 2, 3, 5)])
    assert [after[f"post-{id_}"].guid for id_ in "1235"] == [before[id_].guid for id_ in "1235"]
    assert [after[f"post-{id_}"].revision for id_ in "1235"] == [before[id_].revision for id_ in "1235"]
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    assert (stand.texts(), len(stand.world.keys)) == (["記事5"], 1)
    assert stand.feed("all.atom").count("別の書き方") > 0
    assert stand.feed("all.atom").count("<entry") == 5
    last = store.log[-1]
    assert isinstance(last, RawArticle)
    store.put(replace(last, title="訂正"))
    store.put(article("post-6", stand.now))
    stand.round()
    stand.round(minutes=12)
    assert stand.texts() == ["訂正", "記事post-6"]


def test_what_another_kind_of_store_does_not_have_stays_and_no_census_takes_it(stand: Newsstand) -> None:
    store = other_kind(5)
    stand.apply(news=shelf("news", store, kind="other", replaces="blog", recheck="1m", census="1m", withdraw_limit=99))
    with capture_logs() as seen:
        for _ in range(4):
            stand.round()
    assert [one["left"] for one in seen if one["event"] == "store_taken_over"] == [4]
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    assert "短信" in stand.feed()
    assert "記事2" in stand.feed("category/us.rss")
    store.put(article("post-2", START - timedelta(days=2), guid=GUIDS[2], title="後から"))
    stand.round()
    assert "後から" in stand.feed()
    store.remove("post-2")
    stand.round()
    assert "後から" not in stand.feed()
    assert stand.texts() == ["記事5"]


def test_what_was_not_known_counts_as_known_unless_it_is_the_youngest(stand: Newsstand) -> None:
    store = Shelf()
    for hours in (40, 30, 20, 10):  # announced, were they news
        store.put(article(f"old-{hours}", START - timedelta(hours=hours)))
    store.put(article("post-5", START, guid=GUIDS[5]))
    store.put(article("young", stand.now))
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    stand.round()
    assert stand.texts() == ["記事5", "記事young"]
    assert "記事old-40" in stand.feed()
    assert stand.states() == {"post-5": State.SENT, "young": State.SENT}


def test_an_adoption_cut_short_goes_on_after_the_next_start(stand: Newsstand) -> None:
    store = Fragile(log=other_kind(1, 2, 3, 5).log, categories=other_kind().categories)
    store.put(article("old", START - timedelta(hours=20)))
    store.left = 1
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    with pytest.raises(BrokenOffError):
        stand.publisher.publish("news")
    assert stand.ledger.articles.store_state("news").phase == "adopting"
    stand.ledger.close()
    store.left = -1
    stand.start()
    stand.round()
    assert stand.ledger.articles.store_state("news").phase == "live"
    assert stand.ledger.articles.counts() == {"live": 6, "quarantined": 0}
    assert stand.texts() == ["記事5"]
    known = stand.ledger.articles.known("news", ["post-1", "post-5", "4"])
    assert {one.id: one.gone for one in known.values()} == {"post-1": 0, "post-5": 0, "4": UNCLAIMED}


@pytest.mark.parametrize("name", ["news", "blog"])
def test_what_is_news_does_not_change_while_an_adoption_is_cut_short(stand: Newsstand, name: str) -> None:
    store = Fragile()
    for id_, minutes in (("late", 10), ("old", -60), ("older", -120), ("early", 5)):
        store.put(article(id_, START + timedelta(minutes=minutes)))
    store.left = 1
    stand.apply(**{name: shelf(name, store, kind="other", replaces="" if name == "blog" else "blog")})
    with pytest.raises(BrokenOffError):
        stand.publisher.publish(name)
    stand.ledger.close()
    store.left = -1
    with capture_logs() as seen:
        stand.start()
    stand.round()
    assert sorted(stand.texts()) == ["記事5", "記事early", "記事late"]
    assert [one for one in seen if one["event"] == "store_begins_anew"] == []


def test_a_database_that_is_moved_meanwhile_goes_on_with_it(stand: Newsstand, tmp_path: Path) -> None:
    store = Fragile(log=other_kind(1, 2, 3, 5).log, categories=other_kind().categories)
    store.put(article("old", START - timedelta(hours=20)))
    store.left = 1
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    with pytest.raises(BrokenOffError):
        stand.publisher.publish("news")
    lines, store.left = told(stand.ledger.database), -1
    stand.ledger.close()
    stand.url = migrated_sqlite(tmp_path)
    brought(lines, stand.url, tmp_path)
    stand.start()
    assert stand.ledger.articles.store_state("news").phase == "adopting"
    stand.round()
    assert stand.ledger.articles.counts() == {"live": 6, "quarantined": 0}
    assert stand.texts() == ["記事5"]


def test_ids_that_mean_other_articles_in_the_other_kind_are_told_apart_by_their_guids(stand: Newsstand) -> None:
    store = Shelf()
    for id_, number in (("1", 2), ("2", 1), ("4", 3)):
        store.put(article(id_, START - timedelta(days=4 - number), guid=GUIDS[number], title=f"記事{number}"))
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    stand.round()
    found = stand.ledger.articles.bodies("news", ["1", "2", "4", "5"])
    assert {id_: one.guid for id_, one in found.items()} == {
        "1": GUIDS[2],
        "2": GUIDS[1],
        "4": GUIDS[3],
        "5": GUIDS[5],
    }
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    assert "短信" in stand.feed()  # it had the id 4


def test_a_kind_that_changes_under_one_name_is_noticed(stand: Newsstand) -> None:
    with capture_logs() as seen:
        stand.apply(blog=shelf("blog", other_kind(1, 2, 3, 5), kind="other"))
    assert [(one["event"], one["before"], one["kind"]) for one in seen] == [("store_begins_anew", "list", "other")]
    stand.round()
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    assert stand.texts() == ["記事5"]


def test_a_first_poll_cut_short_is_not_read_twice(database_url: str, tmp_path: Path) -> None:
    stand, store, asked = Newsstand(database_url, tmp_path), Fragile(), []
    for number in range(1, 9):
        store.put(article(str(number)))
    store.left, answer = 1, store.changes
    store.changes = lambda cursor: asked.append(cursor) or answer(cursor)  # type: ignore[func-returns-value,method-assign]
    stand.apply(blog=shelf("blog", store))
    with pytest.raises(BrokenOffError):
        stand.poll()
    store.left = -1
    stand.round()
    assert asked == [None, "3", "3", "6"]
    stand.ledger.close()


def test_an_id_that_means_another_article_in_the_other_kind_overwrites_nobody(stand: Newsstand) -> None:
    """Where both tell guids, those decide: the post 5 of another system is not the article 5 of this one."""
    store = Shelf()
    store.put(article("5", stand.now, guid=GUIDS[6], title="新しい記事"))
    store.put(article("6", START, guid=GUIDS[5], title="記事5"))
    store.put(article("2", stand.now, guid=GUIDS[7], title="次の記事"))
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    stand.round()
    found = stand.ledger.articles.bodies("news", ["5", "6", "2", f"left:{GUIDS[2]}"])
    assert {id_: (one.guid, one.title) for id_, one in found.items()} == {
        "5": (GUIDS[6], "新しい記事"),
        "6": (GUIDS[5], "記事5"),
        "2": (GUIDS[7], "次の記事"),
        f"left:{GUIDS[2]}": (GUIDS[2], "記事2"),
    }
    assert stand.ledger.articles.counts() == {"live": 7, "quarantined": 0}
    assert stand.texts() == ["記事5", "新しい記事", "次の記事"]


def test_an_article_whose_guid_only_the_other_kind_tells_is_known_by_its_id(stand: Newsstand) -> None:
    before = stand.ledger.articles.known("blog", "4")["4"].guid
    store = Shelf()
    store.put(article("4", stand.now, title="", content="<p>短信、別の書き方</p>", guid=GUIDS[8]))
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    stand.round()
    assert stand.ledger.articles.known("news", "4")["4"].guid == before
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    assert stand.texts() == ["記事5"]


@pytest.mark.parametrize("id_", ["1", "post-1"])
def test_another_kind_dates_no_public_article_into_the_future(stand: Newsstand, id_: str) -> None:
    """Its clock, or its zone, is another one: what is out stays out, and is no news when that time comes."""
    store = Shelf()
    store.put(article(id_, stand.now + timedelta(hours=9), guid=GUIDS[1], title="記事1", content="<p>別の書き方</p>"))
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    for _ in range(3):
        stand.round(hours=4)
        assert stand.feed("all.atom").count("<entry") == 5
    assert "別の書き方" in stand.feed("all.atom")
    assert stand.texts() == ["記事5"]


def dying(store: Shelf) -> Fragile:
    """The same, at which the process dies after one answer."""
    fragile = Fragile(log=store.log, categories=store.categories)
    fragile.left = 1
    return fragile


def test_a_kind_that_changes_again_before_it_was_read_to_its_end_is_noticed_too(stand: Newsstand) -> None:
    """Else one kind of store is handed the place where another one stopped."""
    first, store = stand.sources["blog"], dying(other_kind(1, 2, 3, 5))
    for sources in ({"blog": shelf("blog", store, kind="other")}, {"blog": first}):
        stand.apply(**sources)
        if sources["blog"] is not first:
            with pytest.raises(BrokenOffError):
                stand.publisher.publish("blog")
            assert stand.ledger.articles.store_state("blog").cursor == "3"
    assert stand.ledger.articles.store_state("blog").cursor is None
    stand.round()
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    assert set(stand.ledger.articles.known("blog", "12345")) == set("12345")
    assert stand.texts() == ["記事5"]


def test_a_kind_that_changes_in_the_middle_of_the_first_poll_is_noticed(stand: Newsstand) -> None:
    stand.apply(blog=stand.sources["blog"], news=shelf("news", dying(other_kind(6, 7, 8, 1))))
    with pytest.raises(BrokenOffError):
        stand.publisher.publish("news")
    stand.apply(blog=stand.sources["blog"], news=shelf("news", other_kind(8, 7, 6), kind="other"))
    stand.round()
    assert stand.ledger.articles.counts() == {"live": 8, "quarantined": 0}
    assert stand.texts() == ["記事5"]


def test_a_kind_that_changes_before_the_first_poll_was_over_is_noticed_too(database_url: str, tmp_path: Path) -> None:
    """A site lets us read its first pages, and then no more: its feed is taken instead."""
    stand, first = Newsstand(database_url, tmp_path), Fragile()
    for number in (1, 2, 3, 5):
        first.put(article(str(number), guid=GUIDS[number]))
    first.left = 1
    stand.apply(blog=shelf("blog", first))
    with pytest.raises(BrokenOffError):
        stand.poll()
    stand.apply(blog=shelf("blog", other_kind(1, 2, 3, 5), kind="other"))
    stand.round()
    assert stand.ledger.articles.quarantined() == ()
    assert stand.ledger.articles.counts() == {"live": 4, "quarantined": 0}
    assert stand.texts() == []
    stand.ledger.close()


def test_the_feed_of_a_category_goes_on_under_its_name(stand: Newsstand) -> None:
    stand.apply(news=shelf("news", other_kind(1, 2, 3, 5), kind="other", replaces="blog"))
    stand.round()
    assert stand.publisher.builder.signposts.moved == {"category/navy": "category/kaigun"}
    assert all(title in stand.feed("category/kaigun.rss") for title in ("記事1", "記事3", "記事5"))
    assert "記事2" in stand.feed("category/us.rss")


def test_the_comments_of_another_kind_of_store_are_its_own(stand: Newsstand) -> None:
    assert "同感" in stand.feed("comments.rss")
    store = other_kind(3)
    store.put(RawComment("77", "post-3", author="別人", content="<p>異論</p>", published=START.isoformat()))
    stand.apply(news=shelf("news", store, kind="other", replaces="blog"))
    stand.round()
    assert ("異論" in stand.feed("comments.rss"), "同感" in stand.feed("comments.rss")) == (True, False)


# ---------------------------------------------------------------- taken out of the config


def test_a_store_that_is_taken_out_freezes_and_goes_on_when_it_is_put_back(stand: Newsstand) -> None:
    store = stand.sources["blog"].store
    assert isinstance(store, Shelf)
    before = stand.files()
    stand.apply(other=shelf("other"))
    store.remove("2")
    store.put(article("6", stand.now))
    for _ in range(4):
        stand.round(hours=7)
    assert stand.files() == before
    assert stand.ledger.articles.counts() == {"live": 5, "quarantined": 0}
    stand.apply(other=stand.sources["other"], blog=shelf("blog", store))
    stand.round()
    assert stand.ledger.articles.counts() == {"live": 5, "withdrawn": 1, "quarantined": 0}
    assert stand.texts() == ["記事5", "記事6"]


def test_what_is_owed_for_a_store_that_is_taken_out_is_said(stand: Newsstand) -> None:
    """It is in the feeds: what they carry is told."""
    stand.targets["board"] = Board(name="board", delay="1h")
    stand.publisher.apply(stand.setup())
    stand.sources["blog"].store.put(article("6", stand.now))  # type: ignore[attr-defined]
    stand.round()
    stand.apply(other=shelf("other"))
    stand.round(hours=2)
    assert stand.texts() == ["記事5", "記事6"]


def test_what_waits_for_its_date_in_a_store_that_is_taken_out_waits_on(stand: Newsstand) -> None:
    store = stand.sources["blog"].store
    assert isinstance(store, Shelf)
    store.put(article("later", stand.now + timedelta(hours=1)))
    stand.round()
    stand.apply(other=shelf("other"))
    stand.round(hours=2)
    assert "記事later" not in stand.feed()
    stand.apply(blog=shelf("blog", store))
    stand.round()
    assert "記事later" in stand.feed()
    assert stand.texts() == ["記事5", "記事later"]
