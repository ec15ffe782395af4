"""a reply -> what it means: said or refused, how long to wait, and which of its words may be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeGuard

from feedpub.model import Again, Doubt, Outcome, Refused, Reply

LONGEST_WAIT = timedelta(hours=24)
"""However long the other side asks us to wait, we look again after a day."""

_QUOTED = 120
_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml\b[^<>]*>\s*)?<(!--|!doctype\s+html\b|(html|head|body|title|meta|script)\b)",
    re.IGNORECASE,
)
_KEYLIKE = re.compile(r"[A-Za-z0-9_\-./+=%:~]{20,}")
_PIECE = re.compile(r"[^\s/?&=:,]{6,}")

_REASONS = (
    ("error", "message"),
    ("error",),
    ("message",),
    ("error_description",),
    ("description",),
    ("detail",),
    ("msg",),
)
"""Where services write what is wrong, the most telling first."""

_LATER = frozenset({408, 425, 429, 503})
_TARGET = frozenset({401, 402, 403, 404, 405, 407, 410, 415})


def as_json(reply: Reply) -> object:
    """Read the body as JSON; None if it is none (or nested deeper than anybody means)."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def field_of(reply: Reply, *path: str) -> object:
    """Walk down the JSON body by keys; None where the path ends early."""
    value = as_json(reply)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def is_page(reply: Reply) -> bool:
    """Tell a page for people (a login, a captive portal) by how it begins; many a hook's "ok" is called text/html."""
    return _PAGE.match(reply.body) is not None


def is_yes(reply: Reply) -> bool:
    """Tell a success: by its status, and no page for people in its place."""
    return 200 <= reply.status < 300 and not is_page(reply)


def is_snowflake(said: object) -> TypeGuard[str]:
    """Whether this is an id of digits, as X and Discord make them, and nothing but that in an address."""
    return isinstance(said, str) and re.fullmatch(r"\d{1,30}", said, re.ASCII) is not None


# ---------------------------------------------------------------- what a status means


def usual(
    reply: Reply,
    now: datetime,
    *,
    who: str,
    mend: str,
    says: bool,
    quote: str = "",
    subject: Literal["article", "feed"] = "article",
) -> Outcome:
    """Judge any status but 2xx as HTTP means it (RFC 9110 §15).

    `who` is the network, `mend` the options to look at, `says` whether the request makes the notice appear: only
    then does a failure after the body was sent leave a doubt.
    """
    status = reply.status
    code = f"HTTP {status}: {quote}" if quote else f"HTTP {status}"
    if status in _LATER:
        return Again(f"{who} asks to come back later (HTTP {status})", wait_asked(reply, now))
    if 300 <= status < 400:
        return Refused(
            f"{who} answered with a redirect (HTTP {status}); redirects are not followed: "
            f"write the final address into the config ({mend})",
            "target",
        )
    if status in _TARGET:
        return Refused(f"{_reproach(who, status)} ({code}): check {mend}, then resume the target", "target")
    if 400 <= status < 500:
        return Refused(_unwanted(who, code, subject), "item")
    if says:
        return Doubt(f"{who} failed with the notice in hand ({code}); nobody knows whether it was posted")
    return Again(f"{who} failed ({code})", wait_asked(reply, now))


def _reproach(who: str, status: int) -> str:
    if status in {404, 410}:
        return f"{who} has nothing at this address"
    if status in {405, 415}:
        return f"what answers at this address takes no notices as {who} does"
    return f"{who} does not let us in"


def _unwanted(who: str, code: str, subject: str) -> str:
    if subject == "feed":
        return f"{who} did not take this feed ({code}): see whether it serves your site, or name others in feeds"
    return f"{who} did not take this notice ({code}): change its template or the article"


def page_instead(who: str, mend: str) -> Refused:
    """Judge a web page where an answer was due: nothing was posted, and asking again would meet the same page."""
    return Refused(
        f"a web page answered instead of {who} (a login, or a captive portal, in between?): "
        f"check {mend}, then resume the target",
        "target",
    )


def puzzling(who: str) -> Doubt:
    """Judge a success without the answer that is due with it."""
    return Doubt(f"{who} said yes, but not as documented; nobody knows whether it was posted")


def unnamed(who: str) -> Refused:
    """Judge a correction or a retraction of a post whose id nobody kept."""
    return Refused(f"it is not known which post on {who} this is: change or delete it there by hand")


# ---------------------------------------------------------------- how long to wait


def wait_asked(reply: Reply, now: datetime) -> timedelta | None:
    """Read how long we are asked to wait, in every dialect; between nothing and a day. None if unsaid or unreadable."""
    for seconds in _waits(reply, now):
        if seconds is not None:
            return timedelta(seconds=max(0, min(seconds, LONGEST_WAIT.total_seconds())))
    return None


def _waits(reply: Reply, now: datetime) -> Iterator[float | None]:
    headers = reply.headers
    yield _seconds(headers.get("retry-after"))  # RFC 9110 §10.2.3, both forms
    yield _until(_http_date(headers.get("retry-after", "")), now)
    yield _seconds(headers.get("x-ratelimit-reset-after"))  # Discord
    for name in ("x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"):
        yield _reset(headers.get(name, ""), now)
    yield _seconds(field_of(reply, "retry_after"))  # Discord
    yield _seconds(field_of(reply, "parameters", "retry_after"))  # Telegram
    thousandths = _seconds(field_of(reply, "retry_after_ms"))  # Matrix
    yield None if thousandths is None else thousandths / 1000


def _seconds(value: object) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+(\.\d*)?\s*", value, re.ASCII):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - not NaN
        return max(-1, min(value, 10**9))  # an integer of JSON may be too large for a float
    return None


def _reset(value: str, now: datetime) -> float | None:
    """Read the moment a limit ends: ISO 8601 (Mastodon), the epoch's seconds, or seconds from now where small."""
    number = _seconds(value)
    if number is not None:
        return number - now.timestamp() if number > 10**7 else number
    try:
        return _until(datetime.fromisoformat(value.strip()), now)
    except ValueError:
        return None


def _http_date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _until(moment: datetime | None, now: datetime) -> float | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - now).total_seconds()


# ---------------------------------------------------------------- which of its words may be shown


def quotable(reply: Reply, secrets: Iterable[str]) -> str:
    """Choose the words of a refusal that help an admin: short, on one line, and holding no secret even if echoed."""
    if is_page(reply):
        return ""
    body = as_json(reply)
    if body is None:
        return shown(reply.body.decode("utf-8", "replace"), secrets)
    said = (field_of(reply, *path) for path in _REASONS)
    return next((shown(text, secrets) for text in said if isinstance(text, str)), "")


def shown(text: str, secrets: Iterable[str]) -> str:
    """Make a stranger's text fit to show: printable, no address, nothing that looks like a key, at most 120 letters."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    flat = " ".join("…" if "://" in word else word for word in words)
    for piece in sorted({piece for secret in secrets for piece in _PIECE.findall(secret)}, key=len, reverse=True):
        flat = re.sub(re.escape(piece), "…", flat, flags=re.IGNORECASE)
    flat = _KEYLIKE.sub("…", flat)
    return flat if len(flat) <= _QUOTED else flat[: _QUOTED - 1] + "…"
