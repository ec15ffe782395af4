"""A small newsroom in a folder: a config, an embedded store to write into, and a look at what feedpub made of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import feedparser

from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Category, Delivery, RawArticle
from feedpub.stores.embedded.file import StoreFile
from feedpub.stores.sql import SqlStore

TODAY = datetime.now(UTC).isoformat()  # noqa: TID251 - news is made by a real clock
CATEGORIES = (
    Category("main", "1", "日本関連", "japan"),
    Category("main", "2", "海上自衛隊", "jmsdf", parent="1"),
)
FEEDS = ("all", "category/japan", "category/jmsdf")
"""What every article written here is carried by."""

CONFIG = """
[site]
title = "航空ニュース"
url = "https://news.test/"
language = "ja"
timezone = "Asia/Tokyo"

[database]
url = "{database}"

[stores.main]
kind = "sql"
path = "articles.db"
poll = "1s"

[feeds]
base_url = "https://news.test/feeds/"
output = "{output}"
formats = ["rss", "atom"]

[web]
listen = "127.0.0.1:0"

[admin]
listen = "127.0.0.1:0"
"""

HOOK = """
[targets.hook]
kind = "webhook"
url = "{server}/hook"
allow_private = true
timeout = "5s"
"""
"""A target whose receiver drops a repeated `webhook-id`."""

ROOM = """
[targets.room]
kind = "discord"
webhook_url = "{server}/api/webhooks/1/geheim-token"
allow_private = true
timeout = "5s"
"""
"""A target that cannot tell a repeat: where there is a doubt, it stops."""


@dataclass(frozen=True)
class Newsroom:
    """Everything of one site: `folder` holds its config, its articles, its feeds and, with SQLite, its database."""

    folder: Path
    database: str
    output: str = "public"

    def configure(self, *targets: str, server: str = "", more: str = "") -> None:
        """Write the config; `targets` are tables in which {server} stands for the receiver's address."""
        (self.folder / "config").mkdir(parents=True, exist_ok=True)
        text = CONFIG.format(database=self.database, output=self.output) + "".join(targets) + more
        (self.folder / "config" / "feedpub.toml").write_text(text.replace("{server}", server), encoding="utf-8")

    def write(self, *ids: str, version: int = 1) -> None:
        """Publish articles now, or edit them."""
        self._store.put([self._article(one, version) for one in ids], CATEGORIES)

    def torn(self) -> list[str]:
        """The feed files on the disk that a stranger cannot read to their end; there should be none."""
        files = [path for path in (self.folder / self.output).rglob("*") if path.suffix in {".rss", ".atom"}]
        return [path.name for path in files if not _read(path.read_bytes()).whole]

    def carried(self, feed: str, ending: str) -> set[str]:
        """The ids of the articles that a feed carries, as a stranger reads it."""
        path = self.folder / self.output / f"{feed}.{ending}"
        return set(_read(path.read_bytes()).articles) if path.exists() else set()

    def litter(self) -> list[Path]:
        """Files that were being written when somebody died."""
        return list((self.folder / self.output).rglob(".feedpub-*"))

    def deliveries(self) -> dict[tuple[str, str], Delivery]:
        """What the ledger says, by target and article id."""
        ledger = Ledger(Database(self._url))
        try:
            listed = ledger.deliveries.listed(limit=10_000)
        finally:
            ledger.close()
        found = {(one.delivery.target, one.article.id): one.delivery for one in listed}
        assert len(found) == len(listed), "an article has two deliveries to one target"
        return found

    def copy(self, folder: Path, database: str) -> Newsroom:
        """Make another one just like it; with PostgreSQL, `database` has been copied already."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("*.lock"))
        return Newsroom(folder, database, self.output)

    @property
    def config(self) -> str:
        """Where the config is."""
        return str(self.folder / "config")

    @property
    def _url(self) -> str:
        return self.database.replace("sqlite:///", f"sqlite:///{self.folder}/")

    @property
    def _store(self) -> SqlStore:
        return SqlStore("main", StoreFile(str(self.folder / "articles.db")))

    @staticmethod
    def _article(id_: str, version: int) -> RawArticle:
        return RawArticle(
            id=id_,
            guid=f"https://news.test/?p={id_}",
            url=f"https://news.test/{id_}",
            title=f"護衛艦「もがみ」型{id_} 第{version}報",
            content=f"<p>{id_} {version} " + "海上自衛隊の新型護衛艦が就役した。" * 20 + "</p>",
            published=TODAY,
            categories=("2",),
        )


@dataclass(frozen=True)
class _Feed:
    whole: bool
    articles: tuple[str, ...]


@cache
def _read(content: bytes) -> _Feed:
    """Read a feed as a stranger does; the same bytes read the same."""
    found = feedparser.parse(content)
    ids = tuple(entry.link.rpartition("/")[2] for entry in found.entries)
    return _Feed(whole=not found.bozo and bool(found.feed.get("title")), articles=ids)


def events(log: Path) -> list[dict[str, Any]]:
    """What feedpub told on standard error, one event a line."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
