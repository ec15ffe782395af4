"""a WordPress site -> raw articles and comments: what changed since the last poll, and which posts are public."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from feedpub.errors import StoreError
from feedpub.model import EPOCH, Batch, Category, Census, Duration, Quarantined, RawArticle
from feedpub.stores.base import Home, StoreOptions
from feedpub.stores.manners import Manners
from feedpub.stores.wordpress import comments, rows
from feedpub.stores.wordpress.answers import BarredError, BusyError, Row, row_id
from feedpub.stores.wordpress.calm import LOOKED_AT, TURNS, Calm, Presence, Sight, is_known, is_read, sight
from feedpub.stores.wordpress.place import Cursor, Place, is_recent
from feedpub.stores.wordpress.rest import PER_PAGE, Rest, Step

if TYPE_CHECKING:
    from feedpub.http import Door

BATCH = 50
"""With so many articles or more, at the end of a page, `changes` asks to be called again."""
TOGETHER = 25
"""Old posts to one request: a hundred rendered at once are too much for a small host."""
NO_POSTS = ("categories", "tags", "users", "media", "comments")
STALE = timedelta(minutes=1)
"""An answer by so much older than one that was given before it comes from a cache; the clocks of a site's machines
differ by less."""
MOST_COMMENTS = 1000
"""Of more new comments than these between two polls, the oldest are not read."""


class WordPressOptions(StoreOptions):
    """[stores.NAME] with `kind = "wordpress"`."""

    kind: Literal["wordpress"] = "wordpress"
    url: str = Field(
        description="the address of the site's front page, such as https://example.com/",
        examples=["https://example.jp/"],
    )
    user: str = Field(default="", description="a user's login, only where the REST API is closed to strangers")
    application_password: SecretStr = Field(
        default=SecretStr(""), description="an application password of that user (Users > Profile)"
    )
    types: tuple[str, ...] = Field(
        default=("posts",),
        min_length=1,
        description="the types that are read, by their REST base: posts, pages, or a custom one",
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

    @field_validator("types")
    @classmethod
    def _rest_bases(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        for name in types:
            if not re.fullmatch("[a-z0-9_-]+", name):
                raise ValueError('a REST base is needed, as it stands in its addresses below /wp-json/wp/v2/: "pages"')
            if name in NO_POSTS:
                raise ValueError(f"{name} are no posts: feedpub reads them along with the posts")
        if len(set(types)) < len(types):
            raise ValueError("a type is named twice")
        return types

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
        return WordPressStore(self.name, rest, self.types, Manners(self.url))


@dataclass(slots=True)
class _Haul:
    """What one call of `changes` has gathered.

    `stamps` is every state that it has read or refused, by id.
    """

    articles: list[RawArticle] = field(default_factory=list)
    garbage: list[Quarantined] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    stamps: dict[str, str] = field(default_factory=dict)


class WordPressStore:
    """An opened site. Reads only; needs no login where the REST API is open, as WordPress leaves it."""

    def __init__(self, name: str, rest: Rest, types: Sequence[str], manners: Manners) -> None:
        """Take the store's name in the config, the site's REST API, and the types of posts to be read."""
        self._name = name
        self._rest = rest
        self._types = tuple(types)
        self.manners = manners
        self._sight: Sight = ()
        self._looked = EPOCH
        self._presence: Presence | None = None
        self._calm: Calm | None = None
        self._spoken = ""
        self._wait: timedelta | None = None

    def changes(self, cursor: str | None) -> Batch:
        """Walk on from `cursor` until enough articles are read or the round of passes is over.

        Where the last round brought us here and the site looks as it did, one more small question is all.
        """
        with self._politely():
            # Put back only where everything goes well.
            calm, self._calm = self._calm, None
            at = Cursor.parse(cursor)
            left = tuple(route for route in at.left if route in self._types)
            if not left:
                self._look()
                left = self._types
                if calm and (calm.cursor, calm.sight) == (cursor, self._sight):
                    batch = self._idle(at, calm)
                    if batch is not None:
                        return batch
            return self._walk(replace(at, left=left))

    def census(self, ids: Sequence[str] | None) -> Census:
        """Ask which of `ids` are public and unprotected, a hundred to a request; while all is calm, every other time.

        What was missed is asked for each time: no answer is taken for two.
        """
        with self._politely():
            if ids is None:
                return self._whole_census()
            sure = self._vouched() & frozenset(ids)
            left = [int(one) for one in ids if one.isdecimal() and one not in sure]
            public, unsure = self._present(left)
            present = sure | public
            self._presence = None if sure else Presence(present, self._sight, self._looked)
        return Census(present, covers=frozenset(ids) - unsure)

    def _whole_census(self) -> Census:
        """Read all lists. Where one shows fewer posts than it counts, nothing is missed for that."""
        present: frozenset[str] = frozenset()
        whole = True
        for route in self._types:
            shown, total = self._rest.shown(route, {"_fields": rows.STAMP_FIELDS})
            present |= _public(shown)
            whole = whole and len(shown) >= total
        return Census(present, covers=None if whole else present)

    def _present(self, ids: Iterable[int]) -> tuple[frozenset[str], frozenset[str]]:
        """Which of `ids` are public now; and which are not there only by an answer from before the last look.

        Such an answer is a cache's, of a time in which they were gone: they may have come back since.
        """
        found: list[Row] = []
        wanted, unsure = set(ids), set[int]()
        for route in self._types:
            for few, answer in self._rest.asked_for(route, rows.STAMP_FIELDS, wanted):
                found += answer.rows
                unsure |= set(few) if self._looked - answer.now > STALE else set()
            wanted -= {row_id(row) for row in found}
        return _public(found), frozenset(str(one) for one in unsure & wanted)

    def _vouched(self) -> frozenset[str]:
        return self._presence.vouches(self._sight, self._looked) if self._presence and self._calm else frozenset()

    def close(self) -> None:
        """Let go of nothing: every request has its own connection."""

    @contextmanager
    def _politely(self) -> Iterator[None]:
        """Ask nothing while the site is to be left alone, and note how it answers."""
        self.manners.ready()
        self._wait = None
        try:
            yield
        except StoreError as error:
            self.manners.failed(error.wait if isinstance(error, BusyError) else None, str(error))
            raise
        self.manners.answered()
        if self._wait:
            self.manners.failed(self._wait)

    def _look(self) -> None:
        """See what the site looks like, and what its clock says."""
        answers = [self._rest.latest(route, rows.STAMP_FIELDS, LOOKED_AT) for route in self._types]
        self._sight, self._looked = sight(answers), answers[-1].now

    def _idle(self, at: Cursor, calm: Calm) -> Batch | None:
        """Ask what is due while nothing seems to happen; None where that shows that something did."""
        due = calm.due(self._looked)
        if "posts" in due:
            route = self._types[calm.round.type]
            step = self._step(route, replace(at.place(route), leg=calm.round.leg, walked=calm.round.walked))
            if not is_known(at, route, calm.round, step):
                return None
            calm = replace(calm, round=calm.round.after(step, len(self._types)))
        categories, taxonomy = self._categories(at.taxonomy) if "categories" in due else (None, at.taxonomy)
        news = comments.News(seen=at.comments)
        if "comments" in due:
            news = self._comments(at.comments, again=True)
        told = replace(at, taxonomy=taxonomy, comments=news.seen)
        cursor = calm.cursor if told == at else str(told)
        self._calm = calm.after(due, self._looked, cursor)
        return Batch((), cursor, categories=categories, comments=news.comments, comments_gone=news.gone)

    def _walk(self, at: Cursor) -> Batch:
        """Walk on through the types that are left."""
        haul = _Haul()
        while at.left and len(haul.articles) < BATCH:
            route = at.left[0]
            place, over = self._walk_on(route, at.place(route), haul)
            at = replace(at.at(route, place), left=at.left[1:] if over else at.left)
        # Asked after the posts, so that no post is in a category unheard of.
        categories, taxonomy = self._categories(at.taxonomy)
        # And these last: readers speak about posts that are told.
        news = comments.News(seen=at.comments) if at.left else self._comments(at.comments)
        types = {route: place for route, place in at.types.items() if route in self._types}
        at = replace(at, types=types, taxonomy=taxonomy, comments=news.seen)
        if self._sight and at.rests and is_read(at, self._types, self._sight):
            self._calm = Calm(str(at), self._sight, dict.fromkeys(TURNS, self._looked))
        return Batch(
            articles=tuple(sorted(haul.articles, key=lambda one: (one.updated, int(one.id)))),
            cursor=str(at),
            more=bool(at.left),
            gone=tuple(haul.gone),
            categories=categories,
            garbage=tuple(haul.garbage),
            comments=news.comments,
            comments_gone=news.gone,
        )

    def _walk_on(self, route: str, place: Place, haul: _Haul) -> tuple[Place, bool]:
        step = self._step(route, place)
        unread = [row for row in step.rows if place.unread(row)]
        changed = [row for row in unread if haul.stamps.get(str(row_id(row))) != rows.stamp(row)]
        stamps = self._read(route, changed, haul, step.now)
        haul.stamps |= stamps
        return place.past(step).saw(stamps, step.now).onward(walk_is_over=step.last)

    def _step(self, route: str, place: Place) -> Step:
        if place.leg == "modified":
            return self._rest.modified(route, rows.STAMP_FIELDS, place.since, place.mark)
        restriction = {"after": place.since + "Z"} if place.leg == "published" else {}
        return self._rest.step(route, {**restriction, "_fields": rows.STAMP_FIELDS}, place.mark)

    def _some(self, fields: str, ids: Iterable[int]) -> Iterator[Row]:
        """Read those of `ids` that are public now, of whatever type: each number is given once."""
        wanted = set(ids)
        for route in self._types:
            for row in self._rest.some(route, fields, wanted):
                yield row
                wanted.discard(row_id(row))

    def _read(self, route: str, changed: Sequence[Row], haul: _Haul, now: datetime) -> dict[str, str]:
        """Read changed posts whole into the haul, and tell their stamps."""
        stamps = {str(row_id(row)): rows.stamp(row) for row in changed}
        public = [row for row in changed if rows.is_public(row)]
        posts = [row for row in self._whole(route, public, now) if rows.is_public(row)]
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

    def _whole(self, route: str, listed: Iterable[Row], now: datetime) -> Iterator[Row]:
        """Read recent posts one by one.

        In one answer WordPress renders a post otherwise than alone (numbered ids, paragraphs around shortcodes);
        of posts that will be read again, that would look like an edit.
        """
        recent: dict[bool, list[int]] = {True: [], False: []}
        for row in listed:
            recent[is_recent(rows.stamp(row), now)].append(row_id(row))
        fields = rows.OLD_POST_FIELDS if self._rest.old else rows.POST_FIELDS
        yield from self._rest.some(route, fields, recent[False], TOGETHER)
        yield from self._rest.some(route, fields, recent[True], at_once=1)

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
        digest = rows.digest(terms)
        return (None if digest == told else terms), digest

    def _comments(self, seen: Mapping[str, str], *, again: bool = False) -> comments.News:
        """Look at the newest comments. Where a site does not show them, or fails to, there are none: posts go on.

        `again`: nothing happened to the posts, so that the same comments are no news.
        """
        try:
            found, whole = self._newest_comments(seen)
            spoken = rows.digest(found)
            if again and spoken == self._spoken:
                return comments.News(seen=seen)
            posts = {int(one.article) for one in comments.unseen(found, seen)}
            public = _public(self._some(rows.STAMP_FIELDS, posts))
        except StoreError as error:
            self._wait = error.wait if isinstance(error, BusyError) else None
            return comments.News(seen=seen)
        self._spoken = spoken
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


def _public(listed: Iterable[Row]) -> frozenset[str]:
    return frozenset(str(row_id(row)) for row in listed if rows.is_public(row))
