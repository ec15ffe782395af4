"""Each article once, whatever becomes of its store and of the machine: a Hypothesis state machine in virtual time.

The site is one; the stores that tell of it get other names and other kinds, are taken out and put back, skip tags and
no longer do; the database goes from one kind to the other, while the feedpub it came from may go on delivering; a copy
of it is put back by hand, long after it was made. Every step may be cut short by a crash at some commit.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from feedpub.commands.marking import Marking
from feedpub.feeds.catalog import FeedsOptions
from feedpub.ledger import Ledger
from feedpub.ledger.copying import copy_in, copy_out
from feedpub.ledger.database import Database
from feedpub.ledger.deliveries import Listed
from feedpub.ledger.importing import bring
from feedpub.model import Batch, Category, Census, RawArticle, State
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import MOVED, PUT_BACK, Cancelled, Released
from feedpub.pipeline import Publisher, Setup, Source
from feedpub.stores.base import StoreOptions
from tests.edge.moving import told, written_down
from tests.edge.newsroom import entries
from tests.edge.once import MEMORY, SITE, START, FusedDatabase
from tests.world import Board, Crash, FindBoard, KeyedBoard, World

OLD, NEWS = range(3), range(3, 10)
KINDS = ("list", "other", "shifted")
HIDDEN = frozenset({3, 7})
"""What the kind `other` does not tell of."""
SLUGS = ("us", "navy")
TAG = "nofeed"

FUSE = st.none() | st.tuples(st.integers(0, 12), st.booleans())
NUMBERS = st.lists(st.sampled_from([*OLD, *NEWS]), min_size=1, max_size=3, unique=True)
ACTS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "write": (8, {"numbers": NUMBERS}),
    "take_away": (3, {"number": st.sampled_from([*OLD, *NEWS])}),
    "tag": (2, {"number": st.sampled_from([*OLD, *NEWS])}),
    "skip_tags_or_not": (2, {"fuse": FUSE}),
    "work": (12, {"minutes": st.sampled_from([1, 3, 7, 90]), "fuse": FUSE}),
    "poll": (3, {"fuse": FUSE}),
    "rename": (3, {"fuse": FUSE}),
    "change_kind": (4, {"kind": st.sampled_from(KINDS), "renamed": st.booleans(), "fuse": FUSE}),
    "take_out_or_put_back": (2, {"fuse": FUSE}),
    "move_house": (2, {"goes_on": st.booleans(), "fuse": FUSE}),
    "old_one_delivers": (3, {}),
    "copy": (3, {}),
    "put_back": (3, {"fuse": FUSE}),
}
"""What may happen: a method of the machine, how often, and what it is called with."""


def acts() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    names = [name for name, (often, _) in ACTS.items() for _ in range(often)]
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(ACTS[name][1])))


def guid(number: int) -> str:
    return f"https://news.test/?p={number}"


# ---------------------------------------------------------------- the site


@dataclass
class Page:
    """An article of the site as it is now, and how often it went away."""

    published: str
    version: int = 1
    public: bool = True
    tagged: bool = False
    departures: int = 0


@dataclass
class Paper:
    """The site: its articles by number, and in which order they were touched."""

    pages: dict[int, Page] = field(default_factory=dict)
    log: list[int] = field(default_factory=list)


class Options(StoreOptions):
    """Of a store that tells of the site. Only one kind says what is gone."""

    @property
    def names_everything(self) -> bool:
        return self.kind == "list"


@dataclass
class View:
    """A store of some kind: its own ids, its own keys for categories, and perhaps not all articles."""

    rows_at_once: ClassVar[int] = 3

    paper: Paper
    name: str
    kind: str

    def id_of(self, number: int) -> str:
        return {"list": f"a{number}", "other": f"post-{number}", "shifted": f"post-{number + 1}"}[self.kind]

    def tells(self, number: int) -> bool:
        return self.paper.pages[number].public and not (self.kind == "other" and number in HIDDEN)

    def changes(self, cursor: str | None) -> Batch:
        kind, _, at = (cursor or f"{self.kind} 0").partition(" ")
        assert kind == self.kind, "a cursor that another kind of store gave"
        rows = self.paper.log[int(at) : int(at) + self.rows_at_once]
        numbers = list(dict.fromkeys(rows))
        told = [self._raw(number) for number in numbers if self.tells(number)]
        gone = [self.id_of(number) for number in numbers if not self.tells(number)] if self.kind == "list" else []
        end = int(at) + len(rows)
        return Batch(tuple(told), f"{kind} {end}", more=end < len(self.paper.log), gone=tuple(gone),
                     categories=self._categories() if cursor is None else None)  # fmt: skip

    def census(self, ids: Sequence[str] | None) -> Census:
        present = frozenset(self.id_of(number) for number in self.paper.pages if self.tells(number))
        return Census(present, None if ids is None else frozenset(ids))

    def close(self) -> None:
        """Nothing to let go of."""

    def _categories(self) -> tuple[Category, ...]:
        return tuple(Category(self.name, f"{self.kind}-{slug}", f"分類{slug}", slug) for slug in SLUGS)

    def _raw(self, number: int) -> RawArticle:
        page = self.paper.pages[number]
        return RawArticle(
            id=self.id_of(number),
            guid=guid(number),
            url=f"https://news.test/{number}",
            title=f"記事{number} 第{page.version}版",
            content=f"<p>{self.kind} {page.version}</p>",
            published=page.published,
            categories=(f"{self.kind}-{SLUGS[number % 2]}",),
            tags=(TAG,) if page.tagged else (),
        )


@dataclass(frozen=True)
class Copy:
    """A copy of the database, and what was true when it was made."""

    path: Path
    standing: dict[tuple[str, str], list[tuple[str, bool]]]
    left: set[int]
    met: set[int]


# ---------------------------------------------------------------- the machine


class OnceMoved(RuleBasedStateMachine):
    """Stores and machines come and go; each reader hears of each article once, and the feeds hold what is public."""

    fresh: Callable[[Path, str], str]
    """Makes a database with our tables, of that kind, for which a folder is given, and tells its address."""
    first: str = "sqlite"

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="feedpub-moved-", dir=MEMORY))
        self.database_kind = self.first
        self.url = type(self).fresh(self.folder, self.database_kind)
        self.now, self.world = START, World(START, keyed={"keyed": timedelta(hours=1)})
        self.paper = Paper()
        self.name = self.in_force = "blog0"
        self.kind, self.names = "list", 1
        self.replaces, self.out, self.skipping = "", False, False
        self.old: Publisher | None = None
        self.left: set[int] = set()
        """What an earlier kind of store left, and nobody has surely told of since."""
        self.met: set[int] = set()
        """What this kind may have told of."""
        self.unheard: set[int] = set()
        """What came with a tag that was skipped, or was met late, by another kind of store: it may be no news."""
        self.by_hand: set[tuple[str, str]] = set()
        """What a person decided on, what an old feedpub said after its database had been moved, and what a database
        that was put back does not know of."""
        self.copied: Copy | None = None
        self.marking: Marking | None = None
        self.starting: tuple[int, bool] | None = None
        """At which commit of its next start feedpub dies."""
        self.write(list(OLD))
        self._start()
        self._poll()

    # ------------------------------------------------------------ feedpub

    def _start(self) -> None:
        self.database = FusedDatabase(self.url)
        self.ledger = Ledger(self.database)
        self.ledger.open(lead=True)
        if self.starting is not None:
            self.database.fuse, self.database.before = self.starting
            self.starting = None
        door: Any = self.world
        self.publisher = Publisher(self.ledger, door, self._setup(), lambda: self.now)
        if self.marking is not None:
            self.marking.close()
        self.marking = Marking(self.ledger, self.folder / "mark")
        self.marking.heed(_targets(), self.now)
        self.publisher.apply(self._setup())
        self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=True)

    def _setup(self) -> Setup:
        public = str(self.folder / "public")
        feeds = FeedsOptions(base_url="https://news.test/feeds/", output=public, entries=20, formats=("atom",))
        given: dict[str, Any] = {"name": self.name, "kind": self.kind, "replaces": self.replaces}
        given |= {"skip_tags": (TAG,) if self.skipping else (), "recheck": "1m", "census": "1m"}
        view = View(self.paper, self.name, self.kind)
        sources = {} if self.out else {self.name: Source(Options(**given), view)}
        return Setup(SITE, feeds, sources, _targets())

    @contextmanager
    def _mortal(self, fuse: tuple[int, bool] | None = None) -> Iterator[None]:
        if fuse is not None:
            self.database.fuse, self.database.before = fuse
        try:
            yield
        except Crash:
            self.ledger.close()
            self._start()
        finally:
            self.database.fuse = None

    def _apply(self, fuse: tuple[int, bool] | None) -> None:
        with self._mortal(fuse):
            self.publisher.apply(self._setup())
        self.in_force = self.in_force if self.out else self.name

    def _poll(self) -> None:
        """Ask the store, and note what it may have told."""
        if self.out:
            return
        view = View(self.paper, self.name, self.kind)
        shown = {number for number in self.paper.pages if view.tells(number)}
        # Only those that are known by their ids of now: it speaks of others than it means.
        gone = self.paper.pages.keys() - shown if self.kind == "list" else set()
        self.met |= shown | gone
        self.unheard |= {number for number in self.paper.pages if self.skipping and self.paper.pages[number].tagged}
        done = self.publisher.publish(self.name)
        assert not done.error, done.error
        self.left -= shown

    def _passes(self, **wait: float) -> None:
        self.now = self.world.now = self.now + timedelta(**wait)

    def _deliver(self, publisher: Publisher) -> None:
        while claimed := publisher.claim(5):
            for one in claimed:
                publisher.deliver(one)

    @rule(act=acts())
    def something_happens(self, act: tuple[str, dict[str, Any]]) -> None:
        name, arguments = act
        getattr(self, name)(**arguments)

    # ------------------------------------------------------------ authors

    def write(self, numbers: list[int]) -> None:
        """Publish, edit, or put back."""
        for number in numbers:
            self._passes(seconds=1)
            page = self.paper.pages.get(number)
            if page is None:
                self.paper.pages[number] = Page(self.now.isoformat())
            elif page.public:
                page.version += 1
            else:
                page.public = True
            self.paper.log.append(number)

    def take_away(self, number: int) -> None:
        page = self.paper.pages.get(number)
        if page is not None and page.public and sum(one.public for one in self.paper.pages.values()) > 1:
            page.public, page.departures = False, page.departures + 1
            self.paper.log.append(number)

    def tag(self, number: int) -> None:
        """Give it the tag that may be skipped, or take it off."""
        page = self.paper.pages.get(number)
        if page is not None and number != OLD[0]:
            page.tagged = not page.tagged
            page.departures += page.tagged and self.skipping
            self.paper.log.append(number)

    # ------------------------------------------------------------ feedpub at work

    def work(self, minutes: int, fuse: tuple[int, bool] | None) -> None:
        self._passes(minutes=minutes)
        with self._mortal(fuse):
            self._poll()
            self._deliver(self.publisher)

    def poll(self, fuse: tuple[int, bool] | None) -> None:
        with self._mortal(fuse):
            self._poll()

    def old_one_delivers(self) -> None:
        """A feedpub that should have been stopped says what it owes."""
        if self.old is not None:
            before = len(self.world.posts)
            self._deliver(self.old)
            self.by_hand |= {(post.target, post.guid) for post in self.world.posts[before:]}

    # ------------------------------------------------------------ admins

    def skip_tags_or_not(self, fuse: tuple[int, bool] | None) -> None:
        self.skipping = not self.skipping
        for page in self.paper.pages.values():
            page.departures += page.tagged and self.skipping
        self._apply(fuse)

    def copy(self) -> None:
        """Copy the database, as any program can that makes backups."""
        path = self.folder / f"copy{self.now.timestamp()}.db"
        if not path.exists():
            with self.database.snapshot() as connection:
                copy_out(connection, path)
            self.copied = Copy(path, self._standing(), set(self.left), set(self.met))

    def put_back(self, fuse: tuple[int, bool] | None) -> None:
        """Put the copy in place of the database, by hand, and start."""
        if self.copied is None:
            return
        self.ledger.close()
        with closing(Database(self.url)) as database, database.write() as connection:
            copy_in(self.copied.path, connection)
        now = self._standing()
        self.by_hand |= {one for one in now.keys() | self.copied.standing.keys()
                         if now.get(one) != self.copied.standing.get(one)}  # fmt: skip
        self.left, self.met = self.copied.left, self.copied.met | self.met
        self.starting = fuse
        with self._mortal():
            self._start()

    def _standing(self) -> dict[tuple[str, str], list[tuple[str, bool]]]:
        """What was ever posted of each article, and whether it stands."""
        found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
        for post in self.world.posts:
            found.setdefault((post.target, post.guid), []).append((post.id, post.standing))
        return found

    def rename(self, fuse: tuple[int, bool] | None) -> None:
        self._give_name()
        self._apply(fuse)

    def _give_name(self) -> None:
        """Name the store anew; the name that it replaces is the one that feedpub knows."""
        self.copied = None  # a config that is newer than the database by two names knows nothing of its stores
        self.replaces, self.name, self.names = self.in_force, f"blog{self.names}", self.names + 1

    def change_kind(self, kind: str, renamed: bool, fuse: tuple[int, bool] | None) -> None:
        """Read the site by another kind of store, be it now or when it is put back."""
        if kind == self.kind or self.out:
            return
        if renamed:
            self._give_name()
        self.kind, self.copied = kind, None
        self.left, self.met = self._live(), set()
        newest = max(page.published for page in self.paper.pages.values())
        self.unheard |= {
            number for number, page in self.paper.pages.items() if number not in self.left and page.published < newest
        }
        self._apply(fuse)

    def take_out_or_put_back(self, fuse: tuple[int, bool] | None) -> None:
        self.out = not self.out
        self._apply(fuse)

    def move_house(self, goes_on: bool, fuse: tuple[int, bool] | None) -> None:
        """Go on with a database of the other kind; the old feedpub is stopped, or is forgotten and goes on."""
        if self.old is not None:
            self.old.ledger.close()
        lines, self.old, self.copied = told(self.database, self.now), self.publisher, None
        if not goes_on:
            self.old.ledger.close()
            self.old = None
        self.database_kind = "postgresql" if self.database_kind == "sqlite" else "sqlite"
        self.url = type(self).fresh(self.folder, self.database_kind)
        path = written_down(lines, self.folder)
        with closing(FusedDatabase(self.url)) as database:
            if fuse is not None:
                database.fuse, database.before = fuse
            try:
                bring(database, path)
            except Crash:
                database.fuse = None
                bring(database, path)
        self._start()

    # ------------------------------------------------------------ what must hold, always

    @invariant()
    def history_holds(self) -> None:
        """Nothing stands twice, nothing was said oftener than it came, and never what was there before us."""
        for number, page in self.paper.pages.items():
            for target in _targets():
                said = [post for post in self.world.posts if (post.target, post.guid) == (target, guid(number))]
                assert len(said) <= 1 + page.departures, f"{number} was said {len(said)} times on {target}"
                standing = len(self.world.standing(target, guid(number)))
                assert standing <= 1 or (target, guid(number)) in self.by_hand, f"{number} stands twice on {target}"
                assert number in NEWS or not said, f"{number} was there before us"

    # ------------------------------------------------------------ and at the end

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            self._quiesce()
            self._judge_feeds()
            self._judge_notices()
        finally:
            self.ledger.close()
            if self.old is not None:
                self.old.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _quiesce(self) -> None:
        """The old one is stopped, the store is there, a person settles what was held: all comes to rest."""
        self.old, old = None, self.old
        if old is not None:
            old.ledger.close()
        self.out = False
        self._apply(None)
        for _ in range(4):
            self._passes(hours=2)
            self._poll()
            self._settle_by_hand()
            self._deliver(self.publisher)

    def _settle_by_hand(self) -> None:
        """Look at what stands there: what was said meanwhile is cancelled, what was not is let go."""
        listed = self.ledger.deliveries.listed(states=[State.HELD, State.DOUBTFUL], limit=1000)
        for one in listed:
            delivery = one.delivery
            if delivery.held_by not in {MOVED, PUT_BACK} and (
                delivery.state is State.HELD or delivery.due_at is not None
            ):
                continue
            subject = (delivery.target, one.about.guid)
            self.by_hand.add(subject)
            decision = Cancelled("it stands there") if self.world.standing(*subject) else Released()
            decided = decision if delivery.state is State.HELD else Cancelled("nobody knows")
            self.ledger.deliveries.tell([delivery.id], decided, self.publisher.setup.targets, self.now)
        self.ledger.feeds.free(self.publisher.setup.targets, self.now)

    def _live(self) -> set[int]:
        return {_number(one.guid) for one in self.ledger.articles.since(START - timedelta(days=1))}

    def _judge_feeds(self) -> None:
        """They hold what the store tells of, and what only an earlier kind of store had; all by the same guids."""
        view = View(self.paper, self.name, self.kind)
        pages = self.paper.pages
        public = {number for number in pages if view.tells(number) and not (self.skipping and pages[number].tagged)}
        quarantined = self.ledger.articles.quarantined()
        assert quarantined == (), quarantined
        found = self._entries("all")
        assert public | (self.left - self.met) <= found <= public | self.left, (public, self.left, self.met, found)
        for index, slug in enumerate(SLUGS):
            assert self._entries(f"category/{slug}") == {number for number in found if number % 2 == index}, slug

    def _entries(self, feed: str) -> set[int]:
        made = self.folder / "public" / f"{feed}.atom"
        if not made.exists():
            return set()
        numbers = [int(one.rpartition("=")[2]) for one in entries(made.read_bytes())]
        assert len(numbers) == len(set(numbers)), f"twice in {feed}: {numbers}"
        return set(numbers)

    def _judge_notices(self) -> None:
        """What came after us and is in the feeds stands on every target, once; what is gone does not."""
        listed = {(one.delivery.target, one.about.guid): one for one in self.ledger.deliveries.listed(limit=1000)}
        shown = self._entries("all")
        for number in self.paper.pages.keys() - OLD:
            for target in _targets():
                subject = (target, guid(number))
                if subject not in self.by_hand:
                    self._judge(listed.get(subject), number, len(self.world.standing(*subject)), shown)

    def _judge(self, one: Listed | None, number: int, standing: int, shown: set[int]) -> None:
        if one is None:
            assert standing == 0
            assert number not in shown or number in self.unheard or number in HIDDEN, f"{number} was never owed"
        elif number in shown:
            assert (one.delivery.state, standing) == (State.SENT, 1), one
        else:
            assert standing == 0, one


def _number(of: str) -> int:
    return int(of.rpartition("=")[2])


def _targets() -> dict[str, Network]:
    given: dict[str, Any] = {
        "template": "{{ headline }}\n{{ url }}",
        "flood_limit": 99,
        "max_age": "3650d",
        "retract_after": "0s",
    }
    return {
        "keyed": KeyedBoard(name="keyed", **given),
        "findable": FindBoard(name="findable", **given),
        "stopping": Board(name="stopping", **given),
    }
