"""`feedpub init` at real servers on loopback: what it finds there, what it refuses, and that the config then works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import feedparser
import pytest

from feedpub.app import now
from feedpub.commands import places, visiting
from feedpub.commands.init import config
from feedpub.commands.visiting import Found, visit
from feedpub.errors import FeedpubError
from feedpub.http import Door
from feedpub.settings import load
from tests.edge import wordpress_on_loopback as wordpress
from tests.edge.front_door import ROOT, Site, free_port
from tests.edge.serving import LossyServer, Quiet, serving
from tests.edge.wordpress_on_loopback import Canned

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>航空ニュース</title>
<link>{url}</link><description>空の話題</description><language>ja</language>
<atom:link href="{url}feed/" rel="self" type="application/rss+xml"/>
<item><title>三沢に新しい機体</title><link>{url}1/</link><guid isPermaLink="false">{url}?p=1</guid>
<pubDate>Mon, 01 Jun 2026 12:00:00 +0900</pubDate><description>本文</description>
<category>米国関連</category><category>F-35</category></item>
<item><title>空港の猫</title><link>{url}2/</link><guid isPermaLink="false">{url}?p=2</guid>
<pubDate>Mon, 01 Jun 2026 11:00:00 +0900</pubDate><description>本文</description><category>F-35</category></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="ja"><title>空</title><id>tag:a.test,2026:1</id>
<updated>2026-06-01T03:00:00Z</updated><link href="{url}"/><entry><title>題</title><id>tag:a.test,2026:2</id>
<updated>2026-06-01T03:00:00Z</updated><link href="{url}2/"/><author><name>記者</name></author></entry></feed>"""
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "空",
        "home_page_url": "{url}",
        "items": [{"id": "1", "url": "{url}1/", "title": "題", "content_text": "本文です"}],
    },
    ensure_ascii=False,
)
CATEGORIES = [
    {"id": 1, "name": "未分類", "slug": "%e6%9c%aa", "parent": 0, "count": 2},
    {"id": 2, "name": "米国関連", "slug": "us", "parent": 0, "count": 120},
    {"id": 3, "name": "F-35 &amp; F-22", "slug": "f-35", "parent": 2, "count": 45},
    {"id": 4, "name": "空", "slug": "empty", "parent": 0, "count": 0},
]


# ---------------------------------------------------------------- sites


@contextmanager
def pages(answers: Mapping[str, Canned | Callable[[], Canned]]) -> Iterator[tuple[str, list[str]]]:
    """A web server of a few pages, by path with query; gives its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked.append(self.path)
            said = answers.get(self.path, Canned(404, b"<html>not here</html>"))
            answer = said if isinstance(said, Canned) else said()
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.body)

    with serving(LossyServer(("127.0.0.1", 0), Handler)) as url:
        yield f"{url}/", asked


def page(head: str = "", language: str = "ja", **headers: str) -> Canned:
    text = f'<!DOCTYPE html><html lang="{language}"><head><title>航空ニュース | 表紙</title>{head}</head><body>…</body>'
    return Canned(200, text.encode(), {"Content-Type": "text/html; charset=UTF-8", **headers})


def moved(to: str, status: int = 301) -> Canned:
    return Canned(status, b"", {"Location": to})


def front(site: wordpress.Site, index: dict[str, object], *, home: str = "/", named: bool = True) -> None:
    """Give a site on loopback a front page and the index of its API, as WordPress has them."""
    link = {"Link": f'<{site.url}{site.prefix[1:]}>; rel="https://api.w.org/"'} if named else {}

    def elsewhere(path: str) -> Canned | None:
        parts = urlsplit(path)
        route = parse_qs(parts.query).get("rest_route", [""])[0]
        if path.startswith(site.prefix) or (route == "/" and site.prefix.startswith("/?")):
            return Canned(200, json.dumps(index).encode(), {"Content-Type": "application/json; charset=UTF-8"})
        return page(**link) if path == home else None

    site.elsewhere = elsewhere


INDEX: dict[str, object] = {
    "name": "航空 &amp; ニュース",
    "description": "空の話題",
    "url": "http://core.test",
    "home": "http://news.test",
    "gmt_offset": 9,
    "timezone_string": "",
    "namespaces": ["oembed/1.0", "wp/v2"],
}


@pytest.fixture
def blog() -> Iterator[wordpress.Site]:
    """A WordPress of three posts on loopback."""
    site = wordpress.Site(zone=ZoneInfo("Asia/Tokyo"))
    site.terms["categories"] = [dict(row) for row in CATEGORIES]
    site.clock = now().replace(microsecond=0)
    for number in (1, 2, 3):
        site.publish(number, date=site.clock - timedelta(days=number), more={"categories": [2]})
    with wordpress.on_loopback(site):
        front(site, INDEX)
        yield site


def looked(url: str) -> Found:
    return visit(url, Door(), allow_private=True)


def refused(url: str, *, allow_private: bool = True) -> str:
    with pytest.raises(FeedpubError) as why:
        visit(url, Door(), allow_private=allow_private)
    assert "\n" not in str(why.value)
    return str(why.value)


def valid(found: Found, folder: Path) -> str:
    """The config of what was found; it loads without a warning."""
    text = config(found, allow_private=True)
    (folder / "feedpub.toml").write_text(text, encoding="utf-8")
    assert load(folder, {}).warnings == ()
    return text


# ---------------------------------------------------------------- WordPress


def test_a_wordpress_is_known_by_its_api_and_tells_what_the_config_needs(blog: wordpress.Site, tmp_path: Path) -> None:
    found = looked(blog.url)
    assert (found.kind, found.url, found.source) == ("wordpress", blog.url, blog.url)
    assert (found.title, found.description, found.language) == ("航空 & ニュース", "空の話題", "ja")
    assert (found.timezone, found.offset) == ("", 9)
    assert [(one.category.name, one.count) for one in found.categories] == [
        ("米国関連", 120),
        ("F-35 & F-22", 45),
        ("未分類", 2),
    ]
    text = valid(found, tmp_path)
    assert 'timezone = "Asia/Tokyo"' in text
    assert '# f-35 = { name = "F-35 & F-22" }' in text
    assert "親は米国関連" in text
    assert "empty" not in text


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("prefix", "at", "url"),
    [
        ("/wp-json/", "", ""),
        ("/blog/wp-json/", "blog/", "blog/"),
        ("/?rest_route=/", "", ""),
    ],
)
def test_a_wordpress_is_found_wherever_its_api_is(
    blog: wordpress.Site, prefix: str, at: str, url: str, named: bool
) -> None:
    blog.prefix = prefix
    front(blog, INDEX, home=f"/{at}", named=named)
    found = looked(blog.url + at)
    assert (found.kind, found.source) == ("wordpress", blog.url + url)


def test_an_article_of_a_wordpress_in_a_folder_leads_to_its_front_page(blog: wordpress.Site) -> None:
    blog.prefix = "/blog/wp-json/"
    front(blog, INDEX, home="/blog/2026/06/1/")
    assert looked(f"{blog.url}blog/2026/06/1/").source == f"{blog.url}blog/"


def test_the_api_may_have_a_name_of_the_sites_own(blog: wordpress.Site) -> None:
    blog.prefix = "/blog/api/"
    front(blog, {**INDEX, "home": "https://news.test/blog"}, home="/blog/")
    assert looked(f"{blog.url}blog/").source == f"{blog.url}blog/"


@pytest.mark.parametrize(
    "answer",
    [
        Canned(403, b'{"code":"rest_forbidden"}', {"Content-Type": "application/json"}),
        Canned(403, b"<html>403 Forbidden</html>", {"Content-Type": "text/html"}),
        Canned(401, b'{"code":"rest_login_required"}'),
        Canned(404, b'{"code":"rest_no_route"}'),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_wordpress_that_bars_its_api_is_read_by_its_feed(answer: Canned, whole: bool, tmp_path: Path) -> None:
    index = Canned(200, json.dumps(INDEX).encode())
    fields = "?_fields=name,description,url,home,gmt_offset,timezone_string,namespaces"
    answers: dict[str, Canned] = {
        "/feed/": Canned(200, RSS.format(url="https://news.test/").encode(), {"Content-Type": "application/rss+xml"}),
        f"/wp-json/{fields}": answer if whole else index,
        "/wp-json/wp/v2/posts?per_page=1&_fields=id": answer,
    }
    with pages(answers) as (url, _):
        answers["/"] = page(Link=f'<{url}wp-json/>; rel="https://api.w.org/"')
        found = looked(url)
        assert (found.kind, found.source, found.title) == ("feed", f"{url}feed/", "航空ニュース")
        assert found.barred == (f"HTTP {answer.status}" if whole or answer.status != 404 else "rest_no_route")
        assert "REST API アクセス制限" in valid(found, tmp_path)


def test_a_wordpress_that_shows_neither_api_nor_feed_is_refused_with_what_to_change() -> None:
    with pages({"/": page('<meta name="generator" content="WordPress 6.8">')}) as (url, _):
        assert "Xserver: 「REST API アクセス制限」" in refused(url)


def test_an_api_that_fails_is_told_and_no_feed_is_taken_for_it(blog: wordpress.Site) -> None:
    blog.canned = lambda _route, _query: Canned(500, b"<b>Fatal error</b>")
    assert "fails at its REST API (HTTP 500)" in refused(blog.url)


def test_a_wordpress_without_categories_to_show_is_found_all_the_same(blog: wordpress.Site) -> None:
    blog.canned = lambda route, _query: Canned(403, b"{}") if route == "categories" else None
    found = looked(blog.url)
    assert (found.kind, found.categories) == ("wordpress", ())
    assert "feeds.categories" not in config(found)


def test_whatever_the_api_says_of_itself_the_config_loads(blog: wordpress.Site, tmp_path: Path) -> None:
    evil: dict[str, object] = {
        "name": 'x"\n[targets.evil]\nkind = "webhook"\r\x00\u202e\x7f',
        "description": ["no", "text"],
        "home": {"a": 1},
        "gmt_offset": "1e999",
        "timezone_string": "../../../etc/passwd",
        "namespaces": ["wp/v2"],
    }
    blog.terms["categories"] = [
        {"id": 1, "name": 'a" }\n[targets.evil]', "slug": "a\nb", "parent": 2, "count": 9},
        {"id": 2, "name": "い" * 5000, "slug": "con", "parent": 1, "count": 10**30},
        {"id": 2, "name": "い", "slug": "..", "parent": 1, "count": -1},
    ]
    front(blog, evil)
    table = tomllib.loads(valid(looked(blog.url), tmp_path))
    assert table["targets"].keys() == {"terminal"}


# ---------------------------------------------------------------- feeds


def feeds(path: str) -> Mapping[str, Canned]:
    return {path: Canned(200, RSS.format(url="https://news.test/").encode(), {"Content-Type": "application/rss+xml"})}


@pytest.mark.parametrize("document", [RSS, ATOM, JSON_FEED])
@pytest.mark.parametrize("kind", ["application/xml", "text/html", ""])
def test_a_feed_given_by_its_own_address_is_read(document: str, kind: str, tmp_path: Path) -> None:
    body = document.replace("{url}", "https://news.test/blog/").encode()
    with pages({"/x?feed=1": Canned(200, body, {"Content-Type": kind} if kind else {})}) as (url, asked):
        found = looked(f"{url}x?feed=1")
        assert (found.kind, found.url, found.source) == ("feed", "https://news.test/blog/", f"{url}x?feed=1")
        assert asked == ["/x?feed=1"]
        text = valid(found, tmp_path)
        assert 'base_url = "https://news.test/feeds/"' in text
        assert 'timezone = "Asia/Tokyo"' in text


def test_the_feed_that_a_page_names_is_read_and_not_the_one_of_comments() -> None:
    head = """<link rel="alternate" type="application/rss+xml" title="コメント" href="/comments/feed/">
        <link rel="alternate" type="application/rss+xml" title="壊れた" href="/broken.xml">
        <link rel="alternate" type="application/rss+xml" title="航空" href="/rss/site.xml">"""
    broken = {"/broken.xml": Canned(200, b"<rss><channel>"), "/": page(head)}
    with pages({**broken, **feeds("/rss/site.xml")}) as (url, asked):
        found = looked(url)
        assert (found.kind, found.url, found.source) == ("feed", url, f"{url}rss/site.xml")
        assert (found.language, found.title, found.barred) == ("ja", "航空ニュース", "")
        assert "/comments/feed/" not in asked


def test_a_feed_tells_its_categories_the_most_frequent_first(tmp_path: Path) -> None:
    with pages(feeds("/feed/")) as (url, _):
        found = looked(f"{url}feed/")
    assert [(one.category.name, one.count) for one in found.categories] == [("F-35", 2), ("米国関連", 1)]
    assert '# f-35 = { name = "F-35" }' in valid(found, tmp_path)


@pytest.mark.parametrize(
    ("statuses", "written"), [((301, 308), "/c"), ((302,), "/a"), ((301, 307), "/b"), ((302, 301), "/a")]
)
def test_the_address_of_a_feed_is_the_one_that_lasts(statuses: tuple[int, ...], written: str) -> None:
    names = ["/a", "/b", "/c"]
    steps = {names[n]: moved(names[n + 1], status) for n, status in enumerate(statuses)}
    with pages({**feeds(names[len(statuses)]), **steps}) as (url, _):
        assert looked(f"{url}a").source == url.rstrip("/") + written


@pytest.mark.parametrize("place", places.PLACES)
@pytest.mark.parametrize("folder", ["", "blog/"])
def test_a_feed_that_no_page_names_is_found_in_the_usual_places(place: str, folder: str) -> None:
    with pages({f"/{folder}": page(), **feeds(f"/{folder}{place}")}) as (url, _):
        assert looked(url + folder).source == f"{url}{folder}{place}"


def test_a_page_without_anything_is_refused_with_what_to_give() -> None:
    with pages({"/": page(), "/feed/": page()}) as (url, asked):
        told = refused(url)
        assert f"no feed was found at {url}" in told
        assert "give the address of the feed itself" in told
        assert len(asked) < 20


# ---------------------------------------------------------------- the way there


def test_redirects_are_followed_to_the_front_page_that_there_is(blog: wordpress.Site) -> None:
    with pages({"/": moved(blog.url, 308)}) as (url, _):
        assert looked(url).source == blog.url


def test_five_redirects_are_followed_and_no_more() -> None:
    steps: dict[str, Canned] = {f"/{n}": moved(f"/{n + 1}", 302) for n in range(6)}
    with pages({**steps, "/6": page(), **feeds("/feed/")}) as (url, asked):
        assert looked(f"{url}1").source == f"{url}feed/"
        asked.clear()
        assert "leads on more than 5 times" in refused(f"{url}0")
        assert len(asked) == 6


@pytest.mark.parametrize("to", ["file:///etc/passwd", "gopher://news.test/", "http://:80/", "javascript:alert(1)"])
def test_a_redirect_out_of_the_web_is_refused(to: str) -> None:
    with pages({"/": moved(to)}) as (url, _):
        assert "leads to an address that is none of the web's" in refused(url)


def test_a_private_address_is_refused_unless_it_is_allowed() -> None:
    with pages({"/": page(), **feeds("/feed/")}) as (url, asked):
        assert "has a private address; say --allow-private" in refused(url, allow_private=False)
        assert asked == []


def test_a_private_site_that_was_allowed_opens_no_other_private_host() -> None:
    with pages(feeds("/feed/")) as (inner, asked):
        elsewhere = inner.replace("127.0.0.1", "localhost") + "feed/"
        link = f'<link rel="alternate" type="application/rss+xml" href="{elsewhere}">'
        with pages({"/": page(link), "/on": moved(elsewhere)}) as (url, _):
            assert "no feed was found" in refused(url)
            assert "localhost has a private address; give that address if that is meant" in refused(f"{url}on")
        assert asked == []


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "let feedpub through"),
        (403, "let feedpub through"),
        (404, "give the address of the site's front page"),
        (410, "give the address of the site's front page"),
        (429, "try again later"),
        (500, "look into its error log"),
        (503, "try again later"),
        (599, "look into its error log"),
    ],
)
def test_a_front_page_that_is_not_there_is_told_with_its_status_and_what_to_do(status: int, advice: str) -> None:
    with pages({"/": Canned(status, b"no")}) as (url, asked):
        said = refused(url)
        assert f"HTTP {status}" in said
        assert advice in said
        assert asked == ["/"]


def test_a_site_that_cannot_be_reached_is_told() -> None:
    assert refused(f"http://127.0.0.1:{free_port()}/") == "127.0.0.1 refuses connections"


def test_an_answer_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "READ_LIMIT", 1000)
    with pages({"/": Canned(200, b"x" * 2000)}) as (url, _):
        assert "larger than 1000 bytes" in refused(url)


def test_a_slow_site_ends_the_visit_and_not_the_other_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "WITHIN", timedelta(seconds=1))
    monkeypatch.setattr(visiting, "PATIENCE", timedelta(seconds=0.4))

    def slow() -> Canned:
        time.sleep(0.6)
        return page()

    asked = (f"/{place}" for place in places.PLACES)
    with pages(
        {"/": page('<link rel="alternate" type="application/rss+xml" href="/a">'), **dict.fromkeys(asked, slow)}
    ) as (
        url,
        _,
    ):
        begun = time.monotonic()
        assert "answers too slowly" in refused(url)
        assert time.monotonic() - begun < 5


# ---------------------------------------------------------------- through the front door


def test_the_config_that_init_prints_is_one_that_check_and_once_take(site: Site, blog: wordpress.Site) -> None:
    printed = site.feedpub("init", "--allow-private", blog.url)
    assert printed.err == ""
    site.save(printed.out)
    checked = site.feedpub("check", "--config-only")
    assert "The config is valid: 1 store (blog); 1 target (terminal)." in checked.out
    assert checked.err == ""
    assert "3 articles noted, none announced." in site.feedpub("once").out
    assert (site.folder / "data" / "public" / "category" / "us.rss").exists()
    assert site.deliveries() == []


def test_a_feeds_config_works_as_well(site: Site) -> None:
    answers: dict[str, Canned] = {}
    with pages(answers) as (url, _):
        answers["/"] = page('<link rel="alternate" type="application/rss+xml" href="/feed/">')
        answers["/feed/"] = Canned(200, RSS.format(url=url).encode(), {"Content-Type": "application/rss+xml"})
        site.save(site.feedpub("init", url, "--allow-private").out)
        assert site.feedpub("check", "--config-only").err == ""
        assert "2 articles noted, none announced." in site.feedpub("once").out
        assert (site.folder / "data" / "public" / "all.atom").exists()


def test_init_needs_no_config_and_heeds_no_broken_one(site: Site, blog: wordpress.Site) -> None:
    assert not (site.folder / "config").exists()
    fresh = site.feedpub("init", "--allow-private", blog.url).out
    assert not list(site.folder.iterdir())  # it writes nothing
    (site.folder / "config").mkdir()
    assert site.feedpub("init", "--allow-private", blog.url).out == fresh
    site.save("")  # as the shell leaves the file that its output goes to
    assert site.feedpub("init", "--allow-private", blog.url).out == fresh


def test_the_output_is_utf_8_whatever_the_terminal_speaks(site: Site, blog: wordpress.Site) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "0", "PYTHONIOENCODING": "euc_jp"}
    line = [sys.executable, "-m", "feedpub", "init", "--allow-private", blog.url]
    printed = subprocess.run(line, cwd=site.folder, env=environ, capture_output=True, check=True, timeout=60).stdout
    assert "空の話題" in printed.decode("utf-8")


def test_a_failure_is_one_sentence_and_prints_no_config(site: Site) -> None:
    port = free_port()
    ended = site.feedpub("init", "--allow-private", f"http://127.0.0.1:{port}", code=1)
    assert (ended.out, ended.err) == ("", "127.0.0.1 refuses connections\n")
    wrong = site.feedpub("init", "ftp://news.test/", code=2)
    assert wrong.out == ""
    assert wrong.err == "URL: write a web address, such as https://example.jp/\n"
    assert site.feedpub("init", code=2).out == ""


def test_a_site_that_opens_its_api_goes_on_as_it_was_after_a_second_init(site: Site, blog: wordpress.Site) -> None:
    def feed(path: str) -> Canned | None:
        return Canned(200, rss(blog).encode(), {"Content-Type": "application/rss+xml"}) if path == "/feed/" else None

    api = blog.elsewhere
    blog.elsewhere = lambda path: feed(path) or api(path)
    blog.canned = lambda _route, _query: Canned(403, b"{}")
    barred = site.feedpub("init", "--allow-private", blog.url).out
    site.save(barred)
    assert "3 articles noted, none announced." in site.feedpub("once").out
    guids = [entry.id for entry in site_feed(site).entries]
    blog.canned = lambda _route, _query: None
    opened = site.feedpub("init", "--allow-private", blog.url).out
    assert [tomllib.loads(text)["stores"]["blog"]["kind"] for text in (barred, opened)] == ["feed", "wordpress"]
    site.save(opened)
    assert "0 new" in site.feedpub("once").out
    assert [entry.id for entry in site_feed(site).entries] == guids
    assert site.deliveries() == []
    blog.publish(4)
    assert "1 new" in site.feedpub("once").out
    assert [one["state"] for one in site.deliveries()] == ["sent"]


def rss(blog: wordpress.Site) -> str:
    """What WordPress's own feed says of the posts."""
    items = "".join(
        f"<item><title>{post.title}</title><link>{blog.url}archives/{post.id}/</link>"
        f'<guid isPermaLink="false">{blog.url}?p={post.id}&amp;x=1</guid>'
        f"<pubDate>{format_datetime(post.date)}</pubDate><description>{escape(post.content)}</description></item>"
        for post in blog.posts.values()
    )
    return f'<rss version="2.0"><channel><title>航空ニュース</title><link>{blog.url}</link>{items}</channel></rss>'


def site_feed(site: Site) -> Any:
    """The feed of everything, as a stranger reads it."""
    read = feedparser.parse((site.folder / "data" / "public" / "all.rss").read_bytes())
    assert not read.bozo
    return read
