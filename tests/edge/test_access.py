"""Who may come in at the admin address, and what is kept out: asked over real connections."""

from __future__ import annotations

import re
import socket
import stat
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from feedpub.errors import ConfigError
from feedpub.model import Site
from feedpub.settings import AdminOptions
from feedpub.web.admin import Access, guarded, health
from feedpub.web.admin.bodies import MOST_BYTES
from feedpub.web.admin.keys import SESSION_SECONDS, Keys
from feedpub.web.admin.login import login
from feedpub.web.admin.token import token_of
from feedpub.web.admin.tries import EVERY, FREE
from feedpub.web.server import Server
from tests.edge.serving import Answer, answer, named
from tests.edge.test_web import Watched

TOKEN = "a-token-that-nobody-guesses"
SITE = Site(title="航空<ニュース>", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
FORM = "application/x-www-form-urlencoded"


class Clock:
    """What time it is here."""

    seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


async def page(request: Request) -> Response:
    """Tell what a handler finds."""
    fields = dict(request.state.form) if request.method == "POST" else {}
    return JSONResponse({"csrf": request.state.session.csrf, "fields": fields})


class Door(NamedTuple):
    """An admin address, and a browser that asks it. `cookies`: what it kept."""

    server: Server
    access: Access
    clock: Clock
    cookies: dict[str, str]

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        """Send one request; `headers` are named with _ for -."""
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        cookie = {"Cookie": kept} if kept else {}
        return answer(f"127.0.0.1:{self.server.port}", method, path, body, cookie | named(headers))

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form."""
        return self.ask(path, "POST", urlencode(fields), **({"Content_Type": FORM} | headers))

    def log_in(self, token: str = TOKEN, **headers: str) -> Answer:
        """Type the token into the page, and keep the cookie."""
        answer = self.post("/login", {"token": token, "then": "/"}, **headers)
        if cookie := answer.headers.get("set-cookie"):
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def csrf(self) -> str:
        told: str = self.ask("/").json["csrf"]
        return told


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for all; each test shows it a door of its own."""
    running = Server.start(guarded([], [], Access("")), "127.0.0.1:0")
    yield running
    running.stop()


@pytest.fixture
def door(server: Server) -> Door:
    clock = Clock()
    access = Access(TOKEN, ["admin.example.com"], now=clock, steady=clock)
    pages = [Route("/", page, methods=["GET", "POST"]), Route("/targets", page)]
    server.show(guarded([*health(Watched()), *login(lambda: SITE, access)], pages, access))
    return Door(server, access, clock, {})


# ---------------------------------------------------------------- the login


def test_a_stranger_is_sent_to_the_login_and_then_on_to_the_page_that_was_meant(door: Door) -> None:
    sent = door.ask("/targets?state=paused&x=%E6%97%A5")
    assert (sent.status, sent.headers["location"]) == (
        303,
        "/login?then=/targets%3Fstate%3Dpaused%26x%3D%25E6%2597%25A5",
    )
    shown = door.ask(sent.headers["location"]).body.decode()
    found = re.search(r'name="then" value="([^"]*)"', shown)
    assert found is not None
    entered = door.post("/login", {"token": TOKEN, "then": unescape(found[1])})
    assert (entered.status, entered.headers["location"]) == (303, "/targets?state=paused&x=%E6%97%A5")


def test_the_page_is_in_the_sites_language_and_escapes_its_title(door: Door) -> None:
    shown = door.ask("/login")
    assert "トークン" in shown.body.decode()
    assert "航空&lt;ニュース&gt;" in shown.body.decode()
    assert door.ask("/login.css").headers["content-type"].startswith("text/css")


def test_the_token_opens_and_only_the_token(door: Door) -> None:
    wrong = door.log_in("a-token-that-somebody-guesses")
    assert (wrong.status, "set-cookie" in wrong.headers) == (403, False)
    assert "トークンが違います" in wrong.body.decode()
    assert door.ask("/").status == 303
    assert door.log_in(f" {TOKEN}\n").status == 303
    assert door.ask("/").status == 200
    assert door.ask("/login").headers["location"] == "/"


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example/", "/\\evil.example/"])
def test_the_login_leads_nobody_away(door: Door, then: str) -> None:
    assert door.post("/login", {"token": TOKEN, "then": then}).headers["location"] == "/"


def test_the_cookie_is_for_no_script_and_no_other_site(door: Door) -> None:
    plain = door.log_in().headers["set-cookie"]
    assert plain.startswith("feedpub-")
    assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SESSION_SECONDS}"} <= set(plain.split("; "))
    assert "Secure" not in plain
    assert "Domain" not in plain


def test_behind_a_proxy_with_https_the_cookie_stays_on_https(door: Door) -> None:
    cookie = door.log_in(X_Forwarded_Proto="https").headers["set-cookie"]
    assert cookie.startswith("__Host-feedpub-")
    assert "Secure" in cookie.split("; ")
    assert door.ask("/", X_Forwarded_Proto="https").status == 200
    assert door.ask("/").status == 303


def test_a_session_ends_with_its_time_its_token_or_a_logout(door: Door) -> None:
    door.log_in()
    csrf = door.csrf()
    door.clock.seconds += SESSION_SECONDS
    assert door.ask("/").status == 303
    door.clock.seconds -= SESSION_SECONDS
    door.access.keys = Keys("another-token-by-chance")
    assert door.ask("/").status == 303
    door.access.keys = Keys(TOKEN)  # as after a restart
    left = door.post("/logout", {"csrf": csrf})
    assert (left.status, left.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert door.ask("/").status == 303  # though the cookie was kept


def test_who_guesses_too_often_waits_a_little_and_nobody_with_a_session_does(door: Door) -> None:
    door.log_in()
    for _ in range(FREE):
        assert door.log_in("wrong").status == 403
    late = door.log_in()
    assert (late.status, late.headers["retry-after"]) == (429, "5")
    assert "5秒後" in late.body.decode()
    assert door.ask("/").status == 200
    door.clock.seconds += EVERY
    assert door.log_in().status == 303


def test_a_link_from_another_site_does_not_ask_for_the_token_again(door: Door) -> None:
    door.log_in()
    kept = dict(door.cookies)
    door.cookies.clear()  # a browser sends none along such a link
    passed = door.ask("/targets?a=1&b=2", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert passed.status == 200
    found = re.search(r'content="0; url=([^"]*)"', passed.body.decode())
    assert found is not None
    door.cookies.update(kept)
    assert door.ask(unescape(found[1]), Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="navigate").status == 200


def test_without_a_token_pages_are_closed_and_health_is_not(door: Door) -> None:
    door.access.keys = None
    assert door.ask("/").status == door.ask("/login").status == door.log_in().status == 503
    assert door.ask("/health/ready").status == 200


# ---------------------------------------------------------------- forms


def test_a_form_of_this_login_reaches_its_handler(door: Door) -> None:
    door.log_in()
    csrf = door.csrf()
    answer = door.post("/", {"csrf": csrf, "text": "短信 & more"}, Sec_Fetch_Site="same-origin")
    assert answer.json["fields"] == {"csrf": [csrf], "text": ["短信 & more"]}


def test_a_form_without_the_proof_of_this_very_login_does_nothing(door: Door) -> None:
    door.log_in()
    former = door.csrf()
    door.log_in()
    assert door.csrf() != former
    for proof in ({}, {"csrf": ""}, {"csrf": former}, {"csrf": "日本"}):
        assert door.post("/", proof).status == 403


@pytest.mark.parametrize(
    "whence",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://["},
    ],
)
def test_a_form_from_another_sites_page_does_nothing(door: Door, whence: dict[str, str]) -> None:
    door.log_in()
    assert door.post("/", {"csrf": door.csrf()}, **whence).status == 403
    for _ in range(2 * FREE):
        assert door.post("/login", {"token": "wrong"}, **whence).status == 403
    assert door.log_in().status == 303  # others cannot use up our guesses


def test_what_browsers_say_of_a_form_of_ours_is_believed(door: Door) -> None:
    door.log_in()
    csrf, here = door.csrf(), f"http://127.0.0.1:{door.server.port}"
    assert door.post("/", {"csrf": csrf}, Origin=here).status == 200
    # A proxy may send us another Host; the browser knows better.
    assert (
        door.post("/", {"csrf": csrf}, Origin="https://admin.example.com", Sec_Fetch_Site="same-origin").status == 200
    )


def test_a_form_without_a_session_or_with_another_verb_does_nothing(door: Door) -> None:
    assert door.post("/", {}).status == 401
    door.log_in()
    assert door.ask("/", "DELETE").status == door.ask("/", "PUT", "x").status == 405


def test_a_body_that_is_no_form_or_too_large_is_refused(door: Door) -> None:
    door.log_in()
    assert door.ask("/", "POST", "{}", Content_Type="application/json").status == 415
    assert door.ask("/", "POST", "x", Content_Type="multipart/form-data; boundary=x").status == 415
    assert door.ask("/", "POST", f"csrf={'x' * MOST_BYTES}", Content_Type=FORM).status == 413


def test_a_body_that_tells_no_length_is_cut_off_too(door: Door) -> None:
    door.log_in()
    cookie = "; ".join(f"{name}={value}" for name, value in door.cookies.items())
    head = f"POST / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Type: {FORM}\r\n"
    with socket.create_connection(("127.0.0.1", door.server.port), timeout=20) as line, line.makefile("rb") as reply:
        line.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(MOST_BYTES // 0x10000 + 1):
            line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert reply.readline().startswith(b"HTTP/1.1 413")


# ---------------------------------------------------------------- names, and what stands on every answer


def test_a_name_that_is_not_ours_is_told_how_to_become_so(door: Door) -> None:
    strange = door.ask("/login", Host="evil.example:8081")
    assert strange.status == 421
    assert 'hosts = ["evil.example"]' in strange.body.decode()
    for name in ("admin.example.com", "ADMIN.example.com:443", "localhost:8081", "feedpub:8081", "[::1]:8081"):
        assert door.ask("/login", Host=name).status == 200
    assert door.ask("/health/live", Host="evil.example").status == 200
    assert door.ask("/health/ready", Host="evil.example").status == 421
    assert "<" not in door.ask("/login", Host="<script>.example").body.decode()


@pytest.mark.parametrize("path", ["/", "/login", "/login.css", "/health/ready", "/health/live", "/nowhere", "/targets"])
def test_every_answer_is_kept_by_nobody_framed_by_nobody_and_runs_nothing(door: Door, path: str) -> None:
    for _ in range(2):
        headers = door.ask(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        door.log_in()


def test_the_login_page_needs_nothing_that_its_policy_forbids(door: Door) -> None:
    shown = door.ask("/login")
    policy = shown.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert not re.search(r"<style|<script| style=| on\w+=|https?://(?!www\.w3\.org)", shown.body.decode())


def test_nobody_without_a_session_learns_which_pages_there_are(door: Door) -> None:
    told = {path: door.ask(path).status for path in ("/targets", "/nowhere", "/logout", "/login/x", "/health")}
    assert set(told.values()) == {303}


# ---------------------------------------------------------------- the token's file


def test_a_token_is_made_once_for_our_eyes_alone_and_never_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with capture_logs() as told:
        token = token_of(AdminOptions(), folder / "admin-token")
    assert len(token) >= 43
    assert stat.S_IMODE((folder / "admin-token").stat().st_mode) == 0o600
    assert token_of(AdminOptions(), folder / "admin-token") == token
    assert [one.name for one in folder.iterdir()] == ["admin-token"]
    assert [(one["event"], one["file"]) for one in told] == [("admin_token_made", str(folder / "admin-token"))]
    assert token not in str(told)


def test_a_token_of_the_config_goes_before_and_no_file_is_made(tmp_path: Path) -> None:
    assert token_of(AdminOptions(token=TOKEN), tmp_path / "admin-token") == TOKEN
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "admin-token").write_text(TOKEN)
    (tmp_path / "admin-token").chmod(0o644)
    with capture_logs() as told:
        assert token_of(AdminOptions(), tmp_path / "admin-token") == TOKEN
    assert "chmod 600" in told[0]["why"]


@pytest.mark.parametrize(
    "content", ["", "short\n", "two words of a sentence\n", "日本語の長い合い言葉をここに書きました\n"]
)
def test_a_file_that_holds_no_token_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "admin-token").write_text(content)
    with pytest.raises(ConfigError, match="admin-token holds no token: delete it"):
        token_of(AdminOptions(), tmp_path / "admin-token")


def test_a_folder_that_cannot_be_written_is_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=r"stays closed.*chown -R \d+:\d+ .*or set \[admin\] token"):
        token_of(AdminOptions(), tmp_path / "data" / "admin-token")


@pytest.mark.parametrize("token", ["short", "with a blank in it.", "日本語の長い合い言葉をここに書きました"])
def test_a_token_that_is_easily_guessed_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        AdminOptions(token=token)


@pytest.mark.parametrize("host", ["https://admin.example.com", "admin.example.com:8081", "*.example.com", "a b", ""])
def test_a_host_is_a_name_alone(host: str) -> None:
    with pytest.raises(ValueError, match="names alone"):
        AdminOptions(hosts=(host,))
