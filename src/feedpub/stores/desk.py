"""The desk: an embedded store that no config names, made with the first `feedpub brief`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import ClassVar

from sqlalchemy import delete, select, update

from feedpub.categories import DESK, from_desk
from feedpub.model import Batch, Category, RawArticle
from feedpub.stores.embedded.file import StoreFile
from feedpub.stores.embedded.schema import article, article_category, category
from feedpub.stores.sql import SqlOptions, SqlStore


class DeskOptions(SqlOptions):
    """Where the desk's file lies. All that is in it was written to be announced."""

    had_readers: ClassVar[bool] = False

    name: str = DESK

    def embedded(self) -> Desk:
        """Nothing is opened before the first question."""
        return Desk(self.name, StoreFile(self.path))


class Desk(SqlStore):
    """The embedded store of briefs."""

    __slots__ = ()

    def changes(self, cursor: str | None) -> Batch:
        """What changed since `cursor`. Its briefs are in the categories of other stores, which tell of themselves."""
        return replace(SqlStore.changes(self, cursor), categories=None)

    def refile(self, before: str, after: str) -> None:
        """Have briefs that are filed in a store's categories follow it to another name; raises StoreError."""
        if not self.file.mark():
            return
        with self.writing() as writing:
            keys = {one.key: one for one in writing.categories() if one.key.startswith(f"{before}/")}
            renamed = {key: f"{after}/{key.partition('/')[2]}" for key in keys}
            writing.define([replace(one, key=renamed[key]) for key, one in keys.items()])
            for old, new in renamed.items():
                here = article_category.c.category == old
                writing.connection.execute(update(article_category).where(here).values(category=new))
                writing.connection.execute(delete(category).where(category.c.id == old))

    def write(self, raw: RawArticle, wish: str, filed: Iterable[Category]) -> RawArticle:
        """Keep a brief, by the id wished for or the next one free, in categories of other stores; raises StoreError."""
        copies = [Category(DESK, from_desk(one), one.name or from_desk(one), one.slug or one.key) for one in filed]
        with self.writing() as writing:
            taken = set(writing.connection.execute(select(article.c.id).where(article.c.id.startswith(wish))).scalars())
            ids = (f"{wish}-{number}" if number else wish for number in count())
            named = replace(raw, id=next(one for one in ids if one not in taken))
            writing.define(copies)
            writing.put([named])
        return named
