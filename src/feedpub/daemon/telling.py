"""What goes wrong in a thread of the daemon -> a line in the log; the thread goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from feedpub.errors import FeedpubError, place

log = structlog.get_logger("feedpub")


@contextmanager
def told(what: str, **names: str) -> Iterator[None]:
    """Tell what went wrong inside, and go on: one fault must not end the daemon."""
    try:
        yield
    except FeedpubError as error:
        log.error("failed", what=what, **names, why=str(error))
    except Exception as error:  # noqa: BLE001 - see above
        log.error("fault", what=what, **names, error=type(error).__name__, at=place(error))
