"""the config in force -> every key with its value and place; no secret is shown."""

from __future__ import annotations

from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from feedpub.settings.shown import DEFAULT, in_force
from feedpub.web.admin.access import is_https
from feedpub.web.admin.pages.answers import Answers


def config(request: Request, answers: Answers) -> Response:
    """Tell what is in force; by default only what somebody set."""
    whole = request.query_params.get("all") == "yes"
    every = in_force(answers.app.loaded)
    shown = [one for one in every if whole or one.place != DEFAULT]
    view = {
        "tables": [(name, list(keys)) for name, keys in groupby(shown, lambda one: one.table)],
        "default": DEFAULT,
        "whole": whole,
        "hidden": len(every) - len(shown),
        "problem": answers.app.unapplied.why if answers.app.unapplied else "",
        "ping": f"{'https' if is_https(request) else 'http'}://{request.url.netloc}{request.state.ping}",
    }
    return answers.page(request, "config", view, here="config")
