"""What the tests with readers can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.readers.site import Place, articles


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The sample site, published."""
    place = Place(tmp_path)
    place.publish(articles())
    yield place
    place.close()
