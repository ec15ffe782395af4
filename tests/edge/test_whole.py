"""The feeds and their archives are whole, whatever happens: the state machine of whole.py on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis.stateful import run_state_machine_as_test

from feedpub import building
from tests.databases import migrated_sqlite
from tests.edge.test_once import budget
from tests.edge.whole import FailingDisk, Whole


def test_readers_get_every_article_whatever_happens_to_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "DiskOutput", FailingDisk)

    class OnSQLite(Whole):
        @staticmethod
        def fresh(folder: Path) -> str:
            return migrated_sqlite(folder)

    run_state_machine_as_test(OnSQLite, settings=budget(4))
