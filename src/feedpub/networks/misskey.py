"""a notice -> a note of a Misskey account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

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
from feedpub.networks.answers import LONGEST_WAIT, field_of, is_yes, puzzling, shown, unnamed
from feedpub.networks.base import Network, ask, bare_server, bearer, json_request
from feedpub.networks.learning import asking, is_due, known, number, told
from feedpub.networks.mfm import still
from feedpub.networks.pictures import Shelf, description_of, left_over, multipart, say_with
from feedpub.networks.timeline import Page, Status, look_back, names_one, one_id, statuses_of

_PICTURE_BYTES = 5_000_000
_DESCRIPTION = 512
_NO_ENTRY = frozenset({"ACCESS_DENIED", "AUTHENTICATION_FAILED", "PERMISSION_DENIED", "ROLE_PERMISSION_DENIED"})
_NOTHING_THERE = frozenset({"NO_SUCH_REPLY_TARGET", "CANNOT_REPLY_TO_AN_INVISIBLE_NOTE"})
_UNREAD = Again("Misskey's list of our notes cannot be read; it is not known yet whether this one is there")


class Misskey(Network):
    """Posts notes with an access token. Misskey drops no repeats, and edits nothing."""

    can: ClassVar[frozenset[str]] = frozenset({"reply", "retract", "find"})
    images: ClassVar[frozenset[str]] = frozenset({"card", "attach", "none"})
    docs: ClassVar[str] = "https://misskey-hub.net/en/docs/for-developers/api/"
    label: ClassVar[str] = "Misskey"
    mend: ClassVar[str] = "server and token"

    kind: Literal["misskey"] = "misskey"
    server: Annotated[str, bare_server("https://misskey.io")] = Field(
        description="the server's address, such as https://misskey.io", examples=["https://misskey.example"]
    )
    token: SecretStr = Field(description="access token that may write:notes and read:account")
    visibility: Literal["public", "home", "followers"] = Field(default="public", description="who sees the notes")
    local_only: bool = Field(default=False, description="keep the notes on this server")
    limit: int | None = Field(
        default=None, ge=30, description="how many characters, if not as many as the server says", examples=[3000]
    )

    _told: int = PrivateAttr(default=3000)

    def knowing(self, memory: Mapping[str, str]) -> Self:
        """Allow as many characters as the server said."""
        knowing = self.model_copy()
        limit = number(known(memory, self.server), "limit", self._told, least=30)
        knowing._told = limit  # noqa: SLF001 - a copy of ourselves
        return knowing

    def word(self, text: str) -> str:
        """Still what would act as MFM, Misskey's markup."""
        return still(text)

    def measure(self, text: str) -> Measure:
        """Count code points, as sent."""
        return Measure(len(self.word(text)), self.limit or self._told, "characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it. Misskey has no key for repeats: a doubt is settled by looking."""

        def post(picture: str) -> Conversation:
            return self._post(notice, context, {"fileIds": [picture]} if picture else {})

        return say_with(notice, context, self._shelf(notice), post)

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Post it below the note."""
        if not names_one(notice.remote_id):
            return unnamed(self.label)
        return (yield from self._post(notice, context, {"replyId": notice.remote_id}))

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the note."""
        if not names_one(notice.remote_id):
            return unnamed(self.label)
        reply = yield from ask(self._call("notes/delete", {"noteId": notice.remote_id}))
        gone = field_of(reply, "error", "code") == "NO_SUCH_NOTE"
        if gone or is_yes(reply):
            return Said(notice.remote_id)
        return self.read(reply, context, says=False)

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look through the account's notes since the notice was frozen, for its link or else its text."""
        reply = yield from ask(self._call("i", {}))
        account = one_id(field_of(reply, "id"))
        if not account:
            return self.unread(reply, context, _UNREAD)

        def page(before: str) -> Page:
            asked: dict[str, object] = {"userId": account, "withRenotes": False, "limit": 100}
            asked |= {"withReplies": notice.action is Action.REPLY} | ({"untilId": before} if before else {})
            reply = yield from ask(self._call("users/notes", asked))
            statuses = statuses_of(reply, partial(Status.of_note, server=self.server))
            return self.unread(reply, context, _UNREAD) if statuses is None else statuses

        return (yield from look_back(notice, page, who=self.label, passing=self.link_params))

    def learn(self, context: Context) -> Conversation | None:
        """Ask the server once a day how long a note may be."""
        return self._learned(context) if is_due(context.memory, self.server, context.now) else None

    def verify(self, context: Context) -> Conversation:
        """Ask whose token it is."""
        reply = yield from ask(self._call("i", {}))
        account = field_of(reply, "username")
        if not is_yes(reply) or not isinstance(account, str):
            odd = Again("Misskey's answer about the account cannot be read: check server")
            return self.unread(reply, context, odd)
        return Said(f"@{account}@{urlsplit(self.server).hostname}")

    def read(self, reply: Reply, context: Context, *, says: bool = True) -> Outcome:
        """Judge an answer as any; where no header says how long to wait, the body does."""
        outcome = super().read(reply, context, says=says)
        ends = field_of(reply, "error", "info", "resetMs")
        sane = isinstance(ends, int | float) and 0 <= ends < 10**15  # no NaN either
        if not isinstance(outcome, Again) or outcome.wait is not None or not isinstance(ends, int | float) or not sane:
            return outcome
        seconds = ends / 1000 - context.now.timestamp() if ends > 10**11 else ends / 1000
        return Again(outcome.why, timedelta(seconds=max(0, min(seconds, LONGEST_WAIT.total_seconds()))))

    def said(self, reply: Reply) -> Outcome:
        """Keep the note's id and address."""
        id_ = one_id(field_of(reply, "createdNote", "id"))
        return Said(id_, f"{self.server}/notes/{id_}") if id_ else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read the codes that say more than their status."""
        code = field_of(reply, "error", "code")
        if reply.status == 400 and code in _NO_ENTRY:
            return Refused(f"Misskey does not let us in ({code}): check {self.mend}, then resume the target", "target")
        if reply.status == 400 and code in _NOTHING_THERE:
            return Refused("the note was deleted on Misskey: there is nothing left to reply to")
        reason = field_of(reply, "error", "info", "reason")
        if reply.status == 400 and code == "INVALID_PARAM" and isinstance(reason, str):
            quote = shown(reason, self.secrets())
            return Refused(f"Misskey did not take this notice (HTTP 400: {quote}): change its template or the article")
        return None

    def _learned(self, context: Context) -> Conversation:
        yield asking(context.memory, self.server, context.now)
        reply = yield from ask(self._call("meta", {"detail": False}))
        limit = field_of(reply, "maxNoteTextLength")
        if not isinstance(limit, int):
            return Again("the server does not tell how long a note may be; it is asked again in an hour")
        yield told(self.server, context.now, {"limit": limit})
        yield from left_over(context.memory, context.now)
        return Said()

    def _post(self, notice: Notice, context: Context, more: dict[str, object]) -> Conversation:
        said = {"text": still(notice.text, notice.spans), "visibility": self.visibility, "localOnly": self.local_only}
        reply = yield from ask(self._call("notes/create", said | more, says=True))
        return self.read(reply, context)

    def _shelf(self, notice: Notice) -> Shelf | None:
        if self.image != "attach" or notice.image is None:
            return None
        described = description_of(notice.image, _DESCRIPTION)

        def upload(picture: Picture) -> Request:
            media_type, body = multipart({"comment": described} if described else {}, "file", picture)
            headers = bearer(self.token) | {"content-type": media_type}
            return Request("POST", f"{self.server}/api/drive/files/create", headers, body, says=False)

        return Shelf(
            fetch=FetchImage(notice.image.url, _PICTURE_BYTES),
            upload=upload,
            look_up=lambda id_: self._call("drive/files/show", {"fileId": id_}),
            place=lambda reply: one_id(field_of(reply, "id")),
        )

    def _call(self, endpoint: str, payload: Mapping[str, object], *, says: bool = False) -> Request:
        request = json_request("POST", f"{self.server}/api/{endpoint}", payload, headers=bearer(self.token), says=says)
        return replace(request, read_limit=4_000_000)
