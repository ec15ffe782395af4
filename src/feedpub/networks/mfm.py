"""a plain text -> MFM, Misskey's markup, in which nothing acts: it reads the same, and calls nobody.

Most marks are stilled by an invisible word joiner beside them. It does not help against `#` and the backtick, which
take it for a part of what they mark: they stand in `<plain>`, where nothing acts. An address stays a link; in `<` and
`>`, which are not shown, where MFM would end it too early or too late.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from feedpub.model import Span
from feedpub.networks.base import LINK, WORD_JOINER

_BEHIND = re.compile(
    r"""
      [*_<\\]                                     # emphasis, tags, formulas
    | @ (?=[\w-])                                 # mentions
    | ~ (?=~)                                     # strike
    | \$ (?=\[)                                   # functions
    | : (?=[\w+-]+:)                              # custom emoji, and 12:30:45
    | [ \t\u3000] (?=\[?(?:検索|search)\]?$)        # the search box
    """,
    re.VERBOSE | re.ASCII | re.MULTILINE | re.IGNORECASE,
)
_QUOTE = re.compile(r"^(?=>)", re.MULTILINE)
_PLAIN = re.compile(r"(?<![a-zA-Z0-9])#(?!\s)|`+")
_URL_CHAR = r"[.,a-zA-Z0-9_/:%#@$&?!~=+\-]"
_URL = re.compile(rf"https?://{_URL_CHAR}*(?<![.,])")
_GOES_ON = re.compile(rf"{_URL_CHAR}|[(\[]")


def still(text: str, spans: Iterable[Span] = ()) -> str:
    """Write a text; of its `spans` the hashtags stay hashtags, and links stay whole."""
    out, end = [], 0
    for span in spans:
        piece = text[span.start : span.end]
        out += [_around_links(text[end : span.start])]
        out += [piece if span.kind == "tag" else _link(text, span.start, span.end)]
        end = span.end
    return "".join([*out, _around_links(text[end:])])


def _around_links(text: str) -> str:
    text = text.replace("](", f"]{WORD_JOINER}(")  # a link's label ends: first of all, as an address may hold it too
    out, end = [], 0
    for link in LINK.finditer(text):
        out += [_words(text[end : link.start()]), _link(text, *link.span())]
        end = link.end()
    return "".join([*out, _words(text[end:])])


def _words(text: str) -> str:
    behind = _BEHIND.sub(rf"\g<0>{WORD_JOINER}", text)
    return _PLAIN.sub(r"<plain>\g<0></plain>", _QUOTE.sub(WORD_JOINER, behind))


def _link(text: str, start: int, end: int) -> str:
    address = text[start:end]
    # A mark right before it would act on it, as `:` does on `https:`.
    free = WORD_JOINER if start and not text[start - 1].isspace() else ""
    return free + (address if _URL.fullmatch(address) and not _GOES_ON.match(text, end) else f"<{address}>")
