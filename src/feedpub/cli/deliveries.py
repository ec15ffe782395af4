"""What is owed to targets, and what became of it: deliveries list, retry, cancel, release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from feedpub.app import Decided
from feedpub.cli.root import AsJson, cli, known
from feedpub.cli.show import moment, say, say_json, table
from feedpub.errors import FeedpubError
from feedpub.ledger.deliveries import Listed
from feedpub.model import State

deliveries_cli = typer.Typer(help="What is owed to targets, and what became of it.", no_args_is_help=True)
cli.add_typer(deliveries_cli, name="deliveries")


@deliveries_cli.command("list")
def deliveries_list(
    context: typer.Context,
    state: Annotated[list[State] | None, typer.Option(help="Only in this state.")] = None,
    target: Annotated[str, typer.Option(help="Only of this target.")] = "",
    article: Annotated[str, typer.Option(help="Only of this article (id or guid).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    with known(context) as app:
        listed = app.deliveries(states=state or [], target=target, article=article, limit=limit)
    if as_json:
        say_json([_delivery(one) for one in listed])
    else:
        _print_deliveries(listed)


@deliveries_cli.command("retry")
def deliveries_retry(context: typer.Context, ids: list[int]) -> None:
    """Say these now: failed, skipped and doubtful ones too."""
    with known(context) as app:
        _tell(app.retry(ids), "will be said")


@deliveries_cli.command("cancel")
def deliveries_cancel(context: typer.Context, ids: list[int]) -> None:
    """Never say these."""
    with known(context) as app:
        _tell(app.cancel(ids), "cancelled")


@deliveries_cli.command("release")
def deliveries_release(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(help="Which; none: all that are held.")] = None,
    target: Annotated[str, typer.Option(help="All that are held of this target.")] = "",
) -> None:
    """Let go what the flood guard holds."""
    with known(context) as app:
        held = app.deliveries(states=[State.HELD], held_by="flood", target=target, ids=ids or [], limit=100_000)
        found = [one.delivery.id for one in held]
        released = Decided(app.release(found), app.how_they_stand([one for one in ids or [] if one not in found]))
    _tell(released, "released")


def _tell(decided: Decided, what: str) -> None:
    say(f"{decided.changed} {what}.")
    if decided.others:
        raise FeedpubError("\n".join(decided.others))


def _delivery(one: Listed) -> dict[str, Any]:
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
        "due_at": delivery.due_at,
        "remote_url": delivery.remote_url,
        "error": delivery.reason,
    }


def _print_deliveries(listed: Sequence[Listed]) -> None:
    if not listed:
        say("No deliveries.")
        return
    rows = []
    for one in listed:
        delivery = one.delivery
        state = f"{delivery.state} ({delivery.held_by})" if delivery.held_by else str(delivery.state)
        why = delivery.reason or delivery.remote_url
        due, about = moment(delivery.due_at), f"{one.subject} {one.title[:30]}".strip()
        rows.append((str(delivery.id), delivery.target, state, about, str(one.attempts), due, why))
    table(("id", "target", "state", "about", "tries", "due", "why or where"), rows, names=2)
