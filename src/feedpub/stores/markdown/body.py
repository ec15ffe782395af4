"""the body of a file -> HTML, and what stands before its "read more" mark. Pure; whoever publishes makes it safe."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from feedpub.stores.markdown import shortcodes

_MORE = re.compile(r"<!--[ \t]*(?:more|excerpt)[ \t]*-->", re.IGNORECASE)

_MARKDOWN = (
    MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(footnote_plugin).use(deflist_plugin)
)


def render(body: str, *, markdown: bool, separator: str = "") -> tuple[str, str]:
    """Make HTML of a body, and of its opening, if it has a mark (`separator`, where an author set one); else ""."""
    opening, rest = divided(body, separator)
    made = _html(opening + rest, markdown=markdown)
    return made, _html(opening, markdown=markdown) if opening else ""


def divided(body: str, separator: str = "") -> tuple[str, str]:
    """Divide a body at its mark; ("", body) where it has none."""
    if separator and separator in body:
        before, _, after = body.partition(separator)
        return before, after
    found = _MORE.search(body)
    return (body[: found.start()], body[found.end() :]) if found else ("", body)


def _html(body: str, *, markdown: bool) -> str:
    text = shortcodes.without(body)
    return str(_MARKDOWN.render(text)) if markdown else text
