"""a remembered session -> answered requests to a PDS (the AT Protocol's server): it logs in as seldom as it can.

A PDS allows few logins a day, so a session is kept for months: its tokens are durable before they are used, and renewed
when they have run out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode

from feedpub.model import Again, Context, Outcome, Picture, Refused, Remember, Reply, Request, Step
from feedpub.networks.answers import as_json, field_of, is_page, page_instead, shown, usual
from feedpub.networks.base import ask, json_request

LABEL, MEND = "Bluesky", "server, identifier and app_password"
LOGINS_A_DAY = 8
_SESSION, _LOGINS = "session", "logins"
_RUN_OUT = frozenset({"ExpiredToken", "InvalidToken"})

Answered = Generator[Step, Reply | Picture | None, Reply | Outcome]
"""A request on its way: its reply, or how the conversation ends without one."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are there, and the tokens that prove it."""

    did: str
    handle: str
    access: str
    refresh: str

    @classmethod
    def of(cls, value: object) -> Session | None:
        """Read what createSession and refreshSession answer; None where something is missing."""
        if not isinstance(value, dict):
            return None
        did, handle, access, refresh = (value.get(key) for key in ("did", "handle", "accessJwt", "refreshJwt"))
        if not (isinstance(did, str) and re.fullmatch(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,200}", did)):
            return None
        if not all(isinstance(token, str) and re.fullmatch(r"[!-~]{1,8000}", token) for token in (access, refresh)):
            return None
        named = isinstance(handle, str) and re.fullmatch(r"[A-Za-z0-9.-]{1,253}", handle) and handle != "handle.invalid"
        return cls(did, str(handle) if named else "", str(access), str(refresh))

    def kept(self, owner: str) -> str:
        """Write it as it is remembered, with whose it is."""
        said = {"did": self.did, "handle": self.handle, "accessJwt": self.access, "refreshJwt": self.refresh}
        return json.dumps({"owner": owner, **said})


@dataclass(slots=True)
class Talk:
    """One conversation with a PDS. `owner` tells the account and server of the config: no other's tokens count."""

    server: str
    owner: str
    login: Mapping[str, str]
    context: Context
    _session: Session | None = None
    _renewed: bool = False

    @property
    def session(self) -> Session:
        """Who we are; known once anything was asked."""
        assert self._session is not None  # noqa: S101 - begin() ended the conversation otherwise
        return self._session

    def begin(self) -> Generator[Step, Reply | Picture | None, Outcome | None]:
        """Take up the remembered session, or log in; an outcome if neither can be done."""
        if self._session is None:
            self._session = _remembered(self.context.memory.get(_SESSION, ""), self.owner)
        return None if self._session else (yield from self._log_in())

    def get(self, method: str, **query: str) -> Answered:
        """Ask."""
        return self._answered(
            Request("GET", f"{self._url(method)}?{urlencode(query)}", says=False, read_limit=1_000_000)
        )

    def put(self, method: str, payload: object, *, says: bool = False) -> Answered:
        """Tell."""
        return self._answered(json_request("POST", self._url(method), payload, says=says))

    def upload(self, picture: Picture) -> Answered:
        """Hand over a picture."""
        headers = {"content-type": picture.media_type}
        url = self._url("com.atproto.repo.uploadBlob")
        return self._answered(Request("POST", url, headers, picture.content, says=False))

    def _answered(self, request: Request) -> Answered:
        """Send it with our token; if that has run out, renew it once and send the same again."""
        if ended := (yield from self.begin()):
            return ended
        reply = yield from ask(_with(request, self.session.access))
        if not _has_run_out(reply) or self._renewed:
            return reply
        self._renewed = True
        if ended := (yield from self._renew()):
            return ended
        return (yield from ask(_with(request, self.session.access)))

    # ------------------------------------------------------------ sessions

    def _renew(self) -> Generator[Step, Reply | Picture | None, Outcome | None]:
        """Change the refresh token for new tokens. If it is refused there is still the password."""
        request = Request("POST", self._url("com.atproto.server.refreshSession"), says=False)
        reply = yield from ask(_with(request, self.session.refresh))
        if reply.status in {400, 401}:
            return (yield from self._log_in())
        return (yield from self._take(reply))

    def _log_in(self) -> Generator[Step, Reply | Picture | None, Outcome | None]:
        today, count = _logins(self.context)
        if count >= LOGINS_A_DAY:
            midnight = datetime.combine(self.context.now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
            why = (
                f"this target has logged in to {LABEL} {count} times today, and leaves it until tomorrow: more would "
                "lock the account out: see whether something else uses its app password"
            )
            return Again(why, midnight - self.context.now)
        # Counted before it is asked for: a login that kills us counts too.
        yield Remember(_LOGINS, f"{today} {count + 1}")
        reply = yield from ask(
            json_request("POST", self._url("com.atproto.server.createSession"), self.login, says=False)
        )
        if 400 <= reply.status < 500 and reply.status not in {408, 425, 429} and not is_page(reply):
            said = shown(str(field_of(reply, "message") or "no reason given"), self.login.values())
            return Refused(
                f"{LABEL} does not let us in (HTTP {reply.status}: {said}): check {MEND}, then resume the target",
                "target",
            )
        return (yield from self._take(reply))

    def _take(self, reply: Reply) -> Generator[Step, Reply | Picture | None, Outcome | None]:
        if not 200 <= reply.status < 300:
            return usual(reply, self.context.now, who=LABEL, mend=MEND, says=False)
        session = Session.of(as_json(reply))
        if session is None:
            page = page_instead(LABEL, MEND)
            return page if is_page(reply) else Again(f"{LABEL} answered a login without a session")
        yield Remember(_SESSION, session.kept(self.owner))
        self._session = session
        return None

    def _url(self, method: str) -> str:
        return f"{self.server}/xrpc/{method}"


def _with(request: Request, token: str) -> Request:
    return replace(request, headers={**request.headers, "authorization": f"Bearer {token}"})


def _has_run_out(reply: Reply) -> bool:
    return reply.status in {400, 401} and field_of(reply, "error") in _RUN_OUT


def _remembered(said: str, owner: str) -> Session | None:
    try:
        value = json.loads(said) if said else None
    except ValueError:
        value = None
    return Session.of(value) if isinstance(value, dict) and value.get("owner") == owner else None


def _logins(context: Context) -> tuple[str, int]:
    """Tell today's date in UTC, and how often we have logged in on it."""
    today = f"{context.now.astimezone(UTC):%Y-%m-%d}"
    day, _, count = context.memory.get(_LOGINS, "").partition(" ")
    return today, int(count) if day == today and count.isdecimal() else 0
