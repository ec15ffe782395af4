"""A real feed reader (the `reader` library) subscribed to what feedpub serves, through edits and moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from reader import Reader, make_reader
from starlette.applications import Starlette

from feedpub.feeds.catalog import FeedSpec
from feedpub.model import Article
from feedpub.web import Server, health, public_app
from tests.edge.test_web import Watched
from tests.golden.samples import OPTIONS, SITE, WHOLE, article, files

US = FeedSpec("category/us", "category", "米国関連 – 航空ニュース")
LATER = datetime(2026, 5, 1, tzinfo=UTC)
ENDINGS = tuple(files([]))


class Subscriber:
    """A person with a reader, and the site that the reader is subscribed to."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._folder = folder / "public"
        server.show(public_app(self._folder))
        self.base = f"http://127.0.0.1:{server.port}/"
        self._options = OPTIONS.model_copy(update={"base_url": self.base})
        self.reader: Reader = make_reader(str(folder / "reader.db"), feed_root=None)

    def publish(self, articles: Sequence[Article], spec: FeedSpec = WHOLE, site: Any = SITE) -> None:
        """Write the feed in every format, as feedpub writes: whole, under another name first."""
        for ending, content in files(articles, spec=spec, site=site, options=self._options).items():
            file = self._folder / f"{spec.address}.{ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_name("fresh").write_bytes(content)
            file.with_name("fresh").replace(file)

    def subscribe(self, *addresses: str) -> None:
        for address in addresses:
            self.reader.add_feed(self.base + address)

    def update(self) -> dict[str, tuple[int, int]]:
        """Fetch every feed: how many entries are new, and how many changed, by address."""
        told = {}
        for result in self.reader.update_feeds_iter(scheduled=False):
            assert not isinstance(result.value, Exception), result.value
            counts = (result.value.new, result.value.modified) if result.value else (0, 0)
            told[result.url.removeprefix(self.base)] = counts
        return told

    def read_everything(self) -> None:
        for entry in self.reader.get_entries(read=False):
            self.reader.mark_entry_as_read(entry)

    def unread(self) -> list[str]:
        return sorted(entry.id for entry in self.reader.get_entries(read=False))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all: each test shows it the site it wants."""
    running = Server.start(Starlette(routes=health(Watched())), "127.0.0.1:0")
    yield running
    running.stop()


@pytest.fixture
def subscriber(tmp_path: Path, server: Server) -> Iterator[Subscriber]:
    subscriber = Subscriber(tmp_path, server)
    yield subscriber
    subscriber.reader.close()


def test_an_edit_is_shown_at_once_stays_read_and_is_never_news(subscriber: Subscriber) -> None:
    subscriber.publish([article(3), article(2), article(1)])
    subscriber.subscribe(*(f"all.{ending}" for ending in ENDINGS))
    assert set(subscriber.update().values()) == {(3, 0)}
    entries = list(subscriber.reader.get_entries())
    assert {entry.id for entry in entries} == {f"https://example.com/?p={n}" for n in (1, 2, 3)}
    assert {entry.title for entry in entries} == {f"第{n}号の記事" for n in (1, 2, 3)}
    assert {entry.published for entry in entries} == {article().published}
    subscriber.read_everything()

    # Within the second in which it was fetched: only the ETag can tell.
    subscriber.publish([article(3), article(2, title="第2号の記事(訂正)", updated=LATER), article(1)])
    assert set(subscriber.update().values()) == {(0, 1)}
    assert subscriber.unread() == []
    shown = [entry for entry in subscriber.reader.get_entries() if entry.id.endswith("=2")]
    assert {entry.title for entry in shown} == {"第2号の記事(訂正)"}
    assert {entry.updated for entry in shown} == {LATER}
    assert {entry.published for entry in shown} == {article().published}

    assert set(subscriber.update().values()) == {(0, 0)}


def test_only_what_is_new_is_news(subscriber: Subscriber) -> None:
    subscriber.publish([article(2), article(1)])
    subscriber.subscribe(*(f"all.{ending}" for ending in ENDINGS))
    subscriber.update()
    subscriber.read_everything()
    # A newcomer, and one that left by the other end of the feed.
    subscriber.publish([article(3, published=LATER, updated=LATER), article(2)])
    assert set(subscriber.update().values()) == {(1, 0)}
    assert set(subscriber.unread()) == {"https://example.com/?p=3"}


@pytest.mark.parametrize(
    "moved",
    [
        {"url": "https://example.com/%E5%88%A5/1/", "updated": LATER},
        {"categories": ("2",), "tags": ("F-35",), "updated": LATER},
        {"url": "http://news.example.net/articles/1/", "updated": LATER},
        {
            "title": "別の題",
            "summary": "別の要約",
            "content": "<p>別の本文</p>",
            "authors": ("田中",),
            "updated": LATER,
        },
        {"title": "", "url": "", "updated": LATER},
        {"published": LATER, "updated": LATER},
        {"updated": article().updated + timedelta(seconds=1)},
    ],
    ids=["slug", "category", "domain", "rewritten", "brief", "redated", "restamped"],
)
def test_an_article_that_moves_or_is_rewritten_keeps_its_id_and_stays_read(
    subscriber: Subscriber, moved: dict[str, Any]
) -> None:
    subscriber.publish([article(1, categories=("1",)), article(2)])
    subscriber.subscribe(*(f"all.{ending}" for ending in ENDINGS))
    subscriber.update()
    subscriber.read_everything()
    subscriber.publish([article(1, **moved), article(2)])
    assert {new for new, _ in subscriber.update().values()} == {0}
    assert subscriber.unread() == []


def test_a_site_that_moves_from_http_to_https_and_renames_itself_makes_nothing_unread(subscriber: Subscriber) -> None:
    before = SITE.model_copy(update={"url": "http://example.com/", "authority": "example.com"})
    after = before.model_copy(update={"url": "https://news.example.net/", "title": "新・航空ニュース"})
    named = [article(1, guid="tag:example.com,2026:1"), article(2, guid="記事 2")]
    subscriber.publish(named, site=before)
    subscriber.subscribe(*(f"all.{ending}" for ending in ENDINGS))
    subscriber.update()
    subscriber.read_everything()
    subscriber.publish(named, site=after)
    assert {new for new, _ in subscriber.update().values()} == {0}
    assert subscriber.unread() == []


def test_an_article_is_one_and_the_same_in_every_feed_and_leaving_one_is_no_news(subscriber: Subscriber) -> None:
    subscriber.publish([article(2), article(1)])
    subscriber.publish([article(1)], US)
    subscriber.subscribe("all.atom", "category/us.atom")
    assert subscriber.update() == {"all.atom": (2, 0), "category/us.atom": (1, 0)}
    subscriber.read_everything()
    subscriber.publish([article(2)], US)  # one was filed elsewhere, the other here
    assert subscriber.update() == {"all.atom": (0, 0), "category/us.atom": (1, 0)}
    subscriber.publish([article(2), article(1)], US)  # and back
    assert subscriber.update() == {"all.atom": (0, 0), "category/us.atom": (0, 0)}
    assert subscriber.unread() == ["https://example.com/?p=2"]
