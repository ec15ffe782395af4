"""Teams: a card in which nothing acts, its size, and the answers of old and new webhooks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.model import Again, Doubt, Image, Outcome, Refused, Reply, Said
from feedpub.networks import Teams
from tests.unit.networks.hooks import CANARY, CONTEXT, IMAGE, LINK, NOTICE, carried_out, noticed, reply, sent

URL = f"https://prod-1.westus.logic.azure.com/workflows/0/triggers/manual/paths/invoke?sig={CANARY}"
TEAMS = Teams(webhook_url=URL)

KNOWN = {
    "AdaptiveCard": {"$schema", "type", "version", "body", "actions", "msteams"},
    "RichTextBlock": {"type", "inlines"},
    "TextRun": {"type", "text", "selectAction"},
    "Image": {"type", "url", "altText"},
    "Action.OpenUrl": {"type", "title", "url"},
}


def card(network: Teams = TEAMS, **changes: Any) -> dict[str, Any]:
    body = sent(network.announce(replace(NOTICE, **changes), CONTEXT))
    assert body.keys() == {"type", "attachments"}
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content: dict[str, Any] = attachment["content"]
    return content


def parts(value: object) -> list[dict[str, Any]]:
    """Every element of a card, whichever holds it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    mine = [value] if isinstance(value, dict) and "type" in value else []
    return [*mine, *(part for one in inner for part in parts(one))]


def read(content: dict[str, Any]) -> list[str]:
    """The lines that readers see."""
    blocks = [block for block in content["body"] if block["type"] == "RichTextBlock"]
    return ["".join(run["text"] for run in block["inlines"]) for block in blocks]


HOSTILE = st.text(st.sampled_from("あ漢 *_#[]()<>@&-`~|\\\n1.!"), max_size=80)


@given(HOSTILE)
def test_a_card_reads_as_the_notice_is_written_and_holds_nothing_that_acts(text: str) -> None:
    content = card(text=f"{text}\n<at>みんな</at> **x**\n{LINK}")

    assert read(content) == [line for line in f"{text}\n<at>みんな</at> **x**\n{LINK}".split("\n") if line.strip()]
    for part in parts(content):
        assert part.keys() <= KNOWN[part["type"]]
    assert "entities" not in content["msteams"]  # without them, <at> calls nobody


def test_the_link_can_be_clicked_where_it_stands_and_by_a_button_that_says_where_to() -> None:
    content = card()
    (run,) = content["body"][-1]["inlines"]
    assert run == {"type": "TextRun", "text": LINK, "selectAction": {"type": "Action.OpenUrl", "url": LINK}}
    assert content["actions"] == [{"type": "Action.OpenUrl", "title": "example.org", "url": LINK}]
    assert content["version"] == "1.4"


def test_a_brief_without_a_link_has_no_button() -> None:
    assert "actions" not in card(text="短い話題", link="")


def test_the_picture_stands_on_the_card_with_what_it_shows_and_whose_it_is() -> None:
    shown = card(image=IMAGE)["body"][-1]
    assert shown == {"type": "Image", "url": IMAGE.url, "altText": "護衛艦「もがみ」 (海上自衛隊 / CC BY 4.0)"}
    assert card(image=Image(IMAGE.url))["body"][-1]["altText"] == ""
    assert read(card(Teams(webhook_url=URL, image="none"), image=IMAGE)) == read(card())
    assert len(card(Teams(webhook_url=URL, image="none"), image=IMAGE)["body"]) == len(card()["body"])


def test_a_picture_is_attached_by_no_webhook_of_teams() -> None:
    with pytest.raises(ValidationError, match='Teams cannot do that: write "card" or "none"'):
        Teams(webhook_url=URL, image="attach")


# ---------------------------------------------------------------- size


def size(text: str, **changes: Any) -> int:
    request = carried_out(TEAMS.announce(noticed(text, **changes), CONTEXT), reply(503))[0]
    return max(len(request.body), len(request.body.decode().encode("utf-16-le")))


@given(HOSTILE)
def test_what_is_counted_is_the_whole_body(text: str) -> None:
    assert TEAMS.measure(f"{text}\n{LINK}").used == size(f"{text}\n{LINK}")


def test_what_fits_stays_within_what_teams_takes_whatever_the_picture() -> None:
    text = next("あ" * count for count in range(7000, 0, -1) if TEAMS.measure("あ" * count).fits)
    assert len(text) > 6000
    assert size(text, link="") <= 20_000
    assert size(text, link="", image=IMAGE) <= 20_000  # there was no room left for it
    assert json.dumps(IMAGE.url) in json.dumps(card(text="あ" * 6000, image=IMAGE))


# ---------------------------------------------------------------- answers


def error(status: int, code: str) -> Reply:
    return reply(status, {"error": {"code": code, "message": f"workflow {CANARY}"}})


def old(status: int) -> Reply:
    why = f"Microsoft Teams endpoint returned HTTP error {status} with ContextId tcid=0,server=1"
    return reply(200, f"Webhook message delivery failed with error: {why}".encode())


@pytest.mark.parametrize(
    ("answer", "kind", "scope"),
    [
        (reply(202), Said, ""),
        (reply(200), Said, ""),
        (reply(200, b"1"), Said, ""),
        (reply(200, b"something else"), Doubt, ""),
        (old(429), Again, ""),
        (old(413), Refused, "item"),
        (old(400), Refused, "item"),
        (old(404), Refused, "target"),
        (old(403), Refused, "target"),
        (old(500), Doubt, ""),
        (reply(413), Refused, "item"),
        (reply(429), Again, ""),
        (reply(400), Refused, "item"),
        (error(400, "WorkflowTriggerIsNotEnabled"), Refused, "target"),
        (error(400, "TriggerInputSchemaMismatch"), Refused, "target"),
        (error(401, "DirectApiAuthorizationRequired"), Refused, "target"),
        (error(404, "WorkflowNotFound"), Refused, "target"),
        (error(502, "NoResponse"), Doubt, ""),
    ],
)
def test_every_answer_of_old_and_new_webhooks_is_understood(answer: Reply, kind: type[Outcome], scope: str) -> None:
    outcome = TEAMS.read(answer, CONTEXT)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "scope", "") == scope
    assert CANARY not in str(outcome)
