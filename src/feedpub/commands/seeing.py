"""the ledger -> previews: what is known is gathered here, and nothing is asked of anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from feedpub.commands.deciding import Decisions
from feedpub.commands.preview import Preview, Standing, preview
from feedpub.errors import FeedpubError
from feedpub.model import EPOCH, Article
from feedpub.notices.pace import Rest, month_of
from feedpub.pipeline import Publisher

_NEWEST = 200
"""Articles looked through for the newest one with a title, and the newest brief."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An article, and what it would say on each target."""

    article: Article
    previews: tuple[Preview, ...]


def see(publisher: Publisher, name: str = "", targets: Sequence[str] = ()) -> tuple[Seen, ...]:
    """Tell what an article (none named: the newest article and the newest brief) would say on targets (none: all)."""
    decisions = Decisions(publisher)
    wanted = decisions.told(targets)
    articles = (decisions.article(name, waiting=True),) if name else _newest(publisher)
    return tuple(
        Seen(article, tuple(_preview(decisions, article, target) for target in wanted)) for article in articles
    )


def _newest(publisher: Publisher) -> tuple[Article, ...]:
    entries = publisher.ledger.feeds.entries("all", _NEWEST)
    briefs = publisher.ledger.feeds.entries("briefs", 1)
    found = (*[one for one in entries if not one.brief][:1], *briefs)
    if not found:
        raise FeedpubError(
            "there is no article yet to show: publish one in a store (`feedpub import FILE` fills the embedded one)"
        )
    return found


def _preview(decisions: Decisions, article: Article, name: str) -> Preview:
    ledger, target = decisions.publisher.ledger, decisions.publisher.setup.targets[name]
    rests = {one.name: one.rest for one in ledger.targets.states()}
    there = ledger.deliveries.listed(target=name, article=article.guid, limit=1)
    delivery = there[0].delivery if there else None
    now, zone = decisions.publisher.now(), decisions.publisher.setup.site.zone
    spent = ledger.deliveries.spent(month_of(now, zone)).get(name, 0)
    standing = Standing(rests.get(name, Rest(0, EPOCH, EPOCH)), delivery, spent)
    words = delivery.words if delivery is not None else ""
    return preview(article, target.knowing(ledger.targets.memory(name)), decisions.known(), standing, words)
