"""the elements of a RSS, RDF or Atom document -> what the feed says of itself, and its entries. Pure.

The only importer of feedparser, and this is what it does that we do not want. Where XML is broken, it guesses: it is
given what was read whole, in UTF-8. It takes the words of a picture (`media:description`) for the article's: pictures
are read before (pictures.py), and only elements that make an article are left to it. It resolves ids as if they were
addresses, and takes dates without a zone for UTC: both are taken as they are written. It makes HTML safe in its own
way: the cleaning does it in ours.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any, Final, Literal

import feedparser
from lxml import etree

from feedpub import clean
from feedpub.model import Image, Link, RawArticle
from feedpub.stores.feed import markup
from feedpub.stores.feed.dates import date
from feedpub.stores.feed.header import Header
from feedpub.stores.feed.pictures import described, enclosed, images
from feedpub.stores.feed.reading import Element, Unreadable, refuse_crowd
from feedpub.stores.feed.words import as_html, joined
from feedpub.stores.taxonomy import CategoryTold, Named

Kind = Literal["rss", "atom"]

MOST_ELEMENTS: Final = 1_000_000
MOST_WITHIN: Final = 20_000
"""Elements at any depth of a document, and of one entry: lxml takes an element out in the square of what it holds."""

_ROOTS: Final[Mapping[str, Kind]] = {"rss": "rss", "rdf": "rss", "feed": "atom"}
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_DC: Final = "http://purl.org/dc/elements/1.1/"
_TERMS: Final = "http://purl.org/dc/terms/"
_ATOM: Final = frozenset({"http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"})

_WORDS: Final = frozenset({"title", "description", "summary", "content", "encoded", "body"})
_OWN: Final = (_WORDS - {"encoded"}) | {"link", "guid", "category"}
_OTHERS: Final = {
    _DC: frozenset({"subject"}),
    "http://purl.org/rss/1.0/modules/content/": frozenset({"encoded"}),
    "http://www.w3.org/1999/xhtml": frozenset({"body"}),
    **dict.fromkeys(_ATOM, frozenset({"link"})),
}
_TEXT_TYPES: Final = frozenset({"", "text", "html", "xhtml", "text/plain", "text/html", "application/xhtml+xml"})
_PUBLISHED: Final = (
    "pubdate",
    "published",
    "issued",
    "created",
    f"{_DC} date",
    f"{_TERMS} issued",
    f"{_TERMS} created",
)
_UPDATED: Final = ("updated", "modified", f"{_TERMS} modified", f"{_DC} date")
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_LONGEST_NAME: Final = 300
_MAIL: Final = re.compile(r"(?P<before>[^<>@]*?)<?[^\s<>()@]+@[^\s<>()@]+>?\s*(?:\((?P<behind>[^()]*)\))?")
_REFERENCE: Final = re.compile(r"&#?\w{1,31};")
_GUARD: Final = "\U0010fffd"
"""A character for private use, which no text is about."""
_SERVICES: Final = "http://schemas.google.com/"
"""Schemes that tell what kind of thing an entry is, not what it is about."""


@dataclass(frozen=True, slots=True)
class _Aside:
    """What is read of an entry without feedparser."""

    guid: str
    published: str
    updated: str
    language: str
    authors: tuple[str, ...]
    images: tuple[Image, ...]
    described: str
    enclosed: str


def kind(root: Element) -> Kind:
    """Tell which format it is; raises Unreadable where it is none."""
    found = _ROOTS.get(_local(root).lower())
    if found is None:
        raise Unreadable(f"is XML, but no feed: its first element is <{_local(root)[:40]}>")
    return found


def header(root: Element, kind: Kind) -> Header:
    """Read what the feed says of itself."""
    top = root if kind == "atom" else next((one for one in root if _local(one) == "channel"), root)
    own = [one for one in top if _space(one) == _space(top) and _local(one) in ("title", "link", "language")]
    titles = [_title(one, kind) for one in own if _local(one) == "title"]
    told = [_text(one) for one in own if _local(one) == "language"]
    pages = [joined(one.base or "", _text(one)) for one in own if _local(one) == "link" and _text(one)]
    language = root.get(f"{_XML}lang") or top.get(f"{_XML}lang") or _first(told)
    linked = [one for one in top if _local(one) == "link" and one.get("href", "").strip()]

    def rel(name: str) -> list[str]:
        there = (one for one in linked if name in one.get("rel", "alternate").lower().split())
        return [joined(one.base or "", one.get("href").strip()) for one in there]

    return Header(_first(titles), _first(pages or rel("alternate")), language, _first(rel("self")), tuple(rel("hub")))


def entries(root: Element, kind: Kind, url: str) -> Iterator[Named]:
    """Read the entries, in the document's order; raises Unreadable. The tree is used up."""
    name, holders = ("entry", {"feed"}) if kind == "atom" else ("item", {"rss", "rdf", "channel", "items"})
    found = [
        one
        for one in root.iter(f"{{*}}{name}")
        if (up := one.getparent()) is not None and _local(up).lower() in holders
    ]
    refuse_crowd(len(found), max(map(len, found), default=0))  # feedparser compares each category with all others
    if _within(root) > MOST_ELEMENTS or any(_within(one) > MOST_WITHIN for one in found):
        raise Unreadable("has more elements than any feed needs: it is not read")
    asides = [_aside(one) for one in found]
    marked = []
    for one in found:
        _leave(one, (child for child in one if _is_known(child, one)))
        marked.append(sum(map(_guard, one)) > 0)
    parents = dict.fromkeys(one.getparent() for one in found)
    for holder in parents:
        _leave(holder, (child for child in holder if _local(child) == name))
    if all(holder.getparent() is root for holder in parents):  # of a document without entries nothing is left
        _leave(root, parents)
    said = _said(etree.tostring(root, encoding="utf-8"), url)
    if len(said) != len(asides):
        raise Unreadable("has entries that stand inside one another: it is not read")
    said = [_unguarded(one) if mark else one for one, mark in zip(said, marked, strict=True)]
    return map(_entry, said, asides, [kind] * len(said), [url] * len(said))


# ---------------------------------------------------------------- before feedparser


def _within(element: Element) -> int:
    return int(element.xpath("count(.//*)"))


def _aside(entry: Element) -> _Aside:
    texts: dict[str, str] = {}
    for child in entry:
        space = _space(child)
        name = _local(child).lower() if space == _space(entry) or space in _ATOM else f"{space} {_local(child)}"
        texts[name] = texts.get(name) or _text(child) if len(child) == 0 else texts.get(name, "")
    return _Aside(
        guid=texts.get("guid") or texts.get("id") or entry.get(_ABOUT, "").strip(),
        published=date(_first(texts.get(name, "") for name in _PUBLISHED)),
        updated=date(_first(texts.get(name, "") for name in _UPDATED)),
        language=entry.get(f"{_XML}lang", "").strip() or texts.get(f"{_DC} language", ""),
        authors=tuple(dict.fromkeys(filter(None, map(_author, entry)))),
        images=images(entry),
        described=described(entry),
        enclosed=enclosed(entry),
    )


def _author(child: Element) -> str:
    """Name an author; an address for mail is nothing to be published."""
    space, name = _space(child), _local(child).lower()
    if (name, space) != ("creator", _DC) and (name != "author" or space not in _ATOM | {_space(child.getparent())}):
        return ""
    said = _first(_text(one) for one in child if _local(one) == "name") if len(child) else _text(child)
    mailed = _MAIL.fullmatch(said) if len(said) <= _LONGEST_NAME else None
    return (mailed["behind"] or mailed["before"] or "").strip() if mailed else said


def _is_known(child: Element, entry: Element) -> bool:
    space, name = _space(child), _local(child).lower()
    if name in _WORDS and child.get("type", "").strip().lower() not in _TEXT_TYPES:
        return False
    return name in (_OWN if space == _space(entry) else _OTHERS.get(space, ()))


def _guard(element: Element) -> bool:
    """Mark a text that feedparser would take for UTF-8 read wrongly, and change: one such as "Â¡"; tell if it was."""
    said = "".join(element.itertext())
    if said and not said.isascii() and max(said) <= "\xff":
        within = element[0] if len(element) else element
        within.text = (within.text or "").rstrip() + _GUARD  # at the end: an address must begin as it does
        return True
    return False


def _unguarded(said: Any) -> Any:  # noqa: ANN401 - whatever feedparser makes of an entry
    if isinstance(said, str):
        return said.replace(_GUARD, "")
    if isinstance(said, dict):
        return {key: _unguarded(value) for key, value in said.items()}
    return [_unguarded(one) for one in said] if isinstance(said, list) else said


def _leave(holder: Element, kept: Iterable[Element]) -> None:
    """Take everything out of an element but these children."""
    staying = list(kept)
    for child in list(holder):
        holder.remove(child)
    holder.text = None
    holder.extend(staying)


def _said(document: bytes, url: str) -> list[Mapping[str, Any]]:
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": url}
    try:
        result = feedparser.parse(
            io.BytesIO(document), response_headers=headers, resolve_relative_uris=False, sanitize_html=False
        )
        return [dict(entry) for entry in result.entries]
    except Exception as error:  # a library of guesses: whatever it stumbles over is the document's
        raise Unreadable("is no feed that can be read: its elements stand where none does") from error


# ---------------------------------------------------------------- after it


def _entry(said: Mapping[str, Any], aside: _Aside, kind: Kind, url: str) -> Named:
    title = said.get("title_detail", {})
    links = [link for link in said.get("links", ()) if link.get("href", "").strip()]
    address = _first(link["href"].strip() for link in links if link.get("rel") == "alternate") or said.get("link", "")
    summary, content = _texts(said, title.get("value", ""), address, url)
    if not (summary or content):
        content = as_html(aside.described)
    article = RawArticle(
        id="",
        guid=aside.guid,
        url=address or aside.enclosed,
        title=title.get("value", ""),
        title_is_html=title.get("type") in _HTML,
        summary=summary,
        content=content,
        published=aside.published,
        updated=aside.updated if aside.updated != aside.published or kind == "atom" else "",
        authors=aside.authors,
        images=aside.images,
        links=tuple(_references(links)),
        language=aside.language,
    )
    told = (_category(tag) for tag in said.get("tags", ()) if not (tag.get("scheme") or "").startswith(_SERVICES))
    return Named(article, tuple(dict.fromkeys(one for one in told if one.name)))


def _texts(said: Mapping[str, Any], title: str, address: str, url: str) -> tuple[str, str]:
    """Tell summary and content apart. Where only one is there, it is the content if it has markup, or no title.

    Something must stand there in RSS and Atom: what only repeats the title or the address is neither.
    """
    summary = markup.of(said.get("summary_detail", {}), url)
    content = _first(markup.of(one, url) for one in said.get("content", ()))
    if not content and unescape(summary) in (address, title):
        return "", ""
    if content or (title and not markup.has_tags(summary)):
        return summary, content
    return "", summary if markup.has_tags(summary) else as_html(unescape(summary))


def _references(links: Iterable[Mapping[str, Any]]) -> Iterator[Link]:
    for link in links:
        if link.get("rel") in ("via", "related"):
            yield Link("via" if link["rel"] == "via" else "related", link["href"].strip(), link.get("title", ""))


def _category(tag: Mapping[str, Any]) -> CategoryTold:
    """Read a category: what Atom labels for people is known by its term."""
    term, label = ((tag.get(name) or "").strip() for name in ("term", "label"))
    is_slug = label not in ("", term) and not set(term) & set(":/#")
    return CategoryTold(label or term, term if is_slug else "")


# ---------------------------------------------------------------- elements


def _title(element: Element, kind: Kind) -> str:
    said = _text(element)
    escaped = element.get("type", "") in ("html", "text/html") or (kind == "rss" and _REFERENCE.search(said))
    return clean.plain_text(said) if escaped else said


@lru_cache(maxsize=512)
def _name(tag: str) -> tuple[str, str]:
    """Tell namespace and local name apart: a feed writes a few names many thousand times."""
    said = etree.QName(tag)
    return str(said.namespace or ""), str(said.localname)


def _local(element: Element) -> str:
    return _name(element.tag)[1]


def _space(element: Element) -> str:
    return _name(element.tag)[0]


def _text(element: Element) -> str:
    return "".join(element.itertext()).strip()


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")
