"""What a cycle costs does not depend on how many articles there are: counted in steps of SQLite, not in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, update

from feedpub.ledger import schema
from feedpub.ledger.rows import article_body, delivery_fields
from feedpub.model import Article, Delivery, RawComment, State
from feedpub.terms import terms
from tests.databases import migrated_sqlite
from tests.edge.test_publisher import Desk
from tests.world import Board

OLD = datetime(2020, 1, 1, tzinfo=UTC)


def fill(desk: Desk, count: int) -> None:
    """Have known, said and sealed so many articles for long."""
    articles, members, said = [], [], []
    for number in range(1, count + 1):
        at = OLD + timedelta(minutes=number)
        guid, url = f"tag:news.test,2020:{number}", f"https://news.test/o{number}"
        one = Article("blog", f"o{number}", guid, url, f"旧{number}", "", "<p>旧</p>", at, at, categories=("1",))
        facts = {"published": at, "guid": one.guid, "entered": number}
        articles.append({
            "pk": number, "store": "blog", "id": one.id, "fingerprint": "", "headline": "", "revision": 1, "seq": 1,
            "state": "live", "gone": 0, "updated": at, "body": article_body(one), **facts,
        })  # fmt: skip
        members += [{"article": number, "term": term, **facts} for term in terms(one)]
        stands = Delivery(0, "board", number, State.SENT, 1, said=1, said_at=at, created_at=at, remote_id="p")
        said.append(delivery_fields(stands))
    with desk.ledger.database.write() as connection:
        connection.execute(insert(schema.article), articles)
        connection.execute(insert(schema.membership), members)
        connection.execute(insert(schema.delivery), said)
        connection.execute(update(schema.counter).where(schema.counter.c.name == "entered").values(value=count))
    desk.ledger.feeds.soil()
    desk.publisher.build()
    with desk.ledger.database.write() as connection:  # to write them all is not what is measured here
        connection.execute(update(schema.part).values(built_seq=schema.part.c.dirty_seq))


@contextmanager
def counted(desk: Desk) -> Iterator[list[int]]:
    """How many steps SQLite's machine takes inside, in tens."""
    steps = [0]

    def step() -> None:
        steps[0] += 1

    def watch(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(step, 10)

    engine = desk.ledger.database.engine
    engine.dispose()
    event.listen(engine, "connect", watch)
    yield steps
    event.remove(engine, "connect", watch)
    engine.dispose()


def cycles(folder: Path, count: int) -> dict[str, int]:
    """What is done day by day, with so many old articles, and the steps that it took."""
    options: dict[str, Any] = {"archive": 20, "entries": 20, "compress": (), "formats": ("atom",)}
    board = Board(name="board", quiet="03:00-03:01", every="1m", max_per_hour=9, max_per_day=99, flood_limit=9)
    desk = Desk(migrated_sqlite(folder), folder / str(count), targets={"board": board}, **options)
    desk.store.put(RawComment("c", "o7", author="読者", content="良い", published=desk.now.isoformat()))
    desk.round(minutes=1)
    fill(desk, count)
    desk.round(minutes=20)

    def work() -> None:
        desk.round(minutes=20)
        desk.publisher.archive()

    def write() -> None:
        desk.article("new", categories=("1",))
        work()

    def edit() -> None:
        desk.article("o5", title="訂正", categories=("1",), published=(OLD + timedelta(minutes=5)).isoformat())
        work()

    def comment() -> None:
        desk.store.put(RawComment("d", "o9", author="読者", content="同感", published=desk.now.isoformat()))
        work()

    def withdraw() -> None:
        desk.store.remove("o11")
        work()

    def wake() -> None:
        desk.publisher.claim(5)
        desk.publisher.next_due()
        desk.ledger.deliveries.recover(desk.targets, desk.now, all_leases=False)
        desk.ledger.deliveries.unpaid()

    def other_options() -> None:
        desk.ledger.deliveries.follow_config(desk.targets, ["board"], desk.now)

    def forget() -> None:
        desk.round(days=31)

    took = {}
    for act in (work, write, edit, comment, withdraw, wake, other_options, forget):
        with counted(desk) as steps:
            act()
        took[act.__name__] = steps[0]
    desk.ledger.close()
    return took


def test_what_a_cycle_costs_does_not_depend_on_how_many_articles_there_are(tmp_path: Path) -> None:
    few, many = cycles(tmp_path, 400), cycles(tmp_path, 3200)
    assert {name: many[name] for name in few if many[name] > 1.5 * few[name] + 20} == {}, f"{few} {many}"


def test_a_round_without_a_change_does_not_ask_which_feeds_there_should_be(tmp_path: Path) -> None:
    desk = Desk(migrated_sqlite(tmp_path), tmp_path, tags=True)
    desk.article("1", tags=("F-35",))
    desk.round(minutes=1)
    asked = []
    desk.publisher.builder.specs = lambda: asked.append(1) or ()  # type: ignore[method-assign,func-returns-value]
    desk.round(minutes=1)
    assert asked == []
    desk.ledger.close()
