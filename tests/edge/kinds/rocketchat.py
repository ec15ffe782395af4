"""How Rocket.Chat answers."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import RocketChat
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer


def _error(status: int, error: str) -> Answer:
    return Answer(status, {"success": False, "error": error})


KIND = Kind(
    make=lambda url: RocketChat(
        name="news", webhook_url=f"{url}/hooks/6a1/{TOKEN}", allow_private=True, timeout=PATIENCE
    ),
    yes=Answer(200, {"success": True}),
    said=Said(),
    path=f"/hooks/6a1/{TOKEN}",
    refusals={
        "a body it does not like": (_error(400, "error-message-size-exceeded"), "item"),
        "a no in the clothes of a yes": (_error(200, "error-running-script"), "item"),
        "a channel that is gone": (_error(400, "invalid-channel"), "target"),
        "a user who may not post there": (_error(400, "error-not-allowed"), "target"),
        "a token that is none": (_error(401, "Invalid integration id or token provided."), "target"),
    },
    slow_down=Answer(429, {"success": False, "error": "slow down"}, {"Retry-After": "9"}),
    wait=timedelta(seconds=9),
    verified=(Answer(200, {"success": True}),),
)
