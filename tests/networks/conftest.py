"""The servers that these tests meet: one of each for all of them, as they take their time to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edge.front_door import launcher, site
from tests.networks import synapse, telegram_api
from tests.networks.synapse import Homeserver
from tests.networks.telegram_api import BotApi

__all__ = ["bot_api", "homeserver", "launcher", "site"]


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
