"""the ledger and the output directory -> what an admin looks at beside the Status; each look is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from feedpub.cadence import Cadence, next_run
from feedpub.categories import DESK
from feedpub.feeds.catalog import FeedSpec
from feedpub.feeds.texts import line
from feedpub.ledger.articles import StoreState
from feedpub.ledger.deliveries import Listed, Try
from feedpub.model import Article
from feedpub.pipeline import Publisher

JOURNAL = 500
"""As far back as the journal is looked through for what targets did last."""


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """A store of the config: how often it is polled, and where that stands. The desk has no cadence."""

    name: str
    kind: str
    cadence: Cadence | None
    state: StoreState
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class FileSeen:
    """One format of a feed: its address, and its size in bytes; None where it is not written yet."""

    form: str
    url: str
    size: int | None


@dataclass(frozen=True, slots=True)
class FeedSeen:
    """A feed as it stands. `entries` is None for one that no build has seen; `waits`: a newer one is to be written."""

    spec: FeedSpec
    entries: int | None
    files: tuple[FileSeen, ...]
    changed: datetime | None
    waits: bool


def stores(publisher: Publisher, names: Iterable[str]) -> Iterator[StoreSeen]:
    """Look at stores, and tell when each is polled next, whoever polls."""
    now, setup = publisher.now(), publisher.setup
    for name in names:
        source = setup.sources.get(name)
        if source is None:  # another config was put in force this moment
            continue
        state, zone = publisher.ledger.articles.store_state(name), setup.site.zone
        cadence = None if name == DESK else source.options.poll
        at = None if cadence is None else next_run(cadence, state.polled_at, now, zone)
        yield StoreSeen(name, source.options.form, cadence, state, at)


def last_tries(publisher: Publisher) -> tuple[dict[str, Try], tuple[int, ...]]:
    """Tell what each target tried last, and which deliveries were tried last of all, the newest first."""
    by_target: dict[str, Try] = {}
    tried: dict[int, None] = {}
    for target, one in publisher.ledger.deliveries.latest_tries(JOURNAL):
        by_target.setdefault(target, one)
        tried.setdefault(one.delivery)
    return by_target, tuple(tried)


def journal(publisher: Publisher, listed: Iterable[Listed]) -> Mapping[int, tuple[Try, ...]]:
    """Tell every try of these deliveries, by their numbers."""
    return publisher.ledger.deliveries.journal([one.delivery.id for one in listed])


def newest(publisher: Publisher, limit: int) -> tuple[Article, ...]:
    """Pick the newest public articles."""
    return publisher.ledger.feeds.entries("all", limit)


def specs(publisher: Publisher, name: str = "") -> tuple[FeedSpec, ...]:
    """Tell which feeds there are whose title or address has this in it."""
    wanted = name.casefold()
    return tuple(one for one in publisher.builder.specs() if wanted in f"{line(one.title)} {one.address}".casefold())


def feeds(publisher: Publisher, some: Sequence[FeedSpec]) -> tuple[FeedSeen, ...]:
    """Look at some feeds."""
    ledger, options = publisher.ledger.feeds, publisher.setup.feeds
    entries = ledger.carried([one.address for one in some], options.entries)
    waiting = {one.address for one in ledger.dirty()}
    return tuple(
        FeedSeen(one, entries.get(one.address), *_files(one, publisher), waits=one.address in waiting) for one in some
    )


def _files(spec: FeedSpec, publisher: Publisher) -> tuple[tuple[FileSeen, ...], datetime | None]:
    """Look at the files of a feed, and tell when the last of them changed: a file is written only if it differs."""
    options, found, dates = publisher.setup.feeds, [], []
    for form in dict.fromkeys(options.formats):
        path = f"{spec.address}.{form}"
        try:
            facts = (Path(options.output) / path).stat()
        except OSError:
            found.append(FileSeen(form, options.base_url + path, None))
        else:
            found.append(FileSeen(form, options.base_url + path, facts.st_size))
            dates.append(datetime.fromtimestamp(facts.st_mtime, UTC))
    return tuple(found), max(dates, default=None)
