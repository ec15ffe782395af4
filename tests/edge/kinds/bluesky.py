"""How Bluesky is answered. A server that keeps to all of its rules is in fake_pds.py."""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr

from feedpub.model import Action, Image, Notice, Said, Span
from feedpub.networks import Bluesky
from feedpub.networks.bluesky import rkey
from tests.edge.fake_pds import DID, HANDLE, POSTS
from tests.edge.kinds.kind import LINK, NOW, PATIENCE, TEXT, TOKEN, Kind
from tests.edge.receiver import Answer

RKEY = rkey(Notice("news", Action.ANNOUNCE, "1", "g", 1, "msg_2f", NOW, TEXT))
PLACE = f"at://{DID}/{POSTS}/{RKEY}"
SESSION = {"did": DID, "handle": HANDLE, "accessJwt": "eyJ.access", "refreshJwt": "eyJ.refresh"}
BLOB = {"$type": "blob", "ref": {"$link": "bafkrei"}, "mimeType": "image/jpeg", "size": 11}
STANDS = Answer(200, {"uri": PLACE, "cid": "bafyreia", "value": {"text": "old", "createdAt": "2026-04-28T02:00:00Z"}})


def _no(status: int, error: str, message: str) -> Answer:
    return Answer(status, {"error": error, "message": message})


KIND = Kind(
    make=lambda url: Bluesky(
        name="news",
        server=url,
        identifier=HANDLE,
        app_password=SecretStr(TOKEN),
        allow_private=True,
        timeout=PATIENCE,
    ),
    yes=Answer(200, {"uri": PLACE, "cid": "bafyreib", "validationStatus": "valid"}),
    said=Said(PLACE, f"https://bsky.app/profile/{HANDLE}/post/{RKEY}"),
    path="/xrpc/com.atproto.repo.putRecord",
    refusals={
        "too long a text": (_no(400, "InvalidRequest", "Record/text must not be longer than 300 graphemes"), "item"),
        "a picture too large": (_no(400, "BlobTooLarge", "This file is too large"), "item"),
        "an account that was taken down": (_no(400, "AccountTakedown", "Account has been taken down"), "target"),
        "a token that is none, twice": (_no(400, "InvalidToken", "Token could not be verified"), "target"),
        "another's account": (_no(401, "AuthenticationRequired", "Authentication Required"), "target"),
        "a server that is none": (Answer(404, "nothing here"), "target"),
    },
    slow_down=Answer(429, {"error": "RateLimitExceeded"}, {"RateLimit-Reset": "1777345500", "RateLimit-Limit": "30"}),
    wait=timedelta(minutes=5),
    edited=Answer(200, {"uri": PLACE, "cid": "bafyreic"}),
    deleted=Answer(200, {"commit": {"cid": "bafyreid", "rev": "3k"}}),
    gone=(Answer(200, {}),),
    missing=(),
    notice={
        "image": Image("https://example.org/a.jpg", "護衛艦", "海上自衛隊", "CC BY 4.0"),
        "spans": (Span(TEXT.index(LINK), len(TEXT), "link", LINK),),
    },
    key=lambda seen: str(seen.json["rkey"]) if seen.path.endswith("putRecord") else "",
    edits="POST /xrpc/com.atproto.repo.putRecord",
    deletes="POST /xrpc/com.atproto.repo.deleteRecord",
    replies="POST /xrpc/com.atproto.repo.putRecord",
    named=RKEY,
    routes={
        "POST /xrpc/com.atproto.server.createSession": Answer(200, SESSION),
        "POST /xrpc/com.atproto.server.refreshSession": Answer(200, SESSION),
        "GET /xrpc/com.atproto.repo.getRecord": STANDS,
        "POST /xrpc/com.atproto.repo.uploadBlob": Answer(200, {"blob": BLOB}),
    },
    looks="GET /xrpc/com.atproto.repo.getRecord",
    found=(STANDS,),
    absent=(_no(400, "RecordNotFound", "Could not locate record"),),
    verified=(Answer(200, {"did": DID, "handle": HANDLE, "active": True}),),
    who=f"@{HANDLE}",
)
