"""the admin's template of a footer -> the HTML that ends an entry."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from feedpub.feeds.gate import danger
from feedpub.feeds.texts import line
from feedpub.model import Site

_TEMPLATES = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)


def footer(template: str, title: str, url: str, site: Site) -> str:
    """Fill in the template: `title` and `url` are the entry's, `site` and `site_url` the site's."""
    if not template:
        return ""
    return _compiled(template).render(title=title, url=url, site=line(site.title), site_url=site.url)


def check_footer(template: str) -> str | None:
    """Return what is wrong with a footer, in one sentence, or None."""
    try:
        made = footer(template, "A title", "https://example.com/1", Site(title="A site", url="https://example.com/"))
    except TemplateError as error:
        return f"the template cannot be filled in ({error}): it knows title, url, site and site_url"
    except Exception as error:  # noqa: BLE001 - whatever an expression may do
        return f"the template cannot be filled in ({type(error).__name__}): it knows title, url, site and site_url"
    if why := danger(made):
        return f"readers would refuse {why}: write plain HTML"
    return None


@lru_cache(maxsize=8)
def _compiled(template: str) -> Template:
    return _TEMPLATES.from_string(template)
