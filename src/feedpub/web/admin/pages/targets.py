"""one target -> how it is doing; and a person's word on it: pause, resume."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from feedpub.commands import glance
from feedpub.commands.deciding import Which
from feedpub.model import State
from feedpub.networks.base import Network
from feedpub.web.admin.pages.answers import Answers, Told
from feedpub.web.admin.pages.deliveries import rows
from feedpub.web.admin.pages.forms import Filter, Form, back, first
from feedpub.web.admin.pages.overview import of_target
from feedpub.web.admin.pages.showing import Showing

LATEST = 10
"""Deliveries shown."""


def target(request: Request, answers: Answers) -> Response:
    """Tell how one target is doing."""
    app, name = answers.app, request.path_params["name"]
    status = app.status()
    state = next((one for one in status.targets if one.name == name), None)
    options = app.settings.targets.get(name)
    if state is None or options is None:
        return answers.missing(request)
    tried, _ = glance.last_tries(app.publisher)
    counts = status.deliveries.get(name, {})
    view = {
        "name": name,
        "options": options,
        "rest": state.rest,
        "pace": status.paces[name],
        "rules": tuple(_rules(options, answers.showing())),
        "problems": [one for one in status.problems if of_target(one, name)],
        "counts": [(one, counts.get(one, 0), Filter((one,), name).address()) for one in State],
        "tried": tried.get(name),
        "rows": rows(app.decisions.listed(Which(target=name), LATEST), answers),
        "all_address": Filter(target=name).address(),
    }
    return answers.page(request, "target", view, here="overview")


def _rules(options: Network, showing: Showing) -> Iterator[tuple[str, str]]:
    """Tell when it may speak, as far as anything is set."""
    t = showing.t
    lengths = {"rule_every": options.every, "rule_delay": options.delay}
    counts = {"rule_hour": options.max_per_hour, "rule_day": options.max_per_day}
    yield from ((t[key], showing.length(length)) for key, length in lengths.items() if length)
    yield from ((t[key], str(count)) for key, count in counts.items() if count is not None)
    if options.quiet:
        yield t["rule_quiet"], options.quiet
    if options.subject == "article":
        yield t["rule_age"], showing.length(options.max_age)


def decide(request: Request, answers: Answers) -> Response:
    """Pause or resume a target."""
    form: Form = request.state.form
    app, name, t = answers.app, request.path_params["name"], answers.showing().t
    home, word = back(form), first(form, "do")
    if name not in app.settings.targets:
        return answers.missing(request)
    if word == "pause":
        changed = app.decisions.pause(name)
        return answers.back(home, Told(t["done_pause" if changed else "was_paused"].format(name=name)))
    if word == "resume":
        changed = app.decisions.resume(name)
        return answers.back(home, Told(t["done_resume" if changed else "was_not_paused"].format(name=name)))
    return answers.back(home, Told(t["nothing_chosen"], well=False))
