"""Several stores at once: what each is owed, whatever the others do, and what all of them have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from feedpub.errors import StoreError, UnreachableError
from feedpub.model import Batch, Category, Census, State
from feedpub.stores.base import Store
from feedpub.stores.opened import Opened
from tests.edge.newsstand import CATEGORIES, POLL, Newsstand, Shelf, article, shelf


@pytest.fixture
def stand(database_url: str, tmp_path: Path) -> Iterator[Newsstand]:
    """With a blog that was polled, and had an article before that."""
    store = Shelf(categories=CATEGORIES)
    store.put(article("1", categories=("1",)))
    stand = Newsstand(database_url, tmp_path, blog=shelf("blog", store))
    yield stand
    stand.ledger.close()


def blog(stand: Newsstand) -> Shelf:
    store = stand.sources["blog"].store
    assert isinstance(store, Shelf)
    return store


# ---------------------------------------------------------------- one fails, the others do not


class Ill(Shelf):
    """A store with something wrong with it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    def changes(self, cursor: str | None) -> Batch:
        if self.error is not None:
            raise self.error
        return super().changes(cursor)


def test_whatever_a_store_raises_is_its_own_trouble_and_over_when_it_is_well(stand: Newsstand) -> None:
    errors = [StoreError("it is down"), UnreachableError("it refuses"), ZeroDivisionError("canary"), KeyError("canary")]
    for error in errors:
        ill = Ill(error)
        stand.apply(ill=shelf("ill", ill), blog=stand.sources["blog"])
        with capture_logs() as told:
            told_why = stand.poll()
        ours = not isinstance(error, StoreError | UnreachableError)
        expected = "feedpub itself failed as it read this store: see the log, and please report it"
        assert told_why == {"ill": expected if ours else str(error)}
        assert [one["store"] for one in told if one["event"] == "store_failed"] == ["ill"]
        assert [one["error"] for one in told if one["event"] == "fault"] == ([type(error).__name__] if ours else [])
        assert "canary" not in str(told)
        state = stand.ledger.articles.store_state("ill")
        assert (state.error, state.failed_since) == (told_why["ill"], stand.now)
        ill.error = None
        stand.round()
        assert stand.ledger.articles.store_state("ill").error == ""


def test_a_census_that_fails_in_whatever_way_is_told_and_withdraws_nothing(stand: Newsstand) -> None:
    class Blind(Shelf):
        def census(self, ids: Sequence[str] | None) -> Census:
            raise AttributeError("canary")

    blind = Blind(log=blog(stand).log)
    stand.apply(blog=shelf("blog", blind, recheck="1m"))
    stand.passes(**POLL)
    assert "feedpub itself failed" in stand.poll()["blog"]
    assert stand.ledger.articles.counts() == {"live": 1, "quarantined": 0}


def test_a_row_that_our_own_cleaning_fails_on_costs_only_its_store_a_poll(
    stand: Newsstand, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Shelf()
    stand.apply(blog=stand.sources["blog"], other=shelf("other", other))
    stand.round()
    blog(stand).put(article("2", stand.now))
    other.put(article("b", stand.now))
    cleaner = stand.publisher.poller._cleaner
    clean = cleaner.articles

    def failing(store: str, *rest: Any) -> Any:
        if store == "blog":
            raise RecursionError
        return clean(store, *rest)

    monkeypatch.setattr(cleaner, "articles", failing)
    assert list(stand.poll()) == ["blog"]
    monkeypatch.undo()
    assert "記事b" in stand.feed()
    stand.round()
    assert set(stand.texts()) == {"記事b", "記事2"}


def test_a_poll_that_a_new_config_overtakes_records_nothing_for_the_old_one(stand: Newsstand) -> None:
    """Not even that it failed: the store has another name by then, and would be there twice."""
    store = blog(stand)

    class Slow(Shelf):
        def changes(self, cursor: str | None) -> Batch:
            batch = store.changes(cursor)
            stand.apply(news=shelf("news", store, replaces="blog"))
            if store.down:
                raise StoreError("it fell")
            return batch

    for store.down in (False, True):
        stand.apply(blog=shelf("blog", Slow(), replaces="news" if store.down else ""))
        store.put(article(f"late-{store.down}", stand.now))
        stand.publisher.publish("blog")
        assert [state.name for state in stand.ledger.articles.store_states()] == ["news"]
        stand.sources = {"news": shelf("news", store)}
        stand.apply(**stand.sources)
        stand.round()
        assert f"記事late-{store.down}" in stand.feed()


def test_a_store_that_cannot_be_opened_yet_is_opened_when_it_can_be() -> None:
    ready: list[Store] = []

    def open_it() -> Store:
        if not ready:
            raise StoreError("the folder is not there")
        return ready.pop()

    opened = Opened(open_it)
    with pytest.raises(StoreError, match="the folder is not there"):
        opened.changes(None)
    store = Shelf()
    store.put(article("1"))
    ready.append(store)
    assert [raw.id for raw in opened.changes(None).articles] == ["1"]
    assert opened.census(None).present == {"1"}
    opened.close()
    with pytest.raises(StoreError, match="the config changed"):
        opened.changes(None)


def test_a_store_is_closed_when_nobody_asks_it_any_more() -> None:
    happened: list[str] = []

    class Noting(Shelf):
        def changes(self, cursor: str | None) -> Batch:
            opened.close()  # as a config does that changes meanwhile, in another thread
            happened.append("answered")
            return super().changes(cursor)

        def close(self) -> None:
            happened.append("closed")

    opened = Opened(Noting)
    opened.changes(None)
    opened.close()
    assert happened == ["answered", "closed"]


# ---------------------------------------------------------------- the same article in two stores


def test_of_two_stores_that_record_one_guid_at_one_moment_one_has_it(stand: Newsstand) -> None:
    """Each looks, and sees that nobody has it; then both write."""
    other = Shelf()
    other.put(article("b", stand.now, guid="same"))
    blog(stand).put(article("2", stand.now, guid="same"))
    stand.apply(blog=stand.sources["blog"], other=shelf("other", other))
    owners = stand.ledger.articles.guid_owners

    def and_meanwhile(guids: Sequence[str]) -> dict[str, tuple[str, str]]:
        found = owners(guids)
        stand.ledger.articles.guid_owners = owners  # type: ignore[method-assign]
        stand.publisher.poll("other")
        return found

    stand.ledger.articles.guid_owners = and_meanwhile  # type: ignore[method-assign]
    assert stand.publisher.publish("blog").error == ""
    assert owners(["same"]) == {"same": ("other", "b")}
    ((store, kept_out),) = stand.ledger.articles.quarantined()
    assert (store, kept_out.id) == ("blog", "2")
    assert kept_out.reason == "its guid same belongs to article b of stores.other: give it one of its own"


def test_categories_of_one_name_and_slug_are_one_feed_whichever_stores_they_are_in(stand: Newsstand) -> None:
    other = Shelf(categories=(Category("other", "us-a", "米国関連", "us"), Category("other", "x", "米国関連", "usa")))
    other.put(article("b", categories=("us-a",)))
    other.put(article("c", categories=("x",)))
    stand.apply(blog=stand.sources["blog"], other=shelf("other", other))
    stand.round()
    assert all(title in stand.feed("category/us.rss") for title in ("記事1", "記事b"))
    assert "記事c" not in stand.feed("category/us.rss")
    assert "記事c" in stand.feed("category/usa.rss")
    stand.feeds = {"categories": {"america": {"name": "米国関連"}}}
    stand.publisher.apply(stand.setup())
    stand.round()
    assert all(title in stand.feed("category/america.rss") for title in ("記事1", "記事b", "記事c"))


# ---------------------------------------------------------------- tags that keep an article out


def test_an_article_with_a_tag_to_be_skipped_is_as_if_it_were_not_public(stand: Newsstand) -> None:
    stand.apply(blog=shelf("blog", blog(stand), skip_tags=("NoFeed",), recheck="1m", census="1m"))
    stand.round()
    raw = article("2", stand.now, tags=("ｎｏｆｅｅｄ ", "F-35"))
    blog(stand).put(raw)
    stand.round()
    assert (stand.texts(), "記事2" in stand.feed()) == ([], False)
    blog(stand).put(replace(raw, tags=("F-35",)))  # the author takes the tag off: it comes
    stand.round()
    assert (stand.texts(), "記事2" in stand.feed()) == (["記事2"], True)
    blog(stand).put(raw)  # and on again: it goes, though the store's census says that it is there
    for _ in range(25):
        stand.round()
    assert (stand.texts(), "記事2" in stand.feed()) == ([], False)
    assert stand.ledger.articles.known("blog", "2")["2"].withdrawn
    blog(stand).put(replace(raw, tags=()))
    stand.round()
    assert "記事2" in stand.feed()


def test_skipping_many_at_once_waits_for_a_person_and_no_census_cancels_it(stand: Newsstand) -> None:
    for number in range(10, 20):
        blog(stand).put(article(str(number), stand.now, tags=("x",)))
    stand.apply(blog=shelf("blog", blog(stand), withdraw_limit=2, recheck="1m", census="1m"))
    stand.round()
    for number in range(10, 20):
        blog(stand).put(article(str(number), stand.now, tags=("x", "nofeed")))
    strict = {"skip_tags": ("nofeed",), "recheck": "1m", "census": "1m"}
    stand.apply(blog=shelf("blog", blog(stand), withdraw_limit=2, **strict))
    for _ in range(3):
        stand.round()
        assert "10 of 11 articles are gone" in stand.ledger.articles.store_state("blog").note
    stand.apply(blog=shelf("blog", blog(stand), withdraw_limit=10, **strict))
    stand.round()
    assert stand.ledger.articles.counts() == {"live": 1, "withdrawn": 10, "quarantined": 0}


def test_a_tag_taken_off_while_it_was_held_leaves_the_article_where_it_is(stand: Newsstand) -> None:
    raws = (article("1", categories=("1",)), article("2"))
    options: dict[str, Any] = {"skip_tags": ("nofeed",), "withdraw_limit": 0}
    stand.apply(blog=shelf("blog", blog(stand), **options))
    blog(stand).put(raws[1])
    stand.round()
    for raw in raws:
        blog(stand).put(replace(raw, tags=("nofeed",)))
    stand.round()
    assert "all 2 articles are gone" in stand.ledger.articles.store_state("blog").note
    for raw in raws:
        blog(stand).put(raw)
    stand.round()
    assert stand.ledger.articles.store_state("blog").note == ""
    assert stand.ledger.articles.counts() == {"live": 2, "quarantined": 0}


def test_other_tags_to_be_skipped_are_heeded_for_articles_that_do_not_change(stand: Newsstand) -> None:
    blog(stand).put(article("2", tags=("広告",)))
    blog(stand).put(article("3", tags=("訃報",)))
    stand.round()
    said = len(stand.world.keys)
    for tags, expected in ((("広告",), "13"), (("訃報",), "12"), ((), "123"), (("広告", "訃報"), "1")):
        stand.apply(blog=shelf("blog", blog(stand), skip_tags=tags))
        stand.round()
        assert [id_ for id_ in "123" if f"記事{id_}" in stand.feed()] == list(expected)
    assert said <= len(stand.world.keys)


def test_what_was_only_kept_out_and_is_skipped_now_needs_no_reason_any_more(stand: Newsstand) -> None:
    blog(stand).put(article("2", url="mailto:a@news.test"))
    stand.round()
    assert [one.id for _, one in stand.ledger.articles.quarantined()] == ["2"]
    stand.apply(blog=shelf("blog", blog(stand), skip_tags=("nofeed",)))
    blog(stand).put(article("2", url="mailto:a@news.test", tags=("nofeed",)))
    stand.round()
    assert stand.ledger.articles.quarantined() == ()


# ---------------------------------------------------------------- a mass re-stamp


def test_touching_every_date_of_change_rebuilds_and_says_nothing(stand: Newsstand) -> None:
    raws = [article(str(number), stand.now, tags=("F-35",), categories=("1",)) for number in range(20, 32)]
    for raw in raws:
        blog(stand).put(raw)
    stand.round()
    stand.round(minutes=12)
    files, posts = stand.files(), list(stand.world.posts)
    built = {path: stand.ledger.feeds.version(path) for path in stand.ledger.feeds.paths()}
    for raw in raws:
        blog(stand).put(replace(raw, updated=(stand.now).isoformat()))
    with Statements(stand) as written:
        stand.passes(**POLL)
        done = stand.publisher.publish("blog")
    assert (done.edited, done.new, done.feeds, done.files) == (0, 0, 0, 0)
    assert stand.files() == files
    assert stand.world.posts == posts
    assert stand.ledger.feeds.dirty() == ()
    assert {path: stand.ledger.feeds.version(path) for path in built} == built
    assert [one for one in written if one.split()[1:3] != ["counter", "SET"] and " store " not in one] == []
    assert all(state is State.SENT for state in stand.states().values())


def test_a_taxonomy_that_is_told_again_as_it_was_is_no_work(stand: Newsstand) -> None:
    class Telling(Shelf):
        def changes(self, cursor: str | None) -> Batch:
            return replace(super().changes(cursor), categories=self.categories)

    stand.apply(blog=shelf("blog", Telling(log=blog(stand).log, categories=CATEGORIES)))
    stand.round()
    with Statements(stand) as written:
        stand.publisher.publish("blog")
    assert [one for one in written if "category" in one] == []


class Statements:
    """What is written into the database, as it says it."""

    def __init__(self, stand: Newsstand) -> None:
        self._engine = stand.ledger.database.engine
        self._seen: list[str] = []

    def _see(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            self._seen.append(statement)

    def __enter__(self) -> list[str]:
        event.listen(self._engine, "before_cursor_execute", self._see)
        return self._seen

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._see)
