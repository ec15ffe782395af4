"""Store `feed` against a real server on loopback: what it asks, what it makes of each answer, and how it fails."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Batch
from feedpub.stores.base import Home, Store
from feedpub.stores.feed import FeedOptions
from feedpub.stores.feed.asking import Asking
from feedpub.stores.feed.store import BATCH, LONGEST_CATEGORY, MOST_CATEGORIES, FeedStore
from tests.edge.receiver import LOGIN_PAGE, Answer, Mood, Receiver, gzip_bomb

TOKYO = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def rss(*items: str, self_url: str = "") -> str:
    link = f'<atom:link rel="self" href="{self_url}"/>' if self_url else ""
    made = "".join(f"<item>{item}</item>" for item in items)
    head = '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>新聞</title>'
    return f"{head}{link}{made}</channel></rss>"


def item(number: int, title: str = "", *, dated: bool = True, category: str = "米国関連") -> str:
    date = f"<pubDate>{format_datetime(NOON + timedelta(hours=number))}</pubDate>" if dated else ""
    return f"<guid>https://x.test/{number}</guid><title>{title or f'記事{number}'}</title>{date}" + (
        f"<category>{category}</category>" if category else ""
    )


def feed(*items: str, **headers: str) -> Answer:
    return Answer(200, rss(*items), {name.replace("_", "-"): value for name, value in headers.items()})


def options(server: Receiver, path: str = "/feed/", **more: object) -> FeedOptions:
    return FeedOptions.model_validate({"name": "blog", "url": server.url + path, "allow_private": True, **more})


def opened(server: Receiver, path: str = "/feed/", base_url: str = "https://news.test/feeds/", **more: object) -> Store:
    return options(server, path, **more).open(Door("feedpub-test"), Home(base_url, TOKYO))


def titles(batch: Batch) -> list[str]:
    return [one.title for one in batch.articles]


def failure(store: Store, cursor: str | None = None) -> str:
    with pytest.raises(StoreError) as failed:
        store.changes(cursor)
    said = str(failed.value)
    assert "\n" not in said
    return said


# ---------------------------------------------------------------- what changed


def test_the_oldest_comes_first_with_its_categories_and_then_only_what_is_new_or_edited(server: Receiver) -> None:
    server.script = [feed(item(2), item(1)), feed(item(3), item(2, "追記"), item(1))]
    store = opened(server)
    first = store.changes(None)
    assert titles(first) == ["記事1", "記事2"]
    assert first.categories is not None
    assert [(one.store, one.name) for one in first.categories] == [("blog", "米国関連")]
    assert {one.categories for one in first.articles} == {tuple(one.key for one in first.categories)}
    second = store.changes(first.cursor)
    assert titles(second) == ["追記", "記事3"]
    assert (second.categories, second.more, second.gone) == (None, False, ())


def test_nothing_new_is_one_small_conversation_and_moves_nothing(server: Receiver) -> None:
    server.script = [feed(item(1), ETag='"a"'), Answer(304)]
    first = opened(server).changes(None)
    second = opened(server).changes(first.cursor)  # and after a restart too
    assert second == Batch((), first.cursor)
    asked = server.requests[1].headers
    assert asked["if-none-match"] == '"a"'
    assert "if-modified-since" not in asked
    assert asked["user-agent"] == "feedpub-test"
    assert "application/atom+xml" in asked["accept"]


def test_a_document_given_again_although_nothing_changed_is_no_news(server: Receiver) -> None:
    server.script = [feed(item(1)), feed(item(1))]
    store = opened(server)
    first = store.changes(None)
    assert store.changes(first.cursor) == Batch((), first.cursor)


@pytest.mark.parametrize(("age", "asked"), [(timedelta(hours=1), True), (timedelta(0), False)])
def test_a_date_that_may_hide_a_second_edit_is_not_asked_by(server: Receiver, age: timedelta, asked: bool) -> None:
    last = format_datetime(datetime.now(UTC) - age, usegmt=True)  # noqa: TID251 - the server's own clock
    server.script = [feed(item(1), Last_Modified=last), feed(item(1))]
    store = opened(server)
    store.changes(store.changes(None).cursor)
    assert ("if-modified-since" in server.requests[1].headers) is asked


def test_what_left_the_feed_is_not_withdrawn(server: Receiver) -> None:
    server.script = [feed(item(2), item(1)), feed(item(2))]
    store = opened(server)
    second = store.changes(store.changes(None).cursor)
    assert (second.articles, second.gone) == ((), ())
    census = store.census(None)
    assert census.covers == frozenset()
    assert store.census(["https://x.test/1"]).covers == frozenset()


def test_a_category_stays_known_when_its_articles_have_left_the_feed(server: Receiver) -> None:
    server.script = [feed(item(1)), feed(item(2, category="日本関連")), feed(item(2, category="日本関連"))]
    store = opened(server)
    second = store.changes(store.changes(None).cursor)
    assert [one.name for one in second.categories or ()] == ["米国関連", "日本関連"]
    again = store.changes(None)  # as when the rules of cleaning are new
    assert [one.name for one in again.categories or ()] == ["米国関連", "日本関連"]
    assert titles(again) == ["記事2"]


def test_every_entry_can_be_filed_under_a_category_of_ours(server: Receiver) -> None:
    server.default = feed(item(1, category=""))
    batch = opened(server, categories=["海外通信"]).changes(None)
    assert [one.name for one in batch.categories or ()] == ["海外通信"]
    assert batch.articles[0].categories == tuple(one.key for one in batch.categories or ())


def test_another_filing_is_told_of_what_is_in_the_feed(server: Receiver) -> None:
    server.default = feed(item(1))
    cursor = opened(server).changes(None).cursor
    assert len(opened(server, categories=["海外通信"]).changes(cursor).articles) == 1


def test_a_long_feed_comes_in_batches_and_a_cursor_in_between_begins_again(server: Receiver) -> None:
    server.default = feed(*(item(number) for number in range(BATCH + 1)))
    store = opened(server)
    first = store.changes(None)
    assert (len(first.articles), first.more) == (BATCH, True)
    second = store.changes(first.cursor)
    assert (titles(second), second.more, second.categories) == ([f"記事{BATCH}"], False, None)
    assert len(server.requests) == 1
    assert len(opened(server).changes(first.cursor).articles) == BATCH
    assert opened(server).changes(second.cursor).articles == ()


def test_more_categories_than_anybody_files_by_are_tags(server: Receiver) -> None:
    names = [f"<category>c{number}</category>" for number in range(MOST_CATEGORIES)]
    crowd = [item(n, category="") + "".join(names[n * 500 : n * 500 + 500]) for n in range(MOST_CATEGORIES // 500)]
    server.script = [feed(*crowd), feed(item(9, category="新"), *crowd)]
    store = opened(server)
    second = store.changes(store.changes(None).cursor)
    assert [(one.categories, one.tags) for one in second.articles] == [((), ("新",))]


def test_a_category_that_is_longer_than_any_name_is_none(server: Receiver) -> None:
    server.default = feed(item(1, category="x" * (LONGEST_CATEGORY + 1)), item(2))
    batch = opened(server).changes(None)
    assert [one.name for one in batch.categories or ()] == ["米国関連"]
    assert len(batch.cursor) < 1_000


def test_an_entry_that_cannot_be_read_is_told_and_the_rest_goes_on(server: Receiver) -> None:
    server.default = feed("", item(1))
    batch = opened(server).changes(None)
    assert titles(batch) == ["記事1"]
    assert [one.id for one in batch.garbage] == ["entry 1"]


def test_a_cursor_of_another_store_begins_anew(server: Receiver) -> None:
    server.default = feed(item(1))
    for cursor in ("", "17", '{"place": "{}"}', '{"place": "{\\"version\\": 9}"}', "[]"):
        assert titles(opened(server).changes(cursor)) == ["記事1"]


def test_another_address_is_not_asked_by_what_the_old_one_said(server: Receiver) -> None:
    server.default = feed(item(1), ETag='"a"')
    cursor = opened(server).changes(None).cursor
    assert opened(server, "/other/").changes(cursor).articles == ()
    assert "if-none-match" not in server.requests[1].headers


# ---------------------------------------------------------------- entries without a date


def test_entries_without_a_date_are_dated_when_they_are_first_seen_and_keep_that(server: Receiver) -> None:
    undated = [item(number, dated=False) for number in (3, 2, 1)]
    edited = item(2, "追記", dated=False)
    server.script = [feed(*undated[1:]), feed(undated[0], edited, undated[2])]
    store = opened(server)
    first = store.changes(None)
    assert titles(first) == ["記事1", "記事2"]
    dates = [datetime.fromisoformat(one.published) for one in first.articles]
    assert dates[1] - dates[0] == timedelta(seconds=1)
    assert abs(datetime.now(UTC) - dates[1]) < timedelta(minutes=5)  # noqa: TID251 - the server's own clock
    second = store.changes(first.cursor)
    assert sorted(titles(second)) == ["記事3", "追記"]
    assert first.articles[1].published in [one.published for one in second.articles]


def test_an_entry_that_tells_only_its_last_edit_keeps_the_first_that_was_seen(server: Receiver) -> None:
    def entry(updated: str) -> Answer:
        one = f"<entry><id>1</id><title>x</title><updated>{updated}</updated></entry>"
        return Answer(200, f'<feed xmlns="http://www.w3.org/2005/Atom">{one}</feed>')

    server.script = [entry("2026-05-04T00:00:00Z"), entry("2026-05-05T00:00:00Z")]
    store = opened(server)
    first = store.changes(None)
    (one,) = store.changes(first.cursor).articles
    assert (one.published, one.updated) == ("2026-05-04T00:00:00Z", "2026-05-05T00:00:00Z")


def test_a_feed_that_stamps_everything_anew_moves_and_tells_nothing(server: Receiver) -> None:
    def stamped(hour: int, title: str = "") -> str:
        date = format_datetime(NOON + timedelta(hours=hour))
        return f"<guid>1</guid><title>{title or '題'}</title><pubDate>{date}</pubDate>"

    server.script = [feed(stamped(0)), feed(stamped(5)), feed(stamped(6, "追記")), feed(stamped(-2, "追記"))]
    store = opened(server)
    first = store.changes(None)
    second = store.changes(first.cursor)
    assert second.articles == ()
    third = store.changes(second.cursor)
    assert [(one.title, one.published) for one in third.articles] == [("追記", first.articles[0].published)]
    mended = store.changes(third.cursor)  # a date that was too late, and that the author corrected
    assert [one.published for one in mended.articles] == [format_datetime(NOON - timedelta(hours=2))]


def test_a_date_that_could_not_be_read_is_taken_when_it_is_mended(server: Receiver) -> None:
    server.script = [feed("<guid>1</guid><title>題</title><pubDate>gestern</pubDate>"), feed(item(1))]
    server.script[1] = feed("<guid>1</guid><title>題</title><pubDate>2026-05-04T12:00:00Z</pubDate>")
    store = opened(server)
    (one,) = store.changes(store.changes(None).cursor).articles
    assert one.published == "2026-05-04T12:00:00Z"


# ---------------------------------------------------------------- other ids


def linked(number: int, site: str = "http://x.test", guid: str = "", title: str = "") -> str:
    link = f"<link>{site}/{number}/?from=rss</link>"
    return item(number, title).replace(f"https://x.test/{number}", guid or f"{site}/?p={number}") + link


def test_a_site_that_moves_to_https_has_no_news(server: Receiver) -> None:
    new = "https://x.test"
    server.script = [
        feed(linked(2), linked(1)),
        feed(linked(2, new), linked(1, new)),
        feed(linked(3, new), linked(2, new, title="追記"), linked(1, new)),
    ]
    store = opened(server)
    first = store.changes(None)
    second = store.changes(first.cursor)
    assert [one.id for one in second.articles] == [one.id for one in first.articles]  # edited: they lead elsewhere
    third = opened(server).changes(second.cursor)  # and after a restart
    assert [(one.id, one.guid, one.title) for one in third.articles] == [
        ("http://x.test/?p=2", "http://x.test/?p=2", "追記"),
        ("https://x.test/?p=3", "https://x.test/?p=3", "記事3"),
    ]


def test_ids_made_anew_for_every_reading_are_no_news(server: Receiver) -> None:
    server.script = [feed(linked(1, guid=f"{n}")) for n in range(4)]
    store = opened(server)
    cursor = store.changes(None).cursor
    for _ in range(3):
        batch = store.changes(cursor)
        assert batch.articles == ()
        cursor = batch.cursor


@pytest.mark.parametrize(
    "others",
    [
        (linked(1, guid="new"), linked(1)),  # the old one is still there
        (linked(1, guid="new", title="続報"),),
        (linked(2, guid="new", title="記事1"),),
    ],
)
def test_another_entry_is_another_article(server: Receiver, others: tuple[str, ...]) -> None:
    server.script = [feed(linked(1)), feed(*others)]
    store = opened(server)
    (one,) = store.changes(store.changes(None).cursor).articles
    assert one.id == "new"


def test_entries_that_are_alike_are_told_apart_by_their_ids_alone(server: Receiver) -> None:
    server.script = [feed(linked(1, guid="a"), linked(1, guid="b")), feed(linked(1, guid="c"))]
    store = opened(server)
    (one,) = store.changes(store.changes(None).cursor).articles
    assert one.id == "c"


# ---------------------------------------------------------------- sent elsewhere


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_feed_that_is_elsewhere_for_now_is_read_there(server: Receiver, status: int) -> None:
    server.routes["GET /there"] = feed(item(1), ETag='"a"')
    server.default = Answer(status, headers={"Location": "/there"})
    store = opened(server)
    first = store.changes(None)
    assert titles(first) == ["記事1"]
    server.routes["GET /there"] = Answer(304)
    assert store.changes(first.cursor) == Batch((), first.cursor)
    assert server.aside[1].headers["if-none-match"] == '"a"'
    assert "if-none-match" not in server.requests[1].headers


@pytest.mark.parametrize("status", [301, 308])
def test_a_feed_that_has_moved_for_good_is_told_with_its_new_address(server: Receiver, status: int) -> None:
    server.default = Answer(status, headers={"Location": "/new/?feed=rss2#x"})
    assert failure(opened(server)) == (
        f'{server.url}/feed/ has moved for good: write url = "{server.url}/new/?feed=rss2" in the config'
    )


def test_a_secret_in_an_address_is_not_shown_when_the_feed_moves(server: Receiver) -> None:
    server.default = Answer(301, headers={"Location": "/new/?token=kanaria"})
    said = failure(opened(server, "/feed/?token=kanaria"))
    assert said == f'{server.url}/feed/?… has moved for good: write url = "{server.url}/new/?…" in the config'


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("", "sends on to no other web address (HTTP 302): correct `url`"),
        ("/feed/", "sends on to no other web address (HTTP 302): correct `url`"),
        ("file:///etc/passwd", "sends on to no other web address (HTTP 302): correct `url`"),
        ("http://[", "sends on to no other web address (HTTP 302): correct `url`"),
        ("https://x.test:99999/", "sends on to no other web address (HTTP 302): correct `url`"),
        ("https://user:word@x.test/", "sends on to no other web address (HTTP 302): correct `url`"),
        ("http://169.254.169.254/feed", "cannot be read: 169.254.169.254 has a private address"),
        ("http://[::1]:9/feed", "cannot be read: ::1 has a private address"),
    ],
)
def test_being_sent_where_nobody_should_go_is_refused(server: Receiver, location: str, why: str) -> None:
    server.default = Answer(302, headers={"Location": location})
    assert failure(opened(server)).startswith(f"{server.url}/feed/ {why}")


def test_being_sent_round_in_circles_ends(server: Receiver) -> None:
    server.routes = {
        "GET /a": Answer(302, headers={"Location": "/b"}),
        "GET /b": Answer(302, headers={"Location": "/a"}),
    }
    assert failure(opened(server, "/a")) == f"{server.url}/a sends us on more than 5 times: correct `url`"
    assert len(server.aside) == 6


def test_being_sent_to_a_login_is_told(server: Receiver) -> None:
    server.routes["GET /login"] = LOGIN_PAGE
    server.default = Answer(302, headers={"Location": "/login"})
    said = failure(opened(server))
    assert said.startswith(f"{server.url}/feed/ sends us on, and {server.url}/login is a web page, not a feed (a login")


# ---------------------------------------------------------------- failing


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(401), "asks for a login (HTTP 401): only a feed that anybody may read can be a store"),
        (Answer(403), "is kept from us (HTTP 403): allow feedpub in the firewall or bot protection in front of it"),
        (Answer(404), "is not there (HTTP 404): check `url`"),
        (Answer(410), "says that it is gone for good (HTTP 410): correct `url`, or remove this store from the config"),
        (Answer(406), "is not given out (HTTP 406): check `url`"),
        (Answer(304), "is not given out (HTTP 304): check `url`"),
        (Answer(429), "is busy or in maintenance (HTTP 429)"),
        (Answer(503), "is busy or in maintenance (HTTP 503)"),
        (Answer(500), "fails (HTTP 500): look into the site's error log"),
        (LOGIN_PAGE, "is a web page, not a feed (a login, or a notice?): check `url`"),
        (Answer(200), "is empty"),
        (Answer(200, rss(item(1))[:-20]), "is not well-formed XML: it breaks off in the middle (line 1)"),
        (Answer(200, '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id'), "is not valid JSON, or breaks"),
        (Answer(200, rss(item(1)), mood=Mood.CUT), "cannot be read: the connection to 127.0.0.1 broke before"),
        (Answer(200, gzip.compress(rss().encode())), "is packed with gzip, and does not say so"),
        (gzip_bomb(20), "cannot be read: the answer is larger than 16777216 bytes"),
        (Answer(200, mood=Mood.RESET), "cannot be read: the connection to 127.0.0.1 broke"),
        (Answer(200, mood=Mood.NOISE), "cannot be read: "),
    ],
)
def test_each_failure_is_one_clear_sentence(server: Receiver, answer: Answer, why: str) -> None:
    server.default = answer
    assert failure(opened(server, "/feed/?token=kanaria")).startswith(f"{server.url}/feed/?… {why}")


def test_a_packed_feed_is_read_although_nobody_asked_for_it(server: Receiver) -> None:
    server.default = Answer(200, gzip.compress(rss(item(1)).encode()), {"Content-Encoding": "gzip"})
    assert titles(opened(server).changes(None)) == ["記事1"]


@pytest.mark.parametrize("mood", [Mood.DRIP_BODY, Mood.DRIP_HEADERS, Mood.HANG])
def test_a_server_that_never_ends_is_left(server: Receiver, mood: Mood) -> None:
    server.default = Answer(200, mood=mood)
    said = failure(opened(server, timeout="1s"))
    assert said == f"{server.url}/feed/ cannot be read: 127.0.0.1 did not answer in time"


def test_nobody_there_is_told() -> None:
    with Receiver() as gone:
        pass
    assert failure(opened(gone)) == (
        f"{gone.url}/feed/ cannot be read: 127.0.0.1 refuses connections; "
        "see that the site is up, and that `url` is right"
    )


def test_a_private_address_is_refused_unless_it_is_meant(server: Receiver) -> None:
    said = failure(opened(server, allow_private=False))
    assert said.endswith("127.0.0.1 has a private address; set allow_private = true if that is meant")
    assert server.requests == []


def test_a_failure_loses_nothing(server: Receiver) -> None:
    server.script = [feed(item(1), ETag='"a"'), Answer(500), feed(item(2), item(1))]
    store = opened(server)
    cursor = store.changes(None).cursor
    failure(store, cursor)
    assert titles(store.changes(cursor)) == ["記事2"]


def test_a_site_that_asks_to_be_left_alone_is(server: Receiver) -> None:
    server.default = Answer(429, headers={"Retry-After": "600"})
    store = opened(server)
    failure(store)
    assert (
        failure(store) == f"{server.url}/feed/ asked to be left alone for 10 minutes; it is asked again in 10 minutes"
    )
    assert len(server.requests) == 1


def in_time(server: Receiver, clock: Callable[[], float]) -> FeedStore:
    address = f"{server.url}/feed/"
    asking = Asking(
        Door(), address, "https://news.test/feeds/", timeout=timedelta(seconds=30), allow_private=True, clock=clock
    )
    return FeedStore("blog", asking, (), TOKYO)


def test_a_site_that_keeps_failing_is_asked_seldom(server: Receiver) -> None:
    server.default = Answer(404)
    minutes = count(0, 180)
    store = in_time(server, lambda: next(minutes))
    said = [failure(store) for _ in range(8)][-1]
    assert said.startswith(f"{server.url}/feed/ is not there (HTTP 404): check `url`; it failed ")
    assert len(server.requests) < 6


def test_not_modified_is_not_believed_for_ever(server: Receiver) -> None:
    server.script = [feed(item(1), ETag='"a"'), Answer(304), feed(item(2), ETag='"a"'), Answer(304)]
    now = [0.0]
    store = in_time(server, lambda: now[0])
    cursor = store.changes(None).cursor
    for day in (0.9, 1.1, 1.2):
        now[0] = day * 86_400
        cursor = store.changes(cursor).cursor
    assert ["if-none-match" in one.headers for one in server.requests] == [False, True, False, True]


# ---------------------------------------------------------------- our own feeds


def test_our_own_feed_is_not_even_asked_for(server: Receiver) -> None:
    store = opened(server, "/feeds/all.rss", base_url=f"{server.url.replace('http:', 'https:')}/feeds/")
    assert failure(store) == (
        f"{server.url}/feeds/all.rss is one of our own feeds, below feeds.base_url: a store must be read from elsewhere"
    )
    assert server.requests == []


def test_a_copy_of_our_own_feed_is_refused(server: Receiver) -> None:
    server.default = Answer(200, rss(item(1), self_url="HTTPS://news.test:443/feeds/all.rss"))
    assert "is one of our own feeds" in failure(opened(server))


def test_being_sent_to_our_own_feed_is_refused(server: Receiver) -> None:
    server.default = Answer(302, headers={"Location": "https://news.test/feeds/all.rss"})
    assert "is one of our own feeds" in failure(opened(server))
    assert len(server.requests) == 1


def test_a_feed_beside_ours_is_not_ours(server: Receiver) -> None:
    server.default = Answer(200, rss(item(1), self_url="https://news.test/feeds-of-others/all.rss"))
    assert titles(opened(server).changes(None)) == ["記事1"]


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": "news.example/feed"}, "an absolute address is needed"),
        ({"url": "file:///etc/passwd"}, "an absolute address is needed"),
        ({"url": "https://user:word@news.example/feed"}, "write no password into the address"),
        ({"categories": [" "]}, "a category needs a name"),
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FeedOptions.model_validate({"url": "https://news.example/feed/", **wrong})
