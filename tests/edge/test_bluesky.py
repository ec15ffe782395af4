"""Bluesky against a strict PDS on loopback, through the guarded door: once, whatever happens in between."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Painting
from pydantic import SecretStr

from feedpub.http import Door
from feedpub.model import (
    Absent,
    Action,
    Again,
    Context,
    Conversation,
    Doubt,
    FetchImage,
    Image,
    Notice,
    Outcome,
    Picture,
    Refused,
    Said,
    Span,
    State,
)
from feedpub.networks.base import Network
from feedpub.networks.bluesky import Bluesky, rkey
from feedpub.networks.pds import LOGINS_A_DAY
from tests.edge.fake_pds import DID, HANDLE, PASSWORD, POSTS, FakePds
from tests.edge.test_publisher import START, Desk

NOW = datetime(2026, 4, 28, 3, 0, 0, 123_456, tzinfo=UTC)
LINK = "https://example.jp/%E8%A8%98%E4%BA%8B/%E6%B5%B7%E8%87%AA?utm_source=bluesky"
HEADLINE = "海自の新型護衛艦「もがみ」型👨‍👩‍👧‍👦 @everyone"
TEXT = f"{HEADLINE}\n{LINK}\n#米軍"
NOTICE = Notice(
    "news",
    Action.ANNOUNCE,
    "1",
    "g",
    1,
    "msg_2f",
    NOW,
    TEXT,
    LINK,
    "海自の新型護衛艦",
    "三沢に到着した。",
    language="ja",
    spans=(
        Span(TEXT.index(LINK), TEXT.index(LINK) + len(LINK), "link", LINK),
        Span(len(TEXT) - 3, len(TEXT), "tag", "米軍"),
    ),
)
PLACE = f"at://{DID}/{POSTS}/{rkey(NOTICE)}"
STANDS = Said(PLACE, f"https://bsky.app/profile/{HANDLE}/post/{rkey(NOTICE)}")


class Account:
    """A target with its memory, as the ledger keeps it, and the pictures there are in its world."""

    def __init__(self, pds: FakePds, **options: Any) -> None:
        self.pds = pds
        self.memory: dict[str, str] = {}
        self.picture: Picture | None = None
        self.wanted: list[FetchImage] = []
        self.network = Bluesky(
            name="news",
            server=pds.url,
            identifier=HANDLE,
            app_password=SecretStr(PASSWORD),
            allow_private=True,
            **options,
        )

    def context(self, *, now: datetime = NOW, doubted: bool = False) -> Context:
        return Context(now, dict(self.memory), doubted)

    def carry_out(self, conversation: Conversation) -> Outcome:
        def remember(key: str, value: str) -> None:
            self.memory[key] = value

        def fetch(image: FetchImage, _within: timedelta) -> Picture | None:
            self.wanted.append(image)
            return self.picture

        door = Door(picture=fetch)
        return door.converse(conversation, remember, timeout=timedelta(seconds=5), allow_private=True)

    def announce(self, notice: Notice = NOTICE, *, now: datetime = NOW, doubted: bool = False) -> Outcome:
        return self.carry_out(self.network.announce(notice, self.context(now=now, doubted=doubted)))


@pytest.fixture
def pds() -> Iterator[FakePds]:
    with FakePds() as server:
        yield server


@pytest.fixture
def account(pds: FakePds) -> Account:
    return Account(pds)


def photograph(*, side: int = 40) -> Picture:
    file = io.BytesIO()
    Painting.new("RGB", (side, side // 2), "navy").save(file, "JPEG")
    return Picture(file.getvalue(), "image/jpeg", side, side // 2)


# ---------------------------------------------------------------- what stands there


def test_a_post_has_its_words_its_live_links_its_card_and_its_language(pds: FakePds, account: Account) -> None:
    assert account.announce() == STANDS

    (record,) = pds.records.values()
    assert record["text"] == TEXT
    assert record["createdAt"] == "2026-04-28T03:00:00.123Z"
    assert record["langs"] == ["ja"]
    link, tag = record["facets"]
    marked = [TEXT.encode()[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode() for one in (link, tag)]
    assert marked == [LINK, "#米軍"]
    assert link["features"][0]["uri"] == LINK
    assert record["embed"]["external"] == {
        "uri": LINK,
        "title": "海自の新型護衛艦",
        "description": "三沢に到着した。",
    }


def test_a_percent_encoded_japanese_address_is_one_whole_link(pds: FakePds, account: Account) -> None:
    account.announce()
    (record,) = pds.records.values()
    link = record["facets"][0]
    assert link["index"]["byteEnd"] - link["index"]["byteStart"] == len(LINK)
    assert link["features"][0]["uri"] == record["embed"]["external"]["uri"] == LINK


def test_the_card_shows_the_articles_picture(pds: FakePds, account: Account) -> None:
    account.picture = photograph()
    account.announce(replace(NOTICE, image=Image("https://example.jp/a.jpg")))

    (record,) = pds.records.values()
    (blob,) = pds.blobs.values()
    assert record["embed"]["external"]["thumb"] == blob
    assert blob["size"] == len(account.picture.content)
    assert account.wanted[0].max_bytes < 1_000_000


def test_an_attached_picture_says_in_words_what_it_shows_and_whose_it_is(pds: FakePds) -> None:
    account = Account(pds, image="attach")
    account.picture = photograph()
    account.announce(replace(NOTICE, image=Image("https://example.jp/a.jpg", "護衛艦", "海上自衛隊", "CC BY 4.0")))

    (record,) = pds.records.values()
    (image,) = record["embed"]["images"]
    assert image["alt"] == "護衛艦 / 海上自衛隊 / CC BY 4.0"
    assert image["aspectRatio"] == {"width": 40, "height": 20}


@pytest.mark.parametrize("option", ["card", "attach"])
@pytest.mark.parametrize("upload_fails", [True, False])
def test_a_picture_that_cannot_be_had_leaves_a_card_without_one(
    pds: FakePds, option: str, *, upload_fails: bool
) -> None:
    account = Account(pds, image=option)
    account.picture = photograph() if upload_fails else None
    pds.moods = ["", "upload fails"] if upload_fails else []

    outcome = account.announce(replace(NOTICE, image=Image("http://169.254.169.254/a.jpg")))
    assert outcome == STANDS
    (record,) = pds.records.values()
    assert record["embed"]["external"].keys() == {"uri", "title", "description"}


def test_a_picture_that_takes_all_the_time_is_left_out_of_the_next_try(pds: FakePds, account: Account) -> None:
    notice = replace(NOTICE, image=Image("https://example.jp/slow.jpg"))
    talk = account.network.announce(notice, account.context())

    class TooSlowError(Exception):
        pass

    def never(_image: FetchImage, _within: timedelta) -> Picture | None:
        raise TooSlowError

    with pytest.raises(TooSlowError):
        Door(picture=never).converse(talk, account.memory.__setitem__, timeout=timedelta(seconds=5), allow_private=True)
    assert account.announce(notice) == STANDS
    assert account.wanted == []


def test_without_pictures_there_is_no_card(pds: FakePds) -> None:
    Account(pds, image="none").announce(replace(NOTICE, image=Image("https://example.jp/a.jpg")))
    (record,) = pds.records.values()
    assert "embed" not in record


def test_a_brief_needs_no_link(pds: FakePds, account: Account) -> None:
    brief = replace(NOTICE, text="短信です。example.jpも見てください。", link="", title="", spans=())
    account.announce(replace(brief, image=Image("https://example.jp/a.jpg")))
    (record,) = pds.records.values()
    assert record.keys() == {"$type", "text", "createdAt", "langs"}
    assert account.wanted == []


# ---------------------------------------------------------------- once


def test_a_kill_after_the_server_kept_the_post_leaves_one_record(pds: FakePds, account: Account) -> None:
    pds.moods = ["store, then silence"]
    assert isinstance(account.announce(), Doubt)
    assert len(pds.records) == 1

    assert account.announce(doubted=True) == STANDS
    assert account.announce() == STANDS
    assert len(pds.records) == 1


def test_the_same_conversation_twice_is_one_record_even_if_its_picture_is_lost(pds: FakePds, account: Account) -> None:
    notice = replace(NOTICE, image=Image("https://example.jp/a.jpg"))
    account.picture = photograph()
    assert account.announce(notice) == STANDS
    account.picture = None

    assert isinstance(account.announce(notice), Doubt)
    assert account.announce(notice, doubted=True) == STANDS
    assert len(pds.records) == 1


def test_a_pds_that_fails_with_what_it_has_already_is_asked_what_stands_there(pds: FakePds, account: Account) -> None:
    pds.stubborn = True
    pds.moods = ["store, then 500"]
    assert isinstance(account.announce(), Doubt)

    assert account.announce(doubted=True) == STANDS
    assert len(pds.puts) == 1


def test_what_is_not_there_after_a_failure_is_put_at_the_same_place(pds: FakePds, account: Account) -> None:
    pds.moods = ["500"]
    assert isinstance(account.announce(), Doubt)

    assert account.announce(doubted=True) == STANDS
    assert [put["rkey"] for put in pds.puts] == [rkey(NOTICE)] * 2


def test_other_words_at_its_place_are_not_overwritten(pds: FakePds, account: Account) -> None:
    account.announce(replace(NOTICE, text="something else", spans=()))

    assert isinstance(account.announce(), Doubt)
    outcome = account.announce(doubted=True)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "item"
    assert [one["text"] for one in pds.records.values()] == ["something else"]


def test_it_is_found_at_its_own_place_or_not_at_all(pds: FakePds, account: Account) -> None:
    find = account.network.find
    assert account.carry_out(find(NOTICE, account.context())) == Absent()
    account.announce()
    assert account.carry_out(find(NOTICE, account.context())) == STANDS


# ---------------------------------------------------------------- sessions


def test_a_token_that_has_run_out_is_renewed_and_the_same_place_is_written(pds: FakePds, account: Account) -> None:
    account.announce(replace(NOTICE, key="msg_1"))
    pds.expire()

    assert account.announce() == STANDS
    assert pds.logins == 1
    assert [put["rkey"] for put in pds.puts[1:]] == [rkey(NOTICE)]
    assert pds.asked[-3:] == ["repo.putRecord", "server.refreshSession", "repo.putRecord"]


def test_renewed_tokens_are_kept_before_they_are_used(pds: FakePds, account: Account) -> None:
    account.announce(replace(NOTICE, key="msg_1"))
    pds.expire()
    before = dict(account.memory)
    conversation = account.network.announce(NOTICE, account.context())

    class KilledError(Exception):
        pass

    def remember(key: str, value: str) -> None:
        account.memory[key] = value
        raise KilledError

    with pytest.raises(KilledError):
        Door().converse(conversation, remember, timeout=timedelta(seconds=5), allow_private=True)
    assert account.memory != before
    assert pds.asked[-1] == "server.refreshSession"
    assert account.announce() == STANDS
    assert pds.logins == 1


def test_a_refused_renewal_leads_to_one_login(pds: FakePds, account: Account) -> None:
    account.announce(replace(NOTICE, key="msg_1"))
    pds.expire(refresh=True)

    assert account.announce() == STANDS
    assert pds.logins == 2


def test_sixty_restarts_in_a_day_log_in_once(pds: FakePds, account: Account) -> None:
    for restart in range(60):
        now = NOW + timedelta(minutes=20 * restart)
        if restart % 6 == 0:
            pds.expire()
        notice = replace(NOTICE, key=f"msg_{restart}", at=now)
        assert isinstance(account.announce(notice, now=now), Said)

    assert pds.logins == 1
    assert len(pds.records) == 60


def test_however_often_it_is_thrown_out_it_logs_in_a_handful_of_times_a_day(pds: FakePds, account: Account) -> None:
    outcomes = []
    for restart in range(60):
        pds.expire(refresh=True)
        outcomes.append(account.announce(replace(NOTICE, key=f"msg_{restart}")))

    assert pds.logins == LOGINS_A_DAY <= 10
    last = outcomes[-1]
    assert isinstance(last, Again)
    assert last.wait == timedelta(hours=21) - timedelta(microseconds=123_456)
    assert "tomorrow" in last.why
    tomorrow = NOW + timedelta(days=1)
    assert isinstance(account.announce(replace(NOTICE, at=tomorrow), now=tomorrow), Said)


def test_a_wrong_password_pauses_the_target(pds: FakePds, account: Account) -> None:
    pds.password = "changed"
    outcome = account.announce()
    assert outcome == Refused(
        "Bluesky does not let us in (HTTP 401: Invalid identifier or password): "
        "check server, identifier and app_password, then resume the target",
        "target",
    )
    assert pds.puts == []


def test_too_many_logins_are_waited_out(pds: FakePds, account: Account) -> None:
    pds.logins_allowed = 0
    outcome = account.announce()
    assert isinstance(outcome, Again)
    assert outcome.wait == timedelta(hours=21) - timedelta(microseconds=123_456)


def test_another_accounts_session_is_not_used(pds: FakePds, account: Account) -> None:
    account.announce()
    other = Account(pds)
    other.memory = {**account.memory, "session": account.memory["session"].replace('"owner": "', '"owner": "x')}
    assert isinstance(other.announce(), Said)
    assert pds.logins == 2


def test_credentials_are_tried_without_posting(pds: FakePds, account: Account) -> None:
    for _ in range(2):
        conversation = account.network.verify(account.context())
        assert account.carry_out(conversation) == Said(f"@{HANDLE}")
    assert pds.logins == 1
    assert pds.records == {}


# ---------------------------------------------------------------- corrections, replies, retractions


def edited(action: Action = Action.CORRECT, *, key: str = "msg_3a", remote_id: str = PLACE) -> Notice:
    later = NOW + timedelta(hours=3)
    return replace(NOTICE, text="改めた見出し", action=action, key=key, at=later, remote_id=remote_id, spans=())


def test_a_correction_changes_the_words_and_not_when_it_was_made(pds: FakePds, account: Account) -> None:
    account.announce()
    for _ in range(2):
        assert account.carry_out(account.network.correct(edited(), account.context())) == STANDS

    (record,) = pds.records.values()
    assert record["text"] == "改めた見出し"
    assert record["createdAt"] == "2026-04-28T03:00:00.123Z"
    assert len(pds.puts) == 2


def test_a_correction_does_not_overwrite_what_somebody_changes_at_the_same_time(pds: FakePds, account: Account) -> None:
    account.announce()
    pds.after_a_look = {"text": "by hand"}
    outcome = account.carry_out(account.network.correct(edited(), account.context()))

    assert isinstance(outcome, Again)
    assert [one["text"] for one in pds.records.values()] == ["by hand"]


def test_a_deleted_post_has_nothing_to_correct_or_to_reply_to(account: Account) -> None:
    for talk in (account.network.correct, account.network.reply):
        outcome = account.carry_out(talk(edited(), account.context()))
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"
        assert "deleted" in outcome.why


def test_a_reply_stands_in_the_thread_of_what_it_answers_and_once(pds: FakePds, account: Account) -> None:
    account.announce()
    first = edited(Action.REPLY)
    said = account.carry_out(account.network.reply(first, account.context()))
    again = account.carry_out(account.network.reply(first, account.context(doubted=True)))
    assert isinstance(said, Said)
    assert said == again
    below = account.carry_out(account.network.reply(edited(key="msg_3b", remote_id=said.id), account.context()))
    assert isinstance(below, Said)

    assert len(pds.records) == 3
    thread = [one["reply"] for one in pds.records.values() if "reply" in one]
    assert [one["root"]["uri"] for one in thread] == [PLACE, PLACE]
    assert [one["parent"]["uri"] for one in thread] == [PLACE, said.id]


def test_a_retraction_deletes_it_and_a_second_one_is_a_success_too(pds: FakePds, account: Account) -> None:
    account.announce()
    for _ in range(2):
        outcome = account.carry_out(account.network.retract(edited(Action.RETRACT), account.context()))
        assert outcome == Said(PLACE)
    assert pds.records == {}


@pytest.mark.parametrize("remote_id", ["", "11", f"at://{DID}/app.bsky.feed.like/3kabc", "at://did:plc:other/x/y"])
def test_what_is_no_post_of_ours_is_not_touched(pds: FakePds, account: Account, remote_id: str) -> None:
    for talk in (account.network.correct, account.network.retract, account.network.reply):
        outcome = account.carry_out(talk(edited(remote_id=remote_id), account.context()))
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"
    assert pds.asked == []


def test_a_post_of_another_account_is_left_alone(pds: FakePds, account: Account) -> None:
    elsewhere = f"at://did:plc:another/{POSTS}/{rkey(NOTICE)}"
    outcome = account.carry_out(account.network.retract(edited(remote_id=elsewhere), account.context()))
    assert isinstance(outcome, Refused)
    assert "another Bluesky account" in outcome.why
    assert pds.asked == ["server.createSession"]


# ---------------------------------------------------------------- through the whole program


def test_an_article_is_told_corrected_and_withdrawn_once_each_over_kills_and_restarts(
    pds: FakePds, tmp_path: Path
) -> None:
    options = {"server": pds.url, "identifier": HANDLE, "app_password": PASSWORD, "allow_private": True}
    targets: dict[str, Network] = {"news": Bluesky.model_validate({"name": "news", "kind": "bluesky", **options})}

    def desk(before: Desk | None = None) -> Desk:
        if before:
            before.ledger.close()
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
        now, store = (before.now, before.store) if before else (START, None)
        made = Desk(url, tmp_path, now=now, store=store, targets=targets)
        made.publisher.door = Door()
        return made

    first = desk()
    raw = first.article("1", title="海自の新型艦")
    pds.moods = ["store, then silence"]
    first.round(seconds=1)
    assert first.states() == {"1": State.DOUBTFUL}

    second = desk(first)
    second.round(minutes=10)
    assert second.states() == {"1": State.SENT}
    (said,) = pds.records.values()
    assert said["text"] == "海自の新型艦\nhttps://news.test/1"
    assert said["facets"][0]["features"][0]["uri"] == "https://news.test/1"

    pds.expire()
    second.store.put(replace(raw, title="海自の新型艦が就役", updated=second.now.isoformat()))
    second.round(seconds=1)
    third = desk(second)
    third.round(minutes=10)
    (corrected,) = pds.records.values()
    assert corrected["text"] == "海自の新型艦が就役\nhttps://news.test/1"
    assert corrected["createdAt"] == said["createdAt"]

    third.store.remove("1")
    third.round(seconds=1)
    third.round(hours=2)
    third.ledger.close()
    assert pds.records == {}
    assert pds.logins == 1
