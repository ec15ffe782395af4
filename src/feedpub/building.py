"""The second half of publishing: feeds that a change touched -> their files, their archives, the pages about them.

Every entry is rendered once per version and spliced into each feed that carries it. What could not be written is
told, and tried again at the next build.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from feedpub.errors import GateError, OutputError, place
from feedpub.feeds.catalog import FeedsOptions, FeedSpec, Taxonomy, catalog, digest, moved, slugs
from feedpub.feeds.comments import comment_entry
from feedpub.feeds.entries import Entry, Fragment, Look
from feedpub.feeds.freshness import LONGEST
from feedpub.feeds.gate import parse_file
from feedpub.feeds.headers import Said, caddy_headers, nginx_headers
from feedpub.feeds.moves import Signposts, caddy_rules, nginx_rules
from feedpub.feeds.opml import opml
from feedpub.feeds.pages import Headline, brief_page, index_page, stylesheet
from feedpub.feeds.render import Unfit, document, fitting, render_entries, sure_to_fit, too_long
from feedpub.feeds.rss_atom import Around, newest
from feedpub.feeds.wordpress import caddy_wordpress, nginx_wordpress
from feedpub.ledger import Ledger
from feedpub.ledger.feeds import Dirty, FeedRow
from feedpub.ledger.fragments import Fresh
from feedpub.ledger.parts import Part, part_address
from feedpub.ledger.selecting import EntryRef
from feedpub.model import Article, FeedFile, Site, Target
from feedpub.outputs.disk import DiskOutput
from feedpub.terms import AUTHOR, TAG

log = structlog.get_logger("feedpub")

HEADLINES = 3
"""As many of a feed's newest as its page shows."""
PARTS_A_ROUND = 100
"""Parts that one round of the background writes."""
PARTS_A_POLL = 8
"""Parts that a poll writes: those that a correction or two touched."""
FRAMES = 10_000
"""Frames of documents remembered, some kB each."""
PAGES = 100_000
"""Articles whose pages are remembered as written, some bytes each."""
AT_ONCE = 2
"""Parts sealed in one build that are written before the feed that leads to them; more are left to the background."""
TOGETHER = 8
"""Parts of the background that are written as one set: the disk takes hardly longer for them than for one."""


@dataclass(slots=True)
class Built:
    """What a build did, and why something could not be done."""

    feeds: int = 0
    files: int = 0
    parts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the config in force asks of feeds. `hubs`: the WebSub hubs of a feed, by its address."""

    site: Site
    options: FeedsOptions
    hubs: Callable[[str], tuple[str, ...]]
    fresh: timedelta = LONGEST
    """How long a feed may be kept before it is asked for again."""


class Builder:
    """Keeps the files below the output directory true to the ledger. One build at a time, whoever asks.

    Archives are written while nobody else wants to build: they give way after each few parts.
    """

    def __init__(self, ledger: Ledger, plan: Plan, now: Callable[[], datetime]) -> None:
        """Work for a plan."""
        self.error = ""
        """Why the last build could not do all of its work; empty if it could."""
        self._ledger = ledger
        self._now = now
        self._take(plan)
        self._pages_stale = True
        # feedgen and the output directory know only one builder at a time.
        self._lock = _Turn()
        self._stopped = False
        self._unsynced = False
        self._signposts = Signposts()
        self._last_look = Look(plan.site, plan.options)
        self._synced: dict[str, FeedSpec] = {}
        self._thorough = False
        self._noted: bool | None = None

    def _take(self, plan: Plan) -> None:
        self._plan = plan
        self._output = DiskOutput(Path(plan.options.output), plan.options.compress)
        # By key and version, the articles that have the page they need: no document writes it again.
        self._paged: dict[int, int] = {}

    # ------------------------------------------------------------ which feeds there are

    def apply(self, plan: Plan) -> None:
        """Take on a plan; files that somebody deleted are built again."""
        with self._lock:
            self._take(plan)
            self.sync(missing_too=True)

    def follow(self, plan: Plan) -> None:
        """Take on a plan beside a leader, who builds: see which feeds there are, and write nothing."""
        with self._lock:
            self._take(plan)
            specs = self.specs()
            self._synced = {spec.address: spec for spec in specs}
            self._post(specs)

    def sync(self, *, missing_too: bool = False) -> None:
        """Make the ledger's feeds those that should exist; `missing_too`: have files that are not there built again."""
        with self._lock:
            self._unsynced = True  # until it is done: a database that fails now is asked again at the next build
            specs = self.specs()
            rows = [self._row(spec) for spec in specs]
            self._ledger.feeds.sync(rows)
            self._synced = {spec.address: spec for spec in specs}
            self._post(specs)
            self._pages_stale, self._unsynced = True, False
            if missing_too:
                self._soil_missing(rows)

    def spec(self, address: str) -> FeedSpec | None:
        """The feed at an address, if there is one; as of the last look."""
        return self._synced.get(address)

    @property
    def signposts(self) -> Signposts:
        """Where feeds went, and which hubs announce those that stand; as of the last look."""
        return self._signposts

    def _post(self, specs: Sequence[FeedSpec]) -> None:
        hubs = {spec.address: found for spec in specs if (found := self._plan.hubs(spec.address))}
        moves = moved(self._plan.options, specs, self._ledger.feeds.names())
        self._signposts = Signposts(moves, hubs, slugs(specs, self._ledger.articles.categories()))

    def specs(self) -> tuple[FeedSpec, ...]:
        """Which feeds there are to be, by what the ledger knows now."""
        feeds, options = self._ledger.feeds, self._plan.options
        named = feeds.names()
        # Once there, it stays: a feed of comments may be empty, but its readers do not lose it.
        comments = any(name.live and name.address == "comments" for name in named) or feeds.has_comments()
        taxonomy = Taxonomy(
            self._ledger.articles.categories(),
            tags=feeds.labels(TAG) if options.tags else (),
            authors=feeds.labels(AUTHOR) if options.authors else (),
            comments=comments,
            named=named,
        )
        return catalog(options, self._plan.site, taxonomy)

    def _row(self, spec: FeedSpec) -> FeedRow:
        plan = self._plan
        facts = digest(spec, Look(plan.site, plan.options).digest, plan.site, plan.options, plan.hubs(spec.address))
        return FeedRow(
            spec.address,
            spec.kind,
            spec.wish,
            spec.owner,
            # Where files go is part of it: a directory used before may hold what was true then.
            f"{facts} {plan.options.output}",
            spec.sources,
            spec.skips,
            tuple(f"{spec.address}.{ending}" for ending in dict.fromkeys(plan.options.formats)),
            self._archived(spec),
        )

    def _archived(self, spec: FeedSpec) -> bool:
        return spec.archived and self._plan.options.archive > 0

    def _soil_missing(self, rows: Iterable[FeedRow]) -> None:
        counts = self._ledger.parts.counts()
        try:
            missing = [row.address for row in rows if self._output.missing(row.paths)]
            parts = [part for row in rows for part in self._missing_parts(row, counts.get(row.address, 0))]
        except OutputError:
            return  # the next build meets the same trouble, and tells it
        if missing:
            self._ledger.feeds.soil(missing)
        if parts:
            self._ledger.parts.soil(parts)

    def _missing_parts(self, row: FeedRow, count: int) -> list[tuple[str, int]]:
        files = {
            f"{part_address(row.address, number)}.{path.rpartition('.')[2]}": number
            for number in range(1, count + 1)
            for path in row.paths
        }
        return [(row.address, number) for number in {files[path] for path in self._output.missing(files)}]

    # ------------------------------------------------------------ building

    def stop(self) -> None:
        """Begin no more files: what is left is dirty, and is written after the next start."""
        self._stopped = True

    def build(self, targets: Mapping[str, Target]) -> Built:
        """Write every feed that a change touched, and the pages; then what waited for them falls due.

        A feed that cannot be written holds up only its own deliveries, and is tried again at the next build.
        """
        built = Built()
        with self._lock:
            for dirty in self._dirty():
                if not self._stopped and (spec := self.spec(dirty.address)) is not None:
                    with self._told(built, dirty.address):
                        self._feed(dirty, spec, targets, built)
            self._pages(built)
            self._clear(built)
            self.error = built.error
            self._ledger.feeds.free(targets, self._now())
            self._note()
        return built

    def _dirty(self) -> tuple[Dirty, ...]:
        """The feeds to be rebuilt; those that a change brought or took away are brought or taken away first."""
        # Read before the feeds there should be: what is in one of these is then in no feed that is not there yet.
        dirty = self._ledger.feeds.dirty()
        if not self._unsynced and (not dirty or self.specs() == tuple(self._synced.values())):
            return dirty
        self.sync()
        return self._ledger.feeds.dirty()

    def archive(self, limit: int) -> Built:
        """Write sealed parts that are not as they should be, at most so many: what can wait until feeds are out.

        Ends sooner if somebody else wants to build, or all is to stop.
        """
        built = Built()
        dirty = self._ledger.parts.dirty(limit)
        for start in range(0, len(dirty), TOGETHER):
            if self._stopped or self._lock.wanted:
                break
            with self._lock:
                self._archive_some(dirty[start : start + TOGETHER], built)
        self.error = self.error or built.error
        self._note()
        return built

    def _archive_some(self, dirty: Iterable[tuple[str, int]], built: Built) -> None:
        made: list[_MadePart] = []
        for feed, number in dirty:
            with self._told(built, part_address(feed, number)):
                made += self._part(feed, number)
        try:
            self._write_parts(made, built)
        except OutputError:
            for one in made:  # what cannot be written must not keep back the others
                with self._told(built, part_address(one.part.feed, one.part.number)):
                    self._write_parts([one], built)

    def _note(self) -> None:
        """Let commands beside us know whether all could be written."""
        if self._noted != bool(self.error):
            self._ledger.feeds.note_unwritten(self._now() if self.error else None)
            self._noted = bool(self.error)

    def rebuild(self, targets: Mapping[str, Target]) -> Built:
        """Render every feed and every archive again, and parse each file whole; the same bytes are not written."""
        with self._lock:
            self._thorough = True
            try:
                self._ledger.feeds.soil()
                self.sync()
                built = self.build(targets)
                while (more := self.archive(PARTS_A_ROUND)).parts:
                    built.parts += more.parts
                    built.files += more.files
                built.error = built.error or self.error
            finally:
                self._thorough = False
        return built

    def _look(self) -> Look:
        """Make the look of this build; the last one serves again while nothing of it changed."""
        names = {(one.store, one.key): one for one in self._ledger.articles.categories()}
        look = Look(self._plan.site, self._plan.options, names)
        if self._last_look != look or len(self._last_look.frames) > FRAMES:
            self._last_look = look
        return self._last_look

    def _feed(self, dirty: Dirty, spec: FeedSpec, targets: Mapping[str, Target], built: Built) -> None:
        """Write one feed: the newest articles, and all that no sealed part of its archive has."""
        look = self._look()
        made = self._comments(look) if spec.kind == "comments" else self._window(spec, look, built)
        hubs = self._plan.hubs(spec.address)
        around = Around(
            spec.address,
            updated=newest([*made.moments, *(when for _, when in made.tombstones)]),
            prev=part_address(spec.address, made.parts) if made.parts else "",
            hubs=hubs,
            tombstones=made.tombstones,
        )
        files = self._document(spec, look, around, made)
        pages = self._brief_pages([ref for ref in made.refs if self._paged.get(ref.key) != ref.seq])
        built.files += self._output.write([*files, *pages])
        if len(self._paged) > PAGES:
            self._paged.clear()
        self._paged |= {ref.key: ref.seq for ref in made.refs}
        latest = json.dumps([[one.title, one.url, one.published.isoformat()] for one in made.headlines])
        etag = hashlib.sha256(b"".join(file.content for file in files)).hexdigest()
        self._pages_stale |= self._ledger.feeds.published(
            spec.address, dirty.seq, targets, self._now(), etag=etag, latest=latest, fresh=made.fresh
        )
        built.feeds += 1

    def _part(self, feed: str, number: int) -> list[_MadePart]:
        """Render one sealed part of an archive; none if it is there no more."""
        spec, part = self.spec(feed), self._ledger.parts.part(feed, number)
        if spec is None or part is None:
            return []
        look = self._look()
        made = _Made.of(part.entries)
        self._fill(made, look)
        around = Around(
            part_address(feed, number),
            updated=newest(made.moments),
            current=feed,
            prev=part_address(feed, number - 1) if number > 1 else "",
            next=part_address(feed, number + 1) if number < part.of else "",
            archive=True,
        )
        pages = self._brief_pages(made.refs) if spec.kind == "briefs" else ()
        return [_MadePart(part, (*self._document(spec, look, around, made), *pages))]

    def _write_parts(self, made: Sequence[_MadePart], built: Built) -> None:
        built.files += self._output.write(file for one in made for file in one.files)
        self._ledger.parts.built([one.part for one in made])
        built.parts += len(made)

    # ------------------------------------------------------------ what a document is made of

    def _window(self, spec: FeedSpec, look: Look, built: Built) -> _Made:
        options = self._plan.options
        archived = self._archived(spec)
        if archived:
            self._seal(spec, built)
        window = self._ledger.feeds.window(spec.address, options.entries, archived=archived)
        made = _Made.of(window.entries)
        made.parts, made.tombstones = window.parts, window.tombstones
        self._fill(made, look, keep=True)
        must = [place for place, ref in enumerate(made.refs) if ref.key in window.unsealed]
        made.cut(fitting(made.fragments, options.formats, options.max_bytes, must))
        newest_three = self._ledger.feeds.bodies([ref.key for ref in made.refs[:HEADLINES]])
        made.headlines = tuple(
            _headline(newest_three[ref.key][0], look) for ref in made.refs[:HEADLINES] if ref.key in newest_three
        )
        return made

    def _seal(self, spec: FeedSpec, built: Built) -> None:
        """Close the parts that are full; the latest are written at once, as the feed is about to lead there."""
        size = min(self._plan.options.archive, sure_to_fit(self._plan.options.max_bytes))
        sealed = self._ledger.parts.seal(spec.address, size)
        if sealed:
            self._write_parts([one for number in sealed[-AT_ONCE:] for one in self._part(spec.address, number)], built)

    def _comments(self, look: Look) -> _Made:
        told = self._ledger.feeds.comments(self._plan.options.entries)
        entries = [comment_entry(said, about, look, parent_there=there) for said, about, there in told]
        made = _Made()
        for entry, fragment in zip(entries, render_entries(entries, look), strict=True):
            if isinstance(fragment, Fragment):
                made.refs.append(EntryRef(0, 0, entry.article.guid, entry.article.published, entry.article.updated))
                made.fragments.append(fragment)
        made.cut(fitting(made.fragments, self._plan.options.formats, self._plan.options.max_bytes))
        made.headlines = tuple(_headline(entry.article, look) for entry in entries[:HEADLINES])
        return made

    def _fill(self, made: _Made, look: Look, *, keep: bool = False) -> None:
        """Give each entry its fragment: one at hand, or rendered now. What cannot be rendered is kept out, and told.

        `keep`: what is rendered will be wanted after the next start too. The longest go without their bodies if the
        file would be too large.
        """
        have = self._ledger.fragments.get(made.refs, look.digest)
        missing = [ref for ref in made.refs if ref.key not in have]
        rendered, unfit = self._render(missing)
        self._judge([ref.key for ref in made.refs], unfit)
        fresh = tuple(Fresh(ref, look.digest, rendered[ref.key]) for ref in missing if ref.key in rendered)
        self._ledger.fragments.remember(fresh)  # the parts of other feeds that carry it are written next
        made.fresh = fresh if keep else ()
        have |= rendered
        made.refs = [ref for ref in made.refs if ref.key in have]
        made.fragments = [have[ref.key] for ref in made.refs]
        options = self._plan.options
        long = too_long(made.fragments, options.formats, options.max_bytes)
        shorter, _ = self._render([made.refs[place] for place in long], full=False)
        made.fragments = [shorter.get(ref.key, have[ref.key]) for ref in made.refs]

    def _render(self, refs: Sequence[EntryRef], *, full: bool = True) -> tuple[dict[int, Fragment], dict[int, Unfit]]:
        """Render what can be rendered; the others are returned with the reason."""
        if not refs:
            return {}, {}
        # Later than the versions: a category that is renamed in between gives its articles others.
        look, keys = self._look(), [ref.key for ref in refs]
        bodies = self._ledger.feeds.bodies(keys)
        there = [key for key in keys if key in bodies]
        results = render_entries([Entry(*bodies[key]) for key in there], look, full=full)
        judged = dict(zip(there, results, strict=True))
        return (
            {key: result for key, result in judged.items() if isinstance(result, Fragment)},
            {key: result for key, result in judged.items() if isinstance(result, Unfit)},
        )

    def _judge(self, keys: Sequence[int], unfit: Mapping[int, Unfit]) -> None:
        """Quarantine those that cannot be rendered, and tell; let in those that can be again."""
        known = self._ledger.feeds.unfit(keys)
        if not unfit and not known:
            return
        reasons = {key: one.reason for key, one in unfit.items()}
        self._ledger.feeds.judge(reasons, known - unfit.keys(), self._now())
        for key, (article, _) in self._ledger.feeds.bodies(sorted(unfit.keys() - known)).items():
            log.warning("quarantined", store=article.store, article=article.id, why=reasons[key])

    def _document(self, spec: FeedSpec, look: Look, around: Around, made: _Made) -> tuple[FeedFile, ...]:
        files = document(spec, look, around, made.fragments, [ref.guid for ref in made.refs])
        if self._thorough:
            for file in files:
                parse_file(file.path.rpartition(".")[2], file.content)
        return files

    def _brief_pages(self, refs: Sequence[EntryRef]) -> tuple[FeedFile, ...]:
        """Make the pages of the briefs among these: entries lead there, in whichever feed."""
        site, options = self._plan.site, self._plan.options
        bodies = self._ledger.feeds.bodies([ref.key for ref in refs])
        return tuple(brief_page(article, site, options) for article, _ in bodies.values() if article.brief)

    # ------------------------------------------------------------ pages

    def _pages(self, built: Built) -> None:
        """Write the pages that list the feeds, if those changed."""
        if not self._pages_stale:
            return
        site, options, specs = self._plan.site, self._plan.options, tuple(self._synced.values())
        latest = self._ledger.feeds.latest()
        feeds = [(spec, tuple(map(_told_headline, json.loads(latest.get(spec.address, "[]"))))) for spec in specs]
        with self._told(built, ""):
            for page in (stylesheet(), index_page(feeds, site, options), opml(specs, site, options)):
                self._output.write([page])
            self._output.write(self._rules(specs))
            self._pages_stale = False

    def _rules(self, specs: Sequence[FeedSpec]) -> tuple[FeedFile, ...]:
        """Make the files by which nginx and Caddy answer as our own server does."""
        posts, base_url = self._signposts, self._plan.options.base_url
        said = Said(base_url, {spec.address: self._plan.hubs(spec.address) for spec in specs}, self._plan.fresh)
        return (
            *(nginx_rules(posts.moved, base_url), caddy_rules(posts.moved, base_url)),
            *(nginx_headers(said), caddy_headers(said)),
            *(nginx_wordpress(posts.slugs), caddy_wordpress(posts.slugs)),
        )

    def _clear(self, built: Built) -> None:
        """Take away what nobody writes any more."""
        if paths := self._ledger.leftovers.paths():
            with self._told(built, ""):
                self._output.remove(paths)
                self._ledger.leftovers.taken_away(paths)

    @contextmanager
    def _told(self, built: Built, feed: str) -> Iterator[None]:
        """Tell what could not be written, and go on with the rest; `feed` is empty for the pages."""
        try:
            yield
        except (OutputError, GateError) as error:
            if feed:
                log.error("feed_not_written", feed=feed, why=str(error))
            else:
                log.error("pages_not_written", why=str(error))
            built.error = str(error)
        except (ValueError, TypeError, KeyError) as error:
            log.error("fault", what="render", feed=feed, error=type(error).__name__, at=place(error))
            built.error = f"{feed or 'the pages'} cannot be rendered: see the log, and please report it"


# ---------------------------------------------------------------- small things


class _Turn:
    """A lock that tells whether others wait for it. Python's own goes to whoever asks first: mostly to who had it."""

    def __init__(self) -> None:
        """Nobody has it."""
        self._lock = threading.RLock()
        self._counting = threading.Lock()
        self._waiting = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for it."""
        return self._waiting > 0

    def __enter__(self) -> None:
        with self._counting:
            self._waiting += 1
        self._lock.acquire()
        with self._counting:
            self._waiting -= 1

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@dataclass(slots=True)
class _Made:
    """A document in the making: its entries, and all that goes with them."""

    refs: list[EntryRef] = field(default_factory=list)
    fragments: list[Fragment] = field(default_factory=list)
    fresh: tuple[Fresh, ...] = ()
    tombstones: tuple[tuple[str, datetime], ...] = ()
    parts: int = 0
    headlines: tuple[Headline, ...] = ()

    @classmethod
    def of(cls, refs: Iterable[EntryRef]) -> _Made:
        """Begin with these entries."""
        return cls(list(refs))

    @property
    def moments(self) -> list[datetime]:
        """When its entries last changed."""
        return [ref.updated for ref in self.refs]

    def cut(self, places: Sequence[int]) -> None:
        """Leave out all entries but these."""
        self.refs = [self.refs[place] for place in places]
        self.fragments = [self.fragments[place] for place in places]


@dataclass(frozen=True, slots=True)
class _MadePart:
    """A part of an archive, and its files to be written."""

    part: Part
    files: tuple[FeedFile, ...]


def _headline(article: Article, look: Look) -> Headline:
    return Headline(article.title or article.summary[:100], look.url(article), article.published)


def _told_headline(said: Sequence[str]) -> Headline:
    return Headline(said[0], said[1], datetime.fromisoformat(said[2]))
