"""a text -> its length as X counts it, and where X makes links of it (twitter-text, configuration 3)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from pkgutil import get_data
from types import ModuleType
from typing import Any, NamedTuple
from unicodedata import normalize

from feedpub.networks.base import LINK

LIMIT = 280
_LINK_COUNTS = 23
_LIGHT = re.compile("[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
"""What weighs 1 (the ranges of configuration 3); all else weighs 2."""
# What stands before a link decides whether it is one, so the space before a run belongs to it.
_RUN = re.compile(r"\s?\S+")
_MOST_DOTS = 64
_LONGEST = 4096
"""Of a longer address X makes no link."""


class Found(NamedTuple):
    """A link that X makes: where it stands in the text, counted in code points."""

    start: int
    end: int
    text: str


class _Library(NamedTuple):
    """What we take of twitter-text: how it finds links and emoji, and runs of the characters that emoji are made of.

    It tries 1,700 sequences at every letter, so it is asked only about such runs.
    """

    links: Callable[[str], list[dict[str, Any]]]
    emoji: re.Pattern[str]
    of_emoji: re.Pattern[str]


def length(text: str) -> int:
    """Weigh a text, after NFC as X does; whatever X makes a link of counts as 23, an emoji (however joined) as 2."""
    said = normalize("NFC", text.replace("\r\n", "\n"))
    weight, end = 0, 0
    for link in links(said):
        weight += _weight(said[end : link.start]) + _LINK_COUNTS
        end = link.end
    return weight + _weight(said[end:])


def links(text: str) -> Iterator[Found]:
    """Find what X makes a link of, bare domains too, in order and apart."""
    for run in _RUN.finditer(text):  # no link goes over a space
        if "." in run[0]:
            for start, end in _links_in(run[0]):
                yield Found(run.start() + start, run.start() + end, run[0][start:end])


@lru_cache(maxsize=1024)
def _links_in(run: str) -> tuple[tuple[int, int], ...]:
    # Its search for bare domains takes the cube of their dots: minutes, for a hostile text. Prose has few in one run.
    if run.count(".") > _MOST_DOTS:
        return tuple(found.span() for found in LINK.finditer(run) if len(found[0]) <= _LONGEST)
    return tuple((found["indices"][0], found["indices"][1]) for found in _library().links(run))


def _weight(text: str) -> int:
    """Weigh what holds no link."""
    library = _library()
    weight = _plain(library.of_emoji.sub("", text))
    for run in library.of_emoji.findall(text):
        rest, emoji = library.emoji.subn("", run)
        weight += _plain(rest) + 2 * emoji
    return weight


def _plain(text: str) -> int:
    return 2 * len(text) - len(_LIGHT.findall(text))


@lru_cache(maxsize=1)
def _library() -> _Library:
    """Load twitter-text when the first text is weighed: its patterns take a tenth of a second to make."""
    # It reads its list of emoji through pkg_resources, which setuptools has no more: something that does this one
    # thing stands in for it, only while twitter-text is loaded.
    stand_in = ModuleType("pkg_resources")
    stand_in.resource_string = get_data  # type: ignore[attr-defined]  # a module takes any
    present = sys.modules.setdefault("pkg_resources", stand_in)
    try:
        parts = [import_module(f"twitter_text.{part}") for part in ("extract_urls", "regexp.emoji")]
    finally:
        if present is stand_in:
            del sys.modules["pkg_resources"]
    urls, emoji = parts
    made_of = {chr(int(code, 16)) for one in emoji.emoji_list for code in one.codepoint.split()}
    # Digits are letters like others, but where a keycap follows.
    run = f"(?:[0-9#*]?[{re.escape(''.join(made_of - set('0123456789#*')))}])+"
    return _Library(urls.extract_urls_with_indices, emoji.emoji, re.compile(run))
