"""a notice -> a message of a Discord channel's webhook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from feedpub.model import (
    Again,
    Context,
    Conversation,
    Doubt,
    Image,
    Measure,
    Notice,
    Outcome,
    Refused,
    Reply,
    Request,
    Said,
)
from feedpub.networks.answers import field_of, is_snowflake, puzzling, shown, unnamed
from feedpub.networks.base import LINK, Network, ask, check_address, json_request, outside_links, shortened

_NO_PREVIEWS = 1 << 2  # SUPPRESS_EMBEDS
_LONGEST_TITLE = 100
_LONGEST_FOOTER = 2048
_BANNED = re.compile(rb"error(?: code)?:?\s*(?:<[^>]*>\s*)?1015\b", re.IGNORECASE)
_BAN_LASTS = timedelta(hours=1)
_MARKUP = re.compile(r"[\\*_~`|<\[]|^(?:#|>|-(?=[ #]))", re.MULTILINE)


class Discord(Network):
    """Posts through a channel's webhook, whose address is its key. It has no memory for repeats and shows no list."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract"})
    images: ClassVar[frozenset[str]] = frozenset({"card", "attach", "none"})
    docs: ClassVar[str] = "https://discord.com/developers/docs/resources/webhook#execute-webhook"
    label: ClassVar[str] = "Discord"

    kind: Literal["discord"] = "discord"
    webhook_url: SecretStr = Field(description="the channel's webhook address: Edit Channel, Integrations, Webhooks")
    thread_id: str = Field(default="", description="post into this thread of the channel")
    forum: bool = Field(default=False, description="the channel is a forum: each notice begins a post of its own there")

    @field_validator("webhook_url")
    @classmethod
    def _is_a_webhook(cls, url: SecretStr) -> SecretStr:
        path = urlsplit(check_address(url.get_secret_value())).path
        if not re.search(r"/webhooks/\d+/[\w\-.]+/?$", path, re.ASCII):
            raise ValueError("a Discord webhook's address ends with /webhooks/ID/TOKEN")
        return url

    @field_validator("thread_id")
    @classmethod
    def _is_an_id(cls, thread: str) -> str:
        if not re.fullmatch("[0-9]*", thread):
            raise ValueError("a thread's ID is made of digits: in Discord, Copy Thread ID")
        return thread

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.forum and self._thread():
            raise ValueError("a forum's notices begin posts of their own: leave out either forum or thread_id")
        return self

    def word(self, text: str) -> str:
        """Put a backslash before what Discord takes for markup, outside addresses."""
        return outside_links(text, lambda words: _MARKUP.sub(r"\\\g<0>", words))

    def measure(self, text: str) -> Measure:
        """Count code points, as `maxLength` of Discord's own description does."""
        return Measure(used=len(self._content(text, pictured=self.image == "attach")), limit=2000, unit="characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post and wait for the message's id: without waiting, Discord does not tell of a message it did not keep."""
        begun = {"thread_name": _title(notice)} if self.forum else {}
        reply = yield from ask(self._write("POST", "", notice, begun, wait="true"))
        return self.read(reply, context)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit the message."""
        if not is_snowflake(notice.remote_id):
            return unnamed(self.label)
        reply = yield from ask(self._write("PATCH", f"/messages/{notice.remote_id}", notice, {}, **self._post(notice)))
        if _is_gone(reply):
            return Refused("the message was deleted on Discord: there is nothing left to correct")
        return self.read(reply, context, says=False)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the message. Without its id the same request would delete the webhook itself."""
        if not is_snowflake(notice.remote_id):
            return unnamed(self.label)
        address = self._address(f"/messages/{notice.remote_id}", **self._post(notice))
        reply = yield from ask(Request("DELETE", address, says=False))
        if reply.status == 204 or _is_gone(reply):
            return Said(notice.remote_id)
        return self.read(reply, context, says=False)

    def verify(self, context: Context) -> Conversation:
        """Ask the webhook for its name and channel, which takes no more than its address."""
        given = urlsplit(self.webhook_url.get_secret_value())
        address = given._replace(path=given.path.rstrip("/"), query="", fragment="").geturl()
        reply = yield from ask(Request("GET", address, says=False))
        name, channel = field_of(reply, "name"), field_of(reply, "channel_id")
        if reply.status == 200 and isinstance(name, str) and is_snowflake(channel):
            return Said(f"{shown(name, self.secrets())} (channel {channel})")
        outcome = self.read(reply, context, says=False)
        return Again("Discord does not say which webhook this is") if isinstance(outcome, Said | Doubt) else outcome

    def said(self, reply: Reply) -> Outcome:
        """Keep the message's id: it is what can be edited and deleted later."""
        id_ = field_of(reply, "id")
        return Said(id_) if is_snowflake(id_) else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the codes that say more than their status."""
        code = field_of(reply, "code")
        if code == 10015:
            return Refused(
                "Discord knows this webhook no more: make a new one, and write it into webhook_url", "target"
            )
        if code == 220001:
            return Refused(
                "this channel is a forum: set forum = true, or thread_id to one of its posts, then resume the target",
                "target",
            )
        if code == 220003:
            return Refused("this channel is no forum: leave out forum, then resume the target", "target")
        if code == 40067:
            return Refused(
                "this forum wants a tag on every post: turn that off in its settings, then resume the target", "target"
            )
        if reply.status == 403 and _BANNED.search(reply.body[:20_000]):
            # Not of this webhook, but of our address: too many refused requests, of whatever else runs here.
            return Again("Discord keeps this machine's address out for a while (error 1015)", _BAN_LASTS)
        return None

    def _write(self, method: str, path: str, notice: Notice, more: Mapping[str, str], **query: str) -> Request:
        pictures = [_pictured(notice.image)] if notice.image and self.image == "attach" else []
        # All of it each time: an edit forgets what the first post said of mentions, previews and pictures.
        payload = {
            "content": self._content(notice.text, pictured=bool(pictures)),
            "allowed_mentions": {"parse": []},
            **({"embeds": pictures} if self.image == "attach" else {}),
            **({"flags": _NO_PREVIEWS} if self.image == "none" else {}),
            **more,
        }
        return json_request(method, self._address(path, **query), payload, says=method == "POST")

    def _content(self, text: str, *, pictured: bool) -> str:
        """Write the text; beside a picture of our own, links are in < >, lest Discord shows a second one."""
        return LINK.sub(r"<\g<0>>", self.word(text)) if pictured else self.word(text)

    def _thread(self) -> str:
        query = urlsplit(self.webhook_url.get_secret_value()).query
        return self.thread_id or parse_qs(query).get("thread_id", [""])[0]

    def _post(self, notice: Notice) -> dict[str, str]:
        """Name the post of the forum: it has the id of the message that began it."""
        return {"thread_id": notice.remote_id} if self.forum else {}

    def _address(self, path: str, **query: str) -> str:
        given = urlsplit(self.webhook_url.get_secret_value())
        thread = self._thread()
        asked_for = urlencode(query | ({"thread_id": thread} if thread else {}))
        return given._replace(path=given.path.rstrip("/") + path, query=asked_for, fragment="").geturl()


def _title(notice: Notice) -> str:
    return shortened(notice.title or notice.text.partition("\n")[0], _LONGEST_TITLE)


def _pictured(image: Image) -> dict[str, object]:
    """Show a picture, which Discord fetches by itself, with what it shows and whose it is below it."""
    owed = " / ".join(part for part in (image.credit, image.license) if part)
    words = shortened("\n".join(part for part in (image.alt, owed) if part), _LONGEST_FOOTER)
    return {"image": {"url": image.url}, **({"footer": {"text": words}} if words else {})}


def _is_gone(reply: Reply) -> bool:
    return reply.status == 404 and field_of(reply, "code") == 10008  # Unknown Message
