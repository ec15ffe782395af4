"""The servers that these tests meet: one of each for all of them, as they take their time to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.front_door import Launcher, Site
from tests.networks import synapse, telegram_api
from tests.networks.synapse import Homeserver
from tests.networks.telegram_api import BotApi


@pytest.fixture(scope="session")
def homeserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """A Matrix homeserver."""
    with synapse.running(tmp_path_factory.mktemp("synapse")) as server:
        yield server


@pytest.fixture(scope="session")
def bot_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotApi]:
    """A Bot API of Telegram's."""
    with telegram_api.running(tmp_path_factory.mktemp("telegram") / "output") as server:
        yield server


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """What starts feedpub, and has it killed where a test says."""
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        yield launcher


@pytest.fixture
def site(tmp_path: Path, launcher: Launcher) -> Iterator[Site]:
    """A folder with a config, for a feedpub of its own."""
    site = Site(tmp_path / "site", launcher)
    site.folder.mkdir()
    yield site
    site.stop_all()
