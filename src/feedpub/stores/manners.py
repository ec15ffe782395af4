"""how a site answered so far -> whether it may be asked again now. Nothing waits here: who asks too early is told so.

A site that asks to be left alone (Retry-After, RFC 9110 §10.2.3) is; one that fails again and again is asked seldom.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic

from feedpub.errors import StoreError, UnreachableError
from feedpub.http import MisdirectedError
from feedpub.model import Reply

LONGEST_ASKED = timedelta(hours=1)
"""Whoever asks for more than this gets this."""
PATIENCE = 3
"""From so many failures in a row on, a site is left alone for as long as it has been failing already."""
LONGEST_REST = timedelta(minutes=14)
"""So that with a poll every few minutes a site that is up again is read within a quarter of an hour."""

_BUSY = (429, 503)


class Manners:
    """What one site is owed. Kept as long as its store is open; one thread at a time."""

    def __init__(self, site: str, clock: Callable[[], float] = monotonic) -> None:
        """Name the site as people know it. `clock` tells seconds, and never goes back."""
        self._site = site
        self._clock = clock
        self._failures = 0
        self._since = 0.0
        self._until = 0.0
        self._why = ""

    def ready(self) -> None:
        """Raise StoreError while the site is to be left alone; that is no failure of its own."""
        left = self._until - self._clock()
        if left > 0:
            raise StoreError(f"{self._why} asked again in {_words(timedelta(seconds=left))}")

    def failed(self, wait: timedelta | None = None, why: str = "") -> None:
        """Note that it did not answer as it should, for how long it asked to be left alone, and what went wrong.

        `why` is a sentence that names the site.
        """
        now = self._clock()
        self._failures += 1
        self._since = now if self._failures == 1 else self._since
        asked = min(wait, LONGEST_ASKED).total_seconds() if wait is not None else 0.0
        rest = min(now - self._since, LONGEST_REST.total_seconds()) if self._failures >= PATIENCE else 0.0
        self._until = now + max(rest, asked)
        if asked and asked >= rest:
            self._why = f"{self._site} asked to be left alone for {_words(timedelta(seconds=asked))}; it is"
        else:
            self._why = f"{why or self._site + ' fails'}; it failed {self._failures} times in a row, and is"

    def answered(self) -> None:
        """Note that all is well."""
        self._failures, self._until = 0, 0.0


def unreachable(error: UnreachableError) -> str:
    """Say why nothing could be fetched, and what to look at, where the reason does not say it itself."""
    helps = error.sent or isinstance(error, MisdirectedError)
    return f"cannot be read: {error}" + ("" if helps else "; see that the site is up, and that `url` is right")


def asked_wait(reply: Reply) -> timedelta | None:
    """How long a busy site (429, 503) asks to be left alone, an hour at most; None where it says nothing of use.

    A date is meant by the site's own clock, as its answer is dated.
    """
    said = reply.headers.get("retry-after", "").strip()
    if reply.status not in _BUSY:
        return None
    if re.fullmatch("[0-9]+", said):
        wait = LONGEST_ASKED if len(said) > len("86400") else timedelta(seconds=int(said))
    else:
        until, now = http_date(said), answered_at(reply)
        wait = until - now if until and now else timedelta(0)
    return min(wait, LONGEST_ASKED) if wait > timedelta(0) else None


def answered_at(reply: Reply) -> datetime | None:
    """When a site answered, by its own clock; None where it does not say."""
    return http_date(reply.headers.get("date", ""))


def http_date(said: str) -> datetime | None:
    """Read the date of a header, in UTC (RFC 9110 §5.6.7); None where it is none."""
    try:
        moment = parsedate_to_datetime(said)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _words(time: timedelta) -> str:
    """Say a time as people do: minutes, rounded up, or seconds where it is shorter."""
    seconds = -(-time // timedelta(seconds=1))
    minutes = -(-seconds // 60)
    count, unit = (seconds, "second") if seconds < 60 else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
