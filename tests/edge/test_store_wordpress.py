"""Store `wordpress` against a site on loopback, through the real door."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Batch, Category, Image, RawArticle, RawComment
from feedpub.stores.wordpress import WordPressOptions
from feedpub.stores.wordpress.place import REMEMBERED, Cursor, Place
from feedpub.stores.wordpress.store import WordPressStore
from tests.edge.reading import batches
from tests.edge.wordpress_on_loopback import NOON, Canned, Row, Site, on_loopback
from tests.world import HOME


@pytest.fixture
def site() -> Iterator[Site]:
    with on_loopback(Site()) as site:
        yield site


def opened(site: Site, **options: object) -> WordPressStore:
    said = {"name": "blog", "url": site.url, "allow_private": True, "timeout": "5s", **options}
    return WordPressOptions.model_validate(said).open(Door(), HOME)


class Reader:
    """Polls as the publisher does: each batch's cursor is kept and handed back as text.

    To a store newly opened each time, unless it `stays` open.
    """

    def __init__(self, site: Site, *, stays: bool = False, **options: object) -> None:
        self.site = site
        self.options = options
        self.store = opened(site, **options) if stays else None
        self.cursor: str | None = None
        self.batches: list[Batch] = []

    def poll(self) -> list[RawArticle]:
        store = self.store or opened(self.site, **self.options)
        self.batches = []
        for batch in batches(store, self.cursor):
            self.cursor = batch.cursor
            self.batches.append(batch)
        store.close()
        return [one for batch in self.batches for one in batch.articles]

    def ids(self) -> list[int]:
        return [int(one.id) for one in self.poll()]

    @property
    def comments(self) -> list[str]:
        return [one.id for batch in self.batches for one in batch.comments]

    @property
    def comments_gone(self) -> list[str]:
        return [one for batch in self.batches for one in batch.comments_gone]

    @property
    def gone(self) -> list[str]:
        return [one for batch in self.batches for one in batch.gone]


def settled(site: Site, *, stays: bool = False, **options: object) -> Reader:
    """A reader that has read all there is, long ago."""
    reader = Reader(site, stays=stays, **options)
    reader.poll()
    site.passes(minutes=10)
    reader.poll()
    site.asked.clear()
    return reader


# ---------------------------------------------------------------- what a post becomes


def test_a_post_becomes_an_article(site: Site) -> None:
    site.terms["tags"] = [{"id": 5, "name": "R&amp;D"}]
    site.terms["users"] = [{"id": 1, "name": "編集部 &amp; co"}]
    picture: Row = {"id": 9, "source_url": "https://example.jp/空.jpg", "alt_text": "F-35 & 雲"}
    picture["caption"] = {"rendered": "<p>撮影: <b>米空軍</b> &#038; 海軍</p>\n"}
    site.terms["media"] = [{**picture, "description": {"rendered": "<p>離陸</p>"}}]
    site.publish(7, title="F-35 &#8220;配備&#8221;", more={"tags": [5], "featured_media": 9, "categories": [3, 4]})
    (article,) = Reader(site).poll()
    assert article == RawArticle(
        id="7",
        guid=f"{site.url}?p=7&x=1",
        url=f"{site.url}archives/7/",
        title="F-35 &#8220;配備&#8221;",
        title_is_html=True,
        summary="<p>本文</p>",
        content="<p>本文</p>",
        published="2026-06-01T12:00:00Z",
        updated="2026-06-01T12:00:00Z",
        categories=("3", "4"),
        tags=("R&D",),
        authors=("編集部 & co",),
        images=(Image("https://example.jp/空.jpg", alt="F-35 & 雲", credit="撮影: 米空軍 & 海軍"),),
    )


@pytest.mark.parametrize(
    ("meta", "announce", "notice"),
    [
        ({"feedpub_announce": "no", "feedpub_notice": ""}, False, ""),
        ({"feedpub_announce": " Yes ", "feedpub_notice": " 三沢に到着 "}, True, "三沢に到着"),
        ({"feedpub_announce": "いいえ"}, False, ""),
        ({"feedpub_announce": "", "feedpub_notice": ["x"]}, None, ""),
        ({"feedpub_announce": "perhaps"}, None, ""),
        ([], None, ""),
    ],
)
def test_an_authors_word_about_the_notice_is_read(site: Site, meta: object, announce: bool | None, notice: str) -> None:
    site.publish(7, more={"meta": meta})
    (article,) = Reader(site).poll()
    assert (article.announce, article.notice) == (announce, notice)


def test_a_description_is_no_credit(site: Site) -> None:
    """WordPress shows the beginning of the description as the caption where there is none."""
    long = "国防総省が公開した写真。" * 20
    picture: Row = {"id": 9, "source_url": "https://example.jp/a.jpg", "description": {"rendered": f"<p>{long}</p>"}}
    site.terms["media"] = [{**picture, "caption": {"rendered": f"<p>{long[:110]} [&hellip;]</p>"}}]
    site.publish(7, more={"featured_media": 9})
    (article,) = Reader(site).poll()
    assert article.images == (Image("https://example.jp/a.jpg"),)


@pytest.mark.parametrize(
    ("caption", "license_"),
    [
        ("<p>撮影: 米空軍</p>", ""),
        ('<p>米空軍 <a rel="x" href="https://creativecommons.org/licenses/by/2.0/?a=1&#038;b">CC BY 2.0</a></p>',
         "https://creativecommons.org/licenses/by/2.0/?a=1&b"),
        ("<p>Bernd / CC BY-SA 4.0</p>", "CC BY-SA 4.0"),
        ("<p>CC BY-NC-ND</p>", "CC BY-NC-ND"),
        ("<p>CC0</p>", "CC0"),
        ("<p>ACC BYE</p>", ""),
        ('<p><a href="https://evil.example/creativecommons.org/licenses/">米空軍</a></p>', ""),
    ],
)  # fmt: skip
def test_a_caption_tells_the_licence_where_it_names_one(site: Site, caption: str, license_: str) -> None:
    site.terms["media"] = [{"id": 9, "source_url": "https://example.jp/a.jpg", "caption": {"rendered": caption}}]
    site.publish(7, more={"featured_media": 9})
    (article,) = Reader(site).poll()
    (image,) = article.images
    assert image.license == license_
    assert image.credit


def test_a_post_whose_excerpts_a_theme_took_away_is_an_article(site: Site) -> None:
    site.publish(7, gone={"excerpt"})
    assert [one.summary for one in Reader(site).poll()] == [""]


@pytest.mark.parametrize("form", ["aside", "status"])
def test_a_short_topic_is_a_brief(site: Site, form: str) -> None:
    site.publish(7, title="無題の短信", more={"format": form})
    assert [one.title for one in Reader(site).poll()] == [""]


def test_authors_and_pictures_that_strangers_may_not_see_are_left_out(site: Site) -> None:
    site.canned = lambda route, _: Canned(401, b'{"code":"rest_user_cannot_view"}') if route in "users media" else None
    site.publish(7, more={"featured_media": 9})
    (article,) = Reader(site).poll()
    assert (article.authors, article.images) == ((), ())


def test_authors_that_fail_to_come_are_waited_for(site: Site) -> None:
    """Else the article would seem edited twice: without its author, and with it again."""
    site.canned = lambda route, _: Canned(500) if route == "users" else None
    site.publish(7)
    with pytest.raises(StoreError, match="fails at its REST API"):
        Reader(site).poll()


def test_a_row_that_a_plugin_broke_stops_no_other(site: Site) -> None:
    site.publish(7, more={"title": False})
    site.publish(8)
    reader = Reader(site)
    assert reader.ids() == [8]
    (broken,) = reader.batches[0].garbage
    assert (broken.id, "'title'" in broken.reason) == ("7", True)


def test_categories_are_told_whole_and_only_when_they_changed(site: Site) -> None:
    base: Row = {"id": 1, "name": "米国&amp;日本", "slug": "%e7%b1%b3", "parent": 0}
    site.terms["categories"] = [base, {"id": 2, "name": "横田", "slug": "yokota", "parent": 1}]
    reader = Reader(site)
    reader.poll()
    told = (Category("blog", "1", "米国&日本", "米"), Category("blog", "2", "横田", "yokota", "1"))
    assert reader.batches[-1].categories == told
    reader.poll()
    assert reader.batches[-1].categories is None
    base["name"] = "米国関連"
    reader.poll()
    assert reader.batches[-1].categories == (Category("blog", "1", "米国関連", "米"), told[1])


# ---------------------------------------------------------------- what changed since


def test_the_first_poll_reads_everything_in_bounded_batches(site: Site) -> None:
    for number in range(1, 251):
        site.publish(number, date=NOON - timedelta(days=400 - number), modified=NOON - timedelta(days=400 - number))
    reader = Reader(site)
    assert reader.ids() == list(range(1, 251))
    assert [len(batch.articles) for batch in reader.batches] == [100, 99, 51]


def test_the_first_poll_of_an_opened_store_asks_for_everything_once(site: Site) -> None:
    for number in range(1, 151):
        site.publish(number, date=NOON - timedelta(days=9), modified=NOON - timedelta(hours=number))
    reader = settled(site)
    store = opened(site)
    store.census(["1"])  # finds the REST API, once for each time a store is opened
    site.asked.clear()
    batch = store.changes(reader.cursor)
    assert (batch.articles, batch.gone, batch.categories, batch.more) == ((), (), None, False)
    assert kinds(site) == ["looked", "modified", "published", "ids", "categories", "comments"]


def kinds(site: Site) -> list[str]:
    """Say what was asked, in a word for each question."""
    said = {"posts?orderby=modified": "looked", "modified_after=": "modified", "posts?after=": "published"}
    said |= {"include=": "posts", "posts?_fields": "ids"}

    def word(asked: str) -> str:
        return next((word for sign, word in said.items() if sign in asked), asked.partition("?")[0])

    reordered = ["posts?orderby=modified" if "orderby=modified" in one else one for one in site.asked]
    return [word(one) for one in reordered]


def test_an_edit_is_found(site: Site) -> None:
    for number in range(1, 4):
        site.publish(number)
    reader = settled(site)
    site.edit(2, title="追記")
    assert [(one.id, one.title) for one in reader.poll()] == [("2", "追記")]


def test_a_second_edit_in_the_same_second_is_found(site: Site) -> None:
    site.publish(1)
    reader = settled(site)
    site.edit(1, content="<p>一</p>")
    assert [one.content for one in reader.poll()] == ["<p>一</p>"]
    site.edit(1, content="<p>二</p>")
    site.passes(minutes=3)
    assert [one.content for one in reader.poll()] == ["<p>二</p>"]
    site.passes(minutes=3)
    assert reader.poll() == []


@pytest.mark.parametrize("late", [timedelta(seconds=5), timedelta(days=1)])
def test_a_scheduled_post_is_found_when_it_goes_live_however_late(site: Site, late: timedelta) -> None:
    due = NOON + timedelta(hours=1)
    site.publish(1, date=due, modified=NOON - timedelta(days=9), status="future")
    site.publish(2)
    reader = settled(site)
    while site.clock < due + late:
        site.passes(hours=5)
        assert reader.poll() == []
    site.posts[1].status = "publish"
    assert reader.ids() == [1]


def test_a_post_entered_with_an_old_date_is_found(site: Site) -> None:
    site.publish(5)
    reader = settled(site)
    old = NOON - timedelta(days=3000)
    site.publish(6, date=old, modified=old)
    assert reader.ids() == [6]
    assert reader.poll() == []


def test_posts_imported_with_old_dates_and_old_ids_are_found_at_the_second_poll(site: Site) -> None:
    for number in range(100, 120):
        site.publish(number, modified=NOON - timedelta(days=1))
    reader = settled(site)
    old = NOON - timedelta(days=3000)
    for number in (7, 8, 150_000):
        site.publish(number, date=old, modified=old)
    assert reader.ids() == [150_000]
    assert {7, 8} < set(reader.ids())
    assert reader.poll() == []


def test_a_lower_id_that_is_published_late_does_not_read_all_again(site: Site) -> None:
    for number in range(1, 51):
        site.publish(number, status="draft" if number == 20 else "publish")
    reader = settled(site)
    site.edit(20, status="publish", date=site.clock)
    assert reader.ids() == [20]
    site.passes(minutes=3)
    assert reader.ids() in ([20], [])
    site.passes(minutes=3)
    assert reader.poll() == []


def test_an_edit_in_the_hour_that_comes_twice_is_found(site: Site) -> None:
    """When summer time ends, the site's wall clock goes back over what we have read."""
    site.zone = ZoneInfo("Europe/Berlin")
    site.clock = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    site.publish(1)
    reader = settled(site)
    site.clock = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
    reader.poll()
    site.clock = datetime(2026, 10, 25, 1, 1, tzinfo=UTC)
    site.edit(1, title="二度目の二時台")
    assert reader.ids() == [1]


def test_a_date_in_the_future_hides_no_later_edit(site: Site) -> None:
    site.publish(1, modified=NOON + timedelta(days=900))
    site.publish(2)
    reader = settled(site)
    site.edit(2, title="追記")
    assert reader.ids() == [2]


def test_posts_are_read_alone_once_all_is_known(site: Site) -> None:
    """In one answer WordPress numbers ids through, so that a post's content depends on its company."""
    for number in range(1, 61):
        site.publish(number)
    reader = settled(site)
    for number in (3, 4, 5):
        site.edit(number)
    reader.poll()
    alone = [one.split("&")[0] for one in site.asked if one.startswith("posts?include")]
    assert alone == ["posts?include=3", "posts?include=4", "posts?include=5"]


def test_more_changes_than_are_remembered_are_not_read_for_ever() -> None:
    stamp = "2026-05-31T00:00:00 2026-06-01T11:00:00"
    many = {str(number): stamp for number in range(REMEMBERED + 50)}
    place = Place("2026-05-30T12:00:00", started="2026-06-01T12:00:00").saw(many, NOON)
    for later in range(3):
        place, over = replace(place, leg="ids", started=f"2026-06-01T12:0{later}:00").onward(walk_is_over=True)
        assert over
        assert len(place.seen) == REMEMBERED
        assert place.since == "2026-06-01T11:00:00"  # later ones only


def test_a_cursor_of_something_else_begins_anew(site: Site) -> None:
    site.publish(1)
    for cursor in ("1234", "nonsense", '{"version": 99}', "[]"):
        assert [one.id for one in opened(site).changes(cursor).articles] == ["1"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from(["hide", "show"]), st.integers(1, 160)), max_size=20), max_size=8))
def test_whatever_comes_and_goes_between_two_pages_nothing_that_stays_is_skipped(
    story: list[list[tuple[str, int]]],
) -> None:
    with on_loopback(Site()) as site:
        for number in range(1, 161):
            old = NOON - timedelta(days=number)
            site.publish(number, date=old, modified=old, status="publish" if number % 5 else "draft")
        chapters = iter(story)
        always = {number for number, post in site.posts.items() if post.status == "publish"}

        def change() -> None:
            for act, number in next(chapters, []):
                site.edit(number, status="publish" if act == "show" else "draft")
                if act == "hide":
                    always.discard(number)

        site.meanwhile = change
        reader = Reader(site)
        read = set(reader.ids())
        assert always <= read
        site.meanwhile = lambda: None
        read |= set(reader.ids())
        assert {number for number, post in site.posts.items() if post.status == "publish"} <= read


# ---------------------------------------------------------------- what readers say


def test_an_approved_comment_comes_once_and_after_its_post(site: Site) -> None:
    for number in range(1, 202):
        site.publish(number, date=NOON - timedelta(days=9), modified=NOON - timedelta(days=9))
    site.comment(5, 201, author_name="読者 &amp; 友")
    site.comment(6, 201, parent=5)
    reader = Reader(site)
    reader.poll()
    assert [len(batch.comments) for batch in reader.batches] == [0, 0, 2]
    assert reader.batches[-1].comments[0] == RawComment(
        id="5",
        article="201",
        author="読者 & 友",
        content="<p>同感</p>",
        published="2026-06-01T12:00:00Z",
        url=f"{site.url}archives/201/#comment-5",
    )
    assert reader.batches[-1].comments[1].parent == "5"
    reader.poll()
    assert (reader.comments, reader.comments_gone) == ([], [])


def test_a_comment_edited_taken_away_or_approved_late_is_noticed(site: Site) -> None:
    site.publish(1)
    late, edited, lost = site.comment(5, 1), site.comment(6, 1), site.comment(7, 1)
    comments = site.terms["comments"]
    comments.remove(late)
    reader = settled(site)
    edited["content"] = {"rendered": "<p>別</p>"}
    comments.remove(lost)
    reader.poll()
    assert (reader.comments, reader.comments_gone) == (["6"], ["7"])
    comments.insert(0, late)
    reader.poll()
    assert (reader.comments, reader.comments_gone) == (["5"], [])


def test_a_comment_pushed_out_by_newer_ones_is_not_gone_and_a_flood_is_read(site: Site) -> None:
    site.publish(1)
    for number in range(1, 81):
        site.comment(number, 1)
    reader = settled(site)
    for number in range(81, 331):
        site.comment(number, 1)
    reader.poll()
    assert (reader.comments, reader.comments_gone) == ([str(n) for n in range(81, 331)], [])
    del site.terms["comments"][0]  # too old to be looked at
    reader.poll()
    assert (reader.comments, reader.comments_gone) == ([], [])


def test_comments_on_what_not_everybody_may_read_are_not_told_until_they_may(site: Site) -> None:
    site.publish(1)
    site.publish(2, status="private")
    site.publish(3, password="秘密")
    for number in (1, 2, 3, 999):  # the last is a page
        site.comment(number, number)
    reader = settled(site)
    assert reader.comments == []
    site.edit(2, status="publish")
    site.comment(4, 999)
    reader.poll()
    assert (reader.comments, reader.comments_gone) == (["2"], [])


@pytest.mark.parametrize(
    "answer",
    [
        Canned(401, b'{"code":"rest_forbidden"}'),
        Canned(403, b"<html>"),
        Canned(404, b'{"code":"rest_no_route"}'),
        Canned(404, b"<html>"),
        Canned(500),
        Canned(200, b"<br />\n<b>Warning</b>"),
        Canned(200, b'{"comments": "closed"}'),
    ],
)
def test_comments_that_a_site_does_not_show_stop_no_post_and_take_none_away(site: Site, answer: Canned) -> None:
    site.publish(1)
    site.comment(5, 1)
    reader = settled(site)
    site.canned = lambda route, _query: answer if route == "comments" else None
    site.publish(2)
    site.comment(6, 1)
    assert reader.ids() == [2]
    assert (reader.comments, reader.comments_gone) == ([], [])
    site.canned = lambda _route, _query: None
    reader.poll()
    assert (reader.comments, reader.comments_gone) == (["6"], [])


@pytest.mark.parametrize("broken", [{"content": False}, {"post": "x"}, {"post": None}, {"author_name": 7}])
def test_a_comment_that_a_plugin_broke_stops_no_other(site: Site, broken: Row) -> None:
    site.publish(1)
    site.comment(5, 1).update(broken)
    site.comment(6, 1)
    reader = Reader(site)
    reader.poll()
    assert reader.comments == ["6"]


# ---------------------------------------------------------------- what is public


def test_nothing_but_published_and_unprotected_posts_comes_in(site: Site) -> None:
    for number, status in enumerate(["publish", "private", "draft", "future", "trash", "pending"], start=1):
        site.publish(number, status=status)
    site.publish(9, password="秘密")
    reader = Reader(site)
    assert reader.ids() == [1]
    assert reader.gone == ["9"]


def test_a_post_that_gets_a_password_is_told_gone_and_comes_back_without_it(site: Site) -> None:
    site.publish(1)
    reader = settled(site)
    site.edit(1, password="秘密")
    assert (reader.ids(), reader.gone) == ([], ["1"])
    site.passes(hours=1)
    assert (reader.ids(), reader.gone) == ([], ["1"])  # looked at again once its date has settled
    assert (reader.ids(), reader.gone) == ([], [])
    site.edit(1, password="")
    assert (reader.ids(), reader.gone) == ([1], [])


def test_a_census_tells_which_posts_are_public(site: Site) -> None:
    for number in range(1, 260):
        site.publish(number)
    site.edit(3, status="private")
    site.edit(4, password="秘密")
    del site.posts[5]
    census = opened(site).census(["1", "3", "4", "5", "259", "not-a-post"])
    assert census.present == {"1", "259"}
    assert census.covers == frozenset({"1", "3", "4", "5", "259", "not-a-post"})
    everything = opened(site).census(None)
    assert everything.present == {str(number) for number in range(1, 260)} - {"3", "4", "5"}
    assert everything.covers is None
    assert opened(site).census([]).present == frozenset()


def test_a_census_is_whole_or_fails(site: Site) -> None:
    for number in range(1, 260):
        site.publish(number)
    site.canned = lambda _, query: Canned(500) if query.get("offset") == "198" else None
    with pytest.raises(StoreError, match="fails at its REST API"):
        opened(site).census(None)


def test_a_census_taken_while_posts_come_in_is_not_believed(site: Site) -> None:
    for number in range(10, 260):
        site.publish(number)
    site.meanwhile = lambda: site.publish(1) if any("offset=99" in one for one in site.asked) else None
    with pytest.raises(StoreError, match="changed while it was read"):
        opened(site).census(None)


# ---------------------------------------------------------------- finding and entering the site


@pytest.mark.parametrize(
    ("prefix", "link"),
    [
        ("/wp-json/", ""),
        ("/wp-json/", "https://public.example.jp/wp-json/"),
        ("/ja/api/", "/ja/api/"),
        ("/index.php?rest_route=/", "/index.php?rest_route=/"),
        ("/?rest_route=/", ""),
    ],
)
def test_the_rest_api_is_found_where_the_site_has_it(site: Site, prefix: str, link: str) -> None:
    site.prefix, site.link = prefix, link
    site.publish(1)
    assert Reader(site).ids() == [1]


def test_a_login_is_shown_to_the_configured_address_only(site: Site) -> None:
    site.publish(1)
    with on_loopback(Site()) as other:
        site.link = other.url + "wp-json/"
        store = opened(site, user="bot", application_password="canary 1234")
        assert len(store.changes(None).articles) == 1
        assert other.asked == []
    word = base64.b64encode(b"bot:canary 1234").decode()
    assert {one["Authorization"] for one in site.headers} == {f"Basic {word}"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Canned(500), "fails at its REST API (HTTP 500): look into the site's PHP error log"),
        (Canned(503, headers={"Retry-After": "120"}), "in maintenance (HTTP 503, and asks to wait 120 s)"),
        (Canned(503, headers={"Retry-After": "soon"}), "in maintenance (HTTP 503):"),
        (Canned(429), "is busy"),
        (Canned(200, b"<!doctype html><title>login</title>"), "answers with a page instead of its posts"),
        (Canned(200, b"<br />\n<b>Warning</b>: x in y.php\n[]"), "a PHP warning"),
        (Canned(200, b'[{"id": 1, "ti'), "breaks off"),
        (Canned(200, b"[" * 100_000), "breaks off"),
        (Canned(200, b'[{"id": true}]'), "is its `url` a WordPress site's?"),
        (Canned(200, b"[]", {"X-WP-Total": "0", "Date": "Mon, 01 Jan 0500 00:00:00 GMT"}), "X-WP-Total and Date"),
        (Canned(200, b'{"hello": "world"}'), "is its `url` a WordPress site's?"),
        (Canned(200, b'[{"name": "no id"}]'), "is its `url` a WordPress site's?"),
        (Canned(200, b"[]"), "X-WP-Total and Date"),
        (Canned(401, b"<html>"), "「REST API アクセス制限」"),
        (Canned(403, b'{"code":"rest_forbidden"}'), "「REST API アクセス制限」"),
        (Canned(401, b'{"code":"incorrect_password"}'), "make a new one in the user's profile"),
        (Canned(404, b'{"code":"rest_no_route"}'), "rest_no_route"),
        (Canned(404, b"<html>"), "check `url`"),
        (Canned(404, b"[]"), "check `url`"),
        (Canned(418), "HTTP 418"),
        (Canned(301, headers={"Location": "https://u:p@www.example.jp/?t=canary"}), 'url = "https://www.example.jp/"'),
        (Canned(302, headers={"Location": "/wp-login.php?canary"}), "to another page (a login?)"),
        (Canned(302), "to another page (a login?)"),
    ],
)
def test_a_failure_is_one_sentence_that_says_what_to_change(site: Site, answer: Canned, said: str) -> None:
    site.canned = lambda _route, _query: answer
    with pytest.raises(StoreError) as caught:
        opened(site, user="bot", application_password="canary").changes(None)
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith(site.url)
    assert "canary" not in sentence
    assert "\n" not in sentence


def test_a_site_that_is_not_there_is_one_sentence(site: Site) -> None:
    url = site.url.replace("http://", "http://127.0.0.2:1/ja/#")
    with pytest.raises(
        StoreError,
        match=r"^http://127\.0\.0\.2:1/ja/ cannot be read: .*; see that the site is up, and that `url` is right$",
    ):
        opened(site, url=url).changes(None)


def test_a_site_that_moved_its_api_is_found_again_at_the_next_poll(site: Site) -> None:
    site.publish(1)
    store = opened(site)
    first = store.changes(None)
    site.prefix = "/?rest_route=/"
    with pytest.raises(StoreError, match="check `url`"):
        store.changes(first.cursor)
    assert store.changes(first.cursor).more is False


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "example.jp"}, "an absolute address is needed"),
        ({"url": "ftp://example.jp/"}, "an absolute address is needed"),
        ({"url": "https://bot:canary@example.jp/"}, "write no password into the address"),
        ({"url": "https://example.jp/", "types": []}, "at least 1"),
        ({"url": "https://example.jp/", "types": ["Pages"]}, "a REST base is needed"),
        ({"url": "https://example.jp/", "types": ["wp/v2/posts"]}, "a REST base is needed"),
        ({"url": "https://example.jp/", "types": ["posts", "media"]}, "media are no posts"),
        ({"url": "https://example.jp/", "types": ["posts", "posts"]}, "named twice"),
        ({"url": "https://example.jp/", "user": "bot"}, "given together"),
        ({"url": "https://example.jp/", "application_password": "canary"}, "given together"),
    ],
)
def test_options_are_refused_early_and_without_their_value(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WordPressOptions.model_validate({"name": "blog", **options})
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)


def test_an_address_may_be_written_as_people_write_it() -> None:
    urls = ["https://example.jp", " https://example.jp/ja?x=1 ", "https://example.jp/ja/"]
    written = [WordPressOptions(name="blog", url=url).url for url in urls]
    assert written == ["https://example.jp/", "https://example.jp/ja/", "https://example.jp/ja/"]


def test_a_cursor_is_text_that_can_be_kept(site: Site) -> None:
    site.publish(1)
    cursor = opened(site).changes(None).cursor
    assert str(Cursor.parse(cursor)) == cursor
    assert json.loads(cursor)["version"] == 2
