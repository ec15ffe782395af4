"""IRIs and relative references -> absolute ASCII http(s) addresses (RFC 3986, RFC 3987 §3.1, UTS 46)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import idna

from feedpub.clean.characters import text

_PORTS = {"http": 80, "https": 443}

_SAFE = r"A-Za-z0-9\-._~!$&'()*+,;=:@/"
_UNSAFE = re.compile(rf"(?:%(?![0-9A-Fa-f]{{2}})|[^{_SAFE}?%])+")
"""What may not stand in a path, query or fragment. `%E3` may: encoding it again would name another page."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\.?\Z)(?:{_LABEL}\.)*{_LABEL}\.?")

_PATH = rf"(?:[{_SAFE}]++|%[0-9A-Fa-f]{{2}})"
_TAIL = rf"(?:[{_SAFE}?]++|%[0-9A-Fa-f]{{2}})++"
_CLEAN = re.compile(rf"https?://(?=[^/:]{{1,253}}/)(?:{_LABEL}\.)*{_LABEL}/{_PATH}*+(?:\?{_TAIL})?(?:#{_TAIL})?")
"""What needs nothing done: most addresses, and a long import has millions."""

_CANDIDATE = re.compile(r"[\s,]*+(\S*[^\s,])(?:,+(?=\s|\Z)|\s+([^,]*)|\Z)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DESCRIPTOR = re.compile(r"(?:[0-9]+w|[0-9]+(?:\.[0-9]+)?x)?(?: ?[0-9]+h)?")


def url(value: str, base: str = "") -> str:
    """Make an absolute http(s) address in ASCII: percent-encoded UTF-8, the host in Punycode.

    A relative reference is resolved against `base`. "" where no such address can be made: another scheme,
    no host or one that cannot exist, a port out of range. A user name and password before the host are left
    out: they are the store's secret, and `bank.example@elsewhere.example` is a trap for readers.
    """
    if _CLEAN.fullmatch(value):
        return value
    said = text(value).strip()
    if not said:
        return ""
    try:
        parts = urlsplit(urljoin(base, said))
        site = _site(parts)
    except ValueError:
        return ""
    query = f"?{_encoded(parts.query)}" if parts.query else ""
    fragment = f"#{_encoded(parts.fragment)}" if parts.fragment else ""
    return f"{site}{_encoded(parts.path) or '/'}{query}{fragment}"


def host(name: str) -> str:
    """Make a host name ASCII, in lower case; raises ValueError where it cannot be one."""
    if "%" in name and ":" in name:
        raise ValueError("the zone of an IPv6 address means nothing elsewhere")
    if ":" in name:
        return f"[{IPv6Address(name)}]"
    name = unquote(name)
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode("ascii")
    name = name.lower()
    if not _HOST.fullmatch(name):
        raise ValueError("not a host name")
    return name


def srcset(value: str, base: str) -> str:
    """Make every address of a `srcset` absolute; candidates that browsers would not take are left out.

    Follows the HTML Standard, "parsing a srcset attribute": a comma inside an address belongs to it.
    """
    candidates = []
    for address, descriptor in _CANDIDATE.findall(text(value).strip(", \t\n")):
        size = " ".join(descriptor.split())
        absolute = url(address, base)
        if absolute and _DESCRIPTOR.fullmatch(size):
            # A comma at the end would be read as the end of the candidate.
            absolute = f"{absolute[:-1]}%2C" if absolute.endswith(",") else absolute
            candidates.append(f"{absolute} {size}".rstrip())
    return ", ".join(candidates)


def largest(value: str, base: str) -> str:
    """Find the absolute address of the largest candidate of a `srcset`; "" where there is none."""
    candidates = [(candidate + " 1x").split() for candidate in srcset(value, base).split(", ") if candidate]
    return max(candidates, key=_size, default=[""])[0]


def _size(candidate: list[str]) -> float:
    found = _NUMBER.match(candidate[1])
    return float(found[0]) if found else 0.0


def _site(parts: SplitResult) -> str:
    """Scheme, host and port; raises ValueError where they are not those of a web address."""
    port = parts.port
    if parts.scheme not in _PORTS or port == 0:
        raise ValueError("not a web address")
    shown_port = f":{port}" if port is not None and port != _PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{host(parts.hostname or '')}{shown_port}"


def _encoded(part: str) -> str:
    return _UNSAFE.sub(lambda found: quote(found[0], safe=""), part)
