"""a notice -> a card in a Microsoft Teams channel, by way of a workflow's webhook."""

from __future__ import annotations

import json
import re
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from feedpub.model import Again, Doubt, Image, Measure, Notice, Outcome, Refused, Reply, Said
from feedpub.networks.answers import field_of, puzzling, quotable
from feedpub.networks.base import LINK, shortened
from feedpub.networks.hook import Hook

_MOST_BYTES = 20_000
_DESCRIBED = 500
_OFF = "WorkflowTriggerIsNotEnabled"
_GONE = frozenset({"WorkflowNotFound", "WorkflowTriggerNotFound", "TriggerInputSchemaMismatch"})
_BEHIND = re.compile(rb"HTTP (?:error|status)(?: code)?:? (\d{3})", re.IGNORECASE)


class Teams(Hook):
    """Posts through a workflow that waits for a webhook request. It answers before the card is posted."""

    docs: ClassVar[str] = (
        "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook"
    )
    label: ClassVar[str] = "Teams"

    kind: Literal["teams"] = "teams"

    def measure(self, text: str) -> Measure:
        """Count the bytes of the whole body: 28 KB are documented, 20 have been seen to pass."""
        links = LINK.findall(text)
        return Measure(used=_bytes(_message(text, links[-1] if links else "", None)), limit=_MOST_BYTES, unit="bytes")

    def payload(self, notice: Notice) -> object:
        """Make the card, with the picture if there is room for it."""
        image = notice.image if self.image == "card" else None
        card = _message(notice.text, notice.link, image)
        return card if _bytes(card) <= _MOST_BYTES else _message(notice.text, notice.link, None)

    def said(self, reply: Reply) -> Outcome:
        """Take an accepted request, or one of the two old ways to say yes; an old webhook says no with 200 too."""
        if reply.status == 202 or reply.body.strip() in {b"", b"1"}:
            return Said()
        failed = _BEHIND.search(reply.body)
        return _behind(int(failed[1])) if failed else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the codes that are about the workflow, whatever is posted."""
        code = field_of(reply, "error", "code")
        if code == _OFF:
            return Refused("the workflow in Teams is turned off: turn it on, then resume the target", "target")
        if not isinstance(code, str) or code not in _GONE:
            return None
        quote = quotable(reply, self.secrets()) or "no reason given"
        return Refused(
            f"no workflow in Teams takes this webhook request ({code}: {quote}): make one by the template for "
            "webhook requests, write its address into webhook_url, then resume the target",
            "target",
        )


def _behind(status: int) -> Outcome:
    """Judge what Teams itself told an old webhook, which then answered 200."""
    if status in {429, 503}:
        return Again(f"Teams asks to come back later (HTTP {status} behind the webhook)")
    if status in {401, 403, 404, 410}:
        return Refused(
            f"Teams does not let this webhook post any more (HTTP {status} behind the webhook): "
            "make a new one, write its address into webhook_url, then resume the target",
            "target",
        )
    if 400 <= status < 500:
        return Refused(
            f"Teams did not take this notice (HTTP {status} behind the webhook): change its template or the article"
        )
    return Doubt(f"Teams failed with the notice in hand (HTTP {status} behind the webhook)")


# ---------------------------------------------------------------- the card


def _bytes(message: object) -> int:
    """Count as UTF-8, which is sent, and as UTF-16, which Teams is said to make of it: the larger one counts."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return max(len(body.encode()), len(body.encode("utf-16-le")))


def _message(text: str, link: str, image: Image | None) -> dict[str, object]:
    lines = [_line(line) for line in text.split("\n") if line.strip()]
    picture = [{"type": "Image", "url": image.url, "altText": _described(image)}] if image else []
    card: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [*lines, *picture],
        "msteams": {"width": "Full"},
    }
    if link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": urlsplit(link).hostname or link, "url": link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _line(line: str) -> dict[str, object]:
    """Write a line in runs, which know neither Markdown nor mentions; addresses can be clicked on."""
    runs: list[dict[str, object]] = []
    end = 0
    for found in LINK.finditer(line):
        runs += _run(line[end : found.start()])
        runs += [{**_run(found[0])[0], "selectAction": {"type": "Action.OpenUrl", "url": found[0]}}]
        end = found.end()
    return {"type": "RichTextBlock", "inlines": runs + _run(line[end:])}


def _run(text: str) -> list[dict[str, object]]:
    return [{"type": "TextRun", "text": text}] if text else []


def _described(image: Image) -> str:
    owed = " / ".join(part for part in (image.credit, image.license) if part)
    return f"{shortened(image.alt, _DESCRIBED)} {f'({shortened(owed, _DESCRIBED)})' if owed else ''}".strip()
