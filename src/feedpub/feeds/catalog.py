"""site + [feeds] options + the stores' categories -> which feeds exist, and at which addresses.

The address of a category that [feeds.categories] does not name is `category/` and
1. its slug, if that (folded: NFKC, no case) is a safe file name: a-z, 0-9 and `-`, at most 64, no device name;
2. else the ASCII words of the slug (or `c`) and a hash of the folded slug: `c-1f0e3dad` for 米国関連, which is
   the same address however a store encodes it (percent-encoded, NFD, full-width);
3. where two categories want one address, it goes to the one whose slug it is letter for letter, then to the
   first by store and key; the others add a hash of who they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from feedpub.categories import Ref, fold, matching, readable_slug, ref, unknown, with_descendants
from feedpub.feeds.addresses import ascii_url
from feedpub.feeds.texts import line, words
from feedpub.model import Category, Duration, Site

RENDERER = 1
"""Raised when the same articles would give other bytes; every feed is then rebuilt once."""

_SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
"""What a share mounted by Windows cannot hold as a file name, whatever the ending."""


class CategoryOptions(BaseModel):
    """[feeds.categories.KEY]: the key is the feed's address; matched by name or slug."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(description="the category's name or slug, in any store")
    title: str = Field(default="", description="the feed's title, if not the category's name")
    formerly: tuple[str, ...] = Field(default=(), description="keys or slugs it had before: they lead here for good")


class OwnOptions(BaseModel):
    """[feeds.own.KEY]: a feed by rule, at own/KEY. It carries what any of the first three names; all, if none does."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: str = Field(min_length=1, description="the feed's title")
    categories: tuple[str, ...] = Field(default=(), description="names or slugs, children included")
    tags: tuple[str, ...] = Field(default=(), description="tags, by name")
    authors: tuple[str, ...] = Field(default=(), description="authors, by name")
    skip_categories: tuple[str, ...] = Field(default=(), description="what is in one of these is left out")
    skip_tags: tuple[str, ...] = Field(default=(), description="what has one of these tags is left out")
    skip_authors: tuple[str, ...] = Field(default=(), description="what one of these wrote is left out")


class FeedsOptions(BaseModel):
    """[feeds]: where feed files go and what they carry. `base_url` ends with `/` and is ASCII."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(description="the public address of the output directory")
    output: str = Field(default="data/public", description="the directory that feed files are written to")
    formats: tuple[Literal["rss", "atom", "json"], ...] = Field(
        default=("rss", "atom"), min_length=1, description="the formats of every feed; the first is for OPML"
    )
    entries: int = Field(default=50, ge=1, le=1000, description="how many of the newest articles a feed carries")
    content: Literal["full", "summary"] = Field(default="full", description="whole articles, or only summaries")
    categories: dict[str, CategoryOptions] = Field(
        default_factory=dict, description="feeds of categories that differ: the key is the address"
    )
    own: dict[str, OwnOptions] = Field(default_factory=dict, description="feeds by rule: the key is the address")
    tags: bool = Field(default=False, description="a feed for every tag")
    authors: bool = Field(default=False, description="a feed for every author")
    comments: bool = Field(default=True, description="a feed of the site's comments, where a store has any")
    archive: int = Field(
        default=50, ge=0, le=1000, description="articles in one part of an archive (RFC 5005); 0 writes none"
    )
    tombstones: Duration = Field(
        default=timedelta(days=30), description="how long Atom tells that an article was withdrawn (RFC 6721)"
    )
    max_bytes: int = Field(
        default=1_000_000, ge=50_000, description="the largest feed; beyond it the longest articles shrink to summaries"
    )
    compress: tuple[Literal["gz", "br"], ...] = Field(
        default=("gz", "br"), description="compressed copies written beside every file, for web servers"
    )
    icon: str = Field(default="", description="address of a small square picture")
    logo: str = Field(default="", description="address of a wide picture")
    footer: str = Field(default="", description="HTML below every article: a Jinja2 template of title, url and site")
    drop: tuple[str, ...] = Field(default=(), description="CSS selectors of what feeds leave out, such as .sharedaddy")

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        return ascii_url(url if url.endswith("/") else url + "/")

    @field_validator("categories")
    @classmethod
    def _safe_keys(cls, categories: dict[str, CategoryOptions]) -> dict[str, CategoryOptions]:
        for key in categories:
            if not _KEY.fullmatch(key) or key in _DEVICES:
                raise ValueError("the key becomes a file name: a-z, 0-9, _ and -, at most 64, such as us or f-35")
        return categories


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One feed: its address (`all`, `briefs`, `category/us`) and all that its bytes depend on besides articles."""

    address: str
    kind: Literal["all", "briefs", "category", "tag", "author", "own", "comments"]
    title: str
    sources: frozenset[Ref] = frozenset()
    """(store, category key) whose articles it carries: the category and all its descendants. Only of categories."""
    label: str = ""
    """What it is called where the site's name stands beside it anyway."""


def catalog(options: FeedsOptions, site: Site, categories: Iterable[Category]) -> tuple[FeedSpec, ...]:
    """Which feeds there are, in the order people read them; the same for any order of `categories`."""
    known = tuple(sorted(categories, key=ref))
    own = words(site.language)
    configured = tuple(_configured(key, feed, site, known) for key, feed in options.categories.items())
    pinned = {root for feed in options.categories.values() for root in _named(feed, known)}
    return (
        FeedSpec("all", "all", site_title(site), label=own["whole"]),
        FeedSpec("briefs", "briefs", _title(own["briefs"], site), label=own["briefs"]),
        *(feed for feed in configured if feed.sources),
        *_unconfigured([c for c in known if ref(c) not in pinned], site, known, set(options.categories)),
    )


def unmatched(options: FeedsOptions, categories: Iterable[Category]) -> tuple[str, ...]:
    """Keys of [feeds.categories] whose category no store has, so that it can be told."""
    known = tuple(categories)
    return tuple(key for key, feed in options.categories.items() if unknown([feed.name], known))


def digest(spec: FeedSpec, site: Site, options: FeedsOptions) -> str:
    """Hex of all that a feed's bytes depend on besides its articles: another digest, another build."""
    facts = [
        RENDERER,
        [spec.address, spec.kind, spec.title, sorted(spec.sources)],
        [site.title, site.url, site.authority, site.language, site.description, site.license],
        [options.base_url, options.formats, options.entries, options.content],
    ]
    return _hash(facts)


def site_title(site: Site) -> str:
    """Name the site; its address if the name is nothing that can be written."""
    return line(site.title) or site.url


# ---------------------------------------------------------------- feeds of categories


@dataclass(frozen=True, slots=True)
class _Group:
    """Categories that are one to readers: the same slug and name, in whichever stores."""

    slug: str
    name: str
    roots: tuple[Ref, ...]

    @property
    def wish(self) -> str:
        """The file name it would have if it were alone."""
        folded = fold(self.slug) or fold(self.name)
        if _SAFE.fullmatch(folded) and folded not in _DEVICES:
            return folded
        spoken = "-".join(re.findall("[a-z0-9]+", folded))[:40].strip("-")
        return f"{spoken or 'c'}-{_hash(folded)[:8]}"

    @property
    def rank(self) -> tuple[bool, tuple[Ref, ...]]:
        """Who comes first where two want one address."""
        return self.slug != self.wish, self.roots


def _configured(key: str, feed: CategoryOptions, site: Site, known: Sequence[Category]) -> FeedSpec:
    name = line(feed.name)
    title = line(feed.title)
    sources = matching([feed.name], known)
    return FeedSpec(f"category/{key}", "category", title or _title(name, site), sources, label=title or name)


def _named(feed: CategoryOptions, known: Sequence[Category]) -> Iterable[Ref]:
    return (ref(category) for category in known if not unknown([feed.name], [category]))


def _unconfigured(
    wild: Iterable[Category], site: Site, known: Sequence[Category], taken: set[str]
) -> Iterable[FeedSpec]:
    groups = _groups(wild)
    namesakes = Counter(group.name for group in groups)
    specs = []
    for address, group in _addressed(groups, taken):
        label = _path(group, known) if namesakes[group.name] > 1 else group.name
        sources = with_descendants(group.roots, known)
        specs.append(FeedSpec(f"category/{address}", "category", _title(label, site), sources, label))
    return sorted(specs, key=lambda spec: (fold(spec.label), spec.address))


def _groups(wild: Iterable[Category]) -> list[_Group]:
    alike: defaultdict[tuple[str, str], list[Ref]] = defaultdict(list)
    for category in wild:
        slug = readable_slug(category.slug)
        alike[slug, line(category.name) or line(slug) or line(category.key)].append(ref(category))
    return [_Group(slug, name, tuple(sorted(roots))) for (slug, name), roots in alike.items()]


def _path(group: _Group, known: Sequence[Category]) -> str:
    """Name its parent too: how readers tell it from its namesakes."""
    named = {ref(category): category for category in known}
    root = named[group.roots[0]]
    parent = named.get((root.store, root.parent or ""))
    above = line(parent.name) if parent else ""
    return f"{above} › {group.name}" if above else group.name


def _addressed(groups: Iterable[_Group], taken: set[str]) -> Iterable[tuple[str, _Group]]:
    """Give each group a file name of its own; `taken` ones are the config's."""
    used = set(taken)
    for group in sorted(groups, key=lambda group: group.rank):
        name, more = group.wish, 0
        while name in used:
            name, more = f"{group.wish[:55]}-{_hash([group.slug, group.name, group.roots, more])[:8]}", more + 1
        used.add(name)
        yield name, group


def _title(name: str, site: Site) -> str:
    return f"{name} – {site_title(site)}"


def _hash(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
