"""an author's HTML + CSS selectors -> the same HTML without what they select.

Before the HTML is made safe: afterwards no class and no id is left to select by. nh3 reads it as browsers do
and writes it down in full; libxml2 then finds in it the nodes that were meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import nh3
from cssselect import HTMLTranslator, SelectorError, SelectorSyntaxError, parse
from cssselect.parser import Attrib, Class, CombinedSelector, Element, Hash, Tree
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, tostring

from feedpub.clean.characters import text
from feedpub.clean.markup import READ, UNSEEN, source

_NAME = re.compile("</?([a-z][^\t\n\f\r />]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"@([a-z][\w-]*)")
_QUOTED = re.compile("'[^']*'|\"[^\"]*\"")
_PREFIX = re.compile("(?<!:):(?!:)")
"""In XPath. A prefix asks for a namespace, and nothing in an article has one."""
_IMPLIED = frozenset({"tbody", "tr", "colgroup"})
"""Elements that are there though nobody wrote them."""
_FOREIGN = frozenset({"svg", "math", "xmp", "plaintext"})
"""Elements that libxml2 reads in another way than nh3 writes them; they do not go out in any case."""
_SCHEMES = {"http", "https", "javascript", "data", "mailto", "tel"}
"""Whatever a selector may look for in an address; those that are unsafe go when the result is made safe."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """One selector: the names without which it selects nothing, the attributes it asks for, and how to find it."""

    names: frozenset[str]
    attributes: frozenset[str]
    path: str

    def find(self, body: HtmlElement) -> list[HtmlElement]:
        """What it selects below the body of a page; nothing, should libxml2 not be able to tell."""
        try:
            return cast("list[HtmlElement]", body.xpath(self.path))
        except etree.XPathError:
            return []


def without(html: str, drop: tuple[str, ...]) -> str:
    """Take out of HTML what any of these selectors selects, with all that stands in it; what is around it stays.

    Unchanged where nothing is selected, and where it is nested too deeply to be searched. Never raises for selectors
    in which `fault` finds none.
    """
    if not drop:
        return html
    folded = html.casefold()
    # Nobody writes the name of a class in character references.
    cuts = [cut for cut in _cuts(drop) if all(name in folded for name in cut.names)]
    return _cut(html, cuts) if cuts else html


def fault(selector: str) -> str:
    """What is wrong with a selector, in a sentence that does not repeat it; "" if nothing is."""
    try:
        useless = any(_PREFIX.search(_QUOTED.sub("", cut.path)) for cut in _read(selector))
    except SelectorSyntaxError as error:
        place = re.search(r" at (\d+)>?$", str(error))
        where = f" (see its character {int(place[1]) + 1})" if place else ""
        return f"this is no CSS selector{where}; write one such as .sharedaddy or div[data-share]"
    except (SelectorError, etree.XPathError, RecursionError):
        useless = True
    return "this kind of CSS selector selects nothing in an article; write one such as .sharedaddy" if useless else ""


def _cut(html: str, cuts: list[_Cut]) -> str:
    body = _body(_in_full(html, cuts))
    found = [] if body is None else [element for cut in cuts for element in cut.find(body)]
    if not found:
        return html
    for element in dict.fromkeys(found):  # two selectors may have meant the same one
        element.drop_tree()
    rest: str = tostring(body, encoding="unicode")
    return rest.removeprefix("<body>").removesuffix("</body>")


def _in_full(html: str, cuts: list[_Cut]) -> str:
    """Write down the tree that a browser would make: every element closed, every attribute quoted."""
    said = source(html)
    attributes = READ["*"] | {"class", "id"}.union(*(cut.attributes for cut in cuts))
    named = {"iframe", "noscript"}.union(*(cut.names for cut in cuts))
    cleaner = nh3.Cleaner(
        tags=({name.lower() for name in _NAME.findall(said)} | _IMPLIED) - ((UNSEEN | _FOREIGN) - named),
        clean_content_tags=UNSEEN - named,
        attributes=READ | {"*": attributes},
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    return text(cleaner.clean(said))


def _body(html: str) -> HtmlElement | None:
    """Read HTML as the body of a page; None where libxml2 gives up on the rest of it."""
    parser = HTMLParser(huge_tree=True)
    page: HtmlElement = etree.HTML(f"<html><body>{html}", parser)
    gave_up = any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log)
    return None if gave_up else page[0]


@lru_cache(maxsize=8)
def _cuts(drop: tuple[str, ...]) -> tuple[_Cut, ...]:
    return tuple(cut for selector in drop for cut in _read(selector))


def _read(selector: str) -> Iterator[_Cut]:
    """Each of the selectors between commas. Raises what cssselect and lxml do for a bad one."""
    for one in parse(selector):
        path = HTMLTranslator().selector_to_xpath(one, prefix="descendant::", translate_pseudo_elements=True)
        etree.XPath(path)
        names = frozenset(name.casefold() for name in _names(one.parsed_tree))
        yield _Cut(names - _IMPLIED, frozenset(_ATTRIBUTE.findall(path)), path)


def _names(tree: Tree) -> Iterator[str]:
    """The names that must be met: not those inside :not(), :is() and their like."""
    match tree:
        case Element(element=name):
            yield name or ""
            return
        case Class(class_name=name) | Hash(id=name) | Attrib(attrib=name):
            yield name
        case CombinedSelector(subselector=inner):
            yield from _names(inner)
    yield from _names(tree.selector)
