"""The life of feeds and their archives as a Hypothesis state machine: a real publisher, a real ledger, virtual time.

Authors write, edit, re-file, redate and take away; the taxonomy and the config change; the disk fails, the process
dies. Whenever all has come to rest, a reader that follows `prev-archive` gets every public article, each once and as
it is now; no file stands there that nobody writes; and hubs were told of every file that changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from lxml import etree

from feedpub.errors import OutputError
from feedpub.feeds.addresses import brief_path
from feedpub.feeds.catalog import FeedsOptions
from feedpub.feeds.gate import parse_file
from feedpub.feeds.moves import ENDINGS
from feedpub.ledger import Ledger
from feedpub.model import Category, RawArticle, Reply, Request
from feedpub.networks import WebSub
from feedpub.outputs.disk import DiskOutput
from feedpub.pipeline import Publisher, Setup, Source
from feedpub.terms import BRIEF, EVERY, of_category
from tests.edge.once import MEMORY, FusedDatabase
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
KEYS = st.lists(st.sampled_from(["1", "2", "3"]), max_size=2, unique=True)
FUSE = st.none() | st.tuples(st.integers(0, 12), st.booleans())
Strategies = dict[str, st.SearchStrategy[Any]]
ACTS: dict[str, tuple[int, Strategies]] = {
    "write": (
        8,
        {
            "articles": st.lists(st.sampled_from(IDS), min_size=1, max_size=5, unique=True),
            "categories": KEYS,
            "brief": st.booleans(),
            "age": st.sampled_from([0, 0, 0, 90]),
        },
    ),
    "redate": (3, {"article": st.sampled_from(IDS), "hours": st.sampled_from([-300, -1, 5])}),
    "take_away": (3, {"article": st.sampled_from(IDS)}),
    "wait": (2, {"hours": st.sampled_from([1, 6, 200])}),
    "change_taxonomy": (2, {"key": st.sampled_from(["1", "2", "3"]), "how": st.sampled_from(["root", "under 1", "under 3", "rename", "drop", "back"])}),
    "change_config": (
        3,
        {
            "change": st.sampled_from(
                [
                    {"archive": 0}, {"archive": 2}, {"archive": 4}, {"entries": 1}, {"entries": 3}, {"entries": 9},
                    {"formats": ("atom",)}, {"formats": ENDINGS}, {"tombstones": "0s"}, {"tombstones": "30d"},
                    {"categories": {}}, {"categories": {"west": {"name": "us"}}},
                    {"categories": {"west": {"name": "us"}, "sea": {"name": "navy", "formerly": ["navy"]}}},
                    {"output": "public"}, {"output": "elsewhere"}, {"tags": True}, {"tags": False},
                ]
            )
        },
    ),
    "work": (8, {"fuse": FUSE, "disk": st.none() | st.integers(0, 6)}),
    "rest": (3, {}),
}  # fmt: skip


def acts() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    names = [name for name, (often, _) in ACTS.items() for _ in range(often)]
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(ACTS[name][1])))


class Hub(World):
    """A world with a hub, which fetches what it is told of."""

    fetch: Callable[[str], bytes | None]

    def _answer(self, asked: Request) -> Reply:
        for address in parse_qs(asked.body.decode())["hub.url"]:
            self.copies[address] = self.fetch(address)
        return Reply(204)


class FailingDisk(DiskOutput):
    """A disk that is full for one write, now and then."""

    __slots__ = ()
    writes_left: int | None = None

    def write(self, files: Any) -> int:
        if FailingDisk.writes_left is not None:
            FailingDisk.writes_left -= 1
            if FailingDisk.writes_left < 0:
                FailingDisk.writes_left = None
                raise OutputError("no space is left")
        return super().write(files)


class Archives(RuleBasedStateMachine):
    """Whatever happens, the archive is whole."""

    fresh: Callable[[Path], str]

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="feedpub-archive-", dir=MEMORY))
        self.url = type(self).fresh(self.folder)
        self.now = START
        self.world = Hub(START)
        self.world.copies = {}
        self.world.fetch = self._fetch
        self.store = ListStore(categories=CATEGORIES)
        self.dropped: dict[str, Category] = {}
        self.config: dict[str, Any] = {"archive": 3, "entries": 3, "output": "public"}
        self.outputs = {"public"}
        self.texts: dict[str, RawArticle] = {}
        self.versions = Counter[str]()
        self._put("base", (), brief=False)
        self._start()
        self._rest()

    def _start(self) -> None:
        self.database = FusedDatabase(self.url)
        self.ledger = Ledger(self.database)
        self.ledger.open(lead=True)
        self.publisher = Publisher(self.ledger, self.world, self._setup(), lambda: self.now)  # type: ignore[arg-type]
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
        try:
            yield
        except Crash:
            self.ledger.close()
            self.database.fuse = None
            FailingDisk.writes_left = None
            self._start()
        finally:
            self.database.fuse = None
            FailingDisk.writes_left = None

    @rule(act=acts())
    def something_happens(self, act: tuple[str, dict[str, Any]]) -> None:
        name, arguments = act
        getattr(self, name)(**arguments)

    # ------------------------------------------------------------ authors

    def _put(self, id_: str, categories: tuple[str, ...], *, brief: bool, published: str = "") -> None:
        self.versions[id_] += 1
        said = f"{id_} v{self.versions[id_]}"
        before = self.texts.get(id_)
        raw = RawArticle(
            id=id_,
            guid=f"https://news.test/?p={id_}",
            url="" if brief else f"https://news.test/{id_}",
            title="" if brief else said,
            content=f"<p>{said}</p>",
            published=published or (before.published if before else self.now.isoformat()),
            categories=categories,
        )
        self.texts[id_] = raw
        self.store.put(raw)

    def write(self, articles: list[str], categories: list[str], brief: bool, age: int) -> None:
        """Publish, edit, re-file, or put back."""
        for id_ in articles:
            published = (self.now - timedelta(days=age)).isoformat() if age and id_ not in self.texts else ""
            self._put(id_, tuple(categories), brief=brief, published=published)

    def redate(self, article: str, hours: int) -> None:
        if article in self.texts:
            self.texts[article] = replace(
                self.texts[article], published=(self.now + timedelta(hours=hours)).isoformat()
            )
            self.store.put(self.texts[article])

    def take_away(self, article: str) -> None:
        if article in self.texts:
            self.store.remove(article)
            del self.texts[article]

    def wait(self, hours: int) -> None:
        self.now = self.world.now = self.now + timedelta(hours=hours)

    # ------------------------------------------------------------ admins

    def change_taxonomy(self, key: str, how: str) -> None:
        here = {one.key: one for one in self.store.categories}
        if how == "back" and key in self.dropped:
            here[key] = self.dropped.pop(key)
        elif key in here and how == "drop":
            self.dropped[key] = here.pop(key)
        elif key in here and how == "rename":
            here[key] = replace(here[key], slug=here[key].slug + "x", name=here[key].name + "改")
        elif key in here:
            parent = how.partition(" ")[2] or None
            here[key] = replace(here[key], parent=parent if parent != key else None)
        self.store.categories = tuple(here.values())

    def change_config(self, change: Mapping[str, Any]) -> None:
        self.config = {**self.config, **change}
        if change.get("output"):
            for one in ("public", "elsewhere"):
                if one != self.config["output"]:  # what stands where nobody writes any more is the admin's
                    shutil.rmtree(self.folder / one, ignore_errors=True)
        with self._mortal():
            self.publisher.apply(self._setup())

    # ------------------------------------------------------------ feedpub

    def work(self, fuse: tuple[int, bool] | None, disk: int | None) -> None:
        if fuse is not None:
            self.database.fuse, self.database.before = fuse
        FailingDisk.writes_left = disk
        with self._mortal():
            self.publisher.publish("blog")
            self._tell()

    def rest(self) -> None:
        """All that is to be done is done; then all must be as it should."""
        self._rest()

    def _rest(self) -> None:
        for _ in range(2):
            self.now = self.world.now = self.now + timedelta(minutes=2)
            self.publisher.publish("blog")
            while self.publisher.archive().parts:
                pass
            self._tell()
        assert self.publisher.builder.error == ""
        self._judge()

    def _tell(self) -> None:
        while claimed := self.publisher.claim(5):
            for one in claimed:
                self.publisher.deliver(one)

    # ------------------------------------------------------------ what must hold

    def _judge(self) -> None:
        root = self.folder / self.config["output"]
        here = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        live = {id_: raw for id_, raw in self.texts.items() if self._date(raw) <= self.now}
        written = {"index.html", "feeds.opml", "feed.css", "moved.nginx.conf", "moved.Caddyfile"}
        formats = tuple(self.config.get("formats", ENDINGS))
        briefs = {brief_path(raw.guid) for raw in live.values() if not raw.title}
        written |= briefs & here.keys()
        for spec in self.publisher.builder._specs():
            expected = {id_ for id_, raw in live.items() if self._has(raw) & spec.sources}
            documents = self._chain(here, spec.address)
            for address in documents:
                written |= {f"{address}.{ending}" for ending in formats}
            if spec.kind in {"all", "briefs", "category"} and self.config["archive"]:
                self._judge_archive(spec.address, documents, expected)
            else:
                assert set(documents) == {spec.address}, (spec.address, list(documents))
            newest = sorted(expected, key=lambda id_: (self._date(live[id_]), live[id_].guid), reverse=True)
            shown = list(documents[spec.address])
            assert shown[: self.config["entries"]] == newest[: self.config["entries"]], (spec.address, shown, newest)
            for id_, title in (item for entries in documents.values() for item in entries.items()):
                assert title in {f"{id_} v{self.versions[id_]}", ""}, (spec.address, id_, title)
                assert (title == "") == (live[id_].title == ""), (spec.address, id_, title)
                if not title:
                    assert brief_path(live[id_].guid) in here, (spec.address, id_)
            self._judge_hub(spec.address, formats, here)
        assert set(here) == written, (set(here) - written, written - set(here))
        for path, file in here.items():
            if (ending := path.rpartition(".")[2]) in ENDINGS:
                parse_file(ending, file.read_bytes())

    def _judge_archive(self, address: str, documents: Mapping[str, Mapping[str, str]], expected: set[str]) -> None:
        sealed = Counter(id_ for path, entries in documents.items() if path != address for id_ in entries)
        assert set(sealed.values()) <= {1}, (address, documents)
        assert {*sealed, *documents[address]} == expected, (address, documents, expected)

    def _judge_hub(self, address: str, formats: tuple[str, ...], here: Mapping[str, Path]) -> None:
        for ending in formats:
            url, content = f"{BASE}{address}.{ending}", here[f"{address}.{ending}"].read_bytes()
            assert self.world.copies.setdefault(url, content) == content, f"the hub was not told of {url}"

    def _chain(self, here: Mapping[str, Path], address: str) -> dict[str, dict[str, str]]:
        """Each document of a feed, as a reader follows it: the ids in it, and what they say."""
        found: dict[str, dict[str, str]] = {}
        at: str | None = address
        while at is not None:
            root = etree.fromstring(here[f"{at}.atom"].read_bytes())
            listed = [
                ((one.findtext(f"{ATOM}id") or "").partition("p=")[2], one.findtext(f"{ATOM}title") or "")
                for one in root.findall(f"{ATOM}entry")
            ]
            assert len(listed) == len(dict(listed)), (at, listed)
            found[at] = dict(listed)
            before = [one.get("href") or "" for one in root.findall(f"{ATOM}link") if one.get("rel") == "prev-archive"]
            at = before[0].removeprefix(BASE).removesuffix(".atom") if before else None
        return found

    def _has(self, raw: RawArticle) -> set[str]:
        return {EVERY, *([BRIEF] if not raw.title else []), *(of_category(("blog", key)) for key in raw.categories)}

    def _date(self, raw: RawArticle) -> datetime:
        return datetime.fromisoformat(raw.published)

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            self._rest()
        finally:
            self.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)
