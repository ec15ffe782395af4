"""How Mastodon is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Mastodon
from feedpub.networks.learning import told
from tests.edge.kinds.kind import LINK, NOW, PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer

STATUS = {"id": "11", "url": "https://m.example/@me/11", "content": "…"}
POSTS = [
    {"id": "12", "content": "<p>another</p>", "created_at": "2026-04-28T03:00:02.000Z"},
    STATUS
    | {
        "content": f'<p>海自 <a href="{LINK.replace("&", "&amp;")}&amp;utm_medium=m">…</a></p>' + "x" * 200_000,
        "created_at": "2026-04-28T03:00:01.000Z",
    },
]


def _proper(url: str) -> Mastodon:
    """A server that told that it is Mastodon itself."""
    note = told(url, NOW, {"software": "mastodon"})
    mastodon = Mastodon(name="news", server=url, token=TOKEN, allow_private=True, timeout=PATIENCE)
    return mastodon.knowing({note.key: note.value})


KIND = Kind(
    make=_proper,
    yes=Answer(200, STATUS),
    said=Said("11", "https://m.example/@me/11"),
    path="/api/v1/statuses",
    refusals={
        "a text it does not like": (Answer(422, {"error": "Validation failed: Text can't be blank"}), "item"),
        "its kin's way to say so": (Answer(400, {"error": "Bad Request: no text"}), "item"),
        "a token that was revoked": (Answer(401, {"error": "The access token was revoked"}), "target"),
        "a token that may not post": (Answer(403, {"error": "outside the authorized scopes"}), "target"),
        "a server that is none": (Answer(404, "nothing here"), "target"),
    },
    slow_down=Answer(429, {"error": "Too many requests"}, {"X-RateLimit-Reset": "2026-04-28T03:05:00.000000Z"}),
    wait=timedelta(minutes=5),
    edited=Answer(200, STATUS),
    deleted=Answer(200, STATUS),
    gone=(Answer(404, {"error": "Record not found"}), Answer(410, {"error": "Gone"})),
    edits="PUT /api/v1/statuses/11",
    deletes="DELETE /api/v1/statuses/11",
    routes={"GET /api/v1/accounts/verify_credentials": Answer(200, {"id": "7", "acct": "news"})},
    replies="POST /api/v1/statuses",
    found=(Answer(200, POSTS),),
    absent=(Answer(200, []),),
    who="@news@127.0.0.1",
)
