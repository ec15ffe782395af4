"""How Misskey is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Misskey
from tests.edge.kinds.kind import LINK, PATIENCE, SERVER, TOKEN, Kind
from tests.edge.receiver import Answer


def _error(status: int, code: str, **info: object) -> Answer:
    return Answer(status, {"error": {"message": "No.", "code": code, "id": "…", "kind": "client", "info": info}})


NOTES = [
    {"id": "9abd", "text": None, "createdAt": "2026-04-28T03:00:02.000Z"},
    {"id": "9abc", "text": f"海自\n{LINK}&utm_medium=m", "createdAt": "2026-04-28T03:00:01.000Z"},
]

KIND = Kind(
    make=lambda url: Misskey(name="news", server=url, token=TOKEN, allow_private=True, timeout=PATIENCE),
    yes=Answer(200, {"createdNote": {"id": "9abc", "text": "…"}}),
    said=Said("9abc", f"{SERVER}/notes/9abc"),
    path="/api/notes/create",
    refusals={
        "too long a text": (
            _error(400, "INVALID_PARAM", param="#/properties/text/maxLength", reason="must NOT have more than 3000"),
            "item",
        ),
        "a word that is not allowed": (_error(400, "CONTAINS_PROHIBITED_WORDS"), "item"),
        "no token": (_error(401, "CREDENTIAL_REQUIRED"), "target"),
        "a token that is none": (_error(401, "AUTHENTICATION_FAILED"), "target"),
        "a token that may not post": (_error(403, "PERMISSION_DENIED"), "target"),
        "the same by an older server": (_error(400, "PERMISSION_DENIED"), "target"),
        "a suspended account": (_error(403, "YOUR_ACCOUNT_SUSPENDED"), "target"),
        "a server that is none": (Answer(404, {"error": {"message": "Unknown API endpoint."}}), "target"),
    },
    slow_down=Answer(429, {"error": {"code": "RATE_LIMIT_EXCEEDED", "info": {"resetMs": 1}}}, {"Retry-After": "3597"}),
    wait=timedelta(seconds=3597),
    deleted=Answer(204),
    gone=(_error(400, "NO_SUCH_NOTE"),),
    deletes="POST /api/notes/delete",
    replies="POST /api/notes/create",
    routes={"POST /api/i": Answer(200, {"id": "7", "username": "news"})},
    found=(Answer(200, NOTES),),
    absent=(Answer(200, []),),
    who="@news@127.0.0.1",
)
