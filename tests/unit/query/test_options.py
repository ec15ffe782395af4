"""What an admin may say of a query, and what is said instead of a riddle."""

from __future__ import annotations

from pathlib import Path

import pymysql
import pytest

from feedpub.errors import ConfigError, StoreError
from feedpub.settings import load
from feedpub.stores.query.store import QueryStore
from feedpub.stores.sql import SqlOptions
from tests.world import HOME

QUERY = "SELECT 1 AS id, 2 AS title, 3 AS published, 4 AS updated WHERE :since > 0"
REST = """
[site]
title = "x"
url = "https://news.test/"
[feeds]
base_url = "https://news.test/feeds/"
[stores.blog]
kind = "sql"
"""


def refused(folder: Path, text: str) -> str:
    (folder / "feedpub.toml").write_text(REST + text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(folder, {})
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'url = "sqlite:///x.db"\nquery = "{QUERY}"\npath = "y.db"', "leave one of them out"),
        ('url = "sqlite:///x.db"', "`url` needs a `query`"),
        (f'query = "{QUERY}"', "`query` needs a `url`"),
        ('overlap = "5m"', "`overlap` is about a `query`"),
        (f'url = "blog.db"\nquery = "{QUERY}"', "this is no database address: write it like postgresql://"),
        (f'url = "mongodb://kanarienvogel@h/d"\nquery = "{QUERY}"', 'SQLAlchemy knows no database "mongodb"'),
        (f'url = "postgresql+asyncpg://h/d"\nquery = "{QUERY}"', "write postgresql:// without asyncpg"),
        (f'url = "oracle+oracledb://h/d"\nquery = "{QUERY}"', "install the package oracledb"),
        (f'url = "mysql+mysqldb://h/d"\nquery = "{QUERY}"', "install the package mysqlclient"),
        (f'url = "mysql://u@h/d?connect_timeout=kanarienvogel"\nquery = "{QUERY}"', "correct what stands behind the ?"),
        (f'url = "sqlite://"\nquery = "{QUERY}"', "name the file: sqlite:///folder/file.db"),
        ('url = "sqlite:///x.db"\nquery = "DELETE FROM t"', "begins with SELECT or WITH"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1; SELECT 2"', "write one statement"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1 AS id WHERE :sinse > 0"', "is written :since, in small letters"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1 AS id WHERE :Since > 0"', "is written :since, in small letters"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1 AS id WHERE :since::date > x"', "CAST(:since AS timestamptz)"),
        (f'url = "sqlite:///x.db"\nquery = "{QUERY}"\ncategories_query = "SELECT :since"', "leave :since out"),
        (f'url = "sqlite:///x.db"\nquery = "{QUERY}"\noverlap = "0"', 'write one second ("1s") or more'),
        (f'url = "sqlite:///x.db"\nquery = "{QUERY}"\ntimezone = "Tokyo"', "write an IANA name"),
        (f'url = "sqlite:///x.db"\nquery = "{QUERY}"\nsince_as = "date"', 'write one of "timestamp", "unix", "text"'),
        (f'url = "sqlite:///x.db"\nquery = "{QUERY}"\ndelimiter = ""', "must not be empty"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(tmp_path: Path, text: str, sentence: str) -> None:
    said = refused(tmp_path, text)
    assert sentence in said
    assert "stores.blog" in said
    assert "kanarienvogel" not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:kanarienvogel@h/d",
        "postgresql://u:kanarienvogel@h/d",
        "mysql://u:kanarienvogel@h/d",
        "mariadb://u:kanarienvogel@h/d",
        "sqlite:////srv/x.db",
    ],
)
def test_a_query_is_opened_lazily_and_its_password_is_shown_nowhere(url: str) -> None:
    options = SqlOptions.model_validate({"name": "blog", "url": url, "query": QUERY})
    assert isinstance(options.open(None, HOME), QueryStore)  # type: ignore[arg-type]
    assert "kanarienvogel" not in repr(options) + str(options.model_dump())


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [("mysql", "kanarienvogel=1"), ("postgresql", "kanarienvogel=1"), ("postgresql", "connect_timeout=kanarienvogel")],
)
def test_a_parameter_that_the_driver_does_not_know_is_told(kind: str, parameter: str) -> None:
    options = SqlOptions.model_validate(
        {"name": "blog", "url": f"{kind}://u:p@127.0.0.1:1/d?{parameter}", "query": QUERY}
    )
    with pytest.raises(StoreError) as raised:
        options.open(None, HOME).changes(None)  # type: ignore[arg-type]
    assert "url`" in str(raised.value)
    assert "kanarienvogel" not in str(raised.value)


def test_a_login_that_needs_another_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(**_: object) -> None:
        raise RuntimeError(
            "'cryptography' package is required for sha256_password or caching_sha2_password auth methods"
        )

    monkeypatch.setattr(pymysql, "connect", connect)
    options = SqlOptions.model_validate({"name": "blog", "url": "mysql://u:p@127.0.0.1:1/d", "query": QUERY})
    with pytest.raises(StoreError, match="wants a login that needs the package cryptography: install it"):
        options.open(None, HOME).changes(None)  # type: ignore[arg-type]


def test_a_query_is_asked_by_censuses_and_the_embedded_store_is_not() -> None:
    assert SqlOptions(name="blog").names_everything
    assert not SqlOptions.model_validate({"name": "b", "url": "sqlite:///x", "query": QUERY}).names_everything


@pytest.mark.parametrize("option", ["url", "query"])
def test_of_an_option_that_could_not_be_read_only_that_is_told(tmp_path: Path, option: str) -> None:
    said = {"url": '"sqlite:///x.db"', "query": f'"{QUERY}"', option: '{ env = "NOT_SET" }'}
    told = refused(tmp_path, "\n".join(f"{key} = {value}" for key, value in said.items()))
    (line,) = told.splitlines()
    assert line.endswith(f"stores.blog.{option}: environment variable NOT_SET is not set")
