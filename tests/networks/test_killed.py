"""feedpub itself, killed after the server kept the post and before that was written down; then started once more."""

from __future__ import annotations

import signal

import pytest

from tests.edge.front_door import ENGLISH, Site
from tests.networks.synapse import Homeserver
from tests.networks.talks import MARKS
from tests.networks.telegram_api import BotApi

pytestmark = MARKS

WINDOW = pytest.mark.parametrize("point", ["the answer is here", "before the answer commits"])


def killed_while_it_speaks(site: Site, point: str) -> None:
    """Have the first poll over and one article written, and kill feedpub as its answer comes."""
    site.feedpub("once")
    site.publish("a")
    site.environ = {"MORTAL_POINT": point, "MORTAL_NTH": "1"}
    assert site.start("once").wait().code == -signal.SIGKILL


def started_again(site: Site) -> str:
    """Start it a minute later, when it sees what was left undone, and an hour later, when that is due."""
    out = ""
    for ahead in ("60", "3600"):
        site.environ = {"MORTAL_AHEAD": ahead}
        out = site.feedpub("once").out
    return out


@WINDOW
def test_matrix_has_one_event(site: Site, homeserver: Homeserver, point: str) -> None:
    bot = homeserver.register(f"killed_{point.replace(' ', '_')}")
    room = homeserver.room(bot)
    target = {"kind": "matrix", "server": homeserver.url, "token": bot.token, "room": room, "allow_private": True}
    site.configure(targets={"room": target})
    killed_while_it_speaks(site, point)
    (event,) = homeserver.messages(bot, room)

    started_again(site)

    assert [one["event_id"] for one in homeserver.messages(bot, room)] == [event["event_id"]]
    (delivery,) = site.deliveries()
    assert delivery["state"] == "sent"
    assert delivery["remote_url"].endswith(event["event_id"].replace("$", "%24"))


@WINDOW
def test_telegram_has_one_message_and_a_person_is_asked(site: Site, bot_api: BotApi, point: str) -> None:
    token = f"{abs(hash(point))}:ABC-DEF"
    target = {"kind": "telegram", "api_url": bot_api.url, "token": token, "chat_id": 7, "allow_private": True}
    site.configure(site=ENGLISH, targets={"chat": target})
    killed_while_it_speaks(site, point)
    assert len(bot_api.messages(token)) == 1

    assert "nobody knows whether 1 of its notices" in started_again(site)

    assert len(bot_api.messages(token)) == 1
    (delivery,) = site.deliveries()
    assert delivery["state"] == "doubtful"
    assert token not in site.started[-1].out + site.started[-1].err
