"""kill -9 at every named point, five articles each, on both databases; then the whole history is judged.

`pytest -s tests/edge/test_kill.py` prints what came of each.
"""

from __future__ import annotations

import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import feedparser
import pytest

from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Delivery, State
from tests.databases import PostgreSQL
from tests.edge.front_door import Launcher, Running, Site, ago, discord, webhook
from tests.edge.mortal import POINTS
from tests.edge.receiver import Answer, Receiver, Seen

ARTICLES = ("a", "b", "c", "d", "e")
FEEDS = [f"{feed}.{ending}" for feed in ("all", "category/japan", "category/jmsdf") for ending in ("rss", "atom")]
"""What carries every article of these tests."""
DATABASES = ("sqlite", "postgresql")
TODAY = ago()

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
    "a feed file is renamed": (1, 2, 3),  # a sibling, both, and the file itself
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

PLACES = [
    (point, database)
    for point in KILLS
    for database in DATABASES
    # Files are the same under either database.
    if database == "sqlite" or not ("file" in point or "folder" in point)
]
"""At which passing the process dies, life after life. Deliveries to the hook come first, then those to the room."""

WINDOW = {"the request is sent", "the answer is here", "before the answer commits"}
"""Where a notice has gone out, and nobody has written down yet that it has."""
UNSURE = WINDOW | {"the start is committed", "the connection is open", "half of the request is sent"}
"""Where nobody can tell afterwards whether it has."""
RECOVERY = {"before the recovery commits", "the recovery is committed"}


@dataclass
class Life:
    """One site through several deaths, and what came of it."""

    site: Site
    database: str
    receiver: Receiver
    ahead: float = 0.0
    deaths: int = 0
    torn: list[str] = field(default_factory=list)

    def write(self, *ids: str) -> None:
        self.site.publish(*ids, categories=["2"], published=TODAY, content="海上自衛隊の新型護衛艦が就役した。" * 20)

    def once(self, point: str = "", nth: int = 1) -> int:
        """Let one `feedpub once` live, a minute after the one before, until it ends or dies at a point."""
        code = self._start("once", point, nth).wait().code
        self.ahead += 60
        self.deaths += code == -signal.SIGKILL
        self.look()
        return code

    def running(self, seconds: float) -> None:
        """Let one `feedpub run` live for so long."""
        daemon = self._start("run")
        time.sleep(seconds)
        assert daemon.end().code == -signal.SIGKILL, daemon.err
        self.deaths += 1
        self.look()

    def look(self) -> None:
        """Wherever it died, what stands on the disk is whole, and nothing was said that is not in the feeds."""
        read = {path: _read(content) for path, (_, content) in self.site.files().items() if path in FEEDS}
        self.torn += [path for path, ids in read.items() if ids is None]
        assert {*self.site.parted()} <= {*FEEDS}  # none is torn; the next build mends the rest
        for path in FEEDS:
            assert {*self.said("hook"), *self.said("room")} <= (read.get(path) or set()), path

    def settle(self) -> dict[tuple[str, str], Delivery]:
        """Go on undisturbed, an hour at a time, until nothing is left to do."""
        waiting = {State.HELD, State.DUE, State.CLAIMED, State.SENDING}
        found: dict[tuple[str, str], Delivery] = {}
        for _ in range(3):
            assert self.once() == 0, self.log
            self.ahead += 3600
            found = self.deliveries()
            if not any(one.state in waiting or (one.state is State.DOUBTFUL and one.due_at) for one in found.values()):
                return found
        raise AssertionError(f"it does not come to rest: {found}")

    def deliveries(self) -> dict[tuple[str, str], Delivery]:
        """What the ledger says, by target and article."""
        ledger = Ledger(Database(self.database.replace("sqlite:///", f"sqlite:///{self.site.folder}/")))
        listed = ledger.deliveries.listed(limit=10_000)
        ledger.close()
        found = {(one.delivery.target, one.about.id): one.delivery for one in listed}
        assert len(found) == len(listed), "an article has two deliveries to one target"
        return found

    def posts(self, target: str) -> list[Seen]:
        """What the receiver was sent."""
        return [one for one in self.receiver.requests if one.path.startswith("/hook") == (target == "hook")]

    def said(self, target: str) -> Counter[str]:
        """How often each article was posted."""
        texts = [one.json["data"]["url"] if target == "hook" else one.json["content"] for one in self.posts(target)]
        return Counter(text.rpartition("/")[2] for text in texts)

    def kept(self) -> Counter[str]:
        """How often each article came to the hook, repeats of one key dropped."""
        return Counter(one.json["data"]["id"] for one in self.receiver.kept if one.path == "/hook")

    @property
    def log(self) -> str:
        return self.site.started[-1].err

    def _start(self, command: str, point: str = "", nth: int = 1) -> Running:
        self.site.environ = {"MORTAL_AHEAD": str(self.ahead)}
        if point:
            self.site.environ |= {"MORTAL_POINT": point, "MORTAL_NTH": str(nth)}
        return self.site.start(command)


@cache
def _read(content: bytes) -> set[str] | None:
    """The articles of a feed, as a stranger reads them; None if it is torn."""
    found = feedparser.parse(content)
    whole = not found.bozo and found.feed.get("title")
    return {entry.link.rpartition("/")[2] for entry in found.entries} if whole else None


# ---------------------------------------------------------------- sites that had their first poll


@pytest.fixture(scope="module")
def models() -> dict[str, Life]:
    """One for each database: made once, copied for every test."""
    return {}


@pytest.fixture
def life(
    database: str,
    tmp_path: Path,
    launcher: Launcher,
    models: dict[str, Life],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Life]:
    """A site whose first poll is over: what is written now is news."""
    postgres: PostgreSQL | None = request.getfixturevalue("postgres") if database == "postgresql" else None
    if database not in models:
        url = postgres.fresh() if postgres else "sqlite:///feedpub.db"
        models[database] = _begun(Site(tmp_path_factory.mktemp("model"), launcher), url)
    model = models[database]
    url = postgres.fresh(like=model.database) if postgres else model.database
    shutil.copytree(model.site.folder, tmp_path / "site")
    with Receiver() as receiver:
        life = Life(Site(tmp_path / "site", launcher), url, receiver)
        _configure(life)
        yield life
        life.site.stop_all()


def _begun(site: Site, url: str) -> Life:
    with Receiver() as receiver:
        life = Life(site, url, receiver)
        _configure(life)
        assert life.once() == 0, life.log
        for id_, name, slug, parent in (("1", "日本関連", "japan", None), ("2", "海上自衛隊", "jmsdf", "1")):
            site.sql("INSERT INTO category (id, name, slug, parent) VALUES (?, ?, ?, ?)", id_, name, slug, parent)
        assert life.once() == 0, life.log
    return life


def _configure(life: Life) -> None:
    hook, room = webhook(life.receiver, timeout="5s"), discord(life.receiver, timeout="5s")
    # On a busy machine one life may be too short for a poll, and the next finds more than a day's news at once.
    targets: dict[str, object] = {
        name: {**options, "flood_limit": 100} for name, options in (("hook", hook), ("room", room))
    }
    life.site.configure(database={"url": life.database}, targets=targets)


# ---------------------------------------------------------------- killed by itself, at a point


@pytest.mark.parametrize(("point", "database"), PLACES)
def test_killed_at_any_point_it_loses_nothing_and_says_nothing_twice(point: str, database: str, life: Life) -> None:
    life.write(*ARTICLES)
    if point in RECOVERY:
        assert life.once("the start is committed", 3) == -signal.SIGKILL, life.log
    for nth in KILLS[point]:
        assert life.once(point, nth) == -signal.SIGKILL, life.log
    found = life.settle()

    _judge(life, found, ARTICLES)
    again = 1 if point in WINDOW else 0
    assert sum(life.said("hook").values()) == len(ARTICLES) + again
    doubtful = [one for one in found.values() if one.state is State.DOUBTFUL]
    assert len(doubtful) == (1 if point in UNSURE else 0)
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
    for number in range(10):
        fresh = [f"r{number}x{one}" for one in range(chance.randint(1, 3))]
        life.write(*fresh)
        written += fresh
        life.running(chance.uniform(0.05, 0.6))
    found = life.settle()

    _judge(life, found, tuple(written))
    assert sum(life.said("hook").values()) <= len(written) + life.deaths
    assert sum(one.state is State.DOUBTFUL for one in found.values()) <= life.deaths
    _tell("a daemon, at random", database, life, found)


# ---------------------------------------------------------------- the judge


def _judge(life: Life, found: dict[tuple[str, str], Delivery], articles: tuple[str, ...]) -> None:
    """0 torn, 0 lost, 0 twice; every delivery accounted for."""
    assert not life.torn
    assert not life.site.parted()
    files = life.site.files()
    for path in FEEDS:
        assert _read(files[path][1]) == {*articles}, path
    assert not [path for path in files if ".feedpub-" in path]
    assert found.keys() == {(target, one) for target in ("hook", "room") for one in articles}
    assert life.kept() == Counter(articles), "the hook's receiver hears of each article once"
    for (target, article), delivery in found.items():
        if target == "hook" or delivery.state is State.SENT:
            assert (delivery.state, delivery.said, delivery.frozen) == (State.SENT, 1, None), delivery
            assert target == "hook" or life.said(target)[article] == 1, article
        else:
            assert (delivery.state, delivery.due_at) == (State.DOUBTFUL, None), delivery
            assert delivery.reason == "feedpub was stopped while it was being said", delivery
            assert life.said(target)[article] <= 1, article


def _tell(point: str, database: str, life: Life, found: dict[tuple[str, str], Delivery]) -> None:
    articles = len(found) // 2
    raw, room, kept = (sum(one.values()) for one in (life.said("hook"), life.said("room"), life.kept()))
    doubtful = sum(one.state is State.DOUBTFUL for one in found.values())
    sys.stdout.write(
        f"\n{point:36}{database:11} killed {life.deaths:2} | hook: {articles} articles, {raw} posts, {kept} kept, "
        f"{articles - len(life.kept())} lost | room: {room} posts, {doubtful} doubtful | torn feeds {len(life.torn)}"
    )
