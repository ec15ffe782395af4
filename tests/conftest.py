"""What every test can ask for."""

import os
import tempfile
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.databases import database_url, empty_database_url, postgres

__all__ = ["database_url", "empty_database_url", "postgres"]

MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that must be free there."""


def _live_in_memory() -> None:
    """Have all folders of tests made in memory, if there is room: nobody pulls a plug, and nobody waits for a disk."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    facts = os.statvfs(MEMORY)
    if facts.f_bavail * facts.f_frsize >= ROOM and not facts.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


_live_in_memory()

# How long an example takes says more of the machine than of us; and a red run should be the change's own fault, so the
# same examples are played every time. With STORIES (CONTRIBUTING.md) new ones are.
settings.register_profile("patient", deadline=None, derandomize="STORIES" not in os.environ)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Keep the log out of the tests' output, and let every level be heard, whatever a test before made of it."""
    structlog.reset_defaults()
    structlog.configure(processors=[_drop])


def _drop(_logger: object, _name: str, _event: structlog.typing.EventDict) -> str:
    raise structlog.DropEvent
