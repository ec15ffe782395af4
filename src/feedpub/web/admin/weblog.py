"""PURE: a ping of XML-RPC -> the addresses that it names -> the stores that it is about; and the answer to it.

`weblogUpdates.ping` names a site, and its address; `extendedPing` a page of it and its feed as well. That is what
blogs send to update services, WordPress to those of `ping_sites`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from xmlrpc.client import dumps

from lxml import etree

from feedpub import clean

METHODS = frozenset({"weblogUpdates.ping", "weblogUpdates.extendedPing"})


def addresses(body: bytes) -> tuple[str, ...]:
    """The web addresses that a ping names. Raises ValueError, with the sentence to answer, for what is no ping."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root: Any = etree.fromstring(body.strip(), parser)  # the stubs know no doctype
    except (etree.XMLSyntaxError, ValueError):
        raise ValueError("this is no XML-RPC") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("a ping has no DOCTYPE")
    if root.tag != "methodCall" or (root.findtext("methodName") or "").strip() not in METHODS:
        raise ValueError("only weblogUpdates.ping and weblogUpdates.extendedPing are known here")
    values = ("".join(map(str, value.itertext())).strip() for value in root.iterfind("params/param/value"))
    return tuple(value for value in values if value.startswith(("http://", "https://")))


def meant(named: Iterable[str], stores: Mapping[str, str]) -> Collection[str]:
    """Pick the stores that pinged addresses lie at, by `stores`, name and address; all where no host is a store's.

    All, as most stores have no address: a ping of the site is about its database or its folder of articles too.
    """
    hosts = {host for one in named if (host := _host(one))}
    found = [name for name, url in stores.items() if _host(url) in hosts]
    return found or list(stores)


def _host(url: str) -> str:
    return (urlsplit(clean.url(url)).hostname or "").removeprefix("www.")


def answer(message: str, *, error: bool = False) -> bytes:
    """What a pinging blog expects to hear."""
    return dumps(({"flerror": error, "message": message},), methodresponse=True, encoding="UTF-8").encode()
