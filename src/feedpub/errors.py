"""What can go wrong, as a tree.

FeedpubError                 every error we raise on purpose: one clear sentence, safe to show
├── ConfigError              a config file or the environment: says file, line, key, and what to change
├── StoreError               a store did not answer, or not as a store should; asked again at the next poll
│   └── ImportRefused        a file to import is broken: says line and reason; nothing was written
├── UnreachableError         the guarded door could not fetch: refused, timed out, too large, or forbidden
├── ComposeError             a notice cannot be written: its template fails, or the text cannot fit
├── GateError                a feed file is not what its format asks; it does not go out
├── OutputError              a feed file could not be written; the old one stands
└── LedgerError              the database: unreachable or damaged
    ├── LedgerTooNew         its schema is of a later feedpub
    ├── LedgerBusy           another feedpub leads on this database
    ├── LedgerGone           its file was moved, deleted or replaced while we led
    └── Superseded           somebody else moved the row first (compare-and-set, fencing); nothing was written
        └── GuidTaken        another store recorded this guid first: to be judged once more

No message holds a secret: texts from libraries are kept as `__cause__`, never pasted.
"""

from __future__ import annotations

import traceback


def place(error: BaseException) -> str:
    """Where an unexpected error was raised, as `file:line`. Its text is not told: it may hold a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


class FeedpubError(Exception):
    """One clear sentence that says what to change; safe to show anywhere."""


class ConfigError(FeedpubError):
    """A config file or an environment variable cannot be used; exit code 2."""


class StoreError(FeedpubError):
    """A store cannot be read now; its articles stay as they are."""


class ImportRefused(StoreError):  # noqa: N818 - the name says what happened to the file
    """A file to import is broken; nothing of it was written."""


class UnreachableError(FeedpubError):
    """A fetch failed; `sent` tells whether the other side may have seen the request."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        """Keep whether the request may have reached the other side."""
        super().__init__(message)
        self.sent = sent


class ComposeError(FeedpubError):
    """A notice cannot be written for this target."""


class GateError(FeedpubError):
    """A feed file is not what its format asks: a fault of ours; the old one stands."""


class OutputError(FeedpubError):
    """A feed file could not be written; the old one stands."""


class LedgerError(FeedpubError):
    """The database cannot be used."""


class LedgerMissing(LedgerError):  # noqa: N818
    """There is no database yet: feedpub has not run here."""


class LedgerTooNew(LedgerError):  # noqa: N818
    """The database was written by a later feedpub."""


class LedgerBusy(LedgerError):  # noqa: N818
    """Another feedpub leads on this database."""


class LedgerGone(LedgerError):  # noqa: N818
    """The database's file is not the one any more that we opened."""


class Superseded(LedgerError):  # noqa: N818
    """Somebody else moved this row first; what we meant to write is void."""


class GuidTaken(Superseded):
    """Another store recorded one of these guids meanwhile; nothing was written."""
