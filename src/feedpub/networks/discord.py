"""a notice -> a message of a Discord channel's webhook."""

from __future__ import annotations

import re
from typing import ClassVar, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import Field, SecretStr, field_validator

from feedpub.model import Context, Conversation, Measure, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks.answers import field_of, puzzling, unnamed
from feedpub.networks.base import LINK, Network, ask, check_address, json_request

_MARKUP = re.compile(r"[\\*_~`|<\[]|^(?:#|>|-(?=[ #]))", re.MULTILINE)


class Discord(Network):
    """Posts through a channel's webhook, whose address is its key. It has no memory for repeats and shows no list."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract"})
    docs: ClassVar[str] = "https://discord.com/developers/docs/resources/webhook#execute-webhook"
    label: ClassVar[str] = "Discord"

    kind: Literal["discord"] = "discord"
    webhook_url: SecretStr = Field(description="the channel's webhook address: Edit Channel, Integrations, Webhooks")
    thread_id: str = Field(default="", pattern=r"^\d*$", description="post into this thread of the channel")

    @field_validator("webhook_url")
    @classmethod
    def _is_a_webhook(cls, url: SecretStr) -> SecretStr:
        path = urlsplit(check_address(url.get_secret_value())).path
        if not re.search(r"/webhooks/\d+/[\w\-.]+/?$", path, re.ASCII):
            raise ValueError("a Discord webhook's address ends with /webhooks/ID/TOKEN")
        return url

    def word(self, text: str) -> str:
        """Put a backslash before what Discord takes for markup, outside addresses."""
        out, end = [], 0
        for link in LINK.finditer(text):
            out += [_MARKUP.sub(r"\\\g<0>", text[end : link.start()]), link[0]]
            end = link.end()
        return "".join([*out, _MARKUP.sub(r"\\\g<0>", text[end:])])

    def measure(self, text: str) -> Measure:
        """Count code points, as `maxLength` of Discord's own description does."""
        return Measure(used=len(self.word(text)), limit=2000, unit="characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post and wait for the message's id: without waiting, Discord does not tell of a message it did not keep."""
        reply = yield from ask(self._write("POST", "", notice, wait="true"))
        return self.read(reply, context)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit the message."""
        if not _names_one(notice.remote_id):
            return unnamed(self.label)
        reply = yield from ask(self._write("PATCH", f"/messages/{notice.remote_id}", notice))
        if _is_gone(reply):
            return Refused("the message was deleted on Discord: there is nothing left to correct")
        return self.read(reply, context, says=False)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the message. Without its id the same request would delete the webhook itself."""
        if not _names_one(notice.remote_id):
            return unnamed(self.label)
        reply = yield from ask(Request("DELETE", self._address(f"/messages/{notice.remote_id}"), says=False))
        if reply.status == 204 or _is_gone(reply):
            return Said(notice.remote_id)
        return self.read(reply, context, says=False)

    def said(self, reply: Reply) -> Outcome:
        """Keep the message's id: it is what can be edited and deleted later."""
        id_ = field_of(reply, "id")
        return Said(id_) if isinstance(id_, str) and _names_one(id_) else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the codes that say more than their status."""
        code = field_of(reply, "code")
        if code == 10015:
            return Refused(
                "Discord knows this webhook no more: make a new one, and write it into webhook_url", "target"
            )
        if code == 220001:
            return Refused("this channel is a forum: set thread_id to one of its posts", "target")
        return None

    def _write(self, method: str, path: str, notice: Notice, **query: str) -> Request:
        # Mentions are told not to fire each time: an edit forgets what the first post said.
        payload = {"content": self.word(notice.text), "allowed_mentions": {"parse": []}}
        return json_request(method, self._address(path, **query), payload, says=method == "POST")

    def _address(self, path: str, **query: str) -> str:
        given = urlsplit(self.webhook_url.get_secret_value())
        thread = self.thread_id or parse_qs(given.query).get("thread_id", [""])[0]
        asked_for = urlencode(query | ({"thread_id": thread} if thread else {}))
        return given._replace(path=given.path.rstrip("/") + path, query=asked_for, fragment="").geturl()


def _names_one(remote_id: str) -> bool:
    return re.fullmatch(r"\d{1,30}", remote_id, re.ASCII) is not None


def _is_gone(reply: Reply) -> bool:
    return reply.status == 404 and field_of(reply, "code") == 10008  # Unknown Message
