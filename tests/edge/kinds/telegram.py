"""How Telegram is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Telegram
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import LOGIN_PAGE, Answer


def _no(status: int, description: str, **parameters: int) -> Answer:
    told = {"ok": False, "error_code": status, "description": description}
    return Answer(status, told | ({"parameters": parameters} if parameters else {}))


KIND = Kind(
    make=lambda url: Telegram(
        name="news", api_url=url, token=f"123456:{TOKEN}", chat_id="@news_channel", allow_private=True, timeout=PATIENCE
    ),
    yes=Answer(200, {"ok": True, "result": {"message_id": 7, "chat": {"id": -1001, "username": "news_channel"}}}),
    said=Said("-1001/7", "https://t.me/news_channel/7"),
    path=f"/bot123456:{TOKEN}/sendMessage",
    refusals={
        "too long a text": (_no(400, "Bad Request: message is too long"), "item"),
        "a chat that there is not": (_no(400, "Bad Request: chat not found"), "target"),
        "a chat where the bot may not write": (
            _no(400, "Bad Request: not enough rights to send text messages to the chat"),
            "target",
        ),
        "a chat it was thrown out of": (_no(403, "Forbidden: bot was kicked from the channel chat"), "target"),
        "a person who blocked it": (_no(403, "Forbidden: bot was blocked by the user"), "target"),
        "a token that was revoked": (_no(401, "Unauthorized"), "target"),
        "a token that is none": (_no(404, "Not Found"), "target"),
    },
    slow_down=_no(429, "Too Many Requests: retry after 17", retry_after=17),
    wait=timedelta(seconds=17),
    edited=Answer(200, {"ok": True, "result": {"message_id": 7, "chat": {"id": -1001, "username": "news_channel"}}}),
    edited_as=Said("-1001/7"),
    edits=f"POST /bot123456:{TOKEN}/editMessageText",
    deleted=Answer(200, {"ok": True, "result": True}),
    deletes=f"POST /bot123456:{TOKEN}/deleteMessage",
    gone=(_no(400, "Bad Request: message to delete not found"), _no(400, "Bad Request: MESSAGE_ID_INVALID")),
    missing=(_no(400, "Bad Request: message to edit not found"), _no(400, "Bad Request: MESSAGE_ID_INVALID")),
    lost=(
        Answer(404, LOGIN_PAGE.body),
        _no(400, "Bad Request: chat not found"),
        _no(403, "Forbidden: bot was kicked from the channel chat"),
    ),
    replies=f"POST /bot123456:{TOKEN}/sendMessage",
    named='"message_id":7',
    verified=(
        Answer(200, {"ok": True, "result": {"id": 123456, "is_bot": True, "username": "feedpub_bot"}}),
        Answer(200, {"ok": True, "result": {"id": -1001, "title": "航空ニュース", "username": "news_channel"}}),
    ),
    who="@feedpub_bot in 航空ニュース",
)
