"""a site's address + a question -> rows of its REST API, or a StoreError that says what to change.

Lists are walked by id, which only grows, with `offset`: pages by date would skip rows of one second, and pages
by number skip one whenever a row before them is withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from feedpub.errors import StoreError, UnreachableError
from feedpub.model import Reply, Request
from feedpub.stores.manners import unreachable
from feedpub.stores.wordpress.answers import Answer, BarredError, BusyError, Row, read, row_id

if TYPE_CHECKING:
    from feedpub.http import Door

PER_PAGE = 100
"""The most rows WordPress gives at once."""
NEVER = "2037-12-31T00:00:00Z"
"""No post is modified after this: a site that shows one does not know the question (and PHP may know no later date)."""
READ_LIMIT = 32 * 2**20
"""Bytes of one answer: a hundred long articles."""

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a walk by id has come: the last id, and how many rows there were up to it."""

    id: int = 0
    at: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a walk: rows after the mark, the new mark, whether it was the last; `now` is the site's clock.

    `shift` is how many rows more (or fewer) there are now up to the old mark.
    """

    rows: tuple[Row, ...]
    mark: Mark
    shift: int
    last: bool
    total: int
    now: datetime


class Rest:
    """The REST API of one site. Its root is looked for at the first question, and again after a failure."""

    def __init__(
        self, door: Door, url: str, *, headers: Mapping[str, str], timeout: timedelta, allow_private: bool
    ) -> None:
        """Remember whom to ask; nothing is sent yet. `url` ends with `/`.

        `old` tells of a WordPress before 5.7, once something was asked.
        """
        self._door = door
        self._url = url
        self._headers = {"Accept": "application/json", "Cache-Control": "no-cache", **headers}
        self._timeout = timeout
        self._allow_private = allow_private
        self._root = ""
        self.old = False

    def step(self, route: str, query: Query, mark: Mark) -> Step:
        """Read the next page after `mark`; raises StoreError."""
        first = offset = max(mark.at - 1, 0)
        answer = self._page(route, query, offset)
        # The page must begin at the mark or before it. Where rows before it were withdrawn, the rest has moved up.
        while offset and not (answer.rows and row_id(answer.rows[0]) <= mark.id):
            offset = max(offset - PER_PAGE // 2, 0)  # half a page, so that it reaches beyond the mark
            answer = self._page(route, query, offset)
        rows = tuple(row for row in answer.rows if row_id(row) > mark.id)
        shown = offset + len(answer.rows)
        # Where fewer are shown than counted, nobody can say which are left out, so that nothing is told of a shift.
        end = max(shown, min(offset + PER_PAGE, answer.total))
        last = end >= answer.total
        if offset < first and not rows and not last:
            raise StoreError(_hidden(self._url, route, answer.total))
        ahead = Mark(row_id(rows[-1]) if rows else mark.id, end)
        shift = 0 if end > shown else end - len(rows) - mark.at
        return Step(rows, ahead, shift, last, answer.total, answer.now)

    def modified(self, route: str, fields: str, since: str, mark: Mark) -> Step:
        """Read the next page of what was modified after `since`; raises StoreError.

        WordPress before 5.7 cannot be asked that: there, the last modified come first, until they are older. What
        moves between two of those pages is modified, or met by the next walk, as it goes back as far.
        """
        self._find()
        if not self.old:
            return self.step(route, {"_fields": fields, "modified_after": since + "Z"}, mark)
        answer = self.latest(route, fields, PER_PAGE, mark.at)
        rows = tuple(row for row in answer.rows if str(row.get("modified_gmt") or "") > since)
        end = mark.at + len(answer.rows)
        last = len(rows) < len(answer.rows) or end >= answer.total
        return Step(rows, Mark(at=end), 0, last, answer.total, answer.now)

    def latest(self, route: str, fields: str, count: int, offset: int = 0) -> Answer:
        """Read so many posts from the last modified on; raises StoreError."""
        page = {"orderby": "modified", "order": "desc", "per_page": str(count), "offset": str(offset)}
        return self._ask(route, {"_fields": fields, **page})

    def every(self, route: str, query: Query) -> tuple[Row, ...]:
        """Read a whole list, or raise StoreError: never a part of it."""
        rows, total = self.shown(route, query)
        if len(rows) < total:
            raise StoreError(_hidden(self._url, route, total))
        return rows

    def shown(self, route: str, query: Query) -> tuple[tuple[Row, ...], int]:
        """Read all that is shown of a list, and how many are said to be in it; raises StoreError."""
        rows: list[Row] = []
        mark, moved = Mark(), False
        while True:
            step = self.step(route, query, mark)
            rows += step.rows
            mark, moved = step.mark, moved or step.shift > 0
            if step.last:
                break
        if moved:
            raise StoreError(f"{self._url}: the list of {route} changed while it was read; it is read again later")
        return tuple(rows), step.total

    def some(self, route: str, fields: str, ids: Iterable[int], at_once: int = PER_PAGE) -> Iterator[Row]:
        """Read those of `ids` that are public now, `at_once` to a request; raises StoreError."""
        for _, answer in self.asked_for(route, fields, ids, at_once):
            yield from answer.rows

    def asked_for(
        self, route: str, fields: str, ids: Iterable[int], at_once: int = PER_PAGE
    ) -> Iterator[tuple[Sequence[int], Answer]]:
        """Ask for `ids`, `at_once` to a request: which, and what is said of them; raises StoreError."""
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), at_once):
            few = wanted[start : start + at_once]
            query = {"include": ",".join(map(str, few)), "per_page": str(PER_PAGE), "_fields": fields}
            yield few, self._ask(route, query)

    def newest(self, route: str, fields: str, offset: int = 0) -> Answer:
        """Read a page of a list from its highest id down; raises StoreError."""
        page = {"orderby": "id", "order": "desc", "per_page": str(PER_PAGE), "offset": str(offset)}
        return self._ask(route, {"_fields": fields, **page})

    def _page(self, route: str, query: Query, offset: int) -> Answer:
        page = {"orderby": "id", "order": "asc", "per_page": str(PER_PAGE), "offset": str(offset)}
        answer = self._ask(route, {**query, **page})
        if all(row_id(one) <= row_id(other) for one, other in pairwise(answer.rows)):
            return answer
        if offset or len(answer.rows) < answer.total:
            raise StoreError(
                f"{self._url} gives its {route} in another order than asked for: a plugin that sorts posts must let "
                "the REST API alone"
            )
        return replace(answer, rows=tuple(sorted(answer.rows, key=row_id)))

    def _ask(self, route: str, query: Query) -> Answer:
        try:
            self._find()
            return self._ask_at(self._root, route, query)
        except BarredError:
            raise
        except StoreError:
            self._root = ""  # the site may have moved its API: look for it again at the next poll
            raise

    def _find(self) -> None:
        """Look for the root, and whether WordPress there knows `modified_after`: one that does not passes it over."""
        if self._root:
            return
        failures: list[StoreError] = []
        for root in self._roots():
            try:
                answer = self._ask_at(root, "posts", {"per_page": "1", "_fields": "id", "modified_after": NEVER})
            except BusyError:
                raise
            except StoreError as error:
                failures.append(error)
            else:
                self._root, self.old = root, bool(answer.rows)
                return
        raise failures[0]  # the first root is the likeliest: what it says helps most

    def _roots(self) -> Iterator[str]:
        link = self._fetch("HEAD", self._url).headers.get("link", "")
        if said := re.search(r'<([^<>]+)>;\s*rel="https://api\.w\.org/"', link):
            # Only the path is taken: credentials go nowhere but to the address in the config.
            root = urlsplit(urljoin(self._url, said[1]))
            yield urljoin(self._url, root._replace(scheme="", netloc="").geturl())
        yield self._url + "wp-json/"
        yield self._url + "?rest_route=/"  # a site without pretty permalinks

    def _ask_at(self, root: str, route: str, query: Query) -> Answer:
        joint = "&" if "?" in root else "?"
        reply = self._fetch("GET", f"{root}wp/v2/{route}{joint}{urlencode(query, safe=',')}")
        return read(reply, self._url, route)

    def _fetch(self, method: str, url: str) -> Reply:
        request = Request(method, url, self._headers, says=False, read_limit=READ_LIMIT)
        try:
            return self._door.fetch(request, timeout=self._timeout, allow_private=self._allow_private)
        except UnreachableError as error:
            raise StoreError(f"{self._url} {unreachable(error)}") from error


def _hidden(site: str, route: str, total: int) -> str:
    return (
        f"{site} counts {total} {route} and shows fewer: a plugin keeps some out of its REST API, or something in "
        "front of it cuts answers short; if it is a plugin, set `user` and `application_password`"
    )
