"""one HTTP answer for a feed -> where to go on, or why there is no document in it. Pure."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from feedpub import clean
from feedpub.model import Reply
from feedpub.stores.feed.parsing import shown
from feedpub.stores.feed.reading import Unreadable
from feedpub.stores.feed.words import joined
from feedpub.stores.manners import answered_at, http_date

FOR_NOW = (302, 303, 307)
FOR_GOOD = (301, 308)

_SETTLED = timedelta(minutes=1)
"""So long after its date a document is no more changed in that same second (RFC 9110 §8.8.2.2)."""


def onward(reply: Reply, url: str) -> str:
    """Tell where an answer sends us, from `url`; raises Unreadable where that is nowhere we may go."""
    said = joined(url, reply.headers.get("location", "")).partition("#")[0]
    there = clean.url(said)
    if not there or said == url or "@" in urlsplit(said).netloc:
        raise Unreadable(f"sends on to no other web address (HTTP {reply.status}): correct `url`")
    if urlsplit(there).scheme == "http" and urlsplit(url).scheme == "https":
        raise Unreadable(f"sends on from https to {shown(there)}, which anybody on the way could forge: correct `url`")
    return there


def moved(there: str, url: str) -> Unreadable:
    """Say that a feed has moved for good.

    It is not followed silently: an old address is given up one day, and whoever has it then would be read instead.
    """
    # A query that stands in the config may be a secret; one that is new to us was told to anybody.
    new = shown(there) if urlsplit(url).query else there
    return Unreadable(f'has moved for good: write url = "{new}" in the config')


def refuse(reply: Reply) -> None:
    """Raise Unreadable unless the answer holds the document."""
    status = reply.status
    if status in (200, 203):
        return
    if status in (429, 503):
        raise Unreadable(f"is busy or in maintenance (HTTP {status})")
    if status >= 500:
        raise Unreadable(f"fails (HTTP {status}): look into the site's error log")
    raise Unreadable(_REFUSALS.get(status, f"is not given out (HTTP {status}): check `url`"))


_REFUSALS = {
    401: "asks for a login (HTTP 401): only a feed that anybody may read can be a store",
    403: "is kept from us (HTTP 403): allow feedpub in the firewall or bot protection in front of it",
    404: "is not there (HTTP 404): check `url`",
    410: "says that it is gone for good (HTTP 410): correct `url`, or remove this store from the config",
}


def validators(reply: Reply) -> tuple[str, str]:
    """Take what the next question may be conditional on: an entity tag, else a date that is old enough to be trusted.

    Of a document changed twice in one second, the date is the same.
    """
    etag, modified = reply.headers.get("etag", "").strip(), reply.headers.get("last-modified", "").strip()
    if etag:
        return (etag, "") if etag.isascii() and etag.isprintable() else ("", "")
    now, changed = answered_at(reply), http_date(modified)
    return ("", modified) if now and changed and now - changed >= _SETTLED else ("", "")
