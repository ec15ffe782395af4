"""a WordPress site -> raw articles and comments: what changed since the last poll, and which posts are public."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from feedpub.errors import StoreError
from feedpub.model import Batch, Category, Census, Duration, Quarantined, RawArticle
from feedpub.stores.base import Home, StoreOptions
from feedpub.stores.wordpress import comments, rows
from feedpub.stores.wordpress.answers import BarredError, Row, row_id
from feedpub.stores.wordpress.place import Place, is_recent
from feedpub.stores.wordpress.rest import PER_PAGE, Rest

if TYPE_CHECKING:
    from feedpub.http import Door

BATCH = 50
"""With so many articles or more, at the end of a page, `changes` asks to be called again."""
TOGETHER = 25
"""Old posts to one request: a hundred rendered at once are too much for a small host."""
MOST_COMMENTS = 1000
"""Of more new comments than these between two polls, the oldest are not read."""


class WordPressOptions(StoreOptions):
    """[stores.NAME] with `kind = "wordpress"`."""

    kind: Literal["wordpress"] = "wordpress"
    url: str = Field(description="the address of the site's front page, such as https://example.com/")
    user: str = Field(default="", description="a user's login, only where the REST API is closed to strangers")
    application_password: SecretStr = Field(
        default=SecretStr(""), description="an application password of that user (Users > Profile)"
    )
    timeout: Duration = Field(default=timedelta(seconds=30), description="the time one request may take")
    allow_private: bool = Field(default=False, description="allow private and loopback addresses")

    @field_validator("url")
    @classmethod
    def _front_page(cls, url: str) -> str:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an absolute address is needed, such as https://example.com/")
        if "@" in parts.netloc:
            raise ValueError("write no password into the address: use `user` and `application_password`")
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if bool(self.user) != bool(self.application_password.get_secret_value()):
            raise ValueError("`user` and `application_password` are given together")
        return self

    def open(self, door: Door, home: Home) -> WordPressStore:  # noqa: ARG002 - it says its own dates in UTC
        """Make ready to ask; nothing is sent before the first question."""
        login = f"{self.user}:{self.application_password.get_secret_value()}"
        headers = {"Authorization": "Basic " + b64encode(login.encode()).decode()} if self.user else {}
        rest = Rest(door, self.url, headers=headers, timeout=self.timeout, allow_private=self.allow_private)
        return WordPressStore(self.name, rest)


@dataclass(slots=True)
class _Haul:
    """What one call of `changes` has gathered; `stamps` is every state that it has read or refused, by id."""

    articles: list[RawArticle] = field(default_factory=list)
    garbage: list[Quarantined] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    stamps: dict[str, str] = field(default_factory=dict)


class WordPressStore:
    """An opened site. Reads only; needs no login where the REST API is open, as WordPress leaves it."""

    def __init__(self, name: str, rest: Rest) -> None:
        """Take the store's name in the config and the site's REST API."""
        self._name = name
        self._rest = rest

    def changes(self, cursor: str | None) -> Batch:
        """Walk on from `cursor` until enough articles are read or the pass is over."""
        haul = _Haul()
        place, over = Place.parse(cursor), False
        while not over and len(haul.articles) < BATCH:
            place, over = self._walk_on(place, haul)
        # Asked after the posts, so that no post is in a category unheard of.
        categories, taxonomy = self._categories(place.taxonomy)
        # And these last: readers speak about posts that are told.
        news = self._comments(place.comments) if over else comments.News(seen=place.comments)
        return Batch(
            articles=tuple(sorted(haul.articles, key=lambda one: (one.updated, int(one.id)))),
            cursor=str(replace(place, taxonomy=taxonomy, comments=news.seen)),
            more=not over,
            gone=tuple(haul.gone),
            categories=categories,
            garbage=tuple(haul.garbage),
            comments=news.comments,
            comments_gone=news.gone,
        )

    def census(self, ids: Sequence[str] | None) -> Census:
        """Ask which of `ids` are public and unprotected, a hundred to a request."""
        if ids is None:
            listed: Iterable[Row] = self._rest.every("posts", {"_fields": rows.STAMP_FIELDS})
        else:
            listed = self._rest.some("posts", rows.STAMP_FIELDS, (int(one) for one in ids if one.isdecimal()))
        present = frozenset(str(row_id(row)) for row in listed if rows.is_public(row))
        return Census(present, covers=None if ids is None else frozenset(ids))

    def close(self) -> None:
        """Let go of nothing: every request has its own connection."""

    def _walk_on(self, place: Place, haul: _Haul) -> tuple[Place, bool]:
        step = self._rest.step("posts", {**place.query, "_fields": rows.STAMP_FIELDS}, place.mark)
        unread = [row for row in step.rows if place.unread(row)]
        changed = [row for row in unread if haul.stamps.get(str(row_id(row))) != rows.stamp(row)]
        stamps = self._read(changed, haul, step.now)
        haul.stamps |= stamps
        return place.past(step).saw(stamps, step.now).onward(walk_is_over=step.last)

    def _read(self, changed: Sequence[Row], haul: _Haul, now: datetime) -> dict[str, str]:
        """Read changed posts whole into the haul, and tell their stamps."""
        stamps = {str(row_id(row)): rows.stamp(row) for row in changed}
        public = [row for row in changed if rows.is_public(row)]
        posts = [row for row in self._whole(public, now) if rows.is_public(row)]
        stamps |= {str(row_id(row)): rows.stamp(row) for row in posts}
        named = self._named(posts)
        for row in posts:
            one = rows.article(row, named)
            if isinstance(one, RawArticle):
                haul.articles.append(one)
            else:
                haul.garbage.append(one)
        there = {str(row_id(row)) for row in posts}
        haul.gone += (key for key in stamps if key not in there)
        return stamps

    def _whole(self, listed: Iterable[Row], now: datetime) -> Iterator[Row]:
        """Read recent posts one by one.

        In one answer WordPress renders a post otherwise than alone (numbered ids, paragraphs around shortcodes);
        of posts that will be read again, that would look like an edit.
        """
        recent: dict[bool, list[int]] = {True: [], False: []}
        for row in listed:
            recent[is_recent(rows.stamp(row), now)].append(row_id(row))
        yield from self._rest.some("posts", rows.POST_FIELDS, recent[False], TOGETHER)
        yield from self._rest.some("posts", rows.POST_FIELDS, recent[True], at_once=1)

    def _named(self, posts: Sequence[Row]) -> rows.Named:
        def ids(name: str) -> list[int]:
            return [number for row in posts for number in rows.numbers(row, name)]

        return rows.Named(
            tags=rows.names(self._rest.some("tags", rows.NAME_FIELDS, ids("tags"))),
            authors=rows.names(self._if_shown("users", rows.NAME_FIELDS, ids("author"))),
            images=rows.images(self._if_shown("media", rows.MEDIA_FIELDS, ids("featured_media"))),
        )

    def _if_shown(self, route: str, fields: str, ids: Sequence[int]) -> tuple[Row, ...]:
        """Many sites bar users (and some media) from strangers: an article is an article without them."""
        try:
            return tuple(self._rest.some(route, fields, ids))
        except BarredError:
            return ()

    def _categories(self, told: str) -> tuple[tuple[Category, ...] | None, str]:
        """Read the taxonomy, and its digest; None where it is as `told`. WordPress does not date its terms."""
        terms = rows.categories(self._rest.every("categories", {"_fields": rows.CATEGORY_FIELDS}), self._name)
        digest = hashlib.sha256(repr(terms).encode(errors="surrogatepass")).hexdigest()[:16]
        return (None if digest == told else terms), digest

    def _comments(self, seen: Mapping[str, str]) -> comments.News:
        """Look at the newest comments. Where a site does not show them, or fails to, there are none: posts go on."""
        try:
            found, whole = self._newest_comments(seen)
            posts = {int(one.article) for one in comments.unseen(found, seen)}
            listed = self._rest.some("posts", rows.STAMP_FIELDS, posts)
            public = {str(row_id(row)) for row in listed if rows.is_public(row)}
        except StoreError:
            return comments.News(seen=seen)
        return comments.compare(found, seen, public, whole=whole)

    def _newest_comments(self, seen: Mapping[str, str]) -> tuple[list[Row], bool]:
        """Read comments from the newest back to one that was seen, and tell whether that is all there are."""
        found: list[Row] = []
        known = max(map(int, seen), default=None)
        for offset in range(0, MOST_COMMENTS, PER_PAGE):
            answer = self._rest.newest("comments", comments.FIELDS, offset)
            found += answer.rows
            if offset + PER_PAGE >= answer.total:
                return found, True
            if known is None or any(row_id(row) <= known for row in answer.rows):
                break
        return found, False
