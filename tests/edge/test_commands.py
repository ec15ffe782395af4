"""The commands in odd places and about odd things: what they say, and how they end."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog
from rich.console import Console
from sqlalchemy import create_engine, make_url, text

from feedpub.app import App
from feedpub.cli import show
from feedpub.daemon import Daemon
from feedpub.settings import load
from feedpub.web import Fronts
from tests.databases import PostgreSQL
from tests.edge.front_door import CONSOLE, ENGLISH, FEEDS, ROOT, Site, free_port, until, webhook
from tests.edge.receiver import Receiver


def command(site: Site, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `feedpub ARGS` in an interpreter of its own."""
    whole = os.environ | {"PYTHONPATH": str(ROOT / "src")} | environ
    line = [sys.executable, "-m", "feedpub", *args]
    return subprocess.run(line, cwd=site.folder, env=whole, capture_output=True, text=True, check=False, timeout=60)


# ---------------------------------------------------------------- terminals


def test_a_terminal_that_knows_no_japanese_is_told_all_the_same(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    site.publish("one", title="見出し")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    said = command(site, "once", **ascii_only)
    assert (said.returncode, said.stderr.count('"outcome": "said"')) == (0, 1)
    assert "\\u898b\\u51fa\\u3057\nhttps://news.test/one\n" in said.stdout
    listed = command(site, "deliveries", "list", **ascii_only)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "one \\u898b\\u51fa\\u3057" in listed.stdout


def test_a_narrow_terminal_folds_what_is_long_and_cuts_no_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "out", Console(width=60, soft_wrap=True))
    why = "the webhook did not take this notice (HTTP 422): change its template or the article"
    rows = [("12345", "discord_news_of_japan", "", why), ("7", "terminal", "", "https://social.test/@news/77")]
    show.table(("id", "target", "due", "why or where"), rows, names=2)
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 60
    assert "due" not in told
    assert "12345  discord_news_of_japan  the webhook did not take" in told
    assert all(word in told for word in why.split())


def test_where_a_terminal_is_too_narrow_what_is_long_stands_in_lines_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "the webhook did not take this notice (HTTP 422): change its template or the article"
    rows = [("12", "news", "failed", "a1 海自の新型護衛艦", why), ("7", "terminal", "sent", "a2 [bold]", "")]
    columns = ("id", "target", "state", "about", "why or where")
    monkeypatch.setattr(show, "out", Console(width=60, soft_wrap=True))
    show.entries(columns, rows, names=2, below=2)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "id  target    state",
        "12  news      failed",
        "    a1 海自の新型護衛艦",
        "    the webhook did not take this notice (HTTP 422): change",
        "    its template or the article",
        "7   terminal  sent",
        "    a2 [bold]",
    ]
    monkeypatch.setattr(show, "out", Console(width=200, soft_wrap=True))
    show.entries(columns, rows, names=2, below=2)
    assert f"12  news      failed  a1 海自の新型護衛艦  {why}" in capsys.readouterr().out


def test_every_moment_is_told_in_the_sites_time_wherever_feedpub_runs(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE | {"delay": "1h"}})
    site.environ["TZ"] = "America/New_York"
    site.feedpub("once")
    site.publish("one")
    site.feedpub("once")
    (store,) = site.feedpub("status", "--json").json["stores"]
    polled = datetime.fromisoformat(store["polled_at"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{polled:%Y-%m-%d %H:%M:%S}" in site.feedpub("status").out
    (one,) = site.deliveries()
    due = datetime.fromisoformat(one["due_at"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{due:%Y-%m-%d %H:%M:%S}" in site.feedpub("deliveries", "list").out


def test_why_a_target_is_paused_is_told_once(site: Site) -> None:
    with Receiver() as server:
        server.default = (401, {})
        site.configure(targets={"hook": webhook(server)})
        site.feedpub("once")
        site.publish("one")
        site.feedpub("once", code=1)
    told = site.feedpub("status", code=1).out
    assert told.count("does not let us in") == 1
    assert re.search(r"^hook +webhook +1 +paused *$", told, re.MULTILINE)


def test_ctrl_c_while_feedpub_is_being_imported_ends_it_without_a_word(site: Site, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(9)"
    )
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    ended = command(site, "check", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT / 'src'}")
    signal.signal(signal.SIGINT, ours)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


# ---------------------------------------------------------------- where the config is


def test_the_folder_of_the_config_may_be_named_after_the_command_too(site: Site) -> None:
    site.configure()
    (site.folder / "config").rename(site.folder / "elsewhere")
    valid = "The config is valid"
    for args in (
        ("check", "--config-only", "--config", "elsewhere"),
        ("check", "--config-only", "--config=elsewhere"),
        ("--config", "elsewhere", "check", "--config-only"),
    ):
        assert valid in site.feedpub(*args).out
    site.feedpub("once", "--config", "elsewhere")
    assert site.feedpub("deliveries", "list", "--config", "elsewhere", "--json").json == []
    assert "no such directory" in site.feedpub("check", "--config", "nowhere", code=2).err
    assert "--config" in site.feedpub("check", "--config", code=2).err
    assert "no such directory" in site.feedpub("announce", "--", "--config=elsewhere", code=2).err


def test_a_file_in_the_place_of_the_configs_folder_is_told(site: Site) -> None:
    site.configure()
    assert site.feedpub("--config", "config/feedpub.toml", "check", code=2).err == (
        "config/feedpub.toml: this is a file; name the folder that it lies in: --config config\n"
    )


def test_the_examples_address_is_refused_with_its_file_and_line(site: Site) -> None:
    site.configure(site={"title": "航空ニュース", "url": "https://example.jp/"})
    site.environ["FEEDPUB_FEEDS__BASE_URL"] = "https://feeds.example.com/"
    told = "this is still the example's address; write your own site's, or try `feedpub demo`\n"
    assert site.feedpub("check", code=2).err == (
        f"config/feedpub.toml:3: site.url: {told}environment FEEDPUB_FEEDS__BASE_URL: feeds.base_url: {told}"
    )


# ---------------------------------------------------------------- health


def test_a_healthcheck_that_nobody_answers_names_the_port_and_asks_whether_feedpub_runs(site: Site) -> None:
    site.configure(admin={"listen": f"127.0.0.1:{(port := free_port())}"})
    told = f"127.0.0.1 refuses connections at port {port}: does feedpub run, and is this its admin.listen?\n"
    assert site.feedpub("healthcheck", code=1).err == told
    site.environ["FEEDPUB_ADMIN__LISTEN"] = "garbage"
    told = 'FEEDPUB_ADMIN__LISTEN: write the address and port of admin.listen, such as "127.0.0.1:8081"\n'
    assert site.feedpub("healthcheck", code=1).err == told


# ---------------------------------------------------------------- databases


@pytest.mark.parametrize("args", [("status",), ("deliveries", "list"), ("resume", "hook"), ("announce", "1")])
def test_a_command_that_looks_at_what_was_done_makes_no_database(site: Site, args: tuple[str, ...]) -> None:
    site.configure(database={"url": "sqlite:///data/feedpub.db"})
    refused = site.feedpub(*args, code=1)
    assert refused.err == (
        f"there is no database yet: {site.folder / 'data' / 'feedpub.db'} is missing; go to the folder that feedpub "
        "runs in, or start it here first: feedpub once\n"
    )
    assert [path.name for path in site.folder.iterdir()] == ["config"]


def test_an_empty_database_is_told_apart_from_one_that_has_nothing_to_tell(site: Site, empty_database_url: str) -> None:
    site.configure(database={"url": empty_database_url})
    Path(make_url(empty_database_url).database or "").touch() if empty_database_url.startswith("sqlite") else None
    assert " is empty: start feedpub first, for example by `feedpub once`\n" in site.feedpub("status", code=1).err
    site.feedpub("once")
    assert site.feedpub("status").out.startswith("0 articles public")


@pytest.mark.parametrize("stranger", ["CREATE TABLE item (x)", "CREATE TABLE alembic_version (version_num)"])
def test_another_programs_database_is_refused_by_its_name_and_not_touched(site: Site, stranger: str) -> None:
    site.configure()
    site.sql(stranger, file="feedpub.db")
    if "alembic" in stranger:
        site.sql("INSERT INTO alembic_version VALUES ('5f3a')", file="feedpub.db")
    before = (site.folder / "feedpub.db").read_bytes()
    for args in ("once", "status"):
        assert site.feedpub(args, code=1).err == (
            "the database feedpub.db belongs to another program: give feedpub one of its own ([database] url)\n"
        )
    assert (site.folder / "feedpub.db").read_bytes() == before or "alembic" in stranger


def test_a_postgresql_may_hold_what_is_not_ours_but_not_by_our_names(site: Site, postgres: PostgreSQL) -> None:
    url = postgres.fresh()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    site.configure(database={"url": url})
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE article (x int)"))
        refused = site.feedpub("once", code=1).err
        connection.execute(text("ALTER TABLE article RENAME TO item"))
    engine.dispose()
    assert (
        refused == "this PostgreSQL database belongs to another program: give feedpub one of its own ([database] url)\n"
    )
    site.feedpub("once")


def test_what_ails_a_database_is_told_with_its_name(site: Site) -> None:
    site.configure()
    (site.folder / "feedpub.db").write_text("no database at all, but long enough to be taken for one" * 99)
    assert site.feedpub("status", code=1).err == (
        "the database feedpub.db is not a SQLite database: move it away, or change database.url\n"
    )


# ---------------------------------------------------------------- the demo


def test_a_demo_whose_port_is_taken_says_at_which_one_it_answers(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        site.environ["FEEDPUB_WEB__LISTEN"] = f"127.0.0.1:{port}"
        demo = site.start("demo")
        until(lambda: "new one appears" in demo.out)
        sentence = rf"127.0.0.1:{port} is taken by another program, so the demo answers at port (\d+)\.\n"
        told = re.match(sentence, demo.out)
        assert told
        assert f"http://127.0.0.1:{told[1]}/" in demo.out
        with closing(http.client.HTTPConnection("127.0.0.1", int(told[1]), timeout=10)) as connection:
            connection.request("GET", "/category/america.rss")
            assert connection.getresponse().headers["Location"] == f"http://127.0.0.1:{told[1]}/category/us.rss"
        admin = re.search(r"Admin page: +http://127\.0\.0\.1:(\d+)/   \(its token: (\S{43})\)\n", demo.out)
        assert admin
        with closing(http.client.HTTPConnection("127.0.0.1", int(admin[1]), timeout=10)) as connection:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/login", f"token={admin[2]}", form)
            assert connection.getresponse().headers["Location"] == "/"
        demo.signal(signal.SIGTERM)
        demo.wait()


# ---------------------------------------------------------------- what came of it


def test_once_tells_each_failure_once_and_ends_with_1(site: Site) -> None:
    with Receiver() as server:
        server.script = [(422, {}), (503, {}), (200, {}), (401, {})]
        site.configure(site=ENGLISH, targets={"hook": webhook(server), "later": CONSOLE | {"delay": "1h"}})
        site.feedpub("once")
        site.publish("one")
        refused = site.feedpub("once", code=1)
        assert "1 to be said later: feedpub deliveries list --state due" in refused.out
        assert refused.out.count("HTTP 422") == 0
        assert re.findall("^targets.hook: a notice could not be said: .*HTTP 422.*$", refused.err, re.MULTILINE)
        assert site.feedpub("once").out.startswith("0 new")
        site.publish("two")
        busy = site.feedpub("once", code=1).err
        assert re.search(
            r"^targets.hook: a notice could not be said: .*; it is tried again from \d\d:\d\d on$", busy, re.MULTILINE
        )
        site.feedpub("deliveries", "retry", *(str(one["id"]) for one in site.deliveries("--article", "two")))
        site.feedpub("resume", "hook")
        assert "Said: 1 to hook" in site.feedpub("once").out
        site.publish("three")
        paused = site.feedpub("once", code=1)
        assert (paused.out + paused.err).count("targets.hook is paused: ") == 1
        assert "targets.hook is paused: " in paused.err
        assert "Problem: targets.hook is paused: " in site.feedpub("once").out


def test_a_store_that_fails_is_told_once_by_once(site: Site) -> None:
    site.configure()
    site.feedpub("once")
    site.store.unlink()
    failed = site.feedpub("once", code=1)
    assert "Problem" not in failed.out
    told = [line for line in failed.err.splitlines() if not line.startswith("{")]
    assert len(told) == 1
    assert told[0].startswith("stores.main: articles.db: no such file")


def test_feeds_that_cannot_be_written_are_a_problem_to_commands_beside_until_they_can(site: Site) -> None:
    site.configure(site=ENGLISH)
    site.feedpub("once")
    blocked = site.folder / "public" / "all.rss"
    blocked.unlink()
    blocked.mkdir()
    site.publish("one")
    assert "where another kind belongs" in site.feedpub("once", code=1).err
    (problem,) = site.feedpub("status", "--json", code=1).json["problems"]
    assert re.fullmatch(r"feeds cannot be written since [0-9 :-]{16}: the log of the feedpub that .*", problem)
    blocked.rmdir()
    site.feedpub("once")
    assert site.feedpub("status", "--json").json["problems"] == []


def test_a_category_that_nobody_has_is_a_caution_and_no_problem(site: Site) -> None:
    own = {"air": {"title": "空", "categories": ["日本"], "skip_categories": ["英国"]}}
    wanted = CONSOLE | {"categories": ["米国", "日本"]}
    site.configure(site=ENGLISH, feeds=FEEDS | {"own": own}, targets={"terminal": wanted})
    site.feedpub("once")
    assert site.feedpub("status", "--json").json["cautions"] == []
    site.sql("INSERT INTO category (id, name, slug) VALUES ('1', '日本', 'jp')")
    site.feedpub("once")
    assert site.feedpub("status", "--json").json["cautions"] == [
        "feeds.own.air.skip_categories: no store has a category 英国",
        "targets.terminal.categories: no store has a category 米国",
    ]
    assert "caution: targets.terminal.categories: no store has a category 米国\n" in site.feedpub("status").out
    checked = site.feedpub("check", "--offline")
    assert "targets.terminal.categories: no store has a category 米国\n" in checked.err
    assert checked.out.startswith("The config is valid: ")


# ---------------------------------------------------------------- what people decide


def test_what_cannot_be_decided_says_how_it_stands(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    site.publish("one", "two")
    site.feedpub("once")
    ids = [str(one["id"]) for one in site.deliveries()]
    site.sql("UPDATE delivery SET state = 'sending' WHERE id = ?", ids[0], file="feedpub.db")
    sending = f"delivery {ids[0]} is left as it is: it is being said just now (sending)\n"
    for verb in ("retry", "cancel"):
        told = site.feedpub("deliveries", verb, ids[0], ids[1], "999", code=1)
        assert told.err == (
            f"{sending}delivery {ids[1]} is left as it is: it was said (sent)\nthere is no delivery 999\n"
        )
    released = site.feedpub("deliveries", "release", "999", ids[0], code=1)
    assert (released.out, released.err) == ("0 released.\n", f"there is no delivery 999\n{sending}")
    assert site.feedpub("deliveries", "release").out == "0 released.\n"
    assert site.feedpub("resume", "terminal").out == "terminal was not paused.\n"
    unknown = "there is no target nope: the config has terminal\n"
    for args in (("list",), ("release",)):
        assert site.feedpub("deliveries", *args, "--target", "nope", code=1).err == unknown
    site.configure()
    site.feedpub("once")
    gone = site.feedpub("deliveries", "cancel", ids[1], code=1).err
    assert gone == f"delivery {ids[1]} is left as it is: its target terminal is not in the config\n"
    assert len(site.deliveries("--target", "terminal")) == 2
    assert site.feedpub("announce", "one", code=1).err == (
        "there is no target that articles are told to: add one to the config\n"
    )


# ---------------------------------------------------------------- the daemon, from inside


@pytest.fixture
def app(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """An app of its own in the site's folder."""
    monkeypatch.chdir(site.folder)
    site.configure()
    app = App.open(load(Path("config"), {}), lead=True)
    yield app
    app.close()


def test_an_address_that_cannot_be_had_live_is_one_event_and_a_problem_until_it_is_changed(
    site: Site, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    fronts, daemon = Fronts(app), Daemon(app, Path("config"), {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        site.configure(site=ENGLISH, web={"listen": address})
        daemon._apply_config(fronts)
        why = (
            f"one change is not in force: web.listen: {address} is taken by another program; choose another port or "
            "stop that program"
        )
        assert [str(one) for one in app.problems()] == [why]
        site.configure()
        daemon._apply_config(fronts)
    fronts.stop()
    assert app.problems() == ()
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [one["event"] for one in told] == ["admin_token_made", "listening", "config_refused", "config_applied"]
    assert told[2]["why"] == why


@pytest.mark.parametrize("fate", ["deleted", "replaced"])
def test_a_daemon_whose_database_is_taken_away_stops_and_says_so(site: Site, app: App, fate: str) -> None:
    daemon = Daemon(app, None, {})
    daemon._tidy()
    assert not daemon._stopping.is_set()
    for path in site.folder.glob("feedpub.db*"):
        path.unlink()
    if fate == "replaced":
        shutil.copy(site.folder / "config" / "feedpub.toml", "feedpub.db")
    with structlog.testing.capture_logs() as told:
        daemon._tidy()
    assert (daemon._stopping.is_set(), daemon._code) == (True, 1)
    why = (
        "feedpub.db was moved, deleted or replaced while feedpub ran: put it back, or start feedpub again with what is "
        "there"
    )
    assert [(one["event"], one["why"]) for one in told] == [("lead_lost", why)]
