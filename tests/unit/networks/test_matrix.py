"""Matrix: what an event says, how large it may be, and which answers are final."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedpub.model import Action, Again, Doubt, Image, Notice, Outcome, Refused, Reply, Said
from feedpub.networks import Matrix
from tests.unit.networks.talk import CANARY, LINK, PICTURE, context, notice, reply, talk

ROOM, EVENT = "!news:example.org", "$3hKx0-pGkq_2"
TARGET = Matrix(name="m", server="https://matrix.example", token=CANARY, room=ROOM)
ALIASED = TARGET.model_copy(update={"room": "#news:example.org"})
YES = reply(200, {"event_id": EVENT})
BASE = "https://matrix.example/_matrix/client/v3/"
PIECES = ("<b>", "</a>", "<!--", "&amp;", "&#64;", "@room", '"', "'", " ", "\n", "あ", "<a href=https://evil.example>")
HEADLINES = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join)


def no(status: int, code: str, error: str = "no") -> Reply:
    return reply(status, {"errcode": code, "error": error})


def said(subject: Notice, target: Matrix = TARGET) -> Any:
    return talk(target.announce(subject, context()), YES).payload


# ---------------------------------------------------------------- words


class Reader(HTMLParser):
    """Reads HTML as clients do: the text, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.links, self.tags = "", list[str](), set[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.text += "\n" if tag == "br" else ""

    def handle_data(self, data: str) -> None:
        self.text += data


@given(HEADLINES, st.lists(st.sampled_from(["米軍", "F&35"]), max_size=2))
def test_the_html_reads_as_the_plain_text_does_and_links_our_link_alone(headline: str, tags: list[str]) -> None:
    content = said(notice(headline, tags=tuple(tags)))

    seen = Reader(content["formatted_body"])
    assert seen.text == content["body"]
    assert seen.links == [LINK]
    assert seen.tags <= {"a", "br"}


@given(HEADLINES)
def test_no_headline_calls_the_room_and_each_reads_as_it_was_written(headline: str) -> None:
    content = said(notice(headline))
    assert content["m.mentions"] == {}
    assert not re.search(r"@room\b", content["body"])
    assert content["body"].replace("\u2060", "") == notice(headline).text.replace("\u2060", "")


def test_a_link_stays_whole_whatever_it_holds() -> None:
    link = "https://example.jp/@room/?a=<&room=@room"
    link = link.replace("<", "%3C")
    content = said(notice("題", link=link))
    assert content["body"] == f"題\n{link}"
    assert Reader(content["formatted_body"]).links == [link]


def test_a_brief_without_a_link_is_plain_text() -> None:
    assert said(notice("短信 <b>&amp;</b>", link="")) == {
        "msgtype": "m.notice",
        "body": "短信 <b>&amp;</b>",
        "m.mentions": {},
    }


def test_msgtype_tells_whether_it_speaks_as_a_bot_or_as_a_person() -> None:
    assert said(notice(), TARGET.model_copy(update={"msgtype": "m.text"}))["msgtype"] == "m.text"


@given(HEADLINES | st.text(min_size=1).map(lambda text: text * 50))
def test_no_event_is_larger_than_it_was_measured(headline: str) -> None:
    subject = notice(headline, remote_id=f"{ROOM}/{EVENT}")
    standing = reply(200, {"content": {"msgtype": "m.notice", "body": "x"}})
    edit = talk(TARGET.correct(subject, context()), standing, YES).asked[-1]
    assert len(edit.body) <= TARGET.measure(subject.text).used


def test_a_text_that_fits_leaves_room_for_the_envelope_of_its_event() -> None:
    measure = TARGET.measure("")
    assert measure.limit <= 65_536 - 5_000
    assert measure.unit == "bytes"
    assert TARGET.measure("あ" * 9_000).fits
    assert not TARGET.measure("あ" * 11_000).fits


# ---------------------------------------------------------------- announcing


def test_the_notices_key_is_the_transaction_so_the_same_again_is_the_same_request() -> None:
    first, second = (talk(TARGET.announce(notice(), context()), YES).asked for _ in range(2))
    assert first == second
    assert first[0].method == "PUT"
    assert first[0].url == f"{BASE}rooms/%21news%3Aexample.org/send/m.room.message/msg_1"
    assert first[0].headers["authorization"] == f"Bearer {CANARY}"


def test_an_alias_is_asked_for_once_and_remembered_before_it_is_used() -> None:
    told = talk(ALIASED.announce(notice(), context()), reply(200, {"room_id": ROOM, "servers": []}), YES)
    assert [request.url for request in told.asked] == [
        f"{BASE}directory/room/%23news%3Aexample.org",
        f"{BASE}rooms/%21news%3Aexample.org/send/m.room.message/msg_1",
    ]
    assert told.outcome == Said(f"{ROOM}/{EVENT}", "https://matrix.to/#/%23news%3Aexample.org/%243hKx0-pGkq_2")

    later = talk(ALIASED.announce(notice(), context(told.remembered)), YES)
    assert len(later.asked) == 1
    assert later.remembered == {}


def test_a_room_that_is_closed_to_us_is_forgotten_as_its_alias_may_lead_elsewhere_by_now() -> None:
    first = talk(ALIASED.announce(notice(), context()), reply(200, {"room_id": ROOM}), YES)
    shut = talk(ALIASED.announce(notice(), context(first.remembered)), no(403, "M_FORBIDDEN", "not in room"))
    assert isinstance(shut.outcome, Refused)
    assert shut.outcome.scope == "target"
    assert "join the room" in shut.outcome.why

    anew = talk(
        ALIASED.announce(notice(), context(first.remembered | shut.remembered)), reply(200, {"room_id": "!new"}), YES
    )
    assert "rooms/%21new/send" in anew.asked[-1].url


@pytest.mark.parametrize(
    ("answer", "scope"),
    [
        (no(413, "M_TOO_LARGE"), "item"),
        (no(400, "M_BAD_JSON"), "item"),
        (no(401, "M_UNKNOWN_TOKEN"), "target"),
        (no(401, "M_MISSING_TOKEN"), "target"),
        (no(403, "M_FORBIDDEN"), "target"),
        (no(404, "M_UNRECOGNIZED"), "target"),
    ],
)
def test_a_refusal_is_final_for_the_item_or_for_the_target(answer: Reply, scope: str) -> None:
    outcome = talk(TARGET.announce(notice(), context()), answer).outcome
    assert isinstance(outcome, Refused)
    assert outcome.scope == scope


@pytest.mark.parametrize("event", [None, "", "3hKx0", "$a b", 7])
def test_a_yes_without_an_event_is_a_doubt(event: object) -> None:
    assert isinstance(talk(TARGET.announce(notice(), context()), reply(200, {"event_id": event})).outcome, Doubt)


# ---------------------------------------------------------------- pictures

ATTACHING = TARGET.model_copy(update={"image": "attach"})
PICTURED = notice(image=Image("https://example.jp/a.jpg"))
UPLOADED = reply(200, {"content_uri": "mxc://example.org/abc"})


def test_a_picture_is_uploaded_and_the_text_is_its_caption() -> None:
    told = talk(ATTACHING.announce(PICTURED, context()), UPLOADED, YES)

    upload, event = told.asked
    assert (upload.method, upload.url) == ("POST", "https://matrix.example/_matrix/media/v3/upload")
    assert (upload.headers["content-type"], upload.body, upload.says) == ("image/jpeg", PICTURE.content, False)
    content = json.loads(event.body)
    assert content["msgtype"] == "m.image"
    assert content["url"] == "mxc://example.org/abc"
    assert content["filename"] == "picture.jpeg"
    assert content["info"] == {"mimetype": "image/jpeg", "size": len(PICTURE.content), "w": 640, "h": 480}
    assert content["body"] == PICTURED.text


def test_a_crash_between_upload_and_post_goes_on_with_the_same_picture() -> None:
    told = talk(ATTACHING.announce(PICTURED, context()), UPLOADED, YES)
    again = talk(ATTACHING.announce(PICTURED, context(told.remembered)), YES)
    other = talk(ATTACHING.announce(replace(PICTURED, key="msg_2"), context(told.remembered)), UPLOADED, YES)

    assert again.asked == told.asked[1:]
    assert len(other.asked) == 2
    assert list(other.remembered) == list(told.remembered)  # one slot: nothing is left behind


def test_a_picture_that_cannot_be_had_leaves_the_words() -> None:
    told = talk(ATTACHING.announce(PICTURED, context()), YES, picture=None)
    assert told.payload["msgtype"] == "m.notice"


@pytest.mark.parametrize("answer", [no(413, "M_TOO_LARGE"), no(400, "M_BAD_JSON")])
def test_a_picture_that_the_server_does_not_take_holds_nothing_back(answer: Reply) -> None:
    told = talk(ATTACHING.announce(PICTURED, context()), answer, YES)
    assert told.payload["msgtype"] == "m.notice"
    assert isinstance(told.outcome, Said)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(no(401, "M_UNKNOWN_TOKEN"), Refused), (no(429, "M_LIMIT_EXCEEDED"), Again), (no(500, "M_UNKNOWN"), Again)],
)
def test_an_upload_that_fails_leaves_no_doubt(answer: Reply, outcome: type[Outcome]) -> None:
    assert isinstance(talk(ATTACHING.announce(PICTURED, context()), answer).outcome, outcome)


def test_an_edit_keeps_the_picture() -> None:
    standing = json.loads(talk(ATTACHING.announce(PICTURED, context()), UPLOADED, YES).asked[-1].body)
    subject = notice("訂正", remote_id=f"{ROOM}/{EVENT}")
    edit = talk(TARGET.correct(subject, context()), reply(200, {"content": standing}), YES).payload
    new = edit["m.new_content"]
    assert [new[key] for key in ("msgtype", "url", "info")] == [standing[key] for key in ("msgtype", "url", "info")]
    assert new["body"] == subject.text


# ---------------------------------------------------------------- what stands there

STANDING = notice("訂正した題", action=Action.CORRECT, remote_id=f"{ROOM}/{EVENT}")
SEEN = reply(200, {"content": {"msgtype": "m.notice", "body": "題"}})


def test_an_edit_replaces_the_words_and_says_so_to_old_clients_too() -> None:
    told = talk(TARGET.correct(STANDING, context()), SEEN, YES)
    assert told.payload["m.relates_to"] == {"rel_type": "m.replace", "event_id": EVENT}
    assert told.payload["m.new_content"]["body"] == STANDING.text
    assert told.payload["body"] == f"* {STANDING.text}"
    assert told.payload["m.mentions"] == {}
    assert told.outcome == Said(f"{ROOM}/{EVENT}")
    assert [request.says for request in told.asked] == [False, False]


def test_a_reply_names_what_it_answers() -> None:
    told = talk(TARGET.reply(STANDING, context()), SEEN, reply(200, {"event_id": "$another"}))
    assert told.payload["m.relates_to"] == {"m.in_reply_to": {"event_id": EVENT}}
    assert isinstance(told.outcome, Said)
    assert told.outcome.id == f"{ROOM}/$another"


@pytest.mark.parametrize("gone", [reply(200, {"content": {}}), no(404, "M_NOT_FOUND")])
def test_there_is_nothing_to_correct_or_answer_in_what_was_redacted(gone: Reply) -> None:
    for conversation in (TARGET.correct(STANDING, context()), TARGET.reply(STANDING, context())):
        outcome = talk(conversation, gone).outcome
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"


def test_each_event_of_a_subject_is_redacted_under_a_transaction_of_its_own() -> None:
    reply_below = replace(STANDING, remote_id=f"{ROOM}/$reply")
    told = [talk(TARGET.retract(one, context()), YES) for one in (STANDING, reply_below)]
    assert [one.asked[0].url.removeprefix(f"{BASE}rooms/%21news%3Aexample.org/") for one in told] == [
        "redact/%243hKx0-pGkq_2/msg_1.%243hKx0-pGkq_2",
        "redact/%24reply/msg_1.%24reply",
    ]
    assert told[0].outcome == Said(f"{ROOM}/{EVENT}")


def test_a_redaction_that_is_forbidden_is_no_success() -> None:
    outcome = talk(TARGET.retract(STANDING, context()), no(403, "M_FORBIDDEN")).outcome
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"


# ---------------------------------------------------------------- options


@pytest.mark.parametrize("room", ["news", "@bot:example.org", "#news", "https://matrix.to/#/#news:example.org", "! x"])
def test_a_room_is_an_id_or_an_alias(room: str) -> None:
    with pytest.raises(ValidationError):
        Matrix.model_validate({"kind": "matrix", "server": "https://m.example", "token": "t", "room": room})


@pytest.mark.parametrize(
    "room", ["!abc:example.org", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", "#海自:example.org"]
)
def test_rooms_of_every_version_are_taken(room: str) -> None:
    assert TARGET.model_copy(update={"room": room}) == Matrix(
        name="m", server="https://matrix.example/", token=CANARY, room=room
    )


def test_nothing_shows_the_token() -> None:
    told = talk(TARGET.announce(notice(), context()), no(400, "M_UNKNOWN", f"no {CANARY}"))
    assert CANARY not in repr((TARGET, told.asked, told.outcome))


def test_what_answers_but_is_no_homeserver_is_told() -> None:
    for conversation in (TARGET.verify(context()), ALIASED.announce(notice(), context())):
        outcome = talk(conversation, reply(200, {"hello": 1})).outcome
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"
        assert "check server" in outcome.why
