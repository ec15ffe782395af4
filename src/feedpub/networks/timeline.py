"""an account's list of statuses -> which one says a notice (Mastodon's API)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

from feedpub.model import EPOCH, Notice, Reply
from feedpub.networks.answers import as_json

_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id", re.ASCII)
_HREF = re.compile(r"""href\s*=\s*["']([^"']*)["']""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Status:
    """What we read of one status. `content` is HTML, `at` when the server took it."""

    id: str
    url: str
    content: str
    at: datetime

    @classmethod
    def of(cls, value: object) -> Status | None:
        """Read one; None where it lacks an id that can be asked for later."""
        if not isinstance(value, dict):
            return None
        id_, url, content = (value.get(key) for key in ("id", "url", "content"))
        if not isinstance(id_, str) or not re.fullmatch(r"[\w-]{1,64}", id_, re.ASCII):
            return None
        if not isinstance(url, str) or not re.fullmatch(r"https?://[!-~]{1,2000}", url):
            url = ""
        return cls(id_, url, content if isinstance(content, str) else "", _moment(value))

    def says(self, notice: Notice) -> bool:
        """Whether it carries the notice's link, give or take tracking parameters; without a link, its words."""
        if notice.link:
            return _bare(notice.link) in {_bare(html.unescape(href)) for href in _HREF.findall(self.content)}
        return _words(html.unescape(re.sub(r"<[^<>]*>", " ", self.content))) == _words(notice.text)


def statuses_of(reply: Reply) -> tuple[Status, ...]:
    """Read a page of an account's statuses, newest first as the server gives them."""
    page = as_json(reply)
    found = (Status.of(value) for value in page) if isinstance(page, list) else ()
    return tuple(status for status in found if status is not None)


def _moment(value: dict[str, object]) -> datetime:
    try:
        at = datetime.fromisoformat(str(value.get("created_at")))
    except ValueError:
        return EPOCH
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _bare(address: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address, "", ()
    asked = tuple(pair for pair in parse_qsl(parts.query) if not _TRACKING.fullmatch(pair[0]))
    return parts.netloc.lower(), unquote(parts.path) or "/", asked


def _words(text: str) -> str:
    return re.sub(r"[\s\u2060]+", "", text)


def same_address(one: str, other: str) -> bool:
    """Whether two links lead to the same page, give or take tracking parameters."""
    return _bare(one) == _bare(other)


def same_words(one: str, other: str) -> bool:
    """Whether two texts read the same, however they are spaced."""
    return _words(one) == _words(other)
