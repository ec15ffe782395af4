"""The stores of a config -> their polls, each at its cadence. The only importer of apscheduler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

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

from feedpub.app import now
from feedpub.cadence import Cadence, next_run
from feedpub.errors import place

log = structlog.get_logger("feedpub")

TIDY_EVERY = Cadence(every=timedelta(seconds=15))
ALERT_EVERY = Cadence(every=timedelta(minutes=1))
POLLERS = 256
"""Stores polled at a time: as many as there are, so that those which hang starve nobody. Idle ones are not started."""


class CadenceTrigger(BaseTrigger):  # type: ignore[misc]  # apscheduler is not typed
    """Fires by `cadence.next_run`, anchored to when the job was last started."""

    def __init__(self, cadence: Cadence, anchor: datetime | None, zone: ZoneInfo) -> None:
        """Begin from an anchor: when the job was last started, if it ever was."""
        self.cadence, self.anchor, self.zone = cadence, anchor, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: D102 - as in BaseTrigger
        last = previous_fire_time or self.anchor
        return next_run(self.cadence, last, now.astimezone(UTC), self.zone)


class Cadences:
    """Runs each job when it is due: one at a time of each, however long it takes."""

    def __init__(self, poll: Callable[[str], None], tidy: Callable[[], None], alert: Callable[[], None]) -> None:
        """Poll stores, and tidy up and look what is wrong between; nothing runs before `start`."""
        self._poll = poll
        self._tidy = tidy
        self._alert = alert
        self._started: dict[str, datetime] = {}
        self._cadences: dict[str, Cadence] = {}
        self._running: set[str] = set()
        self._scheduler = _scheduler()

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def follow(
        self,
        wanted: Mapping[str, Cadence],
        zone: ZoneInfo,
        last: Callable[[str], datetime | None],
        *,
        anew: bool = False,
    ) -> None:
        """Make the jobs those of a config. One that did not change keeps its phase; `anew`: all begin now.

        `last`: when a feedpub before us polled a store; one never polled is polled at once.
        """
        for name in self._cadences.keys() - wanted.keys():
            self._scheduler.remove_job(f"poll:{name}")
            del self._cadences[name]
        for name, cadence in wanted.items():
            if self._cadences.get(name) != cadence or anew:
                anchor = None if anew else self._started.get(name) or last(name)
                self._add(f"poll:{name}", CadenceTrigger(cadence, anchor, zone), partial(self._run, name))
                self._cadences[name] = cadence
        if anew or self._scheduler.get_job("tidy") is None:
            self._add("tidy", CadenceTrigger(TIDY_EVERY, None, zone), self._tidy)
            self._add("alert", CadenceTrigger(ALERT_EVERY, None, zone), self._alert)

    def clear(self) -> None:
        """Begin nothing more, and forget when something began: another will do all of it."""
        self._scheduler.remove_all_jobs()
        self._cadences.clear()
        self._started.clear()

    def tidy_now(self) -> None:
        """Tidy up once more, now."""
        self._scheduler.add_job(self._tidy, id="tidy_now", replace_existing=True)

    def poll_now(self, name: str) -> bool:
        """Have a store's next run be now, unless it runs already; from there on its cadence goes on."""
        if name in self._running or name not in self._cadences:
            return False
        with suppress(JobLookupError):  # the config may just have changed
            self._scheduler.modify_job(f"poll:{name}", next_run_time=now())
        return True

    def next_runs(self) -> dict[str, datetime]:
        """When each store is polled next."""
        jobs = {job.id.removeprefix("poll:"): job.next_run_time for job in self._scheduler.get_jobs()}
        return {name: jobs[name] for name in self._cadences if jobs.get(name) is not None}

    def _add(self, job: str, trigger: CadenceTrigger, work: Callable[[], None]) -> None:
        self._scheduler.add_job(work, trigger, id=job, name=job, replace_existing=True)

    def _run(self, name: str) -> None:
        self._started[name] = now()
        self._running.add(name)
        try:
            self._poll(name)
        finally:
            self._running.discard(name)


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
