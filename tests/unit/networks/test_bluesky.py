"""Bluesky: how long a text is there, where a record lies, and what is written into it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.model import (
    Action,
    Again,
    Context,
    Doubt,
    Notice,
    Refused,
    Reply,
    Said,
    Span,
)
from feedpub.networks import Bluesky
from feedpub.networks.bluesky import rkey
from tests.edge.fake_pds import DID, HANDLE, POSTS, TID, check_post
from tests.unit.networks.talk import carried_out, reply

NOW = datetime(2026, 4, 28, 3, 0, 0, 500_000, tzinfo=UTC)
NOTICE = Notice("news", Action.ANNOUNCE, "1", "g", 1, "msg_1", NOW, "海自の新型艦", language="ja")
CANARY = "kanaria7f3b9c1d5e"
OPTIONS = {"name": "news", "kind": "bluesky", "identifier": HANDLE, "app_password": CANARY}


def target(**options: Any) -> Bluesky:
    return Bluesky.model_validate({**OPTIONS, **options})


SESSION = reply(200, {"did": DID, "handle": HANDLE, "accessJwt": "eyJ.access", "refreshJwt": "eyJ.refresh"})
KNOWN = carried_out(target().verify(Context(NOW)), SESSION, reply(200, {"handle": HANDLE}))[1]
CONTEXT = Context(NOW, KNOWN)


def record_of(notice: Notice, **options: Any) -> dict[str, Any]:
    asked = carried_out(target(**options).announce(notice, CONTEXT), reply(503, {}))[0]
    record = json.loads(asked[0].body)["record"]
    assert isinstance(record, dict)
    return record


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options",
    [
        {"server": "bsky.social"},
        {"server": "https://bsky.social/xrpc"},
        {"server": f"https://me:{CANARY}@bsky.social"},
        {"identifier": "news"},
        {"identifier": ""},
        {"languages": ["ja", "en", "de", "fr"]},
        {"languages": ["日本語"]},
        {"languages": ["ja_JP"]},
        {"image": "video"},
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        target(**options)
    assert CANARY not in str(caught.value)


def test_a_handle_may_be_written_with_its_at_sign() -> None:
    assert target(identifier=f"@{HANDLE}").identifier == HANDLE
    assert target(identifier=DID).identifier == DID


# ---------------------------------------------------------------- length


@pytest.mark.parametrize(
    ("text", "used", "limit", "unit"),
    [
        ("", 0, 300, "characters"),
        ("a" * 300, 300, 300, "characters"),
        ("あ" * 300, 300, 300, "characters"),
        ("葛󠄀か゛🇯🇵", 4, 300, "characters"),
        ("👨‍👩‍👧‍👦" * 120, 3000, 3000, "bytes"),
        ("👨‍👩‍👧‍👦" * 121, 3025, 3000, "bytes"),
        ("https://example.jp/" + "a" * 300, 319, 300, "characters"),
    ],
)
def test_whichever_limit_is_nearer_is_told(text: str, used: int, limit: int, unit: str) -> None:
    measure = target().measure(text)
    assert (measure.used, measure.limit, measure.unit) == (used, limit, unit)


@settings(max_examples=200)
@given(st.text(st.sampled_from("aあ漢👨\u200d👩🇯🇵\u0301é"), max_size=400).map(lambda text: text * 8))
def test_what_fits_is_within_both_limits_and_nothing_else_fits(text: str) -> None:
    within = len(regex.findall(r"\X", text)) <= 300 and len(text.encode()) <= 3000
    assert target().measure(text).fits == within


# ---------------------------------------------------------------- where a record lies

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - in UTC at once


@settings(max_examples=300)
@given(MOMENTS, st.text(min_size=1))
def test_every_key_is_a_tid_of_its_second(at: datetime, key: str) -> None:
    made = rkey(replace(NOTICE, at=at, key=key))
    assert TID.fullmatch(made)
    assert made == rkey(replace(NOTICE, at=at, key=key, text="edited", revision=9))
    number = 0
    for letter in made:
        number = number * 32 + "234567abcdefghijklmnopqrstuvwxyz".index(letter)
    told = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=number >> 10)
    assert abs(told - at) < timedelta(seconds=1.1)


def test_notices_of_one_moment_and_of_a_clock_that_jumps_lie_apart() -> None:
    moments = [NOW, NOW, NOW - timedelta(hours=1), NOW + timedelta(days=1), NOW]
    keys = {rkey(replace(NOTICE, at=at, key=f"msg_{number}")) for at in moments for number in range(2000)}
    assert len(keys) == 3 * 2000
    assert rkey(NOTICE) < rkey(replace(NOTICE, at=NOW + timedelta(seconds=3)))


# ---------------------------------------------------------------- what is written

ATOMS = st.sampled_from(["海自", "👨‍👩‍👧‍👦", "F-35B ", "\n", "葛\U000e0100", "「", "a"])
MARKED = st.sampled_from(
    [
        ("https://example.jp/%E8%A8%98", "link", "https://example.jp/%E8%A8%98"),
        ("#米軍", "tag", "米軍"),
        ("#F35", "tag", "F35"),
    ]
)


@settings(max_examples=200)
@given(st.lists(ATOMS | MARKED, max_size=12))
def test_facets_mark_exactly_what_was_meant(atoms: list[Any]) -> None:
    text, spans = "", []
    for atom in atoms:
        if isinstance(atom, str):
            text += atom
        else:
            shown, kind, value = atom
            spans.append(Span(len(text), len(text) + len(shown), kind, value))
            text += shown
    record = record_of(replace(NOTICE, text=text or "a", spans=tuple(spans)))

    check_post(record)
    facets = record.get("facets", [])
    assert [next(iter(set(one["features"][0].values()) - {one["features"][0]["$type"]})) for one in facets] == [
        span.value for span in spans
    ]
    said = text.encode()
    assert [said[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode() for one in facets] == [
        text[span.start : span.end] for span in spans
    ]


def test_nothing_is_a_link_or_a_mention_that_was_not_meant_as_one() -> None:
    record = record_of(replace(NOTICE, text="@everyone @who.bsky.social #tag $TSLA example.jp https://a.jp/ &amp; <b>"))
    assert "facets" not in record
    assert record["text"] == "@everyone @who.bsky.social #tag $TSLA example.jp https://a.jp/ &amp; <b>"


def test_a_tag_that_the_server_would_not_take_stays_plain_words() -> None:
    long = "長" * 65
    record = record_of(replace(NOTICE, text=f"#{long}", spans=(Span(0, 66, "tag", long),)))
    assert "facets" not in record


@pytest.mark.parametrize(
    ("languages", "article", "said"),
    [((), "ja", ["ja"]), (("ja", "en-GB"), "de", ["ja", "en-GB"]), ((), "", None), ((), "nonsense language", None)],
)
def test_a_post_says_its_language(languages: tuple[str, ...], article: str, said: list[str] | None) -> None:
    assert record_of(replace(NOTICE, language=article), languages=languages).get("langs") == said


def test_a_card_is_short_and_never_without_a_title() -> None:
    long = replace(NOTICE, link="https://example.jp/", title="題" * 400, summary="👨‍👩‍👧‍👦" * 9000)
    card = record_of(long)["embed"]["external"]
    assert card["title"] == "題" * 299 + "…"
    assert len(regex.findall(r"\X", card["description"])) == 300
    assert record_of(replace(long, title="", summary=""))["embed"]["external"] == {
        "uri": "https://example.jp/",
        "title": "example.jp",
        "description": "",
    }


def test_the_first_write_may_replace_nothing() -> None:
    asked = carried_out(target().announce(NOTICE, CONTEXT), reply(503, {}))[0]
    body = json.loads(asked[0].body)
    assert body["swapRecord"] is None
    assert (body["repo"], body["collection"], body["rkey"]) == (DID, POSTS, rkey(NOTICE))
    assert asked[0].says
    assert asked[0].headers["authorization"] == "Bearer eyJ.access"


# ---------------------------------------------------------------- what answers mean


@pytest.mark.parametrize(
    ("status", "error", "message", "scope"),
    [
        (400, "InvalidRequest", "Record/text must not be longer than 300 graphemes", "item"),
        (400, "InvalidMimeType", "blob", "item"),
        (400, "BlobTooLarge", "This file is too large", "item"),
        (400, "AccountTakedown", "Account has been taken down", "target"),
        (401, "AuthenticationRequired", "Invalid identifier or password", "target"),
        (403, "Forbidden", "no", "target"),
    ],
)
def test_a_refusal_says_why_in_the_servers_words(status: int, error: str, message: str, scope: str) -> None:
    answer = reply(status, {"error": error, "message": message})
    outcome = carried_out(target().announce(NOTICE, CONTEXT), answer)[2]
    assert isinstance(outcome, Refused)
    assert outcome.scope == scope
    assert message in outcome.why


def test_a_limit_is_waited_out_until_the_moment_that_the_server_names() -> None:
    limited = Reply(429, {"ratelimit-reset": str(int(NOW.timestamp()) + 90)}, b"{}")
    outcome = carried_out(target().announce(NOTICE, CONTEXT), limited)[2]
    assert isinstance(outcome, Again)
    assert outcome.wait == timedelta(seconds=89.5)


RUN_OUT = reply(400, {"error": "ExpiredToken", "message": "Token has expired"})
RENEWED = reply(200, {"did": DID, "handle": HANDLE, "accessJwt": "eyJ.second", "refreshJwt": "eyJ.other"})


def test_a_new_token_that_is_refused_too_is_not_renewed_again() -> None:
    asked, _, outcome = carried_out(target().announce(NOTICE, CONTEXT), RUN_OUT, RENEWED, RUN_OUT)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert [request.headers["authorization"] for request in asked] == [
        "Bearer eyJ.access",
        "Bearer eyJ.refresh",
        "Bearer eyJ.second",
    ]
    assert asked[0].body == asked[2].body
    assert asked[1].body == b""


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_renewal_that_fails_is_no_reason_to_log_in(status: int) -> None:
    asked, memory, outcome = carried_out(target().announce(NOTICE, CONTEXT), RUN_OUT, reply(status, {}))
    assert isinstance(outcome, Again)
    assert len(asked) == 2
    assert memory == {}


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, {}),
        reply(200, {"did": "x", "handle": HANDLE, "accessJwt": "a", "refreshJwt": "b"}),
        reply(200, {"did": DID, "handle": HANDLE, "accessJwt": "a\nb", "refreshJwt": "b"}),
        Reply(200, {}, b"<!DOCTYPE html>"),
        reply(500, {}),
    ],
)
def test_a_login_without_a_session_is_none(answer: Reply) -> None:
    asked, memory, outcome = carried_out(target().announce(NOTICE, Context(NOW)), answer)
    assert isinstance(outcome, Again | Refused)
    assert memory == {"logins": "2026-04-28 1"}
    assert json.loads(asked[0].body) == {"identifier": HANDLE, "password": CANARY}


@pytest.mark.parametrize("remembered", ["", "{", "[]", '"x"', '{"owner": 1}'])
def test_a_memory_that_cannot_be_read_is_none(remembered: str) -> None:
    asked = carried_out(target().announce(NOTICE, Context(NOW, {"session": remembered})), reply(503, {}))[0]
    assert asked[0].url.endswith("createSession")


def test_a_handle_that_is_none_is_not_part_of_an_address() -> None:
    session = reply(200, {"did": DID, "handle": "handle.invalid", "accessJwt": "a", "refreshJwt": "b"})
    stored = reply(200, {"uri": f"at://{DID}/{POSTS}/{rkey(NOTICE)}", "cid": "bafyrei"})
    outcome = carried_out(target().announce(NOTICE, Context(NOW)), session, stored)[2]
    assert isinstance(outcome, Said)
    assert outcome.url == f"https://bsky.app/profile/{DID}/post/{rkey(NOTICE)}"


def test_a_success_at_another_place_leaves_a_doubt() -> None:
    stored = reply(200, {"uri": f"at://{DID}/{POSTS}/3kabcdefghijk", "cid": "bafyrei"})
    assert isinstance(carried_out(target().announce(NOTICE, CONTEXT), stored)[2], Doubt)


def test_no_secret_is_shown() -> None:
    network = target()
    assert CANARY not in f"{network!r} {network} {network.model_dump()}"
    for status in (400, 401, 403, 500):
        answer = reply(
            status, {"error": f"no {CANARY}", "message": f"no {CANARY} nor eyJ.{CANARY}.long-token-of-a-session"}
        )
        for conversation in (network.announce(NOTICE, CONTEXT), network.announce(NOTICE, Context(NOW))):
            assert not re.search(CANARY, repr(carried_out(conversation, answer)[2]))
