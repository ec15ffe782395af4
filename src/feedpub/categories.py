"""the stores' categories + names as people write them -> which categories are meant, children included."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from feedpub.model import Article, Category

Ref = tuple[str, str]
"""(store, the store's own key of a category): what names a category through renames."""


DESK = "brief-desk"
"""The store of what people say by `feedpub brief`. No config can name it: the names of stores have no hyphen."""


def ref(category: Category) -> Ref:
    """Name a category for good."""
    return category.store, category.key


def filed(article: Article) -> tuple[Ref, ...]:
    """Name the categories that an article is in: its own store's, but for what lies on the desk, which has none."""
    if article.store != DESK:
        return tuple((article.store, key) for key in article.categories)
    return tuple((store, key) for store, _, key in (elsewhere.partition("/") for elsewhere in article.categories))


def from_desk(category: Category) -> str:
    """Name a category of another store as briefs on the desk do: `filed` reads it."""
    return f"{category.store}/{category.key}"


def called(name: str, categories: Iterable[Category]) -> tuple[Category, ...]:
    """Pick the categories that a name means, in any store; if it is somebody's slug, none of those so called."""
    meant = [one for one in categories if fold(name) in _called(one)]
    by_slug = [one for one in meant if fold(name) in {fold(readable_slug(one.slug)), fold(one.slug)}]
    return tuple(by_slug or meant)


def fold(text: str) -> str:
    """Write a name as names are compared: NFKC, without case, blanks of any width and number as one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def readable_slug(slug: str) -> str:
    """Undo percent-encoding, in which WordPress keeps every slug that is not ASCII."""
    try:
        return unquote(slug, errors="strict")
    except UnicodeDecodeError:
        return slug


def matching(names: Iterable[str], categories: Iterable[Category]) -> frozenset[Ref]:
    """Pick the categories that `names` mean, by name or slug and in any store, with all their descendants."""
    known = tuple(categories)
    wanted = {fold(name) for name in names} - {""}
    return with_descendants((ref(c) for c in known if wanted & _called(c)), known)


def names(article: Article, known: Mapping[Ref, str]) -> tuple[str, ...]:
    """Name an article's categories as people read them; `known` are the names of all categories."""
    return tuple(dict.fromkeys(known[one] for one in filed(article) if one in known))


def unknown(names: Iterable[str], categories: Iterable[Category]) -> tuple[str, ...]:
    """Pick the names that mean no category of any store, as they were written, so that they can be told."""
    called = {word for category in categories for word in _called(category)}
    return tuple(name for name in names if fold(name) not in called)


def with_descendants(roots: Iterable[Ref], categories: Sequence[Category]) -> frozenset[Ref]:
    """Add children to any depth. A parent that is missing, or its own descendant, does no harm."""
    children: defaultdict[Ref, list[Ref]] = defaultdict(list)
    for category in categories:
        if category.parent is not None:
            children[category.store, category.parent].append(ref(category))
    found: set[Ref] = set()
    waiting = list(roots)
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting.extend(children[here])
    return frozenset(found)


def _called(category: Category) -> set[str]:
    return {fold(category.name), fold(readable_slug(category.slug)), fold(category.slug)} - {""}
