"""One WordPress site, read by its feed and by its REST API: one after the other, and both at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from feedpub.http import Door
from feedpub.pipeline import Source
from feedpub.stores import FeedOptions, WordPressOptions
from feedpub.stores.opened import Opened
from tests.edge.newsstand import Newsstand
from tests.edge.receiver import Answer, Receiver
from tests.edge.test_publisher import START
from tests.edge.wordpress_on_loopback import Site, on_loopback
from tests.world import HOME


@pytest.fixture
def blog() -> Iterator[Site]:
    """A site of thirty posts in one category."""
    with on_loopback(Site(clock=START - timedelta(days=30))) as site:
        site.terms["categories"].append({"id": 1, "name": "海軍", "slug": "navy", "parent": 0})
        site.terms["users"].append({"id": 1, "name": "編集部"})
        for number in range(1, 31):
            site.publish(number, title=f"見出し{number:02}")
            site.passes(days=1)
        site.clock = START
        yield site


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def show(blog: Site, server: Receiver, newest: int = 20) -> None:
    """Have the site's feed be as WordPress would write it now."""
    posts = sorted(blog.posts.values(), key=lambda post: post.date, reverse=True)[:newest]
    items = "".join(
        f"<item><title>{post.title}</title><link>{blog.url}archives/{post.id}/</link>"
        f'<guid isPermaLink="false">{escape(f"{blog.url}?p={post.id}&x=1")}</guid>'
        f"<pubDate>{format_datetime(post.date)}</pubDate><category>海軍</category>"
        f"<description>{escape(f'{post.content}…続きを読む')}</description></item>"
        for post in posts
    )
    feed = f'<rss version="2.0"><channel><title>t</title><link>{blog.url}</link>{items}</channel></rss>'
    server.default = Answer(200, feed.encode(), {"content-type": "application/rss+xml"})


def by_feed(server: Receiver, name: str = "blog") -> Source:
    options = FeedOptions.model_validate(
        {"name": name, "kind": "feed", "url": f"{server.url}/feed/", "allow_private": True}
    )
    return Source(options, Opened(lambda: options.open(Door(), HOME)))


def by_rest(blog: Site, name: str = "news", **said: object) -> Source:
    options = WordPressOptions.model_validate({"name": name, "url": blog.url, "allow_private": True, **said})
    return Source(options, Opened(lambda: options.open(Door(), HOME)))


def passes(stand: Newsstand, blog: Site, server: Receiver) -> None:
    """Some minutes pass, for the site too, whose feed follows."""
    blog.passes(minutes=15)
    show(blog, server)
    stand.round(minutes=15)


def guids(stand: Newsstand) -> dict[str, str]:
    return {one.guid: one.title for one in stand.ledger.articles.since(START - timedelta(days=99))}


def test_a_site_read_by_its_feed_is_read_by_its_api_from_now_on(
    database_url: str, tmp_path: Path, blog: Site, server: Receiver
) -> None:
    show(blog, server)
    stand = Newsstand(database_url, tmp_path, blog=by_feed(server))
    blog.publish(31, title="見出し31")
    passes(stand, blog, server)
    assert stand.texts() == ["見出し31"]
    before, address = guids(stand), next(path for path in stand.files() if path.startswith("category/"))
    stand.apply(news=by_rest(blog, replaces="blog"))
    blog.publish(32, title="見出し32")
    blog.edit(30, title="訂正30")
    passes(stand, blog, server)
    after = guids(stand)
    assert len(before) == 21
    assert set(before) <= set(after)
    assert len(after) == 32
    assert stand.ledger.articles.quarantined() == ()
    assert stand.texts() == ["見出し31", "見出し32"]
    bodies = stand.ledger.articles.bodies("news", map(str, range(1, 33)))
    assert (len(bodies), bodies["30"].title) == (32, "訂正30")
    assert "続きを読む" not in stand.feed("all.atom")
    moved = stand.publisher.builder.signposts.moved
    assert moved.get(address.rpartition(".")[0], "category/navy") == "category/navy"
    blog.edit(31, title="訂正31")
    for _ in range(2):
        passes(stand, blog, server)
    assert stand.texts() == ["訂正31", "見出し32"]
    del blog.posts[31]
    for _ in range(3):
        passes(stand, blog, server)
    assert len(guids(stand)) == 31
    stand.ledger.close()


def test_of_two_stores_of_one_site_the_newcomer_is_quarantined_with_both_names(
    database_url: str, tmp_path: Path, blog: Site, server: Receiver
) -> None:
    show(blog, server)
    stand = Newsstand(database_url, tmp_path, rest=by_rest(blog, "rest"))
    before = stand.feed("all.atom")
    stand.apply(rest=stand.sources["rest"], feed=by_feed(server, "feed"))
    stand.round()
    kept_out = stand.ledger.articles.quarantined()
    assert len(kept_out) == 20
    assert {store for store, _ in kept_out} == {"feed"}
    expected = f"its guid {blog.url}?p=30&x=1 belongs to article 30 of stores.rest: give it one of its own"
    assert expected in {one.reason for _, one in kept_out}
    assert stand.feed("all.atom") == before
    blog.publish(31, title="見出し31")
    passes(stand, blog, server)
    assert stand.texts() == ["見出し31"]
    stand.ledger.close()
