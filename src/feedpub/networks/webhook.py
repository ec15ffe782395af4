"""a notice -> a signed JSON event for any receiver (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from datetime import timedelta
from typing import ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, field_validator

from feedpub.model import Context, Conversation, Duration, Measure, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks.base import Network, ask, check_address

_EVENT = """\
{
  "type": {{ {"announce": "article.published", "correct": "article.updated", "retract": "article.retracted"}[action]
             | tojson }},
  "timestamp": {{ updated | string | tojson }},
  "data": {
    "id": {{ id | tojson }},
    "guid": {{ guid | tojson }},
    "title": {{ title | tojson }},
    "url": {{ url | tojson }},
    "summary": {{ summary | tojson }},
    "text": {{ headline | tojson }},
    "language": {{ language | tojson }},
    "categories": {{ categories | list | tojson }},
    "tags": {{ tags | list | tojson }},
    "authors": {{ authors | list | tojson }},
    "image": {{ (image.url if image else none) | tojson }},
    "published": {{ published | string | tojson }},
    "updated": {{ updated | string | tojson }}
  }
}"""
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class Webhook(Network):
    """Posts a JSON body of the admin's making, signed so that the receiver can trust it and drop repeats.

    The same `webhook-id` comes with every try of one notice; a receiver must remember ids for a day, unless
    `drops_repeats_for` says what it does.
    """

    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract"})
    writes_json: ClassVar[bool] = True
    docs: ClassVar[str] = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"
    label: ClassVar[str] = "the webhook"
    mend: ClassVar[str] = "url, secret and headers"

    kind: Literal["webhook"] = "webhook"
    url: SecretStr = Field(description="where events are posted to")
    secret: SecretStr | tuple[SecretStr, ...] = Field(
        default=(), description="whsec_… to sign with; several while one is being replaced: each signs"
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="more headers, such as Authorization")
    template: str = Field(default=_EVENT, description="the JSON body, a Jinja2 template; write values with | tojson")
    form: bool = Field(default=False, description="send the JSON object's keys as the fields of a form")
    drops_repeats_for: Duration = Field(
        default=timedelta(days=1), description="how long the receiver drops what comes again with the same webhook-id"
    )
    accept: tuple[int, ...] = Field(
        default=(), description="only these statuses are a yes; without any, each from 200 to 299"
    )

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: SecretStr) -> SecretStr:
        check_address(url.get_secret_value())
        return url

    @field_validator("secret")
    @classmethod
    def _whole_keys(cls, secret: SecretStr | tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        secrets = secret if isinstance(secret, tuple) else (secret,)
        for one in secrets:
            _key(one)
        return secrets

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise ValueError("a header's name is made of ASCII letters, digits and hyphens")
            if name.lower() in _OURS or name.lower().startswith("webhook-"):
                raise ValueError(f"the header {name} is written by feedpub itself; leave it out")
            if not re.fullmatch(r"[\x20-\x7e]*", value.get_secret_value()):
                raise ValueError(f"the value of the header {name} must be printable ASCII on one line")
        return headers

    @field_validator("accept")
    @classmethod
    def _of_success(cls, statuses: tuple[int, ...]) -> tuple[int, ...]:
        if not all(200 <= status <= 299 for status in statuses):
            raise ValueError("write statuses from 200 to 299, such as [200]")
        return statuses

    @property
    def dedupe_for(self) -> timedelta:  # type: ignore[override]  # what a network is elsewhere, the admin says here
        """How long a repeat of the same key is dropped there: what the admin says of the receiver."""
        return self.drops_repeats_for

    def measure(self, text: str) -> Measure:
        """Count the bytes of the JSON; receivers are advised to take less than 20 KB."""
        return Measure(used=len(text.encode()), limit=20_000, unit="bytes")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post the event; what it is about stands in the body."""
        if self.form and not notice.text.startswith("{"):
            return Refused("a form needs a JSON object: let the template begin with { and end with }")
        reply = yield from ask(self._event(notice, context))
        return self.read(reply, context)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Post the event of an edit: `article.updated`, unless the template says otherwise."""
        return self.announce(notice, context)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Post the event of a withdrawal: `article.retracted`, unless the template says otherwise."""
        return self.announce(notice, context)

    def said(self, reply: Reply) -> Outcome:
        """Take any success for what it is, as receivers owe no body; or only those that the admin named."""
        if self.accept and reply.status not in self.accept:
            return Refused(
                f"the webhook answered HTTP {reply.status}, which accept does not name: check url, "
                "then resume the target",
                "target",
            )
        return Said()

    def _event(self, notice: Notice, context: Context) -> Request:
        body = (_as_form(notice.text) if self.form else notice.text).encode()
        moment = str(int(context.now.timestamp()))  # of this try: receivers refuse old ones as replays
        headers = {name.lower(): value.get_secret_value() for name, value in self.headers.items()}
        sent_as = "application/x-www-form-urlencoded" if self.form else "application/json; charset=utf-8"
        headers.setdefault("content-type", sent_as)
        headers |= {"webhook-id": notice.key, "webhook-timestamp": moment}
        secrets = self.secret if isinstance(self.secret, tuple) else (self.secret,)
        if secrets:
            signed = b".".join((notice.key.encode(), moment.encode(), body))
            headers["webhook-signature"] = " ".join(_signature(secret, signed) for secret in secrets)
        return Request("POST", self.url.get_secret_value(), headers, body)


def _as_form(written: str) -> str:
    """Write each key as a field: a text as it is, anything else as JSON, and nothing for null."""
    fields = json.loads(written).items()
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in fields
        if value is not None
    }
    return urlencode(texts)


def _key(secret: SecretStr) -> bytes:
    written = secret.get_secret_value()
    try:
        key = base64.b64decode(written.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("a signing secret is whsec_ and 24 to 64 random bytes in base64")
    return key


def _signature(secret: SecretStr, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()
