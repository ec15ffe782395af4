"""the admin's template of a footer -> the HTML that ends an entry."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from feedpub.feeds.gate import danger
from feedpub.feeds.texts import line
from feedpub.model import Site

_KNOWN: Final = frozenset({"title", "url", "site", "site_url"})
_SITE: Final = Site(title="A site", url="https://example.com/")
_RELATIVE: Final = re.compile(r"""\b(?:href|src)\s*=\s*["']?\s*(?!["'\s]|https?://|mailto:)""", re.IGNORECASE)
_TEMPLATES = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)


def footer(template: str, title: str, url: str, site: Site) -> str:
    """Fill in the template: `title` and `url` are the entry's, `site` and `site_url` the site's."""
    if not template:
        return ""
    return _compiled(template).render(title=title, url=url, site=line(site.title), site_url=site.url)


def check_footer(template: str) -> str | None:
    """Tell what is wrong with a footer, in one sentence; None where every entry comes out well."""
    try:
        strangers = sorted(meta.find_undeclared_variables(_TEMPLATES.parse(template)) - _KNOWN)
        if strangers:
            return (
                f'the template speaks of "{strangers[0]}", which does not exist (there are {", ".join(sorted(_KNOWN))})'
            )
        made = [footer(template, title, "https://example.com/1", _SITE) for title in ("A title", "")]
    except TemplateSyntaxError as error:
        return f"the template cannot be read: look at its line {error.lineno} for a bracket, a tag or a filter's name"
    except Exception:  # noqa: BLE001 - whatever an expression may do
        return "the template fails: it treats a text as something it is not"
    if why := next(filter(None, map(danger, made)), ""):
        return f"readers would refuse {why}: write plain HTML, such as a paragraph with a link"
    if any(map(_RELATIVE.search, made)):
        return "an address in it must begin with https:// or http://, since readers know no page that it could be below"
    return None


@lru_cache(maxsize=8)
def _compiled(template: str) -> Template:
    return _TEMPLATES.from_string(template)
