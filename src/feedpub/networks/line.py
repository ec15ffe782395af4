"""a notice -> a message of a LINE official account."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from feedpub.model import Again, Context, Conversation, Measure, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks.answers import LONGEST_WAIT, as_json, field_of, is_yes, puzzling, shown, wait_asked
from feedpub.networks.base import Network, address_to_go_on, ask, bearer, json_request

_RECIPIENT = re.compile(r"[UCR][0-9a-f]{32}", re.ASCII)
_MOST_RECIPIENTS = 500
_SHOWN_IMAGE = re.compile(r"https://[!-~]{1,1990}\.(jpe?g|png)", re.IGNORECASE)
# LINE counts months as Japan does, and Japan has no summer time.
_JAPAN = timezone(timedelta(hours=9))
# It does not say how long to wait; its limits are counted by the minute and by the hour.
_A_WHILE = timedelta(minutes=1)
_LONGER = timedelta(hours=1)


class Line(Network):
    """Speaks as an official account: to all its friends, or to those named in `to`. What is said there stays."""

    # LINE remembers a retry key for a day from the first request with it; we stop relying on it a little before.
    dedupe_for: ClassVar[timedelta] = timedelta(hours=23, minutes=30)
    images: ClassVar[frozenset[str]] = frozenset({"attach", "card"})
    docs: ClassVar[str] = "https://developers.line.biz/en/reference/messaging-api/#send-broadcast-message"
    label: ClassVar[str] = "LINE"
    mend: ClassVar[str] = "token"

    kind: Literal["line"] = "line"
    api_url: Annotated[str, address_to_go_on("https://api.line.me")] = Field(
        default="https://api.line.me", description="the Messaging API's address, if it is another"
    )
    token: SecretStr = Field(description="the channel access token of a Messaging API channel")
    to: tuple[str, ...] = Field(default=(), description="ids of users, or of one group; without any, all friends")

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_many(cls, ids: object) -> object:
        return (ids,) if isinstance(ids, str) and ids else ids or ()

    @field_validator("to")
    @classmethod
    def _are_recipients(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_RECIPIENT.fullmatch(one) for one in ids):
            raise ValueError("an id is U, C or R and 32 of 0-9 and a-f: your webhook is told it, LINE's app shows none")
        if len(ids) > 1 and not all(one.startswith("U") for one in ids):
            raise ValueError("several ids must be of users (U…): write one target for each group")
        if len(ids) > _MOST_RECIPIENTS:
            raise ValueError(f"LINE takes at most {_MOST_RECIPIENTS} ids at a time: write several targets")
        return ids

    def measure(self, text: str) -> Measure:
        """Count UTF-16 units, as LINE says it does."""
        return Measure(used=len(text.encode("utf-16-le", "surrogatepass")) // 2, limit=5000, unit="UTF-16 units")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it under a retry key made of the notice's: LINE takes each key once."""
        method, to = self._way()
        payload = to | {"messages": self._messages(notice)}
        headers = bearer(self.token) | {"x-line-retry-key": retry_key(notice.key)}
        url = f"{self.api_url}/v2/bot/message/{method}"
        reply = yield from ask(json_request("POST", url, payload, headers=headers))
        accepted = reply.headers.get("x-line-accepted-request-id", "")
        if reply.status == 409 and accepted:
            return Said(_plain(accepted))
        if reply.status != 429:
            return self.read(reply, context)
        if "monthly limit" in _message(reply):
            return (yield from self._count(context))
        return Again("LINE asks to come back later (HTTP 429)", wait_asked(reply, context.now) or _A_WHILE)

    def verify(self, context: Context) -> Conversation:
        """Ask which account the token speaks for."""
        reply = yield from ask(self._get("/v2/bot/info"))
        name, id_ = field_of(reply, "displayName"), field_of(reply, "basicId")
        if 200 <= reply.status < 300 and isinstance(name, str):
            return Said(shown(f"{name} ({id_})" if isinstance(id_, str) else name, self.secrets()))
        if is_yes(reply):
            return Refused("what answers at this address is not LINE's Messaging API: check api_url", "target")
        return self.read(reply, context, says=False)

    def said(self, reply: Reply) -> Outcome:
        """Keep the request's id: LINE's statistics know the message by it, and a repeat is answered with it."""
        request = _plain(reply.headers.get("x-line-request-id", ""))
        answered = request or isinstance(field_of(reply, "sentMessages"), list)
        return Said(request) if answered and isinstance(as_json(reply), dict) else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Tell a wrong recipient from a message that is not liked."""
        if reply.status == 400 and self.to and _is_about_recipients(reply):
            return Refused("LINE does not know whom to tell (HTTP 400): check to, then resume the target", "target")
        return None

    def _way(self) -> tuple[str, dict[str, object]]:
        if not self.to:
            return "broadcast", {}
        return ("push", {"to": self.to[0]}) if len(self.to) == 1 else ("multicast", {"to": list(self.to)})

    def _messages(self, notice: Notice) -> list[dict[str, str]]:
        """Write the text, and the picture where LINE itself can fetch it; both count as one message."""
        text = {"type": "text", "text": self.word(notice.text)}
        image = notice.image.url if self.image == "attach" and notice.image else ""
        if not _SHOWN_IMAGE.fullmatch(image):
            return [text]
        return [text, {"type": "image", "originalContentUrl": image, "previewImageUrl": image}]

    def _count(self, context: Context) -> Conversation:
        """Ask whether the month's messages are really used up: LINE says so too while it counts a large delivery."""
        quota = yield from ask(self._get("/v2/bot/message/quota"))
        usage = yield from ask(self._get("/v2/bot/message/quota/consumption"))
        most, used = field_of(quota, "value"), field_of(usage, "totalUsage")
        if not isinstance(most, int) or not isinstance(used, int):
            return Again("LINE says that this month's messages are used up (HTTP 429)", _LONGER)
        if used < most:
            return Again(
                f"LINE keeps back the rest of this month's messages ({used} of {most} are used) until it has counted "
                "a delivery that is under way, or too few are left for all who should get this one",
                _LONGER,
            )
        month = _next_month(context.now)
        return Again(
            f"this month's messages on LINE are used up ({used} of {most}): there are new ones "
            f"from {month:%Y-%m-%d} on in Japan, or at once with a larger plan",
            min(month - context.now, LONGEST_WAIT),
        )

    def _get(self, path: str) -> Request:
        return Request("GET", self.api_url + path, bearer(self.token), says=False)


def retry_key(key: str) -> str:
    """Write a notice's key as a UUID (RFC 9562 §5.4, its bits drawn from a hash): the same key, the same UUID."""
    digits = sha256(key.encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _plain(request_id: str) -> str:
    return request_id if re.fullmatch(r"[\w-]{1,64}", request_id, re.ASCII) else ""


def _is_about_recipients(reply: Reply) -> bool:
    details = field_of(reply, "details")
    named = [one.get("property") for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    blamed = re.search(r"'to(\[\d+\])?'", _message(reply)) is not None
    return blamed or any(isinstance(one, str) and re.match(r"to\b", one) for one in named)


def _message(reply: Reply) -> str:
    said = field_of(reply, "message")
    return said if isinstance(said, str) else ""


def _next_month(now: datetime) -> datetime:
    there = now.astimezone(_JAPAN)
    return datetime(there.year + there.month // 12, there.month % 12 + 1, 1, tzinfo=_JAPAN)
