"""What every test can ask for."""

import pytest
import structlog

from tests.databases import database_url, postgres

__all__ = ["database_url", "postgres"]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Keep the log out of the tests' output, whatever a test before made of it."""
    structlog.configure(processors=[_drop])


def _drop(_logger: object, _name: str, _event: structlog.typing.EventDict) -> str:
    raise structlog.DropEvent
