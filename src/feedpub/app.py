"""The composition root: settings -> ledger, door, stores, publisher; and the Status and Commands that web and cli see.

The clock is read here, and nowhere below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import structlog
from pydantic import SecretStr

from feedpub.categories import DESK
from feedpub.commands.alerting import Alerts
from feedpub.commands.alerting import Seen as Ills
from feedpub.commands.asking import ask, is_to_be_made
from feedpub.commands.backup import Made, back_up
from feedpub.commands.briefs import Accepted, Brief, accept
from feedpub.commands.deciding import Decisions
from feedpub.commands.figures import figures
from feedpub.commands.marking import Marking
from feedpub.commands.moving import export_to
from feedpub.commands.own_files import own_files
from feedpub.commands.problems import Problem, Unapplied, Watch, called
from feedpub.commands.restoring import finish
from feedpub.commands.seeing import Seen, see
from feedpub.commands.trying import Tried, verify
from feedpub.errors import FeedpubError, StoreError, place
from feedpub.feeds.moves import Signposts
from feedpub.feeds.texts import words
from feedpub.http import Door
from feedpub.images import Pictures, origins
from feedpub.ledger import Ledger
from feedpub.ledger.articles import StoreState
from feedpub.ledger.database import Database
from feedpub.ledger.importing import Moved, bring
from feedpub.ledger.targets import TargetState
from feedpub.log import configure as configure_log
from feedpub.metrics import Figures, Metrics
from feedpub.model import Delivery, Quarantined, Site, State
from feedpub.notices.pace import Rest, millionths, money, month_of, silent
from feedpub.pipeline import Published, Publisher, Setup, Source
from feedpub.settings import DatabaseOptions, Loaded, Settings
from feedpub.stores.base import Home
from feedpub.stores.desk import Desk, DeskOptions
from feedpub.stores.imports import ImportReport, import_files
from feedpub.stores.opened import Opened
from feedpub.stores.sql import SqlOptions, SqlStore

log = structlog.get_logger("feedpub")

NO_DIFFERENCE = timedelta(seconds=0.5)
"""Clocks that are no further apart are the same."""


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


@dataclass(slots=True)
class Clock:
    """The clock that all go by who share a database: our own, or the database's where that is another one."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        """Tell the time."""
        return now() + self.ahead

    def here(self, moment: datetime) -> datetime:
        """Tell what our own clock showed at a moment of the one we go by."""
        return moment - self.ahead

    def follow(self, theirs: datetime | None) -> timedelta:
        """Go by the database's clock; None: by our own. Returns by how much this sets ours."""
        apart = timedelta(0) if theirs is None else theirs - now()
        if abs(apart - self.ahead) < NO_DIFFERENCE:  # the way to the database takes its time
            return timedelta(0)
        step, self.ahead = apart - self.ahead, apart
        return step


How = Literal["paused", "rests", "quiet", "next", "well"]
"""How a target does; in this order, where several hold."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Whether a target may speak, in words; and what it spent this month of its budget, if it has one."""

    words: str
    how: How = "well"
    until: datetime | None = None
    """When it may speak again, unless it is paused or well."""
    quiet_until: datetime | None = None
    spent: str = ""
    budget: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How everything stands, as people look at it."""

    articles: Mapping[str, int]
    stores: tuple[StoreState, ...]
    targets: tuple[TargetState, ...]
    paces: Mapping[str, Pace]
    deliveries: Mapping[str, Mapping[str, int]]
    feeds: Mapping[str, tuple[str, ...]]
    quarantined: tuple[tuple[str, Quarantined], ...]
    cautions: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did: for each store, and what came of each delivery that was tried."""

    published: Mapping[str, Published]
    tried: tuple[Delivery, ...] = ()

    @property
    def unsaid(self) -> tuple[Delivery, ...]:
        """What was tried in vain, for good or for now."""
        lost = {State.FAILED, State.DOUBTFUL}
        return tuple(one for one in self.tried if one.state in lost or (one.state is State.DUE and one.reason))

    @property
    def said(self) -> tuple[Delivery, ...]:
        """What was done. A delivery that was put back, or skipped for want of money, still counts its attempt."""
        return tuple(one for one in self.tried if one not in self.unsaid and not one.attempts)


@dataclass(slots=True)
class App:
    """A feedpub with its config in force. Make one with `App.open`, and `close` it."""

    settings: Settings
    loaded: Loaded
    """What is in force, and where each key of it was set."""
    ledger: Ledger
    door: Door
    publisher: Publisher
    desk: Desk
    """Where briefs are written that no store knows of."""
    clock: Clock
    unapplied: Unapplied | None = None
    since: datetime = field(default_factory=now)
    """When this process began."""
    standing_by: bool = False
    """Another feedpub leads on this database: it polls, builds and migrates."""
    ready: bool = True
    """Whether the database is as this feedpub needs it; if not, it will be when this one leads."""
    _sources: dict[str, Source] = field(default_factory=dict)
    _marking: Marking | None = None
    alerts: Alerts = field(init=False)
    """Tells problems to whom the config names."""

    def __post_init__(self) -> None:
        """Let alerts look at what is in force at any moment."""
        self.alerts = Alerts(self.ledger, self.door, lambda: self.settings, self._ills, self.clock)

    @classmethod
    def open(
        cls,
        loaded: Loaded,
        *,
        lead: bool,
        make: bool = True,
        stand_by: bool = False,
        show: Callable[[str], object] = print,
    ) -> App:
        """Open the database and the stores. `lead`: be the one feedpub that polls and builds.

        `make`: make a database where there is none; `stand_by`: where another leads on a PostgreSQL, wait behind it.
        Raises LedgerError (LedgerBusy if another leads), ConfigError, StoreError.
        """
        settings = loaded.settings
        configure_log(settings)
        finish(settings)
        ledger = Ledger(Database(settings.database.url.get_secret_value(), make=make))
        try:
            leads = ledger.open(lead=lead, stand_by=stand_by)
        except BaseException:
            ledger.close()
            raise
        door = Door(user_agent=f"feedpub/{version('feedpub')} (+{settings.site.url})", show=show)
        door.picture = Pictures(door, origins(settings.site.url)).fetch
        sources: dict[str, Source] = {}
        desk = DeskOptions(path=str(own_files(settings).briefs))
        sources[DESK] = Source(desk, desk.embedded())
        clock = Clock()
        clock.follow(ledger.database.clock())
        publisher = Publisher(ledger, door, _setup(settings, sources), clock)
        waits = lead and not leads
        app = cls(
            settings, loaded, ledger, door, publisher, desk.embedded(), clock, standing_by=waits, _sources=sources
        )
        publisher.metrics.watch(app, version("feedpub"))
        if leads:
            app.begin(loaded)
        elif waits:
            app.follow()
            ledger.database.deliver(alone=False)
            app.apply(loaded)
        return app

    @classmethod
    @contextmanager
    def rehearsal(cls, loaded: Loaded, show: Callable[[str], object] = print) -> Iterator[App]:
        """An app as it would be after its first look at each store; it is thrown away, and nobody hears of it.

        Raises StoreError if a store cannot be read.
        """
        with TemporaryDirectory(prefix="feedpub-") as folder:
            database = DatabaseOptions(url=SecretStr(f"sqlite:///{folder}/feedpub.db"))
            feeds = loaded.settings.feeds.model_copy(update={"output": f"{folder}/public"})
            settings = loaded.settings.model_copy(update={"database": database, "feeds": feeds})
            app = cls.open(replace(loaded, settings=settings), lead=True, show=show)
            try:
                for name, options in settings.stores.items():
                    if not is_to_be_made(options):
                        app.publisher.poller.glance(name)
                yield app
            finally:
                app.close()

    def heed_mark(self) -> None:
        """Look whether the database is an older copy that somebody put back; then nothing is said twice.

        Only for who leads: before anything else is done, and now and then after.
        """
        self._marks().heed(self.settings.targets, self.clock())

    def _marks(self) -> Marking:
        if self._marking is None:
            self._marking = Marking(self.ledger, own_files(self.settings).mark)
        return self._marking

    # ------------------------------------------------------------ leading, or standing by

    def begin(self, loaded: Loaded) -> None:
        """Lead from the start on: what a feedpub before us left behind is taken up."""
        self.heed_mark()
        self.apply(loaded)
        self._move_in()
        alone = self.ledger.database.alone()
        lost = self.ledger.deliveries.recover(self.publisher.setup.targets, self.clock(), all_leases=alone)
        self.ledger.database.deliver(alone=alone)
        if lost:
            log.warning("deliveries_recovered", deliveries=lost, why="feedpub was stopped while it worked on them")

    def take_lead(self) -> bool:
        """Lead, if nobody else does. Tells whether we do now; what was said meanwhile is in the database."""
        if not self.ledger.database.try_lead():
            return False
        self.ledger.take_lead()
        self.heed_mark()
        self.ready, self.standing_by = True, False
        self._put_in_force(self.settings, self._sources)
        self._move_in()
        return True

    def _move_in(self) -> None:
        if not self.ledger.database.is_sqlite:
            self.publisher.builder.move_in()

    def follow(self) -> None:
        """Look what the leader made of the database. Raises LedgerTooNew if that was a later feedpub."""
        self.ready = self.ledger.database.up_to_date()
        if self.ready:
            self._marks().meet()
            self.publisher.follow(self.publisher.setup)

    def lose_lead(self) -> None:
        """Stand by from now on: what is still at work here writes nothing any more if another takes over."""
        self.standing_by, self.ready = True, False  # who leads next may be a later feedpub

    def apply(self, loaded: Loaded) -> None:
        """Put other settings in force; stores whose options are the same stay open."""
        for warning in loaded.warnings:
            log.warning("config_warning", what=warning)
        if loaded.settings.database != self.settings.database:
            log.warning("config_warning", what="database.url: a change takes effect at the next start")
        configure_log(loaded.settings)
        if loaded.settings.site.url != self.settings.site.url:
            self.door.picture = Pictures(self.door, origins(loaded.settings.site.url)).fetch
        sources = self._reopen(loaded.settings)
        self._put_in_force(loaded.settings, sources)
        for name, source in self._sources.items():
            if sources.get(name) is not source:
                _close(name, source)
        self._sources, self.settings, self.loaded, self.unapplied = sources, loaded.settings, loaded, None
        self.metrics.config_applied((*self.settings.stores, DESK), self.settings.targets)

    def _put_in_force(self, settings: Settings, sources: Mapping[str, Source]) -> None:
        setup = _setup(settings, sources)
        if not self.standing_by:
            self.publisher.apply(setup)
            self._refile_briefs(settings)
        elif self.ready:
            self.publisher.follow(setup)
        else:
            self.publisher.setup = setup

    def _fresh(self, settings: Settings) -> dict[str, Source]:
        """The stores of the config, each to be opened when it is first asked."""
        home = _home(settings)
        return {
            name: Source(options, Opened(partial(options.open, self.door, home)))
            for name, options in settings.stores.items()
        }

    def _reopen(self, settings: Settings) -> dict[str, Source]:
        sources = self._fresh(settings)
        for name, fresh in sources.items():
            have = self._sources.get(name)
            if have is not None and have.options == fresh.options and _home(settings) == _home(self.settings):
                sources[name] = have
        return sources | {DESK: self._sources[DESK]}  # where the database lies is not changed live

    def _refile_briefs(self, settings: Settings) -> None:
        """Have what lies on the desk follow stores that have another name now; it names their categories."""
        known = {state.name for state in self.ledger.articles.store_states()}
        for name, options in settings.stores.items():
            if options.replaces and options.replaces not in known:
                try:
                    self.desk.refile(options.replaces, name)
                except StoreError as error:  # its next poll tells it too
                    log.error("store_failed", store=DESK, why=str(error))

    def polled(self) -> tuple[str, ...]:
        """The stores there are to be polled: those of the config, and the desk as soon as somebody has used it."""
        return (*self.settings.stores, *([DESK] if self.desk.file.mark() else []))

    def _has(self, store: str) -> bool:
        return store in self.settings.stores or store == DESK

    def close(self) -> None:
        """Let go of everything."""
        self.door.close()
        for name, source in self._sources.items():
            _close(name, source)
        if self._marking is not None:
            self._marking.close()
        self.ledger.close()

    # ------------------------------------------------------------ status

    def status(self) -> Status:
        """Look at everything."""
        targets = tuple(one for one in self.ledger.targets.states() if one.name in self.settings.targets)
        return Status(
            articles=self.ledger.articles.counts(),
            stores=tuple(one for one in self.ledger.articles.store_states() if self._has(one.name)),
            targets=targets,
            paces=self._paces(targets),
            deliveries=self.ledger.deliveries.counts(),
            feeds=self.ledger.feeds.paths(),
            quarantined=tuple(one for one in self.ledger.articles.quarantined() if self._has(one[0])),
            cautions=self.cautions(),
            problems=self.problems(),
        )

    def _paces(self, targets: Iterable[TargetState]) -> dict[str, Pace]:
        moment, zone = self.clock(), self.settings.site.zone
        quiet, spent = silent(self.settings.targets, moment, zone), self.ledger.deliveries.spent(month_of(moment, zone))
        paces = {}
        for one in targets:
            end, allowance = quiet.get(one.name), self.settings.targets[one.name].allowance()
            had, of = ("", "") if allowance is None else (money(spent.get(one.name, 0)), money(millionths(allowance)))
            how, until = _how(one.rest, end, moment)
            paces[one.name] = Pace(_in_words(one.rest, how, until, moment, zone), how, until, end, had, of)
        return paces

    def problems(self) -> tuple[Problem, ...]:
        """What keeps feedpub from doing all of its work; empty if nothing does."""
        if not self.ready:  # only the leader knows how all stands; but whether it can be asked at all, we see
            self.ledger.database.up_to_date()
            return self._watch().of_config(self.unapplied)
        unwritten = self.publisher.builder.error
        return self._watch().problems(config=self.unapplied, unwritten=unwritten, untold=self.alerts.untold())

    def _ills(self) -> Ills:
        failed = self.ledger.deliveries.failed()
        return Ills(self.problems(), {name: failed[name] for name in self.settings.targets if name in failed})

    def _watch(self) -> Watch:
        site = self.settings.site
        return Watch(self.ledger, self.settings.targets, self._has, site.zone, site.language)

    def cautions(self) -> tuple[str, ...]:
        """What may not be as it was meant. No problem: a category may be named before its first article comes."""
        say = words(self.settings.site.language, "problems")
        return (
            *(say["no_category"].format(option=one, name=name) for one, name in self.publisher.unknown_categories()),
            *(say["no_feed"].format(option=one, name=name) for one, name in self.publisher.unknown_feeds()),
            *(f"{option}: {why}" for option, why in self.publisher.not_replaced()),
        )

    def failures(self, done: Round) -> tuple[str, ...]:
        """What went wrong in this very round, one sentence each."""
        language, watch = self.settings.site.language, self._watch()
        told = [f"{called(name, language)}: {one.error}" for name, one in done.published.items() if one.error]
        told += map(str, watch.of_feeds(self.publisher.builder.error)) if self.publisher.builder.error else []
        ailing = watch.ailing()
        for target in dict.fromkeys(one.target for one in done.unsaid):
            unsaid = [one for one in done.unsaid if one.target == target]
            told += [str(one) for one in ailing.get(target, ())] or [_in_vain(target, unsaid, self.settings.site)]
        return tuple(told)

    def waiting(self) -> int:
        """How many deliveries fall due by themselves."""
        counts, stopped = self.ledger.deliveries.counts(), self._watch().ailing()
        return sum(counts.get(name, {}).get(State.DUE, 0) for name in self.settings.targets if name not in stopped)

    def signposts(self) -> Signposts:
        """Where feeds went, and which hubs announce those that stand."""
        return self.publisher.builder.signposts

    # ------------------------------------------------------------ commands

    def import_files(
        self, paths: Sequence[Path], store: str = "", progress: Callable[[int, int], None] | None = None
    ) -> ImportReport:
        """Put files into an embedded store (the only one, or the one named). Raises StoreError, ImportRefused."""
        return import_files(paths, self.embedded(store), progress=progress)

    def export(self, path: Path | None, progress: Callable[[int, int], None]) -> int:
        """Write everything the database knows to a file, or (None) to standard output. Returns how many lines."""
        return export_to(path, self.ledger, self.settings.site.url, now(), progress)

    def back_up(self, path: Path | None, *, force: bool = False) -> Made:
        """Write all that is ours into a file, or (None) to standard output. Raises OutputError, LedgerError."""
        own, site = own_files(self.settings), self.settings.site.url
        return back_up(path, self.ledger, own, site=site, made_at=now(), force=force)

    def import_export(self, path: Path, progress: Callable[[int, int], None]) -> Moved:
        """Take on what another database knew. Raises ImportRefused, LedgerBusy."""
        return bring(self.ledger.database, path, progress)

    def strangers(self, moved: Moved) -> Iterator[str]:
        """What an import told of that the config does not name, and what becomes of it, a sentence each."""
        for name in moved.stores:
            if not self._has(name):
                yield f"stores.{name} is not in the config: its articles stay as they are, and it is not polled"
        for name in moved.targets:
            if name not in self.settings.targets:
                yield f"targets.{name} is not in the config: what it has still to say is cancelled at the next start"

    def embedded(self, store: str = "") -> SqlStore:
        """The embedded store that commands write into. Raises StoreError."""
        stores = self.settings.stores.items()
        found = {name: one for name, one in stores if isinstance(one, SqlOptions) and not one.is_query}
        if store and store not in found:
            raise StoreError(f'stores.{store} is no embedded store (kind = "sql"): name one of {_names(found)}')
        if len(found) != 1 and not store:
            raise StoreError(f"which store? name one with --store: {_names(found)}")
        return (found[store] if store else next(iter(found.values()))).embedded()

    def brief(self, brief: Brief) -> Accepted:
        """Put a short topic where the next poll finds it. Raises FeedpubError, StoreError."""
        return accept(brief, self.desk, self.publisher)

    def verify(self) -> Iterator[Tried]:
        """Try the credentials of every target, and of every alert, without posting anything."""
        return verify(self.publisher, self.settings.alerts.values())

    def ask_stores(self) -> Iterator[Tried]:
        """Ask every store what its next poll would ask; nothing of the answers is kept."""
        opened = self._fresh(self.settings)
        try:
            yield from ask(
                _setup(self.settings, opened), {one.name: one for one in self.ledger.articles.store_states()}
            )
        finally:
            for name, source in opened.items():
                _close(name, source)

    def preview(self, article: str = "", targets: Sequence[str] = ()) -> tuple[Seen, ...]:
        """Tell what an article would say on targets; no network is touched."""
        return see(self.publisher, article, targets)

    def figures(self) -> Figures:
        """How things stand, in figures."""
        return figures(self.ledger, self.settings.stores, self.settings.targets, self.problems(), self.clock())

    @property
    def metrics(self) -> Metrics:
        """What the rooms count, and how things stand."""
        return self.publisher.metrics

    @property
    def decisions(self) -> Decisions:
        """What people may decide about deliveries."""
        return Decisions(self.publisher)

    def poll_now(self, store: str = "") -> tuple[str, ...]:
        """Have a store (all, if none is named) polled by whoever leads, now or as soon as somebody does.

        Returns the names of those asked for. An ask that comes while a store is being polled gives one poll more.
        """
        if store and store not in self.settings.stores:
            raise FeedpubError(f"there is no store {store}: the config has {_names(self.settings.stores)}")
        names = (store,) if store else tuple(self.settings.stores)
        self.ledger.articles.ask(names, self.clock())
        return names

    def once(self) -> Round:
        """Poll every store, build every feed touched, say everything that is due now."""
        done = self._publish(self.polled())
        while self.publisher.archive().parts:
            pass
        tried: dict[int, Delivery] = {}
        while claimed := self.publisher.claim(1):
            for one in claimed:
                settled = self.publisher.deliver(one)
                tried |= {settled.id: settled} if settled is not None else {}
        return Round(done, tuple(tried.values()))

    def _publish(self, names: Sequence[str]) -> dict[str, Published]:
        """Publish all at once: one that hangs keeps none of the others waiting."""
        with ThreadPoolExecutor(max_workers=max(len(names), 1), thread_name_prefix="poll") as crew:
            try:
                return dict(zip(names, crew.map(self.publisher.publish, names), strict=True))
            except BaseException:
                self.door.close()  # whoever is in a hurry need not wait for what hangs
                raise


def _close(name: str, source: Source) -> None:
    """Let go of a store, whatever it says to that."""
    try:
        source.store.close()
    except Exception as error:  # noqa: BLE001 - one store's fault must not keep a config from being in force
        log.error("fault", what="close", store=name, error=type(error).__name__, at=place(error))


def _home(settings: Settings) -> Home:
    return Home(settings.feeds.base_url, settings.site.zone)


def _setup(settings: Settings, sources: Mapping[str, Source]) -> Setup:
    return Setup(settings.site, settings.feeds, sources, dict(settings.targets))


_WAITS: Mapping[How, str] = {"rests": "rests until", "quiet": "quiet until", "next": "next at"}


def _how(rest: Rest, quiet: datetime | None, moment: datetime) -> tuple[How, datetime | None]:
    """Tell how a target does, and until when."""
    if rest.paused:
        return "paused", None
    waits: tuple[tuple[How, datetime], ...]
    waits = (("rests", rest.rest_until), ("quiet", quiet or moment), ("next", rest.slot_until))
    return next(((how, until) for how, until in waits if until > moment), ("well", None))


def _in_words(rest: Rest, how: How, until: datetime | None, moment: datetime, zone: tzinfo) -> str:
    if rest.paused:
        return f"paused: {rest.paused}"
    return "well" if until is None else f"{_WAITS[how]} {_when(until, moment, zone)}"


def _when(moment: datetime, today: datetime, zone: tzinfo) -> str:
    """Tell the time, and the day if it is not today."""
    here = moment.astimezone(zone)
    return f"{here:%H:%M}" if here.date() == today.astimezone(zone).date() else f"{here:%Y-%m-%d %H:%M}"


def _in_vain(target: str, unsaid: Sequence[Delivery], site: Site) -> str:
    say, count = words(site.language, "problems"), len(unsaid)
    said = say["in_vain_one" if count == 1 else "in_vain"].format(name=target, count=count, why=unsaid[-1].reason)
    again = min((one.due_at for one in unsaid if one.due_at is not None), default=None)
    return said + (say["in_vain_again"].format(when=_when(again, now(), site.zone)) if again else "")


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
