"""What the networks share that are posted to at one secret address, and never say which post it became."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from feedpub.model import Context, Conversation, Notice
from feedpub.networks.base import Network, ask, check_address, json_request


class Hook(Network):
    """Posts JSON to an incoming webhook, whose address is its key. There is nothing to edit, delete or find later."""

    images: ClassVar[frozenset[str]] = frozenset({"card", "none"})

    webhook_url: SecretStr = Field(description="the incoming webhook's address")

    @field_validator("webhook_url")
    @classmethod
    def _absolute(cls, url: SecretStr) -> SecretStr:
        check_address(url.get_secret_value())
        return url

    def payload(self, notice: Notice) -> object:
        """Write the body that makes the notice appear."""
        raise NotImplementedError

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it."""
        reply = yield from ask(json_request("POST", self.webhook_url.get_secret_value(), self.payload(notice)))
        return self.read(reply, context)
