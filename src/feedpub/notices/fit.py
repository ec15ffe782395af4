"""a headline too long for its notice + how the network counts -> the longest cut that reads well and fits.

The notice is measured whole, never a guessed budget: what a cut adds or saves only the network's counting knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate

import budoux
import regex

from feedpub.model import Measure

_ELLIPSIS = "…"
# What is never cut inside: a link, and a grapheme (UAX #29), be it a family of emoji, a flag or 葛 with its variant.
_PIECE = regex.compile(r"https?://[!-~]+\p{Grapheme_Extend}*|\X")
_WORD_BOUNDARY = regex.compile(r"\b", regex.WORD)
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")

_BRACKETS = dict(zip("「『（【〈《〔［｛｢“〝([{", "」』）】〉》〕］｝｣”〟)]}", strict=True))
# An ellipsis after one of these reads as a slip: an open bracket, a comma, a dash, another ellipsis.
_DANGLING = frozenset(_BRACKETS) | frozenset("、，､,・･：:；;｜|—―–-－／/…‥")
# No line begins with these (JIS X 4051), and no cut leaves them behind.
_NEVER_FIRST = frozenset(
    "、。，．､｡・･：；？！?!,.:;)]}’”〟」』）】〉》〕］｝｣々〻ー～〜…‥％%゛゜ﾞﾟゝゞヽヾぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶｧｨｩｪｫｯｬｭｮ"
)
_PAUSES = frozenset("。、，．！？」』）】〉》〕］.,!?)]")


def fit(write: Callable[[str], str], headline: str, measure: Callable[[str], Measure], *, language: str) -> str | None:
    """Cut `headline` so that the notice that `write` makes of it fits; None where not even one letter would.

    The cut ends in "…", with brackets it leaves open closed behind it; within the last 15 % it moves back to
    the end of a phrase. `language` is BCP 47.
    """

    def fits(cut: str) -> bool:
        return measure(write(cut)).fits

    if fits(headline):
        return headline
    pieces = _Pieces(tuple(_PIECE.findall(headline)))
    longest = _longest(lambda end: not (cut := pieces.cut(end)) or fits(cut), len(pieces.all) - 1)
    cuts = (pieces.cut(end) for end in _good_ends(pieces, longest, language))
    return next((cut for cut in cuts if cut and fits(cut)), None)


def _longest(fits: Callable[[int], bool], most: int) -> int:
    """Find the longest fitting length up to `most`: in doubling steps first, since the text may be a book."""
    low, high = 0, 32
    while high < most and fits(high):
        low, high = high, high * 2
    high = min(high, most)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True)
class _Pieces:
    """A headline in the pieces that stay whole. An `end` counts pieces."""

    all: tuple[str, ...]

    def cut(self, end: int) -> str:
        """Write the cut as readers see it; empty where nothing worth reading is left."""
        while end and (self.all[end - 1] in _DANGLING or self.all[end - 1].isspace()):
            end -= 1
        if not end:
            return ""
        # A link must not swallow the ellipsis.
        gap = " " if self.all[end - 1].startswith(("http://", "https://")) else ""
        return "".join(self.all[:end]) + gap + _ELLIPSIS + "".join(self.left_open(end))

    def left_open(self, end: int) -> Iterator[str]:
        """Name the closing brackets that a cut here parts from their opening ones, innermost first."""
        return (self.all[close] for opened, close in self._pairs if opened < end <= close)

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        """Where brackets open and close. Those the author never closed are left as they are."""
        pairs, waiting = [], list[int]()
        for place, piece in enumerate(self.all):
            if piece in _BRACKETS:
                waiting.append(place)
            elif waiting and piece == _BRACKETS[self.all[waiting[-1]]]:
                pairs.append((waiting.pop(), place))
        return pairs


def _good_ends(pieces: _Pieces, longest: int, language: str) -> list[int]:
    """Order the last 15 % of ends, best first; `longest` itself is among them."""
    near = pieces.all[: longest + 8]  # what follows close by decides where a phrase ends
    text = "".join(near)
    place = [0, *accumulate(map(len, near))]
    words = {found.start() for found in _WORD_BOUNDARY.finditer(text)}
    phrases = _phrase_ends(text, language)

    def faults(end: int) -> tuple[bool | int, ...]:
        before, after = near[end - 1], near[end]
        return (
            after[0] in _NEVER_FIRST,
            any(pieces.left_open(end)),
            not (place[end] in phrases or after.isspace()),
            place[end] not in words,
            before not in _PAUSES,
            -end,
        )

    # Short notices have short windows: four letters are enough to step over "っ、" or a closing bracket.
    first = max(1, min(longest * 85 // 100, longest - 4))
    while first > longest // 2 + 1 and place[first] not in words:
        first -= 1  # to the front of a word or a number that fills the window
    return sorted(range(first, longest + 1), key=faults)


def _phrase_ends(text: str, language: str) -> set[int]:
    """Where Japanese phrases end. Other languages put spaces between their words."""
    if language.lower().partition("-")[0] != "ja" and not _KANA.search(text):
        return set()
    return set(accumulate(map(len, _japanese().parse(text))))


@lru_cache(maxsize=1)
def _japanese() -> budoux.Parser:
    return budoux.load_default_japanese_parser()
