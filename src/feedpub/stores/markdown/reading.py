"""the bytes of one file -> its article, or why it has none. Pure.

What is no article at all is told apart from what is broken: a page without front matter, a draft or an empty file is
let be; a file that begins like an article and cannot be read is told, with its name and line.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from feedpub import clean
from feedpub.model import Image, RawArticle
from feedpub.stores.markdown import body, facts, front_matter, permalinks
from feedpub.stores.markdown.facts import Facts
from feedpub.stores.markdown.front_matter import Fault
from feedpub.stores.markdown.permalinks import Page
from feedpub.stores.taxonomy import CategoryTold, Named

HTML = frozenset({".html", ".htm"})
ENDINGS = frozenset({".md", ".markdown", ".mkd", ".mkdn", ".mdown"}) | HTML
"""How the names of files end that may be articles."""

PERMALINK = "/:sections/:slugorfilename/"
"""How addresses are made where nobody says: as Hugo does, where nothing is configured."""

_POSTS = "_posts"
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


class Dateless(Fault):
    """A file that begins like an article, and has no date."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How addresses are made, and in which zone dates without one are meant."""

    zone: ZoneInfo
    permalink: str
    home: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds: an article (`named`), or why none is to be seen (`hidden`, in a few words).

    `said` is the id that its author gave; else the article's id is the path. `marks` know it again under another
    name: any one in common with a file that vanished will do. `until` (seconds since 1970) is when it expires, 0:
    never.
    """

    named: Named | None = None
    hidden: str = ""
    said: str = ""
    marks: tuple[str, ...] = ()
    until: int = 0


def read(path: str, data: bytes, rules: Rules) -> Reading:
    """Read a file; raises Fault. `path` is relative to the folder, with `/`."""
    document = front_matter.divide(_text(data))
    place = PurePosixPath(path)
    stem, sections = _names(place)
    when, _ = facts.dated(stem)
    if not document.begun and not when:
        return Reading(hidden="without front matter")
    if not document.begun and place.suffix.lower() in HTML:
        return Reading(hidden="without front matter")
    said = facts.read(document.facts)
    said = replace(said, date=said.date or when, categories=said.categories or _folders(place))
    known = Reading(said=said.id or said.guid, marks=_marks(said, stem))
    if said.hidden:
        return replace(known, hidden=said.hidden)
    article = _article(said, document.body, Page(sections, stem, said.date, said.title, said.slug), place, rules)
    return replace(known, named=Named(article, said.categories), until=_until(said, rules.zone))


def _text(data: bytes) -> str:
    if (nul := data.find(b"\0")) >= 0:
        raise Fault(_line(data, nul), "it has a NUL byte: it is no text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Fault(_line(data, error.start), "it is not UTF-8: save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


def _names(place: PurePosixPath) -> tuple[str, tuple[str, ...]]:
    """The name that an address is made of, and the sections above it: Jekyll's own folders are none."""
    folders = tuple(one for one in place.parts[:-1] if not one.startswith("_"))
    if place.stem == "index" and folders:
        return folders[-1], folders[:-1]
    return place.stem, folders


def _folders(place: PurePosixPath) -> tuple[CategoryTold, ...]:
    """The categories that Jekyll takes from the folders above `_posts`."""
    parts = place.parts[:-1]
    above = parts[: parts.index(_POSTS)] if _POSTS in parts else ()
    return tuple(CategoryTold(one) for one in above)


def _article(said: Facts, text: str, page: Page, place: PurePosixPath, rules: Rules) -> RawArticle:
    if not said.date:
        raise Dateless(1, "it has no date: write one into its front matter; if it is no article, exclude it")
    for key, date in (("date", said.date), ("lastmod", said.updated)):
        _refuse_unreadable(key, date, rules.zone)
    page = replace(page, categories=tuple(one.slug or one.name for one in said.categories))
    try:
        url = permalinks.address(said.address, rules.permalink, page, rules.home)
    except permalinks.Undated as error:
        raise Fault(1, "its date cannot be put into its address: write it like 2026-04-28T09:00:00+09:00") from error
    try:
        content, opening = body.render(text, markdown=place.suffix.lower() not in HTML, separator=said.separator)
    except RecursionError as error:
        raise Fault(1, "its text is nested too deeply") from error
    return RawArticle(
        id="",
        guid=said.guid,
        url=url,
        title=said.title,
        summary=said.summary or opening,
        content=content,
        published=said.date,
        updated=said.updated,
        tags=said.tags,
        authors=said.authors,
        images=_placed(said.images, place, rules.home),
        language=said.language,
        announce=said.announce,
        notice=said.notice,
    )


def _refuse_unreadable(key: str, date: str, zone: ZoneInfo) -> None:
    try:
        if date:
            clean.date(date, zone)
    except ValueError as fault:
        raise Fault(1, f"its {key} {fault}") from fault


def _until(said: Facts, zone: ZoneInfo) -> int:
    try:
        return int(clean.date(said.expires, zone).timestamp()) if said.expires else 0
    except ValueError as fault:
        raise Fault(1, f"its expiryDate {fault}") from fault


def _placed(images: Sequence[Image], place: PurePosixPath, home: str) -> tuple[Image, ...]:
    """An image lies beside an article that has a folder of its own; else its path begins where the site does."""
    if place.stem == "index":
        return tuple(images)
    return tuple(replace(one, url=_rooted(one.url, home)) for one in images)


def _rooted(url: str, home: str) -> str:
    if _ELSEWHERE.match(url):
        return url
    return urljoin(home, url.lstrip("/")) if home else f"/{url.lstrip('/')}"


def with_id(article: RawArticle, key: str) -> RawArticle:
    """Give an article its id: a path that is no UTF-8 is written so that it can be, and no two become one."""
    return replace(article, id=legible(key))


def legible(key: str) -> str:
    """Write an id as text that can be kept."""
    return key.encode("utf-8", "backslashreplace").decode()


# ---------------------------------------------------------------- marks


def _marks(said: Facts, stem: str) -> tuple[str, ...]:
    """What one article has in common with itself after a rename and an edit, the surest first; "" for what it lacks."""
    pairs = (
        ("title", said.date, said.title),
        ("slug", said.slug, "-"),
        ("date", stem, said.date),
        ("name", stem, said.title),
    )
    return tuple(digest("\0".join(pair).encode(errors="surrogatepass"), 6) if all(pair) else "" for pair in pairs)


def digest(data: bytes, size: int = 12) -> str:
    """Name what was read, shortly."""
    return b64encode(hashlib.blake2b(data, digest_size=size).digest(), b"-_").decode().rstrip("=")
