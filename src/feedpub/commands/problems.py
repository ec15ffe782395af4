"""all that is known -> what keeps feedpub from doing all of its work, each in a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from feedpub.categories import DESK
from feedpub.ledger import Ledger
from feedpub.model import State


class About(StrEnum):
    """What a problem is about."""

    CONFIG = "config"
    """What was saved is not in force."""
    FEEDS = "feeds"
    """Their files cannot be written."""
    STORE = "store"
    """It could not be read."""
    GUARD = "guard"
    """Something is held for a person to look at: withdrawals, a flood, what came with an import."""
    PAUSED = "paused"
    """A target speaks no more until somebody lets it."""
    DOUBT = "doubt"
    """Nobody knows whether something was said."""
    BUDGET = "budget"
    """A month's money is spent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person should know of."""

    about: About
    sentence: str
    name: str = ""
    """Of the store or the target that it is about; empty for all of feedpub."""
    since: datetime | None = None

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks what is wrong, at the stores and targets of the config in force."""

    ledger: Ledger
    targets: Collection[str]
    polled: Callable[[str], bool]
    """Whether a store is one of ours."""
    zone: tzinfo

    def problems(self, *, config: str = "", unwritten: str = "") -> tuple[Problem, ...]:
        """Everything that is wrong: of the config, of feeds that this process could not write, and of all the rest."""
        return tuple(one for one in self._all(config, unwritten) if one.sentence)

    def ailing(self) -> dict[str, list[Problem]]:
        """What a person must do for a target before it goes on, by target."""
        told: dict[str, list[Problem]] = {}
        for one in (*self._paused(), *self._parked(), *self._unpaid()):
            told.setdefault(one.name, []).append(one)
        return told

    def _all(self, config: str, unwritten: str) -> Iterator[Problem]:
        yield Problem(About.CONFIG, config)
        yield self._unwritten(unwritten)
        for store in self.ledger.articles.store_states():
            if self.polled(store.name):
                why = store.error and f"{called(store.name)}: {store.error}"
                yield Problem(About.STORE, why, store.name, store.failed_since)
                yield Problem(About.GUARD, store.note, store.name)
        for ills in self.ailing().values():
            yield from ills
        yield from self._held(self.ledger.deliveries.flooded(), _FLOODED)
        yield from self._held(self.ledger.deliveries.brought(), _BROUGHT)
        yield from self._held(self.ledger.deliveries.put_back_with(), _PUT_BACK)

    def _unwritten(self, why: str) -> Problem:
        since = self.ledger.feeds.unwritten_since()
        when = "" if since is None else f"{since.astimezone(self.zone):%Y-%m-%d %H:%M}"
        told = f"feeds cannot be written since {when}: the log of the feedpub that builds them says why" if when else ""
        return Problem(About.FEEDS, why or told, since=since)

    def _paused(self) -> Iterator[Problem]:
        for one in self.ledger.targets.states():
            if one.name in self.targets and one.rest.paused:
                why = f"targets.{one.name} is paused: {one.rest.paused} (`feedpub resume {one.name}`)"
                yield Problem(About.PAUSED, why, one.name)

    def _parked(self) -> Iterator[Problem]:
        counts = self.ledger.deliveries.counts()
        for name in self.targets:
            if count := counts.get(name, {}).get(State.DOUBTFUL):
                yield Problem(About.DOUBT, _doubtful(name, count), name)

    def _unpaid(self) -> Iterator[Problem]:
        for name, count in self.ledger.deliveries.unpaid().items():
            if name in self.targets:
                yield Problem(About.BUDGET, _unpaid(name, count), name)

    def _held(self, counts: Mapping[str, int], why: str) -> Iterator[Problem]:
        for name in self.targets:
            if name in counts:
                sentence = f"targets.{name}: {counts[name]} {why} `feedpub deliveries release --target {name}`"
                yield Problem(About.GUARD, sentence, name)


# ---------------------------------------------------------------- in words


def called(store: str) -> str:
    """What to call a store; the desk's own errors name its file."""
    return "the briefs" if store == DESK else f"stores.{store}"


def _doubtful(target: str, count: int) -> str:
    return (
        f"targets.{target}: nobody knows whether {count} of its notices were said: look there, then "
        f"`feedpub deliveries retry ID` or `feedpub deliveries cancel ID` for each of "
        f"`feedpub deliveries list --state doubtful --target {target}`"
    )


def _unpaid(target: str, count: int) -> str:
    what = "a notice waits" if count == 1 else f"{count} notices wait"
    return (
        f"targets.{target}: {what} for next month, as this month's budget does not cover more: "
        f"raise targets.{target}.budget, or `feedpub deliveries cancel --target {target} --held-by budget`"
    )


_FLOODED = "notices are held, as so many articles were new at once: look, then"
_BROUGHT = (
    "notices were owed where the database was imported from, and are held: when that feedpub is stopped, look, then"
)
_PUT_BACK = (
    "notices may have been said after the backup was made that was put back, and are held: look there, cancel those "
    "that stand (`feedpub deliveries cancel ID`), then"
)
