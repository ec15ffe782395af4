"""a notice -> a post of a Mattermost incoming webhook."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from feedpub.model import Measure, Notice, Outcome, Refused, Reply, Said
from feedpub.networks.answers import field_of, puzzling
from feedpub.networks.base import WORD_JOINER, outside_links
from feedpub.networks.hook import Hook

_MARKUP = re.compile(r"[\\*_~`\[|]|^(?=[>+-]|#{1,6}\s)|^(?P<number>\d{1,9})(?=[.)])", re.MULTILINE)
_CALL = re.compile(r"[@<]")

_ADMIN = "in the System Console, then resume the target"
_REFUSALS = {
    "web.incoming_webhook.invalid.app_error": (
        "Mattermost knows this webhook no more: make a new one, write it into webhook_url, then resume the target"
    ),
    "web.incoming_webhook.disabled.app_error": f"Mattermost has incoming webhooks turned off: turn them on {_ADMIN}",
    "api.post.create_post.can_not_post_to_deleted.error": (
        "the channel of this webhook is archived: make a webhook for another one, then resume the target"
    ),
}


class Mattermost(Hook):
    """Posts through an incoming webhook made after Slack's; its text is Markdown. It answers `ok`, or why not."""

    images: ClassVar[frozenset[str]] = frozenset({"card"})
    docs: ClassVar[str] = "https://developers.mattermost.com/integrate/webhooks/incoming/"
    label: ClassVar[str] = "Mattermost"

    kind: Literal["mattermost"] = "mattermost"

    def word(self, text: str) -> str:
        r"""Put a backslash before what is markup, and an invisible word joiner behind each @ and <, outside addresses.

        Mattermost looks for `<!channel>` and for names before it reads Markdown: a backslash would not hold them back.
        """
        return outside_links(text, lambda words: _CALL.sub(rf"\g<0>{WORD_JOINER}", _MARKUP.sub(_escaped, words)))

    def measure(self, text: str) -> Measure:
        """Count code points as sent; a longer text would become two posts."""
        return Measure(used=len(self.word(text)), limit=16_383, unit="characters")

    def payload(self, notice: Notice) -> object:
        """Write the text and nothing else: whether links have a preview, the server decides."""
        return {"text": self.word(notice.text)}

    def said(self, reply: Reply) -> Outcome:
        """Take nothing but `ok`."""
        return Said() if reply.body.strip() == b"ok" else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the errors that say more than their status (that of a webhook turned off, 501, is none of a failure)."""
        why = _REFUSALS.get(str(field_of(reply, "id")))
        return Refused(why, "target") if why else None


def _escaped(found: re.Match[str]) -> str:
    number = found["number"]
    return f"{number}\\" if number else f"\\{found[0]}"
