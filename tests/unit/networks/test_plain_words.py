"""A headline full of signs, from the article to what readers of each network see."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from feedpub.model import Action, Article, Notice, Request, Show, Site
from feedpub.networks import AnyNetwork, Console
from feedpub.networks.base import Network
from feedpub.notices.compose import compose
from tests.edge.kinds import KINDS
from tests.unit.networks.hooks import LINK, NOW
from tests.unit.networks.talk import context, reply

SITE = Site(title="航空ニュース", url="https://example.org/", language="ja", timezone="Asia/Tokyo")
WRITTEN = "海自 &amp; <b>太字</b> _*[x](y) \x00\u202eR @everyone <!channel> <@U1> #1 $A $B"
READ = "海自 &amp; <b>太字</b> _*[x](y) R @everyone <!channel> <@U1> #1 $A $B"
ARTICLE = Article("blog", "1", "g", LINK, WRITTEN, "", "<p>…</p>", NOW, NOW)
JOINER = "\u2060"

MADE: dict[str, Network] = {"console": Console(name="news")} | {
    name: kind.make("https://a.test") for name, kind in KINDS.items()
}


def unescaped(text: str) -> str:
    """Markdown's text as it is read: without its backslashes, and without what cannot be seen."""
    return re.sub(r"\\([^\w\s]|_)", r"\1", text).replace(JOINER, "")


def of_card(body: Any) -> str:
    lines = body["attachments"][0]["content"]["body"]
    return "\n".join("".join(run["text"] for run in line["inlines"]) for line in lines)


def of_event(body: Any) -> str:
    """What a client shows of an event: its HTML, which says what the plain text does."""
    links = re.sub(r'<a href="[^"]*">([^<]*)</a>', r"\1", body["formatted_body"]).replace("<br>", "\n")
    assert not re.search("[<>]", links)
    assert html.unescape(links) == body["body"]
    return str(body["body"]).replace(JOINER, "")


def of_mfm(body: Any) -> str:
    bare = re.sub(r"<plain>(#|`+)</plain>", r"\1", body["text"]).replace(JOINER, "")
    return bare.replace(f"<{LINK}>", LINK)


READERS: dict[str, Callable[[Any], str]] = {
    "bluesky": lambda body: str(body["record"]["text"]),
    "console": lambda body: str(body["shown"]).partition("\n")[2],
    "discord": lambda body: unescaped(body["content"]),
    "line": lambda body: str(body["messages"][0]["text"]),
    "mastodon": lambda body: str(body["status"]).replace(JOINER, ""),
    "matrix": of_event,
    "mattermost": lambda body: unescaped(body["text"]),
    "misskey": of_mfm,
    "rocketchat": lambda body: body["text"].replace(JOINER, "").translate({ord("＊"): "*", ord("＿"): "_"}),
    "slack": lambda body: html.unescape(body["text"]),
    "teams": of_card,
    "telegram": lambda body: str(body["text"]).replace(JOINER, ""),
    "webhook": lambda body: f"{body['data']['title']}\n{body['data']['url']}",
    "x": lambda body: str(body["text"]).replace(JOINER, ""),
}
"""How each of them shows what it was sent."""


CALLS = {
    "bluesky": "#mention|facet#tag",
    "discord": "@&|@!",
    "mastodon": r"@\w",
    "mattermost": r"<[!@]|@\w",
    "misskey": r"@\w|<b>|(?<!<plain>)#1",
    "rocketchat": r"@\w",
    "slack": "<",
    "teams": '"entities"',
    "telegram": r'(?<!")@\w|parse_mode|#1',
    "x": r"@\w|\$B",
}
"""What makes each of them call somebody, or act; Discord and Matrix are told in other words to call nobody."""


def body_of(network: Network, notice: Notice) -> Any:
    """What the request says that makes it appear; every other one is answered as usual."""
    kind = KINDS.get(notice.target)
    conversation = network.announce(notice, context(kind.memory if kind else {}))
    answer = None
    while True:
        step = conversation.send(answer)
        answer = None
        if isinstance(step, Show):
            return {"shown": step.text}
        if isinstance(step, Request) and step.says:
            return json.loads(step.body)
        if isinstance(step, Request) and kind:
            answer = reply(
                200, json.loads(kind.routes[f"{step.method} {step.url.removeprefix('https://a.test')}"].content)
            )


def test_every_network_that_is_told_of_articles_is_read_here() -> None:
    union = get_args(get_args(AnyNetwork)[0])
    assert {one.model_fields["kind"].default for one in union if one.subject == "article"} == set(READERS)


@pytest.mark.parametrize("kind", READERS)
def test_a_headline_is_read_as_it_was_written_and_calls_nobody(kind: str) -> None:
    network = MADE[kind].model_copy(update={"name": kind, "image": "card"})
    notice = compose(
        ARTICLE, network, action=Action.ANNOUNCE, revision=1, key="msg_1", now=NOW, categories=(), site=SITE
    )
    body = body_of(network, notice)

    assert READERS[kind](body) == f"{READ}\n{LINK}"
    assert kind not in CALLS or not re.search(CALLS[kind], json.dumps(body, ensure_ascii=False))
    assert kind != "discord" or body["allowed_mentions"] == {"parse": []}
    assert kind != "matrix" or body["m.mentions"] == {}
    assert kind != "slack" or body["mrkdwn"] is body["link_names"] is False
