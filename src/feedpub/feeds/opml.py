"""all feeds -> feeds.opml, with which a reader subscribes to them at once (OPML 2.0).

Each feed stands there once, in the first format that is XML: many readers take an article that they meet in two
formats for one. `type` is "rss" for every format: readers know no other.
It carries no date: the list is as old as the config and the taxonomy, which have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lxml import etree

from feedpub.feeds.addresses import ascii_url, feed_url
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, site_title
from feedpub.feeds.nesting import Nested, nest
from feedpub.feeds.texts import language_tag, line, words
from feedpub.model import FeedFile, Site

PATH: Final = "feeds.opml"
FOLDERS: Final = {"category": "by_category", "own": "by_own", "tag": "by_tag", "author": "by_author"}
"""The kinds of feed that are listed apart, in this order, and what their lists are called (locale/*.toml)."""


def opml(specs: Iterable[FeedSpec], site: Site, options: FeedsOptions) -> FeedFile:
    """List the feeds: those of the whole site, then a folder for each other kind there is; categories as they nest."""
    known = tuple(specs)
    own = words(site.language)
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = own["page_title"].format(site=site_title(site))
    etree.SubElement(head, "ownerId").text = ascii_url(site.url)
    etree.SubElement(head, "docs").text = "http://opml.org/spec2.opml"
    body = etree.SubElement(root, "body")
    said = _said(site, options)
    _outlines(body, [Nested(spec) for spec in known if spec.kind not in FOLDERS], said)
    for kind, heading in FOLDERS.items():
        if inside := nest(spec for spec in known if spec.kind == kind):
            _outlines(etree.SubElement(body, "outline", text=own[heading]), inside, said)
    return FeedFile(PATH, etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _outlines(parent: etree._Element, feeds: Iterable[Nested], said: Callable[[FeedSpec], dict[str, str]]) -> None:
    for feed in feeds:
        # What is inside a feed's own outline, some readers pass over: what has children is a folder, and in it.
        here = etree.SubElement(parent, "outline", text=line(feed.spec.label)) if feed.within else parent
        etree.SubElement(here, "outline", said(feed.spec))
        _outlines(here, feed.within, said)


def _said(site: Site, options: FeedsOptions) -> Callable[[FeedSpec], dict[str, str]]:
    """What the list says of a feed."""
    ending = next((ending for ending in options.formats if ending != "json"), options.formats[0])
    language = language_tag(site.language)
    about = {"htmlUrl": ascii_url(site.url), **({"language": language} if language else {})}

    def said(spec: FeedSpec) -> dict[str, str]:
        title = line(spec.title)
        address = feed_url(options.base_url, spec.address, ending)
        return {"type": "rss", "text": title, "title": title, "xmlUrl": address} | about

    return said
