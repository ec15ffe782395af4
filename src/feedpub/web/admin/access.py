"""a request at the admin address -> who asks, and whether they may: the doorstep of every page behind it.

The token opens a session; a session's cookie opens pages; its `csrf`, in a form of ours, lets a page act. Where a
request came from is asked as well (`Sec-Fetch-Site`, `Origin`), and which name it was sent to: a page of somebody
else's whose name suddenly leads here (DNS rebinding) would otherwise look like ours to a browser.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from collections.abc import Callable, Collection
from html import escape
from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feedpub.app import App
from feedpub.commands.own_files import own_files
from feedpub.errors import ConfigError
from feedpub.web.admin.bodies import Refusal, first, form
from feedpub.web.admin.keys import Keys, Session
from feedpub.web.admin.token import token_of
from feedpub.web.admin.tries import Tries

__all__ = ["Access", "Doorstep", "Guarded", "Session"]

log = structlog.get_logger("feedpub")

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may do, unless it brings a policy of its own."""
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers tell no origin of our own forms either.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_MOST_ENDED = 1000


class Access:
    """Who may come in. One for as long as the address is open, so that what it remembers outlives a reload."""

    def __init__(
        self,
        token: str,
        hosts: Collection[str] = (),
        *,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open with a token; with none, everything that needs one stays closed."""
        self.keys: Keys | None = Keys(token) if token else None
        self.hosts = frozenset(map(str.lower, hosts))
        self.now, self.steady = now, steady
        self.logins, self.knocks = Tries(), Tries()
        """Wrong guesses at the login, and at the address for pings: neither keeps anybody from the other."""
        self._ended: dict[str, int] = {}

    @classmethod
    def of(cls, app: App) -> Access:
        """What the settings of an app say."""
        access = cls("")
        access.follow(app)
        return access

    def follow(self, app: App) -> None:
        """Take on other settings; sessions end only where the token is another one."""
        admin = app.settings.admin
        self.hosts = frozenset(map(str.lower, admin.hosts))
        try:
            self.keys = Keys(token_of(admin, own_files(app.settings).token))
        except ConfigError as error:
            self.keys = None
            log.error("admin_closed", why=str(error))

    # ------------------------------------------------------------ sessions

    def begin(self) -> tuple[Session, str]:
        """Begin a session, and tell what its cookie holds. Only with keys."""
        if self.keys is None:
            raise ConfigError("there is no token")
        return self.keys.begin(secrets.token_urlsafe(16), self.now())

    def session(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        if self.keys is None:
            return None
        found = self.keys.session(request.cookies.get(self.cookie(request), ""), self.now())
        return None if found is None or found.id in self._ended else found

    def end(self, session: Session) -> None:
        """Have a session's cookie be worth nothing, whoever kept it."""
        now = self.now()
        self._ended = {id_: until for id_, until in self._ended.items() if until > now}
        if len(self._ended) < _MOST_ENDED:
            self._ended[session.id] = session.until

    def cookie(self, request: Request) -> str:
        """The name of the session's cookie; over https one that no other host, and no plain http, can have set."""
        name = "" if self.keys is None else self.keys.cookie
        return f"__Host-{name}" if is_https(request) else name


def is_https(request: Request) -> bool:
    """Whether a proxy before us says that the browser came by https; that can only make us stricter."""
    return request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower() == "https"


def told(status: int, text: str) -> Response:
    """Say one line."""
    return PlainTextResponse(text + "\n", status)


def local(then: str) -> str:
    """Where to go on after a login: only to a page of ours, whatever the address says."""
    inside = then.startswith("/") and not then.startswith("//") and "\\" not in then and then.isprintable()
    return quote(then, safe="/?&=%+,:;@!$'()*~.-_") if inside and len(then) <= 2000 else "/"


# ---------------------------------------------------------------- every request


class Doorstep:
    """Takes requests that were sent to a name of ours, and puts the same guards on every answer."""

    def __init__(self, inside: ASGIApp, access: Access) -> None:
        """Stand before an application."""
        self._inside, self._access = inside, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                headers.setdefault("Cache-Control", "no-store")  # but for what tells nothing: the style sheet
                headers.setdefault("Content-Security-Policy", CSP)
            await send(message)

        # What is sent to /ping brings its own proof, under whatever name; and the sign of life tells nothing.
        path: str = scope["path"]
        heeds = path not in {"/health/live", "/ping"} and not path.startswith("/ping/")
        name = _name(Headers(scope=scope).get("host", ""))
        if heeds and not is_ours(name, self._access.hosts):
            await told(421, _STRANGE_NAME.format(name=name or "?"))(scope, receive, guarded)
            return
        await self._inside(scope, receive, guarded)


_STRANGE_NAME = (
    'This address does not answer to the name {name}: add hosts = ["{name}"] to [admin] in the config, or ask by an '
    "IP address."
)


def is_ours(name: str, hosts: Collection[str]) -> bool:
    """Whether a request may be sent to us by this name. Nobody else can make one without a dot lead here, or an IP."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name.endswith(".localhost") or name in hosts)
    return True


def _name(host: str) -> str:
    """The name in a Host header, without its port; empty for what is none."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return name.rstrip(".") if re.fullmatch(r"[\w.:%-]{1,253}", name) else ""


# ---------------------------------------------------------------- pages


class Guarded:
    """Lets in only who has a session, and lets only our own forms act.

    A handler inside finds `request.state.session`, for a POST `request.state.form`, and the path for pings in
    `request.state.ping`.
    """

    def __init__(self, inside: ASGIApp, access: Access) -> None:
        """Stand before an application."""
        self._inside, self._access = inside, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        try:
            await self._admit(request)
        except Refusal as refusal:
            await told(refusal.status, refusal.sentence)(scope, receive, send)
            return
        except _Elsewhere as elsewhere:
            await elsewhere.answer(scope, receive, send)
            return
        await self._inside(scope, receive, send)

    async def _admit(self, request: Request) -> None:
        """Raise Refusal, or _Elsewhere, unless the request may go on; note what was found out."""
        if self._access.keys is None:
            raise Refusal(503, CLOSED)
        if request.method not in {"GET", "HEAD", "POST"}:
            raise Refusal(405, "Only GET, HEAD and POST are answered here.")
        session = self._access.session(request)
        if session is None:
            raise _stranger(request)
        request.state.session = session
        request.state.ping = f"/ping/{self._access.keys.ping}"
        if request.method == "POST":
            refuse_foreign(request)
            request.state.form = await form(request)
            if not secrets.compare_digest(first(request.state.form, "csrf").encode(), session.csrf.encode()):
                raise Refusal(403, "This form is not of your present login: load the page anew and try again.")


CLOSED = "The admin page is closed, as feedpub has no token; its log says why."


class _Elsewhere(Exception):  # noqa: N818 - it is an answer
    """The request is answered by sending the browser somewhere else."""

    def __init__(self, answer: Response) -> None:
        super().__init__("elsewhere")
        self.answer = answer


def _stranger(request: Request) -> Exception:
    """What to answer to somebody without a session."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "POST":
        return Refusal(401, "You are not logged in (any more): log in at /login and try again.")
    if request.headers.get("sec-fetch-site") == "cross-site" and request.headers.get("sec-fetch-mode") == "navigate":
        # Followed from somebody else's page, a link brings no cookie of ours; asked again by our own page, it does.
        again = escape(local(here))
        return _Elsewhere(HTMLResponse(f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={again}">'))
    return _Elsewhere(RedirectResponse("/login" if here == "/" else f"/login?then={quote(here, safe='/')}", 303))


def refuse_foreign(request: Request) -> None:
    """Raise Refusal for what another site's page had a browser send."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site in {"same-origin", "none"}
    else:  # not told over plain http, but on the machine itself
        ours = origin is None or origin.partition("://")[2].lower() == request.headers.get("host", "").lower()
    if not ours:
        raise Refusal(403, "This was sent from another site's page; nothing was done.")
