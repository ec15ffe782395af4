"""an address or an id as config and stores write it -> as feeds may carry it: absolute, ASCII, a URI."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, urlsplit

import idna

from feedpub.model import Site

_KEEP = "%/?#[]:@!$&'()*+,;=~"
"""RFC 3986 §2.2, and `%`: what is encoded already stays as it is."""


def ascii_url(url: str) -> str:
    """Write an IRI as a URI (RFC 3987 §3.1), the host by IDNA; feedgen would write it raw, which RSS forbids.

    Raises ValueError, with the sentence to show, if it is not an absolute http or https address.
    """
    parts = re.fullmatch(r"(https?)://([^/?#\s]+)(.*)", url.strip(), re.IGNORECASE | re.DOTALL)
    if parts is None:
        raise ValueError("an absolute address is needed, such as https://example.com/")
    scheme, host, rest = parts.groups()
    return f"{scheme.lower()}://{_ascii_host(host)}{quote(rest, safe=_KEEP, errors='replace')}"


def is_web_address(text: str) -> bool:
    """Tell the address of a licence from its words."""
    return re.fullmatch(r"https?://[!-~]+", text, re.IGNORECASE) is not None


def feed_url(base_url: str, address: str, ending: str) -> str:
    """Where subscribers fetch one format of a feed."""
    return f"{base_url}{address}.{ending}"


def brief_url(guid: str, base_url: str) -> str:
    """Where the page of a brief stands."""
    return base_url + brief_path(guid)


def brief_path(guid: str) -> str:
    """The file of a brief's page: a name made of its guid, the same for ever, which no disk or server can misread."""
    return f"briefs/{hashlib.sha256(guid.encode()).hexdigest()[:12]}.html"


def stylesheet_pi(address: str) -> bytes:
    """Name the stylesheet that makes a feed readable in a browser, from where the feed stands."""
    return f'<?xml-stylesheet type="text/css" href="{"../" * address.count("/")}feed.css"?>\n'.encode()


def entry_id(guid: str, site: Site) -> str:
    """Return the guid if Atom takes it for an id (RFC 4287 §4.2.6: an IRI), else a tag: URI around it (RFC 4151).

    The same for every feed and every day, as long as the site's authority stays. `guid:` keeps it apart from ids
    that were made up for articles without a guid, which have the same authority and date.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):[^\s<>\"{}|\\^`\x00-\x20]+\Z", guid)
    if scheme and (guid.isascii() or scheme[1].lower() != "tag"):
        return guid
    authority = site.authority or urlsplit(ascii_url(site.url)).hostname
    return f"tag:{authority},2026:guid:{quote(guid, safe='', errors='replace')}"


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    name, colon, port = host.partition(":")
    try:
        return idna.encode(name, uts46=True).decode() + colon + quote(port)
    except idna.IDNAError:
        return quote(host, safe=_KEEP, errors="replace")  # RFC 3986 §3.2.2 allows it, and nothing is lost
