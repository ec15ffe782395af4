"""a notice -> this process's own terminal: seeing before saying."""

from __future__ import annotations

from typing import ClassVar, Literal
from unicodedata import category

from feedpub.model import Context, Conversation, Measure, Notice, Said, Show
from feedpub.networks.base import Network


class Console(Network):
    """Shows each notice as it would be posted."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract"})
    label: ClassVar[str] = "the console"
    mend: ClassVar[str] = "the terminal"

    kind: Literal["console"] = "console"

    def word(self, text: str) -> str:
        """Keep a terminal's control characters from acting."""
        return "".join(letter for letter in text if letter == "\n" or category(letter) != "Cc")

    def measure(self, text: str) -> Measure:
        """Count code points; a terminal takes any number."""
        return Measure(used=len(text), limit=1_000_000_000, unit="characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:  # noqa: ARG002 - a terminal asks nothing back
        """Show it below a line that says what would happen."""
        yield Show(self.word(f"── {notice.target}: {notice.action} ──\n{notice.text}"))
        return Said()

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Show what an edit would say."""
        return self.announce(notice, context)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Show what would be deleted."""
        return self.announce(notice, context)
