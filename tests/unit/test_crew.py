"""Threads that are used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import Barrier, Event, get_ident

from feedpub.crew import LINGER, Crew


def run(crew: Crew, work: Callable[[], object]) -> int:
    """Have it done, and tell by which thread."""
    done, who = Event(), list[int]()

    def noted() -> None:
        who.append(get_ident())
        work()
        done.set()

    crew.do(noted)
    assert done.wait(5)
    return who[0]


def settled(crew: Crew) -> None:
    """Wait until somebody is idle."""
    while not crew._idle:
        Event().wait(0.001)


def test_who_is_idle_does_what_comes_next() -> None:
    crew, who = Crew("crew"), set[int]()
    for _ in range(20):
        who.add(run(crew, lambda: None))
        settled(crew)
    assert len(who) == 1


def test_what_comes_at_once_is_done_at_once() -> None:
    crew, together = Crew("crew"), Barrier(9)
    for _ in range(3):
        for _ in range(8):
            crew.do(lambda: together.wait(5))
        together.wait(5)
    assert not together.broken


def test_who_has_nothing_to_do_goes_home_and_others_come_for_new_work() -> None:
    crew = Crew("short-lived")
    run(crew, lambda: None)
    for thread in threading.enumerate():
        if thread.name == "short-lived":
            thread.join(LINGER + 4)
    assert not [thread for thread in threading.enumerate() if thread.name == "short-lived"]
    assert not crew._idle
    assert run(crew, lambda: None)
