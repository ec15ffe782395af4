"""A hand-written site on loopback that answers like WordPress's /wp-json, with what WordPress does oddly kept odd.

Seen on WordPress 6.1: lists compare local wall-clock times, strictly later ones only; beyond its end a list's
X-WP-Total is 0; a scheduled post keeps its old `modified` when it goes live; an entry with an old date has both old;
what a question asks for that is not known is passed over in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from tests.edge.serving import Quiet, serving

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

Row = dict[str, object]


@dataclass
class Post:
    id: int
    date: datetime
    modified: datetime
    title: str = "見出し"
    content: str = "<p>本文</p>"
    status: str = "publish"
    password: str = ""
    type: str = "posts"
    gone: set[str] = field(default_factory=set)
    """Fields that its type does not have."""
    more: Row = field(default_factory=dict)


@dataclass
class Canned:
    """An answer instead of the true one."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """What the site holds. `clock` is its time; `zone` what it shows wall-clock times in."""

    posts: dict[int, Post] = field(default_factory=dict)
    terms: dict[str, list[Row]] = field(
        default_factory=lambda: {"categories": [], "tags": [], "users": [], "media": [], "comments": []}
    )
    types: set[str] = field(default_factory=lambda: {"posts", "pages"})
    """The kinds of posts that are shown, by their REST base."""
    old: bool = False
    """Whether it is a WordPress before 5.3, which knows no `modified_after` and no fields within fields."""
    down: bool = False
    """Whether it hangs up without a word."""
    twice: set[int] = field(default_factory=set)
    """Posts that every list names two times."""
    counted: set[int] = field(default_factory=set)
    """Posts that are counted and not shown."""
    shuffled: bool = False
    """Whether posts come in an order of their own, whichever is asked for."""
    clock: datetime = NOON
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Tokyo"))
    prefix: str = "/wp-json/"
    link: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    canned: Callable[[str, dict[str, str]], Canned | None] = lambda _route, _query: None
    elsewhere: Callable[[str], Canned | None] = lambda _path: None
    """What stands outside the lists of the API: the front page, the API's index, feeds."""
    meanwhile: Callable[[], object] = lambda: None
    """Happens after each answer about posts was made up, and before it leaves."""
    url: str = ""

    def publish(self, number: int, **said: object) -> Post:
        """Publish now, unless `date` says otherwise."""
        post = Post(number, **{"date": self.clock, "modified": self.clock, **said})  # type: ignore[arg-type]
        self.posts[number] = post
        return post

    def edit(self, number: int, **said: object) -> None:
        for name, value in {"modified": self.clock, **said}.items():
            setattr(self.posts[number], name, value)

    def comment(self, number: int, post: int, **said: object) -> Row:
        """A reader's approved comment; taken out of `terms["comments"]` it is public no more."""
        row: Row = {"id": number, "post": post, "parent": 0, "author_name": "読者", "date_gmt": _text(self.clock)}
        row |= {"content": {"rendered": "<p>同感</p>"}, "link": f"{self.url}archives/{post}/#comment-{number}", **said}
        self.terms["comments"].append(row)
        return row

    def passes(self, **time: float) -> None:
        self.clock += timedelta(**time)

    def wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def rows(self, route: str, query: dict[str, str]) -> list[Row] | list[Post]:
        """Everything that a question is about, in order."""
        listed = self.listed(route, query) if route in self.types else self.terms[route]
        return listed[::-1] if query.get("order") == "desc" else listed

    def page(self, route: str, query: dict[str, str]) -> Canned:
        """The true answer to a question."""
        if route not in self.types | self.terms.keys():
            return Canned(404, b'{"code":"rest_no_route"}')
        rows = self.rows(route, query)
        offset = int(query.get("offset", "0"))
        page = [
            self.row(one) if isinstance(one, Post) else one
            for one in rows[offset : offset + int(query.get("per_page", "10"))]
            if isinstance(one, Post) or "include" not in query or str(one["id"]) in query["include"].split(",")
        ]
        asked = query["_fields"].split(",")
        fields = {one for one in asked if "." not in one} if self.old else {one.partition(".")[0] for one in asked}
        total = len(rows) if offset < len(rows) else 0
        shown = [row for row in page if route not in self.types or row["id"] not in self.counted]
        body = json.dumps([{name: row[name] for name in row if name in fields} for row in shown]).encode()
        return Canned(200, body, {"X-WP-Total": str(total), "Content-Type": "application/json"})

    def listed(self, route: str, query: dict[str, str]) -> list[Post]:
        wanted = map(int, query["include"].split(",")) if "include" in query else self.posts
        found = [self.posts[number] for number in sorted(wanted) if number in self.posts]
        known = {"date": "after"} if self.old else {"date": "after", "modified": "modified_after"}
        for name, asked in known.items():
            if asked in query:
                since = self.wall(_moment(query[asked]))
                found = [post for post in found if self.wall(getattr(post, name)) > since]
        if query.get("orderby") == "modified":
            found.sort(key=lambda post: self.wall(post.modified))
        if self.shuffled:
            found.sort(key=lambda post: post.id * 7 % 31)
        shown = [post for post in found if (post.type, post.status) == (route, "publish")]
        return [post for post in shown for _ in range(2 if post.id in self.twice else 1)]

    def row(self, post: Post) -> Row:
        shown = "" if post.password else post.content
        row = {
            "id": post.id,
            "date_gmt": _text(post.date),
            "modified_gmt": _text(post.modified),
            "guid": {"rendered": f"{self.url}?p={post.id}&#038;x=1"},
            "link": f"{self.url}archives/{post.id}/",
            "title": {"rendered": post.title},
            "content": {"rendered": shown, "protected": bool(post.password)},
            "excerpt": {"rendered": shown[:20], "protected": bool(post.password)},
            "format": "standard",
            "status": post.status,
            "author": 1,
            "featured_media": 0,
            "categories": [1],
            "tags": [],
            **post.more,
        }
        return {name: value for name, value in row.items() if name not in post.gone}


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _moment(said: str) -> datetime:
    return datetime.fromisoformat(said)


class _Handler(Quiet, BaseHTTPRequestHandler):
    site: Site

    def do_HEAD(self) -> None:
        if self.site.down:
            self.close_connection = True
            return
        link = {"Link": f'<{self.site.link}>; rel="https://api.w.org/"'} if self.site.link else {}
        self._say(Canned(headers={"Content-Type": "text/html", **link}))

    def do_GET(self) -> None:
        site = self.site
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        route = query.pop("rest_route", parts.path.removeprefix(site.prefix.rstrip("/")))
        if site.down:
            self.close_connection = True
            return
        if not route.startswith("/wp/v2/") or not (parts.path + "?rest_route=/").startswith(site.prefix):
            self._say(site.elsewhere(self.path) or Canned(404, b"<html>not here</html>"))
            return
        route = route.removeprefix("/wp/v2/")
        site.asked.append(f"{route}?{parts.query}")
        site.headers.append(dict(self.headers.items()))
        answer = site.canned(route, query) or site.page(route, query)
        if route in site.types:
            site.meanwhile()
        self._say(answer)

    def _say(self, answer: Canned) -> None:
        self.send_response_only(answer.status)
        for name, value in {"Date": http_date(self.site.clock), **answer.headers}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


@contextmanager
def on_loopback(site: Site) -> Iterator[Site]:
    handler = type("Handler", (_Handler,), {"site": site})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        site.url = f"{url}/"
        yield site
