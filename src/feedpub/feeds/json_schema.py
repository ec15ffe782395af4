"""The rules of JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/), as models that a file is read with.

Members that the specification does not know are refused, save those whose names begin with `_`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_STRICT = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)


def _absolute(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not url.isascii() or any(c.isspace() for c in url):
        raise ValueError("not an absolute address")
    return url


def _dated(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("not a date of RFC 3339")
    return text


Url = Annotated[str, AfterValidator(_absolute)]
Moment = Annotated[str, AfterValidator(_dated)]
Said = Annotated[str, Field(min_length=1)]


class _Object(BaseModel):
    """An object of a feed; extensions begin with `_`."""

    model_config = _STRICT

    @model_validator(mode="after")
    def _known(self) -> _Object:
        if odd := [name for name in self.model_extra or {} if not name.startswith("_")]:
            raise ValueError(f"{odd[0]} is no member of JSON Feed")
        return self


class Author(_Object):
    """§ authors: at least one of its members."""

    name: Said | None = None
    url: Url | None = None
    avatar: Url | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Author:
        if not (self.name or self.url or self.avatar):
            raise ValueError("an author without name, url and avatar")
        return self


class Hub(_Object):
    """§ hubs."""

    type: Said
    url: Url


class Attachment(_Object):
    """§ attachments."""

    url: Url
    mime_type: Said
    title: str | None = None
    size_in_bytes: int | None = Field(default=None, ge=0)
    duration_in_seconds: float | None = Field(default=None, ge=0)


class Item(_Object):
    """§ items: an id, and something to read."""

    id: Said
    url: Url | None = None
    external_url: Url | None = None
    title: str | None = None
    content_html: str | None = None
    content_text: str | None = None
    summary: str | None = None
    image: Url | None = None
    banner_image: Url | None = None
    date_published: Moment | None = None
    date_modified: Moment | None = None
    authors: list[Author] | None = None
    tags: list[Said] | None = None
    language: Said | None = None
    attachments: list[Attachment] | None = None

    @model_validator(mode="after")
    def _readable(self) -> Item:
        if self.content_html is None and self.content_text is None:
            raise ValueError("an item needs content_html or content_text")
        return self


class JsonFeed(_Object):
    """The whole feed; the ids of its items are distinct."""

    version: Literal["https://jsonfeed.org/version/1.1"]
    title: Said
    items: list[Item]
    home_page_url: Url | None = None
    feed_url: Url | None = None
    description: str | None = None
    user_comment: str | None = None
    next_url: Url | None = None
    icon: Url | None = None
    favicon: Url | None = None
    authors: list[Author] | None = None
    language: Said | None = None
    expired: bool | None = None
    hubs: list[Hub] | None = None

    @model_validator(mode="after")
    def _distinct(self) -> JsonFeed:
        ids = [item.id for item in self.items]
        if len(set(ids)) != len(ids):
            raise ValueError("two items have one id")
        if self.next_url is not None and self.next_url == self.feed_url:
            raise ValueError("next_url leads to the feed itself")
        return self
