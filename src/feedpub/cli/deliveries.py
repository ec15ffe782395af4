"""What is owed to targets, and what became of it: deliveries list, retry, cancel, release."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from feedpub.app import App, now
from feedpub.cli.root import AsJson, Yes, agreed, cli, known
from feedpub.cli.show import entries, moment, plain, say, say_json
from feedpub.commands.deciding import Decided, Decisions, Which, advice, counted
from feedpub.commands.moments import since as moment_since
from feedpub.errors import FeedpubError
from feedpub.ledger.deliveries import Listed
from feedpub.model import State
from feedpub.notices.lifecycle import AUTHOR, FEEDS, FLOOD, MOVED, PUT_BACK
from feedpub.notices.pace import BUDGET, millionths, money
from feedpub.notices.plan import WHEN

deliveries_cli = typer.Typer(help="What is owed to targets, and what became of it.", no_args_is_help=True)
cli.add_typer(deliveries_cli, name="deliveries")

Ids = Annotated[list[int] | None, typer.Argument(help="Which ones.")]
OfState = Annotated[list[State] | None, typer.Option("--state", help="Only in this state; may be given several times.")]
OfTarget = Annotated[str, typer.Option("--target", help="Only of this target.")]
OfArticle = Annotated[str, typer.Option("--article", help="Only of this article (id or guid).")]


class Guard(StrEnum):
    """What a delivery may wait for, or why its target never heard of it."""

    its_feeds = FEEDS
    a_flood = FLOOD
    a_budget = BUDGET
    its_author = AUTHOR
    a_condition = WHEN
    an_import = MOVED
    a_restore = PUT_BACK


HeldBy = Annotated[Guard | None, typer.Option("--held-by", help="Only what this holds up, or kept from being said.")]
Since = Annotated[
    str, typer.Option("--since", help='Only what came to be owed since: "2d" ago, or a date such as 2026-11-23.')
]

NOTHING_DONE = "Nothing was done."


@deliveries_cli.command("list")
def deliveries_list(
    context: typer.Context,
    state: OfState = None,
    target: OfTarget = "",
    article: OfArticle = "",
    since: Since = "",
    held_by: HeldBy = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first, and what can be done about those that do not go on by themselves."""
    with known(context) as app:
        which = Which((), state or (), target, article, held_by or "", _since(since, app))
        listed, paused = app.decisions.listed(which, limit), app.decisions.paused()
        zone = app.settings.site.zone
    if as_json:
        say_json([_delivery(one, paused) for one in listed])
    else:
        _print_deliveries(listed, paused, zone)


@deliveries_cli.command("retry")
def deliveries_retry(
    context: typer.Context,
    ids: Ids = None,
    state: OfState = None,
    target: OfTarget = "",
    article: OfArticle = "",
    since: Since = "",
    yes: Yes = False,
) -> None:
    """Say these now: failed, skipped and doubtful ones too. Without a number or a state: all failed and doubtful."""
    with known(context) as app:
        decisions = app.decisions
        usual = (State.FAILED, State.DOUBTFUL)
        found = _chosen(app, Which(ids or (), state or (() if ids else usual), target, article, "", _since(since, app)))
        cost = _cost(decisions.cost(found))
        if not ids and found and not agreed(f"Say {_count(found)}{cost}?", yes=yes):
            say(NOTHING_DONE)
            return
        _tell(decisions.retry(_ids(ids, found)), "will be said", _hindered(decisions, found))


@deliveries_cli.command("cancel")
def deliveries_cancel(
    context: typer.Context,
    ids: Ids = None,
    state: OfState = None,
    target: OfTarget = "",
    article: OfArticle = "",
    since: Since = "",
    held_by: HeldBy = None,
    yes: Yes = False,
) -> None:
    """Never say these. Without a number or a state: all that are held, due or doubtful."""
    with known(context) as app:
        usual = (State.HELD, State.DUE, State.DOUBTFUL)
        which = Which(ids or (), state or (() if ids else usual), target, article, held_by or "", _since(since, app))
        found = _chosen(app, which)
        if not ids and found and not agreed(f"Cancel {_count(found)}?", yes=yes):
            say(NOTHING_DONE)
            return
        _tell(app.decisions.cancel(_ids(ids, found)), "cancelled")


@deliveries_cli.command("release")
def deliveries_release(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(help="Which; none: all that are held.")] = None,
    target: OfTarget = "",
    newest: Annotated[
        int | None, typer.Option(min=0, help="Only the newest so many of each target; the others are cancelled.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Let go what is held for you, such as a flood, or since a restore; tells first how much, and what it costs."""
    with known(context) as app:
        decisions = app.decisions
        held = decisions.held(Which(ids or (), target=target))
        kept, rest = (held, ()) if newest is None else _newest(held, newest)
        if held and not agreed(_question(decisions, kept, rest), yes=yes):
            say(NOTHING_DONE)
            return
        cancelled = decisions.cancel([one.delivery.id for one in rest]).changed if rest else 0
        released = decisions.release(list(ids) if ids and newest is None else [one.delivery.id for one in kept])
        hindered = _hindered(decisions, kept)
    if rest:
        say(f"{cancelled} cancelled.")
    _tell(released, "released", hindered)


# ---------------------------------------------------------------- which, and whether


def _since(said: str, app: App) -> datetime | None:
    if not said:
        return None
    try:
        return moment_since(said, now(), app.settings.site.zone)
    except FeedpubError as error:
        raise FeedpubError(f"--since: {error}") from None


def _chosen(app: App, which: Which) -> tuple[Listed, ...]:
    """What a decision is about: never simply everything."""
    if not (which.ids or which.target or which.article or which.since or which.held_by):
        raise FeedpubError("which deliveries? give their numbers (`feedpub deliveries list`), or --target or --article")
    return app.decisions.listed(which)


def _ids(given: Sequence[int] | None, found: Sequence[Listed]) -> list[int]:
    return list(given) if given else [one.delivery.id for one in found]


def _newest(held: Sequence[Listed], count: int) -> tuple[tuple[Listed, ...], tuple[Listed, ...]]:
    """Part what is held into the newest articles of each target and the others."""
    kept: list[Listed] = []
    for target in dict.fromkeys(one.delivery.target for one in held):
        mine = [one for one in held if one.delivery.target == target and one.article is not None]
        mine.sort(key=lambda one: (one.article.published if one.article else now(), one.delivery.id), reverse=True)
        kept += mine[:count]
    ids = {one.delivery.id for one in kept}
    return tuple(kept), tuple(one for one in held if one.delivery.id not in ids)


def _question(decisions: Decisions, kept: Sequence[Listed], rest: Sequence[Listed]) -> str:
    cost = _cost(decisions.cost(kept))
    others = f"{',' * bool(cost)} and cancel {len(rest):,} older ones" if rest else ""
    return f"Release {_count(kept)}{cost}{others}?"


def _count(found: Sequence[Listed]) -> str:
    return " and ".join(f"{count:,} of {plain(target)}" for target, count in counted(found).items()) or "none"


def _cost(cost: Decimal) -> str:
    return f", which costs {money(millionths(cost))}" if cost else ""


def _hindered(decisions: Decisions, found: Sequence[Listed]) -> tuple[str, ...]:
    """Which of their targets say nothing before somebody lets them, a sentence each."""
    return tuple(
        f"{one} is paused: `feedpub status` tells why; mend that, then `feedpub resume {one}`"
        for one in decisions.silent(found)
    )


def _tell(decided: Decided, what: str, but: Iterable[str] = ()) -> None:
    say(f"{decided.changed} {what}.")
    for sentence in but if decided.changed else ():
        say(sentence, style="yellow")
    if decided.others:
        raise FeedpubError("\n".join(decided.others))


# ---------------------------------------------------------------- showing them


def _delivery(one: Listed, paused: Collection[str]) -> dict[str, Any]:
    delivery = one.delivery
    return {
        "id": delivery.id,
        "article": one.article.id if one.article else None,
        "feed": delivery.feed,
        "guid": one.article.guid if one.article else None,
        "title": one.title,
        "target": delivery.target,
        "action": one.action,
        "state": delivery.state,
        "held_by": delivery.held_by,
        "attempts": one.attempts,
        "created_at": delivery.created_at,
        "due_at": delivery.due_at,
        "remote_url": delivery.remote_url,
        "error": delivery.reason,
        "advice": advice(one, paused),
    }


def _print_deliveries(listed: Sequence[Listed], paused: Collection[str], zone: tzinfo) -> None:
    if not listed:
        say("No deliveries.")
        return
    rows = []
    for one in listed:
        delivery = one.delivery
        state = f"{delivery.state} ({delivery.held_by})" if delivery.held_by else str(delivery.state)
        why = "; ".join(filter(None, (delivery.reason or delivery.remote_url, advice(one, paused))))
        due, about = moment(delivery.due_at, zone), f"{one.subject} {one.title[:30]}".strip()
        rows.append((str(delivery.id), delivery.target, state, str(one.attempts), due, about, why))
    entries(("id", "target", "state", "tries", "due", "about", "why or where, and what to do"), rows, names=2, below=2)
