"""`feedpub preview`: seeing before saying, through the front door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feedpub.app import App
from feedpub.errors import FeedpubError
from feedpub.settings import load
from tests.edge.front_door import CONSOLE, Site, ago, mastodon, webhook
from tests.edge.receiver import Receiver


class Shut:
    """A door through which nobody goes."""

    def converse(self, *_: object, **__: object) -> None:
        raise AssertionError("a socket would have been opened")

    fetch = converse


def test_a_preview_shows_the_newest_article_and_the_newest_brief_on_every_target(site: Site) -> None:
    with Receiver() as server:
        site.configure(targets={"social": mastodon(server), "hook": webhook(server, takes=["article"])})
        site.feedpub("once")
        site.publish("old", published=ago(hours=3))
        site.publish("new", title="新しい記事", published=ago(hours=2))
        site.publish("short", title="", content="<p>短い\x1b[2J話題</p>", published=ago(hours=1))
        site.feedpub("once")
        said = len(server.requests)
        found = site.feedpub("preview", "--json").json
        assert [(one["article"], one["target"]) for one in found] == [
            ("new", "social"),
            ("new", "hook"),
            ("short", "social"),
            ("short", "hook"),
        ]
        assert found[0]["text"] == "新しい記事\nhttps://news.test/new"
        assert (found[0]["count"], found[0]["limit"]) == (5 + 1 + 23, 500)
        assert found[0]["stands"] == "said already, see https://social.test/@news/77"
        assert found[3]["not_said"] == "it takes no briefs (`takes`)"
        shown = site.feedpub("preview").out
        assert "新しい記事" in shown
        assert "not said here: it takes no briefs (`takes`)" in shown
        assert "\x1b" not in shown
        assert len(server.requests) == said, "no network is touched"


def test_an_article_that_waits_for_its_date_is_shown_and_the_page_is_written(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE | {"delay": "3m"}, "other": CONSOLE})
    site.feedpub("once")
    site.publish("later", published=ago(hours=-5), title="予告")
    site.feedpub("once")
    (one,) = site.feedpub("preview", "later", "--target", "terminal", "--json").json
    assert (one["waits"], one["not_said"]) == (["when it is published", "after its `delay` of 3m"], "")
    assert (
        site.feedpub("preview", "later", "--html", "seen.html").out == "seen.html is written: open it in a browser.\n"
    )
    page = (site.folder / "seen.html").read_text(encoding="utf-8")
    assert "予告" in page
    assert page.count('class="post"') == 2
    refused = site.feedpub("preview", "later", "--html", "nowhere/seen.html", code=1).err
    assert refused == "cannot write nowhere/seen.html: name a file in a folder that is there and may be written\n"


def test_what_there_is_nothing_to_show_of_is_told(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    assert site.feedpub("preview", code=1).err == (
        "there is no article yet to show: publish one in a store (`feedpub import FILE` fills the embedded one)\n"
    )
    site.publish("one")
    site.feedpub("once")
    assert site.feedpub("preview", "two", code=1).err.startswith("there is no public article two: name one by")
    assert site.feedpub("preview", "--target", "x", code=1).err == "there is no target x: the config has terminal\n"


def test_before_feedpub_ran_a_preview_looks_into_the_stores_and_keeps_nothing(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    line = {"id": "new", "title": "新しい記事", "url": "https://news.test/new", "published": ago(hours=2)}
    (site.folder / "one.jsonl").write_text(json.dumps(line), encoding="utf-8")
    site.feedpub("import", "one.jsonl")
    for made in site.folder.glob("*feedpub*.db*"):
        made.unlink()
    before = sorted(path.relative_to(site.folder) for path in site.folder.rglob("*"))
    (one,) = site.feedpub("preview", "--json").json
    assert (one["article"], one["target"], one["not_said"]) == ("new", "terminal", "")
    assert "新しい記事" in one["text"]
    assert sorted(path.relative_to(site.folder) for path in site.folder.rglob("*")) == before


def test_a_preview_never_goes_through_the_door(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    with Receiver() as server:
        site.configure(targets={"social": mastodon(server), "hook": webhook(server)})
        app = App.open(load(Path("config"), {}), lead=True)
        app.once()
        site.publish("one")
        app.publisher.publish("main")
        app.door = app.publisher.door = Shut()  # type: ignore[assignment]
        assert {one.target for seen in app.preview() for one in seen.previews} == {"social", "hook"}
        with pytest.raises(FeedpubError):
            app.preview("nobody")
        app.ledger.close()
        assert server.requests == []
