"""entries -> fragments, looked through once; a feed + its fragments -> its files. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from feedpub.feeds.addresses import entry_id, stylesheet_pi
from feedpub.feeds.catalog import FeedSpec
from feedpub.feeds.entries import Entry, Fragment, Look
from feedpub.feeds.gate import Expected, check_entries, check_file
from feedpub.feeds.json_feed import json_frame, json_item
from feedpub.feeds.namespaces import atom_date, rss_date
from feedpub.feeds.rss_atom import Around, atom_frame, rss_frame, xml_entries
from feedpub.model import FeedFile

_FRAMES: Final = {"rss": rss_frame, "atom": atom_frame, "json": json_frame}
_DATES: Final = {"rss": rss_date, "atom": atom_date, "json": atom_date}
_STAND_IN: Final = datetime(1999, 12, 31, 23, 59, 58, tzinfo=UTC)
"""The date of a frame that is remembered; no feed bears it."""
_DECLARATION_ENDS: Final = b"?>\n"
_ONE_PASS: Final = 50
"""Entries rendered in one pass: a tree of more is slower, and takes more memory."""
_BODILESS: Final = 4096
"""Bytes that an entry without its body is taken for."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an entry cannot go out, in one sentence."""

    reason: str


def render_entries(entries: Sequence[Entry], look: Look, *, full: bool = True) -> list[Fragment | Unfit]:
    """Render entries in the formats of `look`, each looked through before anybody sees it.

    `full` False: without their bodies. Many in one pass; only if one of them spoils it, each by itself.
    """
    passes = (entries[start : start + _ONE_PASS] for start in range(0, len(entries), _ONE_PASS))
    return [made for some in passes for made in _fit_ones(some, look, full=full)]


def _fit_ones(entries: Sequence[Entry], look: Look, *, full: bool) -> list[Fragment | Unfit]:
    try:
        return _rendered(entries, look, full=full)
    except (ValueError, TypeError, KeyError) as error:
        if len(entries) == 1:
            return [Unfit(f"it cannot be rendered ({type(error).__name__}): please report it")]
    return [made for entry in entries for made in _fit_ones([entry], look, full=full)]


def _rendered(entries: Sequence[Entry], look: Look, *, full: bool) -> list[Fragment | Unfit]:
    xml = xml_entries(entries, look, full=full)
    objects = [json_item(entry, look, full=full) for entry in entries] if "json" in look.options.formats else []
    expected = [_expected(entry, look, full=full) for entry in entries]
    faults = check_entries(expected, {ending: cut.document for ending, cut in xml.items()}, objects)
    missing = [b""] * len(entries)
    columns = [xml[ending].entries if ending in xml else missing for ending in ("rss", "atom")]
    fragments = [Fragment(*three) for three in zip(*columns, objects or missing, strict=True)]
    return [Unfit(faults[number]) if number in faults else one for number, one in enumerate(fragments)]


def _expected(entry: Entry, look: Look, *, full: bool) -> Expected:
    article = entry.article
    id_ = entry_id(article.guid, look.site)
    return Expected(article.guid, id_, article.title, look.url(article), look.body(entry, full=full))


def too_long(fragments: Sequence[Fragment], formats: Sequence[str], limit: int) -> list[int]:
    """Tell which entries must do without their bodies, lest a file grow beyond `limit` bytes.

    The longest give way first, so that one monster does not cost the others theirs.
    """
    sizes = [_size(one, formats) for one in fragments]
    left, shrunk = sum(sizes), []
    for number in sorted(range(len(sizes)), key=lambda n: (-sizes[n], n)):
        if left <= limit or sizes[number] <= _BODILESS:
            break
        left -= sizes[number] - _BODILESS
        shrunk.append(number)
    return shrunk


def fitting(fragments: Sequence[Fragment], formats: Sequence[str], limit: int, must: Collection[int] = ()) -> list[int]:
    """Tell which entries a file of `limit` bytes holds: those that `must` be there, and the newest, as many as fit."""
    sizes = [_size(one, formats) for one in fragments]
    left, held = limit - sum(sizes[number] for number in must), set(must)
    for number, size in enumerate(sizes):
        if number not in held:
            left -= size
            if left < 0:
                break
            held.add(number)
    return sorted(held)


def sure_to_fit(limit: int) -> int:
    """Tell how many entries a file of `limit` bytes holds in any case: without their bodies."""
    return limit // _BODILESS


def _size(fragment: Fragment, formats: Sequence[str]) -> int:
    return max(len(getattr(fragment, ending)) for ending in formats)


def document(
    spec: FeedSpec, look: Look, around: Around, fragments: Sequence[Fragment], guids: Sequence[str]
) -> tuple[FeedFile, ...]:
    """Write a document in every format. Raises GateError if one of them is not what it should be."""
    files = []
    for ending in dict.fromkeys(look.options.formats):
        head, tail = _frame(ending, spec, look, around)
        pieces: list[bytes] = [getattr(one, ending) for one in fragments]
        content = head + b",\n".join(pieces) + tail if ending == "json" else b"".join((head, *pieces, tail))
        check_file(ending, content, guids)
        files.append(FeedFile(f"{around.address}.{ending}", content))
    return tuple(files)


def _frame(ending: str, spec: FeedSpec, look: Look, around: Around) -> tuple[bytes, bytes]:
    """What stands around the entries. Only its date is new from build to build: the rest is remembered."""
    dateless = (ending, spec, replace(around, updated=_STAND_IN))
    if dateless not in look.frames:
        look.frames[dateless] = _styled(*_FRAMES[ending](spec, look, dateless[2]), ending, around.address)
    head, tail = look.frames[dateless]
    stood, stands = (_DATES[ending](moment).encode() for moment in (_STAND_IN, around.updated))
    if head.count(stood) != (ending != "json"):  # somebody's words hold the very date that stands in for others
        return _styled(*_FRAMES[ending](spec, look, around), ending, around.address)
    return head.replace(stood, stands), tail


def _styled(head: bytes, tail: bytes, ending: str, address: str) -> tuple[bytes, bytes]:
    """Name the stylesheet below the declaration of an XML file."""
    if ending == "json":
        return head, tail
    declared, _, rest = head.partition(_DECLARATION_ENDS)
    return b"".join((declared, _DECLARATION_ENDS, stylesheet_pi(address), b"\n", rest)), tail
