"""feedpub backup and feedpub restore through the front door: one file holds all, and comes back whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from feedpub.commands.restoring import finish, restore
from feedpub.settings import Settings, load
from tests.databases import PostgreSQL
from tests.edge.front_door import STORE, Launcher, Site, until, webhook
from tests.edge.moving import POSTGRESQL, SQLITE, Fresh, fresh
from tests.edge.receiver import Receiver
from tests.edge.test_upgrade import old_url

__all__ = ["fresh", "old_url"]

OWN = ("feedpub.db", "feedpub-briefs.db", "articles.db")


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, launcher: Launcher) -> Path:
    """The folder of a site that has said three articles and a brief."""
    site = Site(tmp_path_factory.mktemp("model"), launcher)
    with Receiver() as hook:
        on(site, hook)
        site.feedpub("once")
        site.publish("a", "b", "c")
        site.feedpub("brief", "短信です")
        site.feedpub("once")
        assert len(hook.requests) == 4
    return site.folder


@pytest.fixture
def lived(site: Site, hook: Receiver, model: Path) -> Site:
    """Such a site."""
    shutil.copytree(model, site.folder, dirs_exist_ok=True)
    on(site, hook)
    return site


def on(site: Site, hook: Receiver, url: str = "sqlite:///feedpub.db", **options: object) -> None:
    site.configure(stores={"main": STORE}, targets={"hook": webhook(hook, **options)}, database={"url": url})


def told(hook: Receiver) -> list[str]:
    """What the receiver was told, by the last letter of its address; briefs have none of their own."""
    urls = [seen.json["data"].get("url", "") for seen in hook.requests]
    return [url[-1] for url in urls if url.startswith("https://news.test/") and "/feeds/" not in url]


def sound(path: Path) -> dict[str, int]:
    """Have SQLite look through a file; tells how many rows each table has."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    """Every file of ours, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*") if path.is_file()}


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize(("made_on", "put_back_on"), [(SQLITE, SQLITE), (POSTGRESQL, POSTGRESQL), (SQLITE, POSTGRESQL)])
def test_a_backup_comes_back_and_nothing_is_said_twice(
    site: Site, hook: Receiver, fresh: Fresh, made_on: str, put_back_on: str
) -> None:
    urls = {kind: "sqlite:///feedpub.db" if kind == SQLITE else fresh(kind) for kind in {made_on, put_back_on}}
    on(site, hook, urls[made_on])
    site.feedpub("once")
    site.publish("a", "b", "c")
    site.feedpub("once")
    on(site, hook, urls[made_on], delay="1h")
    site.publish("d")
    site.feedpub("once")
    assert "is written" in site.feedpub("backup", "b.tar").out
    on(site, hook, urls[made_on])
    site.publish("e")
    site.feedpub("deliveries", "retry", *[str(one["id"]) for one in site.deliveries("--state", "due")])
    site.feedpub("once")
    said = told(hook)
    assert sorted(said) == [*"abcde"]

    on(site, hook, urls[put_back_on])
    out = site.feedpub("restore", "b.tar").out
    assert "held: 1 notices that were owed then and may have been said since" in out
    site.feedpub("once")
    site.feedpub("once")
    assert told(hook) == said
    # The store came back too, as it was: what it does not hold any more is gone from there, and not owed.
    assert {one["article"] for one in site.deliveries("--held-by", "restore")} == {"d"}
    site.publish("f")
    site.feedpub("once")
    assert told(hook) == [*said, "f"]
    site.feedpub("deliveries", "release", "--yes")
    site.feedpub("once")
    assert told(hook) == [*said, "f", "d"]


def test_the_database_alone_comes_back_and_what_the_store_has_since_is_held(lived: Site, hook: Receiver) -> None:
    lived.feedpub("backup", "b.tar")
    lived.publish("d")
    lived.feedpub("once")
    said = len(hook.requests)
    out = lived.feedpub("restore", "b.tar", "--keep-stores").out
    assert "stores.main: left as it is" in out
    assert lived.sql("SELECT count(*) FROM article") == [(4,)]
    lived.feedpub("once")
    assert len(hook.requests) == said
    assert [one["article"] for one in lived.deliveries("--held-by", "restore")] == ["d"]
    assert "feedpub deliveries release --target hook" in lived.feedpub("status", code=1).out


def test_an_archive_can_be_read_by_anybody_and_holds_nothing_but_its_owner_may_see_it(lived: Site) -> None:
    lived.feedpub("backup", "b.tar")
    archive = lived.folder / "b.tar"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    folder = unpacked(archive, lived.folder / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["site"] == "https://news.test/"
    assert [one["name"] for one in manifest["files"]] == ["feedpub.db", "briefs.db", "stores/main.db"]
    assert sound(folder / "feedpub.db")["delivery"] == 4
    assert sound(folder / "briefs.db")["article"] == 1
    assert sound(folder / "stores" / "main.db")["article"] == 3
    assert not list(lived.folder.glob(".feedpub-backup*"))


def test_a_backup_goes_to_standard_output_and_a_packed_one_comes_back_from_standard_input(lived: Site) -> None:
    lived.feedpub("backup", "b.tar")
    running = lived.start("backup", "-")
    lived.started.remove(running)  # what it prints is no text
    until(lambda: running.code is not None)
    assert running.code == 0
    printed = (running.folder / "out").read_bytes()
    with tarfile.open(fileobj=BytesIO(printed)) as archive:
        assert archive.getnames() == ["manifest.json", "feedpub.db", "briefs.db", "stores/main.db"]
    packed = lived.folder / "b.tar.gz"
    packed.write_bytes(gzip.compress(printed))
    ended = lived.start("restore", "-", keyboard=str(packed)).wait()
    assert (ended.code, ended.err) == (0, "")
    assert lived.sql("SELECT count(*) FROM delivery", file="feedpub.db") == [(4,)]


def test_a_copy_of_the_database_that_somebody_made_by_hand_is_put_back_as_well(lived: Site, hook: Receiver) -> None:
    lived.feedpub("backup", "b.tar")
    unpacked(lived.folder / "b.tar", lived.folder / "out")
    lived.publish("d")
    lived.feedpub("once")
    said = len(hook.requests)
    lived.feedpub("restore", "out/feedpub.db")
    lived.feedpub("once")
    assert len(hook.requests) == said
    assert (lived.folder / "feedpub.db.before-restore").exists()


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_a_database_of_an_earlier_feedpub_is_brought_up_to_date_before_it_comes_back(
    lived: Site, hook: Receiver, old_url: str
) -> None:
    lived.feedpub("restore", str(make_url(old_url).database))
    assert sound(lived.folder / "feedpub.db")["alert"] == 0
    assert not list(lived.folder.glob(".*before*"))
    said = len(hook.requests)
    lived.feedpub("once")
    assert len(hook.requests) == said


def test_the_database_that_lies_there_may_be_told_to_be_an_older_copy(lived: Site, hook: Receiver) -> None:
    """As after a copy of the whole folder was put back, with the mark of that time."""
    whole = {name: (lived.folder / name).read_bytes() for name in (*OWN, ".feedpub-mark")}
    lived.publish("d")
    lived.feedpub("once")
    said = len(hook.requests)
    for name, content in whole.items():
        (lived.folder / name).write_bytes(content)
    lived.publish("d")
    lived.feedpub("restore", "feedpub.db")
    lived.feedpub("once")
    assert len(hook.requests) == said
    assert [one["article"] for one in lived.deliveries("--held-by", "restore")] == ["d"]


def test_what_was_there_is_kept_aside_each_time(lived: Site) -> None:
    lived.feedpub("backup", "b.tar")
    before = {name: (lived.folder / name).read_bytes() for name in OWN}
    (lived.folder / "articles.db").chmod(0o664)
    lived.feedpub("restore", "b.tar")
    lived.feedpub("restore", "b.tar")
    assert {name: (lived.folder / f"{name}.before-restore").read_bytes() for name in OWN} == before
    assert all((lived.folder / f"{name}.before-restore-2").exists() for name in OWN)
    assert stat.S_IMODE((lived.folder / "articles.db").stat().st_mode) == 0o664
    assert not list(lived.folder.glob(".*restor*"))


# ---------------------------------------------------------------- refused, in one sentence


def test_a_file_that_is_there_is_not_written_over_unasked(lived: Site) -> None:
    (lived.folder / "b.tar").write_text("mine", encoding="utf-8")
    assert "b.tar is there already" in lived.feedpub("backup", "b.tar", code=1).err
    assert (lived.folder / "b.tar").read_text(encoding="utf-8") == "mine"
    lived.feedpub("backup", "b.tar", "--force")
    lived.feedpub("restore", "b.tar")


def test_a_full_disk_is_one_sentence_and_no_half_file(lived: Site) -> None:
    assert "no space is left for /dev/full" in lived.feedpub("backup", "/dev/full", code=1).err
    assert "there is no folder for" in lived.feedpub("backup", "nowhere/b.tar", code=1).err
    assert not list(lived.folder.glob(".feedpub-backup*"))


def _foreign(manifest: dict[str, Any]) -> None:
    manifest["site"] = "https://other.test/"


def _later(manifest: dict[str, Any]) -> None:
    manifest["format"] = 2


def _damaged(manifest: dict[str, Any]) -> None:
    manifest["files"][2]["sha256"] = "0" * 64


def _incomplete(manifest: dict[str, Any]) -> None:
    manifest["files"].append({"name": "stores/more.db", "size": 1, "sha256": "0" * 64})


REFUSED: dict[Callable[[dict[str, Any]], None], str] = {
    _foreign: "b.tar is a backup of https://other.test/, and the config is of https://news.test/",
    _later: "restore it by that one, or a later one",
    _damaged: "stores/main.db in it is damaged",
    _incomplete: "stores/more.db is missing in it",
}


def test_what_is_no_backup_of_this_site_is_refused_and_nothing_is_changed(lived: Site) -> None:
    lived.feedpub("backup", "good.tar")
    folder, bad = unpacked(lived.folder / "good.tar", lived.folder / "out"), lived.folder / "b.tar"
    good = (folder / "manifest.json").read_text(encoding="utf-8")
    for spoil, sentence in REFUSED.items():
        manifest = json.loads(good)
        spoil(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        with tarfile.open(bad, "w") as archive:
            for name in ("manifest.json", "feedpub.db", "briefs.db", "stores/main.db"):
                archive.add(folder / name, name)
        _refused(lived, sentence)
    whole = (lived.folder / "good.tar").read_bytes()
    with closing(sqlite3.connect(folder / "feedpub.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for content, sentence in (
        ((folder / "feedpub.db").read_bytes(), "has schema '9999', which this feedpub does not know"),
        ((lived.folder / "articles.db").read_bytes(), "b.tar is no database of feedpub"),
        (whole[: len(whole) // 2], "was cut short"),
        (b"hello", "is no backup of feedpub"),
        (b"SQLite format 3\0" + b"x" * 5000, "is damaged, or no SQLite database"),
    ):
        bad.write_bytes(content)
        _refused(lived, sentence)
    bad.unlink()
    assert "b.tar: cannot be read" in lived.feedpub("restore", "b.tar", code=1).err


def _refused(site: Site, sentence: str) -> None:
    before = listing(site.folder)
    error = site.feedpub("restore", "b.tar", code=1).err
    assert sentence in error
    assert len(error.splitlines()) == 1, error
    assert listing(site.folder) == before


# ---------------------------------------------------------------- while feedpub is at work


def test_a_backup_of_a_feedpub_at_work_is_whole_and_is_not_put_back_under_it(lived: Site, hook: Receiver) -> None:
    on(lived, hook, flood_limit=10_000)
    running = lived.start("run")
    running.wait_for("listening")
    done = threading.Event()

    def write(number: int) -> None:
        count = 0
        while not done.is_set() and count < 60:
            count += 1
            lived.publish(f"{number}x{count}")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for one in writers:
        one.start()
    until(lambda: len(hook.requests) > 6)
    lived.feedpub("backup", "b.tar")
    done.set()
    for one in writers:
        one.join()
    assert "another feedpub already runs on" in lived.feedpub("restore", "b.tar", code=1).err
    running.signal(signal.SIGTERM)
    assert running.wait().code == 0
    said = len(hook.requests)
    counts = sound(unpacked(lived.folder / "b.tar", lived.folder / "out") / "feedpub.db")
    assert counts["article"] >= 4
    assert counts["delivery"] <= counts["article"]
    lived.feedpub("restore", "b.tar", "--keep-stores")
    assert sound(lived.folder / "feedpub.db")["attempt"] == counts["attempt"]
    unsaid = {one["article"] for one in lived.deliveries("--state", "due", "--state", "sending", "--state", "claimed")}
    assert unsaid == set()
    lived.feedpub("once")
    assert len(hook.requests) == said
    published = {id_ for (id_,) in lived.sql("SELECT id FROM article")}
    assert {one["article"] for one in lived.deliveries()} >= published


# ---------------------------------------------------------------- killed


@pytest.mark.parametrize(("point", "nth"), [("before a copy is made", 2), ("before a file of ours is renamed", 1)])
def test_a_backup_that_is_killed_leaves_no_half_file_and_hinders_no_other(lived: Site, point: str, nth: int) -> None:
    lived.environ = {"MORTAL_POINT": point, "MORTAL_NTH": str(nth)}
    assert lived.start("backup", "b.tar").wait().code == -signal.SIGKILL
    assert not (lived.folder / "b.tar").exists()
    lived.environ = {}
    lived.feedpub("backup", "b.tar")
    lived.feedpub("restore", "b.tar")


@pytest.mark.parametrize("nth", [2, 5])
def test_a_restore_that_is_killed_in_the_midst_is_ended_by_whoever_comes_next(
    lived: Site, hook: Receiver, nth: int
) -> None:
    lived.feedpub("backup", "b.tar")
    lived.publish("d")
    lived.feedpub("once")
    said = len(hook.requests)
    lived.environ = {"MORTAL_POINT": "a file of ours is renamed", "MORTAL_NTH": str(nth)}
    assert lived.start("restore", "b.tar").wait().code == -signal.SIGKILL
    lived.environ = {}
    assert "3 articles public" in lived.feedpub("status").out.replace("4 articles public", "3 articles public")
    assert lived.sql("SELECT count(*) FROM article") == [(3,)]
    lived.feedpub("once")
    assert len(hook.requests) == said
    assert not list(lived.folder.glob(".*restor*"))


class _Cut(BaseException):
    """The process is gone, this very moment."""


def test_cut_off_at_any_step_a_restore_leaves_all_as_it_was_or_all_as_in_the_backup(
    lived: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.feedpub("backup", "b.tar")
    lived.publish("d")
    lived.feedpub("brief", "もう一つ")
    lived.feedpub("once")
    shutil.rmtree(lived.folder / "public")
    came = []
    for step in range(1, 60):
        house = tmp_path / f"house{step}"
        shutil.copytree(lived.folder, house)
        monkeypatch.chdir(house)
        settings = load(house / "config", {}).settings
        ended = _restored_until(step, settings, monkeypatch)
        finish(settings)
        came.append(_state_of(house))
        assert came[-1] in {(4, 2, 6), (3, 1, 4)}, step
        assert (house / "feedpub.db.before-restore").exists() == (came[-1] == (3, 1, 4))
        shutil.rmtree(house)
        if ended:
            break
    assert came[-1] == (3, 1, 4)
    assert came == sorted(came, reverse=True)  # once decided, it is decided
    assert came.count((4, 2, 6)) > 1
    assert came.count((3, 1, 4)) > 8


def _restored_until(step: int, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Restore, and cut it off as it renames, removes or syncs for the so-manieth time; whether it came through."""
    left = step

    def cut(of: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise _Cut
            return of(*args, **named)

        return called

    with monkeypatch.context() as patched:
        for name in ("rename", "unlink", "fsync"):
            patched.setattr(os, name, cut(getattr(os, name)))
        try:
            restore(Path("b.tar"), settings, datetime.now(UTC))  # noqa: TID251 - a test's own clock
        except _Cut:
            return False
    return True


def _state_of(house: Path) -> tuple[int, int, int]:
    """How many articles the store and the desk have, and of how many the database knows."""
    return (
        sound(house / "articles.db")["article"],
        sound(house / "feedpub-briefs.db")["article"],
        sound(house / "feedpub.db")["article"],
    )


def test_a_server_s_database_is_taken_over_again_where_that_was_cut_off(
    site: Site, hook: Receiver, postgres: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(site, hook, postgres.migrated())
    site.feedpub("once")
    site.publish("a")
    site.feedpub("once")
    site.feedpub("backup", "b.tar")
    site.publish("b")
    site.feedpub("once")
    monkeypatch.chdir(site.folder)
    settings = load(site.folder / "config", {}).settings

    def cut(*_: object) -> None:
        raise _Cut

    for place in ("ledger.copying._replace", "commands.restoring.copy_in", "ledger.copying._count_on"):
        with monkeypatch.context() as patched:
            patched.setattr(f"feedpub.{place}", cut)
            with pytest.raises(_Cut):
                restore(Path("b.tar"), settings, datetime.now(UTC))  # noqa: TID251 - a test's own clock
    said = len(hook.requests)
    site.feedpub("once")
    assert len(hook.requests) == said
    assert [path.name for path in (site.folder / "data").glob("feedpub.db*")] == ["feedpub.db.before-restore"]
    assert sound(site.folder / "data" / "feedpub.db.before-restore")["article"] == 2
    site.publish("c")
    site.feedpub("once")
    assert told(hook) == ["a", "b", "c"]
