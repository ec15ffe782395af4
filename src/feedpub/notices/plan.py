"""changed articles + the targets' rules -> deliveries owed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from feedpub.categories import filed
from feedpub.model import Article, State, Target
from feedpub.notices.lifecycle import AUTHOR, FEEDS, FLOOD, NOT_ANNOUNCED, TOO_OLD

Scope = Mapping[str, frozenset[tuple[str, str]] | None]
"""By target: the (store, category key) pairs it takes, children included; None = everything."""


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
    scope: Scope,
    *,
    baseline: bool,
    already: Mapping[str, int],
    now: datetime,
) -> tuple[Owed, ...]:
    """Tell what newly published articles owe to each target: one delivery each, however many categories.

    A target that is told of feeds is owed nothing here (feeds.py).
    `baseline`: these were known before feedpub was; only a target with `announce_backlog` speaks of them.
    `already`: new articles of this poll per target, in the batches before this one (for `flood_limit`).
    """
    fresh = sorted(articles, key=lambda one: (one.published, one.guid))
    owed: list[Owed] = []
    for target in targets:
        if target.subject == "feed" or (baseline and not target.announce_backlog):
            continue
        wanted = [_owe(one, target, now) for one in fresh if takes(scope.get(target.name), one)]
        news = sum(one.state is State.HELD for one in wanted)
        if not baseline and already.get(target.name, 0) + news > target.flood_limit:
            wanted = [_hold(one, target) for one in wanted]
        owed += wanted
    return tuple(owed)


def takes(scope: frozenset[tuple[str, str]] | None, article: Article) -> bool:
    """Whether a target's `categories` let an article through."""
    return scope is None or any(one in scope for one in filed(article))


def news_by_target(owed: Iterable[Owed]) -> dict[str, int]:
    """Count what each target would hear of, for the flood guard."""
    counts: dict[str, int] = {}
    for one in owed:
        counts[one.target] = counts.get(one.target, 0) + (one.state is State.HELD)
    return counts


def _owe(article: Article, target: Target, now: datetime) -> Owed:
    expires_at = article.published + target.max_age
    if not article.announce:
        return Owed(target.name, article.guid, State.SKIPPED, AUTHOR, NOT_ANNOUNCED, expires_at)
    if expires_at < now:
        return Owed(target.name, article.guid, State.SKIPPED, "", TOO_OLD, expires_at)
    return Owed(target.name, article.guid, State.HELD, FEEDS, "", expires_at)


def _hold(owed: Owed, target: Target) -> Owed:
    if owed.state is not State.HELD:
        return owed
    why = (
        f"more than {target.flood_limit} new articles in one poll: look, then "
        f"`feedpub deliveries release --target {target.name}`"
    )
    return Owed(owed.target, owed.guid, State.HELD, FLOOD, why, owed.expires_at)
