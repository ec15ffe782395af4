"""valid settings -> what may still surprise their admin, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from feedpub.networks.base import Network
from feedpub.settings.options import Settings
from feedpub.stores.base import StoreOptions
from feedpub.stores.query import wording
from feedpub.stores.sql import SqlOptions

_ADDRESSES = frozenset({"server", "api_url", "webhook_url", "url"})
_NO_SECRETS = frozenset({"ping", "websub"})
"""Networks whose addresses are public, or which know no encryption."""

_SMALL_HOURS = frozenset(range(4))
"""Where all zones of today move their clocks."""


def cautions(settings: Settings) -> Iterator[str]:
    """What to tell the admin, though it is allowed."""
    for target in settings.targets.values():
        yield from _of_target(target)
        yield from _of_address(f"targets.{target.name}", target)
    for alert in settings.alerts.values():
        yield from _of_address(f"alerts.{alert.name}", alert)
    for store in settings.stores.values():
        yield from _of_store(store)
    if not _moves_its_clocks(settings.site.zone):
        return
    for name, store in settings.stores.items():
        cron = store.poll.cron
        if cron and cron.hours & _SMALL_HOURS and len(cron.hours) < 24:
            yield (
                f"stores.{name}.poll: {settings.site.timezone} moves its clocks between 00:00 and 03:59, so that twice "
                "a year this does not run when it says; choose hours from 4 on, or a duration"
            )


def _of_store(store: StoreOptions) -> Iterator[str]:
    if not isinstance(store, SqlOptions) or not store.is_query:
        return
    if wording.is_limited(store.query):
        yield (
            f"stores.{store.name}.query: with a LIMIT nothing is ever withdrawn, and what does not fit is never read; "
            "leave it out: rows are read a few at a time, however many there are"
        )
    if not wording.names_since(store.query):
        yield (
            f"stores.{store.name}.query: without :since all its rows are read at every poll; compare the column that "
            "it gives AS updated with it: WHERE … >= :since"
        )


def _of_target(target: Network) -> Iterator[str]:
    if target.subject == "article" and not target.max_age:
        yield (f'targets.{target.name}.max_age: with "0" every article is too old, and nothing is announced by itself')


def _of_address(called: str, target: Network) -> Iterator[str]:
    if target.kind in _NO_SECRETS or target.allow_private:
        return
    for option, value in target:
        address = value.get_secret_value() if isinstance(value, SecretStr) else value
        if option in _ADDRESSES and isinstance(address, str) and address.startswith("http:"):
            yield f"{called}.{option}: http sends its secret unencrypted; write https"


def _moves_its_clocks(zone: ZoneInfo) -> bool:
    """Whether the rules now in force give the year more than one offset. 2037: the last year all zone files know."""
    year = datetime(2037, 1, 1, tzinfo=zone)
    return len({(year + timedelta(days=7 * week)).utcoffset() for week in range(52)}) > 1
