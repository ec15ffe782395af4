"""A query store beside an embedded one, through the front door."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.edge.front_door import STORE, Site, Table, ago, free_port

QUERY = """SELECT id, title, body AS content, 'https://news.test/cms/' || id AS url, made AS published,
made AS updated FROM post WHERE made >= :since"""
SECRET = "canary4711vogel"


def cms(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE post (id, title, body, made)")
        connection.execute("INSERT INTO post VALUES (1, 'vom CMS', '<p>本文</p>', ?)", (ago(hours=1),))


def line(path: Path) -> str:
    said = {
        "id": "7",
        "title": "importiert",
        "url": "https://news.test/7",
        "content": "<p>本文</p>",
        "published": ago(hours=2),
    }
    path.write_text(json.dumps(said) + "\n", encoding="utf-8")
    return str(path)


def titles(site: Site) -> set[str]:
    found = json.loads((site.folder / "public" / "all.json").read_bytes())
    return {item["title"] for item in found["items"]}


def test_what_is_imported_goes_into_the_embedded_store_and_both_are_in_the_feed(site: Site) -> None:
    cms(site.folder / "cms.db")
    query: Table = {"kind": "sql", "url": "sqlite:///cms.db", "query": QUERY}
    site.configure(stores={"cms": query, "main": STORE})
    site.feedpub("import", line(site.folder / "one.jsonl"))
    refused = site.feedpub("import", "--store", "cms", line(site.folder / "two.jsonl"), code=1)
    assert 'stores.cms is no embedded store (kind = "sql"): name one of main' in refused.out + refused.err
    site.feedpub("once")
    assert titles(site) == {"vom CMS", "importiert"}


def test_a_query_that_fails_harms_no_other_store_and_shows_no_secret(site: Site) -> None:
    url = f"postgresql://{SECRET}:{SECRET}@127.0.0.1:{free_port()}/{SECRET}"
    site.configure(stores={"cms": {"kind": "sql", "url": url, "query": QUERY}, "main": STORE})
    site.feedpub("import", line(site.folder / "one.jsonl"))
    ended = site.feedpub("once", code=1)
    assert titles(site) == {"importiert"}
    status = site.feedpub("status", code=1)
    assert "PostgreSQL cannot be reached: see that it runs" in ended.out + ended.err
    assert "PostgreSQL cannot be reached" in status.out
    assert SECRET not in ended.out + ended.err + status.out + status.err
