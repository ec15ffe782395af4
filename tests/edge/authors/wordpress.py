"""Somebody who writes on a WordPress site; the site is a hand-written one on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from feedpub.http import Door
from feedpub.stores.base import Home
from feedpub.stores.manners import Manners
from feedpub.stores.wordpress import WordPressOptions
from feedpub.stores.wordpress.store import WordPressStore
from tests.edge.authors.author import Deed, Post
from tests.edge.wordpress_on_loopback import Post as Row
from tests.edge.wordpress_on_loopback import Site, on_loopback


class Options(WordPressOptions):
    """Those of the store; how long the site is left alone goes by the site's clock, as all in a test's world does."""

    clock: Callable[[], float]

    def open(self, door: Door, home: Home) -> WordPressStore:
        """Open it, with another clock."""
        store = super().open(door, home)
        store.manners = Manners(self.url, self.clock)
        return store


class WordPressAuthor:
    """An author of a site whose clock the test moves."""

    can: ClassVar[frozenset[Deed]] = frozenset(
        ("withdraw", "hide", "schedule", "rename", "move", "brief", "restamp", "double", "late")
    )

    def __init__(self, site: Site) -> None:
        """Take the site."""
        self.site = site
        self.options = Options(
            name="blog",
            url=site.url,
            allow_private=True,
            timeout=timedelta(seconds=20),
            clock=lambda: self.now.timestamp(),  # noqa: PLW0108 - the clock as it will be then
        )

    @property
    def now(self) -> datetime:
        """The site's clock."""
        return self.site.clock

    @now.setter
    def now(self, now: datetime) -> None:
        self.site.clock = now
        for post in self.site.posts.values():
            if post.status == "future" and post.date <= now:
                post.status = "publish"  # and `modified` stays what it was

    def write(self, *posts: Post) -> None:
        """Write posts. WordPress dates a new one as modified when it was published, however long ago."""
        for post in posts:
            number, known = int(post.id), self.site.posts.get(int(post.id))
            said = {"title": post.title, "content": post.content, "date": post.published}
            row = known or Row(number, post.published, post.published)
            for name, value in said.items():
                setattr(row, name, value)
            row.modified = self.now if known else min(post.published, self.now)
            row.status = "publish" if post.published <= self.now else "future"
            row.more = {"categories": [self._category(name) for name in post.categories]}
            row.password = ""
            self.site.posts[number] = row

    def withdraw(self, id_: str) -> None:
        """Move a post to the trash."""
        self.site.edit(int(id_), status="trash")

    def hide(self, id_: str) -> None:
        """Make a post private."""
        self.site.edit(int(id_), status="private")

    def rename(self, before: str, after: str) -> None:
        """Give a category another name; its slug stays."""
        self._row(before)["name"] = after

    def move(self, category: str, below: str) -> None:
        """Hang a category below another one."""
        self._row(category)["parent"] = self._category(below)

    def restamp(self) -> None:
        """Touch every post, as plugins do that save them all anew."""
        for number in self.site.posts:
            self.site.edit(number)

    def double(self, id_: str) -> None:
        """Have the lists name a post twice, as a plugin's careless join does."""
        self.site.twice.add(int(id_))

    def write_late(self, post: Post) -> Callable[[], None]:
        """Write a post that nobody sees until what is returned is called: a copy of the database lags behind."""
        self.write(post)
        row = self.site.posts.pop(int(post.id))
        return lambda: self.site.posts.update({row.id: row})

    def spoil(self) -> None:
        """Put a post there whose title a plugin broke."""
        number = max(self.site.posts, default=0) + 1
        self.site.publish(number, more={"title": False})

    def fall(self) -> None:
        """Let the site hang up on everybody."""
        self.site.down = True

    def rise(self) -> None:
        """Let it answer again."""
        self.site.down = False

    def _category(self, name: str) -> int:
        terms = self.site.terms["categories"]
        known = {str(one["name"]): int(str(one["id"])) for one in terms}
        if name not in known:
            known[name] = len(terms) + 1
            terms.append({"id": known[name], "name": name, "slug": f"category-{known[name]}", "parent": 0})
        return known[name]

    def _row(self, name: str) -> dict[str, object]:
        (row,) = [one for one in self.site.terms["categories"] if one["name"] == name]
        return row


@contextmanager
def opened(folder: Path) -> Iterator[WordPressAuthor]:
    """Open a site with nothing in it yet."""
    with on_loopback(Site()) as site:
        yield WordPressAuthor(site)
