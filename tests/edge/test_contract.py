"""What every network owes, each against a real server on loopback that speaks its dialect."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import unquote_plus

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from feedpub.http import Door
from feedpub.model import (
    Absent,
    Action,
    Again,
    Context,
    Conversation,
    Notice,
    Outcome,
    Refused,
    Said,
)
from feedpub.networks import AnyNetwork, Console
from feedpub.networks.base import Network
from tests.edge.kinds import KINDS
from tests.edge.kinds.discord import _error
from tests.edge.kinds.kind import LINK, NOW, PATIENCE, SECRET, SERVER, TEXT, TOKEN
from tests.edge.receiver import FLOOD, LOGIN_PAGE, Answer, Mood, Receiver

EVERY = pytest.mark.parametrize("kind", KINDS)
SECRETIVE = pytest.mark.parametrize("kind", [one for one in KINDS if any(KINDS[one].make("http://a.test").secrets())])


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def notice(kind: str, action: Action = Action.ANNOUNCE, remote_id: str = "", link: str = LINK) -> Notice:
    text = KINDS[kind].text
    return Notice(
        "news", action, "1", "g", 1, "msg_2f", NOW, text, link, "航空ニュース", language="ja", remote_id=remote_id
    )


def say(kind: str, server: Receiver, action: Action = Action.ANNOUNCE, *, patience: float = 5.0) -> Outcome:
    network = KINDS[kind].make(server.url)
    subject = notice(kind, action, "" if action is Action.ANNOUNCE else KINDS[kind].said.id)
    talks = {Action.ANNOUNCE: network.announce, Action.CORRECT: network.correct, Action.RETRACT: network.retract}
    outcome = carried_out(talks[action](subject, Context(NOW)), network, patience)
    return replace(outcome, url=outcome.url.replace(server.url, SERVER)) if isinstance(outcome, Said) else outcome


def carried_out(conversation: Conversation, network: Network, patience: float = 5.0) -> Outcome:
    def remember(key: str, value: str) -> None:
        raise AssertionError(f"none of these remembers anything, but here is {key}")

    return Door().converse(
        conversation, remember, timeout=timedelta(seconds=patience), allow_private=network.allow_private
    )


def test_every_network_is_held_to_this_contract() -> None:
    union = get_args(get_args(AnyNetwork)[0])
    assert {network.model_fields["kind"].default for network in union} - {"console"} == set(KINDS)


def test_the_console_needs_no_server_and_shows_what_it_would_post() -> None:
    shown: list[str] = []
    console = Console(name="news")
    for talk in (console.announce, console.correct, console.retract):
        conversation = talk(notice("slack"), Context(NOW))
        outcome = Door(show=shown.append).converse(
            conversation, lambda _key, _value: None, timeout=PATIENCE, allow_private=False
        )
        assert outcome == Said()
    assert len(shown) == 3
    assert all(TEXT in text for text in shown)


# ---------------------------------------------------------------- announcing


@EVERY
def test_a_notice_is_said_once_with_its_words(server: Receiver, kind: str) -> None:
    server.script = [KINDS[kind].yes]

    assert say(kind, server) == KINDS[kind].said
    assert len(server.requests) == 1
    seen = server.requests[0]
    assert (seen.method, seen.path) == ("POST", KINDS[kind].path)
    assert seen.headers["content-type"] == KINDS[kind].sends
    body = seen.body.decode()
    assert KINDS[kind].says in (unquote_plus(body) if "form" in KINDS[kind].sends else body)


@pytest.mark.parametrize(("kind", "what"), [(kind, what) for kind in KINDS for what in KINDS[kind].refusals])
def test_a_refusal_is_final_for_the_item_or_for_the_target(server: Receiver, kind: str, what: str) -> None:
    answer, scope = KINDS[kind].refusals[what]
    server.default = answer

    outcome = say(kind, server)
    assert isinstance(outcome, Refused)
    assert outcome.scope == scope


@EVERY
def test_too_many_requests_are_waited_out_as_the_network_asks(server: Receiver, kind: str) -> None:
    server.script = [KINDS[kind].slow_down]

    outcome = say(kind, server)
    assert isinstance(outcome, Again)
    assert outcome.wait == KINDS[kind].wait


@EVERY
def test_an_unavailable_server_surely_said_nothing_and_a_failing_one_leaves_a_doubt_unless_twice_is_harmless(
    server: Receiver, kind: str
) -> None:
    server.script = [Answer(503, {}), Answer(500, {}), Answer(502, "bad gateway"), Answer(504, {})]

    assert isinstance(say(kind, server), Again)
    for _ in range(3):
        assert isinstance(say(kind, server), KINDS[kind].unsure)


@EVERY
@pytest.mark.parametrize("mood", [Mood.HANG, Mood.RESET])
def test_silence_after_the_server_kept_the_post_leaves_a_doubt_unless_twice_is_harmless(
    server: Receiver, kind: str, mood: Mood
) -> None:
    yes = KINDS[kind].yes
    server.script = [Answer(yes.status, yes.body, mood=mood)]

    assert isinstance(say(kind, server, patience=0.5), KINDS[kind].unsure)
    assert len(server.kept) == 1


@EVERY
def test_where_the_network_drops_a_repeat_the_same_again_is_said_once(server: Receiver, kind: str) -> None:
    yes = KINDS[kind].yes
    server.script = [Answer(yes.status, yes.body, mood=Mood.RESET), yes]

    assert isinstance(say(kind, server), KINDS[kind].unsure)
    assert say(kind, server) == KINDS[kind].said
    first, second = server.requests
    assert first.body == second.body
    network = KINDS[kind].make(server.url)
    by_key = network.dedupe_for > timedelta(0) and network.subject == "article"  # of a feed, the same again is no more
    assert len(server.kept) == (1 if by_key else 2)


@EVERY
def test_a_login_page_is_a_failure_that_says_so(server: Receiver, kind: str) -> None:
    server.script = [LOGIN_PAGE]

    outcome = say(kind, server)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert "web page" in outcome.why


@EVERY
def test_of_an_endless_answer_only_the_beginning_is_read(server: Receiver, kind: str) -> None:
    server.script = [FLOOD]

    start = time.monotonic()
    outcome = say(kind, server)
    assert isinstance(outcome, Said if KINDS[kind].flood_is_yes else KINDS[kind].unread)
    assert time.monotonic() - start < 4


@EVERY
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_told_and_not_followed(server: Receiver, kind: str, status: int) -> None:
    with Receiver() as elsewhere:
        server.script = [Answer(status, b"", {"location": elsewhere.url})]

        outcome = say(kind, server)
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"
        assert "redirect" in outcome.why
        assert elsewhere.requests == []


@SECRETIVE
def test_no_reason_holds_the_secret_even_if_the_server_repeats_it(server: Receiver, kind: str) -> None:
    for status in (200, 302, 400, 401, 403, 404, 422, 429, 500):
        server.script = [Answer(status, {"error": f"no {TOKEN} and {server.url}/services/T0/B0/{TOKEN}"})]
        assert TOKEN not in repr(say(kind, server))


@EVERY
def test_private_addresses_are_refused_unless_the_target_allows_them(server: Receiver, kind: str) -> None:
    network = KINDS[kind].make(server.url).model_copy(update={"allow_private": False})

    outcome = carried_out(network.announce(notice(kind), Context(NOW)), network)
    assert isinstance(outcome, Refused)
    assert "allow_private" in outcome.why
    assert server.requests == []


# ---------------------------------------------------------------- correcting, retracting, finding


def test_a_network_says_what_it_can() -> None:
    can = {kind: KINDS[kind].make("http://127.0.0.1").can for kind in KINDS}
    assert can == {
        "discord": {"correct", "retract"},
        "mastodon": {"correct", "reply", "retract", "find"},
        "misskey": {"reply", "retract", "find"},
        "ping": {"correct"},
        "slack": set(),
        "webhook": {"correct", "retract"},
        "websub": {"correct"},
    }


EDITABLE = pytest.mark.parametrize("kind", ["discord", "mastodon"])


@EDITABLE
def test_an_edit_changes_what_stands_there(server: Receiver, kind: str) -> None:
    server.script = [KINDS[kind].edited]

    assert say(kind, server, Action.CORRECT) == KINDS[kind].said
    assert server.requests[0].method in {"PUT", "PATCH"}
    assert server.requests[0].path.endswith("/" + KINDS[kind].said.id)
    assert "海自の新型護衛艦" in str(server.requests[0].json)


@EDITABLE
def test_a_retraction_deletes_it_and_a_second_one_is_a_success_too(server: Receiver, kind: str) -> None:
    server.script = [KINDS[kind].deleted, *KINDS[kind].gone]

    for _ in range(1 + len(KINDS[kind].gone)):
        outcome = say(kind, server, Action.RETRACT)
        assert isinstance(outcome, Said)
        assert outcome.id == KINDS[kind].said.id
    assert {seen.method for seen in server.requests} == {"DELETE"}


@EDITABLE
def test_there_is_nothing_to_correct_in_what_was_deleted_by_hand(server: Receiver, kind: str) -> None:
    for gone in KINDS[kind].gone:
        server.script = [gone]
        outcome = say(kind, server, Action.CORRECT)
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"


@EDITABLE
@pytest.mark.parametrize("action", [Action.CORRECT, Action.RETRACT])
def test_to_edit_or_delete_twice_is_harmless_so_it_leaves_no_doubt(server: Receiver, kind: str, action: Action) -> None:
    server.script = [Answer(500, {}), Answer(200, {}, mood=Mood.RESET), Answer(200, {}, mood=Mood.HANG)]

    for _ in range(3):
        assert isinstance(say(kind, server, action, patience=0.3), Again)


@EDITABLE
def test_a_retraction_from_a_webhook_or_server_that_is_gone_is_no_success(server: Receiver, kind: str) -> None:
    gone = {"discord": _error(404, 10015, "Unknown Webhook"), "mastodon": Answer(404, LOGIN_PAGE.body)}
    server.script = [gone[kind]]

    outcome = say(kind, server, Action.RETRACT)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"


def test_a_webhook_is_told_of_edits_and_retractions_by_signed_events(server: Receiver) -> None:
    now = Context(datetime.fromtimestamp(time.time(), UTC))
    webhook = KINDS["webhook"].make(server.url)
    for talk in (webhook.announce, webhook.correct, webhook.retract):
        assert carried_out(talk(notice("webhook"), now), webhook) == Said()

    for seen in server.requests:
        body: dict[str, Any] = Verifier(SECRET).verify(seen.body, dict(seen.headers))
        assert body["data"]["title"] == "海自の新型護衛艦"


def test_mastodon_finds_what_it_said_by_the_link(server: Receiver) -> None:
    mastodon = KINDS["mastodon"].make(server.url)
    posts = [
        {"id": "12", "content": "<p>another</p>", "created_at": "2026-04-28T03:00:02.000Z"},
        {
            "id": "11",
            "url": "https://m.example/@me/11",
            "content": f'<p>海自 <a href="{LINK.replace("&", "&amp;")}&amp;utm_medium=m">…</a></p>' + "x" * 200_000,
            "created_at": "2026-04-28T03:00:01.000Z",
        },
    ]
    server.script = [(200, {"id": "7"}), (200, posts), (200, {"id": "7"}), (200, [])]

    found = carried_out(mastodon.find(notice("mastodon"), Context(NOW)), mastodon)
    absent = carried_out(mastodon.find(notice("mastodon"), Context(NOW)), mastodon)

    assert found == Said("11", "https://m.example/@me/11")
    assert absent == Absent()
    assert {seen.method for seen in server.requests} == {"GET"}
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
