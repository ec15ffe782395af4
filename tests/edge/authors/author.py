"""What can happen where articles are written, as every store's contract tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from feedpub.stores.base import StoreOptions

Deed = Literal[
    "withdraw",  # take an article away for good
    "hide",  # make it private, a draft, or lock it with a password
    "schedule",  # date it into the future, and have it shown only from then on
    "rename",  # give a category another name
    "move",  # hang a category below another one
    "brief",  # write without a title
    "restamp",  # touch every `updated`, and nothing else
    "double",  # have one id twice
    "late",  # commit a row after others that were written later
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Post:
    """An article as its author means it. `id` is a number, as text; `categories` are names."""

    id: str
    published: datetime
    title: str = ""
    content: str = "<p>本文</p>"
    categories: tuple[str, ...] = ("日本関連",)


class Author(Protocol):
    """Somebody who writes where a store reads. Each method is one thing that happens there, at the time `now`.

    `can` names what can happen in this kind of store; nothing else is asked of its author.
    """

    can: ClassVar[frozenset[Deed]]
    now: datetime
    """The clock of the place, set by the author and moved by the test. Whatever is written is stamped with it."""

    @property
    def options(self) -> StoreOptions:
        """How feedpub is pointed at the place; named `blog`."""

    def write(self, *posts: Post) -> None:
        """Write articles, or write them anew."""

    def withdraw(self, id_: str) -> None:
        """Take an article away."""

    def hide(self, id_: str) -> None:
        """Keep an article from readers; `write` shows it again."""

    def rename(self, before: str, after: str) -> None:
        """Give a category another name."""

    def move(self, category: str, below: str) -> None:
        """Hang a category below another one."""

    def restamp(self) -> None:
        """Touch every article's `updated`, and nothing else."""

    def double(self, id_: str) -> None:
        """Have an article there twice under its one id, both times saying the same."""

    def write_late(self, post: Post) -> Callable[[], None]:
        """Write an article, stamped now, that others see only when what is returned is called; they go on writing."""

    def spoil(self) -> None:
        """Put something there that is no article, such as a row full of rubbish; it has an id of its own, or none."""

    def fall(self) -> None:
        """Be unreachable, until `rise`."""

    def rise(self) -> None:
        """Be as before `fall`."""
