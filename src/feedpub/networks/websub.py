"""a changed feed -> a hub, which fetches it and hands it to its subscribers (W3C WebSub)."""

from __future__ import annotations

import re
from typing import ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, field_validator

from feedpub.model import Context, Conversation, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks.base import ask, check_address
from feedpub.networks.feed_subject import FeedNetwork


class WebSub(FeedNetwork):
    """Tells a hub which files have changed. The specification leaves open how (§6); hubs agree on a form."""

    docs: ClassVar[str] = "https://www.w3.org/TR/websub/"
    label: ClassVar[str] = "the hub"
    mend: ClassVar[str] = "hub_url"

    kind: Literal["websub"] = "websub"
    hub_url: str = Field(
        description="the hub's address; public, since the feeds name it as their hub",
        examples=["https://hub.example.com/"],
    )

    @field_validator("hub_url")
    @classmethod
    def _sendable(cls, url: str) -> str:
        if not re.fullmatch(r"[!-~]+", check_address(url)):
            raise ValueError("write the hub's address in ASCII, as it stands in the feeds")
        return url

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Tell of each file by itself, since people subscribe to one format; a refused one does not stop the others."""
        refused: Refused | None = None
        for address in notice.text.splitlines():
            reply = yield from ask(self._publication(address))
            outcome = self.read(reply, context, says=False)
            if isinstance(outcome, Refused) and outcome.scope == "item":
                refused = refused or outcome
            elif not isinstance(outcome, Said):
                return outcome
        return refused or Said()

    def said(self, reply: Reply) -> Outcome:  # noqa: ARG002 - any 2xx is a yes: hubs owe no body
        """Take any success for what it is."""
        return Said()

    def _publication(self, address: str) -> Request:
        # Some hubs read `hub.url`, some `hub.topic`; none minds the other.
        form = {"hub.mode": "publish", "hub.url": address, "hub.topic": address}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return Request("POST", self.hub_url, headers, urlencode(form).encode(), says=False)
