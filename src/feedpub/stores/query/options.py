"""The options of `kind = "sql"` that are about a query, and what to write instead of what makes no sense."""

from __future__ import annotations

from datetime import timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator

from feedpub.model import Duration
from feedpub.stores.base import Home, StoreOptions
from feedpub.stores.query import address, wording
from feedpub.stores.query.dialects import dialect
from feedpub.stores.query.moments import SinceAs
from feedpub.stores.query.rows import Reading
from feedpub.stores.query.store import QueryStore, Question

_ONLY_WITH_QUERY = ("since_as", "overlap", "timezone", "delimiter", "categories_query", "timeout", "title_is_html")


class QueryOptions(StoreOptions):
    """What is said of a query; all of it is left out for an embedded store."""

    url: SecretStr = Field(
        default=SecretStr(""),
        description='the database of `query`, such as "postgresql://user:password@host/database"',
        examples=[{"env": "CMS_DATABASE"}],
    )
    query: str = Field(
        default="",
        description="a SELECT whose columns are named as feedpub's, `… AS id, … AS title`",
        examples=["SELECT id, title, body AS content, published, updated FROM post WHERE updated >= :since"],
    )
    since_as: SinceAs = Field(default="timestamp", description='what `:since` is: "timestamp", "unix" or "text"')
    overlap: Duration = Field(
        default=timedelta(minutes=10), description="longer than any transaction that writes articles"
    )
    timezone: str = Field(default="", description="the zone of dates without one, if not the site's")
    delimiter: str = Field(default=",", min_length=1, description="what stands between the parts of a list")
    title_is_html: bool = Field(default=False, description="titles and names are HTML, as WordPress keeps them")
    categories_query: str = Field(default="", description="a SELECT of id, name, slug and parent of all categories")
    timeout: Duration = Field(default=timedelta(minutes=2), description="the time one statement may take")

    @property
    def is_query(self) -> bool:
        """Whether articles are read by a query from somebody else's tables."""
        return bool(self.query)

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value():
            address.parse(url.get_secret_value())
        return url

    @field_validator("query", "categories_query")
    @classmethod
    def _one_that_reads(cls, query: str) -> str:
        if not query.strip():
            return ""
        if wording.statements(query) > 1:
            raise ValueError("write one statement: there is a semicolon in the middle")
        if wording.begins(query) not in ("SELECT", "WITH", "TABLE", "VALUES", ""):
            raise ValueError("write a statement that begins with SELECT or WITH")
        if wording.misspelt_since(query):
            raise ValueError(
                "the moment to look back to is written :since, in small letters; where it needs a type, "
                "CAST(:since AS timestamptz)"
            )
        return query

    @field_validator("categories_query")
    @classmethod
    def _asks_for_all(cls, query: str) -> str:
        if wording.names_since(query):
            raise ValueError("leave :since out: all categories are asked for each time")
        return query

    @field_validator("overlap", "timeout")
    @classmethod
    def _some_time(cls, length: timedelta) -> timedelta:
        if length < timedelta(seconds=1):
            raise ValueError('write one second ("1s") or more')
        return length

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key if name else ""
        except (KeyError, ValueError, OSError):
            raise ValueError('not a known time zone; write an IANA name such as "Asia/Tokyo"') from None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        said = self.model_fields_set
        url = self.url.get_secret_value()
        if url and "path" in said:
            raise ValueError("`path` is an embedded store, `url` and `query` read other tables: leave one of them out")
        if url and not self.query:
            raise ValueError("`url` needs a `query`: SELECT … AS id, … AS title, … FROM … WHERE … >= :since")
        if self.query and not url:
            raise ValueError('`query` needs a `url`, such as "postgresql://user:password@host/database"')
        if not self.query and (idle := [name for name in _ONLY_WITH_QUERY if name in said]):
            raise ValueError(f"`{idle[0]}` is about a `query`: write `url` and `query`, or leave it out")
        return self

    def asking(self, home: Home) -> QueryStore:
        """The store of the query; nothing is opened before the first question."""
        zone = ZoneInfo(self.timezone) if self.timezone else home.zone
        question = Question(
            self.query,
            self.categories_query,
            self.since_as,
            self.overlap,
            self.census,
            Reading(zone, self.delimiter, self.title_is_html),
        )
        return QueryStore(self.name, question, dialect(address.parse(self.url.get_secret_value()), self.timeout, zone))
