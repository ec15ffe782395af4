"""Servers of the fediverse on loopback, and a wire before them that breaks where it is told to.

Mastodon is mastodon_mock, which others wrote and which honours Idempotency-Key. GoToSocial and Misskey are strict
sketches of what real ones were seen to do: neither knows a key, and each refuses what it does not know.
"""

from __future__ import annotations

import html
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mastodon_mock.config import DatabaseConfig, MastodonMockConfig
from mastodon_mock.testing.seed import DEFAULT_TEST_SEED
from mastodon_mock.testing.server import MockServer

from feedpub.app import now
from tests.edge.serving import Quiet, serving

TOKEN = "alice_token"
Answered = tuple[int, Any]


def _stamp() -> str:
    return now().isoformat().replace("+00:00", "Z")


class _Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, content: bytes, media_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


# ---------------------------------------------------------------- the wire


class Wire(_Server):
    """Hands every request on. `breaks` names where the next one to a path goes wrong: before it arrives, or after.

    Then nothing is answered, and `done` tells that it has come so far; a wire that `hangs` keeps the line open.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.breaks: dict[str, str] = {}
        self.hangs = False
        self.done = threading.Event()
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Wired)


class _Wired(_Handler):
    server: Wire

    def _hand_on(self) -> None:
        body, where = self.body(), self.server.breaks.pop(urlsplit(self.path).path, "")
        answer = self._asked(body) if where != "before" else None
        if where or answer is None:
            self._break()
        else:
            self.answer(*answer)

    def _asked(self, body: bytes) -> tuple[int, bytes, str]:
        """Ask the server behind."""
        line = HTTPConnection(self.server.upstream, timeout=10)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        line.request(self.command, self.path, body, headers)
        reply = line.getresponse()
        content = reply.read()
        line.close()
        return reply.status, content, reply.headers.get("content-type", "")

    def _break(self) -> None:
        self.server.done.set()
        if self.server.hangs:
            self.server.closing.wait(30)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _hand_on  # noqa: N815 - named by the base class


@contextmanager
def wire(upstream: str) -> Iterator[Wire]:
    server = Wire(upstream)
    with serving(server):
        try:
            yield server
        finally:
            server.closing.set()


# ---------------------------------------------------------------- Mastodon


@contextmanager
def mastodon(folder: Path) -> Iterator[str]:
    """Run mastodon_mock; gives its address. The account behind TOKEN is alice."""
    config = MastodonMockConfig(
        database=DatabaseConfig(path=":memory:"), seed=DEFAULT_TEST_SEED, media_storage_path=str(folder)
    )
    with MockServer(config=config) as server:
        yield server.base_url


# ---------------------------------------------------------------- GoToSocial

_LINK = re.compile(r"https?://[^\s<]+")


class GoToSocial(_Server):
    """Takes posts of `limit` code points, and counts addresses whole, whatever it tells of them."""

    def __init__(self, limit: int = 500) -> None:
        self.limit = limit
        self.posts: dict[str, dict[str, Any]] = {}
        self._ids = count(1)
        super().__init__(("127.0.0.1", 0), _GoToSocial)

    def take(self, said: dict[str, Any], id_: str = "") -> Answered:
        odd = said.keys() - {"status", "visibility", "language", "content_type", "in_reply_to_id", "media_ids"}
        text = said.get("status")
        if odd or not isinstance(text, str) or not text:
            return 400, {"error": "Bad Request: no status provided"}
        if len(text) > self.limit:
            why = f"status too long, {len(text)} characters provided but limit is {self.limit}"
            return 400, {"error": f"Bad Request: {why}"}
        content = _LINK.sub(lambda link: f'<a href="{link[0]}" rel="nofollow">{link[0]}</a>', html.escape(text))
        id_ = id_ or f"01HZ{next(self._ids):022}"
        below = said.get("in_reply_to_id")
        self.posts[id_] = {
            "id": id_,
            "url": f"{self.url}/@news/statuses/{id_}",
            "content": f"<p>{content}</p>",
            "created_at": _stamp(),
            "in_reply_to_id": below,
            "text": text,
        }
        return 200, self.posts[id_]


class _GoToSocial(_Handler):
    server: GoToSocial

    def _take(self) -> None:
        body, at = self.body(), urlsplit(self.path)
        status, said = self._answered(at.path, {name: one[0] for name, one in parse_qs(at.query).items()}, body)
        self.answer(status, json.dumps(said).encode())

    def _answered(self, path: str, query: dict[str, str], body: bytes) -> Answered:
        server = self.server
        if path == "/api/v2/instance":
            configuration = {"statuses": {"max_characters": server.limit, "characters_reserved_per_url": 25}}
            source = "https://codeberg.org/superseriousbusiness/gotosocial"
            return 200, {"version": "0.20.1+git-abc", "source_url": source, "configuration": configuration}
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "Unauthorized: token not supplied"}
        if path == "/api/v1/accounts/verify_credentials":
            return 200, {"id": "01NEWS", "acct": "news"}
        if path == "/api/v1/accounts/01NEWS/statuses":
            ids = [id_ for id_ in reversed(server.posts) if id_ < query.get("max_id", "~")]
            return 200, [server.posts[id_] for id_ in ids[: min(int(query["limit"]), 40)]]
        if path == "/api/v1/statuses" and self.command == "POST":
            return server.take(json.loads(body))
        return self._one(path.removeprefix("/api/v1/statuses/"), body)

    def _one(self, id_: str, body: bytes) -> Answered:
        posts = self.server.posts
        if id_ not in posts:
            return 404, {"error": "Not Found: target status not found"}
        return self.server.take(json.loads(body), id_) if self.command == "PUT" else (200, posts.pop(id_))

    do_GET = do_POST = do_PUT = do_DELETE = _take  # noqa: N815 - named by the base class


@contextmanager
def gotosocial(limit: int = 500) -> Iterator[GoToSocial]:
    server = GoToSocial(limit)
    with serving(server):
        yield server


# ---------------------------------------------------------------- Misskey


class Misskey(_Server):
    """Takes notes of `limit` code points, `left` of them in this hour; pictures go into its `drive`."""

    def __init__(self, limit: int = 3000, left: int = 300) -> None:
        self.limit, self.left = limit, left
        self.notes: dict[str, dict[str, Any]] = {}
        self.drive: dict[str, dict[str, Any]] = {}
        self._ids = count(1)
        super().__init__(("127.0.0.1", 0), _Misskey)

    def meta(self, asked: dict[str, Any]) -> Answered:
        return 200, {"version": "2025.4.0", "maxNoteTextLength": self.limit}

    def i(self, asked: dict[str, Any]) -> Answered:
        return 200, {"id": "7news", "username": "news", "host": None}

    def notes_create(self, asked: dict[str, Any]) -> Answered:
        if self.left <= 0:
            return _error(429, "RATE_LIMIT_EXCEEDED", resetMs=0)
        if asked.keys() - {"text", "visibility", "localOnly", "cw", "replyId", "fileIds"}:
            return _error(400, "INVALID_PARAM", param="#", reason="must NOT have additional properties")
        if len(asked["text"]) > self.limit:
            why = f"must NOT have more than {self.limit} characters"
            return _error(400, "INVALID_PARAM", param="#/properties/text/maxLength", reason=why)
        if asked.get("replyId", "") not in {"", *self.notes}:
            return _error(400, "NO_SUCH_REPLY_TARGET")
        if not set(asked.get("fileIds", ())) <= self.drive.keys():
            return _error(400, "NO_SUCH_FILE")
        self.left -= 1
        id_ = f"9n{next(self._ids):08}"
        moment = _stamp()
        self.notes[id_] = {"id": id_, "createdAt": moment, "replyId": None, "fileIds": [], **asked}
        return 200, {"createdNote": self.notes[id_]}

    def users_notes(self, asked: dict[str, Any]) -> Answered:
        until = asked.get("untilId", "~")
        newest = [note for id_, note in reversed(self.notes.items()) if id_ < until]
        return 200, [note for note in newest if asked["withReplies"] or not note["replyId"]][: asked["limit"]]

    def notes_delete(self, asked: dict[str, Any]) -> Answered:
        return (204, None) if self.notes.pop(asked["noteId"], None) else _error(400, "NO_SUCH_NOTE")

    def drive_files_show(self, asked: dict[str, Any]) -> Answered:
        file = self.drive.get(asked["fileId"])
        return (200, file) if file else _error(400, "NO_SUCH_FILE")

    def drive_files_create(self, form: dict[str, Any]) -> Answered:
        if form.keys() - {"file", "comment"} or len(form.get("comment", b"").decode()) > 512:
            return _error(400, "INVALID_PARAM", param="comment", reason="is not a comment")
        id_ = f"9f{next(self._ids):08}"
        self.drive[id_] = {"id": id_, "comment": form.get("comment", b"").decode(), "size": len(form["file"])}
        return 200, self.drive[id_]


def _error(status: int, code: str, **info: object) -> Answered:
    return status, {"error": {"message": "No.", "code": code, "id": "…", "kind": "client", "info": info}}


class _Misskey(_Handler):
    server: Misskey

    def do_POST(self) -> None:
        body, endpoint = self.body(), self.path.removeprefix("/api/").replace("/", "_")
        does: Callable[[dict[str, Any]], Answered] | None = getattr(self.server, endpoint, None)
        if does is None:
            status, said = 404, _error(404, "UNKNOWN_API_ENDPOINT")[1]
        elif endpoint != "meta" and self.headers.get("authorization") != f"Bearer {TOKEN}":
            status, said = _error(401, "AUTHENTICATION_FAILED")
        else:
            status, said = does(self._read(body))
        if status == 429:
            self.send_response(429)
            self.send_header("retry-after", "3597")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.answer(status, b"" if status == 204 else json.dumps(said).encode())

    def _read(self, body: bytes) -> dict[str, Any]:
        kind = self.headers.get("content-type", "")
        if not kind.startswith("multipart/"):
            found: dict[str, Any] = json.loads(body)
            return found
        message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = list(message.iter_parts())
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True) for part in parts
        }


@contextmanager
def misskey(limit: int = 3000, left: int = 300) -> Iterator[Misskey]:
    server = Misskey(limit, left)
    with serving(server):
        yield server
