"""X: its words, what they cost, what is asked, and what its answers mean."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oauthlib.oauth1 import Client
from pydantic import ValidationError

from feedpub.errors import ConfigError
from feedpub.model import (
    Absent,
    Action,
    Again,
    Context,
    Doubt,
    Notice,
    Outcome,
    Refused,
    Reply,
    Said,
)
from feedpub.networks import X, weighted
from feedpub.settings import load
from tests.unit.networks.talk import carried_out, reply

NOW = datetime(2026, 4, 28, 3, 0, tzinfo=UTC)
CONTEXT = Context(NOW)
LINK = "https://example.jp/%E8%A8%98%E4%BA%8B?a=1&b=2"
NOTICE = Notice("news", Action.ANNOUNCE, "1", "g", 1, "msg_1", NOW, f"海自の新型艦「もがみ」型\n{LINK}", LINK)
BRIEF = replace(NOTICE, text="海自の新型艦が就役 & 公開。", link="")
KEYS = {
    "api_key": "ck-kanaria7f3b9c1d5e",
    "api_secret": "cs-kanaria7f3b9c1d5e",
    "access_token": "7-at-kanaria7f3b9c1d5e",
    "access_secret": "as-kanaria7f3b9c1d5e",
}


def target(**options: Any) -> X:
    return X.model_validate({"name": "news", "kind": "x", "budget": 20, **KEYS, **options})


# ---------------------------------------------------------------- options


def test_without_a_budget_it_is_refused_with_the_prices() -> None:
    with pytest.raises(ValidationError) as caught:
        X.model_validate({"kind": "x", **KEYS})
    (error,) = caught.value.errors()
    assert (error["type"], error["loc"]) == ("missing", ("budget",))
    described = X.model_fields["budget"].description or ""
    assert "$0.200 for a post with a link" in described
    assert "$0.015" in described


TABLE = """
[site]
title = "航空ニュース"
url = "https://blog.test/"
[feeds]
base_url = "https://blog.test/feeds/"
[targets.x_news]
kind = "x"
api_key = "k"
api_secret = "s"
access_token = "t"
access_secret = "u"
"""


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        ("", r"targets\.x_news\.budget: is required: what may be spent .* \$0\.200 .* \$0\.015"),
        ("budget = []", r"targets\.x_news\.budget: write a number"),
        ('budget = "much"', r"targets\.x_news\.budget: write a number"),
        ("budget = 0", r"targets\.x_news\.budget: must be more than 0"),
        ('budget = 1\ncorrect = "edit"', r"targets\.x_news: .*set edits = true"),
    ],
)
def test_a_config_without_a_sensible_budget_is_refused_in_one_sentence(
    tmp_path: Path, budget: str, sentence: str
) -> None:
    (tmp_path / "feedpub.toml").write_text(TABLE + budget, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path, {})


def test_a_config_with_a_budget_is_taken(tmp_path: Path) -> None:
    (tmp_path / "feedpub.toml").write_text(TABLE + "budget = 12.5\nprice_with_link = 0.1", encoding="utf-8")
    (loaded,) = load(tmp_path, {}).settings.targets.values()
    assert loaded.allowance() == Decimal("12.5")
    assert loaded.price(Action.ANNOUNCE, LINK) == Decimal("0.1")


@pytest.mark.parametrize("budget", [0, -1, "much"])
def test_a_budget_is_an_amount_of_money(budget: object) -> None:
    with pytest.raises(ValidationError):
        target(budget=budget)


def test_an_edit_edits_only_where_the_account_may() -> None:
    assert target().correct_by == "ignore"
    assert target(edits=True).correct_by == "edit"
    assert target(edits=True, correct="ignore").correct_by == "ignore"
    assert target(correct="repost").correct_by == "repost"
    for edits in ({}, {"edits": False}, {"edits": "off"}):
        assert target(**edits).correct_by == "ignore"
        with pytest.raises(ValidationError, match="set edits = true"):
            target(correct="edit", **edits)


def test_it_neither_replies_nor_attaches() -> None:
    with pytest.raises(ValidationError, match='write "edit" or "repost" or "ignore"'):
        target(correct="reply")
    for image in ("attach", "none"):
        with pytest.raises(ValidationError, match='X cannot do that: write "card"'):
            target(image=image)


@pytest.mark.parametrize("url", ["api.x.com", "https://api.x.com/2", "https://user:p@api.x.com"])
def test_the_address_of_the_api_is_a_bare_one(url: str) -> None:
    with pytest.raises(ValidationError):
        target(api_url=url)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("@user", "@\u2060user"),
        ("こちら@userと＠user", "こちら@\u2060userと＠\u2060user"),
        ("RT@user rt@user", "RT@\u2060user rt@\u2060user"),
        ("@user.", "@\u2060user."),
        ("@everyone @海自", "@\u2060everyone @海自"),
        ("info@example.jp", "info@example.jp"),
        ("@example.jp", "@\u2060example.\u2060jp"),
        ("https://m.example.com/@user", "https://m.example.com/@user"),
        ("$TSLA $A $B100", "$TSLA $\u2060A $\u2060B100"),
        ("$100と$TSLA、US$A", "$100と$TSLA、US$A"),
        ("$TSLA https://a.jp/?$A $B", "$TSLA https://a.jp/?$A $\u2060B"),
        ("#米軍 C#", "#米軍 C#"),
        ("&amp; <b> _*[", "&amp; <b> _*["),
    ],
)
def test_nobody_is_called_and_one_cashtag_is_left(text: str, worded: str) -> None:
    assert target().word(text) == worded


SIGNS = st.lists(
    st.sampled_from(
        ["@", "＠", "$", "#", ".", "a", "user", "海", " ", "\n", "example.jp", "https://a.jp/@u", "RT", "$A"]
    ),
    max_size=20,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(SIGNS)
@example("example.jp$a@$example.jp$A")
@example("＠example.jp")
def test_words_read_the_same_and_make_no_new_links(text: str) -> None:
    worded = target().word(text)
    assert worded.replace("\u2060", "") == text
    assert {link.text for link in weighted.links(worded)} == {link.text for link in weighted.links(text)}
    rest = worded
    for link in reversed(list(weighted.links(worded))):
        rest = rest[: link.start] + " p" + rest[link.end :]  # no name, and yet a letter
    assert not re.search(r"(?<![A-Za-z0-9_!#$%&*@＠])[@＠][A-Za-z0-9_]", rest)
    assert len(re.findall(r"(?<![A-Za-z0-9$])\$[A-Za-z]", rest)) <= 1


def test_the_length_is_that_of_the_words_that_are_sent() -> None:
    measure = target().measure("あ" * 128 + " https://example.jp/" + "a" * 86)
    assert (measure.used, measure.limit, measure.fits) == (280, 280, True)
    assert not target().measure("あ" * 129 + f" {LINK}").fits
    assert target().measure("@user").used == 7


# ---------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("action", "text", "cost"),
    [
        (Action.ANNOUNCE, f"海自\n{LINK}", "0.200"),
        (Action.ANNOUNCE, "海自", "0.015"),
        (Action.ANNOUNCE, "U.S.Navyの新型艦", "0.200"),
        (Action.ANNOUNCE, "@example.jp", "0.015"),
        (Action.CORRECT, f"海自\n{LINK}", "0.200"),
        (Action.CORRECT, "海自", "0.015"),
        (Action.RETRACT, f"海自\n{LINK}", "0.010"),
    ],
)
def test_what_it_costs(action: Action, text: str, cost: str) -> None:
    assert target().price(action, text) == Decimal(cost)
    assert target().allowance() == 20


def test_what_is_beyond_the_budget_waits_or_is_skipped() -> None:
    assert target().beyond_allowance() == "wait"
    assert target(over_budget="skip").beyond_allowance() == "skip"


def test_prices_are_options() -> None:
    dear = target(price_with_link="1", price_without_link=0.5, price_of_deletion=0)
    prices = [dear.price(Action.ANNOUNCE, text) for text in (LINK, "海自")]
    assert [*prices, dear.price(Action.RETRACT, "")] == [1, Decimal("0.5"), 0]


def test_a_domain_that_x_would_make_a_link_of_is_told_with_what_it_costs() -> None:
    (caution,) = target().cautions("詳細はexample.jpへ")
    assert caution == (
        "X makes a link of example.jp: the post costs 0.200 instead of 0.015; "
        "write it in another way if that is not meant"
    )
    assert [one.split()[5] for one in target().cautions("U.S.Navy と example.jp")] == ["U.S.Navy:", "example.jp:"]


def test_beside_a_link_a_bare_domain_costs_nothing_more() -> None:
    assert target().cautions(f"米海軍U.S.Navy\n{LINK}") == () or "costs" not in target().cautions(f"U.S.Navy {LINK}")[0]
    assert len(target().cautions(f"U.S.Navy {LINK}")) == 1
    assert target().cautions(f"海自のF-35Bとnode.js\n{LINK}") == ()


# ---------------------------------------------------------------- what is asked


@pytest.mark.parametrize("url", ["https://api.x.com/2/tweets", "https://api.x.com/2/users/7/tweets?a=1&b=%E8%A8%98+x"])
def test_a_request_is_signed_as_the_signers_own_client_signs_it(url: str) -> None:
    header = target()._signed("GET", url, "msg_1", CONTEXT)["authorization"]
    nonce = dict(re.findall(r'(\w+)="([^"]*)"', header))["oauth_nonce"]
    client = Client(
        KEYS["api_key"],
        client_secret=KEYS["api_secret"],
        resource_owner_key=KEYS["access_token"],
        resource_owner_secret=KEYS["access_secret"],
        nonce=nonce,
        timestamp=str(int(NOW.timestamp())),
    )
    expected = client.sign(url, "GET")[1]["Authorization"]
    assert sorted(header.removeprefix("OAuth ").split(", ")) == sorted(expected.removeprefix("OAuth ").split(", "))


def test_a_post_holds_its_words_and_nothing_else() -> None:
    asked, _, outcome = carried_out(target().announce(NOTICE, CONTEXT), reply(201, {"data": {"id": "99", "text": "…"}}))

    assert outcome == Said("99", "https://x.com/i/web/status/99")
    assert (asked[0].method, asked[0].url, asked[0].says) == ("POST", "https://api.x.com/2/tweets", True)
    assert json.loads(asked[0].body) == {"text": NOTICE.text}
    assert LINK in asked[0].body.decode()


def test_the_same_try_is_the_same_bytes_and_the_next_has_another_nonce() -> None:
    first, same, later = (
        carried_out(target().announce(NOTICE, Context(moment)), reply(503))[0][0]
        for moment in (NOW, NOW, NOW + timedelta(milliseconds=1))
    )
    assert (first.headers, first.body) == (same.headers, same.body)
    assert first.headers["authorization"] != later.headers["authorization"]


ME = reply(200, {"data": {"id": "7", "username": "news", "name": "ニュース"}})
EMPTY = reply(200, {"meta": {"result_count": 0}})


def test_no_log_holds_what_is_signed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        carried_out(target().find(NOTICE, CONTEXT), ME, EMPTY)
    assert "kanaria" not in caplog.text


def test_an_edit_names_what_it_replaces_and_has_an_id_of_its_own() -> None:
    there = replace(NOTICE, remote_id="99")
    asked, _, outcome = carried_out(target(edits=True).correct(there, CONTEXT), reply(201, {"data": {"id": "100"}}))
    assert outcome == Said("100", "https://x.com/i/web/status/100")
    assert json.loads(asked[0].body) == {"text": NOTICE.text, "edit_options": {"previous_post_id": "99"}}
    assert not asked[0].says


def test_a_post_is_deleted_and_a_second_deletion_is_a_success() -> None:
    there = replace(NOTICE, remote_id="99")
    for answer in (reply(200, {"data": {"deleted": True}}), reply(404, {"title": "Not Found Error"})):
        asked, _, outcome = carried_out(target().retract(there, CONTEXT), answer)
        assert outcome == Said("99")
        assert (asked[0].method, asked[0].url) == ("DELETE", "https://api.x.com/2/tweets/99")
    assert isinstance(carried_out(target().retract(there, CONTEXT), reply(200, {"data": {}}))[2], Again)
    assert isinstance(carried_out(target().retract(there, CONTEXT), reply(404, b"<html>"))[2], Refused)


@pytest.mark.parametrize("remote_id", ["", "..", "99/../1", "９９"])
def test_without_an_id_nothing_is_asked(remote_id: str) -> None:
    for talk in (target().correct, target().retract):
        asked, _, outcome = carried_out(talk(replace(NOTICE, remote_id=remote_id), CONTEXT))
        assert asked == []
        assert isinstance(outcome, Refused)


def test_credentials_are_tried_by_asking_who_we_are() -> None:
    asked, _, outcome = carried_out(target().verify(CONTEXT), ME)
    assert outcome == Said("@news")
    assert asked[0].url == "https://api.x.com/2/users/me"
    wrong = carried_out(target().verify(CONTEXT), reply(401, {"title": "Unauthorized", "detail": "Unauthorized"}))[2]
    assert isinstance(wrong, Refused)
    assert "check api_key, api_secret, access_token and access_secret" in wrong.why


# ---------------------------------------------------------------- what answers mean

DUPLICATE = reply(
    403, {"detail": "You are not allowed to create a Tweet with duplicate content.", "title": "Forbidden"}
)


def announced(answer: Reply, context: Context = CONTEXT) -> Outcome:
    return carried_out(target().announce(NOTICE, context), answer)[2]


@pytest.mark.parametrize(
    ("answer", "scope"),
    [
        (
            reply(400, {"title": "Invalid Request", "detail": "One or more parameters to your request was invalid."}),
            "item",
        ),
        (DUPLICATE, "item"),
        (reply(403, {"detail": "Your Tweet text is too long."}), "item"),
        (reply(403, {"detail": "Posts are limited to 1 cashtag."}), "item"),
        (reply(401, {"title": "Unauthorized"}), "target"),
        (reply(402, {"title": "CreditsDepleted"}), "target"),
        (reply(403, {"detail": "You are not permitted to perform this action."}), "target"),
        (
            reply(403, {"title": "Unsupported Authentication", "detail": "OAuth 2.0 Application-Only is forbidden."}),
            "target",
        ),
        (reply(403, b"<html>"), "target"),
        (reply(404, {"title": "Not Found Error"}), "target"),
    ],
)
def test_a_refusal_is_of_the_item_or_of_the_target(answer: Reply, scope: str) -> None:
    outcome = announced(answer)
    assert isinstance(outcome, Refused)
    assert outcome.scope == scope


def test_too_many_posts_are_waited_out_until_the_moment_that_x_names() -> None:
    reset = str(int(NOW.timestamp()) + 754)
    outcome = announced(reply(429, {"title": "Too Many Requests"}, x_rate_limit_reset=reset))
    assert isinstance(outcome, Again)
    assert outcome.wait == timedelta(seconds=754)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_with_the_post_in_hand_leaves_a_doubt(status: int) -> None:
    assert isinstance(announced(reply(status)), Doubt)
    assert isinstance(announced(reply(200, {"data": {"id": "../1"}})), Doubt)
    assert isinstance(announced(reply(503)), Again)


def test_a_bad_request_is_told_in_xs_own_words() -> None:
    errors = [{"message": "$.text: must be at most 25000 characters", "parameters": {}}]
    outcome = announced(reply(400, {"title": "Invalid Request", "detail": "One or more …", "errors": errors}))
    assert isinstance(outcome, Refused)
    assert "HTTP 400: $.text: must be at most 25000 characters" in outcome.why
    canary = announced(reply(400, {"detail": f"no {KEYS['access_token']} and {KEYS['api_secret']}"}))
    assert "kanaria" not in str(canary)


def test_the_same_words_twice_are_refused_for_good_with_a_reason() -> None:
    outcome = announced(DUPLICATE)
    assert outcome == Refused("X refuses the same words twice: change the article or the template, or leave it")


def post(id_: str, text: str, *links: tuple[str, str, str], minutes: float = 1) -> dict[str, object]:
    urls = [{"url": short, "expanded_url": long, "display_url": shown} for short, long, shown in links]
    at = f"{NOW + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.000Z}"
    return {"id": id_, "text": text, "created_at": at, "entities": {"urls": urls}}


def page(*posts: Mapping[str, object], onward: str = "") -> Reply:
    meta = {"result_count": len(posts), **({"next_token": onward} if onward else {})}
    return reply(200, {"meta": meta, **({"data": list(posts)} if posts else {})})


OURS = post("99", "海自の新型艦 https://t.co/abc", ("https://t.co/abc", LINK + "&utm_source=x", "example.jp/…"))


def test_after_a_doubt_the_same_words_twice_mean_that_it_was_said() -> None:
    doubted = Context(NOW, {"account": ""}, doubted=True)
    _, _, outcome = carried_out(target().announce(NOTICE, doubted), DUPLICATE, ME, page(OURS))
    assert outcome == Said("99", "https://x.com/i/web/status/99")
    _, _, unseen = carried_out(target().announce(NOTICE, doubted), DUPLICATE, ME, EMPTY)
    assert unseen == Said()


def test_what_was_looked_for_in_vain_and_is_called_a_duplicate_was_said() -> None:
    _, memory, outcome = carried_out(target().find(NOTICE, CONTEXT), ME, EMPTY)
    assert outcome == Absent()

    after = Context(NOW + timedelta(minutes=5), memory)
    asked, _, said = carried_out(target().announce(NOTICE, after), DUPLICATE, page(OURS))
    assert said == Said("99", "https://x.com/i/web/status/99")
    assert len(asked) == 2  # who we are was remembered
    other = replace(NOTICE, key="msg_2")
    assert isinstance(carried_out(target().announce(other, after), DUPLICATE)[2], Refused)


def test_several_doubts_are_remembered_beside_each_other_but_not_for_ever() -> None:
    memory: dict[str, str] = {}
    for number in range(30):
        one = replace(NOTICE, key=f"msg_{number}")
        memory |= carried_out(target().find(one, Context(NOW, memory)), *([] if memory else [ME]), EMPTY)[1]
    after = Context(NOW + timedelta(hours=1), memory)
    for number, expected in ((29, Said), (15, Said), (1, Refused)):
        answers = [DUPLICATE, page(OURS)] if expected is Said else [DUPLICATE]
        again = replace(NOTICE, key=f"msg_{number}", at=NOW + timedelta(hours=1))
        assert isinstance(carried_out(target().announce(again, after), *answers)[2], expected)


def test_an_edit_that_stands_already_is_a_success_and_one_that_is_too_late_is_not() -> None:
    there = replace(NOTICE, remote_id="99")
    assert carried_out(target(edits=True).correct(there, CONTEXT), DUPLICATE)[2] == Said("99")
    late = reply(403, {"detail": "This Tweet can no longer be edited."})
    outcome = carried_out(target(edits=True).correct(there, CONTEXT), late)[2]
    assert isinstance(outcome, Refused)
    assert (outcome.scope, "no longer" in outcome.why) == ("item", True)
    app = reply(403, {"title": "Forbidden", "reason": "client-not-enrolled", "detail": "enrolled"})
    paused = carried_out(target(edits=True).correct(there, CONTEXT), app)[2]
    assert isinstance(paused, Refused)
    assert paused.scope == "target"


# ---------------------------------------------------------------- looking for it


def found(notice: Notice, *pages: Reply) -> Outcome:
    return carried_out(target().find(notice, CONTEXT), ME, *pages)[2]


def test_a_post_is_found_by_its_link_whatever_was_hung_on_it() -> None:
    other = post("98", "other https://t.co/x", ("https://t.co/x", "https://example.jp/other", "example.jp/other"))
    assert found(NOTICE, page(other, OURS)) == Said("99", "https://x.com/i/web/status/99")
    assert found(NOTICE, page(other)) == Absent()


def test_of_two_posts_with_its_link_the_one_in_its_words_is_it() -> None:
    link = ("https://t.co/abc", LINK, "example.jp/…")
    ours = post("98", f"{NOTICE.text.replace(LINK, link[0])}", link)
    for posts in ((OURS, ours), (ours, OURS)):
        assert found(NOTICE, page(*posts)) == Said("98", "https://x.com/i/web/status/98")


def test_a_post_without_a_link_is_found_by_its_words() -> None:
    assert found(BRIEF, page(post("5", "海自の新型艦が就役 &amp; 公開。"))) == Said("5", "https://x.com/i/web/status/5")
    bare = replace(BRIEF, text="詳細はexample.jpへ @user")
    shortened = post("6", "詳細はhttps://t.co/y へ @\u2060user", ("https://t.co/y", "http://example.jp", "example.jp"))
    assert found(bare, page(shortened)) == Said("6", "https://x.com/i/web/status/6")


def test_what_is_known_to_stand_there_is_not_what_is_looked_for() -> None:
    assert found(replace(NOTICE, remote_id="99"), page(OURS)) == Absent()
    assert found(replace(NOTICE, also=("98", "99")), page(OURS)) == Absent()


def test_what_was_posted_before_it_was_to_be_said_is_not_it() -> None:
    assert found(BRIEF, page(post("5", BRIEF.text.replace("&", "&amp;"), minutes=-60))) == Absent()


def test_a_list_in_which_a_post_cannot_be_read_does_not_tell_that_ours_is_absent() -> None:
    for answer in (page({"id": "../9", "text": "x"}), page({"id": "9"}), reply(200, {"meta": {"result_count": 1}})):
        _, memory, outcome = carried_out(target().find(NOTICE, CONTEXT), ME, answer)
        assert isinstance(outcome, Again)
        assert "doubted" not in memory


def test_looking_goes_back_page_by_page_but_not_for_ever() -> None:
    pages = [page(post(str(number), "other"), onward=f"t{number}") for number in range(5)]
    asked, memory, outcome = carried_out(target().find(NOTICE, CONTEXT), ME, *pages)

    assert isinstance(outcome, Doubt)
    assert asked[1].url.startswith(
        "https://api.x.com/2/users/7/tweets?max_results=100&exclude=retweets&start_time=2026-04-28T02%3A50%3A00Z"
    )
    assert "pagination_token=t0" in asked[2].url
    assert "pagination_token=t3" in asked[5].url
    assert not any(request.says for request in asked)
    assert "doubted" not in memory


def test_another_tokens_account_is_not_taken_for_ours() -> None:
    _, memory, _ = carried_out(target().find(NOTICE, CONTEXT), ME, EMPTY)
    known = Context(NOW, memory)
    assert len(carried_out(target().find(NOTICE, known), EMPTY)[0]) == 1
    assert len(carried_out(target(access_token="8-other").find(NOTICE, known), ME, EMPTY)[0]) == 2
    assert "kanaria" not in str(memory)


@pytest.mark.parametrize("answers", [[reply(200, b"?")], [ME, reply(200, b"[]")], [reply(500)], [ME, reply(502)]])
def test_a_list_that_cannot_be_read_is_read_again_later(answers: list[Reply]) -> None:
    assert isinstance(carried_out(target().find(NOTICE, CONTEXT), *answers)[2], Again)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "data", "meta", "entities", "urls", "text", "created_at"]), inner)
        ),
    )
)
def test_no_answer_whatever_it_is_breaks_the_looking(body: object) -> None:
    said = reply(200, {"meta": {}, "data": body})
    assert isinstance(found(NOTICE, said), Absent | Again | Doubt)
    assert isinstance(found(BRIEF, said), Absent | Again | Doubt)
