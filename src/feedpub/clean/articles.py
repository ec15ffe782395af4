"""a store's row -> Article, or why it is quarantined. The rules about what an article must have stand here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from feedpub.clean.characters import broken, line, opening, shortened, text
from feedpub.clean.dates import date
from feedpub.clean.drop import without
from feedpub.clean.markup import html, plain_text, shows, words
from feedpub.clean.needed import Unfit, identity, published
from feedpub.clean.urls import host, url
from feedpub.model import Article, Category, Image, Link, Quarantined, RawArticle, Site, language_tag

RULES = 2
"""Raised when a row would become another article than before; rows known already are then cleaned once more."""

LONGEST_TITLE = 1_000
LONGEST_SUMMARY = 2_000
LONGEST_CONTENT = 5_000_000
"""Characters. What is longer is cut, or left out: it would make every feed that carries it useless."""
MOST_NAMES = 100
"""Categories, tags or authors of one article."""

_BEGINNING = 20_000
"""Characters of a content that is left out, from which a summary can be made."""
_AUTHORITY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_TEXTS = ("id", "guid", "url", "title", "summary", "content", "notice")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An article that can go out, and what was mended on the way, a short sentence each."""

    article: Article
    warnings: tuple[str, ...]


def article(
    raw: RawArticle, *, store: str, site: Site, guid: str = "", drop: tuple[str, ...] = ()
) -> Cleaned | Quarantined:
    """Clean one row of `store`. Never raises, whatever the row holds.

    `guid` is the one remembered from earlier, if there is one; it holds even when the store now says another.
    `drop` are CSS selectors of what its HTML shall lose. A date in the future stays there: whoever publishes waits
    for it.
    """
    try:
        return _cleaned(raw, store, site, guid, drop)
    except Unfit as why:
        return Quarantined(id=text(raw.id), reason=str(why))


def digest(site: Site, drop: Iterable[str]) -> str:
    """Hex of all that cleaning depends on besides the row: another digest, and the same row may be another article."""
    facts = [RULES, [*drop], site.url, site.language, site.timezone]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def category(raw: Category) -> Category:
    """Clean one category of a store; its `key` is cleaned as articles' `categories` are."""
    name, slug, key = line(raw.name), line(raw.slug), line(raw.key)
    parent = line(raw.parent or "") or None
    return replace(raw, key=key, name=name or slug or key, slug=slug, parent=parent)


def _cleaned(raw: RawArticle, store: str, site: Site, guid: str, drop: tuple[str, ...]) -> Cleaned:
    key = identity(raw.id, "an article")
    whole_title = plain_text(raw.title) if raw.title_is_html else line(raw.title)
    title = shortened(whole_title, LONGEST_TITLE)
    address = _address(raw, title, site)
    base = address or site.url
    enormous = _enormous(raw, title)
    content = "" if enormous else html(without(raw.content, drop), base)
    told = plain_text(without(raw.content[:_BEGINNING], drop)) if enormous else words(content)
    whole_summary = _summary(without(raw.summary, drop), title, told)
    summary = shortened(whole_summary, LONGEST_SUMMARY)
    images = _images(raw.images, base)
    if not (title or summary or images or shows(content)):
        raise Unfit("it has no title, no text and no image")
    links = _links(raw.links, base)
    out = published(raw.published, site.zone)
    updated, doubt = _updated(raw.updated, out, site.zone)
    language = language_tag(raw.language)
    categories, tags, authors = map(_distinct, (raw.categories, raw.tags, raw.authors))
    warnings = (
        _mended(raw),
        doubt,
        _cut("title", whole_title, LONGEST_TITLE),
        # A brief's summary is its text, which its content holds whole, if it has any.
        _cut("summary", whole_summary, LONGEST_SUMMARY) if title or not content else "",
        f"content is longer than {LONGEST_CONTENT:,} characters: it is left out" if enormous else "",
        *(_too_many(*each) for each in (("categories", categories), ("tags", tags), ("authors", authors))),
        "url is not an http or https address: the brief has no link" if raw.url.strip() and not address else "",
        _dropped("images", len(raw.images) - len(images)),
        _dropped("links", len(raw.links) - len(links)),
        "language is not a BCP 47 tag: the site's is used" if raw.language.strip() and not language else "",
    )
    clean = Article(
        store=store,
        id=key,
        guid=guid or line(raw.guid) or _tag(key, site),
        url=address,
        title=title,
        summary=summary,
        content=content,
        published=out,
        updated=updated,
        categories=categories[:MOST_NAMES],
        tags=tags[:MOST_NAMES],
        authors=authors[:MOST_NAMES],
        images=images,
        links=links,
        language=language or site.language,
        announce=raw.announce is not False,
        notice=text(raw.notice).strip(),
    )
    return Cleaned(clean, tuple(warning for warning in warnings if warning))


# ---------------------------------------------------------------- what an article must have


def _address(raw: RawArticle, title: str, site: Site) -> str:
    # The value is not shown: an address can hold a password.
    address = url(raw.url, site.url)
    if title and not address:
        fault = "is not an http or https address" if raw.url.strip() else "is missing"
        raise Unfit(f"url {fault}: an article with a title must lead somewhere")
    return address


def _enormous(raw: RawArticle, title: str) -> bool:
    """Whether its content must be left out: it goes out by its title, its summary and its link."""
    if len(raw.content) <= LONGEST_CONTENT:
        return False
    if not title:
        raise Unfit(f"it has no title, and content is longer than {LONGEST_CONTENT:,} characters")
    return True


def _tag(key: str, site: Site) -> str:
    """Make a guid that outlives slugs, titles, addresses and our own config (RFC 4151).

    The year only has to be one in which the site held its name; being fixed, it never changes a guid.
    """
    try:
        authority = host(site.authority or urlsplit(site.url).hostname or "")
    except ValueError:
        authority = ""
    if not _AUTHORITY.fullmatch(authority):
        raise Unfit("guid is missing and cannot be made: set site.authority to the site's host name")
    return f"tag:{authority}{_ending(key)}"


def is_made(guid: str, key: str) -> bool:
    """Whether a guid is one that was made of an article's id, as its store told none; whatever the site is called."""
    return guid.startswith("tag:") and guid.endswith(_ending(key))


def _ending(key: str) -> str:
    return f",2026:{quote(key, safe='')}"


# ---------------------------------------------------------------- what can be mended or left out


def _updated(raw: str, published: datetime, zone: ZoneInfo) -> tuple[datetime, str]:
    """When it last changed, never before it was published; and what was wrong with the date."""
    if not raw.strip():
        return published, ""
    try:
        # A scheduled post keeps the date of its last edit, from before it went out.
        return max(date(raw, zone), published), ""
    except ValueError as fault:
        return published, f"updated {fault}: published is used"


def _summary(raw: str, title: str, content: str) -> str:
    if not title:
        return content or plain_text(raw)
    return plain_text(raw) or opening(content)


def _images(raw: Iterable[Image], base: str) -> tuple[Image, ...]:
    cleaned = (
        Image(url(i.url, base), line(i.alt), line(i.credit), license=url(i.license) or line(i.license)) for i in raw
    )
    return tuple(image for image in cleaned if image.url)


def _links(raw: Iterable[Link], base: str) -> tuple[Link, ...]:
    cleaned = (Link(link.rel, url(link.url, base), line(link.title)) for link in raw)
    return tuple(link for link in cleaned if link.url)


def _distinct(raw: Iterable[str]) -> tuple[str, ...]:
    """Keep the first of each, in the author's order."""
    return tuple(dict.fromkeys(cleaned for cleaned in map(line, raw) if cleaned))


def _mended(raw: RawArticle) -> str:
    fields = [name for name in _TEXTS if broken(getattr(raw, name))]
    return f"characters that no feed can carry were taken out of {', '.join(fields)}" if fields else ""


def _cut(field: str, whole: str, most: int) -> str:
    return f"{field} is longer than {most:,} characters: it is cut" if len(whole) > most else ""


def _too_many(what: str, names: tuple[str, ...]) -> str:
    return f"only the first {MOST_NAMES} of its {len(names):,} {what} are kept" if len(names) > MOST_NAMES else ""


def _dropped(what: str, count: int) -> str:
    return f"{count} of its {what} left out: not http or https addresses" if count else ""
