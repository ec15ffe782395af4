"""The life of feeds and their archives as a Hypothesis state machine: a real publisher, a real ledger, virtual time.

Authors write, edit, re-file, redate and take away; the taxonomy and the config change; the disk fails, the process
dies. Whenever all has come to rest, a reader that follows `prev-archive` gets every public article, sealed in one
part at most, and as it is now; no file stands there that nobody writes; and a hub was told of every file that changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from lxml import etree

from feedpub.errors import OutputError
from feedpub.feeds.addresses import brief_path
from feedpub.feeds.catalog import FeedsOptions, FeedSpec
from feedpub.feeds.gate import parse_file
from feedpub.feeds.moves import ENDINGS
from feedpub.ledger import Ledger
from feedpub.model import Category, FeedFile, Outcome, RawArticle, Reply, Request
from feedpub.networks import WebSub
from feedpub.outputs.disk import DiskOutput
from feedpub.pipeline import Publisher, Setup, Source
from feedpub.terms import BRIEF, EVERY, of_category, of_tag
from tests.edge.once import FUSE, MEMORY, FusedDatabase, Strategies
from tests.edge.test_publisher import SITE, START
from tests.golden.rules import ATOM
from tests.world import Crash, ListOptions, ListStore, World

BASE = "https://news.test/feeds/"
CATEGORIES = (
    Category("blog", "1", "米国関連", "us"),
    Category("blog", "2", "海軍", "navy", parent="1"),
    Category("blog", "3", "日本関連", "japan"),
)
IDS = [f"a{n}" for n in range(12)]
RULES = {f"{what}.{server}" for what in ("headers", "moved", "wordpress") for server in ("nginx.conf", "Caddyfile")}
PAGES = {"index.html", "feeds.opml", "feed.css"} | RULES
WEST, SEA = {"name": "us"}, {"name": "navy", "formerly": ["navy"]}
CHANGES: list[dict[str, Any]] = [
    *({"archive": size} for size in (0, 2, 4)),
    *({"entries": count} for count in (1, 3, 9)),
    *({"formats": formats} for formats in (("atom",), ENDINGS)),
    *({"tombstones": time} for time in ("0s", "30d")),
    *({"categories": feeds} for feeds in ({}, {"west": WEST}, {"west": WEST, "sea": SEA})),
    *({"output": folder} for folder in ("public", "elsewhere")),
    *({"tags": wanted} for wanted in (True, False)),
]
ACTS: dict[str, tuple[int, Strategies]] = {
    "write": (
        8,
        {
            "articles": st.lists(st.sampled_from(IDS), min_size=1, max_size=5, unique=True),
            "categories": st.lists(st.sampled_from(["1", "2", "3"]), max_size=2, unique=True),
            "brief": st.booleans(),
            "age": st.sampled_from([0, 0, 0, 90]),
        },
    ),
    "redate": (3, {"article": st.sampled_from(IDS), "hours": st.sampled_from([-300, -1, 5])}),
    "take_away": (3, {"article": st.sampled_from(IDS)}),
    "wait": (2, {"hours": st.sampled_from([1, 6, 200])}),
    "move": (1, {"key": st.sampled_from(["1", "2", "3"]), "parent": st.sampled_from(["1", "3", None])}),
    "rename": (1, {"key": st.sampled_from(["1", "2", "3"])}),
    "drop": (1, {"key": st.sampled_from(["1", "2", "3"])}),
    "change_config": (3, {"change": st.sampled_from(CHANGES)}),
    "work": (8, {"fuse": FUSE, "disk": st.none() | st.integers(0, 6)}),
    "rest": (3, {}),
}
"""What may happen: a method of the machine, how often, and what it is called with."""


def acts() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    names = [name for name, (often, _) in ACTS.items() for _ in range(often)]
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(ACTS[name][1])))


@dataclass
class Hub(World):
    """A world with a hub, which fetches what it is told of."""

    fetch: Callable[[str], bytes | None] = lambda _: None
    copies: dict[str, bytes | None] = field(default_factory=dict)

    def _answer(self, asked: Request) -> Reply | Outcome:
        for address in parse_qs(asked.body.decode())["hub.url"]:
            self.copies[address] = self.fetch(address)
        return Reply(204)


class FailingDisk(DiskOutput):
    """A disk that refuses one set of files, after so many."""

    __slots__ = ()
    left: ClassVar[int | None] = None

    def write(self, files: Iterable[FeedFile]) -> int:
        if FailingDisk.left is not None:
            FailingDisk.left -= 1
            if FailingDisk.left < 0:
                FailingDisk.left = None
                raise OutputError("no space is left")
        return super().write(files)


class Whole(RuleBasedStateMachine):
    """Whatever happens, readers get all of it, as it is now."""

    fresh: Callable[[Path], str]
    """Makes an empty database, for which a folder is given, and tells its address."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="feedpub-whole-", dir=MEMORY))
        self.url = type(self).fresh(self.folder)
        self.now = START
        self.hub = Hub(START, fetch=self._fetch)
        self.store = ListStore(categories=CATEGORIES)
        self.config: dict[str, Any] = {"archive": 3, "entries": 3, "output": "public", "formats": ENDINGS}
        self.texts: dict[str, RawArticle] = {}
        self.versions = Counter[str]()
        self._put("base", (), brief=False)
        self._start()
        self.rest()

    def _start(self) -> None:
        self.database = FusedDatabase(self.url)
        self.ledger = Ledger(self.database)
        self.ledger.open(lead=True)
        door: Any = self.hub
        self.publisher = Publisher(self.ledger, door, self._setup(), lambda: self.now)
        self.publisher.apply(self._setup())
        self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=True)

    def _setup(self) -> Setup:
        output = str(self.folder / self.config["output"])
        feeds = FeedsOptions.model_validate({**self.config, "output": output, "base_url": BASE, "compress": ()})
        hub = WebSub.model_validate({"kind": "websub", "name": "hub", "hub_url": "https://hub.test/"})
        options = ListOptions(name="blog", withdraw_limit=100)
        return Setup(SITE, feeds, {"blog": Source(options, self.store)}, {"hub": hub})

    def _fetch(self, address: str) -> bytes | None:
        path = self.folder / self.config["output"] / address.removeprefix(BASE)
        return path.read_bytes() if path.exists() else None

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        """Whatever happens inside, the process may die of it and is then started again."""
        try:
            yield
        except Crash:
            self.ledger.close()
            FailingDisk.left = None
            self._start()
        finally:
            self.database.fuse = FailingDisk.left = None

    @rule(act=acts())
    def something_happens(self, act: tuple[str, dict[str, Any]]) -> None:
        name, arguments = act
        getattr(self, name)(**arguments)

    # ------------------------------------------------------------ authors

    def _put(self, id_: str, categories: Iterable[str], *, brief: bool, published: str = "") -> None:
        self.versions[id_] += 1
        said, before = f"{id_} v{self.versions[id_]}", self.texts.get(id_)
        self.texts[id_] = RawArticle(
            id=id_,
            guid=f"https://news.test/?p={id_}",
            url="" if brief else f"https://news.test/{id_}",
            title="" if brief else said,
            content=f"<p>{said}</p>",
            published=published or (before.published if before else self.now.isoformat()),
            categories=tuple(categories),
            tags=("F-35",) if id_ in IDS[::3] else (),
        )
        self.store.put(self.texts[id_])

    def write(self, articles: list[str], categories: list[str], brief: bool, age: int) -> None:
        """Publish, edit, re-file, or put back."""
        for id_ in articles:
            published = (self.now - timedelta(days=age)).isoformat() if age and id_ not in self.texts else ""
            self._put(id_, categories, brief=brief, published=published)

    def redate(self, article: str, hours: int) -> None:
        if article in self.texts:
            published = (self.now + timedelta(hours=hours)).isoformat()
            self.texts[article] = replace(self.texts[article], published=published)
            self.store.put(self.texts[article])

    def take_away(self, article: str) -> None:
        if self.texts.pop(article, None) is not None:
            self.store.remove(article)

    def wait(self, hours: int) -> None:
        self._to(self.now + timedelta(hours=hours))

    def _to(self, moment: datetime) -> None:
        self.now = self.hub.now = moment

    # ------------------------------------------------------------ admins

    def move(self, key: str, parent: str | None) -> None:
        self._change(key, parent=parent if parent != key else None)

    def rename(self, key: str) -> None:
        for one in self.store.categories:
            if one.key == key:
                self._change(key, name=f"{one.name}改", slug=f"{one.slug}x")

    def _change(self, key: str, **fields: Any) -> None:
        self.store.categories = tuple(
            replace(one, **fields) if one.key == key else one for one in self.store.categories
        )

    def drop(self, key: str) -> None:
        """Take a category away; one that is gone comes back as it first was."""
        kept = tuple(one for one in self.store.categories if one.key != key)
        back = tuple(one for one in CATEGORIES if one.key == key) if kept == self.store.categories else ()
        self.store.categories = (*kept, *back)

    def change_config(self, change: Mapping[str, Any]) -> None:
        self.config = {**self.config, **change}
        with self._mortal():
            self.publisher.apply(self._setup())
        if "output" in change:  # what stands where nobody writes any more is the admin's
            for folder in {"public", "elsewhere"} - {change["output"]}:
                shutil.rmtree(self.folder / folder, ignore_errors=True)

    # ------------------------------------------------------------ feedpub at work

    def work(self, fuse: tuple[int, bool] | None, disk: int | None) -> None:
        """Poll, build and tell, while the disk may fail or the process die."""
        if fuse is not None:
            self.database.fuse, self.database.before = fuse
        FailingDisk.left = disk
        with self._mortal():
            self.publisher.publish("blog")
            self._tell()

    def _tell(self) -> None:
        while claimed := self.publisher.claim(5):
            for one in claimed:
                self.publisher.deliver(one)

    def rest(self) -> None:
        """All that is to be done is done; then all must be as it should."""
        for _ in range(2):
            self._to(self.now + timedelta(minutes=2))
            self.publisher.publish("blog")
            while self.publisher.archive().parts:
                pass
            self._tell()
        assert self.publisher.builder.error == ""
        self._judge()

    # ------------------------------------------------------------ what must hold then

    def _judge(self) -> None:
        root = self.folder / self.config["output"]
        here = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        live = {id_: raw for id_, raw in self.texts.items() if _date(raw) <= self.now}
        owned = PAGES | {path for raw in live.values() if not raw.title and (path := brief_path(raw.guid)) in here}
        for spec in self.publisher.builder._synced.values():
            documents = self._follow(here, spec.address)
            self._judge_feed(spec, documents, {id_: raw for id_, raw in live.items() if _terms(raw) & spec.sources})
            for entries in documents.values():
                self._judge_entries(entries, live, here)
            owned |= {f"{address}.{ending}" for address in documents for ending in self.config["formats"]}
            self._judge_hub(spec.address, here)
        assert set(here) == owned
        for path, file in here.items():
            if (ending := path.rpartition(".")[2]) in ENDINGS:
                parse_file(ending, file.read_bytes())

    def _judge_feed(
        self, spec: FeedSpec, documents: Mapping[str, Mapping[str, str]], expected: Mapping[str, RawArticle]
    ) -> None:
        """It shows the newest; with an archive, all is there, and what is sealed is sealed once."""
        told, shown, count = f"{spec.address} {documents}", list(documents[spec.address]), self.config["entries"]
        newest = sorted(expected, key=lambda id_: (_date(expected[id_]), expected[id_].guid), reverse=True)
        assert shown[:count] == newest[:count], told
        sealed = [id_ for address, entries in documents.items() if address != spec.address for id_ in entries]
        assert len(sealed) == len({*sealed}), told
        if spec.kind in {"all", "briefs", "category"} and self.config["archive"]:
            assert {*sealed, *shown} == set(expected), told
        else:
            assert (len(documents), len(shown)) == (1, min(count, len(expected))), told

    def _judge_entries(
        self, entries: Mapping[str, str], live: Mapping[str, RawArticle], here: Mapping[str, Path]
    ) -> None:
        """Each says what the article says now; a brief has its page."""
        for id_, content in entries.items():
            assert f"{id_} v{self.versions[id_]}<" in content, (id_, content)
            assert live[id_].title or brief_path(live[id_].guid) in here, id_

    def _judge_hub(self, address: str, here: Mapping[str, Path]) -> None:
        for ending in self.config["formats"]:
            url, content = f"{BASE}{address}.{ending}", here[f"{address}.{ending}"].read_bytes()
            assert self.hub.copies.setdefault(url, content) == content, f"the hub was not told of {url}"

    def _follow(self, here: Mapping[str, Path], address: str) -> dict[str, dict[str, str]]:
        """Each document of a feed, in the order in which a reader follows it: the ids in it, and what they say."""
        found: dict[str, dict[str, str]] = {}
        at = address
        while at:
            root = etree.fromstring(here[f"{at}.atom"].read_bytes())
            entries = root.findall(f"{ATOM}entry")
            found[at] = {
                (one.findtext(f"{ATOM}id") or "").partition("p=")[2]: one.findtext(f"{ATOM}content") or ""
                for one in entries
            }
            assert len(found[at]) == len(entries), f"{at} has an entry twice"
            before = [one.get("href") or "" for one in root.findall(f"{ATOM}link") if one.get("rel") == "prev-archive"]
            at = before[0].removeprefix(BASE).removesuffix(".atom") if before else ""
        return found

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            self.rest()
        finally:
            self.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def _date(raw: RawArticle) -> datetime:
    return datetime.fromisoformat(raw.published)


def _terms(raw: RawArticle) -> set[str]:
    filed = (of_category(("blog", key)) for key in raw.categories)
    return {EVERY, *([] if raw.title else [BRIEF]), *filed, *map(of_tag, raw.tags)}
