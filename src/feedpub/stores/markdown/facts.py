"""front matter -> what it says of an article, by whichever of the generators' names it says it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from feedpub.model import Image
from feedpub.stores import meta
from feedpub.stores.markdown.front_matter import Value
from feedpub.stores.taxonomy import CategoryTold

_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_SHUT = frozenset({"draft", "private", "pending", "trash"})

_COMMA = re.compile(r"[,、，]")
_BLANK = re.compile(r"[ \t]+")
_SPOKEN_DATE = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:[ \t]+|[Tt])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d*)?)?)?[ \t]*(.*)"
)
_OFFSET = re.compile(r"([+-]\d{1,2})(?::?(\d{2}))?")
_DATED = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})(?:[-_](.+))?")

_IMAGES = (
    "image", "images", "featured_image", "featuredimage", "featureimage", "featured", "cover", "cover_image",
    "coverimage", "hero", "heroimage", "hero_image", "thumbnail", "header",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What front matter says; "" where it says nothing. `hidden` is why nobody is to read it, in a word."""

    id: str = ""
    guid: str = ""
    title: str = ""
    date: str = ""
    updated: str = ""
    expires: str = ""
    slug: str = ""
    address: str = ""
    summary: str = ""
    separator: str = ""
    language: str = ""
    notice: str = ""
    announce: bool | None = None
    hidden: str = ""
    categories: tuple[CategoryTold, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()


def read(said: Mapping[str, Value]) -> Facts:
    """Read front matter; keys below `params`, `extra` and `taxonomies` count as if they stood at the top."""
    facts = _flat(said)
    published = _text(facts, "published")
    announce = _text(facts, "announce", meta.ANNOUNCE)
    return Facts(
        id=_text(facts, "id"),
        guid=_text(facts, "guid"),
        title=_text(facts, "title"),
        date=moment(_text(facts, "publishdate", "date", "pubdate", "published_at") or _only_date(published)),
        updated=moment(_text(facts, "lastmod", "updated", "last_modified_at", "modified", "updateddate")),
        expires=moment(_text(facts, "expirydate", "unpublishdate")),
        slug=_text(facts, "slug"),
        address=_address(_text(facts, "url", "permalink")),
        summary=_text(facts, "summary", "description", "excerpt"),
        separator=_text(facts, "excerpt_separator"),
        language=_text(facts, "language", "lang"),
        notice=_text(facts, "notice", meta.NOTICE),
        announce=meta.announce({meta.ANNOUNCE: announce}),
        hidden=_hidden(facts, published.casefold()),
        categories=tuple(_categories(facts)),
        tags=tuple(_names(facts, "tags", "tag", "keywords")),
        authors=tuple(_names(facts, "authors", "author", split=_COMMA)),
        images=tuple(dict.fromkeys(_images(facts))),
    )


def moment(said: str) -> str:
    """Write a date as ISO 8601 where it is one in all but form, such as 2026-4-8 9:00 +0900; else leave it."""
    found = _SPOKEN_DATE.fullmatch(said)
    if found is None:
        return said
    year, month, day, hour, minute, second, rest = found.groups()
    date = f"{year}-{int(month):02}-{int(day):02}"
    if hour is None:
        return date + rest
    offset = _OFFSET.fullmatch(rest)
    zone = f"{offset[1][0]}{int(offset[1][1:]):02}:{offset[2] or '00'}" if offset else rest
    return f"{date}T{int(hour):02}:{minute}:{second or '00'}{zone}"


def dated(stem: str) -> tuple[str, str]:
    """Read the date that a file's name begins with, and the rest; ("", the whole name) where it does not."""
    found = _DATED.fullmatch(stem)
    return (moment(found[1]), found[2] or stem) if found else ("", stem)


def _flat(said: Mapping[str, Value]) -> dict[str, Value]:
    flat: dict[str, Value] = {}
    for key in ("taxonomies", "extra", "params"):
        inner = said.get(key)
        if isinstance(inner, dict):
            flat |= {name.lower(): value for name, value in inner.items()}
    return flat | dict(said)


def _text(facts: Mapping[str, Value], *keys: str) -> str:
    """The first of these that says something."""
    for key in keys:
        value = facts.get(key)
        if isinstance(value, str) and value.strip() not in _NOTHING:
            return value.strip()
    return ""


def _is(facts: Mapping[str, Value], key: str) -> bool:
    return _text(facts, key).casefold() in _YES


def _only_date(published: str) -> str:
    """`published` is a date for some, yes or no for others."""
    return published if _SPOKEN_DATE.fullmatch(published) else ""


def _hidden(facts: Mapping[str, Value], published: str) -> str:
    if _is(facts, "draft") or _text(facts, "status").casefold() == "draft":
        return "draft"
    if published in _NO:
        return "draft"
    if _is(facts, "private") or _text(facts, "status").casefold() in _SHUT or _text(facts, "password"):
        return "private"
    without_page = _text(facts, "permalink").casefold() in _NO
    if without_page or _is(facts, "headless") or _is(facts, "eleventyexcludefromcollections"):
        return "without a page of its own"
    return ""


def _address(said: str) -> str:
    """An address, or a pattern of one; what a template would have to work out first is none."""
    return "" if "{{" in said or "{%" in said or said.casefold() in _NO else said


# ---------------------------------------------------------------- names


def _names(facts: Mapping[str, Value], plural: str, *others: str, split: re.Pattern[str] | None = None) -> list[str]:
    found = [*_listed(facts.get(plural), split), *(one for key in others for one in _whole(facts.get(key)))]
    return list(dict.fromkeys(name for one in found if (name := one.strip()) not in _NOTHING))


def _listed(value: Value | None, split: re.Pattern[str] | None) -> Iterator[str]:
    """Names in a list; in a text, between commas, or else (as Jekyll has it) between blanks."""
    if isinstance(value, str):
        yield from (split or (_COMMA if _COMMA.search(value) else _BLANK)).split(value.strip())
    else:
        yield from _whole(value)


def _whole(value: Value | None) -> Iterator[str]:
    """A name, or the names in a list; of a person's card, the name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _whole(value.get("name"))
    elif value is not None:
        for one in value:
            yield from _whole(one)


def _categories(facts: Mapping[str, Value]) -> Iterator[CategoryTold]:
    value = facts.get("categories")
    if isinstance(value, str):
        yield from (CategoryTold(one.strip()) for one in _listed(value, None) if one.strip() not in _NOTHING)
    else:
        for one in _several(value):
            yield from _category(one)
    for one in _several(facts.get("category")):
        yield from _category(one)


def _category(said: Value) -> Iterator[CategoryTold]:
    """A name; a list of names, from the widest to the narrowest; or a table with name, slug and parent."""
    if isinstance(said, list):
        above: str | None = None
        for name in said:
            if isinstance(name, str) and name.strip() not in _NOTHING:
                yield CategoryTold(name.strip(), parent=above)
                above = name.strip()
    elif isinstance(said, dict):
        name, slug = _text(said, "name", "title"), _text(said, "slug")
        if name or slug:
            yield CategoryTold(name or slug, slug, _text(said, "parent") or None)
    elif said.strip() not in _NOTHING:
        yield CategoryTold(said.strip())


# ---------------------------------------------------------------- images


def _images(facts: Mapping[str, Value]) -> Iterator[Image]:
    """Images, the first with what stands beside it, such as `image_alt`."""
    said = [(key, one) for key in _IMAGES for one in _several(facts.get(key))]
    for number, (name, value) in enumerate(said):
        beside = {word: facts.get(f"{name}_{word}", "") for word in ("alt", "credit", "caption", "license")}
        image = _image(value, beside if number == 0 else {})
        if image.url:
            yield image


def _several(value: Value | None) -> Sequence[Value]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _image(said: Value, beside: Mapping[str, Value]) -> Image:
    inside = said if isinstance(said, dict) else {}
    both = {**beside, **{key.lower(): value for key, value in inside.items()}}
    address = said if isinstance(said, str) else _text(both, "image", "src", "url", "path", "teaser")
    return Image(
        "" if not isinstance(address, str) or address.strip() in _NOTHING else address.strip(),
        alt=_text(both, "alt", "image_description"),
        credit=_text(both, "credit", "attribution", "attr", "caption"),
        license=_text(both, "license", "licence"),
    )
