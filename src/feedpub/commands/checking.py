"""a valid config -> everything else that has to be well before feedpub can do its work, asked all at once.

Whatever hangs (a disk, a name server, a database) is left behind at the deadline, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic

from feedpub.commands import machine, outside
from feedpub.commands.findings import Finding, caution, ill
from feedpub.commands.outside import Outside
from feedpub.crew import Crew
from feedpub.errors import FeedpubError, place
from feedpub.http import Door
from feedpub.networks.websub import WebSub
from feedpub.settings import Loaded

WITHIN = timedelta(seconds=9)
"""For all of it."""

Task = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Checks:
    """What to look at, and how.

    `offline`: ask nobody but the database. `allow_private`: the feeds may stand at a private address. `known` tells
    what may not be as it was meant, by all that the database knows; it is asked only where that is of use.
    """

    loaded: Loaded
    door: Door
    now: Callable[[], datetime]
    known: Callable[[], Iterable[str]]
    offline: bool = False
    allow_private: bool = False

    def findings(self, within: timedelta = WITHIN) -> Iterator[Finding]:
        """Look at everything; told in one order, the clock last, after at most `within`. Raises ConfigError."""
        settings, seen = self.loaded.settings, Outside(self.door, self.now)
        folders = machine.places(settings)
        tasks: dict[str, Task] = {
            "disk": partial(machine.disk, folders),
            "permissions": partial(machine.permissions, folders, self.loaded),
            "database": partial(self._database, seen),
            "ports": partial(self._ports, seen),
        }
        if not self.offline:
            hubs = [one for one in settings.targets.values() if isinstance(one, WebSub)]
            tasks |= {f"targets.{hub.name}": partial(_one, partial(seen.hub, hub)) for hub in hubs}
            tasks["feeds"] = partial(_one, partial(seen.feed, settings, allow_private=self.allow_private))
            tasks["the stores' sites"] = partial(seen.stores, settings)
        yield from _together(tasks, within)
        yield outside.clock(dict(seen.aheads), offline=self.offline)

    def _database(self, seen: Outside) -> Iterator[Finding]:
        found, condition = machine.database(self.loaded.settings, self.now)
        yield found
        if condition is not None and condition.ahead is not None:
            seen.aheads["the database"] = condition.ahead
        if condition is not None and condition.current:
            yield from (caution("config", told) for told in self.known())

    def _ports(self, seen: Outside) -> Iterator[Finding]:
        yield from machine.listening(self.loaded.settings, seen.answers)
        yield from outside.mismatch(self.loaded.settings)


def _one(find: Callable[[], Finding]) -> Iterator[Finding]:
    yield find()


def _together(tasks: dict[str, Task], within: timedelta) -> Iterator[Finding]:
    """Begin all at once, and give back what each finds, in their order; what does not end in time is told."""
    end = monotonic() + within.total_seconds()
    crew = Crew("check")
    waiting: dict[str, SimpleQueue[list[Finding]]] = {about: SimpleQueue() for about in tasks}
    for about, task in tasks.items():
        crew.do(partial(_carry_out, about, task, waiting[about]))
    for about, found in waiting.items():
        try:
            yield from found.get(timeout=max(end - monotonic(), 0.001))
        except Empty:
            yield ill(about, f"no answer within {within.seconds} s: something hangs there")


def _carry_out(about: str, task: Task, found: SimpleQueue[list[Finding]]) -> None:
    try:
        found.put(list(task()))
    except FeedpubError as error:
        found.put([ill(about, str(error))])
    except Exception as error:  # noqa: BLE001 - one fault must not hide what the others found
        what = f"{type(error).__name__} at {place(error)}"
        found.put([ill(about, f"feedpub itself failed as it looked, please report it: {what}")])
