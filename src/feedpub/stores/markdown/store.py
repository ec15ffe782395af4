"""[stores.NAME] kind = "markdown": a folder. A cursor -> what changed in it since, by the marks of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from feedpub.errors import StoreError
from feedpub.model import Batch, Census
from feedpub.stores.base import Home, StoreOptions
from feedpub.stores.markdown import checkout, permalinks
from feedpub.stores.markdown.folder import Folder
from feedpub.stores.markdown.manifest import Manifest
from feedpub.stores.markdown.reading import PERMALINK, Rules
from feedpub.stores.markdown.tour import Tour
from feedpub.stores.passes import Passes, beginning_at

if TYPE_CHECKING:
    from feedpub.http import Door

READING = 1
"""Raised when a file would be read as another article than before: all are then read once more."""
PATIENCE = 600
"""Seconds for which git may be at work before somebody should look."""


class MarkdownOptions(StoreOptions):
    """[stores.NAME] with `kind = "markdown"`."""

    kind: Literal["markdown"] = "markdown"
    path: str = Field(min_length=1, description="the folder of Markdown and HTML files", examples=["/srv/site/content"])
    permalink: str = Field(default=PERMALINK, description="how the generator makes addresses, such as /:year/:slug/")
    url: str = Field(default="", description="the address that permalinks begin at, if not the site's")
    include: tuple[str, ...] = Field(default=(), description="patterns of paths; only these are articles")
    exclude: tuple[str, ...] = Field(default=(), description="patterns of paths; these are no articles")

    @field_validator("permalink")
    @classmethod
    def _known_words(cls, permalink: str) -> str:
        if strange := permalinks.unknown(permalink):
            known = ", ".join((*permalinks.STYLES, *permalinks.known()))
            raise ValueError(f'":{strange[0]}" means nothing here; write one of {known}')
        return permalink

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("an absolute address is needed, such as https://example.com/")
        return url if url.endswith("/") or not url else url + "/"

    @property
    def names_everything(self) -> bool:
        """It knows of every file that it has read, and sees which are gone."""
        return True

    def open(self, door: Door, home: Home) -> MarkdownStore:  # noqa: ARG002 - it goes nowhere
        """Nothing is read before the first question."""
        folder = Folder(Path(self.path), self.include, self.exclude)
        return MarkdownStore(self.name, folder, Rules(home.zone, self.permalink, self.url))


class MarkdownStore:
    """An opened folder. It reads, and never writes."""

    def __init__(self, name: str, folder: Folder, rules: Rules, clock: Callable[[], int] = time_ns) -> None:
        """Take the store's name, its folder, how its files are read, and the clock that files are dated by."""
        self._name = name
        self.clock = clock
        self._folder = folder
        self._rules = rules
        facts = (READING, rules.permalink, rules.home, str(rules.zone))
        self._form = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
        self._known: tuple[str, Manifest] = ("", Manifest())
        self._passes = Passes(self._walk)

    def changes(self, cursor: str | None) -> Batch:
        """What changed since `cursor`, at most `tour.BATCH` articles; raises StoreError.

        Asked from the beginning once more, it tells everything under the ids that it knows: those of files that were
        renamed stand nowhere else.
        """
        if cursor is None and self._known[0]:
            cursor = beginning_at(str(self._known[1].reread()))
        return self._passes.next(cursor)

    def census(self, ids: Sequence[str] | None) -> Census:
        """Which of `ids` (None: of all) were public at the last look; before the first, nothing is said."""
        place, known = self._known
        if not place:
            return Census(frozenset(), covers=frozenset())
        present = frozenset(one.id for one in known.files.values() if one.told)
        return Census(present, covers=None if ids is None else frozenset(ids))

    def close(self) -> None:
        """Break off what is being read."""
        self._passes.close()

    def _walk(self, place: str) -> Generator[Batch]:
        known = self._recall(place)
        now, before = self.clock(), checkout.look(self._folder.path.absolute())
        seen = self._folder.look(now)
        after = checkout.look(self._folder.path.absolute())
        if after.busy or after != before:
            self._wait(after, known, now)
            yield Batch((), cursor=place)
            return
        if known.form != self._form:
            known = known.reread()
        last = Batch((), "")
        for last in Tour(self._name, self._folder, self._rules, known, seen, now).batches(self._form):
            if last.more:
                yield last
        self._recall(last.cursor)
        yield last

    def _wait(self, seen: checkout.Seen, known: Manifest, now: int) -> None:
        """No news for a while is as good an answer, but to whoever asks for everything; raises StoreError."""
        if not known.form or known.again or now / 10**9 - seen.since > PATIENCE:
            what = seen.busy or "git has just changed it"
            raise StoreError(f"{self._folder.path}: {what}; let it finish, or undo it: it is read at the next poll")

    def _recall(self, place: str) -> Manifest:
        if place != self._known[0]:
            self._known = (place, Manifest.parse(place))
        return self._known[1]
