"""a changed feed -> a ping service, such as a blog ranking (weblogUpdates over XML-RPC)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal
from xmlrpc.client import dumps

from lxml import etree
from pydantic import Field, SecretStr, field_validator

from feedpub.model import Again, Context, Conversation, Duration, Notice, Outcome, Refused, Reply, Request, Said
from feedpub.networks.answers import shown
from feedpub.networks.base import ask, check_address
from feedpub.networks.feed_subject import FeedNetwork

REST = timedelta(minutes=30)
"""How long a service is left in peace that says it is told too often; none says how long it means."""

_TOO_OFTEN = re.compile(
    r"too (often|fast|frequent|many|soon|quick)|frequent|throttl|rate.?limit|again later|slow down"
    r"|頻繁|間隔|連続|短時間|しばらく|時間を[おあ空置]",
    re.IGNORECASE,
)


class Ping(FeedNetwork):
    """Tells a service that the site has something new. Many such services are slow or gone: it gets little time."""

    docs: ClassVar[str] = "http://www.weblogs.com/api.html"
    label: ClassVar[str] = "the ping service"
    mend: ClassVar[str] = "url"

    kind: Literal["ping"] = "ping"
    url: SecretStr = Field(description="the service's address for pings; it may hold your key")
    feeds: tuple[str, ...] = Field(default=("all",), description="the feeds whose changes are told; [] for every one")
    timeout: Duration = Field(default=timedelta(seconds=3), description="the time one ping may take")

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: SecretStr) -> SecretStr:
        check_address(url.get_secret_value())
        return url

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Name the site and its feed; a service that takes no extended ping gets the plain one."""
        feed = notice.text.partition("\n")[0]
        # Twice the site: the third is the page that has changed, which for a feed is the front page.
        extended = self._call("weblogUpdates.extendedPing", notice.title, notice.link, notice.link, feed)
        reply = yield from ask(extended)
        answer = _Answer.of(reply)
        if answer is not None and answer.is_error and not answer.too_often:
            reply = yield from ask(self._call("weblogUpdates.ping", notice.title, notice.link))
        return self.read(reply, context, says=False)

    def said(self, reply: Reply) -> Outcome:
        """Read what the service says of the ping; without that, nobody there takes pings."""
        answer = _Answer.of(reply)
        if answer is None:
            return Refused(
                "what answers at this address is no ping service: write another url or take this target out, "
                "then resume the target",
                "target",
            )
        if not answer.is_error:
            return Said()
        words = shown(answer.message, self.secrets()) or "no reason given"
        if answer.too_often:
            return Again(f"the ping service has had too many pings of this site ({words})", REST)
        return Refused(f"the ping service did not take this ping ({words}): see whether it knows your site")

    def _call(self, method: str, *texts: str) -> Request:
        # Written out in capitals, dumps() declares the encoding; old services take anything else for Latin-1.
        body = dumps(texts, method, encoding="UTF-8").encode()
        headers = {"content-type": "text/xml; charset=utf-8"}
        return Request("POST", self.url.get_secret_value(), headers, body, says=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a service says of a ping: `flerror` and `message`, or a fault. Its words are hostile until `shown`."""

    is_error: bool
    message: str

    @property
    def too_often(self) -> bool:
        """Whether it only wants to be left in peace for a while."""
        return self.is_error and _TOO_OFTEN.search(self.message) is not None

    @classmethod
    def of(cls, reply: Reply) -> _Answer | None:
        """Read the body, whatever the status; None if it is no answer of XML-RPC. No entity is ever expanded."""
        try:
            root = etree.fromstring(reply.body.strip(), etree.XMLParser(resolve_entities=False, no_network=True))
        except (etree.XMLSyntaxError, ValueError):
            return None
        if root.tag != "methodResponse":
            return None
        members = {
            (member.findtext("name") or "").strip().lower(): "".join(map(str, value.itertext())).strip()
            for member in root.iter("member")
            for value in member.iterfind("value")
        }
        if root.find("fault") is not None:
            return cls(is_error=True, message=members.get("faultstring", ""))
        if root.find("params/param") is None:
            return None
        # Some services write it as an int, some as bare text, some with another capital.
        return cls(is_error=members.get("flerror", "").lower() in {"1", "true"}, message=members.get("message", ""))
