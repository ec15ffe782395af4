"""a rendered template -> the text as it goes out, and where its links and hashtags stand.

What a template shows of an atom comes out between marks that no clean text holds; so positions are known, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Self
from unicodedata import normalize

import regex

from feedpub.model import Span

BLANK = "\x00"
"""Stands where a variable was empty or a tag stood, so that a line left blank can go. No clean text holds it."""

Kind = Literal["link", "tag"]
_OPENS: dict[Kind, str] = {"link": "\x01", "tag": "\x02"}
_CLOSES = "\x03"


class Atom(str):
    """A text that is shown whole or not at all, such as a link. Filters and `~` make a plain text of it."""

    __slots__ = ("kind",)
    kind: Kind

    def __new__(cls, text: str, kind: Kind) -> Self:
        """Name what it is."""
        atom = super().__new__(cls, text)
        atom.kind = kind
        return atom


class Hashtags(tuple[Atom, ...]):
    """The hashtags of a notice, with their sign: a template shows them all, or goes through them."""

    __slots__ = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Hashtags:
        """Put the sign before each."""
        return cls(Atom(f"#{name}", "tag") for name in names)

    def __str__(self) -> str:
        return " ".join(self)


def shown(value: object) -> str:
    """Write a value as a template shows it, with its marks."""
    if isinstance(value, Hashtags):
        return " ".join(map(shown, value)) or BLANK
    if isinstance(value, Atom) and value:
        return f"{_OPENS[value.kind]}{value}{_CLOSES}"
    return BLANK if value is None else str(value) or BLANK


def plain(rendered: str) -> str:
    """Take the marks out of a rendered template."""
    return _MARKS.sub("", rendered)


@dataclass(frozen=True, slots=True)
class Written:
    """A text as it goes out; `spans` tell where its links and hashtags stand, in order and apart."""

    text: str
    spans: tuple[Span, ...]


# A line that only tags and empty variables stood on goes; so does the space beside an empty variable within a line.
_EMPTY_LINE = regex.compile(rf"^[^\S\n]*(?:{BLANK}[^\S\n]*)+(?:\n|\Z)", regex.MULTILINE)
_EMPTY_FRONT = regex.compile(rf"^(?:{BLANK}[^\S\n]*)+", regex.MULTILINE)
_EMPTY_WORD = regex.compile(rf"[^\S\n]{BLANK}(?=[^\S\n]|$)", regex.MULTILINE)
_LINE_TAIL = regex.compile(r"(?<![^\S\n])[^\S\n]++$", regex.MULTILINE)
_BLANK_LINES = regex.compile(r"\n{3,}")

_MARKED = regex.compile("([\x01\x02])([^\x01-\x03]*)\x03")
_MARKS = regex.compile("[\x00-\x03]")
_SIGNS = regex.compile("[\x01-\x03]")
_REST_OF_LINK = regex.compile(r"(?:[?&#/=][A-Za-z0-9\-._~:/?#@!$&'*+,;=%]*)?(?<=[A-Za-z0-9\-_~/@$&*+=%])")
# Another address may begin as the link does: article 12's, where the link is article 1's.
_NO_MORE = r"(?![A-Za-z0-9\-._~:@!$'()*+,;%][A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*(?<=[A-Za-z0-9\-_~/=%]))"
_BESIDE_LINK = regex.compile(r"[A-Za-z0-9#]|[^\x00-\x7f\s]")
_BESIDE_TAG = regex.compile(r"[\w&#@]")
_BEFORE_TAG = regex.compile(r"[^\s(（「『【\[]")


def settle(rendered: str, link: str) -> Written:
    """Write a rendered template as it goes out: NFC, nothing left of what was empty, atoms standing free.

    `link` counts as one also where the template made a plain text of it.
    """
    text = normalize("NFC", rendered)
    for gone in (_EMPTY_LINE, _EMPTY_FRONT, _EMPTY_WORD):
        text = gone.sub("", text)
    text = _BLANK_LINES.sub("\n\n", _LINE_TAIL.sub("", text.replace(BLANK, ""))).strip()
    return _laid_out(_pieces(text, link))


def _pieces(text: str, link: str) -> Iterator[tuple[Kind | None, str]]:
    """Cut at the marks, and around each link that lost its own."""
    end = 0
    for found in _MARKED.finditer(text):
        yield from _found(text[end : found.start()], link)
        yield ("link" if found[1] == _OPENS["link"] else "tag"), found[2]
        end = found.end()
    yield from _found(text[end:], link)


def _found(text: str, link: str) -> Iterator[tuple[Kind | None, str]]:
    bare = _SIGNS.sub("", text)
    if not link:
        yield None, bare
        return
    end = 0
    for found in regex.finditer(regex.escape(link) + _NO_MORE, bare):
        yield None, bare[end : found.start()]
        yield "link", link
        end = found.end()
    yield None, bare[end:]


def _laid_out(pieces: Iterable[tuple[Kind | None, str]]) -> Written:
    """Put the pieces together, with a space wherever a network would miss an atom or take too much for one."""
    text, spans = "", list[Span]()
    waiting: Kind | None = None
    for kind, piece in pieces:
        said = piece
        if waiting == "link" and kind is None:
            # A template may go on with a link: {{ url }}?utm_source=x
            more = _REST_OF_LINK.match(said)
            if more is not None and more[0]:
                last = spans.pop()
                text, said = text + more[0], said[more.end() :]
                spans.append(Span(last.start, len(text), "link", last.value + more[0]))
        if not said:
            continue
        before = text[-1:]
        crowded = (
            (waiting == "link" and _BESIDE_LINK.match(said))
            or (waiting == "tag" and _BESIDE_TAG.match(said))
            or (kind == "link" and _BESIDE_LINK.match(before))
            or (kind == "tag" and _BEFORE_TAG.match(before))
        )
        text += " " if crowded else ""
        if kind is not None:
            spans.append(
                Span(len(text), len(text) + len(said), kind, said.removeprefix("#") if kind == "tag" else said)
            )
        text += said
        waiting = kind
    return Written(text, tuple(spans))
