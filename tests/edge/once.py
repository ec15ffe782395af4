"""The life of deliveries as a Hypothesis state machine: real publisher, real ledger, a small world, virtual time.

Every rule may be cut short by a crash before or after any commit, or around any request. What is claimed is judged at
once, what stands on the boards after every step, and the whole history at the end.

Hypothesis leaves most rules out of any one story; so there is only one, and what happens is its argument.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection

from feedpub.delivering import Deliverer
from feedpub.errors import Superseded
from feedpub.feeds.catalog import FeedsOptions
from feedpub.house import House
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.ledger.deliveries import Listed
from feedpub.model import Action, Category, Delivery, RawArticle, Site, State
from feedpub.networks.base import Network
from feedpub.notices.lifecycle import NOT_ANNOUNCED, TOO_OLD, Cancelled, Released, Wanted
from feedpub.pipeline import Publisher, Setup, Source
from tests.world import (
    AnsweringBoard,
    Behaviour,
    Board,
    Crash,
    FindBoard,
    KeyedBoard,
    KnowingBoard,
    ListOptions,
    ListStore,
    MuteBoard,
    Post,
    RepostBoard,
    ThreadBoard,
    World,
)

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
CATEGORIES = (
    Category("blog", "1", "日本関連", "japan"),
    Category("blog", "2", "海上自衛隊", "jmsdf", parent="1"),
    Category("blog", "3", "米国関連", "us"),
)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # an fsync costs nothing there
IDS = [f"a{n}" for n in range(5)]
BEHAVIOURS: list[Behaviour] = [
    "ok", "lost after", "lost before", "crash after", "crash before", "busy", "late", "late no", "refused", "forbidden",
]  # fmt: skip
MAX_AGE = timedelta(hours=12)


REMEMBERED = {"keyed": timedelta(hours=1), "knowing": timedelta(hours=1), "threaded": ThreadBoard.dedupe_for}
REPLYING = ["threaded", "knowing", "answering"]

TROUBLE = st.lists(st.sampled_from(BEHAVIOURS), max_size=6)
FUSE = st.none() | st.tuples(st.integers(0, 24), st.booleans())
ARTICLES = st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True)
TARGETS = ["keyed", "findable", "stopping", "resending", "mute", "threaded", "reposting", "knowing", "answering"]
ONCE = [name for name in TARGETS if name != "resending"]
Strategies = dict[str, st.SearchStrategy[Any]]
ACTS: dict[str, tuple[int, Strategies]] = {
    "write": (6, {"articles": ARTICLES, "announce": st.sampled_from([None] * 8 + [False, True])}),
    "schedule": (1, {"article": st.sampled_from(IDS), "minutes": st.integers(1, 600)}),
    "take_away": (2, {"article": st.sampled_from(IDS)}),
    "wait": (4, {"seconds": st.sampled_from([1, 7, 61, 400, 1900, 4000, 9000, 40000])}),
    "step_clock": (1, {"minutes": st.sampled_from([-60, -5, 60])}),
    "sleep_long_after_a_crash": (1, {"hours": st.sampled_from([0, 1, 2, 30])}),
    "work": (12, {"trouble": TROUBLE, "fuse": FUSE, "pauses": st.lists(st.sampled_from([7, 61, 400]), max_size=2)}),
    "publish": (1, {"fuse": FUSE}),
    "deliver": (2, {"trouble": TROUBLE, "fuse": FUSE}),
    "claim_and_dawdle": (2, {"seconds": st.sampled_from([0, 30, 61])}),
    "wake_up": (2, {"trouble": TROUBLE}),
    "answer_at_last": (2, {}),
    "sweep": (2, {}),
    "toggle_target": (1, {"which": st.sampled_from(TARGETS)}),
    "resume_all": (3, {}),
    "release_all": (1, {}),
    "cancel_one": (1, {"which": st.integers(0, 20)}),
    "want_one": (1, {"which": st.integers(0, 20)}),
}
"""What may happen: a method of the machine, how often, and what it is called with."""


def acts() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    names = [name for name, (often, _) in ACTS.items() for _ in range(often)]
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), st.fixed_dictionaries(ACTS[name][1])))


def all_targets() -> dict[str, Network]:
    """One target for every kind of doubt, and one that hears of one category only."""
    given: dict[str, Any] = {"template": "{{ headline }}\n{{ url }}", "flood_limit": 4, "max_age": MAX_AGE}
    return {
        "keyed": KeyedBoard(name="keyed", **given),
        "findable": FindBoard(name="findable", **given),
        "stopping": Board(name="stopping", **given),
        "resending": Board(name="resending", on_doubt="resend", **given),
        "threaded": ThreadBoard(name="threaded", correct="reply", **given),
        "reposting": RepostBoard(name="reposting", correct="repost", **given),
        "knowing": KnowingBoard(name="knowing", correct="reply", **given),
        "answering": AnsweringBoard(name="answering", correct="reply", **given),
        "mute": MuteBoard(name="mute", categories=("日本関連",), delay=timedelta(minutes=3), **given),
    }


class FusedDatabase(Database):
    """A database whose process dies around a commit: before it (nothing is written) or after it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.fuse: int | None = None
        self.before = True

    @contextmanager
    def write(self, *, leading: bool = False) -> Iterator[Connection]:
        burning = self.fuse == 0
        if self.fuse is not None:
            self.fuse -= 1
        with super().write(leading=leading) as connection:
            yield connection
            if burning and self.before:
                raise Crash
        if burning:
            raise Crash


class LateDeliverer(Deliverer):
    """A deliverer some of whose answers come late: after other things have happened."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.late: list[tuple[Any, ...]] = []

    def _settle(self, *answered: Any) -> Delivery:
        world: Any = self._house.door
        if world.late:
            world.late = False
            self.late.append(answered)
            return answered[0]  # type: ignore[no-any-return]
        return super()._settle(*answered)

    def answer(self) -> None:
        """Let the oldest answer come at last."""
        if self.late:
            with suppress(Superseded):
                super()._settle(*self.late.pop(0))


class Once(RuleBasedStateMachine):
    """Authors write, boards misbehave, the process dies, clocks step; each reader still hears of each article once."""

    fresh: Callable[[Path], str]
    """Makes an empty database, for which a folder is given, and tells its address."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="feedpub-once-", dir=MEMORY))
        self.url = type(self).fresh(self.folder)
        self.now = self.latest = START
        self.world = World(self.now, keyed=REMEMBERED, carried=self._carried, welcome=self._welcome)
        self.store = ListStore(categories=CATEGORIES)
        self.targets = all_targets()
        self.removed: set[str] = set()
        self.ever_removed: set[str] = set()
        self.held: list[Delivery] = []
        self.downtime = timedelta(0)
        self.texts: dict[str, RawArticle] = {}
        self.wanted: dict[tuple[str, str], int] = {}
        for article in ("old1", "old2"):
            self.store.put(self._article(article, 1, announce=None))
        self._start()
        self.publisher.publish("blog")

    def _start(self) -> None:
        self.database = FusedDatabase(self.url)
        self.ledger = Ledger(self.database)
        self.ledger.open(lead=True)
        door: Any = self.world
        self.publisher = Publisher(self.ledger, door, self._setup(), lambda: self.now)
        self.deliverer = self.publisher.deliverer = LateDeliverer(self.publisher)
        self.publisher.apply(self._setup())
        self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=True)

    def _setup(self) -> Setup:
        public = str(self.folder / "public")
        feeds = FeedsOptions(base_url="https://news.test/feeds/", output=public, entries=10, formats=("atom",))
        targets = {name: one for name, one in self.targets.items() if name not in self.removed}
        return Setup(SITE, feeds, {"blog": Source(ListOptions(name="blog"), self.store)}, targets)

    def _carried(self, guid: str) -> bool:
        """Whether a reader of each feed that an article belongs to can see it there now."""
        id_ = guid.partition("=")[2]
        below = {one.key: one for one in CATEGORIES}
        (key,) = self.texts[id_].categories
        slugs = [one.slug for one in (below[key], below.get(below[key].parent or "")) if one is not None]
        files = [self.folder / "public" / f"{feed}.atom" for feed in ("all", *(f"category/{slug}" for slug in slugs))]
        return all(file.exists() and f'"https://news.test/{id_}"' in file.read_text("utf-8") for file in files)

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        """Whatever happens inside, the process may die of it and is then started again."""
        try:
            yield
        except Crash:
            self._to(self.now + self.downtime)
            for one in self.ledger.deliveries.listed(states=[State.SENDING]):
                self.world.doubt(one.delivery.target, one.about.guid)
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

    @rule(act=acts())
    def something_happens(self, act: tuple[str, dict[str, Any]]) -> None:
        name, arguments = act
        getattr(self, name)(**arguments)

    # ------------------------------------------------------------ authors

    def write(self, articles: list[str], announce: bool | None) -> None:
        """Publish, edit, or put back."""
        for article in articles:
            if article not in self.texts:
                self.texts[article] = self._article(article, 1, announce)
            else:
                before = self.texts[article]
                version = int(before.title.split("第")[1].removesuffix("版")) + 1
                self.texts[article] = replace(before, title=f"記事{article} 第{version}版", announce=announce)
            self.store.put(self.texts[article])

    def schedule(self, article: str, minutes: int) -> None:
        if article not in self.texts:
            self.texts[article] = self._article(article, 1, None, timedelta(minutes=minutes))
            self.store.put(self.texts[article])

    def take_away(self, article: str) -> None:
        if article in self.texts:
            self.store.remove(article)

    # ------------------------------------------------------------ time and trouble

    def wait(self, seconds: int) -> None:
        self._to(self.now + timedelta(seconds=seconds))

    def step_clock(self, minutes: int) -> None:
        self._to(self.now + timedelta(minutes=minutes))

    def sleep_long_after_a_crash(self, hours: int) -> None:
        self.downtime = timedelta(hours=hours)

    def _trouble(self, behaviours: list[Behaviour], fuse: tuple[int, bool] | None) -> None:
        """Have boards misbehave, and the process die at some commit of what comes now."""
        self.world.behaviours = list(behaviours)
        if fuse is not None:
            self.database.fuse, self.database.before = fuse

    # ------------------------------------------------------------ feedpub at work

    def work(self, trouble: list[Behaviour], fuse: tuple[int, bool] | None, pauses: list[int]) -> None:
        """Poll, build, and deliver whatever is due; and again after a while."""
        self._trouble(trouble, fuse)
        with self._mortal():
            self.publisher.publish("blog")
            self._deliver_all()
            for seconds in pauses:
                self._to(self.now + timedelta(seconds=seconds))
                self._deliver_all()

    def publish(self, fuse: tuple[int, bool] | None) -> None:
        self._trouble([], fuse)
        with self._mortal():
            self.publisher.publish("blog")

    def deliver(self, trouble: list[Behaviour], fuse: tuple[int, bool] | None) -> None:
        self._trouble(trouble, fuse)
        with self._mortal():
            self._deliver_all()

    def claim_and_dawdle(self, seconds: int) -> None:
        """A second worker takes something, and is slow."""
        with self._mortal():
            self.held += self._claim(2)
            self._to(self.now + timedelta(seconds=seconds))

    def wake_up(self, trouble: list[Behaviour]) -> None:
        self._trouble(trouble, None)
        with self._mortal():
            while self.held:
                self.publisher.deliver(self.held.pop(0))

    def answer_at_last(self) -> None:
        with self._mortal():
            self.deliverer.answer()

    def sweep(self) -> None:
        with self._mortal():
            self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=False)

    def _deliver_all(self) -> None:
        while claimed := self._claim(5):
            for one in claimed:
                self.publisher.deliver(one)

    def _claim(self, limit: int) -> tuple[Delivery, ...]:
        """Claim, and judge what was claimed."""
        resting = {one.name for one in self.ledger.targets.states() if one.rest.paused}
        busy = {one.delivery.target for one in self.ledger.deliveries.listed(states=[State.CLAIMED, State.SENDING])}
        claimed = self.publisher.claim(limit)
        targets = [one.target for one in claimed]
        assert len({*targets}) == len(targets), "two conversations with one target at a time"
        assert not {*targets} & (busy | resting), f"{targets}, though {busy} are busy and {resting} are paused"
        for one in claimed:
            assert one.due_at is not None, one
            assert one.due_at <= self.now, one
            if one.action is Action.ANNOUNCE and one.doubt_since is None:
                self._judge_news(one)
        return claimed

    def _judge_news(self, claimed: Delivery) -> None:
        """Only what is fresh, public, and not against its author's will is announced."""
        article = self.ledger.articles.by_key(claimed.article or 0).article
        asked_for = (claimed.target, article.guid) in self.wanted
        anew = claimed.target == "reposting" and claimed.retractions > 0  # it was news when it was first said
        assert not self.ledger.articles.known("blog", [article.id])[article.id].withdrawn, claimed
        assert self.now <= article.published + MAX_AGE or asked_for or anew, claimed

    def _welcome(self, target: str, guid: str) -> bool:
        """Whether an author's no stands against it. It comes too late for what is only said better."""
        known = self.ledger.articles.find(guid)
        return target == "reposting" or (target, guid) in self.wanted or all(one.announce for one in known)

    # ------------------------------------------------------------ admins

    def toggle_target(self, which: str) -> None:
        self.removed ^= {which}
        self.ever_removed.add(which)
        with self._mortal():
            self.publisher.apply(self._setup())

    def resume_all(self) -> None:
        with self._mortal():
            for name in self.targets:
                self.ledger.targets.resume(name)

    def release_all(self) -> None:
        held = self.ledger.deliveries.listed(states=[State.HELD], held_by="flood")
        ids = [one.delivery.id for one in held]
        with self._mortal():
            self.ledger.deliveries.tell(ids, Released(), self.publisher.setup.targets, self.now)
            self.ledger.feeds.free(self.publisher.setup.targets, self.now)

    def cancel_one(self, which: int) -> None:
        listed = self.ledger.deliveries.listed(states=[State.HELD, State.DUE, State.DOUBTFUL])
        if listed:
            chosen = listed[which % len(listed)].delivery
            with self._mortal():
                self.ledger.deliveries.tell([chosen.id], Cancelled("not this"), self.publisher.setup.targets, self.now)

    def want_one(self, which: int) -> None:
        """Somebody wants an article announced, whatever was decided, or once more."""
        listed = [one for one in self.ledger.deliveries.listed() if "old" not in one.about.id]
        if listed:
            chosen = listed[which % len(listed)]
            subject = (chosen.delivery.target, chosen.about.guid)
            self.wanted[subject] = self.wanted.get(subject, 0) + 1
            with self._mortal():
                self.ledger.deliveries.tell([chosen.delivery.id], Wanted(), self.publisher.setup.targets, self.now)
                self.ledger.feeds.free(self.publisher.setup.targets, self.now)

    # ------------------------------------------------------------ what must hold, always

    @invariant()
    def history_holds(self) -> None:
        """Nothing twice where the network can tell; else no oftener than it was doubted; never the baseline."""
        for article in IDS:
            guid = f"https://news.test/?p={article}"
            for target in ONCE:
                extra = len(self.world.standing(target, guid)) - 1
                assert extra <= self.wanted.get((target, guid), 0), (target, article)
            extra = len(self.world.standing("resending", guid)) - 1 - self.wanted.get(("resending", guid), 0)
            assert extra <= self.world.doubts.get(("resending", guid), 0), article
            for target in REPLYING:
                replies = [post.text for post in self.world.replied(target, guid) if post.above]
                assert len({*replies}) == len(replies) or (target, guid) in self.wanted, (target, replies)
        assert not [post for post in self.world.posts if "old" in post.guid]
        assert not self.world.early, "announced before readers of the feeds could see it"
        assert not self.world.unwelcome, "announced against the author's will"

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
        self.latest = max(self.latest, moment)

    def _quiesce(self) -> None:
        """All is well from now on: whatever can still be said, is."""
        self.world.behaviours, self.world.late, self.removed, self.held = [], False, set(), []
        self.database.fuse, self.deliverer.late = None, []
        self.publisher.apply(self._setup())
        self.resume_all()
        self.publisher.publish("blog")
        due: datetime | None = None
        for _ in range(200):
            self.release_all()
            self.ledger.deliveries.recover(self.publisher.setup.targets, self.now, all_leases=False)
            self._deliver_all()
            due = self.ledger.deliveries.next_due(self.targets, self.now)
            ripe = [one.article.published for one in self.ledger.articles.ripe(END_OF_TIME, ["blog"], limit=1)]
            next_up = min([*ripe, *([due] if due is not None else [])], default=None)
            if next_up is None:
                return
            self._to(max(next_up, self.now) + timedelta(seconds=1))
            if self.ledger.articles.ripe(self.now, ["blog"]):
                self.publisher.publish("blog")
        restless = self.ledger.deliveries.listed(states=[State.HELD, State.DUE, State.CLAIMED, State.SENDING])
        raise AssertionError(f"it never comes to rest: {due} {[one.delivery for one in restless]}")

    def _judge(self) -> None:
        """Every delivery is accounted for, and says what the boards show."""
        listed = self.ledger.deliveries.listed(limit=1000)
        for one in listed:
            delivery = one.delivery
            standing = self.world.standing(delivery.target, one.about.guid)
            told = f"{delivery} {standing}"
            twice_at_most = delivery.target == "resending"  # of what was said twice, only the last can be taken back
            assert delivery.state not in {State.CLAIMED, State.SENDING}, told
            if delivery.state is State.SENT:
                assert delivery.said is not None, told
                if "is not known" not in delivery.reason:
                    assert delivery.remote_id in {post.id for post in standing}, told
                    self._judge_words(one, standing)
                self._judge_what_stands(one)
            elif delivery.state in {State.FAILED, State.SKIPPED, State.DOUBTFUL}:
                assert delivery.reason, told
                certain = delivery.state is not State.DOUBTFUL and "is not known" not in delivery.reason
                unknown = self.world.doubts.get((delivery.target, one.about.guid), 0) if twice_at_most else 0
                certain = certain and (delivery.target, one.about.guid) not in self.wanted
                assert not (certain and delivery.said is None and len(standing) > unknown), told
                if delivery.state is State.SKIPPED and delivery.target not in self.ever_removed:
                    self._judge_silence(one)
            else:
                raise AssertionError(f"it is not at rest: {told}")
        accounted = {(one.delivery.target, one.about.guid) for one in listed}
        for post in self.world.posts:
            assert (post.target, post.guid) in accounted, post
        self._judge_nothing_lost(accounted)

    def _public(self, article: str) -> bool:
        """Whether the store shows an article; what it has shown once, no clock set back hides."""
        last = [row for row in self.store.log if (row if isinstance(row, str) else row.id) == article][-1]
        return isinstance(last, RawArticle) and datetime.fromisoformat(last.published) <= self.latest

    def _judge_what_stands(self, one: Listed) -> None:
        """What stands there is what should, unless the network cannot change it, or a person decided so."""
        target, delivery = self.targets[one.delivery.target], one.delivery
        if delivery.reason.startswith("not this") or delivery.target in self.ever_removed:
            return
        if "retract" in target.can:
            assert self._public(one.about.id), f"withdrawn, but it stands: {delivery}"
        in_time = delivery.said_at is not None and self.now - delivery.said_at <= target.correct_within
        able = {"edit": "correct", "reply": "reply", "repost": "retract"}[target.correct_by]
        if able in target.can and in_time and "not known" not in delivery.reason:
            assert delivery.said == self.ledger.articles.by_key(delivery.article or 0).revision, delivery

    def _judge_silence(self, one: Listed) -> None:
        """A public article is kept from a target for a reason only."""
        reason = one.delivery.reason
        if not self._public(one.about.id):
            return
        if reason == TOO_OLD:
            assert self.now > one.about.published + MAX_AGE, one
        elif reason == NOT_ANNOUNCED:
            assert False in {row.announce for row in self.store.log if isinstance(row, RawArticle)}, one
        else:
            assert reason.startswith(("not this", "the target ")), one

    def _judge_words(self, one: Listed, standing: list[Post]) -> None:
        """What was corrected reads as the article does."""
        latest = self.ledger.articles.by_key(one.delivery.article or 0)
        if one.delivery.said == latest.revision:
            ids = {one.delivery.remote_id, *(one.delivery.also if one.delivery.target in REPLYING else ())}
            replied = self.world.replied(one.delivery.target, one.about.guid)
            texts = {post.text for post in [post for post in replied if post.id in ids][-1:]}
            text = f"{one.about.title}\n{one.about.url}"
            assert {said.removeprefix("【訂正】") for said in texts} == {text}, (one, standing)

    def _judge_nothing_lost(self, accounted: set[tuple[str, str]]) -> None:
        """What the store shows now and that came after the baseline is owed to every target that takes it."""
        live = {one.id for one in self.ledger.feeds.entries("all", 100)}
        for article in live - {"old1", "old2"}:
            for target in TARGETS[:4]:
                if (target, f"https://news.test/?p={article}") not in accounted:
                    assert target in self.ever_removed, (target, article)
