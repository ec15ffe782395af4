"""the categories known + categories as rows or files name them -> one taxonomy, with a key for each name. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count

import regex

from feedpub.categories import fold, readable_slug
from feedpub.errors import ImportRefused
from feedpub.model import Category, RawArticle

_BETWEEN_WORDS = regex.compile(r"[^\p{L}\p{M}\p{N}_]+")


def slug_of(name: str) -> str:
    """Make a slug: lower case, a hyphen between words, any script kept (`米国関連`, `us-news`)."""
    composed = unicodedata.normalize("NFC", name).lower()
    return _BETWEEN_WORDS.sub("-", composed).strip("-") or composed.strip()


@dataclass(frozen=True, slots=True)
class CategoryTold:
    """A category as rows or files name it. `parent` is a name or slug; "" means none, None that nothing was said."""

    name: str
    slug: str = ""
    parent: str | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Named:
    """An article whose categories are told by name; its own `categories` are empty."""

    article: RawArticle
    categories: tuple[CategoryTold, ...] = ()


Kept = tuple[tuple[str, str, str, str | None], ...]
"""Categories as a cursor keeps them: key, name, slug and parent of each."""


@dataclass(slots=True)
class Taxonomy:
    """Categories by key, found by slug or name. It grows as categories are told."""

    store: str
    by_key: dict[str, Category] = field(default_factory=dict)
    _slugs: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def kept(cls, store: str, rows: Kept) -> Taxonomy:
        """Go on from what `keep` gave."""
        taxonomy = cls(store)
        for key, name, slug, parent in rows:
            taxonomy.learn(Category(store, key, name, slug, parent))
        taxonomy.index_names()
        return taxonomy

    def keep(self) -> Kept:
        """Tell all categories, to go on from later."""
        return tuple((one.key, one.name, one.slug, one.parent) for one in self.by_key.values())

    def filed(self, named: Named) -> RawArticle:
        """Give an article the keys of its categories; those never told before are made."""
        for told in named.categories:
            (self.tell_slug if told.slug else self.tell_name)(told)
            self.hang(told)
        keys = dict.fromkeys(key for told in named.categories if (key := self.key(told)) is not None)
        return replace(named.article, categories=tuple(keys))

    def key(self, told: CategoryTold) -> str | None:
        """The key of a category that a file names; None for one that was never told.

        A slug, where it is given, decides: two categories may have one name below different parents.
        """
        if told.slug:
            return self._slugs.get(fold(_slug(told)))
        return self._called(told.name)

    def learn(self, category: Category) -> None:
        """Take a category as it is, in place of an earlier one with this key."""
        self.by_key[category.key] = category
        self._slugs[fold(readable_slug(category.slug))] = category.key

    def tell_slug(self, told: CategoryTold) -> None:
        """Name the category with this slug as told; make it where there is none."""
        key = self.key(told)
        one = replace(self.by_key[key], name=told.name) if key else self._new(told)
        self.learn(one)
        self._names.setdefault(fold(one.name), one.key)

    def index_names(self) -> None:
        """Let categories be found by name: of several with one name, the first by key, whatever came first."""
        self._names = {fold(known.name): key for key, known in sorted(self.by_key.items(), reverse=True)}

    def tell_name(self, told: CategoryTold) -> None:
        """Make a category of this name, where neither a name nor a slug is like it."""
        if self.key(told) is None:
            new = self._new(told)
            self.learn(new)
            self._names[fold(new.name)] = new.key

    def hang(self, told: CategoryTold) -> None:
        """Put a category below the parent that was told, if one was; a parent nobody knows is made."""
        key = self.key(told)
        if key is None or told.parent is None:
            return
        if told.parent and self._parent(told.parent) is None:
            self.tell_name(CategoryTold(told.parent))
        self.by_key[key] = replace(self.by_key[key], parent=self._parent(told.parent))

    def circles(self, told: CategoryTold) -> bool:
        """Whether a category stands below itself."""
        start = here = self.key(told)
        for _ in self.by_key:
            here = self.by_key[here].parent if here in self.by_key else None
            if here is None or here == start:
                return here is not None
        return False

    def _parent(self, words: str) -> str | None:
        """WordPress names parents by slug, people by name: the very slug comes first."""
        by_slug = self._slugs.get(fold(readable_slug(words)))
        exact = by_slug is not None and readable_slug(self.by_key[by_slug].slug) == readable_slug(words)
        return by_slug if exact else self._called(words)

    def _called(self, name: str) -> str | None:
        return self._names.get(fold(name)) or self._slugs.get(fold(readable_slug(name)))

    def _new(self, told: CategoryTold) -> Category:
        slug = self._free(_slug(told))
        return Category(self.store, slug, told.name, slug)

    def _free(self, slug: str) -> str:
        tries = chain((slug,), (f"{slug}-{number}" for number in count(2)))
        return next(free for free in tries if fold(free) not in self._slugs and free not in self.by_key)


def resolve(known: Iterable[Category], told: Mapping[CategoryTold, str], store: str) -> Taxonomy:
    """Fit what files tell (and where) to what the store knows; raises ImportRefused where it makes a circle.

    Categories told with a slug come first, so that others may call them by their name alone.
    """
    taxonomy = Taxonomy(store)
    for category in known:
        taxonomy.learn(category)
    for one in told:
        if one.slug:
            taxonomy.tell_slug(one)
    taxonomy.index_names()
    for one in told:
        if not one.slug:
            taxonomy.tell_name(one)
    for one in told:
        taxonomy.hang(one)
    for one, place in told.items():
        if taxonomy.circles(one):
            raise ImportRefused(f'{place}: the category "{one.name}" stands below itself: correct its parent')
    return taxonomy


def _slug(told: CategoryTold) -> str:
    given = unicodedata.normalize("NFC", readable_slug(told.slug))
    return given or slug_of(told.name)
