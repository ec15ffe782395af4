"""The main job against a real WordPress, through the front door: `feedpub` as a process, its feeds, its notices."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.request import urlopen

import feedparser
import pytest

from tests.edge.front_door import Launcher, Running, Site, Table, webhook
from tests.edge.front_door import until as promptly_until
from tests.edge.receiver import Receiver, Seen
from tests.golden.rules import assert_site
from tests.golden.w3c.atom import GRAMMAR
from tests.guides import blocks
from tests.wordpress import site as wordpress
from tests.wordpress.site import MARKS, URL, comment, exported, php, post, signal_server, slug, start_server

pytestmark = MARKS

BASE = "https://news.test/feeds/"
SITE: Table = {"title": "航空ニュース", "url": URL, "language": "en", "timezone": "Asia/Tokyo"}
STORE: Table = {
    "kind": "wordpress",
    "url": URL,
    "allow_private": True,
    "poll": "2s",
    "recheck": "1s",
    "timeout": "5s",
}
FORMATS = ("rss", "atom")
UNFILED = "category/c-77f7e714"
"""Where the feed of 未分類 lies, to which WordPress files what is filed nowhere."""
SECRET = {"post_title": "'極秘の見出し'", "post_content": "'極秘の本文'"}
PATIENT = 60.0
"""Seconds for what takes feedpub a few: two polls, on a machine that has other things to do."""


def until(holds: Callable[[], object], *, within: float) -> None:
    """Wait until something holds, looking seldom: each look reads hundreds of files, and feedpub needs the machine."""
    promptly_until(lambda: holds() or time.sleep(0.2), within=within)  # type: ignore[func-returns-value]


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        yield launcher


def house(folder: Path, launcher: Launcher, targets: Table, **feeds: object) -> Site:
    """A working directory whose config names the site."""
    site = Site(folder, launcher)
    told: Table = {"base_url": BASE, "output": "public", "entries": 500, **feeds}
    site.configure(site=SITE, feeds=told, stores={"blog": STORE}, targets=targets)
    return site


def read(content: bytes) -> Any:
    """Read a feed as a stranger does who takes everything at its word."""
    feed = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False)
    assert not feed.bozo, feed.bozo_exception
    return feed


def guid(number: str) -> str:
    """WordPress's own name of a post, for good."""
    return php(f"echo get_post({number})->guid;")


def carrying(site: Site, guid: str) -> set[str]:
    """The feeds that carry an article; each in all of its formats, or in none."""
    said = f">{escape(guid, quote=False)}<".encode()
    files = [PurePosixPath(name) for name, (_, content) in site.files().items() if said in content]
    feeds = {str(file.with_suffix("")) for file in files}
    return feeds if len(files) == 2 * len(feeds) else set()


# ---------------------------------------------------------------- once: the whole site, as it is


@dataclass
class Once:
    """What `feedpub once` made of the site, and what WordPress's own feed says of it."""

    site: Site
    told: str
    theirs: dict[str, Any]

    @property
    def feeds(self) -> dict[str, bytes]:
        """What people subscribe to, in the formats that strangers read here."""
        files = {name: content for name, (_, content) in self.site.files().items() if not name.startswith("archive/")}
        return {name: content for name, content in files.items() if name.endswith((".rss", ".atom"))}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, launcher: Launcher) -> Once:
    for said in (
        {"post_status": "'private'"},
        {"post_status": "'draft'"},
        {"post_status": "'pending'"},
        {"post_status": "'future'", "post_date": "wp_date('Y-m-d H:i:s', time() + 864000)"},
        {"post_password": "'秘密'", "post_title": "'合言葉'"},  # WordPress shows its title, in other posts' widgets
    ):
        post(**SECRET | said)
    php(f"wp_trash_post({post(**SECRET)});")
    targets: Table = {"desk": {"kind": "console"}}
    site = house(tmp_path_factory.mktemp("site"), launcher, targets, archive=20, tags=True, authors=True)
    told = site.feedpub("once").out
    php("update_option('posts_per_rss', 1000);")
    with urlopen(f"{URL}feed/") as reply:
        theirs = {entry.id: entry for entry in read(reply.read()).entries}
    return Once(site, told, theirs)


def test_the_first_look_is_noted_and_nothing_is_announced(once: Once) -> None:
    count = php("echo count(get_posts(['numberposts' => -1, 'has_password' => false]));")
    assert f"{int(count):,} articles noted, none announced." in once.told
    assert once.site.deliveries() == []
    assert once.site.feedpub("status", "--json").json["problems"] == []


def test_every_published_post_of_the_export_is_in_the_feeds_and_no_other(once: Once) -> None:
    rows = list(exported())
    shown = {name for name, status, password in rows if status == "publish" and not password}
    hidden = {name for name, status, password in rows if name and (status != "publish" or password)}
    assert len(shown) > 50
    assert len(hidden) > 1
    for ending in FORMATS:
        found = {slug(entry.link) for entry in read(once.feeds[f"all.{ending}"]).entries}
        assert shown <= found
    for name, content in once.feeds.items():
        assert not hidden & {slug(entry.link) for entry in read(content).entries}, name


def test_nothing_of_what_is_not_public_is_in_any_file(once: Once) -> None:
    for name, (_, content) in once.site.files().items():
        assert "極秘".encode() not in content, name


def test_each_post_is_the_one_that_wordpress_itself_tells_of(once: Once) -> None:
    for ending in FORMATS:
        ours = {entry.id: entry for entry in read(once.feeds[f"all.{ending}"]).entries}
        protected = {key for key, entry in once.theirs.items() if entry.title.startswith("保護中")}
        assert protected
        assert ours.keys() == once.theirs.keys() - protected
        for key, entry in ours.items():
            theirs = once.theirs[key]
            assert entry.link == theirs.link
            assert entry.published_parsed == theirs.published_parsed
            assert entry.updated_parsed >= entry.published_parsed
            assert entry.get("title", unescape(theirs.title)) in (unescape(theirs.title), "")
            assert [tag.term for tag in entry.tags] == [tag.term for tag in theirs.tags]
            assert [author.name for author in entry.authors] == [theirs.author]


@pytest.mark.parametrize("name", ["classic", "block", "parent-category", "foo-parent", "edge-case-2", "uncategorized"])
def test_a_category_carries_what_wordpress_shows_of_it_and_its_children(once: Once, name: str) -> None:
    address = php(f"echo get_term_feed_link(get_term_by('slug', '{name}', 'category')->term_id, 'category');")
    with urlopen(address) as reply:
        theirs = {entry.id for entry in read(reply.read()).entries if not entry.title.startswith("保護中")}
    assert theirs
    assert {entry.id for entry in read(once.feeds[f"category/{name}.rss"]).entries} == theirs


def test_every_feed_of_the_real_content_is_valid_and_leads_nowhere_relative(once: Once) -> None:
    assert len(once.feeds) > 2 * 65
    files = {name: content for name, (_, content) in once.site.files().items()}
    assert {"comments.atom", "archive/all/1.atom", "archive/all/2.json", "tag/css.json"} <= files.keys()
    assert_site(files, BASE)
    atom = [once.site.folder / "public" / name for name in files if name.endswith(".atom")]
    checked = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--relaxng", GRAMMAR, *atom], capture_output=True, check=True
    )
    assert checked.stderr.count(b" validates\n") == len(atom) > 100
    for content in once.feeds.values():
        for entry in read(content).entries:
            title, body = entry.get("title", ""), entry.content[0].value if "content" in entry else ""
            assert not re.search(r"</?[a-z]+>|&(#[0-9]+|[a-z]+);", title), title
            assert not re.search(r"<(script|style|iframe|form)\b|\son[a-z]+=|javascript:", body), entry.id
            assert all(one.startswith("http") for one in re.findall(r'\b(?:href|src|poster|cite)="([^"]*)"', body))


def test_categories_of_one_name_are_told_apart(once: Once) -> None:
    kinds = ("tag/", "author/")  # one called as a category is: the page that lists them keeps them apart
    feeds = {name: content for name, content in once.feeds.items() if not name.startswith(kinds)}
    titles = [read(content).feed.title for name, content in feeds.items() if name.endswith(".rss")]
    assert len(set(titles)) == len(titles)
    assert {"Foo A – 航空ニュース", "Foo Parent › Foo A – 航空ニュース"} <= set(titles)


def test_each_comment_is_the_one_that_wordpress_itself_tells_of(once: Once) -> None:
    numbers = comments("'status' => 'approve', 'type' => 'comment', 'post_type' => 'post'")
    with urlopen(f"{URL}comments/feed/") as reply:
        theirs = {entry.id: entry for entry in read(reply.read()).entries if number(entry) in numbers}
    for ending in FORMATS:
        ours = {entry.id: entry for entry in read(once.feeds[f"comments.{ending}"]).entries}
        assert ours.keys() == theirs.keys()
        for key, entry in ours.items():
            assert entry.link == theirs[key].link
            assert entry.published_parsed == theirs[key].published_parsed
            assert entry.get("author") == theirs[key].get("author") or not theirs[key].get("author")
    assert len(theirs) > 20


def number(comment: Any) -> str:
    """What WordPress calls a comment, of a feed's entry."""
    return str(comment.link).rpartition("#comment-")[2]


def comments(about: str) -> set[str]:
    """The numbers of comments on what everybody may read."""
    asked = f"get_comments([{about}, 'post_status' => 'publish'])"
    shown = f"array_filter({asked}, fn($one) => !get_post($one->comment_post_ID)->post_password)"
    return set(php(f"echo implode(' ', array_map(fn($one) => $one->comment_ID, {shown}));").split())


def test_each_post_tells_how_many_comments_it_has(once: Once) -> None:
    told = php(
        "$said = ['status' => 'approve', 'type' => 'comment', 'count' => true];"
        "foreach (get_posts(['numberposts' => -1, 'has_password' => false]) as $one)"
        " echo $one->guid, ' ', get_comments(['post_id' => $one->ID] + $said), PHP_EOL;"
    )
    counts = dict(line.split() for line in told.splitlines())
    assert len([count for count in counts.values() if count != "0"]) > 3
    for entry in read(once.feeds["all.rss"]).entries:
        assert entry.get("slash_comments", "0") == counts[entry.id], entry.id
    for entry in read(once.feeds["all.atom"]).entries:
        assert entry.get("thr_total", "0") == counts[entry.id], entry.id


def test_the_guides_lines_have_wordpress_name_our_feeds_instead_of_its_own() -> None:
    plugin = Path(wordpress.SITE, "wp-content", "mu-plugins", "feeds.php")
    plugin.parent.mkdir(exist_ok=True)

    def named() -> list[str]:
        head = php("add_theme_support('automatic-feed-links'); do_action('wp_head');")  # the kit has no theme
        links = [link for link in re.findall(r"<link\b[^>]*>", head) if "+xml" in link and "alternate" in link]
        return [found[1] for link in links if (found := re.search("""href=["']([^"']+)""", link))]

    assert f"{URL}feed/" in named()
    (code,) = (code for place, code in blocks("php").items() if place.startswith("operations.md"))
    plugin.write_text(f"<?php {code}", encoding="utf-8")
    try:
        assert named() == ["https://example.jp/feeds/all.rss"]
    finally:
        plugin.unlink()


# ---------------------------------------------------------------- run: what happens to it


@dataclass
class Newsroom:
    """A feedpub at work on the site. `desk` wants posts retracted at once, `guest` in a minute."""

    site: Site
    running: Running
    receiver: Receiver
    corrected: str = ""

    def events(self, guid: str, target: str = "desk") -> list[dict[str, Any]]:
        """What a target was told of an article, in order; a repeat is told too."""
        told = [seen.json for seen in self.receiver.requests if seen.path == f"/{target}"]
        return [event for event in told if event["data"]["guid"] == guid]

    def types(self, guid: str, target: str = "desk") -> list[str]:
        return [str(event["type"]).removeprefix("article.") for event in self.events(guid, target)]

    def heard(self, *types: str, of: str, target: str = "desk") -> Callable[[], bool]:
        return lambda: self.types(of, target) == list(types)

    def publish(self, **said: str) -> str:
        """Publish a post and wait until everybody was told; gives back its number."""
        number = post(**said)
        name = guid(number)
        for target in ("desk", "guest"):
            until(self.heard("published", of=name, target=target), within=PATIENT)
        return number

    def unasked_since(self, count: int) -> list[dict[str, Any]]:
        """What was said after so many messages, but for what was on its way by then.

        Corrections are gathered for a minute, and the guest hears a minute after the desk of what is gone.
        """
        gone = {one.json["data"]["guid"] for one in self.receiver.requests[:count] if _is(one, "/desk", "retracted")}
        return [
            one.json
            for one in self.receiver.requests[count:]
            if not _is(one, "/", "updated")
            and not (_is(one, "/guest", "retracted") and one.json["data"]["guid"] in gone)
        ]

    def said_of(self, guid: str) -> set[str]:
        """What the feed of comments carries of an article."""
        return {entry.id for entry in self.site.feed("comments.atom").entries if entry.id.startswith(f"{guid}#")}

    def await_feeds(self, *addresses: str, of: str) -> None:
        until(lambda: carrying(self.site, of) == set(addresses), within=PATIENT)

    def await_polls(self, count: int) -> None:
        """Let feedpub ask the site so many times more, whatever the answer."""
        for _ in range(count):
            self._await_poll_after(self._polled_at())

    def _await_poll_after(self, moment: int) -> None:
        until(lambda: self._polled_at() > moment, within=PATIENT)

    def _polled_at(self) -> int:
        ((moment,),) = self.site.sql("SELECT polled_at FROM store WHERE name = 'blog'", file="feedpub.db")
        return int(moment)

    def problems(self) -> str:
        """What monitoring reads at the admin's address."""
        return "\n".join(self.running.ask("/health/ready", admin=True).json["problems"])

    def feeds(self) -> dict[str, bytes]:
        """All files; not those that are just being written."""
        return {name: content for name, (_, content) in self.site.files().items() if "/." not in f"/{name}"}


def _is(seen: Seen, path: str, kind: str) -> bool:
    return seen.path.startswith(path) and seen.json["type"] == f"article.{kind}"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, launcher: Launcher) -> Iterator[Newsroom]:
    with Receiver() as receiver:
        targets: Table = {
            "desk": webhook(receiver, url=f"{receiver.url}/desk", retract_after="1s"),
            "guest": webhook(receiver, url=f"{receiver.url}/guest", retract_after="1m"),
        }
        site = house(tmp_path_factory.mktemp("site"), launcher, targets)
        room = Newsroom(site, site.start("run"), receiver)
        room.running.wait_for("published", within=PATIENT)
        # Corrections are gathered for a minute: this one is on its way while the other tests run.
        room.corrected = room.publish(post_title="'横田にF-35到着'", post_content="'<p>初報。</p>'")
        php(f"wp_update_post(['ID' => {room.corrected}, 'post_title' => '横田にF-35A到着【訂正】']);")
        yield room
        site.stop_all()


def test_a_published_post_appears_in_its_feeds_and_as_one_notice(room: Newsroom) -> None:
    number = post(
        post_title="'速報: 米国&日本 &lt;F-35&gt;'",
        post_content="'<p><a href=\"/about/\">本文</a></p>'",
        post_category="[get_term_by('slug', 'grandchild-category', 'category')->term_id, 1]",
    )
    name = guid(number)
    room.await_feeds(
        "all",
        UNFILED,
        "category/grandchild-category",
        *("category/child-category-03", "category/parent-category"),
        of=name,
    )
    until(room.heard("published", of=name), within=PATIENT)
    (event,) = room.events(name)
    link = php(f"echo get_permalink({number});")
    assert event["data"]["title"] == "速報: 米国&日本 <F-35>"
    assert event["data"]["url"] == link
    assert set(event["data"]["categories"]) == {"Grandchild Category", "未分類"}
    served = read(room.running.ask("/feeds/category/parent-category.atom").body)
    (entry,) = [one for one in served.entries if one.id == name]
    assert (entry.title, entry.link) == ("速報: 米国&日本 <F-35>", link)
    assert f'href="{URL}about/"' in entry.content[0].value
    room.await_polls(3)
    assert room.types(name) == room.types(name, "guest") == ["published"]


def test_a_scheduled_post_gone_live_is_news_though_its_modified_date_is_old(room: Newsroom) -> None:
    number = post(
        post_title="'予約した記事'", post_status="'future'", post_date="wp_date('Y-m-d H:i:s', time() + 7200)"
    )
    name = guid(number)
    room.await_polls(2)
    assert carrying(room.site, name) == set()
    php(  # two hours later, seen from the post: written years ago, due a minute ago, run by WordPress's cron
        f"global $wpdb; $wpdb->update($wpdb->posts, ['post_date' => wp_date('Y-m-d H:i:s', time() - 60),"
        f" 'post_date_gmt' => gmdate('Y-m-d H:i:s', time() - 60), 'post_modified' => '2020-01-01 09:00:00',"
        f" 'post_modified_gmt' => '2020-01-01 00:00:00'], ['ID' => {number}]); clean_post_cache({number});"
        f"check_and_publish_future_post({number});"
    )
    assert php(f"echo get_post({number})->post_modified_gmt;") == "2020-01-01 00:00:00"
    room.await_feeds("all", UNFILED, of=name)
    until(room.heard("published", of=name), within=PATIENT)
    room.await_polls(2)
    assert room.types(name) == ["published"]


def test_an_edit_changes_the_feeds_and_is_not_news(room: Newsroom) -> None:
    number = room.publish(post_title="'追記される記事'")
    before = room.feeds()
    php(f"wp_update_post(['ID' => {number}, 'post_content' => '<p>本文</p><p>追記{number}。</p>']);")
    until(lambda: f"追記{number}。".encode() in room.feeds()["all.rss"], within=PATIENT)
    until(lambda: f"追記{number}。".encode() in room.feeds()[f"{UNFILED}.atom"], within=PATIENT)
    changed = {name for name, content in room.feeds().items() if content != before.get(name)}
    assert {PurePosixPath(name).with_suffix("").as_posix() for name in changed} == {"all", UNFILED}
    room.await_polls(2)
    assert room.types(guid(number)) == ["published"]


def test_an_approved_comment_is_told_of_and_one_that_is_spam_no_more(room: Newsroom) -> None:
    name = guid(number := room.publish(post_title="'話題の記事'"))
    said, held = comment(number), comment(number, comment_approved="0")
    until(lambda: {f"{name}#comment-{said}"} == room.said_of(name), within=PATIENT)
    php(f"wp_set_comment_status({held}, 'approve'); wp_spam_comment({said});")
    until(lambda: {f"{name}#comment-{held}"} == room.said_of(name), within=PATIENT)
    assert room.types(name) == ["published"]


def test_a_post_that_is_public_no_more_leaves_all_feeds_and_is_retracted(room: Newsroom) -> None:
    acts = (
        "wp_update_post(['ID' => {id}, 'post_status' => 'private']);",
        "wp_update_post(['ID' => {id}, 'post_status' => 'draft']);",
        "wp_update_post(['ID' => {id}, 'post_password' => '秘密']);",
        "wp_trash_post({id});",
        "wp_delete_post({id}, true);",
    )
    posts = [post(post_title=f"'消える記事{number}'") for number, _ in enumerate(acts)]
    names = [guid(number) for number in posts]
    for name in names:
        until(room.heard("published", of=name), within=PATIENT)
        room.await_feeds("all", UNFILED, of=name)
    php("".join(act.replace("{id}", number) for act, number in zip(acts, posts, strict=True)))
    for name in names:
        room.await_feeds(of=name)
        until(room.heard("published", "retracted", of=name), within=PATIENT)


def test_a_post_restored_in_time_is_neither_retracted_nor_announced_again(room: Newsroom) -> None:
    number = room.publish(post_title="'一度消えた記事'")
    name = guid(number)
    php(f"wp_update_post(['ID' => {number}, 'post_status' => 'private']);")
    room.await_feeds(of=name)
    until(room.heard("published", "retracted", of=name), within=PATIENT)
    php(f"wp_update_post(['ID' => {number}, 'post_status' => 'publish']);")
    room.await_feeds("all", UNFILED, of=name)
    until(room.heard("published", "retracted", "published", of=name), within=PATIENT)  # too late for the desk
    assert room.types(name, "guest") == ["published"]
    (kept,) = [one for one in room.site.deliveries("--article", name) if one["target"] == "guest"]
    assert (kept["state"], kept["due_at"]) == ("sent", None)


def test_feeds_follow_a_category_that_is_renamed_and_one_that_is_moved(room: Newsroom) -> None:
    (east, _), (west, west_feed), (base, base_feed) = category("東"), category("西"), category("横田 & 三沢")
    php(f"wp_update_term({base}, 'category', ['parent' => {east}]);")
    name = guid(room.publish(post_title="'基地の記事'", post_category=f"[{base}]"))
    assert len(carrying(room.site, name)) == 3
    php(f"wp_update_term({base}, 'category', ['parent' => {west}, 'name' => '在日米軍基地{base}']);")
    room.await_feeds("all", base_feed, west_feed, of=name)
    until(lambda: terms(room, name) == {f"在日米軍基地{base}"}, within=PATIENT)
    assert room.site.feed(f"{base_feed}.rss").feed.title == f"在日米軍基地{base} – 航空ニュース"
    assert f"<h3>在日米軍基地{base}</h3>".encode() in room.feeds()["index.html"]
    assert room.types(name) == ["published"]


def category(name: str) -> tuple[str, str]:
    """Enter a category, with a slug of its own; its number, and where its feed will lie."""
    number = php(f"echo wp_insert_term('{name}', 'category', ['slug' => 'c' . wp_rand()])['term_id'];")
    return number, "category/" + php(f"echo get_term({number})->slug;")


def terms(room: Newsroom, guid: str) -> set[str]:
    """What an article is about, as its feeds say."""
    feeds = (read(room.feeds()[f"{address}.{ending}"]) for address in carrying(room.site, guid) for ending in FORMATS)
    return {tag.term for feed in feeds for entry in feed.entries if entry.id == guid for tag in entry.tags}


@pytest.mark.parametrize("how", ["it refuses connections", "it hangs"])
def test_the_site_down_for_a_few_polls_changes_no_feed_and_is_told(room: Newsroom, how: str) -> None:
    room.await_polls(1)
    before, said = room.feeds(), len(room.receiver.requests)
    signal_server(signal.SIGTERM if how == "it refuses connections" else signal.SIGSTOP)
    try:
        room.await_polls(2)
        assert room.feeds() == before
        assert f"stores.blog: {URL} cannot be read" in room.problems()
        told = room.site.feedpub("status", code=1).out
        assert f"problem: stores.blog: {URL} cannot be read" in told
    finally:
        if how == "it hangs":
            signal_server(signal.SIGCONT)
        else:
            start_server()
    until(lambda: not room.problems(), within=PATIENT)
    assert room.unasked_since(said) == []
    room.publish(post_title="'復旧後の記事'")


def test_half_of_the_posts_gone_at_once_stay_in_the_feeds_and_it_is_told(room: Newsroom) -> None:
    number = room.publish(post_title="'まとめて消される記事'")
    table = "global $wpdb; $from = \"$wpdb->posts WHERE post_type = 'post' AND post_password = '' AND post_status = \";"
    rows = php(f"{table} echo implode(',', $wpdb->get_col(\"SELECT ID FROM $from 'publish' ORDER BY ID DESC\"));")
    half = ",".join(rows.split(",")[::2])
    assert number in half.split(",")
    before, said, spoken = articles(room), len(room.receiver.requests), room.feeds()["comments.atom"]
    php(f"{table} $wpdb->query(\"UPDATE $wpdb->posts SET post_status = 'trash' WHERE ID IN ({half})\");")
    try:
        count = len(half.split(","))
        until(lambda: f"{count} of {len(rows.split(','))} articles are gone" in room.problems(), within=PATIENT)
        assert "withdraw_limit" in room.site.feedpub("status", code=1).out
        room.await_polls(2)
        assert articles(room) == before
        assert room.unasked_since(said) == []
    finally:
        php(f"{table} $wpdb->query(\"UPDATE $wpdb->posts SET post_status = 'publish' WHERE ID IN ({half})\");")
    until(lambda: not room.problems(), within=PATIENT)
    until(lambda: room.feeds()["comments.atom"] == spoken, within=PATIENT)
    assert room.types(guid(number)) == ["published"]


def articles(room: Newsroom) -> dict[str, bytes]:
    """All files but those that speak of comments: these are what the site shows now."""
    return {name: said for name, said in room.feeds().items() if not name.startswith(("comments.", "index.html"))}


# ---------------------------------------------------------------- and when all that is over


def test_a_changed_headline_is_a_correction_of_what_was_said(room: Newsroom) -> None:
    name = guid(room.corrected)
    until(lambda: "F-35A到着【訂正】".encode() in room.feeds()["all.rss"], within=PATIENT)
    until(room.heard("published", "updated", of=name), within=90)
    first, second = room.events(name)
    assert (first["data"]["title"], second["data"]["title"]) == ("横田にF-35到着", "横田にF-35A到着【訂正】")
    assert first["data"]["published"] == second["data"]["published"]
    assert second["data"]["updated"] >= first["data"]["updated"]
    (kept,) = [one for one in room.site.deliveries("--article", name) if one["target"] == "desk"]
    assert kept["state"] == "sent"


def test_in_all_that_time_nobody_was_told_twice(room: Newsroom) -> None:
    keys = [seen.key for seen in room.receiver.requests]
    assert len(keys) == len(set(keys)) > 20
    for target in ("desk", "guest"):
        told = {event["data"]["guid"] for event in (seen.json for seen in room.receiver.requests)}
        for name in told:
            types = [one for one in room.types(name, target) if one != "updated"]
            assert types == ["published", "retracted", "published", "retracted"][: len(types)]
    events = [json.loads(line) for line in room.running.err.splitlines()]
    assert [event for event in events if event["event"] == "fault"] == []
    room.running.signal(signal.SIGTERM)
    assert room.running.wait().code == 0
