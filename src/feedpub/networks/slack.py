"""a notice -> a message of a Slack incoming webhook."""

from __future__ import annotations

from typing import ClassVar, Literal

from feedpub.model import Context, Conversation, Measure, Notice, Outcome, Refused, Reply, Said
from feedpub.networks.answers import field_of, puzzling, quotable
from feedpub.networks.base import ask, json_request
from feedpub.networks.hook import Hook

_GONE = frozenset({"no_service", "no_service_id", "no_active_hooks", "no_team", "team_disabled", "invalid_token"})
_NOWHERE = frozenset({"channel_not_found", "channel_is_archived", "user_not_found"})
_FORBIDDEN = frozenset({"action_prohibited", "posting_to_general_channel_denied"})
_WORDLESS = frozenset({"no_text", "invalid_payload", "missing_text_or_fallback_or_attachments"})


class Slack(Hook):
    """Posts through an incoming webhook. It answers `ok`, or the name of what is wrong."""

    docs: ClassVar[str] = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"
    label: ClassVar[str] = "Slack"

    kind: Literal["slack"] = "slack"

    def word(self, text: str) -> str:
        """Escape the three characters Slack asks for: so `<!channel>` is five letters and calls nobody.

        The link stays bare: Slack finds it, and so does a reader of the fallback text.
        """
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def measure(self, text: str) -> Measure:
        """Count code points as sent, to the limit of one section, beyond which Slack folds a message."""
        return Measure(used=len(self.word(text)), limit=3000, unit="characters")

    def payload(self, notice: Notice) -> object:
        """Write it with markup and unasked mentions off."""
        preview = self.image == "card"
        return {
            "text": self.word(notice.text),
            "mrkdwn": False,
            "link_names": False,
            "unfurl_links": preview,
            "unfurl_media": preview,
        }

    def verify(self, context: Context) -> Conversation:
        """Post no words: a webhook that is alive asks for some, and there is nothing it could show."""
        url = self.webhook_url.get_secret_value()
        reply = yield from ask(json_request("POST", url, {"text": ""}, says=False))
        if reply.status == 400 and _name(reply) in _WORDLESS:
            return Said()
        return self.read(reply, context, says=False)

    def said(self, reply: Reply) -> Outcome:
        """Take nothing but `ok`: Slack also says no with 200."""
        if reply.body.strip() == b"ok" or field_of(reply, "ok") is True:
            return Said()
        if field_of(reply, "ok") is not False:
            return puzzling(self.label)
        reason = quotable(reply, self.secrets()) or "no reason given"
        return self.dialect(reply) or Refused(
            f"Slack did not take this notice ({reason}): change its template or the article"
        )

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the name of what is wrong."""
        name = _name(reply)
        if name in _GONE:
            return Refused(
                f"Slack knows this webhook no more ({name}): make a new one, write it into webhook_url, "
                "then resume the target",
                "target",
            )
        if name in _NOWHERE:
            return Refused(
                f"the channel of this webhook is gone or archived ({name}): make a webhook for another one, "
                "then resume the target",
                "target",
            )
        if name in _FORBIDDEN:
            return Refused(
                f"Slack's administrators do not let this webhook post there ({name}): ask them, then resume the target",
                "target",
            )
        return None


def _name(reply: Reply) -> str:
    said = field_of(reply, "error")
    return said if isinstance(said, str) else reply.body[:100].decode("utf-8", "replace").strip()
