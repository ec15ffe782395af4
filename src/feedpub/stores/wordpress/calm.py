"""what a site showed when all of it was read + its clock -> what is asked while nothing changes. Pure.

Of each type the posts modified last are looked at in every poll, and how many there are in all. While that stays the
same, nothing else can have happened but what neither tells: comments, the names of categories, and a post that came in
with old dates in the very moment in which another went away. These are asked for in turns, one to a poll.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from feedpub.stores.wordpress.answers import Answer, row_id
from feedpub.stores.wordpress.place import LEGS, START, Cursor
from feedpub.stores.wordpress.rest import Mark, Step
from feedpub.stores.wordpress.rows import is_public, stamp

LOOKED_AT = 20
"""So many of the posts modified last are looked at in each poll."""
SELDOM = timedelta(minutes=15)
"""Whatever was not asked for longer than this is asked whosoever's turn it is. With three turns and a poll every three
minutes, nothing waits for more than nine."""

TRUSTED = timedelta(minutes=3, seconds=30)
"""For so long a post is taken for public without being asked for, once: so that with a poll every three minutes every
other one asks, and what is taken away in silence is gone for sure after nine."""

Turn = Literal["comments", "categories", "posts"]
TURNS: tuple[Turn, ...] = ("comments", "categories", "posts")
Sight = tuple[tuple[int, tuple[tuple[int, str, bool], ...]], ...]


def sight(answers: Iterable[Answer]) -> Sight:
    """Tell one state of a site from another, by the posts modified last of each type and their number."""
    return tuple(
        (answer.total, tuple((row_id(row), stamp(row), is_public(row)) for row in answer.rows)) for answer in answers
    )


def is_read(cursor: Cursor, types: Iterable[str], seen: Sight) -> bool:
    """Whether everything that was looked at was read as it was seen.

    Where a cache answers, what one question shows may be hidden from the others for a while.
    """
    return all(
        cursor.place(route).has_read(number, said)
        for route, (_, posts) in zip(types, seen, strict=True)
        for number, said, _ in posts
    )


@dataclass(frozen=True, slots=True)
class Round:
    """Which type, which of its walks and how far: where looking for what was missed goes on."""

    type: int = 0
    leg: str = LEGS[0]
    walked: Mark = START

    def after(self, step: Step, types: int) -> Round:
        """Where it goes on after a page."""
        if not step.last:
            return replace(self, walked=step.mark)
        if self.leg != LEGS[-1]:
            return Round(self.type, LEGS[LEGS.index(self.leg) + 1])
        return Round((self.type + 1) % types)


@dataclass(frozen=True, slots=True)
class Calm:
    """A site of which everything is read: our cursor, what it looked like, and when what else was asked.

    `asked` begins with what was asked longest ago.
    """

    cursor: str
    sight: Sight
    asked: Mapping[Turn, datetime]
    round: Round = Round()

    def due(self, now: datetime) -> tuple[Turn, ...]:
        """Whose turn it is: what was asked longest ago, and whatever waited too long."""
        first, *others = self.asked
        return (first, *(turn for turn in others if abs(now - self.asked[turn]) > SELDOM))

    def after(self, turns: Collection[Turn], now: datetime, cursor: str) -> Calm:
        """Note what was asked at `now`, and the cursor that it led to."""
        # By order, not by date: a clock may be set back, or stand still where a cache answers.
        waiting = {turn: at for turn, at in self.asked.items() if turn not in turns}
        return replace(self, cursor=cursor, asked={**waiting, **dict.fromkeys(turns, now)})


@dataclass(frozen=True, slots=True)
class Presence:
    """Which posts were public at `at`, when the site looked like this."""

    ids: frozenset[str]
    sight: Sight
    at: datetime

    def vouches(self, sight: Sight, now: datetime) -> frozenset[str]:
        """Which of them may be taken for public still: all while nothing is seen to have happened, none later."""
        return self.ids if sight == self.sight and abs(now - self.at) < TRUSTED else frozenset()


def is_known(cursor: Cursor, route: str, round_: Round, step: Step) -> bool:
    """Whether a page of a walk shows nothing but what was read."""
    place = replace(cursor.place(route), leg=round_.leg, walked=round_.walked)
    ahead = place.past(step)
    return ahead.top == place.top and not ahead.balance and not any(place.unread(row) for row in step.rows)
