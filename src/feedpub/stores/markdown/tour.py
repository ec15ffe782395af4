"""what is known of a folder + what is seen of it now -> batches of what changed, and what is known after. One tour.

A file is opened where its mark is another than when it was read. One that is missing is believed to be gone at the
second look that misses it: until then it may come back, or be found under another name.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from feedpub.errors import StoreError
from feedpub.model import Batch, Category, Quarantined, RawArticle
from feedpub.stores.markdown import reading
from feedpub.stores.markdown.folder import Folder, Sight
from feedpub.stores.markdown.front_matter import Fault
from feedpub.stores.markdown.manifest import Entry, Found, Manifest, free, renamed
from feedpub.stores.markdown.reading import Reading, Rules, digest, legible
from feedpub.stores.taxonomy import Taxonomy

BATCH = 500
"""Articles in one answer of `changes`, at most."""
_HEAVY = 16_000_000
"""Characters of articles in one answer, about."""


@dataclass(slots=True)
class _Haul:
    """What is to be told next."""

    articles: list[RawArticle] = field(default_factory=list)
    garbage: list[Quarantined] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    weight: int = 0

    @property
    def full(self) -> bool:
        return max(len(self.articles), len(self.garbage)) >= BATCH or self.weight > _HEAVY


class Tour:
    """One tour through a folder. `now` is in nanoseconds."""

    def __init__(
        self, store: str, folder: Folder, rules: Rules, known: Manifest, seen: Mapping[str, Sight], now: int
    ) -> None:
        """Take what is known and what is seen; nothing is opened yet."""
        self._folder = folder
        self._rules = rules
        self._known = known
        self._seen = seen
        self._now = now
        self._all = known.again or not known.form
        self._files = {path: one for path, one in known.files.items() if path in seen}
        self._absent = [one for path, one in known.files.items() if path not in seen]
        self._graves = dict(known.graves)
        self._taxonomy = Taxonomy.kept(store, known.categories)
        self._kept = None if self._all else known.categories
        self._owners: dict[str, str] = {}
        for path, one in self._files.items():
            if one.told:
                self._owners.setdefault(one.id, path)
        self._taken = {one.id for one in known.files.values()} | set(known.graves.values())
        self._haul = _Haul()

    def batches(self, form: str) -> Generator[Batch]:
        """Read what may have changed, and tell it; the cursor of the last batch is what is known after the tour."""
        if len(self._absent) > 1 and not self._seen:
            raise StoreError(
                f"{self._folder.path}: all {len(self._absent)} files are gone, and an empty folder is not believed; "
                "mount the disk it is on, finish what copies files there, or correct path"
            )
        moved = self._moved()
        for path in self._to_read():
            self._read(path, self._files.get(path) or moved.get(path))
            if self._haul.full:
                yield replace(self._batch(), cursor=str(self._so_far(moved)))
        left = {one.path for one in moved.values()}
        self._miss([one for one in self._absent if one.path not in left])
        self._expire()
        last = self._batch(more=False)
        after = Manifest(form, self._sorted(), self._graves, self._taxonomy.keep())
        yield replace(last, cursor=str(after))

    def _so_far(self, moved: Mapping[str, Entry]) -> Manifest:
        """What was told is known at once: if the tour ends here, files may be renamed or gone when the next begins."""
        left = {one.path for path, one in moved.items() if path in self._files}
        absent = {one.path: one for one in self._absent if one.path not in left}
        return replace(
            self._known, files=self._sorted() | absent, graves=self._graves, categories=self._taxonomy.keep()
        )

    def _to_read(self) -> list[str]:
        """The files that are new, or have another mark, the oldest first; and, with any of them, rivals for an id."""
        unsure = {path for path, one in self._files.items() if one.double}
        paths = [path for path, sight in self._seen.items() if self._all or self._mark(path) != sight.mark]
        if paths or self._absent:
            paths = list({*paths, *unsure})
        return sorted(paths, key=lambda path: (self._seen[path].time, path))

    def _mark(self, path: str) -> str:
        return self._files[path].mark if path in self._files else ""

    def _moved(self) -> dict[str, Entry]:
        """New files that are ones that vanished. Contents are looked at only for this, and only if any did."""
        if not self._absent:
            return {}
        found = {path: one for path in self._seen if path not in self._files and (one := self._glimpse(path))}
        return renamed(self._absent, found)

    def _glimpse(self, path: str) -> Found | None:
        try:
            data = self._folder.content(path)
            if data is None:
                return None
            one = reading.read(path, data, self._rules)
        except Fault:
            return None
        return Found(digest(data), one.said, one.marks)

    # ------------------------------------------------------------ one file

    def _read(self, path: str, before: Entry | None) -> None:
        sight = self._seen[path]
        try:
            data = self._folder.content(path)
            if data is None or (not data and sight.fresh):
                return  # taken away since, or just being written: the next tour sees
            name = digest(data)
            if before and before.path == path and name == before.digest and not (self._all or before.double):
                self._files[path] = replace(before, mark=self._settled(sight), missing=False)
                return
            told = reading.read(path, data, self._rules)
        except Fault as fault:
            self._refuse(path, before, f"{path}:{fault.line}: {fault.reason}")
            return
        self._keep(path, before, told, name)

    def _settled(self, sight: Sight) -> str:
        return "" if sight.fresh else sight.mark

    def _refuse(self, path: str, before: Entry | None, reason: str) -> None:
        """Keep a file out that cannot be read. What was public stays so, as it was."""
        if before is not None and before.double:
            self._haul.gone.append(_aside(before.path))
            before = None  # the id that it had is another's
        one = before or Entry(path, "", "", self._id(path, before, ""))
        self._files[path] = replace(one, path=path, mark=self._settled(self._seen[path]), digest="", missing=False)
        self._taken.add(one.id)
        self._haul.garbage.append(Quarantined(legible(one.id), reason))

    def _keep(self, path: str, before: Entry | None, told: Reading, name: str) -> None:
        key = self._id(path, before, told.said)
        edited = before is not None and before.told and before.digest != name
        one = Entry(
            path,
            self._settled(self._seen[path]),
            name,
            key,
            said=bool(told.said) and key == told.said,
            edited=self._written(path) if edited else before.edited if before else 0,
            until=told.until,
            marks=told.marks,
        )
        expired = 0 < told.until * 10**9 <= self._now
        public = told.named is not None and not expired
        rival = self._owners.get(key, path) if public else path
        if before is not None:
            self._end_reason(before, path if rival != path else "", key if public and rival == path else "")
        if before is not None and before.told and not (public and before.id == key):
            self._let_go(before)
        if rival != path:
            one = self._rival(one, before, rival)
        elif public:
            self._tell(one, told)
            one = replace(one, told=True)
            self._owners[key] = path
        self._files[path] = one
        self._taken.add(key)

    def _end_reason(self, before: Entry, rival: str, told: str) -> None:
        """Tell that what a file was kept out under is no more, unless it is so again: as a `rival`, or `told` now."""
        if before.double and before.path != rival:
            self._haul.gone.append(_aside(before.path))
        refused = not (before.double or before.digest or before.told)
        if refused and before.id != told and before.id not in self._owners:
            self._haul.gone.append(legible(before.id))

    def _rival(self, one: Entry, before: Entry | None, owner: str) -> Entry:
        """Keep a file out whose id is another's: told once, and looked at once more, in case that one changes too."""
        known = before is not None and before.double and (before.path, before.digest) == (one.path, one.digest)
        if known and not self._all:
            return replace(one, double=True)
        reason = f'{one.path}: its id "{one.id}" is that of {owner}: give it one of its own'
        self._haul.garbage.append(Quarantined(_aside(one.path), reason))
        return replace(one, double=True, mark="")

    def _id(self, path: str, before: Entry | None, said: str) -> str:
        """The id it has; one that its author gives later does not make it another article, one that he changes does."""
        if before is None or before.double:
            return said or self._graves.pop(path, "") or free(path, self._taken)
        never_read = not (before.told or before.digest)
        return said if said and (before.said or never_read) else before.id

    def _written(self, path: str) -> int:
        return min(self._seen[path].time, self._now) // 10**9

    def _tell(self, one: Entry, told: Reading) -> None:
        if told.named is None:
            return
        article = self._taxonomy.filed(told.named)
        updated = article.updated or (_iso(one.edited) if one.edited else "")
        self._haul.articles.append(replace(reading.with_id(article, one.id), updated=updated))
        self._haul.weight += len(article.content)

    def _let_go(self, before: Entry) -> None:
        """Tell that an article is public no more, unless another file has its id."""
        if self._owners.get(before.id, before.path) == before.path:
            self._owners.pop(before.id, None)
            self._haul.gone.append(legible(before.id))

    # ------------------------------------------------------------ after all files

    def _miss(self, absent: list[Entry]) -> None:
        """Believe of what was missing before that it is gone; remember of the rest that it is missing."""
        for one in absent:
            if not one.missing:
                self._files[one.path] = replace(one, missing=True)
                continue
            if one.double:
                self._haul.gone.append(_aside(one.path))
            elif (one.told or not one.digest) and one.id not in self._owners:
                self._haul.gone.append(legible(one.id))
            if one.id != one.path and not one.said:
                self._graves[one.path] = one.id

    def _expire(self) -> None:
        for path, one in self._files.items():
            if one.told and not one.missing and 0 < one.until * 10**9 <= self._now:
                self._files[path] = replace(one, told=False)
                self._haul.gone.append(legible(one.id))
            elif one.missing and path in self._seen:
                self._files[path] = replace(one, missing=False)

    def _sorted(self) -> dict[str, Entry]:
        return {path: self._files[path] for path in sorted(self._files)}

    def _batch(self, *, more: bool = True) -> Batch:
        haul, self._haul = self._haul, _Haul()
        return Batch(
            articles=tuple(haul.articles),
            cursor="",
            more=more,
            gone=tuple(haul.gone),
            categories=self._categories(),
            garbage=tuple(haul.garbage),
        )

    def _categories(self) -> tuple[Category, ...] | None:
        """The whole taxonomy, where it is another than was told."""
        kept = self._taxonomy.keep()
        if kept == self._kept:
            return None
        self._kept = kept
        return tuple(self._taxonomy.by_key.values())


def _aside(path: str) -> str:
    """Whom it is about that a file is kept out for its id: in brackets, as its path may be the id of an article."""
    return f"({legible(path)})"


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
