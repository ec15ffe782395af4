"""all feeds -> index.html, on which people find them and browsers discover them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from feedpub.feeds import opml
from feedpub.feeds.addresses import ascii_url, brief_path, feed_url, is_web_address
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, site_title
from feedpub.feeds.rss_atom import MEDIA_TYPES as XML_TYPES
from feedpub.feeds.texts import line, words
from feedpub.model import Article, FeedFile, Site

PATH: Final = "index.html"
MEDIA_TYPES = {**XML_TYPES, "json": "application/feed+json"}
_NAMES: Final = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}

_PAGES = Environment(
    loader=PackageLoader("feedpub", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class Headline:
    title: str
    url: str
    published: datetime


def brief_page(article: Article, site: Site, options: FeedsOptions) -> FeedFile:
    return FeedFile(brief_path(article.guid), article.content.encode())


def stylesheet() -> FeedFile:
    return FeedFile("feed.css", b"rss{}")


def index_page(specs, site: Site, options: FeedsOptions) -> FeedFile:
    """List every feed with its addresses, in the site's language; it asks for nothing outside itself."""
    feeds = [_listed(spec, options) for spec, _ in specs]
    license_ = line(site.license)
    page = _PAGES.get_template("index.html").render(
        t=words(site.language),
        site=site_title(site),
        site_url=ascii_url(site.url),
        description=line(site.description),
        license=license_,
        license_url=license_ if is_web_address(license_) else "",
        feeds=feeds,
        whole=[feed for feed in feeds if feed["kind"] != "category"],
        categories=[feed for feed in feeds if feed["kind"] == "category"],
        opml_href=opml.PATH,
    )
    return FeedFile(PATH, page.encode())


def _listed(spec: FeedSpec, options: FeedsOptions) -> dict[str, object]:
    return {
        "kind": spec.kind,
        "title": line(spec.title),
        "label": line(spec.label) or line(spec.title),
        "formats": [
            {
                "name": _NAMES[ending],
                "type": MEDIA_TYPES[ending],
                "url": feed_url(options.base_url, spec.address, ending),
                # Relative, so that a copy of the directory served elsewhere (a preview, say) leads to its own files.
                "href": f"{spec.address}.{ending}",
            }
            for ending in dict.fromkeys(options.formats)
        ],
    }
