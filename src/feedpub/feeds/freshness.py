"""the stores' cadences -> how long an answer may be taken for true without asking again (`Cache-Control`).

Our own web server says it, and what is written for other servers says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Final

from feedpub.cadence import Cadence, Cron

LONGEST: Final = timedelta(minutes=5)
"""However seldom stores are polled, news also comes out of turn: a brief, a ping, a poll that was asked for."""
_DAY: Final = 24 * 60

FEEDS: Final = frozenset({"rss", "atom", "json"})
"""What changes when a store was polled, by ending."""
PAGES: Final = frozenset({"html", "opml"})
"""What people look at: who presses "reload" wants to see what is true, and "not modified" is a short answer."""
_FURNITURE: Final = timedelta(hours=1)
"""Of stylesheets and pictures: they change with a new version of feedpub, if at all."""


def fresh_for(cadences: Iterable[Cadence]) -> timedelta:
    """How long nobody can gain anything by asking again: the shortest time between two polls of any one store.

    Whole seconds, from 1 s to `LONGEST`; that is also the answer where nothing is polled.
    """
    shortest = min([LONGEST, *map(_period, cadences)])
    return timedelta(seconds=max(shortest // timedelta(seconds=1), 1))


def cache_control(ending: str, fresh: timedelta) -> str:
    """What a file with this ending (`rss`, `html`, `css`) says of itself, if feeds are fresh for so long."""
    if ending in PAGES:
        return "no-cache"
    age = fresh if ending in FEEDS else _FURNITURE
    return f"public, max-age={age // timedelta(seconds=1)}"


def _period(cadence: Cadence) -> timedelta:
    return _closest(cadence.cron) if cadence.cron else cadence.every or LONGEST


def _closest(cron: Cron) -> timedelta:
    """The least time between two runs of a cron line on days that follow each other."""
    minutes = sorted(hour * 60 + minute for hour in cron.hours for minute in cron.minutes)
    return timedelta(minutes=min(later - sooner for sooner, later in pairwise([*minutes, minutes[0] + _DAY])))
