"""The sample site, published whole: readers follow its archive and moved feeds, and take comments and tombstones."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import feedparser
import pytest

from feedpub.app import App
from feedpub.model import RawComment
from feedpub.settings import load
from feedpub.web import Server, public_app
from tests.golden.rules import assert_site
from tests.golden.w3c.atom import GRAMMAR
from tests.readers.follower import follow
from tests.readers.site import LIVING, MARKS, XML, run
from tests.readers.test_readers import Newsboat

pytestmark = MARKS

SAMPLE = files("feedpub") / "demo"
CONFIG = """
[site]
title = "汐見航空ニュース"
url = "https://example.jp/"
language = "ja"
timezone = "Asia/Tokyo"
[stores.main]
kind = "sql"
path = "{folder}/articles.db"
[feeds]
base_url = "{base}"
output = "{folder}/public"
entries = 8
archive = 4
tags = true
authors = true
[feeds.categories.us]
name = "米国関連"
formerly = ["america"]
[feeds.own.words]
title = "やさしい航空用語"
tags = ["用語"]
[database]
url = "sqlite:///{folder}/feedpub.db"
"""


class Press:
    """The site at work: `base` is where its feeds are fetched."""

    def __init__(self, folder: Path) -> None:
        self.public = folder / "public"
        self._folder = folder
        self._server = Server.start(public_app(self.public), "127.0.0.1:0")
        self.base = f"http://127.0.0.1:{self._server.port}/feeds/"
        (folder / "config").mkdir()
        text = CONFIG.format(folder=folder, base=self.base)
        (folder / "config" / "feedpub.toml").write_text(text, encoding="utf-8")
        self._app = App.open(load(folder / "config", {}), lead=True)
        self._server.show(public_app(self.public, self.base, self._app.signposts))
        self._app.import_files([Path(str(SAMPLE / "site.jsonl"))])
        with closing(self._app.embedded()) as store:
            store.put((), comments=[RawComment(**one) for one in sample("comments.jsonl")])
        self._app.once()

    def withdraw(self, article: str) -> None:
        """Take an article away, as an admin would."""
        with closing(sqlite3.connect(self._folder / "articles.db")) as connection, connection:
            connection.execute("DELETE FROM article WHERE id = ?", (article,))
        self._app.once()

    def close(self) -> None:
        self._server.stop()
        self._app.close()


def sample(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    press = Press(tmp_path)
    yield press
    press.close()


@pytest.mark.parametrize("ending", LIVING)
def test_a_reader_that_follows_the_archive_gets_every_article(press: Press, ending: str) -> None:
    newest, *older = follow(f"{press.base}all.{ending}")
    assert [one.address for one in older] == [f"{press.base}archive/all/{n}.{ending}" for n in range(len(older), 0, -1)]
    assert len(newest.ids) == 8
    assert [newest.sealed, *(one.sealed for one in older)] == [False, *(ending != "json" for _ in older)]
    filed = Counter(key for one in older for key in one.ids)
    assert set(filed.values()) == {1}
    guids = {one["guid"] for one in sample("site.jsonl")}
    assert set(filed) | set(newest.ids) == guids
    japan = [key for one in follow(f"{press.base}category/japan.{ending}") for key in one.ids]
    assert len(set(japan)) > 10
    assert set(japan) < guids


@pytest.mark.parametrize("ending", XML)
def test_readers_find_every_comment_once_with_who_said_it(press: Press, tmp_path: Path, ending: str) -> None:
    guids = {one["id"]: one["guid"] for one in sample("site.jsonl")}
    said = {f"{guids[one['article']]}#comment-{one['id']}": one["author"] for one in sample("comments.jsonl")}
    address = f"{press.base}comments.{ending}"
    rows = Newsboat(tmp_path, address).reload()
    assert {row.id for row in rows} == said.keys()
    assert len(rows) == len(said)
    assert {entry.id: entry.author for entry in feedparser.parse(address).entries} == said
    lines = run("sfeed", given=(press.public / f"comments.{ending}").read_bytes()).decode().splitlines()
    assert {row[5]: row[6] for row in (line.split("\t") for line in lines)} == said


@pytest.mark.parametrize("ending", XML)
def test_readers_follow_a_feed_to_its_new_address(press: Press, tmp_path: Path, ending: str) -> None:
    former, now = (f"{press.base}category/{key}.{ending}" for key in ("america", "us"))
    found = feedparser.parse(former)
    assert (found.status, found.href) == (301, now)
    rows = Newsboat(tmp_path, former).reload()
    assert {row.id for row in rows} == {entry.id for entry in feedparser.parse(now).entries} != set()


@pytest.mark.parametrize("ending", XML)
def test_an_article_that_is_withdrawn_is_gone_and_its_tombstone_disturbs_nobody(
    press: Press, tmp_path: Path, ending: str
) -> None:
    address, file = f"{press.base}all.{ending}", press.public / f"all.{ending}"
    newsboat = Newsboat(tmp_path, address)
    before = newsboat.reload()
    newsboat.read_everything()
    press.withdraw("124")
    assert (b"deleted-entry" in file.read_bytes()) == (ending == "atom")
    found = feedparser.parse(address)
    assert not found.bozo
    assert "https://example.jp/?p=124" not in {entry.id for entry in found.entries}
    shown = {line.split("\t")[5] for line in run("sfeed", given=file.read_bytes()).decode().splitlines()}
    assert shown == {entry.id for entry in found.entries}
    unread = {row.id for row in newsboat.reload() if row.unread}
    assert unread == shown - {row.id for row in before}


def test_every_file_is_valid_where_it_is_fetched_and_by_its_grammar(press: Press) -> None:
    press.withdraw("124")
    paths = [path for path in press.public.rglob("*") if path.suffix in {".rss", ".atom", ".json"}]
    written = {str(path.relative_to(press.public)): path for path in paths}
    for folder in ("archive/all", "archive/category", "archive/briefs", "own", "tag", "author", "comments"):
        assert [path for path in written if path.startswith(folder)], folder
    assert_site({name: path.read_bytes() for name, path in written.items()}, press.base)
    atom = [path for path in paths if path.suffix == ".atom"]
    assert run("xmllint", "--noout", "--nonet", "--relaxng", GRAMMAR, *atom) == b""
    assert run("xmllint", "--noout", "--nonet", *(path for path in paths if path.suffix == ".rss")) == b""
