"""Each article to each reader once: the state machine of once.py on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine, text

from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.once import Once

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
