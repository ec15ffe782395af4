"""config/examples/webhooks.toml at work: each example against a server as strict as the service documents itself."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from feedpub.http import Door
from feedpub.model import Action, Again, Article, Category, Context, Doubt, Image, Outcome, Refused, Said, Site
from feedpub.networks import Webhook
from feedpub.notices.compose import compose
from feedpub.settings import load
from tests.edge.receiver import Answer, Mood, Receiver, Seen
from tests.guides import ROOT, SECRETS

EXAMPLE = ROOT / "config" / "examples" / "webhooks.toml"
NOW = datetime(2026, 4, 28, 9, tzinfo=UTC)
SITE = Site(title="航空ニュース", url="https://example.jp/", language="ja", timezone="Asia/Tokyo")
ARTICLE = Article(
    store="blog",
    id="1",
    guid="https://example.jp/?p=1",
    url="https://example.jp/f35/?a=1&b=2",
    title='F-35の"最新"状況 @**all**',
    summary="三沢基地に新しい機体が到着しました。",
    content="<p>本文です。</p>",
    published=NOW,
    updated=NOW,
    categories=("7",),
    images=(Image("https://example.jp/f35.jpg"),),
    language="ja",
)
CATEGORIES = (Category("blog", "7", "米国関連", "us"),)
BRIEF = replace(ARTICLE, title="", url="", summary="", content="<p>短い話題です。</p>", categories=(), images=())


class Service(Receiver):
    """A server that reads each request as its service does, and answers so."""

    def __init__(self, judge: Callable[[Seen], Answer]) -> None:
        super().__init__()
        self.judge = judge

    def answer(self, seen: Seen) -> Answer:
        if not self.script:
            self.script = [self.judge(seen)]
        return super().answer(seen)


def fields(body: Any, required: Mapping[str, type], optional: Mapping[str, type]) -> bool:
    """Whether an object has all it must have and nothing that nobody knows."""
    known = {**required, **optional}
    return (
        isinstance(body, dict)
        and required.keys() <= body.keys() <= known.keys()
        and all(isinstance(value, known[name]) for name, value in body.items())
    )


def is_json(seen: Seen) -> bool:
    return seen.headers["content-type"].startswith("application/json")


def is_link(text: str) -> bool:
    return bool(re.fullmatch(r"https?://[!-~]+", text))


def ntfy(seen: Seen) -> Answer:
    def refused(status: int, code: int, why: str) -> Answer:
        return Answer(status, {"code": code, "http": status, "error": why, "link": "https://ntfy.sh/docs"})

    if seen.headers.get("authorization") != f"Bearer {SECRETS['NTFY_TOKEN']}":
        return refused(401, 40101, "unauthorized")
    optional = {"message": str, "title": str, "tags": list, "priority": int, "click": str, "attach": str}
    body: Any = seen.json if is_json(seen) else None
    if (seen.method, seen.path) != ("POST", "/") or not fields(body, {"topic": str}, optional):
        return refused(400, 40024, "invalid request: request body must be valid JSON")
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", body["topic"]):
        return refused(400, 40009, "invalid request: topic invalid")
    if not all(is_link(body[name]) for name in ("click", "attach") if name in body):
        return refused(400, 40013, "invalid request: attachment URL is invalid")
    if len(body["message"].encode()) > 4096 or not all(isinstance(tag, str) for tag in body["tags"]):
        return refused(400, 40024, "invalid request: request body must be valid JSON")
    return Answer(200, {"id": "sPs71M8A2T", "time": 1777366800, "event": "message", **body})


def gotify(seen: Seen) -> Answer:
    def refused(status: int, error: str, why: str) -> Answer:
        return Answer(status, {"error": error, "errorCode": status, "errorDescription": why})

    if seen.headers.get("x-gotify-key") != SECRETS["GOTIFY_TOKEN"]:
        return refused(401, "Unauthorized", "you need to provide a valid access token or user credentials")
    if (seen.method, seen.path) != ("POST", "/message"):
        return refused(404, "Not Found", "page not found")
    body: Any = seen.json if is_json(seen) else None
    if not fields(body, {"message": str}, {"title": str, "priority": int, "extras": dict}) or not body["message"]:
        return refused(400, "Bad Request", "Field 'message' is required")
    for namespace, extra in body.get("extras", {}).items():
        if "::" not in namespace or not is_link(extra["click"]["url"]):
            return refused(400, "Bad Request", "extras")
    return Answer(200, {"id": 25, "appid": 5, "date": "2026-04-28T18:00:00+09:00", **body})


def zulip(seen: Seen) -> Answer:
    def refused(status: int, code: str, why: str) -> Answer:
        return Answer(status, {"result": "error", "msg": why, "code": code})

    name, _, pair = seen.headers.get("authorization", "").partition(" ")
    if name != "Basic" or base64.b64decode(pair) != b"news-bot@example.zulipchat.com:KEY0123456789":
        return refused(401, "UNAUTHORIZED", "Invalid API key")
    if seen.headers["content-type"] != "application/x-www-form-urlencoded":
        return refused(400, "REQUEST_VARIABLE_MISSING", "Missing 'type' argument")
    body = dict(parse_qsl(seen.body.decode(), strict_parsing=True))
    required = dict.fromkeys(("type", "to", "content", "topic"), str)
    if (seen.method, seen.path) != ("POST", "/api/v1/messages") or not fields(body, required, {}):
        return refused(400, "REQUEST_VARIABLE_MISSING", "Missing 'content' argument")
    if body["type"] not in {"direct", "channel", "stream"} or len(body["topic"]) > 60:
        return refused(400, "BAD_REQUEST", "Invalid type")
    if body["to"] != "news" or len(body["content"].encode()) > 10_000 or "@**" in body["content"]:
        return refused(400, "BAD_REQUEST", "Channel does not exist, message too long, or you may not mention everyone")
    return Answer(200, {"result": "success", "msg": "", "id": 42})


def apprise(seen: Seen) -> Answer:
    if not seen.path.startswith("/notify/"):
        return Answer(404, {"error": "not found"})
    if seen.path != "/notify/news":
        return Answer(204)
    body: Any = seen.json if is_json(seen) else None
    if not fields(body, {"body": str}, {"title": str, "type": str, "format": str, "tag": str}) or not body["body"]:
        return Answer(400, {"error": "Bad Request"})
    if body["type"] not in {"info", "success", "warning", "failure"} or body["format"] not in {
        "text",
        "markdown",
        "html",
    }:
        return Answer(400, {"error": "Bad Request"})
    return Answer(200, {"error": None, "details": []})


SERVICES = {"ntfy": ntfy, "gotify": gotify, "zulip": zulip, "apprise": apprise}
EACH = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture
def service(name: str) -> Iterator[Service]:
    with Service(SERVICES[name]) as service:
        yield service


def target(name: str, url: str, folder: Path, **secrets: str) -> Webhook:
    """The example's target, as a config loads it, with its server at another address."""
    (folder / "feedpub.toml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    loaded = load(folder, SECRETS | secrets).settings.targets[name]
    assert isinstance(loaded, Webhook)
    given = urlsplit(loaded.url.get_secret_value())
    there = urlsplit(url)._replace(path=given.path, query=given.query).geturl()
    return Webhook.model_validate(
        {one: getattr(loaded, one) for one in loaded.model_fields_set} | {"url": there, "allow_private": True}
    )


def posted(target: Webhook, article: Article = ARTICLE, action: Action = Action.ANNOUNCE) -> Outcome:
    notice = compose(article, target, action=action, revision=1, key="msg_1", now=NOW, categories=CATEGORIES, site=SITE)
    talk = {Action.ANNOUNCE: target.announce, Action.CORRECT: target.correct, Action.RETRACT: target.retract}[action]
    return Door().converse(
        talk(notice, Context(NOW)), lambda _key, _value: None, timeout=timedelta(seconds=5), allow_private=True
    )


@EACH
def test_every_example_says_articles_and_briefs_as_its_service_wants_them(
    name: str, service: Service, tmp_path: Path
) -> None:
    webhook = target(name, service.url, tmp_path)

    assert posted(webhook) == Said()
    assert posted(webhook, BRIEF) == Said()
    first, second = (said(one) for one in service.requests)
    assert 'F-35の"最新"状況' in first
    assert ARTICLE.url in first
    assert "短い話題です。" in second
    assert "http" not in second.replace(f"http://127.0.0.1:{service.port}", "")


def said(seen: Seen) -> str:
    """Everything that a request says, by its fields."""
    body = seen.json if is_json(seen) else dict(parse_qsl(seen.body.decode()))
    return json.dumps(body, ensure_ascii=False).replace('\\"', '"')


@EACH
def test_every_example_tells_what_became_of_an_article(name: str, service: Service, tmp_path: Path) -> None:
    webhook = target(name, service.url, tmp_path)

    assert posted(webhook, action=Action.CORRECT) == Said()
    assert posted(webhook, action=Action.RETRACT) == Said()
    corrected, retracted = (said(one) for one in service.requests)
    assert "【訂正】F-35" in corrected
    assert "【取り消し】F-35" in retracted


WRONG = {
    "ntfy": {"NTFY_AUTHORIZATION": "Bearer tk_another_token_of_that_length"},
    "gotify": {"GOTIFY_TOKEN": "another_token"},
    "zulip": {"ZULIP_AUTHORIZATION": "Basic " + base64.b64encode(b"news-bot@example.zulipchat.com:WRONG").decode()},
    "apprise": {"APPRISE_URL": "https://apprise.example.com/notify/another"},
}


@EACH
def test_wrong_credentials_pause_the_target(name: str, service: Service, tmp_path: Path) -> None:
    outcome = posted(target(name, service.url, tmp_path, **WRONG[name]))

    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert not any(secret.split()[-1] in outcome.why for secret in WRONG[name].values())


REFUSALS = {
    "ntfy": (Answer(400, {"code": 40024, "http": 400, "error": "invalid request: body"}), "invalid request: body"),
    "gotify": (Answer(400, {"error": "Bad Request", "errorCode": 400, "errorDescription": "…"}), "Bad Request"),
    "zulip": (Answer(400, {"result": "error", "msg": "Message too long", "code": "BAD_REQUEST"}), "Message too long"),
    "apprise": (Answer(424, {"error": "One or more notification could not be sent"}), "One or more notification"),
}


@EACH
def test_the_words_of_a_refusal_are_told(name: str, service: Service, tmp_path: Path) -> None:
    answer, words = REFUSALS[name]
    service.script = [answer]

    outcome = posted(target(name, service.url, tmp_path))
    assert isinstance(outcome, Refused)
    assert outcome.scope == "item"
    assert words in outcome.why


@EACH
def test_these_services_drop_no_repeats_so_a_doubt_stays_one(name: str, service: Service, tmp_path: Path) -> None:
    webhook = target(name, service.url, tmp_path)
    service.script = [Answer(200, {}, mood=Mood.RESET), Answer(429, {}, {"Retry-After": "5"})]

    assert webhook.dedupe_for == timedelta(0)
    assert isinstance(posted(webhook), Doubt)
    assert posted(webhook) == Again("the webhook asks to come back later (HTTP 429)", timedelta(seconds=5))
