"""`feedpub check` beyond the config: at real folders, databases, ports and servers on loopback."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from feedpub.app import now
from feedpub.commands import machine
from feedpub.commands.checking import Checks
from feedpub.commands.findings import Finding, How
from feedpub.commands.machine import Place
from feedpub.feeds.moves import Signposts
from feedpub.http import Door
from feedpub.settings import Loaded, load
from feedpub.web.public import public_app
from feedpub.web.server import Server
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.front_door import Site, Table, written
from tests.edge.receiver import Answer, Mood, Receiver

NOBODY = 65534
RSS = """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>航空ニュース</title>
<link>https://news.test/</link><description>空</description>
<atom:link href="{url}" rel="self"/>{item}</channel></rss>"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that feedpub runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(environ: Mapping[str, str] | None = None, **tables: Table) -> Loaded:
    given: dict[str, Table] = {
        "site": {"title": "航空ニュース", "url": "https://news.test/"},
        "feeds": {"base_url": "http://127.0.0.1:1/feeds/"},
        "web": {"listen": "127.0.0.1:0"},
        "admin": {"listen": "127.0.0.1:0"},
    }
    Path("config").mkdir(exist_ok=True)
    file = Path("config/feedpub.toml")
    file.write_text(written(given | tables), encoding="utf-8")
    file.chmod(0o600)
    return load(Path("config"), environ or {})


def found(config: Loaded, *, offline: bool = True, ahead: float = 0) -> dict[str, list[Finding]]:
    """What is found, by what it is about; our clock may be some seconds ahead."""
    clock = partial(_ahead, timedelta(seconds=ahead))
    checks = Checks(config, Door(), clock, lambda: (), offline=offline, allow_private=True)
    by_subject: dict[str, list[Finding]] = {}
    for one in checks.findings():
        by_subject.setdefault(one.about, []).append(one)
    return by_subject


def _ahead(by: timedelta) -> datetime:
    return now() + by


def the(findings: Mapping[str, list[Finding]], about: str) -> Finding:
    (one,) = findings[about]
    return one


# ---------------------------------------------------------------- this machine


def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(folder: Path) -> None:
    seen = found(loaded())
    assert [one.how for one in seen["disk"] + seen["permissions"] + seen["ports"]].count(How.ILL) == 0
    assert the(seen, "database").how is How.UNSEEN
    assert "data/feedpub.db: not there yet; the first start makes it" in the(seen, "database").told
    assert [path.name for path in folder.iterdir()] == ["config"]


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user who may do little, if this one may do all."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(ours)


@pytest.fixture
def open_folder(folder: Path) -> Iterator[Path]:
    """A folder that everybody may come to, and this user's only to look at."""
    shut = [path for path in (folder, *folder.parents) if os.geteuid() == path.stat().st_uid]
    modes = {path: path.stat().st_mode for path in shut}
    for path in shut:
        path.chmod(modes[path] | 0o011)
    yield folder
    for path, mode in modes.items():
        path.chmod(mode)


def test_a_folder_that_this_user_may_not_write_to_is_told_with_the_command_that_mends_it(open_folder: Path) -> None:
    (open_folder / "feed files").mkdir()
    (open_folder / "feed files").chmod(0o555)
    (open_folder / "db").mkdir()
    (open_folder / "db").chmod(0o555)
    config = loaded(
        feeds={"base_url": "https://news.test/", "output": "feed files"}, database={"url": "sqlite:///db/x/a.db"}
    )
    with nobody():
        told = [one for one in machine.permissions(machine.places(config.settings), config) if one.how is How.ILL]
        who = f"{os.geteuid()}:{os.getegid()}"
    assert (
        f"feeds.output: feed files cannot be written by this user ({who}): chown -R {who} '{open_folder}/feed files'"
        in [one.told for one in told]
    )
    assert any(f"mkdir -p {open_folder}/db/x && chown -R {who} {open_folder}/db/x" in one.told for one in told)


def test_what_another_user_left_in_a_folder_of_ours_is_told(open_folder: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can leave something of another user's")
    for name in ("public/category", "data"):
        (open_folder / name).mkdir(parents=True)
    (open_folder / "data" / "feedpub.db").touch(mode=0o600)
    for name in ("public", "data"):
        os.chown(open_folder / name, NOBODY, -1)
    config = loaded(feeds={"base_url": "https://news.test/", "output": "public"})
    with nobody():
        told = [one.told for one in machine.permissions(machine.places(config.settings), config) if one.how is How.ILL]
    assert any(one.startswith("feeds.output: public holds what another user has written") for one in told)
    assert any(one.startswith("database.url: data holds what another user has written") for one in told)


def test_a_file_where_a_folder_should_be_is_told(folder: Path) -> None:
    (folder / "public").write_text("")
    told = [
        one.told for one in found(loaded(feeds={"base_url": "https://news.test/", "output": "public"}))["permissions"]
    ]
    assert f"feeds.output: public: {folder}/public is a file, and a folder is needed: move it away" in told[0]


def test_little_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("feeds.output", Path("data/public"))
    monkeypatch.setattr(machine, "LEAST_BYTES", 1 << 60)
    (told,) = machine.disk([place])
    assert told.how is How.ILL
    assert told.told.startswith("only ")
    monkeypatch.setattr(machine, "LEAST_BYTES", 0)
    monkeypatch.setattr(machine, "LEAST_FILES", 1 << 60)
    (told,) = machine.disk([place, Place("TMPDIR", Path("data"))])
    assert "inodes" in told.told
    assert "data/public, data" in told.told


def test_a_secret_that_everybody_may_read_is_a_caution_only_if_we_need_not_be_everybody(folder: Path) -> None:
    secret = folder / "secret token"
    secret.write_text("a-token-of-some-length")
    masto: Table = {"kind": "mastodon", "server": "https://social.test", "token": {"file": str(secret)}}
    config = loaded(targets={"social": masto})
    secret.chmod(0o644)
    (told,) = [one.told for one in found(config)["permissions"] if one.how is How.CAUTION]
    assert told.endswith(f"every user of this machine may read it: chmod o-r '{secret}'")
    with nobody():
        others = [one for one in machine.permissions((), config) if one.how is How.CAUTION]
    assert bool(others) is (os.geteuid() != 0), "who reads it as one of everybody must go on so"
    secret.chmod(0o600)
    assert [one.how for one in found(config)["permissions"]] == [How.WELL]


def test_a_config_that_holds_a_secret_itself_and_is_open_to_everybody_is_a_caution() -> None:
    masto: Table = {"kind": "mastodon", "server": "https://social.test", "token": "a-token-of-some-length"}
    config = loaded(targets={"social": masto})
    Path("config/feedpub.toml").chmod(0o644)
    (told,) = [one.told for one in found(config)["permissions"] if one.how is How.CAUTION]
    assert told.startswith("config/feedpub.toml holds a secret")
    assert "a-token" not in told


# ---------------------------------------------------------------- ports


def test_a_port_that_another_program_has_is_told() -> None:
    with Receiver() as one, Receiver() as other:
        web, admin = one.url.removeprefix("http://"), other.url.removeprefix("http://")
        seen = found(loaded(web={"listen": web}, admin={"listen": admin}))["ports"]
    assert [one.told for one in seen if one.how is How.ILL] == [
        f"web.listen: {web} is taken by another program: choose another port, or stop that program",
        f"admin.listen: {admin} is taken by another program: choose another port, or stop that program",
    ]


def test_a_feedpub_that_runs_is_recognised(folder: Path) -> None:
    server = Server.start(public_app(folder, "https://news.test/", Signposts), "127.0.0.1:0")
    try:
        config = loaded(web={"listen": f"127.0.0.1:{server.port}"})
        assert f"feedpub runs, and answers at 127.0.0.1:{server.port}" in [one.told for one in found(config)["ports"]]
    finally:
        server.stop()


def test_an_address_of_another_machine_is_told() -> None:
    seen = found(loaded(web={"listen": "192.0.2.1:8080"}))["ports"]
    assert "web.listen: this machine has no address 192.0.2.1:8080" in seen[0].told
    assert "below 1024" in machine._because(errno.EACCES, "0.0.0.0:80")


# ---------------------------------------------------------------- databases


def test_a_database_is_looked_at_and_not_touched(folder: Path) -> None:
    url = migrated_sqlite(folder)
    file = Path(url.removeprefix("sqlite:///"))
    told = the(found(loaded(database={"url": url})), "database")
    assert (told.how, told.told) == (
        How.WELL,
        f"SQLite {sqlite3.sqlite_version}, {file}: it can be used, and nothing in it is damaged",
    )
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0004'")
    before = connection.execute("SELECT * FROM alembic_version").fetchall()
    told = the(found(loaded(database={"url": url})), "database")
    assert told.how is How.UNSEEN
    assert "an earlier feedpub's; the next start upgrades it, after it has copied the file aside" in told.told
    assert connection.execute("SELECT * FROM alembic_version").fetchall() == before
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert "which this feedpub does not know" in the(found(loaded(database={"url": url})), "database").told


def test_a_damaged_database_is_told(folder: Path) -> None:
    url = migrated_sqlite(folder)
    file = Path(url.removeprefix("sqlite:///"))
    whole = file.read_bytes()
    file.write_bytes(whole[:40_960] + b"\x5a" * (len(whole) - 40_960))
    told = the(found(loaded(database={"url": url})), "database")
    assert told.how is How.ILL
    assert "damaged" in told.told
    file.write_bytes(b"this is a text, and no database" * 100)
    assert "is not a SQLite database" in the(found(loaded(database={"url": url})), "database").told


def test_a_large_database_is_looked_through_for_a_moment_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = migrated_sqlite(folder)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("CREATE TABLE filling (n INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO filling (text) VALUES (?)", [("x" * 50,)] * 20_000)
    connection.close()
    monkeypatch.setattr(machine, "LOOKED_THROUGH", timedelta(0))
    told = the(found(loaded(database={"url": url})), "database")
    assert told.how is How.WELL
    assert "too large to be looked through" in told.told


def test_a_postgresql_is_looked_at_and_its_clock_is_ours(postgres: PostgreSQL) -> None:
    seen = found(loaded(database={"url": postgres.migrated()}))
    assert the(seen, "database").how is How.WELL
    assert the(seen, "database").told.startswith("PostgreSQL 18")
    assert the(seen, "clock").told == "this machine's clock goes with the database"
    assert the(found(loaded(database={"url": postgres.fresh()})), "database").how is How.UNSEEN


def test_a_database_that_does_not_answer_is_told_without_its_address() -> None:
    told = the(found(loaded(database={"url": "postgresql://me:canary-s3cret@127.0.0.1:1/news"})), "database")
    assert told.how is How.ILL
    assert "cannot be reached" in told.told
    assert "canary" not in told.told


def test_what_hangs_is_told_at_the_deadline() -> None:
    def hang() -> tuple[str, ...]:
        time.sleep(2)
        return ()

    config = loaded(database={"url": migrated_sqlite(Path.cwd())})
    begun = time.monotonic()
    checks = Checks(config, Door(), now, hang, offline=True)
    (told,) = [one for one in checks.findings(timedelta(seconds=0.5)) if one.about == "database"]
    assert time.monotonic() - begun < 1.5
    assert "something hangs there" in told.told


# ---------------------------------------------------------------- outside


def test_feeds_that_feedpub_serves_itself_are_as_readers_need_them(folder: Path) -> None:
    output = folder / "public"
    output.mkdir()
    server = Server.start(public_app(output, "https://news.test/feeds/", Signposts), "127.0.0.1:0")
    try:
        url = f"http://127.0.0.1:{server.port}/feeds/"
        config = loaded(feeds={"base_url": url, "output": "public"})
        assert the(found(config, offline=False), "feeds").how is How.UNSEEN
        (output / "all.rss").write_text(RSS.format(url=f"{url}all.rss", item=""), encoding="utf-8")
        seen = found(config, offline=False)
        assert the(seen, "feeds").told == f"{url}all.rss answers as readers need it"
        assert the(seen, "clock").told == "this machine's clock goes with 127.0.0.1"
    finally:
        server.stop()


@pytest.fixture
def web() -> Iterator[Receiver]:
    """A web server in front, with moods."""
    with Receiver() as server:
        yield server


def feed(web: Receiver, answer: Answer, *, is_written: bool = True) -> Finding:
    """What is found of our feed, where a web server answers so."""
    web.routes["GET /feeds/all.rss"] = answer
    config = loaded(feeds={"base_url": f"{web.url}/feeds/", "output": "public"})
    Path("public").mkdir(exist_ok=True)
    ours = Path("public/all.rss")
    ours.write_bytes(body(web)) if is_written else ours.unlink(missing_ok=True)
    return the(found(config, offline=False), "feeds")


def body(web: Receiver, item: str = "") -> bytes:
    return RSS.format(url=f"{web.url}/feeds/all.rss", item=item).encode()


RIGHT = {"content-type": "application/rss+xml; charset=utf-8", "etag": '"1"'}


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (200, {"content-type": "application/rss+xml"}, "without an ETag"),
        (200, RIGHT, "not with HTTP 304 to If-None-Match"),
        (200, RIGHT | {"content-type": "text/html"}, "as text/html, which some readers refuse"),
        (404, {}, "answers HTTP 404 for"),
        (502, {}, "have the web server pass /feeds/ on to feedpub at 127.0.0.1:0, or serve the folder public there"),
        (302, {"location": "/feeds/all.rss"}, "leads on more than 5 times"),
    ],
)
def test_feeds_that_are_not_as_readers_need_them_are_told(
    web: Receiver, status: int, headers: dict[str, str], told: str
) -> None:
    one = feed(web, Answer(status, body(web), headers))
    assert told in one.told
    assert one.how is (How.CAUTION if status == 200 else How.ILL)


def test_another_page_at_the_feeds_address_is_told_and_not_shown(web: Receiver) -> None:
    other = Answer(200, b"<html><title>canary-s3cret</title></html>")
    one = feed(web, other)
    assert one.how is How.ILL
    assert "is not feedpub's feed" in one.told
    assert "canary" not in one.told
    assert feed(web, other, is_written=False).how is How.UNSEEN
    assert feed(web, Answer(404), is_written=False).how is How.UNSEEN


def test_an_older_state_of_our_feed_is_our_feed(web: Receiver) -> None:
    item = "<item><title>前の記事</title><link>https://news.test/1</link><guid>1</guid></item>"
    assert "is not feedpub's" not in feed(web, Answer(200, body(web, item), RIGHT)).told


def test_a_feed_that_has_moved_is_told_with_the_address_to_write(web: Receiver) -> None:
    web.routes["GET /new/all.rss"] = Answer(200, body(web), RIGHT)
    one = feed(web, Answer(301, b"", {"location": "/new/all.rss"}))
    assert f"it leads to {web.url}/new/all.rss: write that into feeds.base_url" in one.told


def test_a_private_address_is_not_asked_unless_that_is_meant(web: Receiver) -> None:
    config = loaded(feeds={"base_url": f"{web.url}/feeds/", "output": "public"})
    seen = list(Checks(config, Door(), now, lambda: ()).findings())
    (one,) = [one for one in seen if one.about == "feeds"]
    assert (one.how, one.told) == (How.CAUTION, "feeds.base_url names 127.0.0.1: nobody outside finds feeds there")
    assert web.aside == []


def test_hubs_are_asked_whether_they_answer(web: Receiver) -> None:
    web.routes |= {"GET /hub": Answer(400), "GET /gone": Answer(410), "GET /ill": Answer(503)}
    hubs: dict[str, object] = {
        name: {"kind": "websub", "hub_url": f"{web.url}/{name}", "allow_private": True}
        for name in ("hub", "gone", "ill")
    }
    hubs["shut"] = {"kind": "websub", "hub_url": "http://127.0.0.1:1/", "allow_private": True}
    seen = found(loaded(targets=hubs), offline=False)
    assert {name: the(seen, f"targets.{name}").how for name in hubs} == {
        "hub": How.WELL,
        "gone": How.ILL,
        "ill": How.ILL,
        "shut": How.ILL,
    }
    assert "refuses connections" in the(seen, "targets.shut").told


def test_a_clock_that_is_off_is_told_by_the_date_of_whoever_answers(web: Receiver) -> None:
    wire: Table = {"kind": "feed", "url": f"{web.url}/feed", "allow_private": True}
    config = loaded(stores={"wire": wire})
    assert the(found(config, offline=False), "clock").how is How.WELL
    told = the(found(config, offline=False, ahead=3600), "clock")
    assert told.how is How.ILL
    assert re.fullmatch(r"this machine's clock is 3,(600|599|601) s ahead of 127\.0\.0\.1: set it, .+", told.told)
    assert {seen.method for seen in web.requests} == {"HEAD"}


def test_a_web_server_that_hangs_does_not_keep_us(web: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feedpub.commands.outside.PATIENCE", timedelta(seconds=0.3))
    one = feed(web, Answer(200, mood=Mood.HANG))
    assert (one.how, "did not answer in time" in one.told) == (How.ILL, True)


# ---------------------------------------------------------------- the command


def test_check_tells_what_is_well_and_what_is_not_and_fails_only_for_the_second(site: Site) -> None:
    site.configure()
    first = site.feedpub("check", "--offline")
    assert "database: " in first.out
    assert first.err == ""
    assert {one["how"] for one in site.feedpub("check", "--offline", "--json").json} <= {"ok", "not seen"}
    with Receiver() as taken:
        site.configure(web={"listen": taken.url.removeprefix("http://")})
        assert "problem: ports: web.listen: 127.0.0.1:" in site.feedpub("check", "--offline", code=1).err
        site.feedpub("check", "--config-only")


def test_check_shows_what_is_in_force_and_from_where(site: Site) -> None:
    hook = "https://discord.com/api/webhooks/1/canary-s3cret"
    site.configure(targets={"room": {"kind": "discord", "webhook_url": hook}})
    site.environ["FEEDPUB_LOG__LEVEL"] = "debug"
    told = site.feedpub("check", "--show").out
    assert "canary" not in told
    assert '[targets.room]\nkind = "discord"' in told
    assert "webhook_url = (secret)" in told
    line = next(line for line in told.splitlines() if line.startswith("level"))
    assert line.split() == ["level", "=", '"debug"', "#", "FEEDPUB_LOG__LEVEL"]
    only = site.feedpub("check", "--show", "targets.room", "log", "--json").json
    assert {one["key"].split(".")[0] for one in only} == {"targets", "log"}
    assert "nothing of that name" in site.feedpub("check", "--show", "targets.nobody", code=1).err
