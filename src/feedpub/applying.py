"""A new setup -> stores that go on under another name or as another kind, and targets that begin with a backlog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

from feedpub.categories import DESK
from feedpub.house import House
from feedpub.networks.base import Network
from feedpub.notices.plan import plan
from feedpub.polling import tell_owed

log = structlog.get_logger("feedpub")


def take_over(house: House) -> None:
    """Have each store go on that has another name now, or is of another kind."""
    articles = house.ledger.articles
    states = {state.name: state for state in articles.store_states()}
    for name, source in house.setup.sources.items():
        options, own, former = source.options, states.get(name), states.get(source.options.replaces)
        if former is not None and not articles.has_any(name):
            articles.rename_store(former.name, name, anew=former.kind not in {None, options.form}, now=house.now())
            log.info("store_replaced", store=name, replaces=former.name, kind=options.form)
        elif own is not None and own.kind is not None and own.kind != options.form and name != DESK:
            articles.begin_store_anew(name, now=house.now())
            log.info("store_begins_anew", store=name, kind=options.form, before=own.kind)
    for option, why in not_replaced(house):
        log.warning("config_warning", what=f"{option}: {why}")


def not_replaced(house: House) -> Iterator[tuple[str, str]]:
    """Each option that names a store which cannot be taken over, and why; none once it was."""
    known = {state.name for state in house.ledger.articles.store_states()}
    for name, source in house.setup.sources.items():
        former, option = source.options.replaces, f"stores.{name}.replaces"
        if former in known and house.ledger.articles.has_any(former) and house.ledger.articles.has_any(name):
            why = f"stores.{name} has articles of its own, so that stores.{former} stays apart: leave this out"
            yield option, why
        elif former and former not in known and name not in known:
            yield option, f"feedpub never polled a store {former}: write the name that it had, or leave this out"


def welcome(house: House, targets: Iterable[Network]) -> None:
    """Owe a new target the backlog it asks for; all else that is known already is its baseline."""
    for target in targets:
        if target.announce_backlog:
            known = house.ledger.articles.since(house.now() - target.max_age)
            categories = house.ledger.articles.categories()
            # Before the ledger was put back, it may have been welcomed already.
            since, now = house.ledger.history.put_back_at(), house.now()
            owed = plan(
                known, [target], categories, site=house.setup.site, baseline=True, already={}, now=now,
                unsure_until=since,
            )  # fmt: skip
            house.ledger.deliveries.owe(owed, house.now())
            tell_owed(owed)
