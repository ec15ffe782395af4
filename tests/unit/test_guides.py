"""docs/networks.md and docs/operations.md say of networks, the log and its sentences what the program says."""

from __future__ import annotations

import ast
import json
import re
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from feedpub.app import now
from feedpub.http import Door
from feedpub.model import Action, Article, Category, Context, Image, Measure, Notice, Request, Site, show_duration
from feedpub.networks import Webhook
from feedpub.networks.base import Network
from feedpub.networks.feed_subject import FOREVER
from feedpub.notices.compose import compose
from feedpub.settings import Settings, toml
from feedpub.settings.shape import beneath, kinds, options
from tests.guides import GUIDES, NEW, OLD, ROOT, SECRETS, blocks, rows

SOURCES = sorted((ROOT / "src").rglob("*.py"))
WEBHOOKS = {"networks.md": GUIDES["networks.md"]}
OTHER = "whsec_" + "b3Ro" * 8

# ---------------------------------------------------------------- networks

NETWORKS = kinds(beneath(beneath(Settings, "targets"), "NAME"))


def facts(kind: str) -> list[str]:
    """What the code says of a network, as the guide's table does."""
    network: Any = NETWORKS[kind]
    needed = {
        "webhook_url": SECRETS.get(f"{kind.upper()}_WEBHOOK", SECRETS["SLACK_WEBHOOK"]),
        "url": "https://a.test/",
        "hub_url": "https://a.test/",
        "server": "https://a.test",
        "token": "t",
        "identifier": "news.a.test",
        "app_password": "p",
        **dict.fromkeys(("api_key", "api_secret", "access_token", "access_secret"), "k"),
        "budget": 20,
        "chat_id": "1",
        "room": "!1",
    }
    made: Network = network(name="t", **{key: value for key, value in needed.items() if key in options(network)})
    return [
        f"`{kind}`",
        *("yes" if deed in made.can else "no" for deed in ("correct", "retract", "find")),
        "always" if made.dedupe_for >= FOREVER else show_duration(made.dedupe_for),
        "–" if made.subject == "feed" else length(made.measure("")),
    ]


def length(measure: Measure) -> str:
    return f"{measure.limit} {measure.unit}" if measure.limit < 1_000_000 else "no limit"


def test_the_guide_says_of_every_network_what_it_can_do() -> None:
    assert sorted(rows("networks.md", "network")) == [facts(kind) for kind in sorted(NETWORKS)]


def test_every_network_has_a_section_with_the_smallest_table() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## )", GUIDES["networks.md"], re.MULTILINE | re.DOTALL))
    assert sections.keys() == set(NETWORKS)
    for kind, text in sections.items():
        table, _ = toml.parse(re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0].encode())
        (target,) = table["targets"].values()  # type: ignore[attr-defined]  # a table of tables
        required = {key for key, option in options(NETWORKS[kind]).items() if option.is_required()}
        assert required <= target.keys() <= required | {"kind", "secret"}


@pytest.mark.parametrize("page", sorted(GUIDES))
def test_no_guide_says_a_section_twice(page: str) -> None:
    headings = re.findall(r"^## (.+)", GUIDES[page], re.MULTILINE)
    assert sorted(headings) == sorted(set(headings))


SITE = Site(title="航空ニュース", url="https://example.jp/", language="ja", timezone="Asia/Tokyo")
ARTICLE = Article(
    store="blog",
    id="2026-04-28-f35",
    guid="https://example.jp/?p=4281",
    url="https://example.jp/f35/",
    title="F-35の最新状況",
    summary="三沢基地に新しい機体が到着しました。",
    content="<p>本文です。</p>",
    published=datetime(2026, 4, 28, 0, tzinfo=UTC),
    updated=datetime(2026, 4, 28, 9, tzinfo=UTC),
    categories=("7",),
    tags=("F-35",),
    authors=("かもめ",),
    images=(Image("https://example.jp/f35.jpg"),),
    language="ja",
    notice="F-35の最新状況、三沢に新しい機体",
)


CATEGORIES = (Category("blog", "7", "米国関連", "us"),)


def notice_of(target: Webhook, *, at: datetime, key: str = "msg_1") -> Notice:
    return compose(
        ARTICLE, target, action=Action.ANNOUNCE, revision=1, key=key, now=at, categories=CATEGORIES, site=SITE
    )


def test_the_webhooks_body_in_the_guide_is_the_one_that_is_sent() -> None:
    shown, *_ = blocks("json", WEBHOOKS).values()
    target = Webhook(name="hook", url=SecretStr("https://a.test/"))
    assert json.loads(shown) == json.loads(notice_of(target, at=ARTICLE.updated).text)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the guide's receiver at work; it knows the old and the new secret."""
    monkeypatch.setenv("HOOK_SECRET", f"{NEW} {OLD}")
    (code,) = blocks("python", WEBHOOKS).values()
    program: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(code, "docs/networks.md", "exec"), program)
    server = ThreadingHTTPServer(("127.0.0.1", 0), program["Receiver"])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join(5)


def posted(url: str, *secrets: str, key: str = "msg_1", age: timedelta = timedelta(0)) -> Request:
    """The request that feedpub makes of the article, so long ago."""
    at = now() - age  # the receiver compares it with the clock
    target = Webhook(name="hook", url=SecretStr(url), secret=tuple(map(SecretStr, secrets)))
    request = next(target.announce(notice_of(target, at=at, key=key), Context(at)))
    assert isinstance(request, Request)
    return request


def status(request: Request) -> int:
    return Door().fetch(request, timeout=timedelta(seconds=5), allow_private=True).status


def test_the_receiver_in_the_guide_takes_each_notice_once(receiver: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [status(posted(receiver, secret)) for secret in (OLD, NEW, OLD)] == [204, 204, 204]
    assert status(posted(receiver, OTHER, OLD, key="msg_2")) == 204
    told = "article.published F-35の最新状況 https://example.jp/f35/\n"
    assert capsys.readouterr().out == told * 2


def test_the_receiver_in_the_guide_refuses_what_is_not_from_feedpub_or_not_fresh(receiver: str) -> None:
    good = posted(receiver, OLD)
    forged = replace(good, body=good.body.replace(b"F-35", b"F-36"))
    unsigned = replace(good, headers={**good.headers, "webhook-signature": ""})
    other = posted(receiver, OTHER)
    old = posted(receiver, OLD, age=timedelta(minutes=6))
    assert [status(one) for one in (forged, unsigned, posted(receiver), other, old)] == [401] * 5
    assert status(good) == 204


# ---------------------------------------------------------------- the log and the sentences


def events() -> dict[str, set[str]]:
    """The levels of every event that the source tells, by its name."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        chosen = {
            name.id: levels_in(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and levels_in(node.value)
            for name in node.targets
            if isinstance(name, ast.Name)
        }
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call):
                continue
            levels = chosen.get(call.func.id, set()) if isinstance(call.func, ast.Name) else levels_in(call.func)
            if levels:
                assert isinstance(call.args[0], ast.Constant), f"{path}:{call.lineno}: an event has a fixed name"
                found.setdefault(str(call.args[0].value), set()).update(levels)
    return found


def levels_in(node: ast.expr) -> set[str]:
    """Which of the log's methods an expression names, without calling them."""
    if isinstance(node, ast.IfExp):
        return levels_in(node.body) | levels_in(node.orelse)
    is_log = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "log"
    return {node.attr} if is_log and isinstance(node, ast.Attribute) else set()


def test_the_guide_names_every_event_of_the_log_with_its_level() -> None:
    named = {cells[0].strip("`"): set(cells[1].split(", ")) for cells in rows("operations.md", "event")}
    assert named == events()


def sentences() -> str:
    """All texts of the source, one a line; what is put in at run time is a tab."""
    texts = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "\t" for part in node.values)
        if isinstance(node, ast.JoinedStr)
        else str(node.value)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr | ast.Constant)
    ]
    spoken = tomllib.loads((ROOT / "src/feedpub/locale/en.toml").read_text(encoding="utf-8"))
    texts += [re.sub(r"\{\w*\}", "\t", text) for room in ("problems", "alerts") for text in spoken[room].values()]
    return "\n".join(text.replace("\n", " ") for text in texts)


def quoted() -> Iterator[str]:
    for page in ("migration.md", "networks.md", "operations.md"):
        for cells in rows(page, "you read"):
            yield from re.findall(r"`([^`]+)`", cells[0])


LABELS = "|".join(re.escape(network.label) for network in NETWORKS.values())  # type: ignore[attr-defined]


def test_the_sentences_in_the_guides_are_those_that_feedpub_says() -> None:
    said = sentences()
    for quote in quoted():
        lasting = re.split(rf"\(HTTP \d+: …\)|…|NAME|DIR|HOST|NETWORK|the hub|{LABELS}", quote)
        parts = [re.escape(part.strip()) for part in lasting if part.strip()]
        assert not parts or re.search("[^\n]*".join(parts), said), quote
