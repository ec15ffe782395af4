"""One store fails or hangs, and no other waits for it: `feedpub run` and `feedpub once`, with real servers."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

from tests.edge.front_door import STORE, Site, Table, measured, until
from tests.edge.receiver import LOGIN_PAGE, Answer, Mood, Receiver


def wordpress(server: Receiver, **options: object) -> Table:
    return {"kind": "wordpress", "url": f"{server.url}/", "allow_private": True, "poll": "1s"} | options


def in_feed(site: Site, id_: str) -> bool:
    file = site.folder / "public" / "all.rss"
    return file.exists() and f"https://news.test/{id_}" in file.read_text(encoding="utf-8")


def test_stores_that_hang_or_fail_delay_neither_the_others_nor_the_config(site: Site) -> None:
    """More of them than a scheduler has threads by habit."""
    with Receiver() as hanging, Receiver() as failing:
        hanging.default, failing.default = Answer(mood=Mood.HANG), Answer(500, "sorry")
        slow: Table = {f"slow{number}": wordpress(hanging, timeout="40s") for number in range(24)}
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n WHERE i < 0"
        long = {"kind": "sql", "url": "sqlite:///other.db", "query": endless, "timeout": "6s", "poll": "1h"}
        site.sql("CREATE TABLE x (i)", file="other.db")
        stores: Table = slow | {"ill": wordpress(failing), "long": long, "main": STORE}
        site.configure(stores=stores)
        daemon = site.start("run")
        daemon.wait_for("listening")
        hanging.wait_for(24)
        until(lambda: site.store.exists() and site.sql("SELECT 1 FROM sqlite_master WHERE name = 'article'"))
        site.publish("one")
        seconds = until(lambda: in_feed(site, "one"))
        measured("until an article was in the feeds while 24 stores hung", seconds)
        assert seconds < 25  # they have forty
        daemon.wait_for("store_failed", times=1)
        assert {one["store"] for one in daemon.events("store_failed")} <= {"ill", "long"}
        until(lambda: "long" in {one["store"] for one in daemon.events("store_failed")})
        begun = time.monotonic()
        site.configure(stores={"main": STORE, "slow0": wordpress(hanging, timeout="39s")})
        daemon.wait_for("config_applied")
        site.publish("two")
        until(lambda: in_feed(site, "two"))
        assert time.monotonic() - begun < 25
        assert daemon.events("fault") == []
        daemon.signal(signal.SIGTERM)
        assert daemon.wait().code == 0


def test_once_asks_all_stores_at_once_and_tells_those_that_fail(site: Site) -> None:
    with Receiver() as hanging, Receiver() as failing, Receiver() as page:
        hanging.default, failing.default, page.default = Answer(mood=Mood.HANG), Answer(500, "sorry"), LOGIN_PAGE
        silent: Table = {f"silent{number}": wordpress(hanging, timeout="4s") for number in range(4)}
        site.configure(stores={"main": STORE})
        site.feedpub("once")
        site.publish("one")
        site.configure(stores=silent | {"ill": wordpress(failing), "page": wordpress(page), "main": STORE})
        begun = time.monotonic()
        ended = site.feedpub("once", code=1)
        seconds = time.monotonic() - begun
    measured("for four stores that hang for four seconds each", seconds)
    assert seconds < 16
    told = ended.err.splitlines()
    sentences = [line for line in told if line.startswith("stores.")]
    assert [line.partition(":")[0] for line in sentences] == [f"stores.{name}" for name in (*silent, "ill", "page")]
    assert in_feed(site, "one")
    assert "1 new" in ended.out


def test_a_store_may_be_renamed_while_feedpub_runs_and_nobody_notices(site: Site) -> None:
    site.configure(stores={"blog": STORE}, targets={"terminal": {"kind": "console"}})
    site.feedpub("once")
    with ExitStack() as end:
        daemon = site.start("run")
        end.callback(daemon.end)
        daemon.wait_for("listening")
        site.publish("before")
        until(lambda: "https://news.test/before" in daemon.out)
        files = {path: content for path, (_, content) in site.files().items()}
        site.configure(
            stores={"news": STORE | {"replaces": "blog"}}, targets={"terminal": {"kind": "console"}},
        )  # fmt: skip
        replaced = daemon.wait_for("store_replaced")
        assert (replaced["store"], replaced["replaces"], replaced["kind"]) == ("news", "blog", "sql")
        daemon.wait_for("config_applied")
        site.publish("after")
        until(lambda: "https://news.test/after" in daemon.out)
        assert daemon.out.count("https://news.test/before") == 1
        assert [row[0] for row in site.sql("SELECT name FROM store", file="feedpub.db")] == ["news"]
        assert {row[0] for row in site.sql("SELECT store FROM article", file="feedpub.db")} == {"news"}
        assert daemon.events("fault") == daemon.events("failed") == []
        assert set(files) <= set(site.files())


def test_briefs_stay_in_the_categories_of_a_store_that_is_renamed(site: Site) -> None:
    site.configure(stores={"blog": STORE})
    site.feedpub("once")
    site.sql("INSERT INTO category (id, name, slug) VALUES ('1', '米国関連', 'us')")
    site.publish("one", categories=["1"])
    site.feedpub("once")
    site.feedpub("brief", "短い話題", "--category", "米国関連")
    site.feedpub("once")
    before = site.files()["category/us.rss"][1]
    assert "短い話題".encode() in before
    renamed: Table = {"news": STORE | {"replaces": "blog"}}
    site.configure(stores=renamed)
    site.feedpub("once")
    assert site.files()["category/us.rss"][1] == before
    # Its brief is cleaned by other rules now, and so read once more, from the desk's own file.
    site.configure(stores=renamed, feeds=FEEDS_THAT_DROP)
    site.feedpub("once")
    assert site.files()["category/us.rss"][1] == before


FEEDS_THAT_DROP: Table = {
    "base_url": "https://news.test/feeds/", "output": "public", "entries": 1000, "drop": [".sharing"],
}  # fmt: skip


def test_status_tells_nothing_of_a_store_that_is_taken_out(site: Site) -> None:
    with Receiver() as failing:
        failing.default = Answer(500, "sorry")
        site.configure(stores={"ill": wordpress(failing), "main": STORE})
        site.feedpub("once", code=1)
    assert "stores.ill: " in site.feedpub("status", code=1).out
    site.configure(stores={"main": STORE})
    assert "ill" not in site.feedpub("status").out
