"""Stores of every kind, each with something wrong with it, beside one that is well: each is told in one line."""

from __future__ import annotations

import json
from typing import get_args

from feedpub.stores import AnyStore
from tests.edge.front_door import STORE, Site, Table
from tests.edge.receiver import LOGIN_PAGE, Answer, Mood, Receiver

CANARY = "canary-8d1f"
"""In every place where a secret may stand."""


def test_every_kind_of_trouble_is_one_line_and_the_good_store_is_published(site: Site) -> None:
    with Receiver() as broken, Receiver() as page, Receiver() as barred, Receiver() as cut, Receiver() as torn:
        broken.default, page.default = Answer(500, f"sorry {CANARY}"), LOGIN_PAGE
        barred.default = Answer(403, f"<html>海外からのアクセスは制限されています {CANARY}</html>")
        cut.default = Answer(200, b'[{"id": 1, "title"', {"X-WP-Total": "1"}, mood=Mood.CUT)
        torn.default = Answer(200, b'[{"id": 1, "title"', {"content-type": "application/json", "X-WP-Total": "1"})
        servers = {"broken": broken, "page": page, "barred": barred, "cut": cut, "torn": torn}
        stores: Table = {"good": STORE}
        for name, server in servers.items():
            login = {"user": "editor", "application_password": CANARY}
            stores[f"wp_{name}"] = web("wordpress", server.url + "/", **login)
            stores[f"feed_{name}"] = web("feed", f"{server.url}/feed/")
        stores["wp_nobody"] = web("wordpress", "http://127.0.0.1:1/")
        stores["feed_nobody"] = web("feed", "http://127.0.0.1:1/feed/")
        stores["markdown_missing"] = {"kind": "markdown", "path": "no/such/folder"}
        stores["embedded_elsewhere"] = {"kind": "sql", "path": "public"}  # a folder
        unknown = {"kind": "sql", "url": f"postgresql://feedpub:{CANARY}@127.0.0.1:1/news"}
        stores["query_nobody"] = unknown | {"query": "SELECT id FROM post", "timeout": "3s"}
        stores["query_without_id"] = query("SELECT title AS title FROM article")
        stores["query_of_no_table"] = query(f"SELECT id AS id FROM post WHERE secret = '{CANARY}'")
        site.configure(stores={"good": STORE})
        site.feedpub("once")
        site.publish("one")
        site.configure(stores=stores)
        checked = site.feedpub("check", "--config-only", "--stores", code=1)
        ended = site.feedpub("once", code=1)
    told = {line.partition(": ")[0]: line.partition(": ")[2] for line in ended.err.splitlines() if line[0] != "{"}
    assert set(told) == {f"stores.{name}" for name in stores if name != "good"}
    assert all(len(sentence) > 20 for sentence in told.values()), told
    assert not any(word in sentence for word in ("Traceback", "Error(", "report it") for sentence in told.values())
    assert set(checked.err.splitlines()) >= {f"problem: {store}: {sentence}" for store, sentence in told.items()}
    assert "stores.good: answers; 1 article may have changed since the last poll" in checked.out
    assert "1 new" in ended.out
    assert "https://news.test/one" in (site.folder / "public" / "all.rss").read_text(encoding="utf-8")
    status = site.feedpub("status", "--json", code=1)
    assert len(json.loads(status.out)["problems"]) >= len(told)
    assert CANARY not in ended.out + ended.err + status.out + checked.out + checked.err
    assert {str(store["kind"]) for store in stores.values() if isinstance(store, dict)} == kinds()


def web(kind: str, url: str, **options: object) -> Table:
    return {"kind": kind, "url": url, "allow_private": True, "timeout": "5s"} | options


def query(words: str) -> Table:
    return {"kind": "sql", "url": "sqlite:///articles.db", "query": words}


def kinds() -> set[str]:
    """Every kind that a config can name."""
    return {str(model.model_fields["kind"].default) for model in get_args(get_args(AnyStore)[0])}


def test_a_config_with_a_store_of_no_use_says_where_and_names_no_secret(site: Site) -> None:
    site.configure(stores={"q": {"kind": "sql", "url": f"postgresql://a:{CANARY}@h/n", "query": "DELETE FROM x"}})
    ended = site.feedpub("once", code=2)
    assert "stores.q.query: write a statement that begins with SELECT or WITH" in ended.err
    assert CANARY not in ended.err
