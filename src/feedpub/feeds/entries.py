"""The nouns of rendering: what an entry is made of, what every entry looks like, and what it is once rendered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from feedpub.categories import Ref, filed
from feedpub.feeds.addresses import brief_address
from feedpub.feeds.catalog import RENDERER, FeedsOptions
from feedpub.feeds.footer import footer
from feedpub.feeds.namespaces import Reply
from feedpub.feeds.texts import language_tag, line
from feedpub.model import Article, Category, Site


@dataclass(frozen=True, slots=True)
class Entry:
    """An article (or a comment, dressed as one) as feeds tell it: how many comments it has, what it answers."""

    article: Article
    comments: int = 0
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """One entry in every format: the bytes that stand between a document's head and tail; empty if not wanted."""

    rss: bytes
    atom: bytes
    json: bytes

    @property
    def size(self) -> int:
        """Bytes in all formats."""
        return len(self.rss) + len(self.atom) + len(self.json)


@dataclass(frozen=True)
class Look:
    """All that an entry's bytes depend on besides the entry. `names` makes its categories readable."""

    site: Site
    options: FeedsOptions
    names: Mapping[Ref, Category] = field(default_factory=dict)
    frames: dict[Hashable, tuple[bytes, bytes]] = field(default_factory=dict, compare=False, repr=False)
    """What stands around entries, as it was last rendered (render.py): the only thing in here that changes."""

    @cached_property
    def digest(self) -> str:
        """Name the look: entries rendered for another one are rendered anew.

        Names are no part of it: when a category gets another, its articles get another version (ledger/recording.py).
        """
        site, options = self.site, self.options
        facts = [
            RENDERER,
            [site.title, site.url, site.authority, site.language, site.license],
            [options.base_url, options.content, options.footer, sorted(set(options.formats))],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def license(self) -> str:
        """The site's licence, by address or in words."""
        return line(self.site.license)

    def url(self, article: Article) -> str:
        """Where an entry leads: to the article, or to the page that a brief without one has here."""
        return article.url or brief_address(article.guid, self.options.base_url)

    def body(self, entry: Entry, *, full: bool) -> str:
        """The text to read here, HTML; none where only the summary is wanted.

        A brief's text is all there is of it, and a comment's too, which is no article of the site's.
        """
        article, comment = entry.article, entry.reply is not None
        if not full or not (self.options.content == "full" or article.brief or comment):
            return ""
        ends = "" if comment else footer(self.options.footer, article.title, self.url(article), self.site)
        return article.content + ends

    def terms(self, article: Article) -> Iterable[str]:
        """What it is about, readable: some readers show Atom's `term` and know no label."""
        known = (self.names.get(one) for one in filed(article))
        said = [line(category.name) for category in known if category]
        return dict.fromkeys(term for term in (*said, *article.tags) if term)

    def other_language(self, article: Article) -> str:
        """The language of an article that is not in the site's; else empty."""
        return "" if article.language == self.site.language else language_tag(article.language)
