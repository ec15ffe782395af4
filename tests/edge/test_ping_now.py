"""A ping has stores polled now: as WordPress sends it, and as scripts do."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xmlrpc.client import loads

import pytest
from structlog.testing import capture_logs

from feedpub.app import App
from feedpub.errors import FeedpubError, LedgerError
from feedpub.settings import load
from feedpub.stores import FeedOptions, SqlOptions, WordPressOptions
from feedpub.web.admin import Access, Calm, admin_app, guarded
from feedpub.web.admin.keys import Keys
from feedpub.web.admin.ping import ping
from feedpub.web.admin.tries import EVERY, FREE
from feedpub.web.server import Server
from tests.edge.front_door import Site, Table, until
from tests.edge.serving import Answer, answer
from tests.edge.test_access import TOKEN, Clock
from tests.edge.test_access import Door as Browser
from tests.unit.test_weblog import BOMB, WORDPRESS

SECRET = Keys(TOKEN).ping
XML = {"Content-Type": "text/xml", "User-Agent": "The Incutio XML-RPC PHP Library -- WordPress/6.8.3"}


class Asked:
    """An app with three stores, that notes what is asked for."""

    def __init__(self) -> None:
        stores = {
            "blog": WordPressOptions(url="https://blog.example/"),
            "wire": FeedOptions(url="https://wire.example/feed.xml"),
            "main": SqlOptions(),
        }
        self.settings: Any = SimpleNamespace(stores=stores)
        self.stores: list[str] = []
        self.trouble: FeedpubError | None = None

    def poll_now(self, store: str = "") -> tuple[str, ...]:
        if self.trouble is not None:
            raise self.trouble
        self.stores.append(store)
        return (store,)


class Door:
    """An admin address; each test has one of its own at the same server."""

    def __init__(self, server: Server) -> None:
        self.server, self.app, self.clock = server, Asked(), Clock()
        self.access = Access(TOKEN, now=self.clock, steady=self.clock)
        calm = Calm(self.app.poll_now, steady=self.clock, later=lambda *_: None)
        server.show(guarded(ping(self.app, self.access, calm), [], self.access))

    def post(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self.ask("POST", path, body, headers)

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        return answer(f"127.0.0.1:{self.server.port}", method, path, body, headers)

    def xml(self, path: str, body: bytes = WORDPRESS) -> Any:
        """Send XML-RPC; give back what is answered."""
        answer = self.ask("POST", path, body, XML)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        ((told,), _) = loads(answer.body.decode())
        return told


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.start(guarded([], [], Access("")), "127.0.0.1:0")
    yield running
    running.stop()


@pytest.fixture
def door(server: Server) -> Door:
    return Door(server)


# ---------------------------------------------------------------- as blogs ping


def test_wordpress_has_its_own_store_polled_and_is_content(door: Door) -> None:
    assert door.xml(f"/ping/{SECRET}") == {"flerror": False, "message": "Thank you; to be polled: blog."}
    assert door.app.stores == ["blog"]


def test_a_ping_of_no_stores_site_has_all_polled(door: Door) -> None:
    assert not door.xml(f"/ping/{SECRET}", WORDPRESS.replace(b"blog.example", b"site.example"))["flerror"]
    assert door.app.stores == ["blog", "wire", "main"]


def test_an_address_copied_with_a_slash_more_works_and_its_secret_goes_no_further(door: Door) -> None:
    assert door.xml(f"/ping/{SECRET}/") == {"flerror": False, "message": "Thank you; to be polled: blog."}
    for path in (f"/ping/{SECRET}/", f"/ping/{SECRET}/more", f"/ping//{SECRET}"):
        seen = door.ask("GET", path, b"", {})
        assert (seen.status, seen.headers.get("location")) == (405, None)


@pytest.mark.parametrize("path", ["/ping", "/ping/", "/ping/wrong", f"/ping/{SECRET[:-1]}", f"/ping/{TOKEN}"])
def test_a_ping_without_the_secret_does_nothing(door: Door, path: str) -> None:
    answer = door.ask("POST", path, WORDPRESS, XML)
    assert answer.status == 200
    assert b"feedpub ping-url" in answer.body
    assert door.app.stores == []


@pytest.mark.parametrize("body", [b"<", b"<methodCall/>", BOMB + b"<methodCall/>", b"<x>" * 5000])
def test_what_is_no_ping_is_answered_in_words_and_does_nothing(door: Door, body: bytes) -> None:
    assert door.xml(f"/ping/{SECRET}", body)["flerror"]
    assert door.app.stores == []


def test_a_ping_that_is_too_large_does_nothing(door: Door) -> None:
    assert door.xml(f"/ping/{SECRET}", WORDPRESS + b" " * 70_000) == {
        "flerror": True,
        "message": "That is too much: at most 64 KiB are taken.",
    }
    assert door.app.stores == []


def test_a_flood_of_pings_asks_once(door: Door) -> None:
    with capture_logs() as told:
        for _ in range(30):
            assert not door.xml(f"/ping/{SECRET}")["flerror"]
    assert door.app.stores == ["blog"]
    assert [one["event"] for one in told] == ["pinged"]
    assert SECRET not in str(told)


def test_a_database_that_does_not_answer_is_told(door: Door) -> None:
    door.app.trouble = LedgerError("the database cannot be reached")
    assert door.xml(f"/ping/{SECRET}") == {"flerror": True, "message": "the database cannot be reached"}
    door.clock.seconds += 60
    assert door.post(f"/ping/{SECRET}").status == 503


# ---------------------------------------------------------------- as scripts ping


@pytest.mark.parametrize("proof", [TOKEN, SECRET])
def test_a_script_proves_itself_by_a_header_or_a_field(door: Door, proof: str) -> None:
    told = door.post("/ping", Authorization=f"Bearer {proof}")
    assert (told.status, told.body) == (202, b"To be polled: blog, wire, main.\n")
    door.clock.seconds += 60
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert door.ask("POST", "/ping", f"token={proof}&store=wire".encode(), form).body == b"To be polled: wire.\n"
    assert door.ask("POST", f"/ping/{SECRET}", b"url=https://blog.example/x", form).body == b"To be polled: blog.\n"
    assert door.app.stores == ["blog", "wire", "main", "wire", "blog"]


def test_a_store_that_is_not_there_is_told_with_those_that_are(door: Door) -> None:
    told = door.post(f"/ping/{SECRET}", b"store=blgo")
    assert (told.status, told.body) == (404, b"There is no store 'blgo'; the config has blog, main, wire.\n")


def test_only_posts_are_pings(door: Door) -> None:
    assert door.ask("GET", f"/ping/{SECRET}", b"", {}).status == 405
    assert door.app.stores == []


def test_guesses_are_few_and_keep_nobody_from_pinging_or_logging_in(door: Door) -> None:
    for _ in range(FREE):
        assert door.post("/ping", Authorization="Bearer wrong").status == 403
    late = door.post("/ping", Authorization=f"Bearer {TOKEN}")
    assert (late.status, late.headers["retry-after"]) == (429, "5")
    assert door.post(f"/ping/{SECRET}").status == 202
    assert door.access.logins.wait("127.0.0.1", door.clock()) == 0
    door.clock.seconds += EVERY
    assert door.post("/ping", Authorization=f"Bearer {TOKEN}").status == 202


def test_without_a_token_no_ping_is_taken(door: Door) -> None:
    door.access.keys = None
    assert door.post(f"/ping/{SECRET}").status == 503
    assert door.xml(f"/ping/{SECRET}")["flerror"]


# ---------------------------------------------------------------- a feedpub that runs


def test_a_new_article_is_out_within_seconds_of_its_ping(site: Site) -> None:
    site.configure(stores={"main": {"kind": "sql", "path": "articles.db", "poll": "6h"}})
    url = site.feedpub("ping-url").out.strip()
    token = (site.folder / "admin-token").read_text().strip()
    secret = url.rpartition("/")[2]
    assert token not in url
    running = site.start("run")
    running.wait_for("listening")
    until((site.folder / "public" / "all.rss").exists)
    site.publish("1")
    admin: str = running.wait_for("listening")["admin"]
    with closing(http.client.HTTPConnection(admin, timeout=20)) as line:
        line.request("POST", f"/ping/{secret}", WORDPRESS, XML)
        reply = line.getresponse()
        ((told,), _) = loads(reply.read().decode())
        assert told == {"flerror": False, "message": "Thank you; to be polled: main."}
    seconds = until(lambda: "見出し 1" in (site.folder / "public" / "all.rss").read_text(encoding="utf-8"))
    assert seconds < 10
    assert token not in running.err
    assert secret not in running.err


def test_the_address_to_ping_is_the_one_that_a_proxy_gives(site: Site) -> None:
    hosts: Table = {"hosts": ["admin.example.com"], "token": TOKEN, "listen": "0.0.0.0:8081"}
    site.configure(admin=hosts)
    assert site.feedpub("ping-url").out == f"https://admin.example.com/ping/{SECRET}\n"
    site.configure(admin=hosts | {"hosts": []})
    assert site.feedpub("ping-url").out == f"http://127.0.0.1:8081/ping/{SECRET}\n"


def test_the_admin_page_shows_the_address_to_who_is_logged_in(
    site: Site, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    site.configure()
    app = App.open(load(Path("config"), {}), lead=True)
    try:
        access = Access(TOKEN)
        server.show(admin_app(app, access))
        browser = Browser(server, access, Clock(), {})
        assert browser.ask("/config").status == 303
        browser.log_in()
        assert f"http://127.0.0.1:{server.port}/ping/{SECRET}" in browser.ask("/config").body.decode()
        assert TOKEN not in browser.ask("/config?all=yes").body.decode()
    finally:
        app.close()
