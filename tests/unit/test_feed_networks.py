"""The networks that are told of feeds: what a hub and a ping service are sent, and what their answers mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl
from xmlrpc.client import Fault, dumps, loads

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.errors import ConfigError
from feedpub.model import Action, Again, Context, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks import Discord, Ping, WebSub
from feedpub.networks.feed_subject import FeedNetwork
from feedpub.settings import load
from tests.unit.test_networks import carried_out, reply

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
CONTEXT = Context(NOW)
FILES = tuple(f"https://news.test/feeds/category/us.{ending}" for ending in ("rss", "atom", "json"))
NOTICE = Notice(
    "hub",
    Action.ANNOUNCE,
    "",
    "category/us",
    7,
    "msg_1",
    NOW,
    "\n".join(FILES),
    "https://news.test/",
    "米国関連 – 航空ニュース <F-35 & 𠮷>",
)
HUB = WebSub(name="hub", hub_url="https://hub.test/publish?a=1")
SERVICE = Ping(name="ping", url="https://ping.test/xmlrpc/kanaria7f3b9c1d5e")


# ---------------------------------------------------------------- options

SMALLEST = {"websub": 'hub_url = "https://hub.test/"', "ping": 'url = "https://ping.test/"'}


def problems(folder: Path, kind: str, *lines: str) -> str:
    """What is said of a config with such a target."""
    target = "\n".join(("[targets.push]", f'kind = "{kind}"', SMALLEST[kind], *lines))
    text = (
        f'[site]\ntitle = "x"\nurl = "https://news.test/"\n[feeds]\nbase_url = "https://news.test/feeds/"\n{target}\n'
    )
    (folder / "feedpub.toml").write_text(text, encoding="utf-8")
    try:
        load(folder, {})
    except ConfigError as error:
        return str(error).replace(f"{folder}/", "")
    return ""


@pytest.mark.parametrize("kind", SMALLEST)
def test_the_options_of_a_feed_are_taken(tmp_path: Path, kind: str) -> None:
    lines = ('feeds = ["all", "category/us", "tag/f-35"]', 'every = "10m"', 'delay = "1m"', 'timeout = "9s"')
    assert problems(tmp_path, kind, *lines, "allow_private = true") == ""


@pytest.mark.parametrize(
    "line",
    [
        'template = "{{ title }}"',
        'max_age = "1d"',
        "flood_limit = 3",
        "announce_backlog = true",
        'on_doubt = "stop"',
        'correct = "ignore"',
        'correct_within = "1d"',
        'retract_after = "1h"',
    ],
)
def test_an_option_about_articles_is_refused_in_one_sentence(tmp_path: Path, line: str) -> None:
    option = line.partition(" ")[0]
    assert problems(tmp_path, "websub", line) == (
        f"feedpub.toml:9: targets.push.{option}: the hub is told of feeds, not of articles: leave this option out"
    )


def test_who_names_categories_is_led_to_feeds(tmp_path: Path) -> None:
    assert problems(tmp_path, "ping", 'categories = ["米国関連"]') == (
        "feedpub.toml:9: targets.push.categories: the ping service is told of feeds, not of articles: "
        'write feeds = ["category/us"] instead'
    )


@pytest.mark.parametrize(
    "feed", ["all.rss", "/all", "category/", "https://news.test/all", "米国関連", "", "a b", "../x"]
)
def test_a_feed_is_named_by_its_address_without_ending(tmp_path: Path, feed: str) -> None:
    said = problems(tmp_path, "websub", f'feeds = ["all", "{feed}"]')
    assert said == (
        "feedpub.toml:9: targets.push.feeds: "
        'write the addresses of feeds without their endings, such as "all" or "category/us"'
    )


@pytest.mark.parametrize(
    "url", ["hub.test", "//hub.test/", "https://user:pass@hub.test/", "https://航空.test/", "https://"]
)
def test_a_hub_has_an_absolute_address_in_ascii(url: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        WebSub(hub_url=url)


def test_a_pings_address_is_a_secret_and_a_hubs_is_not() -> None:
    with pytest.raises(ValidationError) as caught:
        Ping(url="ftp://kanaria7f3b9c1d5e/")
    assert "kanaria" not in str(caught.value)
    assert "kanaria" not in f"{SERVICE!r}"
    assert tuple(HUB.secrets()) == ()


def test_what_the_life_of_a_delivery_asks_of_a_target_fits_a_feed() -> None:
    for network in (HUB, SERVICE):
        assert network.subject == "feed"
        assert network.dedupe_for == network.correct_within == network.max_age == timedelta(days=36_500)
        assert network.correct_by == "edit"
        assert network.can == {"correct"}
        assert not network.announce_backlog
    assert (HUB.timeout, SERVICE.timeout) == (timedelta(seconds=20), timedelta(seconds=3))


def test_a_target_hears_of_the_feeds_it_names_or_of_all() -> None:
    some = WebSub(hub_url="https://hub.test/", feeds=("all", "category/us"))
    assert [some.hears(feed) for feed in ("all", "category/us", "category/us-navy", "briefs")] == [
        True,
        True,
        False,
        False,
    ]
    assert HUB.hears("tag/f-35")
    assert [SERVICE.hears(feed) for feed in ("all", "category/us")] == [True, False]
    assert Ping(url="https://ping.test/", feeds=()).hears("category/us")
    assert not Discord(webhook_url="https://discord.com/api/webhooks/1/token").hears("all")


# ---------------------------------------------------------------- hubs


def told(*replies: Reply, network: FeedNetwork = HUB) -> tuple[list[Request], Outcome]:
    return carried_out(network.announce(NOTICE, CONTEXT), *replies)


def test_a_hub_is_told_of_each_file_in_the_words_of_old_and_new_hubs() -> None:
    requests, outcome = told(reply(204), reply(202, b"accepted"), reply(200, b"ok"))

    assert outcome == Said()
    assert {(one.method, one.url, one.says) for one in requests} == {("POST", HUB.hub_url, False)}
    assert {one.headers["content-type"] for one in requests} == {"application/x-www-form-urlencoded"}
    assert [parse_qsl(one.body.decode()) for one in requests] == [
        [("hub.mode", "publish"), ("hub.url", file), ("hub.topic", file)] for file in FILES
    ]


def test_a_change_of_a_feed_is_told_like_the_first() -> None:
    again, first = (talk(NOTICE, CONTEXT) for talk in (HUB.correct, HUB.announce))
    assert carried_out(again, *[reply(204)] * 3) == carried_out(first, *[reply(204)] * 3)


def test_a_file_that_is_refused_does_not_keep_the_others_from_the_hub() -> None:
    requests, outcome = told(reply(400, b"no such topic"), reply(204), reply(422))

    assert len(requests) == 3
    assert outcome == Refused(
        "the hub did not take this feed (HTTP 400: no such topic): see whether it serves your site, "
        "or name others in feeds"
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(503, retry_after="120"), Again("the hub asks to come back later (HTTP 503)", timedelta(minutes=2))),
        (reply(500), Again("the hub failed (HTTP 500)")),
        (
            reply(404),
            Refused("the hub has nothing at this address (HTTP 404): check hub_url, then resume the target", "target"),
        ),
    ],
)
def test_a_hub_that_is_down_or_gone_is_not_asked_for_the_next_file(answer: Reply, outcome: Outcome) -> None:
    requests, came = told(reply(204), answer)
    assert (len(requests), came) == (2, outcome)


# ---------------------------------------------------------------- ping services


def pinged(error: object, message: str = "") -> Reply:
    return reply(200, dumps(({"flerror": error, "message": message},), methodresponse=True).encode())


THANKS = pinged(False, "Thanks for the ping.")
UNKNOWN = reply(200, dumps(Fault(-32601, "server error. requested method not found"), methodresponse=True).encode())


def test_an_extended_ping_names_site_and_feed_with_japanese_intact() -> None:
    requests, outcome = told(THANKS, network=SERVICE)

    assert outcome == Said()
    assert [(one.method, one.url, one.says) for one in requests] == [("POST", SERVICE.url.get_secret_value(), False)]
    assert requests[0].headers["content-type"] == "text/xml; charset=utf-8"
    assert requests[0].body.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert loads(requests[0].body) == (
        (NOTICE.title, "https://news.test/", "https://news.test/", FILES[0]),
        "weblogUpdates.extendedPing",
    )


@pytest.mark.parametrize("no", [UNKNOWN, pinged(True, "unknown method"), pinged(1)])
def test_a_service_without_the_extended_ping_gets_the_plain_one(no: Reply) -> None:
    requests, outcome = told(no, THANKS, network=SERVICE)
    assert outcome == Said()
    assert loads(requests[1].body) == ((NOTICE.title, "https://news.test/"), "weblogUpdates.ping")


def test_what_refuses_both_pings_says_why() -> None:
    why = "Site \x1b[31mnot\nregistered: see https://evil.test/?kanaria7f3b9c1d5e " + "長" * 500
    outcome = told(UNKNOWN, pinged(True, why.replace("\x1b", " ")), network=SERVICE)[1]

    assert isinstance(outcome, Refused)
    assert outcome.scope == "item"
    assert outcome.why.startswith("the ping service did not take this ping (Site [31mnot registered: see … 長長")
    assert outcome.why.endswith("…): see whether it knows your site")
    assert told(UNKNOWN, pinged(True), network=SERVICE)[1] == Refused(
        "the ping service did not take this ping (no reason given): see whether it knows your site"
    )


@pytest.mark.parametrize(
    "words",
    [
        "You are pinging too often.",
        "Pinged too fast",
        "送信間隔が短すぎます",
        "短時間に連続して送信されました",
        "try again later",
    ],
)
def test_a_service_that_is_told_too_often_is_left_in_peace_at_once(words: str) -> None:
    requests, outcome = told(pinged(True, words), network=SERVICE)
    assert len(requests) == 1
    assert outcome == Again(f"the ping service has had too many pings of this site ({words})", timedelta(minutes=30))


def members(**values: str) -> bytes:
    inner = "".join(f"<member><name>{name}</name><value>{value}</value></member>" for name, value in values.items())
    struct = f"<value><struct>{inner}</struct></value>"
    return f"<methodResponse><params><param>{struct}</param></params></methodResponse>".encode()


@pytest.mark.parametrize(
    "body",
    [
        members(flerror="<boolean>0</boolean>", message="<string>ありがとう</string>"),
        members(flError="<int>0</int>"),
        members(flerror="0", message="Thanks"),
        members(flerror="false"),
        b"\r\n <?xml version='1.0'?>\n" + members(flerror="<boolean>0</boolean>"),
        b"<?xml version='1.0' encoding='EUC-JP'?>" + members(flerror="0", message="完了").decode().encode("euc-jp"),
    ],
)
def test_a_yes_is_read_in_every_dialect(body: bytes) -> None:
    assert told(Reply(200, {}, body), network=SERVICE)[1] == Said()


@pytest.mark.parametrize(
    "body", [b"", b"Thanks for the ping.", b'{"flerror": false}', b"<ok/>", b"<methodResponse/>", THANKS.body[:-9]]
)
def test_who_answers_something_else_is_no_ping_service(body: bytes) -> None:
    outcome = told(Reply(200, {}, body), network=SERVICE)[1]
    assert outcome == Refused(
        "what answers at this address is no ping service: write another url or take this target out, "
        "then resume the target",
        "target",
    )


def test_no_entity_of_an_answer_is_expanded() -> None:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 50}">' for n in range(1, 8))
    small = '<!ENTITY e0 "xxx"><!ENTITY file SYSTEM "file:///etc/hostname">'
    answers = [
        Reply(200, {}, f"<!DOCTYPE r [{entities}]>".encode() + members(flerror="1", message=f"[{use}]"))
        for entities, use in ((small, "&e0;&file;"), (small + bomb, "&e7;"))
    ]

    quoted, refused = (SERVICE.read(answer, CONTEXT) for answer in answers)
    assert quoted == Refused("the ping service did not take this ping ([&e0;&file;]): see whether it knows your site")
    assert isinstance(refused, Refused)
    assert "xxx" not in refused.why


@settings(max_examples=200)
@given(
    st.binary(max_size=80)
    | st.builds(lambda a, b, c: a + b + c, st.binary(max_size=9), st.just(THANKS.body), st.binary(max_size=9))
)
def test_whatever_a_service_answers_comes_to_an_outcome(body: bytes) -> None:
    answer = Reply(200, {}, body)
    conversation = SERVICE.announce(NOTICE, CONTEXT)
    next(conversation)
    outcome: Outcome | None = None
    try:
        for _ in range(2):
            conversation.send(answer)
    except StopIteration as end:
        outcome = end.value
    assert isinstance(outcome, Said | Refused)


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_any_title_arrives_as_it_is_written(title: str) -> None:
    requests, _ = carried_out(SERVICE.announce(replace(NOTICE, title=title), CONTEXT), THANKS)
    assert loads(requests[0].body)[0][0] == title
