"""feeds -> how each stands: its addresses, how much it carries, how large its files are, when they last changed."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from feedpub.commands import glance
from feedpub.web.admin.pages.answers import Answers
from feedpub.web.admin.pages.forms import number

PAGE = 50
"""Feeds on one page."""


def feeds(request: Request, answers: Answers) -> Response:
    """List feeds, in the order of the page for subscribers."""
    publisher = answers.app.publisher
    name, start = request.query_params.get("name", "").strip()[:200], number(request.query_params.get("from", ""))
    found = glance.specs(publisher, name)
    view = {
        "name": name,
        "count": len(found),
        "feeds": glance.feeds(publisher, found[start : start + PAGE]),
        "earlier": _address(name, max(start - PAGE, 0)) if start else "",
        "more": _address(name, start + PAGE) if len(found) > start + PAGE else "",
        "unwritten": publisher.builder.error,
    }
    return answers.page(request, "feeds", view, here="feeds")


def _address(name: str, start: int) -> str:
    return f"/feeds?{urlencode({'name': name, 'from': start})}"
