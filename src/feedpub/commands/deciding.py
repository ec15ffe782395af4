"""what people decide about deliveries: to announce, to retry, to cancel, to release; and what is to be told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from feedpub import clean
from feedpub.commands.preview import Known, drafted_by
from feedpub.errors import ComposeError, FeedpubError
from feedpub.ledger.deliveries import Listed
from feedpub.model import Action, Article, Delivery, State
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import (
    FEEDS,
    FLOOD,
    GUARDS,
    MOVED,
    PUT_BACK,
    Cancelled,
    Released,
    Retried,
    Wanted,
    heeds,
    step,
)
from feedpub.notices.plan import Owed
from feedpub.pipeline import Publisher

MOST = 100_000
"""Deliveries that one decision may be about."""

BY_HAND = "paused by hand"
"""Why a target is paused that somebody paused."""

_TO_BE_SAID = "it will be said by the feedpub that runs, else at the next `feedpub once`"


class Word(StrEnum):
    """What a person may say of a delivery."""

    RETRY = "retry"
    RELEASE = "release"
    CANCEL = "cancel"


_CANCELLED = Cancelled("cancelled by hand")
_EVENTS: Mapping[Word, Retried | Cancelled | Released] = {
    Word.RETRY: Retried(),
    Word.CANCEL: _CANCELLED,
    Word.RELEASE: Released(),
}


class Advice(StrEnum):
    """What a person can do about a delivery that does not go on by itself."""

    RESUME = "resume"
    """Mend what paused its target, and let that speak again."""
    LOOK = "look"
    """Look there: retry it if it is missing, cancel it if it stands."""
    MEND = "mend"
    """Mend what was refused, then retry it."""
    RELEASE = "release"
    """Let it go, or cancel it."""
    ANNOUNCE = "announce"
    """Nothing need be done; but it can be said all the same."""


@dataclass(frozen=True, slots=True)
class Left:
    """A delivery that a person's word left as it is; without `listed` there is none of this number."""

    id: int
    listed: Listed | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Decided:
    """How many deliveries a person's word changed, and how the others stand."""

    changed: int
    left: tuple[Left, ...]

    @property
    def others(self) -> tuple[str, ...]:
        """How those stand that it did not change, a sentence each."""
        return tuple(one.sentence for one in self.left)


@dataclass(frozen=True, slots=True)
class Announced:
    """What came of wanting an article said on a target; `standing`: why it could not be noted just now."""

    target: str
    standing: State | None = None

    def __str__(self) -> str:
        if self.standing is None:
            return f"{self.target}: {_TO_BE_SAID}"
        return f"{self.target}: it {_STANDING[self.standing]}: try again later"


@dataclass(frozen=True, slots=True)
class Which:
    """Some deliveries: those that meet all that is given."""

    ids: Sequence[int] = ()
    states: Sequence[State] = ()
    target: str = ""
    article: str = ""
    held_by: str = ""
    since: datetime | None = None

    @property
    def any(self) -> bool:
        """Whether anything is given."""
        return bool(self.ids or self.states or self.target or self.article or self.held_by or self.since)


@dataclass(frozen=True, slots=True)
class Decisions:
    """A person's word on deliveries. Whatever it changes goes through the table of lifecycle.py."""

    publisher: Publisher

    # ------------------------------------------------------------ looking

    def listed(self, which: Which, limit: int = MOST, *, before: int = 0) -> tuple[Listed, ...]:
        """List deliveries, newest first; `before`: those older than this one.

        A target may have left the config; one that never was is an error.
        """
        targets = self.publisher.setup.targets
        if which.target not in {"", *targets, *(one.name for one in self.publisher.ledger.targets.states())}:
            raise FeedpubError(f"there is no target {which.target}: the config has {names(targets)}")
        return self.publisher.ledger.deliveries.listed(
            states=which.states,
            target=which.target,
            ids=which.ids,
            article=which.article,
            held_by=which.held_by,
            since=which.since,
            before=before,
            limit=limit,
        )

    def held(self, which: Which) -> tuple[Listed, ...]:
        """List those that a guard holds for a person."""
        guards = [which.held_by] if which.held_by in GUARDS else sorted(GUARDS)
        asked = [replace(which, states=(State.HELD,), held_by=guard) for guard in guards]
        return tuple(one for each in asked for one in self.listed(each))

    def heeding(self, one: Listed) -> frozenset[Word]:
        """Tell which words would change a delivery as it is now."""
        target = self.publisher.setup.targets.get(one.delivery.target)
        if target is None:
            return frozenset()
        now, public = self.publisher.now(), not one.withdrawn
        return frozenset(
            word
            for word, event in _EVENTS.items()
            if heeds(one.delivery, event, public=public) and step(one.delivery, event, target, now) != one.delivery
        )

    def cost(self, listed: Iterable[Listed]) -> Decimal:
        """Tell what it costs to do all of this, as texts are now."""
        return sum((self._cost(one) for one in listed), Decimal(0))

    def _cost(self, one: Listed) -> Decimal:
        target = self.publisher.setup.targets.get(one.delivery.target)
        samples = ("", "https://site.invalid/")
        if target is None or one.article is None or not any(target.price(one.action, text) for text in samples):
            return Decimal(0)
        try:
            knowing = target.knowing(self.publisher.ledger.targets.memory(target.name))
            text = drafted_by(one.article, knowing, self.known(), one.delivery.words).text
        except ComposeError:
            return Decimal(0)  # it will fail, and cost nothing
        return target.price(one.action, text)

    def paused(self) -> frozenset[str]:
        """The targets that speak no more until somebody lets them."""
        return frozenset(one.name for one in self.publisher.ledger.targets.states() if one.rest.paused)

    def silent(self, found: Iterable[Listed]) -> tuple[str, ...]:
        """Tell which targets of these deliveries say nothing before somebody lets them."""
        return tuple(sorted(self.paused() & {one.delivery.target for one in found}))

    def known(self) -> Known:
        """Gather what previews are made from."""
        return Known(self.publisher.setup.site, self.publisher.ledger.articles.categories(), self.publisher.now())

    def speaking(self) -> tuple[str, ...]:
        """The targets that are told of articles."""
        return tuple(name for name, target in self.publisher.setup.targets.items() if target.subject == "article")

    def article(self, name: str, *, waiting: bool = False) -> Article:
        """Find a public article by its id or guid; `waiting`: or one that waits for its date."""
        found = self.publisher.ledger.articles.find(name, waiting=waiting)
        if not found:
            raise FeedpubError(f"there is no public article {name}: name one by its id in the store, or by its guid")
        if len(found) > 1:
            guids = ", ".join(one.guid for one in found)
            raise FeedpubError(f"several stores have an article {name}: name it by its guid, one of {guids}")
        return found[0]

    def told(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Check that articles are told to these targets; none given means all that they are told to."""
        targets, speaking = self.publisher.setup.targets, self.speaking()
        if unknown := [one for one in wanted if one not in targets]:
            raise FeedpubError(f"there is no target {unknown[0]}: the config has {names(targets)}")
        if not speaking:
            raise FeedpubError("there is no target that articles are told to: add one to the config")
        if deaf := [one for one in wanted if one not in speaking]:
            raise FeedpubError(f"targets.{deaf[0]} is told of feeds, not of articles: name one of {names(speaking)}")
        return tuple(dict.fromkeys(wanted)) or speaking

    # ------------------------------------------------------------ announcing

    def standing(self, article: Article, targets: Sequence[str]) -> dict[str, Delivery]:
        """Tell where an article stands already, or may stand: its delivery by target."""
        there = {target: self._delivery(article, target) for target in targets}
        return {target: one for target, one in there.items() if one is not None and _may_stand(one)}

    def announce(self, article: Article, targets: Sequence[str], text: str = "") -> tuple[Announced, ...]:
        """Owe an article to targets, whatever was decided before; where it stands already, once more.

        `text`: words to be said instead of its own.
        """
        return tuple(self._announce(article, target, clean.text(text).strip()) for target in targets)

    def _announce(self, article: Article, target: str, text: str) -> Announced:
        deliveries, setup, now = self.publisher.ledger.deliveries, self.publisher.setup, self.publisher.now()
        one = self._delivery(article, target)
        if one is None:
            deliveries.owe([Owed(target, article.guid, State.HELD, FEEDS, "", None, text)], now)
        elif not deliveries.tell([one.id], Wanted(text), setup.targets, now) and one.state not in _WAITING:
            return Announced(target, one.state)
        self.publisher.ledger.feeds.free(setup.targets, now)
        return Announced(target)

    def _delivery(self, article: Article, target: str) -> Delivery | None:
        there = self.publisher.ledger.deliveries.listed(target=target, article=article.guid)
        return there[0].delivery if there else None

    # ------------------------------------------------------------ deciding

    def retry(self, ids: Sequence[int]) -> Decided:
        """Say these now, whatever happened before."""
        return self._decide(ids, Retried())

    def cancel(self, ids: Sequence[int]) -> Decided:
        """Never say these."""
        return self._decide(ids, _CANCELLED)

    def release(self, ids: Sequence[int]) -> Decided:
        """Let go what a guard holds."""
        decided = self._decide(ids, Released())
        self.publisher.ledger.feeds.free(self.publisher.setup.targets, self.publisher.now())
        return decided

    def pause(self, target: str) -> bool:
        """Have a target say nothing until somebody resumes it. Tells whether it was free to speak until now."""
        configured = self._target(target)
        return self.publisher.ledger.targets.pause(configured, BY_HAND, self.publisher.now())

    def resume(self, target: str) -> bool:
        """Let a paused target speak again. Tells whether it was paused."""
        self._target(target)
        paused = any(one.rest.paused for one in self.publisher.ledger.targets.states() if one.name == target)
        self.publisher.ledger.targets.resume(target)
        return paused

    def _target(self, name: str) -> Network:
        targets = self.publisher.setup.targets
        if name not in targets:
            raise FeedpubError(f"there is no target {name}: the config has {names(targets)}")
        return targets[name]

    def _decide(self, ids: Sequence[int], word: Retried | Cancelled | Released) -> Decided:
        deliveries, targets = self.publisher.ledger.deliveries, self.publisher.setup.targets
        before = self._by_id(ids)
        changed = deliveries.tell(ids, word, targets, self.publisher.now())
        after = self._by_id(ids)
        same = [one for one in dict.fromkeys(ids) if _delivery(before.get(one)) == _delivery(after.get(one))]
        return Decided(changed, tuple(Left(one, after.get(one), _stays(one, after.get(one), targets)) for one in same))

    def _by_id(self, ids: Sequence[int]) -> dict[int, Listed]:
        listed = self.listed(Which(ids=ids)) if ids else ()
        return {one.delivery.id: one for one in listed}


# ---------------------------------------------------------------- in words

_WAITING = frozenset({State.HELD, State.DUE})

_STANDING = {
    State.HELD: "waits for its feeds (held)",
    State.DUE: "waits for its time (due)",
    State.CLAIMED: "is about to be said (claimed)",
    State.SENDING: "is being said just now (sending)",
    State.DOUBTFUL: "may have been said (doubtful)",
    State.SENT: "was said (sent)",
    State.FAILED: "was given up (failed)",
    State.SKIPPED: "was decided against (skipped)",
}

_GUARDED = {
    FLOOD: "is held as one of too many (held)",
    MOVED: "is held, as it was owed where it was imported from (held)",
    PUT_BACK: "is held (held)",
}


_ADVICE = {
    Advice.RESUME: "its target is paused (`feedpub status` tells why): mend that, then `feedpub resume {target}`",
    Advice.LOOK: (
        "look there: `feedpub deliveries retry {id}` if it is missing, `feedpub deliveries cancel {id}` if it stands"
    ),
    Advice.MEND: "mend that, then `feedpub deliveries retry {id}`",
    Advice.RELEASE: "`feedpub deliveries release {id}` or `feedpub deliveries cancel {id}`",
    Advice.ANNOUNCE: "to say it all the same: `feedpub announce {article} --target {target}`",
}


def names(found: Iterable[str]) -> str:
    """List names for a sentence."""
    return ", ".join(sorted(found)) or "none"


def advised(one: Listed, paused: Collection[str] = ()) -> Advice | None:
    """Tell what a person can do about a delivery that does not go on by itself; None where nothing need be done.

    `paused`: the targets that speak no more until somebody lets them.
    """
    delivery = one.delivery
    if delivery.target in paused and delivery.due_at is not None:
        return Advice.RESUME
    if delivery.state is State.DOUBTFUL and delivery.due_at is None:
        return Advice.LOOK
    said_no_more = one.withdrawn and delivery.wanted is not None
    if delivery.state is State.FAILED and not said_no_more:
        return Advice.MEND
    if delivery.state is State.HELD and delivery.held_by in GUARDS:
        return Advice.RELEASE
    decided_against = delivery.state is State.SKIPPED and delivery.action is Action.ANNOUNCE and not said_no_more
    return Advice.ANNOUNCE if decided_against and one.article is not None else None


def advice(one: Listed, paused: Collection[str] = ()) -> str:
    """Say what `advised` tells, with the commands to give; empty where nothing need be done."""
    told = advised(one, paused)
    words = {"id": one.delivery.id, "target": one.delivery.target, "article": one.subject}
    return "" if told is None else _ADVICE[told].format(**words)


def counted(found: Iterable[Listed]) -> dict[str, int]:
    """Count deliveries by target."""
    return dict(Counter(one.delivery.target for one in found))


def _delivery(one: Listed | None) -> Delivery | None:
    return one.delivery if one is not None else None


def _may_stand(one: Delivery) -> bool:
    return one.said is not None or one.doubt_since is not None


def stands(one: Delivery) -> str:
    """Say how an article stands where it may stand already."""
    if one.said is None:
        return "it may have been said: nobody knows"
    return f"said already{f', see {one.remote_url}' if one.remote_url else ''}"


def _stays(identity: int, listed: Listed | None, targets: Iterable[str]) -> str:
    if listed is None:
        return f"there is no delivery {identity}"
    one = listed.delivery
    if one.target not in targets:
        return f"delivery {identity} is left as it is: its target {one.target} is not in the config"
    if listed.withdrawn and one.state in {State.FAILED, State.SKIPPED}:
        return f"delivery {identity} is left as it is: its article is withdrawn"
    standing = _GUARDED.get(one.held_by, _STANDING[one.state])
    return f"delivery {identity} is left as it is: it {standing}{f', as {one.reason}' if one.reason else ''}"
