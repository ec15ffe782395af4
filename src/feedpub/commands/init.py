"""what a site says of itself -> the config that fits it, as TOML with comments in the site's language. Pure.

The site's words are not to be trusted: they stand in quotes or behind a `#`, on one line, without anything that a
terminal or an editor would obey, and cut where they are too long for what they name.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from feedpub import clean
from feedpub.categories import called, readable_slug
from feedpub.commands.visiting import Counted, Found
from feedpub.feeds.addresses import ascii_url
from feedpub.feeds.catalog import FeedsOptions, Taxonomy, catalog
from feedpub.feeds.texts import short, words
from feedpub.model import Category, Site, language_tag
from feedpub.terms import of_category

MOST_CATEGORIES = 20
"""So many are shown, the biggest first."""
LONGEST = {"title": 200, "description": 300, "category": 100}
"""Characters."""

_ACTING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What turns a line around, or ends it, where it is shown."""
_ZONE = re.compile(r"[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+|UTC")
_JAPANESE = re.compile("[\u3041-\u30ff\uff66-\uff9f]")
_AT_OFFSET: Mapping[tuple[str, float], str] = {
    ("ja", 9): "Asia/Tokyo",
    ("ko", 9): "Asia/Seoul",
    ("zh", 8): "Asia/Shanghai",
    ("", 0): "UTC",
    ("", 3.5): "Asia/Tehran",
    ("", 4.5): "Asia/Kabul",
    ("", 5.5): "Asia/Kolkata",
    ("", 5.75): "Asia/Kathmandu",
    ("", 6.5): "Asia/Yangon",
}
"""Zones that the language and an offset from UTC tell ("": any language); none of them moves its clocks."""
_HOME = {"ja": "Asia/Tokyo", "ko": "Asia/Seoul"}
"""Zones that a language alone tells."""
_WIDTH = 42
"""The column that remarks begin at, as in the config that comes with feedpub."""


def config(found: Found, *, allow_private: bool = False) -> str:
    """Write the whole config."""
    language = _language(found)
    site = _site(found, language)
    own = words(language, "init")
    base_url = _base_url(found)
    parts = (
        [_remark(own["made"].format(url=found.url)), _remark(own["more"])],
        list(_site_lines(site, found, own)),
        list(_store_lines(found, own, allow_private=allow_private)),
        list(_feeds_lines(base_url, own)),
        list(_category_lines(found, site, base_url, own)),
        [_remark(own["console"]), "[targets.terminal]", 'kind = "console"'],
        list(_target_lines(own)),
    )
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


# ---------------------------------------------------------------- the tables


def _site_lines(site: Site, found: Found, own: Mapping[str, str]) -> Iterator[str]:
    yield "[site]"
    yield f"title = {_quoted(site.title)}"
    yield f"url = {_quoted(site.url)}"
    if site.description:
        yield f"description = {_quoted(site.description)}"
    yield f"language = {_quoted(site.language)}"
    zone, why = _zone(found, site.language)
    yield _noted(f"timezone = {_quoted(zone)}", own[why].format(offset=f"{found.offset or 0:+g}") if why else "")


def _store_lines(found: Found, own: Mapping[str, str], *, allow_private: bool) -> Iterator[str]:
    if found.barred:
        yield from (_remark(own[key].format(why=found.barred)) for key in ("barred", "barred_xserver", "barred_then"))
    yield _remark(own[f"store_{found.kind}"])
    yield "[stores.blog]"
    yield f"kind = {_quoted(found.kind)}"
    yield f"url = {_quoted(found.source)}"
    yield _noted('poll = "3m"' if found.kind == "wordpress" else 'poll = "10m"', own["poll"])
    if allow_private:
        yield _noted("allow_private = true", own["private"])


def _feeds_lines(base_url: str, own: Mapping[str, str]) -> Iterator[str]:
    yield "[feeds]"
    yield _noted(f"base_url = {_quoted(base_url)}", own["base_url"])
    yield _noted('output = "data/public"', own["output"])


def _category_lines(found: Found, site: Site, base_url: str, own: Mapping[str, str]) -> Iterator[str]:
    """Name the biggest categories as tables that only need their `#` taken away."""
    keys = _addresses(found, site, base_url)
    known = tuple(one.category for one in found.categories)
    shown = [one for one in found.categories if one.category.key in keys and _name(one.category, known)]
    if not shown:
        return
    shown = shown[:MOST_CATEGORIES]
    yield _remark(own["categories"].format(shown=len(shown), all=max(found.category_count, len(shown))))
    yield _remark(own["categories_how"].format(key=keys[shown[0].category.key]))
    yield "# [feeds.categories]"
    for one in shown:
        said = f"# {keys[one.category.key]} = {{ name = {_quoted(_name(one.category, known))} }}"
        yield _noted(said, _about(one, known, own))


def _target_lines(own: Mapping[str, str]) -> Iterator[str]:
    yield _remark(own["target"])
    yield "# [targets.discord_news]"
    yield '# kind = "discord"'
    yield _noted('# webhook_url = { env = "DISCORD_WEBHOOK" }', own["secret"])
    yield _noted('# delay = "3m"', own["delay"])


# ---------------------------------------------------------------- what the site is


def _language(found: Found) -> str:
    said = language_tag(found.language)
    return said or ("ja" if _JAPANESE.search(found.title + found.description + found.sample) else "en")


def _site(found: Found, language: str) -> Site:
    host = urlsplit(found.url).hostname or found.url
    return Site(
        title=_line(found.title, LONGEST["title"]) or host,
        url=found.url,
        language=language,
        description=_line(found.description, LONGEST["description"]),
    )


def _zone(found: Found, language: str) -> tuple[str, str]:
    """Name the site's zone, and the word that says how sure that is ("": the site said it)."""
    if _ZONE.fullmatch(found.timezone) and _is_known(found.timezone):
        return found.timezone, ""
    spoken = language.lower().partition("-")[0]
    if found.offset is None:
        return _HOME.get(spoken, "UTC"), "zone_guessed"
    for tag in (spoken, ""):
        if zone := _AT_OFFSET.get((tag, found.offset)):
            return zone, "zone_offset"
    if found.offset % 1 == 0:
        # POSIX counts westwards: Etc/GMT-8 is eight hours ahead of UTC.
        return f"Etc/GMT{-int(found.offset):+d}", "zone_offset"
    return "UTC", "zone_unknown"


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _base_url(found: Found) -> str:
    """Propose where the feeds may stand: never where the feed lies that is read, or it would read itself."""
    for folder in ("/feeds/", "/feedpub/"):
        base = urljoin(found.url, folder)
        if not any(_alike(feed).startswith(_alike(base)) for feed in found.feeds):
            return base
    return urljoin(found.url, "/feedpub-feeds/")


def _alike(url: str) -> str:
    return re.sub(r"\Ahttps?://(www\.)?", "", url.lower())


# ---------------------------------------------------------------- categories


def _addresses(found: Found, site: Site, base_url: str) -> Mapping[str, str]:
    """Tell by each category's key the address that feedpub would give its feed."""
    known = tuple(one.category for one in found.categories)
    specs = catalog(FeedsOptions(base_url=ascii_url(base_url)), site, Taxonomy(categories=known))
    owners = {term: spec.address for spec in specs if spec.kind == "category" for term in spec.owner}
    terms = {category.key: of_category((category.store, category.key)) for category in known}
    return {key: owners[term].removeprefix("category/") for key, term in terms.items() if term in owners}


def _name(category: Category, known: tuple[Category, ...]) -> str:
    """Name a category so that it alone is meant: by its name, else by its slug; "" where neither does."""
    for said in (category.name, readable_slug(category.slug)):
        if said and _line(said, LONGEST["category"]) == said and called(said, known) == (category,):
            return said
    return ""


def _about(one: Counted, known: tuple[Category, ...], own: Mapping[str, str]) -> str:
    told = own["count"].format(count=f"{one.count:,}")
    above = next((other.name for other in known if other.key == one.category.parent), "")
    name = _line(above, LONGEST["category"])
    return told + own["parent"].format(name=name) if name else told


# ---------------------------------------------------------------- the letters


def _line(text: str, most: int) -> str:
    """Make one line of what a site says: nothing in it that acts, cut where it is too long."""
    return short(clean.line(_ACTING.sub(" ", text)), most)


def _quoted(text: str) -> str:
    """Write a basic string of TOML: JSON's are, but for U+007F, which no text or address comes here with."""
    return json.dumps(text, ensure_ascii=False)


def _remark(text: str) -> str:
    """Write a comment of TOML: whatever the text, it ends with its line."""
    return f"# {_ACTING.sub(' ', clean.line(text))}"


def _noted(code: str, remark: str) -> str:
    """Put a remark behind a line, where the others stand."""
    if not remark:
        return code
    width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in code)
    return code + " " * max(_WIDTH - width, 1) + _remark(remark)
