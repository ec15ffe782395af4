"""What breaks around a running feedpub, and what it must do then: full and read-only disks, logs that lead nowhere,
locked and vanishing databases, clocks that jump, schemas of another time. Real ones, through the front door.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from feedpub.ledger import Ledger, schema
from feedpub.ledger.database import Database
from tests.databases import PostgreSQL
from tests.edge.front_door import CONSOLE, FEEDS, ROOT, Running, Site, Table, ago, discord, until, webhook
from tests.edge.receiver import Answer, Receiver

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="the shim that shifts a clock is compiled by gcc")
MARGIN = 30.0
"""Seconds for what should take one or two: the machine may be busy."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[None]:
    """Mount a small file system; skip where the machine does not let us."""
    at.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; returns the file to delete."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return filler


def begun(site: Site, **tables: Table) -> Running:
    """Start the daemon; its first poll is over, so that what is written now is news."""
    site.configure(**tables)
    site.feedpub("once")
    daemon = site.start("run")
    daemon.wait_for("listening", within=MARGIN)
    return daemon


def heard(receiver: Receiver) -> list[str]:
    """The articles that a receiver's hook was told of, in that order, each as often as it was."""
    return [one.json["data"]["id"] for one in receiver.requests if one.path == "/hook"]


def wait_for(receiver: Receiver, *ids: str) -> None:
    """Wait until the receiver has been told of these."""
    until(lambda: {*ids} <= {*heard(receiver)}, within=MARGIN)


def told(daemon: Running) -> str:
    """What its health address says is wrong; waits until it answers."""
    return " ".join(daemon.ask("/health/ready", admin=True).json["problems"])


def unharmed(daemon: Running) -> None:
    """It lives, and nothing happened that it did not expect."""
    assert daemon.code is None, daemon.err
    assert not daemon.events("fault"), daemon.err


# ---------------------------------------------------------------- disks


@needs_root
@pytest.mark.parametrize("ill", ["full", "read-only"])
def test_feeds_that_cannot_be_written_stay_as_they_were_and_hold_only_their_own_notices(
    site: Site, receiver: Receiver, ill: str
) -> None:
    output = site.folder / "public"
    with small_disk(output, "512k"):
        daemon = begun(site, targets={"now": webhook(receiver), "later": webhook(receiver, delay="2s")})
        site.publish("first")
        wait_for(receiver, "first")
        filler = fill(output) if ill == "full" else Path()
        if ill == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", output], check=True)
        before = {path: one for path, one in site.files().items() if path != "filler"}
        site.publish("second", content="長" * 20_000)
        until(lambda: len(heard(receiver)) == 2, within=MARGIN)  # what was in the feeds already is said
        wanted = "no space is left" if ill == "full" else "read-only file system"
        until(lambda: wanted in told(daemon), within=MARGIN)
        assert daemon.ask("/health/ready", admin=True).status == 503
        assert {path: one for path, one in site.files().items() if path != "filler"} == before
        assert not site.parted()
        assert heard(receiver) == ["first", "first"]
        states = {(one["article"], one["state"], one["held_by"]) for one in site.deliveries()}
        assert states == {("first", "sent", ""), ("second", "held", "feeds")}

        if ill == "full":
            filler.unlink()
        else:
            subprocess.run(["mount", "-o", "remount,rw", output], check=True)
        until(lambda: len(heard(receiver)) == 4, within=MARGIN)
        assert Counter(heard(receiver)) == {"first": 2, "second": 2}
        assert site.feed("all.rss").entries[0].link.endswith("second")
        assert not site.parted()
        assert not told(daemon)
        unharmed(daemon)
        daemon.end()


def test_one_feed_that_cannot_be_written_holds_no_other_one(site: Site, receiver: Receiver) -> None:
    feeds = FEEDS | {"formats": ["rss"]}
    site.configure(feeds=feeds, targets={"hook": webhook(receiver)})
    site.feedpub("once")
    for key, slug in (("1", "ill"), ("2", "well")):
        site.sql("INSERT INTO category (id, name, slug) VALUES (?, ?, ?)", key, slug, slug)
    site.feedpub("once")
    blocked = site.folder / "public" / "category" / "ill.rss"
    blocked.unlink()
    blocked.mkdir()
    site.publish("a", categories=["1"])
    site.publish("b", categories=["2"])
    failed = site.feedpub("once", code=1)
    assert "where another kind belongs" in failed.err
    assert heard(receiver) == ["b"]
    assert {entry.link for entry in site.feed("all.rss").entries} == {"https://news.test/a", "https://news.test/b"}
    blocked.rmdir()
    site.feedpub("once")
    assert heard(receiver) == ["b", "a"]


@needs_root
def test_a_full_disk_under_the_database_says_nothing_that_it_could_not_write_down(
    site: Site, receiver: Receiver
) -> None:
    disk = site.folder / "small"
    with small_disk(disk, "4m"):
        database: Table = {"url": "sqlite:///small/feedpub.db"}
        daemon = begun(site, database=database, targets={"hook": webhook(receiver)})
        site.publish("first")
        wait_for(receiver, "first")
        filler = fill(disk)
        site.publish("second", content="長" * 300_000)
        until(lambda: [one for one in daemon.events("failed") if "disk is full" in one["why"]], within=MARGIN)
        assert heard(receiver) == ["first"]
        filler.unlink()
        wait_for(receiver, "second")
        assert heard(receiver) == ["first", "second"]
        unharmed(daemon)
        daemon.end()


# ---------------------------------------------------------------- logs that lead nowhere


def test_a_terminal_on_a_full_disk_and_a_log_into_a_closed_pipe_stop_nobody(site: Site, receiver: Receiver) -> None:
    site.configure(targets={"hook": webhook(receiver), "terminal": CONSOLE})
    site.feedpub("once")
    reader, writer = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("wb") as full:
        daemon = subprocess.Popen([sys.executable, "-m", "feedpub", "run"], cwd=site.folder, stdout=full, stderr=writer)
    os.close(writer)
    try:
        site.publish("a")
        wait_for(receiver, "a")
        site.publish("b")
        wait_for(receiver, "b")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(MARGIN) == 0
    finally:
        daemon.kill()
        daemon.wait()
    states = {(one["target"], one["article"]): one["state"] for one in site.deliveries()}
    assert states["hook", "a"] == states["hook", "b"] == "sent"
    assert states["terminal", "a"] == "due"  # nothing can be shown: later, perhaps


# ---------------------------------------------------------------- databases


def test_a_locked_database_is_waited_for(site: Site, receiver: Receiver) -> None:
    daemon = begun(site, targets={"hook": webhook(receiver)})
    with closing(sqlite3.connect(site.folder / "feedpub.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        site.publish("a")
        time.sleep(2.5)
        assert not heard(receiver)
        other.execute("ROLLBACK")
    wait_for(receiver, "a")
    site.publish("b")
    wait_for(receiver, "b")
    assert heard(receiver) == ["a", "b"]
    assert not daemon.events("failed"), daemon.err
    unharmed(daemon)


def test_connections_that_postgresql_ends_lose_nothing_and_double_nothing(
    site: Site, receiver: Receiver, postgres: PostgreSQL
) -> None:
    url = postgres.fresh()
    daemon = begun(site, database={"url": url}, targets={"hook": webhook(receiver)})
    written = [f"a{number}" for number in range(12)]
    for id_ in written:
        site.publish(id_)
        time.sleep(0.23)  # beside the beat of the polls, so that every step is met some time
        postgres.cut_off(url)
    until(lambda: daemon.events("delivery"), within=3 * MARGIN)
    unharmed(daemon)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(within=MARGIN).code == 0
    # Whatever was leased at the moment of a cut waits for its lease to end, or for a new start.
    until(lambda: site.feedpub("once") and {one["state"] for one in site.deliveries()} == {"sent"}, within=3 * MARGIN)
    assert Counter(one.json["data"]["id"] for one in receiver.kept) == Counter(written)
    assert Counter(heard(receiver)) == Counter(written)


def test_a_second_feedpub_on_the_same_postgresql_is_refused_until_the_first_is_gone(
    site: Site, postgres: PostgreSQL
) -> None:
    daemon = begun(site, database={"url": postgres.fresh()})
    refused = site.feedpub("once", code=1)
    assert refused.err == (
        "another feedpub already runs on this PostgreSQL database: stop it first, or give this one "
        "a database of its own ([database] url)\n"
    )
    daemon.end()
    until(lambda: site.start("once").wait().code == 0)


def test_postgresql_that_is_stopped_and_started_is_waited_for(
    site: Site, receiver: Receiver, postgres: PostgreSQL
) -> None:
    daemon = begun(site, database={"url": postgres.fresh()}, targets={"hook": webhook(receiver)})
    site.publish("before")
    wait_for(receiver, "before")
    postgres.stop()
    try:
        site.publish("meanwhile")
        why = "the database cannot be reached: check that it runs and that database.url is right"
        assert daemon.wait_for("lead_lost")["why"] == why
        assert {one["why"] for one in daemon.events("failed")} <= {why}
        assert daemon.ask("/health/ready", admin=True).json["problems"] == [why]
        assert heard(receiver) == ["before"]
    finally:
        postgres.start()
    wait_for(receiver, "meanwhile")
    assert heard(receiver) == ["before", "meanwhile"]
    unharmed(daemon)
    daemon.end()


# ---------------------------------------------------------------- clocks


@needs_gcc
def test_a_clock_that_is_set_stalls_nothing_and_repeats_nothing(site: Site, receiver: Receiver, tmp_path: Path) -> None:
    targets: Table = {"hook": webhook(receiver), "paced": webhook(receiver, every="1s"), "room": discord(receiver)}
    site.configure(targets=targets)
    site.feedpub("once")
    said = ["first"]

    def told_all() -> bool:
        return Counter(heard(receiver)) == dict.fromkeys(said, 2)

    with shifted(site, tmp_path) as shift:
        site.publish("first", published=ago(hours=2))
        until(told_all, within=MARGIN)
        receiver.default = Answer(200, {"id": "99"}, after=1.0)
        for step, hours in (("an_hour_back", -1), ("an_hour_ahead", 0)):
            site.publish(f"{step}_under_way", published=ago(hours=2))
            wait_for(receiver, f"{step}_under_way")
            shift(hours * 3600)
            site.publish(f"{step}_over", published=ago(hours=2))
            said += [f"{step}_under_way", f"{step}_over"]
            until(told_all, within=MARGIN)
    assert told_all()
    assert [one.json["content"].rpartition("/")[2] for one in receiver.requests if one.path != "/hook"] == said
    assert {one["state"] for one in site.deliveries()} == {"sent"}
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert log.count("clock_stepped") == 2
    assert '"fault"' not in log


@contextmanager
def shifted(site: Site, folder: Path) -> Iterator[Callable[[int], object]]:
    """Run the daemon with a clock that can be set; it ends well."""
    shim, shift = folder / "shift.so", folder / "shift"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", shim, Path(__file__).with_name("clock_shift.c"), "-ldl"], check=True
    )
    shift.write_bytes(struct.pack("q", 0))
    environ = os.environ | {"LD_PRELOAD": str(shim), "CLOCK_SHIFT": str(shift)}

    def set_clock(seconds: int) -> None:
        with shift.open("r+b") as file:
            file.write(struct.pack("q", seconds))

    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen([sys.executable, "-m", "feedpub", "run"], cwd=site.folder, stderr=log, env=environ)
        try:
            yield set_clock
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(MARGIN) == 0
        finally:
            daemon.kill()
            daemon.wait()


# ---------------------------------------------------------------- schemas


def test_the_migrations_make_the_schema_that_the_code_means(empty_database_url: str) -> None:
    ledger = Ledger(Database(empty_database_url))
    ledger.open(lead=True)
    with ledger.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, schema.metadata)
    ledger.close()
    assert differences == []


@pytest.mark.parametrize("command", ["once", "run", "status"])
def test_a_database_of_a_later_feedpub_is_refused_in_one_sentence(site: Site, command: str) -> None:
    site.configure()
    site.feedpub("once")
    site.sql("UPDATE alembic_version SET version_num = '9999'", file="feedpub.db")
    before = site.sql("SELECT * FROM store", file="feedpub.db")
    refused = site.feedpub(command, code=1)
    assert refused.err == (
        "the database has schema '9999', which this feedpub does not know: run the feedpub that wrote it, "
        "or a later one\n"
    )
    assert site.sql("SELECT * FROM store", file="feedpub.db") == before


def test_an_older_file_is_copied_aside_before_it_is_changed_and_the_older_feedpub_refuses_the_newer_one(
    site: Site, tmp_path: Path
) -> None:
    site.configure()
    site.feedpub("once")
    site.publish("a")
    site.feedpub("once")
    later = tmp_path / "later"
    shutil.copytree(ROOT / "src", later, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    versions = later / "feedpub" / "ledger" / "migrations" / "versions"
    last = max(one.name[1:5] for one in versions.glob("v*.py"))
    (versions / "v9999_later.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision, down_revision = "9999", "{last}"\n\n\n'
        'def upgrade() -> None:\n    op.add_column("article", sa.Column("later", sa.String()))\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "feedpub", "once"]
    upgraded = subprocess.run(
        command,
        cwd=site.folder,
        env=os.environ | {"PYTHONPATH": str(later)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "0 new, 0 edited" in upgraded.stdout
    assert site.sql("SELECT id, later FROM article", file="feedpub.db") == [("a", None)]
    aside = f"feedpub.db.before-{last}"
    assert site.sql("SELECT version_num FROM alembic_version", file=aside) == [(last,)]
    assert site.sql("SELECT id FROM article", file=aside) == [("a",)]
    assert "run the feedpub that wrote it" in site.feedpub("once", code=1).err
