"""the newest comments of a site + those seen before -> which are new or changed, and which are gone. Pure.

WordPress does not say when a comment was edited or approved, and an approved one keeps the number and date that it
got when it was written. So the newest hundred are read whole at each poll, and told from what was seen of them.
What happens to older ones goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from html import unescape

from feedpub.model import RawComment
from feedpub.stores.wordpress.answers import Row, row_id
from feedpub.stores.wordpress.rows import digest, moment, numbers, rendered, words

FIELDS = "id,post,parent,author_name,date_gmt,content,link"


@dataclass(frozen=True, slots=True)
class News:
    """What a look at the comments brought; `seen` is a digest of each that was read and is public, by id."""

    comments: tuple[RawComment, ...] = ()
    gone: tuple[str, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)


def unseen(rows: Iterable[Row], seen: Mapping[str, str]) -> tuple[RawComment, ...]:
    """Tell which comments are new or say something else than before; the first written comes first."""
    there = {row_id(row): row for row in rows}
    told = (_comment(there[key]) for key in sorted(there))
    return tuple(one for one in told if one is not None and seen.get(one.id) != _digest(one))


def compare(rows: Iterable[Row], seen: Mapping[str, str], public: AbstractSet[str], *, whole: bool) -> News:
    """Compare the newest comments (`whole`: all there are) with those seen. `public` are the articles all may read.

    A comment on anything else (a page, a private post shown to our login) is not told of.
    """
    listed = {str(row_id(row)): row for row in rows}
    lowest = 0 if whole else min(map(int, listed), default=None)
    fresh = unseen(listed.values(), seen)
    told = tuple(one for one in fresh if one.article in public)
    hidden = {one.id for one in fresh} - {one.id for one in told}
    still = {key: digest for key, digest in seen.items() if key in listed and key not in hidden}
    reach = {key for key in seen if lowest is not None and int(key) >= lowest}
    gone = tuple(sorted((reach | hidden) & seen.keys() - still.keys(), key=int))
    return News(told, gone, still | {one.id: _digest(one) for one in told})


def _comment(row: Row) -> RawComment | None:
    """Read a row; None where a plugin made something else of it."""
    try:
        (post,) = numbers(row, "post")
        return RawComment(
            id=str(row_id(row)),
            article=str(post),
            parent="".join(map(str, numbers(row, "parent"))),
            author=unescape(words(row, "author_name")),
            content=rendered(row, "content"),
            published=moment(row, "date_gmt"),
            url=words(row, "link"),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _digest(comment: RawComment) -> str:
    return digest(comment)
