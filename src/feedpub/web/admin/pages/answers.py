"""a view -> a page; what an action came to -> the page it was begun on, where it is told.

What is told waits here under a name that nobody can guess, so that no address can put words into a page.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from feedpub.app import App, now
from feedpub.errors import FeedpubError, LedgerError, place
from feedpub.feeds.templates import PAGES
from feedpub.feeds.texts import language_tag, line, words
from feedpub.web.admin.pages.forms import Form, first
from feedpub.web.admin.pages.showing import Showing, marked, web

log = structlog.get_logger("feedpub")

Handler = Callable[[Request], Response]
View = Mapping[str, object]
_KEPT = 200
"""As many results are kept; who looks later sees the page without."""

PAGES.filters |= {"marked": marked, "web": web}


@dataclass(frozen=True, slots=True)
class Told:
    """What came of an action: a sentence, lines below it, and whether it is what was wanted."""

    sentence: str
    lines: tuple[str, ...] = ()
    well: bool = True


@dataclass(slots=True)
class Answers:
    """Writes pages for an app, and remembers for a while what actions came to."""

    app: App
    _results: OrderedDict[str, Told] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def showing(self) -> Showing:
        """How pages are written at this moment."""
        return Showing(self.app.settings.site, now())

    # ------------------------------------------------------------ pages

    def page(self, request: Request, name: str, view: View, *, here: str, told: Told | None = None) -> Response:
        """Write a page. `here`: which of the menu it is; `told`: what is said above it."""
        showing = self.showing()
        site = showing.site
        body = PAGES.get_template(f"admin/{name}.html").render(
            {
                **view,
                "t": showing.t,
                "show": showing,
                "lang": words(site.language)["lang"],
                "site_lang": language_tag(site.language),
                "site_title": line(site.title),
                "site_url": site.url,
                "here": here,
                "csrf": request.state.session.csrf,
                "told": told or self._result(request.query_params.get("told", "")),
            }
        )
        return HTMLResponse(body, 200 if told is None or told.well else 422)

    def _result(self, name: str) -> Told | None:
        with self._lock:
            return self._results.get(name)

    # ------------------------------------------------------------ actions

    def back(self, to: str, told: Told) -> Response:
        """Go back to a page of ours, and tell there what came of it. To load that page again does nothing again."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._results[name] = told
            while len(self._results) > _KEPT:
                self._results.popitem(last=False)
        return RedirectResponse(f"{to}{'&' if '?' in to else '?'}told={quote(name)}#told", 303)

    def refused(self, error: FeedpubError) -> Told:
        """Tell why an action was not done."""
        return Told(self.showing().t["not_done"], (str(error),), well=False)

    # ------------------------------------------------------------ what can go wrong

    def whole(self, page: Page) -> Handler:
        """Make a page a handler: with one sentence where it cannot be made, as when the database is away."""

        @wraps(page)
        def answered(request: Request) -> Response:
            if request.method == "POST":
                log.info("admin_acted", path=request.url.path, **_named(request.state.form))
            try:
                return page(request, self)
            except FeedpubError as error:
                answer = self.page(request, "plain", {}, here="", told=self.refused(error))
                answer.status_code = 503 if isinstance(error, LedgerError) else 422
                return answer
            except Exception as error:  # noqa: BLE001 - one fault must not look like an empty page
                log.error("fault", what="admin", path=request.url.path, error=type(error).__name__, at=place(error))
                answer = self.page(request, "plain", {}, here="", told=Told(self.showing().t["fault"], well=False))
                answer.status_code = 500
                return answer

        return answered

    def missing(self, request: Request) -> Response:
        """Say that there is no such page."""
        page = self.page(request, "plain", {}, here="", told=Told(self.showing().t["no_such_page"], well=False))
        page.status_code = 404
        return page


def _named(form: Form) -> dict[str, str]:
    """Name what a form is about, for the log: never the words that somebody wrote."""
    return {name: first(form, name)[:100] for name in ("do", "one", "target", "store", "article") if first(form, name)}


Page = Callable[[Request, Answers], Response]
"""What makes a page, or does what a form asks for."""
