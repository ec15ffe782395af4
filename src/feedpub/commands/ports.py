"""a config + this machine -> whether its addresses can be listened at, and whether readers come to them."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from urllib.parse import urlsplit

from feedpub.commands.findings import Finding, caution, ill, well
from feedpub.settings import Listening, Settings


def listening(settings: Settings, ask: Callable[[str], bool]) -> Iterator[Finding]:
    """Whether both addresses can be had; `ask` tells whether a feedpub answers at http://HOST:PORT."""
    free, ours = [], []
    for option, address in (("web.listen", settings.web), ("admin.listen", settings.admin)):
        code = _bind(address)
        if code is None:
            free.append(address.listen)
        elif code == errno.EADDRINUSE and ask(_asked_at(address)):
            ours.append(address.listen)
        else:
            yield ill("ports", f"{option}: {_because(code, address.listen)}")
    if free:
        yield well("ports", f"{' and '.join(free)} can be listened at")
    if ours:
        yield well("ports", f"feedpub runs, and answers at {' and '.join(ours)}")


def _bind(address: Listening) -> int | None:
    """Try to have an address, without taking connections; tells the error's number, if there is one."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with closing(socket.socket(family)) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address.host == "::" and socket.has_dualstack_ipv6():
                door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            door.bind((address.host, address.port))
    except (OSError, UnicodeError) as error:
        return getattr(error, "errno", None) or errno.EADDRNOTAVAIL
    return None


def _asked_at(address: Listening) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - asked of ourselves
    return f"http://[{host}]:{address.port}" if ":" in host else f"http://{host}:{address.port}"


_BECAUSE: Mapping[int, str] = {
    errno.EADDRINUSE: "{listen} is taken by another program: choose another port, or stop that program",
    errno.EACCES: "ports below 1024, as in {listen}, need rights that feedpub does not have: choose a higher one",
}


def _because(code: int, listen: str) -> str:
    return _BECAUSE.get(
        code, "this machine has no address {listen}: write 127.0.0.1, or 0.0.0.0 for all it has"
    ).format(listen=listen)


# ---------------------------------------------------------------- two options that should agree. Pure


def mismatch(settings: Settings) -> Iterator[Finding]:
    """Whether readers who follow feeds.base_url can come to web.listen. Pure."""
    base, web = urlsplit(settings.feeds.base_url), settings.web
    host, port = base.hostname or "", base.port
    if not port or not web.port:
        return
    if is_inside(host) and port != web.port:
        told = f"feeds.base_url says port {port}, and web.listen port {web.port}"
        yield caution("ports", f"{told}: write the same one, unless another program passes readers on")
    if not is_inside(host) and port == web.port and is_inside(web.host) and web.host not in ("0.0.0.0", "::"):  # noqa: S104 - compared
        told = f"readers come to port {port} by feeds.base_url, and web.listen takes only what comes from this machine"
        yield caution("ports", f'{told}: write web.listen = "0.0.0.0:{port}", unless a web server stands before it')


def is_inside(host: str) -> bool:
    """Whether an address or a name is one of this machine or of a private network, by how it is written."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan"))
