"""How long an answer may be taken for true: never longer than the stores' shortest cadence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from feedpub.cadence import next_run, parse_cadence
from feedpub.feeds.freshness import LONGEST, cache_control, fresh_for
from tests.unit.test_cadence import lines


@pytest.mark.parametrize(
    ("cadences", "seconds"),
    [
        ([], 300),
        (["3m"], 180),
        (["3m", "90s", "1h"], 90),
        (["1s"], 1),
        (["1d"], 300),
        (["*/2 6-23 * * *"], 120),
        (["0,3 * * * *"], 180),
        (["58 23 * * *", "1,59 0,23 * * *"], 120),
        (["0 9 * * 1"], 300),
        (["* * * * *", "10s"], 10),
    ],
)
def test_a_feed_is_fresh_until_the_next_poll_may_have_changed_it(cadences: list[str], seconds: int) -> None:
    assert fresh_for(map(parse_cadence, cadences)) == timedelta(seconds=seconds)


@given(lines())
def test_no_two_polls_of_a_cron_line_come_closer_than_its_feeds_are_fresh(line: str) -> None:
    cadence, zone = parse_cadence(line), ZoneInfo("Asia/Tokyo")
    fresh, last = fresh_for([cadence]), None
    for _ in range(4):
        run = next_run(cadence, last, last or datetime(2026, 3, 1, tzinfo=UTC), zone)
        assert last is None or run - last >= fresh
        last = run
    assert timedelta(seconds=1) <= fresh <= LONGEST


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("rss", "public, max-age=180"),
        ("atom", "public, max-age=180"),
        ("json", "public, max-age=180"),
        ("html", "no-cache"),
        ("opml", "no-cache"),
        ("css", "public, max-age=3600"),
        ("webp", "public, max-age=3600"),
    ],
)
def test_each_kind_of_file_says_how_long_it_may_be_kept(ending: str, said: str) -> None:
    assert cache_control(ending, timedelta(minutes=3)) == said
