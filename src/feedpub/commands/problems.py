"""all that is known -> what keeps feedpub from doing all of its work, each in a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import StrEnum
from types import MappingProxyType

from feedpub.categories import DESK
from feedpub.feeds.texts import words
from feedpub.ledger import Ledger
from feedpub.ledger.articles import StoreState


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
    ALERT = "alert"
    """Somebody cannot be told of all this."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person should know of, in the site's language."""

    about: About
    sentence: str
    name: str = ""
    """Of the store or the target that it is about; empty for all of feedpub."""
    since: datetime | None = None
    what: str = ""
    """Which one of those that are about the same: the key of its words in [problems] of locale/*.toml."""

    def __str__(self) -> str:
        return self.sentence

    @property
    def key(self) -> str:
        """Tell it from every other problem, for as long as it lasts."""
        return f"{self.what or self.about}:{self.name}"


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks what is wrong, at the stores and targets of the config in force."""

    ledger: Ledger
    targets: Collection[str]
    polled: Callable[[str], bool]
    """Whether a store is one of ours."""
    zone: tzinfo
    language: str

    def problems(
        self, *, config: str = "", unwritten: str = "", untold: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Problem, ...]:
        """Everything that is wrong: what only this process knows (`untold`: why, by alert), and all the rest."""
        return tuple(self._all(config, unwritten, untold))

    def ailing(self) -> dict[str, list[Problem]]:
        """What a person must do for a target before it goes on, by target."""
        told: dict[str, list[Problem]] = {}
        for one in (*self._paused(), *self._parked(), *self._unpaid()):
            told.setdefault(one.name, []).append(one)
        return told

    def of_config(self, why: str) -> tuple[Problem, ...]:
        """What was saved and is not in force, if anything."""
        return (self._problem(About.CONFIG, "config", why=why),) if why else ()

    def _all(self, config: str, unwritten: str, untold: Mapping[str, str]) -> Iterator[Problem]:
        yield from self.of_config(config)
        yield from self._unwritten(unwritten)
        for store in self.ledger.articles.store_states():
            if self.polled(store.name):
                yield from self._of_store(store)
        for ills in self.ailing().values():
            yield from ills
        yield from self._held(self.ledger.deliveries.flooded(), "flooded")
        yield from self._held(self.ledger.deliveries.brought(), "brought")
        yield from self._held(self.ledger.deliveries.put_back_with(), "put_back")
        for name, why in untold.items():
            yield self._problem(About.ALERT, "alert", name, why=why)

    def _unwritten(self, why: str) -> Iterator[Problem]:
        since = self.ledger.feeds.unwritten_since()
        if why:
            yield self._problem(About.FEEDS, "unwritten", since=since, why=why)
        elif since is not None:
            when = f"{since.astimezone(self.zone):%Y-%m-%d %H:%M}"
            yield replace(self._problem(About.FEEDS, "unwritten_since", since=since, when=when), what="unwritten")

    def _of_store(self, store: StoreState) -> Iterator[Problem]:
        if store.error:
            why = f"{called(store.name, self.language)}: {store.error}"
            yield Problem(About.STORE, why, store.name, store.failed_since, "store")
        if store.note:
            yield self._gone(store)

    def _gone(self, store: StoreState) -> Problem:
        """Say of what is gone from a store what its note says (in English, as the ledger keeps it)."""
        gone = len(self.ledger.articles.surely_gone(store.name))
        live = self.ledger.articles.live_count(store.name, 10 * (gone + 1))
        if not gone:
            return Problem(About.GUARD, store.note, store.name, what="gone")
        kind = "gone_all" if gone == live else "gone"
        return replace(self._problem(About.GUARD, kind, store.name, gone=gone, live=live), what="gone")

    def _paused(self) -> Iterator[Problem]:
        for one in self.ledger.targets.states():
            if one.name in self.targets and one.rest.paused:
                yield self._problem(About.PAUSED, "paused", one.name, why=one.rest.paused)

    def _parked(self) -> Iterator[Problem]:
        counts = self.ledger.deliveries.doubtful()
        for name in self.targets:
            if count := counts.get(name):
                yield self._problem(About.DOUBT, "doubtful", name, count=count)

    def _unpaid(self) -> Iterator[Problem]:
        for name, count in self.ledger.deliveries.unpaid().items():
            if name in self.targets:
                found = self._problem(About.BUDGET, "unpaid_one" if count == 1 else "unpaid", name, count=count)
                yield replace(found, what="unpaid")

    def _held(self, counts: Mapping[str, int], what: str) -> Iterator[Problem]:
        for name in self.targets:
            if name in counts:
                yield self._problem(About.GUARD, what, name, count=counts[name])

    def _problem(
        self, about: About, what: str, name: str = "", since: datetime | None = None, **values: object
    ) -> Problem:
        sentence = words(self.language, "problems")[what].format(name=name, **values)
        return Problem(about, sentence, name, since, what)


def called(store: str, language: str = "en") -> str:
    """What to call a store; the desk's own errors name its file."""
    return words(language, "problems")["briefs"] if store == DESK else f"stores.{store}"
