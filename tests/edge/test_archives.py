"""What feeds remember, on both databases: archives, tombstones, addresses that last, the gate, rules, hubs."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from lxml import etree

from feedpub.feeds.moves import ENDINGS
from feedpub.model import RawArticle, RawComment, State
from feedpub.networks import WebSub
from feedpub.pipeline import Source
from tests.edge.newsroom import (
    BASE,
    DELETED,
    HISTORY,
    NAVY,
    THREAD,
    US,
    Make,
    chain,
    entries,
    files,
    link,
    settle,
    write,
)
from tests.golden.rules import ATOM
from tests.world import Board, ListOptions, ListStore

# ---------------------------------------------------------------- archives


def test_a_reader_that_follows_the_archive_gets_every_article_once(make: Make) -> None:
    desk = make(entries=4, archive=5)
    write(desk, 23, categories=("2",))
    for feed in ("all", "category/us", "category/navy"):
        documents = chain(desk, f"{feed}.atom")
        assert list(documents) == [f"{feed}.atom", *(f"archive/{feed}/{n}.atom" for n in (4, 3, 2, 1))]
        sealed = Counter(number for path, found in documents.items() if "archive" in path for number in found)
        assert set(sealed.values()) == {1}
        assert {number for found in documents.values() for number in found} == {str(n) for n in range(1, 24)}
        assert documents[f"{feed}.atom"] == ["23", "22", "21", "20"]
        assert documents[f"archive/{feed}/1.atom"] == ["5", "4", "3", "2", "1"]


def test_an_archive_that_is_switched_off_ends_and_begins_anew_when_it_is_switched_on(make: Make) -> None:
    desk = make(entries=4, archive=5)
    write(desk, 12)
    for size, parts in ((0, 0), (3, 4)):
        desk.feeds["archive"] = size
        desk.publisher.apply(desk.setup())
        write(desk, 1)
        newest, *older = chain(desk).values()
        assert (len(newest), len(older)) == (4, parts)
        assert len([path for path in files(desk) if re.match(r"archive/all/.*\.atom", path)]) == parts
    assert chain(desk)["archive/all/1.atom"] == ["3", "2", "1"]


def test_every_document_knows_its_place_in_the_archive_in_every_format(make: Make) -> None:
    desk = make(entries=4, archive=5)
    write(desk, 16)
    made = files(desk)
    places = {
        "archive/all/1": ("all", None, "archive/all/2"),
        "archive/all/2": ("all", "archive/all/1", "archive/all/3"),
        "archive/all/3": ("all", "archive/all/2", None),
        "all": (None, "archive/all/3", None),
    }
    for address, (current, before, after) in places.items():
        atom, rss = made[f"{address}.atom"], etree.fromstring(made[f"{address}.rss"])[0]
        for rel, to in (("current", current), ("prev-archive", before), ("next-archive", after)):
            assert link(atom, rel) == (to and f"{to}.atom")
            found = [one.get("href") for one in rss.findall(f"{ATOM}link") if one.get("rel") == rel]
            assert found == ([f"{BASE}{to}.rss"] if to else [])
        archived = address != "all"
        assert (etree.fromstring(atom).find(f"{HISTORY}archive") is not None) is archived
        assert (rss.find(f"{HISTORY}archive") is not None) is archived
        assert json.loads(made[f"{address}.json"]).get("next_url") == (f"{BASE}{before}.json" if before else None)


def test_what_no_sealed_part_has_stands_in_the_feed_however_old_it_is(make: Make) -> None:
    desk = make(entries=3, archive=5)
    write(desk, 12)
    for number in (101, 102):
        desk.article(str(number), published="2020-01-01T00:00:00Z", content="<p>古い</p>")
    settle(desk)
    assert set(entries(files(desk)["all.atom"])) == {"10", "11", "12", "101", "102"} | {"12", "11", "10"}
    write(desk, 1)
    assert "101" in chain(desk)["archive/all/3.atom"]


def test_before_there_are_parts_the_feed_carries_everything(make: Make) -> None:
    desk = make(entries=3, archive=5)
    write(desk, 9, categories=("1",))
    assert len(entries(files(desk)["all.atom"])) == len(entries(files(desk)["category/us.atom"])) == 9
    write(desk, 1, categories=("1",))
    assert list(map(len, chain(desk).values())) == [3, 5, 5]


def test_a_correction_and_a_withdrawal_rewrite_the_part_concerned_and_no_other(make: Make) -> None:
    desk = make(entries=3, archive=5)
    write(desk, 16)
    before = files(desk)
    third = next(row for row in desk.store.log if isinstance(row, RawArticle) and row.id == "3")
    desk.store.put(replace(third, content="<p>訂正しました</p>"))
    settle(desk)
    desk.store.remove("8")
    settle(desk)
    after = files(desk)
    changed = {path for path in before if before[path] != after[path] and "archive" in path}
    assert changed == {f"archive/all/{part}.{ending}" for part in (1, 2) for ending in ("atom", "rss", "json")}
    assert "訂正しました" in after["archive/all/1.atom"].decode()
    assert entries(after["archive/all/2.atom"]) == ["10", "9", "7", "6"]
    desk.article("8", content="<p>戻りました</p>")
    settle(desk)
    assert "8" in entries(files(desk)["archive/all/2.atom"])


def test_a_rebuild_with_nothing_changed_writes_no_byte_and_touches_no_date(make: Make) -> None:
    desk = make(entries=3, archive=5)
    write(desk, 13, categories=("1",))
    root = desk.folder / desk.output
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    done = desk.publisher.rebuild()
    assert (done.feeds > 0, done.parts > 0, done.files) == (True, True, 0)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_another_restart_renders_nothing_that_is_at_hand(make: Make) -> None:
    desk = make(entries=10)
    write(desk, 8)
    desk.ledger.fragments._held.clear()
    rendered: list[int] = []
    builder = desk.publisher.builder
    render = builder._render
    builder._render = lambda refs, *rest, **how: rendered.extend(ref.key for ref in refs) or render(refs, *rest, **how)  # type: ignore[func-returns-value,method-assign]
    write(desk, 1)
    assert len(rendered) == 1


def test_a_part_that_somebody_deleted_is_written_again_at_the_next_start(make: Make) -> None:
    desk = make(entries=3, archive=5)
    write(desk, 12)
    before = files(desk)
    (desk.folder / desk.output / "archive/all/1.atom").unlink()
    desk.publisher.apply(desk.setup())
    settle(desk)
    assert files(desk) == before


# ---------------------------------------------------------------- what is gone


def test_atom_tells_for_a_while_what_was_withdrawn_and_nothing_else_does(make: Make) -> None:
    desk = make(entries=5, tombstones="30d")
    write(desk, 3, categories=("1",))
    desk.store.remove("2")
    settle(desk)
    made = files(desk)
    for feed in ("all", "category/us"):
        root = etree.fromstring(made[f"{feed}.atom"])
        stone = root.find(DELETED)
        assert stone is not None
        assert (stone.get("ref"), stone.get("when")) == ("tag:news.test,2026:2", desk.now.isoformat())
        assert entries(made[f"{feed}.atom"]) == ["3", "1"]
        assert b"2026:2<" not in made[f"{feed}.rss"]
        assert [item["id"][-1] for item in json.loads(made[f"{feed}.json"])["items"]] == ["3", "1"]
    assert DELETED not in {child.tag for child in etree.fromstring(made["category/navy.atom"])}
    desk.round(days=31)
    assert b"deleted-entry" not in files(desk)["all.atom"]


def test_what_comes_back_has_no_tombstone(make: Make) -> None:
    desk = make()
    write(desk, 2)
    desk.store.remove("2")
    settle(desk)
    desk.article("2", content="<p>戻りました</p>")
    settle(desk)
    made = files(desk)["all.atom"]
    assert b"deleted-entry" not in made
    assert entries(made) == ["2", "1"]


# ---------------------------------------------------------------- addresses that last


def test_a_renamed_category_leads_from_its_old_address_and_takes_its_archive_along(make: Make) -> None:
    desk = make(entries=3, archive=5)
    write(desk, 13, categories=("2",))
    before = chain(desk, "category/navy.atom")
    desk.store.categories = (US, replace(NAVY, name="米海軍", slug="us-navy"))
    write(desk, 1, categories=("2",))
    moved = desk.publisher.builder.signposts.moved
    assert moved == {"category/japan": "category/us", "category/navy": "category/us-navy"}
    after = chain(desk, "category/us-navy.atom")
    assert [numbers for path, numbers in after.items() if "archive" in path] == [
        numbers for path, numbers in before.items() if "archive" in path
    ]
    assert not any("category/navy" in path for path in files(desk))
    assert "米海軍" in files(desk)["archive/category/us-navy/1.atom"].decode()
    assert b"category/us-navy" in files(desk)["moved.nginx.conf"]
    desk.store.categories = (US,)
    write(desk, 1)
    moved = desk.publisher.builder.signposts.moved
    assert moved == {"category/japan": "category/us", "category/navy": None, "category/us-navy": None}


# ---------------------------------------------------------------- the gate and the cap


def test_an_entry_that_readers_could_not_read_is_kept_out_alone_and_told(make: Make) -> None:
    desk = make(footer="{% if '爆' in title %}<script>1</script>{% endif %}")
    write(desk, 1)
    desk.article("2", title="爆弾")
    desk.article("3")
    settle(desk)
    assert entries(files(desk)["all.atom"]) == ["3", "1"]
    ((store, kept_out),) = desk.ledger.articles.quarantined()
    assert (store, kept_out.id) == ("blog", "2")
    assert kept_out.reason == "its content would bring readers a <script> element"
    desk.feeds["footer"] = ""
    desk.publisher.apply(desk.setup())
    settle(desk)
    assert entries(files(desk)["all.atom"]) == ["3", "2", "1"]
    assert desk.ledger.articles.quarantined() == ()


def test_a_monster_gives_way_so_that_the_feed_stays_small_and_whole(make: Make) -> None:
    desk = make(max_bytes=60_000)
    write(desk, 3)
    desk.article("4", summary="怪物の要約", content="<p>" + "長" * 50_000 + "</p>")
    settle(desk)
    made = files(desk)
    assert entries(made["all.atom"]) == ["4", "3", "2", "1"]
    assert all(len(made[f"all.{ending}"]) < 60_000 for ending in ("atom", "rss", "json"))
    assert "怪物の要約" in made["all.rss"].decode()
    assert "本文3" in made["all.rss"].decode()


# ---------------------------------------------------------------- other rules of cleaning


def test_what_the_config_drops_goes_from_articles_known_already_and_is_no_edit(make: Make) -> None:
    desk = make(archive=2)
    desk.targets["board"] = Board(name="board")
    desk.publisher.apply(desk.setup())
    settle(desk)
    for number in range(1, 6):
        desk.article(
            str(number), content=f'<p>本文{number}</p><p class="share">共有</p>' if number != 2 else "<p>無事</p>"
        )
    settle(desk)
    posts, before = list(desk.world.posts), files(desk)
    assert "共有" in before["archive/all/1.rss"].decode()
    desk.feeds["drop"] = [".share"]
    desk.publisher.apply(desk.setup())
    settle(desk)
    after = files(desk)
    assert not any("共有" in content.decode() for content in after.values())
    assert "本文1" in after["archive/all/1.rss"].decode()
    assert desk.world.posts == posts
    assert set(desk.states().values()) == {State.SENT}
    desk.publisher.poll("blog")
    assert desk.publisher.poll("blog").recleaned == 0
    dates = re.compile("<updated>.*?</updated>")
    assert dates.findall(after["all.atom"].decode()) == dates.findall(before["all.atom"].decode())


# ---------------------------------------------------------------- feeds by rule, tags, authors, comments, briefs


def test_tags_authors_and_rules_choose_what_their_feeds_carry(make: Make) -> None:
    rule = {"title": "米海軍以外", "categories": ["米国関連"], "tags": ["F-35"], "skip_tags": ["広告"]}
    desk = make(tags=True, authors=True, own={"us": rule})
    desk.article("1", categories=("2",), tags=("F-35",), authors=("山田",))
    desk.article("2", categories=("1",), tags=("広告",))
    desk.article("3", tags=("ｆ-35", "解説"), authors=("鈴木", "山田"))
    desk.article("4")
    settle(desk)
    made = files(desk)
    assert sorted(entries(made["own/us.atom"])) == ["1", "3"]
    assert sorted(entries(made["tag/f-35.atom"])) == ["1", "3"]
    authors = {path: sorted(entries(content)) for path, content in made.items() if re.match(r"author/.*\.atom", path)}
    assert sorted(authors.values()) == [["1", "3"], ["3"]]


def test_comments_have_a_feed_at_once_and_their_count_follows_within_ten_minutes(make: Make) -> None:
    desk = make()
    write(desk, 1)
    assert "comments.atom" not in files(desk)
    desk.store.put(RawComment("c1", "1", author="読者", content="<p>良い記事</p>", published=desk.now.isoformat()))
    desk.store.put(
        RawComment("c2", "1", "c1", "<b>編集部</b>", "<script>x</script>どうも", (desk.now + timedelta(1)).isoformat())
    )
    settle(desk)
    made = files(desk)
    root = etree.fromstring(made["comments.atom"])
    answers = [entry.find(f"{THREAD}in-reply-to") for entry in root.findall(f"{ATOM}entry")]
    ids = [entry.findtext(f"{ATOM}id") for entry in root.findall(f"{ATOM}entry")]
    assert [one.get("ref") for one in answers if one is not None] == [ids[1], "tag:news.test,2026:1"]
    assert ids[1] == "tag:news.test,2026:1#comment-c1"
    assert b"script" not in made["comments.atom"]
    assert "「記事1」への編集部さんのコメント" in made["comments.atom"].decode()
    assert b"slash:comments>" not in made["all.rss"]
    desk.round(minutes=11)
    assert b"<slash:comments>2</slash:comments>" in files(desk)["all.rss"]
    assert b'thr:count="2"' in files(desk)["all.atom"]


def test_what_was_said_of_an_article_follows_it(make: Make) -> None:
    desk = make()
    write(desk, 2)
    desk.store.put(RawComment("c1", "1", author="読者", content="<p>良い記事</p>", published=desk.now.isoformat()))
    settle(desk)
    desk.article("1", title="改題")
    settle(desk)
    assert "「改題」への読者さんのコメント" in files(desk)["comments.atom"].decode()
    desk.store.remove("1")
    settle(desk)
    assert "改題" not in files(desk)["comments.atom"].decode()


@pytest.mark.parametrize("content", ["full", "summary"])
def test_a_comment_is_told_whole_and_is_no_article(make: Make, content: str) -> None:
    desk = make(content=content, footer="<p>続きはこちら</p>")
    write(desk, 1)
    desk.store.put(RawComment("c1", "1", content="<p>良い<b>記事</b></p>", published=desk.now.isoformat()))
    settle(desk)
    made = files(desk)
    (item,) = json.loads(made["comments.json"])["items"]
    assert (item["content_html"], item["summary"]) == ("<p>良い<b>記事</b></p>", "良い記事")
    entry = etree.fromstring(made["comments.atom"]).find(f"{ATOM}entry")
    assert entry is not None
    assert (entry.findtext(f"{ATOM}content"), entry.findtext(f"{ATOM}summary")) == (item["content_html"], "良い記事")
    assert "<description>良い記事</description>" in made["comments.rss"].decode()


def test_the_comments_of_a_first_poll_are_counted_in_the_first_feeds(make: Make) -> None:
    desk, late = make(), ListStore()
    for number in ("1", "2", "3", "4"):
        late.put(RawArticle(number, url=f"https://news.test/{number}", title="見出し", published=desk.now.isoformat()))
    late.put(RawComment("c1", "1", author="読者", content="<p>良い記事</p>", published=desk.now.isoformat()))
    desk.publisher.apply(replace(desk.setup(), sources={"late": Source(ListOptions(name="late"), late)}))
    desk.publisher.publish("late")
    assert b"<slash:comments>1</slash:comments>" in files(desk)["all.rss"]


def test_a_brief_without_an_address_leads_to_a_page_of_its_own_which_goes_with_it(make: Make) -> None:
    desk = make()
    desk.article("1", title="", url="", content="<p>短信です</p>")
    settle(desk)
    (page,) = [path for path in files(desk) if path.startswith("briefs/")]
    assert link(files(desk)["briefs.atom"], "self") == "briefs.atom"
    entry = etree.fromstring(files(desk)["briefs.atom"]).find(f"{ATOM}entry")
    assert entry is not None
    assert [one.get("href") for one in entry.findall(f"{ATOM}link")] == [BASE + page]
    assert "短信です" in files(desk)[page].decode()
    desk.store.remove("1")
    settle(desk)
    assert page not in files(desk)


# ---------------------------------------------------------------- hubs


def test_a_hub_is_told_of_each_feed_that_changed_and_only_when_its_files_are_out(make: Make) -> None:
    desk = make()
    desk.targets["hub"] = WebSub.model_validate({"kind": "websub", "name": "hub", "hub_url": "https://hub.test/"})
    desk.publisher.apply(desk.setup())
    settle(desk)
    desk.world.told.clear()
    desk.article("1", categories=("2",))
    desk.publisher.poll("blog")
    assert desk.publisher.claim(1) == ()
    desk.publisher.publish("blog")
    assert "記事1" in desk.feed()
    settle(desk)
    told = {address for body in desk.world.told for address in parse_qs(body)["hub.url"]}
    assert told == {f"{BASE}{feed}.{ending}" for feed in ("all", "category/us", "category/navy") for ending in ENDINGS}
    assert all(parse_qs(body)["hub.topic"] == parse_qs(body)["hub.url"] for body in desk.world.told)
    desk.world.told.clear()
    write(desk, 2)
    assert len(desk.world.told) == 1 * len(ENDINGS)
    desk.publisher.rebuild()
    settle(desk)
    assert len(desk.world.told) == 1 * len(ENDINGS)
    hubs = {one.get("href") for one in etree.fromstring(files(desk)["all.atom"]) if one.get("rel") == "hub"}
    assert hubs == {"https://hub.test/"}
    assert desk.publisher.builder.signposts.hubs["all"] == ("https://hub.test/",)
