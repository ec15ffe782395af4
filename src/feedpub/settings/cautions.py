"""valid settings -> what may still surprise their admin, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from feedpub.settings.options import Settings

_SMALL_HOURS = frozenset(range(4))
"""Where all zones of today move their clocks."""


def cautions(settings: Settings) -> Iterator[str]:
    """What to tell the admin, though it is allowed."""
    if not _moves_its_clocks(settings.site.zone):
        return
    for name, store in settings.stores.items():
        cron = store.poll.cron
        if cron and cron.hours & _SMALL_HOURS and len(cron.hours) < 24:
            yield (
                f"stores.{name}.poll: {settings.site.timezone} moves its clocks between 00:00 and 03:59, so that twice "
                "a year this does not run when it says; choose hours from 4 on, or a duration"
            )


def _moves_its_clocks(zone: ZoneInfo) -> bool:
    """Whether the rules now in force give the year more than one offset. 2037: the last year all zone files know."""
    year = datetime(2037, 1, 1, tzinfo=zone)
    return len({(year + timedelta(days=7 * week)).utcoffset() for week in range(52)}) > 1
