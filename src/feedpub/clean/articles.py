"""a store's row -> Article, or why it is quarantined. The rules about what an article must have stand here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from feedpub.clean.characters import broken, line, opening, text
from feedpub.clean.dates import date
from feedpub.clean.markup import html, plain_text, shows, words
from feedpub.clean.needed import Unfit, identity, published
from feedpub.clean.urls import host, url
from feedpub.model import Article, Category, Image, Link, Quarantined, RawArticle, Site

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_AUTHORITY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_TEXTS = ("id", "guid", "url", "title", "summary", "content", "notice")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An article that can go out, and what was mended on the way, a short sentence each."""

    article: Article
    warnings: tuple[str, ...]


def article(raw: RawArticle, *, store: str, site: Site, guid: str = "") -> Cleaned | Quarantined:
    """Clean one row of `store`. Never raises, whatever the row holds.

    `guid` is the one remembered from earlier, if there is one; it holds even when the store now says another.
    A date in the future stays there: whoever publishes waits for it.
    """
    try:
        return _cleaned(raw, store, site, guid)
    except Unfit as why:
        return Quarantined(id=text(raw.id), reason=str(why))


def category(raw: Category) -> Category:
    """Clean one category of a store; its `key` is cleaned as articles' `categories` are."""
    name, slug, key = line(raw.name), line(raw.slug), line(raw.key)
    parent = line(raw.parent or "") or None
    return replace(raw, key=key, name=name or slug or key, slug=slug, parent=parent)


def _cleaned(raw: RawArticle, store: str, site: Site, guid: str) -> Cleaned:
    key = identity(raw.id, "an article")
    title = plain_text(raw.title) if raw.title_is_html else line(raw.title)
    address = _address(raw, title, site)
    base = address or site.url
    content = html(raw.content, base)
    summary = _summary(raw.summary, title, words(content))
    images = _images(raw.images, base)
    if not (title or summary or images or shows(content)):
        raise Unfit("it has no title, no text and no image")
    links = _links(raw.links, base)
    out = published(raw.published, site.zone)
    updated, doubt = _updated(raw.updated, out, site.zone)
    language = _language(raw.language)
    warnings = (
        _mended(raw),
        doubt,
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
        categories=_distinct(raw.categories),
        tags=_distinct(raw.tags),
        authors=_distinct(raw.authors),
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
    return f"tag:{authority},2026:{quote(key, safe='')}"


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


def _language(raw: str) -> str:
    """A tag of BCP 47's shape, also from a locale such as ja_JP; "" where it is none."""
    tag = raw.strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else ""


def _distinct(raw: Iterable[str]) -> tuple[str, ...]:
    """Keep the first of each, in the author's order."""
    return tuple(dict.fromkeys(cleaned for cleaned in map(line, raw) if cleaned))


def _mended(raw: RawArticle) -> str:
    fields = [name for name in _TEXTS if broken(getattr(raw, name))]
    return f"characters that no feed can carry were taken out of {', '.join(fields)}" if fields else ""


def _dropped(what: str, count: int) -> str:
    return f"{count} of its {what} left out: not http or https addresses" if count else ""
