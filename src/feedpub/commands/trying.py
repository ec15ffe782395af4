"""targets -> whether their credentials are good, found out without posting anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from feedpub import clean
from feedpub.model import Absent, Context, Outcome, Said
from feedpub.networks.base import Network
from feedpub.pipeline import Publisher

AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a target or a store, by its name: it is well, or not, or (None) that cannot be tried."""

    name: str
    well: bool | None
    told: str


def verify(publisher: Publisher, alerts: Iterable[Network] = ()) -> Iterator[Tried]:
    """Try every target, and whoever is told of problems, many at once; told in the order of the config."""
    targets = publisher.setup.targets.values()
    met = frozenset(one.name for one in publisher.ledger.targets.states())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tried = [pool.submit(_try, target, publisher, known=target.name in met) for target in targets]
        # An alert of the same name is somebody else: it is told by its table, and has no memory in the ledger.
        named = (alert.model_copy(update={"name": f"alerts.{alert.name}"}) for alert in alerts)
        tried += [pool.submit(_try, alert, publisher, known=False) for alert in named]
        yield from (one.result() for one in tried)


def _try(target: Network, publisher: Publisher, *, known: bool) -> Tried:
    ledger = publisher.ledger.targets
    memory = ledger.memory(target.name)

    def remember(key: str, value: str) -> None:
        # Of a target that feedpub has not met, nothing is kept: it would not be new any more when it is.
        if known:
            ledger.remember(target.name, key, value)

    conversation = target.knowing(memory).verify(Context(publisher.now(), memory))
    if conversation is None:
        return Tried(target.name, None, "cannot be tried without posting")
    outcome = publisher.door.converse(
        conversation, remember, timeout=target.timeout, allow_private=target.allow_private
    )
    return Tried(target.name, isinstance(outcome, Said), _told(outcome))


def _told(outcome: Outcome) -> str:
    if isinstance(outcome, Said):
        name = clean.line(outcome.id)
        return f"signed in as {name}" if name else "the credentials are good"
    return "it is not there" if isinstance(outcome, Absent) else outcome.why
