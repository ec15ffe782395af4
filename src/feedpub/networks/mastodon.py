"""a notice -> a status of an account on Mastodon, or on a server that speaks its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from math import isqrt
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlencode, urlsplit

from pydantic import Field, PrivateAttr, SecretStr

from feedpub.model import (
    Action,
    Again,
    Context,
    Conversation,
    FetchImage,
    Measure,
    Notice,
    Outcome,
    Picture,
    Refused,
    Reply,
    Request,
    Said,
)
from feedpub.networks.answers import as_json, field_of, is_page, is_yes, puzzling, unnamed
from feedpub.networks.base import WORD_JOINER, Network, ask, bare_server, bearer, json_request, outside_links
from feedpub.networks.instance import Instance, Strictness, facts_of, is_too_long, lenient
from feedpub.networks.learning import asking, is_due, known, outdated, told
from feedpub.networks.pictures import Shelf, description_of, left_over, multipart, say_with
from feedpub.networks.timeline import Page, Status, look_back, names_one, one_id, statuses_of

_MENTION = re.compile(r"@(?=\w)", re.ASCII)
# A server remembers an Idempotency-Key for an hour; we stop relying on it a little before.
_DROPS_REPEATS_FOR = timedelta(minutes=55)
_UNREAD = Again("Mastodon's list of our posts cannot be read; it is not known yet whether this one is there")


class Mastodon(Network):
    """Posts to the account of an access token; how the server counts, it is asked once a day."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "reply", "retract", "find"})
    images: ClassVar[frozenset[str]] = frozenset({"card", "attach", "none"})
    docs: ClassVar[str] = "https://docs.joinmastodon.org/methods/statuses/"
    label: ClassVar[str] = "Mastodon"
    mend: ClassVar[str] = "server and token"

    kind: Literal["mastodon"] = "mastodon"
    server: Annotated[str, bare_server("https://mastodon.social")] = Field(
        description="the server's address, such as https://mastodon.social", examples=["https://mastodon.example"]
    )
    token: SecretStr = Field(description="access token that may write:statuses, read:statuses and read:accounts")
    visibility: Literal["public", "unlisted", "private"] = Field(default="public", description="who sees the posts")
    language: str = Field(default="", description="ISO 639 code of the posts; without it the article's own")
    limit: int | None = Field(
        default=None, ge=30, description="how many characters, if not as many as the server says", examples=[500]
    )

    _instance: Instance = PrivateAttr(default=Instance())
    _strict: Strictness = PrivateAttr(default=Strictness())

    @property
    def dedupe_for(self) -> timedelta:  # type: ignore[override]  # of one server, not of all that speak its API
        """How long a repeat of the same key is dropped: not at all where the server is not known to do it."""
        return _DROPS_REPEATS_FOR if self._instance.drops_repeats else timedelta(0)

    def knowing(self, memory: Mapping[str, str]) -> Self:
        """Count, and rely on the key, as the server's own words allow."""
        knowing = self.model_copy()
        knowing._instance = Instance.of(known(memory, self.server))  # noqa: SLF001 - a copy of ourselves
        knowing._strict = Strictness.read(memory)  # noqa: SLF001
        return knowing

    def word(self, text: str) -> str:
        """Put an invisible word joiner behind each @ that begins a name, outside addresses: it reads the same."""
        return outside_links(text, lambda words: _MENTION.sub("@" + WORD_JOINER, words))

    def measure(self, text: str) -> Measure:
        """Count as the server does (Mastodon: its StatusLengthValidator), or more strictly where that went wrong."""
        limit = self.limit or self._instance.limit
        used = self._instance.count(self.word(text), strictly=bool(self._strict.notice))
        return Measure(used, limit * 9 // 10 if self._strict.less else limit, "characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it under the notice's key: within the hour Mastodon answers a repeat with the first post."""

        def post(picture: str) -> Conversation:
            return self._post(notice, context, {"media_ids": [picture]} if picture else {})

        return say_with(notice, context, self._shelf(notice), post)

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Post it below the status, under a key of its own."""
        if not names_one(notice.remote_id):
            return unnamed(self.label)
        return (yield from self._post(notice, context, {"in_reply_to_id": notice.remote_id}))

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit the status. Pictures that an edit does not name would go, so those that are there are named."""
        if not names_one(notice.remote_id):
            return unnamed(self.label)
        said = self._words(notice)
        if self.image == "attach" and notice.image is not None:
            reply = yield from ask(Request("GET", self._status(notice.remote_id), bearer(self.token), says=False))
            if reply.status != 200:
                return self._gone_or(reply, context, "correct")
            said |= {"media_ids": _pictures(reply)}
        url = self._status(notice.remote_id)
        reply = yield from ask(json_request("PUT", url, said, headers=bearer(self.token), says=False))
        if _is_gone(reply):
            return self._gone_or(reply, context, "correct")
        return (yield from self._judged(reply, notice, context, says=False))

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the status."""
        if not names_one(notice.remote_id):
            return unnamed(self.label)
        reply = yield from ask(Request("DELETE", self._status(notice.remote_id), bearer(self.token), says=False))
        if _is_gone(reply) or is_yes(reply):
            return Said(notice.remote_id)
        return self.read(reply, context, says=False)

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look through the account's posts since the notice was frozen, for its link or else its text."""
        reply = yield from ask(self._get("/api/v1/accounts/verify_credentials"))
        account = field_of(reply, "id")
        if not isinstance(account, str) or not names_one(account):
            return self.unread(reply, context, _UNREAD)

        def page(before: str) -> Page:
            query = {"limit": "40", "exclude_reblogs": "true"} | ({"max_id": before} if before else {})
            reply = yield from ask(self._get(f"/api/v1/accounts/{account}/statuses?{urlencode(query)}"))
            statuses = statuses_of(reply)
            return self.unread(reply, context, _UNREAD) if statuses is None else statuses

        return (yield from look_back(notice, page, who=self.label, passing=self.link_params))

    def learn(self, context: Context) -> Conversation | None:
        """Ask the server once a day what it is and what it takes."""
        return self._learned(context) if is_due(context.memory, self.server, context.now) else None

    def verify(self, context: Context) -> Conversation:
        """Ask whose token it is."""
        reply = yield from ask(self._get("/api/v1/accounts/verify_credentials"))
        account = field_of(reply, "acct")
        if not is_yes(reply) or not isinstance(account, str):
            odd = Again("Mastodon's answer about the account cannot be read: check server")
            return self.unread(reply, context, odd)
        return Said(f"@{account}@{urlsplit(self.server).hostname}")

    def said(self, reply: Reply) -> Outcome:
        """Keep the status's id and address."""
        status = Status.of(as_json(reply))
        return Said(status.id, status.url) if status else puzzling(self.label)

    def _learned(self, context: Context) -> Conversation:
        yield asking(context.memory, self.server, context.now)
        for version in ("v2", "v1"):
            reply = yield from ask(self._get(f"/api/{version}/instance"))
            if (facts := facts_of(reply)) is not None:
                yield told(self.server, context.now, facts)
                yield from left_over(context.memory, context.now)
                if Strictness.read(context.memory).over(context.now):
                    yield lenient()
                return Said()
        return Again("the server does not tell how long a post may be; it is asked again in an hour")

    def _post(self, notice: Notice, context: Context, more: dict[str, object]) -> Conversation:
        said = self._words(notice) | {"visibility": self.visibility} | more
        headers = bearer(self.token) | {"idempotency-key": notice.key}
        reply = yield from ask(json_request("POST", f"{self.server}/api/v1/statuses", said, headers=headers))
        if notice.action is Action.REPLY and _is_gone(reply):
            return self._gone_or(reply, context, "reply to")
        return (yield from self._judged(reply, notice, context, says=True))

    def _judged(self, reply: Reply, notice: Notice, context: Context, *, says: bool) -> Conversation:
        """Judge an answer; a notice refused for its length is written anew once, by a stricter counting."""
        outcome = self.read(reply, context, says=says)
        before = Strictness.read(context.memory)
        final = context.doubted or before.notice == notice.key or not is_too_long(reply)
        if final or not isinstance(outcome, Refused):
            return outcome
        strictest = self._instance.count(self.word(notice.text), strictly=True)
        less = bool(before.notice) or strictest <= (self.limit or self._instance.limit)
        yield Strictness(notice.key, less, context.now).note()
        yield outdated()
        return Again("Mastodon finds this notice too long: it is cut shorter, and tried once more")

    def _shelf(self, notice: Notice) -> Shelf | None:
        if self.image != "attach" or notice.image is None:
            return None
        instance, described = self._instance, description_of(notice.image, self._instance.description)
        side = min(2000, isqrt(instance.picture_pixels))

        def upload(picture: Picture) -> Request:
            media_type, body = multipart({"description": described} if described else {}, "file", picture)
            headers = bearer(self.token) | {"content-type": media_type}
            return Request("POST", f"{self.server}/api/v2/media", headers, body, says=False)

        return Shelf(
            fetch=FetchImage(notice.image.url, instance.picture_bytes, side),
            upload=upload,
            look_up=lambda id_: self._get(f"/api/v1/media/{id_}"),
            place=lambda reply: one_id(field_of(reply, "id")),
        )

    def _words(self, notice: Notice) -> dict[str, object]:
        language = self.language or notice.language.partition("-")[0].lower()
        # Some of its kin let their users write Markdown or HTML; a headline is neither.
        said: dict[str, object] = {"status": self.word(notice.text), "content_type": "text/plain"}
        return said | ({"language": language} if language else {})

    def _status(self, id_: str) -> str:
        return f"{self.server}/api/v1/statuses/{id_}"

    def _get(self, path: str) -> Request:
        return Request("GET", f"{self.server}{path}", bearer(self.token), says=False, read_limit=4_000_000)

    def _gone_or(self, reply: Reply, context: Context, deed: str) -> Outcome:
        if _is_gone(reply):
            return Refused(f"the post was deleted on Mastodon: there is nothing left to {deed}")
        return self.read(reply, context, says=False)


def _is_gone(reply: Reply) -> bool:
    return reply.status in {404, 410} and not is_page(reply)


def _pictures(reply: Reply) -> list[str]:
    attached = field_of(reply, "media_attachments")
    ids = [one.get("id") for one in attached if isinstance(one, dict)] if isinstance(attached, list) else []
    return [str(id_) for id_ in ids if names_one(id_)]
