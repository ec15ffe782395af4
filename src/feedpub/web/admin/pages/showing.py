"""moments, lengths, states, sizes -> how people of the site read them: in its language, in its zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from feedpub.cadence import Cadence
from feedpub.feeds.texts import words
from feedpub.model import Action, Site, State

_CODE = re.compile(r"`([^`]+)`")
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class When:
    """A moment: for machines, for people, and how far away it is."""

    iso: str
    text: str
    far: str


@dataclass(frozen=True, slots=True)
class Showing:
    """How one page is written: in whose language and zone, and at what moment."""

    site: Site
    now: datetime

    @property
    def t(self) -> Mapping[str, str]:
        """Our own words."""
        return words(self.site.language, "admin")

    # ------------------------------------------------------------ time

    def when(self, moment: datetime | None) -> When | None:
        """Show a moment: the time, and the day if it is not today."""
        if moment is None:
            return None
        here, today = moment.astimezone(self.site.zone), self.now.astimezone(self.site.zone).date()
        text = f"{here:%H:%M:%S}" if here.date() == today else f"{here:%Y-%m-%d %H:%M}"
        return When(here.isoformat(timespec="seconds"), text, self._far(moment - self.now))

    def _far(self, away: timedelta) -> str:
        seconds = int(away.total_seconds())
        if abs(seconds) < 1:
            return self.t["just_now"]
        return self.t["ahead" if seconds > 0 else "ago"].format(length=self._parts(abs(seconds))[0])

    def length(self, length: timedelta) -> str:
        """Show a length of time whole: `1 h 30 min`."""
        return self.t["unit_joint"].join(self._parts(max(int(length.total_seconds()), 0)))

    def _parts(self, left: int) -> list[str]:
        found = []
        for unit, seconds in _UNITS:
            count, left = divmod(left, seconds)
            found += [self.t[f"unit_{unit}"].format(count=count)] if count else []
        return found or [self.t["unit_s"].format(count=0)]

    def cadence(self, cadence: Cadence) -> str:
        """Show how often something happens; a cron line is told as it is written."""
        if cadence.every is not None:
            return self.t["every"].format(length=self.length(cadence.every))
        return self.t["by_cron"].format(line=str(cadence))

    # ------------------------------------------------------------ words

    def state(self, state: State) -> str:
        """Name the state of a delivery."""
        return self.t[f"state_{state}"]

    def action(self, action: Action) -> str:
        """Name what is asked of a network."""
        return self.t[f"action_{action}"]

    def held_by(self, guard: str) -> str:
        """Tell what a delivery waits for, or why its target never heard of it."""
        return self.t.get(f"held_{guard}", guard)

    def outcome(self, outcome: str) -> str:
        """Tell what came of a try."""
        return self.t.get(f"outcome_{outcome or 'open'}", outcome)

    def size(self, size: int) -> str:
        """Show a number of bytes as people count them."""
        return f"{size:,} B" if size < 1000 else f"{size / 1000:,.0f} kB"

    def listing(self, names: Mapping[str, int]) -> str:
        """Count things by name, in one line."""
        told = (self.t["count_of"].format(name=name, count=f"{count:,}") for name, count in names.items())
        return self.t["comma"].join(told)


def marked(text: str) -> Markup:
    """Escape a text, and set apart what stands between backticks: what can be typed as it is."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def web(url: str) -> str:
    """Give an address that may be followed; empty for any that is not of the web, whoever told it."""
    return url if re.match(r"https?://[^\s/]", url, re.IGNORECASE) else ""
