"""text with Hugo's shortcodes and Liquid's tags -> Markdown and HTML alone. Pure.

Pictures become pictures, code stays code; what only the generator could work out is left out, never shown. Text
between an unknown pair stays. Within code, Liquid's signs are what the article speaks about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape

_CODE = r"(?P<fenced>^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:.*?^[ ]{0,3}(?P=fence)[`~]*[ \t]*$|.*))"
_SPAN = r"(?P<span>(?<!`)(?P<tick>`{1,3})(?!`)(?:(?!\n[ \t]*\n)[^`]|(?!(?P=tick)(?!`))`){1,1000}(?P=tick)(?!`))"


def _pair(tag: str, name: str) -> str:
    """A pair of Liquid's tags and what stands between.

    It does not reach over a second opening: it would take for ever to see that a thousand of them are never closed.
    """
    return rf"\{{%-?\s*{tag}\s*-?%\}}(?P<{name}>(?:(?!\{{%-?\s*{tag}\b).)*?)\{{%-?\s*end{tag}\s*-?%\}}"


_RAW = _pair("raw", "raw")
_COMMENT = _pair("comment", "comment")
_MARKED = (
    r"(?:\{%-?\s*highlight\s+(?P<language>[\w+#.-]*)[^%\n]{0,200}-?%\}\n?"
    r"(?P<marked>(?:(?!\{%-?\s*highlight\b).)*?)\{%-?\s*endhighlight\s*-?%\}"
    r"|\{\{<\s*highlight\s+\"?(?P<tongue>[\w+#.-]*)[^>\n]{0,200}>\}\}\n?"
    r"(?P<lit>(?:(?!\{\{<\s*highlight\b).)*?)\{\{<\s*/\s*highlight\s*>\}\})"
)
_SHORT = r"\{\{[<%]\s*(?P<shown>/\*)?(?P<short>[^{}]{0,2000}?)(?:\*/)?\s*[>%]\}\}"
_LIQUID = r"\{%-?(?P<tag>(?:(?!%\}|\{%).){0,1000})%\}"
_OUTPUT = r"\{\{-?(?P<output>[^{}]{0,1000})\}\}"
_MARK = r"(?P<mark>[ \t]*\{:[^{}\n]{0,200}\}|[ \t]+\{[#.][^{}\n]{0,200}\}[ \t]*$)"

_PIECES = re.compile(
    f"{_CODE}|{_SPAN}|{_RAW}|{_COMMENT}|{_MARKED}|{_SHORT}|{_LIQUID}|{_OUTPUT}|{_MARK}", re.DOTALL | re.MULTILINE
)
_IN_CODE = re.compile(f"{_RAW}|{_SHORT}", re.DOTALL)

_PARAMETER = re.compile(r"(?:([\w-]+)\s*=\s*)?(?:\"((?:\\.|[^\"\\])*)\"|'([^']*)'|`([^`]*)`|([^\s\"'`=]+))")
_LITERAL = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)')\s*(?:\|.*)?", re.DOTALL)
_FIGURES = ("figure", "img", "image")


def without(text: str) -> str:
    """Work out what can be worked out, and leave the rest out."""
    return _PIECES.sub(_instead, text)


def _instead(found: re.Match[str]) -> str:
    said = found.groupdict()
    for code in ("fenced", "span"):
        if said[code] is not None:
            return _IN_CODE.sub(_in_code, said[code])
    if said["raw"] is not None:
        return said["raw"]
    for name, code in (("language", "marked"), ("tongue", "lit")):
        if said[code] is not None:
            return f"\n~~~~~~~~ {said[name] or ''}\n{said[code].rstrip()}\n~~~~~~~~\n"
    if said["short"] is not None:
        return _shown(found) if said["shown"] else _tag(said["short"], found)
    if said["tag"] is not None:
        return _tag(said["tag"].strip(" \t\n-").removeprefix("include").strip(), found)
    literal = _LITERAL.fullmatch((said["output"] or "").rstrip("-"))
    return literal[1] or literal[2] or "" if literal else ""


def _in_code(found: re.Match[str]) -> str:
    said = found.groupdict()
    if said["raw"] is not None:
        return said["raw"]
    return _shown(found) if said["shown"] else ""


def _shown(found: re.Match[str]) -> str:
    """A shortcode that an article speaks about: Hugo takes the comment signs off, and shows it."""
    return found[0].replace("/*", "", 1).replace("*/", "", 1)


def _tag(said: str, found: re.Match[str]) -> str:
    name, _, rest = said.strip().partition(" ")
    maker = _MAKERS.get(name.removesuffix(".html").removesuffix(".liquid"))
    made = maker(_parameters(rest)) if maker else ""
    # On a line of its own it is a block: what follows at once is Markdown again.
    alone = _ends(found.string, found.start(), -1) and _ends(found.string, found.end(), 1)
    return f"{made}\n" if made and alone else made


def _ends(text: str, at: int, step: int) -> bool:
    place = at - 1 if step < 0 else at
    return not 0 <= place < len(text) or text[place] == "\n"


def _parameters(said: str) -> dict[str, str]:
    """Read `key="value"` and values without a key, which are numbered from 0."""
    read: dict[str, str] = {}
    for key, double, single, tick, bare in _PARAMETER.findall(said):
        value = double.replace('\\"', '"') or single or tick or bare
        read[key or str(sum(one.isdecimal() for one in read))] = value
    return read


def _figure(said: Mapping[str, str]) -> str:
    source = said.get("src") or said.get("url") or said.get("image_path") or said.get("path") or said.get("0", "")
    if not source or "{{" in source:
        return ""
    image = f'<img src="{escape(source)}" alt="{escape(said.get("alt", ""))}">'
    words = [said.get(key, "") for key in ("title", "caption", "attr", "credit")]
    below = " ".join(escape(one, quote=False) for one in words if one)
    return f"<figure>{image}{f'<figcaption>{below}</figcaption>' if below else ''}</figure>"


def _video(address: str) -> Callable[[Mapping[str, str]], str]:
    def link(said: Mapping[str, str]) -> str:
        place = said.get("id") or said.get("0", "")
        target = f"{address}{escape(place)}"
        return f'<p><a href="{target}">{target}</a></p>' if place else ""

    return link


_MAKERS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    **dict.fromkeys(_FIGURES, _figure),
    "youtube": _video("https://www.youtube.com/watch?v="),
    "vimeo": _video("https://vimeo.com/"),
}
