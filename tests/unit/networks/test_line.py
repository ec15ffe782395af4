"""LINE: whom it tells, its retry key, how it counts, and what its limits mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from feedpub.model import Again, Doubt, Image, Outcome, Refused, Reply, Said
from feedpub.networks import AnyNetwork, Line
from feedpub.networks.line import retry_key
from tests.unit.networks.talk import CANARY, NOW, context, notice, reply, talk

TARGET = Line(name="l", token=CANARY)
USER, OTHER, GROUP = "U" + "0" * 32, "U" + "1" * 32, "C" + "a" * 32
REQUEST = "5d0e0a7f-9f0e-4b43-a4b1-e6a3a7d4f7c2"
YES = reply(200, {}, x_line_request_id=REQUEST)
USED_UP = reply(429, {"message": "You have reached your monthly limit."})


def to(*ids: str) -> Line:
    return Line(name="l", token=CANARY, to=ids)


# ---------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    ("target", "path", "whom"),
    [
        (TARGET, "broadcast", None),
        (to(USER), "push", USER),
        (to(GROUP), "push", GROUP),
        (to(USER, OTHER), "multicast", [USER, OTHER]),
    ],
)
def test_a_notice_goes_to_all_friends_or_to_those_named(target: Line, path: str, whom: Any) -> None:
    told = talk(target.announce(notice("海自の<b>新型</b> @all"), context()), YES)

    (request,) = told.asked
    assert request.url == f"https://api.line.me/v2/bot/message/{path}"
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert told.payload.get("to") == whom
    (message,) = told.payload["messages"]
    assert message == {"type": "text", "text": notice("海自の<b>新型</b> @all").text}
    assert told.outcome == Said(REQUEST)


@given(st.text(), st.text())
def test_the_retry_key_is_a_uuid_and_its_notices_own(key: str, other: str) -> None:
    uuid = UUID(retry_key(key))
    assert str(uuid) == retry_key(key)
    assert (uuid.version, uuid.variant) == (4, "specified in RFC 4122")
    assert (retry_key(other) == retry_key(key)) == (other == key)


def test_every_try_has_the_same_retry_key() -> None:
    first, second = (talk(TARGET.announce(notice(), context()), YES).asked[0] for _ in range(2))
    other = talk(TARGET.announce(notice(key="msg_2"), context()), YES).asked[0]
    assert first.headers["x-line-retry-key"] == second.headers["x-line-retry-key"] == retry_key("msg_1")
    assert other.headers["x-line-retry-key"] != first.headers["x-line-retry-key"]


@pytest.mark.parametrize(
    ("text", "used"), [("あ" * 5000, 5000), ("😀" * 2500, 5000), ("葛󠄀", 3), ("か\u3099", 2), ("", 0)]
)
def test_length_is_counted_in_utf_16_units(text: str, used: int) -> None:
    measure = TARGET.measure(text)
    assert (measure.used, measure.limit, measure.fits) == (used, 5000, True)
    assert not TARGET.measure(text + "😀" * 2500 + "a").fits


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.jp/a.jpg", True),
        ("https://example.jp/a.PNG", True),
        ("http://example.jp/a.jpg", False),
        ("https://example.jp/a.webp", False),
        ("https://example.jp/a.svg", False),
        ("https://example.jp/image?id=1", False),
        (f"https://example.jp/{'a' * 2000}.jpg", False),
    ],
)
def test_a_picture_is_shown_where_line_can_fetch_it_itself(url: str, shown: bool) -> None:
    attaching = TARGET.model_copy(update={"image": "attach"})
    messages = talk(attaching.announce(notice(image=Image(url)), context()), YES).payload["messages"]
    picture = {"type": "image", "originalContentUrl": url, "previewImageUrl": url}
    assert messages[1:] == ([picture] if shown else [])


def test_a_picture_is_attached_only_where_that_is_wanted() -> None:
    subject = notice(image=Image("https://example.jp/a.jpg"))
    assert len(talk(TARGET.announce(subject, context()), YES).payload["messages"]) == 1


# ---------------------------------------------------------------- answers


def test_a_key_that_was_taken_before_means_that_it_was_said() -> None:
    taken = reply(409, {"message": "The retry key is already accepted"}, x_line_accepted_request_id=REQUEST)
    assert talk(TARGET.announce(notice(), context()), taken).outcome == Said(REQUEST)


@pytest.mark.parametrize(
    ("answer", "outcome", "scope"),
    [
        (reply(409, {"message": "Conflict"}), Refused, "item"),
        (reply(400, {"message": "The request body has 1 error(s)"}), Refused, "item"),
        (reply(400, {"message": "The property, 'to', in the request body is invalid"}), Refused, "target"),
        (reply(400, {"message": "1 error(s)", "details": [{"property": "to[1]", "message": "no"}]}), Refused, "target"),
        (reply(400, {"message": "1 error(s)", "details": [{"property": "topic"}, "x", 1]}), Refused, "item"),
        (reply(401, {"message": "Authentication failed"}), Refused, "target"),
        (reply(403, {"message": "Access to this API is not available for your account"}), Refused, "target"),
        (reply(500, {}), Doubt, ""),
        (reply(504, b""), Doubt, ""),
        (reply(200, b"ok"), Doubt, ""),
    ],
    ids=lambda value: value.body.decode()[:60] if isinstance(value, Reply) else "",
)
def test_an_answer_to_a_message(answer: Reply, outcome: type[Outcome], scope: str) -> None:
    told = talk(to(USER, OTHER).announce(notice(), context()), answer)
    assert isinstance(told.outcome, outcome)
    assert not isinstance(told.outcome, Refused) or told.outcome.scope == scope


def test_a_haste_is_waited_out_though_line_does_not_say_how_long() -> None:
    hasty = reply(429, {"message": "The API rate limit has been exceeded. Try again later."})
    assert talk(TARGET.announce(notice(), context()), hasty).outcome == Again(
        "LINE asks to come back later (HTTP 429)", timedelta(minutes=1)
    )


@pytest.mark.parametrize(
    ("now", "until", "wait"),
    [
        (datetime(2026, 4, 30, 14, 0, tzinfo=UTC), "2026-05-01", timedelta(hours=1)),
        (datetime(2026, 4, 30, 15, 0, tzinfo=UTC), "2026-06-01", timedelta(hours=24)),
        (datetime(2026, 12, 31, 14, 59, tzinfo=UTC), "2027-01-01", timedelta(minutes=1)),
        (NOW, "2026-05-01", timedelta(hours=24)),
    ],
)
def test_a_months_messages_that_are_used_up_are_told_and_waited_for(now: datetime, until: str, wait: timedelta) -> None:
    told = talk(
        TARGET.announce(notice(), context(now=now)),
        USED_UP,
        reply(200, {"type": "limited", "value": 200}),
        reply(200, {"totalUsage": 200}),
    )

    assert [request.url.rpartition("/v2/bot/")[2] for request in told.asked] == [
        "message/broadcast",
        "message/quota",
        "message/quota/consumption",
    ]
    assert [request.says for request in told.asked] == [True, False, False]
    assert isinstance(told.outcome, Again)
    assert told.outcome.wait == wait
    assert "200 of 200" in told.outcome.why
    assert until in told.outcome.why


def test_messages_that_are_only_kept_back_are_tried_again_soon() -> None:
    told = talk(
        TARGET.announce(notice(), context()),
        USED_UP,
        reply(200, {"type": "limited", "value": 5000}),
        reply(200, {"totalUsage": 4200}),
    )
    assert isinstance(told.outcome, Again)
    assert told.outcome.wait == timedelta(hours=1)
    assert "4200 of 5000" in told.outcome.why


@pytest.mark.parametrize("broken", [reply(500, {}), reply(200, {"type": "none"}), reply(200, b"<html>")])
def test_a_quota_that_cannot_be_read_is_tried_again_soon(broken: Reply) -> None:
    told = talk(TARGET.announce(notice(), context()), USED_UP, broken, broken)
    assert told.outcome == Again("LINE says that this month's messages are used up (HTTP 429)", timedelta(hours=1))


# ---------------------------------------------------------------- options


def test_what_was_said_on_line_stays_there() -> None:
    assert TARGET.can == frozenset()
    for way in ("edit", "reply", "repost"):
        with pytest.raises(ValidationError, match="ignore"):
            TypeAdapter[AnyNetwork](AnyNetwork).validate_python({"kind": "line", "token": "t", "correct": way})


@pytest.mark.parametrize(("said", "kept"), [(USER, (USER,)), ([USER, OTHER], (USER, OTHER)), ("", ()), ([], ())])
def test_one_id_needs_no_brackets(said: object, kept: tuple[str, ...]) -> None:
    assert Line.model_validate({"kind": "line", "token": "t", "to": said}).to == kept


@pytest.mark.parametrize("ids", ["me", ["me"], [USER, GROUP], [GROUP, GROUP], [USER] * 501, ["U" + "0" * 31]])
def test_ids_that_line_would_not_know_are_refused(ids: list[str]) -> None:
    with pytest.raises(ValidationError):
        Line.model_validate({"kind": "line", "token": "t", "to": ids})


def test_nothing_shows_the_token() -> None:
    told = talk(TARGET.announce(notice(), context()), reply(400, {"message": f"no {CANARY}"}))
    assert CANARY not in repr((TARGET, told.asked, told.outcome))


def test_what_answers_but_is_not_line_is_told() -> None:
    outcome = talk(TARGET.verify(context()), reply(200, {"displayName": 1})).outcome
    assert isinstance(outcome, Refused)
    assert "api_url" in outcome.why
