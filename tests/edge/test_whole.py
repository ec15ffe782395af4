"""The feeds and their archives are whole, whatever happens: the state machine of whole.py on SQLite."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis.stateful import run_state_machine_as_test

from feedpub import building
from tests.edge.test_once import budget, migrate
from tests.edge.whole import FailingDisk, Whole


def test_readers_get_every_article_whatever_happens_to_feeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "DiskOutput", FailingDisk)
    template = tmp_path / "template.db"
    migrate(f"sqlite:///{template}")

    class OnSQLite(Whole):
        @staticmethod
        def fresh(folder: Path) -> str:
            shutil.copy(template, folder / "feedpub.db")
            return f"sqlite:///{folder / 'feedpub.db'}"

    run_state_machine_as_test(OnSQLite, settings=budget(4))
