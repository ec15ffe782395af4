"""a short topic -> the desk, where the next poll finds it; and where it will then be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from html import escape

from feedpub import clean
from feedpub.categories import DESK, called, from_desk
from feedpub.commands.moments import moment
from feedpub.commands.preview import Known, Note, kept_out
from feedpub.errors import FeedpubError
from feedpub.model import Article, Category, Quarantined, RawArticle
from feedpub.pipeline import Publisher
from feedpub.stores.desk import Desk
from feedpub.terms import terms


@dataclass(frozen=True, slots=True)
class Brief:
    """A short topic as its author gives it. `at` is in the author's words (moments.py); empty: now."""

    text: str
    link: str = ""
    categories: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A brief on the desk: when it goes out, into which feeds, to which targets; whom it does not reach, and why."""

    article: Article
    later: bool
    feeds: tuple[str, ...]
    targets: tuple[str, ...]
    left_out: Mapping[str, Note]


def accept(brief: Brief, desk: Desk, publisher: Publisher) -> Accepted:
    """Put a brief on the desk. Raises FeedpubError where it cannot go out as it is; then nothing is written."""
    now, site = publisher.now(), publisher.setup.site
    at = moment(brief.at, now, site.zone) if brief.at else now
    filed = _filed(brief.categories, publisher.ledger.articles.categories())
    raw = _raw(brief, at, filed)
    _cleaned(replace(raw, id="brief"), publisher)
    raw = desk.write(raw, f"brief-{at.astimezone(site.zone):%Y%m%d-%H%M%S}", filed)
    return _accepted(_cleaned(raw, publisher), publisher, later=at > now)


def _raw(brief: Brief, at: datetime, filed: Sequence[Category]) -> RawArticle:
    text = brief.text.strip()
    if not clean.line(text):
        raise FeedpubError("a brief needs words: there is nothing in this one")
    link = clean.url(brief.link) if re.match("https?://", brief.link.strip(), re.IGNORECASE) else ""
    if brief.link and not link:
        raise FeedpubError("--link: an absolute address is needed, such as https://example.com/page")
    return RawArticle(
        id="",
        url=link,
        content=_html(text),
        published=at.isoformat(),
        categories=tuple(map(from_desk, filed)),
        # So that templates which prefer the author's own words to a title have something to say.
        notice=text,
    )


def _html(text: str) -> str:
    """Write plain text as it is meant: a blank line ends a paragraph, any other end of a line stays one."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    return "".join(f"<p>{escape(one.strip()).replace(chr(10), '<br>')}</p>" for one in paragraphs)


def _filed(names: Sequence[str], known: Sequence[Category]) -> tuple[Category, ...]:
    found: dict[Category, None] = {}
    for name in names:
        meant = called(name, known)
        if not meant:
            raise FeedpubError(_unknown(name, known))
        by_store = {one.store: [other.slug for other in meant if other.store == one.store] for one in meant}
        if alike := next((slugs for slugs in by_store.values() if len(slugs) > 1), None):
            raise FeedpubError(f"several categories are called {name}: name one by its slug, {' or '.join(alike)}")
        found |= dict.fromkeys(meant)
    return tuple(found)


def _unknown(name: str, known: Sequence[Category]) -> str:
    names = sorted({word for one in known for word in (one.name, one.slug)})
    if not names:
        return f"there is no category {name}: no store has told of any yet"
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted({c.name for c in known}))}"
    return f"there is no category {name}: {meant}"


def _cleaned(raw: RawArticle, publisher: Publisher) -> Article:
    setup = publisher.setup
    result = clean.article(raw, store=DESK, site=setup.site, drop=setup.feeds.drop)
    if isinstance(result, Quarantined):
        raise FeedpubError(f"this brief cannot go out: {result.reason}")
    return result.article


def _accepted(article: Article, publisher: Publisher, *, later: bool) -> Accepted:
    known = Known(publisher.setup.site, publisher.ledger.articles.categories(), publisher.now())
    speaking = [target for target in publisher.setup.targets.values() if target.subject == "article"]
    silent = {one.name: kept_out(article, one, known, max(known.now, article.published)) for one in speaking}
    left_out = {name: note for name, note in silent.items() if note is not None}
    heard = tuple(one.name for one in speaking if one.name not in left_out)
    feeds = tuple(spec.address for spec in publisher.builder.specs() if spec.carries(terms(article)))
    return Accepted(article, later, feeds, heard, left_out)
