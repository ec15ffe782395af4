"""How a Matrix homeserver is answered."""

from __future__ import annotations

from datetime import timedelta

from feedpub.model import Said
from feedpub.networks import Matrix
from tests.edge.kinds.kind import PATIENCE, TOKEN, Kind
from tests.edge.receiver import LOGIN_PAGE, Answer

ROOM, EVENT = "!news:example.org", "$3hKx0-pGkq_2"
_ROOM_PATH = "/_matrix/client/v3/rooms/%21news%3Aexample.org"
_EVENT_PATH = "%243hKx0-pGkq_2"


def _no(status: int, code: str, error: str, **more: int) -> Answer:
    return Answer(status, {"errcode": code, "error": error} | more)


KIND = Kind(
    make=lambda url: Matrix(name="news", server=url, token=TOKEN, room=ROOM, allow_private=True, timeout=PATIENCE),
    yes=Answer(200, {"event_id": EVENT}),
    said=Said(f"{ROOM}/{EVENT}", "https://matrix.to/#/%21news%3Aexample.org/%243hKx0-pGkq_2"),
    method="PUT",
    path="/_matrix/client/v3/rooms/%21news%3Aexample.org/send/m.room.message/msg_2f",
    refusals={
        "an event too large": (_no(413, "M_TOO_LARGE", "event too large"), "item"),
        "a body it cannot read": (_no(400, "M_BAD_JSON", "Bad JSON"), "item"),
        "a token that was logged out": (_no(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."), "target"),
        "a room it is not in": (_no(403, "M_FORBIDDEN", "User @bot:example.org not in room"), "target"),
        "a server that is none": (Answer(404, "nothing here"), "target"),
    },
    slow_down=_no(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=2500),
    wait=timedelta(seconds=2.5),
    routes={
        f"GET {_ROOM_PATH}/event/{_EVENT_PATH}": Answer(200, {"content": {"msgtype": "m.notice", "body": "海自"}}),
    },
    key=lambda seen: seen.path,
    edited=Answer(200, {"event_id": "$another"}),
    edited_as=Said(f"{ROOM}/{EVENT}"),
    edits=f"PUT {_ROOM_PATH}/send/m.room.message/msg_2f",
    deleted=Answer(200, {"event_id": "$redaction"}),
    deletes=f"PUT {_ROOM_PATH}/redact/{_EVENT_PATH}/msg_2f.{_EVENT_PATH}",
    gone=(Answer(200, {"event_id": "$redaction"}), _no(404, "M_NOT_FOUND", "Event not found.")),
    missing=(),
    lost=(Answer(404, LOGIN_PAGE.body), _no(403, "M_FORBIDDEN", "User @bot:example.org not in room")),
    replies=f"PUT {_ROOM_PATH}/send/m.room.message/msg_2f",
    named=EVENT,
    verified=(Answer(200, {"user_id": "@bot:example.org", "device_id": "FEEDPUB"}),),
    who=f"@bot:example.org in {ROOM}",
)
