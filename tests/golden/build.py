"""Run in a process of its own: writes the digest of every file of a feed, for the test of determinism."""

from __future__ import annotations

import hashlib
import json
import locale
import sys
from contextlib import suppress

from feedpub.feeds.catalog import Taxonomy, catalog, digest
from feedpub.feeds.entries import Entry, Look
from feedpub.feeds.opml import opml
from feedpub.feeds.pages import brief_page, index_page, stylesheet
from feedpub.model import Image, Link
from tests.golden.samples import CATEGORIES, NAMES, OPTIONS, SITE, article, rendered

with suppress(locale.Error):  # as a host program would, with whatever locale the environment names
    locale.setlocale(locale.LC_ALL, "")
before = locale.setlocale(locale.LC_ALL)

image = Image("https://example.com/a.jpg", alt="代替", credit="撮影者", license="https://example.com/l")
articles = [
    article(
        n,
        categories=("1", "2"),
        tags=("甲", "乙"),
        authors=("山田", "Smith"),
        images=(image,),
        links=(Link("via", "https://example.net/"),),
    )
    for n in range(5)
]
specs = catalog(OPTIONS, SITE, Taxonomy(tuple(set(CATEGORIES))))
look = Look(SITE, OPTIONS, NAMES)
made = [file for spec in specs for file in rendered([Entry(one) for one in articles], look, spec)]
made += [opml(specs, SITE, OPTIONS), index_page([(spec, ()) for spec in specs], SITE, OPTIONS)]
made += [brief_page(articles[0], SITE, OPTIONS), stylesheet()]
digests = {file.path: hashlib.sha256(file.content).hexdigest() for file in made}
digests |= {spec.address: digest(spec, look.digest, SITE, OPTIONS) for spec in specs}
json.dump({"files": digests, "locale kept": locale.setlocale(locale.LC_ALL) == before}, sys.stdout)
