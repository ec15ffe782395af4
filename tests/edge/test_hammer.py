"""A query store on a PostgreSQL that many write to at once: nothing is missed, and nothing is said twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from feedpub.feeds.catalog import FeedsOptions
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Site
from feedpub.pipeline import Publisher, Setup, Source
from feedpub.stores.sql import SqlOptions
from tests.databases import PostgreSQL, migrated_sqlite
from tests.world import HOME, Board, World

WRITERS = 8
SECONDS = 20.0
EVERY = 0.1
DELAYS = (0.0, 0.0, 0.01, 0.05, 0.2, 0.5, 1.5)
"""How long a transaction waits before it commits; the server ends those that take twice the longest."""
OVERLAP = "5s"

TABLE = "CREATE TABLE post (id BIGINT PRIMARY KEY, title TEXT, made TIMESTAMPTZ, changed TIMESTAMPTZ)"
INDEX = "CREATE INDEX post_changed ON post (changed)"
QUERY = """SELECT id, title, 'https://news.test/' || id AS url, made AS published, changed AS updated
FROM post WHERE changed >= :since"""
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")


@dataclass
class Writer:
    """Writes articles and edits those that it wrote. now() is when a transaction began, however late it commits."""

    url: str
    number: int
    chance: random.Random
    titles: dict[int, str] = field(default_factory=dict)
    """What is committed, by id."""
    edits: int = 0
    commits: list[tuple[float, float]] = field(default_factory=list)
    """When each transaction was stamped and when it was committed, by the server's clock and by ours."""

    def work(self, over: threading.Event) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET transaction_timeout = '3s'")
            while not over.is_set():
                self._transaction(connection, over)

    def _transaction(self, connection: psycopg.Connection, over: threading.Event) -> None:
        said: dict[int, str] = {}
        edits = 0
        try:
            with connection.transaction():
                stamp = connection.execute("SELECT extract(epoch FROM now())::float8").fetchone()
                for _ in range(self.chance.randint(1, 2)):
                    if self.titles and self.chance.random() < 0.4:
                        id_ = self.chance.choice(sorted(self.titles))
                        said[id_], edits = f"{id_}、{self.chance.randrange(10**9)}版", edits + 1
                        changed = (said[id_], id_)
                        connection.execute("UPDATE post SET title = %s, changed = now() WHERE id = %s", changed)
                    else:
                        id_ = self.number + WRITERS * (len(self.titles.keys() | said.keys()) + 1)
                        said[id_] = f"{id_}、初版"
                        connection.execute("INSERT INTO post VALUES (%s, %s, now(), now())", (id_, said[id_]))
                over.wait(self.chance.choice(DELAYS))
        except psycopg.OperationalError:
            connection.close()  # too long, and so not written
            raise
        assert stamp is not None
        self.commits.append((stamp[0], time.time()))
        self.titles |= said
        self.edits += edits
        over.wait(self.chance.uniform(0, 0.3))


@dataclass
class House:
    """feedpub: one thread polls, and another builds feeds and delivers, as they do in the daemon."""

    publisher: Publisher
    world: World
    polls: int = 0
    cost: float = 0
    """Seconds that all polls together computed, whoever else had the processors meanwhile."""
    errors: set[str] = field(default_factory=set)

    def poll(self, over: threading.Event) -> None:
        """Poll ten times a second; where one takes longer, the next begins at once."""
        due, began = time.monotonic(), time.thread_time()
        while not over.is_set():
            self.errors |= {self.publisher.poll("blog").error}
            self.polls += 1
            due = max(due + EVERY, time.monotonic())
            over.wait(due - time.monotonic())
        self.cost = time.thread_time() - began

    def say(self, over: threading.Event) -> None:
        while not over.wait(0.3):
            self.say_what_is_due()

    def say_what_is_due(self) -> None:
        self.publisher.build()
        while claimed := self.publisher.claim(100):
            for one in claimed:
                self.publisher.deliver(one)


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


@contextmanager
def house(url: str, folder: Path) -> Iterator[House]:
    options = SqlOptions.model_validate({"name": "blog", "url": url, "query": QUERY, "overlap": OVERLAP})
    feeds = FeedsOptions.model_validate(
        {"base_url": HOME.base_url, "output": str(folder / "public"), "formats": ["json"], "compress": [], "archive": 0}
    )
    ledger = Ledger(Database(migrated_sqlite(folder)))
    with closing(ledger), closing(options.open(Door(), HOME)) as store:
        ledger.open(lead=True)
        targets = {"board": Board(name="board", flood_limit=100_000)}
        setup = Setup(SITE, feeds, {"blog": Source(options, store)}, targets)
        world = World(now())
        publisher = Publisher(ledger, world, setup, now)  # type: ignore[arg-type]
        publisher.apply(setup)
        publisher.publish("blog")
        yield House(publisher, world)


def overtaken(commits: list[tuple[float, float]]) -> int:
    """How many were committed after another that was stamped a second later: what a mere "newer than" misses."""
    latest, late = 0.0, 0
    for stamp, _ in sorted(commits, key=lambda one: one[1]):
        late += stamp < latest - 1
        latest = max(latest, stamp)
    return late


def test_eight_writers_who_commit_out_of_order_lose_nothing_and_nothing_is_said_twice(
    postgres: PostgreSQL, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    url = postgres.fresh()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute(INDEX)
    writers = [Writer(url, number, random.Random(20_260_401 + number)) for number in range(WRITERS)]
    with house(url, tmp_path) as one:
        written, read = threading.Event(), threading.Event()
        work: list[Callable[[], None]] = [lambda w=writer: w.work(written) for writer in writers]  # type: ignore[misc]
        with ThreadPoolExecutor(WRITERS + 2) as pool:
            writing = [pool.submit(job) for job in work]
            reading = [pool.submit(one.poll, read), pool.submit(one.say, read)]
            written.wait(SECONDS)
            written.set()
            for job in writing:
                job.result()
            read.set()
            for job in reading:
                job.result()
        done = one.publisher.poll("blog")
        again = one.publisher.poll("blog")
        one.say_what_is_due()
        titles = {str(id_): title for writer in writers for id_, title in writer.titles.items()}
        bodies = one.publisher.ledger.articles.bodies("blog", titles)
        posts = Counter(post.guid for post in one.world.posts)
    assert {id_: body.title for id_, body in bodies.items()} == titles
    assert set(posts.values()) == {1}
    assert {guid.rpartition(":")[2] for guid in posts} == titles.keys()
    assert one.errors | {done.error, again.error} == {""}
    assert (again.new, again.edited) == (0, 0)
    record_property("polls a second", one.polls / SECONDS)
    record_property("seconds a poll computes", one.cost / one.polls)
    # How many there were is the machine's doing, and some there must have been among the commits. What one computes is
    # ours: it leaves time for ten a second, and for the writers.
    assert one.cost / one.polls < EVERY * 0.75
    assert one.polls > SECONDS / EVERY / 4
    assert sum(writer.edits for writer in writers) > 50
    assert overtaken([commit for writer in writers for commit in writer.commits]) > 10
