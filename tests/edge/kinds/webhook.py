"""How Webhook is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Webhook
from tests.edge.kinds.kind import PATIENCE, SECRET, TOKEN, Kind
from tests.edge.receiver import Answer

KIND = Kind(
    make=lambda url: Webhook(
        name="news", url=f"{url}/hook/{TOKEN}", secret=SECRET, allow_private=True, timeout=PATIENCE
    ),
    yes=Answer(200, "thank you"),
    said=Said(),
    path=f"/hook/{TOKEN}",
    refusals={
        "a body it does not like": (Answer(422, {"error": "no such field"}), "item"),
        "a body too large": (Answer(413, b""), "item"),
        "credentials that are none": (Answer(401, b""), "target"),
        "an endpoint that wants no more": (Answer(410, b""), "target"),
    },
    slow_down=Answer(429, b"", {"Retry-After": "Tue, 28 Apr 2026 03:02:00 GMT"}),
    wait=timedelta(minutes=2),
    text='{"type":"article.published","data":{"title":"海自の新型護衛艦"}}',
    flood_is_yes=True,
    events=True,
)
