"""Hard cases that belong to no single network: what becomes of notices when the world is not as it should be."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from feedpub.model import Again, Conversation, Notice, RawArticle, State
from feedpub.networks import weighted
from feedpub.networks.base import Network
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.test_publisher import START, Desk
from tests.world import Board, ListStore, RepostBoard, ThreadBoard

# ---------------------------------------------------------------- where each case is shown

UNIT, EDGE, REAL = "tests/unit", "tests/edge", "tests/networks"
BLUESKY, FEDIVERSE, DOUBTS = f"{EDGE}/test_bluesky.py", f"{EDGE}/test_fediverse.py", f"{EDGE}/test_doubts.py"
HERE, CONTRACT, PACE = f"{EDGE}/test_hard_cases.py", f"{EDGE}/test_contract.py", f"{EDGE}/test_pace.py"
X, NETWORKS, KINDS = f"{EDGE}/test_x.py", f"{UNIT}/test_networks.py", f"{UNIT}/networks"
LIFE, FAULTS, HUB = f"{EDGE}/test_feed_life.py", f"{EDGE}/test_faults.py", f"{EDGE}/test_websub_hub.py"
MASTODON, PUBLISHER = f"{KINDS}/test_mastodon.py", f"{EDGE}/test_publisher.py"

CASES: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "killed after Bluesky kept the post",
        (
            f"{BLUESKY}::test_a_kill_after_the_server_kept_the_post_leaves_one_record",
            f"{BLUESKY}::test_an_article_is_told_corrected_and_withdrawn_once_each_over_kills_and_restarts",
        ),
    ),
    2: (
        "killed after Mastodon kept the post",
        (
            f"{FEDIVERSE}::test_killed_while_it_posts_feedpub_makes_one_post",
            f"{FEDIVERSE}::test_an_answer_lost_on_the_way_is_asked_for_again_by_the_same_key",
        ),
    ),
    3: (
        "killed after Matrix kept the event",
        (
            f"{REAL}/test_killed.py::test_matrix_has_one_event",
            f"{DOUBTS}::test_an_answer_that_got_lost_makes_no_second_post",
            f"{REAL}/test_matrix.py::test_another_login_of_the_same_account_posts_the_same_again_so_one_token_is_kept",
        ),
    ),
    4: (
        "killed after a server without keys kept the post",
        (
            f"{FEDIVERSE}::test_killed_while_it_posts_feedpub_makes_one_post",
            f"{FEDIVERSE}::test_where_no_key_helps_what_was_posted_is_found_and_not_posted_again",
            f"{FEDIVERSE}::test_where_no_key_helps_what_was_not_posted_is_posted_once",
        ),
    ),
    5: (
        "killed where nobody can tell",
        (
            f"{DOUBTS}::test_an_answer_that_got_lost_makes_no_second_post",
            f"{DOUBTS}::test_where_nobody_can_tell_an_admin_may_prefer_twice_to_never",
            f"{REAL}/test_killed.py::test_telegram_has_one_message_and_a_person_is_asked",
        ),
    ),
    6: (
        "a PDS that fails with what it has already",
        (f"{BLUESKY}::test_a_pds_that_fails_with_what_it_has_already_is_asked_what_stands_there",),
    ),
    7: (
        "a token that ran out",
        (f"{BLUESKY}::test_a_token_that_has_run_out_is_renewed_and_the_same_place_is_written",),
    ),
    8: (
        "sixty restarts in a day",
        (
            f"{BLUESKY}::test_sixty_restarts_in_a_day_log_in_once",
            f"{BLUESKY}::test_however_often_it_is_thrown_out_it_logs_in_a_handful_of_times_a_day",
        ),
    ),
    9: (
        "an hour to wait, and a restart",
        (
            f"{HERE}::test_a_wait_of_an_hour_is_waited_out_across_a_restart_while_others_go_on",
            f"{FEDIVERSE}::test_the_hour_that_misskey_asks_for_is_waited_out",
        ),
    ),
    10: (
        "every way to ask for patience",
        (
            f"{NETWORKS}::test_how_long_to_wait_is_read_in_every_dialect",
            f"{NETWORKS}::test_no_wait_is_negative_or_longer_than_a_day",
            f"{CONTRACT}::test_too_many_requests_are_waited_out_as_the_network_asks",
        ),
    ),
    11: (
        "a first run over a large archive",
        (
            f"{HERE}::test_a_first_run_over_a_large_archive_announces_nothing",
            f"{HERE}::test_a_backlog_that_is_asked_for_is_told_as_far_as_max_age_goes",
        ),
    ),
    12: (
        "a database lost, or from an old backup",
        (
            f"{HERE}::test_a_ledger_that_was_lost_begins_with_a_baseline",
            f"{HERE}::test_a_ledger_from_an_old_backup_floods_nobody",
            f"{HERE}::test_a_busy_day_that_a_backup_does_not_know_of_is_held_and_told",
        ),
    ),
    13: (
        "a headline that is corrected",
        (
            f"{HERE}::test_an_edited_headline_is_told_by_a_reply_where_the_target_says_so_and_never_as_news",
            f"{HERE}::test_an_edited_headline_is_deleted_and_said_anew_where_the_target_says_so",
            f"{CONTRACT}::test_an_edit_changes_what_stands_there",
            f"{FEDIVERSE}::test_mastodon_is_edited_in_place_replied_to_and_cleared_and_a_second_time_is_done",
        ),
    ),
    14: (
        "an article that is withdrawn, twice",
        (
            f"{CONTRACT}::test_a_retraction_deletes_it_and_a_second_one_is_a_success_too",
            f"{DOUBTS}::test_what_was_deleted_by_hand_counts_as_retracted",
            f"{FEDIVERSE}::test_what_is_taken_back_twice_is_gone",
        ),
    ),
    15: (
        "withdrawn while it waits",
        (
            f"{HERE}::test_a_retraction_before_it_was_said_says_nothing_at_all",
            f"{PACE}::test_case_15_what_is_withdrawn_while_it_waits_for_the_morning_is_never_sent",
        ),
    ),
    16: (
        "an old article saved again",
        (f"{PUBLISHER}::test_an_old_article_that_is_saved_again_or_filed_elsewhere_announces_nothing",),
    ),
    17: (
        "one article in three categories",
        (f"{PUBLISHER}::test_the_same_article_in_three_categories_of_a_target_is_said_once",),
    ),
    18: (
        "two topics in the same words",
        (
            f"{HERE}::test_two_topics_of_the_same_words_and_no_link_are_two",
            f"{X}::test_two_topics_of_the_same_words_fail_the_second_with_a_reason_and_hold_up_nothing",
        ),
    ),
    19: (
        "128 letters and an address on X",
        (f"{KINDS}/test_weighted.py::test_128_letters_a_space_and_an_address_are_280",),
    ),
    20: (
        "families, variants, voiced kana and flags",
        (
            f"{KINDS}/test_whole_letters.py::test_no_network_gets_half_a_letter_wherever_its_limit_falls",
            f"{KINDS}/test_whole_letters.py::test_what_networks_cut_themselves_is_cut_between_letters",
            f"{UNIT}/test_fit.py::test_no_limit_tears_what_readers_see_as_one_letter",
        ),
    ),
    21: (
        "bare domains on X",
        (
            f"{KINDS}/test_x.py::test_a_domain_that_x_would_make_a_link_of_is_told_with_what_it_costs",
            f"{UNIT}/test_preview.py::test_a_bare_domain_in_a_linkless_brief_is_told_with_what_it_costs",
            f"{X}::test_a_bare_domain_makes_a_brief_as_dear_as_a_link_does",
        ),
    ),
    22: (
        "a Japanese address",
        (
            f"{BLUESKY}::test_a_percent_encoded_japanese_address_is_one_whole_link",
            f"{HERE}::test_a_japanese_address_is_one_whole_link_on_x_too",
            f"{KINDS}/test_weighted.py::test_a_link_weighs_23_and_links_are_what_x_makes_links_of",
        ),
    ),
    23: (
        "signs that would call somebody",
        (
            f"{KINDS}/test_plain_words.py::test_a_headline_is_read_as_it_was_written_and_calls_nobody",
            f"{NETWORKS}::test_no_mention_fires",
            f"{KINDS}/test_x.py::test_nobody_is_called_and_one_cashtag_is_left",
        ),
    ),
    24: (
        "signs that would act",
        (
            f"{KINDS}/test_plain_words.py::test_a_headline_is_read_as_it_was_written_and_calls_nobody",
            f"{KINDS}/test_plain_words.py::test_every_network_that_is_told_of_articles_is_read_here",
        ),
    ),
    25: (
        "a picture that is none, too large, slow or private",
        (
            f"{BLUESKY}::test_a_picture_that_cannot_be_had_leaves_a_card_without_one",
            f"{BLUESKY}::test_a_picture_that_takes_all_the_time_is_left_out_of_the_next_try",
            f"{EDGE}/test_images.py::test_a_notice_is_said_though_its_picture_never_comes",
            f"{EDGE}/test_images.py::test_nothing_private_is_fetched",
            f"{EDGE}/test_images.py::test_what_is_no_picture_for_a_network_is_left_out_at_once",
            f"{EDGE}/test_images.py::test_whatever_the_bounds_they_are_kept",
        ),
    ),
    26: (
        "a token that was revoked",
        (
            f"{HERE}::test_a_token_that_was_revoked_pauses_its_own_target_and_resuming_says_the_queue_once",
            f"{DOUBTS}::test_a_target_that_is_gone_is_never_called_again_until_a_person_says_so",
        ),
    ),
    27: (
        "a webhook that is gone",
        (f"{DOUBTS}::test_a_target_that_is_gone_is_never_called_again_until_a_person_says_so",),
    ),
    28: (
        "Discord's own id of a post",
        (
            f"{NETWORKS}::test_discord_is_asked_to_wait_and_to_mention_nobody",
            f"{CONTRACT}::test_a_notice_is_said_once_with_its_words",
        ),
    ),
    29: (
        "a month's money",
        (
            f"{X}::test_a_month_costs_no_more_than_its_budget_and_no_call_is_made_beyond_it",
            f"{EDGE}/test_budget.py::test_case_29_what_the_months_budget_does_not_cover_waits_and_is_not_sent",
            f"{EDGE}/test_pace_seen.py::test_what_waits_for_money_is_a_problem_that_says_what_to_do",
        ),
    ),
    30: (
        "quiet hours, wherever the host is",
        (
            f"{PACE}::test_case_30_nothing_is_said_in_quiet_hours_and_afterwards_notices_drip",
            f"{PACE}::test_a_night_in_which_clocks_change_ends_as_the_clock_says",
            f"{UNIT}/test_quiet.py::test_case_30_quiet_hours_are_those_of_the_site_wherever_the_host_is",
        ),
    ),
    31: (
        "a clock that jumps",
        (
            f"{PACE}::test_case_31_a_clock_set_back_neither_stalls_nor_hurries_the_pace",
            f"{PACE}::test_case_31_a_day_that_was_slept_through_is_no_reason_for_a_burst",
            f"{KINDS}/test_bluesky.py::test_notices_of_one_moment_and_of_a_clock_that_jumps_lie_apart",
            f"{FAULTS}::test_a_clock_that_is_set_stalls_nothing_and_repeats_nothing",
        ),
    ),
    32: (
        "two of us by mistake",
        (
            f"{HERE}::test_two_feedpubs_that_share_a_database_say_it_once",
            f"{FAULTS}::test_a_second_feedpub_on_the_same_postgresql_is_refused_until_the_first_is_gone",
        ),
    ),
    33: (
        "nothing is told before feeds are out",
        (
            f"{FAULTS}::test_feeds_that_cannot_be_written_stay_as_they_were_and_hold_only_their_own_notices",
            f"{LIFE}::test_the_notice_of_an_article_that_cannot_go_out_waits_until_it_can",
            f"{LIFE}::test_a_hub_is_told_though_feedpub_died_after_the_files_were_out",
        ),
    ),
    34: (
        "a hub that reads headers",
        (
            f"{HUB}::test_without_links_in_the_headers_of_the_feed_the_hub_hands_out_nothing",
            f"{HUB}::test_a_new_article_reaches_the_subscriber_signed_through_publisher_hub_and_our_own_server",
        ),
    ),
    35: (
        "a ping server that hangs",
        (
            f"{EDGE}/test_ping_service.py::test_a_service_that_hangs_costs_no_more_than_the_timeout",
            f"{EDGE}/test_loop.py::test_those_who_hang_hold_nobody_up",
        ),
    ),
    36: (
        "a page instead of an answer",
        (
            f"{CONTRACT}::test_a_login_page_is_a_failure_that_says_so",
            f"{NETWORKS}::test_a_web_page_is_a_failure_and_not_a_success",
        ),
    ),
    37: ("a redirect elsewhere", (f"{CONTRACT}::test_a_redirect_is_told_and_not_followed",)),
    38: (
        "secrets stay secret",
        (
            f"{EDGE}/test_canary.py::test_no_secret_is_shown_whatever_networks_and_stores_answer",
            f"{CONTRACT}::test_no_reason_holds_the_secret_even_if_the_server_repeats_it",
            f"{EDGE}/test_http.py::test_no_secret_is_in_a_log_an_outcome_or_a_traceback",
        ),
    ),
    39: (
        "seeing before saying",
        (
            f"{UNIT}/test_preview.py::test_a_preview_is_byte_by_byte_what_would_be_posted",
            f"{EDGE}/test_preview.py::test_a_preview_never_goes_through_the_door",
        ),
    ),
    40: (
        "limits that differ by server",
        (
            f"{FEDIVERSE}::test_limits_are_those_that_the_server_tells",
            f"{MASTODON}::test_limits_are_read_from_the_server_and_asked_again_after_a_day",
            f"{MASTODON}::test_a_server_that_tells_nothing_is_left_alone_for_an_hour_and_keeps_what_it_told_before",
            f"{KINDS}/test_misskey.py::test_the_limit_is_read_from_the_server_once_a_day",
        ),
    ),
    41: (
        "a server that counts otherwise than it tells",
        (
            f"{FEDIVERSE}::test_a_server_that_counts_links_whole_gets_the_notice_cut_shorter_once",
            f"{MASTODON}::test_a_server_that_refuses_what_the_counter_allowed_gets_it_shorter_once_and_then_no_more",
        ),
    ),
    42: (
        "a crash between picture and post",
        (
            f"{FEDIVERSE}::test_a_crash_between_a_picture_and_its_post_leaves_one_picture_and_one_post",
            f"{MASTODON}::test_a_crash_between_upload_and_post_goes_on_from_the_uploaded_picture",
            f"{KINDS}/test_misskey.py::test_a_crash_between_upload_and_note_goes_on_from_the_uploaded_picture",
            f"{KINDS}/test_matrix.py::test_a_crash_between_upload_and_post_goes_on_with_the_same_picture",
        ),
    ),
    43: (
        "an item that nobody takes",
        (
            f"{HERE}::test_what_a_network_refuses_blocks_nothing_behind_it",
            f"{HERE}::test_what_fails_three_times_alone_is_set_aside_and_the_next_one_goes",
        ),
    ),
    44: (
        "a template changed while notices wait",
        (
            f"{HERE}::test_a_template_changed_while_notices_wait_counts_for_all_that_were_not_begun",
            f"{HERE}::test_words_that_may_have_been_said_stay_as_they_were_whatever_becomes_of_the_template",
        ),
    ),
}
"""The hard cases of posting, by their numbers: what each is about, and the tests that show what becomes of it."""


def test_each_of_the_44_hard_cases_is_shown_by_tests_that_exist() -> None:
    assert sorted(CASES) == list(range(1, 45))
    root = Path(__file__).parents[2]
    for number, (what, shown_by) in CASES.items():
        assert what, number
        assert shown_by, number
        for test in shown_by:
            file, _, name = test.partition("::")
            assert name.partition("[")[0] in names_in(root / file), f"case {number}: there is no {test}"


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of the tests that a file holds."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef))


# ---------------------------------------------------------------- those of no single network


def boards(*names: str) -> dict[str, Network]:
    return {name: Board(name=name) for name in names}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return migrated_sqlite(tmp_path)


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(url, tmp_path, targets=boards("news", "other"))
    yield desk
    desk.ledger.close()


def told(desk: Desk, target: str = "news") -> list[str]:
    return [post.guid.rpartition(":")[2] for post in desk.world.posts if post.target == target]


def restarted(desk: Desk, url: str, folder: Path) -> Desk:
    """The same world and store, another process."""
    desk.ledger.close()
    later = Desk(url, folder, now=desk.now, store=desk.store, targets=desk.targets)
    later.world.posts = desk.world.posts
    return later


class HourBoard(Board):
    """A board that asks to come back in an hour, as Misskey does: three seconds less."""

    def _ask(self, verb: str, notice: Notice) -> Conversation:
        outcome = yield from super()._ask(verb, notice)
        return Again(outcome.why, timedelta(seconds=3597)) if isinstance(outcome, Again) else outcome


def test_a_wait_of_an_hour_is_waited_out_across_a_restart_while_others_go_on(
    desk: Desk, url: str, tmp_path: Path
) -> None:
    desk.targets = {"news": HourBoard(name="news"), "other": Board(name="other")}
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.world.behaviours = ["busy"]
    desk.round(seconds=1)
    assert (told(desk), told(desk, "other")) == ([], ["1"])
    assert desk.rest("news").rest_until == desk.now + timedelta(seconds=3597)
    later = restarted(desk, url, tmp_path)
    later.article("2")
    later.round(seconds=3596)
    assert (told(later), told(later, "other")) == ([], ["1", "2"])
    later.round(seconds=2)
    assert sorted(told(later)) == ["1", "2"]
    later.ledger.close()


class WideStore(ListStore):
    """A store that answers many rows at a time."""

    rows_at_once = 1000


def test_a_first_run_over_a_large_archive_announces_nothing(url: str, tmp_path: Path) -> None:
    dates = (START - timedelta(minutes=number) for number in range(5000))
    rows = [
        RawArticle(id=f"{number}", url=f"https://news.test/{number}", title="題", published=at.isoformat())
        for number, at in enumerate(dates)
    ]
    desk = Desk(url, tmp_path, store=WideStore([*rows]), targets=boards("news"), formats=("rss",))
    desk.round(minutes=1)
    assert desk.ledger.articles.counts() == {"live": 5000, "quarantined": 0}
    assert desk.world.posts == []
    assert desk.states() == {}
    desk.ledger.close()


def test_a_backlog_that_is_asked_for_is_told_as_far_as_max_age_goes(tmp_path: Path) -> None:
    store = ListStore()
    asking = {"news": Board(name="news", announce_backlog=True, max_age=timedelta(hours=3))}
    desk = Desk("sqlite:///" + str(tmp_path / "first.db"), tmp_path, store=ListStore(), targets={})
    desk.store = store
    for number in range(6):
        desk.article(f"{number}", published=(desk.now - timedelta(hours=number)).isoformat())
    desk.ledger.close()
    later = Desk("sqlite:///" + str(tmp_path / "second.db"), tmp_path, store=store, targets=dict(asking))
    later.round(seconds=1)
    assert told(later) == ["2", "1", "0"]
    later.ledger.close()


def test_a_ledger_that_was_lost_begins_with_a_baseline(desk: Desk, tmp_path: Path) -> None:
    desk.article("1")
    desk.round(minutes=1)
    lost = restarted(desk, "sqlite:///" + str(tmp_path / "empty.db"), tmp_path)
    lost.round(minutes=1)
    assert told(lost) == ["1"]
    lost.article("2")
    lost.round(minutes=1)
    assert told(lost) == ["1", "2"]
    lost.ledger.close()


def test_a_ledger_from_an_old_backup_floods_nobody(tmp_path: Path) -> None:
    file = tmp_path / "feedpub.db"
    desk = Desk(f"sqlite:///{file}", tmp_path, targets=boards("news"))
    desk.ledger.close()
    shutil.copy(file, tmp_path / "backup.db")
    desk = Desk(f"sqlite:///{file}", tmp_path, targets=desk.targets, store=desk.store)
    for day in range(10):
        desk.article(f"{day}")
        desk.round(hours=12)
    assert len(told(desk)) == 10
    desk.ledger.close()
    for path in tmp_path.glob("feedpub.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", file)
    restored = restarted(desk, f"sqlite:///{file}", tmp_path)
    restored.round(minutes=1)
    # What is older than max_age is no news, and what is left of the flood is held for a person.
    assert len(told(restored)) - 10 <= 4
    assert set(restored.states().values()) <= {State.SKIPPED, State.HELD, State.SENT}
    restored.ledger.close()


def test_a_busy_day_that_a_backup_does_not_know_of_is_held_and_told(tmp_path: Path) -> None:
    desk = Desk(f"sqlite:///{tmp_path / 'feedpub.db'}", tmp_path, targets=boards("news"), store=WideStore())
    desk.ledger.close()
    shutil.copy(tmp_path / "feedpub.db", tmp_path / "backup.db")
    desk = Desk(f"sqlite:///{tmp_path / 'feedpub.db'}", tmp_path, targets=desk.targets, store=desk.store)
    for number in range(24):
        desk.article(f"{number}")
        desk.round(minutes=30)
    assert len(told(desk)) == 24
    with capture_logs() as log:
        restored = restarted(desk, f"sqlite:///{tmp_path / 'backup.db'}", tmp_path)
        restored.round(minutes=1)
    assert len(told(restored)) == 24
    assert restored.ledger.deliveries.flooded() == {"news": 24}
    assert [event["deliveries"] for event in log if event["event"] == "flood_held"] == [24]
    restored.ledger.close()


def test_a_japanese_address_is_one_whole_link_on_x_too(desk: Desk) -> None:
    desk.article("1", url="https://日本.jp/記事/海自の新型艦?題=就役#続き")
    desk.round(minutes=1)
    (post,) = [post for post in desk.world.posts if post.target == "news"]
    (address,) = [line for line in post.text.splitlines() if line.startswith("https://")]
    assert address.isascii()
    assert [link.text for link in weighted.links(post.text)] == [address]


def test_a_retraction_before_it_was_said_says_nothing_at_all(desk: Desk) -> None:
    desk.targets["news"] = Board(name="news", delay=timedelta(hours=1))
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.round(hours=2)
    assert told(desk) == []


def test_two_topics_of_the_same_words_and_no_link_are_two(desk: Desk) -> None:
    for id_ in ("1", "2"):
        desk.article(id_, title="", url="", content="<p>速報：三沢に到着</p>")
    desk.round(minutes=1)
    assert told(desk) == ["1", "2"]
    assert len({post.text for post in desk.world.posts}) == 1
    assert len({post.key for post in desk.world.posts if post.target == "news"}) == 2


def test_a_token_that_was_revoked_pauses_its_own_target_and_resuming_says_the_queue_once(desk: Desk) -> None:
    desk.article("1")
    desk.world.behaviours = ["forbidden"]
    desk.round(minutes=1)
    desk.article("2")
    desk.round(minutes=1)
    assert desk.rest("news").paused
    assert (told(desk), told(desk, "other")) == ([], ["1", "2"])
    desk.ledger.targets.resume("news")
    desk.round(minutes=1)
    desk.round(hours=1)
    assert told(desk) == ["1", "2"]


def test_what_a_network_refuses_blocks_nothing_behind_it(desk: Desk) -> None:
    desk.article("1")
    desk.article("2")
    desk.world.behaviours = ["refused"]
    desk.round(minutes=1)
    assert told(desk) == ["2"]
    poisoned = [one.delivery for one in desk.ledger.deliveries.listed(states=[State.FAILED])]
    assert [one.reason for one in poisoned] == ["not wanted here"]


def test_what_fails_three_times_alone_is_set_aside_and_the_next_one_goes(desk: Desk) -> None:
    desk.targets = boards("news")
    desk.publisher.apply(desk.setup())
    desk.article("1")
    for _ in range(4):
        desk.world.behaviours = ["busy"]
        desk.round(hours=4)
    desk.world.behaviours = ["busy"]
    desk.round(hours=11)
    desk.article("2")
    desk.round(hours=1)
    assert "2" in told(desk)


def test_a_template_changed_while_notices_wait_counts_for_all_that_were_not_begun(desk: Desk) -> None:
    patient = {"name": "news", "delay": timedelta(hours=1)}
    desk.targets = {"news": Board.model_validate(patient)}
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.round(minutes=1)
    desk.targets = {"news": Board.model_validate(patient | {"template": "新しい {{ title }}"})}
    desk.publisher.apply(desk.setup())
    desk.round(hours=2)
    assert [post.text for post in desk.world.posts] == ["新しい 記事1"]


def test_words_that_may_have_been_said_stay_as_they_were_whatever_becomes_of_the_template(desk: Desk) -> None:
    desk.targets = {"news": Board(name="news", on_doubt="resend")}
    desk.publisher.apply(desk.setup())
    desk.article("1")
    desk.world.behaviours = ["lost before"]
    desk.round(seconds=1)
    desk.targets = {"news": Board(name="news", on_doubt="resend", template="新しい {{ title }}")}
    desk.publisher.apply(desk.setup())
    desk.round(hours=1)
    assert [post.text for post in desk.world.posts] == ["記事1\nhttps://news.test/1"]


def test_an_edited_headline_is_told_by_a_reply_where_the_target_says_so_and_never_as_news(desk: Desk) -> None:
    desk.targets = {"news": ThreadBoard(name="news", correct="reply")}
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    desk.store.put(replace(raw, title="記事1 訂正版"))
    desk.round(minutes=1)
    desk.round(minutes=5)
    first, second = desk.world.posts
    assert (second.above, second.text) == (first.id, "【訂正】記事1 訂正版\nhttps://news.test/1")
    desk.store.remove("1")
    desk.round(minutes=1)
    desk.round(hours=2)
    assert [post.standing for post in desk.world.posts] == [False, False]


def test_an_edited_headline_is_deleted_and_said_anew_where_the_target_says_so(desk: Desk) -> None:
    desk.targets = {"news": RepostBoard(name="news", correct="repost")}
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    desk.store.put(replace(raw, title="記事1 訂正版"))
    for _ in range(3):
        desk.round(minutes=5)
    assert [(post.standing, post.text) for post in desk.world.posts] == [
        (False, "記事1\nhttps://news.test/1"),
        (True, "記事1 訂正版\nhttps://news.test/1"),
    ]


def test_two_feedpubs_that_share_a_database_say_it_once(postgres: PostgreSQL, tmp_path: Path) -> None:
    desk = Desk(postgres.migrated(), tmp_path, targets=boards("news"))
    desk.article("1")
    desk.now = desk.world.now = desk.now + timedelta(minutes=1)
    desk.publisher.publish("blog")
    first, second = desk.publisher.claim(5), desk.publisher.claim(5)
    assert (len(first), len(second)) == (1, 0)
    for claimed in (first[0], first[0]):
        desk.publisher.deliver(claimed)
    assert told(desk) == ["1"]
    desk.ledger.close()


def test_an_authors_no_that_came_while_a_retraction_was_in_doubt_is_heeded(desk: Desk) -> None:
    desk.targets = boards("news")
    desk.publisher.apply(desk.setup())
    raw = desk.article("1")
    desk.round(minutes=1)
    desk.store.remove("1")
    desk.round(minutes=1)
    desk.world.behaviours = ["lost after"]
    desk.round(hours=2)
    desk.store.put(replace(raw, announce=False))
    desk.round(minutes=1)
    desk.round(hours=2)
    assert [post.standing for post in desk.world.posts] == [False]
    assert desk.states() == {"1": State.SKIPPED}
    desk.store.put(replace(raw, announce=True))
    desk.round(minutes=1)
    assert [post.standing for post in desk.world.posts] == [False, True]
