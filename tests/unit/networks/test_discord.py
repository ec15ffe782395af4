"""Discord: previews and pictures, forums, bans, and who a webhook is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.model import Again, Refused, Reply, Said
from feedpub.networks import Discord
from tests.unit.networks.hooks import CANARY, CONTEXT, IMAGE, LINK, NOTICE, carried_out, noticed, reply, sent


def discord(**options: Any) -> Discord:
    return Discord(webhook_url=f"https://discord.com/api/webhooks/1/{CANARY}", **options)


# ---------------------------------------------------------------- previews and pictures


def test_the_link_has_a_preview_unless_it_is_to_have_none() -> None:
    shown = sent(discord().announce(replace(NOTICE, image=IMAGE), CONTEXT))
    assert shown.keys() == {"content", "allowed_mentions"}

    hidden = sent(discord(image="none").announce(replace(NOTICE, image=IMAGE), CONTEXT))
    assert hidden.keys() == {"content", "allowed_mentions", "flags"}
    assert hidden["flags"] == 4


def test_an_attached_picture_tells_what_it_shows_and_whose_it_is_and_stands_alone() -> None:
    body = sent(discord(image="attach").announce(replace(NOTICE, image=IMAGE), CONTEXT))
    assert body["embeds"] == [
        {"image": {"url": IMAGE.url}, "footer": {"text": "護衛艦「もがみ」\n海上自衛隊 / CC BY 4.0"}}
    ]
    assert body["content"].endswith(f"\n<{LINK}>")  # in brackets, it has no preview of its own
    assert "flags" not in body  # which would hide the picture too


def test_without_a_picture_the_link_may_have_its_preview() -> None:
    body = sent(discord(image="attach").announce(NOTICE, CONTEXT))
    assert body["embeds"] == []
    assert body["content"].endswith(f"\n{LINK}")


def test_an_edit_says_everything_again_and_takes_away_a_picture_that_is_gone() -> None:
    there = replace(NOTICE, remote_id="99")
    for image in ("card", "attach", "none"):
        first = sent(discord(image=image).announce(NOTICE, CONTEXT))
        assert sent(discord(image=image).correct(there, CONTEXT)) == first
        assert first["allowed_mentions"] == {"parse": []}
    assert sent(discord(image="attach").correct(there, CONTEXT))["embeds"] == []


@given(st.text(st.sampled_from("あ漢 @a_*`<>#|~\\[]-\n!."), max_size=60), st.sampled_from(["card", "attach", "none"]))
def test_what_is_counted_is_what_is_sent(text: str, image: str) -> None:
    network = discord(image=image)
    notice = noticed(f"{text}\n{LINK}", image=IMAGE)
    assert network.measure(notice.text).used == len(sent(network.announce(notice, CONTEXT))["content"])


def test_a_long_description_of_a_picture_is_cut() -> None:
    long = replace(IMAGE, alt="長" * 3000)
    body = sent(discord(image="attach").announce(replace(NOTICE, image=long), CONTEXT))
    assert len(body["embeds"][0]["footer"]["text"]) == 2048


# ---------------------------------------------------------------- forums


def test_in_a_forum_each_notice_begins_a_post_under_the_articles_title() -> None:
    network = discord(forum=True)
    assert sent(network.announce(NOTICE, CONTEXT))["thread_name"] == "海自の新型艦"
    assert sent(network.announce(noticed("短い話題\nです", title=""), CONTEXT))["thread_name"] == "短い話題"
    long = sent(network.announce(replace(NOTICE, title="長" * 101), CONTEXT))["thread_name"]
    assert long == "長" * 99 + "…"


def test_the_post_of_a_forum_is_edited_and_deleted_where_its_message_stands() -> None:
    network, there = discord(forum=True), replace(NOTICE, remote_id="99")
    url = f"https://discord.com/api/webhooks/1/{CANARY}/messages/99?thread_id=99"
    edit, edited = carried_out(network.correct(there, CONTEXT), reply(200, {"id": "99"}))
    deletion, deleted = carried_out(network.retract(there, CONTEXT), reply(204))

    assert (edit.url, deletion.url) == (url, url)
    assert (edited, deleted) == (Said("99"), Said("99"))
    assert "thread_name" not in sent(network.correct(there, CONTEXT))


def test_a_forum_and_a_thread_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="leave out either forum or thread_id"):
        discord(forum=True, thread_id="42")
    with pytest.raises(ValidationError, match="leave out either forum or thread_id"):
        Discord(webhook_url=f"https://discord.com/api/webhooks/1/{CANARY}?thread_id=42", forum=True)


@pytest.mark.parametrize(
    ("code", "words"),
    [(220001, "set forum = true"), (220003, "leave out forum"), (40067, "wants a tag"), (10015, "make a new one")],
)
def test_what_is_wrong_with_the_channel_is_said_with_what_to_do(code: int, words: str) -> None:
    outcome = discord().read(reply(404 if code == 10015 else 400, {"message": "no", "code": code}), CONTEXT)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert words in outcome.why


# ---------------------------------------------------------------- limits and bans


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (reply(429, {"message": "You are being rate limited.", "retry_after": 64.57, "global": True}), 64.57),
        (reply(429, {"retry_after": 1.2, "global": False}, retry_after="2", x_ratelimit_scope="user"), 2),
        (reply(429, b"error code: 1015", retry_after="3600"), 3600),
        (reply(403, b"error code: 1015"), 3600),
        (reply(403, b"<!doctype html><title>Access denied</title>Error <span>1015</span> Ray ID: 8"), 3600),
    ],
)
def test_limits_and_bans_are_waited_out(answer: Reply, seconds: float) -> None:
    outcome = discord().read(answer, CONTEXT)
    assert isinstance(outcome, Again)
    assert outcome.wait == timedelta(seconds=seconds)


def test_a_refusal_that_only_holds_the_number_is_no_ban() -> None:
    for body in ({"message": "Missing Permissions", "code": 50013}, {"message": "no", "code": 1015}):
        assert isinstance(discord().read(reply(403, body), CONTEXT), Refused)


# ---------------------------------------------------------------- who it is


def test_a_webhook_tells_its_name_and_channel_and_posts_nothing() -> None:
    network = Discord(webhook_url=f"https://discord.com/api/webhooks/1/{CANARY}/?thread_id=42&wait=true#x")
    told = {"id": "1", "type": 1, "name": f"News\x1b[31m {CANARY}", "channel_id": "5", "token": CANARY}
    request, outcome = carried_out(network.verify(CONTEXT), reply(200, told))

    assert (request.method, request.url) == ("GET", f"https://discord.com/api/webhooks/1/{CANARY}")
    assert (request.body, request.says) == (b"", False)
    assert outcome == Said("News [31m … (channel 5)")


def test_what_answers_otherwise_is_no_webhook_we_know() -> None:
    for answer in (reply(200, {"id": "1"}), reply(200, {"name": "x", "channel_id": 5}), reply(200, b"ok")):
        assert isinstance(carried_out(discord().verify(CONTEXT), answer)[1], Again)
    gone = carried_out(discord().verify(CONTEXT), reply(404, {"code": 10015}))[1]
    assert isinstance(gone, Refused)
