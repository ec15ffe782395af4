"""any string -> characters that XML, JSON, databases and terminals can carry."""

from __future__ import annotations

import re

import regex

_PLANES = "".join(f"{chr(plane << 16)}-{chr(plane << 16 | 0xFFFD)}" for plane in range(1, 17))
_BROKEN = re.compile(f"[^\t\n\r -\x7f\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd{_PLANES}]")
"""XML 1.0's Char production (§2.2), without the C1 controls and the noncharacters of Unicode (§23.7)."""

_MEANT = {chr(code): bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)} | {"\x85": "\n"}
"""Nobody types C1 controls: they are windows-1252 that was read as ISO 8859-1. Only U+0085 is a line's end."""

_SPACES = re.compile("[ \t\n\x0b\x0c\r\x85\xa0\u2028\u2029]+")
"""What reads as a space or a line's end. The ideographic space (U+3000) is typography, and stays."""

_GRAPHEMES = regex.compile(r"\X{0,199}+")
_GRAPHEME = regex.compile(r"\X")
_OPENING = 200


def text(value: str) -> str:
    """Repair what no feed can carry, and leave everything else as the author typed it.

    Control characters that XML forbids vanish; C1 controls (U+0080 to U+009F) become what windows-1252 has in their
    place, or vanish; lone surrogates and noncharacters become U+FFFD; line ends become LF. Emoji, joiners, variation
    selectors, combining and half-width kana are unchanged.
    """
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return _BROKEN.sub(lambda found: "" if found[0] < " " else _MEANT.get(found[0], "\ufffd"), value)


def broken(value: str) -> bool:
    """Whether `text` has to repair more than line ends."""
    return _BROKEN.search(value) is not None


def line(value: str) -> str:
    """Repair like `text`, onto one line: spaces folded, none at either end."""
    return _SPACES.sub(" ", text(value)).strip()


def opening(words: str) -> str:
    """Cut a text to its first 200 graphemes at most, the last being … where something is left out."""
    if len(words) <= _OPENING:
        return words
    kept = _GRAPHEMES.match(words)
    end = kept.end() if kept else 0
    return words if end == len(words) else words[:end].rstrip() + "…"


def shortened(words: str, most: int) -> str:
    """Cut a text to so many characters at most, the last being … where something is left out; no grapheme is cut."""
    if len(words) <= most:
        return words
    ends = [grapheme.end() for grapheme in _GRAPHEME.finditer(words, 0, most)]
    # One grapheme longer than all that there is room for is no writing: it may be cut.
    end = next((end for end in reversed(ends) if end < most), most - 1)
    return words[:end].rstrip() + "…"


def glimpse(value: str) -> str:
    """Show a store's value inside a message: quoted, on one line, 40 characters at most."""
    shown = repr(value[:40])
    return shown if len(value) <= 40 and len(shown) <= 40 else shown[:39] + "…"
