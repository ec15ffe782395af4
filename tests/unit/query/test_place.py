"""How far the polling of a query has come: laws, played with a model of the database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from feedpub.stores.query.place import REMEMBERED, Place, Row

OVERLAP = timedelta(minutes=10)
DAY = timedelta(days=1)
START = 1_777_345_200


def when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def newest(rows: dict[str, Row]) -> list[Row]:
    return sorted(rows.values(), key=lambda one: (one.at is None, -(one.at or 0), one.id))


@dataclass
class Poller:
    """Polls a table as the store does."""

    place: Place = field(default_factory=Place)
    told: list[Row] = field(default_factory=list)

    def poll(self, rows: dict[str, Row], now: int) -> list[Row]:
        whole = self.place.whole(when(now), DAY)
        since = self.place.begins(whole=whole).timestamp()
        answer = {id_: row for id_, row in rows.items() if row.at is not None and row.at >= since}
        news = [row for row in answer.values() if self.place.seen.get(row.id) != row.digest]
        self.place = self.place.after(newest(answer), when(now), OVERLAP, whole=whole)
        assert Place.parse(str(self.place), "") == self.place
        self.told += news
        return news


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400),  # seconds until it happens
        st.integers(0, 9),  # which article
        st.integers(0, 599),  # how long before that it was stamped, in a transaction that then commits
        st.booleans(),  # whether there is a poll after it
    ),
    max_size=40,
)


@given(EVENTS)
def test_what_is_committed_within_the_overlap_is_never_missed(events: list[tuple[int, int, int, bool]]) -> None:
    poller, rows, now = Poller(), {}, START
    for number, (later, article, before, polls) in enumerate(events):
        now += later
        rows[str(article)] = Row(str(article), now - before, f"{number}")
        if polls:
            poller.poll(rows, now)
    poller.poll(rows, now)
    latest = {row.id: row for row in poller.told}
    assert latest == rows
    place = str(poller.place)
    assert poller.poll(rows, now + 60) == []
    assert str(poller.place) == place


@given(EVENTS)
def test_nothing_is_told_twice_as_it_was(events: list[tuple[int, int, int, bool]]) -> None:
    poller, rows, now = Poller(), {}, START
    for number, (later, article, before, polls) in enumerate(events):
        now += later
        rows[str(article)] = Row(str(article), now - before, f"{number}")
        if polls:
            poller.poll(rows, now)
    assert len(poller.told) == len(set(poller.told))


def test_what_was_late_beyond_the_overlap_is_found_by_the_pass_over_everything() -> None:
    poller = Poller()
    rows = {"1": Row("1", START, "a")}
    poller.poll(rows, START)
    late = Row("2", START - 3600, "b")
    rows["2"] = late
    assert poller.poll(rows, START + 60) == []
    assert late in poller.poll(rows, START + 86_400)
    assert poller.poll(rows, START + 86_460) == []


def test_a_row_from_the_future_moves_nothing_and_is_told_once() -> None:
    poller = Poller()
    rows = {"1": Row("1", START, "a"), "2": Row("2", START + 10**9, "b")}
    assert len(poller.poll(rows, START)) == 2
    rows["3"] = Row("3", START + 30, "c")
    assert poller.poll(rows, START + 60) == [rows["3"]]
    before = str(poller.place)
    assert poller.poll(rows, START + 120) == []
    assert str(poller.place) == before


def test_after_a_mass_restamp_all_is_read_for_the_overlap_and_then_nothing() -> None:
    poller = Poller()
    rows = {str(id_): Row(str(id_), START - 86_400 + id_, "a") for id_ in range(REMEMBERED + 500)}
    poller.poll(rows, START)
    rows = {id_: replace(row, at=START + 60, digest="b") for id_, row in rows.items()}
    assert len(poller.poll(rows, START + 70)) == REMEMBERED + 500
    assert len(poller.poll(rows, START + 250)) <= 500
    assert len(poller.place.seen) <= REMEMBERED
    rows["late"] = Row("late", START + 60, "c")
    assert rows["late"] in poller.poll(rows, START + 60 + 599)
    poller.poll(rows, START + 60 + 700)
    before = str(poller.place)
    assert poller.poll(rows, START + 60 + 800) == []
    assert str(poller.place) == before
    rows["next"] = Row("next", START + 900, "d")
    assert poller.poll(rows, START + 910) == [rows["next"]]


def test_an_empty_table_moves_nothing() -> None:
    poller = Poller()
    poller.poll({}, START)
    before = str(poller.place)
    assert (poller.poll({}, START + 60), str(poller.place)) == ([], before)


def test_a_row_that_went_and_came_back_is_told_again() -> None:
    poller, row = Poller(), Row("1", START, "a")
    rest = {"2": Row("2", START, "b")}
    poller.poll({"1": row, **rest}, START)
    poller.poll(rest, START + 60)
    assert poller.poll({"1": row, **rest}, START + 120) == [row]


def test_another_query_begins_anew_and_keeps_its_categories() -> None:
    known = Place(since=5, high=9, whole_at=3, categories=(("a", "a", "a", None),), form="one")
    assert Place.parse(str(known), "one") == known
    assert Place.parse(str(known), "two") == Place(categories=known.categories, form="two")


def test_what_is_no_place_begins_anew() -> None:
    for text in ("", "null", "[]", '{"seen": 5}', '{"version": 9}', "x"):
        assert Place.parse(text, "f") == Place(form="f")
