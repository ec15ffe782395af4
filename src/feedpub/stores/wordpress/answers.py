"""one answer of a site -> the rows in it, or a StoreError that says what to change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from feedpub.errors import StoreError
from feedpub.model import Reply
from feedpub.stores.manners import answered_at, asked_wait

Row = Mapping[str, object]

_YEARS = range(1990, 3000)
"""No clock says another."""
_DIGITS = 12


class BarredError(StoreError):
    """The site does not show this list to us: on purpose, so that asking again would not help."""


class BusyError(StoreError):
    """The site asks to be left alone: for as long as `wait`, where it says so."""

    def __init__(self, message: str, wait: timedelta | None) -> None:
        """Keep how long to wait."""
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one page, how many the whole list has (0 beyond its end), and the site's clock."""

    rows: tuple[Row, ...]
    total: int
    now: datetime


def read(reply: Reply, site: str, route: str) -> Answer:
    """Read the answer of `site` (its address) to a question for `route`, such as `posts`.

    Raises BarredError where the site refuses, StoreError for everything else that is not a list.
    """
    _refuse(reply, site, route)
    rows = _json(reply, site, route)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_id(row.get("id")) for row in rows):
        raise StoreError(f"{site} answers with something else than a list of {route}: is its `url` a WordPress site's?")
    total, now = reply.headers.get("x-wp-total", ""), _date(reply)
    if now is None or not total.isdecimal():
        raise StoreError(
            f"{site} answers without the headers X-WP-Total and Date: let the proxy in front of it pass them on"
        )
    return Answer(tuple(rows), int(total[:_DIGITS]), now)


def row_id(row: Row) -> int:
    """The id of a row that `read` gave."""
    number = row["id"]
    if not isinstance(number, int):
        raise TypeError("a row without an id")
    return number


def _date(reply: Reply) -> datetime | None:
    now = answered_at(reply)
    return now if now is not None and now.year in _YEARS else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _refuse(reply: Reply, site: str, route: str) -> None:
    status = reply.status
    if status == 200:
        return
    if 300 <= status < 400:
        raise StoreError(_moved(reply, site))
    if status in (401, 403):
        raise BarredError(_barred(reply, site))
    if status == 404:
        raise _missing(reply, site, route)
    wait = asked_wait(reply)
    asks = f", and asks to wait {wait.total_seconds():.0f} s" if wait else ""
    if status in (429, 503):
        raise BusyError(
            f"{site} is busy or in maintenance (HTTP {status}{asks}): it may limit how often it is read", wait
        )
    if status >= 500:
        raise StoreError(f"{site} fails at its REST API (HTTP {status}): look into the site's PHP error log")
    raise StoreError(f"{site} refuses a question for its {route} (HTTP {status}): a plugin may change its REST API")


def _moved(reply: Reply, site: str) -> str:
    target = urlsplit(urljoin(site, reply.headers.get("location", "")))
    here = urlsplit(site)
    host = target.netloc.rpartition("@")[2]
    if (target.scheme, host) == (here.scheme, here.netloc) or target.scheme not in ("http", "https"):
        return f"{site} sends the REST API on to another page (a login?): let /wp-json/ be read without one"
    return f'{site} has moved: write url = "{target.scheme}://{host}{here.path}" in the config'


def _barred(reply: Reply, site: str) -> str:
    if _code(reply) in ("incorrect_password", "invalid_username", "invalid_email", "application_passwords_disabled"):
        return f"{site} does not accept `user` with this `application_password`: make a new one in the user's profile"
    return (
        f"{site} bars its REST API (HTTP {reply.status}): allow it in the security plugin, or at the hosting company "
        "(Xserver: 「REST API アクセス制限」), or set `user` and `application_password`"
    )


def _missing(reply: Reply, site: str, route: str) -> StoreError:
    if _code(reply) == "rest_no_route":
        return BarredError(
            f"{site} has no {route} in its REST API (rest_no_route): a plugin takes them out, or they are a type "
            "that is not registered with show_in_rest, or `types` does not name it by its REST base"
        )
    return StoreError(f"{site} has no WordPress REST API: check `url`, it must be the address of the site's front page")


def _code(reply: Reply) -> object:
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return said.get("code") if isinstance(said, dict) else None


def _json(reply: Reply, site: str, route: str) -> object:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        pass
    if reply.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise StoreError(
            f"{site} answers with a page instead of its {route}: a login, a maintenance page or a PHP warning "
            "stands in front of the REST API"
        )
    raise StoreError(
        f"{site} gives an answer that breaks off or is not JSON: something in front of it may cut it short"
    )
