"""Each network's words: what is sent for a notice, and what an answer means."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from standardwebhooks.webhooks import Webhook as Verifier

from feedpub.model import (
    Absent,
    Action,
    Again,
    Context,
    Conversation,
    Doubt,
    Notice,
    Outcome,
    Refused,
    Reply,
    Request,
    Said,
    Show,
)
from feedpub.networks import (
    AnyNetwork,
    Console,
    Discord,
    Line,
    Mastodon,
    Matrix,
    Mattermost,
    Ping,
    RocketChat,
    Slack,
    Teams,
    Telegram,
    Webhook,
    WebSub,
)
from feedpub.networks.answers import LONGEST_WAIT, is_page, quotable, wait_asked
from feedpub.networks.base import LINK, Network
from feedpub.notices.compose import check_template

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
CONTEXT = Context(NOW)
LINK_URL = "https://example.org/2026/04/f35b?a=1&b=2"
NOTICE = Notice(
    "news", Action.ANNOUNCE, "1", "g", 1, "msg_1", NOW, f"海自の新型艦「もがみ」型 @everyone\n{LINK_URL}", LINK_URL
)
CANARY = "kanaria7f3b9c1d5e"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

NETWORKS: tuple[Network, ...] = (
    Discord(name="d", webhook_url=f"https://discord.com/api/webhooks/1/{CANARY}"),
    Slack(name="s", webhook_url=f"https://hooks.slack.com/services/T0/B0/{CANARY}"),
    Mastodon(name="m", server="https://mastodon.example", token=CANARY),
    Webhook(
        name="w", url=f"https://example.org/{CANARY}", secret=SECRET, headers={"Authorization": f"Bearer {CANARY}"}
    ),
    Line(name="l", token=CANARY),
    Matrix(name="r", server="https://matrix.example", token=CANARY, room="!news:example.org"),
    Telegram(name="t", token=f"123456:{CANARY}", chat_id="@news_channel"),
)

HOOKS: tuple[Network, ...] = (
    Mattermost(name="mm", webhook_url=f"https://mattermost.example/hooks/{CANARY}"),
    RocketChat(name="rc", webhook_url=f"https://chat.example/hooks/6a1b/{CANARY}"),
    Teams(name="t", webhook_url=f"https://prod-1.westus.logic.azure.com/workflows/0/invoke?sig={CANARY}"),
)

OF_FEEDS: tuple[Network, ...] = (
    WebSub(name="h", hub_url="https://hub.example/"),
    Ping(name="p", url=f"https://ping.example/xmlrpc/{CANARY}"),
)
EVERY = (*NETWORKS, *HOOKS, *OF_FEEDS)


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def carried_out(conversation: Conversation, *replies: Reply) -> tuple[list[Request], Outcome]:
    """Answer each request with the next reply; give back what was asked and how it ended."""
    asked: list[Request] = []
    waiting: list[Reply] = list(replies)
    answer: Reply | None = None
    while True:
        try:
            step = conversation.send(answer)
        except StopIteration as end:
            assert not waiting
            return asked, end.value
        assert isinstance(step, Request)
        asked.append(step)
        answer = waiting.pop(0)


def noticed(text: str, **changes: Any) -> Notice:
    fields = {name: getattr(NOTICE, name) for name in Notice.__slots__} | {"text": text} | changes
    return Notice(**fields)


# ---------------------------------------------------------------- waiting


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (reply(429, retry_after="120"), 120),
        (reply(429, retry_after=" 1.5 "), 1.5),
        (reply(429, retry_after=format_datetime(NOW + timedelta(minutes=5), usegmt=True)), 300),
        (reply(429, retry_after="Tuesday, 28-Apr-26 03:05:00 GMT"), 300),
        (reply(429, retry_after=format_datetime(NOW - timedelta(hours=5), usegmt=True)), 0),
        (reply(429, retry_after="-7"), 0),
        (reply(429, retry_after="315360000"), 86400),
        (reply(429, retry_after="9" * 5000), 86400),
        (reply(429, retry_after="3597"), 3597),
        (reply(429, retry_after="Mon, 28 Apr 2036 03:00:00 GMT"), 86400),
        (reply(429, retry_after="soon", x_ratelimit_reset_after="2.25"), 2.25),
        (reply(429, x_ratelimit_reset="2026-04-28T03:04:00.123Z"), 240.123),
        (reply(429, x_ratelimit_reset="2026-04-28T12:04:00+09:00"), 240),
        (reply(429, ratelimit_reset=str(int(NOW.timestamp()) + 90)), 90),
        (reply(429, x_rate_limit_reset=str(int(NOW.timestamp()) + 90)), 90),
        (reply(429, ratelimit_reset="45"), 45),
        (reply(429, {"message": "limited", "retry_after": 0.35}), 0.35),
        (reply(429, {"parameters": {"retry_after": 17}}), 17),
        (reply(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}), 2.5),
        (reply(429, b'{"retry_after": 1e999}'), 86400),
        (reply(429, b'{"retry_after": ' + b"9" * 400 + b"}"), 86400),
        (reply(429, b'{"retry_after": NaN}'), None),
        (reply(429, {"retry_after": True}), None),
        (reply(429, b"[" * 60_000), None),
        (reply(429, {"parameters": [1]}), None),
        (reply(429, retry_after="", x_ratelimit_reset="when it is over"), None),
        (reply(429), None),
    ],
)
def test_how_long_to_wait_is_read_in_every_dialect(answer: Reply, seconds: float | None) -> None:
    assert wait_asked(answer, NOW) == (None if seconds is None else timedelta(seconds=seconds))


WAITS = ("retry-after", "x-ratelimit-reset", "x-ratelimit-reset-after", "ratelimit-reset", "x-rate-limit-reset")


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(WAITS), st.text() | st.floats().map(str) | st.integers().map(str)), st.binary())
def test_no_wait_is_negative_or_longer_than_a_day(headers: Mapping[str, str], body: bytes) -> None:
    wait = wait_asked(Reply(429, headers, body), NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_WAIT


# ---------------------------------------------------------------- what a status means


def test_every_status_means_the_same_on_every_network() -> None:
    for network in EVERY:
        for status in (408, 425, 429, 503):
            assert isinstance(network.read(reply(status), CONTEXT), Again)
        for status in (301, 302, 307, 308, 401, 403, 404, 405, 410):
            outcome = network.read(reply(status), CONTEXT)
            assert isinstance(outcome, Refused)
            assert outcome.scope == "target"
        for status in (400, 409, 413, 422, 451):
            outcome = network.read(reply(status), CONTEXT)
            assert isinstance(outcome, Refused)
            assert outcome.scope == "item"
        for status in (500, 501, 502, 504, 521, 599):
            assert isinstance(network.read(reply(status), CONTEXT), Doubt)
            assert isinstance(network.read(reply(status), CONTEXT, says=False), Again)


def test_a_redirect_says_what_to_write() -> None:
    outcome = NETWORKS[1].read(reply(302, location=f"https://evil.example/{CANARY}"), CONTEXT)
    assert outcome == Refused(
        "Slack answered with a redirect (HTTP 302); redirects are not followed: "
        "write the final address into the config (webhook_url)",
        "target",
    )


def test_a_web_page_is_a_failure_and_not_a_success() -> None:
    pages = (
        b'<?xml version="1.0" encoding="Shift_JIS"?>\n<!DOCTYPE html PUBLIC "x"><html>',
        b"<!DOCTYPE html><html>",
        b"\xef\xbb\xbf\n <!doctype HTML>",
        b"<html lang=ja>",
        b"<!-- x --><html>",
    )
    for network in EVERY:
        for page in pages:
            outcome = network.read(Reply(200, {"content-type": "text/html"}, page), CONTEXT)
            assert isinstance(outcome, Refused)
            assert outcome.scope == "target"
            assert "web page" in outcome.why


def test_a_success_that_is_not_as_documented_leaves_a_doubt() -> None:
    for network in NETWORKS[:3]:
        for body in (b"", b"no", b"{}", b'{"id": 1}', b'{"id": "../.."}', b'"id"', b"null", b'{"id": "1'):
            assert isinstance(network.read(Reply(200, {}, body), CONTEXT), Doubt)


@settings(max_examples=200)
@given(
    st.integers(100, 999),
    st.dictionaries(st.sampled_from([*WAITS, "content-type"]), st.text(max_size=20), max_size=2),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["id", "error", "message", "code", "ok"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_no_answer_whatever_it_is_breaks_the_reading(status: int, headers: Mapping[str, str], body: bytes) -> None:
    for network in EVERY:
        assert isinstance(network.read(Reply(status, headers, body), CONTEXT), Said | Again | Refused | Doubt)


@settings(max_examples=100)
@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from([400, 401, 403, 404, 422, 500, 200]))
def test_no_secret_comes_back_from_a_server_that_repeats_it(before: str, after: str, status: int) -> None:
    for network in EVERY:
        for secret in network.secrets():
            for text in (secret, secret.upper(), secret.rsplit("/", 1)[-1]):
                said = before + text + after
                for body in (
                    json.dumps({"error": said}).encode(),
                    json.dumps({"message": said}).encode(),
                    json.dumps({"description": said}).encode(),
                    said.encode("utf-8", "replace"),
                ):
                    shown = str(network.read(Reply(status, {}, body), CONTEXT)).lower()
                    assert CANARY not in shown
                    assert SECRET.lower()[6:] not in shown


def test_what_is_quoted_is_short_and_printable() -> None:
    hostile = "Text \u202e too\x1b[31m long\r\nvisit https://evil.example/?x " + "長" * 500
    quoted = quotable(reply(422, {"error": hostile}), ())

    assert quoted.startswith("Text too [31m long visit … 長長")
    assert len(quoted) == 120
    assert quoted.isprintable()


def test_a_page_is_told_by_how_it_begins_and_not_by_what_it_is_called() -> None:
    assert not is_page(Reply(200, {"content-type": "text/html"}, b"ok"))
    assert is_page(Reply(200, {"content-type": "application/json"}, b"<html>"))


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "discord", "webhook_url": f"https://discord.com/{CANARY}"},
        {"kind": "discord", "webhook_url": f"https://discord.com/api/webhooks/1/{CANARY}/slack"},
        {"kind": "discord", "webhook_url": f"discord.com/api/webhooks/1/{CANARY}"},
        {"kind": "slack", "webhook_url": f"hooks.slack.com/{CANARY}"},
        {"kind": "slack", "webhook_url": f"https://user:{CANARY}@hooks.slack.com/"},
        {"kind": "webhook", "url": f"file:///{CANARY}"},
        {"kind": "webhook", "url": "https://example.org/", "secret": CANARY},
        {"kind": "webhook", "url": "https://example.org/", "secret": [SECRET, f"whsec_{CANARY}"]},
        {"kind": "webhook", "url": "https://example.org/", "headers": {"authorization": f"{CANARY}\r\nx: y"}},
        {"kind": "webhook", "url": "https://example.org/", "headers": {"webhook-id": CANARY}},
        {"kind": "webhook", "url": "https://example.org/", "headers": {"a b": CANARY}},
        {"kind": "mastodon", "server": "https://mastodon.example/@me", "token": CANARY},
        {"kind": "mastodon", "server": "mastodon.example", "token": CANARY},
        {"kind": "mastodon", "server": f"https://mastodon.example?{CANARY}", "token": CANARY},
        {"kind": "matrix", "server": f"https://matrix.example/#{CANARY}", "token": CANARY, "room": "!a:b"},
    ],
)
def test_an_option_that_cannot_work_is_refused_without_showing_it(options: dict[str, object]) -> None:
    kinds = {network.kind: type(network) for network in NETWORKS}
    with pytest.raises(ValidationError) as caught:
        kinds[str(options["kind"])].model_validate(options)
    assert CANARY not in str(caught.value)
    assert CANARY not in str([error["msg"] for error in caught.value.errors()])


def test_no_secret_is_in_a_network_that_is_printed() -> None:
    for network in EVERY:
        assert any(CANARY in secret for secret in network.secrets()) or network.kind == "websub"  # hubs are public
        assert CANARY not in f"{network!r} {network} {network.model_dump()}"
        for request in carried_out_once(network):
            assert CANARY not in repr(request)


def carried_out_once(network: Network) -> list[Request]:
    return carried_out(network.announce(NOTICE, CONTEXT), reply(503))[0]


def test_every_network_is_picked_by_its_kind() -> None:
    for network in EVERY:
        options = {"kind": network.kind, **given_to(network)}
        assert type(TypeAdapter[Network](AnyNetwork).validate_python(options)) is type(network)


def given_to(network: Network) -> dict[str, object]:
    return {name: getattr(network, name) for name in network.model_fields_set}


def test_every_option_says_what_it_is_for_and_every_network_where_it_is_documented() -> None:
    for network in (*EVERY, Console(name="c")):
        for name, option in type(network).model_fields.items():
            assert option.description or name in {"name", "kind"}, (network.kind, name)
        assert network.label
        assert network.docs or network.kind == "console"


# ---------------------------------------------------------------- words


@settings(max_examples=200)
@given(st.text(st.sampled_from("あ漢 @a_b*`<>&#|~\\[]-\n!:/.:"), max_size=40), st.sampled_from((*NETWORKS, *HOOKS)))
def test_a_link_survives_every_network_whole(text: str, network: Network) -> None:
    worded = network.word(f"{text}\n{LINK_URL}\n")
    expected = LINK_URL.replace("&", "&amp;") if isinstance(network, Slack) else LINK_URL
    assert worded.endswith(f"\n{expected}\n")


@settings(max_examples=200)
@given(st.text(st.sampled_from("あ @a1_<>&!#|"), max_size=60))
def test_no_mention_fires(text: str) -> None:
    mastodon, slack = (next(network for network in NETWORKS if network.kind == kind) for kind in ("mastodon", "slack"))

    assert not regex.search(r"@[a-z0-9_]", mastodon.word(text))
    assert mastodon.word(text).replace("\u2060", "") == text
    assert not regex.search(r"[<>]", slack.word(text))


def test_an_address_keeps_its_at_sign() -> None:
    mastodon = NETWORKS[2]
    assert mastodon.word("https://m.example/@who @who") == "https://m.example/@who @\u2060who"


def test_discord_shows_a_headline_as_it_is_written() -> None:
    worded = NETWORKS[0].word("# *a* _b_ ~c~ `d` |e| [f](g) <@1> \\\n> h - i\n- j #k\n-# l https://a.example/_x_*y*")
    assert worded == (
        "\\# \\*a\\* \\_b\\_ \\~c\\~ \\`d\\` \\|e\\| \\[f](g) \\<@1> \\\\\n\\> h - i\n\\- j #k\n\\-# l https://a.example/_x_*y*"
    )


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("海自", 2),
        ("👨‍👩‍👧‍👦🇯🇵葛󠄀が", 4),
        ("https://a.jp/", 23),
        (f"海自 {LINK_URL}", 26),
        (f"（{LINK_URL}）", 25),
        (f"{LINK_URL}. {LINK_URL}", 48),
        ("@who", 5),
    ],
)
def test_mastodon_counts_graphemes_and_every_address_as_23(text: str, used: int) -> None:
    assert NETWORKS[2].measure(text).used == used


def test_limits_are_those_of_the_networks() -> None:
    discord, slack, mastodon, webhook = NETWORKS[:4]
    assert discord.measure("あ" * 2000).fits
    assert not discord.measure("あ" * 1999 + "*").fits
    assert slack.measure("あ" * 3000).fits
    assert not slack.measure("あ" * 2996 + "&").fits
    assert mastodon.measure("👨‍👩‍👧‍👦" * 500).fits
    assert not mastodon.measure("あ" * 501).fits
    assert Mastodon(server="https://m.example", token="t", limit=5000).measure("あ" * 5000).fits
    assert webhook.measure("あ" * 6666).fits
    assert not webhook.measure("あ" * 6667).fits
    assert Console().measure("あ" * 1_000_000).fits


# ---------------------------------------------------------------- console


def test_the_console_shows_the_notice_and_lets_no_control_character_act() -> None:
    conversation = Console(name="demo").announce(noticed("赤\x1b[31m\x9b2J\n青　👨\u200d👩\u200d👧"), CONTEXT)
    assert next(conversation) == Show("── news: announce ──\n赤[31m2J\n青　👨\u200d👩\u200d👧")
    with pytest.raises(StopIteration) as end:
        conversation.send(None)
    assert end.value.value == Said()


# ---------------------------------------------------------------- webhook


def test_the_default_template_makes_an_event() -> None:
    assert check_template(Webhook(url="https://example.org/").template, writes_json=True) is None


def test_an_event_is_signed_by_every_secret_at_the_time_of_each_try() -> None:
    hook = Webhook(
        url="https://example.org/hook", secret=[SECRET, OTHER_SECRET], headers={"X-Team": "航空".encode().hex()}
    )
    now = datetime.fromtimestamp(time.time(), UTC)
    notice = noticed('{"type":"article.published","題":"海自"}')
    first, second = (
        carried_out(hook.announce(notice, Context(moment)), reply(204))[0][0]
        for moment in (now, now + timedelta(minutes=2))
    )

    for request in (first, second):
        for secret in (SECRET, OTHER_SECRET):
            assert Verifier(secret).verify(request.body, dict(request.headers))["題"] == "海自"
    assert first.body == second.body == notice.text.encode()
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == notice.key
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["x-team"] == "航空".encode().hex()


def test_one_secret_may_stand_alone_and_none_leaves_the_event_unsigned() -> None:
    alone = carried_out_once(Webhook(url="https://example.org/", secret=SECRET))[0]
    assert alone.headers["webhook-signature"].count("v1,") == 1
    unsigned = carried_out_once(Webhook(url="https://example.org/"))[0]
    assert "webhook-signature" not in unsigned.headers
    assert unsigned.headers["content-type"] == "application/json; charset=utf-8"


# ---------------------------------------------------------------- discord


def test_discord_is_asked_to_wait_and_to_mention_nobody() -> None:
    discord = Discord(webhook_url="https://discord.com/api/webhooks/1/token/?thread_id=42&foo=bar")
    requests, outcome = carried_out(discord.announce(NOTICE, CONTEXT), reply(200, {"id": "99"}))

    assert outcome == Said("99")
    assert requests[0].url == "https://discord.com/api/webhooks/1/token?wait=true&thread_id=42"
    body = json.loads(requests[0].body)
    assert body["allowed_mentions"] == {"parse": []}
    assert LINK_URL in body["content"]


def test_a_discord_message_is_edited_and_deleted_where_it_stands() -> None:
    discord = Discord(webhook_url="https://discord.com/api/webhooks/1/token", thread_id="42")
    there = noticed("新しい", remote_id="99")
    edits, edited = carried_out(discord.correct(there, CONTEXT), reply(200, {"id": "99"}))
    deletes, deleted = carried_out(discord.retract(there, CONTEXT), reply(204))

    url = "https://discord.com/api/webhooks/1/token/messages/99?thread_id=42"
    assert [(request.method, request.url, request.says) for request in edits + deletes] == [
        ("PATCH", url, False),
        ("DELETE", url, False),
    ]
    assert json.loads(edits[0].body)["allowed_mentions"] == {"parse": []}
    assert (edited, deleted) == (Said("99"), Said("99"))


@pytest.mark.parametrize("remote_id", ["", ".", "..", "../..", "99/../..", "９９"])
def test_without_an_id_nothing_is_deleted_least_of_all_the_webhook(remote_id: str) -> None:
    there = noticed("x", remote_id=remote_id)
    for network in (NETWORKS[0], NETWORKS[2]):
        for talk in (network.correct, network.retract):
            requests, outcome = carried_out(talk(there, CONTEXT))
            assert requests == []
            assert isinstance(outcome, Refused)
            assert outcome.scope == "item"


# ---------------------------------------------------------------- slack


def test_slack_gets_plain_text_and_answers_ok() -> None:
    requests, outcome = carried_out(NETWORKS[1].announce(noticed("<!channel> a&b *c*"), CONTEXT), reply(200, b"ok"))

    assert outcome == Said()
    body = json.loads(requests[0].body)
    assert body["text"] == "&lt;!channel&gt; a&amp;b *c*"
    assert (body["mrkdwn"], body["link_names"], body["unfurl_links"]) == (False, False, True)


def test_slack_also_says_no_with_200() -> None:
    outcome = NETWORKS[1].read(reply(200, {"ok": False, "error": "invalid_blocks"}), CONTEXT)
    assert outcome == Refused("Slack did not take this notice (invalid_blocks): change its template or the article")


# ---------------------------------------------------------------- mastodon


def test_a_status_carries_its_key_visibility_and_language() -> None:
    mastodon = Mastodon(server="https://m.example/", token="t0ken", visibility="unlisted")
    requests, outcome = carried_out(
        mastodon.announce(noticed("海自", language="ja-JP"), CONTEXT),
        reply(200, {"id": "11", "url": "https://m.example/@me/11"}),
    )

    assert outcome == Said("11", "https://m.example/@me/11")
    assert (requests[0].method, requests[0].url) == ("POST", "https://m.example/api/v1/statuses")
    assert requests[0].headers["idempotency-key"] == NOTICE.key
    assert requests[0].headers["authorization"] == "Bearer t0ken"
    said = {"status": "海自", "visibility": "unlisted", "language": "ja", "content_type": "text/plain"}
    assert json.loads(requests[0].body) == said


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://m.example/\x1b[31m", 7, None, "https://" + "a" * 9000])
def test_an_address_that_is_none_is_not_kept(url: object) -> None:
    assert NETWORKS[2].read(reply(200, {"id": "11", "url": url}), CONTEXT) == Said("11")


ME = reply(200, {"id": "7"})


def status(id_: int, content: str, *, minutes: float = 1) -> dict[str, object]:
    at = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"id": str(id_), "url": f"https://m.example/@me/{id_}", "content": content, "created_at": at}


def found(*pages: list[dict[str, object]], notice: Notice = NOTICE) -> Outcome:
    return carried_out(NETWORKS[2].find(notice, CONTEXT), ME, *(reply(200, page) for page in pages))[1]


def test_a_post_is_found_by_its_link_whatever_was_hung_on_it() -> None:
    href = "https://EXAMPLE.org/2026/04/f35b?a=1&amp;utm_source=x&amp;b=2#top"
    page = [status(2, "<p>other</p>"), status(1, f'<p>海自 <a href="{href}" rel="nofollow">…</a></p>')]
    assert found(page) == Said("1", "https://m.example/@me/1")


def test_of_two_posts_with_its_link_the_one_in_its_words_is_it() -> None:
    ours = status(1, f'<p>海自の新型艦「もがみ」型 @\u2060everyone<br /><a href="{LINK_URL}">{LINK_URL}</a></p>')
    another = status(2, f'<p>続報<br /><a href="{LINK_URL}">{LINK_URL}</a></p>')
    for page in ([another, ours], [ours, another]):
        assert found(page) == Said("1", "https://m.example/@me/1")


def test_a_post_without_a_link_is_found_by_its_words() -> None:
    brief = noticed("海自の新型艦が就役。@who & co", link="")
    page = [status(1, "<p>海自の新型艦が<br />就役。@\u2060who &amp; co</p>")]
    assert found(page, notice=brief) == Said("1", "https://m.example/@me/1")


def test_what_was_posted_before_it_was_to_be_said_is_not_it() -> None:
    old = status(1, f'<a href="{LINK_URL}">', minutes=-60)
    assert found([old]) == Absent()
    assert found([]) == Absent()


def test_looking_goes_back_page_by_page_but_not_for_ever() -> None:
    pages = [[status(100 - page, "other")] for page in range(5)]
    conversation = NETWORKS[2].find(NOTICE, CONTEXT)
    requests, outcome = carried_out(conversation, ME, *(reply(200, page) for page in pages))

    assert isinstance(outcome, Doubt)
    assert requests[0].url == "https://mastodon.example/api/v1/accounts/verify_credentials"
    assert requests[1].url.startswith("https://mastodon.example/api/v1/accounts/7/statuses?limit=40")
    assert "max_id=100" in requests[2].url
    assert not any(request.says for request in requests)


def test_a_list_that_cannot_be_read_is_read_again_later() -> None:
    mastodon = NETWORKS[2]
    for answers in ([reply(200, b"?")], [ME, reply(200, b'[{"id": "1"')], [reply(500)], [ME, reply(502)]):
        assert isinstance(carried_out(mastodon.find(NOTICE, CONTEXT), *answers)[1], Again)
    refused = carried_out(mastodon.find(NOTICE, CONTEXT), reply(403, {"error": "outside the authorized scopes"}))[1]
    assert isinstance(refused, Refused)
    assert "outside the authorized scopes" in refused.why


def test_a_list_in_which_a_post_cannot_be_read_does_not_tell_that_ours_is_absent() -> None:
    readable = status(2, "<p>other</p>")
    odds: tuple[object, ...] = ({"id": 1}, [], readable | {"created_at": "yesterday"}, readable | {"id": "../2"})
    for odd in odds:
        page = reply(200, [readable, odd])
        assert isinstance(carried_out(NETWORKS[2].find(NOTICE, CONTEXT), ME, page)[1], Again)


def test_a_hostile_list_takes_no_time() -> None:
    page = [status(1, "<" * 500_000 + 'href="' * 100_000)]
    start = time.process_time()
    assert found(page, [], notice=noticed("x", link="")) == Absent()
    assert found(page, []) == Absent()
    assert time.process_time() - start < 20


def test_closing_punctuation_is_no_part_of_a_link() -> None:
    assert LINK.findall(f"（{LINK_URL}）と{LINK_URL}、{LINK_URL}.") == [LINK_URL] * 3
