"""changed feeds + the targets that hear of feeds -> what is owed to them, and the notices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from feedpub.model import Action, Notice, Target
from feedpub.notices.words import line


@dataclass(frozen=True, slots=True)
class OwedFeed:
    """A target is to be told that the feed at this address has changed. `revision` is the feed's own number of it."""

    target: str
    feed: str
    revision: int


def plan_feeds(changed: Mapping[str, int], targets: Iterable[Target]) -> tuple[OwedFeed, ...]:
    """Tell what the feeds that changed owe to each target that hears of them, in the order given.

    `changed`: by address, the number of the change; it grows with every change, so that a later one is owed anew.
    """
    return tuple(
        OwedFeed(target.name, feed, revision)
        for target in targets
        for feed, revision in changed.items()
        if target.hears(feed)
    )


def unknown_feeds(feeds: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Which of a target's `feeds` do not exist, so that it can be told."""
    addresses = frozenset(known)
    return tuple(feed for feed in feeds if feed not in addresses)


def compose_feed(
    feed: str,
    target: Target,
    *,
    title: str,
    files: Sequence[str],
    link: str,
    language: str,
    action: Action,
    revision: int,
    key: str,
    now: datetime,
) -> Notice:
    """Write what `target` is told of the feed at an address; `now` is when this is frozen.

    `files`: where its files are fetched, one or more, the preferred format first. `link`: the site, in ASCII.
    """
    return Notice(
        target=target.name,
        action=action,
        article="",
        guid=feed,
        revision=revision,
        key=key,
        at=now,
        text="\n".join(files),
        link=link,
        title=line(title),
        language=language,
    )
