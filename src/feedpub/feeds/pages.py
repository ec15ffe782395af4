"""feeds and briefs -> what people see in a browser: index.html, a page for each brief, the look of a feed itself.

A page asks for nothing outside itself. It works without its script, which only adds buttons and a filter.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Final, cast

from feedpub.feeds import opml
from feedpub.feeds.addresses import STYLESHEET, ascii_url, brief_address, brief_path, feed_url, is_web_address
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, site_title
from feedpub.feeds.json_feed import MEDIA_TYPE as JSON_TYPE
from feedpub.feeds.nesting import Nested, nest
from feedpub.feeds.rss_atom import MEDIA_TYPES
from feedpub.feeds.templates import PAGES
from feedpub.feeds.texts import language_tag, line, short, words
from feedpub.model import Article, FeedFile, Site

PATH: Final = "index.html"

FILTERED: Final = 12
"""A list of more feeds than this can be narrowed by name."""
SUGGESTED: Final = 8
"""How many feeds, at most, a site is told to name on each of its pages."""
HEADLINES: Final = 3
"""How many articles show what a feed is about."""

_NAMES: Final = {"rss": "RSS", "atom": "Atom", "json": "JSON"}
_TYPES: Final = {"json": JSON_TYPE} | MEDIA_TYPES

_SCRIPT: Final = (files("feedpub") / "templates" / "index.js").read_text("utf-8")
SCRIPT_SOURCE: Final = f"'sha256-{b64encode(sha256(_SCRIPT.encode()).digest()).decode()}'"
"""What a Content-Security-Policy allows, to allow the script of index.html and no other (CSP 3 §2.3.1)."""
POLICY: Final = (
    "default-src 'none'; img-src 'self' https: http: data:; style-src 'self' 'unsafe-inline'; "
    f"script-src {SCRIPT_SOURCE}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of pages, and of feeds too: a browser that shows XML would run a script inside it."""

_View = Mapping[str, object]
"""What a template is told of one thing."""


@dataclass(frozen=True, slots=True)
class Headline:
    """One article as a line in a list: its title, where it is read (nowhere, if empty), and since when."""

    title: str
    url: str
    published: datetime


def index_page(feeds: Sequence[tuple[FeedSpec, Sequence[Headline]]], site: Site, options: FeedsOptions) -> FeedFile:
    """List every feed with its newest articles and its addresses, in the site's language."""
    views = {spec: _feed(spec, headlines, site, options) for spec, headlines in feeds}
    sections = [_section(kind, heading, views, site) for kind, heading in opml.FOLDERS.items()]
    page = PAGES.get_template("index.html").render(
        **_frame(site),
        script=_SCRIPT,
        discovered=[link for spec, view in views.items() for link in _discovered(spec, view)],
        whole=[view for spec, view in views.items() if spec.kind not in opml.FOLDERS],
        sections=[section for section in sections if section["feeds"]],
        opml_href=opml.PATH,
        snippet=_snippet(tuple(views), options, site),
    )
    return FeedFile(PATH, page.encode())


def brief_page(article: Article, site: Site, options: FeedsOptions) -> FeedFile:
    """Show a brief to who follows its link: it has no page elsewhere."""
    text = line(article.title) or line(article.summary)
    frame = _frame(site)
    page = PAGES.get_template("brief.html").render(
        **frame | {"lang": language_tag(article.language) or frame["lang"]},
        title=short(text, 60) or words(site.language)["brief"],
        text=short(text, 160),
        heading=line(article.title),
        content=article.content or f"<p>{escape(article.summary)}</p>",
        published=_moment(article.published, site),
        address=brief_address(article.guid, options.base_url),
        link=article.url if is_web_address(article.url) else "",
        host=article.url.partition("://")[2].partition("/")[0],
        images=_images(article),
        picture=article.images[0].url if article.images else "",
        references=_references(article, site),
        feeds_href=f"../{PATH}",
        briefs=[_format("briefs", ending, options, "../") for ending in dict.fromkeys(options.formats)],
    )
    return FeedFile(brief_path(article.guid), page.encode())


def stylesheet() -> FeedFile:
    """What makes a feed readable that is opened in a browser; for both formats, Japanese and English."""
    return FeedFile(STYLESHEET, (files("feedpub") / "templates" / STYLESHEET).read_bytes())


# ---------------------------------------------------------------- what both pages say


def _frame(site: Site) -> dict[str, object]:
    own = words(site.language)
    license_ = line(site.license)
    return {
        "t": own,
        # Names and headlines are in the site's language, even where the page cannot be.
        "lang": language_tag(site.language) or own["lang"],
        "site": site_title(site),
        "site_url": ascii_url(site.url),
        "description": line(site.description),
        "license": license_,
        "license_url": license_ if is_web_address(license_) else "",
    }


def _moment(moment: datetime, site: Site) -> _View:
    """A date as people read it where the site is at home, and as machines do."""
    here = moment.astimezone(site.zone)
    own = words(site.language)
    said = own["date"].format(year=here.year, month=own["months"].split()[here.month - 1], day=here.day)
    return {"said": said, "machine": here.isoformat(timespec="seconds")}


def _format(address: str, ending: str, options: FeedsOptions, upwards: str = "") -> _View:
    return {
        "name": _NAMES[ending],
        "type": _TYPES[ending],
        "url": feed_url(options.base_url, address, ending),
        # Relative, so that a copy of the directory served elsewhere (a preview, say) leads to its own files.
        "href": f"{upwards}{address}.{ending}",
    }


# ---------------------------------------------------------------- index.html


def _feed(spec: FeedSpec, headlines: Iterable[Headline], site: Site, options: FeedsOptions) -> dict[str, object]:
    own = words(site.language)
    return {
        "title": line(spec.title),
        "label": line(spec.label) or line(spec.title),
        "about": own.get(f"about_{spec.kind}", ""),
        "headlines": [_headline(one, site) for one in tuple(headlines)[:HEADLINES]],
        "formats": [_format(spec.address, ending, options) for ending in dict.fromkeys(options.formats)],
    }


def _discovered(spec: FeedSpec, view: _View) -> Iterable[_View]:
    """What browsers are told: the whole site in every format, and of what may be hundreds only what is of use."""
    formats = cast("list[dict[str, object]]", view["formats"])
    told = {"tag": 0, "author": 0, "category": 1, "own": 1}.get(spec.kind, len(formats))
    return [{"feed": view["title"], **format_} for format_ in formats[:told]]


def _headline(headline: Headline, site: Site) -> _View:
    url = headline.url if is_web_address(headline.url) else ""
    return {"title": line(headline.title) or url, "url": url, "published": _moment(headline.published, site)}


def _section(kind: str, heading: str, views: Mapping[FeedSpec, _View], site: Site) -> _View:
    own = words(site.language)
    listed = [spec for spec in views if spec.kind == kind]
    return {
        "id": heading,
        "heading": own[heading],
        "about": own.get(f"about_{kind}", ""),
        "count": len(listed),
        "filtered": len(listed) > FILTERED,
        "feeds": [_nested(one, views) for one in nest(listed)],
    }


def _nested(nested: Nested, views: Mapping[FeedSpec, _View], above: str = "") -> _View:
    """A feed and those inside it; a name that repeats the one above it says only what is its own."""
    view = views[nested.spec]
    label = str(view["label"])
    own = label.removeprefix(f"{above} › ") if above else label
    return {**view, "label": own, "within": [_nested(one, views, label) for one in nested.within]}


def _snippet(specs: Sequence[FeedSpec], options: FeedsOptions, site: Site) -> str:
    """The lines that make the feeds known on a site's own pages: the first in every format, then others at the top."""
    top = [spec for spec in specs if spec.kind not in opml.FOLDERS]
    top += [nested.spec for kind in ("category", "own") for nested in nest(s for s in specs if s.kind == kind)]
    endings = tuple(dict.fromkeys(options.formats))
    named = [(spec, ending) for spec in top[:1] for ending in endings]
    named += [(spec, endings[0]) for spec in top[1:SUGGESTED]]
    return "".join(_alternate(spec, ending, options, site) for spec, ending in named)


def _alternate(spec: FeedSpec, ending: str, options: FeedsOptions, site: Site) -> str:
    title = words(site.language)["subscribe"].format(feed=line(spec.title), format=_NAMES[ending])
    url = feed_url(options.base_url, spec.address, ending)
    return f'<link rel="alternate" type="{_TYPES[ending]}" title="{escape(title)}" href="{escape(url)}">\n'


# ---------------------------------------------------------------- briefs/<name>.html


def _images(article: Article) -> Sequence[_View]:
    """The pictures that its text does not show already."""
    return [
        {
            "url": image.url,
            "alt": image.alt,
            "credit": line(image.credit),
            "license": line(image.license),
            "license_url": image.license if is_web_address(image.license) else "",
        }
        for image in dict.fromkeys(article.images)
        if escape(image.url) not in article.content
    ]


def _references(article: Article, site: Site) -> Sequence[_View]:
    own = words(site.language)
    return [
        {"url": link.url, "text": own[link.rel].format(title=line(link.title) or link.url)}
        for link in dict.fromkeys(article.links)
        if is_web_address(link.url)
    ]
