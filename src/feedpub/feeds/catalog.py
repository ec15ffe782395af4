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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from feedpub.categories import Ref, fold, matching, readable_slug, ref, unknown, with_descendants
from feedpub.feeds.addresses import DEVICES, ascii_url, file_name
from feedpub.feeds.texts import line, words
from feedpub.model import Category, Duration, Site
from feedpub.terms import BRIEF, COMMENT, EVERY, Term, of_author, of_category, of_tag

Some = TypeVar("Some")

RENDERER = 2
"""Raised when the same articles would give other bytes; every feed is then rebuilt once."""

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


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
        default=("rss", "atom", "json"), min_length=1, description="the formats of every feed; the first is for OPML"
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

    @field_validator("categories", "own")
    @classmethod
    def _safe_keys(cls, feeds: dict[str, Some]) -> dict[str, Some]:
        for key in feeds:
            if key in DEVICES:
                raise ValueError(f"the key {key} becomes a file name that Windows keeps for itself: take another")
            if not _KEY.fullmatch(key):
                named = f"the key {key!r} becomes a file name: "
                raise ValueError(f"{named}write it with a-z, 0-9, _ and -, at most 64, such as us or f-35")
        return feeds

    @field_validator("icon", "logo")
    @classmethod
    def _picture(cls, url: str) -> str:
        return ascii_url(url) if url else ""


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One feed: its address (`all`, `briefs`, `category/us`) and all that its bytes depend on besides articles."""

    address: str
    kind: Literal["all", "briefs", "comments", "category", "tag", "author", "own"]
    title: str
    sources: frozenset[Term] = frozenset()
    """It carries what has one of these terms (terms.py): for a category its own and its descendants'."""
    label: str = ""
    """What it is called where the site's name stands beside it anyway."""
    skips: frozenset[Term] = frozenset()
    """What has one of these is left out."""
    owner: frozenset[Term] = frozenset()
    """Whom it stands for, through renames; only of those that come and go."""
    wish: str = ""
    """The address it would have if it were alone."""

    def carries(self, found: Collection[Term]) -> bool:
        """Whether what is found by these terms is in it."""
        return not self.sources.isdisjoint(found) and self.skips.isdisjoint(found)

    @property
    def archived(self) -> bool:
        """Whether it has an archive (RFC 5005)."""
        return self.kind in {"all", "briefs", "category"}


@dataclass(frozen=True, slots=True)
class Named:
    """An address that a feed has or had: whom it stood for, and the address it wished for then."""

    address: str
    wish: str
    owner: frozenset[Term]
    live: bool


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What stores tell that feeds are made for. `tags` and `authors`: (term, name); `named`: addresses given so far."""

    categories: tuple[Category, ...] = ()
    tags: tuple[tuple[Term, str], ...] = ()
    authors: tuple[tuple[Term, str], ...] = ()
    comments: bool = False
    named: tuple[Named, ...] = ()


def ambiguous(categories: Mapping[str, CategoryOptions]) -> tuple[tuple[str | int, ...], str] | None:
    """Find an address that the config would have lead to two feeds: its place below `categories`, and what to do."""
    seen: dict[str, str] = {}
    for key, feed in categories.items():
        for number, former in enumerate(feed.formerly):
            place = (key, "formerly", number)
            if not _KEY.fullmatch(former):
                return place, "write the address that it had as keys are written: a-z, 0-9, _ and -, such as us"
            if former == key:
                return place, "this is the address that the feed has now: leave it out"
            if former in categories:
                return place, f"this is the address of [feeds.categories.{former}]: leave it out, or rename that table"
            if former in seen:
                return place, f"this leads to [feeds.categories.{seen[former]}] already: leave it out here or there"
            seen[former] = key
    return None


def catalog(options: FeedsOptions, site: Site, taxonomy: Taxonomy) -> tuple[FeedSpec, ...]:
    """Which feeds there are, in the order people read them; the same for any order of the taxonomy."""
    known = tuple(sorted(taxonomy.categories, key=ref))
    own = words(site.language)
    configured = tuple(_configured(key, feed, site, known) for key, feed in options.categories.items())
    pinned = {root for feed in options.categories.values() for root in _named(feed, known)}
    wild = [c for c in known if ref(c) not in pinned]
    taken = {f"category/{key}" for key in options.categories}
    whole = FeedSpec("all", "all", site_title(site), frozenset({EVERY}), own["whole"])
    briefs = FeedSpec("briefs", "briefs", _title(own["briefs"], site), frozenset({BRIEF}), own["briefs"])
    comments = FeedSpec("comments", "comments", _title(own["comments"], site), frozenset({COMMENT}), own["comments"])
    return (
        whole,
        briefs,
        *([comments] if options.comments and taxonomy.comments else []),
        *(_by_rule(key, feed, site, known) for key, feed in options.own.items()),
        *(feed for feed in configured if feed.sources),
        *_specs("category", _category_groups(wild, known), site, taken, taxonomy.named),
        *_specs("tag", _label_groups(taxonomy.tags if options.tags else ()), site, set(), taxonomy.named),
        *_specs("author", _label_groups(taxonomy.authors if options.authors else ()), site, set(), taxonomy.named),
    )


def unmatched(options: FeedsOptions, categories: Iterable[Category]) -> tuple[str, ...]:
    """Keys of [feeds.categories] whose category no store has, so that it can be told."""
    known = tuple(categories)
    return tuple(key for key, feed in options.categories.items() if unknown([feed.name], known))


def moved(options: FeedsOptions, specs: Iterable[FeedSpec], named: Iterable[Named]) -> dict[str, str | None]:
    """Where addresses that feeds once had lead now; None: to nothing, for good.

    A feed goes on under the address of whoever has the same owner. Feeds of tags and authors that are switched off
    are not gone: they may be switched on again.
    """
    live = tuple(specs)
    heirs = {term: spec.address for spec in reversed(live) for term in spec.owner}
    found: dict[str, str | None] = {}
    for name in sorted(named, key=lambda one: one.address):
        heir = next((heirs[term] for term in sorted(name.owner) if term in heirs), None)
        if heir is not None or name.address.startswith(("category/", "own/")):
            found[name.address] = heir
    for key, feed in options.categories.items():
        found |= {f"category/{former}": f"category/{key}" for former in feed.formerly}
    addresses = {spec.address for spec in live}
    return {address: heir for address, heir in found.items() if address not in addresses}


def slugs(specs: Iterable[FeedSpec], categories: Iterable[Category]) -> dict[str, str]:
    """Where the feeds are that WordPress would look for elsewhere: `category/米国関連` -> `category/us`.

    A tag's slug is its name, as far as one can tell: in small letters, with hyphens for blanks.
    """
    live = tuple(specs)
    addresses = {spec.address for spec in live}
    of = {term: spec.address for spec in reversed(live) for term in spec.owner}
    called = [
        (f"category/{fold(readable_slug(c.slug))}", of.get(of_category(ref(c)))) for c in sorted(categories, key=ref)
    ]
    called += [
        (f"{spec.kind}/{fold(spec.label).replace(' ', '-')}", spec.address)
        for spec in live
        if spec.kind in {"tag", "author"}
    ]
    found: dict[str, str] = {}
    for name, address in called:
        if address is not None and name not in addresses:
            found.setdefault(name, address)
    return found


def digest(spec: FeedSpec, look: str, site: Site, options: FeedsOptions, hubs: Sequence[str] = ()) -> str:
    """Hex of all that a feed's bytes depend on besides its articles: another digest, another build.

    `look` is the digest of what its entries look like.
    """
    facts = [
        look,
        [spec.address, spec.kind, spec.title, sorted(spec.sources), sorted(spec.skips), sorted(spec.owner), spec.wish],
        [site.description, options.formats, options.entries, options.archive, options.max_bytes, options.compress],
        [options.icon, options.logo, list(hubs)],
    ]
    return _hash(facts)


def site_title(site: Site) -> str:
    """Name the site; its address if the name is nothing that can be written."""
    return line(site.title) or site.url


# ---------------------------------------------------------------- feeds that the config names


def _configured(key: str, feed: CategoryOptions, site: Site, known: Sequence[Category]) -> FeedSpec:
    name = line(feed.name)
    title = line(feed.title)
    address = f"category/{key}"
    sources = frozenset(map(of_category, matching([feed.name], known)))
    owner = frozenset(of_category(root) for root in _named(feed, known))
    return FeedSpec(address, "category", title or _title(name, site), sources, title or name, owner=owner, wish=address)


def _named(feed: CategoryOptions, known: Sequence[Category]) -> Iterable[Ref]:
    return (ref(category) for category in known if not unknown([feed.name], [category]))


def _by_rule(key: str, feed: OwnOptions, site: Site, known: Sequence[Category]) -> FeedSpec:
    def terms(categories: Iterable[str], tags: Iterable[str], authors: Iterable[str]) -> frozenset[Term]:
        filed = map(of_category, matching(categories, known))
        return frozenset([*filed, *map(of_tag, tags), *map(of_author, authors)])

    everything = not (feed.categories or feed.tags or feed.authors)
    address, title = f"own/{key}", line(feed.title)
    return FeedSpec(
        address,
        "own",
        _title(title, site),
        frozenset({EVERY}) if everything else terms(feed.categories, feed.tags, feed.authors),
        title,
        terms(feed.skip_categories, feed.skip_tags, feed.skip_authors),
        frozenset({f"own:{key}"}),
        address,
    )


# ---------------------------------------------------------------- feeds that are found


@dataclass(frozen=True, slots=True)
class _Group:
    """Categories (or tags, authors) that are one to readers: the same slug and name, in whichever stores.

    `facts`: what its address is made of where another wants the same; to change them is to move feeds.
    """

    slug: str
    label: str
    owner: frozenset[Term]
    sources: frozenset[Term]
    facts: tuple[object, ...]

    @property
    def wish(self) -> str:
        """The file name it would have if it were alone."""
        return file_name(fold(self.slug) or fold(self.label))

    @property
    def rank(self) -> tuple[bool, list[Term]]:
        """Who comes first where two want one address."""
        return self.slug != self.wish, sorted(self.owner)


def _category_groups(wild: Iterable[Category], known: Sequence[Category]) -> list[_Group]:
    alike: defaultdict[tuple[str, str], list[Ref]] = defaultdict(list)
    for category in wild:
        slug = readable_slug(category.slug)
        alike[slug, line(category.name) or line(slug) or line(category.key)].append(ref(category))
    namesakes = Counter(name for _, name in alike)
    return [
        _Group(
            slug,
            _path(name, min(roots), known) if namesakes[name] > 1 else name,
            frozenset(map(of_category, roots)),
            frozenset(map(of_category, with_descendants(roots, known))),
            (slug, name, tuple(sorted(roots))),
        )
        for (slug, name), roots in alike.items()
    ]


def _label_groups(labels: Iterable[tuple[Term, str]]) -> list[_Group]:
    return [_Group(name, line(name), frozenset({term}), frozenset({term}), (term,)) for term, name in labels]


def _path(name: str, root: Ref, known: Sequence[Category]) -> str:
    """Name its parent too: how readers tell it from its namesakes."""
    named = {ref(category): category for category in known}
    parent = named.get((root[0], named[root].parent or ""))
    above = line(parent.name) if parent else ""
    return f"{above} › {name}" if above else name


def _specs(
    kind: Literal["category", "tag", "author"],
    groups: Iterable[_Group],
    site: Site,
    taken: set[str],
    named: Sequence[Named],
) -> Iterable[FeedSpec]:
    specs = [
        FeedSpec(
            address,
            kind,
            _title(group.label, site),
            group.sources,
            group.label,
            owner=group.owner,
            wish=f"{kind}/{group.wish}",
        )
        for address, group in _addressed(kind, groups, taken, named)
    ]
    return sorted(specs, key=lambda spec: (fold(spec.label), spec.address))


def _addressed(
    kind: str, groups: Iterable[_Group], taken: set[str], named: Sequence[Named]
) -> Iterable[tuple[str, _Group]]:
    """Give each group an address of its own; `taken` ones are the config's.

    One that was given stays, as long as what it is made of does: neither a namesake that comes nor one that goes
    changes it. The address of a feed that moved away is never given to another; that of one that is gone may be.
    """
    ranked = sorted(groups, key=lambda group: group.rank)
    owned: defaultdict[Term, list[Named]] = defaultdict(list)
    for name in named:
        for term in name.owner:
            owned[term].append(name)
    kept = {group: address for group in ranked if (address := _kept(kind, group, taken, owned))}
    present = {term for group in ranked for term in group.owner}
    reserved = {name.address for name in named if name.owner & present}
    used = taken | reserved | set(kept.values())
    for group in ranked:
        address, more = kept.get(group, f"{kind}/{group.wish}"), 0
        while group not in kept and address in used:
            hashed = _hash([*group.facts, more])[:8]
            address, more = f"{kind}/{group.wish[:55]}-{hashed}", more + 1
        used.add(address)
        yield address, group


def _kept(kind: str, group: _Group, taken: set[str], owned: Mapping[Term, Sequence[Named]]) -> str:
    """The address that a group was given for the same wish."""
    wish = f"{kind}/{group.wish}"
    named = (name for term in group.owner for name in owned.get(term, ()))
    had = [name for name in named if name.wish == wish and name.address not in taken]
    return min(had, key=lambda name: (not name.live, name.address)).address if had else ""


def _title(name: str, site: Site) -> str:
    return f"{name} – {site_title(site)}"


def _hash(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
