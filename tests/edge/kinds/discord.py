"""How Discord is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Discord
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer


def _error(status: int, code: int, message: str = "no") -> Answer:
    return Answer(status, {"message": message, "code": code})


KIND = Kind(
    make=lambda url: Discord(
        name="news", webhook_url=f"{url}/api/webhooks/1/{TOKEN}", allow_private=True, timeout=PATIENCE
    ),
    yes=Answer(200, {"id": "99", "channel_id": "5"}),
    said=Said("99"),
    path=f"/api/webhooks/1/{TOKEN}",
    refusals={
        "a body it does not like": (_error(400, 50035, "Invalid Form Body"), "item"),
        "a token that is none": (_error(401, 50027, "Invalid Webhook Token"), "target"),
        "a webhook that was deleted": (_error(404, 10015, "Unknown Webhook"), "target"),
        "a forum without a thread": (_error(400, 220001), "target"),
        "a channel that is no forum": (_error(400, 220003), "target"),
        "a forum that wants a tag": (_error(400, 40067), "target"),
        "a channel we may not post to": (_error(403, 50013, "Missing Permissions"), "target"),
    },
    slow_down=Answer(429, {"message": "limited", "retry_after": 43.5, "global": True}),
    wait=timedelta(seconds=43.5),
    edited=Answer(200, {"id": "99"}),
    deleted=Answer(204),
    gone=(_error(404, 10008, "Unknown Message"),),
    lost=(_error(404, 10015, "Unknown Webhook"),),
    edits=f"PATCH /api/webhooks/1/{TOKEN}/messages/99",
    deletes=f"DELETE /api/webhooks/1/{TOKEN}/messages/99",
    verified=(Answer(200, {"id": "1", "type": 1, "name": "News", "channel_id": "5", "token": TOKEN}),),
    who="News (channel 5)",
)
