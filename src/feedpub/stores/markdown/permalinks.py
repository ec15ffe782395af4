"""a pattern + what is known of a file -> the address of its article, as the generator would make it. Pure.

Where the generators' words differ, the file tells which is meant: a name that begins with a date is Jekyll's way, so
`:title` is the rest of the name; of any other it is the title, as in Hugo. Dates are taken as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, urljoin

import regex

from feedpub.stores.markdown.facts import dated
from feedpub.stores.taxonomy import slug_of

STYLES = {
    "date": "/:categories/:year/:month/:day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "ordinal": "/:categories/:year/:y_day/:title.html",
    "none": "/:categories/:title.html",
}
"""Jekyll's names of patterns."""

_WORD = re.compile(r":([a-z_]+)")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2}))?")
_APART = re.compile(r"[?#%\\]")
_DROPPED = regex.compile(r"[^\p{L}\p{M}\p{N}._+~\s-]+")
_GAPS = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Page:
    """What an address is made of. `stem` is the file's name without its ending, or its folder's for an index."""

    sections: tuple[str, ...] = ()
    stem: str = ""
    date: str = ""
    title: str = ""
    slug: str = ""
    categories: tuple[str, ...] = ()


class Undated(ValueError):  # noqa: N818 - the name says what is the matter with the file
    """The pattern asks for a date, and there is none."""


def unknown(pattern: str) -> tuple[str, ...]:
    """Pick the words of a pattern that mean nothing here."""
    return tuple(word for word in _WORD.findall(STYLES.get(pattern, pattern)) if word not in _WORDS)


def known() -> tuple[str, ...]:
    """All words of patterns."""
    return tuple(f":{word}" for word in _WORDS)


def address(said: str, pattern: str, page: Page, home: str) -> str:
    """Tell where an article stands: where it says (`said`), else by the pattern; below `home`, "": below the site.

    What it says may be a pattern too. Raises Undated.
    """
    if said.lower().startswith(("http://", "https://")):
        return said
    path = fill(STYLES.get(said, said) or STYLES.get(pattern, pattern), page)
    return urljoin(home, path) if home else path


def fill(pattern: str, page: Page) -> str:
    """Put the parts in, each without what would end a path; relative, so that a site may lie below a path itself."""
    filled = _WORD.sub(lambda word: _part(word, page), pattern)
    path = re.sub(r"/{2,}", "/", filled).lstrip("/").removesuffix("index.html")
    return f"./{path}" if ":" in path.partition("/")[0] or not path else path


def _part(word: re.Match[str], page: Page) -> str:
    part = _WORDS.get(word[1])
    return _APART.sub(lambda found: quote(found[0], safe=""), part(page)) if part else word[0]


def urlized(title: str) -> str:
    """Make a piece of an address of a title, as Hugo does: letters of any script stay, blanks become hyphens."""
    return _GAPS.sub("-", _DROPPED.sub("", title.lower()).strip()).strip("-")


def _slug(page: Page) -> str:
    when, rest = dated(page.stem)
    return page.slug or (rest if when else urlized(page.title)) or page.stem


def _day(page: Page) -> date:
    found = _DATE.match(page.date)
    if found is None:
        raise Undated(page.date)
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise Undated(page.date) from None


def _clock(number: int) -> Callable[[Page], str]:
    def part(page: Page) -> str:
        found = _DATE.match(page.date)
        return (found[number] if found else "") or "00"

    return part


_WORDS: Mapping[str, Callable[[Page], str]] = {
    "year": lambda page: f"{_day(page).year:04}",
    "short_year": lambda page: f"{_day(page).year % 100:02}",
    "month": lambda page: f"{_day(page).month:02}",
    "i_month": lambda page: f"{_day(page).month}",
    "day": lambda page: f"{_day(page).day:02}",
    "i_day": lambda page: f"{_day(page).day}",
    "y_day": lambda page: f"{_day(page):%j}",
    "yearday": lambda page: f"{_day(page).timetuple().tm_yday}",
    "hour": _clock(4),
    "minute": _clock(5),
    "second": _clock(6),
    "title": _slug,
    "slug": _slug,
    "slugorfilename": lambda page: page.slug or page.stem,
    "slugorcontentbasename": lambda page: page.slug or page.stem,
    "filename": lambda page: page.stem,
    "contentbasename": lambda page: page.stem,
    "name": lambda page: page.stem,
    "basename": lambda page: page.stem,
    "fileslug": lambda page: dated(page.stem)[1],
    "section": lambda page: page.sections[0] if page.sections else "",
    "sections": lambda page: "/".join(page.sections),
    "categories": lambda page: "/".join(dict.fromkeys(one.lower() for one in page.categories)),
    "slugified_categories": lambda page: "/".join(dict.fromkeys(slug_of(one) for one in page.categories)),
}
