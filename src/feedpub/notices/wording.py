"""a target's words + an article's categories -> the template, prefix and hashtags that count for this article."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import normalize

import regex

from feedpub.categories import filed, fold, matching
from feedpub.model import Article, Category, Target, Wording

# What every network takes for a part of a hashtag, with its marks. "・" and "-" end one on some of them, an emoji on
# most; the signs that pick an emoji's look mean nothing behind a digit.
_TAG_LETTER = regex.compile(r"[\p{L}\p{Nd}_](?:(?![\ufe0e\ufe0f])[\p{Mn}\p{Mc}])*")
_LETTER = regex.compile(r"\p{L}")
_SIGN_OR_SPACE = regex.compile(r"[#＃\s]")


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one article on one target. `hashtags` are without their sign, each fit to be one."""

    template: str
    prefix: str
    hashtags: tuple[str, ...]


def wording(target: Target, article: Article, categories: Sequence[Category]) -> Words:
    """Pick the words that count: those of the first `by_category` that fits the article, over the target's own.

    `categories` are all that the stores have, as a name or slug means its children too. The map `hashtags` gives those
    of every category that fits, in the config's order, none twice.
    """
    own = next((words for name, words in target.by_category.items() if _fits(article, name, categories)), Wording())
    hashtags = _mapped(target, article, categories) if own.hashtags is None else own.hashtags
    return Words(
        template=target.template if own.template is None else own.template,
        prefix=target.prefix if own.prefix is None else own.prefix,
        hashtags=_once(map(hashtag, hashtags)),
    )


def hashtag(text: str) -> str:
    """Write a text as a hashtag without its sign: `F-35 戦闘機` is `F35戦闘機`; empty where it cannot be one.

    Without a letter (`2026`) it is a number to every network, not a hashtag.
    """
    tag = normalize("NFKC", "".join(_TAG_LETTER.findall(normalize("NFKC", text))))
    return tag if _LETTER.search(tag) else ""


def check_hashtag(text: str) -> str | None:
    """Tell what is wrong with a hashtag as an admin wrote it, in one sentence; None where it can be one."""
    if _SIGN_OR_SPACE.search(text):
        return "a hashtag is written without its # and without spaces"
    return None if hashtag(text) else "a hashtag needs a letter; it is made of letters, digits and _"


def _fits(article: Article, name: str, categories: Sequence[Category]) -> bool:
    meant = matching([name], categories)
    return any(one in meant for one in filed(article))


def _mapped(target: Target, article: Article, categories: Sequence[Category]) -> Iterator[str]:
    for name, hashtags in target.hashtags.items():
        if _fits(article, name, categories):
            yield from hashtags


def _once(hashtags: Iterable[str]) -> tuple[str, ...]:
    """Leave out what is empty, and what another one says already: networks do not tell #NATO from #nato."""
    first: dict[str, str] = {}
    for one in hashtags:
        first.setdefault(fold(one), one)
    return tuple(one for one in first.values() if one)
