"""An author who writes Markdown files into a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from feedpub.stores import MarkdownOptions
from feedpub.stores.base import StoreOptions
from tests.edge.authors.author import Author, Deed, Post


@dataclass
class MarkdownAuthor:
    """Writes one file for each article; `above` says which category is hung below which."""

    can: ClassVar[frozenset[Deed]] = frozenset(
        {"withdraw", "hide", "schedule", "move", "brief", "restamp", "double", "late"}
    )

    folder: Path
    now: datetime = datetime(2026, 4, 28, tzinfo=UTC)
    posts: dict[str, Post] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)

    options: StoreOptions = field(init=False)

    def __post_init__(self) -> None:
        self.options = MarkdownOptions(name="blog", path=str(self.content), withdraw_limit=1_000_000)

    @property
    def content(self) -> Path:
        return self.folder / "content"

    def write(self, *posts: Post) -> None:
        for post in posts:
            self.posts[post.id] = post
            self._write(self._place(post.id), post)

    def withdraw(self, id_: str) -> None:
        del self.posts[id_]
        self._place(id_).unlink()

    def hide(self, id_: str) -> None:
        self._write(self._place(id_), self.posts[id_], draft=True)

    def rename(self, before: str, after: str) -> None:
        raise NotImplementedError("a category is its name here")

    def move(self, category: str, below: str) -> None:
        self.above[category] = below
        self.write(*(post for post in self.posts.values() if category in post.categories))

    def restamp(self) -> None:
        for post in self.posts.values():
            self._write(self._place(post.id), post)

    def double(self, id_: str) -> None:
        self._write(self.content / "copies" / f"{id_}.md", self.posts[id_])

    def write_late(self, post: Post) -> Callable[[], None]:
        self.posts[post.id] = post
        elsewhere = self.folder / "elsewhere" / f"{post.id}.md"
        self._write(elsewhere, post)

        def commit() -> None:
            elsewhere.rename(self._place(post.id))

        return commit

    def spoil(self) -> None:
        (self.content / "rubbish.md").write_bytes(b"---\ntitle: \xff\xfe\0\n: : [\n")

    def fall(self) -> None:
        self.content.rename(self.folder / "unmounted")

    def rise(self) -> None:
        (self.folder / "unmounted").rename(self.content)

    def _place(self, id_: str) -> Path:
        return self.content / "posts" / f"{id_}.md"

    def _write(self, place: Path, post: Post, *, draft: bool = False) -> None:
        facts = {
            "id": post.id,
            "title": post.title,
            "date": post.published.isoformat(),
            "lastmod": self.now.isoformat(),
            "categories": [[self.above[one], one] if one in self.above else one for one in post.categories],
            "draft": draft,
        }
        said = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items())
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"---\n{said}\n---\n{post.content}\n", encoding="utf-8")
        os.utime(place, (self.now.timestamp(), self.now.timestamp()))


@contextmanager
def opened(folder: Path) -> Iterator[Author]:
    """Give an author an empty folder."""
    author = MarkdownAuthor(folder)
    author.content.mkdir(parents=True)
    yield author
