"""Misskey: words in which no markup acts, and what is said to a server that drops no repeats."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import Absent, Action, Again, Doubt, Notice, Outcome, Refused, Reply, Said, Span
from feedpub.networks import Misskey
from feedpub.networks.mfm import still
from tests.unit.networks.fediverse import IMAGE, LINK, NOTICE, NOW, PHOTO, Talk, context, noticed, reply, talk

SERVER = "https://misskey.example"
YES = reply(200, {"createdNote": {"id": "9abc", "text": "…"}})
J = "\u2060"


def misskey(memory: dict[str, str] | None = None, **options: Any) -> Misskey:
    made = Misskey(name="m", server=f"{SERVER}/", token="t0ken", **options)
    return made if memory is None else made.knowing(memory)


def error(status: int, code: str, **info: object) -> Reply:
    return reply(status, {"error": {"message": "No.", "code": code, "id": "…", "info": info}})


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("海自の新型艦が就役", "海自の新型艦が就役"),
        ("@admin と @who@host.jp へ", f"@{J}admin と @{J}who@{J}host.jp へ"),
        ("a@ b", "a@ b"),
        ("速報 #1機", "速報 <plain>#</plain>1機"),
        ("C# と # だけ", "C# と # だけ"),
        ("**太字** *a* _b_", f"*{J}*{J}太字*{J}*{J} *{J}a*{J} _{J}b_{J}"),
        ("~~消~~ 〜 ~", f"~{J}~消~{J}~ 〜 ~"),
        ("`a` ```", "<plain>`</plain>a<plain>`</plain> <plain>```</plain>"),
        ("$[x2 大] $1", f"${J}[x2 大] $1"),
        ("<small>小</small> <plain>", f"<{J}small>小<{J}/small> <{J}plain>"),
        (r"\(x\)", rf"\{J}(x\{J})"),
        (":blobcat: 12:30:45 時刻:午後", f":{J}blobcat: 12:{J}30:45 時刻:午後"),
        ("> 引用\n>引用", f"{J}> 引用\n{J}>引用"),
        ("海自 検索\n海自 [search]", f"海自 {J}検索\n海自 {J}[search]"),
        ("[ここ](https://a.jp/)", f"[ここ]{J}({J}https://a.jp/)"),
        ("海自 https://a.jp/記事", "海自 https://a.jp/記事"),
        ("見よ:https://a.jp/x#y", f"見よ:{J}https://a.jp/x#y"),
        ("https://a.jp/a*b;c", "<https://a.jp/a*b;c>"),
        ("https://a.jp/a! と", "<https://a.jp/a>! と"),
    ],
)
def test_nothing_in_a_headline_acts_as_markup(text: str, sent: str) -> None:
    assert still(text) == sent


@given(st.text(st.sampled_from("あa1 @#*_~`<>$[]()\\:>検索\n!/."), max_size=60))
def test_a_headline_reads_as_it_was_written_and_calls_nobody(text: str) -> None:
    sent = still(text)
    read = re.sub(r"<plain>(#|`+)</plain>", r"\1", sent).replace(J, "")
    assert read == text
    acting = re.sub(r"<plain>(?:#|`+)</plain>", "・", sent)
    assert not re.search(r"@[\w-]|`|\$\[|<(?!https?:)[a-z/]|\]\(|:[\w+-]+:", acting, re.ASCII)
    assert not re.search(r"(?<![a-zA-Z0-9])#\S", acting)


def test_hashtags_of_ours_stay_hashtags_and_links_stay_whole() -> None:
    text = "速報 #1機 #海上自衛隊 https://a.jp/(1)."
    spans = (Span(7, 13, "tag", "海上自衛隊"), Span(14, len(text), "link", "https://a.jp/(1)."))
    assert text[7:13] == "#海上自衛隊"
    assert still(text, spans) == "速報 <plain>#</plain>1機 #海上自衛隊 <https://a.jp/(1).>"
    said = talk(misskey().announce(noticed(text, spans=spans), context()), YES)
    assert said.body()["text"] == still(text, spans)


def test_length_is_counted_in_code_points_as_sent() -> None:
    assert misskey().measure("😀" * 3000).fits
    assert not misskey().measure("😀" * 3001).fits
    assert misskey().measure("#1機").used == 18


# ---------------------------------------------------------------- what the server tells


def test_the_limit_is_read_from_the_server_once_a_day() -> None:
    asked = talk(misskey().learn(context()), reply(200, {"maxNoteTextLength": 8192, "version": "2025.1.0"}))
    assert (asked.outcome, asked.paths) == (Said(), ["POST /api/meta"])
    assert not asked.asked[0].says
    assert misskey(asked.memory).measure("あ").limit == 8192
    assert misskey(asked.memory, limit=140).measure("あ").limit == 140
    assert misskey().learn(context(asked.memory, now=NOW + timedelta(hours=23))) is None
    assert misskey().learn(context(asked.memory, now=NOW + timedelta(days=1))) is not None


@pytest.mark.parametrize(
    "odd", [reply(500), reply(200, b"<html>"), reply(200, {"maxNoteTextLength": "many"}), reply(404)]
)
def test_a_server_that_tells_nothing_is_asked_again_in_an_hour(odd: Reply) -> None:
    asked = talk(misskey().learn(context()), odd)
    assert isinstance(asked.outcome, Again)
    assert misskey(asked.memory).measure("あ").limit == 3000
    assert misskey().learn(context(asked.memory, now=NOW + timedelta(minutes=59))) is None
    assert misskey().learn(context(asked.memory, now=NOW + timedelta(hours=1))) is not None


# ---------------------------------------------------------------- saying


def test_a_note_carries_its_visibility_and_the_token_in_the_header() -> None:
    said = talk(misskey(visibility="home", local_only=True).announce(NOTICE, context()), YES)
    assert said.outcome == Said("9abc", f"{SERVER}/notes/9abc")
    assert said.paths == ["POST /api/notes/create"]
    assert said.asked[0].headers["authorization"] == "Bearer t0ken"
    assert said.asked[0].says
    assert said.body() == {"text": NOTICE.text, "visibility": "home", "localOnly": True}


CHANGE = "change its template or the article"
CHECK = "check server and token, then resume the target"
PUZZLING = Doubt("Misskey said yes, but not as documented; nobody knows whether it was posted")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            error(400, "INVALID_PARAM", param="#/properties/text", reason="must NOT have more than 3000 characters"),
            Refused(f"Misskey did not take this notice (HTTP 400: must NOT have more than 3000 characters): {CHANGE}"),
        ),
        (
            error(400, "CONTAINS_PROHIBITED_WORDS"),
            Refused(f"Misskey did not take this notice (HTTP 400: No.): {CHANGE}"),
        ),
        (
            error(400, "PERMISSION_DENIED"),
            Refused(f"Misskey does not let us in (PERMISSION_DENIED): {CHECK}", "target"),
        ),
        (
            error(401, "AUTHENTICATION_FAILED"),
            Refused(f"Misskey does not let us in (HTTP 401: No.): {CHECK}", "target"),
        ),
        (
            error(403, "YOUR_ACCOUNT_SUSPENDED"),
            Refused(f"Misskey does not let us in (HTTP 403: No.): {CHECK}", "target"),
        ),
        (reply(200, {"createdNote": {}}), PUZZLING),
        (reply(204), PUZZLING),
    ],
)
def test_every_answer_means_what_misskey_means_by_it(answer: Reply, outcome: Outcome) -> None:
    assert talk(misskey().announce(NOTICE, context()), answer).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (reply(429, {"error": {"code": "RATE_LIMIT_EXCEEDED", "info": {"resetMs": 1}}}, retry_after="3597"), 3597),
        (error(429, "RATE_LIMIT_EXCEEDED", resetMs=int(NOW.timestamp() * 1000) + 90_000), 90),
        (error(429, "RATE_LIMIT_EXCEEDED", resetMs=90_000), 90),
        (error(429, "RATE_LIMIT_EXCEEDED", resetMs=10**14), 86_400),
        (error(429, "RATE_LIMIT_EXCEEDED", resetMs=-5), None),
        (reply(429, b'{"error": {"info": {"resetMs": NaN}}}'), None),
        (error(429, "RATE_LIMIT_EXCEEDED", resetMs="soon"), None),
    ],
)
def test_too_many_notes_are_waited_out_as_long_as_misskey_asks(answer: Reply, wait: float | None) -> None:
    outcome = talk(misskey().announce(NOTICE, context()), answer).outcome
    assert isinstance(outcome, Again)
    assert outcome.wait == (None if wait is None else timedelta(seconds=wait))


def test_a_reply_stands_below_the_note() -> None:
    below = noticed(action=Action.REPLY, remote_id="9abc", key="msg_2")
    said = talk(misskey().reply(below, context()), YES)
    assert said.body()["replyId"] == "9abc"
    gone = talk(misskey().reply(below, context()), error(400, "NO_SUCH_REPLY_TARGET"))
    assert gone.outcome == Refused("the note was deleted on Misskey: there is nothing left to reply to")
    assert isinstance(talk(misskey().reply(noticed(remote_id="a/b"), context())).outcome, Refused)


def test_what_is_gone_already_is_taken_back() -> None:
    taken_back = noticed(action=Action.RETRACT, remote_id="9abc")
    for gone in (reply(204), error(400, "NO_SUCH_NOTE")):
        said = talk(misskey().retract(taken_back, context()), gone)
        assert said.outcome == Said("9abc")
        assert said.body() == {"noteId": "9abc"}
        assert not said.asked[0].says
    denied = talk(misskey().retract(taken_back, context()), error(400, "ACCESS_DENIED")).outcome
    assert isinstance(denied, Refused)
    assert denied.scope == "target"
    assert isinstance(talk(misskey().retract(taken_back, context()), reply(200, b"<html>")).outcome, Refused)
    assert isinstance(talk(misskey().retract(noticed(), context())).outcome, Refused)


def test_credentials_are_tried_without_posting() -> None:
    said = talk(misskey().verify(context()), reply(200, {"id": "7", "username": "news"}))
    assert (said.outcome, said.paths) == (Said("@news@misskey.example"), ["POST /api/i"])
    assert isinstance(talk(misskey().verify(context()), error(401, "AUTHENTICATION_FAILED")).outcome, Refused)
    assert isinstance(talk(misskey().verify(context()), reply(200, {})).outcome, Again)


# ---------------------------------------------------------------- pictures


def attaching(*answers: Any, memory: dict[str, str] | None = None) -> Talk:
    conversation = misskey(image="attach").announce(noticed(image=IMAGE), context(memory or {}))
    return talk(conversation, *answers, memory=memory or {})


def test_a_picture_goes_into_the_drive_with_its_description_and_onto_the_note() -> None:
    said = attaching(PHOTO, reply(200, {"id": "f5"}), YES)
    assert said.paths == ["POST /api/drive/files/create", "POST /api/notes/create"]
    assert "岸壁の護衛艦「もがみ」 (海上自衛隊, CC BY 4.0)".encode() in said.asked[0].body
    assert said.body()["fileIds"] == ["f5"]
    assert said.memory == {}


def test_a_crash_between_upload_and_note_goes_on_from_the_uploaded_picture() -> None:
    crashed = attaching(PHOTO, reply(200, {"id": "f5"}))
    resumed = attaching(reply(200, {"id": "f5"}), YES, memory=crashed.memory)
    assert resumed.paths == ["POST /api/drive/files/show", "POST /api/notes/create"]
    assert resumed.body()["fileIds"] == ["f5"]


def test_a_full_drive_does_not_keep_the_note_from_being_said() -> None:
    said = attaching(PHOTO, error(400, "NO_FREE_SPACE"), YES)
    assert said.outcome == Said("9abc", f"{SERVER}/notes/9abc")
    assert "fileIds" not in said.body()


# ---------------------------------------------------------------- looking for it


def note(id_: str, text: str | None, *, minutes: float = 1, below: str | None = None) -> dict[str, object]:
    return {"id": id_, "text": text, "createdAt": (NOW + timedelta(minutes=minutes)).isoformat(), "replyId": below}


def found(*page: object, notice: Notice = NOTICE, **options: Any) -> Outcome | None:
    older = note("9000", "older", minutes=-60)
    conversation = misskey(**options).find(notice, context())
    said = talk(conversation, reply(200, {"id": "7"}), reply(200, [*page, older]))
    assert said.paths == ["POST /api/i", "POST /api/users/notes"]
    assert not any(request.says for request in said.asked)
    assert said.body()["withReplies"] is (notice.action is Action.REPLY)
    return said.outcome


def test_a_note_is_found_by_its_link_whatever_was_hung_on_it() -> None:
    there = Said("9abc", f"{SERVER}/notes/9abc")
    assert (
        found(note("9abd", None), "?", note("9abc", f"海自\n{LINK}&utm_source=m&from=m"), link_params={"from": "m"})
        == there
    )
    assert found(note("9abc", f"海自 <{LINK}>")) == there
    assert isinstance(found(note("9abd", None), "?"), Again)
    assert found(note("9abc", f"海自\n{LINK}&c=3")) == Absent()
    assert found(note("9abc", f"海自\n{LINK}", minutes=-11)) == Absent()


@given(st.text(st.sampled_from("あa1 @#*_~`<>$[]()\\:>検索\n!/."), max_size=60).map("海{}".format))
def test_a_brief_is_found_by_its_words_whatever_was_done_to_them(text: str) -> None:
    assert found(note("9abc", still(text).strip()), notice=noticed(text, link="")) == Said(
        "9abc", f"{SERVER}/notes/9abc"
    )


def test_a_reply_is_no_announcement_and_an_announcement_no_reply() -> None:
    below = noticed(action=Action.REPLY, remote_id="9abc")
    assert found(note("9abd", NOTICE.text, below="9abc")) == Absent()
    assert found(note("9abd", NOTICE.text, below="9abc"), notice=below) == Said("9abd", f"{SERVER}/notes/9abd")


def test_looking_goes_back_page_by_page() -> None:
    pages = [reply(200, [note(f"9{number}", "other")]) for number in range(5)]
    said = talk(misskey().find(NOTICE, context()), reply(200, {"id": "7"}), *pages)
    assert isinstance(said.outcome, Doubt)
    assert [said.body(number).get("untilId") for number in range(1, 6)] == [None, "90", "91", "92", "93"]


def test_a_list_that_cannot_be_read_is_read_again_later() -> None:
    me = reply(200, {"id": "7"})
    for answers in ([reply(200, {})], [me, reply(200, {})], [reply(500)], [me, reply(502)]):
        assert isinstance(talk(misskey().find(NOTICE, context()), *answers).outcome, Again)
