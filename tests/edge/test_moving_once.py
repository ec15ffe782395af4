"""Each article once, whatever becomes of stores and machines: the state machine of once_moved.py."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import PostgreSQL, migrated_sqlite
from tests.edge.once_moved import OnceMoved
from tests.edge.test_once import SLOW


def test_no_reader_notices_where_articles_come_from_or_where_feedpub_runs(postgres: PostgreSQL) -> None:
    class Houses(OnceMoved):
        @staticmethod
        def fresh(folder: Path, kind: str) -> str:
            return migrated_sqlite(folder) if kind == "sqlite" else postgres.migrated()

    stories = 6 * int(os.environ.get("STORIES", "1"))
    run_state_machine_as_test(
        Houses,
        settings=settings(
            max_examples=stories,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=SLOW,
        ),
    )
