"""`feedpub brief`: a short topic goes out, with no store configured for it."""

from __future__ import annotations

import re
import sqlite3

import pytest

from tests.databases import PostgreSQL
from tests.edge.front_door import CONSOLE, FEEDS, STORE, Site, ago, webhook
from tests.edge.receiver import Receiver
from tests.guides import GUIDES

US = "INSERT INTO category (id, name, slug, parent) VALUES ('1', '米国関連', 'us', NULL)"
NAVY = "INSERT INTO category (id, name, slug, parent) VALUES ('2', '海軍', 'navy', '1')"
LATER = "within seconds; if none runs, `feedpub once` does."


def briefs(site: Site, address: str = "briefs.rss") -> list[str]:
    return [entry.summary for entry in site.feed(address).entries]


def test_the_very_first_brief_goes_out_though_feedpub_never_ran_before(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE, "articles": CONSOLE | {"categories": ["米国関連"]}})
    told = site.feedpub("brief", "海自、<新型艦>を公開 & 命名\n\n詳細は後日", "--link", "https://news.test/記事/1").out
    assert re.fullmatch(
        r"brief-\d{8}-\d{6}: queued for terminal; in feeds all, briefs\.\n"
        r"  not for articles: .+\n"
        rf"The daemon publishes it {re.escape(LATER)}\n",
        told,
    )
    done = site.feedpub("once").out
    assert "海自、<新型艦>を公開 & 命名\n\n詳細は後日\nhttps://news.test/%E8%A8%98%E4%BA%8B/1\n" in done
    assert "1 new" in done
    assert "Said: 1 to terminal." in done
    assert briefs(site) == ["海自、&lt;新型艦&gt;を公開 &amp; 命名 詳細は後日"]
    assert [entry.link for entry in site.feed("all.rss").entries] == ["https://news.test/%E8%A8%98%E4%BA%8B/1"]
    assert "0 new" in site.feedpub("once").out


def test_nobody_who_writes_no_brief_sees_a_store_for_them(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    assert sorted(path.name for path in site.folder.glob("*.db")) == ["articles.db", "feedpub.db"]
    assert [store["name"] for store in site.feedpub("status", "--json").json["stores"]] == ["main"]
    assert "1 store (main)" in site.feedpub("check", "--config-only").out


def test_a_brief_is_out_within_seconds_while_feedpub_runs(site: Site) -> None:
    with Receiver() as server:
        site.configure(stores={"main": STORE | {"poll": "1h"}}, targets={"hook": webhook(server)})
        daemon = site.start("run")
        daemon.wait_for("listening")
        texts = ["短信 零", "短信 一", "短信 二"]
        for number, text in enumerate(texts, 1):
            site.feedpub("brief", text)
            server.wait_for(number)
        assert all(text.encode() in seen.body for text, seen in zip(texts, server.requests, strict=True))
        assert [event["new"] for event in daemon.events("published") if event["store"] == "brief-desk"] == [1, 1, 1]
        daemon.end()
    assert briefs(site)[0] == "短信 二"


def test_a_brief_lies_in_its_categories_feeds_and_reaches_the_targets_that_take_them(site: Site) -> None:
    american = CONSOLE | {"categories": ["us"]}
    site.configure(targets={"american": american, "japanese": CONSOLE | {"categories": ["日本関連"]}})
    site.feedpub("once")
    site.sql(US)
    site.sql(NAVY)
    site.sql("INSERT INTO category (id, name, slug) VALUES ('3', '日本関連', 'japan')")
    site.feedpub("once")
    accepted = site.feedpub("brief", "海軍の短信", "--category", "ＮＡＶＹ", "--json").json
    assert (accepted["feeds"], accepted["targets"]) == (["all", "briefs", "category/navy", "category/us"], ["american"])
    assert list(accepted["left_out"]) == ["japanese"]
    assert "Said: 1 to american." in site.feedpub("once").out
    for address in ("category/us.rss", "category/navy.rss"):
        assert briefs(site, address) == ["海軍の短信"]
    assert [tag.term for tag in site.feed("all.rss").entries[0].tags] == ["海軍"]
    site.sql("UPDATE category SET name = '米海軍' WHERE id = '2'")
    site.feedpub("once")
    assert [tag.term for tag in site.feed("all.rss").entries[0].tags] == ["米海軍"], "it follows a renamed category"
    feeds = {one for one in site.feedpub("status", "--json").json["feeds"] if one.startswith("category/")}
    assert feeds == {"category/japan", "category/navy", "category/us"}, "the brief has no category of its own"


def test_a_category_that_is_not_there_or_is_ambiguous_is_refused_with_suggestions(site: Site) -> None:
    site.configure()
    unknown = site.feedpub("brief", "短信", "--category", "米国", code=1).err
    assert unknown == "there is no category 米国: no store has told of any yet\n"
    site.feedpub("once")
    site.sql(US)
    for key, slug in (("4", "us-news"), ("5", "japan-news")):
        site.sql("INSERT INTO category (id, name, slug) VALUES (?, 'ニュース', ?)", key, slug)
    site.feedpub("once")
    near = site.feedpub("brief", "短信", "--category", "米国関係", code=1).err
    assert near == "there is no category 米国関係: did you mean 米国関連?\n"
    assert site.feedpub("brief", "短信", "--category", "ニュース", code=1).err == (
        "several categories are called ニュース: name one by its slug, us-news or japan-news\n"
    )
    assert not (site.folder / "feedpub-briefs.db").exists()
    assert "category/us-news" in site.feedpub("brief", "短信", "--category", "us-news").out


def test_a_brief_for_later_waits_for_its_time(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    accepted = site.feedpub("brief", "あとで", "--at", ago(minutes=-5), "--json").json
    assert accepted["targets"] == ["terminal"]
    told = site.feedpub("brief", "明日", "--at", "tomorrow 9:00").out
    then = r"publishes it 20\d\d-\d\d-\d\d 09:00 \(Asia/Tokyo\); if none runs, `feedpub once` does then"
    assert re.search(then, told)
    assert "Said" not in site.feedpub("once").out
    assert site.feedpub("status").out.startswith("0 articles public, 2 waiting for their date")
    site.environ["MORTAL_AHEAD"] = "400"
    assert "Said: 1 to terminal." in site.feedpub("once").out
    assert briefs(site) == ["あとで"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ((" \n　",), "a brief needs words: there is nothing in this one"),
        (("短信", "--link", "ftp://news.test/1"), "--link: an absolute address is needed"),
        (("短信", "--link", "/1"), "--link: an absolute address is needed"),
        (("短信", "--link", "https://"), "--link: an absolute address is needed"),
        (("短信", "--at", "11/24"), "this is no time: write"),
        (("短信", "--at", "2020-01-01 09:00"), "2020-01-01 09:00 (Asia/Tokyo) has passed"),
    ],
)
def test_a_brief_that_cannot_go_out_is_refused_and_nothing_is_written(
    site: Site, args: tuple[str, ...], why: str
) -> None:
    site.configure()
    assert site.feedpub("brief", *args, code=1).err.startswith(why)
    assert not (site.folder / "feedpub-briefs.db").exists()


def test_a_brief_is_taken_back_as_the_guide_says_and_what_was_said_goes_too(site: Site) -> None:
    (said,) = re.findall(r'sqlite3 data/feedpub-briefs\.db "(DELETE .+)"', GUIDES["operations.md"])
    site.configure(targets={"terminal": CONSOLE | {"retract_after": "0"}})
    name = site.feedpub("brief", "誤字のある短信").out.partition(":")[0]
    site.feedpub("once")
    site.sql(re.sub(r"brief-\d{8}-\d{6}", name, said), file="feedpub-briefs.db")
    done = site.feedpub("once").out
    assert "── terminal: retract ──\n誤字のある短信\n" in done
    assert "1 withdrawn" in done
    assert briefs(site) == []


def test_two_briefs_in_one_second_are_two(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    at = ago(hours=-1)
    first, second = (site.feedpub("brief", "同じ", "--at", at, "--json").json["id"] for _ in range(2))
    assert second == f"{first}-1"


def test_a_desk_that_cannot_be_read_is_a_problem_by_its_file(site: Site) -> None:
    site.configure()
    site.feedpub("brief", "短信")
    (site.folder / "feedpub-briefs.db").write_bytes(b"no database at all" * 99)
    failed = site.feedpub("once", code=1).err
    assert "the briefs: feedpub-briefs.db is not an SQLite database" in failed
    assert site.feedpub("status", "--json", code=1).json["problems"][0].startswith("the briefs: feedpub-briefs.db")
    with pytest.raises(sqlite3.DatabaseError):
        site.sql("SELECT 1 FROM article", file="feedpub-briefs.db")


def test_beside_a_postgresql_the_briefs_lie_where_an_sqlite_would(site: Site, postgres: PostgreSQL) -> None:
    site.configure(targets={"terminal": CONSOLE}, database={"url": postgres.fresh()})
    site.feedpub("brief", "短信")
    assert (site.folder / "data" / "feedpub-briefs.db").exists()
    assert "Said: 1 to terminal." in site.feedpub("once").out


def test_an_imported_brief_of_a_store_is_untouched_by_the_desk(site: Site) -> None:
    site.configure(feeds=FEEDS)
    site.feedpub("once")
    site.publish("own", title="", url="")
    site.feedpub("brief", "卓上")
    site.feedpub("once")
    assert sorted(briefs(site)) == ["卓上", "本文 own"]
