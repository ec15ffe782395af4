"""a WordPress export (WXR 1.0 to 1.2) -> posts with their comments, categories and pictures, an element at a time.

Only what the public may read: published posts, and scheduled ones, which wait for their hour; approved comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from lxml import etree

from feedpub import clean
from feedpub.model import Image, RawArticle, RawComment
from feedpub.stores import meta
from feedpub.stores.imports import classic
from feedpub.stores.imports.told import ArticleTold, Item, Picture, Skipped, refusal
from feedpub.stores.taxonomy import CategoryTold

_Element = Any
"""An lxml element: the published stubs do not know `sourceline` and other parts used here."""

_UTC = ZoneInfo("UTC")
_PUBLIC = frozenset({"publish", "future"})
_BRIEF_FORMATS = frozenset({"post-format-aside", "post-format-status"})
_ELEMENTS = ("{*}item", "{*}author", "{*}category", "{*}wxr_version")

_EXPORT = re.compile(r"\{https?://wordpress\.org/export/[0-9.]+/(?:(excerpt)/)?\}")
_PREFIXES = {"{http://purl.org/rss/1.0/modules/content/}": "content:", "{http://purl.org/dc/elements/1.1/}": "dc:"}
_NAME = re.compile(r"(\{[^}]*\})?(.*)", re.DOTALL)

_FORBIDDEN = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0D})
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_CUT = "the file ends in the middle: export it again"
_FAULTS = {
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: "an entity such as &nbsp; that XML does not know",
    etree.ErrorTypes.ERR_TAG_NAME_MISMATCH: "an element is closed that was not open",
    etree.ErrorTypes.ERR_TAG_NOT_FINISHED: _CUT,
    etree.ErrorTypes.ERR_COMMENT_NOT_FINISHED: _CUT,
    etree.ErrorTypes.ERR_ATTRIBUTE_NOT_FINISHED: _CUT,
    etree.ErrorTypes.ERR_GT_REQUIRED: "a tag that does not end",
    etree.ErrorTypes.ERR_CDATA_NOT_FINISHED: "a CDATA section that does not end, or a character in it that XML forbids",
    etree.ErrorTypes.ERR_DOCUMENT_EMPTY: "no element is in it",
    etree.ErrorTypes.ERR_DOCUMENT_END: "it goes on after its end",
    etree.ErrorTypes.ERR_INVALID_CHAR: "a character that XML forbids",
    etree.ErrorTypes.ERR_INVALID_ENCODING: "bytes that are not of the encoding the file names",
    etree.ErrorTypes.ERR_NAME_REQUIRED: "a < or & that begins neither an element nor an entity",
}


def read(path: Path) -> Iterator[Item]:
    """Read an export; raises ImportRefused with the line of the first mistake."""
    with path.open("rb") as file, _refusing(path):
        _refuse_others(path, file)
        authors: dict[str, str] = {}
        version = False
        for element in _elements(file):
            said = _Said.of(element)
            match said.name:
                case "wp:wxr_version":
                    version = True
                case "wp:author":
                    authors[said["wp:author_login"].strip()] = said["wp:author_display_name"].strip()
                case "wp:category":
                    yield _category(path, said)
                case "item" if version:
                    yield from _item(path, said, authors)
                case _:
                    break
        if not version:
            raise refusal(path, 1, "an RSS file, but not a WordPress export: no wp:wxr_version stands before its items")


@dataclass(frozen=True, slots=True)
class _Said:
    """An element with its children's texts, by names such as `wp:post_id`; what is missing reads as ""."""

    name: str
    line: int
    texts: Mapping[str, str]
    meta: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[tuple[str, CategoryTold], ...] = ()
    comments: tuple[_Said, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.texts.get(name, "")

    @classmethod
    def of(cls, element: _Element) -> _Said:
        children = [(_name(child.tag), child) for child in element if isinstance(child.tag, str)]
        meta = [_Said.of(child) for name, child in children if name == "wp:postmeta"]
        return cls(
            _name(element.tag),
            element.sourceline or 0,
            {name: _words(child) for name, child in children},
            {one["wp:meta_key"]: one["wp:meta_value"] for one in meta},
            tuple(_term(child) for name, child in children if name == "category"),
            tuple(_Said.of(child) for name, child in children if name == "wp:comment"),
        )

    def terms_of(self, domain: str) -> tuple[CategoryTold, ...]:
        return tuple(term for its_domain, term in self.terms if its_domain == domain and term.name)


def _item(path: Path, said: _Said, authors: Mapping[str, str]) -> Iterator[Item]:
    """Tell an item, and which of its comments are left out; the others are the article's."""
    item = _bare_item(path, said, authors)
    comments = [_comment(one, said["wp:post_id"].strip()) for one in said.comments]
    kept = tuple(one for one in comments if isinstance(one, RawComment))
    yield from (one for one in comments if isinstance(one, Skipped))
    if isinstance(item, ArticleTold):
        yield replace(item, comments=kept)
    else:
        yield item
        yield from (Skipped("comment on what is left out") for _ in kept)


def _bare_item(path: Path, said: _Said, authors: Mapping[str, str]) -> Item:
    kind, status = said["wp:post_type"].strip(), said["wp:status"].strip()
    if kind == "attachment":
        return _picture(said)
    if kind != "post":
        return Skipped(kind or "without a type")
    if status not in _PUBLIC:
        return Skipped(status or "without a status")
    if said["wp:post_password"]:
        return Skipped("password-protected")
    try:
        return _post(said, authors)
    except ValueError as reason:
        raise refusal(path, said.line, str(reason)) from reason


def _post(said: _Said, authors: Mapping[str, str]) -> ArticleTold | Skipped:
    identity = said["wp:post_id"].strip()
    if not identity:
        raise ValueError("a post without wp:post_id")
    formats = {term.slug for term in said.terms_of("post_format")}
    title = "" if formats & _BRIEF_FORMATS else clean.plain_text(said["title"])
    content = said["content:encoded"]
    if not title and not content.strip():
        return Skipped("without title and content")
    published = _date(said, "post_date")
    raw = RawArticle(
        id=identity,
        guid=said["guid"].strip(),
        url=said["link"].strip(),
        title=title,
        summary=said["excerpt:encoded"],
        content=content if "<!-- wp:" in content else classic.html(content),
        published=published or _refuse_undated(identity),
        updated=_date(said, "post_modified") or published,
        tags=tuple(clean.plain_text(term.name) for term in said.terms_of("post_tag")),
        authors=_authors(said["dc:creator"].strip(), authors),
        announce=meta.announce(said.meta),
        notice=meta.notice(said.meta),
    )
    return ArticleTold(said.line, raw, said.terms_of("category"), said.meta.get("_thumbnail_id", "").strip())


def _comment(said: _Said, article: str) -> RawComment | Skipped:
    """Read a comment; a fault of one is no reason to refuse the posts."""
    kind, identity = said["wp:comment_type"].strip(), said["wp:comment_id"].strip()
    if kind not in ("", "comment"):
        return Skipped(kind)
    if said["wp:comment_approved"].strip() != "1":
        return Skipped("comment not approved")
    try:
        published = _date(said, "comment_date")
    except ValueError:
        published = ""
    if not identity or not published:
        return Skipped(f"comment without {'a date' if identity else 'an id'}")
    parent = said["wp:comment_parent"].strip()
    return RawComment(
        id=identity,
        article=article,
        parent="" if parent == "0" else parent,
        author=clean.plain_text(said["wp:comment_author"]),
        content=classic.paragraphs(said["wp:comment_content"]),
        published=published,
    )


def _date(said: _Said, name: str) -> str:
    """A post's or comment's date in ISO 8601: in UTC, or else in the site's own time; "" where neither is set."""
    for key, ending in ((f"wp:{name}_gmt", "Z"), (f"wp:{name}", "")):
        value = said[key].strip()
        # WordPress writes zeros for a date that was never set.
        if value and not value.startswith("0000"):
            date = value.replace(" ", "T") + ending
            try:
                clean.date(date, _UTC)
            except ValueError as fault:
                raise ValueError(f"{key} {fault}") from fault
            return date
    return ""


def _refuse_undated(identity: str) -> str:
    raise ValueError(f"post {identity} has no date: neither wp:post_date_gmt nor wp:post_date is set")


def _authors(login: str, authors: Mapping[str, str]) -> tuple[str, ...]:
    name = authors.get(login) or login
    return (clean.plain_text(name),) if name else ()


def _picture(said: _Said) -> Picture:
    alt, caption = said.meta.get("_wp_attachment_image_alt", ""), said["excerpt:encoded"]
    address = said["wp:attachment_url"].strip() or said["guid"].strip()
    return Picture(
        said["wp:post_id"].strip(), Image(address, alt=clean.plain_text(alt), credit=clean.plain_text(caption))
    )


def _category(path: Path, said: _Said) -> CategoryTold:
    slug, parent = said["wp:category_nicename"].strip(), said["wp:category_parent"].strip()
    name = clean.plain_text(said["wp:cat_name"]) or slug
    if not name:
        raise refusal(path, said.line, "a category without wp:cat_name")
    return CategoryTold(name, slug, parent, said.line)


def _term(element: _Element) -> tuple[str, CategoryTold]:
    slug = (element.get("nicename") or "").strip()
    return element.get("domain") or "", CategoryTold(clean.plain_text(_words(element)) or slug, slug)


# ---------------------------------------------------------------- the XML beneath


class _Legible:
    """A file without the control characters XML forbids: old posts hold them, and WordPress exports them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; b"" only at the end."""
        while chunk := self._file.read(size):
            if legible := chunk.translate(None, _FORBIDDEN):
                return legible
        return b""


def _refuse_others(path: Path, file: IO[bytes]) -> None:
    """Look at the beginning, with the parser's limits in force, before anything large is read."""
    wide = file.read(2) in _UTF_16
    file.seek(0)
    if wide:
        raise refusal(path, 1, "a WordPress export is needed in UTF-8: convert it")
    _event, root = next(_parsed(file, events=("start",), huge_tree=False))
    file.seek(0)
    if root.getroottree().docinfo.doctype:
        raise refusal(path, root.sourceline or 1, "a document type (<!DOCTYPE …>): WordPress exports have none")
    if root.tag != "rss":
        raise refusal(path, root.sourceline or 1, "not a WordPress export: its first element is not <rss>")


def _elements(file: IO[bytes]) -> Iterator[_Element]:
    """The channel's own authors, categories and items, each forgotten when it has been read."""
    for _event, element in _parsed(file, events=("end",), tag=_ELEMENTS, huge_tree=True):
        parent = element.getparent()
        if parent is None or parent.tag != "channel":
            continue
        yield element
        element.clear(keep_tail=True)
        while element.getprevious() is not None:
            del parent[0]


def _parsed(file: IO[bytes], **options: object) -> Iterator[tuple[str, _Element]]:
    # There is nothing to resolve without a document type, and nothing outside is asked for. Told to resolve none,
    # libxml2 would not stop at an unknown entity: it would begin a new document in the middle of the file.
    parser: Any = etree.iterparse
    return iter(parser(_Legible(file), resolve_entities="internal", no_network=True, load_dtd=False, **options))


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except etree.XMLSyntaxError as error:
        fault = _FAULTS.get(getattr(error, "code", 0), "a mistake in the markup")
        raise refusal(path, error.lineno or 1, f"not well-formed XML: {fault}") from error


@lru_cache(maxsize=256)
def _name(tag: str) -> str:
    """An element's name with the prefix WordPress gives it, whichever version's namespace it is in."""
    found = _NAME.fullmatch(tag)
    namespace, local = found.groups() if found else ("", "")
    if not namespace:
        return local
    export = _EXPORT.fullmatch(namespace)
    prefix = f"{export[1] or 'wp'}:" if export else _PREFIXES.get(namespace, namespace)
    return prefix + local


def _words(element: _Element) -> str:
    """All text in it; a comment would divide what `text` gives."""
    return str(element.xpath("string()")) if len(element) else element.text or ""
