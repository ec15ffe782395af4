"""`feedpub check --stores`: whether stores answer, and what their next poll would read, with nothing kept of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from feedpub.commands.asking import ask
from feedpub.feeds.catalog import FeedsOptions
from feedpub.model import Batch
from feedpub.pipeline import Setup, Source
from tests.edge.front_door import STORE, Site, Table
from tests.edge.receiver import Answer, Receiver
from tests.edge.test_publisher import SITE
from tests.world import ListOptions, ListStore

FEED = (
    "<rss version='2.0'><channel><title>wire</title><item><title>one</title><guid>1</guid>"
    "<link>https://wire.test/1</link><pubDate>Mon, 23 Nov 2026 10:00:00 +0000</pubDate></item></channel></rss>"
)
QUERY = "SELECT n AS id, title, made AS published, made AS updated FROM post WHERE made >= :since"


def asked(site: Site, code: int = 0) -> dict[str, str]:
    """What is told of each store; the good ones where results belong, the bad ones where errors do."""
    ended = site.feedpub("check", "--config-only", "--stores", code=code)
    lines = [*ended.out.splitlines()[1:], *ended.err.splitlines()]
    return dict(line.removeprefix("problem: ").removeprefix("stores.").split(": ", 1) for line in lines)


def stores(site: Site, wire: str) -> Table:
    """One of each kind that needs no network but loopback."""
    (site.folder / "posts").mkdir()
    post(site, "a.md", "2026-01-01")
    post(site, "b.md", "gestern")
    with closing(sqlite3.connect(site.folder / "cms.db")) as cms, cms:
        cms.execute("CREATE TABLE post (n INTEGER, title TEXT, made TEXT)")
        cms.execute("INSERT INTO post VALUES (1, '見出し', '2026-01-01')")
    return {
        "main": STORE,
        "hugo": {"kind": "markdown", "path": "posts"},
        "cms": {"kind": "sql", "url": "sqlite:///cms.db", "query": QUERY},
        "wire": {"kind": "feed", "url": wire, "allow_private": True},
        "bare": {"kind": "markdown", "path": "bare"},
    }


def post(site: Site, name: str, date: str) -> None:
    text = f"---\ntitle: 見出し\ndate: {date}\n---\n本文\n"
    (site.folder / "posts" / name).write_text(text, encoding="utf-8")


def test_before_the_first_poll_each_store_says_what_it_would_find_and_nothing_is_kept(site: Site) -> None:
    with Receiver() as server:
        server.default = Answer(200, FEED)
        given = stores(site, server.url)
        (site.folder / "bare").mkdir()
        site.configure(stores=given)
        site.store.unlink(missing_ok=True)
        told = asked(site)
        again = asked(site)
        assert not site.store.exists(), "the embedded store is the first poll's to make"
        noted = site.feedpub("once").out
    assert told == again
    assert list(told) == list(given)
    assert told["main"] == "its file is not there yet: the first poll makes it, and so does `feedpub import`"
    assert told["wire"] == "answers; the first poll finds 1 article"
    assert told["bare"] == "answers, but no article is there"
    assert told["hugo"].startswith(
        "answers; the first poll finds 2 articles; 1 would be kept out of the feeds, such as b"
    )
    assert told["cms"] == (
        "answers; the first poll finds 1 article; 1 would be kept out of the feeds, such as 1 "
        "(url is missing: an article with a title must lead somewhere)"
    )
    assert noted.startswith("2 articles noted, none announced.")


def test_later_a_store_says_what_may_have_changed_and_the_next_poll_finds_it_all_the_same(site: Site) -> None:
    with Receiver() as server:
        server.default = Answer(200, FEED)
        site.configure(stores=stores(site, server.url))
        site.feedpub("once", code=1)
        post(site, "c.md", "2026-01-02")
        site.publish("one")
        told = asked(site, code=1)
        done = site.feedpub("once", code=1).out
    assert told["main"] == "answers; 1 article may have changed since the last poll"
    assert told["hugo"].startswith("answers; 2 articles may have changed since the last poll; 1 would be kept out")
    assert told["cms"] == told["wire"] == "answers; nothing new"
    assert told["bare"] == "bare: no such folder; correct path, or mount the disk it is on"
    assert "2 new, 0 edited" in done


def test_an_embedded_store_that_cannot_be_made_is_told(site: Site) -> None:
    Path(site.folder / "taken").write_text("no folder", encoding="utf-8")
    site.configure(stores={"main": STORE | {"path": "taken/articles.db"}})
    assert asked(site, code=1) == {"main": "taken/articles.db has a file where its folder should be: give another path"}


class Faulty(ListStore):
    """A store with a fault of feedpub's own in it."""

    secret: ClassVar[str] = "canary"

    def changes(self, cursor: str | None) -> Batch:
        raise ValueError(f"{self.secret} {cursor}")


def test_a_fault_of_our_own_is_told_by_its_place_and_the_others_are_asked() -> None:
    options = ListOptions(name="x")
    sources = {"bad": Source(options, Faulty()), "good": Source(options, ListStore())}
    bad, good = ask(Setup(SITE, FeedsOptions(base_url="https://news.test/feeds/"), sources, {}), {})
    assert (bad.name, bad.well) == ("bad", False)
    assert "please report it: ValueError at " in bad.told
    assert Faulty.secret not in bad.told
    assert (good.well, good.told) == (True, "answers, but no article is there")
