"""Telegram, against telegram-test-api: what is sent, edited and deleted as far as that server goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from feedpub.model import Action, Doubt, Image, Outcome, Refused, Said
from feedpub.networks import Telegram
from tests.networks.relay import relayed
from tests.networks.talks import LINK, MARKS, Talker, notice
from tests.networks.telegram_api import BotApi

pytestmark = MARKS

CHAT = 4711


@pytest.fixture
def target(bot_api: BotApi, request: pytest.FixtureRequest) -> Telegram:
    """A target with a bot of its own."""
    number = abs(hash(request.node.name)) % 10**9
    return Telegram(
        name="news", api_url=bot_api.url, token=SecretStr(f"{number}:ABC-DEF"), chat_id=CHAT, allow_private=True
    )


def standing(bot_api: BotApi, target: Telegram) -> list[dict[str, object]]:
    """The messages that stand there, as they were sent."""
    return [one["message"] for one in bot_api.messages(target.token.get_secret_value())]


def announced(target: Telegram, text: str = "海自の新型護衛艦") -> Outcome:
    talker = Talker()
    return talker.carry_out(target.announce(notice("msg_1", text), talker.context))


def test_a_notice_is_sent_as_plain_text_with_its_links_preview(bot_api: BotApi, target: Telegram) -> None:
    outcome = announced(target, "海自の<b>新型</b> *護衛艦* @everyone /start #就役")

    assert isinstance(outcome, Said)
    (message,) = standing(bot_api, target)
    assert message["chat_id"] == CHAT
    assert str(message["text"]).replace("\u2060", "") == f"海自の<b>新型</b> *護衛艦* @everyone /start #就役\n{LINK}"
    assert message["link_preview_options"] == {"url": LINK, "prefer_large_media": True}
    assert "parse_mode" not in message


def test_what_was_sent_is_edited_and_deleted(bot_api: BotApi, target: Telegram) -> None:
    talker, first = Talker(), announced(target)
    assert isinstance(first, Said)

    edit = notice("msg_2", "訂正した題", Action.CORRECT, remote_id=first.id)
    assert talker.carry_out(target.correct(edit, talker.context)) == Said(first.id)
    (message,) = standing(bot_api, target)
    assert message["text"] == f"訂正した題\n{LINK}"

    assert talker.carry_out(target.retract(edit, talker.context)) == Said(first.id)
    assert standing(bot_api, target) == []


def test_a_reply_names_the_message_above_it(bot_api: BotApi, target: Telegram) -> None:
    talker, first = Talker(), announced(target)
    assert isinstance(first, Said)

    below = notice("msg_2", "続報", Action.REPLY, remote_id=first.id)
    assert isinstance(talker.carry_out(target.reply(below, talker.context)), Said)
    assert standing(bot_api, target)[1]["reply_parameters"] == {"message_id": int(first.id.partition("/")[2])}


def test_an_answer_lost_after_the_server_kept_the_post_leaves_a_doubt_and_one_message(
    bot_api: BotApi, target: Telegram
) -> None:
    with relayed(bot_api.url) as relay:
        relay.losses["POST"] = 1
        outcome = announced(target.model_copy(update={"api_url": relay.url}))

    assert isinstance(outcome, Doubt)
    assert len(standing(bot_api, target)) == 1
    # No key and no look back: a person decides, unless the target says resend.
    assert target.dedupe_for.total_seconds() == 0
    assert "find" not in target.can


def test_a_server_without_getchat_is_told_to_be_none(target: Telegram) -> None:
    talker = Talker()
    outcome = talker.carry_out(target.verify(talker.context))
    assert not isinstance(outcome, Said)
    assert "ABC-DEF" not in repr(outcome)


def test_a_picture_goes_out_as_a_form(bot_api: BotApi, target: Telegram) -> None:
    # This server knows no pictures: it says so with an error, and that is no yes.
    talker = Talker()
    attaching = target.model_copy(update={"image": "attach"})
    words = replace(notice("msg_1", "題"), image=Image("https://example.jp/a.jpg"))
    outcome = talker.carry_out(attaching.announce(words, talker.context))
    assert not isinstance(outcome, Said | Refused)
    assert standing(bot_api, target) == []
