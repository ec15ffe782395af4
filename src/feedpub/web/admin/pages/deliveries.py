"""deliveries -> a list with filters; a person's word on some of them -> what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response

from feedpub.commands import glance
from feedpub.commands.deciding import Advice, Decided, Decisions, Left, Which, Word, advised, counted
from feedpub.ledger.deliveries import Listed, Try
from feedpub.model import State
from feedpub.notices.lifecycle import AUTHOR, FEEDS, FLOOD, MOVED, PUT_BACK
from feedpub.notices.pace import BUDGET, millionths, money
from feedpub.notices.plan import WHEN
from feedpub.web.admin.pages.answers import Answers, Told
from feedpub.web.admin.pages.forms import Filter, Form, back, choice, first, number, numbers, ticked
from feedpub.web.admin.pages.showing import Showing

PAGE = 50
"""Deliveries on one page."""
SHOWN = 20
"""As many are named where a person is asked once more, or told what stays as it is."""
GUARDS = (FEEDS, FLOOD, BUDGET, AUTHOR, WHEN, MOVED, PUT_BACK)
"""What a delivery may wait for, or why its target never heard of it."""
TABS = {
    "all": (),
    "queue": (State.HELD, State.DUE, State.CLAIMED, State.SENDING),
    "trouble": (State.DOUBTFUL, State.FAILED),
    "sent": (State.SENT,),
    "skipped": (State.SKIPPED,),
}
_USUAL = {Word.RETRY: (State.FAILED, State.DOUBTFUL), Word.CANCEL: (State.HELD, State.DUE, State.DOUBTFUL)}
"""What a word is about where no state is given."""


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as it is shown: with its tries, what can be done about it, and which words it heeds."""

    listed: Listed
    tries: Sequence[Try]
    advice: Advice | None
    heeds: Sequence[Word]


def rows(listed: Sequence[Listed], answers: Answers) -> tuple[Row, ...]:
    """Gather what is shown of some deliveries."""
    decisions = answers.app.decisions
    tries, paused = glance.journal(decisions.publisher, listed), decisions.paused()
    return tuple(
        Row(
            one,
            tries.get(one.delivery.id, ()),
            advised(one, paused),
            [word for word in Word if word in decisions.heeding(one)],
        )
        for one in listed
    )


def deliveries(request: Request, answers: Answers) -> Response:
    """List deliveries, newest first."""
    query = request.query_params
    asked = Filter.of({name: query.getlist(name) for name in query})
    showing, decisions = answers.showing(), answers.app.decisions
    which = asked.understood(showing.now, showing.site)
    told = None if which is not None else Told(showing.t["no_time"], well=False)
    known = {"", *answers.app.settings.targets, *(one.name for one in answers.app.ledger.targets.states())}
    before = number(query.get("before", ""))
    found: Sequence[Listed] = ()
    if which is not None and asked.target in known:
        found = decisions.listed(which, PAGE + 1, before=before)
    more = asked.address(("before", str(found[PAGE - 1].delivery.id))) if len(found) > PAGE else ""
    view = {
        "rows": rows(found[:PAGE], answers),
        "filter": asked,
        "tabs": [
            (name, Filter(states, asked.target, asked.article, asked.held_by, asked.since).address())
            for name, states in TABS.items()
        ],
        "tab": next((name for name, states in TABS.items() if states == asked.states and not asked.ids), ""),
        "states": list(State),
        "targets": sorted(known - {""}),
        "guards": GUARDS,
        "newest": asked.address() if before else "",
        "more": more,
    }
    return answers.page(request, "deliveries", view, here="deliveries", told=told)


# ---------------------------------------------------------------- deciding


def decide(request: Request, answers: Answers) -> Response:
    """Retry, cancel or release deliveries; what may be said twice, or costs money, is asked once more first."""
    form: Form = request.state.form
    showing, decisions = answers.showing(), answers.app.decisions
    asked, (word, ids) = Filter.of(form), _meant(form)
    home = back(form) if ticked(form, "back") else asked.address()
    everything = ticked(form, "all")
    if word is None or not (ids or everything):
        return answers.back(home, Told(showing.t["nothing_chosen"], well=False))
    which = asked.which(showing.now, showing.site) if everything else Which(ids=ids)
    found = _found(word, which, decisions, newest=number(first(form, "upto")))
    if everything and not (asked.narrow or word is Word.RELEASE):
        return answers.back(home, Told(showing.t["too_much"], well=False))
    if everything and not found:
        return answers.back(home, Told(showing.t["none_such"], well=False))
    if not ticked(form, "sure") and (everything or _grave(word, found, decisions)):
        view = _question(word, found, decisions) | {"filter": asked, "ids": ids, "everything": everything, "home": home}
        view |= {"back": first(form, "back")}
        return answers.page(request, "sure", view, here="deliveries")
    decided = _do(word, [one.delivery.id for one in found] if everything else list(ids), decisions)
    return answers.back(home, _outcome(word, decided, decisions.silent(found), showing))


def _meant(form: Form) -> tuple[Word | None, tuple[int, ...]]:
    """Which word, on which deliveries: the button of one of them, or one for all that are ticked."""
    word, _, one = first(form, "one").partition(":")
    if one:
        return choice(Word, word), tuple(filter(None, [number(one)]))
    return choice(Word, first(form, "do")), numbers(form, "id")


def _found(word: Word, which: Which, decisions: Decisions, *, newest: int) -> tuple[Listed, ...]:
    """Pick the deliveries that are meant, as they are now; `newest`: none that came later than this one."""
    if word is Word.RELEASE:
        found = decisions.held(which)
    else:
        usual = () if which.ids else _USUAL[word]
        states = tuple(one for one in which.states if one in usual) or usual if usual else which.states
        found = decisions.listed(Which(which.ids, states, which.target, which.article, which.held_by, which.since))
    return tuple(one for one in found if not newest or one.delivery.id <= newest)


def _grave(word: Word, found: Sequence[Listed], decisions: Decisions) -> bool:
    """Whether a person is asked once more: it may be said twice, it costs, or a guard held it for a reason."""
    if word is Word.CANCEL:
        return False
    return word is Word.RELEASE or any(_doubtful(one) for one in found) or bool(decisions.cost(found))


def _doubtful(one: Listed) -> bool:
    """Whether it may have been said: by us, by who said it before an import, or after the backup that was put back."""
    return one.delivery.doubt_since is not None or one.delivery.held_by in {MOVED, PUT_BACK}


def _question(word: Word, found: Sequence[Listed], decisions: Decisions) -> dict[str, object]:
    cost = decisions.cost(found) if word is not Word.CANCEL else Decimal(0)
    return {
        "word": word,
        "count": len(found),
        "by_target": counted(found),
        "cost": money(millionths(cost)) if cost else "",
        "twice": word is not Word.CANCEL and any(map(_doubtful, found)),
        "found": found[:SHOWN],
        "more": max(len(found) - SHOWN, 0),
        "upto": max((one.delivery.id for one in found), default=0),
    }


def _do(word: Word, ids: Sequence[int], decisions: Decisions) -> Decided:
    if word is Word.RETRY:
        return decisions.retry(ids)
    return decisions.cancel(ids) if word is Word.CANCEL else decisions.release(ids)


def _outcome(word: Word, decided: Decided, silent: Iterable[str], showing: Showing) -> Told:
    t = showing.t
    lines = (
        [t["but_paused"].format(name=name) for name in silent] if decided.changed and word is not Word.CANCEL else []
    )
    lines += [_left(one, showing) for one in decided.left[:SHOWN]]
    if (more := len(decided.left) - SHOWN) > 0:
        lines.append(t["and_more"].format(count=more))
    return Told(t[f"done_{word}"].format(count=decided.changed), tuple(lines), well=bool(decided.changed))


def _left(one: Left, showing: Showing) -> str:
    if one.listed is None:
        return showing.t["no_delivery"].format(id=one.id)
    key = "left_withdrawn" if one.listed.withdrawn else "left_as_it_is"
    return showing.t[key].format(id=one.id, state=showing.state(one.listed.delivery.state))
