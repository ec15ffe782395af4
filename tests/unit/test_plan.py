"""What new articles owe to targets, and how a target goes on after an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from feedpub.model import EPOCH, Action, Again, Article, Doubt, Refused, Said, State
from feedpub.notices.pace import PATIENCE, Rest, rest_after
from feedpub.notices.plan import Owed, news_by_target, plan
from tests.world import Board

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
ARTICLE = Article("blog", "1", "g1", "https://news.test/1", "見出し", "", "", NOW, NOW, categories=("a", "b", "c"))
BOARD = Board(name="board")


def owed(
    *articles: Article, target: Board = BOARD, baseline: bool = False, already: int = 0, only: str = ""
) -> tuple[Owed, ...]:
    scope = frozenset({("blog", only)}) if only else None
    counts = {target.name: already}
    return plan(articles, [target], {target.name: scope}, baseline=baseline, already=counts, now=NOW)


def many(count: int) -> list[Article]:
    return [replace(ARTICLE, id=str(n), guid=f"g{n}") for n in range(count)]


def test_one_article_in_three_categories_is_one_notice() -> None:
    assert [(one.guid, one.state) for one in owed(ARTICLE)] == [("g1", State.HELD)]


def test_a_target_hears_only_of_its_categories() -> None:
    assert owed(ARTICLE, only="b")
    assert owed(ARTICLE, only="z") == ()


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
