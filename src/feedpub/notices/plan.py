"""changed articles + the targets' rules -> deliveries owed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from feedpub.errors import ComposeError
from feedpub.model import Article, Category, Site, State, Target
from feedpub.notices.lifecycle import AUTHOR, FEEDS, FLOOD, NOT_ANNOUNCED, PUT_BACK, TOO_OLD
from feedpub.notices.returning import MAYBE_SAID
from feedpub.notices.rules import Rules, Subject, subjects

WHEN = "when"
"""Marks what is skipped as its target's condition could not be told: a person may still announce it."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery to be, for the article with this guid: where it starts, and why; `words`, if a person gave some."""

    target: str
    guid: str
    state: State
    held_by: str
    reason: str
    expires_at: datetime | None
    words: str = ""


def plan(
    articles: Iterable[Article],
    targets: Iterable[Target],
    categories: Sequence[Category],
    *,
    site: Site,
    baseline: bool,
    already: Mapping[str, int],
    now: datetime,
    unsure_until: datetime | None = None,
) -> tuple[Owed, ...]:
    """Tell what newly published articles owe to each target: one delivery each, however many categories.

    What a target's rules keep out owes it nothing; where its condition fails on an article, that is told as a reason.
    `categories` are those of all stores. A target that is told of feeds is owed nothing here (feeds.py).
    `baseline`: these were known before feedpub was; only a target with `announce_backlog` speaks of them.
    `already`: new articles of this poll per target, in the batches before this one (for `flood_limit`).
    `unsure_until`: what was published until then may have been announced after the backup that was put back.
    """
    fresh = subjects(sorted(articles, key=lambda one: (one.published, one.guid)), categories, site)
    owed: list[Owed] = []
    for target in targets:
        if target.subject == "feed" or (baseline and not target.announce_backlog):
            continue
        rules = Rules.of(target, categories)
        wanted = [one for subject in fresh if (one := _owe(subject, rules, target, now, unsure_until))]
        news = sum(one.held_by == FEEDS for one in wanted)
        if not baseline and already.get(target.name, 0) + news > target.flood_limit:
            wanted = [_hold(one, target) for one in wanted]
        owed += wanted
    return tuple(owed)


def news_by_target(owed: Iterable[Owed]) -> dict[str, int]:
    """Count what each target would hear of, for the flood guard."""
    counts: dict[str, int] = {}
    for one in owed:
        counts[one.target] = counts.get(one.target, 0) + (one.held_by in {FEEDS, FLOOD})
    return counts


def unclear(owed: Iterable[Owed]) -> dict[str, list[Owed]]:
    """Pick, by target, the articles that its condition fails on."""
    found: dict[str, list[Owed]] = {}
    for one in owed:
        if one.held_by == WHEN:
            found.setdefault(one.target, []).append(one)
    return found


def _owe(subject: Subject, rules: Rules, target: Target, now: datetime, unsure_until: datetime | None) -> Owed | None:
    article = subject.article
    expires_at = article.published + target.max_age
    try:
        if not rules.take(subject):
            return None
    except ComposeError as error:
        # Not said, as nobody knows whether it is wanted; nor forgotten, as nobody knows that it is not.
        return Owed(target.name, article.guid, State.SKIPPED, WHEN, f"targets.{target.name}.when: {error}", expires_at)
    if not article.announce:
        return Owed(target.name, article.guid, State.SKIPPED, AUTHOR, NOT_ANNOUNCED, expires_at)
    if expires_at < now:
        return Owed(target.name, article.guid, State.SKIPPED, "", TOO_OLD, expires_at)
    if unsure_until is not None and article.published <= unsure_until:
        return Owed(target.name, article.guid, State.HELD, PUT_BACK, MAYBE_SAID, expires_at)
    return Owed(target.name, article.guid, State.HELD, FEEDS, "", expires_at)


def _hold(owed: Owed, target: Target) -> Owed:
    if owed.held_by != FEEDS:
        return owed
    why = (
        f"more than {target.flood_limit} new articles in one poll: look, then "
        f"`feedpub deliveries release --target {target.name}`"
    )
    return Owed(owed.target, owed.guid, State.HELD, FLOOD, why, owed.expires_at)
