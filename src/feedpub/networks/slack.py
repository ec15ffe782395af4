"""a notice -> a message of a Slack incoming webhook."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from feedpub.model import Context, Conversation, Measure, Notice, Outcome, Refused, Reply, Said
from feedpub.networks.answers import field_of, puzzling, quotable
from feedpub.networks.base import Network, ask, check_address, json_request


class Slack(Network):
    """Posts through an incoming webhook, whose address is its key. It answers `ok`: nothing to edit, delete or find."""

    docs: ClassVar[str] = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"
    label: ClassVar[str] = "Slack"

    kind: Literal["slack"] = "slack"
    webhook_url: SecretStr = Field(description="the incoming webhook's address")
    unfurl: bool = Field(default=True, description="let Slack show a preview of the link")

    @field_validator("webhook_url")
    @classmethod
    def _absolute(cls, url: SecretStr) -> SecretStr:
        check_address(url.get_secret_value())
        return url

    def word(self, text: str) -> str:
        """Escape the three characters Slack asks for: so `<!channel>` is five letters and calls nobody.

        The link stays bare: Slack finds it, and so does a reader of the fallback text.
        """
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def measure(self, text: str) -> Measure:
        """Count code points as sent, to the limit of one section, beyond which Slack folds a message."""
        return Measure(used=len(self.word(text)), limit=3000, unit="characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it, with markup and unasked mentions off."""
        payload = {
            "text": self.word(notice.text),
            "mrkdwn": False,
            "link_names": False,
            "unfurl_links": self.unfurl,
            "unfurl_media": self.unfurl,
        }
        reply = yield from ask(json_request("POST", self.webhook_url.get_secret_value(), payload))
        return self.read(reply, context)

    def said(self, reply: Reply) -> Outcome:
        """Take nothing but `ok`: Slack also says no with 200."""
        if reply.body.strip() == b"ok" or field_of(reply, "ok") is True:
            return Said()
        if field_of(reply, "ok") is False:
            reason = quotable(reply, self.secrets()) or "no reason given"
            return Refused(f"Slack did not take this notice ({reason}): change its template or the article")
        return puzzling(self.label)
