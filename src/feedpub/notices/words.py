"""the strings of an article -> the plain words that a notice is made of."""

from __future__ import annotations

from functools import lru_cache
from html.parser import HTMLParser
from unicodedata import normalize

import regex

_LINE_ENDS = regex.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Bidi overrides and isolates can make a notice read as what it does not say. The marks U+200E and U+200F
# stay: they turn nothing round, and Hebrew and Arabic are misread without them.
_UNSEEN = regex.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# A mark without its letter would settle on whatever the template puts before it, be it the link.
_BEFORE_WORDS = regex.compile(r"\A[\s\p{M}\u200d]+")
_SPACES = regex.compile(r"[ \t\n]+")
_BLANK_LINES = regex.compile(r"\n{3,}")

_PARAGRAPH = regex.compile(r"blockquote|div|dl|figure|h[1-6]|hr|ol|p|pre|section|table|ul")
_LINE = regex.compile(r"br|dd|dt|figcaption|li|tr")


# One article is told to many targets in a row; and where threads meet, each pattern costs a change of who may run.
@lru_cache(maxsize=256)
def words(text: str) -> str:
    """Write plain text as networks take it: NFC, LF, without controls that act instead of being read."""
    plain = normalize("NFC", _UNSEEN.sub("", _LINE_ENDS.sub("\n", text)))
    return _BEFORE_WORDS.sub("", plain).rstrip()


@lru_cache(maxsize=256)
def line(text: str) -> str:
    """Write plain text on one line, as headlines and names are."""
    return _SPACES.sub(" ", words(text))


@lru_cache(maxsize=8)
def reading(html: str) -> str:
    """Write safe HTML as it reads: its text, with a blank line between paragraphs."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = "".join(reader.said).split("\n")
    return _BLANK_LINES.sub("\n\n", words("\n".join(one.strip(" ") for one in lines)))


class _Reader(HTMLParser):
    """Collects what is said, and where lines end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - words only
        self.said.append("\n\n" if _PARAGRAPH.fullmatch(tag) else "\n" if _LINE.fullmatch(tag) else "")

    def handle_endtag(self, tag: str) -> None:
        self.said.append("\n\n" if _PARAGRAPH.fullmatch(tag) else "")

    def handle_data(self, data: str) -> None:
        self.said.append(_SPACES.sub(" ", data))
