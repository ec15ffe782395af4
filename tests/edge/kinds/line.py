"""How LINE is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Line
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer

REQUEST = "5d0e0a7f-9f0e-4b43-a4b1-e6a3a7d4f7c2"
_BAD_BODY = {"message": "The request body has 1 error(s)", "details": [{"property": "messages[0].text"}]}

KIND = Kind(
    make=lambda url: Line(name="news", api_url=url, token=TOKEN, allow_private=True, timeout=PATIENCE),
    yes=Answer(200, {}, {"x-line-request-id": REQUEST}),
    said=Said(REQUEST),
    path="/v2/bot/message/broadcast",
    refusals={
        "a body it does not like": (Answer(400, _BAD_BODY), "item"),
        "a text too long": (Answer(413, {"message": "Request body is too large"}), "item"),
        "a token that was revoked": (
            Answer(401, {"message": "Authentication failed due to the following reason"}),
            "target",
        ),
        "a plan that may not do this": (
            Answer(403, {"message": "Access to this API is not available for your account"}),
            "target",
        ),
    },
    slow_down=Answer(429, {"message": "The API rate limit has been exceeded. Try again later."}),
    wait=timedelta(minutes=1),
    yes_too=(Answer(200, {"sentMessages": [{"id": "461230966842064897"}]}),),
    verified=(Answer(200, {"userId": "U1", "basicId": "@216ru", "displayName": "航空ニュース"}),),
    who="航空ニュース (@216ru)",
)
