"""classic-editor text -> HTML, the way WordPress shows it: a blank line parts paragraphs, a line end breaks a line."""

from __future__ import annotations

import re
from html import escape, unescape

_VERBATIM = frozenset(["pre", "script", "style", "textarea", "svg", "math"])
_NO_TEXT = frozenset(
    [
        "ul",
        "ol",
        "dl",
        "menu",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "colgroup",
        "select",
        "picture",
        "video",
        "audio",
        "object",
    ]
)
_ONE_PARAGRAPH = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary", "legend", "caption", "option"])
_FLOW = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "details",
        "div",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "li",
        "main",
        "nav",
        "noscript",
        "section",
        "td",
        "th",
    ]
)
_BLOCKS = "|".join(sorted(_VERBATIM | _NO_TEXT | _ONE_PARAGRAPH | _FLOW | {"hr"}))

_DEEP = 200
"""Elements within elements that are followed: nothing real is deeper, and a tangle must not take long."""

_BLOCK_TAG = re.compile(rf"<(/?)({_BLOCKS})(?![\w-])[^<>]*>", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_LINE_END = re.compile(r"<br ?/?>[ \t]*\n|(<[^<>]*>)|[ \t]*\n")
_ADDRESS = re.compile(r"https?://[^\s<>\"\[\]]+")

_LEFT_OUT = re.compile(r"<!--(?:more|nextpage)[^<>]*-->|\[/?(?:gallery|playlist)(?: [^\[\]]*)?\]")
_MEDIUM = re.compile(r"\[(audio|video|embed)\b[^\[\]]*\](?:[^\[\]]*\[/\1\])?")
_CAPTION = re.compile(r"\[caption\b([^\[\]]*)\]((?:(?!\[caption\b).)*?)\[/caption\]", re.DOTALL)
_PICTURE = re.compile(r"\s*((?:<a\b[^<>]*>\s*)?<img\b[^<>]*>(?:\s*</a>)?)(.*)", re.DOTALL)
_OLD_CAPTION = re.compile(r"\bcaption=\"([^\"]*)\"")


def html(classic: str) -> str:
    """Write the paragraphs and line breaks that the classic editor leaves to be understood.

    Text inside `pre` and its like stays as it is, lists and tables get no paragraphs of their own, and shortcodes
    of pictures and media become what they show. HTML that has its paragraphs already comes back the same.
    """
    return paragraphs(_without_shortcodes(_with_line_ends(classic)))


def paragraphs(classic: str) -> str:
    """The same for texts in which WordPress shows shortcodes as they are written, such as comments."""
    text = _with_line_ends(classic)
    within: list[str] = []
    out: list[str] = []
    done = 0
    for tag in _BLOCK_TAG.finditer(text):
        if within and within[-1] in _VERBATIM and not _closes(tag, within[-1]):
            continue
        out += (_paragraphs(text[done : tag.start()], within[-1] if within else ""), tag[0])
        _step(within, tag)
        done = tag.end()
    return "".join((*out, _paragraphs(text[done:], within[-1] if within else ""))).strip()


def _with_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _step(within: list[str], tag: re.Match[str]) -> None:
    """Follow into or out of an element; a block ends the paragraph it begins in."""
    name = tag[2].lower()
    if tag[1]:
        while name in within and within.pop() != name:
            pass
        return
    if within and within[-1] == "p":
        within.pop()
    if name != "hr" and not tag[0].endswith("/>") and len(within) < _DEEP:
        within.append(name)


def _closes(tag: re.Match[str], name: str) -> bool:
    return tag[1] == "/" and tag[2].lower() == name


def _paragraphs(text: str, holder: str) -> str:
    """Text between two block tags, within `holder` ("" = within none)."""
    if not text.strip() or holder in _VERBATIM or holder in _NO_TEXT:
        return text
    always = holder in ("", "blockquote")
    if holder in _ONE_PARAGRAPH or not (always or _BLANK_LINE.search(text)):
        return _broken(text)
    return "\n".join(f"<p>{_broken(part)}</p>" for part in _BLANK_LINE.split(text) if part.strip())


def _broken(text: str) -> str:
    said = text.strip()
    if _ADDRESS.fullmatch(said):
        address = unescape(said)
        return f'<a href="{escape(address)}">{escape(address)}</a>'
    return _LINE_END.sub(lambda found: found[1] or "<br />\n", said)


def _without_shortcodes(text: str) -> str:
    return _MEDIUM.sub(_linked, _CAPTION.sub(_figure, _LEFT_OUT.sub("\n\n", text)))


def _linked(medium: re.Match[str]) -> str:
    address = _ADDRESS.search(medium[0])
    return f"\n\n{address[0]}\n\n" if address else medium[0]


def _figure(caption: re.Match[str]) -> str:
    picture = _PICTURE.fullmatch(caption[2])
    if picture is None:
        return caption[2]
    old = _OLD_CAPTION.search(caption[1])
    words = picture[2].strip() or (old[1] if old else "")
    below = f"<figcaption>{words}</figcaption>" if words else ""
    return f"<figure>{picture[1]}{below}</figure>"
