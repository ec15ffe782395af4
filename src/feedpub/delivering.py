"""A claimed delivery -> what is said of it on its network, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from feedpub import clean
from feedpub.errors import ComposeError, LedgerError, Superseded, place
from feedpub.feeds.addresses import ascii_url, feed_url
from feedpub.house import House
from feedpub.model import Action, Context, Conversation, Delivery, Doubt, Notice, Outcome, Refused, Said, State
from feedpub.networks.base import Network
from feedpub.notices.compose import compose, key_of
from feedpub.notices.feeds import compose_feed
from feedpub.notices.lifecycle import NOT_ANNOUNCED, Edited, WayOut, action_of, way_out
from feedpub.notices.pace import Bill, bill, in_one_step, rest_after, silent, windows

log = structlog.get_logger("feedpub")

_PERSIST_WAITS = (0.1, 0.5, 2.0, 5.0, 10.0)
"""Seconds between tries to write down an answer we have: losing it would be a doubt."""


class Deliverer:
    """Says what is owed. Safe to call from several threads; each delivery is one's alone, by its lease."""

    def __init__(self, house: House) -> None:
        """Work in a house."""
        self._house, self._ledger, self._now = house, house.ledger, house.now

    def claim(self, limit: int) -> tuple[Delivery, ...]:
        """Lease what is due, for so many free workers."""
        return self._ledger.deliveries.claim(self._house.setup.targets, self._now(), limit, self.silent())

    def next_due(self) -> datetime | None:
        """When there may be something to claim."""
        return self._ledger.deliveries.next_due(self._house.setup.targets, self._now(), self.silent())

    def silent(self) -> dict[str, datetime]:
        """The targets whose quiet hours it is, and when each may speak again."""
        return silent(self._house.setup.targets, self._now(), self._house.setup.site.zone)

    def put_back(self, claimed: Delivery) -> None:
        """Give back what was claimed and not begun."""
        target = self._house.setup.targets.get(claimed.target)
        if target is not None:
            with suppress(Superseded):
                self._ledger.deliveries.put_back(claimed, target, self._now())

    def deliver(self, claimed: Delivery, heard: Callable[[], object] = lambda: None) -> Delivery | None:
        """Say (or correct, retract, look for) one claimed delivery. None if somebody else has it by now.

        `heard` is called when the other side has answered, or will not: all that is left is to write it down.
        """
        target = self._house.setup.targets.get(claimed.target)
        if target is None:
            return None
        try:
            return self._converse(claimed, target, heard)
        except Superseded as error:
            log.info("delivery_superseded", target=claimed.target, delivery=claimed.id, why=str(error))
            return None

    def _converse(self, claimed: Delivery, configured: Network, heard: Callable[[], object]) -> Delivery:
        memory = self._learned(configured)
        target = configured.knowing(memory)
        doubt = claimed.doubt_since is not None
        context = Context(self._now(), memory, doubted=doubt)
        way = way_out(claimed, target, self._now()) if doubt else None  # it may have been claimed a while ago
        if self._house.door.closed or way is WayOut.STOP:
            return self._ledger.deliveries.put_back(claimed, target, self._now())
        if claimed.frozen is not None and way is WayOut.FIND:
            return self._settle(claimed, target, self._say(target, target.find(claimed.frozen, context), heard))
        try:
            notice = claimed.frozen if doubt and claimed.frozen is not None else self._compose(claimed, target)
        except ComposeError as error:
            return self._settle(claimed, target, Refused(str(error)))
        if claimed.wanted is not None and silent({target.name: target}, self._now(), self._house.setup.site.zone):
            return self._ledger.deliveries.put_back(claimed, target, self._now())
        anew = notice.action is Action.RETRACT and claimed.wanted is not None
        owed = bill(target, notice, self._now(), self._house.setup.site.zone, anew=anew)
        started = self._ledger.deliveries.start(claimed, notice, target, self._now(), owed)
        if started.state is not State.SENDING:
            self._tell_waiting(started)
            return started
        outcome = self._say(target, _conversation(target, notice, context), heard)
        return self._settle(started, target, outcome, owed if in_one_step(notice) else None)

    def _learned(self, target: Network) -> Mapping[str, str]:
        """Read what a target remembers, after it has asked its server for what it allows, if it is time to."""
        memory = self._ledger.targets.memory(target.name)
        question = target.learn(Context(self._now(), memory))
        if question is None:
            return memory
        self._say(target, question)
        return self._ledger.targets.memory(target.name)

    def _compose(self, claimed: Delivery, target: Network) -> Notice:
        """Write what is true now of the article, or the feed, that it is about."""
        action = action_of(claimed, target)
        if action is None:
            raise Superseded("there is nothing left to say")
        if claimed.article is None:
            return self._compose_feed(claimed, action, target)
        written, categories = self._ledger.articles.subject(claimed.article)
        article = written.article
        if action is Action.ANNOUNCE and not article.announce and not _said_before(claimed, target):
            # The author said so while nobody knew what stood there.
            unwanted = Edited(written.revision, announce=False)
            self._ledger.deliveries.tell([claimed.id], unwanted, {target.name: target}, self._now())
            raise Superseded(NOT_ANNOUNCED)

        def composed(action: Action) -> Notice:
            return compose(
                article,
                target,
                action=action,
                revision=written.revision,
                key=key_of(article.guid, target.name, action, written.revision, retractions=claimed.retractions),
                now=self._now(),
                categories=categories,
                site=self._house.setup.site,
                remote_id=claimed.remote_id,
                also=claimed.also,
                said_instead=claimed.words,
            )

        if action is Action.RETRACT and claimed.wanted is not None:
            composed(Action.ANNOUNCE)  # raises: nothing is deleted that could not be said better
        return composed(action)

    def _compose_feed(self, claimed: Delivery, action: Action, target: Network) -> Notice:
        address = claimed.feed or ""
        spec, version = self._house.builder.spec(address), self._ledger.feeds.version(address)
        if spec is None or version is None:
            raise ComposeError(f"there is no feed {address} any more")
        feeds = self._house.setup.feeds
        return compose_feed(
            address,
            target,
            title=spec.title,
            files=[feed_url(feeds.base_url, address, ending) for ending in dict.fromkeys(feeds.formats)],
            link=ascii_url(self._house.setup.site.url),
            language=self._house.setup.site.language,
            action=action,
            revision=version,
            key=key_of(address, target.name, action, version),
            now=self._now(),
        )

    def _say(self, target: Network, conversation: Conversation, heard: Callable[[], object] = lambda: None) -> Outcome:
        def remember(key: str, value: str) -> None:
            self._ledger.targets.remember(target.name, key, value)

        try:
            outcome = self._house.door.converse(
                conversation, remember, timeout=target.timeout, allow_private=target.allow_private
            )
        except Exception as error:  # noqa: BLE001 - one target's fault must not end the others'
            log.error("conversation_failed", target=target.name, error=type(error).__name__, at=place(error))
            return Doubt("feedpub itself failed in this conversation: see the log, and please report it")
        finally:
            heard()
        # What a network calls a post is hostile until cleaned, like everything it says.
        return Said(clean.line(outcome.id), clean.url(outcome.url)) if isinstance(outcome, Said) else outcome

    def _settle(self, held: Delivery, target: Network, outcome: Outcome, paid: Bill | None = None) -> Delivery:
        """Write the answer down; it is worth some patience, for to lose it is to doubt."""
        action = held.frozen.action if held.frozen is not None else Action.ANNOUNCE
        rules = self._house.setup.targets.get(target.name, target)  # as they are by now
        waits = iter(_PERSIST_WAITS)
        while True:
            try:
                now = self._now()
                spoken = self._ledger.deliveries.spoken(target.name, windows(rules), now, besides=held.id)
                rests = partial(rest_after, outcome, action, held.attempts, target=rules, now=now, spoken=spoken)
                settled, rest = self._ledger.deliveries.settle(held, outcome, rests, target, now, paid)
            except Superseded:
                raise
            except LedgerError:
                if (wait := next(waits, None)) is None:
                    raise
                time.sleep(wait)
            else:
                self._house.metrics.tried(target.name, type(outcome).__name__.lower())
                self._tell_outcome(settled, outcome)
                if rest.paused:
                    log.error("target_paused", target=target.name, why=rest.paused)
                return settled

    def _about(self, delivery: Delivery) -> dict[str, str | None]:
        if delivery.article is None:
            return {"feed": delivery.feed}
        return {"article": self._ledger.articles.id_of(delivery.article)}

    def _tell_waiting(self, unpaid: Delivery) -> None:
        log.warning(
            "budget_spent", target=unpaid.target, **self._about(unpaid), state=str(unpaid.state), why=unpaid.reason
        )

    def _tell_outcome(self, delivery: Delivery, outcome: Outcome) -> None:
        well = delivery.state in {State.SENT, State.SKIPPED, State.DUE} and not isinstance(outcome, Refused)
        (log.info if well else log.error)(
            "delivery",
            target=delivery.target,
            **self._about(delivery),
            state=str(delivery.state),
            outcome=type(outcome).__name__.lower(),
            **({"why": delivery.reason} if delivery.reason else {}),
        )


def _said_before(claimed: Delivery, target: Network) -> bool:
    """Whether an author's no comes too late: a person wants it said, or it was only deleted to be said better."""
    return claimed.expires_at is None or (claimed.retractions > 0 and target.correct_by == "repost")


def _conversation(target: Network, notice: Notice, context: Context) -> Conversation:
    """Begin only when it is carried out: what fails in a network's own code fails there."""
    if notice.action is Action.RETRACT:
        return (yield from _retraction(target, notice, context))
    say = {Action.ANNOUNCE: target.announce, Action.CORRECT: target.correct, Action.REPLY: target.reply}
    return (yield from say[notice.action](notice, context))


def _retraction(target: Network, notice: Notice, context: Context) -> Conversation:
    """Take back everything that stands there of a subject; where one step fails, all are done again: it is harmless."""
    standing = (notice.remote_id, *notice.also)
    outcome: Outcome = Said(notice.remote_id)
    for one in standing if any(standing) else ("",):
        if one or not any(standing):
            outcome = yield from target.retract(replace(notice, remote_id=one), context)
        if not isinstance(outcome, Said):
            break
    return outcome
