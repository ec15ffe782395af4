"""A real WebSub hub and what stands around it on loopback: a web server with feed files, and a subscriber.

The hub is flask-websub's, an independent reading of the specification. It hands its work to celery; here a scheduler
of a few lines does it at once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask_websub.hub import Hub, SQLite3HubStorage
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.edge.serving import Quiet, serving

# ---------------------------------------------------------------- the hub


@dataclass
class Task:
    """One of the hub's tasks, done where celery would only note it."""

    work: Callable[..., object]
    bound: bool
    failed: list[Exception]

    def delay(self, *arguments: object) -> None:
        """Do it now. As with celery, who asked for it does not learn of its failure."""
        try:
            self.work(self, *arguments) if self.bound else self.work(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, a worker would keep it to itself
            self.failed.append(error)


@dataclass
class AtOnce:
    """What the hub needs of celery."""

    failed: list[Exception] = field(default_factory=list)

    def task(self, *, bind: bool = False, max_retries: int = 0) -> Callable[[Callable[..., object]], Task]:
        """Make a function a task; nothing is tried again, so no `max_retries` is reached."""
        return lambda work: Task(work, bind, self.failed)


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Keep the tests' output to the tests."""


@contextmanager
def hub(folder: Path) -> Iterator[tuple[str, list[Exception]]]:
    """A hub; gives its address, and what its tasks failed with."""
    scheduler = AtOnce()
    app = Flask("hub")
    app.config["PUBLISH_SUPPORTED"] = True
    blueprint = Hub(SQLite3HubStorage(str(folder / "hub.sqlite3")), scheduler).build_blueprint("/hub")
    app.register_blueprint(blueprint)
    with serving(make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)) as url:
        yield f"{url}/hub", scheduler.failed


# ---------------------------------------------------------------- the site's web server


class _Files(Quiet, BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        content = (self.server.folder / self.path.lstrip("/")).read_bytes()
        self.send_response(200)
        self.send_header("content-type", "application/rss+xml; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        if self.server.hub:
            itself = f"http://127.0.0.1:{self.server.server_address[1]}{self.path}"
            self.send_header("link", f'<{itself}>; rel="self", <{self.server.hub}>; rel="hub"')
        self.end_headers()
        self.wfile.write(content)


class FileServer(ThreadingHTTPServer):
    """Serves a folder with the two links that a hub looks for; without them, if it knows no hub."""

    def __init__(self, folder: Path, hub_url: str) -> None:
        self.folder, self.hub = folder, hub_url
        super().__init__(("127.0.0.1", 0), _Files)


# ---------------------------------------------------------------- a subscriber


class _Callback(Quiet, BaseHTTPRequestHandler):
    server: Subscriber

    def do_GET(self) -> None:
        """Answer whether the subscription was meant (§5.3)."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        meant = asked.get("hub.topic") in self.server.wanted and asked.get("hub.mode") == "subscribe"
        content = asked["hub.challenge"].encode() if meant else b""
        self.server.verified += [asked["hub.topic"]] if meant else []
        self._answer(200 if meant else 404, content)

    def do_POST(self) -> None:
        """Take what is distributed, and judge its signature by the specification (§8)."""
        body = self.rfile.read(int(self.headers["content-length"]))
        method, _, given = self.headers.get("x-hub-signature", "").partition("=")
        expected = (
            hmac.new(self.server.secret, body, method).hexdigest() if method in hashlib.algorithms_available else ""
        )
        self.server.received.append((body, bool(given) and hmac.compare_digest(expected, given)))
        self._answer(202, b"")

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Subscriber(ThreadingHTTPServer):
    """Somebody who wants to hear of some topics, with a secret. `received`: each content, and whether it was signed."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.wanted: set[str] = set()
        self.verified: list[str] = []
        self.received: list[tuple[bytes, bool]] = []
        super().__init__(("127.0.0.1", 0), _Callback)
