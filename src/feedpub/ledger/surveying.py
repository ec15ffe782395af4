"""a file that is said to be an export -> what it holds, or one sentence for each mistake in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from feedpub.errors import ImportRefused
from feedpub.ledger.lines import (
    KINDS,
    AnyLine,
    ArticleLine,
    DeliveryLine,
    EndLine,
    FeedLine,
    Header,
    Name,
    PartLine,
    header_of,
    line_of,
)
from feedpub.ledger.rows import LIVE
from feedpub.model import State

_MOST_TOLD = 10
"""Mistakes told at once: more would only hide the first."""
_BEGINNING = 64


def is_export(path: Path) -> bool:
    """Tell an export by its beginning. What cannot be read, or not twice, is none: whoever reads it next says why."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING).lstrip().startswith(b'{"feedpub"')
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[Iterator[bytes]]:
    """Read a file line by line; say in one sentence why it cannot be read."""
    try:
        with path.open("rb") as file:
            yield iter(file)
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read; look at the right to read it, and at the disk") from error


@dataclass(slots=True)
class Survey:
    """What the first reading found: `places` is where each thing is told, by the hash of what it is known by.

    `digest` is of the whole file: the second reading must find the same. `feeds` are their addresses.
    """

    header: Header
    digest: bytes = b""
    lines: int = 1
    stage: int = 0
    ended: bool = False
    places: dict[int, int] = field(default_factory=dict)
    feeds: list[str] = field(default_factory=list)


def survey(path: Path) -> Survey:
    """Read it all. Raises ImportRefused, a mistake a line."""
    with opened(path) as raws:
        first = next(raws, b"")
        try:
            found = Survey(header_of(first))
        except ValueError as why:
            raise ImportRefused(f"{path}:1: {why}") from None
        digest = hashlib.blake2b(first)
        mistakes = _mistakes(found, raws, digest.update)
        wrong = [f"{path}:{number}: {why}" for number, why in islice(mistakes, _MOST_TOLD)]
    if len(wrong) == _MOST_TOLD:
        wrong.append(f"these are the first {_MOST_TOLD}; there may be more")
    if wrong:
        raise ImportRefused("\n".join(wrong))
    found.digest = digest.digest()
    return found


def _mistakes(survey: Survey, raws: Iterator[bytes], note: Callable[[bytes], object]) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(raws, 2):
        note(raw)
        survey.lines = number
        try:
            line = line_of(raw)
        except ValueError as why:
            yield number, str(why)
            continue
        yield from ((number, why) for why in _amiss(survey, number, line))
    if not survey.ended:
        yield survey.lines, 'the last line is none of "end": the file was cut off; export again'


def _amiss(survey: Survey, number: int, line: AnyLine) -> Iterator[str]:
    """Note a line; tell what is wrong with it among the others."""
    stage = KINDS.index(line.is_)
    if stage < survey.stage:
        yield f'a line of "{line.is_}" cannot come after one of "{KINDS[survey.stage]}": keep the order of the export'
    survey.stage = max(stage, survey.stage)
    if isinstance(line, FeedLine):
        survey.feeds.append(line.address)
    for named in line.names():
        if hash(named) not in survey.places:
            yield f"it is of the {_told(named)}, which no line above tells of"
    for known in line.known_by():
        before = survey.places.setdefault(hash(known), number)
        if before != number:
            yield f"the {_told(known)} is told at line {before} already"
    yield from _at_odds(survey, number, line)


def _at_odds(survey: Survey, number: int, line: AnyLine) -> Iterator[str]:
    """Tell where a line contradicts itself, or the first."""
    match line:
        case ArticleLine() if line.place > survey.header.places:
            yield f'its "place" is beyond the {survey.header.places} of the first line'
        case ArticleLine() if line.state == LIVE and line.left is not None:
            yield 'what is live has not "left"'
        case FeedLine() if line.version > survey.header.changes:
            yield f'its "version" is beyond the {survey.header.changes} changes of the first line'
        case PartLine() if line.first > line.last:
            yield 'its "first" is beyond its "last"'
        case DeliveryLine() if (line.article is None) == (line.feed is None):
            yield 'it is about an "article" or a "feed", one of the two'
        case DeliveryLine() if line.state is State.SENDING and line.frozen is None:
            yield 'what is being said has been "frozen"'
        case DeliveryLine() if len({one.fence for one in line.tries}) < len(line.tries):
            yield 'two of its "tries" have the same "fence"'
        case EndLine():
            survey.ended = line.lines == number
            if line.lines != number:
                yield f"{line.lines} lines were written, and here are {number}: the file was changed; export again"


def _told(name: Name) -> str:
    what, *names = name
    return " ".join([str(what), *(f'"{one}"' for one in names)])
