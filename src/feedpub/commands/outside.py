"""a config + the network -> whether feeds stand where subscribers look, hubs answer, and our clock is right.

Everything goes through the guarded door. What answers is judged by what it is, never shown: it may be anybody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import median
from urllib.parse import urljoin, urlsplit

from feedpub import clean
from feedpub.commands.findings import Finding, caution, ill, unseen, well
from feedpub.errors import StoreError, UnreachableError
from feedpub.http import Door, PrivateAddressError
from feedpub.model import Reply, Request
from feedpub.networks.websub import WebSub
from feedpub.settings import Settings
from feedpub.stores.feed import FeedOptions
from feedpub.stores.feed.parsing import parse
from feedpub.stores.wordpress import WordPressOptions

PATIENCE = timedelta(seconds=6)
"""For one answer."""
PATIENCE_HERE = timedelta(seconds=2)
"""For one answer of this very machine."""
REDIRECTS = 5
READ_LIMIT = 8 << 20
LATEST = timedelta(seconds=60)
"""A clock that is further off is told."""

_TYPES: Mapping[str, tuple[str, ...]] = {
    "rss": ("application/rss+xml", "application/xml", "text/xml"),
    "atom": ("application/atom+xml", "application/xml", "text/xml"),
    "json": ("application/feed+json", "application/json"),
}
"""By format, the types that readers take; the first is the right one."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Asks, and notes what time the others say it is."""

    door: Door
    now: Callable[[], datetime]
    aheads: dict[str, timedelta] = field(default_factory=dict)
    """How far our clock is ahead of that of each host."""

    def get(self, url: str, *, allow_private: bool, headers: Mapping[str, str] = {}, method: str = "GET") -> Reply:
        """Ask once, without following. Raises UnreachableError."""
        request = Request(method, url, headers, says=False, read_limit=READ_LIMIT)
        reply = self.door.fetch(request, timeout=PATIENCE, allow_private=allow_private)
        self._note(urlsplit(url).hostname or "", reply)
        return reply

    def _note(self, host: str, reply: Reply) -> None:
        try:
            said = parsedate_to_datetime(reply.headers["date"]) + timedelta(seconds=int(reply.headers.get("age", "0")))
            self.aheads[host] = self.now() - (said if said.tzinfo else said.replace(tzinfo=UTC))
        except (KeyError, ValueError, OverflowError):
            return  # it does not say, or not as RFC 9110 §5.6.7 does

    def answers(self, address: str) -> bool:
        """Whether a feedpub answers at one of our own addresses."""
        request = Request("GET", f"{address}/health/live", says=False)
        try:
            return self.door.fetch(request, timeout=PATIENCE_HERE, allow_private=True).body.strip() == b"ok"
        except UnreachableError:
            return False

    # ------------------------------------------------------------ the time

    def stores(self, settings: Settings) -> Iterator[Finding]:
        """Ask the sites that articles come from for the time, and for nothing else."""
        for store in settings.stores.values():
            if isinstance(store, FeedOptions | WordPressOptions):
                try:
                    self.get(store.url, allow_private=store.allow_private, method="HEAD")
                except UnreachableError:
                    continue  # that is for `check --stores` to tell
        yield from ()

    # ------------------------------------------------------------ hubs

    def hub(self, target: WebSub) -> Finding:
        """Whether a WebSub hub answers at all; it is not told anything."""
        about, host = f"targets.{target.name}", _host(target.hub_url)
        try:
            reply = self.get(target.hub_url, allow_private=target.allow_private)
        except UnreachableError as error:
            return ill(about, f"the hub cannot be asked: {error}")
        if reply.status in (404, 410) or reply.status >= 500:
            return ill(about, f"the hub {host} answers HTTP {reply.status}: see whether hub_url is right")
        return well(about, f"the hub {host} answers")

    # ------------------------------------------------------------ our feeds, as others see them

    def feed(self, settings: Settings, *, allow_private: bool) -> Finding:
        """Whether the feed of all articles stands at its public address, and is what readers need."""
        feeds = settings.feeds
        name = f"all.{feeds.formats[0]}"
        url, file = feeds.base_url + name, Path(feeds.output) / name
        ours = file.read_bytes() if file.is_file() else None
        try:
            end, reply, lasting = self._follow(url, allow_private=allow_private)
        except PrivateAddressError:
            return _private(url)
        except UnreachableError as error:
            return _missing(ours, f"{error}", "see that feeds.base_url is right, and that its web server runs")
        if reply.status != 200:
            return _missing(ours, f"{_host(end)} answers HTTP {reply.status} for {url}", _serve(settings))
        if reply.body != ours and not _is_at(url, reply, end):
            told = f"what answers at {url} is not feedpub's feed: {_serve(settings)}"
            return ill("feeds", told) if ours is not None else unseen("feeds", f"not yet: {told}")
        wants = [*_wants(feeds.formats[0], reply), *self._unmoved(end, reply, allow_private=allow_private)]
        if lasting != url:
            wants = [f"it leads to {lasting}: write that into feeds.base_url", *wants]
        if wants:
            return caution("feeds", f"{url} answers, but {'; '.join(wants)}")
        return well("feeds", f"{url} answers as readers need it{'' if reply.body == ours else ', with an older state'}")

    def _follow(self, url: str, *, allow_private: bool) -> tuple[str, Reply, str]:
        """Fetch, and go where it leads: where that ends, the answer, and where it leads for good."""
        here, lasting, for_good = url, url, True
        for _ in range(REDIRECTS + 1):
            reply = self.get(here, allow_private=allow_private)
            if not 300 <= reply.status < 400 or "location" not in reply.headers:
                return here, reply, lasting
            there = clean.url(urljoin(here, reply.headers["location"]))
            if not there:
                raise UnreachableError(f"{_host(here)} leads to an address that is none of the web's", sent=True)
            for_good = for_good and reply.status in (301, 308)
            here, lasting = there, there if for_good else lasting
        raise UnreachableError(f"{url} leads on more than {REDIRECTS} times", sent=True)

    def _unmoved(self, url: str, reply: Reply, *, allow_private: bool) -> Iterator[str]:
        """What is wrong with how it answers those who have it already: they should not be sent it again."""
        etag = reply.headers.get("etag")
        if not etag:
            yield "without an ETag, so that every reader fetches all of it each time"
            return
        try:
            again = self.get(url, allow_private=allow_private, headers={"If-None-Match": etag})
        except UnreachableError:
            return  # it was there a moment ago
        if again.status == 200 and again.headers.get("etag") == etag:
            yield "not with HTTP 304 to If-None-Match, so that every reader fetches all of it each time"


# ---------------------------------------------------------------- judging


def _wants(kind: str, reply: Reply) -> Iterator[str]:
    said = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said not in _TYPES[kind]:
        shown = f"as {clean.line(said)[:60]}" if said else "without a Content-Type"
        yield f"{shown}, which some readers refuse: have the web server say {_TYPES[kind][0]}"


def _is_at(url: str, reply: Reply, end: str) -> bool:
    """Whether a document says of itself that it stands where our feed does."""
    try:
        return parse(reply.body, url=end, content_type=reply.headers.get("content-type", "")).self_url == url
    except StoreError:
        return False


def _missing(ours: bytes | None, why: str, mend: str) -> Finding:
    """Tell that the feed does not stand there: no fault while no feed was written."""
    if ours is None:
        return unseen("feeds", f"not there yet ({why}): feedpub has written no feed so far; look again when it runs")
    return ill("feeds", f"{why}: {mend}")


def _serve(settings: Settings) -> str:
    path, listen = urlsplit(settings.feeds.base_url).path, settings.web.listen
    return (
        f"have the web server pass {path} on to feedpub at {listen}, or serve the folder {settings.feeds.output} there"
    )


def _private(url: str) -> Finding:
    host = _host(url)
    if is_inside(host):
        return caution("feeds", f"feeds.base_url names {host}: nobody outside finds feeds there")
    told = f"{host} has a private address as seen from here, which tells nothing of how others see it"
    return unseen("feeds", f"{told}; to look all the same, say --allow-private")


def is_inside(host: str) -> bool:
    """Whether an address or a name is one of this machine or of a private network, by how it is written."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan"))


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the other side"


# ---------------------------------------------------------------- two options that should agree


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


def clock(aheads: Mapping[str, timedelta], *, offline: bool = False) -> Finding:
    """Whether our clock is right, by what the others say; most of them will not be wrong alike. Pure."""
    if not aheads:
        return unseen("clock", f"nobody was there to compare it with{' (--offline)' if offline else ''}")
    ahead = timedelta(seconds=median(one.total_seconds() for one in aheads.values()))
    hosts = ", ".join(sorted(aheads))
    if abs(ahead) > LATEST:
        off = f"{abs(round(ahead.total_seconds())):,} s {'ahead of' if ahead > timedelta(0) else 'behind'}"
        return ill("clock", f"this machine's clock is {off} {hosts}: set it, for example by timedatectl set-ntp true")
    return well("clock", f"this machine's clock goes with {hosts}")
