"""Serving, through a real socket: what a reader of feeds, a health check and an intruder get."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from feedpub.errors import ConfigError, LedgerError
from feedpub.feeds.moves import Signposts
from feedpub.feeds.pages import SCRIPT_SOURCE
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
from feedpub.web import Server, health, parse_listen, public_app
from feedpub.web.asking import Asked
from feedpub.web.conditional import Conditions, Validators, verdict
from feedpub.web.files import member, path_of
from tests.edge.serving import Answer, answer, named

AN_HOUR_AGO = int(time.time()) - 3600


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    return answer(f"127.0.0.1:{server.port}", method, path, headers=named(headers))


def write(file: Path, content: bytes, at: float = AN_HOUR_AGO) -> None:
    """As feeds are written: whole, under a hidden name first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.tmp")
    fresh.write_bytes(content)
    os.utime(fresh, (at, at))
    fresh.replace(file)


class Watched(NamedTuple):
    """What stands behind an admin address, as far as it is well."""

    problems: Callable[[], Sequence[str]] = tuple


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all: each test shows it the application it wants."""
    running = Server.start(Starlette(routes=health(Watched())), "127.0.0.1:0")
    yield running
    running.stop()


@pytest.fixture
def site(tmp_path: Path, server: Server) -> tuple[Path, Server]:
    root = tmp_path / "public"
    write(root / "all.rss", "<rss>航空ニュース</rss>".encode())
    write(root / "index.html", b"<!doctype html>")
    server.show(public_app(root))
    return root, server


# ---------------------------------------------------------------- laws of the conditions

ETAGS = st.text(st.characters(codec="latin-1", exclude_characters='"', exclude_categories=["Cc", "Zs"]), max_size=9)
SECONDS = st.integers(min_value=0, max_value=4_000_000_000)


@given(ours=ETAGS, others=st.lists(st.tuples(st.sampled_from(["", "W/"]), ETAGS), max_size=5), weak=st.booleans())
def test_a_listed_etag_is_found_by_the_weak_comparison_and_no_other(
    ours: str, others: list[tuple[str, str]], *, weak: bool
) -> None:
    listed = ", ".join(f'{mark}"{tag}"' for mark, tag in [*others, ("W/" if weak else "", ours)])
    now = Validators(f'"{ours}"', modified=0)
    assert verdict(now, Conditions(if_none_match=listed), now=9) == 304
    strangers = ", ".join(f'{mark}"{tag}x"' for mark, tag in others if f"{tag}x" != ours)
    assert verdict(now, Conditions(if_none_match=strangers), now=9) == 200


@given(modified=SECONDS, since=SECONDS, now=SECONDS)
def test_a_date_never_answers_for_an_etag_that_differs(modified: int, since: int, now: int) -> None:
    asked = Conditions(if_none_match='"old"', if_modified_since=formatdate(since, usegmt=True))
    assert verdict(Validators('"new"', modified), asked, now) == 200


@given(modified=SECONDS, since=SECONDS, now=SECONDS)
def test_a_date_alone_counts_unless_it_is_older_or_yet_to_come(modified: int, since: int, now: int) -> None:
    asked = Conditions(if_modified_since=formatdate(since, usegmt=True))
    assert (verdict(Validators('"a"', modified), asked, now) == 304) == (modified <= since <= now)
    assert verdict(Validators('"a"', None), asked, now) == 200


@given(st.builds(Conditions, *[st.none() | st.text(st.characters(codec="latin-1"))] * 4))
def test_whatever_a_request_says_it_is_judged(asked: Conditions) -> None:
    assert verdict(Validators('"a"', 0), asked, now=9) in {200, 304, 412}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Conditions(), 200),
        (Conditions(if_none_match="*"), 304),
        (Conditions(if_none_match=""), 200),
        (Conditions(if_none_match='"a'), 200),
        (Conditions(if_none_match="a"), 200),
        (Conditions(if_modified_since="Sun, 06 Nov 1994 08:49:37 GMT"), 304),
        (Conditions(if_modified_since="Sunday, 06-Nov-94 08:49:37 GMT"), 304),
        (Conditions(if_modified_since="Sun Nov  6 08:49:37 1994"), 304),
        (Conditions(if_modified_since="Sun, 06 Nov 1994 08:49:36 GMT"), 200),
        (Conditions(if_modified_since="1994年11月6日"), 200),
        (Conditions(if_match='"a"'), 200),
        (Conditions(if_match="*"), 200),
        (Conditions(if_match='W/"a"'), 412),
        (Conditions(if_match='"b"', if_none_match='"a"'), 412),
        (Conditions(if_match='"a"', if_none_match='"a"'), 304),
        (Conditions(if_unmodified_since="Sun, 06 Nov 1994 08:49:36 GMT"), 412),
        (Conditions(if_unmodified_since="Sun, 06 Nov 1994 08:49:37 GMT"), 200),
        (Conditions(if_match='"a"', if_unmodified_since="Sun, 06 Nov 1994 08:49:36 GMT"), 200),
    ],
)
def test_conditions_as_rfc_9110_section_13_tells_them(asked: Conditions, status: int) -> None:
    assert verdict(Validators('"a"', modified=784111777), asked, now=1_700_000_000) == status


# ---------------------------------------------------------------- laws of the paths


@given(
    st.text() | st.lists(st.sampled_from(["..", ".", "", "a", "b.rss", ".b.rss.tmp", "\\", "\0", "/"])).map("/".join)
)
def test_no_path_means_a_file_outside_or_a_hidden_one(path: str) -> None:
    parts = member("/" + path)
    assert parts is None or all(part and not part.startswith(".") and "/" not in part for part in parts)


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("", "/"),
        ("https://example.jp", "/"),
        ("https://example.jp/feeds", "/feeds/"),
        ("https://example.jp//feeds//", "/feeds/"),
        ("https://example.jp/%E9%A3%9B%E8%A1%8C/x/", "/飛行/x/"),
    ],
)
def test_the_path_of_a_base_url_has_one_slash_at_each_end(base_url: str, path: str) -> None:
    assert path_of(base_url) == path


# ---------------------------------------------------------------- feed files


@pytest.mark.parametrize(
    ("name", "kind", "for_browsers"),
    [
        ("category/us.rss", "application/rss+xml; charset=utf-8", True),
        ("category/us.atom", "application/atom+xml; charset=utf-8", True),
        ("all.json", "application/feed+json", True),
        ("feeds.opml", "text/x-opml; charset=utf-8", True),
        ("briefs/7.html", "text/html; charset=utf-8", False),
        ("feed.css", "text/css; charset=utf-8", False),
        ("images/a.jpg", "image/jpeg", False),
        ("images/a.webp", "image/webp", False),
    ],
)
def test_each_kind_of_file_has_its_type(site: tuple[Path, Server], name: str, kind: str, *, for_browsers: bool) -> None:
    root, server = site
    write(root / name, b"content")
    reply = ask(server, "/" + name)
    assert (reply.status, reply.body) == (200, b"content")
    assert reply.headers["content-type"] == kind
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert ("access-control-allow-origin" in reply.headers) == for_browsers
    assert "server" not in reply.headers


@pytest.mark.parametrize(("name", "kind"), [("all.rss", "application/xml"), ("index.html", "text/html")])
def test_a_feed_opened_as_a_page_is_xml_to_the_browser(site: tuple[Path, Server], name: str, kind: str) -> None:
    root, server = site
    write(root / name, b"content")
    assert ask(server, f"/{name}", Sec_Fetch_Dest="document").headers["content-type"] == f"{kind}; charset=utf-8"
    fetched = ask(server, "/all.rss", Sec_Fetch_Dest="empty").headers
    assert fetched["content-type"] == "application/rss+xml; charset=utf-8"
    assert fetched["vary"] == "Accept-Encoding, Sec-Fetch-Dest"  # so that no cache gives a browser's answer to a reader


def test_only_the_script_of_the_index_may_run(site: tuple[Path, Server]) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in ask(site[1], "/all.rss").headers["content-security-policy"].split(";")
    )
    assert policy["script-src"] == SCRIPT_SOURCE
    assert policy["default-src"] == "'none'"


def test_the_etag_is_strong_and_of_the_content_alone(site: tuple[Path, Server]) -> None:
    root, server = site
    write(root / "same.rss", (root / "all.rss").read_bytes(), at=AN_HOUR_AGO - 500)
    first, second = ask(server, "/all.rss"), ask(server, "/same.rss")
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["etag"].startswith('"')
    assert first.headers["last-modified"] == formatdate(AN_HOUR_AGO, usegmt=True)


def test_what_did_not_change_is_not_sent_again(site: tuple[Path, Server]) -> None:
    _, server = site
    first = ask(server, "/all.rss")
    for asked in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        again = ask(server, "/all.rss", If_None_Match=asked)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "content-type" not in again.headers
    by_date = ask(server, "/all.rss", If_Modified_Since=first.headers["last-modified"])
    assert by_date.status == 304
    assert ask(server, "/all.rss", If_Match='"x"').status == 412


def test_an_etag_that_differs_is_answered_in_full_whatever_the_date_says(site: tuple[Path, Server]) -> None:
    _, server = site
    reply = ask(server, "/all.rss", If_None_Match='"x"', If_Modified_Since=formatdate(time.time(), usegmt=True))
    assert reply.status == 200


def test_head_says_what_get_says_without_the_body(site: tuple[Path, Server]) -> None:
    _, server = site
    got, told = ask(server, "/all.rss"), ask(server, "/all.rss", "HEAD")
    assert (told.status, told.body) == (200, b"")
    assert {**got.headers, "date": ""} == {**told.headers, "date": ""}
    assert ask(server, "/all.rss", "HEAD", If_None_Match=got.headers["etag"]).status == 304


def test_nothing_but_reading_is_allowed(site: tuple[Path, Server]) -> None:
    _, server = site
    for method in ("POST", "PUT", "DELETE", "TRACE", "PATCH", "PROPFIND"):
        reply = ask(server, "/all.rss", method)
        assert reply.status == 405
        assert {word.strip() for word in reply.headers["allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}


def test_the_folder_shows_its_index(site: tuple[Path, Server]) -> None:
    _, server = site
    assert ask(server, "/").body == b"<!doctype html>"
    assert ask(server, "/?utm_source=x").body == b"<!doctype html>"


# ---------------------------------------------------------------- never stale, never torn


def test_two_edits_in_one_second_are_both_seen(site: tuple[Path, Server]) -> None:
    root, server = site
    second = float(int(time.time()) - 10)
    seen = []
    for content in (b"one", b"two", b"six"):
        write(root / "all.rss", content, at=second)
        seen.append(ask(server, "/all.rss"))
    assert [reply.body for reply in seen] == [b"one", b"two", b"six"]
    assert len({reply.headers["etag"] for reply in seen}) == 3
    assert ask(server, "/all.rss", If_Modified_Since=seen[0].headers["last-modified"]).status == 200


def test_a_write_in_place_that_keeps_its_date_is_seen(site: tuple[Path, Server]) -> None:
    root, server = site
    for content in (b"one", b"two"):
        (root / "all.rss").write_bytes(content)
        os.utime(root / "all.rss", (AN_HOUR_AGO, AN_HOUR_AGO))
        assert ask(server, "/all.rss").body == content
        assert ask(server, "/all.rss").headers["etag"] == f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def test_a_clock_set_back_hides_no_change(site: tuple[Path, Server]) -> None:
    root, server = site
    before = ask(server, "/all.rss").headers["last-modified"]
    write(root / "all.rss", b"corrected", at=AN_HOUR_AGO - 1800)
    changed = ask(server, "/all.rss", If_Modified_Since=before)
    assert (changed.status, changed.body) == (200, b"corrected")
    assert "last-modified" not in changed.headers
    write(root / "all.rss", b"corrected again", at=AN_HOUR_AGO + 1)
    assert "last-modified" in ask(server, "/all.rss").headers


def test_a_date_is_not_given_before_its_second_is_over(site: tuple[Path, Server]) -> None:
    root, server = site
    write(root / "all.rss", b"from a clock ahead of ours", at=time.time() + 60)
    assert "last-modified" not in ask(server, "/all.rss").headers


def test_a_feed_replaced_while_it_is_read_arrives_whole(site: tuple[Path, Server]) -> None:
    root, server = site
    contents = [b"a" * 300_000, b"b" * 200_000]
    etags = {content: f'"{hashlib.sha256(content).hexdigest()[:32]}"' for content in contents}
    write(root / "all.rss", contents[0])
    done = threading.Event()

    def replace() -> None:
        while not done.is_set():
            for content in contents:
                write(root / "all.rss", content)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        replies = [ask(server, "/all.rss") for _ in range(60)]
    finally:
        done.set()
        writer.join()
    assert all(etags[reply.body] == reply.headers["etag"] for reply in replies)


# ---------------------------------------------------------------- where feeds went, and who announces them

BASE = "https://example.jp/feeds/"
MOVED = {"category/us": "category/usa", "category/usa": "category/america", "tag/old": None}


def signposted(tmp_path: Path, server: Server, posts: Signposts, base_url: str = BASE) -> Path:
    """Show an application with these signposts; returns its directory."""
    write(tmp_path / "all.rss", b"feed")
    server.show(public_app(tmp_path, base_url, lambda: posts))
    return tmp_path


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_feed_that_moved_says_where_and_one_that_ended_says_so(tmp_path: Path, server: Server, method: str) -> None:
    signposted(tmp_path, server, Signposts(MOVED))
    for old, new in (
        ("category/us.rss", "category/america.rss"),
        ("archive/category/usa/3.json", "archive/category/america/3.json"),
    ):
        moved = ask(server, f"/feeds/{old}?utm_source=x", method)
        assert (moved.status, moved.headers["location"], moved.body) == (301, BASE + new, b"")
        assert moved.headers["cache-control"] == "no-cache"
    gone = ask(server, "/feeds/tag/old.atom", method)
    assert (gone.status, gone.headers["cache-control"]) == (410, "no-store")
    assert gone.body == (b"This feed has ended, and will not come back.\n" if method == "GET" else b"")
    for strange in ("tag/never.rss", "tag/old.html", "tag/old.rss.gz", "Category/us.rss"):
        assert ask(server, f"/feeds/{strange}", method).status == 404


def test_a_feed_that_stands_is_served_whatever_is_said_of_its_address(tmp_path: Path, server: Server) -> None:
    root = signposted(tmp_path, server, Signposts(MOVED))
    write(root / "tag" / "old.rss", b"back")
    assert ask(server, "/feeds/tag/old.rss").body == b"back"
    assert ask(server, "/feeds/tag/old.atom").status == 410


def test_signposts_are_followed_as_they_change(tmp_path: Path, server: Server) -> None:
    posts = [Signposts()]
    write(tmp_path / "all.rss", b"feed")
    server.show(public_app(tmp_path, BASE, lambda: posts[0]))
    assert ask(server, "/feeds/tag/old.rss").status == 404
    assert "hub" not in ask(server, "/feeds/all.rss").headers["link"]
    posts[0] = Signposts({"tag/old": "all"}, {"all": ["https://hub.example/"]})
    assert ask(server, "/feeds/tag/old.rss").headers["location"] == BASE + "all.rss"
    assert "hub" in ask(server, "/feeds/all.rss").headers["link"]


def test_without_a_base_url_a_moved_feed_is_found_by_its_path(tmp_path: Path, server: Server) -> None:
    signposted(tmp_path, server, Signposts(MOVED), base_url="")
    assert ask(server, "/category/us.rss").headers["location"] == "/category/america.rss"
    assert "link" not in ask(server, "/all.rss").headers


def test_a_feed_names_itself_and_the_hubs_that_announce_it(tmp_path: Path, server: Server) -> None:
    hubs = {"all": ("https://hub.example/", "https://other.example/?a=1,2"), "archive/all/1": ()}
    root = signposted(tmp_path, server, Signposts(hubs=hubs))
    for name in ("all.json", "archive/all/1.rss", "tag/戦闘機.rss", "index.html", "feeds.opml", "feed.css"):
        write(root / name, b"content")
    announced = ask(server, "/feeds/all.rss")
    assert announced.headers["link"] == (
        f'<{BASE}all.rss>; rel="self", <https://hub.example/>; rel="hub", <https://other.example/?a=1,2>; rel="hub"'
    )
    told = ask(server, "/feeds/all.rss", "HEAD")
    assert {**told.headers, "date": ""} == {**announced.headers, "date": ""}
    assert ask(server, "/feeds/all.json").headers["link"].startswith(f'<{BASE}all.json>; rel="self", <https://hub')
    assert ask(server, "/feeds/archive/all/1.rss").headers["link"] == f'<{BASE}archive/all/1.rss>; rel="self"'
    japanese = "tag/%E6%88%A6%E9%97%98%E6%A9%9F.rss"
    assert ask(server, f"/feeds/{japanese}").headers["link"] == f'<{BASE}{japanese}>; rel="self"'
    assert not [name for name in ("", "feeds.opml", "feed.css") if "link" in ask(server, f"/feeds/{name}").headers]
    assert "link" not in ask(server, "/feeds/all.rss", If_None_Match=announced.headers["etag"]).headers


@pytest.fixture(scope="module")
def usual_headers(server: Server, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the headers that answers about feeds bear, where every address is a plain one."""
    root = tmp_path_factory.getbasetemp() / "nasty"
    write(root / "all.rss", b"feed")
    posts = Signposts(MOVED, {"all": ["https://hub.example/"]})
    server.show(public_app(root, BASE, lambda: posts))
    paths = ("all.rss", "category/us.rss", "tag/old.rss", "none.rss")
    return {name for path in paths for name in ask(server, f"/feeds/{path}").headers}


NASTY = st.text(max_size=12) | st.sampled_from(['>; rel="x"', "\r\nSet-Cookie: a=b", "\ud800", "é", "<", "%", " "])


@settings(max_examples=50, deadline=None)
@given(NASTY, NASTY, st.dictionaries(st.sampled_from(["a", "b", "c/d"]), st.none() | NASTY))
def test_no_address_can_end_the_header_that_it_stands_in(
    server: Server,
    usual_headers: set[str],
    tmp_path_factory: pytest.TempPathFactory,
    hub: str,
    base: str,
    moved: dict[str, str | None],
) -> None:
    root = tmp_path_factory.getbasetemp() / "nasty"
    posts = Signposts(moved, {"all": [hub]})
    server.show(public_app(root, f"https://example.jp/{base}", lambda: posts))
    home = path_of(f"https://example.jp/{base}")
    try:
        replies = [ask(server, quote(home + name)) for name in ("all.rss", "a.rss", "b.json", "c/d.atom")]
    except UnicodeEncodeError:
        return  # a path that no client can ask for
    for reply in replies:
        assert reply.headers.keys() <= usual_headers
        assert reply.headers.get("location", "").isprintable()
    if replies[0].status == 200:
        assert len(re.findall('[<>"]', replies[0].headers["link"])) == 8


def test_while_the_ledger_does_not_answer_feeds_are_served_and_nobody_is_told_that_one_is_not_there(
    tmp_path: Path, server: Server
) -> None:
    def signposts() -> Signposts:
        raise LedgerError("the database does not answer")

    write(tmp_path / "all.rss", b"feed")
    server.show(public_app(tmp_path, BASE, signposts))
    feed = ask(server, "/feeds/all.rss")
    assert (feed.body, feed.headers["link"]) == (b"feed", f'<{BASE}all.rss>; rel="self"')
    assert ask(server, "/feeds/category/us.rss").status == 503


def test_a_reader_that_asks_for_the_difference_gets_the_whole_feed(site: tuple[Path, Server]) -> None:
    root, server = site
    old = ask(server, "/all.rss")
    write(root / "all.rss", b"new", at=AN_HOUR_AGO + 10)
    reply = ask(server, "/all.rss", A_IM="feed, gzip", If_None_Match=old.headers["etag"])
    assert (reply.status, reply.body) == (200, b"new")
    assert "im" not in reply.headers
    again = ask(server, "/all.rss", A_IM="feed", If_None_Match=reply.headers["etag"])
    assert again.status == 304


# ---------------------------------------------------------------- compressed siblings

FORMS = {"": b"<rss>" + b"a" * 400 + b"</rss>", ".gz": b"as gzip", ".br": b"as brotli"}
NAMES = {"": None, ".gz": "gzip", ".br": "br"}


def in_all_forms(file: Path, mark: bytes = b"", at: float = AN_HOUR_AGO) -> None:
    """As outputs/disk.py leaves them: siblings of the same date, renamed before their file."""
    for ending in reversed(FORMS):
        write(file.with_name(file.name + ending), FORMS[ending] + mark, at)


@pytest.mark.parametrize(
    ("accepted", "ending"),
    [
        ("gzip", ".gz"),
        ("gzip, deflate, br", ".br"),
        ("br;q=0.1, gzip", ".gz"),
        ("identity", ""),
        ("*;q=0", ""),
        ("", ""),
    ],
)
def test_a_reader_gets_the_form_of_the_feed_that_it_likes_best(
    site: tuple[Path, Server], accepted: str, ending: str
) -> None:
    root, server = site
    in_all_forms(root / "all.rss")
    got = ask(server, "/all.rss", Accept_Encoding=accepted)
    assert (got.status, got.body, got.headers.get("content-encoding")) == (200, FORMS[ending], NAMES[ending])
    assert got.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert got.headers["vary"] == "Accept-Encoding, Sec-Fetch-Dest"
    told = ask(server, "/all.rss", "HEAD", Accept_Encoding=accepted)
    assert {**told.headers, "date": ""} == {**got.headers, "date": ""}
    again = ask(server, "/all.rss", Accept_Encoding=accepted, If_None_Match=got.headers["etag"])
    assert (again.status, again.headers["vary"], again.headers["etag"]) == (
        304,
        got.headers["vary"],
        got.headers["etag"],
    )
    assert "content-encoding" not in again.headers


def test_each_form_has_an_etag_of_its_own_and_none_answers_for_another(site: tuple[Path, Server]) -> None:
    root, server = site
    in_all_forms(root / "all.rss")
    accepted = ("identity", "gzip", "br")
    tags = {one: ask(server, "/all.rss", Accept_Encoding=one).headers["etag"] for one in accepted}
    assert len(set(tags.values())) == 3
    for one in accepted:
        for other in accepted:
            reply = ask(server, "/all.rss", Accept_Encoding=one, If_None_Match=tags[other])
            assert (reply.status == 304) == (one == other)
        by_date = ask(server, "/all.rss", Accept_Encoding=one, If_Modified_Since=formatdate(AN_HOUR_AGO, usegmt=True))
        assert by_date.status == 304  # the same content at any coding


def test_an_old_sibling_never_goes_out_beside_a_new_file(site: tuple[Path, Server]) -> None:
    root, server = site
    in_all_forms(root / "all.rss")
    assert ask(server, "/all.rss", Accept_Encoding="gzip").body == FORMS[".gz"]
    write(root / "all.rss", b"new", at=AN_HOUR_AGO + 1)
    new = ask(server, "/all.rss", Accept_Encoding="gzip, br")
    assert (new.body, new.headers.get("content-encoding")) == (b"new", None)
    in_all_forms(root / "all.rss", b"!", at=AN_HOUR_AGO + 2)
    assert ask(server, "/all.rss", Accept_Encoding="gzip").body == FORMS[".gz"] + b"!"


def test_a_new_sibling_that_came_before_its_file_waits_for_it(site: tuple[Path, Server]) -> None:
    root, server = site
    in_all_forms(root / "all.rss")
    write(root / "all.rss.gz", b"of the next file", at=AN_HOUR_AGO + 1)
    for _ in range(2):
        assert ask(server, "/all.rss", Accept_Encoding="gzip").body in {FORMS[""], FORMS[".gz"]}
    assert ask(server, "/all.rss", Accept_Encoding="identity").body == FORMS[""]


def test_a_sibling_that_comes_later_is_found_and_one_that_is_gone_does_no_harm(site: tuple[Path, Server]) -> None:
    root, server = site
    write(root / "all.rss", FORMS[""])
    assert ask(server, "/all.rss", Accept_Encoding="gzip").body == FORMS[""]
    write(root / "all.rss.gz", FORMS[".gz"])
    assert ask(server, "/all.rss", Accept_Encoding="gzip").body == FORMS[".gz"]
    (root / "all.rss.gz").unlink()
    assert ask(server, "/all.rss", Accept_Encoding="gzip").body in {FORMS[""], FORMS[".gz"]}


def test_a_sibling_that_is_a_link_or_a_folder_is_none(site: tuple[Path, Server]) -> None:
    root, server = site
    secret = root.parent / "secret"
    write(secret, b"secret")
    write(root / "all.rss", b"feed")
    (root / "all.rss.gz").symlink_to(secret)
    (root / "all.rss.br").mkdir()
    os.utime(root / "all.rss.br", (AN_HOUR_AGO, AN_HOUR_AGO))
    assert ask(server, "/all.rss", Accept_Encoding="gzip, br").body == b"feed"


def test_what_disk_output_writes_is_what_a_reader_unpacks(site: tuple[Path, Server]) -> None:
    root, server = site
    content = "<rss>長い記事です。</rss>".encode() * 50
    DiskOutput(root, ("gz", "br")).write([FeedFile("packed.rss", content)])
    for _ in range(2):
        assert zlib.decompress(ask(server, "/packed.rss", Accept_Encoding="gzip").body, wbits=31) == content
        assert brotli.decompress(ask(server, "/packed.rss", Accept_Encoding="br").body) == content
        assert ask(server, "/packed.rss").body == content


# ---------------------------------------------------------------- how long an answer may be kept; readers in browsers


def test_a_feed_says_how_long_it_may_be_kept_and_a_page_that_it_is_to_be_asked_for(
    tmp_path: Path, server: Server
) -> None:
    for name in ("all.rss", "all.json", "archive/all/1.atom", "index.html", "feeds.opml", "feed.css", "images/a.webp"):
        write(tmp_path / name, b"content")
    server.show(public_app(tmp_path, fresh=timedelta(minutes=3)))
    for name in ("all.rss", "all.json", "archive/all/1.atom"):
        got = ask(server, f"/{name}")
        assert got.headers["cache-control"] == "public, max-age=180"
        assert (
            ask(server, f"/{name}", If_None_Match=got.headers["etag"]).headers["cache-control"] == "public, max-age=180"
        )
    for name in ("", "feeds.opml"):
        assert ask(server, f"/{name}").headers["cache-control"] == "no-cache"
    for name in ("feed.css", "images/a.webp"):
        assert ask(server, f"/{name}").headers["cache-control"] == "public, max-age=3600"
    assert ask(server, "/none.rss").headers["cache-control"] == "no-store"
    assert "vary" not in ask(server, "/images/a.webp").headers


def test_a_reader_in_a_browser_may_ask_and_sees_what_it_needs(tmp_path: Path, server: Server) -> None:
    root = signposted(tmp_path, server, Signposts(MOVED))
    write(root / "index.html", b"page")
    first = ask(server, "/feeds/all.rss", Origin="https://reader.test")
    for path, status in (("all.rss", 200), ("category/us.rss", 301), ("tag/old.rss", 410), ("none.rss", 404)):
        reply = ask(server, f"/feeds/{path}", Origin="https://reader.test")
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, "*")
        assert reply.headers["access-control-expose-headers"] == "ETag, Link, Last-Modified"
    unchanged = ask(server, "/feeds/all.rss", If_None_Match=first.headers["etag"])
    assert (unchanged.status, unchanged.headers["access-control-allow-origin"]) == (304, "*")
    asked = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "if-none-match"}
    may = ask(server, "/feeds/all.rss", "OPTIONS", Origin="https://reader.test", **asked)
    assert (may.status, may.body, may.headers["access-control-allow-origin"]) == (204, b"", "*")
    assert may.headers["access-control-allow-headers"] == "If-None-Match, If-Modified-Since"
    assert may.headers["access-control-allow-methods"] == "GET, HEAD"
    assert int(may.headers["access-control-max-age"]) > 0


# ---------------------------------------------------------------- WordPress's addresses


@pytest.fixture
def blog(tmp_path: Path, server: Server) -> Server:
    for name in (
        "all.rss",
        "all.atom",
        "comments.rss",
        "category/us.rss",
        "category/bases.atom",
        "tag/f-35.rss",
        "author/kamome.rss",
        "index.html",
    ):
        in_all_forms(tmp_path / name, name.encode())
    posts = Signposts({"category/former": "category/us", "tag/old": None}, slugs={"category/米国関連": "category/us"})
    server.show(public_app(tmp_path, BASE, lambda: posts, addresses="wordpress"))
    return server


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/feed/", "all.rss"),
        ("/feed", "all.rss"),
        ("/feed/atom/", "all.atom"),
        ("/?feed=rss2", "all.rss"),
        ("/?feed=atom", "all.atom"),
        ("/comments/feed/", "comments.rss"),
        ("/category/us/feed/", "category/us.rss"),
        ("/category/japan/bases/feed/atom/", "category/bases.atom"),
        ("/category/%e7%b1%b3%e5%9b%bd%e9%96%a2%e9%80%a3/feed/", "category/us.rss"),
        ("/tag/f-35/feed", "tag/f-35.rss"),
        ("/author/kamome/feed/", "author/kamome.rss"),
    ],
)
def test_an_address_of_wordpress_is_answered_with_the_same_feed(blog: Server, address: str, file: str) -> None:
    for accepted in ("identity", "gzip"):
        ours, theirs = (ask(blog, path, Accept_Encoding=accepted) for path in (f"/feeds/{file}", address))
        assert (theirs.status, theirs.body) == (200, ours.body)
        assert {**theirs.headers, "date": ""} == {**ours.headers, "date": ""}
        assert ask(blog, address, Accept_Encoding=accepted, If_None_Match=ours.headers["etag"]).status == 304


def test_an_address_of_wordpress_leads_on_where_the_feed_moved_or_ended(blog: Server) -> None:
    moved = ask(blog, "/category/us/former/feed/")
    assert (moved.status, moved.headers["location"]) == (301, f"{BASE}category/us.rss")
    assert ask(blog, "/tag/old/feed/").status == 410
    assert ask(blog, "/tag/never/feed/").status == 404
    assert ask(blog, "/2026/06/slug/feed/").status == 404
    assert ask(blog, "/?p=17&feed=rss2").headers["location"] == "/feeds/"


def test_addresses_of_wordpress_are_not_answered_unasked(tmp_path: Path, server: Server) -> None:
    signposted(tmp_path, server, Signposts())
    assert ask(server, "/feed/").status == 404
    assert ask(server, "/?feed=rss2").status == 307


# ---------------------------------------------------------------- nothing else is there


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.json",
        "/%2e%2e/secret.json",
        "/..%2fsecret.json",
        "/category/../../secret.json",
        "/..%5csecret.json",
        "//secret.json",
        "/.all.rss.tmp",
        "/.hidden.rss",
        "/.git/config.json",
        "/ledger.sqlite3",
        "/all.rss.tmp",
        "/all.rss.gz",
        "/all.rss.br",
        "/.all.rss.gz",
        "/moved.nginx.conf",
        "/moved.Caddyfile",
        "/all.rss/",
        "/all.rss%00.rss",
        "/folder.rss",
        "/pipe.rss",
        "/outside.json",
        "/elsewhere/secret.json",
        "/" + "a" * 300 + ".rss",
        "/%ff.rss",
    ],
)
def test_only_public_files_can_be_reached(site: tuple[Path, Server], path: str) -> None:
    root, server = site
    (root.parent / "secret.json").write_text("secret")
    hidden = (".hidden.rss", ".all.rss.tmp", "ledger.sqlite3", "all.rss.tmp")
    not_for_us = ("all.rss.gz", "all.rss.br", ".all.rss.gz", "moved.nginx.conf", "moved.Caddyfile")
    for name in (*hidden, *not_for_us):
        (root / name).write_text("secret")
    (root / ".git").mkdir()
    (root / ".git/config.json").write_text("secret")
    (root / "folder.rss").mkdir()
    os.mkfifo(root / "pipe.rss")
    (root / "outside.json").symlink_to(root.parent / "secret.json")
    (root / "elsewhere").symlink_to(root.parent, target_is_directory=True)
    reply = ask(server, path)
    assert reply.status == 404
    assert b"secret" not in reply.body


def test_a_feed_with_a_japanese_name_is_found(site: tuple[Path, Server]) -> None:
    root, server = site
    write(root / "tag" / "戦闘機.rss", b"found")
    assert ask(server, "/tag/%E6%88%A6%E9%97%98%E6%A9%9F.rss").body == b"found"


def test_a_feed_that_is_gone_is_not_there_and_may_return(site: tuple[Path, Server]) -> None:
    root, server = site
    assert ask(server, "/all.rss").status == 200
    (root / "all.rss").unlink()
    assert ask(server, "/all.rss").status == 404
    write(root / "all.rss", b"back")
    assert ask(server, "/all.rss").body == b"back"


def test_a_feed_that_cannot_be_read_is_promised_back(site: tuple[Path, Server]) -> None:
    root, server = site
    (root / "all.rss").chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)  # root may read everything
    try:
        assert ask(server, "/all.rss").status == 503
    finally:
        os.seteuid(was)


def test_a_reader_is_asked_to_come_again_while_nothing_is_built_yet(tmp_path: Path, server: Server) -> None:
    server.show(public_app(tmp_path / "not-yet"))
    assert ask(server, "/").status == 503
    assert ask(server, "/health/live").body == b"ok\n"
    assert ask(server, "/health/live", "HEAD").status == 200


# ---------------------------------------------------------------- where it answers


def test_a_base_url_with_a_path_is_answered_below_that_path(tmp_path: Path, server: Server) -> None:
    write(tmp_path / "index.html", b"here")
    write(tmp_path / "all.rss", b"feed")
    server.show(public_app(tmp_path, "https://example.jp/飛行 feeds/"))
    home = "/%E9%A3%9B%E8%A1%8C%20feeds/"
    for near in ("/", home[:-1]):
        moved = ask(server, near)
        assert (moved.status, moved.headers["location"]) == (307, home)
    assert ask(server, home).body == b"here"
    assert ask(server, home + "all.rss").body == b"feed"
    assert ask(server, "/all.rss").status == 404
    assert ask(server, "/health/live").status == 200


def test_readiness_says_what_is_wrong(server: Server) -> None:
    problems: list[str] = []
    server.show(Starlette(routes=health(Watched(lambda: problems))))
    well = ask(server, "/health/ready")
    assert (well.status, json.loads(well.body)) == (200, {"ready": True, "problems": []})
    problems.append("店 blog: no answer since 10:00")
    ill = ask(server, "/health/ready")
    assert (ill.status, json.loads(ill.body)) == (503, {"ready": False, "problems": problems})
    assert ask(server, "/health/live").status == 200
    assert ask(server, "/all.rss").status == 404


def test_a_ledger_that_fails_while_asked_is_not_ready(server: Server) -> None:
    def problems() -> list[str]:
        raise LedgerError("the database does not answer")

    server.show(Starlette(routes=health(Watched(problems))))
    reply = ask(server, "/health/ready")
    assert (reply.status, json.loads(reply.body)["problems"]) == (503, ["the database does not answer"])


# ---------------------------------------------------------------- the server


def test_a_port_that_is_taken_is_told_with_the_option_to_change(site: tuple[Path, Server]) -> None:
    root, server = site
    with pytest.raises(ConfigError, match=rf"^web\.listen: 127\.0\.0\.1:{server.port} is taken .*another port"):
        Server.start(public_app(root), f"127.0.0.1:{server.port}")


def test_the_next_free_port_is_taken_where_that_was_asked(site: tuple[Path, Server]) -> None:
    root, server = site
    other = Server.start(public_app(root), f"127.0.0.1:{server.port}", try_next=True)
    try:
        assert server.port < other.port <= server.port + 20
        assert ask(other, "/all.rss").status == 200
    finally:
        other.stop()


@pytest.mark.parametrize("listen", ["8080", "localhost", "127.0.0.1:99999", "::1:8080", "", "a b:80", "203.0.113.1:0"])
def test_an_address_that_cannot_be_had_is_told(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"^admin\.listen: "):
        Server.start(Starlette(routes=health(Watched())), listen, option="admin.listen")


def test_ipv6_and_every_address_can_be_listened_on(tmp_path: Path) -> None:
    write(tmp_path / "all.rss", b"feed")
    assert parse_listen("[::]:8080") == ("::", 8080)
    for listen in ("0.0.0.0:0", "[::]:0"):
        server = Server.start(public_app(tmp_path), listen)
        try:
            assert ask(server, "/all.rss").body == b"feed"
        finally:
            server.stop()


def test_another_application_takes_over_without_closing_the_address(site: tuple[Path, Server], tmp_path: Path) -> None:
    _, server = site
    write(tmp_path / "new" / "all.rss", b"new")
    server.show(public_app(tmp_path / "new"))
    assert ask(server, "/all.rss").body == b"new"


def test_it_stops_in_time_though_clients_hang() -> None:
    server = Server.start(Starlette(routes=health(Watched())), "127.0.0.1:0")
    with socket.create_connection(("127.0.0.1", server.port)) as idle, idle.makefile("rb") as replies:
        idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert replies.readline().startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", server.port)) as half:
            half.sendall(b"GET /health/live HTTP/1.1\r\nHo")
            begun = time.monotonic()
            server.stop()
            assert time.monotonic() - begun < 20
    with pytest.raises(ConnectionRefusedError):
        ask(server, "/health/live")


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_does_not_bring_it_down(server: Server, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
        connection.sendall(garbage)
    assert ask(server, "/health/live").status == 200


def test_long_lines_of_nonsense_are_not_kept(tmp_path: Path) -> None:
    app = public_app(tmp_path)
    for number in range(50):
        line = f"/{'x' * 5000}{number}.rss".encode()
        asked = Asked.of({"method": "GET", "headers": [], "raw_path": line, "query_string": b""})
        assert app.answer(asked).status == 404
    assert sum(map(len, app._places)) == 0
