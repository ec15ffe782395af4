"""How WebSub is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Again, Said
from feedpub.networks import WebSub
from tests.edge.kinds.kind import FEED, PATIENCE, Kind
from tests.edge.receiver import Answer

KIND = Kind(
    make=lambda url: WebSub(name="news", hub_url=f"{url}/hub", allow_private=True, timeout=PATIENCE),
    yes=Answer(202, "Request received"),
    said=Said(),
    path="/hub",
    refusals={
        "a topic it does not serve": (Answer(400, "unknown topic"), "item"),
        "a topic that it cannot fetch": (Answer(422, b""), "item"),
        "a hub for members": (Answer(403, b""), "target"),
        "a hub that is gone": (Answer(410, b""), "target"),
    },
    slow_down=Answer(429, b"", {"Retry-After": "90"}),
    wait=timedelta(seconds=90),
    text=FEED,
    sends="application/x-www-form-urlencoded",
    says=f"hub.mode=publish&hub.url={FEED}&hub.topic={FEED}",
    flood_is_yes=True,
    unsure=Again,
)
