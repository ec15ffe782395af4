"""a notice -> a status of a Mastodon account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import ClassVar, Literal
from urllib.parse import urlencode

import regex
from pydantic import Field, SecretStr, field_validator

from feedpub.model import (
    Absent,
    Again,
    Context,
    Conversation,
    Doubt,
    Measure,
    Notice,
    Outcome,
    Refused,
    Reply,
    Request,
    Said,
)
from feedpub.networks.answers import as_json, field_of, is_page, puzzling, unnamed
from feedpub.networks.base import LINK, Network, ask, check_address, json_request
from feedpub.networks.timeline import Status, statuses_of

_LINK_COUNTS = 23
_GRAPHEME = regex.compile(r"\X")
_MENTION = re.compile(r"@(?=\w)", re.ASCII)
_WORD_JOINER = "\u2060"
_PAGES = 5
_CLOCKS_APART = timedelta(minutes=10)


class Mastodon(Network):
    """Posts to the account of an access token."""

    # The server remembers an Idempotency-Key for an hour; we stop relying on it a little before.
    dedupe_for: ClassVar[timedelta] = timedelta(minutes=55)
    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract", "find"})
    docs: ClassVar[str] = "https://docs.joinmastodon.org/methods/statuses/"
    label: ClassVar[str] = "Mastodon"
    mend: ClassVar[str] = "server and token"

    kind: Literal["mastodon"] = "mastodon"
    server: str = Field(description="the server's address, such as https://mastodon.social")
    token: SecretStr = Field(description="access token that may write:statuses, read:statuses and read:accounts")
    visibility: Literal["public", "unlisted", "private"] = Field(default="public", description="who sees the posts")
    language: str = Field(default="", description="ISO 639 code of the posts; without it the article's own")
    limit: int = Field(default=500, ge=30, description="how many characters the server allows")

    @field_validator("server")
    @classmethod
    def _bare_server(cls, server: str) -> str:
        if not re.fullmatch(r"https?://[^/]+/?", check_address(server)):
            raise ValueError("the server's bare address is needed, such as https://mastodon.social")
        return server.rstrip("/")

    def word(self, text: str) -> str:
        """Put an invisible word joiner behind each @ that begins a name, outside addresses: it reads the same."""
        out, end = [], 0
        for link in LINK.finditer(text):
            out += [_MENTION.sub("@" + _WORD_JOINER, text[end : link.start()]), link[0]]
            end = link.end()
        return "".join([*out, _MENTION.sub("@" + _WORD_JOINER, text[end:])])

    def measure(self, text: str) -> Measure:
        """Count graphemes, and every address as 23 of them, as the server's StatusLengthValidator does."""
        rest, links = LINK.subn("", self.word(text))
        return Measure(used=len(_GRAPHEME.findall(rest)) + _LINK_COUNTS * links, limit=self.limit, unit="characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it under the notice's key: within the hour the server answers a repeat with the first post."""
        said = self._words(notice) | {"visibility": self.visibility}
        headers = self._authority() | {"idempotency-key": notice.key}
        reply = yield from ask(json_request("POST", f"{self.server}/api/v1/statuses", said, headers=headers))
        return self.read(reply, context)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit the status."""
        if not _names_one(notice.remote_id):
            return unnamed(self.label)
        url, said = self._status(notice), self._words(notice)
        reply = yield from ask(json_request("PUT", url, said, headers=self._authority(), says=False))
        if _is_gone(reply):
            return Refused("the post was deleted on Mastodon: there is nothing left to correct")
        return self.read(reply, context, says=False)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the status."""
        if not _names_one(notice.remote_id):
            return unnamed(self.label)
        reply = yield from ask(Request("DELETE", self._status(notice), self._authority(), says=False))
        return Said(notice.remote_id) if _is_gone(reply) else self.read(reply, context, says=False)

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look through the account's posts since the notice was frozen, for its link or else its text."""
        reply = yield from ask(self._get("/api/v1/accounts/verify_credentials"))
        account = field_of(reply, "id")
        if not isinstance(account, str) or not _names_one(account):
            return self._unread(reply, context)
        since, before = notice.at - _CLOCKS_APART, ""
        for _ in range(_PAGES):
            reply = yield from ask(self._get(f"/api/v1/accounts/{account}/statuses", before))
            if not isinstance(as_json(reply), list):
                return self._unread(reply, context)
            statuses = statuses_of(reply)
            for status in statuses:
                if status.at >= since and status.says(notice):
                    return Said(status.id, status.url)
            if not statuses or statuses[-1].at < since:
                return Absent()
            before = statuses[-1].id
        return Doubt("too many posts on Mastodon since then to tell whether this one was among them")

    def said(self, reply: Reply) -> Outcome:
        """Keep the status's id and address."""
        status = Status.of(as_json(reply))
        return Said(status.id, status.url) if status else puzzling(self.label)

    def _words(self, notice: Notice) -> dict[str, str]:
        language = self.language or notice.language.partition("-")[0].lower()
        return {"status": self.word(notice.text)} | ({"language": language} if language else {})

    def _authority(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token.get_secret_value()}"}

    def _status(self, notice: Notice) -> str:
        return f"{self.server}/api/v1/statuses/{notice.remote_id}"

    def _get(self, path: str, before: str = "") -> Request:
        query = {"limit": "40", "exclude_reblogs": "true"} | ({"max_id": before} if before else {})
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if path.endswith("/statuses") else "")
        return Request("GET", url, self._authority(), says=False, read_limit=4_000_000)

    def _unread(self, reply: Reply, context: Context) -> Outcome:
        if 200 <= reply.status < 300 and not is_page(reply):
            return Again("Mastodon's list of our posts cannot be read; it is not known yet whether this one is there")
        return self.read(reply, context, says=False)


def _names_one(remote_id: str) -> bool:
    return re.fullmatch(r"[\w-]{1,64}", remote_id, re.ASCII) is not None


def _is_gone(reply: Reply) -> bool:
    return reply.status in {404, 410} and not is_page(reply)
