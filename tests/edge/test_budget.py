"""What a target may spend: on both databases, whatever is answered and wherever the process dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from feedpub.errors import Superseded
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.model import Delivery, RawArticle, State
from feedpub.notices.lifecycle import Wanted
from feedpub.notices.pace import Bill, bill
from feedpub.pipeline import Publisher
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.once import FusedDatabase
from tests.edge.test_pace import DAY, HOUR, MINUTE, Newsdesk
from tests.paid import PaidBoard, ThriftyBoard, Till
from tests.world import Behaviour, Crash

TWENTY = Decimal("20.00")


class Shop(Newsdesk):
    """A desk whose one board charges."""

    world: Till

    def __init__(self, url: str, folder: Path, budget: str = "1.00", network: type[PaidBoard] = PaidBoard) -> None:
        super().__init__(url, folder, targets={"x": network(name="x", budget=Decimal(budget), flood_limit=99)})
        self.world = Till(self.now)
        self.publisher.door = self.world  # type: ignore[assignment]

    def save(self, budget: str, network: type[PaidBoard] = PaidBoard, **options: Any) -> None:
        given = {"name": "x", "flood_limit": 99, "budget": budget} | options
        self.targets = {"x": network.model_validate({"kind": "board"} | given)}
        self.publisher.apply(self.setup())

    def start_again(self, database: Database) -> None:
        """Be another process, on the same database; what the one before was saying is in doubt."""
        self.ledger = Ledger(database)
        self.ledger.open(lead=True)
        self.publisher = Publisher(self.ledger, self.world, self.setup(), lambda: self.now)  # type: ignore[arg-type]
        self.publisher.apply(self.setup())
        self.ledger.deliveries.recover(self.targets, self.now, all_leases=True)

    def spent(self, month: str = "2026-04") -> Decimal:
        """What feedpub believes to have spent."""
        return Decimal(self.ledger.deliveries.spent(month).get("x", 0)) / 1_000_000

    def verbs(self) -> list[str]:
        return [verb for _, verb, _ in self.world.done]


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(database_url, tmp_path)
    yield shop
    shop.ledger.close()


def waiting(shop: Shop) -> dict[str, Delivery]:
    listed = shop.ledger.deliveries.listed(states=[State.DUE, State.DOUBTFUL])
    return {one.about.id: one.delivery for one in listed}


# ---------------------------------------------------------------- case 29


def test_case_29_what_the_months_budget_does_not_cover_waits_and_is_not_sent(shop: Shop) -> None:
    with capture_logs() as log:
        shop.write("1", "2", "3", "4", "5", "6", "7")
        shop.to("2026-04-27T22:00")
    assert (len(shop.said()), shop.spent()) == (5, Decimal("1.00"))
    assert set(waiting(shop)) == {"6", "7"}
    why = "this month's budget of 1.00 does not cover it (1.00 is spent, it costs 0.20): raise targets.x.budget"
    assert {(one.reason, one.held_by) for one in waiting(shop).values()} == {(why, "budget")}
    told = [one for one in log if one["event"] == "budget_spent"]
    assert [(one["article"], one["state"], one["why"]) for one in told] == [("6", "due", why), ("7", "due", why)]
    assert shop.ledger.deliveries.unpaid() == {"x": 2}
    assert all(shop.ledger.deliveries.attempts(one.id) == () for one in waiting(shop).values())


def test_case_29_a_target_that_would_rather_skip_does(database_url: str, tmp_path: Path) -> None:
    shop = Shop(database_url, tmp_path, network=ThriftyBoard)
    shop.write("1", "2", "3", "4", "5", "6")
    shop.to("2026-04-27T22:00")
    assert (len(shop.said()), shop.spent()) == (5, Decimal("1.00"))
    assert shop.one("6").state is State.SKIPPED
    assert "this month's budget of 1.00" in shop.one("6").reason
    shop.ledger.close()


def test_a_new_month_of_the_site_has_new_money(shop: Shop) -> None:
    shop.save("0.20", max_age="9d")
    shop.write("1", "2")
    shop.to("2026-04-30T23:59")
    assert shop.told() == ["1 27 21:00"]
    assert shop.publisher.next_due() == shop.at("2026-05-01T00:00")
    shop.to("2026-05-01T00:00")
    assert shop.told() == ["1 27 21:00", "2 01 00:00"]
    assert (shop.spent(), shop.spent("2026-05")) == (Decimal("0.20"), Decimal("0.20"))


def test_news_that_is_too_old_by_the_time_there_is_money_is_not_said(shop: Shop) -> None:
    shop.save("0.20", max_age="1d")
    shop.write("1", "2")
    shop.to("2026-04-28T21:01")
    assert (shop.one("2").state, shop.one("2").reason) == (State.SKIPPED, "too old to be news (max_age)")


def test_a_budget_that_is_raised_counts_at_once(shop: Shop) -> None:
    shop.save("0.20")
    shop.write("1", "2", "3")
    shop.to("2026-04-27T22:00")
    assert len(shop.said()) == 1
    shop.save("0.40")
    shop.to("2026-04-27T22:01")
    assert len(shop.said()) == 2
    assert shop.one("3").reason.startswith("this month's budget of 0.40 does not cover it (0.40 is spent")


def test_a_budget_that_was_raised_while_feedpub_was_stopped_counts_at_the_start(shop: Shop) -> None:
    shop.save("0.20")
    shop.write("1", "2")
    shop.to("2026-04-27T22:00")
    shop.targets = {"x": PaidBoard(name="x", budget=TWENTY)}
    shop.publisher.setup = shop.setup()  # as after a start: nothing is known of the options before
    shop.publisher.apply(shop.setup())
    shop.to("2026-04-27T22:01")
    assert len(shop.said()) == 2


def test_a_budget_that_is_lowered_below_what_is_spent_stops_at_once(shop: Shop) -> None:
    shop.write("1", "2")
    shop.to("2026-04-27T21:01")
    shop.save("0.10")
    shop.write("3")
    shop.to("2026-04-27T22:00")
    assert len(shop.said()) == 2
    assert "0.10 does not cover it (0.40 is spent" in shop.one("3").reason


def test_what_costs_less_may_still_be_paid(shop: Shop) -> None:
    shop.save("0.22")
    shop.write("1", "2")
    shop.store.put(RawArticle(id="3", content="<p>短信です</p>", published=shop.now.isoformat()))
    shop.save("0.22", template="{{ headline }}")
    shop.save("0.22")
    shop.publisher.publish("blog")
    shop.to("2026-04-27T22:00")
    assert (shop.said(), shop.spent()) == (["1", "3"], Decimal("0.215"))


def test_corrections_and_deletions_are_paid_and_capped_alike(shop: Shop) -> None:
    shop.save("0.26", retract_after="1h")
    shop.write("1")
    shop.to("2026-04-27T21:01")
    shop.write("1", title="訂正")
    shop.to("2026-04-27T21:05")
    assert (shop.spent(), shop.verbs()) == (Decimal("0.25"), ["announce", "correct"])
    shop.write("1", title="再訂正")
    shop.to("2026-04-27T21:10")
    assert shop.world.posts[0].text.startswith("訂正")
    shop.withdraw("1")
    shop.to("2026-04-27T23:00")
    assert (shop.spent(), shop.verbs()) == (Decimal("0.26"), ["announce", "correct", "retract"])


@pytest.mark.parametrize("network", [PaidBoard, ThriftyBoard])
def test_a_deletion_that_cannot_be_paid_waits_and_is_done_in_the_end(
    network: type[PaidBoard], database_url: str, tmp_path: Path
) -> None:
    shop = Shop(database_url, tmp_path, "0.20", network)
    shop.write("1")
    shop.to("2026-04-27T21:01")
    shop.withdraw("1")
    shop.to("2026-04-30T23:00")
    assert shop.world.posts[0].standing
    shop.to("2026-05-01T00:00")
    assert not shop.world.posts[0].standing
    shop.ledger.close()


@pytest.mark.parametrize(
    ("behaviour", "spent"),
    [
        ("ok", "0.20"),
        ("busy", "0"),
        ("refused", "0"),
        ("forbidden", "0"),
        ("lost after", "0.20"),
        ("lost before", "0.20"),
    ],
)
def test_what_was_surely_not_said_gives_the_money_back(shop: Shop, behaviour: Behaviour, spent: str) -> None:
    shop.world.behaviours = [behaviour]
    shop.write("1")
    shop.until(shop.now)
    assert shop.spent() == Decimal(spent)


def test_of_several_posts_some_may_have_been_deleted_and_charged_before_one_was_not(shop: Shop) -> None:
    shop.write("1")
    shop.to("2026-04-27T21:01")
    shop.ledger.deliveries.tell([shop.one("1").id], Wanted(), shop.targets, shop.now)
    shop.to("2026-04-27T21:30")
    shop.withdraw("1")
    shop.world.behaviours = ["ok", "busy"]
    shop.to("2026-04-27T22:30")
    assert [post.standing for post in shop.world.posts] == [True, False]
    assert shop.spent() >= shop.world.charged("2026-04", shop.zone)


@pytest.mark.parametrize("behaviour", ["crash before", "crash after"])
def test_a_process_that_dies_while_it_speaks_has_spent(shop: Shop, behaviour: Behaviour) -> None:
    shop.world.behaviours = [behaviour]
    shop.write("1")
    with pytest.raises(Crash):
        shop.until(shop.now)
    shop.ledger.deliveries.recover(shop.targets, shop.now, all_leases=True)
    assert shop.spent() == Decimal("0.20")


def test_money_comes_back_to_the_month_that_it_was_taken_from(shop: Shop) -> None:
    shop.skip("2026-04-30T23:59:59")
    shop.write("1")
    shop.world.behaviours = ["busy"]
    (claimed,) = shop.publisher.claim(1)
    converse = shop.world.converse

    def slowly(*args: Any, **options: Any) -> Any:
        shop.skip("2026-05-01T00:00:01")
        return converse(*args, **options)

    shop.world.converse = slowly  # type: ignore[method-assign]
    shop.publisher.deliver(claimed)
    assert shop.spent("2026-04") == shop.spent("2026-05") == 0


def test_a_price_that_changes_while_it_is_being_said_is_given_back_as_it_was_paid(shop: Shop) -> None:
    shop.write("1")
    shop.world.behaviours = ["busy"]
    (claimed,) = shop.publisher.claim(1)
    converse = shop.world.converse

    def meanwhile(*args: Any, **options: Any) -> Any:
        shop.save("7.00", prefix="【速報】")
        return converse(*args, **options)

    shop.world.converse = meanwhile  # type: ignore[method-assign]
    shop.publisher.deliver(claimed)
    assert shop.spent() == 0


def test_what_waits_for_money_obeys_people_and_authors(shop: Shop) -> None:
    shop.save("0.20")
    shop.write("1", "2", "3", "4")
    shop.to("2026-04-27T22:00")
    shop.withdraw("2")
    assert shop.one("2").state is State.SKIPPED
    shop.write("3", announce=False)
    assert shop.one("3").state is State.SKIPPED
    shop.write("4", title="訂正")
    shop.save("9.00")
    shop.until(shop.now)
    assert [post.text.splitlines()[0] for post in shop.world.posts] == ["記事1", "訂正"]
    assert (shop.one("4").held_by, shop.one("4").reason) == ("", "")


# ---------------------------------------------------------------- never more than that


def test_two_that_start_at_the_same_moment_never_overspend(postgres: PostgreSQL, tmp_path: Path) -> None:
    """One conversation per target at a time makes this rare; a lease that ran out makes it possible."""
    shop = Shop(postgres.migrated(), tmp_path, "0.30")
    shop.write("1", "2")
    target, deliveries = shop.targets["x"], shop.ledger.deliveries
    started = []
    for _ in range(2):
        (claimed,) = shop.publisher.claim(1)
        notice = shop.publisher.deliverer._compose(claimed, target)
        started.append(deliveries.start(claimed, notice, target, shop.now, bill(target, notice, shop.now, shop.zone)))
        shop.skip("2026-04-27T21:10")
        deliveries.recover(shop.targets, shop.now, all_leases=False)
    assert [one.state for one in started] == [State.SENDING, State.DUE]
    assert shop.spent() == Decimal("0.20")
    shop.ledger.close()


def test_an_answer_to_a_worker_that_was_overtaken_gives_nothing_back(shop: Shop) -> None:
    shop.write("1")
    target, deliveries = shop.targets["x"], shop.ledger.deliveries
    (slow,) = shop.publisher.claim(1)
    notice = shop.publisher.deliverer._compose(slow, target)
    paid = bill(target, notice, shop.now, shop.zone)
    assert isinstance(paid, Bill)
    slow = deliveries.start(slow, notice, target, shop.now, paid)
    shop.skip("2026-04-27T21:10")
    deliveries.recover(shop.targets, shop.now, all_leases=False)
    with suppress(Superseded):
        shop.world.behaviours = ["busy"]
        deliverer = shop.publisher.deliverer
        deliverer._settle(slow, target, deliverer._say(target, target.announce(notice, None)), paid)  # type: ignore[arg-type]
    assert shop.spent() == Decimal("0.20")


BEHAVIOURS = st.sampled_from(
    ["ok", "busy", "lost after", "lost before", "refused", "forbidden", "crash before", "crash after"]
)
STORY = st.lists(
    st.tuples(
        st.sampled_from(["write", "edit", "withdraw", "wait", "retry"]),
        st.integers(0, 4),
        st.lists(BEHAVIOURS, max_size=4),
        st.none() | st.tuples(st.integers(0, 20), st.booleans()),
        st.none() | st.sampled_from(["0.20", "0.41", "1.00"]),
    ),
    min_size=2,
    max_size=8,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes a database of each kind, with nothing in it."""
    if request.param == "sqlite":
        return lambda: migrated_sqlite(tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.migrated


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORY, skips=st.booleans())
def test_whatever_happens_a_month_never_costs_more_than_its_budget(
    fresh: Callable[[], str], tmp_path: Path, story: list[Any], skips: bool
) -> None:
    network, most, url = ThriftyBoard if skips else PaidBoard, Decimal("0.41"), fresh()
    shop = Shop(url, tmp_path, "0.41", network)
    shop.ledger.close()
    database = FusedDatabase(url)
    with closing(database):
        shop.start_again(database)
        for act, which, behaviours, fuse, budget in story:
            if budget is not None:
                most = max(most, Decimal(budget))
                shop.save(budget, network)
            shop.world.behaviours = list(behaviours)
            database.fuse, database.before = fuse or (None, True)
            try:
                happen(shop, act, str(which))
            except Crash:
                database.fuse = None
                database.close()
                shop.start_again(database)
            database.fuse = None
            for month in {f"{at.astimezone(shop.zone):%Y-%m}" for at, _, _ in shop.world.done}:
                assert shop.world.charged(month, shop.zone) <= shop.spent(month) <= most, (month, shop.world.done)


def happen(shop: Shop, act: str, article: str) -> None:
    if act == "write":
        shop.write(article, *(f"{article}{more}" for more in range(2)))
    elif act == "edit":
        shop.write(article, title=f"訂正{shop.now:%d%H%M%S}")
    elif act == "withdraw":
        shop.withdraw(article)
    elif act == "retry":
        shop.ledger.targets.resume("x")
    shop.until(shop.now + (9 * DAY if act == "wait" else 2 * HOUR + MINUTE))
