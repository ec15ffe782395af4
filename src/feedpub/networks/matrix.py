"""a notice -> an event in a room of a Matrix homeserver."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from feedpub.model import (
    Context,
    Conversation,
    FetchImage,
    Measure,
    Notice,
    Outcome,
    Picture,
    Refused,
    Remember,
    Reply,
    Request,
    Said,
    Span,
    Step,
)
from feedpub.networks.answers import field_of, puzzling, quotable, unnamed
from feedpub.networks.base import (
    LINK,
    WORD_JOINER,
    Network,
    ask,
    bare_server,
    bearer,
    json_request,
    look,
    outside_links,
)

Content = dict[str, object]
_Place = Generator[Step, Reply | Picture | None, "str | Outcome"]
_Sight = Generator[Step, Reply | Picture | None, "Content | Outcome"]

_LARGEST_PICTURE = 2_000_000
_ROOM_MENTION = re.compile(r"@(?=room\b)", re.IGNORECASE)
_UNREAD = Refused("what answers at this address is no Matrix homeserver: check server", "target")


class Matrix(Network):
    """Posts into a room as the account of an access token, which is kept: keys count for one login of an account."""

    # Synapse forgets a transaction after a day; we stop relying on it a little before.
    dedupe_for: ClassVar[timedelta] = timedelta(hours=23)
    can: ClassVar[frozenset[str]] = frozenset({"correct", "reply", "retract"})
    images: ClassVar[frozenset[str]] = frozenset({"attach", "card"})
    docs: ClassVar[str] = "https://spec.matrix.org/latest/client-server-api/#sending-events-to-a-room"
    label: ClassVar[str] = "Matrix"
    mend: ClassVar[str] = "server, token and room"

    kind: Literal["matrix"] = "matrix"
    server: Annotated[str, bare_server("https://matrix-client.matrix.org")] = Field(
        description="the homeserver's address, such as https://matrix-client.matrix.org",
        examples=["https://matrix.example.org"],
    )
    token: SecretStr = Field(description="the access token of a login that is for feedpub alone")
    room: str = Field(
        description="the room's id (!…) or its alias (#name:server)", examples=["#news:matrix.example.org"]
    )
    msgtype: Literal["m.notice", "m.text"] = Field(
        default="m.notice", description="m.notice as bots do, or m.text, which notifies as a person's message does"
    )

    @field_validator("room")
    @classmethod
    def _is_a_room(cls, room: str) -> str:
        if not re.fullmatch(r"![!-~]{1,254}|#[^\s:]{1,200}:[!-~]{1,200}", room):
            raise ValueError("a room's id is needed, such as !abc:example.org, or its alias, such as #news:example.org")
        return room

    def word(self, text: str) -> str:
        """Put an invisible word joiner into @room: old clients look for it, whatever the event says of mentions."""
        return outside_links(text, lambda part: _ROOM_MENTION.sub(f"@{WORD_JOINER}", part))

    def measure(self, text: str) -> Measure:
        """Count the bytes of the largest event this text may become, its edit; 65,536 hold its envelope too."""
        text = self.word(text)
        spans = tuple(Span(link.start(), link.end(), "link", link[0]) for link in LINK.finditer(text))
        edit = _edit("$" + "e" * 43, {"msgtype": self.msgtype} | self._said(text, spans))
        return Measure(used=len(_json(edit)), limit=60_000, unit="bytes")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it under the notice's key as transaction: the homeserver answers a repeat with the first event."""
        room = yield from self._place(context)
        if not isinstance(room, str):
            return room
        content = yield from self._content(notice, context)
        if not isinstance(content, dict):
            return content
        return (yield from self._post(notice, context, room, content))

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Answer the event that stands there."""
        room, event = _place_of(notice.remote_id)
        if not event:
            return unnamed(self.label)
        standing = yield from self._standing(room, event, context, "reply to")
        if not isinstance(standing, dict):
            return standing
        content = yield from self._content(notice, context)
        if not isinstance(content, dict):
            return content
        answering: Content = {"m.relates_to": {"m.in_reply_to": {"event_id": event}}}
        return (yield from self._post(notice, context, room, content | answering))

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Replace what the event says; a picture stays."""
        room, event = _place_of(notice.remote_id)
        if not event:
            return unnamed(self.label)
        standing = yield from self._standing(room, event, context, "correct")
        if not isinstance(standing, dict):
            return standing
        kept = {key: standing[key] for key in ("url", "info", "filename") if key in standing}
        words = self._words(notice)
        new = {"msgtype": standing.get("msgtype", self.msgtype)} | kept | words
        reply = yield from ask(self._send(room, notice.key, _edit(event, new), says=False))
        sent = 200 <= reply.status < 300 and _event_of(reply)
        return Said(notice.remote_id) if sent else self.read(reply, context, says=False)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Redact the event; to redact twice is harmless."""
        room, event = _place_of(notice.remote_id)
        if not event:
            return unnamed(self.label)
        # Synapse knows a transaction by room and id alone: each of a subject's events needs one of its own.
        transaction = quote(f"{notice.key}.{event}", safe="")
        path = f"rooms/{quote(room, safe='')}/redact/{quote(event, safe='')}/{transaction}"
        reply = yield from ask(self._ask("PUT", path, {}))
        gone = (200 <= reply.status < 300 and _event_of(reply)) or _errcode(reply) == "M_NOT_FOUND"
        return Said(notice.remote_id) if gone else self.read(reply, context, says=False)

    def verify(self, context: Context) -> Conversation:
        """Ask whose token it is, and whether there is such a room."""
        reply = yield from ask(self._get("account/whoami"))
        who = field_of(reply, "user_id")
        if not isinstance(who, str) or not re.fullmatch(r"@[!-~]{1,254}", who):
            return self.unread(reply, context, _UNREAD)
        room = yield from self._place(context)
        return Said(f"{who} in {self.room}") if isinstance(room, str) else room

    def said(self, reply: Reply) -> Outcome:
        """Take an event's id for a yes; where it stands is told by `_post`, which knows the room."""
        event = _event_of(reply)
        return Said(event) if event else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Tell a room that is closed to us from a token that is none."""
        if _errcode(reply) == "M_FORBIDDEN":
            why = quotable(reply, self.secrets())
            return Refused(
                f"Matrix does not let the account post in this room ({why}): let it join the room and send messages "
                "there, then resume the target",
                "target",
            )
        return None

    # ------------------------------------------------------------ the parts of a conversation

    @property
    def _found(self) -> str:
        """Under which name the room of an alias is remembered."""
        return f"room:{self.room}"

    def _place(self, context: Context) -> _Place:
        """Find the room; an alias is asked for once, and again after its room was closed to us."""
        if self.room.startswith("!"):
            return self.room
        known = context.memory.get(self._found)
        if known:
            return known
        reply = yield from ask(self._get(f"directory/room/{quote(self.room, safe='')}"))
        room = field_of(reply, "room_id")
        if not isinstance(room, str) or not room.startswith("!"):
            return self.unread(reply, context, _UNREAD)
        yield Remember(self._found, room)
        return room

    def _post(self, notice: Notice, context: Context, room: str, content: Content) -> Conversation:
        reply = yield from ask(self._send(room, notice.key, content))
        if _errcode(reply) == "M_FORBIDDEN" and not self.room.startswith("!"):
            yield Remember(self._found, "")  # a room that is replaced is closed, and its alias leads to the new one
        outcome = self.read(reply, context)
        if not isinstance(outcome, Said):
            return outcome
        place = quote(self.room if self.room.startswith("#") else room, safe="")
        return Said(f"{room}/{outcome.id}", f"https://matrix.to/#/{place}/{quote(outcome.id, safe='')}")

    def _standing(self, room: str, event: str, context: Context, deed: str) -> _Sight:
        """Look at what stands there: a redacted event can be edited and answered, but nobody would see to what."""
        reply = yield from ask(self._get(f"rooms/{quote(room, safe='')}/event/{quote(event, safe='')}"))
        content = field_of(reply, "content")
        if _errcode(reply) == "M_NOT_FOUND" or content == {}:
            return Refused(f"the message was deleted on Matrix: there is nothing left to {deed}")
        return content if isinstance(content, dict) else self.unread(reply, context, _UNREAD)

    def _content(self, notice: Notice, context: Context) -> _Sight:
        """Write an event: the text, or the picture with the text as its caption."""
        words = self._words(notice)
        plain: Content = {"msgtype": self.msgtype} | words
        if self.image != "attach" or notice.image is None:
            return plain
        picture = yield from look(FetchImage(notice.image.url, _LARGEST_PICTURE))
        if picture is None:
            return plain
        address = yield from self._uploaded(notice, context, picture)
        if not isinstance(address, str):
            # What is wrong with the picture alone holds no notice back.
            return plain if isinstance(address, Refused) and address.scope == "item" else address
        info = {
            "mimetype": picture.media_type,
            "size": len(picture.content),
            "w": picture.width,
            "h": picture.height,
        }
        filename = f"picture.{picture.media_type.rpartition('/')[2]}"
        return {"msgtype": "m.image", "url": address, "filename": filename, "info": info} | words

    def _uploaded(self, notice: Notice, context: Context, picture: Picture) -> _Place:
        """Upload a picture once for a notice: a repeat must be the same event, and leave no second copy."""
        key, _, address = context.memory.get("media", "").partition(" ")
        if key == notice.key:
            return address
        headers = bearer(self.token) | {"content-type": picture.media_type}
        url = f"{self.server}/_matrix/media/v3/upload"
        reply = yield from ask(Request("POST", url, headers, picture.content, says=False))
        found = field_of(reply, "content_uri")
        if not isinstance(found, str) or not re.fullmatch(r"mxc://[!-~]{1,500}", found):
            return self.unread(reply, context, _UNREAD)
        yield Remember("media", f"{notice.key} {found}")
        return found

    # ------------------------------------------------------------ what an event says

    def _words(self, notice: Notice) -> Content:
        """Write what the notice says, its links where the word joiners have moved them."""
        text, spans, end = "", [], 0
        for span in notice.spans:
            text += self.word(notice.text[end : span.start])
            spans.append(replace(span, start=len(text), end=len(text) + span.end - span.start))
            text += notice.text[span.start : span.end]
            end = span.end
        return self._said(text + self.word(notice.text[end:]), tuple(spans))

    def _said(self, text: str, spans: tuple[Span, ...]) -> Content:
        """Write the words, plain and as HTML where there are links; nobody is mentioned."""
        said: Content = {"body": text, "m.mentions": {}}
        if any(span.kind == "link" for span in spans):
            said |= {"format": "org.matrix.custom.html", "formatted_body": _html(text, spans)}
        return said

    # ------------------------------------------------------------ requests

    def _send(self, room: str, transaction: str, content: Content, *, says: bool = True) -> Request:
        path = f"rooms/{quote(room, safe='')}/send/m.room.message/{quote(transaction, safe='')}"
        return self._ask("PUT", path, content, says=says)

    def _ask(self, method: str, path: str, content: Content, *, says: bool = False) -> Request:
        url = f"{self.server}/_matrix/client/v3/{path}"
        return json_request(method, url, content, headers=bearer(self.token), says=says)

    def _get(self, path: str) -> Request:
        return Request("GET", f"{self.server}/_matrix/client/v3/{path}", bearer(self.token), says=False)


def _edit(event: str, new: Content) -> Content:
    """Write the event that replaces another; who knows no edits reads its body, and a star."""
    fallback = {key: new[key] for key in ("format", "msgtype", "url", "info", "filename") if key in new}
    marked = {key: f"* {new[key]}" for key in ("body", "formatted_body") if key in new}
    relation = {"rel_type": "m.replace", "event_id": event}
    return fallback | marked | {"m.mentions": {}, "m.new_content": new, "m.relates_to": relation}


def _html(text: str, spans: tuple[Span, ...]) -> str:
    out, end = [], 0
    for span in spans:
        shown = _escaped(text[span.start : span.end])
        linked = f'<a href="{html.escape(span.value)}">{shown}</a>' if span.kind == "link" else shown
        out += [_escaped(text[end : span.start]), linked]
        end = span.end
    return "".join([*out, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _place_of(remote_id: str) -> tuple[str, str]:
    """Read the room and the event of a remote id; empty where it names no event of ours."""
    found = re.fullmatch(r"(![!-~]{1,254})/(\$[!-~]{1,254})", remote_id)
    return (found[1], found[2]) if found else ("", "")


def _event_of(reply: Reply) -> str:
    event = field_of(reply, "event_id")
    return event if isinstance(event, str) and re.fullmatch(r"\$[!-~]{1,254}", event) else ""


def _errcode(reply: Reply) -> str:
    code = field_of(reply, "errcode")
    return code if reply.status >= 400 and isinstance(code, str) else ""


def _json(content: Content) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
