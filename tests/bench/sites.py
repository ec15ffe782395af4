"""The sites that benches are run on: an embedded store, and the config of the feedpub that publishes it."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from feedpub.stores.embedded.schema import BELONGINGS
from feedpub.stores.sql import SqlOptions

FIRST = datetime(2010, 1, 1, tzinfo=UTC)
EVERY = timedelta(minutes=5)
"""From one article to the next, so that a million of them lie in the past."""
QUIET = """
        [log]
        level = "error"
"""
TAGS, AUTHORS = 500, 40
"""As many as a site with a long past has."""


def store_of(folder: Path) -> Path:
    """Where the store of a site in this folder is."""
    return folder / "articles.db"


def new_site(folder: Path, more: str = "", *, database: str = "", poll: str = "3m") -> Path:
    """Make a site: a store that holds nothing yet, and a config; returns the store. `more`: tables of the config."""
    store = store_of(folder)
    SqlOptions.model_validate({"path": str(store)}).embedded().file.create()
    configure(folder, more, database=database, poll=poll)
    return store


def configure(folder: Path, more: str = "", *, store: str = "", database: str = "", poll: str = "3m") -> None:
    """Write the config of the site in this folder. `store`: the options of another than the embedded one."""
    (folder / "config").mkdir()
    (folder / "config" / "feedpub.toml").write_text(
        f"""
        [site]
        title = "航空ニュース"
        url = "https://news.example.net/"
        [database]
        url = "{database or f"sqlite:///{folder}/feedpub.db"}"
        [feeds]
        base_url = "https://news.example.net/feeds/"
        output = "{folder}/public"
        [stores.blog]
        {store or f'kind = "sql"{chr(10)}path = "{store_of(folder)}"'}
        poll = "{poll}"
        {more}
        """,
        encoding="utf-8",
    )


# ---------------------------------------------------------------- what stands in it


def categories() -> Iterator[tuple[str, str, str, str | None]]:
    """Fifty: five, three below each, two below each of those."""
    for one in range(1, 6):
        yield f"{one}", f"分野{one}", f"c{one}", None
        for two in range(1, 4):
            yield f"{one}{two}", f"分野{one}の{two}", f"c{one}-{two}", f"{one}"
            for three in range(1, 3):
                yield f"{one}{two}{three}", f"分野{one}の{two}の{three}", f"c{one}-{two}-{three}", f"{one}{two}"


LEAVES = [key for key, *_ in categories() if len(key) == 3]
_chance = random.Random(0)
_VOCABULARY = [
    "".join(chr(_chance.randrange(0x4E00, 0x5E00)) for _ in range(_chance.randint(1, 4))) for _ in range(5000)
]
_OFTEN = list(accumulate(1 / (rank + 5) for rank in range(len(_VOCABULARY))))
"""How often each word is said: so that it packs about as well as people's words do."""


def content(number: int) -> str:
    """3 kB of HTML in signs as Japanese has (UTF-8), other words in each."""
    words = random.Random(number).choices(_VOCABULARY, cum_weights=_OFTEN, k=390)
    return "".join(f"<p>{''.join(words[at : at + 40])}。</p>" for at in range(0, len(words), 40))


def moment(number: int) -> datetime:
    """When an article was published."""
    return FIRST + EVERY * number


def define(store: Path) -> None:
    """Have the categories."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany("INSERT INTO category VALUES (?, ?, ?, ?)", categories())


def write(store: Path, numbers: Iterable[int]) -> None:
    """Publish articles, in one transaction: each in one category, with tags, an author and an image."""
    with closing(sqlite3.connect(store)) as connection, connection:
        for number in numbers:
            id_, chance = f"{number}", random.Random(-number)
            url, said = f"https://news.example.net/{id_}/", content(number)
            connection.execute(
                "INSERT INTO article (id, url, title, content, published) VALUES (?, ?, ?, ?, ?)",
                (id_, url, f"第{id_}号", said, moment(number).isoformat()),
            )
            connection.execute("INSERT INTO article_category VALUES (?, ?, 0)", (id_, chance.choice(LEAVES)))
            tags = [(id_, f"話題{one}") for one in chance.sample(range(TAGS), 3)]
            connection.executemany("INSERT INTO article_tag VALUES (?, ?, 0)", tags)
            author = f"記者{chance.randrange(AUTHORS)}"
            connection.execute("INSERT INTO article_author VALUES (?, ?, 0)", (id_, author))
            connection.execute("INSERT INTO image VALUES (?, ?, '写真', '防衛省', '', 0)", (id_, f"{url}1.jpg"))


def correct(store: Path, number: int) -> None:
    """Add a line to an article."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE article SET content = content || '<p>訂正</p>' WHERE id = ?", (f"{number}",))


def withdraw(store: Path, number: int) -> None:
    """Delete an article."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM article WHERE id = ?", (f"{number}",))


# ---------------------------------------------------------------- a site ten times as old


def multiply(model: Path, folder: Path, size: int, times: int) -> None:
    """Make the store and the ledger of `folder` those of `model`, as if its `size` articles were `times` as many.

    By SQL, row for row as feedpub wrote them: all but the fingerprints is as if it had read every one.
    """
    _copy(store_of(model), store_of(folder))
    _copy(model / "feedpub.db", folder / "feedpub.db")
    with closing(sqlite3.connect(store_of(folder))) as connection:
        last = _multiply_store(connection, size, times)
    with closing(sqlite3.connect(folder / "feedpub.db")) as connection:
        _multiply_ledger(connection, size, times, last)


def _copy(there: Path, here: Path) -> None:
    with closing(sqlite3.connect(there)) as connection:
        connection.execute("VACUUM INTO ?", (str(here),))


def _multiply_store(connection: sqlite3.Connection, size: int, times: int) -> tuple[int, str]:
    """Returns the last number of the change log, and the article that has it."""
    id_ = _moved("id")
    copies = {
        "article": {
            "id": id_,
            "url": f"'https://news.example.net/' || {id_} || '/'",
            "title": f"'第' || {id_} || '号'",
            "content": f"content || '<p>' || {id_} || '</p>'",
            "published": _later("published", "+00:00"),
        },
        **{table.name: {"article": _moved("article")} for table in BELONGINGS},
    }
    with _unwatched(connection, "trigger"):
        _insert(connection, copies, size, times)
        connection.execute("DELETE FROM change WHERE CAST(article AS INTEGER) >= ?", (size,))
        connection.execute(
            "INSERT INTO change (article) SELECT id FROM article WHERE rowid > ? ORDER BY rowid", (size,)
        )
    last: tuple[int, str] = connection.execute("SELECT seq, article FROM change ORDER BY seq DESC LIMIT 1").fetchone()
    return last


def _multiply_ledger(connection: sqlite3.Connection, size: int, times: int, last: tuple[int, str]) -> None:
    id_, guid = _moved("id"), "'tag:news.example.net,2026:' || {}"
    later = f"{{}} + :more * {EVERY // timedelta(microseconds=1)}"
    dates = [_later(f"json_extract(body, '$.{name}')", "Z") for name in ("published", "updated")]
    said = (
        f"json_set(body, '$.id', {id_}, '$.guid', {guid.format(id_)}, '$.title', '第' || {id_} || '号',"
        f" '$.url', 'https://news.example.net/' || {id_} || '/',"
        f" '$.content', json_extract(body, '$.content') || '<p>' || {id_} || '</p>',"
        f" '$.published', {dates[0]}, '$.updated', {dates[1]})"
    )
    # Keys count from 1 in the order of the numbers, as one poll wrote them all.
    member_guid = guid.format("(article - 1 + :more)")
    copies = {
        "article": {
            "pk": "pk + :more", "id": id_, "guid": guid.format(id_), "entered": "entered + :more", "body": said,
            "published": later.format("published"), "updated": later.format("updated"),
        },
        "membership": {
            "article": "article + :more", "published": later.format("published"), "guid": member_guid,
            "entered": "entered + :more",
        },
        "delivery": {"id": "id + :more", "article": "article + :more"},
        "attempt": {"pk": "pk + :more", "delivery": "delivery + :more"},
    }  # fmt: skip
    with _unwatched(connection, "index"):
        _insert(connection, copies, size, times)
        connection.execute("UPDATE counter SET value = value * ? WHERE name = 'entered'", (times,))
        (cursor,) = connection.execute("SELECT cursor FROM store WHERE name = 'blog'").fetchone()
        moved = json.loads(cursor) | {"seq": last[0], "article": last[1]}
        connection.execute("UPDATE store SET cursor = ? WHERE name = 'blog'", (json.dumps(moved),))
    (spoiled,) = connection.execute(
        "SELECT count(*) FROM membership m JOIN article a ON a.pk = m.article WHERE m.guid <> a.guid OR"
        " m.published <> a.published OR m.entered <> a.entered"
    ).fetchone()
    assert spoiled == 0, "keys count in the order of the articles"


def _moved(column: str) -> str:
    return f"CAST(CAST({column} AS INTEGER) + :more AS TEXT)"


def _later(column: str, zone: str) -> str:
    minutes = EVERY // timedelta(minutes=1)
    return f"strftime('%Y-%m-%dT%H:%M:%S{zone}', {column}, '+' || (:more * {minutes}) || ' minutes')"


@contextmanager
def _unwatched(connection: sqlite3.Connection, what: str) -> Iterator[None]:
    """Have no triggers or no indexes for a while, in one transaction that need not outlive a power cut."""
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
        connection.execute(f"PRAGMA {pragma}")
    asked = "SELECT name, sql FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL"
    there = connection.execute(asked, (what,)).fetchall()
    for name, _ in there:
        connection.execute(f"DROP {what} {name}")
    yield
    for _, sql in there:
        connection.execute(sql)
    connection.commit()


def _insert(connection: sqlite3.Connection, copies: Mapping[str, Mapping[str, str]], size: int, times: int) -> None:
    for table, other in copies.items():
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
        chosen = ", ".join(other.get(column, column) for column in columns)
        query = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} WHERE rowid <= :last"
        for number in range(1, times):
            connection.execute(query, {"more": number * size, "last": last})
