"""How Ping is answered."""

from __future__ import annotations

from datetime import timedelta
from xmlrpc.client import Fault, dumps

from feedpub.model import Again, Refused, Said
from feedpub.networks import Ping
from tests.edge.kinds.kind import FEED, PATIENCE, TOKEN, Kind
from tests.edge.receiver import Answer


def _pinged(*, error: bool, message: str) -> Answer:
    said = dumps(({"flerror": error, "message": message},), methodresponse=True)
    return Answer(200, said, {"content-type": "text/xml"})


KIND = Kind(
    make=lambda url: Ping(name="news", url=f"{url}/ping/{TOKEN}", allow_private=True, timeout=PATIENCE),
    yes=_pinged(error=False, message="Thanks for the ping."),
    said=Said(),
    path=f"/ping/{TOKEN}",
    refusals={
        "a site it does not know": (_pinged(error=True, message="登録されていません"), "item"),
        "a fault": (Answer(200, dumps(Fault(-32601, "no such method"), methodresponse=True)), "item"),
        "an answer that is none": (Answer(200, "Thanks for the ping."), "target"),
        "a service that is gone": (Answer(404, b""), "target"),
    },
    slow_down=_pinged(error=True, message="You are pinging too often."),
    wait=timedelta(minutes=30),
    text=FEED,
    sends="text/xml; charset=utf-8",
    says="<value><string>航空ニュース</string></value>",
    unread=Refused,
    unsure=Again,
)
