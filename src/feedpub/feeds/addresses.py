"""an address or an id as config and stores write it -> as feeds may carry it: absolute, ASCII, a URI."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

import idna

from feedpub.model import Site

STYLESHEET = "feed.css"
"""What makes a feed readable that is opened in a browser."""
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
"""What a share mounted by Windows cannot hold as a file name, whatever the ending."""

_KEEP = "%/?#[]:@!$&'()*+,;=~"
"""RFC 3986 §2.2, and `%`: what is encoded already stays as it is."""


_ID_SCHEMES = frozenset({"http", "https", "tag", "urn", "info", "doi", "hdl", "ni", "cid", "mid"})
"""Schemes of ids that validators know; another is wrapped (`post:12` is no address of anything)."""


def ascii_url(url: str) -> str:
    """Write an IRI as a URI (RFC 3987 §3.1), the host by IDNA; feedgen would write it raw, which RSS forbids.

    Raises ValueError, with the sentence to show, if it is not an absolute http or https address.
    """
    parts = re.fullmatch(r"(https?)://([^/?#\s]+)(.*)", url.strip(), re.IGNORECASE | re.DOTALL)
    if parts is None:
        raise ValueError("an absolute address is needed, such as https://example.com/")
    scheme, host, rest = parts.groups()
    return f"{scheme.lower()}://{_ascii_host(host)}{quote(rest, safe=_KEEP, errors='replace')}"


@lru_cache(maxsize=1024)
def is_web_address(text: str) -> bool:
    """Tell the address of a licence from its words."""
    return re.fullmatch(r"https?://[!-~]+", text, re.IGNORECASE) is not None


def feed_url(base_url: str, address: str, ending: str) -> str:
    """Where subscribers fetch one format of a feed."""
    return f"{base_url}{address}.{ending}"


def file_name(name: str) -> str:
    """The name of a feed's file, without ending, by a slug or a name as `fold` writes it: safe on any disk."""
    if re.fullmatch("[a-z0-9][a-z0-9-]{0,63}", name) and name not in DEVICES:
        return name
    spoken = "-".join(re.findall("[a-z0-9]+", name))[:40].strip("-")
    return f"{spoken or 'c'}-{sha256(json.dumps(name).encode()).hexdigest()[:8]}"


def brief_name(guid: str) -> str:
    """The file name, without its ending, of a brief's own page: the same for ever, and safe on any disk."""
    return sha256(guid.encode(errors="replace")).hexdigest()[:16]


def brief_path(guid: str) -> str:
    """The file of a brief's own page."""
    return f"briefs/{brief_name(guid)}.html"


def brief_address(guid: str, base_url: str) -> str:
    """Where people read a brief that has no page elsewhere."""
    return base_url + brief_path(guid)


def stylesheet_pi(address: str) -> bytes:
    """Write what stands below a feed's `<?xml …?>` to have it shown as a page: relative, as the links of index.html."""
    return f'<?xml-stylesheet type="text/css" href="{"../" * address.count("/")}{STYLESHEET}"?>'.encode()


def entry_id(guid: str, site: Site) -> str:
    """Return the guid if validators take it for an id (RFC 4287 §4.2.6), else a tag: URI around it (RFC 4151).

    The same for every feed and every day, as long as the site's authority stays. `guid:` keeps it apart from ids
    that were made up for articles without a guid, which have the same authority and date.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):[!#-;=?-Z_a-z~\[\]]+\Z", guid)
    if scheme and scheme[1].lower() in _ID_SCHEMES:
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
