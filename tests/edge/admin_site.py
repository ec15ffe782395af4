"""A feedpub in this process with its admin address, and an admin who is logged in and presses what pages offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import lxml.html

from feedpub.app import App
from feedpub.model import Category, RawArticle
from feedpub.settings import load
from feedpub.web import Server
from feedpub.web.admin import Access, admin_app
from tests.databases import migrated_sqlite
from tests.edge.front_door import CONSOLE, FEEDS, SITE, STORE, Table, discord, mastodon, webhook, written
from tests.edge.receiver import Answer, Receiver
from tests.edge.serving import answer

TOKEN = "a-token-that-nobody-guesses"
CATEGORIES = (Category("main", "1", "米国関連", "us"), Category("main", "2", "日本関連", "japan"))


@dataclass
class Seen:
    """A page as it came back, after whatever it led to."""

    status: int
    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def tree(self) -> Any:
        return lxml.html.document_fromstring(self.body)

    @property
    def text(self) -> str:
        """What people read, blanks folded."""
        tree = self.tree
        for unread in tree.cssselect("title, .unseen"):
            unread.drop_tree()
        return " ".join(tree.text_content().split())

    def one(self, selector: str) -> str:
        """The text of the one element that a selector finds."""
        (found,) = self.tree.cssselect(selector)
        return " ".join(found.text_content().split())

    def all(self, selector: str) -> list[str]:
        return [" ".join(found.text_content().split()) for found in self.tree.cssselect(selector)]

    @property
    def told(self) -> str:
        return self.one("#told")

    def links(self) -> list[str]:
        return [link.get("href") for link in self.tree.cssselect("a[href]")]


@dataclass
class Admin:
    """An admin at a browser without scripts."""

    server: Server
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, method: str = "GET", fields: Sequence[tuple[str, str]] = ()) -> Seen:
        """Send one request, and go where the answer leads."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = urlencode(fields) if method == "POST" else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        status, told, content = answer(f"127.0.0.1:{self.server.port}", method, path, body, headers)
        if cookie := told.get("set-cookie"):
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        if status == 303:
            return self.ask(told["location"].partition("#")[0])
        return Seen(status, path, told, content.decode())

    def log_in(self) -> None:
        self.ask("/login", "POST", [("token", TOKEN), ("then", "/config")])

    def press(self, page: Seen, button: str, *ticks: str, **fields: str) -> Seen:
        """Fill in the form that a button is in, and press it; `ticks` are values of boxes."""
        (pressed,) = page.tree.cssselect(button)
        form = next(one for one in pressed.iterancestors("form"))
        given = [pair for pair in form.form_values() if pair[0] not in fields]
        boxes = [(box.get("name"), box.get("value")) for box in form.cssselect("[type=checkbox]")]
        given += [box for box in boxes if box[1] in ticks]
        given += list(fields.items())
        if pressed.get("name"):
            given.append((pressed.get("name"), pressed.get("value") or ""))
        path = urljoin(page.path, form.get("action"))
        if form.get("method") == "get":
            return self.ask(f"{path}?{urlencode(given)}")
        return self.ask(path, "POST", given)


@dataclass
class Room:
    """A feedpub with its admin: `once()` is what its daemon does all the time."""

    folder: Path
    app: App
    admin: Admin

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.admin.server.port}"

    def publish(self, *ids: str, age: timedelta = timedelta(0), **facts: Any) -> None:
        """Write articles into the store."""
        date = (datetime.now(UTC) - age).isoformat()  # noqa: TID251 - articles are dated by a real clock
        usual: dict[str, Any] = {"content": "<p>本文</p>", "published": date, "language": "ja"}
        raw = [
            RawArticle(**{"id": one, "url": f"https://news.test/{one}", "title": f"見出し {one}"} | usual | facts)
            for one in ids
        ]
        with closing(self.app.embedded()) as store:
            store.put(raw, categories=CATEGORIES)

    def once(self) -> None:
        self.app.once()

    def apply(self, **tables: Table) -> None:
        """Save another config, and put it in force."""
        self.app.apply(load(configured(self.folder, **tables), {}))


def configured(folder: Path, **tables: Table) -> Path:
    """Write a config into a folder; tells the directory."""
    given: dict[str, Table] = {
        "site": SITE,
        "feeds": FEEDS | {"output": str(folder / "public"), "entries": 20},
        "stores": {"main": STORE | {"path": str(folder / "articles.db"), "poll": "3m"}},
        "database": {"url": f"sqlite:///{folder / 'feedpub.db'}"},
        "admin": {"listen": "127.0.0.1:0"},
    }
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / "feedpub.toml").write_text(written(given | tables), encoding="utf-8")
    return config


@contextmanager
def room(folder: Path, *known: str, **tables: Table) -> Iterator[Room]:
    """Open one that has polled once: the `known` articles were there before. What is said to consoles goes nowhere."""
    folder.mkdir(exist_ok=True)
    if "database" not in tables:
        Path(migrated_sqlite(folder).removeprefix("sqlite:///")).rename(folder / "feedpub.db")
    app = App.open(load(configured(folder, **tables), {}), lead=True, show=lambda _: None)
    server = Server.start(admin_app(app, Access(TOKEN)), "127.0.0.1:0")
    try:
        one = Room(folder, app, Admin(server))
        if known:
            one.publish(*known, age=timedelta(days=3))
        app.once()
        one.admin.log_in()
        yield one
    finally:
        server.stop()
        app.close()


HOSTILE = "<script>window.ran=1</script>\"'><img src=x onerror=window.ran=1>{{ 7*7 }}"
LONG = "とても長い見出し" * 8 + "averylongwordwithoutanyblank" * 6


@contextmanager
def busy_room(folder: Path, server: Receiver, language: str = "ja", **tables: Table) -> Iterator[Room]:
    """One in which a bit of everything has happened: said, failed, in doubt, paused, held, kept out."""
    site = SITE | {"language": language, "title": "航空ニュース" if language == "ja" else "Aviation News"}
    targets: Table = {
        "doubtful": webhook(server, url=f"{server.url}/doubtful", on_doubt="stop"),
        "discord_news": discord(server) | {"webhook_url": f"{server.url}/api/webhooks/1/token"},
        "mastodon": mastodon(server) | {"quiet": ""},
        "paid": CONSOLE | {"every": "10m"},
        "terminal": CONSOLE,
    }
    with room(folder, "old", site=site, targets=targets, **tables) as busy:
        server.routes |= {
            "POST /doubtful": Answer(500, "gone"),
            "POST /api/webhooks/1/token": Answer(403, {"message": "Missing Access", "code": 50001}),
        }
        busy.publish("news", categories=("1",))
        busy.publish("long", title=LONG)
        busy.publish("hostile", title=HOSTILE, url="https://news.test/?a=%22%3E<b>", tags=(HOSTILE,))
        busy.publish("broken", title="日付のない記事", published="いつか")
        busy.once()
        busy.publish(*(f"flood{number:02}" for number in range(25)), age=timedelta(hours=1))
        busy.once()
        yield busy
