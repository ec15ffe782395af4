"""Feeds through trouble: crashes and full disks, changes of the config and the taxonomy, entries that come and go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from lxml import etree

from feedpub.errors import LedgerError, OutputError
from feedpub.feeds.addresses import brief_path
from feedpub.ledger import parts
from feedpub.model import Category, RawArticle, RawComment, Reply, State
from feedpub.networks import WebSub
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import Cancelled
from feedpub.pipeline import Publisher
from tests.edge.newsroom import BASE, DELETED, NAVY, US, Make, chain, entries, files, settle, write
from tests.edge.test_publisher import Desk
from tests.golden.rules import ATOM
from tests.world import Board

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def configure(desk: Desk, **feeds: Any) -> None:
    desk.feeds |= feeds
    desk.publisher.apply(desk.setup())


def restart(desk: Desk) -> None:
    """Another process begins where the last one died."""
    desk.publisher = Publisher(desk.ledger, desk.world, desk.setup(), lambda: desk.now)  # type: ignore[arg-type]
    desk.publisher.apply(desk.setup())


def again(desk: Desk, id_: str) -> RawArticle:
    """What the store said last of an article."""
    return [row for row in desk.store.log if isinstance(row, RawArticle) and row.id == id_][-1]


def everything(desk: Desk, feed: str = "all") -> list[str]:
    """Every article that a reader of the archive gets, in order; those in two documents are there twice."""
    documents = chain(desk, f"{feed}.atom")
    sealed = [number for path, found in documents.items() if path != f"{feed}.atom" for number in found]
    return sorted([*sealed, *(number for number in documents[f"{feed}.atom"] if number not in sealed)], key=int)


# ---------------------------------------------------------------- files that nobody writes any more


def test_feeds_switched_off_and_on_again_before_anything_was_built_stand(make: Make) -> None:
    desk = make(tags=True)
    write(desk, 1, tags=("F-35",))
    configure(desk, tags=False)
    configure(desk, tags=True)
    settle(desk)
    assert "tag/f-35.atom" in files(desk)


def test_the_files_of_a_feed_that_is_gone_go_though_feedpub_died_in_between(make: Make) -> None:
    desk = make(entries=3, archive=2)
    write(desk, 5, categories=("2",))
    desk.store.categories = (US,)
    desk.publisher.poll("blog")
    restart(desk)
    settle(desk)
    assert not [path for path in files(desk) if "navy" in path]


@pytest.mark.parametrize("change", [{"title": "題", "url": "https://news.test/1"}, {"published": "2026-05-01"}])
def test_the_page_of_what_is_no_brief_any_more_goes(make: Make, change: dict[str, str]) -> None:
    desk = make()
    desk.article("1", title="", url="", content="<p>短信です</p>")
    settle(desk)
    assert brief_path("tag:news.test,2026:1") in files(desk)
    desk.store.put(replace(again(desk, "1"), **change))  # type: ignore[arg-type]
    settle(desk)
    assert brief_path("tag:news.test,2026:1") not in files(desk)


def test_a_brief_has_its_page_wherever_a_feed_leads_there(make: Make) -> None:
    desk = make(entries=1, archive=0)
    desk.article("1", title="", url="", content="<p>古い短信</p>", categories=("1",), published="2026-01-01T00:00:00Z")
    desk.article("2", title="", url="", content="<p>新しい短信</p>")
    settle(desk)
    assert entries(files(desk)["briefs.atom"]) == ["2"]
    assert entries(files(desk)["category/us.atom"]) == ["1"]
    assert "古い短信" in files(desk)[brief_path("tag:news.test,2026:1")].decode()


def test_formats_no_longer_wanted_go_from_the_archive_too(make: Make) -> None:
    desk = make(entries=2, archive=2)
    write(desk, 5)
    configure(desk, formats=["atom"])
    settle(desk)
    assert {path.rpartition(".")[2] for path in files(desk) if path.startswith(("all", "archive"))} == {"atom"}


# ---------------------------------------------------------------- the archive is whole, always


def test_what_no_part_has_yet_stands_in_the_feed_from_the_first_article_on(make: Make) -> None:
    desk = make(entries=1, archive=5)
    write(desk, 3)
    assert entries(files(desk)["all.atom"]) == ["3", "2", "1"]


def test_an_archive_switched_off_goes_and_comes_back_whole(make: Make) -> None:
    desk = make(entries=2, archive=3)
    write(desk, 8)
    configure(desk, archive=0)
    write(desk, 3)
    assert entries(files(desk)["all.atom"]) == ["11", "10"]
    assert not [path for path in files(desk) if path.startswith("archive")]
    configure(desk, archive=4)
    settle(desk)
    assert everything(desk) == [str(number) for number in range(1, 12)]
    assert len(chain(desk)) == 3


def test_a_category_into_which_a_long_past_is_filed_has_its_archive_cut_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "OVERGROWN", 6)
    monkeypatch.setattr(parts, "AT_A_TIME", 3)
    desk = make(entries=2, archive=2)
    write(desk, 12)
    write(desk, 4, categories=("1",))
    parts_ = ["archive/category/us/2.atom", "archive/category/us/1.atom"]
    assert list(chain(desk, "category/us.atom")) == ["category/us.atom", *parts_]
    for number in range(1, 13):
        desk.store.put(replace(again(desk, str(number)), categories=("1",)))
    settle(desk)
    documents = chain(desk, "category/us.atom")
    assert [len(found) for found in documents.values()] == [2] * 9
    assert everything(desk, "category/us") == [str(number) for number in range(1, 17)]


def test_an_article_dated_into_the_future_is_withdrawn_until_then_and_returns_to_its_place(make: Make) -> None:
    desk = make(entries=2, archive=3)
    write(desk, 8)
    desk.store.put(replace(again(desk, "2"), published=(desk.now + timedelta(days=1)).isoformat()))
    settle(desk)
    made = files(desk)
    stone = etree.fromstring(made["all.atom"]).find(DELETED)
    assert stone is not None
    assert stone.get("ref") == "tag:news.test,2026:2"
    assert entries(made["archive/all/1.atom"]) == ["3", "1"]
    desk.round(days=2)
    settle(desk)
    assert b"deleted-entry" not in files(desk)["all.atom"]
    assert set(chain(desk)["archive/all/1.atom"]) == {"1", "2", "3"}
    assert everything(desk) == [str(number) for number in range(1, 9)]


def test_what_was_public_is_not_news_when_it_returns_from_the_future(make: Make) -> None:
    desk = make()
    write(desk, 1)
    desk.targets["board"] = Board(name="board")
    desk.publisher.apply(desk.setup())
    raw = again(desk, "1")
    desk.store.put(replace(raw, published=(desk.now + timedelta(days=1)).isoformat()))
    settle(desk)
    desk.store.remove("1")
    settle(desk)
    desk.store.put(raw)
    settle(desk)
    assert (desk.said(), entries(files(desk)["all.atom"])) == ([], ["1"])


def test_a_baseline_that_was_cut_short_is_whole_in_every_feed_when_it_ends(make: Make) -> None:
    desk = make(entries=1, archive=5)
    store = desk.publisher.setup.sources["blog"].store
    with desk.ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE store SET phase = 'baseline'")
    for number in range(1, 4):
        desk.article(str(number), categories=("1",))
    desk.article("4")
    read = store.changes
    batches = iter([read("0")])
    store.changes = lambda cursor: next(batches)  # type: ignore[method-assign]
    assert desk.publisher.poll("blog").error
    desk.publisher.build()
    store.changes = read  # type: ignore[method-assign]
    desk.publisher.publish("blog")
    assert sorted(entries(files(desk)["category/us.atom"])) == ["1", "2", "3"]


@pytest.mark.parametrize("archive", [0, 1000])
def test_no_feed_is_larger_than_it_may_be(make: Make, archive: int) -> None:
    desk = make(entries=100, archive=archive, max_bytes=50_000)
    write(desk, 30, summary="要" * 1_000)
    sizes = {path: len(content) for path, content in files(desk).items() if path.endswith(".atom")}
    assert max(sizes.values()) < 60_000
    if archive:
        assert everything(desk) == [str(number) for number in range(1, 31)]


# ---------------------------------------------------------------- the disk and the process fail


def failing(desk: Desk, *paths: str) -> Callable[[], None]:
    """Have the disk refuse these files; returns what mends it."""
    output = desk.publisher.builder._output
    write_ = type(output).write

    def refuse(self: Any, made: Any) -> int:
        made = list(made)
        if any(file.path in paths for file in made):
            raise OutputError("no space is left")
        return write_(self, made)

    type(output).write = refuse  # type: ignore[method-assign,assignment]
    return lambda: setattr(type(output), "write", write_)


def test_a_part_and_a_feed_that_the_disk_refused_are_written_when_there_is_space(make: Make) -> None:
    desk = make(entries=2, archive=2)
    write(desk, 3)
    mend = failing(desk, "archive/all/2.atom", "archive/all/1.atom")
    try:
        write(desk, 3)
        assert desk.publisher.builder.error == "no space is left"
        assert entries(files(desk)["all.atom"]) == ["3", "2", "1"]
    finally:
        mend()
    settle(desk)
    assert desk.publisher.builder.error == ""
    assert everything(desk) == [str(number) for number in range(1, 7)]


def test_feeds_of_new_categories_come_though_the_database_failed_as_they_were_to_be_made(make: Make) -> None:
    desk = make()
    desk.store.categories = (US, NAVY, Category("blog", "3", "日本", "jp"))
    sync = desk.ledger.feeds.sync

    def fail(*_: Any) -> None:
        desk.ledger.feeds.sync = sync  # type: ignore[method-assign]
        raise LedgerError("the database cannot be reached")

    desk.ledger.feeds.sync = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(LedgerError):
        desk.publisher.poll("blog")
    settle(desk)
    assert "category/jp.atom" in files(desk)


# ---------------------------------------------------------------- what entries say


def test_a_category_renamed_while_feeds_are_built_is_not_kept_by_its_old_name(make: Make) -> None:
    desk = make()
    write(desk, 1, categories=("2",))
    desk.article("2", categories=("2",))
    desk.publisher.poll("blog")
    window = desk.ledger.feeds.window

    def renamed_meanwhile(*given: Any, **how: Any) -> Any:
        desk.ledger.feeds.window = window  # type: ignore[method-assign]
        desk.store.categories = (US, replace(NAVY, name="米海軍"))
        desk.publisher.poll("blog")
        return window(*given, **how)

    desk.ledger.feeds.window = renamed_meanwhile  # type: ignore[method-assign]
    desk.publisher.build()
    settle(desk)
    assert "海軍" in files(desk)["all.atom"].decode()
    assert 'term="海軍"' not in files(desk)["all.atom"].decode()


def test_a_tag_that_an_article_of_the_future_brings_has_its_feed_in_time(make: Make) -> None:
    desk = make(tags=True)
    desk.article("1", tags=("予定",), published=(desk.now + timedelta(hours=1)).isoformat())
    settle(desk)
    assert not [path for path in files(desk) if path.startswith("tag/")]
    desk.now += timedelta(hours=2)
    desk.publisher.tidy()
    assert [entries(content) for path, content in files(desk).items() if path.startswith("tag/c-") and "atom" in path]


def test_comments_go_with_their_article_and_follow_its_title(make: Make) -> None:
    desk = make()
    write(desk, 2)
    for number in ("1", "2"):
        desk.store.put(RawComment(f"c{number}", number, author="読者", content="良い", published=desk.now.isoformat()))
    settle(desk)
    desk.store.put(replace(again(desk, "1"), title="改題"))
    desk.store.remove("2")
    settle(desk)
    told = files(desk)["comments.atom"].decode()
    assert "改題" in told
    assert "記事" not in told


def test_a_comment_that_comes_before_its_article_is_counted(make: Make) -> None:
    desk = make()
    desk.store.put(RawComment("c1", "1", author="読者", content="早い", published=desk.now.isoformat()))
    settle(desk)
    desk.article("1")
    settle(desk)
    settle(desk)
    assert b"<slash:comments>1</slash:comments>" in files(desk)["all.rss"]


# ---------------------------------------------------------------- the gate

BAD = "{% if '爆' in title %}<script>1</script>{% endif %}"


def test_an_article_is_let_in_again_though_it_was_rendered_well_before(make: Make) -> None:
    desk = make()
    write(desk, 1, title="爆弾")
    configure(desk, footer=BAD)
    settle(desk)
    assert entries(files(desk)["all.atom"]) == []
    assert len(desk.ledger.articles.quarantined()) == 1
    configure(desk, footer="")
    settle(desk)
    assert entries(files(desk)["all.atom"]) == ["1"]
    assert desk.ledger.articles.quarantined() == ()


def test_an_edit_that_cannot_go_out_takes_the_article_out_everywhere_until_the_next(make: Make) -> None:
    desk = make(footer=BAD, entries=1, archive=2)
    write(desk, 5)
    raw = again(desk, "1")
    desk.store.put(replace(raw, title="爆弾"))
    settle(desk)
    assert everything(desk) == ["2", "3", "4", "5"]
    desk.store.put(raw)
    settle(desk)
    assert everything(desk) == ["1", "2", "3", "4", "5"]
    assert desk.ledger.articles.quarantined() == ()


def test_the_notice_of_an_article_that_cannot_go_out_waits_until_it_can(make: Make) -> None:
    desk = make(footer=BAD)
    desk.targets["board"] = Board(name="board")
    desk.publisher.apply(desk.setup())
    desk.article("1", title="爆弾")
    settle(desk)
    settle(desk)
    assert (desk.said(), desk.states()) == ([], {"1": State.HELD})
    desk.article("1", title="報道")
    settle(desk)
    assert desk.said() == ["1"]


def test_the_page_of_a_brief_that_cannot_go_out_goes_and_comes_back(make: Make) -> None:
    desk = make(footer="{% if not title %}<script>1</script>{% endif %}")
    desk.article("1", title="", url="", content="<p>短信です</p>")
    settle(desk)
    page = brief_path("tag:news.test,2026:1")
    assert page not in files(desk)
    configure(desk, footer="")
    settle(desk)
    assert page in files(desk)
    configure(desk, footer="{% if not title %}<script>1</script>{% endif %}")
    settle(desk)
    assert page not in files(desk)


# ---------------------------------------------------------------- hubs


@pytest.fixture
def hub(make: Make) -> Desk:
    """A desk whose feeds a hub announces, which was never told of any."""
    one = WebSub.model_validate({"kind": "websub", "name": "hub", "hub_url": "https://hub.test/"})
    return make(tags=True, targets={"hub": one})


def told(desk: Desk) -> set[str]:
    """The feeds that the hub was told of since this was last asked."""
    feeds = {parse_qs(body)["hub.url"][0].removeprefix(BASE).rpartition(".")[0] for body in desk.world.told}
    desk.world.told.clear()
    return feeds


def test_a_hub_that_refused_a_change_is_told_of_the_next(hub: Desk) -> None:
    answer = hub.world._answer
    hub.world._answer = lambda _: Reply(400)  # type: ignore[method-assign,assignment]
    write(hub, 1)
    assert {one.delivery.state for one in hub.ledger.deliveries.listed()} == {State.FAILED}
    hub.world._answer = answer  # type: ignore[method-assign]
    write(hub, 1)
    assert told(hub) == {"all"}


def test_a_person_who_spares_a_hub_one_change_does_not_spare_it_the_next(hub: Desk) -> None:
    hub.article("1")
    hub.publisher.publish("blog")
    (one,) = hub.ledger.deliveries.listed()
    hub.ledger.deliveries.tell([one.delivery.id], Cancelled("not now"), hub.targets, hub.now)
    settle(hub)
    assert told(hub) == set()
    write(hub, 1)
    assert told(hub) == {"all"}


def test_a_hub_is_told_though_feedpub_died_after_the_files_were_out(hub: Desk) -> None:
    hub.article("1")
    hub.publisher.poll("blog")
    published = hub.ledger.feeds.published

    def die(*_: Any, **__: Any) -> bool:
        hub.ledger.feeds.published = published  # type: ignore[method-assign]
        raise KeyboardInterrupt

    hub.ledger.feeds.published = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        hub.publisher.build()
    assert entries(files(hub)["all.atom"]) == ["1"]
    restart(hub)
    settle(hub)
    assert told(hub) == {"all"}


def test_a_feed_that_comes_back_goes_on_telling_its_hub(hub: Desk) -> None:
    write(hub, 2, tags=("F-35",))
    assert told(hub) == {"all"}
    for tags in (False, True):
        configure(hub, tags=tags)
        settle(hub)
    assert told(hub) == set()
    configure(hub, tags=False)
    write(hub, 1, tags=("F-35",))
    configure(hub, tags=True)
    settle(hub)
    assert told(hub) == {"all", "tag/f-35"}
    write(hub, 1, tags=("F-35",))
    assert told(hub) == {"all", "tag/f-35"}


def test_what_a_crash_left_half_told_to_a_hub_is_told_again(hub: Desk) -> None:
    hub.article("1")
    hub.publisher.publish("blog")
    (claimed,) = hub.publisher.claim(1)
    target: Network = hub.targets["hub"]
    hub.ledger.deliveries.start(claimed, hub.publisher.deliverer._compose(claimed, target), target, hub.now)
    hub.ledger.deliveries.recover(hub.targets, hub.now, all_leases=True)
    hub.world._answer, answer = (lambda _: Reply(400)), hub.world._answer  # type: ignore[method-assign,assignment]
    hub.round(hours=1)
    hub.world._answer = answer  # type: ignore[method-assign]
    write(hub, 1)
    assert told(hub) == {"all"}


# ---------------------------------------------------------------- names


def test_odd_names_have_safe_addresses_of_their_own_which_last(make: Make) -> None:
    desk = make(tags=True, authors=True)
    odd = (
        "F/A-18",
        "f/a-18",
        "../../etc",
        "🚀",
        "　 ",
        "語" * 85,
        "Ｆ-35",
        "f-35",
        "con",
        "a b",
        "a-b",
        "CON.rss",
        "$1;}",
    )
    for number, name in enumerate(odd):
        desk.article(str(number), tags=(name,), authors=(name,))
    settle(desk)
    desk.article("100", tags=("a-b-f4bb5e10", "f-a-18-bd4b4e5d"))
    settle(desk)
    before = {path for path in files(desk) if path.startswith(("tag/", "author/"))}
    words = {path.partition("/")[2].rpartition(".")[0] for path in before}
    assert all(set(word) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and len(word) <= 64 for word in words)
    assert "con" not in words
    sizes = {path: len(entries(content)) for path, content in files(desk).items() if path in before and "atom" in path}
    folded = 2  # F/A-18, F-35: two ways of writing one
    assert sum(path.startswith("author/") for path in sizes) == len(odd) - folded - 1
    assert sum(sizes.values()) == 2 * (len(odd) - 1) + 2
    configure(desk, tags=False, authors=False)
    settle(desk)
    assert not [path for path in files(desk) if path.startswith(("tag/", "author/"))]
    configure(desk, tags=True, authors=True)
    settle(desk)
    assert {path for path in files(desk) if path.startswith(("tag/", "author/"))} == before


def test_what_stores_call_things_never_becomes_a_rule_of_a_web_server(make: Make) -> None:
    desk = make(tags=True)
    hostile = '"; } location / { return 200 "x'
    desk.store.categories = (US, replace(NAVY, name=hostile, slug=hostile))
    write(desk, 1, categories=("2",), tags=(hostile,))
    desk.store.categories = (US, replace(NAVY, name=hostile + "2", slug=hostile + "2"))
    write(desk, 1, categories=("2",), tags=(hostile,))
    made = files(desk)
    assert len(made["moved.nginx.conf"].splitlines()) > 2
    assert b"return 200" not in made["moved.nginx.conf"] + made["moved.Caddyfile"]
    assert all(set(path) <= set("abcdefghijklmnopqrstuvwxyz0123456789-/.C_") for path in made)
    assert json.loads(made["all.json"])["items"][0]["tags"]
    assert ATOM.encode()[1:-1] in made["all.atom"]
