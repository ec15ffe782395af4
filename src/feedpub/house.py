"""What every room of the shell works with: ledger, door, clock, and the setup in force -> what in it names nothing.

A setup is exchanged as a whole while the rooms work: who asked a store looks whether it is still the one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from feedpub.building import Builder, Built, Plan
from feedpub.categories import DESK, unknown
from feedpub.errors import FeedpubError, LedgerError, place
from feedpub.feeds.catalog import FeedsOptions, unmatched
from feedpub.feeds.freshness import fresh_for
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.articles import StoreState
from feedpub.ledger.recording import Record
from feedpub.metrics import Metrics
from feedpub.model import Site, State
from feedpub.networks.base import Network
from feedpub.networks.feed_subject import FeedNetwork
from feedpub.networks.websub import WebSub
from feedpub.notices.feeds import unknown_feeds
from feedpub.notices.plan import Owed, news_by_target
from feedpub.stores.base import Store, StoreOptions

log = structlog.get_logger("feedpub")

_TOLD = (
    *("new", "edited", "restored", "withdrawn", "quarantined", "baseline"),
    *("owed", "skipped", "feeds", "files", "parts"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """An opened store, and the admin's options for it."""

    options: StoreOptions
    store: Store


@dataclass(frozen=True, slots=True)
class Setup:
    """What the config in force asks for, ready to be used."""

    site: Site
    feeds: FeedsOptions
    sources: Mapping[str, Source]
    targets: Mapping[str, Network]


@dataclass(slots=True)
class Published:
    """What one round of publishing did."""

    new: int = 0
    edited: int = 0
    restored: int = 0
    recleaned: int = 0
    withdrawn: int = 0
    quarantined: int = 0
    baseline: int = 0
    owed: int = 0
    skipped: int = 0
    feeds: int = 0
    files: int = 0
    parts: int = 0
    error: str = ""
    news: dict[str, int] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, int]:
        """What is worth a line in the log."""
        counts = {name: getattr(self, name) for name in _TOLD}
        return {name: count for name, count in counts.items() if count}

    def wrote(self, built: Built) -> Published:
        """Count the files that were written."""
        self.feeds += built.feeds
        self.files += built.files
        self.parts += built.parts
        return self

    def owes(self, owed: Sequence[Owed]) -> None:
        """Count what is owed now."""
        for target, count in news_by_target(owed).items():
            self.news[target] = self.news.get(target, 0) + count
        skipped = sum(one.state is State.SKIPPED for one in owed)
        self.owed += len(owed) - skipped
        self.skipped += skipped


class House:
    """The ledger, the way out, the clock, and the setup in force."""

    def __init__(self, ledger: Ledger, door: Door, setup: Setup, now: Callable[[], datetime]) -> None:
        """Work for a setup. `now` is the clock, read here and nowhere below."""
        self.ledger = ledger
        self.door = door
        self.setup = setup
        self.now = now
        self.metrics = Metrics()
        self.builder = Builder(ledger, feeds_plan(setup), now, self.metrics)

    # ------------------------------------------------------------ asking a store

    def stands(self, name: str, source: Source | None) -> bool:
        """Whether a store is still the one that was asked, as the setup in force has it."""
        return self.setup.sources.get(name) is source

    @contextmanager
    def heeding(self, name: str, done: Published) -> Iterator[None]:
        """Note why a store could not be asked, be it the store's fault or our own."""
        source = self.setup.sources.get(name)
        try:
            yield
        except LedgerError:
            raise
        except FeedpubError as error:
            done.error = str(error)
        except Exception as error:  # noqa: BLE001 - one store's fault must not end the others'
            log.error("fault", what="poll", store=name, error=type(error).__name__, at=place(error))
            done.error = "feedpub itself failed as it read this store: see the log, and please report it"
        if done.error and self.stands(name, source):
            self._note_failure(name, done.error)

    def _note_failure(self, name: str, why: str) -> None:
        if self.door.closed:
            return  # we are stopping: no fault of the store's
        self.ledger.articles.note_poll(name, now=self.now(), error=why)
        log.error("store_failed", store=name, why=why)

    # ------------------------------------------------------------ names that nothing bears

    def unknown_categories(self) -> Iterator[tuple[str, str]]:
        """Each option that names a category which no store has, and that name; none before the first poll."""
        categories = self.ledger.articles.categories()
        if categories:
            for key in unmatched(self.setup.feeds, categories):
                yield f"feeds.categories.{key}", self.setup.feeds.categories[key].name
            for key, feed in self.setup.feeds.own.items():
                for option in ("categories", "skip_categories"):
                    for category in unknown(getattr(feed, option), categories):
                        yield f"feeds.own.{key}.{option}", category
            for name, target in self.setup.targets.items():
                for option in ("categories", "hashtags", "by_category"):
                    for category in unknown(getattr(target, option), categories):
                        yield f"targets.{name}.{option}", category

    def unknown_feeds(self) -> Iterator[tuple[str, str]]:
        """Each option that names a feed which there is not, and that name; none before the first poll."""
        for name, target in self.setup.targets.items():
            if isinstance(target, FeedNetwork) and self.ledger.articles.categories():
                for feed in unknown_feeds(target.feeds, self.ledger.feeds.paths()):
                    yield f"targets.{name}.feeds", feed

    def tell_unknown(self) -> None:
        """Tell each name in the config that nothing bears."""
        for option, category in self.unknown_categories():
            log.warning("unknown_category", option=option, category=category)
        for option, feed in self.unknown_feeds():
            log.warning("unknown_feed", option=option, feed=feed)


def extra(state: StoreState, **fields: object) -> Record:
    """A record that moves no cursor."""
    return Record(state.name, state.cursor, state.cursor, live=state.live, **fields)  # type: ignore[arg-type]


def feeds_plan(setup: Setup) -> Plan:
    """Tell what a setup asks of feeds."""

    def hubs(address: str) -> tuple[str, ...]:
        heard = (one for one in setup.targets.values() if isinstance(one, WebSub) and one.hears(address))
        return tuple(dict.fromkeys(one.hub_url for one in heard))

    fresh = fresh_for(source.options.poll for name, source in setup.sources.items() if name != DESK)
    return Plan(setup.site, setup.feeds, hubs, fresh)
