"""bytes of a feed, and what their sender says of them -> its text; the text of a XML document -> its elements. Pure.

Nothing is read that is not whole, and no parser sees a document type: it could declare entities that grow without end,
or name files to be fetched.
"""

from __future__ import annotations

import codecs
import re
from html.entities import html5
from typing import Any, Final

from lxml import etree

Element = Any
"""An lxml element: the published stubs do not know `base` and other parts used here."""

MOST_ENTRIES: Final = 20_000
MOST_PARTS: Final = 1_000
"""Children of one entry; in JSON, members of one list of it."""
MOST_PREFIXES: Final = 200
"""For elements of a namespace that it does not know, feedparser goes through all that were declared anywhere."""

_CODECS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",  # what is called so on the web
    "shift_jis": "cp932",
    "euc_jp": "euc_jis_2004",  # the same with the signs of vendors, such as ①
    "iso2022_jp": "iso2022_jp_ext",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
"""What is read in place of a declared encoding: it holds all of that, and what people write besides."""
_TEXTS = re.compile(
    r"utf-8|utf-16(?:-[lb]e)?|cp\d+|iso8859-\d+|koi8-[ru]|mac-roman|big5(?:hkscs)?|tis-620"
    r"|gb18030|johab|shift_jis(?:_2004|x0213)?|euc_jis(?:_2004|x0213)|iso2022_(?:jp_ext|kr)"
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BARE = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"), (b"{\0", "utf-16-le"), (b"\0{", "utf-16-be"))
_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_SPOILED = 100
"""Of so many characters, one may be unreadable: a title cut within a character is no reason to lose a feed."""

_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2, production Char

_PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE([^<>\[]*)>", re.IGNORECASE)
_PAGE = re.compile(r"<(?:!DOCTYPE\s+html|html|head|body)\b", re.IGNORECASE)
_FEED = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|RDF)[\s>]", re.IGNORECASE)
_REFERENCE = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&(?:#([0-9]{1,7});|#[xX]([0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]{0,31});)?",
    re.DOTALL,
)
_END = re.compile(r"</(?:[\w.-]+:)?(?:rss|feed|RDF)\s*>", re.IGNORECASE)
_PREFIX = re.compile(r"\bxmlns:([^\s=]{1,100})")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})

_CUT = "it breaks off in the middle"
_FAULTS = {
    etree.ErrorTypes.ERR_TAG_NOT_FINISHED: "an element is not closed",
    etree.ErrorTypes.ERR_CDATA_NOT_FINISHED: "a CDATA section does not end",
    etree.ErrorTypes.ERR_GT_REQUIRED: "a tag does not end",
    etree.ErrorTypes.ERR_TAG_NAME_MISMATCH: "an element is closed that was not open",
    etree.ErrorTypes.ERR_NAME_REQUIRED: "a < begins no element",
}


class Unreadable(Exception):  # noqa: N818 - a reason, told by the caller with the feed's address
    """The end of a sentence that begins with the feed's address."""


def text(body: bytes, content_type: str) -> str:
    """Decode a document by its mark, by what it is, and by what is said of it, in this order; raises Unreadable.

    What reads as UTF-8 is UTF-8, whatever is declared: texts in other encodings do not happen to be so.
    """
    if body.startswith(b"\x1f\x8b"):
        raise Unreadable("is packed with gzip, and does not say so: let its server send it plain")
    declared = _declared(body, content_type)
    decoded = _marked(body) or _strictly(body, declared) or _mostly(body, declared)
    return _ILLEGAL.sub("", decoded)


def is_page(said: str) -> bool:
    """Whether it is a web page, made for people."""
    return _PAGE.match(_after_prolog(said)) is not None


def root(said: str, url: str) -> Element:
    """Read a XML document whole; raises Unreadable.

    Two common slips are mended where it could not be read with them: a & that begins no reference that XML
    knows, and what stands behind the end.
    """
    document = _without_doctype(_after_prolog(said))
    if len({found[1] for found in _PREFIX.finditer(document)}) > MOST_PREFIXES:
        raise Unreadable(f"declares more than {MOST_PREFIXES} prefixes of namespaces: it is not read")
    try:
        return _parsed(document, url)
    except etree.XMLSyntaxError:
        pass
    try:
        return _parsed(_mended(document), url)
    except etree.XMLSyntaxError as error:
        fault = _FAULTS.get(getattr(error, "code", 0), "a mistake in the markup") if _END.search(document) else _CUT
        line = said[: len(said) - len(document)].count("\n") + (error.lineno or 1)
        raise Unreadable(f"is not well-formed XML: {fault} (line {line})") from error


def refuse_crowd(entries: int, parts: int) -> None:
    """Raise Unreadable for more entries, or more parts of one of them, than any feed has."""
    if entries > MOST_ENTRIES:
        raise Unreadable(f"has more than {MOST_ENTRIES:,} entries: it is not read")
    if parts > MOST_PARTS:
        raise Unreadable(f"has an entry of more than {MOST_PARTS:,} elements: it is not read")


# ---------------------------------------------------------------- bytes -> text


def _declared(body: bytes, content_type: str) -> list[str]:
    """The encodings that header and document name, as Python knows them."""
    header, own = _CHARSET.search(content_type), _DECLARED.match(body[:1024])
    names = [header[1] if header else "", own[1].decode("ascii") if own else ""]
    return [known for name in names if name and (known := _known(name))]


def _known(name: str) -> str:
    """Name a codec for text that this encoding is read by; "" where there is none."""
    plain = name.lower().replace("_", "-")
    try:
        found = codecs.lookup(
            {"x-sjis": "shift_jis", "windows-31j": "cp932", "x-euc-jp": "euc_jp"}.get(plain, name)
        ).name
    except (LookupError, ValueError):
        return ""
    known = _CODECS.get(found, found)
    return known if _TEXTS.fullmatch(known) else ""


def _marked(body: bytes) -> str:
    """Decode what begins with a mark, or with a wide character; "" where it does not."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    for start, encoding in _BARE:
        if body.startswith(start):
            return body.decode(encoding, "replace")
    return ""


def _strictly(body: bytes, declared: list[str]) -> str:
    """Decode without a single fault; "" where no encoding has none."""
    for encoding in (*(() if body.isascii() else ("utf-8",)), *declared, "utf-8"):
        try:
            return body.decode(encoding)
        except UnicodeError:
            continue
    return ""


def _mostly(body: bytes, declared: list[str]) -> str:
    """Decode with a few unreadable characters; raises Unreadable where there are many."""
    encoding = declared[0] if declared else "utf-8"
    decoded = body.decode(encoding, "replace")
    if decoded.count("\ufffd") * _SPOILED > len(decoded):
        raise Unreadable(f"is not in the encoding that it is said to be in ({encoding})")
    return decoded


# ---------------------------------------------------------------- text -> elements


def _after_prolog(said: str) -> str:
    """Skip declaration, processing instructions and comments. Its encoding has been read: the text is one of ours."""
    found = _PROLOG.match(said)
    return said[found.end() if found else 0 :]


def _without_doctype(document: str) -> str:
    """Take out a document type that declares nothing, as RSS 0.91 asks for one; raises Unreadable for any other."""
    if not document.startswith("<!"):
        if document.startswith("<") or not _FEED.search(document):
            return document
        raise Unreadable("has something before its first element (a PHP warning?): let the feed begin with <?xml")
    plain = _DOCTYPE.match(document)
    if plain is None:
        raise Unreadable("declares a document type with entities of its own, which no feed needs: it is not read")
    return _after_prolog(document[plain.end() :])


def _parsed(document: str, url: str) -> Element:
    options: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
    parser = etree.XMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, recover=False, **options)
    return etree.fromstring(document.encode("utf-8", "replace"), parser, base_url=url)


def _mended(document: str) -> str:
    ends = [found.end() for found in _END.finditer(document)]
    return _REFERENCE.sub(_reference, document[: ends[-1]] if ends else document)


def _reference(found: re.Match[str]) -> str:
    """Write a reference so that XML knows it; what is none, as the character that it begins with."""
    decimal, hexadecimal, name = found.groups()
    if found[0][0] == "<" or name in _OF_XML:
        return found[0]
    if name:
        meant = html5.get(f"{name};")
        return "".join(f"&#{ord(character)};" for character in meant) if meant else f"&amp;{name};"
    if not (decimal or hexadecimal):
        return "&amp;"
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return found[0] if code < 0x110000 and not _ILLEGAL.match(chr(code)) else ""
