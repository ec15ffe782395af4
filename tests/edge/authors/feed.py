"""Somebody with a site of their own that has a feed, in each of the formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from xml.sax.saxutils import escape

from feedpub.stores.feed import FeedOptions
from tests.edge.authors.author import Deed, Post
from tests.edge.serving import LossyServer, Quiet, serving

_RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>よその新聞</title><link>https://elsewhere.test/</link><description>よそ</description>
{}</channel></rss>"""
_ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>よその新聞</title><id>https://elsewhere.test/</id>
<updated>2026-04-01T00:00:00Z</updated>
{}</feed>"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A post as the site shows it, last stamped at `updated`."""

    post: Post
    updated: datetime

    @property
    def url(self) -> str:
        return f"https://elsewhere.test/{self.post.id}/"


def rss(entries: Iterable[Entry], rubbish: bool) -> bytes:
    items = ["<item>" + "".join(_item(one)) + "</item>\n" for one in entries]
    return _RSS.format("".join(["<item/>\n"] * rubbish + items)).encode()


def _item(entry: Entry) -> Iterator[str]:
    post = entry.post
    if post.title:
        yield f"<title>{escape(post.title)}</title><link>{entry.url}</link>"
    yield f'<guid isPermaLink="false">{post.id}</guid><pubDate>{format_datetime(post.published)}</pubDate>'
    yield f"<atom:updated>{entry.updated.isoformat()}</atom:updated>"
    yield from (f"<category>{escape(one)}</category>" for one in post.categories)
    yield f"<content:encoded><![CDATA[{post.content}]]></content:encoded>"


def atom(entries: Iterable[Entry], rubbish: bool) -> bytes:
    made = ["<entry>" + "".join(_entry(one)) + "</entry>\n" for one in entries]
    return _ATOM.format("".join(["<entry><title/></entry>\n"] * rubbish + made)).encode()


def _entry(entry: Entry) -> Iterator[str]:
    post = entry.post
    yield f"<id>{post.id}</id><title>{escape(post.title)}</title>"
    yield f'<link href="{entry.url}"/>' if post.title else ""
    yield f"<published>{post.published.isoformat()}</published><updated>{entry.updated.isoformat()}</updated>"
    yield from (f'<category term="{escape(one)}"/>' for one in post.categories)
    yield f'<content type="html">{escape(post.content)}</content>'


def json_feed(entries: Iterable[Entry], rubbish: bool) -> bytes:
    items = [_object(one) for one in entries]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "よその新聞"}
    return json.dumps({**feed, "items": [None] * rubbish + items}, ensure_ascii=False).encode()


def _object(entry: Entry) -> dict[str, object]:
    post = entry.post
    head = {"url": entry.url, "title": post.title} if post.title else {}
    dates = {"date_published": post.published.isoformat(), "date_modified": entry.updated.isoformat()}
    return {"id": post.id, **head, "content_html": post.content, **dates, "tags": list(post.categories)}


@dataclass
class FeedAuthor:
    """Writes on a site that shows everything in its feed, the newest first, and knows nothing of feedpub."""

    can: ClassVar[frozenset[Deed]] = frozenset({"schedule", "rename", "brief", "restamp", "double", "late"})

    options: FeedOptions
    written_by: Callable[[Iterable[Entry], bool], bytes]
    now: datetime = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
    entries: dict[str, Entry] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    rubbish: bool = False
    fallen: bool = False
    answers: list[int] = field(default_factory=list)
    """The status of every answer so far."""

    def document(self) -> bytes:
        """The feed as it is now."""
        shown = [one for one in self.entries.values() if one.post.published <= self.now]
        shown.sort(key=lambda one: one.post.published, reverse=True)
        return self.written_by([one for one in shown for _ in range(1 + (one.post.id in self.twice))], self.rubbish)

    def write(self, *posts: Post) -> None:
        self.entries |= {post.id: Entry(post, self.now) for post in posts}

    def withdraw(self, id_: str) -> None:
        raise NotImplementedError

    def hide(self, id_: str) -> None:
        raise NotImplementedError

    def rename(self, before: str, after: str) -> None:
        for id_, entry in self.entries.items():
            names = tuple(after if one == before else one for one in entry.post.categories)
            self.entries[id_] = replace(entry, post=replace(entry.post, categories=names))

    def move(self, category: str, below: str) -> None:
        raise NotImplementedError

    def restamp(self) -> None:
        self.entries = {id_: replace(one, updated=self.now) for id_, one in self.entries.items()}

    def double(self, id_: str) -> None:
        self.twice.add(id_)

    def write_late(self, post: Post) -> Callable[[], None]:
        entry = Entry(post, self.now)
        return lambda: self.entries.update({post.id: entry})

    def spoil(self) -> None:
        self.rubbish = True

    def fall(self) -> None:
        self.fallen = True

    def rise(self) -> None:
        self.fallen = False

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one question for the feed."""
        content = self.document()
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        known = handler.headers.get("If-None-Match") == etag
        status = 503 if self.fallen else 304 if known else 200
        self.answers.append(status)
        handler.send_response(status)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(content) if status == 200 else 0))
        handler.end_headers()
        if status == 200:
            handler.wfile.write(content)


@contextmanager
def _opened(written_by: Callable[[Iterable[Entry], bool], bytes]) -> Iterator[FeedAuthor]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            author.answer(self)

    server = LossyServer(("127.0.0.1", 0), Handler)
    with serving(server) as address:
        options = FeedOptions(name="blog", url=f"{address}/feed", allow_private=True, poll=timedelta(minutes=3))
        author = FeedAuthor(options, written_by)
        yield author


@contextmanager
def opened_rss(folder: Path) -> Iterator[FeedAuthor]:
    """Somebody with an empty feed in RSS."""
    with _opened(rss) as author:
        yield author


@contextmanager
def opened_atom(folder: Path) -> Iterator[FeedAuthor]:
    """Somebody with an empty feed in Atom."""
    with _opened(atom) as author:
        yield author


@contextmanager
def opened_json(folder: Path) -> Iterator[FeedAuthor]:
    """Somebody with an empty JSON Feed."""
    with _opened(json_feed) as author:
        yield author
