"""a notice -> a message of a Telegram bot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

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
)
from feedpub.networks.answers import field_of, puzzling, quotable, shown, unnamed
from feedpub.networks.base import (
    WORD_JOINER,
    Asked,
    Network,
    Seen,
    address_to_go_on,
    ask,
    json_request,
    look,
    outside_links,
)
from feedpub.networks.pictures import multipart

_LONGEST_CAPTION = 1024
_LARGEST_PICTURE = 5_000_000
# What Telegram makes a link of, outside addresses: @names, /commands, #tags and $TAGS.
_ACTS = re.compile(r"@(?=[A-Za-z0-9_])|(?<!\w)/(?=[A-Za-z0-9_])|(?<!\w)#(?=\w)|(?<!\w)\$(?=[A-Z])")
# 400 is said of one message and of the whole chat; only the words tell which.
_SHUT_OUT = re.compile(
    r"chat not found|chat_id is empty|chat_write_forbidden|peer_id_invalid|not enough rights|no rights|"
    r"need administrator rights|chat_admin_required|chat_restricted|group chat was deactivated|topic_closed",
    re.IGNORECASE,
)
_DISLIKED_PICTURE = re.compile(r"photo|image|picture|file")
_UNREAD = Refused("what answers at this address is no Bot API of Telegram: check api_url", "target")


class Telegram(Network):
    """Posts to a channel, a group or a person as a bot. It knows no keys for repeats, and bots cannot look back."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "reply", "retract"})
    images: ClassVar[frozenset[str]] = frozenset({"attach", "card", "none"})
    docs: ClassVar[str] = "https://core.telegram.org/bots/api#sendmessage"
    label: ClassVar[str] = "Telegram"
    mend: ClassVar[str] = "token and chat_id"

    kind: Literal["telegram"] = "telegram"
    api_url: Annotated[str, address_to_go_on("https://api.telegram.org")] = Field(
        default="https://api.telegram.org", description="the Bot API's address, if it is another"
    )
    token: SecretStr = Field(description="the bot's token, from @BotFather")
    chat_id: str = Field(
        coerce_numbers_to_str=True,
        description="the chat's number, or @name where it is public",
        examples=["@aviation_news"],
    )

    @field_validator("token")
    @classmethod
    def _is_a_token(cls, token: SecretStr) -> SecretStr:
        # It becomes part of the address: nothing in it may end that part.
        if not re.fullmatch(r"[\w:-]+", token.get_secret_value(), re.ASCII):
            raise ValueError("a bot's token is made of digits, a colon and letters, such as 123456:ABC-DEF")
        return token

    @field_validator("chat_id")
    @classmethod
    def _is_a_chat(cls, chat: str) -> str:
        if not re.fullmatch(r"-?\d{1,20}|@\w{3,40}", chat, re.ASCII):
            raise ValueError("a chat's number is needed, such as -1001234567890, or the @name of a public one")
        return chat

    def word(self, text: str) -> str:
        """Put an invisible word joiner behind each sign that would become a link, outside addresses."""
        return outside_links(text, lambda part: _ACTS.sub(rf"\g<0>{WORD_JOINER}", part))

    def measure(self, text: str) -> Measure:
        """Count UTF-16 units, as Telegram's own offsets do; nothing is parsed, so the text is what is counted."""
        return Measure(used=_units(self.word(text)), limit=4096, unit="UTF-16 units")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it; where a group has become a supergroup, in that one from now on."""
        reply = yield from self._tell(notice, context.memory.get(self._moved) or self.chat_id)
        new = _new_home(reply)
        if new:
            yield Remember(self._moved, new)
            reply = yield from self._tell(notice, new)
        return self.read(reply, context)

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Answer the message that stands there."""
        post = _Post.of(notice.remote_id)
        if post is None:
            return unnamed(self.label)
        reply = yield from self._tell(notice, post.chat, below=post.message)
        if _is_gone(reply) or _new_home(reply):
            return Refused("the message was deleted on Telegram: there is nothing left to reply to")
        return self.read(reply, context)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit the message, or what is written below its picture."""
        post = _Post.of(notice.remote_id)
        if post is None:
            return unnamed(self.label)
        text = self._words(notice)
        method = "editMessageCaption" if post.photo else "editMessageText"
        said = {"caption": text} if post.photo else {"text": text, "link_preview_options": self._preview(notice)}
        reply = yield from ask(self._call(method, post.named | said, says=False))
        if "message is not modified" in _description(reply):
            return Said(notice.remote_id)
        if _is_gone(reply) or _new_home(reply):
            return Refused("the message was deleted on Telegram: there is nothing left to correct")
        return self._changed(reply, context, notice)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the message."""
        post = _Post.of(notice.remote_id)
        if post is None:
            return unnamed(self.label)
        reply = yield from ask(self._call("deleteMessage", post.named, says=False))
        if _is_gone(reply):
            return Said(notice.remote_id)
        if "message can't be deleted" in _description(reply) or _new_home(reply):
            return Refused("Telegram lets bots delete for 48 hours only: delete this message there by hand")
        return self._changed(reply, context, notice)

    def verify(self, context: Context) -> Conversation:
        """Ask who the bot is, and which chat it speaks in."""
        reply = yield from ask(self._call("getMe", {}, says=False))
        bot = field_of(reply, "result", "username")
        if not isinstance(bot, str):
            return self.unread(reply, context, _UNREAD)
        chat = context.memory.get(self._moved) or self.chat_id
        reply = yield from ask(self._call("getChat", {"chat_id": chat}, says=False))
        names = (field_of(reply, "result", key) for key in ("title", "username", "first_name"))
        name = next((name for name in names if isinstance(name, str)), None)
        return (
            self.unread(reply, context, _UNREAD) if name is None else Said(shown(f"@{bot} in {name}", self.secrets()))
        )

    def said(self, reply: Reply) -> Outcome:
        """Keep where the message stands, and its address where the chat has a name."""
        message, chat = field_of(reply, "result", "message_id"), field_of(reply, "result", "chat", "id")
        if not isinstance(message, int) or not isinstance(chat, int):
            return puzzling(self.label)
        name = field_of(reply, "result", "chat", "username")
        public = isinstance(name, str) and re.fullmatch(r"\w{3,40}", name, re.ASCII)
        photo = "/photo" if field_of(reply, "result", "photo") else ""
        return Said(f"{chat}/{message}{photo}", f"https://t.me/{name}/{message}" if public else "")

    def dialect(self, reply: Reply) -> Outcome | None:
        """Tell a chat that is closed to the bot from a message that is not liked."""
        if reply.status == 400 and _SHUT_OUT.search(_description(reply)):
            why = quotable(reply, self.secrets())
            return Refused(
                f"Telegram does not let the bot post in this chat ({why}): check chat_id, and that the bot is in the "
                "chat and may post there, then resume the target",
                "target",
            )
        return None

    @property
    def _moved(self) -> str:
        """Under which name the new number of the group is remembered; another chat in the config knows of none."""
        return f"moved:{self.chat_id}"

    def _words(self, notice: Notice) -> str:
        """Write the text so that nothing in it acts but the hashtags that are meant."""
        out, end = [], 0
        for span in notice.spans:
            out += [self.word(notice.text[end : span.start]), notice.text[span.start : span.end]]
            end = span.end
        return "".join([*out, self.word(notice.text[end:])])

    def _tell(self, notice: Notice, chat: str, below: int = 0) -> Asked:
        """Send it, with its picture if there is one that Telegram takes."""
        picture = yield from self._picture(notice)
        reply = yield from ask(self._message(notice, chat, picture, below))
        if picture is not None and reply.status == 400 and _DISLIKED_PICTURE.search(_description(reply)):
            reply = yield from ask(self._message(notice, chat, None, below))
        return reply

    def _picture(self, notice: Notice) -> Seen:
        if self.image != "attach" or notice.image is None or _units(self._words(notice)) > _LONGEST_CAPTION:
            return None
        return (yield from look(FetchImage(notice.image.url, _LARGEST_PICTURE)))

    def _message(self, notice: Notice, chat: str, picture: Picture | None, below: int) -> Request:
        where: dict[str, object] = {"chat_id": _number(chat)}
        where |= {"reply_parameters": {"message_id": below}} if below else {}
        if picture is not None:
            return self._form("sendPhoto", where | {"caption": self._words(notice)}, picture)
        text = {"text": self._words(notice), "link_preview_options": self._preview(notice)}
        return self._call("sendMessage", where | text)

    def _preview(self, notice: Notice) -> Mapping[str, object]:
        # Without a link of ours, a preview could only be of something that merely looks like an address.
        if self.image == "none" or not notice.link:
            return {"is_disabled": True}
        return {"url": notice.link, "prefer_large_media": True}

    def _call(self, method: str, payload: object, *, says: bool = True) -> Request:
        return json_request("POST", self._address(method), payload, says=says)

    def _form(self, method: str, fields: Mapping[str, object], picture: Picture) -> Request:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        media_type, body = multipart(texts, "photo", picture)
        return Request("POST", self._address(method), {"content-type": media_type}, body)

    def _address(self, method: str) -> str:
        return f"{self.api_url}/bot{self.token.get_secret_value()}/{method}"

    def _changed(self, reply: Reply, context: Context, notice: Notice) -> Outcome:
        done = 200 <= reply.status < 300 and field_of(reply, "ok") is True
        return Said(notice.remote_id) if done else self.read(reply, context, says=False)


# ---------------------------------------------------------------- where a message stands


@dataclass(frozen=True, slots=True)
class _Post:
    """A message as its remote id names it: the chat it was said in, which need not be the one in the config now."""

    chat: str
    message: int
    photo: bool

    @classmethod
    def of(cls, remote_id: str) -> _Post | None:
        """Read a remote id; None where it names no message of ours."""
        found = re.fullmatch(r"(-?\d{1,20})/(\d{1,18})(/photo)?", remote_id, re.ASCII)
        return cls(found[1], int(found[2]), bool(found[3])) if found else None

    @property
    def named(self) -> dict[str, object]:
        """The fields that name it in a request."""
        return {"chat_id": _number(self.chat), "message_id": self.message}


def _number(chat: str) -> int | str:
    return chat if chat.startswith("@") else int(chat)


def _description(reply: Reply) -> str:
    said = field_of(reply, "description")
    return said.lower() if isinstance(said, str) else ""


def _is_gone(reply: Reply) -> bool:
    gone = r"message to (edit|delete|be replied|reply) not found|message_id_invalid"
    return reply.status == 400 and re.search(gone, _description(reply)) is not None


def _new_home(reply: Reply) -> str:
    """Read the number of the supergroup that a group has become; empty where it has not."""
    new = field_of(reply, "parameters", "migrate_to_chat_id")
    return str(new) if reply.status == 400 and isinstance(new, int) else ""


# ---------------------------------------------------------------- what goes over the wire


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
