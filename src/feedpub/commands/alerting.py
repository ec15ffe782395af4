"""[alerts]: what is wrong -> told to those who want to know, each in a thread of its own, so that nobody waits for it.

What they know is written down before and after each message, and not in between: a crash there tells it twice rather
than never. Where they cannot be told is no ill to be told of: the log and /health/ready say it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from feedpub import clean
from feedpub.commands.problems import About, Problem
from feedpub.commands.telling import written
from feedpub.crew import Crew
from feedpub.errors import ComposeError, FeedpubError, place
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.log import without
from feedpub.model import EPOCH, Again, Context, Conversation, Doubt, Outcome, Refused, Said, Site
from feedpub.networks.base import Network
from feedpub.notices.alerts import Ill, Memory, Message, look, message, told
from feedpub.retry import target_rest
from feedpub.settings import Settings
from feedpub.settings.secret import secrets

log = structlog.get_logger("feedpub")

PATIENCE = {
    About.CONFIG: timedelta(minutes=1),  # an editor's slip
    About.FEEDS: timedelta(minutes=5),
    About.DOUBT: timedelta(minutes=15),  # where a network knows repeats, it is settled without a person
    About.STORE: timedelta(hours=1),
}
"""How long an ill may last before it is told; any other is told at once."""
DOUBTS = 3
"""After so many tries that may have been heard, one is taken for heard: who answers badly is not told for ever."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is wrong now: the problems, and how many deliveries of each target were given up so far."""

    problems: Sequence[Problem]
    failed: Mapping[str, int]

    def ills(self, now: datetime, hidden: Collection[str]) -> tuple[Ill, ...]:
        """Write it as alerts know it, without secrets. Who cannot be told is not among it: it could not be told."""
        lasting = (
            Ill(one.key, without(one.sentence, hidden), one.since or now, PATIENCE.get(one.about, timedelta(0)))
            for one in self.problems
            if one.about is not About.ALERT
        )
        return (*lasting, *(Ill(f"died:{name}", "", now, count=count) for name, count in self.failed.items()))


@dataclass(slots=True)
class _Line:
    """How it goes with one who is told: what they are configured as, what they said, and how it failed of late."""

    target: Network
    remembered: dict[str, str] = field(default_factory=dict)
    failures: int = 0
    doubts: int = 0
    rest_until: datetime = EPOCH
    error: str = ""


class Alerts:
    """Tells problems to every [alerts.NAME]. Only for who leads: two would tell everything twice."""

    def __init__(
        self,
        ledger: Ledger,
        door: Door,
        settings: Callable[[], Settings],
        see: Callable[[], Seen],
        now: Callable[[], datetime],
    ) -> None:
        """Begin. `settings`: those in force at any moment."""
        self._ledger, self._door, self._settings, self._see, self._now = ledger, door, settings, see, now
        self._lines: dict[str, _Line] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._crew = Crew("alert")

    def untold(self) -> dict[str, str]:
        """Who could not be told of late, and why."""
        alerts = self._settings().alerts
        with self._lock:
            return {name: line.error for name, line in self._lines.items() if line.error and name in alerts}

    def tell(self) -> None:
        """Have everybody told what they are to know, without waiting for it. Call it once a minute."""
        for work in self._work():
            self._crew.do(work)

    def tell_now(self) -> None:
        """Tell everybody, one after the other, and wait for it."""
        for work in self._work():
            work()

    def _work(self) -> list[Callable[[], None]]:
        settings, now = self._settings(), self._now()
        self._ledger.alerts.forget_all_but(settings.alerts)
        if not settings.alerts:
            return []
        ills = self._see().ills(now, secrets(settings))
        return [
            partial(self._tell, line, ills, settings.site)
            for line in map(self._line, settings.alerts.values())
            if self._begin(line)
        ]

    def _line(self, target: Network) -> _Line:
        with self._lock:
            line = self._lines.get(target.name)
            if line is None or line.target != target:
                line = self._lines[target.name] = _Line(target)
            return line

    def _begin(self, line: _Line) -> bool:
        """Whether it may be told something: nobody is at it, and it need not be left in peace."""
        with self._lock:
            if line.target.name in self._busy or (line.failures and self._now() < line.rest_until):
                return False
            self._busy.add(line.target.name)
            return True

    # ------------------------------------------------------------ one who is told

    def _tell(self, line: _Line, ills: Sequence[Ill], site: Site) -> None:
        name = line.target.name
        try:
            self._tell_new(line, ills, site)
        except FeedpubError as error:
            log.error("failed", what="alert", alert=name, why=str(error))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here must not become more than this
            log.error("fault", what="alert", alert=name, error=type(error).__name__, at=place(error))
        finally:
            with self._lock:
                self._busy.discard(name)

    def _tell_new(self, line: _Line, ills: Sequence[Ill], site: Site) -> None:
        name, alerts = line.target.name, self._ledger.alerts
        have = alerts.known(name)
        known = look(have, ills, self._now())
        if known != have:
            alerts.keep(name, known)
        said = message(known, ills, name, self._now())
        if said is None:
            return
        outcome = self._say(line, said, known, site)
        if self._heard(line, outcome):
            alerts.keep(name, told(known, said, self._now()))
            log.info("alert", alert=name, problems=len(said.ills), over=len(said.over))

    def _say(self, line: _Line, said: Message, known: Memory, site: Site) -> Outcome:
        context = Context(self._now(), dict(line.remembered))
        question = line.target.learn(context)
        if question is not None:
            self._converse(line, question)
        target = line.target.knowing(line.remembered)
        try:
            notice = written(said, known, target, site, self._now())
        except ComposeError as error:
            return Refused(str(error))
        return self._converse(line, target.announce(notice, Context(self._now(), dict(line.remembered))))

    def _converse(self, line: _Line, conversation: Conversation) -> Outcome:
        def remember(key: str, value: str) -> None:
            line.remembered = {name: kept for name, kept in {**line.remembered, key: value}.items() if kept}

        target = line.target
        return self._door.converse(conversation, remember, timeout=target.timeout, allow_private=target.allow_private)

    def _heard(self, line: _Line, outcome: Outcome) -> bool:
        """Note how it went; whether they know now."""
        line.doubts = line.doubts + 1 if isinstance(outcome, Doubt) else 0
        if isinstance(outcome, Said) or line.doubts >= DOUBTS:
            line.failures, line.doubts, line.error = 0, 0, ""
            return True
        if self._door.closed:
            return False
        name, asked = line.target.name, outcome.wait if isinstance(outcome, Again) else None
        line.failures, line.error = line.failures + 1, clean.line(outcome.why)
        line.rest_until = target_rest(line.failures, asked, self._now(), name)
        log.error("alert_not_told", alert=name, why=line.error)
        return False
