"""an article -> the terms that it is found by: one for every article, and its categories, tags and authors.

A feed is a set of terms: it carries the articles that have one of them. So every kind of feed is the same to the
ledger, which compares nothing but texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from feedpub.categories import Ref, filed, fold
from feedpub.model import Article

Term = str

EVERY = "every"
"""What every article has."""
BRIEF = "brief"
"""What every brief has."""
COMMENT = "comment"
"""What the feed of comments stands for; no article has it."""
TAG, AUTHOR = "tag:", "author:"
"""How the terms of tags and authors begin; the same name in two stores is one term."""


def of_category(ref: Ref) -> Term:
    """Name one category of one store."""
    return f"category:{ref[0]}:{ref[1]}"


def of_tag(name: str) -> Term:
    """Name a tag, however it is written."""
    return TAG + fold(name)


def of_author(name: str) -> Term:
    """Name an author, however the name is written."""
    return AUTHOR + fold(name)


def terms(article: Article) -> Mapping[Term, str]:
    """Every term that an article has, and what people call it (empty where its name stands elsewhere)."""
    return {
        EVERY: "",
        **({BRIEF: ""} if article.brief else {}),
        **{of_category(one): "" for one in filed(article)},
        **{of_tag(name): name for name in article.tags},
        **{of_author(name): name for name in article.authors},
    }
