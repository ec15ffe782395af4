"""an address as a person gives it -> where a site's API and its feeds may be, and where its front page is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urljoin, urlsplit

from feedpub import clean
from feedpub.errors import ConfigError

PLACES = ("feed/", "rss.xml", "atom.xml", "index.xml", "feed.xml", "feed.json")
"""Where feeds lie that no page names."""
_NOT_WEB = "URL: write a web address, such as https://example.jp/"


def address(said: str) -> str:
    """Read the address that a person gives; without a scheme, https is meant. Raises ConfigError."""
    said = said.strip()
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?://|(?!\d))", said)
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise ConfigError(_NOT_WEB)
    whole = said if scheme else f"https://{said}"
    try:
        named = "@" in urlsplit(whole).netloc
    except ValueError:
        raise ConfigError(_NOT_WEB) from None
    if named:
        raise ConfigError("URL: write no user and no password into the address; a site is looked at as strangers do")
    url = clean.url(whole).partition("#")[0]
    if not url:
        raise ConfigError(_NOT_WEB)
    return url


def roots(page: str, said: str) -> Iterator[str]:
    """Where the REST API may be, the likeliest first."""
    folder = urljoin(page, ".").partition("?")[0]
    # As the store does, only the path is taken: what it asks for lies at the address in the config.
    here = [urljoin(page, urlsplit(said)._replace(scheme="", netloc="").geturl())] if said else []
    yield from dict.fromkeys([*here, f"{folder}wp-json/", f"{folder}?rest_route=/"])


def asking(root: str, query: Mapping[str, str]) -> str:
    """Put a question behind an address, which may have one already (`?rest_route=/`)."""
    return f"{root}{'&' if '?' in root else '?'}{urlencode(query, safe=',')}"


def root_of(index: str) -> str:
    """Take our own question off the address of the index."""
    return re.sub(r"[?&]_fields=[^&]*", "", index)


def front_of(index: str, home: str) -> str:
    """Tell the address of the front page from that of the index, whatever host the site believes to be."""
    here = urlsplit(index)
    if named := re.fullmatch(r"(.*/)(?:index\.php/)?wp-json/?", here.path):
        path = named[1]
    elif "rest_route" in here.query:
        path = re.sub(r"[^/]*\Z", "", here.path)
    else:
        path = urlsplit(clean.url(home)).path.rstrip("/") + "/"
    return f"{here.scheme}://{here.netloc}{path or '/'}"


def feeds_of(page: str) -> Iterator[str]:
    """Where feeds may lie that the page does not name: in its folder, then at the host's root."""
    folder, root = urljoin(page, ".").partition("?")[0], urljoin(page, "/")
    for base in dict.fromkeys([folder, root]):
        yield from (base + place for place in PLACES)


def bare(url: str) -> str:
    """Take off the query and the fragment: a site's address has none."""
    return re.split("[?#]", url)[0]
