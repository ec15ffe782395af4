"""The life of deliveries as a Hypothesis state machine: real publisher, real ledger, a small world, virtual time.

Every rule may be cut short by a crash before or after any commit, or around any request. `History` judges.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection

from feedpub.feeds.catalog import FeedsOptions
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.ledger.deliveries import Listed
from feedpub.model import Category, Delivery, RawArticle, Site, State
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import Cancelled, Released
from feedpub.pipeline import Publisher, Setup, Source
from tests.world import Behaviour, Board, Crash, FindBoard, KeyedBoard, ListOptions, ListStore, MuteBoard, Post, World

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
CATEGORIES = (
    Category("blog", "1", "日本関連", "japan"),
    Category("blog", "2", "海上自衛隊", "jmsdf", parent="1"),
    Category("blog", "3", "米国関連", "us"),
)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # an fsync costs nothing there
IDS = [f"a{n}" for n in range(5)]
BEHAVIOURS: list[Behaviour] = [
    "ok", "busy", "lost before", "lost after", "refused", "forbidden", "crash before", "crash after",
]  # fmt: skip


def all_targets() -> dict[str, Network]:
    """One target for every kind of doubt, and one that hears of one category only."""
    given: dict[str, Any] = {"template": "{{ headline }}\n{{ url }}", "flood_limit": 4}
    return {
        "keyed": KeyedBoard(name="keyed", **given),
        "findable": FindBoard(name="findable", **given),
        "stopping": Board(name="stopping", **given),
        "resending": Board(name="resending", on_doubt="resend", **given),
        "mute": MuteBoard(name="mute", categories=("日本関連",), delay=timedelta(minutes=3), **given),
    }


class FusedDatabase(Database):
    """A database whose process dies around a commit: before it (nothing is written) or after it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.fuse: int | None = None
        self.before = True

    @contextmanager
    def write(self) -> Iterator[Connection]:
        burning = self.fuse == 0
        if self.fuse is not None:
            self.fuse -= 1
        with super().write() as connection:
            yield connection
            if burning and self.before:
                raise Crash
        if burning:
            raise Crash


class Once(RuleBasedStateMachine):
    """Authors write, boards misbehave, the process dies, clocks step; each reader still hears of each article once."""

    fresh: Callable[[Path], str]
    """Makes an empty database, for which a folder is given, and tells its address."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="feedpub-once-", dir=MEMORY))
        self.url = type(self).fresh(self.folder)
        self.now = START
        self.world = World(self.now, keyed=frozenset({"keyed"}))
        self.store = ListStore(categories=CATEGORIES)
        self.targets = all_targets()
        self.removed: set[str] = set()
        self.ever_removed: set[str] = set()
        self.held: list[Delivery] = []
        self.downtime = timedelta(0)
        self.texts: dict[str, RawArticle] = {}
        for article in ("old1", "old2"):
            self.store.put(self._article(article, 1, announce=None))
        self._start()
        self.publisher.publish("blog")

    def _start(self) -> None:
        self.database = FusedDatabase(self.url)
        self.ledger = Ledger(self.database)
        self.ledger.open(lead=True)
        self.publisher = Publisher(self.ledger, self.world, self._setup(), lambda: self.now)  # type: ignore[arg-type]
        self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=True)
        self.publisher.apply(self._setup())

    def _setup(self) -> Setup:
        feeds = FeedsOptions(base_url="https://news.test/feeds/", output=str(self.folder / "public"), entries=5)
        targets = {name: one for name, one in self.targets.items() if name not in self.removed}
        return Setup(SITE, feeds, {"blog": Source(ListOptions(name="blog"), self.store)}, targets)

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        """Whatever happens inside, the process may die of it and is then started again."""
        try:
            yield
        except Crash:
            self._to(self.now + self.downtime)
            self.ledger.close()
            self.held = []
            self._start()
        finally:
            self.database.fuse = None

    def _article(
        self, article: str, version: int, announce: bool | None, ripe_in: timedelta = timedelta(0)
    ) -> RawArticle:
        number = sum(map(ord, article))
        return RawArticle(
            id=article,
            guid=f"https://news.test/?p={article}",
            url=f"https://news.test/{article}",
            title=f"記事{article} 第{version}版",
            content=f"<p>{article} {version}</p>",
            published=(self.now + ripe_in).isoformat(),
            categories=(str(number % 3 + 1),),
            announce=announce,
        )

    # ------------------------------------------------------------ authors

    @rule(article=st.sampled_from(IDS), announce=st.sampled_from([None, None, None, False, True]))
    def write(self, article: str, announce: bool | None) -> None:
        if article not in self.texts:
            self.texts[article] = self._article(article, 1, announce)
        else:
            before = self.texts[article]
            version = int(before.title.split("第")[1].removesuffix("版")) + 1
            self.texts[article] = replace(before, title=f"記事{article} 第{version}版", announce=announce)
        self.store.put(self.texts[article])

    @rule(article=st.sampled_from(IDS), minutes=st.integers(1, 600))
    def schedule(self, article: str, minutes: int) -> None:
        if article not in self.texts:
            self.texts[article] = self._article(article, 1, None, timedelta(minutes=minutes))
            self.store.put(self.texts[article])

    @rule(article=st.sampled_from(IDS))
    def take_away(self, article: str) -> None:
        if article in self.texts:
            self.store.remove(article)

    # ------------------------------------------------------------ time and trouble

    @rule(seconds=st.sampled_from([1, 7, 61, 400, 1900, 4000, 9000, 40000]))
    def wait(self, seconds: int) -> None:
        self._to(self.now + timedelta(seconds=seconds))

    @rule(minutes=st.sampled_from([-60, -5, 60]))
    def step_clock(self, minutes: int) -> None:
        self._to(self.now + timedelta(minutes=minutes))

    @rule(behaviours=st.lists(st.sampled_from(BEHAVIOURS), max_size=4))
    def misbehave(self, behaviours: list[Behaviour]) -> None:
        self.world.behaviours = list(behaviours)

    @rule(hours=st.sampled_from([0, 1, 2, 30]))
    def sleep_long_after_a_crash(self, hours: int) -> None:
        self.downtime = timedelta(hours=hours)

    @rule(fuse=st.integers(0, 6), before=st.booleans())
    def light_fuse(self, fuse: int, before: bool) -> None:
        self.database.fuse, self.database.before = fuse, before

    # ------------------------------------------------------------ feedpub at work

    @rule()
    def publish(self) -> None:
        with self._mortal():
            self.publisher.publish("blog")

    @rule(limit=st.integers(1, 5))
    def deliver(self, limit: int) -> None:
        with self._mortal():
            for claimed in self.publisher.claim(limit):
                self.publisher.deliver(claimed)

    @rule()
    def claim_and_dawdle(self) -> None:
        """A second worker takes something, and is slow."""
        with self._mortal():
            self.held += self.publisher.claim(2)

    @rule()
    def wake_up(self) -> None:
        with self._mortal():
            while self.held:
                self.publisher.deliver(self.held.pop(0))

    @rule()
    def sweep(self) -> None:
        with self._mortal():
            self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=False)

    # ------------------------------------------------------------ admins

    @rule(which=st.sampled_from(["keyed", "findable", "stopping", "resending", "mute"]))
    def toggle_target(self, which: str) -> None:
        self.removed ^= {which}
        self.ever_removed.add(which)
        with self._mortal():
            self.publisher.apply(self._setup())

    @rule()
    def resume_all(self) -> None:
        with self._mortal():
            for name in self.targets:
                self.ledger.targets.resume(name)

    @rule()
    def release_all(self) -> None:
        held = self.ledger.deliveries.listed(states=[State.HELD], held_by="flood")
        ids = [one.delivery.id for one in held]
        with self._mortal():
            self.ledger.deliveries.tell(ids, Released(), self.publisher.setup.targets, self.now)

    @rule(which=st.integers(0, 20))
    def cancel_one(self, which: int) -> None:
        listed = self.ledger.deliveries.listed(states=[State.HELD, State.DUE, State.DOUBTFUL])
        if listed:
            chosen = listed[which % len(listed)].delivery
            with self._mortal():
                self.ledger.deliveries.tell([chosen.id], Cancelled("not this"), self.publisher.setup.targets, self.now)

    # ------------------------------------------------------------ what must hold, always

    @invariant()
    def history_holds(self) -> None:
        """Nothing twice where the network can tell; else no oftener than it was doubted; never the baseline."""
        for article in IDS:
            guid = f"https://news.test/?p={article}"
            for target in ("keyed", "findable", "stopping", "mute"):
                assert len(self.world.standing(target, guid)) <= 1, (target, article)
            extra = len(self.world.standing("resending", guid)) - 1
            assert extra <= self.world.doubts.get(("resending", guid), 0), article
        assert not [post for post in self.world.posts if "old" in post.guid]

    # ------------------------------------------------------------ and at the end

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            self._quiesce()
            self._judge()
        finally:
            self.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _to(self, moment: datetime) -> None:
        self.now = self.world.now = moment

    def _quiesce(self) -> None:
        """All is well from now on: whatever can still be said, is."""
        self.world.behaviours, self.database.fuse, self.removed, self.held = [], None, set(), []
        self.publisher.apply(self._setup())
        self.resume_all()
        self.release_all()
        self.publish()
        for _ in range(200):
            self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=False)
            self.deliver(5)
            moments = (self.ledger.deliveries.next_due(self.targets, self.now), self.ledger.articles.next_ripe())
            next_up = min((one for one in moments if one is not None), default=None)
            if next_up is None:
                return
            self._to(max(next_up, self.now) + timedelta(seconds=1))
            if self.ledger.articles.ripe(self.now):
                self.publish()
        raise AssertionError("it never comes to rest")

    def _judge(self) -> None:
        """Every delivery is accounted for, and says what the boards show."""
        listed = self.ledger.deliveries.listed(limit=1000)
        for one in listed:
            delivery = one.delivery
            standing = self.world.standing(delivery.target, one.article.guid)
            told = f"{delivery} {standing}"
            assert delivery.state not in {State.CLAIMED, State.SENDING}, told
            if delivery.state is State.SENT:
                assert delivery.said is not None, told
                assert delivery.remote_id in {post.id for post in standing}, told
                self._judge_words(one, standing)
            elif delivery.state in {State.FAILED, State.SKIPPED, State.DOUBTFUL}:
                assert delivery.reason, told
            else:
                assert delivery.state is State.HELD or delivery.due_at is not None, told
        accounted = {(one.delivery.target, one.article.guid) for one in listed}
        for post in self.world.posts:
            assert (post.target, post.guid) in accounted, post
        self._judge_nothing_lost(accounted)

    def _judge_words(self, one: Listed, standing: list[Post]) -> None:
        """What was corrected reads as the article does."""
        latest = self.ledger.articles.by_key(one.delivery.article)
        if one.delivery.said == latest.revision:
            texts = {post.text for post in standing if post.id == one.delivery.remote_id}
            assert texts == {f"{one.article.title}\n{one.article.url}"}, (one, standing)

    def _judge_nothing_lost(self, accounted: set[tuple[str, str]]) -> None:
        """What the store shows now and that came after the baseline is owed to every target that takes it."""
        live = {one.id for one in self.ledger.feeds.entries("all", 100)}
        for article in live - {"old1", "old2"}:
            for target in ("keyed", "findable", "stopping", "resending"):
                if (target, f"https://news.test/?p={article}") not in accounted:
                    assert target in self.ever_removed, (target, article)
