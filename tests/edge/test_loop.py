"""The delivery loop by itself: who may speak at once, who waits, and what becomes of both at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from feedpub.app import now
from feedpub.daemon import saying
from feedpub.daemon.saying import AHEAD, CAP, POOL, Deliveries
from feedpub.model import Delivery, State
from tests.edge.front_door import until


class Desk:
    """What the loop works with: deliveries that are due, some of which take their time."""

    def __init__(self, due: int, hanging: int = 0) -> None:
        self.due = [self._delivery(number) for number in range(due)]
        self.hanging = {one.id for one in self.due[:hanging]}
        self.slow_to_write: set[int] = set()
        self.begun: list[int] = []
        self.said: list[int] = []
        self.given_back: list[int] = []
        self.claims: list[int] = []
        self.go_on = threading.Event()
        self.wake, self.stopping = threading.Event(), threading.Event()
        app: Any = SimpleNamespace(publisher=self, ready=True)
        self.loop = Deliveries(app, self.wake, self.stopping)

    def _delivery(self, number: int) -> Delivery:
        moment = now()
        return Delivery(number, f"t{number}", 1, State.CLAIMED, 1, due_at=moment, created_at=moment, fence=1)

    # ------------------------------------------------------------ the publisher's side

    def now(self) -> datetime:
        return now()

    def claim(self, limit: int) -> tuple[Delivery, ...]:
        claimed, self.due = tuple(self.due[:limit]), self.due[limit:]
        self.claims += [limit] if claimed else []
        return claimed

    def next_due(self) -> Any:
        return now() + timedelta(hours=1)

    def deliver(self, claimed: Delivery, heard: Callable[[], object]) -> None:
        self.begun.append(claimed.id)
        if claimed.id in self.hanging:
            self.go_on.wait(90)
        heard()
        if claimed.id in self.slow_to_write:
            self.go_on.wait(90)
        self.said.append(claimed.id)

    def put_back(self, claimed: Delivery) -> None:
        self.given_back.append(claimed.id)

    # ------------------------------------------------------------

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self.loop.start()
        try:
            yield
        finally:
            self.stopping.set()
            self.wake.set()
            self.go_on.set()
            self.loop.drain(5)


@pytest.mark.parametrize("hanging", [0, 60])
def test_those_who_hang_hold_nobody_up(hanging: int) -> None:
    desk = Desk(due=hanging + 300, hanging=hanging)
    with desk.at_work():
        assert until(lambda: len(desk.said) == 300) < 20  # those who hang take ninety
        assert {*desk.said} == {*range(hanging, hanging + 300)}


def test_no_more_are_begun_at_once_than_the_pool_holds_and_few_are_claimed_ahead() -> None:
    desk = Desk(due=200, hanging=200)
    with desk.at_work():
        until(lambda: len(desk.begun) >= POOL)
        assert len(desk.begun) == POOL
        assert desk.claims[0] == POOL + AHEAD


def test_there_is_an_end_to_the_patience_with_those_who_hang() -> None:
    desk = Desk(due=CAP + 50, hanging=CAP + 50)
    with desk.at_work():
        until(lambda: len(desk.begun) == CAP)
        assert len(desk.begun) + len(desk.due) == CAP + 50, "nothing is claimed that could not begin"
        assert desk.loop.busy == CAP


def test_one_claim_serves_many() -> None:
    desk = Desk(due=320)
    with desk.at_work():
        until(lambda: len(desk.said) == 320)
    assert len(desk.claims) <= 320 // (AHEAD // 2)


def test_the_next_begins_while_the_answer_of_the_last_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saying, "PATIENCE", 1.5)
    desk = Desk(due=CAP)
    desk.slow_to_write = {*range(CAP)}
    with desk.at_work():
        assert until(lambda: len(desk.begun) == CAP) < (CAP / POOL - 1) * saying.PATIENCE, "nobody had to be patient"
        assert desk.said == []


def test_what_was_claimed_and_not_begun_is_given_back_at_the_end() -> None:
    desk = Desk(due=POOL + AHEAD, hanging=POOL + AHEAD)
    with desk.at_work():
        until(lambda: len(desk.begun) >= POOL)
        desk.stopping.set()
        desk.wake.set()
        desk.loop.drain(1)
        begun = len(desk.begun)
        assert sorted(desk.given_back) == list(range(begun, POOL + AHEAD))
        assert not desk.due
    assert len(desk.begun) == begun, "nothing begins once it is stopping"
    assert sorted(desk.said) == list(range(begun))
    assert desk.loop.busy == 0


def test_what_is_due_and_cannot_be_claimed_does_not_keep_the_loop_busy() -> None:
    """Another process has it, or a lease ran out that is taken back elsewhere: to ask again and again helps nobody."""
    desk = Desk(due=0)
    rounds: list[int] = []

    def none(limit: int) -> tuple[Delivery, ...]:
        rounds.append(limit)
        return ()

    desk.claim = none  # type: ignore[method-assign]
    desk.next_due = now  # type: ignore[method-assign]
    with desk.at_work():
        desk.stopping.wait(1.6)
    assert 2 < len(rounds) <= 7


def test_whoever_waited_in_vain_is_quick_again_once_there_is_something_to_say() -> None:
    desk = Desk(due=0)
    desk.next_due = now  # type: ignore[method-assign]
    with desk.at_work():
        desk.stopping.wait(0.5)
        desk.due = [desk._delivery(number) for number in range(100)]
        desk.wake.set()
        assert until(lambda: len(desk.said) == 100) < 1
