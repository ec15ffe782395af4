"""A server of feeds that notes when each was asked for: what stores of kind `feed` are polled from."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.edge.serving import LossyServer, Quiet, serving

_FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>通信</title><link>https://wire.test/</link><description>d</description>
{items}</channel></rss>
"""
_ITEM = """<item><guid isPermaLink="false">{id}</guid><title>見出し {id}</title><link>https://wire.test/{id}</link>
<description>本文</description></item>
"""


class Wire:
    """Every path is a feed with the same items. While `shut`, an answer waits until it is opened again."""

    def __init__(self) -> None:
        self.url = ""
        self.polls: defaultdict[str, list[float]] = defaultdict(list)
        """By path, when it was asked for, on the steady clock."""
        self.items: list[str] = []
        self._open = threading.Event()
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def store(self, name: str, **options: object) -> dict[str, object]:
        """Be a store that is polled from here."""
        return {"kind": "feed", "url": f"{self.url}/{name}", "allow_private": True} | options

    def answer(self, path: str) -> bytes:
        self.polls[path.strip("/")].append(time.monotonic())
        items = "".join(_ITEM.format(id=item) for item in self.items)
        self._open.wait(60)
        return _FEED.format(items=items).encode()


@contextmanager
def wire() -> Iterator[Wire]:
    """Serve for as long as it is needed."""
    one = Wire()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = one.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(LossyServer(("127.0.0.1", 0), Handler)) as one.url:
        try:
            yield one
        finally:
            one.open()
