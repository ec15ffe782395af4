"""a form -> a brief, an article announced, a poll asked for."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from feedpub import clean
from feedpub.commands import glance
from feedpub.commands.briefs import Accepted, Brief
from feedpub.commands.deciding import Announced, Decisions
from feedpub.errors import FeedpubError
from feedpub.feeds.texts import short
from feedpub.model import Article, Category
from feedpub.web.admin.pages.answers import Answers, Told
from feedpub.web.admin.pages.forms import Form, back, first, ticked
from feedpub.web.admin.pages.showing import Showing, web

NEWEST = 15
"""Articles to pick from."""
CATEGORIES = 300
"""As many categories can be ticked; there is a field for those of a site that has more."""


def write(request: Request, answers: Answers) -> Response:
    """Show what can be said: a brief, an article, a poll."""
    return answers.page(request, "write", _writing(answers, {}), here="write")


def _writing(answers: Answers, form: Form) -> dict[str, object]:
    app = answers.app
    categories = app.ledger.articles.categories()
    return {
        "form": {name: first(form, name) for name in ("text", "link", "at", "other")},
        "ticked": form.get("category", ()),
        "categories": sorted(_named(categories).items(), key=lambda one: one[1])[:CATEGORIES],
        "all_listed": len(categories) <= CATEGORIES,
        "newest": [(one, _called(one)) for one in glance.newest(app.publisher, NEWEST)],
        "speaking": app.decisions.speaking(),
        "stores": tuple(app.settings.stores),
    }


def _named(categories: tuple[Category, ...]) -> dict[str, str]:
    """What each category is called, by what names it to `feedpub brief`."""
    return {one.slug: one.name for one in categories}


def _called(article: Article) -> str:
    return article.title or short(article.summary, 60) or article.id


# ---------------------------------------------------------------- a brief


def brief(request: Request, answers: Answers) -> Response:
    """Put a brief where the next poll finds it; what cannot go out as it is comes back to be mended."""
    form: Form = request.state.form
    showing = answers.showing()
    wrong = _wrong(form, showing)
    if wrong is None:
        others = [one.strip() for one in first(form, "other").split(",") if one.strip()]
        said = Brief(first(form, "text"), first(form, "link").strip(), (*form.get("category", ()), *others), _at(form))
        try:
            return answers.back("/write", _accepted(answers.app.brief(said), showing))
        except FeedpubError as error:
            wrong = answers.refused(error)
    return answers.page(request, "write", _writing(answers, form), here="write", told=wrong)


def _at(form: Form) -> str:
    return first(form, "at").strip()


def _wrong(form: Form, showing: Showing) -> Told | None:
    """Tell what a brief lacks; all that is seldom wrong is told by the command itself."""
    t, link = showing.t, first(form, "link").strip()
    if not clean.line(first(form, "text")):
        return Told(t["brief_empty"], well=False)
    if link and not web(link):
        return Told(t["brief_link"], well=False)
    return Told(t["brief_past"], well=False) if _past(_at(form), showing) else None


def _past(at: str, showing: Showing) -> bool:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return False
    moment = moment if moment.tzinfo else moment.replace(tzinfo=showing.site.zone)
    return (showing.now - moment).total_seconds() > 60


def _accepted(accepted: Accepted, showing: Showing) -> Told:
    t, when = showing.t, showing.when(accepted.article.published)
    names = t["comma"].join(accepted.targets) or t["no_target"]
    lines = [t["brief_feeds"].format(feeds=t["comma"].join(accepted.feeds))]
    lines += [
        t["brief_not_for"].format(name=name, why=why.told(showing.site.language))
        for name, why in accepted.left_out.items()
    ]
    later = t["brief_later"].format(when=when.text) if accepted.later and when is not None else t["brief_soon"]
    return Told(t["brief_done"].format(id=accepted.article.id, targets=names), (later, *lines))


# ---------------------------------------------------------------- an article


def announcing(request: Request, answers: Answers) -> Response:
    """Show an article, where it stands, and what it would say on each target."""
    return _ask(request, answers, request.query_params.get("article", "").strip(), {})


def _ask(request: Request, answers: Answers, name: str, form: Form, wrong: Told | None = None) -> Response:
    app, t = answers.app, answers.showing().t
    try:
        article = app.decisions.article(name)
        targets = app.decisions.told(())
    except FeedpubError as error:
        alike = "guid" in str(error) and name and bool(app.ledger.articles.find(name))
        told = answers.refused(error) if alike or not name else Told(t["no_article"].format(name=name), well=False)
        return answers.page(request, "write", _writing(answers, {}), here="write", told=told)
    (seen,) = app.preview(article.guid, targets)
    chosen = form.get("target", ())
    standing = app.decisions.standing(article, targets)
    view = {
        "article": article,
        "title": _called(article),
        "previews": [(one, standing.get(one.target), one.target in chosen) for one in seen.previews],
        "text": first(form, "text"),
        "language": answers.app.settings.site.language,
    }
    return answers.page(request, "announce", view, here="write", told=wrong)


def announce(request: Request, answers: Answers) -> Response:
    """Have an article said; where it stands already, only after a person was asked."""
    form: Form = request.state.form
    decisions, showing = answers.app.decisions, answers.showing()
    t, name, text = showing.t, first(form, "article"), first(form, "text")
    if not form.get("target"):
        return _ask(request, answers, name, form, Told(t["no_target_chosen"], well=False))
    if text and not clean.line(text):
        return _ask(request, answers, name, form, Told(t["no_words"], well=False))
    try:
        article, targets = decisions.article(name), decisions.told(form.get("target", ()))
    except FeedpubError as error:
        return answers.back("/write", answers.refused(error))
    standing = decisions.standing(article, targets)
    if standing and not ticked(form, "sure"):
        view = {
            "article": article,
            "title": _called(article),
            "targets": targets,
            "standing": standing,
            "text": text,
            "rest": [one for one in targets if one not in standing],
            "home": f"/announce?{urlencode({'article': article.guid})}",
        }
        return answers.page(request, "again", view, here="write")
    return answers.back("/write", _announced(article, decisions, decisions.announce(article, targets, text), showing))


def _announced(article: Article, decisions: Decisions, done: tuple[Announced, ...], showing: Showing) -> Told:
    t, paused = showing.t, decisions.paused()
    lines = []
    for one in done:
        if one.standing is not None:
            lines.append(t["announce_later"].format(name=one.target, state=showing.state(one.standing)))
        else:
            lines.append(t["but_paused" if one.target in paused else "announce_soon"].format(name=one.target))
    well = any(one.standing is None for one in done)
    return Told(t["announced" if well else "not_done"].format(title=short(_called(article), 60)), tuple(lines), well)


# ---------------------------------------------------------------- a poll


def poll(request: Request, answers: Answers) -> Response:
    """Have a store, or all, polled now by whoever leads."""
    form: Form = request.state.form
    t, home = answers.showing().t, back(form)
    try:
        names = answers.app.poll_now(first(form, "store"))
    except FeedpubError as error:
        return answers.back(home, answers.refused(error))
    return answers.back(home, Told(t["done_poll"].format(names=t["comma"].join(names))))
