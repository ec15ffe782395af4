"""a target's rules + an article -> whether the target wants to hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        return not self.barred_by(subject)

    def barred_by(self, subject: Subject) -> str:
        """Name the first option that keeps an article from the target; empty where none does. Raises as `take`."""
        return next(self._bars(subject), "")

    def _bars(self, subject: Subject) -> Iterator[str]:
        if ("brief" if subject.article.brief else "article") not in self.takes:
            yield "takes"
        if self.categories is not None and self.categories.isdisjoint(subject.categories):
            yield "categories"
        if self.tags and self.tags.isdisjoint(subject.tags):
            yield "tags"
        if not self.skip_tags.isdisjoint(subject.tags):
            yield "skip_tags"
        if self.authors and self.authors.isdisjoint(subject.authors):
            yield "authors"
        if self.when and not meets(self.when, subject.variables):
            yield "when"


def subjects(articles: Iterable[Article], categories: Iterable[Category], site: Site) -> tuple[Subject, ...]:
    """Make articles ready to be looked at."""
    named = {ref(one): one.name for one in categories}
    return tuple(Subject(one, named, site) for one in articles)


def _folded(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold, texts))
