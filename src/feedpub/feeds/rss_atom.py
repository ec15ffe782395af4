"""a feed + its articles, newest first -> its RSS 2.0 and Atom 1.0 files. Same input, same bytes.

One generator per format: feedgen keeps one list of links for both, and would name the wrong file in one of them.
Nothing is said by the clock or the locale: a feed is as new as its articles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Final

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from feedpub.categories import Ref
from feedpub.feeds.addresses import ascii_url, entry_id, feed_url
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, site_title
from feedpub.feeds.namespaces import AtomEntry, AtomFeed, RssFeed, RssItem, image_type
from feedpub.feeds.texts import language_tag, line
from feedpub.model import EPOCH, Article, Category, FeedFile, Site

MEDIA_TYPES: Final = {"rss": "application/rss+xml", "atom": "application/atom+xml"}


def render(
    spec: FeedSpec,
    site: Site,
    options: FeedsOptions,
    articles: Sequence[Article],
    names: Mapping[Ref, Category],
) -> tuple[FeedFile, ...]:
    """Write a feed in every format. The order of `articles` is kept; `names` makes categories readable."""
    writers = {"rss": _rss, "atom": _atom}
    return tuple(
        FeedFile(f"{spec.address}.{ending}", writers[ending](spec, site, options, articles, names))
        for ending in dict.fromkeys(options.formats)
    )


def _rss(
    spec: FeedSpec, site: Site, options: FeedsOptions, articles: Sequence[Article], names: Mapping[Ref, Category]
) -> bytes:
    feed = _feed(spec, site, options, "rss")
    feed.description(line(site.description) or feed.title())
    feed._FeedGenerator__rss_lastBuildDate = None  # noqa: SLF001 - the only way to keep the clock out; RssFeed dates it
    feed.register_extension("feedpub", partial(RssFeed, _newest(articles), line(site.license)))
    for article in articles:
        item = _entry(feed, article, options, names)
        item.guid(article.guid, permalink=False)
        if article.title:
            item.title(article.title)
        item.summary(_rss_description(article, options) or None)
        for image in article.images[:1]:  # RSS takes one enclosure, and 0 for a length that nobody knows
            if kind := image_type(image):
                item.enclosure(image.url, 0, kind)
        item.register_extension("feedpub", partial(RssItem, article, _other_language(article, site)))
    return bytes(feed.rss_str(pretty=True))


def _rss_description(article: Article, options: FeedsOptions) -> str:
    """The summary as HTML, which RSS takes a description for.

    Without one, feedgen puts the body here (and validators want nothing else in its place). An item needs a title
    or a description: what has no words at all says its address.
    """
    if article.summary or article.title or _body(article, options):
        return escape(article.summary, quote=False)
    return escape(article.url or article.guid)


def _atom(
    spec: FeedSpec, site: Site, options: FeedsOptions, articles: Sequence[Article], names: Mapping[Ref, Category]
) -> bytes:
    feed = _feed(spec, site, options, "atom")
    feed.subtitle(line(site.description) or None)
    feed.author({"name": site_title(site)})  # RFC 4287 §4.1.1: for entries without an author
    feed.updated(_newest(articles))
    feed.register_extension("feedpub", partial(AtomFeed, line(site.license)))
    for article in articles:
        entry = _entry(feed, article, options, names)
        entry.id(entry_id(article.guid, site))
        entry.title(article.title or "-")  # feedgen takes no empty title; AtomEntry clears this one
        entry.updated(_second(article.updated))
        entry.published(_second(article.published))
        entry.author([{"name": author} for author in article.authors])
        entry.summary(article.summary or None)
        if not article.url and not article.content:  # RFC 4287 §4.1.2: an alternate link or a content
            entry.content(escape(article.summary or article.title, quote=False), type="html")
        extras = partial(AtomEntry, article, _other_language(article, site), line(site.license))
        entry.register_extension("feedpub", extras)
    return bytes(feed.atom_str(pretty=True))


def _feed(spec: FeedSpec, site: Site, options: FeedsOptions, ending: str) -> FeedGenerator:
    """Say what both formats say of a feed, about the file of one of them."""
    here = feed_url(options.base_url, spec.address, ending)
    feed = FeedGenerator()
    feed.id(here)
    feed.title(line(spec.title) or site_title(site))
    feed.link(href=here, rel="self", type=MEDIA_TYPES[ending])
    feed.link(href=ascii_url(site.url), rel="alternate", type="text/html")  # last: RSS takes the last for its <link>
    feed.language(language_tag(site.language) or None)
    feed.generator("feedpub")
    return feed


def _entry(feed: FeedGenerator, article: Article, options: FeedsOptions, names: Mapping[Ref, Category]) -> FeedEntry:
    """Say what both formats say of an article."""
    entry = feed.add_entry(order="append")
    entry.category([{"term": term} for term in _terms(article, names)])
    if article.url:
        entry.link(href=article.url, rel="alternate")
    if body := _body(article, options):
        entry.content(body, type="html")
    return entry


def _body(article: Article, options: FeedsOptions) -> str:
    """The text to read here, HTML; none where only the summary is wanted. A brief's text is all there is of it."""
    if options.content == "full" or article.brief or not article.url:
        return article.content
    return ""


def _terms(article: Article, names: Mapping[Ref, Category]) -> Iterable[str]:
    """What it is about, readable: some readers show Atom's `term` and know no label."""
    filed = (names.get((article.store, key)) for key in article.categories)
    said = [line(category.name) for category in filed if category]
    return dict.fromkeys(term for term in (*said, *article.tags) if term)


def _other_language(article: Article, site: Site) -> str:
    return "" if article.language == site.language else language_tag(article.language)


def _newest(articles: Iterable[Article]) -> datetime:
    return _second(max((article.updated for article in articles), default=EPOCH))


def _second(moment: datetime) -> datetime:
    """Cut to whole seconds, in UTC: what every reader of RFC 3339 understands."""
    return moment.astimezone(UTC).replace(microsecond=0)
