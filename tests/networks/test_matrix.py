"""Matrix, against Synapse: once, through lost answers and killed processes; edits, replies, redactions; its limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from feedpub.model import Action, Again, Doubt, Image, Refused, Said
from feedpub.networks import Matrix
from tests.networks.relay import relayed
from tests.networks.synapse import Account, Homeserver
from tests.networks.talks import HEADLINE, JPEG, LINK, MARKS, Talker, notice

pytestmark = MARKS


@dataclass(frozen=True)
class Place:
    """A room of the homeserver, and the account that posts into it."""

    server: Homeserver
    admin: Account
    bot: Account
    room: str

    @property
    def target(self) -> Matrix:
        """The target that an admin would write for it."""
        return Matrix(
            name="news", server=self.server.url, token=SecretStr(self.bot.token), room=self.room, allow_private=True
        )

    def bodies(self) -> list[str]:
        """What readers see, the oldest first."""
        return [event["content"].get("body", "") for event in self.server.messages(self.bot, self.room)]


@pytest.fixture(scope="module")
def accounts(homeserver: Homeserver) -> tuple[Account, Account]:
    admin, bot = homeserver.register("admin", admin=True), homeserver.register("bot")
    homeserver.unlimit(admin, bot)
    return admin, bot


@pytest.fixture
def place(homeserver: Homeserver, accounts: tuple[Account, Account]) -> Place:
    admin, bot = accounts
    return Place(homeserver, admin, bot, homeserver.room(bot))


def said(place: Place, key: str, talker: Talker | None = None, headline: str = HEADLINE) -> Said:
    talker = talker or Talker()
    outcome = talker.carry_out(place.target.announce(notice(key, headline), talker.context))
    assert isinstance(outcome, Said), outcome
    return outcome


def test_a_notice_is_one_event_that_reads_as_it_was_written_and_calls_nobody(place: Place) -> None:
    outcome = said(place, "msg_words")

    (event,) = place.server.messages(place.bot, place.room)
    content = event["content"]
    assert outcome.id == f"{place.room}/{event['event_id']}"
    assert content["msgtype"] == "m.notice"
    assert content["m.mentions"] == {}
    assert content["body"].replace("\u2060", "") == f"{HEADLINE}\n{LINK}"
    assert "@room" not in content["body"]
    assert "&lt;b&gt;新型&lt;/b&gt;" in content["formatted_body"]
    assert f'<br><a href="{LINK.replace("&", "&amp;")}">' in content["formatted_body"]


def test_an_answer_lost_after_the_server_kept_the_post_and_the_same_again_make_one_event(place: Place) -> None:
    talker, words = Talker(), notice("msg_lost")
    with relayed(place.server.url) as relay:
        relay.losses["PUT"] = 1
        broken = place.target.model_copy(update={"server": relay.url})
        outcome = talker.carry_out(broken.announce(words, talker.context))
        assert isinstance(outcome, Doubt)
        assert relay.given == [200]
        (kept,) = place.server.messages(place.bot, place.room)

        again = talker.carry_out(broken.announce(words, talker.context))

    assert isinstance(again, Said)
    assert again.id == f"{place.room}/{kept['event_id']}"
    assert len(place.bodies()) == 1


def test_another_login_of_the_same_account_posts_the_same_again_so_one_token_is_kept(place: Place) -> None:
    first = said(place, "msg_device")
    other = replace(place, bot=place.server.login_again(place.admin, place.bot))

    assert said(other, "msg_device") != first
    assert len(place.bodies()) == 2


def test_an_edit_shows_the_new_words_and_a_repeated_one_changes_nothing_more(place: Place) -> None:
    first, talker = said(place, "msg_first"), Talker()
    edit = notice("msg_edit", "訂正した題", Action.CORRECT, remote_id=first.id)

    for _ in range(2):
        assert talker.carry_out(place.target.correct(edit, talker.context)) == Said(first.id)

    event = place.server.event(place.bot, place.room, first.id.rpartition("/")[2])
    newest = event["unsigned"]["m.relations"]["m.replace"]
    assert newest["content"]["m.new_content"]["body"] == f"訂正した題\n{LINK}"
    assert len(place.bodies()) == 2


def test_a_post_is_redacted_and_redacted_again_and_cannot_be_corrected_or_answered_any_more(place: Place) -> None:
    first, second, talker = said(place, "msg_one"), said(place, "msg_two"), Talker()
    gone = notice("msg_gone", action=Action.RETRACT, remote_id=first.id)

    for one in (gone, gone, replace(gone, key="msg_gone_later"), replace(gone, remote_id=second.id)):
        assert talker.carry_out(place.target.retract(one, talker.context)) == Said(one.remote_id)
    assert place.bodies() == ["", ""]

    target = place.target
    for talk in (target.correct, target.reply):
        outcome = talker.carry_out(talk(replace(gone, key="msg_late"), talker.context))
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"
        assert "deleted on Matrix" in outcome.why
    assert place.bodies() == ["", ""]


def test_what_was_never_there_counts_as_deleted(place: Place) -> None:
    talker = Talker()
    gone = notice("msg_never", action=Action.RETRACT, remote_id=f"{place.room}/$never")
    assert talker.carry_out(place.target.retract(gone, talker.context)) == Said(gone.remote_id)


def test_a_reply_stands_below_the_post_and_lost_and_repeated_it_is_one(place: Place) -> None:
    first, talker = said(place, "msg_parent"), Talker()
    words = notice("msg_reply", "続報", Action.REPLY, remote_id=first.id)
    with relayed(place.server.url) as relay:
        relay.losses["PUT"] = 1
        broken = place.target.model_copy(update={"server": relay.url})
        assert isinstance(talker.carry_out(broken.reply(words, talker.context)), Doubt)

    assert isinstance(talker.carry_out(place.target.reply(words, talker.context)), Said)
    parent, answer = place.server.messages(place.bot, place.room)
    assert answer["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": parent["event_id"]}}


def test_an_alias_is_asked_for_once_and_anew_when_its_room_is_closed_to_us(place: Place) -> None:
    first_room = place.server.room(place.bot, "news")
    talker = Talker()
    target = place.target.model_copy(update={"room": "#news:example.test"})
    with relayed(place.server.url) as relay:
        through = target.model_copy(update={"server": relay.url})
        for key in ("msg_alias_1", "msg_alias_2"):
            assert isinstance(talker.carry_out(through.announce(notice(key), talker.context)), Said)
        assert len(relay.given) == 3
    assert len(place.server.messages(place.bot, first_room)) == 2

    place.server.call("POST", f"/_matrix/client/v3/rooms/{first_room}/leave", place.bot, {})
    shut = talker.carry_out(target.announce(notice("msg_alias_3"), talker.context))
    assert isinstance(shut, Refused)
    assert shut.scope == "target"
    assert "join the room" in shut.why

    second_room = place.server.room(place.bot)
    place.server.call("DELETE", "/_matrix/client/v3/directory/room/%23news:example.test", place.admin)
    place.server.call(
        "PUT", "/_matrix/client/v3/directory/room/%23news:example.test", place.bot, {"room_id": second_room}
    )
    assert isinstance(talker.carry_out(target.announce(notice("msg_alias_4"), talker.context)), Said)
    assert len(place.server.messages(place.bot, second_room)) == 1


def test_an_alias_that_does_not_exist_stops_the_target(place: Place) -> None:
    talker = Talker()
    target = place.target.model_copy(update={"room": "#nowhere:example.test"})
    outcome = talker.carry_out(target.announce(notice("msg_nowhere"), talker.context))
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"


def test_a_picture_is_uploaded_once_even_if_the_post_must_be_repeated_and_survives_an_edit(place: Place) -> None:
    talker = Talker()
    words = replace(notice("msg_picture"), image=Image("https://example.jp/a.jpg"))
    with relayed(place.server.url) as relay:
        target = place.target.model_copy(update={"image": "attach", "server": relay.url})
        relay.losses["PUT"] = 1
        assert isinstance(talker.carry_out(target.announce(words, talker.context)), Doubt)
        first = talker.carry_out(target.announce(words, talker.context))
        assert relay.given == [200, 200, 200]  # one upload, the event, the event again
    assert isinstance(first, Said)
    (event,) = place.server.messages(place.bot, place.room)
    assert event["content"]["msgtype"] == "m.image"
    assert event["content"]["info"]["size"] == len(JPEG.content)
    assert event["content"]["url"].startswith("mxc://example.test/")

    edit = notice("msg_picture_edit", "訂正した題", Action.CORRECT, remote_id=first.id)
    assert talker.carry_out(place.target.correct(edit, talker.context)) == Said(first.id)
    newest = place.server.messages(place.bot, place.room)[-1]["content"]["m.new_content"]
    assert newest["url"] == event["content"]["url"]
    assert newest["body"].startswith("訂正した題")


def test_the_longest_text_that_is_measured_to_fit_is_taken_and_so_is_its_edit(place: Place) -> None:
    target = place.target
    headline = "あ" * 20_000
    while not target.measure(f"{headline}\n{LINK}").fits:
        headline = headline[:-10]
    first, talker = said(place, "msg_long", headline=headline), Talker()
    edit = notice("msg_long_edit", headline, Action.CORRECT, remote_id=first.id)
    assert talker.carry_out(target.correct(edit, talker.context)) == Said(first.id)

    too_long = talker.carry_out(target.announce(notice("msg_too_long", headline * 4), talker.context))
    assert isinstance(too_long, Refused)
    assert too_long.scope == "item"


def test_synapse_asks_a_hasty_account_to_wait_and_says_how_long(place: Place) -> None:
    hasty = replace(place, bot=place.server.register("hasty"))
    place.server.call("POST", f"/_matrix/client/v3/join/{place.room}", hasty.bot, {})
    talker, taken = Talker(), 0
    while isinstance(
        outcome := talker.carry_out(hasty.target.announce(notice(f"msg_hasty_{taken}"), talker.context)), Said
    ):
        taken += 1
        assert taken < 100

    assert isinstance(outcome, Again)
    assert outcome.wait is not None
    assert timedelta(0) < outcome.wait < timedelta(minutes=1)
    assert len(place.bodies()) == taken >= 5


def test_who_is_logged_out_or_not_in_the_room_stops_the_target(place: Place) -> None:
    talker = Talker()
    stranger = replace(place, bot=place.server.register("stranger"))
    outcome = talker.carry_out(stranger.target.announce(notice("msg_stranger"), talker.context))
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert "join the room" in outcome.why

    assert talker.carry_out(stranger.target.verify(talker.context)) == Said(f"@stranger:example.test in {place.room}")
    place.server.call("POST", "/_matrix/client/v3/logout", stranger.bot, {})
    for talk in (stranger.target.announce(notice("msg_out"), talker.context), stranger.target.verify(talker.context)):
        outcome = talker.carry_out(talk)
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"
        assert "server, token and room" in outcome.why
