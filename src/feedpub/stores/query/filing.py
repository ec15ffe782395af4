"""the categories that rows name, or that `categories_query` gives -> one taxonomy, and articles filed in it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape

from feedpub.categories import readable_slug
from feedpub.errors import StoreError
from feedpub.model import Category, RawArticle
from feedpub.stores.query.rows import words
from feedpub.stores.taxonomy import Kept, Named, Taxonomy, slug_of

COLUMNS = ("id", "name", "slug", "parent")
"""What `categories_query` may call its columns."""


@dataclass(slots=True)
class Filing:
    """A taxonomy that articles are filed in. `listed`: it was given whole, and its keys may be named."""

    taxonomy: Taxonomy
    listed: bool = False

    @classmethod
    def kept(cls, store: str, rows: Kept) -> Filing:
        """Go on with the categories known by name."""
        return cls(Taxonomy.kept(store, rows))

    @classmethod
    def given(cls, store: str, rows: Iterable[Mapping[str, object]], *, escaped: bool) -> Filing:
        """Take the rows of `categories_query`; a parent that is none of them is none. `escaped`: names are HTML."""
        told = [{name: words(row.get(name)).strip() for name in COLUMNS} for row in rows]
        ids = {one["id"] for one in told if one["id"]}
        taxonomy = Taxonomy(store)
        for one in sorted((one for one in told if one["id"]), key=lambda one: one["id"]):
            name = unescape(one["name"]) if escaped else one["name"]
            parent = one["parent"] if one["parent"] in ids and one["parent"] != one["id"] else None
            taxonomy.learn(Category(store, one["id"], name, readable_slug(one["slug"]) or slug_of(name), parent))
        taxonomy.index_names()
        return cls(taxonomy, listed=True)

    def filed(self, named: Named) -> RawArticle:
        """Give an article the keys of its categories, which it names by key, slug or name."""
        if not self.listed:
            return self.taxonomy.filed(named)
        by_key = [one for one in named.categories if not one.slug and one.name in self.taxonomy.by_key]
        others = tuple(one for one in named.categories if one not in by_key)
        rest = self.taxonomy.filed(replace(named, categories=others))
        return replace(rest, categories=tuple(dict.fromkeys([*(one.name for one in by_key), *rest.categories])))

    def all(self) -> tuple[Category, ...]:
        """Every category."""
        return tuple(self.taxonomy.by_key.values())

    def digest(self) -> str:
        """Another text as soon as a category is another."""
        return hashlib.sha256(repr(self.all()).encode(errors="surrogatepass")).hexdigest()[:16]

    def keep(self) -> Kept:
        """What is to be known at the next pass; nothing where all is asked for again."""
        return () if self.listed else self.taxonomy.keep()


def check(columns: Sequence[str]) -> tuple[str, ...]:
    """Take the names of the columns of `categories_query`; raises StoreError with what to change in it."""
    names = tuple(str(one).lower() for one in columns)
    if missing := [one for one in ("id", "name") if one not in names]:
        raise StoreError(f'`categories_query` gives no column "{missing[0]}": write … AS {missing[0]} into it')
    if unknown := [one for one in names if one not in COLUMNS]:
        raise StoreError(
            f'`categories_query` gives a column "{words(unknown[0])[:50]}": it gives id, name, slug and parent'
        )
    return names
