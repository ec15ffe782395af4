"""How Slack is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Slack
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer

KIND = Kind(
    make=lambda url: Slack(
        name="news", webhook_url=f"{url}/services/T0/B0/{TOKEN}", allow_private=True, timeout=PATIENCE
    ),
    yes=Answer(200, "ok"),
    said=Said(),
    path=f"/services/T0/B0/{TOKEN}",
    refusals={
        "a body it does not like": (Answer(400, "invalid_payload"), "item"),
        "no words": (Answer(400, "no_text"), "item"),
        "too many words": (Answer(400, "msg_too_long"), "item"),
        "a no in the clothes of a yes": (Answer(200, {"ok": False, "error": "msg_too_long"}), "item"),
        "a reader who is gone": (Answer(400, "user_not_found"), "target"),
        "a token that is none": (Answer(403, "invalid_token"), "target"),
        "a webhook that was deleted": (Answer(404, "no_service"), "target"),
        "a workspace that is gone": (Answer(404, "no_team"), "target"),
        "a forbidden channel": (Answer(403, "action_prohibited"), "target"),
        "the channel of all": (Answer(403, "posting_to_general_channel_denied"), "target"),
        "a channel that is gone": (Answer(404, "channel_not_found"), "target"),
        "an archived channel": (Answer(410, "channel_is_archived"), "target"),
    },
    slow_down=Answer(429, "rate_limited", {"Retry-After": "30"}),
    wait=timedelta(seconds=30),
    verified=(Answer(400, "no_text"),),
)
