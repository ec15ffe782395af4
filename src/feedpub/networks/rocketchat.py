"""a notice -> a message of a Rocket.Chat incoming webhook."""

from __future__ import annotations

import re
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from feedpub.model import Context, Conversation, Measure, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks.answers import field_of, puzzling, quotable
from feedpub.networks.base import WORD_JOINER, ask, check_address, outside_links
from feedpub.networks.hook import Hook

_PATH = re.compile(r"(.*/hooks)/(\w+)/([^/]+)/?", re.ASCII)
# What stands behind one of these is no name, link, spoiler, formula or list then.
_BREAK = re.compile(r"[@#<|]|\\(?=[\[(])|\](?=\()|^(?=[>-])|^\d+(?=\.)", re.MULTILINE)
_WIDE = {ord("*"): "＊", ord("_"): "＿", ord("~"): "～", ord("`"): "｀"}
_NOWHERE = frozenset({"invalid-channel", "error-invalid-channel", "error-room-not-found", "error-not-allowed"})


class RocketChat(Hook):
    """Posts through an incoming webhook made after Slack's. It answers whether it was a success."""

    docs: ClassVar[str] = "https://docs.rocket.chat/docs/integrations"
    label: ClassVar[str] = "Rocket.Chat"

    kind: Literal["rocketchat"] = "rocketchat"
    limit: int = Field(default=5000, ge=100, description="how many characters the server allows")

    @field_validator("webhook_url")
    @classmethod
    def _is_a_webhook(cls, url: SecretStr) -> SecretStr:
        if not _PATH.fullmatch(urlsplit(check_address(url.get_secret_value())).path):
            raise ValueError("a Rocket.Chat webhook's address ends with /hooks/ID/TOKEN")
        return url

    def word(self, text: str) -> str:
        """Break what would act by invisible word joiners, and write the signs of emphasis wide, outside addresses.

        Rocket.Chat knows no escapes: a `*` that is to stay one has to be another character.
        """
        return outside_links(text, lambda words: _BREAK.sub(rf"\g<0>{WORD_JOINER}", words).translate(_WIDE))

    def measure(self, text: str) -> Measure:
        """Count code points as sent, by the server's own setting (Message › Maximum Allowed Characters)."""
        return Measure(used=len(self.word(text)), limit=self.limit, unit="characters")

    def payload(self, notice: Notice) -> object:
        """Write the text, and whether its link has a preview."""
        return {"text": self.word(notice.text), "parseUrls": self.image == "card"}

    def verify(self, context: Context) -> Conversation:
        """Ask the webhook for itself, which posts nothing."""
        given = urlsplit(self.webhook_url.get_secret_value())
        path = _PATH.sub(r"\1/info/\2/\3", given.path)
        reply = yield from ask(Request("GET", given._replace(path=path).geturl(), says=False))
        return self.read(reply, context, says=False)

    def said(self, reply: Reply) -> Outcome:
        """Take a success for one only if it says so."""
        if field_of(reply, "success") is True:
            return Said()
        if field_of(reply, "success") is not False:
            return puzzling(self.label)
        reason = quotable(reply, self.secrets()) or "no reason given"
        return self.dialect(reply) or Refused(
            f"Rocket.Chat did not take this notice ({reason}): change its template or the article"
        )

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the errors that are about where it posts, whatever it posts."""
        name = field_of(reply, "error")
        if isinstance(name, str) and name in _NOWHERE:
            return Refused(
                f"this webhook may not post to its channel, or the channel is gone ({name}): "
                "mend it in Rocket.Chat's Integrations, then resume the target",
                "target",
            )
        return None
