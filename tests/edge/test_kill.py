"""kill -9 at every named point, five articles each, on both databases; then the whole history is judged.

`pytest -s tests/edge/test_kill.py` prints what came of each.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from feedpub.model import Delivery, State
from tests.databases import PostgreSQL
from tests.edge.mortal import POINTS, Nursery, Order
from tests.edge.newsroom import FEEDS, HOOK, ROOM, Newsroom
from tests.edge.receiver import Answer, Receiver, Seen

ARTICLES = ("a", "b", "c", "d", "e")
DATABASES = ("sqlite", "postgresql")

KILLS: dict[str, tuple[int, ...]] = {
    "before the store is asked": (1,),
    "the store has answered": (1,),
    "in the recording transaction": (1,),
    "before the recording commits": (1,),
    "the recording is committed": (1,),
    "a feed file is half written": (3,),
    "a feed file is written": (4,),
    "a feed file is synced": (4,),
    "before a feed file is renamed": (3,),
    "a feed file is renamed": (3,),
    "before the folder is synced": (2,),
    "the folder is synced": (2,),
    "before a feed's being out commits": (2,),
    "a feed's being out is committed": (2,),
    "before the claim commits": (3, 5),
    "the claim is committed": (3, 5),
    "before the start commits": (3, 5),
    "the start is committed": (3, 4),
    "the connection is open": (3, 4),
    "half of the request is sent": (5, 7),
    "the request is sent": (6, 8),
    "the answer is here": (3, 4),
    "before the answer commits": (3, 4),
    "the answer is committed": (3, 4),
    "before the recovery commits": (1,),
    "the recovery is committed": (1,),
}
"""At which passing the process dies, life after life. The deliveries are those of the hook first, then of the room."""

WINDOW = {"the request is sent", "the answer is here", "before the answer commits"}
"""Where a notice has gone out, and nobody has written down yet that it has."""
UNSURE = WINDOW | {"the start is committed", "the connection is open", "half of the request is sent"}
"""Where nobody can tell afterwards whether it has."""
RECOVERY = {"before the recovery commits", "the recovery is committed"}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        receiver.default = Answer(200, {"id": "99"})
        yield receiver


@pytest.fixture(scope="module")
def origins() -> dict[str, Newsroom]:
    """A newsroom for each database that has had its first poll: made once, copied for every test."""
    return {}


@dataclass
class Life:
    """One newsroom through several deaths, and what came of it."""

    room: Newsroom
    receiver: Receiver
    nursery: Nursery
    ahead: float = 0.0
    deaths: int = 0
    torn: list[str] = field(default_factory=list)
    _seen_before: int = field(init=False)

    def __post_init__(self) -> None:
        self._seen_before = len(self.receiver.requests)

    def once(self, point: str = "", nth: int = 1) -> int:
        """Let one `feedpub once` live, a minute after the last; what it leaves must be whole, wherever it died."""
        code = self.nursery.run(self._order("once", point, nth))
        self.ahead += 60
        if code == -signal.SIGKILL:
            self.deaths += 1
        self.look()
        return code

    def running(self, seconds: float) -> None:
        """Let one `feedpub run` live for so long."""
        pid = self.nursery.start(self._order("run", "", 1))
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        assert self.nursery.end() == -signal.SIGKILL, self.log
        self.deaths += 1
        self.look()

    def look(self) -> None:
        """Every feed on the disk is whole, and nothing was said that is not in them."""
        self.torn += self.room.torn()
        for feed in FEEDS:
            carried = {ending: self.room.carried(feed, ending) for ending in ("rss", "atom")}
            assert set(self.said("hook")) | set(self.said("room")) <= carried["rss"] & carried["atom"], feed

    def posts(self, target: str) -> list[Seen]:
        """What the receiver was sent."""
        path = {"hook": "/hook", "room": "/api/webhooks/1/geheim-token"}[target]
        return [one for one in self.receiver.requests[self._seen_before :] if one.path == path]

    def said(self, target: str) -> Counter[str]:
        """How often each article was posted."""
        texts = [one.json["data"]["url"] if target == "hook" else one.json["content"] for one in self.posts(target)]
        return Counter(text.rpartition("/")[2] for text in texts)

    def kept(self) -> Counter[str]:
        """How often each article came to the hook, repeats of one key dropped."""
        return Counter({one.key: one.json["data"]["id"] for one in self.posts("hook")}.values())

    def settle(self) -> dict[tuple[str, str], Delivery]:
        """Go on undisturbed until nothing is left to do."""
        waiting = {State.HELD, State.DUE, State.CLAIMED, State.SENDING}
        for _ in range(3):
            assert self.once() == 0, self.log
            found = self.room.deliveries()
            if not any(one.state in waiting or (one.state is State.DOUBTFUL and one.due_at) for one in found.values()):
                return found
        raise AssertionError(f"it does not come to rest: {found}")

    @property
    def log(self) -> str:
        return Path(self._order("once", "", 1).log).read_text(encoding="utf-8")[-3000:]

    def _order(self, command: str, point: str, nth: int) -> Order:
        folder = self.room.folder
        args = ("--config", self.room.config, command)
        return Order(str(folder), args, str(folder / "log"), point, nth, self.ahead)


@pytest.fixture
def life(
    request: pytest.FixtureRequest,
    database: str,
    tmp_path: Path,
    origins: dict[str, Newsroom],
    nursery: Nursery,
    receiver: Receiver,
) -> Life:
    postgres: PostgreSQL | None = request.getfixturevalue("postgres") if database == "postgresql" else None
    if database not in origins:
        origins[database] = _origin(request, postgres, nursery, receiver)
    url = postgres.fresh(like=origins[database].database) if postgres else "sqlite:///feedpub.db"
    room = origins[database].copy(tmp_path / "site", url)
    room.configure(HOOK, ROOM, server=receiver.url)
    return Life(room, receiver, nursery)


def _origin(
    request: pytest.FixtureRequest, postgres: PostgreSQL | None, nursery: Nursery, receiver: Receiver
) -> Newsroom:
    folder = request.getfixturevalue("tmp_path_factory").mktemp("origin")
    room = Newsroom(folder, postgres.fresh() if postgres else "sqlite:///feedpub.db")
    room.configure(HOOK, ROOM, server=receiver.url)
    room.write("old1", "old2")
    life = Life(room, receiver, nursery)
    assert life.once() == 0, life.log
    assert not life.posts("hook")
    return room


# ---------------------------------------------------------------- killed by itself, at a point


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("point", KILLS)
def test_killed_at_any_point_it_loses_nothing_and_says_nothing_twice(point: str, database: str, life: Life) -> None:
    life.room.write(*ARTICLES)
    if point in RECOVERY:
        assert life.once("the start is committed", 3) == -signal.SIGKILL, life.log
    for nth in KILLS[point]:
        assert life.once(point, nth) == -signal.SIGKILL, life.log
    found = life.settle()

    _judge(life, found, ARTICLES)
    inside = life.deaths if point in WINDOW else 0
    assert sum(life.said("hook").values()) <= len(ARTICLES) + inside
    doubtful = [one for one in found.values() if one.state is State.DOUBTFUL]
    assert len(doubtful) <= (1 if point in UNSURE else 0)
    _tell(point, database, life, found)


def test_every_point_is_tried() -> None:
    assert KILLS.keys() == POINTS.keys()
    assert len(POINTS) >= 12


# ---------------------------------------------------------------- killed from outside, at any time


@pytest.mark.parametrize("database", DATABASES)
def test_a_daemon_killed_at_random_times_loses_nothing_and_says_nothing_twice(database: str, life: Life) -> None:
    chance = random.Random(f"{database} 20260428")
    life.receiver.default = Answer(200, {"id": "99"}, after=0.02)
    written: list[str] = []
    try:
        for number in range(10):
            fresh = [f"r{number}x{one}" for one in range(chance.randint(1, 3))]
            life.room.write(*fresh)
            written += fresh
            life.running(chance.uniform(0.05, 0.6))
        found = life.settle()
    finally:
        life.receiver.default = Answer(200, {"id": "99"})

    _judge(life, found, tuple(written))
    assert sum(life.said("hook").values()) <= len(written) + life.deaths
    assert sum(one.state is State.DOUBTFUL for one in found.values()) <= life.deaths
    _tell("a daemon, at random", database, life, found)


# ---------------------------------------------------------------- the judge


def _judge(life: Life, found: dict[tuple[str, str], Delivery], articles: tuple[str, ...]) -> None:
    """0 lost, 0 twice, 0 torn; every delivery accounted for."""
    assert not life.torn
    for feed in FEEDS:
        for ending in ("rss", "atom"):
            assert life.room.carried(feed, ending) == {*articles, "old1", "old2"}, f"{feed}.{ending}"
    assert not life.room.litter()
    assert found.keys() == {(target, one) for target in ("hook", "room") for one in articles}
    assert life.kept() == Counter(articles), "the hook's receiver hears of each article once"
    for (target, article), delivery in found.items():
        posted = life.said(target)[article]
        if target == "hook" or delivery.state is State.SENT:
            assert (delivery.state, delivery.said, delivery.frozen) == (State.SENT, 1, None), delivery
            assert target == "hook" or posted == 1, f"{article} was posted {posted} times"
        else:
            assert (delivery.state, delivery.due_at) == (State.DOUBTFUL, None), delivery
            assert delivery.reason == "feedpub was stopped while it was being said", delivery
            assert posted <= 1, f"{article} was posted {posted} times"


def _tell(point: str, database: str, life: Life, found: dict[tuple[str, str], Delivery]) -> None:
    articles = len(found) // 2
    raw, room, kept = (sum(one.values()) for one in (life.said("hook"), life.said("room"), life.kept()))
    doubtful = sum(one.state is State.DOUBTFUL for one in found.values())
    sys.stdout.write(
        f"\n{point:36}{database:11} killed {life.deaths:2} | hook: {articles} articles, {raw} posts, {kept} kept, "
        f"{articles - len(life.kept())} lost | room: {room} posts, {doubtful} doubtful | torn feeds {len(life.torn)}"
    )
