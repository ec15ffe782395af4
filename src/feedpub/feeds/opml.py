"""all feeds -> feeds.opml, with which a reader subscribes to them at once (OPML 2.0).

Each feed stands there in one format only: many readers take an article that they meet in two formats for one.
It carries no date: the list is as old as the config and the taxonomy, which have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lxml import etree

from feedpub.feeds.addresses import ascii_url, feed_url
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, site_title
from feedpub.feeds.texts import language_tag, line, words
from feedpub.model import FeedFile, Site

PATH: Final = "feeds.opml"


def opml(specs: Iterable[FeedSpec], site: Site, options: FeedsOptions) -> FeedFile:
    """List the feeds: those of the whole site, then a folder of categories if there are any."""
    known = tuple(specs)
    own = words(site.language)
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = own["page_title"].format(site=site_title(site))
    etree.SubElement(head, "ownerId").text = ascii_url(site.url)
    etree.SubElement(head, "docs").text = "http://opml.org/spec2.opml"
    body = etree.SubElement(root, "body")
    _outlines(body, [spec for spec in known if spec.kind != "category"], site, options)
    if categories := [spec for spec in known if spec.kind == "category"]:
        _outlines(etree.SubElement(body, "outline", text=own["by_category"]), categories, site, options)
    return FeedFile(PATH, etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _outlines(parent: etree._Element, specs: Iterable[FeedSpec], site: Site, options: FeedsOptions) -> None:
    for spec in specs:
        outline = etree.SubElement(parent, "outline", type="rss", text=line(spec.title), title=line(spec.title))
        outline.set("xmlUrl", feed_url(options.base_url, spec.address, options.formats[0]))
        outline.set("htmlUrl", ascii_url(site.url))
        if language := language_tag(site.language):
            outline.set("language", language)
