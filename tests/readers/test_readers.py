"""Each reader finds every entry once, with its title, link and date; an edit is no news to any of them."""

from __future__ import annotations

import email
import email.policy
import json
import re
import sqlite3
from calendar import timegm
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import feedparser
import pytest

from feedpub.feeds.catalog import FeedSpec
from feedpub.feeds.opml import opml
from feedpub.model import Article
from tests.golden.samples import OPTIONS, SITE, WHOLE
from tests.golden.w3c.atom import GRAMMAR
from tests.readers.site import LIVING, MARKS, NODE, US, XML, Place, Seen, articles, assert_seen, run

pytestmark = MARKS

LATER = datetime(2026, 5, 1, tzinfo=UTC)


def edited(shown: list[Article]) -> list[Article]:
    """The first one corrected, as authors do for days."""
    first, *others = shown
    return [replace(first, title="訂正した題", content="<p>訂正</p>", updated=LATER), *others]


def moment(seconds: int) -> datetime:
    """A date as readers keep it."""
    return datetime.fromtimestamp(seconds, UTC)


# ---------------------------------------------------------------- newsboat


class Row(NamedTuple):
    id: str
    title: str
    link: str
    at: int
    unread: int


class Newsboat:
    """Its folder, and what its cache holds."""

    def __init__(self, folder: Path, *addresses: str) -> None:
        self._home = folder / "newsboat"
        self._home.mkdir()
        (self._home / "urls").write_text("".join(f"{address}\n" for address in addresses))
        (self._home / "config").write_text("cleanup-on-quit no\n")
        self._cache = self._home / "cache.db"

    def reload(self) -> list[Row]:
        home = self._home
        run("newsboat", "-C", home / "config", "-u", home / "urls", "-c", self._cache, "-x", "reload", HOME=str(home))
        with sqlite3.connect(self._cache) as cache:
            rows = [Row(*row) for row in cache.execute("SELECT guid, title, url, pubDate, unread FROM rss_item")]
        cache.close()
        return rows

    def read_everything(self) -> None:
        with sqlite3.connect(self._cache) as cache:
            cache.execute("UPDATE rss_item SET unread = 0")
        cache.close()


@pytest.mark.parametrize("ending", XML)
def test_newsboat_finds_every_article_once_and_an_edit_is_no_news(place: Place, tmp_path: Path, ending: str) -> None:
    newsboat = Newsboat(tmp_path, place.address(ending))
    rows = newsboat.reload()
    assert {row.unread for row in rows} == {1}
    assert_seen([Seen(row.id, row.title, row.link, moment(row.at)) for row in rows], articles())
    newsboat.read_everything()
    place.publish(edited(articles()))
    again = newsboat.reload()
    assert len(again) == len(rows)
    assert {row.unread for row in again} == {0}
    assert "訂正した題" in {row.title for row in again}


def test_newsboat_shows_an_article_of_two_feeds_once(place: Place, tmp_path: Path) -> None:
    place.publish(articles()[:3], US)
    rows = Newsboat(tmp_path, place.address("atom"), place.address("atom", US)).reload()
    assert len(rows) == len(articles())


# ---------------------------------------------------------------- sfeed


@pytest.mark.parametrize("ending", XML)
def test_sfeed_finds_every_article_once_with_its_author_picture_and_categories(place: Place, ending: str) -> None:
    with urlopen(place.address(ending), timeout=10) as reply:
        lines = run("sfeed", given=reply.read()).decode().splitlines()
    fields = [line.split("\t") for line in lines]
    seen = [Seen(row[5], row[1], row[2], moment(int(row[0]))) for row in fields]
    assert_seen(seen, articles())
    by_id = {row[5]: row for row in fields}
    first = by_id["https://example.com/?p=1"]
    assert first[6] == "山田 太郎"
    assert first[7] == "https://example.com/a.jpg"
    assert first[8] == "米国関連|R&D <試験>|戦闘機"


# ---------------------------------------------------------------- rss2email


class Letters:
    """rss2email, into a maildir."""

    def __init__(self, folder: Path, address: str) -> None:
        self._home = folder / "r2e"
        self._inbox = folder / "maildir" / "INBOX"
        self._home.mkdir()
        for part in ("cur", "new", "tmp"):
            (self._inbox / part).mkdir(parents=True)
        (self._home / "config").write_text(
            "[DEFAULT]\nfrom = feeds@example.com\nto = me@example.com\nemail-protocol = maildir\n"
            f"maildir-path = {self._inbox.parent}\nmaildir-mailbox = INBOX\ndate-header = True\n"
        )
        self._r2e("add", "news", address)

    def _r2e(self, *command: str) -> None:
        files = ("-c", str(self._home / "config"), "-d", str(self._home / "data"))
        run("r2e", *files, *command, HOME=str(self._home))

    def fetch(self) -> list[EmailMessage]:
        """Every letter there is after one more run."""
        self._r2e("run")
        read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in self._files()]
        return [one for one in read if isinstance(one, EmailMessage)]

    def _files(self) -> list[Path]:
        return [*(self._inbox / "new").iterdir(), *(self._inbox / "cur").iterdir()]


@pytest.mark.parametrize("ending", XML)
def test_rss2email_sends_every_article_once_and_no_edit(place: Place, tmp_path: Path, ending: str) -> None:
    letters = Letters(tmp_path, place.address(ending))
    sent = letters.fetch()
    seen = [
        # It writes UTC as -0000, which Python takes for "no zone".
        Seen(
            one["X-RSS-ID"],
            one["Subject"],
            one["X-RSS-URL"] or "",
            parsedate_to_datetime(one["Date"]).replace(tzinfo=UTC),
        )
        for one in sent
    ]
    assert_seen(seen, articles())
    place.publish(edited(articles()))
    assert len(letters.fetch()) == len(sent)


# ---------------------------------------------------------------- libraries


@pytest.mark.parametrize("ending", XML)
def test_feedparser_finds_every_article_once_and_nothing_odd_in_the_answer(place: Place, ending: str) -> None:
    found = feedparser.parse(place.address(ending))
    assert found.bozo is False, found.get("bozo_exception")
    assert found.status == 200
    assert_seen(
        [
            Seen(one.id, one.get("title", ""), one.get("link", ""), moment(timegm(one.published_parsed)))
            for one in found.entries
        ],
        articles(),
    )


LIBRARIES: dict[str, Callable[[str], bool]] = {
    "rss-parser": lambda ending: ending != "json",
    "feedsmith": lambda _: True,
    "@extractus/feed-extractor": lambda _: True,
}


@pytest.mark.skipif(not NODE, reason="npm is not here")
@pytest.mark.parametrize(
    ("library", "ending"), [(name, ending) for name, takes in LIBRARIES.items() for ending in LIVING if takes(ending)]
)
def test_libraries_of_node_find_every_article_once(place: Place, library: str, ending: str) -> None:
    told = json.loads(run("node", Path(__file__).with_name("parse.mjs"), NODE, library, place.address(ending)))
    seen = [Seen(id_, title, link, datetime.fromisoformat(at)) for id_, title, link, at in told]
    assert_seen(seen, articles())


# ---------------------------------------------------------------- all feeds at once


def test_readers_subscribe_to_every_feed_of_the_list(tmp_path: Path) -> None:
    specs = (WHOLE, US, FeedSpec("category/rd", "category", "R&D <試験> – 航空ニュース"))
    addresses = sorted(f"{OPTIONS.base_url}{spec.address}.{OPTIONS.formats[0]}" for spec in specs)
    listed = tmp_path / "feeds.opml"
    listed.write_bytes(opml(specs, SITE, OPTIONS).content)
    for name in ("urls", "config"):
        (tmp_path / name).touch()
    run("newsboat", "-C", tmp_path / "config", "-u", tmp_path / "urls", "-i", listed, HOME=str(tmp_path))
    subscribed = [line.split()[0] for line in (tmp_path / "urls").read_text().splitlines() if line.startswith("http")]
    assert sorted(subscribed) == addresses
    script = run("sfeed_opml_import", given=listed.read_bytes()).decode()
    assert sorted(re.findall(r"feed '[^']+' '([^']+)'", script)) == addresses


# ---------------------------------------------------------------- grammars


@pytest.mark.parametrize("ending", XML)
def test_xmllint_finds_nothing_odd(place: Place, ending: str) -> None:
    grammar = ("--relaxng", GRAMMAR) if ending == "atom" else ()
    assert run("xmllint", "--noout", "--nonet", *grammar, place.file(ending)) == b""
