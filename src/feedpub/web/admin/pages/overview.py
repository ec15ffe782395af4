"""the Status -> the first page: is all well? Problems first, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
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
    app, status = answers.app, answers.app.status()
    tried, latest = glance.last_tries(app.publisher)
    listed = app.decisions.listed(Which(ids=latest[:LATEST])) if latest else ()
    view = {
        "problems": [(one, _deed(one, status, answers), _lead(one, status, answers)) for one in status.problems],
        "cautions": status.cautions,
        "articles": status.articles,
        "stores": tuple(glance.stores(app.publisher, app.polled())),
        "desk": DESK,
        "targets": tuple(_targets(status)),
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


def _held(problem: Problem, status: Status) -> bool:
    """Whether a guard holds notices of a target; a store's own guard has no button, as only its store can be mended."""
    return problem.about is About.GUARD and bool(status.deliveries.get(problem.name, {}).get(State.HELD))


def _deed(problem: Problem, status: Status, answers: Answers) -> Deed | None:
    t = answers.showing().t
    if problem.about is About.PAUSED:
        return Deed(t["do_resume"], f"/targets/{problem.name}", (("do", "resume"), ("back", "/")))
    if problem.about is About.STORE and problem.name != DESK:
        return Deed(t["do_poll"], "/poll", (("store", problem.name), ("back", "/")))
    if _held(problem, status):
        return Deed(t["do_release"], "/deliveries", (("do", "release"), ("all", "yes"), ("target", problem.name)))
    return None


def _lead(problem: Problem, status: Status, answers: Answers) -> Lead | None:
    t = answers.showing().t
    look = {
        About.DOUBT: Filter((State.DOUBTFUL,), problem.name),
        About.BUDGET: Filter((), problem.name, held_by=BUDGET),
        About.GUARD: Filter((State.HELD,), problem.name) if _held(problem, status) else None,
    }.get(problem.about)
    if look is not None:
        return Lead(t["look"], look.address())
    if problem.about is About.PAUSED:
        return Lead(t["to_target"].format(name=problem.name), f"/targets/{problem.name}")
    plain = {About.CONFIG: Lead(t["nav_config"], "/config"), About.FEEDS: Lead(t["nav_feeds"], "/feeds")}
    return plain.get(problem.about)
