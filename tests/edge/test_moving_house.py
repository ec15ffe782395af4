"""feedpub export and feedpub import through the front door: a house is moved by two commands."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.front_door import CONSOLE, STORE, Site, webhook
from tests.edge.moving import POSTGRESQL, SQLITE, Fresh, fresh, told_by
from tests.edge.receiver import Receiver

__all__ = ["fresh"]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def houses(site: Site, hook: Receiver) -> Iterator[tuple[Site, Site]]:
    """The house where feedpub lives, with five articles that were told, and an empty one beside it."""
    new = Site(site.folder.parent / "new", site.launcher)
    new.folder.mkdir()
    for one in (site, new):
        store = STORE | {"path": str(site.folder / "articles.db")}
        one.configure(stores={"main": store}, targets={"hook": webhook(hook), "screen": CONSOLE})
    site.feedpub("once")
    site.publish("a", "b", "c", "d", "e")
    site.feedpub("once")
    assert len(hook.requests) == 5
    yield site, new
    new.stop_all()


def on(site: Site, hook: Receiver, url: str) -> None:
    """Let a house keep its database elsewhere."""
    store = STORE | {"path": str(site.folder.parent / "site" / "articles.db")}
    site.configure(stores={"main": store}, targets={"hook": webhook(hook), "screen": CONSOLE}, database={"url": url})


@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
def test_a_house_is_moved_by_two_commands(
    houses: tuple[Site, Site], hook: Receiver, fresh: Fresh, kind: str, tmp_path: Path
) -> None:
    old, new = houses
    on(new, hook, fresh(kind))
    export_file = tmp_path / "house.jsonl"
    told_of = old.feedpub("export", str(export_file)).out
    assert f"{export_file} is written: {len(export_file.read_text().splitlines())} lines." in told_of
    assert stat.S_IMODE(export_file.stat().st_mode) == 0o600
    assert new.feedpub("import", str(export_file)).out.splitlines() == [
        "5 articles, 0 comments and 10 deliveries imported."
    ]
    assert new.feedpub("import", str(export_file)).out == "Nothing changed: the database knows all of it already.\n"
    told_of = new.feedpub("once").out
    assert "0 new, 0 edited, 0 withdrawn" in told_of
    assert len(hook.requests) == 5
    assert {path: content for path, (_, content) in new.files().items()} == {
        path: content for path, (_, content) in old.files().items()
    }
    old.publish("f")
    assert "1 new" in new.feedpub("once").out
    assert "0 new" in new.feedpub("once").out
    assert [seen.json["data"]["url"][-1] for seen in hook.requests] == [*"abcdef"]


def test_standard_output_is_the_same_as_a_file(houses: tuple[Site, Site]) -> None:
    old, _ = houses
    printed = old.feedpub("export")
    old.feedpub("export", "file")
    lines = (old.folder / "file").read_text(encoding="utf-8").splitlines()
    assert printed.out.splitlines()[1:] == lines[1:]
    assert json.loads(lines[0]) | {"made_at": ""} == {
        "feedpub": "export", "version": 1, "site": "https://news.test/", "made_at": "", "places": 5,
        "changes": json.loads(printed.out.splitlines()[0])["changes"],
    }  # fmt: skip
    assert printed.err == ""


def test_a_running_feedpub_can_be_exported_and_not_imported_into(houses: tuple[Site, Site], hook: Receiver) -> None:
    old, new = houses
    running = old.start("run")
    running.wait_for("listening")
    old.feedpub("export", "file")
    refused = old.feedpub("import", "file", code=1)
    assert "another feedpub already runs on" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert new.feedpub("import", str(old.folder / "file")).code == 0
    assert len(hook.requests) == 5


def test_what_was_owed_is_told_as_a_problem_until_it_is_let_go(houses: tuple[Site, Site], hook: Receiver) -> None:
    old, new = houses
    hook.default = (429, {})
    old.publish("late")
    old.feedpub("once", code=1)
    asked = len(hook.requests)
    old.feedpub("export", "file")
    hook.default = (200, {})
    told_of = new.feedpub("import", str(old.folder / "file")).out
    assert "held: 1 that were owed there and not said yet" in told_of
    new.feedpub("once")
    assert len(hook.requests) == asked
    assert "feedpub deliveries release --target hook" in new.feedpub("status", code=1).out
    (held,) = new.deliveries("--held-by", "import")
    assert "feedpub deliveries release" in held["advice"]
    assert "1 released." in new.feedpub("deliveries", "release", "--yes").out
    new.feedpub("once")
    assert len(hook.requests) == asked + 1
    assert hook.requests[-1].json["data"]["url"] == "https://news.test/late"


def test_what_the_new_config_does_not_name_is_told(houses: tuple[Site, Site]) -> None:
    old, new = houses
    old.feedpub("export", "file")
    new.configure(stores={"other": STORE}, targets={"screen": CONSOLE})
    told_of = new.feedpub("import", str(old.folder / "file")).out
    assert "stores.main is not in the config: its articles stay as they are, and it is not polled" in told_of
    assert "targets.hook is not in the config: what it has still to say is cancelled at the next start" in told_of


def test_an_export_is_imported_by_itself(houses: tuple[Site, Site]) -> None:
    old, new = houses
    old.feedpub("export", "file")
    file = str(old.folder / "file")
    assert "import it by itself" in new.feedpub("import", file, file, code=1).err
    assert "leave out --store" in new.feedpub("import", file, "--store", "main", code=1).err
    assert "no such file" in new.feedpub("import", "nothing", code=1).err


@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
def test_killed_in_the_middle_an_import_leaves_nothing_behind(
    houses: tuple[Site, Site], hook: Receiver, fresh: Fresh, kind: str, tmp_path: Path
) -> None:
    old, new = houses
    url = fresh(kind)
    on(new, hook, url)
    old.feedpub("export", "file")
    empty = told_by(url)
    for point in ("in the importing transaction", "before the import commits"):
        new.environ = {"MORTAL_POINT": point, "MORTAL_NTH": "1"}
        assert new.start("import", str(old.folder / "file")).wait().code == -signal.SIGKILL
        assert told_by(url) == empty
    new.environ = {"MORTAL_POINT": "the import is committed", "MORTAL_NTH": "1"}
    assert new.start("import", str(old.folder / "file")).wait().code == -signal.SIGKILL
    new.environ = {}
    assert "Nothing changed" in new.feedpub("import", str(old.folder / "file")).out
