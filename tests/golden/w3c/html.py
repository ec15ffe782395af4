"""HTML inside a feed -> the validator's names for what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final


def names(table: str) -> frozenset[str]:
    """A set of words, as they stand in a table."""
    return frozenset(table.split())


ACCEPTABLE: Final = names(
    "a abbr acronym address area article aside audio b bdi big blockquote br caption center cite code col "
    "colgroup data dd del details dfn dir div dl dt em fieldset figcaption figure font footer h1 h2 h3 h4 h5 h6 "
    "header hgroup hr i img ins kbd label legend li main map mark menu meter nav noscript ol output p picture pre "
    "q rp rt ruby s samp section small source span strike strong sub summary sup table tbody td tfoot th thead "
    "time tr track tt u ul var video wbr"
)
TAGS: Final = ACCEPTABLE | names(
    "applet base basefont bdo body button canvas dialog embed form frame frameset head html iframe input isindex "
    "link listing meta noframes object optgroup option param plaintext progress script select slot style template "
    "textarea title xmp"
)
_ATTRIBUTES = names(
    "abbr align alt border cite class colspan controls datetime dir headers height href hreflang id kind label "
    "lang loading media muted name open poster rel reversed rowspan scope sizes span src srclang srcset start "
    "summary target title type valign value width"
)
_VOID = names("area base br col embed hr img input link meta param source track wbr")
_MAY_STAY_OPEN = names("p li dt dd tr td th thead tbody tfoot rt rp option optgroup colgroup")
_ADDRESSES = frozenset({"href", "src", "poster", "cite"})

_ATTRIBUTE = re.compile(r"""\s([^\s"'<>/=]+)(?:=(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")
_MARKUP = re.compile(
    r"""<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s[^\s"'<>/=]+(?:=(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*)\s*/?>|<!--.*?-->|<""",
    re.DOTALL,
)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def complaints(markup: str) -> Iterator[str]:
    """What is risky, relative, or no HTML at all."""
    open_: list[str] = []
    for found in _MARKUP.finditer(markup):
        end, name = found[1], (found[2] or "").lower()
        if found[0].startswith("<!--"):
            continue
        if name not in TAGS:
            yield "NotHtml"
        elif name not in ACCEPTABLE:
            yield "SecurityRisk"
        elif end:
            yield from _closed(open_, name)
        else:
            yield from _attributes(found[3])
            if name not in _VOID:
                open_.append(name)
    if any(name not in _MAY_STAY_OPEN for name in open_):
        yield "NotHtml"


def _closed(open_: list[str], name: str) -> Iterator[str]:
    while open_ and open_[-1] != name and open_[-1] in _MAY_STAY_OPEN:
        open_.pop()
    if not open_ or open_.pop() != name:
        yield "NotHtml"


def _attributes(text: str) -> Iterator[str]:
    for name, *values in _ATTRIBUTE.findall(text):
        attribute, value = name.lower(), unescape("".join(values))
        if attribute == "style":
            yield "DangerousStyleAttr"
        elif attribute not in _ATTRIBUTES and not attribute.startswith("data-"):
            yield "SecurityRiskAttr"
        for address in [value] if attribute in _ADDRESSES else _candidates(value) if attribute == "srcset" else []:
            yield from _address(address.strip())


def _candidates(srcset: str) -> list[str]:
    return [candidate.split()[0] for candidate in re.split(r",\s", srcset) if candidate.split()]


def _address(value: str) -> Iterator[str]:
    if re.match(r"(?:javascript|vbscript|data):", value, re.IGNORECASE):
        yield "SecurityRisk"
    elif not _ABSOLUTE.match(value):
        yield "ContainsRelRef"
    elif re.search(r"[^0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#\[\]]", value):
        yield "InvalidUriChar"
