"""the opaque cursor <-> how far the polling of a query has come. Pure.

Each pass asks for what changed since the newest change known, less the `overlap`: a transaction commits later than it
stamps its rows. What comes again and says the same is left out, by a digest of each row. So an idle pass leaves the
place as it was, to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError

from feedpub.stores.query.moments import BEGINNING
from feedpub.stores.taxonomy import Kept

REMEMBERED = 2000
"""Of more rows than these within the overlap, the older ones are read again until the overlap is over."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a pass remembers of a row. `at`: when it was updated, in seconds since 1970; None where it does not say."""

    id: str
    at: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the polling stands. Times are in seconds since 1970, by the database's clock.

    `since` is what the next pass looks back to (None: everything), `high` the newest change known, `whole_at` when
    everything was read last, `seen` the digests of rows that will come again, `west` the most western offset that
    dates of text were seen to say, `categories` those known by name, `taxonomy` a digest of them as last told,
    `form` a digest of the options that all this holds for.
    """

    since: int | None = None
    high: int | None = None
    whole_at: int | None = None
    seen: Mapping[str, str] = field(default_factory=dict)
    west: int | None = None
    categories: Kept = ()
    taxonomy: str = ""
    form: str = ""
    version: Literal[1] = 1

    @classmethod
    def parse(cls, text: str, form: str) -> Place:
        """Read a place. One of another kind begins anew; of one for another query only the categories count."""
        try:
            known = _PLACE.validate_json(text or "{}")
        except ValidationError:
            return cls(form=form)
        return known if known.form == form else cls(categories=known.categories, form=form)

    def __str__(self) -> str:
        """Write the place."""
        return _PLACE.dump_json(self).decode()

    def whole(self, now: datetime, every: timedelta) -> bool:
        """Whether everything is to be read: rows that came in with an old date are found by this alone."""
        if self.whole_at is None:
            return True
        # However far off: a clock that was set back must not make us look away for so long.
        return abs(now.timestamp() - self.whole_at) >= every.total_seconds()

    def begins(self, *, whole: bool) -> datetime:
        """What the pass looks back to."""
        return BEGINNING if whole or self.since is None else datetime.fromtimestamp(self.since, UTC)

    def after(self, rows: Iterable[Row], now: datetime, overlap: timedelta, *, whole: bool, asks: bool = True) -> Self:
        """Where the next pass begins. `rows` are those of this one, the newest first, undated ones last.

        `asks`: whether the query asks for what changed since; one that does not gives every row each time.

        `now` is the database's clock before they were read. A row from the future moves nothing: its clock is wrong.
        """
        clock, over = int(now.timestamp()), int(overlap.total_seconds())
        asked = None if whole else self.since
        high = None if whole else self.high
        floor: int | None = None
        kept: list[Row] = []
        for row in rows:
            if row.at is not None and row.at <= clock:
                high = row.at if high is None else max(high, row.at)
            if asks and not _comes_again(row, asked, None if high is None else high - over):
                continue
            if len(kept) < REMEMBERED:
                kept.append(row)
            elif floor is None:
                floor = row.at
        since = None if high is None else high - over
        if since is not None and floor is not None:
            # Whatever was stamped so long before now is committed, and has just been read.
            since = max(since, min(floor + 1, clock - over))
        if since is not None and asked is not None:
            since = max(since, asked)
        seen = {one.id: one.digest for one in kept if not asks or _comes_again(one, asked, since)}
        return replace(
            self, since=since, high=high, whole_at=clock if whole else self.whole_at, seen=dict(sorted(seen.items()))
        )


def _comes_again(row: Row, asked: int | None, since: int | None) -> bool:
    """Whether the next pass will meet this row: the query asks for it then, or gives it without being asked."""
    if row.at is None or since is None:
        return True
    return row.at >= since or (asked is not None and row.at < asked)


_PLACE = TypeAdapter(Place)
