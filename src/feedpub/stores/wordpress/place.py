"""the opaque cursor <-> how far the polling of a site has come, for each type of posts. Pure.

A pass over one type is up to three walks by id, in this order:

- `modified`: posts modified since. WordPress keeps the old date when a scheduled post goes live, hence
- `published`: posts dated since; and as a post entered with an old date has both dates old,
- `ids`: posts with an id above all that were seen. The first pass is this walk alone, from the first post on.

WordPress compares local wall-clock times, which jump with summer time and with the site's setting, and runs
scheduled posts late: so every pass looks back two days, and leaves out what it has read in the same state.
What even so comes in unseen (an importer that keeps old dates and old ids) moves the posts after it: where that
is not explained by the next pass either, everything is read again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import TypeAdapter

from feedpub.stores.wordpress.answers import Row, row_id
from feedpub.stores.wordpress.rest import Mark, Step
from feedpub.stores.wordpress.rows import latest, stamp

LOOK_BACK = timedelta(days=2)
"""Wider than any step of a site's wall clock (26 h), with a day for scheduled posts that go live late."""
REMEMBER = timedelta(days=3)
"""Longer than the look back: by its wall clock a site may list a post for a day more."""
SETTLING = timedelta(minutes=2)
"""For so long after its date a post is read again: a second edit in the same second has the same date, and
editors save terms and pictures after the text."""
REMEMBERED = 2000
"""Of more posts than these, changed in two days, the oldest are no longer looked back at."""
START = Mark()
LEGS = ("modified", "published", "ids")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the polling of one type stands. Dates are ISO 8601 in UTC without a zone, so that they compare as text.

    `since` is what the pass looks back to ("": the first pass), `started` the site's clock at its beginning
    ("": it has not begun), `seen` the stamps of recent posts as read, `unsettled` those of them to be read once
    more, `floor` the newest date of those that `seen` had no room for. `balance` is how many posts more than we have
    met have come in before `top` in this pass, `owed` in those before it.
    """

    since: str = ""
    started: str = ""
    leg: str = "ids"
    walked: Mark = START
    top: Mark = START
    floor: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()
    balance: int = 0
    owed: int = 0

    @property
    def rests(self) -> bool:
        """Whether everything is known that there was, so that nothing is to be read again."""
        return bool(self.since) and not (self.started or self.owed or self.unsettled)

    @property
    def mark(self) -> Mark:
        """Where the walk of this leg stands."""
        return self.top if self.leg == "ids" else self.walked

    def unread(self, row: Row) -> bool:
        """Whether a post must be read (again)."""
        return str(row_id(row)) in self.unsettled or not self._knows(row)

    def has_read(self, number: int, said: str) -> bool:
        """Whether a post with this stamp was read, or lies before everything that is looked back to."""
        return self.seen.get(str(number)) == said or latest(said) <= self.since

    def past(self, step: Step) -> Self:
        """Go on to the end of `step`."""
        began = replace(self, started=self.started or _text(step.now))
        if self.leg == "ids":
            return replace(began, top=step.mark, balance=self.balance + step.shift)
        met = sum(row_id(row) <= self.top.id and not self._knows(row) for row in step.rows)
        return replace(began, walked=step.mark, balance=self.balance - met)

    def saw(self, stamps: Mapping[str, str], now: datetime) -> Self:
        """Remember the stamps of posts (by id) as read at `now`."""
        recent = {key: said for key, said in stamps.items() if is_recent(said, now)}
        newest = sorted({**self.seen, **recent}.items(), key=lambda one: latest(one[1]), reverse=True)
        seen = dict(newest[:REMEMBERED])
        floor = max([self.floor, *(latest(said) for _, said in newest[REMEMBERED:])])
        waiting = {key for key in self.unsettled if key not in stamps}
        fresh = {key for key, said in recent.items() if _is_fresh(said, now)}
        return replace(self, seen=seen, unsettled=tuple(sorted((waiting | fresh) & seen.keys())), floor=floor)

    def onward(self, *, walk_is_over: bool) -> tuple[Self, bool]:
        """Where to go on, and whether the pass is over."""
        if not walk_is_over:
            return self, False
        if self.leg != LEGS[-1]:
            return replace(self, leg=LEGS[LEGS.index(self.leg) + 1], walked=START), False
        owed = max(self.owed + self.balance, 0)
        if owed and self.owed:
            return type(self)(), False
        return self._rest(owed), True

    def _rest(self, owed: int) -> Self:
        started = datetime.fromisoformat(self.started)
        since = max(_text(started - LOOK_BACK), min(self.floor, _text(started - SETTLING)))
        seen = {key: said for key, said in self.seen.items() if is_recent(said, started)}
        # One that was not listed again is public no more.
        unsettled = tuple(key for key in self.unsettled if key in seen and _settles(seen[key], started))
        rested = replace(self, since=since, started="", leg=LEGS[0], walked=START, seen=seen, unsettled=unsettled)
        return replace(rested, balance=0, owed=owed)

    def _knows(self, row: Row) -> bool:
        return self.seen.get(str(row_id(row))) == stamp(row)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the polling of a site stands: a place for each type of posts, by its REST base.

    `left` are the types that the round of passes has still to do; none between two rounds. `taxonomy` is a digest of
    the categories as last told, `comments` are digests of the newest comments as last seen.
    """

    types: Mapping[str, Place] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    taxonomy: str = ""
    comments: Mapping[str, str] = field(default_factory=dict)
    version: Literal[2] = 2

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor. None, or one of another kind or version, begins anew: every row comes again."""
        try:
            said = json.loads(text or "{}")
            if said.get("version") == 1:  # it knew of posts only, and its place was the whole of it
                said = {**said, "version": 2, "types": {"posts": said}}
            return _CURSOR.validate_python(said)
        except (ValueError, AttributeError):
            return cls()

    def __str__(self) -> str:
        """Write the cursor."""
        return _CURSOR.dump_json(self).decode()

    @property
    def rests(self) -> bool:
        """Whether the round is over and nothing is to be read again."""
        return not self.left and all(place.rests for place in self.types.values())

    def place(self, route: str) -> Place:
        """Where the polling of a type stands."""
        return self.types.get(route, Place())

    def at(self, route: str, place: Place) -> Self:
        """Stand there from now on."""
        return replace(self, types={**self.types, route: place})


_CURSOR = TypeAdapter(Cursor)


def is_recent(said: str, now: datetime) -> bool:
    """Whether a post with this stamp will be listed again by the passes that follow."""
    return latest(said) > _text(now - REMEMBER)


def _is_fresh(said: str, now: datetime) -> bool:
    early, late = _text(now - SETTLING), _text(now + SETTLING)
    return any(early < date <= late for date in said.split(" "))


def _settles(said: str, started: datetime) -> bool:
    early, late = _text(started - SETTLING), _text(started + LOOK_BACK)
    return any(early < date <= late for date in said.split(" "))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
