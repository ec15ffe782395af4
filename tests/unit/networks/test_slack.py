"""Slack and the two that have its kind of webhook: their words, their errors, and what is asked without posting."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.model import Again, Doubt, Refused, Said
from feedpub.networks import Mattermost, RocketChat, Slack
from feedpub.networks.hook import Hook
from tests.unit.networks.hooks import CANARY, CONTEXT, LINK, NOTICE, carried_out, noticed, reply, sent

SLACK = Slack(webhook_url=f"https://hooks.slack.com/services/T0/B0/{CANARY}")
MATTERMOST = Mattermost(webhook_url=f"https://mattermost.example/hooks/{CANARY}")
ROCKET = RocketChat(webhook_url=f"https://chat.example/hooks/6a1b/{CANARY}")

SIGNS = ("あ", "漢", " ", "\n", "*", "_", "~", "`", "#", "1. ", "- ", "> ", "|", "(", ")", "!", "\\", "<", ">", "&")
CALLS = ("@all", "@here", "@channel", "@user", "<!channel>", "<!here>", "<@U1>", "<#C1>", "[a](b)", "&amp;", "<b>")
HEADLINES = st.lists(st.sampled_from(SIGNS + CALLS), max_size=12).map("".join)


# ---------------------------------------------------------------- slack


@given(HEADLINES)
def test_slack_reads_back_what_was_written_and_nothing_acts(text: str) -> None:
    worded = SLACK.word(text)
    assert html.unescape(worded) == html.unescape(text.replace("&", "&amp;"))
    assert not re.search("[<>]", worded)


@pytest.mark.parametrize(("image", "preview"), [("card", True), ("none", False)])
def test_slack_is_told_whether_the_link_has_a_preview(image: str, preview: bool) -> None:
    network = Slack(webhook_url="https://hooks.slack.com/services/T0/B0/x", image=image)
    body = sent(network.announce(NOTICE, CONTEXT))
    assert (body["unfurl_links"], body["unfurl_media"]) == (preview, preview)


def test_slack_can_attach_no_picture() -> None:
    with pytest.raises(ValidationError, match='Slack cannot do that: write "card" or "none"'):
        Slack(webhook_url="https://hooks.slack.com/services/T0/B0/x", image="attach")


@pytest.mark.parametrize(
    ("status", "name", "scope", "words"),
    [
        (400, "invalid_payload", "item", "did not take this notice"),
        (400, "no_text", "item", "did not take this notice"),
        (400, "msg_too_long", "item", "did not take this notice"),
        (400, "user_not_found", "target", "gone or archived"),
        (403, "action_prohibited", "target", "administrators"),
        (403, "posting_to_general_channel_denied", "target", "administrators"),
        (403, "invalid_token", "target", "knows this webhook no more"),
        (404, "channel_not_found", "target", "gone or archived"),
        (404, "no_service", "target", "knows this webhook no more"),
        (404, "no_team", "target", "knows this webhook no more"),
        (410, "channel_is_archived", "target", "gone or archived"),
    ],
)
def test_each_error_of_slack_is_read_by_its_name(status: int, name: str, scope: str, words: str) -> None:
    for answer in (reply(status, name.encode()), reply(200, {"ok": False, "error": name})):
        outcome = SLACK.read(answer, CONTEXT)
        assert isinstance(outcome, Refused)
        assert outcome.scope == scope
        assert words in outcome.why
        assert name in outcome.why


def test_slacks_own_failure_leaves_a_doubt() -> None:
    assert isinstance(SLACK.read(reply(500, b"rollup_error"), CONTEXT), Doubt)


def test_slack_is_asked_for_life_without_words_to_show() -> None:
    request, outcome = carried_out(SLACK.verify(CONTEXT), reply(400, b"no_text"))

    assert outcome == Said()
    assert (request.body, request.says) == (b'{"text":""}', False)
    for status, name in ((403, b"invalid_token"), (404, b"no_service"), (410, b"channel_is_archived")):
        refused = carried_out(SLACK.verify(CONTEXT), reply(status, name))[1]
        assert isinstance(refused, Refused)
        assert refused.scope == "target"
    assert isinstance(carried_out(SLACK.verify(CONTEXT), reply(429, b"rate_limited"))[1], Again)


# ---------------------------------------------------------------- mattermost and rocket.chat


@given(HEADLINES, st.sampled_from([MATTERMOST, ROCKET]))
def test_nobody_is_called_by_the_kin_of_slack(text: str, network: Hook) -> None:
    worded = network.word(f"{text}\n{LINK}")

    assert not re.search(r"@\w|<[!@#\w]", worded)
    assert worded.endswith(LINK)


@given(HEADLINES)
def test_mattermost_shows_what_was_written(text: str) -> None:
    worded = MATTERMOST.word(text)
    seen = re.sub(r"\\([\\`*{}\[\]()#+\-.!_>~|])", r"\1", worded.replace("\u2060", ""))  # its Markdown's escapes
    assert seen == text


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("<!channel> と <@user>", "<\u2060!channel> と <\u2060@\u2060user>"),
        ("*a* _b_ ~c~ `d` [e](f)", r"\*a\* \_b\_ \~c\~ \`d\` \[e](f)"),
        ("# 見出し #F35", r"\# 見出し #F35"),
        ("1. 一\n- 二\n> 三\n2026年", "1\\. 一\n\\- 二\n\\> 三\n2026年"),
        ("F-35 と 3.5", "F-35 と 3.5"),
    ],
)
def test_mattermost_is_kept_from_its_markdown(text: str, worded: str) -> None:
    assert MATTERMOST.word(text) == worded


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("@all", "@\u2060all"),
        ("<https://a.example|b>", "<\u2060https://a.example|\u2060b>"),
        ("*a* _b_ ~c~ `d` [e](f)", "＊a＊ ＿b＿ ～c～ ｀d｀ [e]\u2060(f)"),
        ("1. 一\n- 二\n> 三", "1\u2060. 一\n\u2060- 二\n\u2060> 三"),
        ("# 題 \\(x\\)", "#\u2060 題 \\\u2060(x\\)"),
        ("||x||", "|\u2060|\u2060x|\u2060|\u2060"),
    ],
)
def test_rocketchat_which_knows_no_escapes_is_kept_from_its_markup(text: str, worded: str) -> None:
    assert ROCKET.word(text) == worded


def test_the_kin_of_slack_count_what_they_are_sent() -> None:
    assert MATTERMOST.measure("あ" * 16_383).fits
    assert not MATTERMOST.measure("あ" * 16_382 + "*").fits
    assert ROCKET.measure("あ" * 5000).fits
    assert not ROCKET.measure("あ" * 4999 + "@").fits
    assert RocketChat(webhook_url="https://chat.example/hooks/6a1b/x", limit=9000).measure("あ" * 9000).fits


def test_mattermost_gets_a_text_and_answers_ok() -> None:
    assert sent(MATTERMOST.announce(noticed("海自 @here"), CONTEXT)) == {"text": "海自 @\u2060here"}
    assert MATTERMOST.read(reply(200, b"ok"), CONTEXT) == Said()
    assert isinstance(MATTERMOST.read(reply(200, {"ok": True}), CONTEXT), Doubt)
    assert MATTERMOST.verify(CONTEXT) is None


@pytest.mark.parametrize(
    ("status", "id_", "words"),
    [
        (400, "web.incoming_webhook.invalid.app_error", "knows this webhook no more"),
        (501, "web.incoming_webhook.disabled.app_error", "turned off"),
        (400, "api.post.create_post.can_not_post_to_deleted.error", "archived"),
    ],
)
def test_mattermost_says_by_its_ids_what_to_mend(status: int, id_: str, words: str) -> None:
    outcome = MATTERMOST.read(reply(status, {"id": id_, "message": "…", "status_code": status}), CONTEXT)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert words in outcome.why


def test_mattermost_decides_about_previews_itself() -> None:
    with pytest.raises(ValidationError, match='write "card"'):
        Mattermost(webhook_url="https://mattermost.example/hooks/x", image="none")


@pytest.mark.parametrize(("image", "preview"), [("card", True), ("none", False)])
def test_rocketchat_is_told_whether_the_link_has_a_preview(image: str, preview: bool) -> None:
    network = RocketChat(webhook_url="https://chat.example/hooks/6a1b/x", image=image)
    assert sent(network.announce(noticed("海自"), CONTEXT)) == {"text": "海自", "parseUrls": preview}


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://chat.example/hooks/6a1b/x%2Fy", "https://chat.example/hooks/info/6a1b/x%2Fy"),
        ("https://example.org/chat/hooks/6a1b/x/", "https://example.org/chat/hooks/info/6a1b/x"),
    ],
)
def test_rocketchat_is_asked_for_the_webhook_itself(given: str, asked: str) -> None:
    request, outcome = carried_out(RocketChat(webhook_url=given).verify(CONTEXT), reply(200, {"success": True}))
    assert (request.method, request.url, request.says) == ("GET", asked, False)
    assert outcome == Said()


@pytest.mark.parametrize("error", ["invalid-channel", "error-not-allowed", "error-room-not-found"])
def test_rocketchat_pauses_where_the_channel_is_at_fault(error: str) -> None:
    for status in (200, 400):
        outcome = ROCKET.read(reply(status, {"success": False, "error": error}), CONTEXT)
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"


@pytest.mark.parametrize("url", [f"https://chat.example/{CANARY}", f"https://chat.example/hooks/{CANARY}"])
def test_an_address_that_is_no_webhook_of_rocketchat_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RocketChat(webhook_url=url)
    assert CANARY not in str(caught.value)
    assert "ends with /hooks/ID/TOKEN" in str(caught.value)
