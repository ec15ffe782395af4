"""What changed feeds owe to the targets that hear of them, and the notice of a feed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from feedpub.model import Action, Article, Context, Request, Site
from feedpub.networks import Ping, WebSub
from feedpub.notices.compose import key_of
from feedpub.notices.feeds import OwedFeed, compose_feed, plan_feeds, unknown_feeds
from feedpub.notices.plan import plan
from tests.world import Board

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
SITE = Site(title="航空ニュース", url="https://news.test/")
BOARD = Board(name="board", announce_backlog=True)
HUB = WebSub(name="hub", hub_url="https://hub.test/")
SOME = WebSub(name="some", hub_url="https://hub.test/", feeds=("category/us", "briefs"))
RANKING = Ping(name="ranking", url="https://ping.test/")
CHANGED = {"all": 12, "category/us": 9, "category/jp": 12}
FILES = ("https://news.test/feeds/all.atom", "https://news.test/feeds/all.rss")


def test_a_changed_feed_is_owed_to_every_target_that_hears_of_it() -> None:
    assert plan_feeds(CHANGED, [BOARD, HUB, SOME, RANKING]) == (
        OwedFeed("hub", "all", 12),
        OwedFeed("hub", "category/us", 9),
        OwedFeed("hub", "category/jp", 12),
        OwedFeed("some", "category/us", 9),
        OwedFeed("ranking", "all", 12),
    )


def test_where_nothing_changed_nothing_is_owed() -> None:
    assert plan_feeds({}, [HUB]) == ()


def test_an_article_is_owed_to_no_hub() -> None:
    article = Article("blog", "1", "g", "https://news.test/1", "見出し", "", "", NOW, NOW)
    for baseline in (False, True):
        targets = [HUB, BOARD, RANKING]
        owed = plan([article], targets, (), site=SITE, baseline=baseline, already={}, now=NOW)
        assert [one.target for one in owed] == ["board"]


def test_a_feed_that_does_not_exist_can_be_told() -> None:
    assert unknown_feeds(["all", "category/uss", "tag/f-35"], CHANGED) == ("category/uss", "tag/f-35")
    assert unknown_feeds(HUB.feeds, CHANGED) == ()


def test_the_notice_of_a_feed_holds_what_a_hub_and_a_ping_need() -> None:
    notice = compose_feed(
        "all",
        RANKING,
        title="航空\nニュース\u202e ",
        files=FILES,
        link="https://news.test/",
        language="ja",
        action=Action.CORRECT,
        revision=12,
        key=key_of("all", "ranking", Action.CORRECT, 12),
        now=NOW,
    )

    assert (notice.target, notice.action, notice.article, notice.guid) == ("ranking", Action.CORRECT, "", "all")
    assert (notice.title, notice.link, notice.language) == ("航空 ニュース", "https://news.test/", "ja")
    assert (notice.revision, notice.at, notice.remote_id) == (12, NOW, "")
    asked = next(HUB.correct(notice, Context(NOW + timedelta(days=400))))
    assert isinstance(asked, Request)
    assert b"all.atom" in asked.body


def test_each_change_of_a_feed_has_a_key_of_its_own() -> None:
    keys = {key_of("all", "hub", action, seq) for action in (Action.ANNOUNCE, Action.CORRECT) for seq in range(3)}
    assert len(keys) == 6
