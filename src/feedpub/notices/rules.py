"""a target's rules + an article -> whether the target wants to hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from feedpub.categories import Ref, filed, fold, matching, names, ref
from feedpub.model import Article, Category, Site, Target
from feedpub.notices.compose import Variables, variables_of
from feedpub.notices.template import meets


@dataclass(frozen=True)
class Subject:
    """An article as rules look at it, worked out once for all targets. `named` are the names of all categories."""

    article: Article
    named: Mapping[Ref, str]
    site: Site

    @cached_property
    def categories(self) -> frozenset[Ref]:
        """What it is filed under."""
        return frozenset(filed(self.article))

    @cached_property
    def tags(self) -> frozenset[str]:
        """Its tags, as names are compared."""
        return _folded(self.article.tags)

    @cached_property
    def authors(self) -> frozenset[str]:
        """Its authors, as names are compared."""
        return _folded(self.article.authors)

    @cached_property
    def variables(self) -> Variables:
        """What a condition may speak of."""
        return variables_of(self.article, categories=names(self.article, self.named), site=self.site)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one target wants to hear of; each rule narrows it, an empty set (None: of categories) lets all through."""

    categories: frozenset[Ref] | None
    tags: frozenset[str]
    skip_tags: frozenset[str]
    authors: frozenset[str]
    takes: frozenset[str]
    when: str

    @classmethod
    def of(cls, target: Target, categories: Sequence[Category]) -> Rules:
        """Read a target's options; `categories` are those of all stores."""
        return cls(
            categories=matching(target.categories, categories) if target.categories else None,
            tags=_folded(target.tags),
            skip_tags=_folded(target.skip_tags),
            authors=_folded(target.authors),
            takes=frozenset(target.takes),
            when=target.when,
        )

    def take(self, subject: Subject) -> bool:
        """Whether the target wants this article.

        Raises ComposeError with the sentence to show, where its condition cannot be told of this article.
        """
        return (
            ("brief" if subject.article.brief else "article") in self.takes
            and (self.categories is None or not self.categories.isdisjoint(subject.categories))
            and (not self.tags or not self.tags.isdisjoint(subject.tags))
            and self.skip_tags.isdisjoint(subject.tags)
            and (not self.authors or not self.authors.isdisjoint(subject.authors))
            and (not self.when or meets(self.when, subject.variables))
        )


def subjects(articles: Iterable[Article], categories: Iterable[Category], site: Site) -> tuple[Subject, ...]:
    """Make articles ready to be looked at."""
    named = {ref(one): one.name for one in categories}
    return tuple(Subject(one, named, site) for one in articles)


def _folded(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold, texts))
