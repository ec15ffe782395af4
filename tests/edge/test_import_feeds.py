"""Feeds in files, into the embedded store: with their own guids, and told from exports and JSON Lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from feedpub.errors import ImportRefused
from feedpub.model import Image, RawArticle
from feedpub.stores.embedded.writing import Written
from feedpub.stores.imports import import_files
from feedpub.stores.sql import SqlOptions, SqlStore
from tests.golden.samples import article, files

RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
<atom:link rel="self" href="https://news.example/feed/"/><item><title>A &amp;amp; B</title><link>/1</link>
<guid isPermaLink="false">post-1</guid><pubDate>Mon, 04 May 2026 09:00:00 +0900</pubDate>
<category>米国関連</category><description>要約</description></item></channel></rss>"""


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlOptions(name="blog", path=str(tmp_path / "articles.db")).embedded()


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "feed"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def articles(store: SqlStore) -> dict[str, RawArticle]:
    return {one.id: one for one in store.changes(None).articles}


def refused(store: SqlStore, path: Path) -> str:
    with pytest.raises(ImportRefused) as error:
        import_files([path], store)
    assert articles(store) == {}
    return str(error.value).removeprefix(f"{path}")


def test_an_entry_is_imported_with_its_own_guid(store: SqlStore, tmp_path: Path) -> None:
    report = import_files([written(tmp_path, RSS)], store)
    assert report.new == 1
    one = articles(store)["post-1"]
    assert (one.guid, one.title, one.title_is_html) == ("post-1", "A & B", False)
    assert (one.url, one.summary) == ("https://news.example/1", "要約")
    assert parsedate_to_datetime(one.published) == datetime(2026, 5, 4, 0, 0, tzinfo=UTC)
    assert [one.name for one in store.changes(None).categories or ()] == ["米国関連"]


def test_the_same_feed_again_changes_nothing(store: SqlStore, tmp_path: Path) -> None:
    path = written(tmp_path, RSS)
    import_files([path], store)
    again = import_files([path], store)
    assert Written(again.new, again.changed, again.unchanged) == Written(0, 0, 1)


@pytest.mark.parametrize("ending", ["rss", "atom", "json"])
def test_our_own_feeds_move_house(store: SqlStore, tmp_path: Path, ending: str) -> None:
    image = Image("https://example.com/a.jpg", "代替", "撮影者", "https://example.com/l")
    ours = [article(number, images=(image,), categories=("1",)) for number in (2, 1)]
    import_files([written(tmp_path, files(ours)[ending])], store)
    moved = articles(store)
    assert {one.guid for one in moved.values()} == {one.guid for one in ours}
    assert {one.images for one in moved.values()} == {(image,)}
    assert {one.title for one in moved.values()} == {one.title for one in ours}


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_feed_is_told_by_how_it_begins(store: SqlStore, tmp_path: Path, codec: str) -> None:
    comment = "<!-- a cached copy -->\n"
    import_files([written(tmp_path, RSS.replace("<rss", comment + "<rss").encode(codec))], store)
    assert articles(store).keys() == {"post-1"}


def test_json_lines_that_speak_of_feeds_are_json_lines(store: SqlStore, tmp_path: Path) -> None:
    text = '<rss version="2.0"> "version": "https://jsonfeed.org/version/1.1" <feed>'
    import_files([written(tmp_path, json.dumps({"id": "1", "content": text}))], store)
    assert articles(store)["1"].content == text


def test_an_entry_without_anything_to_know_it_by_is_left_out_and_counted(store: SqlStore, tmp_path: Path) -> None:
    report = import_files([written(tmp_path, RSS.replace("<item>", "<item/><item>", 1))], store)
    assert dict(report.skipped) == {"entry without an id, an address, a title or a text": 1}
    assert articles(store).keys() == {"post-1"}


def test_an_entry_dated_by_its_last_edit_alone_came_out_then(store: SqlStore, tmp_path: Path) -> None:
    entry = "<entry><id>1</id><title>x</title><updated>2026-05-04T09:00:00+09:00</updated></entry>"
    import_files([written(tmp_path, f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>')], store)
    assert datetime.fromisoformat(articles(store)["1"].published) == datetime(2026, 5, 4, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (RSS[:-30], ":4: is not well-formed XML: it breaks off in the middle"),
        (RSS.replace("Mon, 04 May 2026 09:00:00 +0900", "gestern"), ':1: the entry "post-1": published cannot be read'),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "a\\nb\\u001b", "date_published": "x"}]}',
            ':1: the entry "a b": published cannot be read',
        ),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": 3}', ":1: is JSON, but no JSON Feed"),
        ('<!DOCTYPE rss [<!ENTITY a "b">]><rss/>', ":1: a document type (<!DOCTYPE …>)"),
    ],
)
def test_a_broken_feed_is_refused_whole(store: SqlStore, tmp_path: Path, content: str, why: str) -> None:
    assert refused(store, written(tmp_path, content)).startswith(why)
