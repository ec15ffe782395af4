"""what the rooms count, and what the ledger says at the moment -> figures in the form that Prometheus reads.

The only importer of prometheus_client. Each app counts for itself. Labels are names of the config, and words of ours:
what left the config leaves the figures too, and no article, address or secret ever enters them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from feedpub.errors import FeedpubError

OUTCOMES = ("said", "again", "refused", "doubt", "absent")
"""What may come of a try on a target."""
CHANGES = ("new", "edited", "restored", "withdrawn", "quarantined")
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second figure for each, of use to nobody
_CYCLES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand at one moment, by the names of the config in force."""

    problems: Mapping[str, int]
    """By what they are about; everything they may be about is named."""
    queues: Mapping[str, Mapping[str, int]]
    """By target and state, what is not done with."""
    waiting: Mapping[str, float]
    """By target, for how many seconds the oldest one that might be said waits to be."""
    polled: Mapping[str, float]
    """By store, when it was last read well, in seconds since 1970."""


@dataclass(slots=True)
class Cycle:
    """One poll, with all that comes of it; failed unless it is said to have been well."""

    well: bool = False
    changes: Mapping[str, int] = field(default_factory=dict)


class Watched(Protocol):
    """What figures are asked of, besides what is counted: an App."""

    @property
    def unapplied(self) -> object | None:
        """What was saved and is not in force."""
        ...

    standing_by: bool

    def figures(self) -> Figures:
        """How things stand. Raises FeedpubError where the database does not answer."""
        ...


class Metrics:
    """The figures of one app. Safe to call from several threads."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._registry = registry = CollectorRegistry()
        self._app: Watched | None = None
        self._polls = Counter("feedpub_polls", "Polls of a store.", ("store", "outcome"), registry=registry)
        self._cycles = Histogram(
            "feedpub_poll_duration_seconds",
            "How long a poll took, until the feeds it touched were out.",
            ("store",),
            buckets=_CYCLES,
            registry=registry,
        )
        self._articles = Counter(
            "feedpub_articles", "Articles that a poll found changed.", ("store", "change"), registry=registry
        )
        self._feeds = Counter("feedpub_feeds_built", "Feeds written anew.", registry=registry)
        self._bytes = Counter(
            "feedpub_feed_bytes_written",
            "Bytes of feed files and pages that were written, before compression.",
            registry=registry,
        )
        self._deliveries = Counter(
            "feedpub_deliveries", "Tries to say something on a target.", ("target", "outcome"), registry=registry
        )
        self._applied = Counter(
            "feedpub_config_applied", "Configs put in force, the first included.", registry=registry
        )
        self._refused = Counter("feedpub_config_refused", "Saved configs that were refused.", registry=registry)
        self._jumps = Counter("feedpub_clock_jumps", "Times that the clock was set while we ran.", registry=registry)
        self._build = Info("feedpub_build", "Which feedpub this is.", registry=registry)
        ProcessCollector(registry=registry)
        registry.register(_Now(self))

    # ------------------------------------------------------------ counting

    @contextmanager
    def cycle(self, store: str) -> Iterator[Cycle]:
        """Measure one poll of a store."""
        cycle, begun = Cycle(), time.perf_counter()
        try:
            yield cycle
        finally:
            self._cycles.labels(store).observe(time.perf_counter() - begun)
            self._polls.labels(store, "ok" if cycle.well else "failed").inc()
            for change in CHANGES:
                self._articles.labels(store, change).inc(cycle.changes.get(change, 0))

    def built(self, feeds: int) -> None:
        """Count feeds that were written anew."""
        self._feeds.inc(feeds)

    def wrote(self, size: int) -> None:
        """Count bytes of files that were written."""
        self._bytes.inc(size)

    def tried(self, target: str, outcome: str) -> None:
        """Count one try on a target, by what came of it."""
        self._deliveries.labels(target, outcome).inc()

    def config_applied(self, stores: Collection[str], targets: Collection[str]) -> None:
        """Count a config put in force; what is not in it any more is told no longer.

        What is new in it is told as 0 first: where a figure begins with 1, nobody sees it rise.
        """
        self._applied.inc()
        for store in stores:
            for outcome in ("ok", "failed"):
                self._polls.labels(store, outcome)
        for target in targets:
            for outcome in OUTCOMES:
                self._deliveries.labels(target, outcome)
        self._forget("store", stores, self._polls, self._cycles, self._articles)
        self._forget("target", targets, self._deliveries)

    def config_refused(self) -> None:
        """Count a saved config that was refused."""
        self._refused.inc()

    def clock_jumped(self) -> None:
        """Count that somebody set the clock."""
        self._jumps.inc()

    def _forget(self, label: str, kept: Collection[str], *counted: Counter | Histogram) -> None:
        for one in counted:
            told = {sample.labels[label] for family in one.collect() for sample in family.samples}
            for name in told - set(kept):
                one.remove_by_labels({label: name})

    # ------------------------------------------------------------ telling

    def watch(self, app: Watched, version: str) -> None:
        """Ask how an app stands whenever somebody asks us."""
        self._app = app
        self._build.info({"version": version})

    def told(self, accept: str = "") -> tuple[bytes, str]:
        """Write everything down, in the form that an Accept header asks for; returns its content type, too."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def now(self) -> Iterator[GaugeMetricFamily]:
        """How things stand at this moment. What the database cannot tell is left out."""
        if self._app is None:
            return
        yield _gauge("feedpub_config_valid", "1 unless what was saved is not in force.", self._app.unapplied is None)
        yield _gauge(
            "feedpub_leader", "1 if this feedpub polls and builds, 0 if it stands by.", not self._app.standing_by
        )
        figures: Figures | None = None
        with suppress(FeedpubError):
            figures = self._app.figures()
        yield _gauge("feedpub_database_up", "1 if the database answered just now.", figures is not None)
        if figures is not None:
            yield from _families(figures)


class _Now(Collector):
    """What is not counted but looked at, whenever somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look."""
        return self._metrics.now()

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name nothing: to register must not ask a database."""
        return iter(())


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=float(value))


def _families(figures: Figures) -> Iterator[GaugeMetricFamily]:
    problems = GaugeMetricFamily("feedpub_problems", "What a person should see to.", labels=("about",))
    for about, count in figures.problems.items():
        problems.add_metric((about,), count)
    queue = GaugeMetricFamily("feedpub_queue", "Deliveries that are not done with.", labels=("target", "state"))
    for target, states in figures.queues.items():
        for state, count in states.items():
            queue.add_metric((target, state), count)
    oldest = GaugeMetricFamily(
        "feedpub_queue_oldest_seconds", "How long the oldest delivery has been due.", labels=("target",)
    )
    for target, seconds in figures.waiting.items():
        oldest.add_metric((target,), seconds)
    polled = GaugeMetricFamily(
        "feedpub_store_last_success_timestamp_seconds", "When a store was last read well.", labels=("store",)
    )
    for store, moment in figures.polled.items():
        polled.add_metric((store,), moment)
    yield from (problems, queue, oldest, polled)
