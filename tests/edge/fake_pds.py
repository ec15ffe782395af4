"""A PDS on loopback, written by hand and strict: it takes nothing that the real one's lexicons would not take.

    with FakePds() as pds:
        pds.moods = ["store, then 500"]

`records` is what stands there, `logins` counts createSession. `stubborn`: to put what is there already is HTTP 500.
`after_a_look`: what somebody else changes in a record as soon as we have seen it.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import regex

from tests.edge.serving import LossyServer, Quiet

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
HANDLE = "news.pds.test"
PASSWORD = "abcd-efgh-ijkl-mnop"
POSTS = "app.bsky.feed.post"
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
URI = re.compile(r"[a-z][a-z.-]{0,80}:[!-~]{1,8000}")


class NoError(Exception):
    """What XRPC answers with a status of 4xx or 5xx."""

    def __init__(self, status: int, error: str, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.message, self.headers = status, error, message or error, dict(headers or {})


def invalid(message: str) -> NoError:
    return NoError(400, "InvalidRequest", message)


class FakePds:
    """The server; `url` is its address."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.puts: list[dict[str, Any]] = []
        self.moods: list[str] = []
        self.logins = 0
        self.logins_allowed = 300
        self.stubborn = False
        self.after_a_look: dict[str, Any] = {}
        self.password = PASSWORD
        self._access: set[str] = set()
        self._refresh: set[str] = set()
        self._number = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def expire(self, *, refresh: bool = False) -> None:
        """Let all access tokens run out; if asked to, the refresh tokens too."""
        self._access.clear()
        if refresh:
            self._refresh.clear()

    # ------------------------------------------------------------ methods

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        name = urlsplit(path).path.removeprefix("/xrpc/com.atproto.")
        with self._lock:
            self.asked.append(name)
            query = {key: one[0] for key, one in parse_qs(urlsplit(path).query, strict_parsing=False).items()}
            known = {
                ("GET", "repo.getRecord"): lambda: self._get(query),
                ("GET", "server.getSession"): lambda: self._who(headers),
                ("POST", "server.createSession"): lambda: self._log_in(_json(headers, body)),
                ("POST", "server.refreshSession"): lambda: self._renew(headers, body),
                ("POST", "repo.putRecord"): lambda: self._put(headers, _json(headers, body)),
                ("POST", "repo.deleteRecord"): lambda: self._delete(headers, _json(headers, body)),
                ("POST", "repo.uploadBlob"): lambda: self._upload(headers, body),
            }
            if (method, name) not in known:
                raise NoError(501, "MethodNotImplemented", f"no {method} {path}")
            return known[method, name]()

    def _log_in(self, said: dict[str, Any]) -> dict[str, Any]:
        self.logins += 1
        if self.logins > self.logins_allowed:
            raise NoError(429, "RateLimitExceeded", "Rate Limit Exceeded", {"ratelimit-reset": "1777420800"})
        if said.keys() != {"identifier", "password"}:
            raise invalid("Input must have identifier and password")
        if said != {"identifier": HANDLE, "password": self.password}:
            raise NoError(401, "AuthenticationRequired", "Invalid identifier or password")
        return self._session()

    def _renew(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        if body:
            raise invalid("a request body was provided when none was expected")
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._refresh:
            raise NoError(400, "ExpiredToken", "Token has been revoked")
        self._refresh.remove(token)
        return self._session()

    def _session(self) -> dict[str, Any]:
        self._number += 1
        access, refresh = f"eyJ.access-{self._number}.sig", f"eyJ.refresh-{self._number}.sig"
        self._access.add(access)
        self._refresh.add(refresh)
        return {"did": DID, "handle": HANDLE, "accessJwt": access, "refreshJwt": refresh, "active": True}

    def _authorized(self, headers: Mapping[str, str]) -> None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise NoError(401, "AuthMissing", "Authentication Required")
        if token not in self._access:
            raise NoError(400, "ExpiredToken", "Token has expired")

    def _who(self, headers: Mapping[str, str]) -> dict[str, Any]:
        self._authorized(headers)
        return {"did": DID, "handle": HANDLE}

    def _get(self, query: dict[str, str]) -> dict[str, Any]:
        if query.get("repo") != DID or query.get("collection") != POSTS:
            raise invalid(f"Could not find repo: {query.get('repo')}")
        if query.get("rkey") not in self.records:
            raise NoError(400, "RecordNotFound", f"Could not locate record: at://{DID}/{POSTS}/{query.get('rkey')}")
        seen = self._shown(query["rkey"]) | {"value": self.records[query["rkey"]]}
        self.records[query["rkey"]] = {**self.records[query["rkey"]], **self.after_a_look}
        return seen

    def _put(self, headers: Mapping[str, str], said: dict[str, Any]) -> dict[str, Any]:
        self._authorized(headers)
        self.puts.append(said)
        self._named(said, {"record", "swapRecord", "swapCommit", "validate"})
        record, rkey, there = said["record"], said["rkey"], said["rkey"] in self.records
        check_post(record, self.blobs)
        mood = self.moods.pop(0) if self.moods else ""
        if mood == "500":
            raise NoError(500, "InternalServerError", "Internal Server Error")
        if there and self.stubborn:
            raise NoError(500, "InternalServerError", "Internal Server Error")
        if there and self.records[rkey] == record:
            return self._shown(rkey)  # the same again is no change, whatever swapRecord says
        if "swapRecord" in said and said["swapRecord"] != (cid(self.records[rkey]) if there else None):
            raise NoError(400, "InvalidSwap", f"Record was at {cid(self.records[rkey]) if there else None}")
        self.records[rkey] = record
        if mood == "store, then 500":
            raise NoError(500, "InternalServerError", "Internal Server Error")
        if mood == "store, then silence":
            raise ConnectionAbortedError
        return self._shown(rkey)

    def _delete(self, headers: Mapping[str, str], said: dict[str, Any]) -> dict[str, Any]:
        self._authorized(headers)
        self._named(said, {"swapRecord", "swapCommit"})
        self.records.pop(said["rkey"], None)
        return {}

    def _upload(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        self._authorized(headers)
        if "upload fails" in self.moods:
            raise NoError(500, "InternalServerError", "Internal Server Error")
        blob = {
            "$type": "blob",
            "ref": {"$link": cid(base64.b64encode(body).decode())},
            "mimeType": headers["content-type"],
            "size": len(body),
        }
        self.blobs[blob["ref"]["$link"]] = blob  # type: ignore[index]  # it is a dict, two lines above
        return {"blob": blob}

    def _named(self, said: dict[str, Any], more: set[str]) -> None:
        extra = said.keys() - {"repo", "collection", "rkey"} - more
        if extra or not {"repo", "collection", "rkey"} <= said.keys():
            raise invalid(f"Input must have other properties: {sorted(extra)}")
        if said["repo"] != DID:
            raise NoError(401, "AuthenticationRequired", "Authentication Required")
        if said["collection"] != POSTS or not TID.fullmatch(said["rkey"]):
            raise invalid("Invalid record key: it must be a TID")

    def _shown(self, rkey: str) -> dict[str, Any]:
        return {"uri": f"at://{DID}/{POSTS}/{rkey}", "cid": cid(self.records[rkey])}


def cid(value: object) -> str:
    """Name a content by its hash; ours only looks like the real one."""
    digest = sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).digest()
    return "bafyrei" + base64.b32encode(digest).decode().lower().rstrip("=")


# ---------------------------------------------------------------- the lexicons


def check_post(record: Any, blobs: Mapping[str, object] | None = None) -> None:
    """Refuse what is no app.bsky.feed.post, and what would be a dead facet there."""
    _fields(record, {"$type", "text", "createdAt"}, {"facets", "reply", "embed", "langs", "tags", "labels"})
    text = record["text"]
    if record["$type"] != POSTS or not isinstance(text, str):
        raise invalid("Record/$type and Record/text must be right")
    if len(text.encode()) > 3000:
        raise invalid("Record/text must not be longer than 3000 bytes")
    if len(regex.findall(r"\X", text)) > 300:
        raise invalid("Record/text must not be longer than 300 graphemes")
    if not ZONED.fullmatch(record["createdAt"]) or not datetime.fromisoformat(record["createdAt"]).tzinfo:
        raise invalid("Record/createdAt must be an valid atproto datetime")
    langs = record.get("langs", [])
    if len(langs) > 3 or not all(LANGUAGE.fullmatch(one) for one in langs):
        raise invalid("Record/langs must be at most three well-formed BCP 47 language tags")
    _facets(text.encode(), record.get("facets", []))
    for link in record["reply"].values() if "reply" in record else ():
        _fields(link, {"uri", "cid"}, set())
    if "reply" in record:
        _fields(record["reply"], {"root", "parent"}, set())
    if "embed" in record:
        _embed(record["embed"], blobs or {})


def _facets(text: bytes, facets: list[Any]) -> None:
    end = 0
    for facet in facets:
        _fields(facet, {"index", "features"}, {"$type"})
        _fields(facet["index"], {"byteStart", "byteEnd"}, set())
        start, stop = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        # The real server takes any range. One that is wrong is a dead link, so it is an error here.
        if not end <= start < stop <= len(text):
            raise invalid("Record/facets must stand within the text, apart and in order")
        end, marked = stop, text[start:stop].decode()
        (feature,) = facet["features"]
        if feature["$type"] == "app.bsky.richtext.facet#link":
            _fields(feature, {"$type", "uri"}, set())
            if not URI.fullmatch(feature["uri"]) or not marked.isascii():
                raise invalid("Record/facets/features/uri must be a uri")
        else:
            _fields(feature, {"$type", "tag"}, set())
            if len(regex.findall(r"\X", feature["tag"])) > 64 or marked != "#" + feature["tag"]:
                raise invalid("Record/facets/features/tag must be what stands there, of at most 64 graphemes")


def _embed(embed: Any, blobs: Mapping[str, object]) -> None:
    if embed["$type"] == "app.bsky.embed.external":
        _fields(embed, {"$type", "external"}, set())
        card = embed["external"]
        _fields(card, {"uri", "title", "description"}, {"thumb"})
        if not URI.fullmatch(card["uri"]) or not all(isinstance(card[key], str) for key in ("title", "description")):
            raise invalid("Record/embed/external must have a uri, a title and a description")
        pictures = [card["thumb"]] if "thumb" in card else []
    elif embed["$type"] == "app.bsky.embed.images":
        _fields(embed, {"$type", "images"}, set())
        for one in embed["images"]:
            _fields(one, {"image", "alt"}, {"aspectRatio"})
            _fields(one["aspectRatio"], {"width", "height"}, set())
            if not all(isinstance(side, int) and side >= 1 for side in one["aspectRatio"].values()):
                raise invalid("Record/embed/images/aspectRatio must be of whole numbers")
        pictures = [one["image"] for one in embed["images"]]
    else:
        raise invalid("Record/embed/$type is unknown")
    for blob in pictures:
        if blobs.get(blob["ref"]["$link"]) != blob:
            raise NoError(400, "BlobNotFound", "Could not find blob")
        if blob["size"] > 1_000_000 or not blob["mimeType"].startswith("image/"):
            raise NoError(400, "BlobTooLarge", "This file is too large. It is larger than 1000000 bytes")


def _fields(value: Any, needed: set[str], allowed: set[str]) -> None:
    if not isinstance(value, dict) or not needed <= value.keys() <= needed | allowed:
        raise invalid(f"an object must have {sorted(needed)} and perhaps {sorted(allowed)}")


# ---------------------------------------------------------------- HTTP


def _json(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if not headers.get("content-type", "").startswith("application/json"):
        raise invalid("Wrong request encoding (Content-Type)")
    value = json.loads(body)
    if not isinstance(value, dict):
        raise invalid("Input must be an object")
    return value


class _Server(LossyServer):
    def __init__(self, pds: FakePds) -> None:
        self.pds = pds
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self._answer(200, self.server.pds.answer(self.command, self.path, headers, body), {})
        except NoError as no:
            self._answer(no.status, {"error": no.error, "message": no.message}, no.headers)
        except ConnectionAbortedError:
            self.close_connection = True

    do_GET = do_POST = _take  # noqa: N815 - named by the base class

    def _answer(self, status: int, said: dict[str, Any], headers: Mapping[str, str]) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
