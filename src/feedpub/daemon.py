"""A feedpub that runs: cadences, live reload, signals, and the delivery loop. The only importer of apscheduler."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from feedpub.app import App, now
from feedpub.cadence import Cadence, next_run
from feedpub.categories import DESK
from feedpub.crew import Crew
from feedpub.errors import ConfigError, FeedpubError, LedgerBusy, LedgerError, LedgerGone, place
from feedpub.model import Delivery
from feedpub.settings import Loaded, digest, load

log = structlog.get_logger("feedpub")

LOOK_EVERY = 0.3
"""Seconds between looks at the config directory; a change counts when two looks in a row see the same."""
TIDY_EVERY = Cadence(every=timedelta(seconds=15))
ALERT_EVERY = Cadence(every=timedelta(minutes=1))
CLOCK_STEP = 5.0
"""Seconds that the wall clock may part from the steady one between two looks before cadences are anchored anew."""
POOL = 16
"""Conversations at a time; those older than `PATIENCE` do not count, so that hanging targets starve nobody."""
PATIENCE = 0.1
"""Seconds: so few that a tenth of all targets may hang, and the others hardly notice (`make bench`)."""
AHEAD = 2 * POOL
"""Deliveries claimed at most before there is a worker for them: one claim for many, and no worker waits for it."""
POLLERS = 256
"""Stores polled at a time: as many as there are, so that those which hang starve nobody. Idle ones are not started."""
LONG_AGO = float("-inf")
CAP = 256
"""Conversations at a time, hanging ones included."""
SHORTEST_SLEEP = 0.05
LONGEST_SLEEP = 5.0
"""Seconds after which the delivery loop looks again by itself: other processes cannot wake it."""
DRAIN_SECONDS = 8.0
ASK_PATIENCE = 5.0
"""Seconds until a poll that somebody asked for is begun once more, if nothing came of it."""
DESK_PATIENCE = 15.0
"""Seconds until a desk that could not be read is tried again."""


class Front(Protocol):
    """Whatever shows the app to the world (web.py), and follows its config."""

    def apply(self) -> None:
        """The app's settings changed."""
        ...

    def stop(self) -> None:
        """Take no more requests."""
        ...


class CadenceTrigger(BaseTrigger):  # type: ignore[misc]  # apscheduler is not typed
    """Fires by `cadence.next_run`, anchored to when the job was last started."""

    def __init__(self, cadence: Cadence, anchor: datetime | None, zone: Any) -> None:  # noqa: ANN401 - a tzinfo
        """Begin from an anchor: when the job was last started, if it ever was."""
        self.cadence, self.anchor, self.zone = cadence, anchor, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: D102 - as in BaseTrigger
        last = previous_fire_time or self.anchor
        return next_run(self.cadence, last, now.astimezone(UTC), self.zone)


class Daemon:
    """Polls each store at its cadence, delivers what falls due, follows the config, until it is told to stop."""

    def __init__(self, app: App, config: Path | None, environ: Mapping[str, str]) -> None:
        """Run an app; `config` is the directory to follow (None: the config stays as it is)."""
        self.app = app
        self._config = config
        self._environ = environ
        self._stopping = threading.Event()
        self._reload = threading.Event()
        self._wake = threading.Event()
        self._deliveries = _Deliveries(app, self._wake, self._stopping)
        self._desk = _Desk(app, self._wake, self._stopping)
        self._asks = _Asks(app, self._poll_now, self._stopping)
        self._code = 0
        self._started: dict[str, datetime] = {}
        self._cadences: dict[str, Cadence] = {}
        self._running: set[str] = set()
        self._scheduler = _scheduler()
        self._digest = digest(config, environ) if config is not None else ""
        self._seen = self._digest

    # ------------------------------------------------------------ running

    def run(self, front: Front | None = None) -> int:
        """Run until SIGTERM or SIGINT (0), or until the lead or the database is lost (1); returns the exit code."""
        self._listen()
        self._sync_jobs()
        self._scheduler.start()
        self._deliveries.start()
        self._desk.start()
        self._asks.start()
        log.info("started", stores=len(self.app.settings.stores), targets=len(self.app.settings.targets))
        clock = _ClockWatch()
        while not self._stopping.wait(LOOK_EVERY):
            self._follow_config(front)
            if stepped := clock.stepped():
                log.warning("clock_stepped", seconds=round(stepped, 1))
                with _told("follow_clock"):
                    self.app.ledger.deliveries.follow_clock(timedelta(seconds=stepped))
                self._sync_jobs(anew=True)
                self._wake.set()
        self._stop(front)
        return self._code

    def _listen(self) -> None:
        def stop(_number: int, _frame: object) -> None:
            if self._stopping.is_set():
                os._exit(1)  # told twice: somebody is in a hurry
            self._stopping.set()
            self.app.publisher.builder.stop()
            self._wake.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda *_: self._reload.set())

    def _stop(self, front: Front | None) -> None:
        log.info("stopping")
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._deliveries.drain(DRAIN_SECONDS)
        self.app.door.close()
        self._deliveries.drain(1.0)
        if front is not None:
            front.stop()
        log.info("stopped", cut=self._deliveries.busy)

    # ------------------------------------------------------------ cadences

    def _sync_jobs(self, *, anew: bool = False) -> None:
        """Make the jobs those of the config. One that did not change keeps its phase; `anew`: all begin now."""
        zone = self.app.settings.site.zone
        wanted = {name: source.poll for name, source in self.app.settings.stores.items()}
        for name in self._cadences.keys() - wanted.keys():
            self._scheduler.remove_job(f"poll:{name}")
            del self._cadences[name]
        for name, cadence in wanted.items():
            if self._cadences.get(name) != cadence or anew:
                anchor = None if anew else self._started.get(name) or self._last_poll(name)
                self._add(f"poll:{name}", CadenceTrigger(cadence, anchor, zone), partial(self._publish, name))
                self._cadences[name] = cadence
        if anew or self._scheduler.get_job("tidy") is None:
            self._add("tidy", CadenceTrigger(TIDY_EVERY, None, zone), self._tidy)
            self._add("alerts", CadenceTrigger(ALERT_EVERY, None, zone), self._alert)

    def _last_poll(self, name: str) -> datetime | None:
        """When a feedpub before us last polled; a store never polled is polled at once."""
        return self.app.ledger.articles.store_state(name).polled_at

    def _add(self, job: str, trigger: CadenceTrigger, work: Callable[[], None]) -> None:
        self._scheduler.add_job(work, trigger, id=job, name=job, replace_existing=True)

    def _poll_now(self, name: str) -> bool:
        """Have a store's next run be now, unless it runs already; from there on its cadence goes on."""
        if name in self._running or name not in self._cadences:
            return False
        with suppress(JobLookupError):  # the config may just have changed
            self._scheduler.modify_job(f"poll:{name}", next_run_time=now())
        return True

    def _publish(self, name: str) -> None:
        self._running.add(name)
        try:
            self._publish_once(name)
        finally:
            self._running.discard(name)

    def _publish_once(self, name: str) -> None:
        self._started[name] = now()
        if name not in self.app.publisher.setup.sources:
            return
        with _told("publish", store=name):
            self.app.publisher.publish(name)
        self._wake.set()

    def _tidy(self) -> None:
        """What time alone brings: articles ripen, feeds that could not be written are tried again, leases run out."""
        try:
            self.app.ledger.database.keep_lead()
        except (LedgerBusy, LedgerGone) as error:
            log.error("lead_lost", why=str(error))
            self._code = 1
            self._stopping.set()
            return
        except LedgerError as error:
            log.error("failed", what="tidy", why=str(error))
            return
        with _told("tidy"):
            publisher = self.app.publisher
            publisher.tidy()
            self.app.ledger.deliveries.recover(publisher.setup.targets, now(), all_leases=False)
        self._wake.set()

    def _alert(self) -> None:
        with _told("alert"):
            self.app.alerts.tell()

    # ------------------------------------------------------------ the config, live

    def _follow_config(self, front: Front | None) -> None:
        if self._config is None:
            return
        seen = digest(self._config, self._environ)
        settled, self._seen = seen == self._seen, seen
        if self._reload.is_set() or (settled and seen != self._digest):
            self._reload.clear()
            self._digest = seen
            self._apply_config(front)

    def _apply_config(self, front: Front | None) -> None:
        """Put the saved config in force; a bad one changes nothing, and is told until it is mended."""
        if self._config is None:
            return
        try:
            loaded = load(self._config, self._environ)
            self._put_in_force(loaded)
        except FeedpubError as error:
            self.app.config_problem = f"the saved config is not in force: {error}"
            log.error("config_refused", why=str(error))
            # A config that is well is tried again: only the database kept it from being in force.
            self._digest = "" if isinstance(error, LedgerError) else self._digest
            return
        try:
            if front is not None:
                front.apply()
        except ConfigError as error:
            self.app.config_problem = f"one change is not in force: {error}"
            log.error("config_refused", why=self.app.config_problem)
            return
        log.info("config_applied", stores=len(loaded.settings.stores), targets=len(loaded.settings.targets))

    def _put_in_force(self, loaded: Loaded) -> None:
        self.app.apply(loaded)
        self._sync_jobs()
        self._scheduler.add_job(self._tidy, id="tidy_now", replace_existing=True)
        self._wake.set()


# ---------------------------------------------------------------- the delivery loop


class _Deliveries:
    """Claims what is due for workers that are free or soon will be; each says it in a thread, one after the other."""

    def __init__(self, app: App, wake: threading.Event, stopping: threading.Event) -> None:
        self._app = app
        self._wake = wake
        self._stopping = stopping
        self._lock = threading.Lock()
        self._claimed: deque[Delivery] = deque()
        self._at_work: dict[tuple[int, int], float] = {}
        self._idle = threading.Condition(self._lock)
        self._crew = Crew("say")
        self._pause = SHORTEST_SLEEP
        self._thread = threading.Thread(target=self._loop, name="deliveries", daemon=True)

    @property
    def busy(self) -> int:
        """How many conversations are going on."""
        with self._lock:
            return len(self._at_work)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def drain(self, seconds: float) -> None:
        """Wait for the conversations under way, and until what was not begun is given back; at most so long."""
        end = time.monotonic() + seconds
        with self._idle:
            self._idle.wait_for(lambda: not self._at_work, timeout=seconds)
        if self._thread.is_alive():
            self._thread.join(max(end - time.monotonic(), 0))

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            sleep = LONGEST_SLEEP
            with _told("deliver"):
                sleep = self._round()
            self._wake.wait(sleep)
        with _told("stop"):
            self._give_back()

    def _round(self) -> float:
        """Claim for every worker that is free or soon will be; returns seconds until there may be more to do."""
        wanted = self._wanted()
        claimed = self._app.publisher.claim(wanted) if wanted else ()
        with self._lock:
            self._claimed += claimed
        self._begin()
        if self._claimed or len(claimed) == wanted:
            return PATIENCE / 2
        due = self._app.publisher.next_due()
        left = LONGEST_SLEEP if due is None else (due - now()).total_seconds()
        in_vain = not claimed and left <= 0
        # What is due and cannot be claimed, as another process has it, is asked for ever more seldom.
        self._pause = min(self._pause * 2, LONGEST_SLEEP) if in_vain else SHORTEST_SLEEP
        return min(max(left, self._pause), LONGEST_SLEEP)

    def _wanted(self) -> int:
        """For how many there is a worker, or will be within `PATIENCE`; none while those claimed are enough."""
        with self._lock:
            begun, claimed = len(self._at_work), len(self._claimed)
            free = self._free()
        return max(min(free + AHEAD, CAP - begun) - claimed, 0) if claimed <= free + AHEAD // 2 else 0

    def _free(self) -> int:
        """How many more may begin. Only with the lock."""
        young = sum(time.monotonic() - begun < PATIENCE for begun in self._at_work.values())
        return 0 if self._stopping.is_set() else min(POOL - young, CAP - len(self._at_work))

    def _begin(self) -> None:
        while (claimed := self._next()) is not None:
            self._crew.do(partial(self._work, claimed))

    def _next(self) -> Delivery | None:
        """Take what was claimed first, if it may begin now."""
        with self._lock:
            if not self._claimed or self._free() <= 0:
                return None
            claimed = self._claimed.popleft()
            self._at_work[claimed.id, claimed.fence] = time.monotonic()
            return claimed

    def _work(self, claimed: Delivery | None) -> None:
        while claimed is not None:
            self._deliver(claimed)
            claimed = self._next()
            self._call_for_more()

    def _deliver(self, claimed: Delivery) -> None:
        try:
            with _told("deliver", target=claimed.target):
                self._app.publisher.deliver(claimed, lambda: self._heard(claimed))
        finally:
            with self._idle:
                del self._at_work[claimed.id, claimed.fence]
                self._idle.notify_all()

    def _heard(self, said: Delivery) -> None:
        """Let the next one begin while what came of this one is written down."""
        with self._lock:
            self._at_work[said.id, said.fence] = LONG_AGO
        self._begin()
        self._call_for_more()

    def _call_for_more(self) -> None:
        if len(self._claimed) <= AHEAD // 2:
            self._wake.set()

    def _give_back(self) -> None:
        """Let whoever comes after us say at once what we claimed and did not begin."""
        with self._lock:
            left = tuple(self._claimed)
            self._claimed.clear()
        for claimed in left:
            self._app.publisher.put_back(claimed)


# ---------------------------------------------------------------- the desk


class _Desk:
    """Looks whether somebody has written a brief, and publishes it at once. To look costs next to nothing."""

    def __init__(self, app: App, wake: threading.Event, stopping: threading.Event) -> None:
        self._app = app
        self._wake = wake
        self._stopping = stopping
        self._thread = threading.Thread(target=self._loop, name="desk", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _loop(self) -> None:
        published, pause = "", 0.0
        while not self._stopping.wait(pause):
            pause = LOOK_EVERY
            mark = self._app.desk.file.mark()
            if mark and mark != published:
                well = False
                with _told("publish", store=DESK):
                    well = not self._app.publisher.publish(DESK).error
                self._wake.set()
                published, pause = (mark, LOOK_EVERY) if well else (published, DESK_PATIENCE)


# ---------------------------------------------------------------- polls that somebody asked for


class _Asks:
    """Looks whether somebody asked for a poll, and has it begin. To look costs next to nothing."""

    def __init__(self, app: App, poll: Callable[[str], bool], stopping: threading.Event) -> None:
        self._app = app
        self._poll = poll
        self._stopping = stopping
        self._begun: dict[str, tuple[datetime, float]] = {}
        self._thread = threading.Thread(target=self._loop, name="asks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            with suppress(LedgerError):  # whoever cannot go on without the database tells it
                self._look()

    def _look(self) -> None:
        for name, asked in self._app.ledger.articles.asked().items():
            before, when = self._begun.get(name, (None, LONG_AGO))
            # The same ask again is one whose poll could not be written down.
            if (asked != before or time.monotonic() - when > ASK_PATIENCE) and self._poll(name):
                self._begun[name] = asked, time.monotonic()


# ---------------------------------------------------------------- small things


def _scheduler() -> BackgroundScheduler:
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # its events are told below, in our words
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(POLLERS)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_listener(_tell_skipped, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
    scheduler.add_listener(_tell_fault, EVENT_JOB_ERROR)
    return scheduler


def _tell_skipped(event: JobSubmissionEvent) -> None:
    log.warning("run_skipped", job=event.job_id, why="the run before it has not ended yet")


def _tell_fault(event: JobExecutionEvent) -> None:
    log.error("fault", what=event.job_id, error=type(event.exception).__name__, at=place(event.exception))


class _ClockWatch:
    """Notices when the wall clock was set: it then parts from the steady one."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def stepped(self) -> float:
        """Seconds that the wall clock jumped since the last look; 0.0 for none worth telling."""
        wall, steady = time.time(), time.monotonic()
        step = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        return step if abs(step) > CLOCK_STEP else 0.0


@contextmanager
def _told(what: str, **names: str) -> Iterator[None]:
    """Tell what went wrong inside, and go on: one fault must not end the daemon."""
    try:
        yield
    except FeedpubError as error:
        log.error("failed", what=what, **names, why=str(error))
    except Exception as error:  # noqa: BLE001 - see above
        log.error("fault", what=what, **names, error=type(error).__name__, at=place(error))
