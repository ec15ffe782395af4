"""feeds of categories -> which stands inside which: a category's feed carries all that its children's carry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from feedpub.feeds.catalog import FeedSpec
from feedpub.terms import Term

DEEPEST = 8
"""Levels, the outermost among them; what lies deeper stands side by side. Nobody reads a list of hundreds."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A feed, and those inside it."""

    spec: FeedSpec
    within: tuple[Self, ...] = ()


def nest(specs: Iterable[FeedSpec]) -> tuple[Nested, ...]:
    """Put each feed below the smallest that carries all of its categories and more; the order is kept."""
    known = tuple(specs)
    inside: defaultdict[int | None, list[int]] = defaultdict(list)
    for number, around in enumerate(_around(known)):
        inside[around].append(number)

    def made(number: int) -> Nested:
        return Nested(known[number], tuple(made(child) for child in inside[number]))

    return tuple(made(number) for number in inside[None])


def _around(known: Sequence[FeedSpec]) -> Sequence[int | None]:
    """For each feed, which one it stands in."""
    carrying: defaultdict[Term, list[int]] = defaultdict(list)
    for number, spec in enumerate(known):
        for source in spec.sources:
            carrying[source].append(number)
    around: list[int | None] = [None] * len(known)
    levels: dict[int | None, int] = {None: 0}
    # The wider ones first, so that the level of what is around a feed is known.
    for number in sorted(range(len(known)), key=lambda number: -len(known[number].sources)):
        outer = _smallest_wider(number, known, carrying)
        if levels[outer] == DEEPEST and outer is not None:
            outer = around[outer]
        around[number] = outer
        levels[number] = levels[outer] + 1
    return around


def _smallest_wider(number: int, known: Sequence[FeedSpec], carrying: Mapping[Term, Sequence[int]]) -> int | None:
    here = known[number].sources
    if not here:
        return None
    wider = (other for other in carrying[min(here)] if known[other].sources > here)
    return min(wider, key=lambda other: (len(known[other].sources), other), default=None)
