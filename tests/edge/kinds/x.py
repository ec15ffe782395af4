"""How X is answered."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pydantic import SecretStr

from feedpub.model import Said
from feedpub.networks import X, weighted
from tests.edge.kinds.kind import LINK, PATIENCE, TOKEN, Kind
from tests.edge.receiver import LOGIN_PAGE, Answer

weighted.length("")  # twitter-text is loaded before the first notice is composed, not while it is said


def _no(status: int, detail: str, **more: str) -> Answer:
    return Answer(status, {"detail": detail, "type": "about:blank", "title": "Forbidden", "status": status, **more})


def _post(id_: str, leads_to: str) -> dict[str, object]:
    links = [{"start": 0, "end": 23, "url": "https://t.co/a", "expanded_url": leads_to, "display_url": "a.jp/…"}]
    at = "2026-04-28T03:00:01.000Z"
    return {"id": id_, "text": "https://t.co/a", "created_at": at, "entities": {"urls": links}}


KIND = Kind(
    make=lambda url: X(
        name="news",
        api_key=SecretStr(TOKEN),
        api_secret=SecretStr(TOKEN),
        access_token=SecretStr(TOKEN),
        access_secret=SecretStr(TOKEN),
        budget=Decimal(20),
        edits=True,
        api_url=url,
        allow_private=True,
        timeout=PATIENCE,
    ),
    yes=Answer(201, {"data": {"id": "99", "text": "…", "edit_history_tweet_ids": ["99"]}}),
    said=Said("99", "https://x.com/i/web/status/99"),
    path="/2/tweets",
    refusals={
        "a body it does not like": (_no(400, "One or more parameters to your request was invalid."), "item"),
        "the same words twice": (_no(403, "You are not allowed to create a Tweet with duplicate content."), "item"),
        "two cashtags": (_no(403, "Posts are limited to 1 cashtag."), "item"),
        "keys that were revoked": (_no(401, "Unauthorized"), "target"),
        "credits that are used up": (_no(402, "Your account has no credits."), "target"),
        "an app that may only read": (
            _no(403, "Your client app is not configured with the appropriate oauth1 app permissions."),
            "target",
        ),
        "a bearer token": (_no(403, "Authenticating with OAuth 2.0 Application-Only is forbidden"), "target"),
    },
    slow_down=Answer(429, {"title": "Too Many Requests"}, {"x-rate-limit-reset": "1777345500"}),
    wait=timedelta(minutes=5),
    edited=Answer(201, {"data": {"id": "100", "text": "…", "edit_history_tweet_ids": ["99", "100"]}}),
    edited_as=Said("100", "https://x.com/i/web/status/100"),
    deleted=Answer(200, {"data": {"deleted": True}}),
    gone=(_no(404, "Could not find tweet with id: [99].", title="Not Found Error"),),
    missing=(_no(404, "Could not find tweet with id: [99]."), _no(403, "This Tweet can no longer be edited.")),
    edits="POST /2/tweets",
    deletes="DELETE /2/tweets/99",
    routes={"GET /2/users/me": Answer(200, {"data": {"id": "7", "username": "news", "name": "ニュース"}})},
    lost=(Answer(404, LOGIN_PAGE.body), _no(401, "Unauthorized")),
    found=(
        Answer(200, {"data": [_post("98", "https://example.org/")], "meta": {"result_count": 1, "next_token": "n"}}),
        Answer(200, {"data": [_post("99", LINK + "&utm_source=x")], "meta": {"result_count": 1}}),
    ),
    absent=(Answer(200, {"meta": {"result_count": 0}}),),
    who="@news",
)
