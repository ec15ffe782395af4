"""A headline full of signs, from the article to what readers of each webhook's network see."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from feedpub.model import Action, Article, Site
from feedpub.networks import Discord, Mattermost, RocketChat, Slack, Teams
from feedpub.networks.base import Network
from feedpub.notices.compose import compose
from tests.unit.networks.hooks import CONTEXT, LINK, NOW, sent

SITE = Site(title="航空ニュース", url="https://example.org/", language="ja", timezone="Asia/Tokyo")
WRITTEN = "海自 &amp; <b>太字</b> _*[x](y) \x00\u202eR @everyone <!channel> <@U1> #1"
READ = "海自 &amp; <b>太字</b> _*[x](y) R @everyone <!channel> <@U1> #1"
ARTICLE = Article("blog", "1", "g", LINK, WRITTEN, "", "<p>…</p>", NOW, NOW)


def unescaped(text: str) -> str:
    """Markdown's text as it is read: without its backslashes, and without what cannot be seen."""
    return re.sub(r"\\([^\w\s]|_)", r"\1", text).replace("\u2060", "")


def of_card(body: Any) -> str:
    lines = body["attachments"][0]["content"]["body"]
    return "\n".join("".join(run["text"] for run in line["inlines"]) for line in lines)


READERS: dict[str, tuple[Network, Callable[[Any], str]]] = {
    "discord": (
        Discord(webhook_url="https://discord.com/api/webhooks/1/x"),
        lambda body: unescaped(body["content"]),
    ),
    "mattermost": (
        Mattermost(webhook_url="https://mattermost.example/hooks/x"),
        lambda body: unescaped(body["text"]),
    ),
    "rocketchat": (
        RocketChat(webhook_url="https://chat.example/hooks/1/x"),
        lambda body: body["text"].replace("\u2060", "").translate({ord("＊"): "*", ord("＿"): "_"}),
    ),
    "slack": (Slack(webhook_url="https://hooks.slack.com/x"), lambda body: html.unescape(body["text"])),
    "teams": (Teams(webhook_url="https://a.logic.azure.com/x"), of_card),
}


CALLS = {"discord": "@&|@!", "mattermost": r"<[!@]|@\w", "rocketchat": r"@\w", "slack": "<", "teams": '"entities"'}
"""What makes each of them call somebody; Discord is told in other words to call nobody."""


@pytest.mark.parametrize("kind", READERS)
def test_a_headline_is_read_as_it_was_written_and_calls_nobody(kind: str) -> None:
    network, read = READERS[kind]
    notice = compose(
        ARTICLE, network, action=Action.ANNOUNCE, revision=1, key="msg_1", now=NOW, categories=(), site=SITE
    )
    body = sent(network.announce(notice, CONTEXT))

    assert read(body) == f"{READ}\n{LINK}"
    assert not re.search(CALLS[kind], json.dumps(body, ensure_ascii=False))
    assert kind != "discord" or body["allowed_mentions"] == {"parse": []}
