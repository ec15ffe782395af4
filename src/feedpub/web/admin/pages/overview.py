"""the Status -> the first page: is all well? Problems first, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import Response

from feedpub.app import Status
from feedpub.categories import DESK
from feedpub.commands import glance
from feedpub.commands.deciding import Which
from feedpub.commands.problems import About, Problem
from feedpub.model import State
from feedpub.notices.lifecycle import FLOOD, MOVED, PUT_BACK
from feedpub.notices.pace import BUDGET
from feedpub.web.admin.pages.answers import Answers
from feedpub.web.admin.pages.deliveries import rows
from feedpub.web.admin.pages.forms import Filter, Pairs

LATEST = 8
"""Deliveries shown."""
KEPT_OUT = 20
"""Quarantined articles shown."""
QUEUE = (State.HELD, State.DUE, State.DOUBTFUL, State.FAILED)
"""The states that are counted for each target."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A button: what it says, where it posts, and what."""

    label: str
    path: str
    fields: Pairs


@dataclass(frozen=True, slots=True)
class Lead:
    """A link: what it says, and where it leads."""

    label: str
    path: str


def overview(request: Request, answers: Answers) -> Response:
    """Tell how everything stands."""
    app, status, t = answers.app, answers.app.status(), answers.showing().t
    tried, latest = glance.last_tries(app.publisher)
    listed = app.decisions.listed(Which(ids=latest[:LATEST])) if latest else ()
    view = {
        "problems": [(one, _deed(one, t), _lead(one, t)) for one in status.problems],
        "standing_by": app.standing_by,
        "cautions": status.cautions,
        "articles": status.articles,
        "stores": tuple(glance.stores(app.publisher, app.polled())),
        "desk": DESK,
        "targets": tuple(_targets(status)),
        "budgets": any(one.budget for one in status.paces.values()),
        "tried": tried,
        "queue": QUEUE,
        "quarantined": status.quarantined[:KEPT_OUT],
        "more_quarantined": max(status.articles.get("quarantined", 0) - KEPT_OUT, 0),
        "rows": rows(sorted(listed, key=lambda one: latest.index(one.delivery.id)), answers),
        "version": version("feedpub"),
        "since": app.since,
    }
    return answers.page(request, "overview", view, here="overview")


def _targets(status: Status) -> Iterator[dict[str, object]]:
    for one in status.targets:
        counts = status.deliveries.get(one.name, {})
        yield {
            "name": one.name,
            "kind": one.kind,
            "pace": status.paces[one.name],
            "counts": {state: counts.get(state, 0) for state in QUEUE},
        }


_GUARD = {"flooded": FLOOD, "brought": MOVED, "put_back": PUT_BACK}
"""What holds notices of a target, by the problem that tells of it."""


def of_target(problem: Problem, name: str) -> bool:
    """Whether a problem is about this target; a store may have the same name, and who is told of problems too."""
    own = problem.about in {About.PAUSED, About.DOUBT, About.BUDGET} or problem.what in _GUARD
    return own and problem.name == name


def _deed(problem: Problem, t: Mapping[str, str]) -> Deed | None:
    name = problem.name
    if problem.about is About.PAUSED:
        return Deed(t["do_resume"], f"/targets/{name}", (("do", "resume"), ("back", "/")))
    if problem.about is About.STORE and name != DESK:
        return Deed(t["do_poll"], "/poll", (("store", name), ("back", "/")))
    if guard := _GUARD.get(problem.what):
        fields = (("do", "release"), ("all", "yes"), ("target", name), ("held_by", guard), ("back", "/"))
        return Deed(t["do_release"], "/deliveries", fields)
    return None


def _lead(problem: Problem, t: Mapping[str, str]) -> Lead | None:
    name = problem.name
    if guard := _GUARD.get(problem.what):
        return Lead(t["look"], Filter((State.HELD,), name, held_by=guard).address())
    shown = {
        About.DOUBT: Lead(t["look"], Filter((State.DOUBTFUL,), name).address()),
        About.BUDGET: Lead(t["look"], Filter((), name, held_by=BUDGET).address()),
        About.PAUSED: Lead(t["to_target"].format(name=name), f"/targets/{name}"),
        About.CONFIG: Lead(t["nav_config"], "/config"),
        About.FEEDS: Lead(t["nav_feeds"], "/feeds"),
        About.ALERT: Lead(t["nav_config"], "/config#alerts"),
    }
    return shown.get(problem.about)
