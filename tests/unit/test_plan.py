"""What new articles owe to targets, and how a target goes on after an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from feedpub.model import EPOCH, Action, Again, Article, Category, Doubt, Image, Refused, Said, Site, State
from feedpub.notices.pace import PATIENCE, Rest, rest_after
from feedpub.notices.plan import Owed, news_by_target, plan, unclear
from tests.world import Board

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
ARTICLE = Article("blog", "1", "g1", "https://news.test/1", "見出し", "", "", NOW, NOW, categories=("a", "b", "c"))
BOARD = Board(name="board")
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
CATEGORIES = (
    Category("blog", "a", "国際", "world"),
    Category("blog", "b", "米国関連", "us", parent="a"),
    Category("blog", "c", "日本関連", "japan"),
    Category("blog", "z", "料理", "food"),
)


def owed(*articles: Article, target: Board = BOARD, baseline: bool = False, already: int = 0) -> tuple[Owed, ...]:
    counts = {target.name: already}
    return plan(articles, [target], CATEGORIES, site=SITE, baseline=baseline, already=counts, now=NOW)


def taken(article: Article, **rules: object) -> bool:
    return bool(owed(article, target=Board.model_validate({"name": "board", **rules})))


def many(count: int) -> list[Article]:
    return [replace(ARTICLE, id=str(n), guid=f"g{n}") for n in range(count)]


def test_one_article_in_three_categories_is_one_notice() -> None:
    assert [(one.guid, one.state) for one in owed(ARTICLE)] == [("g1", State.HELD)]


def test_the_same_article_in_three_categories_of_one_target_is_one_post() -> None:
    board = Board(name="board", categories=("world", "米国関連", "japan"))
    assert [one.guid for one in owed(ARTICLE, target=board)] == ["g1"]


def test_a_target_hears_only_of_its_categories_children_included() -> None:
    assert taken(ARTICLE, categories=["us"])
    assert not taken(ARTICLE, categories=["料理"])
    assert taken(replace(ARTICLE, categories=("b",)), categories=["国際"])
    assert not taken(replace(ARTICLE, categories=("a",)), categories=["米国関連"])
    assert not taken(replace(ARTICLE, categories=()), categories=["米国関連"])
    assert not taken(ARTICLE, categories=["nowhere"])


def test_a_target_hears_only_of_its_tags() -> None:
    tagged = replace(ARTICLE, tags=("Ｆ-35", "三沢"))
    assert taken(tagged, tags=["f-35"])
    assert taken(tagged, tags=["佐世保", "三沢"])
    assert not taken(tagged, tags=["佐世保"])
    assert not taken(ARTICLE, tags=["三沢"])


def test_a_tag_that_is_skipped_keeps_an_article_out_whatever_else_it_has() -> None:
    tagged = replace(ARTICLE, tags=("PR", "三沢"))
    assert not taken(tagged, skip_tags=["pr"])
    assert not taken(tagged, tags=["三沢"], skip_tags=["ＰＲ"])
    assert taken(tagged, skip_tags=["広告"])
    assert taken(ARTICLE, skip_tags=["広告"])


def test_a_target_hears_only_of_its_authors() -> None:
    written = replace(ARTICLE, authors=("Jane  Doe", "かもめ"))
    assert taken(written, authors=["jane doe"])
    assert taken(written, authors=["かもめ", "だれか"])
    assert not taken(written, authors=["だれか"])
    assert not taken(ARTICLE, authors=["かもめ"])


def test_a_target_hears_of_articles_of_briefs_or_of_both() -> None:
    brief = replace(ARTICLE, title="", content="<p>短信</p>")
    assert [taken(one) for one in (ARTICLE, brief)] == [True, True]
    assert [taken(one, takes=["article"]) for one in (ARTICLE, brief)] == [True, False]
    assert [taken(one, takes=["brief"]) for one in (ARTICLE, brief)] == [False, True]


@pytest.mark.parametrize(
    ("when", "meets"),
    [
        ("'見出し' in title", True),
        ("'速報' in title", False),
        ("'速報' in title or 'F-35' in tags", True),
        ("'F-35' in tags and '米国関連' in categories", True),
        ("'us' in categories", False),
        ("tags | select('equalto', 'F-15') ", False),
        ("image and image.credit", True),
        ("published.hour == 18 and language == 'ja'", True),
        ("action == 'announce' and site.title == '航空ニュース'", True),
        ("notice", False),
    ],
)
def test_a_target_hears_only_of_what_meets_its_condition(when: str, meets: bool) -> None:
    full = replace(ARTICLE, tags=("F-35",), images=(Image("https://news.test/1.jpg", credit="防衛省"),))
    assert taken(full, when=when) == meets


def test_all_rules_must_be_met() -> None:
    rules = {"categories": ["us"], "tags": ["F-35"], "authors": ["かもめ"], "takes": ["article"], "when": "title"}
    good = replace(ARTICLE, tags=("F-35",), authors=("かもめ",))
    assert taken(good, **rules)
    lacking = [{"categories": ("z",)}, {"tags": ()}, {"authors": ()}, {"title": ""}]
    assert not any(taken(replace(good, **one), **rules) for one in lacking)  # type: ignore[arg-type]  # fields by name


def test_an_article_that_a_condition_fails_on_is_told_and_kept_for_a_person() -> None:
    picky = Board(name="board", when="image.url")
    (one,) = owed(ARTICLE, target=picky)
    assert (one.state, one.held_by) == (State.SKIPPED, "when")
    assert one.reason.startswith("targets.board.when: the condition speaks of a part that is not there")
    assert unclear([one, *owed(ARTICLE)]) == {"board": [one]}


def test_a_condition_is_not_asked_about_what_other_rules_keep_out() -> None:
    assert not taken(ARTICLE, when="image.url", tags=["三沢"])


def test_what_rules_keep_out_does_not_make_a_flood() -> None:
    assert {one.held_by for one in owed(ARTICLE, *many(100), target=Board(name="board", when="id == '1'"))} == {"feeds"}


def test_the_baseline_is_not_announced_unless_it_is_asked_for() -> None:
    assert owed(ARTICLE, baseline=True) == ()
    assert owed(ARTICLE, baseline=True, target=Board(name="board", announce_backlog=True))


def test_the_author_may_keep_it_quiet() -> None:
    (one,) = owed(replace(ARTICLE, announce=False))
    assert (one.state, one.held_by) == (State.SKIPPED, "author")


def test_what_is_too_old_is_told_but_not_said() -> None:
    (one,) = owed(replace(ARTICLE, published=NOW - timedelta(days=3)))
    assert (one.state, one.reason) == (State.SKIPPED, "too old to be news (max_age)")


def test_a_flood_is_held_for_a_person() -> None:
    assert {one.held_by for one in owed(*many(20))} == {"feeds"}
    held = owed(*many(21))
    assert {one.held_by for one in held} == {"flood"}
    assert "feedpub deliveries release --target board" in held[0].reason


def test_a_flood_is_counted_over_all_batches_of_a_poll() -> None:
    first = owed(*many(15))
    assert news_by_target(first) == {"board": 15}
    assert {one.held_by for one in owed(*many(6), already=15)} == {"flood"}


def test_old_articles_do_not_make_a_flood() -> None:
    old = [replace(one, published=NOW - timedelta(days=9)) for one in many(100)]
    assert {one.held_by for one in owed(ARTICLE, *old)} == {"", "feeds"}


def test_older_news_is_told_first() -> None:
    later = replace(ARTICLE, guid="g0", published=NOW + timedelta(seconds=1))
    assert [one.guid for one in owed(later, ARTICLE)] == ["g1", "g0"]


# ---------------------------------------------------------------- the target afterwards

CALM = Rest(0, EPOCH, NOW)


def after(outcome: Said | Again | Refused | Doubt, before: Rest = CALM, attempts: int = 1, every: str = "0") -> Rest:
    return rest_after(outcome, Action.ANNOUNCE, attempts, before, Board(name="board", every=every), NOW)


def test_a_notice_takes_the_targets_slot() -> None:
    assert after(Said(), every="10m").slot_until == NOW + timedelta(minutes=10)


def test_a_retraction_takes_no_slot() -> None:
    rest = rest_after(Said(), Action.RETRACT, 1, CALM, Board(name="board", every="10m"), NOW)
    assert rest.slot_until == NOW


def test_a_target_that_asks_for_time_gets_it() -> None:
    rest = after(Again("HTTP 429", timedelta(seconds=3597)))
    assert (rest.failures, rest.rest_until) == (1, NOW + timedelta(seconds=3597))


def test_a_target_that_leaves_us_in_doubt_is_left_in_peace() -> None:
    """Else a server that hangs would turn its whole queue into doubts, one timeout after the other."""
    rest = after(Doubt("no answer"))
    assert rest.failures == 1
    assert rest.rest_until > NOW


def test_a_target_that_answers_again_is_fresh() -> None:
    assert after(Said(), Rest(4, NOW, NOW)).failures == 0


def test_an_item_that_fails_alone_does_not_hold_up_the_others() -> None:
    assert after(Again("HTTP 503"), attempts=PATIENCE).failures == 1
    assert after(Again("HTTP 503"), attempts=PATIENCE + 1) == CALM


def test_a_target_that_refuses_us_is_paused_with_its_reason() -> None:
    assert after(Refused("HTTP 401", "target")).paused == "HTTP 401"
    assert after(Refused("HTTP 422")).paused == ""
