"""Each article to each reader once: the state machine of once.py on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine, text

from feedpub.networks import Console, Mastodon
from feedpub.networks.base import Network
from feedpub.networks.feed_subject import FOREVER
from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.kinds import KINDS
from tests.edge.once import Once, all_targets

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_each_reader_hears_of_each_article_once_on_sqlite() -> None:
    class OnSQLite(Once):
        @staticmethod
        def fresh(folder: Path) -> str:
            return migrated_sqlite(folder)

    run_state_machine_as_test(OnSQLite, settings=budget(10))


def test_each_reader_hears_of_each_article_once_on_postgresql(postgres: PostgreSQL) -> None:
    url = postgres.migrated()

    class OnPostgreSQL(Once):
        @staticmethod
        def fresh(_folder: Path) -> str:
            _empty(url)
            return url

    run_state_machine_as_test(OnPostgreSQL, settings=budget(3))


def test_every_networks_kind_of_doubt_is_played_here() -> None:
    played = [*all_targets().values()]
    networks = [kind.make("https://a.test") for kind in KINDS.values()]
    mastodon = Mastodon(server="https://a.test", token="t0ken")
    told = {"server": json.dumps({"of": mastodon.server, "software": "mastodon"})}
    met = [one for one in (*networks, mastodon.knowing(told), Console()) if one.subject == "article"]

    assert {doubt(one) for one in met} <= {doubt(one) for one in played}
    assert {one.can & {"retract"} for one in met} == {one.can & {"retract"} for one in played}
    assert {way for one in met for way in ways(one)} == {way for one in played for way in ways(one)}
    assert {one.on_doubt for one in played} == {"stop", "resend"}
    # Of feeds nothing is ever in doubt: to tell of a change twice is harmless.
    assert all(one.dedupe_for == FOREVER and "find" not in one.can for one in networks if one.subject == "feed")


def doubt(network: Network) -> tuple[str, bool]:
    """What a network can tell after a doubt: how long it drops repeats, and whether it can be looked at."""
    remembers = "for ever" if network.dedupe_for >= FOREVER else "a while" if network.dedupe_for else "not at all"
    return remembers, "find" in network.can


def ways(network: Network) -> set[str]:
    """How it may be told of an edit."""
    return {way for way, needed in {"edit": "correct", "reply": "reply"}.items() if needed in network.can}


def budget(examples: int) -> settings:
    """So many stories (times `STORIES`), never shrunk: one costs a second, and its steps tell enough."""
    return settings(
        max_examples=examples * int(os.environ.get("STORIES", "1")),
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=SLOW,
    )


def _empty(url: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        tables = connection.execute(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                "AND tablename NOT IN ('alembic_version', 'counter')"
            )
        ).scalars()
        connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"))
    engine.dispose()
