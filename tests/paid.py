"""Boards that charge for what is done on them, and the till that counts it. No network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from feedpub.model import Action
from tests.world import Board, World

PRICES = {Action.ANNOUNCE: Decimal("0.20"), Action.CORRECT: Decimal("0.05"), Action.RETRACT: Decimal("0.01")}


class PaidBoard(Board):
    """Charges for everything: less for a text without a link."""

    budget: Decimal

    def price(self, action: Action, text: str) -> Decimal:
        """Tell what it costs."""
        return PRICES[action] if action is not Action.ANNOUNCE or "http" in text else Decimal("0.015")

    def allowance(self) -> Decimal | None:
        """Tell what may be spent in a month."""
        return self.budget


class ThriftyBoard(PaidBoard):
    """Does without what it cannot pay."""

    def beyond_allowance(self) -> Literal["wait", "skip"]:
        """Skip it."""
        return "skip"


@dataclass
class Till(World):
    """A world that remembers when it was asked to do what, and what it charged, whether or not its answer arrived."""

    done: list[tuple[datetime, str, Decimal]] = field(default_factory=list)

    def _do(self, said: Mapping[str, Any]) -> str:
        if said["verb"] != "find":
            cost = (
                PRICES[Action(said["verb"])]
                if said["verb"] != "announce" or "http" in said["text"]
                else Decimal("0.015")
            )
            self.done.append((self.now, said["verb"], cost))
        return super()._do(dict(said))

    def charged(self, month: str, zone: ZoneInfo) -> Decimal:
        """What it charged in a month."""
        return sum((cost for at, _, cost in self.done if f"{at.astimezone(zone):%Y-%m}" == month), Decimal(0))
