"""The main job, through the front door: `feedpub` as a process, real files, real databases, real HTTP on loopback."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.edge.exports import SAMPLE, Export, read
from tests.edge.front_door import CONSOLE, ENGLISH, FEEDS, ROOT, STORE, Site, ago, discord, mastodon, slack, webhook
from tests.edge.receiver import Receiver

THEME_TEST = ROOT.parent / "shared" / "data" / "wordpress-theme-unit-test.en.xml"
Files = dict[str, tuple[int, bytes]]


@pytest.fixture(params=["our sample", "the theme test of WordPress"])
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "our sample":
        path = tmp_path / "sample.xml"
        path.write_text(SAMPLE, encoding="utf-8")
        return path
    if not THEME_TEST.exists():
        pytest.skip(f"WordPress's theme test data is not at {THEME_TEST}")
    return THEME_TEST


def changed(before: Files, after: Files) -> set[str]:
    """Which files were written, judged by date and bytes."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


RULES = {f"{what}.{server}" for what in ("headers", "moved", "wordpress") for server in ("nginx.conf", "Caddyfile")}
PAGES = {"index.html", "feeds.opml", "feed.css"} | RULES


def every_format(*feeds: str) -> set[str]:
    return {f"{feed}.{ending}" for feed in feeds for ending in ("rss", "atom", "json")}


# ---------------------------------------------------------------- the story


def test_the_main_job_from_an_export_to_readers_and_networks_and_through_trouble(site: Site, export: Path) -> None:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(Receiver()) for name in ("hook", "room", "team", "social")}
        story = Story(site, read(export, datetime.now(UTC)), servers)  # noqa: TID251 - what is scheduled, by a real clock
        story.configure()
        story.is_imported_and_nobody_is_told(export)
        story.is_read_by_strangers()
        story.is_edited_and_only_its_feeds_change()
        story.goes_on_and_each_network_hears_once()
        story.loses_its_store_for_three_polls()
        story.loses_half_of_its_articles()


class Story:
    """One site, from its first day to a bad one."""

    def __init__(self, site: Site, export: Export, servers: dict[str, Receiver]) -> None:
        self.site, self.export, self.servers = site, export, servers

    def configure(self, **store: object) -> None:
        make = {"hook": webhook, "room": discord, "team": slack, "social": mastodon}
        self.site.configure(
            stores={"main": STORE | store},
            targets={name: make[name](server) for name, server in self.servers.items()},
        )

    # ------------------------------------------------------------ chapters

    def is_imported_and_nobody_is_told(self, export: Path) -> None:
        count = sum(post.public or post.scheduled for post in self.export.posts)
        told = self.site.feedpub("import", str(export)).out
        assert f"{count} new, 0 changed, 0 unchanged" in told
        assert re.search(r"^  comments: [1-9][0-9]* new, 0 changed, 0 unchanged$", told, re.MULTILINE)
        first = self.site.feedpub("once").out
        assert f"{count} articles noted, none announced." in first
        assert "The next new one goes to hook, room, team, social." in first
        assert re.search(r"Try now: feedpub announce \S+ --target hook", first)
        assert self.site.deliveries() == []
        before = self.site.files()
        assert f"0 new, 0 changed, {count} unchanged" in self.site.feedpub("import", str(export)).out
        assert "0 new, 0 edited, 0 withdrawn; 0 feeds built." in self.site.feedpub("once").out
        assert self.site.files() == before
        self._heard(0)

    def is_read_by_strangers(self) -> None:
        public = {post.link: post for post in self.export.public}
        assert len(public) == len(self.export.public)
        for ending in ("rss", "atom"):
            assert self._titles(f"all.{ending}") == {link: post.title for link, post in public.items()}
            self._know_guids({entry.link: entry.id for entry in self.site.feed(f"all.{ending}").entries})
        addresses = self._addresses()
        for slug, name in self.export.names.items():
            assert self._titles(addresses[name]).keys() == self.export.carried(slug), name
        everything = b"".join(content for _, content in self.site.files().values())
        titles = {post.title for post in self.export.public}
        for post in self.export.hidden:
            assert post.link.encode() not in everything
            assert post.title in titles or f"<title>{post.title}<".encode() not in everything

    def is_edited_and_only_its_feeds_change(self) -> None:
        post = next(post for post in self.export.public if post.title and post.categories)
        before = self.site.files()
        time.sleep(0.01)  # so that a file that is written gets another date
        self.site.sql("UPDATE article SET title = title || '（追記）' WHERE id = ?", post.id)
        categories = {one for slug in post.categories for one in self.export.above(slug)}
        feeds = {self._addresses()[self.export.names[slug]].removesuffix(".rss") for slug in categories}
        told = self.site.feedpub("once").out
        assert f"0 new, 1 edited, 0 withdrawn; {1 + len(feeds)} feeds built." in told
        aside = {path for path in before if path.startswith("archive/")} | {"index.html"}
        assert changed(before, self.site.files()) - aside == every_format("all", *feeds)
        assert self._titles("all.rss")[post.link] == f"{post.title}（追記）"
        self._heard(0)

    def goes_on_and_each_network_hears_once(self) -> None:
        three = dict(self.site.sql("SELECT id, name FROM category ORDER BY id LIMIT 3"))
        self.site.publish("new", categories=list(three), title="もがみ型護衛艦が就役")
        self.site.feedpub("once")
        self._heard(1)
        said = {name: server.requests[0].json for name, server in self.servers.items()}
        assert said["hook"]["data"]["url"] == "https://news.test/new"
        assert set(said["hook"]["data"]["categories"]) == set(three.values())
        text = "もがみ型護衛艦が就役\nhttps://news.test/new"
        assert (said["room"]["content"], said["team"]["text"], said["social"]["status"]) == (text, text, text)
        listed = self.site.deliveries("--article", "new")
        assert {(one["target"], one["state"]) for one in listed} == {(name, "sent") for name in self.servers}
        self.site.sql("UPDATE article SET content = '<p>直した本文</p>' WHERE id = 'new'")
        assert "1 edited" in self.site.feedpub("once").out
        assert "直した本文" in self.site.feed("all.rss").entries[0].content[0].value
        self._heard(1)

    def loses_its_store_for_three_polls(self) -> None:
        before = self.site.files()
        aside = self.site.store.rename(self.site.folder / "aside.db")
        for _ in range(3):
            assert "stores.main: articles.db: no such file" in self.site.feedpub("once", code=1).err
        assert self.site.files() == before
        assert "problem: stores.main: articles.db: no such file" in self.site.feedpub("status", code=1).out
        aside.rename(self.site.store)
        self.site.publish("back")
        assert "1 new, 0 edited, 0 withdrawn" in self.site.feedpub("once").out
        assert "problem" not in self.site.feedpub("status").out
        self._heard(2)

    def loses_half_of_its_articles(self) -> None:
        half = [id_ for (id_,) in self.site.sql("SELECT id FROM article ORDER BY published DESC")][::2]
        links = {url for id_ in half for (url,) in self.site.sql("SELECT url FROM article WHERE id = ?", id_)}
        before = self.site.files()
        self.site.sql(f"DELETE FROM article WHERE id IN ({', '.join('?' for _ in half)})", *half)
        assert "Problem: " in (held := self.site.feedpub("once").out)
        assert "0 withdrawn; " in held
        # What readers said goes at once: there is no guard over it.
        assert changed(before, self.site.files()) <= every_format("comments") | {"index.html"}
        problems = self.site.feedpub("status", "--json", code=1).json["problems"]
        assert [one for one in problems if f"stores.main.withdraw_limit を {len(half)} に" in one], problems
        self.configure(withdraw_limit=len(half))
        assert f"{len(half)} withdrawn" in self.site.feedpub("once").out
        left = {entry.link for entry in self.site.feed("all.rss").entries}
        assert left
        assert not left & links
        assert self.site.feedpub("status", "--json").json["problems"] == []

    # ------------------------------------------------------------ small things

    def _heard(self, count: int) -> None:
        """Each network was spoken to so many times, ever."""
        assert {name: len(server.requests) for name, server in self.servers.items()} == dict.fromkeys(
            self.servers, count
        )

    def _titles(self, address: str) -> dict[str, str]:
        return {entry.link: entry.get("title", "") for entry in self.site.feed(address).entries}

    def _know_guids(self, ids: dict[str, str]) -> None:
        """Each is WordPress's own; of those that share one, one keeps it, and the others get one of their own."""
        assert len(set(ids.values())) == len(ids)
        wordpress = [post.guid for post in self.export.public]
        for post in self.export.public:
            if wordpress.count(post.guid) == 1:
                assert ids[post.link] == post.guid
            else:
                assert ids[post.link] in {post.guid, f"tag:news.test,2026:{post.id}"}
        assert set(wordpress) <= set(ids.values())

    def _addresses(self) -> dict[str, str]:
        """Where the feeds of categories lie, by name, as feeds.opml tells subscribers."""
        tree = ET.parse(self.site.folder / "public" / "feeds.opml")
        addresses = {one.get("text"): one.get("xmlUrl") for one in tree.iter("outline")}
        return {
            str(text).removesuffix(" – 航空ニュース"): str(address).removeprefix("https://news.test/feeds/")
            for text, address in addresses.items()
        }


# ---------------------------------------------------------------- what is not announced


def test_a_flood_is_held_and_told_until_a_person_lets_it_go(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE, "calm": CONSOLE | {"flood_limit": 25}})
    site.feedpub("once")
    site.publish(*(f"a{number}" for number in range(25)))
    first = site.feedpub("once")
    assert first.out.count("https://news.test/a") == 25
    problem = "targets.terminal：一度に多くの新着があったため、25件の投稿を止めています。"
    assert f"Problem: {problem}" in first.out
    assert '"flood_held"' in first.err
    assert f"problem: {problem}" in site.feedpub("status", code=1).out
    held = site.deliveries("--state", "held")
    assert {(one["target"], one["held_by"], one["action"]) for one in held} == {("terminal", "flood", "announce")}
    assert len(held) == 25
    assert {one["error"] for one in held} == {
        "more than 20 new articles in one poll: look, then `feedpub deliveries release --target terminal`"
    }
    assert "news.test" not in site.feedpub("once").out
    assert "25 released." in site.feedpub("deliveries", "release", "--target", "terminal", "--yes").out
    assert site.feedpub("once").out.count("https://news.test/a") == 25
    assert site.deliveries("--state", "held") == []
    site.feedpub("status")
    assert "news.test" not in site.feedpub("once").out


def test_authors_dates_and_categories_decide_what_is_announced_where(site: Site) -> None:
    site.configure(
        targets={
            "all": CONSOLE | {"template": "all: {{ headline }}"},
            "japan": CONSOLE | {"template": "japan: {{ headline }}", "categories": ["日本関連"]},
        }
    )
    site.feedpub("once")
    site.sql("INSERT INTO category (id, name, slug) VALUES ('1', '日本関連', 'japan'), ('2', '米国関連', 'us')")
    site.sql("INSERT INTO category (id, name, slug, parent) VALUES ('3', '海上自衛隊', 'jmsdf', '1')")
    site.publish("silent", announce=0)
    site.publish("worded", notice="筆者の言葉で", categories=["2"])
    site.publish("child", categories=["3"])
    site.publish("old", published=ago(days=2, minutes=1))
    site.publish("homeless", url="")
    soon = ago(minutes=-5)
    site.publish("soon", published=soon)
    first = site.feedpub("once")
    assert shown(first.out) == ["all: 筆者の言葉で", "all: 見出し child", "japan: 見出し child"]
    assert "1 article kept out of the feeds, with the reason: feedpub status" in first.out.splitlines()
    told = {(one["article"], one["target"]): one for one in site.deliveries()}
    assert told.keys() == {
        *((article, "all") for article in ("silent", "worded", "child", "old")),
        ("child", "japan"),
    }
    assert {(one["state"], one["error"]) for (article, _), one in told.items() if article in {"silent", "old"}} == {
        ("skipped", "the author does not want it announced"),
        ("skipped", "too old to be news (max_age)"),
    }
    read = {entry.link.rpartition("/")[2] for entry in site.feed("all.atom").entries}
    assert read == {"silent", "worded", "child", "old"}
    assert "quarantined: main/homeless: url is missing" in site.feedpub("status").out
    site.environ["MORTAL_AHEAD"] = "400"
    assert shown(site.feedpub("once").out) == ["all: 見出し soon"]
    assert site.feed("all.atom").entries[0].link == "https://news.test/soon"
    assert shown(site.feedpub("once").out) == []


def shown(out: str) -> list[str]:
    """What the console targets said, in any order."""
    return sorted(line for line in out.splitlines() if re.match("(all|japan): ", line))


def test_a_target_removed_from_the_config_has_its_queue_cancelled_and_told(site: Site) -> None:
    slow = CONSOLE | {"delay": "1h"}
    site.configure(targets={"slow": slow})
    site.feedpub("once")
    site.publish("one", "two")
    site.feedpub("once")
    assert [one["state"] for one in site.deliveries()] == ["due", "due"]
    site.configure(targets={})
    told = site.feedpub("once")
    assert '"queue_cancelled"' in told.err
    assert '"target": "slow", "deliveries": 2' in told.err
    why = {(one["state"], one["error"]) for one in site.deliveries()}
    assert why == {("skipped", "the target slow was removed from the config")}
    site.configure(targets={"slow": slow | {"delay": "0"}})
    assert "news.test" not in site.feedpub("once").out


def test_the_list_of_deliveries_is_for_scripts_too(site: Site) -> None:
    with Receiver() as yes, Receiver() as no:
        no.default = (422, {"error": "Text is too blue"})
        site.configure(targets={"social": mastodon(yes), "hook": webhook(no)})
        site.feedpub("once")
        site.publish("one")
        site.feedpub("once", code=1)
    failed, sent = sorted(site.deliveries(), key=lambda one: str(one["state"]))
    for one in (failed, sent):
        assert one.keys() >= {"article", "target", "action", "state", "attempts", "due_at", "remote_url", "error"}
        assert (one["article"], one["action"], one["due_at"]) == ("one", "announce", None)
        assert one["attempts"] == 1
    assert (sent["state"], sent["remote_url"], sent["error"]) == ("sent", "https://social.test/@news/77", "")
    assert (failed["state"], failed["target"], failed["remote_url"]) == ("failed", "hook", "")
    assert "Text is too blue" in failed["error"]


# ---------------------------------------------------------------- what people decide by hand


def test_an_article_noted_before_can_be_announced_by_hand_but_not_twice_unasked(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("import", str(one_article(site)))
    first = site.feedpub("once").out
    assert "Try now: feedpub announce 1 --target terminal" in first
    assert "terminal: it will be said" in site.feedpub("announce", "1", "--target", "terminal").out
    assert "https://news.test/1" in site.feedpub("once").out
    asked = site.feedpub("announce", "1", "--target", "terminal", code=1)
    assert asked.out == "terminal: said already\n"
    assert asked.err == "Say it once more on terminal? Nobody can be asked here: say --yes\n"
    assert "https://news.test/1" not in site.feedpub("once").out
    assert "there is no target x: the config has terminal" in site.feedpub("announce", "1", "--target", "x", code=1).err


def one_article(site: Site) -> Path:
    path = site.folder / "one.jsonl"
    path.write_text('{"id": "1", "title": "一つ目", "url": "https://news.test/1"}\n', encoding="utf-8")
    return path


def test_a_target_that_lets_us_in_no_more_is_paused_and_told_until_it_is_resumed(site: Site) -> None:
    with Receiver() as server:
        server.script = [(401, {})]
        site.configure(site=ENGLISH, targets={"hook": webhook(server)})
        site.feedpub("once")
        site.publish("one", "two", "three")
        site.feedpub("once", code=1)
        site.feedpub("once")
        assert len(server.requests) == 1
        told = site.feedpub("status", code=1).out
        assert "problem: targets.hook is paused: the webhook does not let us in (HTTP 401)" in told
        assert "`feedpub resume hook`" in told
        queue = {one["article"]: one for one in site.deliveries()}
        assert {one["state"] for one in queue.values()} == {"due"}
        assert "1 cancelled." in site.feedpub("deliveries", "cancel", str(queue["two"]["id"])).out
        assert "hook speaks again." in site.feedpub("resume", "hook").out
        site.feedpub("once")
        assert sorted(seen.json["data"]["id"] for seen in server.kept) == ["one", "three"]
        assert len({seen.key for seen in server.requests}) == 2
        assert [one["state"] for one in site.deliveries("--article", "two")] == ["skipped"]
        site.feedpub("status")
        assert "1 will be said." in site.feedpub("deliveries", "retry", str(queue["two"]["id"])).out
        site.feedpub("once")
        assert [seen.json["data"]["id"] for seen in server.kept[2:]] == ["two"]


# ---------------------------------------------------------------- files to import, exit codes


def test_a_broken_file_is_refused_with_its_line_and_nothing_is_half_imported(site: Site) -> None:
    site.configure()
    good = '{"id": "1", "title": "一", "url": "https://news.test/1"}\n'
    (site.folder / "good.jsonl").write_text(good, encoding="utf-8")
    (site.folder / "bad.jsonl").write_text(good.replace("1", "2") + '{"id": "3", "titel": "三"}\n', encoding="utf-8")
    (site.folder / "cut.xml").write_text(SAMPLE[: len(SAMPLE) * 2 // 3], encoding="utf-8")
    for broken, line in (("bad.jsonl", "2"), ("cut.xml", r"\d+"), ("none.jsonl", "")):
        refused = site.feedpub("import", "good.jsonl", broken, code=1)
        assert re.fullmatch(rf"({broken}:{line}[^\n]+\n)+", refused.err), refused.err
        assert refused.out == ""
        assert not site.store.exists() or site.sql("SELECT id FROM article") == []
    assert "1 new" in site.feedpub("import", "good.jsonl").out


def test_exit_codes_tell_done_from_failed_from_a_bad_config(site: Site) -> None:
    assert site.feedpub("check", code=2).err.startswith("config: there is no such directory")
    site.configure(site={"title": "航空ニュース", "url": "https://example.jp/"})
    assert "site.url: this is still the example's address" in site.feedpub("once", code=2).err
    site.configure(targets={"room": {"kind": "discrod", "flood_limit": "many"}}, feeds=FEEDS | {"entires": 5})
    told = site.feedpub("check", code=2).err.splitlines()
    assert all(line.startswith("config/feedpub.toml:") for line in told)
    assert '(did you mean "entries"?)' in told[0]
    assert "discord" in told[1]
    site.configure()
    site.feedpub("announce", "nobody", code=1)
    site.feedpub("deliveries", "list", "--state", "lost", code=2)
    assert "The config is valid: 1 store (main); 0 targets (none)." in site.feedpub("check", "--offline").out


def test_the_installed_command_does_the_same_without_our_launcher(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    command = [str(Path(sys.executable).with_name("feedpub")), "once"]
    done = subprocess.run(command, cwd=site.folder, capture_output=True, text=True, check=True)
    assert "0 new, 0 edited, 0 withdrawn; 2 feeds built.\nNew articles go to terminal." in done.stdout
    assert site.files().keys() == every_format("all", "briefs") | PAGES


def test_compressed_siblings_come_and_go_with_the_config_and_no_feed_changes_for_it(site: Site) -> None:
    def beside() -> set[str]:
        return {path.suffix for path in (site.folder / "public").rglob("*")} & {".gz", ".br"}

    site.configure(feeds=FEEDS | {"compress": []})
    site.feedpub("once")
    before = site.files()
    assert not beside()
    for compress in (["gz", "br"], ["br"], []):
        site.configure(feeds=FEEDS | {"compress": compress})
        site.feedpub("once")
        assert beside() == {f".{ending}" for ending in compress}
        assert site.files() == before
        assert bool(site.parted()) == (len(compress) < 2)
