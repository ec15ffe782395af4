"""an account's list of posts -> which one says a notice."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from feedpub.model import EPOCH, Absent, Action, Again, Conversation, Doubt, Notice, Outcome, Picture, Reply, Said, Step
from feedpub.networks.answers import as_json
from feedpub.networks.base import LINK

Page = Generator[Step, Reply | Picture | None, "tuple[Status | None, ...] | Outcome"]
"""Steps of a conversation that end in a page of posts, newest first, or in why it cannot be read.

None stands for a post that cannot be read, or that tells no date.
"""

_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id", re.ASCII)
_HREF = re.compile(r"""href\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
# What our own wording puts in lest something acts: invisible, or shown as nothing.
_UNSHOWN = re.compile(r"</?plain>")
_UNSAID = re.compile(r"[\s\u2060<>]+")
_PAGES = 5
_CLOCKS_APART = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Status:
    """What we read of one post: its words without blanks, the addresses in it, and when the server took it.

    `below` is the id of the post that it replies to.
    """

    id: str
    url: str
    words: str
    links: tuple[str, ...]
    at: datetime
    below: str = ""

    @classmethod
    def of(cls, value: object) -> Status | None:
        """Read a status of Mastodon's API; None where it lacks an id that can be asked for later."""
        if not isinstance(value, dict) or not names_one(id_ := value.get("id")):
            return None
        content = _text(value, "content")
        words = _bare_words(html.unescape(re.sub(r"<[^<>]*>", " ", content)))
        links = tuple(html.unescape(href) for href in _HREF.findall(content))
        below = _text(value, "in_reply_to_id")
        return cls(str(id_), _address(value.get("url")), words, links, _moment(value.get("created_at")), below)

    @classmethod
    def of_note(cls, value: object, server: str) -> Status | None:
        """Read a note of Misskey's API; None where it lacks an id that can be asked for later."""
        if not isinstance(value, dict) or not names_one(id_ := value.get("id")):
            return None
        text = _text(value, "text")
        at = _moment(value.get("createdAt"))
        return cls(
            str(id_), f"{server}/notes/{id_}", _bare_words(text), tuple(LINK.findall(text)), at, _text(value, "replyId")
        )

    def says(self, notice: Notice, passing: Collection[str] = ()) -> bool:
        """Whether it carries the notice's link, give or take tracking parameters; without a link, its words.

        `passing`: parameters that we hang on links ourselves. A reply stands below the post that it was meant for.
        """
        if self.below != (notice.remote_id if notice.action is Action.REPLY else ""):
            return False
        if self.id in {notice.remote_id, *notice.also}:
            return False
        if notice.link:
            return any(same_address(notice.link, link, passing) for link in self.links)
        return bool(self.words) and self.words == _bare_words(notice.text)


def names_one(id_: object) -> bool:
    """Whether this can be the id of a post or a picture, and nothing but that in an address."""
    return isinstance(id_, str) and _ID.fullmatch(id_) is not None


def one_id(said: object) -> str:
    """Read such an id; "" where it is none."""
    return said if isinstance(said, str) and names_one(said) else ""


def statuses_of(reply: Reply, read: Callable[[object], Status | None] = Status.of) -> tuple[Status | None, ...] | None:
    """Read a page of an account's posts, newest first as the server gives them; None where it is no list."""
    page = as_json(reply)
    if not isinstance(page, list):
        return None
    return tuple(status if status and status.at > EPOCH else None for status in map(read, page))


def look_back(notice: Notice, page: Callable[[str], Page], *, who: str, passing: Collection[str]) -> Conversation:
    """Look through the posts since the notice was frozen; `page` asks for those before an id ("": the newest)."""
    since, before = notice.at - _CLOCKS_APART, ""
    for _ in range(_PAGES):
        statuses = yield from page(before)
        if not isinstance(statuses, tuple):
            return statuses
        read = [status for status in statuses if status]
        found = [status for status in read if status.at >= since and status.says(notice, passing)]
        if found:
            # Another article, or a brief, may have the same link: its words tell which is which.
            found.sort(key=lambda status: status.words != _bare_words(notice.text))
            return Said(found[0].id, found[0].url)
        if len(read) < len(statuses):
            return Again(f"one of our posts on {who} cannot be read; it is not known yet whether it is this one")
        if not read or read[-1].at < since:
            return Absent()
        before = read[-1].id
    return Doubt(f"too many posts on {who} since then to tell whether this one was among them")


def _text(value: dict[str, object], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _address(url: object) -> str:
    return url if isinstance(url, str) and re.fullmatch(r"https?://[!-~]{1,2000}", url) else ""


def _moment(said: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return EPOCH
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _bare(address: str, passing: Collection[str]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address, "", ()
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    asked = tuple(pair for pair in pairs if not _TRACKING.fullmatch(pair[0]) and pair[0] not in passing)
    return parts.netloc.lower(), unquote(parts.path) or "/", asked


def _bare_words(text: str) -> str:
    return _UNSAID.sub("", _UNSHOWN.sub("", text))


def same_address(one: str, other: str, passing: Collection[str] = ()) -> bool:
    """Whether two links lead to the same page, give or take tracking parameters and those `passing`."""
    return _bare(one, passing) == _bare(other, passing)


def same_words(one: str, other: str) -> bool:
    """Whether two texts read the same, however they are spaced."""
    return _bare_words(one) == _bare_words(other)
