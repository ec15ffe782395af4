"""Telegram: what is sent for a notice, how long it counts, and what the Bot API's answers mean."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from feedpub.model import Action, Again, Doubt, Image, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks import AnyNetwork, Telegram
from feedpub.networks.base import LINK as ADDRESS
from tests.unit.networks.talk import CANARY, LINK, NOW, PICTURE, context, notice, reply, talk

TARGET = Telegram(name="t", token=f"123456:{CANARY}", chat_id="-1001234567890")
TEXTS = st.text(st.sampled_from("@#/$aBz_9あ海＃. \n") | st.characters(codec="utf-8"), max_size=60)


def sent(message: int = 7, **chat: Any) -> Reply:
    return reply(200, {"ok": True, "result": {"message_id": message, "chat": {"id": -1001234567890} | chat}})


def no(status: int, description: str, **parameters: int) -> Reply:
    return reply(status, {"ok": False, "error_code": status, "description": description, "parameters": parameters})


def announced(subject: Notice, target: Telegram = TARGET) -> Any:
    return talk(target.announce(subject, context()), sent()).payload


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("headline", "shown"),
    [
        ("@everyone と @durov", "@|everyone と @|durov"),
        ("メールは news@example.jp へ", "メールは news@|example.jp へ"),
        ("/start で開始", "/|start で開始"),
        ("4/28更新、F/A-18、24/7", "4/28更新、F/A-18、24/7"),
        ("#就役 と C# と #1位", "#|就役 と C# と #|1位"),
        ("$TSLA と US$100 と $5", "$|TSLA と US$100 と $5"),
        ("*太字* _斜体_ [鍵](https://e.example/x) `<b>`", "*太字* _斜体_ [鍵](https://e.example/x) `<b>`"),
        ("A &amp; B <b>", "A &amp; B <b>"),
        ("https://example.jp/@news/#top を見る", "https://example.jp/@news/#top を見る"),
    ],
)
def test_nothing_in_a_headline_acts_and_all_of_it_reads_as_it_was_written(headline: str, shown: str) -> None:
    payload = announced(notice(headline))

    assert payload["text"] == shown.replace("|", "\u2060") + f"\n{LINK}"
    assert "parse_mode" not in payload
    assert "entities" not in payload


@given(TEXTS)
def test_a_text_without_its_word_joiners_is_the_text(text: str) -> None:
    assert TARGET.word(text).replace("\u2060", "") == text.replace("\u2060", "")
    assert TARGET.word(TARGET.word(text)) == TARGET.word(text)


@given(TEXTS)
def test_no_text_calls_a_user_gives_a_command_or_joins_a_topic(text: str) -> None:
    rest = ADDRESS.sub(" ", TARGET.word(text))
    assert not re.search(r"(?<!\w)(@[A-Za-z0-9_]{2,}|/[A-Za-z0-9_]+|#\w+|\$[A-Z]+)", rest)


def test_the_hashtags_that_are_meant_stay_hashtags_and_the_others_do_not() -> None:
    text = announced(notice("#速報 C#5", tags=("米軍", "F35")))["text"]
    assert text == f"#\u2060速報 C#5\n{LINK}\n#米軍\n#F35"


@given(TEXTS, st.lists(st.sampled_from(["米軍", "F35"]), max_size=2))
def test_what_is_sent_is_never_longer_than_it_was_measured(headline: str, tags: list[str]) -> None:
    subject = notice(headline, tags=tuple(tags))
    text = announced(subject)["text"]
    assert len(text.encode("utf-16-le")) // 2 <= TARGET.measure(subject.text).used


@pytest.mark.parametrize(
    ("text", "used"), [("", 0), ("あ" * 4096, 4096), ("😀" * 2048, 4096), ("@a", 3), ("葛󠄀", 3), (LINK, len(LINK))]
)
def test_length_is_counted_in_utf_16_units(text: str, used: int) -> None:
    measure = TARGET.measure(text)
    assert (measure.used, measure.limit) == (used, 4096)


# ---------------------------------------------------------------- previews and pictures


def test_the_links_own_preview_is_shown_large() -> None:
    assert announced(notice())["link_preview_options"] == {"url": LINK, "prefer_large_media": True}


def test_no_preview_is_shown_where_none_is_wanted_or_where_nothing_is_linked() -> None:
    plain = TARGET.model_copy(update={"image": "none"})
    assert announced(notice(), plain)["link_preview_options"] == {"is_disabled": True}
    assert announced(notice("詳細はexample.jpへ", link=""))["link_preview_options"] == {"is_disabled": True}


ATTACHING = TARGET.model_copy(update={"image": "attach"})
PICTURED = notice(image=Image("https://example.jp/a.jpg"))


def form(request: Request) -> dict[str, tuple[str, bytes]]:
    """Read a form as a stranger would: by field, its media type and bytes."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        fields[name] = (part.get_content_type(), content)
    return fields


def test_a_picture_is_attached_with_the_text_as_its_caption() -> None:
    photo = {"message_id": 7, "photo": [{"file_id": "x"}], "chat": {"id": -1001}}
    told = talk(ATTACHING.announce(PICTURED, context()), reply(200, {"ok": True, "result": photo}))

    (request,) = told.asked
    assert request.url.endswith("/sendPhoto")
    assert form(request) == {
        "chat_id": ("text/plain", b"-1001234567890"),
        "caption": ("text/plain", PICTURED.text.encode()),
        "photo": ("image/jpeg", PICTURE.content),
    }
    assert told.outcome == Said("-1001/7/photo")
    assert [(image.url, image.max_bytes) for image in told.images] == [("https://example.jp/a.jpg", 5_000_000)]


def test_the_same_picture_and_words_are_the_same_bytes() -> None:
    first, second = (talk(ATTACHING.announce(PICTURED, context()), sent()).asked[0] for _ in range(2))
    assert (first.headers, first.body) == (second.headers, second.body)


def test_a_picture_that_cannot_be_had_leaves_a_message_with_a_preview() -> None:
    told = talk(ATTACHING.announce(PICTURED, context()), sent(), picture=None)
    assert told.asked[0].url.endswith("/sendMessage")
    assert told.payload["link_preview_options"]["url"] == LINK


@pytest.mark.parametrize(
    "disliked",
    ["PHOTO_INVALID_DIMENSIONS", "IMAGE_PROCESS_FAILED", "not enough rights to send photos to the chat"],
)
def test_a_picture_that_telegram_does_not_take_holds_nothing_back(disliked: str) -> None:
    told = talk(ATTACHING.announce(PICTURED, context()), no(400, f"Bad Request: {disliked}"), sent())
    assert [request.url.rpartition("/")[2] for request in told.asked] == ["sendPhoto", "sendMessage"]
    assert isinstance(told.outcome, Said)


def test_a_text_too_long_for_a_caption_goes_out_whole_and_without_the_picture() -> None:
    fits, exceeds = (notice("あ" * (length - len(f"\n{LINK}")), image=PICTURED.image) for length in (1024, 1025))
    assert talk(ATTACHING.announce(fits, context()), sent()).asked[0].url.endswith("/sendPhoto")
    told = talk(ATTACHING.announce(exceeds, context()), sent())
    assert told.asked[0].url.endswith("/sendMessage")
    assert told.images == []
    assert told.payload["text"] == exceeds.text


def test_what_stands_below_a_picture_is_edited_as_its_caption() -> None:
    told = talk(ATTACHING.correct(replace(PICTURED, remote_id="-1001/7/photo"), context()), sent())
    assert told.asked[0].url.endswith("/editMessageCaption")
    assert told.payload == {"chat_id": -1001, "message_id": 7, "caption": PICTURED.text}
    assert told.outcome == Said("-1001/7/photo")


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("answer", "outcome", "scope"),
    [
        (no(400, "Bad Request: message is too long"), Refused, "item"),
        (no(400, "Bad Request: message text is empty"), Refused, "item"),
        (no(400, "Bad Request: chat not found"), Refused, "target"),
        (no(400, "Bad Request: CHAT_WRITE_FORBIDDEN"), Refused, "target"),
        (no(400, "Bad Request: need administrator rights in the channel chat"), Refused, "target"),
        (no(400, "Bad Request: not enough rights to send photos to the chat"), Refused, "target"),
        (no(401, "Unauthorized"), Refused, "target"),
        (no(403, "Forbidden: bot was kicked from the supergroup chat"), Refused, "target"),
        (no(403, "Forbidden: bot was blocked by the user"), Refused, "target"),
        (no(404, "Not Found"), Refused, "target"),
        (no(413, "Request Entity Too Large"), Refused, "item"),
        (no(429, "Too Many Requests: retry after 35", retry_after=35), Again, ""),
        (no(500, "Internal Server Error"), Doubt, ""),
        (no(502, "Bad Gateway"), Doubt, ""),
        (reply(200, {"ok": True, "result": True}), Doubt, ""),
        (reply(200, {"ok": True, "result": {"message_id": "7", "chat": {"id": 1}}}), Doubt, ""),
    ],
    ids=lambda value: value.body.decode()[:70] if isinstance(value, Reply) else "",
)
def test_an_answer_to_a_message(answer: Reply, outcome: type[Outcome], scope: str) -> None:
    told = talk(TARGET.announce(notice(), context()), answer)
    assert isinstance(told.outcome, outcome)
    assert not isinstance(told.outcome, Refused) or told.outcome.scope == scope


def test_a_refusal_quotes_telegrams_own_words() -> None:
    told = talk(TARGET.announce(notice(), context()), no(400, "Bad Request: message is too long"))
    assert isinstance(told.outcome, Refused)
    assert "message is too long" in told.outcome.why


def test_the_wait_that_telegram_asks_for_is_kept() -> None:
    told = talk(TARGET.announce(notice(), context()), no(429, "Too Many Requests", retry_after=35))
    assert told.outcome == Again("Telegram asks to come back later (HTTP 429)", timedelta(seconds=35))


def test_a_post_of_a_public_chat_has_an_address_and_that_of_a_private_one_has_none() -> None:
    public, private = (talk(TARGET.announce(notice(), context()), one) for one in (sent(username="news"), sent()))
    assert public.outcome == Said("-1001234567890/7", "https://t.me/news/7")
    assert private.outcome == Said("-1001234567890/7")


def test_a_group_that_became_a_supergroup_is_followed_at_once_and_from_then_on() -> None:
    moved = no(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100777)
    told = talk(TARGET.announce(notice(), context()), moved, sent())

    assert [request.url for request in told.asked] == [told.asked[0].url] * 2
    assert told.payload["chat_id"] == -100777
    assert isinstance(told.outcome, Said)
    assert list(told.remembered.values()) == ["-100777"]

    later = talk(TARGET.announce(notice(), context(told.remembered)), sent())
    assert later.payload["chat_id"] == -100777
    other = TARGET.model_copy(update={"chat_id": "-5"})
    assert talk(other.announce(notice(), context(told.remembered)), sent()).payload["chat_id"] == -5


def test_a_group_that_moves_for_ever_is_not_followed_for_ever() -> None:
    moved = no(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100777)
    told = talk(TARGET.announce(notice(), context()), moved, moved)
    assert isinstance(told.outcome, Refused)


# ---------------------------------------------------------------- editing, deleting, replying

STANDING = notice(action=Action.CORRECT, remote_id="-1001/7")
UPGRADED = no(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100777)


def test_an_edit_names_the_message_and_keeps_its_preview() -> None:
    told = talk(TARGET.correct(STANDING, context()), sent())
    assert told.asked[0].url.endswith("/editMessageText")
    assert told.payload["chat_id"] == -1001
    assert told.payload["message_id"] == 7
    assert told.payload["link_preview_options"]["url"] == LINK
    assert told.outcome == Said("-1001/7")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (no(400, "Bad Request: message is not modified: specified new message content and reply markup …"), Said),
        (no(400, "Bad Request: message to edit not found"), Refused),
        (no(400, "Bad Request: message can't be edited"), Refused),
        (UPGRADED, Refused),
        (no(500, "Internal Server Error"), Again),
    ],
)
def test_an_answer_to_an_edit(answer: Reply, outcome: type[Outcome]) -> None:
    told = talk(TARGET.correct(STANDING, context()), answer)
    assert isinstance(told.outcome, outcome)
    assert not isinstance(told.outcome, Refused) or told.outcome.scope == "item"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(200, {"ok": True, "result": True}), Said),
        (no(400, "Bad Request: message to delete not found"), Said),
        (no(400, "Bad Request: message can't be deleted for everyone"), Refused),
        (UPGRADED, Refused),
        (no(500, "Internal Server Error"), Again),
    ],
)
def test_an_answer_to_a_deletion(answer: Reply, outcome: type[Outcome]) -> None:
    told = talk(TARGET.retract(STANDING, context()), answer)
    assert isinstance(told.outcome, outcome)
    if isinstance(told.outcome, Refused):
        assert told.outcome.scope == "item"
        assert "by hand" in told.outcome.why


def test_a_reply_stands_below_its_message_and_a_deleted_one_has_none() -> None:
    told = talk(TARGET.reply(STANDING, context()), sent(8))
    assert told.payload["reply_parameters"] == {"message_id": 7}
    assert told.payload["chat_id"] == -1001
    assert told.outcome == Said("-1001234567890/8")

    for gone in (no(400, "Bad Request: message to be replied not found"), UPGRADED):
        outcome = talk(TARGET.reply(STANDING, context()), gone).outcome
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"


# ---------------------------------------------------------------- options


def test_nothing_shows_the_token() -> None:
    told = talk(TARGET.announce(notice(), context()), no(400, f"Bad Request: bot123456:{CANARY} {CANARY}"))
    assert CANARY not in repr((TARGET, told.asked, told.outcome))
    assert CANARY in told.asked[0].url


@pytest.mark.parametrize(("given", "kept"), [(-1001234567890, "-1001234567890"), ("@news_jp", "@news_jp"), (42, "42")])
def test_a_chat_is_a_number_or_a_name(given: object, kept: str) -> None:
    said = {"kind": "telegram", "token": "1:a", "chat_id": given}
    target = TypeAdapter[AnyNetwork](AnyNetwork).validate_python(said)
    assert isinstance(target, Telegram)
    assert target.chat_id == kept


@pytest.mark.parametrize(
    "wrong",
    [
        {"chat_id": "https://t.me/news"},
        {"chat_id": "news"},
        {"token": f"{CANARY}/../x"},
        {"token": ""},
        {"api_url": "https://api.telegram.org/?a=b"},
        {"api_url": "api.telegram.org"},
    ],
)
def test_options_that_cannot_work_are_refused_without_showing_them(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        Telegram.model_validate({"kind": "telegram", "token": "1:a", "chat_id": "1"} | wrong)
    assert CANARY not in str(refused.value)


def test_what_answers_but_is_no_bot_api_is_told() -> None:
    for answers in ([reply(200, {})], [reply(200, {"ok": True, "result": {"username": "b"}}), reply(200, {})]):
        outcome = talk(TARGET.verify(context()), *answers).outcome
        assert isinstance(outcome, Refused)
        assert "api_url" in outcome.why


def test_the_moment_of_a_notice_is_not_in_it() -> None:
    later = replace(notice(), at=NOW + timedelta(days=1))
    assert announced(later) == announced(notice())
