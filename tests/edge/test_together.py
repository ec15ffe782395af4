"""Threads that write at one moment: one transaction for all of them, and no one's trouble is another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, event, text

from feedpub.errors import LedgerError, Superseded
from feedpub.ledger.database import Database
from tests.databases import sqlite_url
from tests.edge.front_door import until

CROWD = 5


class Bench(Database):
    """A database with one table, whose commits are counted."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.commits = 0
        event.listen(self.engine, "commit", self._count)
        with self.write() as connection:
            connection.execute(text("CREATE TABLE said (what TEXT NOT NULL UNIQUE)"))

    def _count(self, connection: Connection) -> None:
        self.commits += not connection.get_execution_options().get("looks")

    def said(self) -> set[str]:
        with self.read() as connection:
            return {*connection.execute(text("SELECT what FROM said")).scalars()}

    @contextmanager
    def crowd(self, *works: Callable[[Connection], str]) -> Iterator[list[Future[str]]]:
        """While one writes, others come who want to; then they may."""
        with ThreadPoolExecutor(CROWD + 1) as pool:
            begun, go = Event(), Event()

            def slow(connection: Connection) -> str:
                begun.set()
                assert go.wait(10)
                return say("slow")(connection)

            first = pool.submit(self.write_together, slow)
            assert begun.wait(10)
            self.commits = 0
            others = [pool.submit(self.write_together, work) for work in works]
            until(lambda: len(self._together._waiting) == len(works))
            go.set()
            yield others
            assert first.result() == "slow"


def say(what: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(text("INSERT INTO said VALUES (:what)"), {"what": what})
        return what

    return work


def superseded(_connection: Connection) -> str:
    raise Superseded("somebody was faster")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Bench]:
    database = Bench(sqlite_url(tmp_path))
    yield database
    database.close()


def test_those_who_wait_for_a_writer_share_the_next_transaction(database: Bench) -> None:
    names = [str(number) for number in range(CROWD)]
    with database.crowd(*map(say, names)) as others:
        assert [one.result(10) for one in others] == names
    assert database.said() == {"slow", *names}
    assert database.commits == 2


def test_who_comes_alone_writes_alone_and_at_once(database: Bench) -> None:
    database.commits = 0
    assert [database.write_together(say(what)) for what in "ab"] == ["a", "b"]
    assert (database.said(), database.commits) == ({"a", "b"}, 2)


def test_nobody_goes_on_before_what_he_wrote_is_committed(database: Bench) -> None:
    with database.crowd(*map(say, "abc")) as others:
        for one in others:
            assert one.result(10) in database.said()


def test_who_was_superseded_hears_of_it_and_the_others_do_not(database: Bench) -> None:
    with database.crowd(say("a"), superseded, say("b")) as others:
        with pytest.raises(Superseded, match="somebody was faster"):
            others[1].result(10)
        assert [others[0].result(10), others[2].result(10)] == ["a", "b"]
    assert (database.said(), database.commits) == ({"slow", "a", "b"}, 2)


def test_what_one_cannot_write_is_no_other_ones_loss(database: Bench) -> None:
    with database.crowd(say("a"), say("slow"), say("b")) as others:
        with pytest.raises(LedgerError, match="refused a statement"):
            others[1].result(10)
        assert [others[0].result(10), others[2].result(10)] == ["a", "b"]
    assert database.said() == {"slow", "a", "b"}


def test_a_fault_of_one_leaves_the_way_free_for_all_who_come_later(database: Bench) -> None:
    def broken(_connection: Connection) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_together(broken)
    with database.crowd(broken, say("a")) as others:
        with pytest.raises(ZeroDivisionError):
            others[0].result(10)
        assert others[1].result(10) == "a"
    assert database.write_together(say("b")) == "b"
    assert database.said() == {"slow", "a", "b"}


def test_a_transaction_that_fails_at_its_commit_is_tried_again_by_each(database: Bench) -> None:
    troubles = iter([False, True])

    def fail(_connection: Connection) -> None:
        if next(troubles, False):
            raise LedgerError("the disk is full")

    event.listen(database.engine, "commit", fail)
    with database.crowd(say("a"), say("b")) as others:
        assert [one.result(10) for one in others] == ["a", "b"]
    assert database.said() == {"slow", "a", "b"}


def test_a_crowd_that_writes_for_long_loses_nothing(database: Bench) -> None:
    def many(thread: int) -> list[str]:
        return [database.write_together(say(f"{thread}/{number}")) for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        wrote = {one for some in pool.map(many, range(8)) for one in some}
    assert database.said() == wrote
    assert len(wrote) == 320
