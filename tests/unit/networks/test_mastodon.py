"""Mastodon and its kin: how each server counts, and what is said to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import Absent, Action, Again, Doubt, Notice, Outcome, Refused, Reply, Said, Span
from feedpub.networks import Mastodon
from feedpub.networks.instance import Instance, facts_of
from tests.unit.networks.fediverse import IMAGE, LINK, NOTICE, NOW, PHOTO, Talk, context, noticed, reply, talk

SERVER = "https://mastodon.example"
YES = reply(200, {"id": "11", "url": f"{SERVER}/@me/11"})
FAMILY = "👨‍👩‍👧‍👦"


def mastodon(memory: dict[str, str] | None = None, **options: Any) -> Mastodon:
    made = Mastodon(name="m", server=SERVER, token="t0ken", **options)
    return made if memory is None else made.knowing(memory)


def instance(version: str = "4.3.2", source: str = "https://github.com/mastodon/mastodon", **statuses: Any) -> Reply:
    return reply(200, {"version": version, "source_url": source, "configuration": {"statuses": statuses}})


def learned(answer: Reply, memory: dict[str, str] | None = None) -> dict[str, str]:
    return talk(mastodon().learn(context(memory or {})), answer, memory=memory or {}).memory


GOTOSOCIAL = instance(
    "0.20.1+git-abc",
    "https://codeberg.org/superseriousbusiness/gotosocial",
    max_characters=500,
    characters_reserved_per_url=25,
)

# ---------------------------------------------------------------- what the server tells


@pytest.mark.parametrize(
    ("version", "source", "software"),
    [
        ("4.3.2", "https://github.com/mastodon/mastodon", "mastodon"),
        ("4.4.0-alpha.1+glitch", "https://github.com/glitch-soc/mastodon", "mastodon"),
        ("3.5.19", "", "mastodon"),
        ("0.20.1 git-abc", "https://github.com/superseriousbusiness/gotosocial", "gotosocial"),
        ("0.21.0", "https://codeberg.org/superseriousbusiness/gotosocial", "gotosocial"),
        ("2.7.2 (compatible; Pleroma 2.7.0)", "https://git.pleroma.social/pleroma/pleroma", "pleroma"),
        ("2.7.2 (compatible; Akkoma 3.13.2)", "", "akkoma"),
        ("2.8.0 (compatible; Friendica 2024.12)", "https://git.friendi.ca/friendica/friendica", "other"),
        ("4.2.1", "https://forge.example/some/server", "other"),
        ("takahe/0.11.0", "", "other"),
        ("4.0.0 (not true; really snac/2.60)", "", "other"),
        ("", "", "other"),
    ],
)
def test_a_server_is_told_by_its_version_and_its_source(version: str, source: str, software: str) -> None:
    facts = facts_of(instance(version, source))
    assert facts is not None
    assert facts["software"] == software


def test_limits_are_read_from_the_server_and_asked_again_after_a_day() -> None:
    asked = talk(mastodon().learn(context()), instance(max_characters=1000, characters_reserved_per_url=30))
    assert (asked.outcome, asked.paths) == (Said(), ["GET /api/v2/instance"])
    assert not asked.asked[0].says
    measure = mastodon(asked.memory).measure(f"あ {LINK}")
    assert (measure.used, measure.limit) == (32, 1000)
    assert mastodon().learn(context(asked.memory, now=NOW + timedelta(hours=23))) is None
    assert mastodon().learn(context(asked.memory, now=NOW + timedelta(hours=24))) is not None
    assert mastodon().learn(context(asked.memory, now=NOW - timedelta(days=2))) is not None


def test_an_older_server_is_asked_at_the_older_address() -> None:
    old = reply(200, {"version": "2.7.2 (compatible; Pleroma 2.4.0)", "max_toot_chars": 5000})
    asked = talk(mastodon().learn(context()), reply(404, {"error": "Not found"}), old)
    assert asked.paths == ["GET /api/v2/instance", "GET /api/v1/instance"]
    assert mastodon(asked.memory).measure("あ").limit == 5000


@pytest.mark.parametrize(
    "odd", [reply(500), reply(200, b"<html>"), reply(200, []), reply(200, {"id": "7"}), reply(429)]
)
def test_a_server_that_tells_nothing_is_left_alone_for_an_hour_and_keeps_what_it_told_before(odd: Reply) -> None:
    before = learned(instance(max_characters=1000))
    later = NOW + timedelta(days=1)
    asked = talk(mastodon().learn(context(before, now=later)), odd, odd, memory=before)
    assert isinstance(asked.outcome, Again)
    assert mastodon(asked.memory).measure("あ").limit == 1000
    assert mastodon().learn(context(asked.memory, now=later + timedelta(minutes=59))) is None
    assert mastodon().learn(context(asked.memory, now=later + timedelta(hours=1))) is not None


def test_a_server_that_does_not_answer_at_all_is_left_alone_too() -> None:
    cut_off = talk(mastodon().learn(context()))
    assert len(cut_off.asked) == 1
    assert mastodon().learn(context(cut_off.memory, now=NOW + timedelta(minutes=5))) is None
    assert mastodon(cut_off.memory).measure("あ").limit == 500


def test_what_one_server_told_says_nothing_of_the_next() -> None:
    memory = learned(instance(max_characters=1000))
    moved = Mastodon(server="https://elsewhere.example", token="t")
    assert moved.learn(context(memory)) is not None
    assert moved.knowing(memory).measure("あ").limit == 500
    assert moved.knowing(memory).dedupe_for == timedelta(0)


@pytest.mark.parametrize("said", [None, 0, -1, 29, True, "900", 10**12, 3.5, [], {}])
def test_a_limit_that_makes_no_sense_is_none(said: object) -> None:
    assert mastodon(learned(instance(max_characters=said))).measure("あ").limit == 500


@given(st.text(), st.text())
def test_no_memory_whatever_it_is_breaks_the_counting(server: str, strict: str) -> None:
    memory = {"server": server, "strict": strict, "picture msg_1": strict}
    assert mastodon(memory).measure("あ").used == 1
    assert mastodon().learn(context(memory)) is not None


def test_the_admins_own_limit_is_stronger_than_the_servers() -> None:
    memory = learned(instance(max_characters=1000))
    assert mastodon(memory, limit=300).measure("あ").limit == 300


# ---------------------------------------------------------------- counting, and whether repeats are dropped


@pytest.mark.parametrize(
    ("answer", "text", "used"),
    [
        (instance(), FAMILY, 1),
        (instance(), f"記事 {LINK}", 3 + 23),
        (GOTOSOCIAL, FAMILY, 7),
        (GOTOSOCIAL, f"記事 {LINK}", 3 + len(LINK)),
        (GOTOSOCIAL, "https://a.jp/", 13),
        (instance("2.7.2 (compatible; Pleroma 2.7.0)", ""), f"記事 {LINK}", 3 + len(LINK)),
        (instance("4.0.0 (compatible; Friendica 1)", ""), f"記事 {LINK}", 3 + len(LINK)),
        (instance("4.0.0 (compatible; Friendica 1)", ""), "https://a.jp/", 23),
        (instance("4.0.0 (compatible; Friendica 1)", ""), FAMILY, 7),
    ],
)
def test_each_kin_is_counted_as_it_counts_and_strangers_as_strictly_as_any(answer: Reply, text: str, used: int) -> None:
    assert mastodon(learned(answer)).measure(text).used == used


def test_the_key_is_relied_on_only_where_the_server_is_mastodon_itself() -> None:
    assert mastodon(learned(instance())).dedupe_for == timedelta(minutes=55)
    for answer in (GOTOSOCIAL, instance("2.7.2 (compatible; Pleroma 2.7.0)", ""), instance("takahe/1", "")):
        assert mastodon(learned(answer)).dedupe_for == timedelta(0)
    assert mastodon().dedupe_for == mastodon({}).dedupe_for == timedelta(0)


@given(st.text(st.sampled_from("あa@ 👨‍👩‍👧‍👦\U000e0100葛か゛:/.https"), max_size=60))
def test_strangers_are_never_counted_shorter_than_any_kin_counts(text: str) -> None:
    strictly = Instance("other").count(text)
    assert strictly >= max(Instance("mastodon").count(text), Instance("gotosocial").count(text))
    assert strictly == Instance("mastodon").count(text, strictly=True)


# ---------------------------------------------------------------- refused for its length

TOO_LONG = [
    reply(422, {"error": "Validation failed: Text character limit of 500 exceeded"}),
    reply(422, {"error": "バリデーションに失敗しました: Text上限は500文字です"}),
    reply(400, {"error": "Bad Request: status too long, 501 characters provided but limit is 500"}),
    reply(400, {"error": "The status is over the character limit"}),
]


@pytest.mark.parametrize("refusal", TOO_LONG)
def test_a_server_that_refuses_what_the_counter_allowed_gets_it_shorter_once_and_then_no_more(refusal: Reply) -> None:
    memory = learned(instance())
    text = "あ" * 400 + " " + "https://example.org/" + "a" * 180
    assert mastodon(memory).measure(text).fits

    first = talk(mastodon(memory).announce(noticed(text), context(memory)), refusal, memory=memory)
    assert first.outcome == Again("Mastodon finds this notice too long: it is cut shorter, and tried once more")
    assert mastodon().learn(context(first.memory)) is not None, "it is asked anew"
    strict = mastodon(first.memory)
    assert strict.measure(text).used == len(text)
    assert not strict.measure(text).fits

    again = talk(strict.announce(noticed("あ" * 480), context(first.memory)), refusal, memory=first.memory)
    assert isinstance(again.outcome, Refused)
    assert again.outcome.scope == "item"
    assert again.noted == []


def test_where_the_strictest_counting_fits_too_a_tenth_of_the_limit_is_left_free() -> None:
    first = talk(mastodon({}).announce(noticed("あ" * 490), context()), TOO_LONG[0])
    assert isinstance(first.outcome, Again)
    assert mastodon(first.memory).measure("あ").limit == 450
    other = noticed("あ" * 440, key="msg_2")
    second = talk(mastodon(first.memory).announce(other, context(first.memory)), TOO_LONG[0], memory=first.memory)
    assert isinstance(second.outcome, Again), "another notice has a second try of its own"
    assert mastodon(second.memory).measure("あ").limit == 450


def test_strictness_is_over_after_a_week() -> None:
    memory = talk(mastodon({}).announce(noticed("あ" * 490), context()), TOO_LONG[0]).memory
    for days, strict in ((6, True), (8, False)):
        later = context(memory, now=NOW + timedelta(days=days))
        after = talk(mastodon().learn(later), instance(), memory=memory).memory
        assert (mastodon(after).measure(FAMILY).used == 7) is strict


@pytest.mark.parametrize(
    "refusal",
    [
        reply(422, {"error": "Validation failed: Text can't be blank"}),
        reply(400, {"error": {"too": "long"}}),
        reply(422),
    ],
)
def test_any_other_refusal_is_final_at_once(refusal: Reply) -> None:
    said = talk(mastodon({}).announce(NOTICE, context()), refusal)
    assert isinstance(said.outcome, Refused)
    assert said.noted == []


def test_in_doubt_nothing_is_written_anew() -> None:
    said = talk(mastodon({}).announce(NOTICE, context(doubted=True)), TOO_LONG[0])
    assert isinstance(said.outcome, Refused)


def test_a_correction_that_is_too_long_is_cut_too() -> None:
    said = talk(mastodon({}).correct(noticed(remote_id="11"), context()), TOO_LONG[0])
    assert isinstance(said.outcome, Again)
    assert "strict" in said.memory


# ---------------------------------------------------------------- pictures

WITH_PICTURE = noticed(image=IMAGE)
UPLOADED = reply(200, {"id": "m5", "type": "image"})


def attaching(*answers: Any, memory: dict[str, str] | None = None, **at: Any) -> Talk:
    target = mastodon(memory or {}, image="attach")
    return talk(target.announce(WITH_PICTURE, context(memory or {}, **at)), *answers, memory=memory or {})


def test_a_picture_is_uploaded_with_its_description_credit_and_licence_and_posted_with_the_words() -> None:
    said = attaching(PHOTO, UPLOADED, YES)
    assert said.outcome == Said("11", f"{SERVER}/@me/11")
    assert said.paths == ["POST /api/v2/media", "POST /api/v1/statuses"]
    assert (said.wanted[0].url, said.wanted[0].max_bytes, said.wanted[0].max_side) == (IMAGE.url, 5_000_000, 2000)
    upload = said.asked[0]
    assert "岸壁の護衛艦「もがみ」 (海上自衛隊, CC BY 4.0)".encode() in upload.body
    assert PHOTO.content in upload.body
    assert not upload.says
    assert said.body()["media_ids"] == ["m5"]
    assert said.memory == {}


@pytest.mark.parametrize("image", ["card", "none"])
def test_the_servers_own_preview_needs_no_picture(image: str) -> None:
    said = talk(mastodon({}, image=image).announce(WITH_PICTURE, context()), YES)
    assert said.paths == ["POST /api/v1/statuses"]
    assert "media_ids" not in said.body()


@pytest.mark.parametrize(
    "answers",
    [
        (None,),
        (PHOTO, reply(422, {"error": "bad picture"})),
        (PHOTO, reply(500)),
        (PHOTO, reply(429)),
        (PHOTO, reply(200, {})),
    ],
)
def test_a_picture_that_cannot_be_had_or_is_not_taken_is_gone_without(answers: tuple[Any, ...]) -> None:
    said = attaching(*answers, YES)
    assert said.outcome == Said("11", f"{SERVER}/@me/11")
    assert "media_ids" not in said.body()
    assert said.memory == {}


def test_a_crash_between_upload_and_post_goes_on_from_the_uploaded_picture() -> None:
    crashed = attaching(PHOTO, UPLOADED)
    assert crashed.paths[-1] == "POST /api/v1/statuses"
    resumed = attaching(UPLOADED, YES, memory=crashed.memory)
    assert resumed.paths == ["GET /api/v1/media/m5", "POST /api/v1/statuses"]
    assert resumed.body()["media_ids"] == ["m5"]
    assert resumed.memory == {}


def test_the_same_words_go_out_again_in_doubt_with_the_same_picture() -> None:
    crashed = attaching(PHOTO, UPLOADED)
    resent = attaching(YES, memory=crashed.memory, doubted=True)
    assert resent.asked[-1].body == crashed.asked[-1].body
    assert resent.asked[-1].headers == crashed.asked[-1].headers


def test_a_picture_the_server_has_lost_is_uploaded_anew() -> None:
    crashed = attaching(PHOTO, UPLOADED)
    again = attaching(
        reply(404, {"error": "Record not found"}), PHOTO, reply(200, {"id": "m6"}), YES, memory=crashed.memory
    )
    assert again.body()["media_ids"] == ["m6"]


def test_an_upload_that_is_cut_off_twice_is_not_tried_a_third_time() -> None:
    memory: dict[str, str] = {}
    for _ in range(2):
        cut_off = attaching(PHOTO, memory=memory)
        assert cut_off.paths == ["POST /api/v2/media"]
        memory = cut_off.memory
    said = attaching(YES, memory=memory)
    assert said.paths == ["POST /api/v1/statuses"]
    assert said.memory == {}


def test_a_picture_still_in_work_is_waited_for_but_not_for_ever() -> None:
    pending = reply(202, {"id": "m5", "url": None})
    ready = attaching(PHOTO, pending, reply(206, {"id": "m5"}), UPLOADED, YES)
    assert ready.body()["media_ids"] == ["m5"]

    working = [reply(206, {"id": "m5"})] * 3
    waiting = attaching(PHOTO, pending, *working)
    assert waiting.outcome == Again(
        "the picture was uploaded, and the server is still working on it", timedelta(seconds=5)
    )
    still = attaching(*working, memory=waiting.memory, now=NOW + timedelta(minutes=4))
    assert isinstance(still.outcome, Again)
    without = attaching(*working, YES, memory=waiting.memory, now=NOW + timedelta(minutes=5))
    assert "media_ids" not in without.body()


@pytest.mark.parametrize(
    ("answer", "kept"), [(reply(503), True), (reply(500), True), (reply(422, {"error": "no"}), False)]
)
def test_the_picture_is_kept_for_the_next_try_and_forgotten_when_there_is_none(answer: Reply, kept: bool) -> None:
    assert bool(attaching(PHOTO, UPLOADED, answer).memory) is kept


def test_pictures_of_notices_that_ended_without_us_are_forgotten_in_days() -> None:
    memory = attaching(PHOTO, UPLOADED, reply(500)).memory
    soon = talk(mastodon().learn(context(memory, now=NOW + timedelta(days=1))), instance(), memory=memory)
    late = talk(mastodon().learn(context(memory, now=NOW + timedelta(days=3))), instance(), memory=memory)
    assert "picture msg_1" in soon.memory
    assert "picture msg_1" not in late.memory


def test_pictures_are_made_to_the_servers_measure() -> None:
    told = reply(
        200,
        {
            "version": "4.3.2",
            "configuration": {
                "media_attachments": {
                    "image_size_limit": 1_000_000,
                    "image_matrix_limit": 1_000_000,
                    "description_limit": 120,
                }
            },
        },
    )
    memory = learned(told)
    said = attaching(PHOTO, UPLOADED, YES, memory=memory)
    assert (said.wanted[0].max_bytes, said.wanted[0].max_side) == (1_000_000, 1000)


def test_an_edit_names_the_pictures_that_are_there_as_they_would_go_otherwise() -> None:
    there = reply(200, {"id": "11", "media_attachments": [{"id": "m5"}, {"id": "../x"}, "?"]})
    corrected = noticed(image=IMAGE, remote_id="11", action=Action.CORRECT)
    said = talk(mastodon(image="attach").correct(corrected, context()), there, YES)
    assert said.paths == ["GET /api/v1/statuses/11", "PUT /api/v1/statuses/11"]
    assert said.body()["media_ids"] == ["m5"]
    gone = talk(mastodon(image="attach").correct(corrected, context()), reply(404, {"error": "Record not found"}))
    assert gone.outcome == Refused("the post was deleted on Mastodon: there is nothing left to correct")


# ---------------------------------------------------------------- replies, retractions, credentials


def test_a_reply_stands_below_the_post() -> None:
    below = noticed(action=Action.REPLY, remote_id="11", key="msg_2", image=IMAGE)
    said = talk(mastodon(image="attach").reply(below, context()), reply(200, {"id": "12"}))
    assert said.outcome == Said("12")
    assert said.body()["in_reply_to_id"] == "11"
    assert said.asked[0].headers["idempotency-key"] == "msg_2"
    assert said.asked[0].says


def test_an_announcement_at_a_wrong_address_is_the_targets_fault_whatever_stood_there_before() -> None:
    said = talk(mastodon().announce(noticed("再掲", remote_id="11"), context()), reply(404, {"error": "Not Found"}))
    assert isinstance(said.outcome, Refused)
    assert said.outcome.scope == "target"


def test_there_is_no_reply_to_a_post_that_is_gone_or_unknown() -> None:
    for gone in (reply(404, {"error": "Record not found"}), reply(410)):
        below = noticed(action=Action.REPLY, remote_id="11")
        said = talk(mastodon().reply(below, context()), gone)
        assert said.outcome == Refused("the post was deleted on Mastodon: there is nothing left to reply to")
    assert isinstance(talk(mastodon().reply(noticed(remote_id="../1"), context())).outcome, Refused)


def test_what_is_gone_already_is_taken_back() -> None:
    taken_back = noticed(action=Action.RETRACT, remote_id="11")
    for gone in (YES, reply(200, {}), reply(404, {"error": "Record not found"}), reply(410)):
        said = talk(mastodon().retract(taken_back, context()), gone)
        assert (said.outcome, said.paths) == (Said("11"), ["DELETE /api/v1/statuses/11"])
    stopped = talk(mastodon().retract(taken_back, context()), reply(429, x_ratelimit_reset="2026-04-28T03:30:00Z"))
    assert stopped.outcome == Again("Mastodon asks to come back later (HTTP 429)", timedelta(minutes=30))


def test_credentials_are_tried_without_posting() -> None:
    said = talk(mastodon().verify(context()), reply(200, {"id": "7", "acct": "news"}))
    assert said.outcome == Said("@news@mastodon.example")
    assert said.paths == ["GET /api/v1/accounts/verify_credentials"]
    refused = talk(mastodon().verify(context()), reply(401, {"error": "The access token is invalid"})).outcome
    assert isinstance(refused, Refused)
    assert refused.scope == "target"
    assert isinstance(talk(mastodon().verify(context()), reply(200, b"<html>")).outcome, Refused)
    assert isinstance(talk(mastodon().verify(context()), reply(200, {})).outcome, Again)


# ---------------------------------------------------------------- looking for it


def status(id_: str, content: str, *, minutes: float = 1, below: str | None = None) -> dict[str, object]:
    at = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"id": id_, "url": f"{SERVER}/@me/{id_}", "content": content, "created_at": at, "in_reply_to_id": below}


def found(*page: dict[str, object], notice: Notice = NOTICE, **options: Any) -> Outcome | None:
    older = status("0", "<p>older</p>", minutes=-60)
    conversation = mastodon(**options).find(notice, context())
    return talk(conversation, reply(200, {"id": "7"}), reply(200, [*page, older])).outcome


POST = '<p>海自 <a href="https://example.org/2026/04/f35b?from=m&amp;a=1&amp;b=2&amp;utm_source=m">…</a></p>'


def test_the_targets_own_parameters_hide_nothing_from_it() -> None:
    params = {"from": "m", "utm_source": "m"}
    tagged = noticed(link=f"{LINK}&from=m&utm_source=m")
    for notice in (NOTICE, tagged):
        assert found(status("1", POST), notice=notice, link_params=params) == Said("1", f"{SERVER}/@me/1")
    assert found(status("1", POST)) == Absent()


def test_a_reply_is_no_announcement_and_an_announcement_no_reply() -> None:
    plain = POST.replace("from=m&amp;", "")
    below = noticed(action=Action.REPLY, remote_id="1")
    assert found(status("2", plain, below="1")) == Absent()
    assert found(status("2", plain, below="1"), notice=below) == Said("2", f"{SERVER}/@me/2")
    assert found(status("1", plain), notice=below) == Absent()


def test_what_was_said_before_is_not_taken_for_what_is_said_anew() -> None:
    plain = POST.replace("from=m&amp;", "")
    assert found(status("1", plain), notice=noticed(also=("1",))) == Absent()


def test_too_many_posts_leave_a_doubt() -> None:
    pages = [reply(200, [status(str(number), "<p>other</p>")]) for number in range(5)]
    outcome = talk(mastodon().find(NOTICE, context()), reply(200, {"id": "7"}), *pages).outcome
    assert isinstance(outcome, Doubt)


def test_hashtags_stay_as_they_are_written() -> None:
    text = f"海自 #海上自衛隊\n{LINK}"
    said = talk(mastodon().announce(noticed(text, spans=(Span(3, 9, "tag", "海上自衛隊"),)), context()), YES)
    assert said.body()["status"] == text
