"""What `feedpub preview` tells, and the page that it writes."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from feedpub.commands.page import preview_page
from feedpub.commands.preview import Card, Note, Preview, Standing, kept_out, preview
from feedpub.commands.seeing import Seen
from feedpub.model import EPOCH, Action, Article, Delivery, State
from feedpub.networks import Console, X
from feedpub.networks.base import Network
from feedpub.notices.compose import compose, key_of
from feedpub.notices.lifecycle import FLOOD
from feedpub.notices.pace import Rest
from tests.previews import ARTICLE, BRIEF, CATEGORIES, FRESH, KNOWN, LONG, NOW, SITE, TARGETS, Dear, page, seen

DEAR = TARGETS[0]


def shown(article: Article, target: Network = DEAR, standing: Standing = FRESH) -> Preview:
    return preview(article, target, KNOWN, standing)


# ---------------------------------------------------------------- what would be said


@pytest.mark.parametrize("article", [ARTICLE, LONG, BRIEF])
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_preview_is_byte_by_byte_what_would_be_posted(article: Article, target: Network) -> None:
    key = key_of(article.guid, target.name, Action.ANNOUNCE, 1)
    notice = compose(
        article, target, action=Action.ANNOUNCE, revision=1, key=key, now=NOW, categories=CATEGORIES, site=SITE
    )
    found = shown(article, target)
    assert found.text.encode() == notice.text.encode()
    assert (found.spans, found.payload) == (notice.spans, target.word(notice.text))
    assert found.measure == target.measure(notice.text)


def test_what_a_limit_takes_away_is_told_with_what_would_stand_there_without_it() -> None:
    found = shown(LONG)
    assert found.measure is not None
    assert found.measure.fits
    assert found.text.endswith(f"…\n{LONG.url}")
    assert found.whole.startswith(LONG.title)
    assert [note.told("en") for note in found.left_out] == ["left out: #F35 #米国", "cut: the end of the words"]
    assert (shown(ARTICLE).left_out, shown(ARTICLE).whole) == ((), shown(ARTICLE).text)
    assert shown(ARTICLE).hashtags == ("F35", "米国")


def test_a_summary_that_finds_no_room_is_told() -> None:
    wordy = Dear(name="dear", template="{{ headline }}\n{{ summary }}\n{{ url }}")
    whole = replace(ARTICLE, summary="要約" * 60)
    assert shown(whole, wordy).left_out == (Note("left_summary"),)


def test_a_card_shows_what_the_network_would_and_an_attached_picture_stands_alone() -> None:
    image = ARTICLE.images[0]
    assert shown(ARTICLE).card == Card(ARTICLE.title, ARTICLE.summary, "news.test", image, attached=False)
    attached = shown(ARTICLE, Dear(name="dear", image="attach")).card
    assert attached is not None
    assert (attached.image, attached.attached) == (image, True)
    assert shown(LONG, Dear(name="dear", image="attach")).card is None, "there is no picture"
    assert shown(ARTICLE, Dear(name="dear", image="none")).card is None
    assert shown(BRIEF).card is None, "there is no link"


def test_what_it_costs_and_what_the_network_would_make_of_it_is_told() -> None:
    found = shown(BRIEF)
    assert (str(found.cost), found.cautions) == ("0.200", ("Dear makes a link of U.S.Navy",))
    assert found.payload == found.text.replace("@", "@\u2060") != found.text


def test_a_bare_domain_in_a_linkless_brief_is_told_with_what_it_costs() -> None:
    secrets = dict.fromkeys(("api_key", "api_secret", "access_token", "access_secret"), "secret")
    found = shown(BRIEF, X.model_validate({"name": "x", "budget": 20} | secrets))
    (caution,) = found.cautions
    assert "U.S.Navy" in caution
    assert "0.015" in caution
    assert (found.cost, found.measure and found.measure.limit) == (Decimal("0.200"), 280)


def test_what_cannot_be_written_says_why() -> None:
    found = shown(ARTICLE, Dear(name="dear", template="{{ url }}" * 12))
    assert found.fault.startswith("the notice is too long even with its headline cut")
    assert (found.text, found.measure) == ("", None)


# ---------------------------------------------------------------- whether, and when


@pytest.mark.parametrize(
    ("article", "options", "why"),
    [
        (BRIEF, {"takes": ("article",)}, "it takes no briefs (`takes`)"),
        (ARTICLE, {"takes": ("brief",)}, "it takes no articles (`takes`)"),
        (ARTICLE, {"categories": ("日本関連",)}, "it is in none of its `categories`"),
        (ARTICLE, {"tags": ("F-35",)}, "it has none of its `tags`"),
        (ARTICLE, {"skip_tags": ("もがみ型",)}, "it has one of its `skip_tags`"),
        (ARTICLE, {"authors": ("鈴木",)}, "it is by none of its `authors`"),
        (ARTICLE, {"when": "'速報' in title"}, "it does not meet its condition (`when`)"),
        (replace(ARTICLE, announce=False), {}, "its author does not want it announced"),
        (ARTICLE, {"max_age": "30m"}, "it is older than its `max_age` of 30m"),
        (ARTICLE, {"max_age": "90m", "delay": "1h"}, "it is older than its `max_age` of 1h30m"),
    ],
)
def test_the_rule_that_keeps_an_article_out_is_named(article: Article, options: dict[str, object], why: str) -> None:
    out = shown(article, Dear.model_validate({"name": "dear"} | options)).kept_out
    assert out is not None
    assert out.told("en") == why
    assert kept_out(ARTICLE, DEAR, KNOWN, NOW) is None


@pytest.mark.parametrize(
    ("article", "options", "rest", "minutes", "told"),
    [
        (ARTICLE, {}, Rest(0, EPOCH, EPOCH), 0, []),
        (ARTICLE, {"delay": "3m"}, Rest(0, EPOCH, EPOCH), 3, ["after its `delay` of 3m"]),
        (LONG, {}, Rest(0, EPOCH, EPOCH), 24 * 60, ["when it is published"]),
        (ARTICLE, {}, Rest(0, EPOCH, NOW + timedelta(minutes=7)), 7, ["when it may speak again"]),
        (ARTICLE, {}, Rest(2, NOW + timedelta(minutes=9), EPOCH), 9, ["after a rest, as it had trouble"]),
        (ARTICLE, {"quiet": "12:00-15:00"}, Rest(0, EPOCH, EPOCH), 180, ["after its quiet hours (12:00-15:00)"]),
        (ARTICLE, {"quiet": "15:00-18:00"}, Rest(0, EPOCH, EPOCH), 0, []),
        (
            ARTICLE,
            {"quiet": "12:05-15:00", "delay": "10m"},
            Rest(0, EPOCH, EPOCH),
            180,
            ["after its `delay` of 10m", "after its quiet hours (12:05-15:00)"],
        ),
    ],
)
def test_what_puts_it_off_is_told_with_the_moment(
    article: Article, options: dict[str, object], rest: Rest, minutes: int, told: list[str]
) -> None:
    found = shown(article, Dear.model_validate({"name": "dear"} | options), Standing(rest))
    assert found.at == NOW + timedelta(minutes=minutes)
    assert [note.told("en") for note in found.waits] == told


def test_a_paused_target_says_it_at_no_moment() -> None:
    found = shown(ARTICLE, DEAR, Standing(Rest(0, EPOCH, EPOCH, "HTTP 401")))
    assert (found.at, [note.told("en") for note in found.waits]) == (None, ["it is paused: HTTP 401"])


def test_what_the_months_budget_does_not_cover_waits_for_the_next() -> None:
    found = shown(ARTICLE, DEAR, Standing(spent=19_900_000))
    assert found.at is not None
    assert f"{found.at.astimezone(SITE.zone):%Y-%m-%d %H:%M}" == "2026-12-01 00:00"
    assert found.waits[-1].told("en") == "when there is money again: this month's budget of 20.00 is spent"
    assert shown(ARTICLE, DEAR, Standing(spent=19_800_000)).waits == ()


@pytest.mark.parametrize(
    ("delivery", "told"),
    [
        (Delivery(1, "dear", 1, State.SENT, 1, 1), "said already"),
        (Delivery(1, "dear", 1, State.SENT, 1, 1, remote_url="https://a.test/1"), "said already, see https://a.test/1"),
        (Delivery(1, "dear", 1, State.HELD, 1, held_by=FLOOD), "held, as so many were new at once"),
        (Delivery(1, "dear", 1, State.FAILED, 1, reason="HTTP 422"), "was given up: HTTP 422"),
        (Delivery(1, "dear", 1, State.DUE, 1, due_at=NOW + timedelta(minutes=2)), "waits for its time"),
    ],
)
def test_what_became_of_it_already_is_told_and_rules_no_more(delivery: Delivery, told: str) -> None:
    found = shown(ARTICLE, Dear(name="dear", takes=("brief",)), Standing(delivery=delivery))
    assert found.stands is not None
    assert (found.stands.told("en"), found.kept_out) == (told, None)
    assert found.coming == (delivery.state is State.DUE)
    assert found.at == (delivery.due_at or NOW)


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_page_shows_every_text_and_asks_for_nothing(language: str) -> None:
    made = page(language)
    said = html.unescape(re.sub(r"<[^>]+>", "", made))
    for one in seen():
        for post in one.previews:
            if not post.writes_json:
                assert post.text in said
    assert not re.search(r"<(script|img|iframe|link rel=\"style)|url\((?!\"?data:)|@import", made)
    assert re.findall(r'(?:src|action)="([^"]+)"', made) == []
    assert "default-src 'none'" in made


def test_the_page_is_in_the_sites_language() -> None:
    assert '<html lang="ja">' in page("ja")
    assert "投稿の見本" in page("ja")
    assert "What would be said" in page("en-GB")
    assert "<code>categories</code> のどれにも入っていません" in page("ja")


def test_no_markup_of_an_article_or_a_target_acts_on_the_page() -> None:
    hostile = replace(BRIEF, summary="<script>1</script>", content="<p>&lt;script&gt;1&lt;/script&gt;</p>")
    console = Console(name="terminal")
    refused = Standing(Rest(0, EPOCH, EPOCH, "`<b>no</b>`"))
    made = preview_page([Seen(hostile, (preview(hostile, console, KNOWN, refused),))], SITE, NOW)
    assert "<script>1" not in made
    assert "<code>&lt;b&gt;no&lt;/b&gt;</code>" in made
