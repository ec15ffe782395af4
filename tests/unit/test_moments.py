"""What people say of a moment, and which moment that is."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from feedpub.commands.moments import moment
from feedpub.errors import FeedpubError

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 3, 0, 20, tzinfo=UTC)  # noon in Tokyo


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("18:30", "2026-11-23T09:30"),
        ("１８：３０", "2026-11-23T09:30"),
        ("6:30pm", "2026-11-23T09:30"),
        ("today 18:30", "2026-11-23T09:30"),
        ("tomorrow 9:00", "2026-11-24T00:00"),
        ("9:00 Tomorrow", "2026-11-24T00:00"),
        ("明日 9:00", "2026-11-24T00:00"),
        ("明日9時", "2026-11-24T00:00"),
        ("本日 18時30分", "2026-11-23T09:30"),
        ("2026-11-24 09:00", "2026-11-24T00:00"),
        ("2026-11-24T09:00+01:00", "2026-11-24T08:00"),
        ("2026-12-01", "2026-11-30T15:00"),
    ],
)
def test_a_moment_is_read_as_people_write_it_in_the_sites_zone(said: str, meant: str) -> None:
    assert moment(said, NOW, TOKYO) == datetime.fromisoformat(f"{meant}+00:00")


def test_the_minute_that_is_passing_means_now() -> None:
    assert moment("12:00", NOW, TOKYO) == NOW


@pytest.mark.parametrize("said", ["", "soon", "25:00", "tomorrow", "4/5", "24日 9:00", "9", "tomorrow 2026-12-01"])
def test_what_is_no_moment_is_refused_with_examples(said: str) -> None:
    with pytest.raises(FeedpubError, match='write "18:30", "tomorrow 9:00" or'):
        moment(said, NOW, TOKYO)


@pytest.mark.parametrize("said", ["11:58", "2026-11-23T11:58", "2020-01-01"])
def test_what_has_passed_is_refused_and_named_in_the_sites_zone(said: str) -> None:
    with pytest.raises(FeedpubError, match=r"\(Asia/Tokyo\) has passed: name a later time"):
        moment(said, NOW, TOKYO)


def test_of_an_hour_that_comes_twice_the_first_is_meant_and_one_that_is_skipped_is_counted_on() -> None:
    autumn, spring = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert moment("tomorrow 2:30", autumn, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert moment("tomorrow 2:30", spring, BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
