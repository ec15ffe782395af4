"""what a browser sent -> values; whatever is not as our own pages send it counts as not given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from feedpub.commands.deciding import Which
from feedpub.commands.moments import since
from feedpub.errors import FeedpubError
from feedpub.model import Site, State
from feedpub.web.admin.bodies import Form, first

__all__ = ["Filter", "Form", "back", "choice", "first", "number", "numbers", "ticked"]

Pairs = tuple[tuple[str, str], ...]
_Choice = TypeVar("_Choice", bound=StrEnum)
_LONGEST = 500
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)  # more would not fit into a database's number


def ticked(form: Form, name: str) -> bool:
    """Tell whether a box is ticked, or a button of this name was pressed."""
    return bool(first(form, name))


def number(text: str) -> int:
    """Read a number; 0 for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else 0


def numbers(form: Form, name: str) -> tuple[int, ...]:
    """Read the numbers of a field."""
    return tuple(dict.fromkeys(filter(None, map(number, form.get(name, ())))))


def choice(kind: type[_Choice], text: str) -> _Choice | None:
    """Read one of a few words."""
    return kind(text) if text in {str(one) for one in kind} else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries a page shows, as its address says it; `since` in the admin's own words."""

    states: tuple[State, ...] = ()
    target: str = ""
    article: str = ""
    held_by: str = ""
    since: str = ""
    ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, given: Form) -> Filter:
        """Read it from an address or a form."""
        states = tuple(dict.fromkeys(State(one) for one in given.get("state", ()) if one in set(State)))
        texts = {name: first(given, name).strip()[:_LONGEST] for name in ("target", "article", "held_by", "since")}
        return cls(states, **texts, ids=numbers(given, "only"))

    @property
    def pairs(self) -> Pairs:
        """Write it as an address or a form has it."""
        named = [("state", str(one)) for one in self.states] + [("only", str(one)) for one in self.ids]
        texts = [(name, getattr(self, name)) for name in ("target", "article", "held_by", "since")]
        return (*named, *(pair for pair in texts if pair[1]))

    @property
    def narrow(self) -> bool:
        """Whether it says enough that all it finds may be decided about at once."""
        return bool(self.target or self.article or self.held_by or self.since or self.ids)

    def address(self, *more: tuple[str, str]) -> str:
        """The address of the page that shows this."""
        asked = urlencode((*self.pairs, *more))
        return f"/deliveries?{asked}" if asked else "/deliveries"

    def which(self, now: datetime, site: Site) -> Which:
        """Say it as commands take it. Raises FeedpubError where `since` is no time."""
        begin = since(self.since, now, site.zone) if self.since else None
        return Which(self.ids, self.states, self.target, self.article, self.held_by, begin)

    def understood(self, now: datetime, site: Site) -> Which | None:
        """Say it as commands take it; None where `since` is no time."""
        try:
            return self.which(now, site)
        except FeedpubError:
            return None


def back(form: Form) -> str:
    """Where a form says it was filled in: a page of ours, or the overview."""
    said = first(form, "back")
    return said if re.fullmatch(r"/(deliveries|feeds|write|config|targets/[a-z][a-z0-9_]{0,99})?", said) else "/"
